package wire

// An Entry is one line of a room's log. Which fields there are depends on kind.
// It is the same, byte for byte, live and in a page ("Entries and pages").
type Entry struct {
	Room string `json:"room"`
	Seq  uint32 `json:"seq"`
	Kind string `json:"kind"` // `message`, `edit`, `delete`, `react`, `room`, `name`, `moderation`, or one to come
	At   Time   `json:"at"`
	From Author `json:"from"`
	ID   string `json:"id,omitempty"`

	// Of a message.
	Text      string     `json:"text,omitempty"`
	ReplyTo   uint32     `json:"replyTo,omitempty"`
	Edited    Time       `json:"edited,omitempty"`
	Deleted   Time       `json:"deleted,omitempty"`
	Reactions []Reaction `json:"reactions,omitempty"`
	Rev       uint32     `json:"rev,omitempty"` // the newest entry folded into it; its own seq if absent

	// Of an edit, a delete or a react.
	Target uint32 `json:"target,omitempty"`
	Emoji  string `json:"emoji,omitempty"`
	On     *bool  `json:"on,omitempty"`

	Info *RoomChange `json:"info,omitempty"` // of a room entry: the changed fields
	Was  string      `json:"was,omitempty"`  // of a name entry: the name before

	// Of a moderation entry: what from did to member, whose messages it cleared, or to whom it gave a role.
	Deed   string  `json:"deed,omitempty"` // `kick`, `ban`, `mute`, `clear`, `role`, or one to come
	Member *Author `json:"member,omitempty"`
	Until  Time    `json:"until,omitempty"`  // absent where it is for good
	Lifted bool    `json:"lifted,omitempty"` // a ban or a mute is over
	Reason string  `json:"reason,omitempty"`
	Role   string  `json:"role,omitempty"`  // the new one
	Count  int     `json:"count,omitempty"` // of messages that were deleted
}

// An Author is a member as it was when an entry was committed.
type Author struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Color uint8  `json:"color"`
}

// A Reaction counts one emoji on a message.
type Reaction struct {
	Emoji string `json:"emoji"`
	Count int    `json:"count"`
}
