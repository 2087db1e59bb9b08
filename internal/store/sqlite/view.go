package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"

	"snug/internal/chat"
)

// A View reads a store's file from outside, also while a Store of another process has it open: it
// writes nothing. One goroutine at a time may use it. Its owner closes it.
type View struct {
	conn *conn
	path string
}

// OpenView opens a view of the store at path, which must be there and of the
// present schema, or with older of an earlier one.
func OpenView(ctx context.Context, path string) (*View, error) {
	return openView(ctx, path, applicationID, false)
}

func openView(ctx context.Context, path string, app int, older bool) (*View, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	c, err := dial(ctx, path, readOnly)
	if err != nil {
		return nil, err
	}
	var version, is int
	if _, err := c.one([]any{&version, &is}, "SELECT v.user_version, a.application_id FROM pragma_user_version v, pragma_application_id a"); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), c.close())
	}
	switch {
	case is == backupID && app == applicationID:
		err = errBackup
	case is != app:
		err = errors.New("this is not a Snug store")
		if app == backupID {
			err = errors.New("this is no backup made by snug backup")
		}
	case version > len(migrations):
		err = fmt.Errorf("it has schema %d, made by a newer Snug; this one knows up to %d", version, len(migrations))
	case version < len(migrations) && !older:
		err = fmt.Errorf("it has schema %d, of an older Snug: start snug serve once, which brings it to schema %d and keeps a copy", version, len(migrations))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), c.close())
	}
	return &View{c, path}, nil
}

// Close closes the file.
func (v *View) Close() error { return v.conn.close() }

// A moment is a store as of one moment, the unfolded tail included.
type moment struct {
	*writer // writes nothing
}

// now calls f with the store as it is now. As long as f runs the store's WAL is kept.
func (v *View) now(f func(*moment) error) error {
	if _, err := v.conn.exec("BEGIN"); err != nil {
		return err
	}
	w, err := newWriter(v.conn, rate{})
	if err == nil {
		err = f(&moment{w})
	}
	_, end := v.conn.exec("COMMIT")
	return errors.Join(err, end)
}

// reading sets up a reading of a room.
func (s *moment) reading(room chat.RoomID) (*reading, error) {
	return s.conn.reading(room, s.tail.of(room))
}

// exportPage is how many entries one snapshot of an export reads.
const exportPage = 5000

// Export calls f with every entry of the room with this code (compared case-blind), oldest
// first, as it is when it is read, and before the first with the room. A running store is held up by none of it. NotFound: no such room.
func (v *View) Export(ctx context.Context, code string, begin func(chat.Room) error, f func(*chat.Entry) error) error {
	var room chat.Room
	after, begun := chat.Seq(0), false
	for {
		var list []chat.Entry
		var head chat.Seq
		err := v.now(func(s *moment) error {
			id, err := s.coded(code)
			if err != nil {
				return err
			}
			r, ok, err := s.conn.room(id, s.tail.of(id))
			if err != nil {
				return err
			}
			if !ok || begun && id != room.ID {
				return notFound("room")
			}
			room, head = r, r.Head
			in, err := s.reading(id)
			if err != nil {
				return err
			}
			list, err = in.newer(&cutter{limit: exportPage}, true, max(after, in.first-1), head)
			return err
		})
		if err != nil {
			return err
		}
		if !begun {
			begun = true
			if err := begin(room); err != nil {
				return err
			}
		}
		for i := range list {
			if err := f(&list[i]); err != nil {
				return err
			}
			after = list[i].Seq
		}
		if len(list) == 0 || after >= head {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}
