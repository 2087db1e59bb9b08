package prove

import (
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"snug/internal/chat"
	"snug/internal/wire"
)

// A deed is what is asked of the server, by the event's name.
type deed string

const (
	say   deed = "send"
	edit  deed = "edit"
	erase deed = "delete"
	react deed = "react"
)

// A message is something that a person does in a room, under an id.
type message struct {
	op       deed
	id, text string
	of       *work // what is changed; nil for what is said
	on       bool  // of a reaction

	seq   uint32        // once acknowledged
	tried time.Duration // when it was sent on the present connection, since the journal's start
}

// A work is a message in the log, and what its author has made of it: the
// author alone changes it, so that it is known what must come of that. Guarded
// by the author's mu.
type work struct {
	seq     uint32
	text    string // "" once it is deleted
	reacted bool
}

const emoji = "👍"

// compose makes the next message of a place: most say something, some change
// what the person has said there. The caller holds the person's mu.
func (at *place) compose(text func() string) *message {
	m := &message{op: say, id: uuid.Must(uuid.NewV7()).String(), text: text()}
	at.composed++
	if len(at.own) == 0 || at.composed%4 != 0 {
		return m
	}
	// One of the newest, which are not folded yet, or any.
	among := len(at.own)
	if rand.IntN(2) == 0 {
		among = min(among, 8)
	}
	w := at.own[len(at.own)-1-rand.IntN(among)]
	if w.text == "" {
		return m
	}
	m.of = w
	switch rand.IntN(3) {
	case 0:
		m.op, w.text = edit, m.text
	case 1:
		w.reacted = !w.reacted
		m.op, m.on = react, w.reacted
	default:
		m.op, w.text, w.reacted = erase, "", false
	}
	return m
}

// stored notes that a message is in the log. The caller holds the person's mu.
func (at *place) stored(m *message) {
	at.last = m
	if m.op == say {
		at.own = append(at.own, &work{seq: m.seq, text: m.text})
	}
}

// request is what is sent.
func (m *message) request(room string) any {
	switch m.op {
	case edit:
		return wire.EditRequest{Room: room, Seq: m.of.seq, Text: m.text, ID: m.id}
	case erase:
		return wire.DeleteRequest{Room: room, Seq: m.of.seq, ID: m.id}
	case react:
		return wire.ReactRequest{Room: room, Seq: m.of.seq, Emoji: emoji, On: m.on, ID: m.id}
	}
	return wire.SendRequest{Room: room, Text: m.text, ID: m.id}
}

// mark is what histories carry for the entry that is to be.
func (m *message) mark() string {
	if m.op == say {
		return mark("message", m.text, 0, false, false)
	}
	return mark(string(m.op), "", m.of.seq, m.on, false)
}

// A spot is an entry's place.
type spot struct {
	room string
	seq  uint32
}

// inspect returns what compares each entry of the log with what its author made
// of it. Nobody may write any more, and everything must be acknowledged.
func (c *Crowd) inspect() func(*chat.Entry) {
	works := map[spot]*work{}
	for _, p := range c.people {
		for _, at := range p.places {
			for _, w := range at.own {
				works[spot{at.code, w.seq}] = w
			}
		}
	}
	return func(e *chat.Entry) {
		w := works[spot{e.Room, uint32(e.Seq)}]
		if w == nil {
			return
		}
		if e.Text != w.text || e.Deleted.IsZero() != (w.text != "") || (len(e.Reactions) == 1) != w.reacted {
			c.fault("%s %d has %d characters of text, deleted %v, %d reactions; its author left it with %d characters, reacted %v",
				e.Room, e.Seq, len(e.Text), !e.Deleted.IsZero(), len(e.Reactions), len(w.text), w.reacted)
		}
	}
}
