package chat

import (
	"context"
	"errors"
	"fmt"
)

// Rename gives the member another name, durably; the room's log tells it.
func (s *Service) Rename(ctx context.Context, c *Session, room, name string) (Member, error) {
	if !s.gate.enter() {
		return Member{}, errShuttingDown()
	}
	defer s.gate.leave()
	v, err := s.visit(ctx, c, room)
	if err != nil {
		return Member{}, err
	}
	defer v.end()
	if err := v.takeTurn(ctx); err != nil {
		return Member{}, err
	}
	defer v.giveTurn()
	m, err := v.member()
	if err != nil {
		return Member{}, err
	}
	if err := s.hushed(); err != nil {
		return Member{}, err
	}
	if err := s.throttle.pay(c); err != nil { // it is a line in the log, for all to read
		return Member{}, err
	}
	next := m
	if err := s.giveName(&next, name); err != nil {
		return Member{}, err
	}
	you := Member{Author: next.Author, Role: next.Role, State: Here}
	if next == m { // what changes nothing writes nothing
		return you, nil
	}
	next.Seen = s.now()
	// The wait is for the commit alone, whatever becomes of ctx: what is
	// remembered here must be what was committed.
	done := make(chan error, 1)
	s.store.Append(Draft{
		Room: v.room.ID, Identity: v.id, From: next.Author, Kind: KindName, Was: m.Name,
		Member: &next, Free: s.nameFree(),
	}, func(_ Appended, err error) { done <- err })
	if err := <-done; err != nil {
		return Member{}, s.nameRefused(ctx, v, next.Name, failed("saving a name", err))
	}
	v.remember(next)
	v.lane.push(func() {
		if g := v.guests[next.ID]; g != nil {
			v.update(g, next.Author, next.Role)
		}
	})
	return you, nil
}

// giveName puts a cleaned name into a membership, or says why not. That nobody
// else has it is for the store to say, when the membership is saved.
func (s *Service) giveName(m *Membership, name string) error {
	clean, err := cleanName(name, s.limits.NameChars)
	if err != nil {
		return err
	}
	if clean == m.Name {
		return nil
	}
	m.Name = clean
	m.Skeleton, m.Alike = looks(clean)
	return nil
}

// nameRefused completes a NameTaken with a name that is free; other errors pass.
func (s *Service) nameRefused(ctx context.Context, v visit, name string, err error) error {
	if CodeOf(err) != NameTaken {
		return err
	}
	refused := &Error{Code: NameTaken, Field: "name", Message: "somebody here has a name that looks like it", Err: errors.Unwrap(err)}
	for n := 2; n < 30; n++ {
		tail := fmt.Sprintf(" %d", n)
		if n > 20 { // a crowd of namesakes: leap
			tail = fmt.Sprintf(" %d", n*n*n)
		}
		try := shorten(name, s.limits.NameChars-len(tail)) + tail
		plain, alike := looks(try)
		held, err := s.store.NameHeld(ctx, v.room.ID, v.id, plain, alike, s.nameFree())
		if err != nil {
			break // the refusal stands without a suggestion
		}
		if !held {
			refused.Suggestion = try
			break
		}
	}
	return refused
}
