package engineio

import "time"

// A heartbeat keeps the deadlines of one session's pings. EIO4: Heartbeat. They
// are absolute: a timer that fires a little late moves none of them, and a
// request that comes after one finds it passed even before the timer fires. It
// is guarded by its Conn's mu. A Conn that is woken too early is set to what next
// says then; so that it is not woken too late, who may have brought that forward sets it.
type heartbeat struct {
	interval, timeout time.Duration
	passive           bool // EIO3: the client pings, and pongBy is when its next one is overdue

	pingAt   instant // when the next ping is due
	pongBy   instant // when the answer to the last ping is due; zero if it came
	pausedAt instant // since when the clock of pongBy stands still; zero if it runs
}

// An instant is a time by the monotonic clock, in a third of the memory of a
// time.Time: there are three for each session. It is never zero but on purpose.
type instant time.Duration

// began is what instants count from.
var began = time.Now()

func instantOf(t time.Time) instant { return instant(t.Sub(began)) }

func (i instant) add(d time.Duration) instant { return i + instant(d) }
func (i instant) sub(o instant) time.Duration { return time.Duration(i - o) }

// start begins with a first ping one interval from now.
func (h *heartbeat) start(now time.Time) {
	h.pingAt = instantOf(together(now.Add(h.interval), h.interval))
	if h.passive {
		h.pongBy = instantOf(now).add(h.interval + h.timeout)
	}
}

// together moves the time of a first ping a little ahead, to one that it shares
// with other sessions: ten thousand that are idle wake the server a few times a
// second, and not a thousand times.
func together(at time.Time, interval time.Duration) time.Time {
	const turns = 32 // in an interval
	if interval < time.Second {
		return at
	}
	return at.Add(-time.Duration(at.UnixNano()) % (interval / turns))
}

// pinged takes the ping of a client of protocol 3.
func (h *heartbeat) pinged(now instant) {
	h.pongBy = now.add(h.interval + h.timeout)
}

// due says whether a ping must be sent now, or the session is dead.
func (h *heartbeat) due(now instant) (ping, dead bool) {
	if h.expired(now) {
		return false, true
	}
	if !h.passive && (h.pongBy == 0 || h.pausedAt != 0) && now >= h.pingAt {
		ping = true
		if h.pongBy == 0 {
			h.pongBy = h.sent(now).add(h.timeout)
		}
		h.pingAt = h.pingAt.add(h.interval)
		if h.pingAt <= now {
			h.pingAt = now.add(h.interval)
		}
	}
	return ping, false
}

// sent is when the ping of now counts as sent: when it was due, but that a
// server that was itself held up, for so long that an answer might not come in
// what is left of the time, does not blame its clients for it.
func (h *heartbeat) sent(now instant) instant {
	switch {
	case h.pausedAt != 0:
		return h.pausedAt
	case now.sub(h.pingAt) > h.timeout/4:
		return now
	}
	return h.pingAt
}

// pong takes the client's answer. The next ping stays due where it was, so that
// pings do not drift by the way there and back. An answer that nobody asked for
// is as good as one.
func (h *heartbeat) pong(now instant) {
	if h.passive {
		return
	}
	if h.pongBy == 0 {
		h.pingAt = now.add(h.interval)
	}
	h.pongBy = 0
}

// pause stops the clock of the answer's deadline. Pings go on, once an
// interval, for the client has a deadline for them too.
func (h *heartbeat) pause(now instant) {
	h.pausedAt = now
}

func (h *heartbeat) resume(now instant) {
	if h.pongBy != 0 {
		h.pongBy = h.pongBy.add(now.sub(h.pausedAt))
	}
	h.pausedAt = 0
}

// expired reports whether the answer to a ping is overdue, sent or not.
func (h *heartbeat) expired(now instant) bool {
	if h.pausedAt != 0 {
		return false
	}
	if h.pongBy == 0 {
		return now >= h.pingAt.add(h.timeout)
	}
	return now >= h.pongBy
}

// next is when due may have something to tell; 0 is never.
func (h *heartbeat) next() instant {
	switch {
	case h.passive && h.pausedAt != 0:
		return 0 // nothing is due before resume
	case h.pongBy != 0 && h.pausedAt == 0:
		return h.pongBy
	}
	return h.pingAt
}
