package sqlite

import (
	"fmt"
	"hash/maphash"
	"slices"

	"snug/internal/chat"
)

// A tally sums up which terms stand for which messages, in any order.
type tally struct {
	pairs int
	sum   uint64
}

func (t *tally) add(seed maphash.Seed, row int64, term string) {
	t.pairs++
	t.sum += maphash.Comparable(seed, struct {
		row  int64
		term string
	}{row, term})
}

// disagree compares an index with the log and says what is wrong, "" if nothing is. Both
// connections see one state each; read gives a room's log, tail included.
func disagree(x *conn, read func(chat.RoomID) (*reading, error)) (string, error) {
	var bad string
	if _, err := x.one([]any{&bad}, "SELECT integrity_check FROM pragma_integrity_check WHERE integrity_check <> 'ok' LIMIT 1"); err != nil || bad != "" {
		return bad, err
	}
	again := make(map[int64]bool)
	if err := x.query(func(scan func(...any) error) error {
		var row int64
		err := scan(&row)
		again[row] = true
		return err
	}, "SELECT id FROM again"); err != nil {
		return "", err
	}
	places := make(map[chat.RoomID]place)
	if err := x.query(func(scan func(...any) error) error {
		var id chat.RoomID
		var p place
		err := scan(&id, &p.seq, &p.floor)
		places[id] = p
		return err
	}, "SELECT room, seq, floor FROM places"); err != nil {
		return "", err
	}
	var want, got tally
	seed := maphash.MakeSeed()
	for id, p := range places {
		if p.floor == ^chat.Seq(0) {
			continue
		}
		r, err := read(id)
		if err != nil {
			if chat.CodeOf(err) == chat.NotFound {
				return fmt.Sprintf("it has a room that is not there (%d)", id), nil
			}
			return "", err
		}
		if p.seq > r.head {
			return fmt.Sprintf("of room %d it has entries up to %d, the log only up to %d", id, p.seq, r.head), nil
		}
		for after := max(p.floor, r.first-1); after < p.seq; {
			list, err := r.newer(&cutter{limit: indexPage}, true, after, p.seq)
			if err != nil {
				return "", err
			}
			if len(list) == 0 {
				break
			}
			for i := range list {
				if e := &list[i]; e.Kind == chat.KindMessage && !again[rowOf(id, e.Seq)] {
					terms := appendTerms(nil, e.Text)
					slices.Sort(terms)
					for _, t := range slices.Compact(terms) {
						want.add(seed, rowOf(id, e.Seq), t)
					}
				}
			}
			after = list[len(list)-1].Seq
		}
	}
	if err := x.script("CREATE VIRTUAL TABLE IF NOT EXISTS temp.pairs USING fts5vocab('main', 'words', 'instance')"); err != nil {
		return "", err
	}
	last, unknown := "", 0
	if err := x.query(func(scan func(...any) error) error {
		var row int64
		var term string
		if err := scan(&term, &row); err != nil {
			return err
		}
		got.add(seed, row, term)
		if term == last {
			return nil
		}
		last = term
		known, err := x.one([]any{new(int)}, "SELECT 1 FROM terms WHERE term = ?", term)
		if !known {
			unknown++
		}
		return err
	}, "SELECT term, doc FROM temp.pairs"); err != nil {
		return "", err
	}
	switch {
	case got != want:
		return fmt.Sprintf("it has %d words of messages, and by the log it should have %d, or others", got.pairs, want.pairs), nil
	case unknown > 0:
		return fmt.Sprintf("%d words are missing in its vocabulary", unknown), nil
	}
	return "", nil
}
