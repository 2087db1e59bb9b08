package sqlite

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"snug/internal/chat"
)

const (
	// backupRows is how many entries a backup copies in one snapshot.
	backupRows = 1000

	// backupIDs is how many ids it makes in one transaction of its own.
	backupIDs = 5000

	// backupRest is how many new entries the last snapshot may have to copy.
	backupRest = 5000

	// backupRounds is how often new entries are copied before the last snapshot, however many come.
	backupRounds = 10
)

// A backup copies a store to a file while others write to it. The log, which is nearly all
// of it, is copied in short snapshots, so that the store's WAL can begin anew between them: it grows by addition. One
// last snapshot makes the copy consistent: it has what came since, all small tables, and anew the messages
// that were revised meanwhile, of which the log tells. The ids are made from the entries.
type backup struct {
	from  *View
	to    *conn
	file  *os.File                 // that of to
	began time.Time                // of the transaction
	mark  map[chat.RoomID]chat.Seq // where each room's table ended when the copying began
}

// Backup copies the store at path to a new file, consistent and durable, with more
// by their names, for Restore to give back. It may run beside the store that has it open, and does not hold that up. The file
// must not be there.
func Backup(ctx context.Context, path, file string, more map[string][]byte) (err error) {
	if _, err := os.Lstat(file); err == nil {
		return fmt.Errorf("%s is there already", file)
	}
	v, err := OpenView(ctx, path)
	if err != nil {
		return err
	}
	defer v.Close()
	half := file + ".half"
	f, err := os.OpenFile(half, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(half))
		}
	}()
	to, err := dial(ctx, half, readWrite)
	if err != nil {
		return err
	}
	b := &backup{from: v, to: to, file: f, mark: make(map[chat.RoomID]chat.Seq)}
	if err := errors.Join(b.copy(ctx, more), to.close()); err != nil {
		return err
	}
	// What was written last: SQLite itself has synchronised nothing.
	if err := errors.Join(f.Sync(), os.Rename(half, file), syncDir(filepath.Dir(file))); err != nil {
		return err
	}
	return nil
}

func (b *backup) copy(ctx context.Context, more map[string][]byte) error {
	if err := b.to.script("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF"); err != nil {
		return err
	}
	if err := b.makeTables(); err != nil {
		return err
	}
	for round := range backupRounds {
		n, err := b.copyNew(ctx, round == 0)
		if err != nil {
			return err
		}
		if n < backupRest {
			break
		}
	}
	if err := b.begin(); err != nil {
		return err
	}
	if err := b.from.now(b.finish); err != nil {
		return err
	}
	// What was copied and has gone since. The store is not looked at any more.
	if err := b.to.script(`DELETE FROM log WHERE id >> 32 NOT IN (SELECT id FROM rooms UNION SELECT room FROM doomed);
		DELETE FROM log WHERE id & 0xffffffff <= ifnull((SELECT pruned FROM rooms WHERE id = log.id >> 32), 0)`); err != nil {
		return err
	}
	if err := b.flush(); err != nil {
		return err
	}
	if err := b.makeIDs(); err != nil {
		return err
	}
	if err := b.begin(); err != nil {
		return err
	}
	for name, value := range more {
		if _, err := b.to.exec("INSERT INTO backup (name, value) VALUES (?,?)", name, value); err != nil {
			return err
		}
	}
	return b.to.script("COMMIT")
}

// flush ends a transaction of the copy and puts it on the disk. Little by little: all at
// once would keep the disk from the commits of the store that runs.
// As much time as it has taken is left to others.
func (b *backup) flush() error {
	err := errors.Join(b.to.script("COMMIT"), b.file.Sync())
	b.rest()
	return err
}

// rest leaves others as much time as was taken since the last rest.
func (b *backup) rest() {
	time.Sleep(time.Since(b.began))
	b.began = time.Now()
}

// begin begins a transaction of the copy.
func (b *backup) begin() error {
	b.began = time.Now()
	return b.to.script("BEGIN")
}

// makeTables makes the tables that the store has.
func (b *backup) makeTables() error {
	var made []string
	var version int
	if err := b.from.conn.query(func(scan func(...any) error) error {
		var q string
		err := scan(&q)
		made = append(made, q)
		return err
	}, "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY type DESC"); err != nil { // tables before indices
		return err
	}
	if _, err := b.from.conn.one([]any{&version}, "SELECT user_version FROM pragma_user_version"); err != nil {
		return err
	}
	made = append(made, "CREATE TABLE backup (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT",
		fmt.Sprintf("PRAGMA application_id = %d", backupID), fmt.Sprintf("PRAGMA user_version = %d", version))
	return b.to.script(strings.Join(made, ";\n"))
}

const (
	wholeRow  = "SELECT id, at, kind, identity, member, name, color, cid, text, reply, extra FROM log"
	insertRow = "INSERT OR REPLACE INTO log (id, at, kind, identity, member, name, color, cid, text, reply, extra) VALUES (?,?,?,?,?,?,?,?,?,?,?)"
)

