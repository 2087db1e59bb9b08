package sqlite

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"

	"snug/internal/chat"
)

// The inbox is where a commit puts its entries first: one after the other, in
// rows of many, which costs the disk next to nothing beside the fsync. A row is
// a CRC-32C of the rest and then entries, each as appendEntry writes it.

// inboxRow is the size above which entries go to another row.
const inboxRow = 64 << 10

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// writeInbox puts the transaction's entries into the inbox, as it leaves them.
func (t *tx) writeInbox() error {
	for i := 0; i < len(t.entries); {
		row := make([]byte, 4, min(inboxRow, 512*(len(t.entries)-i))+1024)
		for ; i < len(t.entries) && len(row) < inboxRow; i++ {
			e, m := &t.entries[i], &t.made[i]
			m.row = t.inbox + 1
			if v := t.revised[rowOf(e.RoomID, e.Seq)]; v != nil {
				v.row = m.row
				e, m = &v.entry, &v.maker
			}
			var err error
			if row, err = appendEntry(row, e, *m); err != nil {
				return err
			}
		}
		seal(row)
		if _, err := t.write("INSERT INTO inbox (n, entries) VALUES (?, ?)", t.inbox+1, row); err != nil {
			return err
		}
		t.inbox++
		t.grown += len(row)
		t.rows = append(t.rows, len(row))
	}
	return nil
}

// seal writes a row's checksum.
func seal(row []byte) { binary.BigEndian.PutUint32(row, crc32.Checksum(row[4:], castagnoli)) }

// eachEntry calls f with the entries of row n of the inbox, whose room's code is not set.
func eachEntry(n int64, row []byte, f func(chat.Entry, maker) error) error {
	if len(row) < 4 || crc32.Checksum(row[4:], castagnoli) != binary.BigEndian.Uint32(row) {
		return fmt.Errorf("inbox row %d is damaged", n)
	}
	for c := (cursor{b: row[4:]}); len(c.b) > 0; {
		e, m, err := c.readEntry()
		if err != nil {
			return fmt.Errorf("inbox row %d: %w", n, err)
		}
		m.row = n
		if err := f(e, m); err != nil {
			return err
		}
	}
	return nil
}

// reviseInbox writes the later versions of entries into the rows of the inbox that hold them.
func (t *tx) reviseInbox() error {
	var rows []int64
	for _, v := range t.revised {
		if v.row != 0 && !slices.Contains(rows, v.row) {
			rows = append(rows, v.row)
		}
	}
	for _, n := range rows {
		var old []byte
		if ok, err := t.one([]any{&old}, "SELECT entries FROM inbox WHERE n = ?", n); err != nil {
			return err
		} else if !ok {
			continue // folded
		}
		row := make([]byte, 4, len(old)+1024)
		if err := eachEntry(n, old, func(e chat.Entry, m maker) (err error) {
			if v := t.revised[rowOf(e.RoomID, e.Seq)]; v != nil {
				e, m = v.entry, v.maker
			}
			row, err = appendEntry(row, &e, m)
			return err
		}); err != nil {
			return err
		}
		seal(row)
		if _, err := t.write("UPDATE inbox SET entries = ? WHERE n = ?", row, n); err != nil {
			return err
		}
	}
	return nil
}

// appendEntry writes an entry: numbers as varints, strings with their length before them.
func appendEntry(b []byte, e *chat.Entry, m maker) ([]byte, error) {
	x, err := extraOf(e, m.edit)
	if err != nil {
		return nil, err
	}
	b = binary.AppendUvarint(b, uint64(e.RoomID))
	b = binary.AppendUvarint(b, uint64(e.Seq))
	b = binary.AppendVarint(b, e.At.UnixMilli())
	b = append(b, byte(numberOfKind(e)), e.From.Color)
	b = append(b, m.by[:]...)
	b = binary.AppendUvarint(b, uint64(e.ReplyTo))
	for _, s := range [...]string{string(e.From.ID), e.From.Name, e.ID, e.Text, x} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	return b, nil
}

var errDamaged = errors.New("damaged")

// A cursor reads what appendEntry wrote. After the first error it reads nothing.
type cursor struct {
	b   []byte
	err error
}

func (c *cursor) bytes(n uint64) (b []byte) {
	if n > uint64(len(c.b)) {
		c.b, c.err = nil, errDamaged
		return make([]byte, min(n, 64)) // enough for those of fixed size
	}
	b, c.b = c.b[:n], c.b[n:]
	return b
}

func (c *cursor) uvarint() uint64 {
	v, n := binary.Uvarint(c.b)
	c.bytes(uint64(n)) // n < 0: damaged
	return v
}

func (c *cursor) varint() int64 {
	v, n := binary.Varint(c.b)
	c.bytes(uint64(n))
	return v
}

func (c *cursor) text() string { return string(c.bytes(c.uvarint())) }

// readEntry undoes appendEntry, but for the room's code and the id's key.
func (c *cursor) readEntry() (e chat.Entry, m maker, err error) {
	e.RoomID, e.Seq, e.At = chat.RoomID(c.uvarint()), chat.Seq(c.uvarint()), timeOf(c.varint())
	e.Kind, e.From.Color = kindOf(int64(c.bytes(1)[0])), c.bytes(1)[0]
	copy(m.by[:], c.bytes(uint64(len(m.by))))
	e.ReplyTo = chat.Seq(c.uvarint())
	e.From.ID, e.From.Name, e.ID, e.Text = chat.MemberID(c.text()), c.text(), c.text(), c.text()
	if x := c.text(); c.err == nil {
		m.edit, c.err = readExtra(&e, x)
	}
	if c.err == nil && e.Kind == "" {
		c.err = errDamaged
	}
	return e, m, c.err
}

// loadInbox brings into memory what was not folded when the store was closed, or died.
func (w *writer) loadInbox() error {
	type room struct {
		code   string
		pruned chat.Seq
	}
	rooms := make(map[chat.RoomID]room) // code "": it is gone
	return w.query(func(scan func(...any) error) error {
		var row []byte
		if err := scan(&w.inbox, &row); err != nil {
			return err
		}
		if w.pending == 0 {
			w.emptied = w.inbox - 1
		}
		w.pending += len(row)
		w.rows = append(w.rows, len(row))
		return eachEntry(w.inbox, row, func(e chat.Entry, m maker) error {
			r, ok := rooms[e.RoomID]
			if !ok {
				if _, err := w.one([]any{&r.code, &r.pruned}, "SELECT code, pruned FROM rooms WHERE id = ?", int64(e.RoomID)); err != nil {
					return err
				}
				rooms[e.RoomID] = r
			}
			if e.Room = r.code; r.code != "" && e.Seq > r.pruned {
				m.key = idKey(w.secret, e.RoomID, m.by, e.ID)
				w.tail.add([]chat.Entry{e}, []maker{m})
			}
			return nil
		})
	}, "SELECT n, entries FROM inbox ORDER BY n")
}
