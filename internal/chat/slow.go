package chat

import (
	"maps"
	"time"
)

const (
	slowMost = 24 * time.Hour // the longest wait of slow mode
	slowKept = 1000           // members whose last message is remembered before those past waiting are forgotten
)

// A spell is when a member last wrote in a room in slow mode, and before that.
type spell struct {
	at, before time.Time
}

// slowDown counts a message in slow mode, or refuses it because the member's
// last is too recent. It is per node, and as long as the room is in memory:
// where nobody listens nobody is in a hurry.
func (v visit) slowDown(role Role, now time.Time) error {
	slow := v.current().Slow
	if slow == 0 || role.has(rightHurry) {
		return nil
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	last, known := v.spells[v.id]
	if wait := slow - now.Sub(last.at); known && wait > 0 {
		return &Error{Code: RateLimited, Retry: true, RetryAfter: wait, Scope: ScopeRoom, Message: "the room is in slow mode"}
	}
	if len(v.spells) >= slowKept {
		maps.DeleteFunc(v.spells, func(_ Identity, s spell) bool { return now.Sub(s.at) >= slow })
	}
	if v.spells == nil {
		v.spells = make(map[Identity]spell)
	}
	v.spells[v.id] = spell{at: now, before: last.at}
	return nil
}

// speedUp takes back what slowDown counted: nothing was written.
func (v visit) speedUp() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if s, ok := v.spells[v.id]; ok {
		v.spells[v.id] = spell{at: s.before}
	}
}
