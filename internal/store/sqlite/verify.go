package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"

	"zombiezen.com/go/sqlite"

	"snug/internal/chat"
)

// A Report is what Verify found.
type Report struct {
	Rooms, Entries, Unfolded int
	Bytes                    int64    // of the file
	Problems                 []string // empty: all is well
	Notes                    []string // what is worth knowing, and wrong with nothing
}

// problemsMost is how many problems a report names of one kind.
const problemsMost = 5

// checks look for what must not be, each with words for it: "N …".
var checks = []struct{ what, q string }{
	{"entries of rooms that are not there", "SELECT count(*) FROM log WHERE id >> 32 NOT IN (SELECT id FROM rooms UNION SELECT room FROM doomed)"},
	{"memberships of rooms that are not there", "SELECT count(*) FROM members WHERE room NOT IN (SELECT id FROM rooms UNION SELECT room FROM doomed)"},
	{"entries that were pruned", "SELECT count(*) FROM log l JOIN rooms r ON r.id = l.id >> 32 WHERE l.id & 0xffffffff <= r.pruned"},
	{"holes in logs", `SELECT count(*) FROM log l JOIN rooms r ON r.id = l.id >> 32
		WHERE l.id & 0xffffffff > r.pruned + 1 AND NOT EXISTS (SELECT 1 FROM log WHERE id = l.id - 1)`},
	{"times that run backwards", "SELECT count(*) FROM log l JOIN log m ON m.id = l.id + 1 WHERE m.at < l.at"},
	{"reactions on messages that are not there", "SELECT count(*) FROM reactions WHERE message >> 32 IN (SELECT id FROM rooms) AND message NOT IN (SELECT id FROM log) AND (SELECT count(*) FROM inbox) = 0"},
}

// Verify looks a store's file over, and the search index beside it: its structure, each entry, whether logs are
// dense, whether retries would be recognised. It may run beside the store that has it open. What is wrong with the file is in
// the report; an error says that it could not be looked at.
func Verify(ctx context.Context, path string) (*Report, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	r := &Report{Bytes: info.Size()}
	v, err := OpenView(ctx, path)
	if err != nil {
		if sqlite.ErrCode(err) != sqlite.ResultError { // SQLite found something, not we
			r.Problems = append(r.Problems, err.Error())
			return r, nil
		}
		return nil, err
	}
	err = v.now(func(s *moment) error { return r.look(ctx, s) })
	if err != nil {
		r.Problems = append(r.Problems, err.Error()) // the file cannot be read to the end
	} else if err := r.lookAtIndex(ctx, v); err != nil {
		r.Problems = append(r.Problems, "search index: "+err.Error())
	}
	return r, errors.Join(ctx.Err(), v.Close())
}

func (r *Report) add(what string, n int) {
	if n > 0 {
		r.Problems = append(r.Problems, fmt.Sprintf("%d %s", n, what))
	}
}

// lookOver reads the whole file once, after a start, and returns what is wrong with
// its structure. ctx ends it.
func (s *Store) lookOver(ctx context.Context) error {
	return s.readers.use(ctx, func(c *conn) error {
		return c.until(ctx, func() error {
			return c.query(func(scan func(...any) error) error {
				var line string
				if err := scan(&line); err != nil || line == "ok" {
					return err
				}
				return errors.New(line)
			}, "PRAGMA quick_check(1)")
		})
	})
}

