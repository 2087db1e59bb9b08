package sqlite

import (
	"context"
	"maps"
	"slices"
	"time"

	"snug/internal/chat"
)

// Edits, deletes and reactions are entries of their own, and revise the message
// they are of in the same commit: wherever it is. It may be in the inbox alone, in the log
// table alone, or, while a fold is under way, in both.

// A version is an entry as a transaction leaves it.
type version struct {
	entry chat.Entry
	maker
}

// find finds an entry as this transaction leaves it, nil if it is not kept.
func (t *tx) find(room chat.RoomID, seq chat.Seq) (*version, error) {
	if seq == 0 || seq <= t.drops[room] {
		return nil, nil
	}
	row := rowOf(room, seq)
	if v := t.revised[row]; v != nil {
		return v, nil
	}
	if p, ok := t.rooms[room]; !ok || seq > p.head { // it may be of this transaction
		for i := len(t.entries) - 1; i >= 0; i-- {
			if e := &t.entries[i]; e.RoomID == room && e.Seq == seq {
				return &version{*e, t.made[i]}, nil
			}
		}
	}
	if r := t.tail.rooms[room]; r != nil && seq >= r.entries[0].Seq && seq <= r.entries[len(r.entries)-1].Seq {
		i := seq - r.entries[0].Seq
		return &version{*r.entries[i], r.made[i]}, nil
	}
	p, _, err := t.tip(room)
	if err != nil {
		return nil, err
	}
	var v *version
	err = t.query(func(scan func(...any) error) (err error) {
		var by []byte
		v = &version{}
		v.entry, v.edit, err = scanEntry(scan, p.code, &by)
		copy(v.by[:], by)
		return err
	}, "SELECT "+entryColumns+", identity FROM log WHERE id = ?", row)
	return v, err
}

// target finds the message that d is of. same: it is already as d would have it.
func (t *tx) target(d *chat.Draft) (v *version, same bool, refusal, err error) {
	v, err = t.find(d.Room, d.Target)
	switch {
	case err != nil:
		return nil, false, nil, err
	case v == nil || v.entry.Kind != chat.KindMessage:
		return nil, false, noMessage("there is no such message, or no longer"), nil
	}
	if d.Allow != nil {
		if refusal := d.Allow(&v.entry, v.by == d.Identity); refusal != nil {
			return nil, false, refusal, nil
		}
	}
	deleted := !v.entry.Deleted.IsZero()
	switch {
	case d.Kind == chat.KindDelete:
		same = deleted
	case deleted:
		return nil, false, noMessage("the message was deleted"), nil
	case d.Kind == chat.KindEdit:
		same = v.entry.Text == d.Text
	default:
		var on bool
		on, err = t.one([]any{new(int)}, "SELECT 1 FROM reactions WHERE identity = ? AND message = ? AND emoji = ?",
			d.Identity[:], rowOf(d.Room, d.Target), d.Emoji)
		same = on == d.On
	}
	return v, same, nil, err
}

func noMessage(why string) error {
	return &chat.Error{Code: chat.NotFound, Field: "seq", Message: why}
}

// standing answers a draft that changes nothing: with the newest entry that
// made the message what it is. That is kept as long as the message: it is newer.
func (t *tx) standing(v *version) (chat.Appended, error) {
	a := chat.Appended{Seq: v.entry.Seq, At: v.entry.At, Duplicate: true}
	if v.entry.Rev == 0 {
		return a, nil
	}
	newest, err := t.find(v.entry.RoomID, v.entry.Rev)
	if newest != nil {
		a.Seq, a.At = newest.entry.Seq, newest.entry.At
	}
	return a, err
}

