package chat

import (
	"context"
	"time"
)

// What the one who runs the server may do in every room. It is asked for by a
// program on the same machine, not by a Session.

// A RoomSummary is a room as its operator sees it: Info.Count is who is present.
type RoomSummary struct {
	ID RoomID // to go on listing from
	Info
	LastAt time.Time // of the newest entry ever; when the room was made, if there was none
}

// Entries is how many entries are kept.
func (r *RoomSummary) Entries() int { return max(0, int(r.Head)-int(r.First)+1) }

// Rooms lists rooms by rising ID, with IDs after after, at most limit.
func (s *Service) Rooms(ctx context.Context, after RoomID, limit int) ([]RoomSummary, error) {
	rooms, err := s.store.Rooms(ctx, after, limit)
	if err != nil {
		return nil, failed("listing rooms", err)
	}
	list := make([]RoomSummary, 0, len(rooms))
	for _, r := range rooms {
		present := 0
		if h := s.lookup(r.ID); h != nil {
			present = int(h.present.Load())
		}
		one, err := s.summary(ctx, &r, r.info(r.Head, r.First, present))
		if err != nil {
			return nil, err
		}
		list = append(list, one)
	}
	return list, nil
}

func (s *Service) summary(ctx context.Context, r *Room, info Info) (RoomSummary, error) {
	last, err := s.store.LastAt(ctx, r.ID)
	if err != nil {
		return RoomSummary{}, failed("reading when a room was last used", err)
	}
	if last.IsZero() {
		last = r.CreatedAt
	}
	return RoomSummary{ID: r.ID, Info: info, LastAt: last}, nil
}

// A RoomView is a room looked into.
type RoomView struct {
	RoomSummary
	Members []Member // who is present, at most membersMost of them
	Page    Page     // the newest talk
}

// Look shows a room and the newest of what was said in it, at most limit entries.
func (s *Service) Look(ctx context.Context, code string, limit int) (RoomView, error) {
	h, err := s.acquire(ctx, code)
	if err != nil {
		return RoomView{}, err
	}
	defer h.release()
	page, err := s.store.Page(ctx, PageQuery{Room: h.room.ID, Limit: within(limit, pageDefault, s.limits.PageEntries), Bytes: s.limits.PageBytes})
	if err != nil {
		return RoomView{}, failed("reading a page", err)
	}
	listed := make(chan Members, 1)
	if !h.lane.push(func() { listed <- h.listed("", membersMost) }) {
		return RoomView{}, errShuttingDown()
	}
	here := <-listed
	one, err := s.summary(ctx, h.current(), h.info(page.Head, page.First, here.Count))
	return RoomView{RoomSummary: one, Members: here.Members, Page: page}, err
}

// Raze deletes a room with its log, whoever is in it: Destroy, for the operator.
func (s *Service) Raze(ctx context.Context, code string) error {
	if !s.gate.enter() {
		return errShuttingDown()
	}
	defer s.gate.leave()
	h, err := s.acquire(ctx, code)
	if err != nil {
		return err
	}
	defer h.release()
	return s.raze(ctx, h)
}

// A Hush is a time in which nobody may speak, in no room.
type Hush struct {
	Until time.Time // Forever: until it is lifted
	Note  string    // why, for people to read; may be empty
}

// lasts reports whether it is in force.
func (q *Hush) lasts(now time.Time) bool { return q != nil && q.Until.After(now) }

// SetHush silences everybody, or with nil lets them speak again; those who hear a
// room are told, as of a mute of their own. While it lasts nobody, of whatever role, may
// send, edit, react, type, take another name or make a room; to read, to join, to
// delete and to moderate stays possible. What was under way may still be said.
func (s *Service) SetHush(q *Hush) {
	s.hush.Store(q)
	for _, h := range s.inMemory() {
		told := make(chan struct{})
		if h.lane.push(func() { h.tellMutes(); close(told) }) {
			<-told
		}
	}
}

// Hushed is the Hush in force, nil if there is none.
func (s *Service) Hushed() *Hush {
	if q := s.hush.Load(); q.lasts(s.now()) {
		return q
	}
	return nil
}

// hushed refuses what nobody may do during a Hush.
func (s *Service) hushed() error {
	q := s.hush.Load()
	if q == nil {
		return nil
	}
	err := errSanctioned(Muted, q.Until, s.now(), "the server is muted")
	if e, is := err.(*Error); is {
		e.Scope = ScopeServer
	}
	return err
}

// silent refuses what a member may not do who is muted, or while everybody is.
func (s *Service) silent(m *Membership) error {
	if err := s.hushed(); err != nil {
		return err
	}
	return m.silenced(s.now())
}

// mutedUntil is until when a member whose own mute lasts until own may not speak, zero if it may.
func (s *Service) mutedUntil(own time.Time) time.Time {
	now := s.now()
	if q := s.hush.Load(); q.lasts(now) && q.Until.After(own) {
		return q.Until
	}
	if own.After(now) {
		return own
	}
	return time.Time{}
}

// tellMutes tells everybody present until when they may not speak, on the lane.
func (h *hall) tellMutes() {
	for _, g := range h.guests {
		h.mu.Lock()
		own := h.seats[g.id].m.Muted
		h.mu.Unlock()
		h.tellMuted(g, own)
	}
}

// tellMuted tells a guest's connections until when it may not speak: a time that is past, if it may.
func (h *hall) tellMuted(g *guest, own time.Time) {
	until := h.s.mutedUntil(own)
	if until.IsZero() {
		until = h.s.now()
	}
	for _, c := range g.sessions {
		c.ear.Tell(&Me{Room: h.room.Code, MutedUntil: &until})
	}
}

// inMemory are the rooms that are in memory.
func (s *Service) inMemory() []*hall {
	s.mu.RLock()
	defer s.mu.RUnlock()
	halls := make([]*hall, 0, len(s.halls))
	for _, h := range s.halls {
		halls = append(halls, h)
	}
	return halls
}
