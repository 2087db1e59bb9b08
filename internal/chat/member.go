package chat

import "time"

// An Identity is who a connection speaks for: what a secret token stands for.
// It is the same in every room and is therefore never shown to anyone.
type Identity [16]byte

// A MemberID is an identity's public name in one room, derived from both, so
// that it differs in every room and cannot be turned back.
type MemberID string

// A Role is what a member may do.
type Role string

// The roles, from the least.
const (
	RoleMember    Role = "member"
	RoleModerator Role = "moderator"
	RoleOwner     Role = "owner"
)

// A State says how a member is present.
type State string

// The states of a present member.
const (
	Here State = "here"
	Lost State = "lost" // its connection died without a word; a grace is running
	Away State = "away" // not present: only where members are listed who need not be
)

// Colors is the size of the palette; a member's color is an index into it.
const Colors = 16

// An Author is a member as others see it on an entry, frozen at the commit.
type Author struct {
	ID    MemberID
	Name  string
	Color uint8
}

// A Membership is an identity in a room, as it is stored: made by the first
// join, kept after leaving for the name's and the color's sake.
type Membership struct {
	Room     RoomID
	Identity Identity
	Author
	Skeleton string // what Name looks like
	Alike    string // what else it looks like; "" for nothing. No two memberships of a room have any of these in common
	Role     Role
	Joined   bool      // false after leaving or removal: it may not speak before it joins again
	PassRev  uint32    // the passphrase it has shown; asked again when the room's is newer
	Read     Seq       // the identity's read mark
	Seen     time.Time // when it was last here; bounds how long its name is held

	// Until when a moderator has put the member out, closed the room to it, or
	// silenced it: zero for not at all, Forever for good.
	Kicked, Banned, Muted time.Time
}

// A Member is an identity in a room as the others see it now.
type Member struct {
	Author
	Role  Role
	State State
	Until time.Time // of one listed as banned or muted: until when
}
