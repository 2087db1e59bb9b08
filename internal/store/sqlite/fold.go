package sqlite

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"zombiezen.com/go/sqlite"

	"snug/internal/chat"
)

// A fold moves entries from the inbox to the log table. What is in the inbox
// when it begins is copied, sorted by room, so that the entries of a room meet
// in few pages; then their ids, sorted by key; then the inbox's rows are deleted.
// Each commit of a batch takes a slice of that along, a little larger than the
// batch, so a fold ends before the next one is due, and no commit is much longer than others.
//
// A fold that is cut off by a crash begins anew; rows it had copied are left as they are. It
// takes on so little, and where much is waiting goes on so fast, that a server which is killed
// time and again, and never lives long, comes to the end of some: else its inbox, and with that its starts, would grow and grow.
type fold struct {
	runs  []run   // what is to be copied, by rising room
	ids   []idRow // the same entries' ids, by rising key
	inbox int64   // the newest inbox row that holds any of it
	bytes int     // of those rows

	// How far it is.
	run, id int      // index into runs and ids
	seq     chat.Seq // the next of runs[run]
	emptied int64    // inbox rows up to this are deleted
	done    bool
}

// A run is a room's part of a fold, from the first to the last.
type run struct {
	room        chat.RoomID
	first, last chat.Seq
}

type idRow struct {
	k, row int64
}

// compareIDs orders ids as their table does.
func compareIDs(a, b idRow) int { return cmp.Or(cmp.Compare(a.k, b.k), cmp.Compare(a.row, b.row)) }

// Rates of a fold, in bytes of the inbox.
const (
	foldAt    = 4 << 20  // a fold begins when this much is waiting
	foldMost  = 8 << 20  // what a fold takes on at most
	foldLate  = 12 << 20 // with more than this in the inbox each commit takes a slice along
	foldSlice = 64 << 10 // what is folded in a commit of its own, when there is nothing else to do
	foldLeast = 16 << 10 // less is not worth the statements
	idBytes   = 40       // what an id counts
	rowBytes  = 1 << 10  // what deleting a row of the inbox counts

	// foldAfter is how long an entry waits at most for a fold to begin.
	foldAfter = 10 * time.Second

	// foldPause is how long there must have been no batch before a fold gets commits of its own.
	foldPause = 20 * time.Millisecond

	// foldRows is how many rows one statement inserts.
	foldRows = 16
)

// beginFold starts a fold of what is in the tail, up to foldMost, if it is time, or at once with now.
func (w *writer) beginFold(now bool) {
	if w.fold != nil || w.pending == 0 || !now && w.pending < w.rate.at && time.Since(w.since) < w.rate.after {
		return
	}
	f := &fold{inbox: w.inbox - int64(len(w.rows)), emptied: w.emptied}
	taken := 0
	for ; taken < len(w.rows) && f.bytes < foldMost; taken++ {
		f.bytes += w.rows[taken]
		f.inbox++
	}
	w.rows = slices.Clone(w.rows[taken:])
	for id, r := range w.tail.rooms { // read by its only writer
		n := 0
		for ; n < len(r.entries) && r.made[n].row <= f.inbox; n++ {
			if e := r.entries[n]; e.ID != "" {
				f.ids = append(f.ids, idRow{r.made[n].key, rowOf(id, e.Seq)})
			}
		}
		if n > 0 {
			f.runs = append(f.runs, run{id, r.entries[0].Seq, r.entries[n-1].Seq})
		}
	}
	slices.SortFunc(f.runs, func(a, b run) int { return cmp.Compare(a.room, b.room) })
	slices.SortFunc(f.ids, compareIDs)
	if len(f.runs) > 0 {
		f.seq = f.runs[0].first
	}
	w.fold, w.debt = f, 0
	w.pending -= f.bytes
}

// foldOn takes a fold under way a step further: as far as the batch has made it
// due, or by foldSlice if there is no batch.
func (t *tx) foldOn(idle bool) (err error) {
	if t.fold == nil {
		return nil
	}
	t.debt += t.grown + t.grown/4
	if idle || t.fold.bytes+t.pending > foldLate {
		t.debt = max(t.debt, foldSlice)
	}
	if t.debt >= foldLeast {
		due := t.debt
		t.debt, err = t.foldSome(t.fold, due)
		t.moved = due - t.debt
	}
	return err
}

// foldWent takes over how far a transaction came with the fold.
func (w *writer) foldWent(t *tx) {
	f := t.fold
	w.fold, w.debt = f, t.debt
	if f == nil || !f.done {
		return
	}
	for _, r := range f.runs {
		w.tail.drop(r.room, r.last)
	}
	w.emptied = f.inbox
	w.fold = nil
}

// foldSome folds about n bytes, and returns what of n is left: less than nothing if it was more.
func (t *tx) foldSome(f *fold, n int) (left int, err error) {
	if n, err = t.foldEntries(f, n); err != nil || n <= 0 {
		return n, err
	}
	if n, err = t.foldIDs(f, n); err != nil || n <= 0 {
		return n, err
	}
	return t.emptyInbox(f, n)
}

