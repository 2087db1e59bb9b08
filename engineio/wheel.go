package engineio

import (
	"runtime"
	"sync"
	"time"
)

// wheelChunk is how many sessions are woken before others may have the processor.
const wheelChunk = 64

// A wheel wakes sessions at the times that their heartbeats ask for. Those that
// ask for the same time share a timer and a goroutine, which lives for the turn.
type wheel struct {
	mu    sync.Mutex        // tier 0
	slots map[instant]*slot // guarded by mu; those to come, none of them empty
}

// A slot is the sessions that are to be woken at one time.
type slot struct {
	at    instant     // static
	timer *time.Timer // static
	conns []*Conn     // guarded by the wheel's mu
}

// A seat is a session's place in a wheel, and guarded by the wheel's mu.
type seat struct {
	slot  *slot // nil if it waits for nothing
	index int   // in slot.conns
}

// set has c woken at a time, and no more at the one it was set to before; 0 is never.
func (w *wheel) set(c *Conn, at instant) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s := c.seat.slot; s != nil {
		if s.at == at {
			return
		}
		w.leaveLocked(c)
	}
	if at == 0 {
		return
	}
	s := w.slots[at]
	if s == nil {
		s = &slot{at: at}
		s.timer = time.AfterFunc(at.sub(instantOf(time.Now())), func() { w.turn(s) })
		if w.slots == nil {
			w.slots = make(map[instant]*slot)
		}
		w.slots[at] = s
	}
	c.seat = seat{s, len(s.conns)}
	s.conns = append(s.conns, c)
}

// leaveLocked takes c out of its slot.
func (w *wheel) leaveLocked(c *Conn) {
	s, last := c.seat.slot, len(c.seat.slot.conns)-1
	s.conns[c.seat.index] = s.conns[last]
	s.conns[c.seat.index].seat.index = c.seat.index
	s.conns[last] = nil
	s.conns = s.conns[:last]
	c.seat = seat{}
	if last == 0 && w.slots[s.at] == s {
		delete(w.slots, s.at)
		s.timer.Stop()
	}
}

// turn wakes the sessions of a slot whose time has come.
func (w *wheel) turn(s *slot) {
	var chunk [wheelChunk]*Conn
	for {
		n := w.take(s, chunk[:])
		now := instantOf(time.Now()) // a turn of many may last
		for _, c := range chunk[:n] {
			c.onBeat(now)
		}
		if n < len(chunk) {
			return
		}
		runtime.Gosched()
	}
}

// take takes sessions out of a slot, as many as chunk has room for.
func (w *wheel) take(s *slot, chunk []*Conn) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.slots[s.at] == s {
		delete(w.slots, s.at) // who is set to the same time now is late, and has a slot to itself
	}
	rest := max(0, len(s.conns)-len(chunk))
	n = copy(chunk, s.conns[rest:])
	for _, c := range chunk[:n] {
		c.seat = seat{}
	}
	s.conns = s.conns[:rest]
	return n
}
