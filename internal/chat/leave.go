package chat

import "context"

// Leave ends the session's hearing of a room; with the identity's last hearing
// session, or with all, it ends the membership. Nothing of the room reaches the
// Ear after answer was called, which is on the room's lane. It returns when the
// answer was given and the end of a membership saved.
func (s *Service) Leave(ctx context.Context, c *Session, room string, all bool, answer func(error)) {
	if !s.gate.enter() {
		answer(errShuttingDown())
		return
	}
	defer s.gate.leave()
	if err := s.leave(ctx, c, room, all, answer); err != nil {
		answer(err)
	}
}

// leave answers only if it returns nil.
func (s *Service) leave(ctx context.Context, c *Session, room string, all bool, answer func(error)) error {
	v, err := s.visit(ctx, c, room)
	if err != nil {
		return err
	}
	defer v.end()
	if err := v.takeTurn(ctx); err != nil {
		return err
	}
	defer v.giveTurn()
	if _, err := v.member(); err != nil {
		return err
	}
	done := make(chan bool, 1)
	if !v.lane.push(func() { done <- v.walkOut(c, all, answer) }) {
		return errShuttingDown()
	}
	if ended := <-done; !ended {
		return nil
	}
	// `leave` is answered without waiting for the disk ("Client → server"), but
	// the next join of this identity, which waits for its turn, finds it saved.
	m, _ := v.peek()
	m.m.Seen = s.now()
	if err := s.store.SaveMembership(context.WithoutCancel(ctx), m.m, s.nameFree()); err != nil {
		s.log.Error("saving that a member left", "room", v.room.ID, "err", err)
	}
	return nil
}

// walkOut is a leave on the lane; it reports whether it ended the membership.
func (v visit) walkOut(c *Session, all bool, answer func(error)) (ended bool) {
	h := v.hall
	h.detach(c)
	g := h.guests[h.room.memberID(v.id)]
	if g != nil && len(g.sessions) > 0 && !all {
		answer(nil)
		return false
	}
	v.mu.Lock()
	v.seat.m.Joined = false
	v.mu.Unlock()
	answer(nil)
	if g != nil {
		h.putOut(g, &Removed{Room: h.room.Code, Reason: ReasonLeft})
		h.depart(g, ReasonLeft)
	}
	return true
}

// putOut ends the hearing of a guest's connections and tells them why.
func (h *hall) putOut(g *guest, why *Removed) {
	for len(g.sessions) > 0 {
		c := g.sessions[len(g.sessions)-1]
		h.detach(c)
		c.ear.Tell(why)
	}
}

// shut takes everybody out of a room that is no more.
func (h *hall) shut(reason Reason) {
	for _, g := range h.guests {
		h.putOut(g, &Removed{Room: h.room.Code, Reason: reason})
	}
	for _, g := range h.guests {
		h.depart(g, reason)
	}
}
