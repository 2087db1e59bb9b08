package chat

import "time"

// A Kind says what an entry records.
type Kind string

// The kinds of protocol 1.
const (
	KindMessage Kind = "message"
	KindEdit    Kind = "edit"
	KindDelete  Kind = "delete"
	KindReact   Kind = "react"
	KindRoom    Kind = "room"
	KindName    Kind = "name"

	// KindModeration is the audit line of what was done to a member.
	KindModeration Kind = "moderation"
)

// Talk reports whether entries of this kind stand alone in a page of the talk.
func (k Kind) Talk() bool { return k != KindEdit && k != KindDelete && k != KindReact }

// An Entry is one line of a room's log. It is immutable once committed: what
// is live, in a page and on every node is the same.
type Entry struct {
	RoomID RoomID
	Room   string // the room's code
	Seq    Seq
	Kind   Kind
	At     time.Time // UTC, whole milliseconds; never runs backwards within a room
	From   Author
	ID     string // the client's own name for it; may be empty

	// Of a message, as it is now.
	Text      string
	ReplyTo   Seq
	Edited    time.Time
	Deleted   time.Time
	Reactions []Reaction
	Rev       Seq // newest entry folded into it; 0: none

	// Of an edit, a delete or a react.
	Target Seq
	Emoji  string
	On     bool

	Info *RoomChange // of a room entry: what changed
	Was  string      // of a name entry: the name before

	Measure *Measure // of a moderation entry
}

// A Reaction counts one emoji on a message.
type Reaction struct {
	Emoji string
	Count int
}

// A RoomChange names the fields of a room that changed; nil ones did not.
type RoomChange struct {
	Title      *string
	Locked     *bool
	Passphrase *bool
	Keep       *Keep
	Slow       *time.Duration
}

// A Cursor says "I have everything up to Seq" of the log that Epoch names.
type Cursor struct {
	Epoch string
	Seq   Seq
}

// Size is an upper bound of the bytes the entry takes on the wire, escapes
// included, by which pages are cut.
func (e *Entry) Size() int {
	n := 256 + len(e.Room) + len(e.From.ID) + len(e.ID) +
		escaped(e.From.Name) + escaped(e.Text) + escaped(e.Was) + len(e.Emoji)
	for _, r := range e.Reactions {
		n += 40 + len(r.Emoji) // and as much again among the viewer's own, at most
	}
	if e.Info != nil {
		n += 128
		if e.Info.Title != nil {
			n += escaped(*e.Info.Title)
		}
	}
	if m := e.Measure; m != nil {
		n += 256 + escaped(m.Of.Name) + escaped(m.Reason)
	}
	return n
}

// escaped is the length of s as a JSON string: quote, backslash and the line
// breaks take two bytes, other control characters and U+2028, U+2029 six.
func escaped(s string) int {
	n := len(s)
	for i := range len(s) {
		n += int(escapes[s[i]])
	}
	return n
}

// escapes is what each byte takes beyond itself: a page has tens of thousands of them.
var escapes = func() (more [256]uint8) {
	for c := range 0x20 {
		more[c] = 5
	}
	for _, c := range "\"\\\n\r\t" {
		more[c] = 1
	}
	more[0xE2] = 3 // begins U+2028
	return more
}()
