package sqlite

import (
	"encoding/json"
	"fmt"
	"time"

	"snug/internal/chat"
)

// kinds are the kinds of entry by their number in log.kind. Numbers stay; new ones are added.
var kinds = [...]chat.Kind{
	1: chat.KindMessage, 2: chat.KindEdit, 3: chat.KindDelete, 4: chat.KindReact, 5: chat.KindRoom, 6: chat.KindName,
	tombstone: chat.KindMessage, 8: chat.KindModeration,
}

// tombstone is the number of a message that was deleted: it does not count as unread.
const tombstone = 7

// codeOf is the number of a kind, 0 if it has none.
func codeOf(k chat.Kind) int64 {
	for i, o := range kinds {
		if o == k && i > 0 {
			return int64(i)
		}
	}
	return 0
}

// numberOfKind is what log.kind has of an entry.
func numberOfKind(e *chat.Entry) int64 {
	if !e.Deleted.IsZero() {
		return tombstone
	}
	return codeOf(e.Kind)
}

// kindOf undoes codeOf; "" where there is no such kind.
func kindOf(code int64) chat.Kind {
	if code < 0 || code >= int64(len(kinds)) {
		return ""
	}
	return kinds[code]
}

// extra is what few entries have. Times are in milliseconds, as everywhere.
type extra struct {
	Was string `json:"was,omitempty"`

	// Of a message.
	Edited    int64      `json:"edited,omitempty"`
	Edit      chat.Seq   `json:"edit,omitempty"` // maker.edit
	Deleted   int64      `json:"deleted,omitempty"`
	Reactions []reaction `json:"reactions,omitempty"`
	Rev       chat.Seq   `json:"rev,omitempty"`

	// Of an edit, a delete or a react.
	Target chat.Seq `json:"target,omitempty"`
	Emoji  string   `json:"emoji,omitempty"`
	On     bool     `json:"on,omitempty"`

	Info *change `json:"info,omitempty"`

	Measure *measure `json:"measure,omitempty"`
}

// A measure is a chat.Measure.
type measure struct {
	Deed   chat.Deed     `json:"deed"`
	Member chat.MemberID `json:"member"`
	Name   string        `json:"name"`
	Color  uint8         `json:"color"`
	Until  int64         `json:"until,omitempty"`
	Lifted bool          `json:"lifted,omitempty"`
	Reason string        `json:"reason,omitempty"`
	Role   chat.Role     `json:"role,omitempty"`
	Count  int           `json:"count,omitempty"`
}

func newMeasure(m *chat.Measure) *measure {
	return &measure{m.Deed, m.Of.ID, m.Of.Name, m.Of.Color, milliOf(m.Until), m.Lifted, m.Reason, m.Role, m.Count}
}

func (m *measure) chat() *chat.Measure {
	return &chat.Measure{
		Deed: m.Deed, Of: chat.Author{ID: m.Member, Name: m.Name, Color: m.Color},
		Until: whenOf(m.Until), Lifted: m.Lifted, Reason: m.Reason, Role: m.Role, Count: m.Count,
	}
}

type reaction struct {
	Emoji string `json:"emoji"`
	Count int    `json:"count"`
}

// A change is a chat.RoomChange.
type change struct {
	Title      *string    `json:"title,omitempty"`
	Locked     *bool      `json:"locked,omitempty"`
	Passphrase *bool      `json:"passphrase,omitempty"`
	Keep       *chat.Keep `json:"keep,omitempty"`
	Slow       *int64     `json:"slow,omitempty"` // milliseconds
}

// extraOf is an entry's log.extra: JSON, or "" where there is nothing to say. edit is its maker.edit.
func extraOf(e *chat.Entry, edit chat.Seq) (string, error) {
	if e.Rev == 0 && e.Was == "" && e.Target == 0 && e.Info == nil && e.Measure == nil { // as nearly all
		return "", nil
	}
	x := extra{Was: e.Was, Edit: edit, Rev: e.Rev, Target: e.Target, Emoji: e.Emoji, On: e.On}
	if !e.Edited.IsZero() {
		x.Edited = e.Edited.UnixMilli()
	}
	if !e.Deleted.IsZero() {
		x.Deleted = e.Deleted.UnixMilli()
	}
	for _, r := range e.Reactions {
		x.Reactions = append(x.Reactions, reaction(r))
	}
	if c := e.Info; c != nil {
		x.Info = &change{Title: c.Title, Locked: c.Locked, Passphrase: c.Passphrase, Keep: c.Keep}
		if c.Slow != nil {
			x.Info.Slow = new(c.Slow.Milliseconds())
		}
	}
	if e.Measure != nil {
		x.Measure = newMeasure(e.Measure)
	}
	b, err := json.Marshal(x)
	return string(b), err
}

