package chat

import "time"

// Limits bound what a request may hold, and how often there may be one. Sizes
// are bytes of UTF-8 unless said otherwise.
type Limits struct {
	TextBytes      int
	TextChars      int // code points
	NameChars      int // graphemes
	TitleChars     int // graphemes
	QueryChars     int // code points
	PageBytes      int
	PageEntries    int // of a page of the talk
	LogEntries     int // of a page of the log
	RoomsPerSocket int
	EditSeconds    int
	Rooms          int // on the server
	Members        int // present in one room

	// Messages, and whatever else is written to a log.
	Rate         Rate // of a connection
	IdentityRate Rate // of an identity, on all its connections
	AddressRate  Rate // of an Address

	// Requests of any kind. Over these a client waits, and is not refused.
	Requests        Rate // of a connection
	AddressRequests Rate // of an Address

	RoomRate    Rate // rooms made from an Address
	MoveRate    Rate // codes to move to another device, from an Address: each is stored
	GuessRate   Rate // codes, passphrases and keys that were wrong, from an Address
	GuessBudget Rate // the same, from wherever

	// What a passphrase costs, by argon2id. One that was set is checked at the cost that it was set at.
	PassBytes  int // of memory
	PassPasses int
	PassHashes int // at a time
}

// DefaultLimits are the documented ones.
func DefaultLimits() Limits {
	return Limits{
		TextBytes: 16 << 10, TextChars: 4000, NameChars: 32, TitleChars: 80, QueryChars: 200,
		PageBytes: 256 << 10, PageEntries: 200, LogEntries: 1000, RoomsPerSocket: 50,
		EditSeconds: 24 * 60 * 60, Rooms: 100_000, Members: 20_000,
		Rate: Rate{5, 20}, IdentityRate: Rate{10, 40}, AddressRate: Rate{50, 200},
		Requests: Rate{100, 500}, AddressRequests: Rate{1000, 5000},
		RoomRate: Rate{2, 200}, MoveRate: Rate{10. / 60, 20}, GuessRate: Rate{10. / 60, 10}, GuessBudget: Rate{5, 300},
		// RFC 9106 would have more, a small machine would not.
		PassBytes: 19 << 20, PassPasses: 2, PassHashes: 2,
	}
}

// Unlimited is l without its rates. What bounds memory stays.
func (l Limits) Unlimited() Limits {
	for _, r := range []*Rate{
		&l.Rate, &l.IdentityRate, &l.AddressRate, &l.Requests, &l.AddressRequests, &l.RoomRate, &l.MoveRate, &l.GuessRate, &l.GuessBudget,
	} {
		*r = Rate{}
	}
	return l
}

// The spans of protocol 1 ("Presence", "keep").
const (
	reloadGrace   = 1500 * time.Millisecond // a closed connection may be a page reload
	lostGrace     = 15 * time.Second        // a lost member may find its way back
	emptyGrace    = 60 * time.Second        // an "empty" room outlives its last member
	startGrace    = 10 * time.Minute        // the same, after a start of the server
	quietStart    = 60 * time.Second        // after a start remembered members come back unannounced
	nameHeld      = 30 * 24 * time.Hour     // a name outlives its member's last visit
	typingEvery   = 2 * time.Second
	presenceEvery = time.Second
)

// The sizes of protocol 1 at which presence gets coarser.
const (
	promptPresence = 200  // up to here presence is told at once, and typing is
	listedPresence = 1000 // up to here members are named; above, only counted
	joinMembers    = 200  // members in a join's answer
)
