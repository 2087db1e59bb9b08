package chat

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// How the keeper goes about its rounds.
const (
	sweepFirst = time.Minute // after a start
	sweepEvery = time.Hour   // afterwards; retention counts in days
	sweepRooms = 200         // rooms read at a time
	pruneStep  = 500         // entries deleted in one commit
	prunePause = 20 * time.Millisecond
	seenEvery  = 12 * time.Hour // how often the store is told that one who stays is still here
	expireWait = time.Minute    // before a deletion that failed is tried again
)

// A keeper ends rooms and entries when their time has come ("keep").
type keeper struct {
	s    *Service
	wake chan struct{} // holds a token while run has not looked at due

	mu   sync.Mutex           // tier 1
	due  map[RoomID]vacant    // "empty" rooms that nobody is in; guarded by mu
	left map[RoomID]time.Time // when the last member left a room that ages; guarded by mu
}

// A vacant room ends at a time, unless somebody comes.
type vacant struct {
	code string
	at   time.Time
}

func newKeeper(s *Service) *keeper {
	return &keeper{s: s, wake: make(chan struct{}, 1), due: make(map[RoomID]vacant), left: make(map[RoomID]time.Time)}
}

// occupied notes that somebody is in the room.
func (k *keeper) occupied(id RoomID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.due, id)
	delete(k.left, id)
}

// vacated notes that the last member has gone.
func (k *keeper) vacated(h *hall) {
	switch keep := h.current().Keep; {
	case keep == KeepEmpty:
		k.expect(h.room.ID, h.room.Code, emptyGrace)
	case keep > 0:
		k.mu.Lock()
		defer k.mu.Unlock()
		k.left[h.room.ID] = time.Now()
	}
}

// born notes a new room that ends when it is empty: nobody has joined it yet.
func (k *keeper) born(r Room) { k.expect(r.ID, r.Code, startGrace) }

// expect ends a room after a grace.
func (k *keeper) expect(id RoomID, code string, grace time.Duration) {
	k.mu.Lock()
	k.due[id] = vacant{code, time.Now().Add(grace)}
	k.mu.Unlock()
	k.look()
}

// found ends a room that was there at the start after the grace of that, unless its last member has left
// meanwhile: then it ends by that.
func (k *keeper) found(r Room) {
	k.mu.Lock()
	if _, known := k.due[r.ID]; !known {
		k.due[r.ID] = vacant{r.Code, time.Now().Add(startGrace)}
	}
	k.mu.Unlock()
	k.look()
}

// look has run look at due.
func (k *keeper) look() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// run ends what is due until ctx is done.
func (k *keeper) run(ctx context.Context) error {
	if err := k.restart(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("chat: looking for rooms to keep: %w", err)
	}
	end := time.NewTimer(0)
	defer end.Stop()
	for {
		select {
		case <-k.wake:
		case <-end.C:
		case <-ctx.Done():
			return nil
		}
		end.Reset(k.endDue(ctx))
	}
}

// sweeps deletes what has grown old, time and again until ctx is done.
func (k *keeper) sweeps(ctx context.Context) {
	next := time.NewTimer(sweepFirst)
	defer next.Stop()
	for {
		select {
		case <-next.C:
			k.sweep(ctx)
			next.Reset(sweepEvery)
		case <-ctx.Done():
			return
		}
	}
}

// restart begins the graces anew: they run only while the server runs.
func (k *keeper) restart(ctx context.Context) error {
	return k.eachRoom(ctx, func(r Room) {
		if r.Keep == KeepEmpty { // if somebody is in by then, it will not end
			k.found(r)
		}
	})
}

// eachRoom calls f with every room.
func (k *keeper) eachRoom(ctx context.Context, f func(Room)) error {
	for last := RoomID(0); ; {
		rooms, err := k.s.store.Rooms(ctx, last, sweepRooms)
		if err != nil || len(rooms) == 0 {
			return err
		}
		for _, r := range rooms {
			f(r)
		}
		last = rooms[len(rooms)-1].ID
	}
}

// endDue deletes the rooms whose grace is over and returns how long it is until the next.
func (k *keeper) endDue(ctx context.Context) time.Duration {
	for {
		id, v, wait := k.next(time.Now())
		if wait > 0 {
			return wait
		}
		k.end(ctx, id, v.code, func(keep Keep) bool { return keep == KeepEmpty })
		if ctx.Err() != nil {
			return time.Hour
		}
	}
}

