package chat

import (
	"context"
	"time"
)

// Typing tells the others that the member is writing. It may be lost.
func (s *Service) Typing(ctx context.Context, c *Session, room string) error {
	if !s.gate.enter() {
		return errShuttingDown()
	}
	defer s.gate.leave()
	v, err := s.visit(ctx, c, room)
	if err != nil {
		return err
	}
	defer v.end()
	m, err := v.member()
	if err != nil {
		return err
	}
	if err := s.silent(&m); err != nil {
		return err
	}
	if v.mayType(time.Now()) {
		v.lane.pushHint(func() { v.showTyping(m.ID, m.Name) })
		s.bus.Publish(Signal{Room: v.room.Code, RoomID: v.room.ID, Typing: &Typing{Room: v.room.Code, ID: m.ID, Name: m.Name}})
	}
	return nil
}

// mayType holds each member to one notice every typingEvery, and says no for
// one that is not among those shown as present.
func (v visit) mayType(now time.Time) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.seat.present || now.Sub(v.seat.typed) < typingEvery {
		return false
	}
	v.seat.typed = now
	return true
}

// showTyping is a typing notice on the lane.
func (h *hall) showTyping(id MemberID, name string) {
	if len(h.guests) == 0 || len(h.guests) > promptPresence {
		return
	}
	t := &Typing{Room: h.room.Code, ID: id, Name: name}
	if g := h.guests[id]; g != nil {
		for _, c := range g.sessions { // never to one's own connections
			t.But = append(t.But, c.ear)
		}
	}
	h.s.outlet.Publish(h.room.Code, []Event{t})
}
