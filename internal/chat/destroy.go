package chat

import (
	"context"
	"strings"
	"time"
)

// codeHeld is how long a chosen code of a destroyed room is not given out
// again: who has it expects that room.
const codeHeld = 30 * 24 * time.Hour

// Destroy deletes a room with its log, for its owner. It returns when nothing of
// it is left; those who hear the room are told, and then it is answered.
func (s *Service) Destroy(ctx context.Context, c *Session, room string) error {
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
	if err := m.Role.must(rightDestroy); err != nil {
		return err
	}
	return s.raze(ctx, v.hall)
}

// raze deletes a room and tells those who hear it.
func (s *Service) raze(ctx context.Context, h *hall) error {
	if !h.kill() { // from now on it is not to be found
		return errNoRoom()
	}
	if err := s.demolish(context.WithoutCancel(ctx), h); err != nil {
		h.reopen()
		return failed("destroying a room", err)
	}
	told := make(chan struct{})
	if h.lane.push(func() { h.shut(ReasonDestroyed); close(told) }) {
		<-told
	}
	s.log.Info("a room was destroyed", "room", h.room.ID)
	return nil
}

// demolish deletes a room, and holds its code back if its maker chose it.
func (s *Service) demolish(ctx context.Context, h *hall) error {
	if code := h.room.Code; code == strings.ToLower(code) { // made ones are capitals
		if err := s.store.HoldCode(ctx, code, s.now().Add(codeHeld)); err != nil {
			return err
		}
	}
	return s.store.DeleteRoom(ctx, h.room.ID)
}

// kill marks the hall as dead; it reports false if it was.
func (h *hall) kill() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	was := h.dead
	h.dead = true
	return !was
}