// copyRows copies rows of the log, and returns how many and the last one.
func (b *backup) copyRows(q string, args ...any) (n int, last int64, err error) {
	row := make([]any, 11)
	dest := make([]any, len(row))
	for i := range row {
		dest[i] = &row[i]
	}
	err = b.from.conn.query(func(scan func(...any) error) error {
		if err := scan(dest...); err != nil {
			return err
		}
		n, last = n+1, row[0].(int64)
		_, err := b.to.exec(insertRow, row...)
		return err
	}, wholeRow+q, args...)
	return n, last, err
}

// copyNew copies what the copy does not have of each room. first notes where each room ends now.
func (b *backup) copyNew(ctx context.Context, first bool) (total int, err error) {
	var rooms []chat.RoomID
	if err := b.from.conn.query(func(scan func(...any) error) error {
		var id chat.RoomID
		var newest int64
		err := scan(&id, &newest)
		if rooms = append(rooms, id); first {
			b.mark[id] = seqOf(newest)
		}
		return err
	}, "SELECT r.id, ifnull((SELECT max(id) FROM log WHERE id BETWEEN r.id << 32 AND r.id << 32 | 0xffffffff), 0) FROM rooms r ORDER BY r.id"); err != nil {
		return 0, err
	}
	for _, id := range rooms {
		for {
			last, err := b.newest(id)
			if err != nil {
				return total, err
			}
			if err := b.begin(); err != nil {
				return total, err
			}
			n, _, err := b.copyRows(" WHERE id > ? AND id <= ? ORDER BY id LIMIT ?", last, rowOf(id, ^chat.Seq(0)), backupRows)
			if err := errors.Join(err, b.flush(), ctx.Err()); err != nil {
				return total, err
			}
			if total += n; n < backupRows {
				break
			}
		}
	}
	return total, nil
}

// newest is the last row of a room that the copy has.
func (b *backup) newest(id chat.RoomID) (row int64, err error) {
	_, err = b.to.one([]any{&row}, "SELECT ifnull((SELECT max(id) FROM log WHERE id BETWEEN ? AND ?), ?)", rowOf(id, 0), rowOf(id, ^chat.Seq(0)), rowOf(id, 0))
	return row, err
}

// finish makes the copy the store as it is in one snapshot.
func (b *backup) finish(s *moment) error {
	var rooms []chat.RoomID
	if err := s.query(func(scan func(...any) error) error {
		var id chat.RoomID
		err := scan(&id)
		rooms = append(rooms, id)
		return err
	}, "SELECT id FROM rooms UNION SELECT room FROM doomed"); err != nil {
		return err
	}
	revised := make(map[int64]bool)
	note := func(e *chat.Entry) error {
		if e.Target == 0 {
			return nil
		}
		if e.Kind == chat.KindEdit {
			revised[rowOf(e.RoomID, e.Seq)] = true
		}
		target := rowOf(e.RoomID, e.Target)
		revised[target] = true
		// The edit that the copy knows of, whose text has gone since.
		_, err := b.edited(target, func(edit chat.Seq) { revised[rowOf(e.RoomID, edit)] = true })
		return err
	}
	for _, id := range rooms {
		last, err := b.newest(id)
		if err != nil {
			return err
		}
		if _, _, err := b.copyRows(" WHERE id > ? AND id <= ? ORDER BY id", last, rowOf(id, ^chat.Seq(0))); err != nil {
			return err
		}
		if err := s.query(func(scan func(...any) error) error {
			e, _, err := scanEntry(scan, "")
			return errors.Join(err, note(&e))
		}, "SELECT "+entryColumns+" FROM log WHERE id > ? AND id <= ? AND kind IN (2, 3, 4)", rowOf(id, b.mark[id]), rowOf(id, ^chat.Seq(0))); err != nil {
			return err
		}
		for _, e := range s.tail.of(id) {
			if err := note(e); err != nil {
				return err
			}
		}
	}
	for _, row := range slices.Sorted(maps.Keys(revised)) {
		if _, _, err := b.copyRows(" WHERE id = ?", row); err != nil {
			return err
		}
	}
	return b.copySmall(s)
}

// edited calls f with the edit that the copy's version of a message has in it.
func (b *backup) edited(row int64, f func(chat.Seq)) (ok bool, err error) {
	err = b.to.query(func(scan func(...any) error) error {
		_, edit, err := scanEntry(scan, "")
		if ok = edit != 0; ok {
			f(edit)
		}
		return err
	}, "SELECT "+entryColumns+" FROM log WHERE id = ?", row)
	return ok, err
}

