package sqlite

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"snug/internal/chat"
)

// The index proposes where a word may be found. It is a file of its own beside the store's, so
// that commits never wait for it but where a text has to leave it, and it can always be
// made anew from the log. What it proposes is checked against the log, so it may hold too much,
// never too little: each message is in it, or noted in `again`, or newer than its room's place.

// Rates of indexing.
const (
	indexAt    = 2000                   // entries waiting at which it begins
	indexAfter = time.Second            // how long an entry waits at most for it to begin
	indexRows  = 20_000                 // entries of one commit at most: the larger commits are, the less FTS5 merges
	indexSpan  = 500 * time.Millisecond // how long one commit collects at most; it ends at once where somebody waits for the index
	indexPage  = 500                    // entries read at a time

	// knownTerms is how many terms are remembered to be in the vocabulary.
	knownTerms = 1 << 16
)

// indexSuffix is behind the store's path in the index's.
const indexSuffix = ".search"

// indexSchema is the index's, made by one version of indexVersion. There are no
// migrations: an index of another version is made anew.
const indexSchema = `
CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;

-- How far each room is indexed: its messages above floor, up to seq. Those up to
-- floor are about to be pruned, and were taken out.
CREATE TABLE places (room INTEGER PRIMARY KEY, seq INTEGER NOT NULL, floor INTEGER NOT NULL) STRICT;

-- Messages that were taken out because their text changes: to be looked at again.
CREATE TABLE again (id INTEGER PRIMARY KEY) STRICT;

-- Every term that any message has, to find those that begin with a prefix: FTS5
-- itself would first collect all messages that have any of them.
CREATE TABLE terms (term TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;

-- The rowid is the entry's. The terms are those of appendTerms, and hold nothing that this tokenizer would cut or fold.
CREATE VIRTUAL TABLE words USING fts5(terms, content='', detail=none, columnsize=0, tokenize='ascii');
INSERT INTO words (words, rank) VALUES ('secure-delete', 1);
INSERT INTO words (words, rank) VALUES ('hashsize', 8388608);
INSERT INTO words (words, rank) VALUES ('automerge', 8);
`

// indexVersion names the schema and the way texts are cut.
const indexVersion = int64(3<<16 | chat.WordsVersion)

// An index is the file and the one goroutine that writes to it.
type index struct {
	// Static after construction.
	store   *Store
	path    string
	conn    *conn // owned by run
	readers *readers
	pace    time.Duration   // indexAfter
	calls   chan *indexCall // what run is asked to do
	checked chan struct{}   // closed when run has seen that the index fits the log
	check   func()          // closes it
	ended   chan struct{}   // closed when run has returned, or will not be called
	err     chan error      // holds the fatal error that ended run
	wake    chan struct{}   // holds a token when there is something to do
	endOnce sync.Once

	paused  atomic.Bool   // the disk is full: nothing is put in
	waiting atomic.Int64  // about how many entries are not indexed yet
	asked   atomic.Int32  // how many wait in ask
	slow    chan struct{} // holds a token while a search does what takes long

	mu      sync.Mutex
	dirty   map[chat.RoomID]int // entries noted in each room; guarded by mu
	settled []int64             // entries whose change is committed, or was given up; guarded by mu

	// Owned by run, which lends known, texts and terms to what add starts.
	places map[chat.RoomID]place
	again  map[int64]bool    // table again; true: settled
	known  map[string]*int64 // terms that table terms has, and the last of the texts that had it
	texts  int64             // put in since the start
	terms  []string          // of one text; its memory is used again
	debt   int               // messages that were marked as gone since the last merge began
	added  int               // messages that were put in since then
	merge  bool              // a merge is under way
	owed   int               // those that the merge under way and the sweep after it take out of the file; the file's debt is both
	crowd  time.Time         // when so much came last that indexing it began at once
	sweep  *string           // the vocabulary is being swept, and is up to this term
	scrub  bool              // the WAL holds what was taken out
}

// A place is how far a room is indexed.
type place struct {
	seq, floor chat.Seq
}

// openIndex opens the index of a store, or makes one where there is none that fits.
func openIndex(ctx context.Context, s *Store, pace time.Duration) (_ *index, err error) {
	x := &index{
		store: s, path: s.path + indexSuffix, pace: pace, calls: make(chan *indexCall), checked: make(chan struct{}), ended: make(chan struct{}),
		err: make(chan error, 1), wake: make(chan struct{}, 1), slow: make(chan struct{}, 1), dirty: make(map[chat.RoomID]int),
	}
	x.check = sync.OnceFunc(func() { close(x.checked) })
	of, err := storeKey(s.w.conn)
	if err != nil {
		return nil, err
	}
	x.conn, err = dialIndex(ctx, x.path, of)
	if err != nil {
		// It is no more than a copy of what the log says.
		s.log.Warn("the search index is made anew", "err", err)
		if err := removeIndex(x.path); err != nil {
			return nil, err
		}
		if x.conn, err = dialIndex(ctx, x.path, of); err != nil {
			return nil, err
		}
	}
	if x.readers, err = openReaders(ctx, x.path); err != nil {
		return nil, errors.Join(err, x.conn.close())
	}
	return x, nil
}

