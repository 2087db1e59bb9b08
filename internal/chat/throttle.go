package chat

import (
	"context"
	"sync"
	"time"
)

// What a rate limit counts, as a refusal says it.
const (
	ScopeConnection = "connection"
	ScopeIdentity   = "identity"
	ScopeAddress    = "address"
	ScopeServer     = "server"
	ScopeRoom       = "room"
)

const (
	// paceMost is how long a request waits for its turn; if it had to wait
	// longer, it is refused.
	paceMost = time.Second

	// guessPause is how long it takes to refuse a guess unread, whether it was
	// right or wrong: longer than looking a room up does, so that the time tells nothing.
	guessPause = 50 * time.Millisecond

	// underwayMost is how many messages of one session wait for their commit;
	// with more, its next request waits. So a flood fills its own connection, not
	// the store's queue.
	underwayMost = 512
)

// A throttle holds sessions to the rates. All of it is in memory and bounded.
type throttle struct {
	limits     Limits // static
	identities *Table[Identity]
	addresses  *Table[Address]
	requests   *Table[Address]
	rooms      *Table[Address]
	guesses    *Table[Address]
	moves      *Table[Address]
	budget     *Table[struct{}] // of wrong guesses, from wherever
}

func newThrottle(l Limits) *throttle {
	return &throttle{
		limits: l, identities: NewTable[Identity](l.IdentityRate), addresses: NewTable[Address](l.AddressRate),
		requests: NewTable[Address](l.AddressRequests), rooms: NewTable[Address](l.RoomRate),
		guesses: NewTable[Address](l.GuessRate), moves: NewTable[Address](l.MoveRate), budget: NewTable[struct{}](l.GuessBudget),
	}
}

// A meter is what a session has spent.
type meter struct {
	start time.Time // static

	mu       sync.Mutex    // tier 1
	messages bucket        // guarded by mu
	requests bucket        // guarded by mu
	underway chan struct{} // made by slots; guarded by mu
}

// slots holds a token for each message that waits for its commit. Most sessions
// only listen, and need none.
func (m *meter) slots() chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.underway == nil {
		m.underway = make(chan struct{}, underwayMost)
	}
	return m.underway
}

// errRate refuses what came too fast.
func errRate(scope string, wait time.Duration) *Error {
	return &Error{Code: RateLimited, Retry: true, RetryAfter: wait, Scope: scope, Message: "too fast"}
}

// pay spends a message of the session's, its identity's and its address's, or
// of none of them. refund undoes it.
func (t *throttle) pay(c *Session) error {
	m := &c.meter
	m.mu.Lock()
	wait := m.messages.take(t.limits.Rate, time.Since(m.start))
	m.mu.Unlock()
	if wait > 0 {
		return errRate(ScopeConnection, wait)
	}
	if wait := t.identities.Take(c.id); wait > 0 {
		t.refundSession(c)
		return errRate(ScopeIdentity, wait)
	}
	if wait := t.addresses.Take(c.from); wait > 0 {
		t.refundSession(c)
		t.identities.giveBack(c.id)
		return errRate(ScopeAddress, wait)
	}
	return nil
}

// refund gives back what pay took.
func (t *throttle) refund(c *Session) {
	t.refundSession(c)
	t.identities.giveBack(c.id)
	t.addresses.giveBack(c.from)
}

func (t *throttle) refundSession(c *Session) {
	c.meter.mu.Lock()
	defer c.meter.mu.Unlock()
	c.meter.messages.giveBack(t.limits.Rate)
}

// Pace holds a session to the rate of requests of any kind: it returns when the
// next of them may be served, which it makes wait rather than refuses, so that a
// client in a hurry is slowed down and not cut. Where its address asks for so
// much that the wait would be long, it returns RateLimited.
func (s *Service) Pace(ctx context.Context, c *Session) error {
	t, m := s.throttle, &c.meter
	m.mu.Lock()
	wait := m.requests.reserve(t.limits.Requests, time.Since(m.start), paceMost)
	m.mu.Unlock()
	if wait > paceMost { // not from one goroutine
		return errRate(ScopeConnection, wait)
	}
	crowd := t.requests.reserve(c.from, paceMost)
	if crowd > paceMost {
		return errRate(ScopeAddress, crowd)
	}
	pause(ctx, max(wait, crowd))
	return nil
}

// pause sleeps, but not longer than ctx lasts: a client that has left is not
// waited with, and what it had asked for before is done.
func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// mayGuess refuses an address that has guessed codes, passphrases or keys wrongly
// too often, unread: it is not told that it would have been right this time. While
// the whole server's budget is spent, that goes for all who have guessed
// wrongly of late, and not for others.
func (t *throttle) mayGuess(c *Session) error { return t.mayGuessFrom(c.from) }

// mayGuessFrom is mayGuess for an address without a session.
func (t *throttle) mayGuessFrom(from Address) error {
	if wait := t.guesses.wait(from); wait > 0 {
		return errRate(ScopeAddress, wait)
	}
	if wait := t.budget.wait(struct{}{}); wait > 0 && !t.guesses.untouched(from) {
		return errRate(ScopeServer, wait)
	}
	return nil
}

// guessed counts a wrong guess. Of many made at once each counts, though there
// may not be that many: the address owes them.
func (t *throttle) guessed(c *Session) { t.guessedFrom(c.from) }

func (t *throttle) guessedFrom(from Address) {
	t.guesses.owe(from)
	t.budget.Take(struct{}{})
}

// unread refuses a guess that mayGuess refused, in a time that tells nothing.
func (c *Session) unread(ctx context.Context, began time.Time, refusal error) error {
	pause(ctx, guessPause-time.Since(began))
	return refusal
}