// look looks at the store itself.
func (r *Report) look(ctx context.Context, s *moment) error {
	if err := s.query(func(scan func(...any) error) error {
		var line string
		if err := scan(&line); err != nil || line == "ok" {
			return err
		}
		r.Problems = append(r.Problems, line)
		return nil
	}, fmt.Sprintf("PRAGMA integrity_check(%d)", problemsMost)); err != nil || len(r.Problems) > 0 {
		return err // nothing else can be relied upon
	}
	for _, c := range checks {
		var n int
		if _, err := s.one([]any{&n}, c.q); err != nil {
			return err
		}
		r.add(c.what, n)
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	for id := range s.tail.rooms {
		r.Unfolded += len(s.tail.of(id))
	}
	if err := r.lookAtTails(s); err != nil {
		return err
	}
	if _, err := s.one([]any{&r.Rooms}, "SELECT count(*) FROM rooms"); err != nil {
		return err
	}
	return r.lookAtEntries(s)
}

// lookAtTails looks whether what is not folded goes on where the table ends.
func (r *Report) lookAtTails(s *moment) error {
	broken := 0
	for id, t := range s.tail.rooms {
		for i := range t.entries {
			if i > 0 && t.entries[i].Seq != t.entries[i-1].Seq+1 {
				broken++
			}
		}
		var before, pruned int64
		first := rowOf(id, t.entries[0].Seq)
		if _, err := s.one([]any{&before, &pruned}, "SELECT (SELECT count(*) FROM log WHERE id = ? - 1), pruned FROM rooms WHERE id = ?", first, int64(id)); err != nil {
			return err
		}
		if before == 0 && int64(t.entries[0].Seq) > pruned+1 {
			broken++
		}
	}
	r.add("holes in what is not folded yet", broken)
	return nil
}

// lookAtEntries reads every entry, and looks whether its id is found and what it stands for is there.
func (r *Report) lookAtEntries(s *moment) error {
	damaged, lost, ids := 0, 0, 0
	err := s.query(func(scan func(...any) error) error {
		var who []byte
		e, _, err := scanEntry(scan, "", &who)
		r.Entries++
		if err != nil || len(who) != len(chat.Identity{}) || e.Seq == 0 {
			if damaged++; damaged <= problemsMost {
				r.Problems = append(r.Problems, fmt.Sprintf("entry %d of room %d is damaged", e.Seq, e.RoomID))
			}
			return nil
		}
		if e.ID == "" {
			return nil
		}
		ids++
		if s.unfoldedRow(e.RoomID, e.Seq) {
			return nil // its id may not be folded yet
		}
		k := idKey(s.secret, e.RoomID, chat.Identity(who), e.ID)
		found, err := s.one([]any{new(int)}, "SELECT 1 FROM ids WHERE k = ? AND id = ?", k, rowOf(e.RoomID, e.Seq))
		if err == nil && !found {
			lost++
		}
		return err
	}, "SELECT "+entryColumns+", identity FROM log ORDER BY id")
	if err != nil {
		return err
	}
	r.add("entries whose ids are not found, so that retries would be stored twice", lost)
	var kept int
	if _, err := s.one([]any{&kept}, "SELECT count(*) FROM ids"); err != nil {
		return err
	}
	if kept > ids {
		r.add("ids of no entry", kept-ids)
	}
	for id := range s.tail.rooms {
		for _, e := range s.tail.of(id) {
			if in, err := s.one([]any{new(int)}, "SELECT 1 FROM log WHERE id = ?", rowOf(id, e.Seq)); err != nil {
				return err
			} else if !in {
				r.Entries++
			}
		}
	}
	return nil
}

// unfoldedRow reports whether an entry is in the inbox, too: a fold is under way.
func (s *moment) unfoldedRow(room chat.RoomID, seq chat.Seq) bool {
	t := s.tail.of(room)
	return len(t) > 0 && seq >= t[0].Seq
}

// lookAtIndex compares the search index with the log. Beside a running store the two
// are not seen at one moment, so a difference counts if it is there each time.
func (r *Report) lookAtIndex(ctx context.Context, v *View) error {
	x, err := dial(ctx, v.path+indexSuffix, readOnly)
	if err != nil {
		r.Notes = append(r.Notes, "there is no search index; the next start makes one")
		return nil
	}
	defer x.close()
	bad := ""
	for range 5 {
		err = v.now(func(s *moment) error {
			if _, err := x.exec("BEGIN"); err != nil {
				return err
			}
			bad, err = disagree(x, s.reading)
			_, end := x.exec("COMMIT")
			return errors.Join(err, end)
		})
		if err != nil || bad == "" {
			return err
		}
	}
	r.Problems = append(r.Problems, "search index: "+bad)
	return nil
}
