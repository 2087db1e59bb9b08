package chat

import (
	"context"
	"crypto/rand"
	"strings"
	"time"
)

// A CreateRequest makes a room.
type CreateRequest struct {
	Code       string // empty: the server makes one
	Title      string
	Keep       *Keep // nil: the server's default
	Passphrase string
	ID         string
}

// Created answers a CreateRequest.
type Created struct {
	Info      Info
	OwnerKey  string
	Duplicate bool
}

// Info is a room as its members see it.
type Info struct {
	Code, Title, Epoch string
	Head, First        Seq
	CreatedAt          time.Time
	Keep               Keep
	Locked, Passphrase bool
	Slow               time.Duration
	Count              int // members present
}

// Create makes a room, durably. The caller becomes its owner when it joins.
func (s *Service) Create(ctx context.Context, c *Session, r CreateRequest) (Created, error) {
	if !s.gate.enter() {
		return Created{}, errShuttingDown()
	}
	defer s.gate.leave()
	if err := checkRequestID(r.ID); err != nil {
		return Created{}, err
	}
	if r.ID != "" { // a retry is answered before any other check ("Client → server")
		room, found, err := s.store.CreatedRoom(ctx, c.id, r.ID)
		if err != nil {
			return Created{}, failed("finding the room of a retry", err)
		}
		if found {
			return s.created(room, true), nil
		}
	}
	if err := s.mayCreate(ctx, c, r); err != nil {
		return Created{}, err
	}
	room, err := s.newRoom(ctx, r)
	if err != nil {
		return Created{}, err
	}
	room.Creator = c.id
	for attempt := 1; ; attempt++ {
		if r.Code == "" {
			room.Code = newCode()
		}
		stored, dup, err := s.store.CreateRoom(ctx, room, r.ID)
		switch {
		case err == nil:
			if stored.Keep == KeepEmpty && !dup {
				s.keeper.born(stored)
			}
			return s.created(stored, dup), nil
		case CodeOf(err) != Conflict:
			return Created{}, failed("making a room", err)
		case r.Code != "":
			s.throttle.guessed(c) // as good as an answer that there is such a room
			return Created{}, &Error{Code: Conflict, Field: "code", Message: "the code is taken", Err: err}
		case attempt == codeAttempt:
			return Created{}, failed("finding a free code", &Error{Code: Internal, Retry: true, Err: err})
		}
	}
}

// mayCreate refuses where there are rooms enough, on the server or from one place.
func (s *Service) mayCreate(ctx context.Context, c *Session, r CreateRequest) error {
	if err := s.hushed(); err != nil {
		return err
	}
	if r.Code != "" {
		if err := s.throttle.mayGuess(c); err != nil {
			return c.unread(ctx, time.Now(), err)
		}
	}
	if wait := s.throttle.rooms.Take(c.from); wait > 0 {
		return errRate(ScopeAddress, wait)
	}
	n, err := s.store.RoomCount(ctx)
	if err != nil {
		return failed("counting the rooms", err)
	}
	if n >= s.limits.Rooms {
		return &Error{Code: Full, Limit: s.limits.Rooms, Scope: ScopeServer, Message: "the server has no place for another room"}
	}
	return nil
}

// newRoom checks a request and makes the room it asks for, but for a made code.
func (s *Service) newRoom(ctx context.Context, r CreateRequest) (room Room, err error) {
	room = Room{Epoch: newEpoch(), CreatedAt: s.now(), Keep: s.keep, Key: make([]byte, 32)}
	_, _ = rand.Read(room.Key) // never fails: crypto/rand
	if r.Code != "" {
		if room.Code, err = chosenCode(r.Code); err != nil {
			return Room{}, err
		}
	}
	if r.Title != "" {
		if room.Title, err = cleanLine("title", r.Title, s.limits.TitleChars); err != nil {
			return Room{}, err
		}
	}
	if r.Keep != nil {
		if err := checkKeep(*r.Keep); err != nil {
			return Room{}, err
		}
		room.Keep = *r.Keep
	}
	if r.Passphrase != "" {
		if room.Pass, err = s.newPassphrase(ctx, r.Passphrase); err != nil {
			return Room{}, err
		}
		room.PassRev = 1
	}
	return room, nil
}

func (s *Service) created(r Room, dup bool) Created {
	h := s.admitted(r)
	defer h.release()
	return Created{Info: h.info(r.Head, r.First, h.presentNow()), OwnerKey: r.ownerKey(), Duplicate: dup}
}

// newEpoch makes the name of a log.
func newEpoch() string { return strings.ToLower(rand.Text()[:12]) }