// storeKey is what an index must hold to belong to a store; made where it is missing.
func storeKey(c *conn) (key []byte, err error) {
	if _, err := c.exec("INSERT INTO meta SELECT 'index.key', randomblob(16) WHERE NOT EXISTS (SELECT 1 FROM meta WHERE name = 'index.key')"); err != nil {
		return nil, err
	}
	_, err = c.one([]any{&key}, "SELECT value FROM meta WHERE name = 'index.key'")
	return key, err
}

// dialIndex opens the file and makes the tables where there are none. An error
// says that this is no index of the store whose key is of.
func dialIndex(ctx context.Context, path string, of []byte) (_ *conn, err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	f.Close()
	c, err := dial(ctx, path, readWrite)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.close())
		}
	}()
	if err := c.script("PRAGMA wal_autocheckpoint = 2000"); err != nil {
		return nil, err
	}
	var tables int
	if _, err := c.one([]any{&tables}, "SELECT count(*) FROM sqlite_schema"); err != nil {
		return nil, err
	}
	if tables == 0 {
		made := fmt.Sprintf("BEGIN IMMEDIATE; %s; INSERT INTO meta VALUES ('version', %d), ('of', x'%x'), ('debt', 0), ('added', 0); COMMIT", indexSchema, indexVersion, of)
		return c, c.script(made)
	}
	var version int64
	var is []byte
	if _, err := c.one([]any{&version, &is}, "SELECT (SELECT value FROM meta WHERE name = 'version'), (SELECT value FROM meta WHERE name = 'of')"); err != nil {
		return nil, err
	}
	if version != indexVersion || string(is) != string(of) {
		return nil, errors.New("it is of another version, or of another store")
	}
	return c, nil
}

