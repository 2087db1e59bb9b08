package chat

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// RoomID numbers a room in a store. It is never reused, never shown, and fits
// 31 bits: a store may keep an entry under ID<<32 | seq.
type RoomID int64

// Seq numbers the entries of a room's log: 1, 2, 3 …, dense. Zero is none.
type Seq uint32

// A Room is where people talk, as it is stored.
type Room struct {
	ID        RoomID
	Code      string // canonical; looked up case-blind
	Title     string
	Epoch     string // opaque; remade when a store is restored
	CreatedAt time.Time
	Keep      Keep
	Locked    bool
	Slow      time.Duration // slow mode: least time between two messages of a member; 0 off
	Pass      []byte        // encoded hash of the passphrase; nil: none
	PassRev   uint32        // raised with each change of Pass
	Creator   Identity
	Key       []byte // secret, 32 random bytes: member ids and the owner key derive from it
	Head      Seq    // newest seq, 0 in an empty log; true when the Room was read
	First     Seq    // oldest seq still kept; Head+1 when none is
}

// Keep is a room's retention: KeepEmpty, KeepForever, or a number of days.
type Keep int

// The retentions that are not a number of days.
const (
	KeepEmpty   Keep = 0  // deleted when its last member has been gone for a grace
	KeepForever Keep = -1 // nothing is deleted
)

// MaxKeepDays is the longest retention in days.
const MaxKeepDays = 3650

// ParseKeep reads "empty", "forever" or "Nd" with N from 1 to MaxKeepDays.
func ParseKeep(s string) (Keep, error) {
	switch s {
	case "empty":
		return KeepEmpty, nil
	case "forever":
		return KeepForever, nil
	}
	digits, ok := strings.CutSuffix(s, "d")
	n, err := strconv.Atoi(digits)
	if !ok || err != nil || n < 1 || n > MaxKeepDays || digits != strconv.Itoa(n) {
		return 0, fmt.Errorf(`%q is not "empty", "forever" or "1d" to "%dd"`, s, MaxKeepDays)
	}
	return Keep(n), nil
}

// Age is how long an entry is kept, 0 where age does not matter.
func (k Keep) Age() time.Duration { return time.Duration(max(k, 0)) * 24 * time.Hour }

func (k Keep) String() string {
	switch k {
	case KeepEmpty:
		return "empty"
	case KeepForever:
		return "forever"
	}
	return strconv.Itoa(int(k)) + "d"
}
