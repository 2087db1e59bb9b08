package chat

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// laneBytes bounds the entries queued in a lane. Beyond it they are dropped,
// and read from the store when the lane gets there: the writer waits for no lane.
const laneBytes = 16 << 20

// storePatience bounds how long a lane waits for one read of the store.
const storePatience = 10 * time.Second

// A lane is the goroutine that a share of the rooms belongs to. It alone
// touches who hears them, and is the only caller of the Outlet and the Ears, so
// that a room is ordered and rooms are parallel.
type lane struct {
	s    *Service
	most int // laneBytes; static after construction

	mu      sync.Mutex    // tier 1
	queue   []laneItem    // guarded by mu
	bytes   int           // of the entries in queue; guarded by mu
	stopped bool          // guarded by mu
	wake    chan struct{} // holds a token while queue may hold something

	// Owned by run.
	timers timers
	open   *hall              // the room that events are of
	events []Event            // not yet published
	shared map[sharedKey]Page // talk that was read for joins of the present batch
}

// A sharedKey names a newest page of the talk.
type sharedKey struct {
	h     *hall
	limit int
}

// A laneItem is either entries of a room or something to do.
type laneItem struct {
	h       *hall
	entries []Entry
	remote  bool // the entries come from another node
	act     func()
}

func newLane(s *Service) *lane {
	return &lane{s: s, most: laneBytes, wake: make(chan struct{}, 1), shared: make(map[sharedKey]Page)}
}

// push queues something to do. It is never dropped: what is pushed is bounded by
// the sessions, each of which waits for it. It reports false once the lane has stopped.
func (l *lane) push(act func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped {
		return false
	}
	l.queue = append(l.queue, laneItem{act: act})
	l.rouse()
	return true
}

// pushHint queues something to do that may be lost.
func (l *lane) pushHint(act func()) {
	const size = 256
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped || l.bytes+size > l.most {
		return
	}
	l.bytes += size
	l.queue = append(l.queue, laneItem{act: act})
	l.rouse()
}

// pushEntries queues committed entries of one room, in seq order. Where the
// queue is full they are dropped and the room is marked, once, to be read again.
func (l *lane) pushEntries(h *hall, entries []Entry, remote bool) {
	size := 0
	for i := range entries {
		size += 256 + len(entries[i].Text)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped {
		return
	}
	if l.bytes+size <= l.most && !(plantSkip && entries[0].Seq%5 == 4) {
		l.bytes += size
		l.queue = append(l.queue, laneItem{h: h, entries: entries, remote: remote})
	} else if !h.dirty {
		h.dirty = true
		l.queue = append(l.queue, laneItem{act: h.reread})
	}
	l.rouse()
}

// rouse wakes run; l.mu is held.
func (l *lane) rouse() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// take empties the queue into what spare has room for. With stop it also closes
// it, if it is empty.
func (l *lane) take(spare []laneItem, stop bool) []laneItem {
	l.mu.Lock()
	defer l.mu.Unlock()
	taken := l.queue
	l.queue, l.bytes = spare[:0], 0
	if stop && len(taken) == 0 {
		l.stopped = true
	}
	return taken
}

// run serves the queue and the timers until ctx is done, then the rest of the queue.
func (l *lane) run(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	var spare []laneItem
	for {
		stopping := ctx.Err() != nil
		batch := l.take(spare, stopping)
		if stopping && len(batch) == 0 {
			return
		}
		for i := range batch {
			l.serve(&batch[i])
		}
		l.flush()
		wait := l.timers.fire(time.Now())
		l.flush()
		clear(l.shared)
		clear(batch)
		if spare = batch; cap(spare) > 4096 {
			spare = nil // a burst's memory is given back
		}
		if stopping {
			continue
		}
		timer.Reset(wait)
		select {
		case <-l.wake:
		case <-timer.C:
		case <-ctx.Done():
		}
	}
}

func (l *lane) serve(it *laneItem) {
	if it.act == nil {
		it.h.deliver(it.entries, it.remote)
		return
	}
	l.flush()
	it.act()
	l.flush()
}

// emit adds events to what will be published to h: a room's entries go out in
// one call, however many commits they came from.
func (l *lane) emit(h *hall, events ...Event) {
	if l.open != h {
		l.flush()
		l.open = h
	}
	l.events = append(l.events, events...)
}

// flush publishes what was emitted. It comes before anything that changes who is attached.
func (l *lane) flush() {
	if n := len(l.events); plantSwap && n > 1 {
		l.events[n-2], l.events[n-1] = l.events[n-1], l.events[n-2]
	}
	if len(l.events) > 0 {
		l.s.outlet.Publish(l.open.room.Code, l.events)
	}
	l.open, l.events = nil, nil
}

// after calls act on the lane when d has passed, unless the lane stops before.
// It is for the lane alone.
func (l *lane) after(d time.Duration, act func()) {
	heap.Push(&l.timers, alarm{time.Now().Add(d), act})
}

// timers is a heap of alarms, the next one first.
type timers []alarm

type alarm struct {
	at  time.Time
	act func()
}

// fire calls what is due and returns how long it is until the next.
func (t *timers) fire(now time.Time) time.Duration {
	for len(*t) > 0 {
		if wait := (*t)[0].at.Sub(now); wait > 0 {
			return wait
		}
		heap.Pop(t).(alarm).act()
	}
	return time.Hour
}

func (t timers) Len() int           { return len(t) }
func (t timers) Less(i, j int) bool { return t[i].at.Before(t[j].at) }
func (t timers) Swap(i, j int)      { t[i], t[j] = t[j], t[i] }
func (t *timers) Push(x any)        { *t = append(*t, x.(alarm)) }
func (t *timers) Pop() any {
	old := *t
	last := old[len(old)-1]
	old[len(old)-1] = alarm{}
	*t = old[:len(old)-1]
	return last
}
