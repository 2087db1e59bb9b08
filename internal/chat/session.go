package chat

import (
	"slices"
	"sync"
	"time"
)

// A Session is one connection, speaking for one identity. Its requests are
// served in the order of the calls of one goroutine.
type Session struct {
	// Static.
	id    Identity
	from  Address
	ear   Ear
	meter meter

	mu     sync.Mutex // tier 2
	closed bool       // guarded by mu
	minted bool       // its identity was made for it, and it has joined no room yet; guarded by mu
	halls  []*hall    // rooms it hears or is about to, few; guarded by mu
}

// Open makes the session of a new connection from an address. The caller ends
// it with Close.
func (s *Service) Open(id Identity, from Address, ear Ear) *Session {
	s.sessions.Add(1)
	return &Session{id: id, from: from, ear: ear, meter: meter{start: time.Now()}}
}

// OpenNew is Open for an identity that was just made. It is not looked for where it can hardly be.
func (s *Service) OpenNew(id Identity, from Address, ear Ear) *Session {
	c := s.Open(id, from, ear)
	c.minted = true
	return c
}

// A Loss says how a connection ended.
type Loss int

// The ways a connection ends, by what others are told and when ("Presence").
const (
	SaidGoodbye Loss = iota // the client disconnected on purpose: told at once
	Closed                  // its transport closed: told after the grace of a reload
	Vanished                // it stopped answering: lost at once, left after the longer grace
)

// Close ends the session's hearing in all rooms. Memberships stay. It does not
// block, and a second call does nothing.
func (s *Service) Close(c *Session, how Loss) {
	c.mu.Lock()
	again := c.closed
	c.closed = true
	halls := c.halls
	c.halls = nil
	c.mu.Unlock()
	if again {
		return
	}
	s.sessions.Add(-1)
	for _, h := range halls {
		h.lane.push(func() { h.hangUp(c, how) })
	}
}

// enter notes that the session is about to hear h. fresh is false if it does already.
func (c *Session) enter(h *hall, most int) (fresh bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false, errClosed()
	}
	if slices.Contains(c.halls, h) {
		return false, nil
	}
	if len(c.halls) >= most {
		return false, &Error{Code: Full, Limit: most, Scope: "connection", Message: "the connection is in too many rooms"}
	}
	c.halls = append(c.halls, h)
	return true, nil
}

// forget notes that the session does not hear h.
func (c *Session) forget(h *hall) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := slices.Index(c.halls, h); i >= 0 {
		c.halls = slices.Delete(c.halls, i, i+1)
	}
}

// isNew reports whether hardly any room knows its identity: only if its holder told others its token.
func (c *Session) isNew() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.minted
}

// isKnown notes that a room knows the identity.
func (c *Session) isKnown() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.minted = false
}

func (c *Session) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}
