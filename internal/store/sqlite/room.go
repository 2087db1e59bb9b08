package sqlite

import (
	"context"
	"math"
	"slices"
	"time"

	"snug/internal/chat"
)

// requestSpan is how long a request to make a room is remembered.
const requestSpan = 24 * time.Hour

// roomColumns are what scanRoom reads, with r for rooms.
const roomColumns = `r.id, r.code, r.title, r.epoch, r.created, r.keep, r.locked, r.slow, r.pass, r.pass_rev, r.creator, r.key, r.pruned,
	ifnull((SELECT max(id) FROM log WHERE id BETWEEN r.id << 32 AND r.id << 32 | 0xffffffff), r.pruned)`

func scanRoom(scan func(...any) error) (r chat.Room, err error) {
	var (
		created, slow, newest int64
		creator               []byte
		pruned                chat.Seq
	)
	err = scan(&r.ID, &r.Code, &r.Title, &r.Epoch, &created, &r.Keep, &r.Locked, &slow, &r.Pass, &r.PassRev, &creator, &r.Key, &pruned, &newest)
	r.CreatedAt, r.Slow = timeOf(created), time.Duration(slow)*time.Millisecond
	copy(r.Creator[:], creator)
	r.First, r.Head = pruned+1, seqOf(newest)
	return r, err
}

// room finds a room; ok is false if there is none. tail is the room's, taken before.
func (c *conn) room(id chat.RoomID, tail []*chat.Entry) (r chat.Room, ok bool, err error) {
	err = c.query(func(scan func(...any) error) (err error) {
		ok = true
		r, err = scanRoom(scan)
		return err
	}, "SELECT "+roomColumns+" FROM rooms r WHERE r.id = ?", int64(id))
	if n := len(tail); n > 0 {
		r.Head = max(r.Head, tail[n-1].Seq)
	}
	return r, ok, err
}

// coded finds the number of the room with a code, 0 if there is none.
func (c *conn) coded(code string) (id chat.RoomID, err error) {
	_, err = c.one([]any{&id}, "SELECT id FROM rooms WHERE code = ?", code)
	return id, err
}

// requested finds the number of the room that creator made under requestID, 0 if there is none.
func (c *conn) requested(creator chat.Identity, requestID string, now time.Time) (id chat.RoomID, err error) {
	if requestID == "" {
		return 0, nil
	}
	_, err = c.one([]any{&id}, "SELECT id FROM rooms WHERE creator = ? AND request = ? AND request <> '' AND requested > ? ORDER BY id DESC LIMIT 1",
		creator[:], requestID, now.Add(-requestSpan).UnixMilli())
	return id, err
}

// room is conn.room, as this transaction sees it.
func (t *tx) room(id chat.RoomID) (chat.Room, error) {
	p, _, err := t.tip(id)
	if err != nil {
		return chat.Room{}, err
	}
	r, _, err := t.conn.room(id, nil)
	r.Head = p.head
	return r, err
}

// CreateRoom implements chat.Store.
func (s *Store) CreateRoom(ctx context.Context, r chat.Room, requestID string) (chat.Room, bool, error) {
	var dup bool
	err := s.do(ctx, func(t *tx) error {
		id, err := t.requested(r.Creator, requestID, t.now)
		if dup = id != 0; err != nil {
			return err
		}
		if dup {
			r, err = t.room(id)
			return err
		}
		if taken, err := t.coded(r.Code); err != nil {
			return err
		} else if taken != 0 {
			return &chat.Error{Code: chat.Conflict, Message: "a room has this code", Field: "code"}
		}
		if held, err := t.one([]any{new(int)}, "SELECT 1 FROM held WHERE code = ? AND until > ?", r.Code, t.now.UnixMilli()); err != nil {
			return err
		} else if held {
			return &chat.Error{Code: chat.Conflict, Message: "a room had this code", Field: "code"}
		}
		if _, err := t.write(`INSERT INTO rooms (code, title, epoch, created, keep, locked, slow, pass, pass_rev, creator, key, request, requested)
			VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)`, r.Code, r.Title, r.Epoch, r.CreatedAt.UnixMilli(), int64(r.Keep), r.Locked, r.Slow.Milliseconds(),
			r.Pass, int64(r.PassRev), r.Creator[:], r.Key, requestID, t.now.UnixMilli()); err != nil {
			return err
		}
		if id, err = t.coded(r.Code); err != nil {
			return err
		}
		r, err = t.room(id)
		return err
	})
	if err != nil {
		return chat.Room{}, false, err
	}
	return r, dup, nil
}

// CreatedRoom implements chat.Store.
func (s *Store) CreatedRoom(ctx context.Context, creator chat.Identity, requestID string) (r chat.Room, ok bool, err error) {
	err = s.readers.use(ctx, func(c *conn) error {
		id, err := c.requested(creator, requestID, s.clock.Now())
		if err == nil && id != 0 {
			r, ok, err = c.room(id, s.w.tail.of(id))
		}
		return err
	})
	return r, ok, err
}

// Room implements chat.Store.
func (s *Store) Room(ctx context.Context, code string) (r chat.Room, err error) {
	err = s.readers.use(ctx, func(c *conn) error {
		for {
			dropped, found := s.w.tail.dropped(), false
			err := c.query(func(scan func(...any) error) (err error) {
				found = true
				r, err = scanRoom(scan)
				return err
			}, "SELECT "+roomColumns+" FROM rooms r WHERE r.code = ?", code)
			switch {
			case err != nil:
				return err
			case !found:
				return notFound("room")
			}
			if tail := s.w.tail.of(r.ID); len(tail) > 0 {
				r.Head = max(r.Head, tail[len(tail)-1].Seq)
				return nil
			}
			if dropped == s.w.tail.dropped() {
				return nil
			}
			// A fold may have come between: the table was looked at before it, the tail after.
		}
	})
	return r, err
}

