package engineio

import "maps"

// Stats are figures of a running server.
type Stats struct {
	Polling   int               // sessions carried by polling now
	WebSocket int               // sessions carried by a WebSocket now
	Queued    int64             // bytes that wait for clients to take them
	Ended     map[Reason]uint64 // sessions that have ended since the start, by why
}

// Stats looks at every session that is open, for which it locks each in turn:
// it is for being asked now and then, not for every message.
func (s *Server) Stats() Stats {
	sessions := &s.engine().sessions
	var all Stats
	for _, c := range sessions.all() {
		c.mu.Lock()
		switch {
		case c.end != nil: // only its transport is left
		case c.ws != nil:
			all.WebSocket++
		default:
			all.Polling++
		}
		all.Queued += int64(c.out.queued + c.out.inflight)
		c.mu.Unlock()
	}
	sessions.mu.Lock()
	defer sessions.mu.Unlock()
	all.Ended = maps.Clone(sessions.ended)
	return all
}