// revise makes of a message what the entry of d, which gets this seq and time, says.
func (t *tx) revise(v *version, d *chat.Draft, seq chat.Seq, at time.Time) error {
	next := *v
	e := &next.entry
	switch d.Kind {
	case chat.KindEdit:
		if err := t.blank(e.RoomID, v.edit); err != nil {
			return err
		}
		t.unindex(rowOf(e.RoomID, e.Seq), e.Text)
		e.Text, e.Edited, next.edit = d.Text, at, seq
		t.erased = true
	case chat.KindDelete:
		if err := t.blank(e.RoomID, v.edit); err != nil {
			return err
		}
		if len(e.Reactions) > 0 {
			if _, err := t.write("DELETE FROM reactions WHERE message = ?", rowOf(e.RoomID, e.Seq)); err != nil {
				return err
			}
		}
		t.unindex(rowOf(e.RoomID, e.Seq), e.Text)
		e.Text, e.ReplyTo, e.Edited, e.Reactions, e.Deleted, next.edit = "", 0, time.Time{}, nil, at, 0
		t.erased = true
	case chat.KindReact:
		q := "DELETE FROM reactions WHERE identity = ? AND message = ? AND emoji = ?"
		if d.On {
			q = "INSERT INTO reactions (identity, message, emoji) VALUES (?,?,?)"
		}
		if _, err := t.write(q, d.Identity[:], rowOf(e.RoomID, e.Seq), d.Emoji); err != nil {
			return err
		}
		e.Reactions = count(e.Reactions, d.Emoji, d.On)
	}
	e.Rev = seq
	t.revised[rowOf(e.RoomID, e.Seq)] = &next
	return nil
}

// count adds a reaction to a list, or takes it away. The list that was is left as it is.
func count(list []chat.Reaction, emoji string, on bool) []chat.Reaction {
	list = slices.Clone(list)
	i := slices.IndexFunc(list, func(r chat.Reaction) bool { return r.Emoji == emoji })
	switch {
	case i < 0 && on:
		return append(list, chat.Reaction{Emoji: emoji, Count: 1})
	case i < 0:
		return list
	case on:
		list[i].Count++
	default:
		list[i].Count--
	}
	if list[i].Count > 0 {
		return list
	}
	if list = slices.Delete(list, i, i+1); len(list) == 0 {
		return nil
	}
	return list
}

// blank takes the text out of an edit that is superseded, or of a message that is deleted.
func (t *tx) blank(room chat.RoomID, edit chat.Seq) error {
	if edit == 0 {
		return nil
	}
	v, err := t.find(room, edit)
	if err != nil || v == nil {
		return err
	}
	next := *v
	next.entry.Text = ""
	t.revised[rowOf(room, edit)] = &next
	return nil
}

// writeRevised writes what the transaction made of entries that were committed
// before, to the table and to the inbox: whichever has them.
func (t *tx) writeRevised() error {
	for _, row := range slices.Sorted(maps.Keys(t.revised)) {
		e := &t.revised[row].entry
		x, err := extraOf(e, t.revised[row].edit)
		if err != nil {
			return err
		}
		if _, err := t.write("UPDATE log SET kind = ?, text = ?, reply = ?, extra = ? WHERE id = ?",
			numberOfKind(e), e.Text, int64(e.ReplyTo), x, row); err != nil {
			return err
		}
	}
	return t.reviseInbox()
}

// Mine implements chat.Store.
func (s *Store) Mine(ctx context.Context, room chat.RoomID, id chat.Identity, first, last chat.Seq) (map[chat.Seq][]string, error) {
	mine := make(map[chat.Seq][]string)
	err := s.readers.use(ctx, func(c *conn) error {
		return c.query(func(scan func(...any) error) error {
			var row int64
			var emoji string
			err := scan(&row, &emoji)
			mine[seqOf(row)] = append(mine[seqOf(row)], emoji)
			return err
		}, "SELECT message, emoji FROM reactions WHERE identity = ? AND message BETWEEN ? AND ? ORDER BY message, emoji",
			id[:], rowOf(room, first), rowOf(room, last))
	})
	return mine, err
}

// dropReactions deletes the reactions on a run of messages.
func (t *tx) dropReactions(room chat.RoomID, first, last chat.Seq) error {
	_, err := t.write("DELETE FROM reactions WHERE message BETWEEN ? AND ?", rowOf(room, first), rowOf(room, last))
	return err
}
