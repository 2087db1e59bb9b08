package wire

// Auth goes with CONNECT. Without a token the server makes one; with move, the
// code that another device was given by `move`, it is that device's.
type Auth struct {
	Token string `json:"token,omitempty"`
	Move  string `json:"move,omitempty"`
}

// Welcome is the first thing that a client is told. A client that keeps the
// token keeps its identity.
type Welcome struct {
	Token    string   `json:"token"`
	Protocol int      `json:"protocol"`
	Features []string `json:"features"`
	Server   Server   `json:"server"`
	Limits   Limits   `json:"limits"`
}

// Server says what serves, and what time it is there.
type Server struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Time    Time   `json:"time"`
}

// Limits bound what a request may hold. Sizes are bytes of UTF-8; characters of
// text and queries are code points, those of names and titles graphemes.
type Limits struct {
	TextBytes      int  `json:"textBytes"`
	TextChars      int  `json:"textChars"`
	NameChars      int  `json:"nameChars"`
	TitleChars     int  `json:"titleChars"`
	QueryChars     int  `json:"queryChars"`
	PageBytes      int  `json:"pageBytes"`
	PageEntries    int  `json:"pageEntries"`
	RoomsPerSocket int  `json:"roomsPerSocket"`
	EditSeconds    int  `json:"editSeconds"`
	Rate           Rate `json:"rate"`

	Rates   Rates      `json:"rates"`
	Rooms   int        `json:"rooms"`   // on the server
	Members int        `json:"members"` // present in one room
	Link    LinkLimits `json:"link"`
}

// Rate is how many messages a connection may send, or of what Rates names.
type Rate struct {
	PerSecond float64 `json:"perSecond"`
	Burst     int     `json:"burst"`
}

// Rates are those that count more than one connection's messages. An address is
// that of an IPv4 host or of an IPv6 network of 64 bits.
type Rates struct {
	Identity        Rate `json:"identity"`        // messages of an identity
	Address         Rate `json:"address"`         // messages from an address
	Requests        Rate `json:"requests"`        // requests of a connection: above, they wait
	AddressRequests Rate `json:"addressRequests"` // requests from an address: above, they wait
	Rooms           Rate `json:"rooms"`           // rooms made from an address
	Guesses         Rate `json:"guesses"`         // wrong codes and passphrases from an address
	Handshakes      Rate `json:"handshakes"`      // connections made from an address
	GuessBudget     Rate `json:"guessBudget"`     // wrong codes and passphrases from everywhere together
	Moves           Rate `json:"moves"`           // codes of `move` made from an address
}

// LinkLimits is what bounds a connection below the chat.
type LinkLimits struct {
	PayloadBytes         int  `json:"payloadBytes"`                   // of one message or one POST
	OutboxBytes          int  `json:"outboxBytes"`                    // that may wait for a client before it is closed as slow
	Nesting              int  `json:"nesting"`                        // of JSON
	Namespaces           int  `json:"namespaces"`                     // of a connection
	Packets              Rate `json:"packets"`                        // of a connection: above, it is read more slowly
	HeaderBytes          int  `json:"headerBytes"`                    // of one request
	HeaderSeconds        int  `json:"headerSeconds"`                  // for a request's header to come
	BodySeconds          int  `json:"bodySeconds"`                    // for a POST's body to come
	WriteSeconds         int  `json:"writeSeconds"`                   // for a client to take 64 KiB
	IdleSeconds          int  `json:"idleSeconds"`                    // for the next request of a kept-alive connection to come
	Connections          int  `json:"connections"`                    // at a time, in all
	ConnectionsByAddress int  `json:"connectionsByAddress,omitempty"` // at a time; absent: any number
}

// Presence says who came, went or changed. Above 1,000 members there is only
// the count.
type Presence struct {
	Room    string      `json:"room"`
	At      Time        `json:"at"`
	Count   int         `json:"count"`
	Joined  []Member    `json:"joined,omitempty"`
	Left    []Departure `json:"left,omitempty"`
	Changed []Member    `json:"changed,omitempty"`
}

// A Departure is a member's going. An unknown reason counts as `left`.
type Departure struct {
	ID     string `json:"id"`
	Reason string `json:"reason"`
}

// Typing says that a member is writing. It ends after 5 s or with a message.
type Typing struct {
	Room string `json:"room"`
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Me tells an identity's connections what changed about itself. A mute that is
// for good lasts until the end of the year 9999; one that was lifted, until a
// time that is past.
type Me struct {
	Room       string  `json:"room"`
	You        *Member `json:"you,omitempty"`
	Read       *uint32 `json:"read,omitempty"`
	MutedUntil Time    `json:"mutedUntil,omitempty"`
}

// Removed says that this connection does not hear the room any more.
type Removed struct {
	Room   string `json:"room"`
	Reason string `json:"reason"`
	Note   string `json:"note,omitempty"`
	Until  Time   `json:"until,omitempty"`
}

// A Notice is of the one who runs the server to everybody, to be shown as it is.
type Notice struct {
	Level string `json:"level"` // `info`, `warning`, or one to come
	Text  string `json:"text"`
	Until Time   `json:"until,omitempty"` // how long it holds, if that is known
}

// Resync says that the server lost its place for this connection: ask for
// `history` after the cursor, and for `members`.
type Resync struct {
	Room string `json:"room"`
	Head uint32 `json:"head"`
}
