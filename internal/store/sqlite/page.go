package sqlite

import (
	"context"
	"slices"
	"time"

	"snug/internal/chat"
)

// talk is the condition of chat.Kind.Talk.
const talk = "kind NOT IN (2, 3, 4)"

// growMost is for how many entries room is made at a time, at most.
const growMost = 256

// A reading is a room's log as of one moment, seen through a connection.
type reading struct {
	*conn
	room        chat.RoomID
	code        string
	head, first chat.Seq
	tail        []*chat.Entry // what the table may not have; dense up to head
	from        chat.Seq      // the tail's first, head + 1 if it is empty
}

// read calls f with a reading of a room's log. What is pruned or changed while
// the reading is being set up is seen so; entries appended then are not.
func (s *Store) read(ctx context.Context, room chat.RoomID, f func(*reading) error) error {
	tail := s.w.tail.of(room) // before the snapshot: see type tail
	return s.readers.view(ctx, func(c *conn) error {
		r, err := c.reading(room, tail)
		if err != nil {
			return err
		}
		return f(r)
	})
}

// reading sets up a reading in the snapshot that the connection sees. tail is the room's, taken before.
func (c *conn) reading(room chat.RoomID, tail []*chat.Entry) (*reading, error) {
	r := &reading{conn: c, room: room, tail: tail}
	var newest int64
	ok, err := c.one([]any{&r.code, &r.first, &newest},
		"SELECT r.code, r.pruned + 1, ifnull((SELECT max(id) FROM log WHERE id BETWEEN r.id << 32 AND r.id << 32 | 0xffffffff), r.pruned) FROM rooms r WHERE r.id = ?", int64(room))
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return nil, notFound("room")
	case len(tail) == 0:
		r.head = seqOf(newest)
	default:
		r.head = tail[len(tail)-1].Seq
		r.first = min(r.first, r.head+1)
		r.tail = tail[min(len(tail), int(r.first-min(r.first, tail[0].Seq))):]
	}
	r.from = r.head + 1 - chat.Seq(len(r.tail))
	return r, nil
}

// Page implements chat.Store.
func (s *Store) Page(ctx context.Context, q chat.PageQuery) (p chat.Page, err error) {
	err = s.read(ctx, q.Room, func(r *reading) (err error) {
		p.Head, p.First = r.head, r.first
		to := r.head
		if q.To != 0 {
			to = min(to, q.To)
		}
		cut := &cutter{limit: max(0, q.Limit), bytes: q.Bytes}
		switch {
		case q.After != nil:
			after := *q.After
			if plantOffByOne {
				after++
			}
			p.Entries, err = r.newer(cut, true, after, to)
			p.More = cut.cut
		case q.Around != 0:
			p.Entries, p.More, err = r.around(q, to)
		default:
			if q.Before != 0 {
				to = min(to, q.Before-1)
			}
			p.Entries, err = r.older(cut, to)
			p.More = cut.cut
			slices.Reverse(p.Entries)
		}
		return err
	})
	if err != nil {
		return chat.Page{}, err
	}
	return p, nil
}

// older reads talk from seq to on backwards, newest first.
func (r *reading) older(cut *cutter, to chat.Seq) (list []chat.Entry, err error) {
	if to >= r.from {
		for i := int(to - r.from); i >= 0 && !cut.cut; i-- {
			if e := r.tail[i]; e.Kind.Talk() && cut.fits(e) {
				if list == nil {
					list = make([]chat.Entry, 0, min(cut.limit, growMost, i+1))
				}
				list = append(list, *e)
			}
		}
		to = r.from - 1
	}
	return r.rows(list, cut, "SELECT "+entryColumns+" FROM log WHERE id BETWEEN ? AND ? AND "+talk+" ORDER BY id DESC LIMIT ?",
		rowOf(r.room, r.first), rowOf(r.room, to))
}

// newer reads what follows after, up to seq to, oldest first: the whole log, or its talk alone.
func (r *reading) newer(cut *cutter, all bool, after, to chat.Seq) (list []chat.Entry, err error) {
	q := "SELECT " + entryColumns + " FROM log WHERE id > ? AND id <= ? ORDER BY id LIMIT ?"
	if !all {
		q = "SELECT " + entryColumns + " FROM log WHERE id > ? AND id <= ? AND " + talk + " ORDER BY id LIMIT ?"
	}
	if after+1 < r.from {
		if list, err = r.rows(list, cut, q, rowOf(r.room, after), rowOf(r.room, min(to, r.from-1))); err != nil {
			return nil, err
		}
	}
	for i := max(after, r.from-1) - (r.from - 1); i < chat.Seq(len(r.tail)) && r.tail[i].Seq <= to && !cut.cut; i++ {
		if e := r.tail[i]; (all || e.Kind.Talk()) && cut.fits(e) {
			list = append(list, *e)
		}
	}
	return list, nil
}