// copySmall copies every table but log and ids.
func (b *backup) copySmall(s *moment) error {
	var tables []string
	if err := s.query(func(scan func(...any) error) error {
		var name string
		err := scan(&name)
		tables = append(tables, name)
		return err
	}, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT IN ('log', 'ids') AND (name NOT LIKE 'sqlite_%' OR name = 'sqlite_sequence')"); err != nil {
		return err
	}
	for _, table := range tables {
		var columns int
		if _, err := s.one([]any{&columns}, "SELECT count(*) FROM pragma_table_info(?)", table); err != nil {
			return err
		}
		row := make([]any, columns)
		dest := make([]any, columns)
		for i := range row {
			dest[i] = &row[i]
		}
		insert := "INSERT INTO " + table + " VALUES (?" + strings.Repeat(",?", columns-1) + ")"
		if _, err := b.to.exec("DELETE FROM " + table); err != nil {
			return err
		}
		if err := s.query(func(scan func(...any) error) error {
			if err := scan(dest...); err != nil {
				return err
			}
			_, err := b.to.exec(insert, row...)
			return err
		}, "SELECT * FROM "+table); err != nil {
			return fmt.Errorf("table %s: %w", table, err)
		}
	}
	return nil
}

// makeIDs makes table ids from the log.
func (b *backup) makeIDs() error {
	var secret []byte
	if _, err := b.to.one([]any{&secret}, "SELECT value FROM meta WHERE name = 'ids.key'"); err != nil {
		return err
	}
	var list []idRow
	b.began = time.Now()
	if err := b.to.query(func(scan func(...any) error) error {
		var row int64
		var who []byte
		var cid clientID
		if err := scan(&row, &who, &cid); err != nil {
			return err
		}
		var by chat.Identity
		copy(by[:], who)
		if len(list)%backupIDs == 0 {
			b.rest()
		}
		list = append(list, idRow{idKey(secret, roomOf(row), by, string(cid)), row})
		return nil
	}, "SELECT id, identity, cid FROM log WHERE cid IS NOT NULL"); err != nil {
		return err
	}
	slices.SortFunc(list, compareIDs)
	for part := range slices.Chunk(list, backupIDs) {
		if err := b.begin(); err != nil {
			return err
		}
		for _, i := range part {
			if _, err := b.to.exec(insertID, i.k, i.row); err != nil {
				return err
			}
		}
		if err := b.flush(); err != nil {
			return err
		}
	}
	return nil
}

// Restore makes a new store at path of a backup, with new epochs for every room, so that no client takes
// up where it was in another log, and returns what more was given to Backup. Nothing may be at path. The
// file is left as it is.
func Restore(ctx context.Context, file, path string) (more map[string][]byte, err error) {
	for _, name := range []string{path, path + "-wal"} {
		if _, err := os.Lstat(name); err == nil {
			return nil, fmt.Errorf("%s is there already: nothing is overwritten", name)
		}
	}
	v, err := openView(ctx, file, backupID, true)
	if err != nil {
		return nil, err
	}
	if err := v.Close(); err != nil {
		return nil, err
	}
	half := path + ".half"
	defer func() {
		if err != nil {
			_ = os.Remove(half) // else the error is told
		}
	}()
	if err := copyFile(file, half); err != nil {
		return nil, err
	}
	if more, err = renew(ctx, half); err != nil {
		return nil, err
	}
	// It begins with no index: the next start makes one, and that of another log would not fit.
	if err := errors.Join(removeIndex(path+indexSuffix), os.Rename(half, path), syncDir(filepath.Dir(path))); err != nil {
		return nil, err
	}
	return more, nil
}

// renew makes a store of a copy of a backup.
func renew(ctx context.Context, path string) (more map[string][]byte, err error) {
	c, err := dial(ctx, path, readWrite)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	var bad string
	if _, err := c.one([]any{&bad}, "PRAGMA integrity_check(1)"); err != nil {
		return nil, fmt.Errorf("the backup is damaged: %w", err)
	}
	if bad != "ok" {
		return nil, fmt.Errorf("the backup is damaged: %s", bad)
	}
	more = make(map[string][]byte)
	if err := c.query(func(scan func(...any) error) error {
		var name string
		var value []byte
		err := scan(&name, &value)
		more[name] = value
		return err
	}, "SELECT name, value FROM backup"); err != nil {
		return nil, err
	}
	var rooms []int64
	if err := c.query(func(scan func(...any) error) error {
		var id int64
		err := scan(&id)
		rooms = append(rooms, id)
		return err
	}, "SELECT id FROM rooms"); err != nil {
		return nil, err
	}
	if err := c.script("BEGIN IMMEDIATE"); err != nil {
		return nil, err
	}
	for _, id := range rooms {
		if _, err := c.exec("UPDATE rooms SET epoch = ? WHERE id = ?", newEpoch(), id); err != nil {
			return nil, err
		}
	}
	return more, c.script(fmt.Sprintf("DROP TABLE backup; DELETE FROM meta WHERE name = 'index.key'; PRAGMA application_id = %d; COMMIT; PRAGMA wal_checkpoint(TRUNCATE)", applicationID))
}

// newEpoch makes the name of a log.
func newEpoch() string { return strings.ToLower(rand.Text()[:12]) }

// copyFile copies a file to a new one, durably.
func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}
