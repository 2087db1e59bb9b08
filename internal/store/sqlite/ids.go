package sqlite

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"

	"zombiezen.com/go/sqlite"

	"snug/internal/chat"
)

// idKey is the key under which ids finds an entry. Ids that hold the time (UUIDv7,
// RFC 9562) give rising keys, so that new ones meet in few pages; all others are spread evenly.
func idKey(secret []byte, room chat.RoomID, by chat.Identity, id string) int64 {
	b := make([]byte, 0, 160)
	b = append(b, secret...)
	b = binary.BigEndian.AppendUint64(b, uint64(room))
	b = append(b, by[:]...)
	b = append(b, id...)
	sum := sha256.Sum256(b)
	h := binary.BigEndian.Uint64(sum[:])
	if u, ok := parseUUID(id); ok && u[6]>>4 == 7 {
		const low = 20
		h = binary.BigEndian.Uint64(u[:])>>16<<low | h&(1<<low-1)
	}
	return int64(h &^ (1 << 63))
}

// dash says where a UUID has its dashes (RFC 9562, "UUID Format").
func dash(i int) bool { return i == 8 || i == 13 || i == 18 || i == 23 }

// parseUUID reads the one form of a UUID that formatUUID writes.
func parseUUID(s string) (u [16]byte, ok bool) {
	if len(s) != 36 {
		return u, false
	}
	n := 0
	for i := range len(s) {
		c := s[i]
		switch {
		case dash(i):
			if c != '-' {
				return u, false
			}
			continue
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		default:
			return u, false
		}
		u[n/2] = u[n/2]<<4 | c
		n++
	}
	return u, true
}

func formatUUID(u [16]byte) string {
	var s [36]byte
	n := 0
	for i := range s {
		if dash(i) {
			s[i] = '-'
			continue
		}
		s[i] = "0123456789abcdef"[u[n/2]>>(4-n%2*4)&0xf]
		n++
	}
	return string(s[:])
}

// A clientID is a client's id as log.cid keeps it: a UUID as 16 bytes, any other as text, none as NULL.
type clientID string

func (id clientID) bindTo(st *sqlite.Stmt, i int) {
	if id == "" {
		st.BindNull(i)
	} else if u, ok := parseUUID(string(id)); ok {
		st.BindBytes(i, u[:])
	} else {
		st.BindText(i, string(id))
	}
}

func (id *clientID) readColumn(st *sqlite.Stmt, i int) error {
	switch kind := st.ColumnType(i); kind {
	case sqlite.TypeNull:
		*id = ""
	case sqlite.TypeText:
		*id = clientID(st.ColumnText(i))
	case sqlite.TypeBlob:
		var u [16]byte
		if n := st.ColumnBytes(i, u[:]); n != len(u) || n != st.ColumnLen(i) {
			return fmt.Errorf("an id of %d bytes", st.ColumnLen(i))
		}
		*id = clientID(formatUUID(u))
	default:
		return fmt.Errorf("an id that is %v", kind)
	}
	return nil
}

// A deed names an entry as its author does.
type deed struct {
	room chat.RoomID
	by   chat.Identity
	id   string
}

// lookups is how many ids one query looks up.
const lookups = 32

// lookUp asks the table for the ids of all drafts of a batch at once: one by
// one that would cost more than storing them.
func (t *tx) lookUp(batch []write) error {
	var keys []int64
	for _, w := range batch {
		if a, ok := w.(*appending); ok && a.draft.ID != "" {
			a.key = idKey(t.secret, a.draft.Room, a.draft.Identity, a.draft.ID)
			keys = append(keys, a.key)
		}
	}
	t.folded = make(map[int64][]int64)
	for len(keys) > 0 {
		q, n, params := lookUpOne, 1, 1
		if len(keys) > 1 {
			q, n, params = lookUpMany, min(len(keys), lookups), lookups
		}
		st, err := t.prepared(q)
		if err != nil {
			return err
		}
		for i := range params {
			st.BindInt64(i+1, keys[min(i, n-1)]) // asking twice does no harm
		}
		if err := t.run(st, func() {
			k := st.ColumnInt64(0)
			t.folded[k] = append(t.folded[k], st.ColumnInt64(1))
		}); err != nil {
			return err
		}
		keys = keys[n:]
	}
	return nil
}

var (
	lookUpOne  = "SELECT k, id FROM ids WHERE k = ?"
	lookUpMany = "SELECT k, id FROM ids WHERE k IN (?" + strings.Repeat(",?", lookups-1) + ")"
)

// known finds the entry that an identity made in a room under an id, whose key is k; nil if there is none.
func (t *tx) known(d *chat.Draft, k int64) (*chat.Entry, error) {
	name := deed{d.Room, d.Identity, d.ID}
	if i, ok := t.deeds[name]; ok && t.entries[i].Seq > t.drops[d.Room] {
		return &t.entries[i], nil
	}
	if e := t.tail.find(name); e != nil && e.Seq > t.drops[d.Room] {
		return e, nil
	}
	for _, row := range t.folded[k] {
		// Two ids may share a key: only what the entry itself says counts.
		var (
			e        chat.Entry
			at, kind int64
			who      []byte
			cid      clientID
		)
		found, err := t.one([]any{&at, &kind, &who, &cid}, "SELECT at, kind, identity, cid FROM log WHERE id = ?", row)
		if err != nil {
			return nil, err
		}
		if found && roomOf(row) == d.Room && string(who) == string(d.Identity[:]) && string(cid) == d.ID {
			e.Seq, e.At, e.Kind = seqOf(row), timeOf(at), kindOf(kind)
			return &e, nil
		}
	}
	return nil, nil
}
