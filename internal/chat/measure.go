package chat

import (
	"net/netip"
	"time"
)

// A Deed is what may be done to a member.
type Deed string

// The deeds of protocol 1.
const (
	Kick  Deed = "kick"
	Ban   Deed = "ban"
	Mute  Deed = "mute"
	Clear Deed = "clear"
	Grant Deed = "role" // another role
)

// A Measure is what was done to a member, as the room's log tells it.
type Measure struct {
	Deed   Deed
	Of     Author    // to whom, as it was then
	Until  time.Time // of a kick, a ban or a mute; zero: for good, or lifted
	Lifted bool      // of a ban or a mute: it ends
	Reason string
	Role   Role // the new one
	Count  int  // of messages that were cleared
}

// Forever is until when something is that is for good.
var Forever = time.Date(9999, time.December, 31, 23, 59, 59, 999e6, time.UTC)

// A Trace is what a room remembers of an Address that somebody was banned from: a hash
// under the room's key, so that it tells nothing without it, and differs in every room.
type Trace [16]byte

// trace is the Trace of an address; ok is false for the one of those that have no other.
func (r *Room) trace(a Address) (t Trace, ok bool) {
	if a == (Address{}) {
		return t, false
	}
	p := netip.Prefix(a)
	return Trace(keyed(r.Key, "address", append(p.Addr().AsSlice(), byte(p.Bits())))[:16]), true
}

// lasts is how long a sanction still lasts, zero if it does not; ends is false for one for good.
func lasts(until, now time.Time) (left time.Duration, ends bool) {
	return max(0, until.Sub(now)), !until.Equal(Forever)
}

// errSanctioned refuses for as long as a sanction lasts; it is nil if that is over.
func errSanctioned(code Code, until, now time.Time, message string) error {
	left, ends := lasts(until, now)
	switch {
	case left == 0:
		return nil
	case ends:
		return &Error{Code: code, Retry: true, RetryAfter: left, Message: message}
	}
	return &Error{Code: code, Message: message}
}

// silenced refuses what a muted member may not do.
func (m *Membership) silenced(now time.Time) error {
	return errSanctioned(Muted, m.Muted, now, "you are muted in the room")
}

// barred refuses who was put out, and may not be back yet.
func (m *Membership) barred(now time.Time) error {
	if err := errSanctioned(Banned, m.Banned, now, "you are banned from the room"); err != nil {
		return err
	}
	return errSanctioned(Banned, m.Kicked, now, "you were put out, and may not be back yet")
}
