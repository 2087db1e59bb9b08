package chat

import "time"

// A right is what not every member has. Who has which is decided here alone;
// it is asked when something is done, not carried along.
type right int

const (
	rightDeleteAny right = iota // delete what others wrote, and one's own at any time
	rightHurry                  // write without waiting in slow mode
	rightGuard                  // change how a room is guarded: locked, slow
	rightSet                    // change all of a room
	rightDestroy
	rightModerate // kick, ban, mute and clear members of a lower role, and see who is under it
	rightGrant    // give members roles
)

// needs is the least role that has each right.
var needs = [...]Role{
	rightDeleteAny: RoleModerator,
	rightHurry:     RoleModerator,
	rightGuard:     RoleModerator,
	rightSet:       RoleOwner,
	rightDestroy:   RoleOwner,
	rightModerate:  RoleModerator,
	rightGrant:     RoleOwner,
}

// has reports whether a role has a right.
func (r Role) has(what right) bool { return rank(r) >= rank(needs[what]) }

// must refuses a role that does not have a right.
func (r Role) must(what right) error {
	if r.has(what) {
		return nil
	}
	return &Error{Code: Forbidden, Message: "that takes the role " + string(needs[what])}
}

// rank orders the roles; one not known counts as member ("Growing").
func rank(r Role) int {
	switch r {
	case RoleOwner:
		return 2
	case RoleModerator:
		return 1
	}
	return 0
}

// mayEdit is a Draft.Allow: one's own messages, for as long as the limit says.
func (s *Service) mayEdit(now time.Time) func(*Entry, bool) error {
	return func(target *Entry, own bool) error { return s.ownAndRecent(target, own, now) }
}

// mayDelete is a Draft.Allow: one's own messages like mayEdit, or any.
func (s *Service) mayDelete(role Role, now time.Time) func(*Entry, bool) error {
	return func(target *Entry, own bool) error {
		if role.has(rightDeleteAny) {
			return nil
		}
		return s.ownAndRecent(target, own, now)
	}
}

func (s *Service) ownAndRecent(target *Entry, own bool, now time.Time) error {
	if !own {
		return &Error{Code: Forbidden, Field: "seq", Message: "the message is another member's"}
	}
	if now.Sub(target.At) > time.Duration(s.limits.EditSeconds)*time.Second {
		return &Error{Code: Forbidden, Field: "seq", Limit: s.limits.EditSeconds, Message: "the message is too old to be changed"}
	}
	return nil
}

// mayReact is a Draft.Allow: one more emoji, if there are not too many different ones.
func mayReact(emoji string, on bool) func(*Entry, bool) error {
	return func(target *Entry, _ bool) error {
		if !on || len(target.Reactions) < emojiMost {
			return nil
		}
		for _, r := range target.Reactions {
			if r.Emoji == emoji {
				return nil
			}
		}
		return &Error{Code: Full, Field: "emoji", Limit: emojiMost, Scope: "message", Message: "the message has too many different reactions"}
	}
}
