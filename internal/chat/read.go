package chat

import "context"

// Read raises the identity's own read mark. It may be lost in a crash.
func (s *Service) Read(ctx context.Context, c *Session, room string, seq Seq, epoch string) error {
	if !s.gate.enter() {
		return errShuttingDown()
	}
	defer s.gate.leave()
	v, err := s.visit(ctx, c, room)
	if err != nil {
		return err
	}
	defer v.end()
	if _, err := v.member(); err != nil {
		return err
	}
	if err := v.checkEpoch(epoch); err != nil {
		return err
	}
	if err := v.checkSeq(ctx, "seq", seq); err != nil {
		return err
	}
	// In turn with what saves the whole membership, or that would lower the mark.
	if err := v.takeTurn(ctx); err != nil {
		return err
	}
	defer v.giveTurn()
	if raised, tell := v.raiseRead(seq); raised {
		s.store.Touch(v.room.ID, v.id, s.now(), seq)
		if tell {
			v.lane.push(func() { v.showRead(v.id) })
		}
	}
	return nil
}

// raiseRead raises the mark that is remembered. tell: the lane is to show it,
// which it will once for any number of marks raised until then.
func (v visit) raiseRead(seq Seq) (raised, tell bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if seq <= v.seat.m.Read {
		return false, false
	}
	v.seat.m.Read = seq
	tell = v.seat.present && !v.seat.reading
	v.seat.reading = v.seat.reading || tell
	return true, tell
}

// showRead tells an identity's connections its read mark, on the lane.
func (h *hall) showRead(id Identity) {
	h.mu.Lock()
	t := h.seats[id]
	if t == nil { // it left meanwhile
		h.mu.Unlock()
		return
	}
	t.reading = false
	seq := t.m.Read
	h.mu.Unlock()
	g := h.guests[h.room.memberID(id)]
	if g == nil {
		return
	}
	for _, c := range g.sessions {
		c.ear.Tell(&Me{Room: h.room.Code, Read: &seq})
	}
}