var (
	insertEntry   = "INSERT OR IGNORE INTO log (id, at, kind, identity, member, name, color, cid, text, reply, extra) VALUES (?,?,?,?,?,?,?,?,?,?,?)"
	insertEntries = insertEntry + strings.Repeat(",(?,?,?,?,?,?,?,?,?,?,?)", foldRows-1)
	insertID      = "INSERT OR IGNORE INTO ids (k, id) VALUES (?,?)"
	insertIDs     = insertID + strings.Repeat(",(?,?)", foldRows-1)
)

// A foldRow is a row that is to be inserted.
type foldRow struct {
	*chat.Entry
	*maker
	extra string
}

// bind sets a row's parameters, the first of which is i.
func (r *foldRow) bind(st *sqlite.Stmt, i int) {
	st.BindInt64(i, rowOf(r.RoomID, r.Seq))
	st.BindInt64(i+1, r.At.UnixMilli())
	st.BindInt64(i+2, numberOfKind(r.Entry))
	st.BindBytes(i+3, r.by[:])
	st.BindText(i+4, string(r.From.ID))
	st.BindText(i+5, r.From.Name)
	st.BindInt64(i+6, int64(r.From.Color))
	clientID(r.ID).bindTo(st, i+7)
	st.BindText(i+8, r.Text)
	st.BindInt64(i+9, int64(r.ReplyTo))
	st.BindText(i+10, r.extra)
}

// foldEntries copies about n bytes of entries to the table, and returns what of n is left.
func (t *tx) foldEntries(f *fold, n int) (int, error) {
	rows := make([]foldRow, 0, foldRows)
	for n > 0 && f.run < len(f.runs) {
		r := f.runs[f.run]
		if e, m := t.unfolded(r.room, f.seq); e != nil {
			x, err := extraOf(e, m.edit)
			if err != nil {
				return n, err
			}
			n -= 64 + len(e.Text)
			rows = append(rows, foldRow{e, m, x})
		}
		if f.seq++; f.seq-1 == r.last {
			if f.run++; f.run < len(f.runs) {
				f.seq = f.runs[f.run].first
			}
		}
	}
	return n, t.insert(insertEntries, insertEntry, 11, len(rows), func(st *sqlite.Stmt, row, i int) { rows[row].bind(st, i) })
}

// insert inserts n rows of so many columns: foldRows at a time by the statement many, what is left by one. bind sets a row's
// parameters, the first of which is i.
func (t *tx) insert(many, one string, columns, n int, bind func(st *sqlite.Stmt, row, i int)) error {
	for row := 0; row < n; {
		q, rows := many, foldRows
		if n-row < foldRows {
			q, rows = one, 1
		}
		st, err := t.prepared(q)
		if err == nil {
			err = t.start()
		}
		if err != nil {
			return err
		}
		for i := range rows {
			bind(st, row+i, 1+i*columns)
		}
		if err := t.run(st, nil); err != nil {
			return err
		}
		row += rows
	}
	return nil
}

// unfolded returns an entry of the tail, nil if it has been pruned meanwhile or its room deleted.
func (t *tx) unfolded(room chat.RoomID, seq chat.Seq) (*chat.Entry, *maker) {
	r := t.tail.rooms[room]
	if r == nil || seq < r.entries[0].Seq || seq <= t.drops[room] {
		return nil, nil
	}
	if v := t.revised[rowOf(room, seq)]; v != nil {
		return &v.entry, &v.maker
	}
	i := seq - r.entries[0].Seq
	return r.entries[i], &r.made[i]
}

// foldIDs is foldEntries for ids.
func (t *tx) foldIDs(f *fold, n int) (int, error) {
	rows := make([]idRow, 0, min(len(f.ids)-f.id, n/idBytes+1))
	for ; n > 0 && f.id < len(f.ids); f.id++ {
		row := f.ids[f.id].row
		if e, _ := t.unfolded(roomOf(row), seqOf(row)); e != nil {
			n -= idBytes
			rows = append(rows, f.ids[f.id])
		}
	}
	return n, t.insert(insertIDs, insertID, 2, len(rows), func(st *sqlite.Stmt, row, i int) {
		st.BindInt64(i, rows[row].k)
		st.BindInt64(i+1, rows[row].row)
	})
}

// emptyInbox deletes the rows of the inbox that are folded, about n bytes of them.
func (t *tx) emptyInbox(f *fold, n int) (int, error) {
	for ; n > 0 && f.emptied < f.inbox; f.emptied++ {
		if _, err := t.write("DELETE FROM inbox WHERE n = ?", f.emptied+1); err != nil {
			return n, err
		}
		n -= rowBytes
	}
	f.done = f.emptied == f.inbox
	return n, nil
}
