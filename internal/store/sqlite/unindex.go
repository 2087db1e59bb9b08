package sqlite

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"snug/internal/chat"
)

// How texts leave the index.
const (
	// forgetRows is how many entries one commit takes out.
	forgetRows = 500

	// secureRows is how many messages are taken out of the file there and then. That costs
	// milliseconds each; more are only marked as gone, and a merge rewrites the index without them.
	secureRows = 64

	// mergeDebt is how many marked messages retention leaves before it has a merge begin.
	mergeDebt = 20_000

	// mergeAdded is how many messages are put in, at least, before all there is becomes one: the more parts the index
	// has, the longer a search takes that looks for many words.
	mergeAdded = 20_000

	// mergeCalm is for how many times index.pace nothing but a little must have come before that begins.
	mergeCalm = 5

	mergePages = 200  // written by one commit of a merge
	sweepTerms = 1000 // looked at by one commit of a sweep
)

// unindex has the text of a message leave the index with this transaction: the
// commit waits until it has. text is what the message says until now. Once the transaction
// has ended, either way, the indexer looks at the message again, and takes in what it says then. Whatever changes
// or removes a message's text in the log must call it, but for pruning and deleting a room.
func (t *tx) unindex(row int64, text string) {
	if t.unindexed == nil {
		t.unindexed = make(map[int64]string)
	}
	if _, ok := t.unindexed[row]; !ok { // the first is what was committed
		t.unindexed[row] = text
	}
}

// purge takes messages, by their rows and texts, out of the index, durably, and notes them to be
// looked at again. It is idempotent. Only the writer may call it.
func (x *index) purge(texts map[int64]string) error {
	if len(texts) == 0 {
		return nil
	}
	return chore(x.ask(context.Background(), func() error {
		x.takeSettled() // the end of earlier changes is not that of this one
		for _, row := range slices.Sorted(maps.Keys(texts)) {
			p := x.places[roomOf(row)]
			if _, out := x.again[row]; out || seqOf(row) <= p.floor {
				if out {
					x.again[row] = false
				}
				continue
			}
			if _, err := x.conn.exec("INSERT INTO again (id) VALUES (?)", row); err != nil {
				return err
			}
			x.again[row] = false
			if seqOf(row) <= p.seq {
				if err := x.remove(row, texts[row], true); err != nil {
					return err
				}
			}
		}
		return nil
	}))
}

// settle says that the changes for which messages were purged are committed, or were given up.
func (x *index) settle(rows []int64) {
	if len(rows) == 0 {
		return
	}
	x.mu.Lock()
	x.settled = append(x.settled, rows...)
	x.mu.Unlock()
	x.signal()
}

// remove takes a message that is indexed with this text out: with secure out of the
// file and the vocabulary too, else a merge and a sweep have to follow.
func (x *index) remove(row int64, text string, secure bool) error {
	terms := appendTerms(nil, text)
	if len(terms) == 0 {
		return nil
	}
	slices.Sort(terms)
	terms = slices.Compact(terms)
	x.scrub = true
	if _, err := x.conn.exec("INSERT INTO words (words, rowid, terms) VALUES ('delete', ?, ?)", row, strings.Join(terms, " ")); err != nil {
		return err
	}
	if !secure {
		return nil
	}
	for _, t := range terms {
		if err := x.forgetTerm(t); err != nil {
			return err
		}
	}
	return nil
}

// forgetTerm takes a term out of the vocabulary if no message has it any more.
func (x *index) forgetTerm(t string) error {
	if used, err := x.conn.one([]any{new(int64)}, "SELECT rowid FROM words WHERE words MATCH ? LIMIT 1", `"`+t+`"`); err != nil || used {
		return err
	}
	delete(x.known, t)
	_, err := x.conn.exec("DELETE FROM terms WHERE term = ?", t)
	return err
}

