package wire

// Failure is why a request was refused. An unknown code counts by retry.
type Failure struct {
	Code       string  `json:"code"`
	Message    string  `json:"message"` // English, for logs
	Retry      bool    `json:"retry,omitempty"`
	RetryAfter float64 `json:"retryAfter,omitempty"` // seconds
	Field      string  `json:"field,omitempty"`
	Limit      int     `json:"limit,omitempty"`
	Scope      string  `json:"scope,omitempty"`
	Suggestion string  `json:"suggestion,omitempty"`
	Epoch      string  `json:"epoch,omitempty"` // the room's present one, where the request's is stale
}

// OKReply acknowledges what has nothing to tell but that it is done: `leave`,
// `read`, `typing`, `destroy`, `kick`, `ban`, `mute` and `role`.
type OKReply struct {
	Answer `tstype:"-"`
}

// CreateReply is a room that was made, or found again by the request's id.
type CreateReply struct {
	Answer    `tstype:"-"`
	Room      string `json:"room"`
	Info      Info   `json:"info"`
	OwnerKey  string `json:"ownerKey"` // whoever joins with it is an owner
	Duplicate bool   `json:"duplicate,omitempty"`
}

// JoinReply is a room as it is found on joining. What is heard from then on
// begins at head + 1.
type JoinReply struct {
	Answer  `tstype:"-"`
	Room    string   `json:"room"`
	Info    Info     `json:"info"`
	You     Member   `json:"you"`
	Members []Member `json:"members"`
	Count   int      `json:"count"`
	Entries []Entry  `json:"entries"`
	More    bool     `json:"more"`
	Epoch   string   `json:"epoch"`
	Head    uint32   `json:"head"`
	Read    uint32   `json:"read"`
	Unread  int      `json:"unread"`
	Reset   bool     `json:"reset,omitempty"`
	Mine    Mine     `json:"mine,omitempty"`

	MutedUntil Time `json:"mutedUntil,omitempty"` // as in Me
}

// Mine are the viewer's own reactions on the messages of a page, by seq.
type Mine map[string][]string

// SendReply acknowledges `send`, `edit`, `delete` and `react`, and means: on
// disk. Seq is the new entry's; where nothing had to change it is that of the
// newest entry that made the message what it is.
type SendReply struct {
	Answer    `tstype:"-"`
	Seq       uint32 `json:"seq"`
	At        Time   `json:"at"`
	Duplicate bool   `json:"duplicate,omitempty"`
}

// HistoryReply is a page, oldest first.
type HistoryReply struct {
	Answer  `tstype:"-"`
	Entries []Entry `json:"entries"`
	More    bool    `json:"more"`
	Epoch   string  `json:"epoch"`
	Head    uint32  `json:"head"`
	Reset   bool    `json:"reset,omitempty"`
	Mine    Mine    `json:"mine,omitempty"`
}

// SearchReply is what was found, newest first.
type SearchReply struct {
	Answer  `tstype:"-"`
	Entries []Entry `json:"entries"`
	More    bool    `json:"more"`
	Epoch   string  `json:"epoch"`
	Head    uint32  `json:"head"`
	Mine    Mine    `json:"mine,omitempty"`
}

// SetReply is the room as it is now.
type SetReply struct {
	Answer    `tstype:"-"`
	Info      Info `json:"info"`
	Duplicate bool `json:"duplicate,omitempty"` // all of it was so already
}

// ClearReply says how many messages were deleted.
type ClearReply struct {
	Answer `tstype:"-"`
	Count  int `json:"count"`
}

// MoveReply is a code that works once, until it expires.
type MoveReply struct {
	Answer  `tstype:"-"`
	Code    string `json:"code"`
	Expires Time   `json:"expires"`
}

// RenameReply is oneself under the new name.
type RenameReply struct {
	Answer `tstype:"-"`
	You    Member `json:"you"`
}

// MembersReply lists those present, or those who are banned or muted.
type MembersReply struct {
	Answer  `tstype:"-"`
	Members []Member `json:"members"`
	Count   int      `json:"count"`
	More    bool     `json:"more"`
}
