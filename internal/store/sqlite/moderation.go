package sqlite

import (
	"context"
	"time"

	"snug/internal/chat"
)

// bar keeps strangers from the draft's traces for the sake of its member, as long as
// that is banned, and from no others.
func (t *tx) bar(d *chat.Draft) error {
	if _, err := t.write("DELETE FROM barred WHERE room = ? AND (identity = ? OR until <= ?)", int64(d.Room), d.Member.Identity[:], t.now.UnixMilli()); err != nil {
		return err
	}
	if !d.Member.Banned.After(t.now) {
		return nil
	}
	for _, trace := range d.Traces {
		if _, err := t.write("INSERT OR IGNORE INTO barred (room, trace, identity, until) VALUES (?,?,?,?)",
			int64(d.Room), trace[:], d.Member.Identity[:], d.Member.Banned.UnixMilli()); err != nil {
			return err
		}
	}
	return nil
}

// Barred implements chat.Store.
func (s *Store) Barred(ctx context.Context, room chat.RoomID, from chat.Trace, now time.Time) (until time.Time, err error) {
	err = s.readers.use(ctx, func(c *conn) (err error) {
		until, err = c.barred(room, from, now)
		return err
	})
	return until, err
}

// barred is Barred as the connection sees it.
func (c *conn) barred(room chat.RoomID, from chat.Trace, now time.Time) (until time.Time, err error) {
	if from == (chat.Trace{}) {
		return until, nil
	}
	var milli int64
	_, err = c.one([]any{&milli}, "SELECT ifnull(max(until), 0) FROM barred WHERE room = ? AND trace = ? AND until > ?", int64(room), from[:], now.UnixMilli())
	return whenOf(milli), err
}

// Sanctioned implements chat.Store.
func (s *Store) Sanctioned(ctx context.Context, q chat.SanctionQuery) (list []chat.Membership, count int, err error) {
	column := "banned"
	if q.Only == chat.Mute {
		column = "muted"
	}
	under := " FROM members INDEXED BY members_" + column + " WHERE room = ? AND " + column + " > 0 AND " + column + " > ?"
	room, now := int64(q.Room), q.Now.UnixMilli()
	err = s.readers.use(ctx, func(c *conn) error {
		if _, err := c.one([]any{&count}, "SELECT count(*)"+under, room, now); err != nil {
			return err
		}
		return c.query(func(scan func(...any) error) error {
			m, err := scanMember(scan, q.Room)
			list = append(list, m)
			return err
		}, "SELECT "+memberColumns+under+" AND member > ? ORDER BY member LIMIT ?", room, now, string(q.After), max(0, q.Limit))
	})
	return list, count, err
}

// MessagesBy implements chat.Store.
func (s *Store) MessagesBy(ctx context.Context, room chat.RoomID, id chat.MemberID, after chat.Seq, limit int) (list []chat.Seq, err error) {
	err = s.read(ctx, room, func(r *reading) error {
		if err := r.query(func(scan func(...any) error) error {
			var row int64
			err := scan(&row)
			list = append(list, seqOf(row))
			return err
		}, "SELECT id FROM log WHERE id > ? AND id < ? AND kind = 1 AND member = ? ORDER BY id LIMIT ?",
			rowOf(room, after), rowOf(room, r.from), string(id), max(0, limit)); err != nil {
			return err
		}
		for _, e := range r.tail {
			if len(list) < limit && e.Seq > after && e.From.ID == id && numberOfKind(e) == 1 {
				list = append(list, e.Seq)
			}
		}
		return nil
	})
	return list, err
}

// SaveMove implements chat.Store.
func (s *Store) SaveMove(ctx context.Context, m chat.Move) error {
	return s.do(ctx, func(t *tx) error {
		if _, err := t.write("DELETE FROM moves WHERE until <= ?", t.now.UnixMilli()); err != nil {
			return err
		}
		_, err := t.write("INSERT OR REPLACE INTO moves (holder, key, sealed, until) VALUES (?,?,?,?)", m.Holder[:], m.Key[:], m.Sealed, m.Until.UnixMilli())
		return err
	})
}

// TakeMove implements chat.Store.
func (s *Store) TakeMove(ctx context.Context, key [32]byte) ([]byte, bool, error) {
	var found []byte
	err := s.do(ctx, func(t *tx) error {
		found = nil
		ok, err := t.one([]any{&found}, "SELECT sealed FROM moves WHERE key = ? AND until > ?", key[:], t.now.UnixMilli())
		if err != nil || !ok {
			return err
		}
		_, err = t.write("DELETE FROM moves WHERE key = ?", key[:])
		return err
	})
	if err != nil {
		return nil, false, err
	}
	return found, found != nil, nil
}
