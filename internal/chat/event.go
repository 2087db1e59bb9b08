package chat

import "time"

// An Event is what members are shown. It is immutable, and one of *Posted,
// *PresenceChange, *Typing, *Me, *Removed and *Resync.
type Event interface{ event() }

// Posted is a committed entry, live.
type Posted struct{ Entry *Entry }

// A PresenceChange says who came, went or changed. Where a room is too large
// for a list, only Count is kept.
type PresenceChange struct {
	Room    string
	At      time.Time
	Count   int
	Joined  []Member
	Left    []Departure
	Changed []Member // to be put in place of, or added to, what a client lists, without a word
}

// A Departure is a member's going and why.
type Departure struct {
	ID     MemberID
	Reason Reason
}

// A Reason says why a member left or was removed.
type Reason string

// The reasons of protocol 1.
const (
	ReasonLeft         Reason = "left"
	ReasonDisconnected Reason = "disconnected"
	ReasonKicked       Reason = "kicked"
	ReasonBanned       Reason = "banned"
	ReasonDestroyed    Reason = "destroyed"
	ReasonRetention    Reason = "retention"
)

// Typing says that a member is writing.
type Typing struct {
	Room string
	ID   MemberID
	Name string
	But  []Ear // the writer's own connections, which are not to be shown it
}

// Me tells an identity's connections what changed about itself; nil fields did not.
type Me struct {
	Room       string
	You        *Member
	Read       *Seq
	MutedUntil *time.Time
}

// Removed tells a connection that it no longer hears a room.
type Removed struct {
	Room   string
	Reason Reason
	Note   string
	Until  time.Time
}

// Resync tells a connection, or a whole room, that the server lost its place:
// what follows the client's cursor is to be asked for.
type Resync struct {
	Room string
	Head Seq
}

func (*Posted) event()         {}
func (*PresenceChange) event() {}
func (*Typing) event()         {}
func (*Me) event()             {}
func (*Removed) event()        {}
func (*Resync) event()         {}

// An Outlet carries events to every connection of this node that hears a room.
// The calls for one room come one at a time, in order, from the room's lane,
// and so do the Attach, Detach and Tell of that room's Ears: what is published
// reaches exactly the Ears attached at that point. It must not block.
type Outlet interface {
	Publish(room string, events []Event)

	// Due is how long it will be, by what is known now, until what is published to
	// room in a while from now reaches its Ears: while, or more if the room is so
	// busy that what comes is gathered. It may be called from any goroutine.
	Due(room string, while time.Duration) time.Duration
}

// An Ear is the far end of one connection. Its methods must not block; what it
// is given keeps its order.
type Ear interface {
	Attach(room string) // from now on what is published to the room reaches it
	Detach(room string)
	Tell(events ...Event) // to this connection alone
}
