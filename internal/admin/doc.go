// Package admin is the operator's way in: a Unix socket in the data directory,
// where a program of the same user can look at the rooms and take measures that hold for the
// whole server. It speaks HTTP with JSON over the socket, and nothing of it is
// served anywhere else.
package admin

import (
	"net/netip"
	"time"

	"snug/internal/chat"
	"snug/internal/wire"
)

// A Room is a room in a list.
type Room struct {
	ID      chat.RoomID `json:"id"` // to go on listing from
	Code    string      `json:"code"`
	Title   string      `json:"title"`
	Here    int         `json:"here"`    // members present
	Entries int         `json:"entries"` // that are kept
	Keep    string      `json:"keep"`
	Created wire.Time   `json:"created"`
	Last    wire.Time   `json:"last"` // the newest entry ever, or when it was made

	Locked     bool `json:"locked"`
	Passphrase bool `json:"passphrase"`
	Slow       int  `json:"slow"` // seconds
}

// A View is a room looked into.
type View struct {
	Room
	First   uint32        `json:"first"`
	Head    uint32        `json:"head"`
	Members []wire.Member `json:"members"` // present, at most 200 of them
	Newest  []wire.Entry  `json:"newest"`  // of the talk, oldest first
}

// A Ban keeps a network out of the whole server.
type Ban struct {
	Network netip.Prefix `json:"network"`
	Since   time.Time    `json:"since"`
	Until   time.Time    `json:"until"` // chat.Forever for good
	Note    string       `json:"note,omitempty"`
}

// A Mute silences everybody.
type Mute struct {
	Since time.Time `json:"since"`
	Until time.Time `json:"until"` // chat.Forever for good
	Note  string    `json:"note,omitempty"`
}

// A Status is how the server is, and what is in force.
type Status struct {
	Version     string    `json:"version"`
	Since       time.Time `json:"since"` // it was started
	Rooms       int       `json:"rooms"` // that somebody hears
	Members     int       `json:"members"`
	Connections int       `json:"connections"`
	Goroutines  int       `json:"goroutines"`
	HeapBytes   uint64    `json:"heapBytes"`
	Bans        []Ban     `json:"bans"`
	Mute        *Mute     `json:"mute,omitempty"`
}

// A Span asks for something to last: so many seconds, or for good with none.
type Span struct {
	Seconds int    `json:"seconds,omitempty"`
	Note    string `json:"note,omitempty"`
}

// A BanRequest bans a network.
type BanRequest struct {
	Network netip.Prefix `json:"network"`
	Span
}

// A Banned answers a BanRequest.
type Banned struct {
	Ban
	Ended int `json:"ended"` // connections that were open
}

// Widen is the network that is banned when somebody names one: an IPv6 address
// stands for its /64, which is given to one household as a whole.
func Widen(p netip.Prefix) netip.Prefix {
	a := p.Addr()
	if a.Is4In6() {
		p = netip.PrefixFrom(a.Unmap(), max(0, p.Bits()-96))
	} else if a.Is6() && p.Bits() > 64 {
		p = netip.PrefixFrom(a.WithZone(""), 64)
	}
	return p.Masked()
}
