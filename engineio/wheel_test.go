package engineio

import (
	"testing"
	"testing/synctest"
	"time"
)

// turns counts what a wheel holds.
func (w *wheel) turns() (slots, conns int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.slots {
		conns += len(s.conns)
	}
	return len(w.slots), conns
}

// Sessions that begin at about the same time are woken together, each for its
// own ping, and one that ends, or answers, is woken no more.
func TestWheel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := inMemory(t, nil)
		const n = 2*wheelChunk + 10
		var sockets []*socket
		var apps []*session
		want := func(when string, slots, conns int) {
			t.Helper()
			synctest.Wait()
			if a, b := apps[0].engine.wheel.turns(); a != slots || b != conns {
				t.Errorf("%s: %d sessions at %d times, want %d at %d", when, b, a, conns, slots)
			}
		}
		begin := time.Now()
		for range n {
			c, app := s.openSocket()
			sockets, apps = append(sockets, c), append(apps, app)
			time.Sleep(time.Millisecond)
		}
		want("at first", 1, n)
		time.Sleep(time.Until(begin.Add(interval)))
		for _, c := range sockets {
			after(t, 0, func() { c.want("2") })
		}
		want("pinged", 1, n)
		for _, c := range sockets[:n/2] {
			c.send("3")
		}
		want("half of them answered", 2, n)
		for _, app := range apps[:n/4] {
			app.Close("")
		}
		want("half of those closed", 2, n-n/4)
		time.Sleep(time.Until(begin.Add(interval + timeout)))
		for i, app := range apps {
			switch {
			case i < n/4:
				app.wantClosed(t, ReasonForcedClose)
			case i < n/2:
				app.wantOpen(t)
			default:
				app.wantClosed(t, ReasonPingTimeout)
			}
		}
		want("the silent ones are dead", 1, n/2-n/4)
		for _, app := range apps[n/4 : n/2] {
			app.Close("")
		}
		want("all closed", 0, 0)
	})
}

// Who is set to a time that is past is woken at once, also where that time's
// turn has begun.
func TestWheelLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := inMemory(t, nil)
		c, app := s.openSocket()
		w := &app.engine.wheel
		for _, late := range []time.Duration{0, time.Second} {
			app.Conn.mu.Lock()
			app.beat.pongBy, app.beat.pingAt = 0, instantOf(time.Now().Add(-late))
			app.armLocked()
			app.Conn.mu.Unlock()
			after(t, 0, func() { c.want("2") })
		}
		first := &slot{at: instantOf(time.Now())}
		first.timer = time.NewTimer(time.Hour)
		w.mu.Lock()
		w.slots[first.at] = first
		w.mu.Unlock()
		w.take(first, nil)
		app.Conn.mu.Lock()
		app.beat.pongBy, app.beat.pingAt = 0, first.at
		app.armLocked()
		app.Conn.mu.Unlock()
		after(t, 0, func() { c.want("2") })
	})
}