// rows appends what a query for entryColumns finds, which takes the bounds and a limit, as far as cut goes.
func (r *reading) rows(list []chat.Entry, cut *cutter, q string, lo, hi int64) ([]chat.Entry, error) {
	if cut.cut || lo > hi {
		return list, nil
	}
	row := newEntryRow()
	err := r.query(func(scan func(...any) error) error {
		if cut.cut {
			return nil
		}
		e, _, err := row.read(scan, r.code)
		if err == nil && cut.fits(&e) {
			if len(list) == cap(list) {
				list = slices.Grow(list, min(cut.limit-cut.n+1, growMost))
			}
			list = append(list, e)
		}
		return err
	}, q, lo, hi, cut.limit-cut.n+1)
	return list, err
}

// A cutter says where a page ends.
type cutter struct {
	limit, bytes int // bytes 0: no bound
	n, size      int // what was taken
	cut          bool
}

// fits reports whether e still belongs to the page, and counts it; if not, the page is cut.
// The first one always fits, unless no entry is wanted.
func (c *cutter) fits(e *chat.Entry) bool {
	size := e.Size()
	if c.cut = c.cut || c.n >= c.limit || c.n > 0 && c.bytes > 0 && c.size+size > c.bytes; c.cut {
		return false
	}
	c.n++
	c.size += size
	return true
}

// around reads talk on both sides of q.Around, in turns, so that it stands in
// the middle as long as there is enough on both sides. more is about what is before.
func (r *reading) around(q chat.PageQuery, to chat.Seq) (list []chat.Entry, more bool, err error) {
	limit := max(0, q.Limit)
	side := cutter{limit: limit, bytes: q.Bytes}
	older, err := r.older(&side, min(to, q.Around))
	if err != nil {
		return nil, false, err
	}
	more = side.cut
	side = cutter{limit: limit, bytes: q.Bytes}
	newer, err := r.newer(&side, false, q.Around, to)
	if err != nil {
		return nil, false, err
	}
	// Of two lists that each fill a page the nearer halves are taken.
	both := cutter{limit: limit, bytes: q.Bytes}
	take := func(from []chat.Entry, n int, open bool) (int, bool) {
		both.cut = false
		if open = open && n < len(from) && both.fits(&from[n]); open {
			n++
		}
		return n, open
	}
	var o, n int
	for oldOpen, newOpen := true, true; oldOpen || newOpen; {
		o, oldOpen = take(older, o, oldOpen)
		n, newOpen = take(newer, n, newOpen)
	}
	more = more || o < len(older)
	slices.Reverse(older[:o])
	return append(older[:o:o], newer[:n]...), more, nil
}

// Unread implements chat.Store.
func (s *Store) Unread(ctx context.Context, room chat.RoomID, after chat.Seq, most int) (n int, err error) {
	err = s.read(ctx, room, func(r *reading) error {
		if _, err := r.one([]any{&n}, "SELECT count(*) FROM (SELECT 1 FROM log WHERE id > ? AND id < ? AND kind = 1 LIMIT ?)",
			rowOf(room, after), rowOf(room, r.from), max(0, most)); err != nil {
			return err
		}
		for i := range r.tail {
			if e := r.tail[i]; n < most && e.Seq > after && numberOfKind(e) == 1 {
				n++
			}
		}
		return nil
	})
	return n, err
}

// LastAt implements chat.Store.
func (s *Store) LastAt(ctx context.Context, room chat.RoomID) (at time.Time, err error) {
	err = s.read(ctx, room, func(r *reading) error {
		if len(r.tail) > 0 {
			at = r.tail[len(r.tail)-1].At
			return nil
		}
		var milli int64
		_, err := r.one([]any{&milli}, "SELECT ifnull((SELECT at FROM log WHERE id = ?), (SELECT pruned_at FROM rooms WHERE id = ?))", rowOf(room, r.head), int64(room))
		if r.head > 0 {
			at = timeOf(milli)
		}
		return err
	})
	return at, err
}