// forget takes a room's messages up to seq out of the index, durably, and has them never
// come back: they are about to be deleted. With the greatest seq the room is not
// indexed any more.
func (x *index) forget(ctx context.Context, room chat.RoomID, to chat.Seq) error {
	many := false
	for done := false; !done; {
		err := x.ask(ctx, func() (err error) {
			done, err = x.forgetSome(room, to, &many)
			return err
		})
		if errors.Is(err, errIndexEnded) {
			return nil // nor is anything written any more
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// forgetSome takes out the next messages. many is whether they are too many for the thorough way.
func (x *index) forgetSome(room chat.RoomID, to chat.Seq, many *bool) (done bool, err error) {
	p := x.places[room]
	if p.floor >= to {
		return true, nil
	}
	last := min(to, p.seq) // what is above was never indexed
	var list []chat.Entry
	if p.floor < last {
		err = x.store.read(context.Background(), room, func(r *reading) (err error) {
			list, err = r.newer(&cutter{limit: forgetRows}, true, max(p.floor, r.first-1), last)
			return err
		})
		if chat.CodeOf(err) == chat.NotFound {
			return true, nil
		}
		if err != nil {
			return false, err
		}
	}
	if *many = *many || len(list) > secureRows; *many {
		if err := x.secure(false); err != nil {
			return false, err
		}
	}
	for i := range list {
		e := &list[i]
		row := rowOf(room, e.Seq)
		if _, out := x.again[row]; !out && e.Kind == chat.KindMessage {
			if err := x.remove(row, e.Text, !*many); err != nil {
				return false, err
			}
		}
	}
	if *many {
		x.debt += len(list)
		if err := x.noteDebt(); err != nil {
			return false, err
		}
		if err := x.secure(true); err != nil {
			return false, err
		}
	}
	if len(list) == forgetRows {
		p.floor = list[len(list)-1].Seq
	} else {
		p.floor, done = to, true
	}
	p.seq = max(p.seq, p.floor)
	return done, x.put(room, p)
}

// secure says whether what is taken out leaves the file at once.
func (x *index) secure(on bool) error {
	_, err := x.conn.exec("INSERT INTO words (words, rank) VALUES ('secure-delete', ?)", on)
	return err
}

// indexAnew has a room indexed from its beginning: it was forgotten, and lives on.
func (x *index) indexAnew(room chat.RoomID) {
	if x.ask(context.Background(), func() error { return x.drop(room) }) == nil { // else the next start does it
		x.note([]chat.Entry{{RoomID: room}})
	}
}

// bury forgets that a room was, which has been deleted, and waits until nothing of it is left in the
// file. What ctx or the end cuts off goes on later.
func (x *index) bury(ctx context.Context, room chat.RoomID) error {
	for more := true; more; {
		err := x.ask(ctx, func() (err error) {
			if err := x.drop(room); err != nil {
				return err
			}
			if x.debt > 0 {
				x.merge = true
			}
			more, err = x.tidySome()
			return err
		})
		if errors.Is(err, errIndexEnded) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// untidy reports whether there is anything for tidy to do.
func (x *index) untidy() bool {
	return x.merge || x.sweep != nil || x.scrub || x.debt >= mergeDebt || x.grown()
}

// noteDebt puts into the file how many messages are marked as gone and still in it. What a stop or a crash cuts off
// is so known to the next start.
func (x *index) noteDebt() error {
	_, err := x.conn.exec("UPDATE meta SET value = ? WHERE name = 'debt'", x.debt+x.owed)
	return err
}

// grown reports whether so much was put in since the last merge began that the next one is worth it: an eighth of all there is.
func (x *index) grown() bool {
	if x.added < mergeAdded {
		return false
	}
	all := 0
	for _, p := range x.places {
		all += int(p.seq - p.floor)
	}
	return 8*x.added >= all
}

// tidy does some of what keeps the file small and free of what was taken out.
func (x *index) tidy() (more bool, err error) {
	if x.debt >= mergeDebt || x.grown() && time.Since(x.crowd) > mergeCalm*x.pace {
		x.merge = true
	}
	if x.merge || x.sweep != nil {
		err := x.transact(func() (err error) {
			more, err = x.tidySome()
			return err
		})
		return more, err
	}
	if x.scrub {
		pages, err := checkpoint(x.conn, "TRUNCATE")
		x.scrub = pages > 0 // readers stood in the way
		return false, err
	}
	return false, nil
}

// tidySome does a part of a merge, or of the sweep that follows it.
func (x *index) tidySome() (more bool, err error) {
	switch {
	case x.merge:
		pages := mergePages
		if x.debt > 0 || x.grown() { // it begins: with all there is, however full or small
			pages = -mergePages
			x.owed, x.debt, x.added = x.owed+x.debt, 0, 0
			if _, err := x.conn.exec("UPDATE meta SET value = 0 WHERE name = 'added'"); err != nil {
				return false, err
			}
		}
		var before, after int
		if _, err := x.conn.one([]any{&before}, "SELECT total_changes()"); err != nil {
			return false, err
		}
		if _, err := x.conn.exec("INSERT INTO words (words, rank) VALUES ('merge', ?)", pages); err != nil {
			return false, err
		}
		if _, err := x.conn.one([]any{&after}, "SELECT total_changes()"); err != nil {
			return false, err
		}
		if after-before < 2 { // FTS5, "The 'merge' Command": nothing left to merge
			x.merge = false
			if x.owed > 0 { // terms may be left that no message has any more
				x.sweep = new("")
			}
		}
		return true, nil
	case x.sweep != nil:
		var terms []string
		err := x.conn.query(func(scan func(...any) error) error {
			var t string
			err := scan(&t)
			terms = append(terms, t)
			return err
		}, "SELECT term FROM terms WHERE term > ? ORDER BY term LIMIT ?", *x.sweep, sweepTerms)
		if err != nil {
			return false, err
		}
		for _, t := range terms {
			if err := x.forgetTerm(t); err != nil {
				return false, err
			}
		}
		if len(terms) < sweepTerms {
			x.sweep, x.owed = nil, 0
			return false, x.noteDebt()
		}
		x.sweep = &terms[len(terms)-1]
		return true, nil
	}
	return false, nil
}