// next takes out a room whose time has come, or says how long it is until one's does.
func (k *keeper) next(now time.Time) (id RoomID, v vacant, wait time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	wait = time.Hour
	for id, v := range k.due {
		w := v.at.Sub(now)
		if w <= 0 {
			delete(k.due, id)
			return id, v, 0
		}
		wait = min(wait, w)
	}
	return 0, vacant{}, wait
}

// end deletes a room that nobody is in, if its retention is still one that it is due by. The room's lane decides: a join that it
// has served keeps the room, a later one finds none.
func (k *keeper) end(ctx context.Context, id RoomID, code string, due func(Keep) bool) {
	h, err := k.s.acquire(ctx, code)
	if err != nil {
		if CodeOf(err) != NotFound {
			k.failed(ctx, id, code, err)
		}
		return
	}
	defer h.release()
	deserted := make(chan bool, 1)
	if h.room.ID != id || !due(h.current().Keep) || !h.lane.push(func() { deserted <- h.close() }) || !<-deserted {
		return
	}
	if err := k.s.store.DeleteRoom(ctx, id); err != nil {
		h.reopen()
		k.failed(ctx, id, code, err)
		return
	}
	k.s.log.Info("a room ended", "room", id, "keep", h.current().Keep.String())
}

// failed tries an end again later.
func (k *keeper) failed(ctx context.Context, id RoomID, code string, err error) {
	if ctx.Err() == nil {
		k.s.log.Error("ending a room", "room", id, "err", err)
		k.expect(id, code, expireWait)
	}
}

// close marks an empty hall as dead, on the lane.
func (h *hall) close() bool {
	if len(h.guests) > 0 {
		return false
	}
	h.setDead(true)
	return true
}

func (h *hall) reopen() { h.setDead(false) }

func (h *hall) setDead(dead bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.dead = dead
}

// sweep deletes what has grown old, in steps that let others write in between.
func (k *keeper) sweep(ctx context.Context) {
	err := k.eachRoom(ctx, func(r Room) {
		if r.Keep > 0 && ctx.Err() == nil {
			if err := k.age(ctx, r); err != nil && ctx.Err() == nil {
				k.s.log.Error("deleting old entries", "room", r.ID, "err", err)
			}
		}
	})
	if err != nil && ctx.Err() == nil {
		k.s.log.Error("looking for old entries", "err", err)
	}
	k.rollCall()
}

// age prunes one room, and ends it if nothing has happened in it for its time.
func (k *keeper) age(ctx context.Context, r Room) error {
	before := k.s.now().Add(-r.Keep.Age())
	for {
		n, err := k.s.store.Prune(ctx, r.ID, before, pruneStep)
		if err != nil {
			return fmt.Errorf("pruning: %w", err)
		}
		if n < pruneStep {
			break
		}
		select {
		case <-time.After(prunePause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	last, err := k.s.store.LastAt(ctx, r.ID)
	if err != nil {
		return fmt.Errorf("reading when a room was last used: %w", err)
	}
	if last.IsZero() {
		last = r.CreatedAt
	}
	if last.Before(before) && !k.leftSince(r.ID, time.Now().Add(-r.Keep.Age())) {
		k.end(ctx, r.ID, r.Code, func(keep Keep) bool { return keep == r.Keep })
	}
	return nil
}

// leftSince reports whether the last member left after a time. It knows of this
// run of the server alone.
func (k *keeper) leftSince(id RoomID, after time.Time) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	at, ok := k.left[id]
	if ok && !at.After(after) {
		delete(k.left, id)
		ok = false
	}
	return ok
}

// rollCall tells the store who is still here, so that no name is given away
// under one who never leaves.
func (k *keeper) rollCall() {
	for _, h := range k.s.inMemory() {
		h.lane.push(h.touchAll)
	}
}

// touchAll is a roll-call on the lane.
func (h *hall) touchAll() {
	now := time.Now()
	for _, g := range h.guests {
		if now.Sub(g.touched) >= seenEvery {
			g.touched = now
			h.s.store.Touch(h.room.ID, g.id, h.s.now(), 0)
		}
	}
}