// removeIndex removes the files of an index.
func removeIndex(path string) error {
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// close closes the files, once run has returned or instead of it.
func (x *index) close() error {
	x.end()
	return errors.Join(x.readers.close(), x.conn.close())
}

func (x *index) end() { x.endOnce.Do(func() { close(x.ended) }) }

// note says that entries were committed. Any goroutine may call it.
func (x *index) note(entries []chat.Entry) {
	if len(entries) == 0 {
		return
	}
	x.mu.Lock()
	for i := range entries {
		x.dirty[entries[i].RoomID]++
	}
	x.mu.Unlock()
	n := x.waiting.Add(int64(len(entries)))
	if n == int64(len(entries)) || n >= indexAt { // else it is known
		x.signal()
	}
}

func (x *index) signal() {
	select {
	case x.wake <- struct{}{}:
	default:
	}
}

// An indexCall is something that run is asked to do.
type indexCall struct {
	f    func() error
	done chan error
}

var errIndexEnded = errors.New("the index has ended")

// ask has run do f, in a transaction, and waits until that is durable.
func (x *index) ask(ctx context.Context, f func() error) error {
	c := &indexCall{f, make(chan error, 1)}
	x.asked.Add(1)
	defer x.asked.Add(-1)
	select {
	case x.calls <- c:
		return <-c.done // run answers whatever it takes
	case <-x.ended:
		return errIndexEnded
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run indexes until ctx is done, or the disk fails: then wake is called.
func (x *index) run(ctx context.Context, wake func()) {
	defer x.end()
	if err := x.serve(ctx); err != nil {
		x.err <- fmt.Errorf("search index: %w", err)
		wake()
	}
}

func (x *index) serve(ctx context.Context) error {
	if err := x.load(); err != nil {
		return err
	}
	x.check()
	alarm := time.NewTimer(0)
	defer alarm.Stop()
	armed := true // the alarm will come
	arm := func(d time.Duration) {
		armed = true
		alarm.Reset(d)
	}
	for {
		var more bool
		var err error
		select {
		case <-ctx.Done():
			_, err := checkpoint(x.conn, "TRUNCATE")
			return err
		case call := <-x.calls:
			err = x.transact(call.f)
			call.done <- err
		case <-x.wake:
			if x.waiting.Load() >= indexAt || x.hasSettled() {
				more, err = x.step()
			}
		case <-alarm.C:
			armed = false
			more, err = x.step()
		}
		switch {
		case err != nil && faultOf(chore(err)) != faultFull:
			return err
		case err != nil:
			arm(fullPause)
		case more:
			arm(0)
		case !armed && (x.waiting.Load() > 0 || x.untidy()):
			arm(x.pace)
		}
	}
}

func (x *index) hasSettled() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.settled) > 0
}

// transact does f in a transaction. If that fails, memory is as it was, too.
func (x *index) transact(f func() error) error {
	if _, err := x.conn.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	err := f()
	if err == nil {
		_, err = x.conn.exec("COMMIT")
	}
	if err != nil {
		x.conn.exec("ROLLBACK") // SQLite may have done so by itself
		return errors.Join(err, x.read())
	}
	return nil
}

// load reads where the index stands, and empties it if it does not fit the log.
func (x *index) load() error {
	if err := x.read(); err != nil {
		return err
	}
	x.settle(slices.Collect(maps.Keys(x.again))) // whatever changed them has ended, with the process at the latest
	fits := true
	rooms := make(map[chat.RoomID]bool)
	after := chat.RoomID(0)
	for {
		list, err := x.store.Rooms(context.Background(), after, indexPage)
		if err != nil {
			return err
		}
		for _, r := range list {
			p := x.places[r.ID]
			if p.floor == ^chat.Seq(0) { // it was to be deleted, and was not
				p = place{}
				if err := x.transact(func() error { return x.put(r.ID, p) }); err != nil {
					return err
				}
			}
			if fits = fits && p.seq <= r.Head; p.seq < r.Head {
				x.mu.Lock() // the writer notes what is committed meanwhile
				x.dirty[r.ID] += int(r.Head - p.seq)
				x.mu.Unlock()
				x.waiting.Add(int64(r.Head - p.seq))
			}
			rooms[r.ID] = true
			after = r.ID
		}
		if len(list) < indexPage {
			break
		}
	}
	for id, p := range x.places {
		switch {
		case rooms[id]:
		case p.floor != ^chat.Seq(0):
			fits = false
		default: // it was taken out and deleted
			if err := x.transact(func() error { return x.drop(id) }); err != nil {
				return err
			}
		}
	}
	if fits {
		return nil
	}
	x.store.log.Warn("the search index is of another log, and is made anew")
	err := x.transact(func() error {
		for _, q := range []string{"INSERT INTO words (words) VALUES ('delete-all')", "DELETE FROM places", "DELETE FROM again", "DELETE FROM terms", "UPDATE meta SET value = 0 WHERE name IN ('debt', 'added')"} {
			if _, err := x.conn.exec(q); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	x.mu.Lock()
	clear(x.dirty)
	x.mu.Unlock()
	x.waiting.Store(0)
	return x.load()
}

// read reads from the file what run keeps in memory.
func (x *index) read() error {
	settled := x.again
	x.places, x.again, x.known = make(map[chat.RoomID]place), make(map[int64]bool), make(map[string]*int64)
	x.owed = 0 // what was cut off is begun again
	_, err := x.conn.one([]any{&x.debt, &x.added}, "SELECT (SELECT value FROM meta WHERE name = 'debt'), (SELECT value FROM meta WHERE name = 'added')")
	return errors.Join(err,
		x.conn.query(func(scan func(...any) error) error {
			var id chat.RoomID
			var p place
			err := scan(&id, &p.seq, &p.floor)
			x.places[id] = p
			return err
		}, "SELECT room, seq, floor FROM places"),
		x.conn.query(func(scan func(...any) error) error {
			var id int64
			err := scan(&id)
			x.again[id] = settled[id]
			return err
		}, "SELECT id FROM again"))
}

// put notes how far a room is indexed.
func (x *index) put(room chat.RoomID, p place) error {
	x.places[room] = p
	_, err := x.conn.exec("INSERT INTO places (room, seq, floor) VALUES (?,?,?) ON CONFLICT (room) DO UPDATE SET seq = excluded.seq, floor = excluded.floor",
		int64(room), int64(p.seq), int64(p.floor))
	return err
}

// drop forgets that a room was.
func (x *index) drop(room chat.RoomID) error {
	delete(x.places, room)
	_, err := x.conn.exec("DELETE FROM places WHERE room = ?", int64(room))
	return err
}

// step does some of what there is to do; more says that there is more.
func (x *index) step() (more bool, err error) {
	x.takeSettled()
	if x.paused.Load() {
		return false, nil // what is noted stays noted
	}
	x.mu.Lock()
	dirty := x.dirty
	x.dirty = make(map[chat.RoomID]int)
	x.mu.Unlock()
	left := make(map[chat.RoomID]int)
	due := slices.DeleteFunc(slices.Sorted(maps.Keys(x.again)), func(row int64) bool { return !x.again[row] })
	if len(dirty) > 0 || len(due) > 0 {
		err = x.transact(func() error {
			maps.Copy(left, dirty)
			for _, row := range due {
				if err := x.lookAgain(row); err != nil {
					return err
				}
			}
			added := x.added
			if err := x.indexRooms(left); err != nil || x.added == added {
				return err
			}
			_, err := x.conn.exec("UPDATE meta SET value = ? WHERE name = 'added'", x.added)
			return err
		})
		for _, row := range due {
			if err == nil {
				delete(x.again, row)
			}
		}
	} else {
		more, err = x.tidy()
	}
	if err != nil {
		left = dirty
	}
	n := 0
	for _, k := range dirty {
		n += k
	}
	if n >= indexAt {
		x.crowd = time.Now()
	}
	x.mu.Lock()
	for id, k := range left {
		x.dirty[id] += k
		n -= k
	}
	x.mu.Unlock()
	x.waiting.Add(int64(-n))
	return more || len(left) > 0, err
}

// indexRooms indexes what was noted, as much as one commit takes. It takes out of dirty what it has done.
func (x *index) indexRooms(dirty map[chat.RoomID]int) error {
	rows, until := 0, time.Now().Add(indexSpan)
	enough := func() bool { return rows >= indexRows || x.asked.Load() > 0 || time.Now().After(until) }
	for _, id := range slices.Sorted(maps.Keys(dirty)) { // the rows of a room meet in few pages
		for {
			p := x.places[id]
			list, err := x.fresh(id, &p)
			if chat.CodeOf(err) == chat.NotFound {
				delete(dirty, id)
				break
			}
			if err != nil {
				return err
			}
			rows += len(list)
			dirty[id] -= len(list)
			last := len(list) < indexPage
			if len(list) > 0 {
				p.seq = max(p.seq, list[len(list)-1].Seq)
			}
			list = slices.DeleteFunc(list, func(e chat.Entry) bool {
				settled, out := x.again[rowOf(id, e.Seq)] // what is settled was looked at, and put off until here
				return out && !settled || e.Seq <= p.floor
			})
			if err := x.add(list); err != nil {
				return err
			}
			if p != x.places[id] {
				if err := x.put(id, p); err != nil {
					return err
				}
			}
			if last {
				delete(dirty, id)
				break
			}
			dirty[id] = max(1, dirty[id])
			if enough() {
				return nil
			}
		}
		if enough() {
			return nil
		}
	}
	return nil
}

// fresh reads what comes behind a place, which it moves past what is pruned:
// from memory, if all of it is there, as it is where the index keeps up.
func (x *index) fresh(id chat.RoomID, p *place) (list []chat.Entry, err error) {
	if tail := x.store.w.tail.of(id); len(tail) > 0 && tail[0].Seq <= p.seq+1 {
		for _, e := range tail[min(len(tail), int(p.seq+1-tail[0].Seq)):] {
			if len(list) == indexPage {
				break
			}
			list = append(list, *e)
		}
		return list, nil
	}
	err = x.store.read(context.Background(), id, func(r *reading) (err error) {
		p.seq = max(p.seq, r.first-1)
		list, err = r.newer(&cutter{limit: indexPage}, true, p.seq, r.head)
		return err
	})
	return list, err
}

// takeSettled notes which messages may be looked at again.
func (x *index) takeSettled() {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, row := range x.settled {
		if _, ok := x.again[row]; ok {
			x.again[row] = true
		}
	}
	x.settled = nil
}

// lookAgain indexes a message that was taken out and whose change has ended, as it is now.
func (x *index) lookAgain(row int64) error {
	room, seq := roomOf(row), seqOf(row)
	p := x.places[room]
	if seq <= p.seq && seq > p.floor { // else it is not due, or never again
		err := x.store.read(context.Background(), room, func(r *reading) error {
			e, err := r.entry(seq)
			if err != nil || e == nil {
				return err
			}
			return x.add([]chat.Entry{*e})
		})
		if err != nil && chat.CodeOf(err) != chat.NotFound {
			return err
		}
	}
	_, err := x.conn.exec("DELETE FROM again WHERE id = ?", row)
	return err
}

// entry reads one entry, nil if it is gone.
func (r *reading) entry(seq chat.Seq) (e *chat.Entry, err error) {
	if seq < r.first || seq > r.head {
		return nil, nil
	}
	if seq >= r.from {
		return r.tail[seq-r.from], nil
	}
	err = r.query(func(scan func(...any) error) error {
		got, _, err := scanEntry(scan, r.code)
		e = &got
		return err
	}, "SELECT "+entryColumns+" FROM log WHERE id = ?", rowOf(r.room, seq))
	return e, err
}