// Rooms implements chat.Store.
func (s *Store) Rooms(ctx context.Context, after chat.RoomID, limit int) (list []chat.Room, err error) {
	heads := s.w.tail.heads()
	err = s.readers.use(ctx, func(c *conn) error {
		return c.query(func(scan func(...any) error) error {
			r, err := scanRoom(scan)
			r.Head = max(r.Head, heads[r.ID])
			list = append(list, r)
			return err
		}, "SELECT "+roomColumns+" FROM rooms r WHERE r.id > ? ORDER BY r.id LIMIT ?", int64(after), max(0, limit))
	})
	return list, err
}

// set changes what d says of its room, and returns the room as it is then with
// what changed, nil if nothing did.
func (t *tx) set(d *chat.Draft) (*chat.Room, *chat.RoomChange, error) {
	r, err := t.room(d.Room)
	if err != nil {
		return nil, nil, err
	}
	var c chat.RoomChange
	want := d.Info
	if want.Title != nil && *want.Title != r.Title {
		r.Title, c.Title = *want.Title, want.Title
	}
	if want.Locked != nil && *want.Locked != r.Locked {
		r.Locked, c.Locked = *want.Locked, want.Locked
	}
	if want.Keep != nil && *want.Keep != r.Keep {
		r.Keep, c.Keep = *want.Keep, want.Keep
	}
	if want.Slow != nil && *want.Slow != r.Slow {
		r.Slow, c.Slow = *want.Slow, want.Slow
	}
	if want.Passphrase != nil && (d.Pass != nil || r.Pass != nil) { // the same one again has another hash: it counts as new
		r.Pass, c.Passphrase = d.Pass, want.Passphrase
		r.PassRev++
	}
	if c == (chat.RoomChange{}) {
		return &r, nil, nil
	}
	_, err = t.write("UPDATE rooms SET title = ?, locked = ?, keep = ?, slow = ?, pass = ?, pass_rev = ? WHERE id = ?",
		r.Title, r.Locked, int64(r.Keep), r.Slow.Milliseconds(), r.Pass, int64(r.PassRev), int64(r.ID))
	return &r, &c, err
}

// HoldCode implements chat.Store.
func (s *Store) HoldCode(ctx context.Context, code string, until time.Time) error {
	return s.do(ctx, func(t *tx) error {
		if _, err := t.write("DELETE FROM held WHERE until <= ?", t.now.UnixMilli()); err != nil {
			return err
		}
		_, err := t.write("INSERT INTO held (code, until) VALUES (?,?) ON CONFLICT (code) DO UPDATE SET until = max(until, excluded.until)", code, milliUp(until))
		return err
	})
}

// RoomCount implements chat.Store.
func (s *Store) RoomCount(ctx context.Context) (n int, err error) {
	err = s.readers.use(ctx, func(c *conn) error {
		_, err := c.one([]any{&n}, "SELECT count(*) FROM rooms")
		return err
	})
	return n, err
}

// buryRows is how many rows of a deleted room go with one commit.
const buryRows = 500

// A doomed room is no longer to be found, but its log and memberships are.
type doomed struct {
	room chat.RoomID
	gone chan struct{} // closed when they are, too
}

// DeleteRoom implements chat.Store. What ctx or a crash cuts off is finished by
// the writer, or by that of the next start.
func (s *Store) DeleteRoom(ctx context.Context, id chat.RoomID) error {
	// While the texts are there: by them the index is told what to take out.
	if err := s.index.forget(ctx, id, ^chat.Seq(0)); err != nil {
		return err
	}
	var d *doomed
	err := s.do(ctx, func(t *tx) error {
		for _, d = range slices.Concat(t.writer.doomed, t.doomed) {
			if d.room == id {
				return nil
			}
		}
		d = &doomed{room: id, gone: make(chan struct{})}
		n, err := t.write("DELETE FROM rooms WHERE id = ?", int64(id))
		if err != nil {
			return err
		}
		if n == 0 {
			close(d.gone)
			return nil
		}
		t.tips[id] = tip{}
		t.doomed = append(t.doomed, d)
		_, err = t.write("INSERT INTO doomed (room) VALUES (?)", int64(id))
		return err
	})
	if err != nil {
		if chat.CodeOf(err) == chat.StorageUnavailable { // else it will be deleted, or the next start finds that it was not
			s.index.indexAnew(id)
		}
		return err
	}
	select {
	case <-d.gone:
		return s.index.bury(ctx, id)
	case <-ctx.Done():
		return ctx.Err()
	case <-s.stopped:
		return &chat.Error{Code: chat.ShuttingDown, Message: "the room's deletion goes on at the next start", Retry: true}
	}
}

// bury deletes some of what is left of the oldest doomed room.
func (t *tx) bury() error {
	if len(t.writer.doomed) == 0 {
		return nil
	}
	d := t.writer.doomed[0]
	n, _, err := t.dropEntries(d.room, math.MaxInt64, buryRows)
	if err != nil || n == buryRows {
		return err
	}
	m, err := t.write("DELETE FROM members WHERE room = ? AND identity IN (SELECT identity FROM members WHERE room = ? LIMIT ?)", int64(d.room), int64(d.room), buryRows)
	if err != nil || m == buryRows {
		return err
	}
	if _, err := t.write("DELETE FROM barred WHERE room = ?", int64(d.room)); err != nil {
		return err
	}
	if _, err := t.write("DELETE FROM doomed WHERE room = ?", int64(d.room)); err != nil {
		return err
	}
	t.buried = append(t.buried, d)
	t.erased = true
	return nil
}
