package sqlite

import (
	"slices"
	"strings"

	"snug/internal/chat"
)

// intakeChunk is how many messages are cut into words while others are put in.
const intakeChunk = 50

// An intake is a message that is to be put into the index.
type intake struct {
	row   int64
	terms string   // each once, a blank behind it
	fresh []string // those of them that table terms may lack
}

// add puts messages in, those of them that have any words. To cut them is a
// quarter of the work, and done beside the rest of it where there are many.
func (x *index) add(list []chat.Entry) error {
	if len(list) <= intakeChunk {
		return x.insert(x.intakes(list))
	}
	ready := make(chan []intake, 2)
	go func() { // ends before add returns
		defer close(ready)
		for chunk := range slices.Chunk(list, intakeChunk) {
			ready <- x.intakes(chunk)
		}
	}()
	var err error
	for chunk := range ready {
		if err == nil {
			err = x.insert(chunk)
		}
	}
	return err
}

// intakes cuts messages into words.
func (x *index) intakes(list []chat.Entry) []intake {
	all := make([]intake, 0, len(list))
	var text []byte
	for i := range list {
		e := &list[i]
		if e.Kind != chat.KindMessage {
			continue
		}
		if x.terms = appendTerms(x.terms[:0], e.Text); len(x.terms) == 0 {
			continue
		}
		in := intake{row: rowOf(e.RoomID, e.Seq)}
		x.texts++
		text = text[:0]
		for _, t := range x.terms {
			last := x.known[t]
			switch {
			case last == nil:
				if len(x.known) >= knownTerms {
					clear(x.known)
				}
				t = strings.Clone(t) // not the whole text
				in.fresh = append(in.fresh, t)
				x.known[t] = new(x.texts)
			case *last == x.texts:
				continue // once is enough
			default:
				*last = x.texts
			}
			text = append(append(text, t...), ' ')
		}
		in.terms = string(text)
		all = append(all, in)
	}
	return all
}

// insert writes to the index.
func (x *index) insert(list []intake) error {
	for i := range list {
		in := &list[i]
		for _, t := range in.fresh {
			if _, err := x.conn.exec("INSERT OR IGNORE INTO terms (term) VALUES (?)", t); err != nil {
				return err
			}
		}
		x.added++
		if _, err := x.conn.exec("INSERT INTO words (rowid, terms) VALUES (?,?)", in.row, in.terms); err != nil {
			return err
		}
	}
	return nil
}
