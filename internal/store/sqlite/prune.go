package sqlite

import (
	"context"
	"time"

	"snug/internal/chat"
)

// pruneRows is how many entries Prune deletes in one commit.
const pruneRows = 500

// Prune implements chat.Store. It deletes in several commits, between which
// others are served; what ctx cuts off stays deleted as far as it came.
func (s *Store) Prune(ctx context.Context, room chat.RoomID, before time.Time, limit int) (int, error) {
	// One at a time: what is taken out of the index must be what is deleted then.
	select {
	case s.pruning <- struct{}{}:
		defer func() { <-s.pruning }()
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	total := 0
	for {
		step := min(limit-total, pruneRows)
		n := 0
		old, err := s.unindexOldest(ctx, room, milliUp(before), step)
		if err != nil {
			return total, err
		}
		if err := s.do(ctx, func(t *tx) (err error) {
			n, err = t.prune(room, milliUp(before), old) // not what was appended meanwhile
			return err
		}); err != nil {
			return total, err
		}
		if total += n; n < step || total >= limit {
			return total, nil
		}
	}
}

// unindexOldest takes out of the index what prune is about to delete, and counts it.
func (s *Store) unindexOldest(ctx context.Context, room chat.RoomID, before int64, limit int) (n int, err error) {
	var last chat.Seq
	err = s.read(ctx, room, func(r *reading) error {
		list, err := r.newer(&cutter{limit: max(0, limit)}, true, r.first-1, r.head)
		for n < len(list) && list[n].At.UnixMilli() < before {
			last = list[n].Seq
			n++
		}
		return err
	})
	if err != nil || n == 0 {
		return 0, err
	}
	return n, s.index.forget(ctx, room, last)
}

// prune deletes at most limit of a room's entries that are older than before,
// and notes in the room how far: so the numbering goes on, even when all are gone.
func (t *tx) prune(room chat.RoomID, before int64, limit int) (int, error) {
	if _, ok, err := t.tip(room); err != nil {
		return 0, err
	} else if !ok {
		return 0, notFound("room")
	}
	n, last, err := t.dropEntries(room, before, limit)
	if err != nil || n == 0 {
		return 0, err
	}
	_, err = t.write("UPDATE rooms SET pruned = ?, pruned_at = ? WHERE id = ?", int64(last.seq), last.at, int64(room))
	return n, err
}

// A mark is a place in a room's log.
type mark struct {
	seq chat.Seq
	at  int64
}

// dropEntries deletes the oldest entries of a room, at most limit, as far as
// they are older than before, and says which was the last.
func (t *tx) dropEntries(room chat.RoomID, before int64, limit int) (n int, last mark, err error) {
	var first chat.Seq
	var keys []int64 // of those with an id, and their rows
	var rows []int64
	take := func(seq chat.Seq, at int64, id string, key int64) bool {
		if n >= limit || at >= before { // times never run backwards: what follows is no older
			return false
		}
		if n == 0 {
			first = seq
		}
		n++
		last = mark{seq, at}
		if id != "" {
			keys, rows = append(keys, key), append(rows, rowOf(room, seq))
		}
		return true
	}
	r := t.tail.rooms[room]
	to := ^chat.Seq(0) // up to where the table alone counts
	if r != nil {
		to = r.entries[0].Seq - 1
	}
	open := true
	err = t.query(func(scan func(...any) error) error {
		var (
			row, at int64
			who     []byte
			cid     clientID
			by      chat.Identity
		)
		if err := scan(&row, &at, &who, &cid); err != nil {
			return err
		}
		copy(by[:], who)
		id := string(cid)
		open = open && take(seqOf(row), at, id, idKey(t.secret, room, by, id))
		return nil
	}, "SELECT id, at, identity, cid FROM log WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?", rowOf(room, 0), rowOf(room, to), max(0, limit))
	if err != nil {
		return 0, mark{}, err
	}
	if r != nil {
		for i := range r.entries {
			if e := r.entries[i]; e.Seq > t.drops[room] {
				open = open && take(e.Seq, e.At.UnixMilli(), e.ID, r.made[i].key)
			}
		}
	}
	for i := range t.entries {
		if e := &t.entries[i]; e.RoomID == room && e.Seq > t.drops[room] {
			open = open && take(e.Seq, e.At.UnixMilli(), e.ID, t.made[i].key)
		}
	}
	if n == 0 {
		return 0, mark{}, nil
	}
	for i, k := range keys {
		if _, err := t.write("DELETE FROM ids WHERE k = ? AND id = ?", k, rows[i]); err != nil {
			return 0, mark{}, err
		}
	}
	t.drops[room] = last.seq
	if err := t.dropReactions(room, first, last.seq); err != nil {
		return 0, mark{}, err
	}
	_, err = t.write("DELETE FROM log WHERE id BETWEEN ? AND ?", rowOf(room, first), rowOf(room, last.seq))
	return n, last, err
}