// readExtra undoes extraOf.
func readExtra(e *chat.Entry, s string) (edit chat.Seq, err error) {
	if s == "" {
		return 0, nil
	}
	var x extra
	if err := json.Unmarshal([]byte(s), &x); err != nil {
		return 0, fmt.Errorf("extra: %w", err)
	}
	e.Was, e.Rev, e.Target, e.Emoji, e.On = x.Was, x.Rev, x.Target, x.Emoji, x.On
	if x.Edited != 0 {
		e.Edited = timeOf(x.Edited)
	}
	if x.Deleted != 0 {
		e.Deleted = timeOf(x.Deleted)
	}
	for _, r := range x.Reactions {
		e.Reactions = append(e.Reactions, chat.Reaction(r))
	}
	if c := x.Info; c != nil {
		e.Info = &chat.RoomChange{Title: c.Title, Locked: c.Locked, Passphrase: c.Passphrase, Keep: c.Keep}
		if c.Slow != nil {
			e.Info.Slow = new(time.Duration(*c.Slow) * time.Millisecond)
		}
	}
	if x.Measure != nil {
		e.Measure = x.Measure.chat()
	}
	return x.Edit, nil
}

const entryColumns = "id, at, kind, member, name, color, cid, text, reply, extra"

// An entryRow reads entryColumns, one row after the other, into memory that it
// uses again for each.
type entryRow struct {
	row, at, kind, color, reply int64
	member, name, text, extra   string
	cid                         clientID
	dest                        []any
}

// newEntryRow returns one that reads into more what a query asks for beyond.
func newEntryRow(more ...any) *entryRow {
	r := &entryRow{}
	r.dest = append([]any{&r.row, &r.at, &r.kind, &r.member, &r.name, &r.color, &r.cid, &r.text, &r.reply, &r.extra}, more...)
	return r
}

// read reads a row. edit is of a message: the edit that holds its text, 0 for none.
func (r *entryRow) read(scan func(...any) error, code string) (e chat.Entry, edit chat.Seq, err error) {
	if err := scan(r.dest...); err != nil {
		return e, 0, err
	}
	e = chat.Entry{
		RoomID: roomOf(r.row), Room: code, Seq: seqOf(r.row), At: timeOf(r.at), Kind: kindOf(r.kind), ID: string(r.cid),
		From: chat.Author{ID: chat.MemberID(r.member), Name: r.name, Color: uint8(r.color)}, Text: r.text, ReplyTo: chat.Seq(r.reply),
	}
	if edit, err = readExtra(&e, r.extra); err != nil || e.Kind == "" || int64(e.From.Color) != r.color || int64(e.ReplyTo) != r.reply {
		return e, 0, fmt.Errorf("entry %d of room %d is damaged (kind %d): %w", e.Seq, e.RoomID, r.kind, err)
	}
	return e, edit, nil
}

// scanEntry reads one row; see entryRow.
func scanEntry(scan func(...any) error, code string, more ...any) (e chat.Entry, edit chat.Seq, err error) {
	return newEntryRow(more...).read(scan, code)
}

// rowOf is the key of an entry.
func rowOf(room chat.RoomID, seq chat.Seq) int64 { return int64(room)<<32 | int64(seq) }

func roomOf(row int64) chat.RoomID { return chat.RoomID(row >> 32) }
func seqOf(row int64) chat.Seq     { return chat.Seq(row & 0xffffffff) }

// timeOf is a time as the store keeps it.
func timeOf(milli int64) time.Time { return time.UnixMilli(milli).UTC() }

// milliOf and whenOf are for times that may be none: 0.
func milliOf(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func whenOf(milli int64) time.Time {
	if milli == 0 {
		return time.Time{}
	}
	return timeOf(milli)
}

// milliUp rounds a bound up, so that a kept time lies before the result exactly if it lies before t.
func milliUp(t time.Time) int64 { return t.Add(time.Millisecond - 1).UnixMilli() }
