package sqlite

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"snug/internal/chat"
)

// fullPause is how long the writer's own work waits after the disk was full.
const fullPause = time.Second

// A writer owns the connection that writes, and what it remembers of the rooms.
type writer struct {
	*conn
	secret []byte              // keys idKey
	rooms  map[chat.RoomID]tip // as committed; filled as rooms are written to
	doomed []*doomed           // rooms being deleted, oldest first

	tail    *tail     // what is in the inbox
	inbox   int64     // the newest row of the inbox
	emptied int64     // inbox rows up to this are gone
	pending int       // bytes of the inbox that no fold has taken on
	rows    []int     // those of each of its rows, the oldest first
	since   time.Time // when the first of them came
	fold    *fold     // under way, or nil
	debt    int       // bytes it should have folded by now
	scrub   time.Time // when erased text is to leave the WAL; zero: there is none
	copied  bool      // a checkpoint beside the writer was asked for since
	unsaved int       // about how many bytes went to the WAL since a checkpoint was due
	rate    rate

	reserve reserve
	full    bool // the last transaction failed for want of room
}

// A rate says when entries are folded and indexed: foldAt, foldAfter and indexAfter.
type rate struct {
	at    int
	after time.Duration
	index time.Duration
}

// A tip is where a room's log stands.
type tip struct {
	code string
	head chat.Seq
	at   int64 // of the newest entry ever, in milliseconds
}

func newWriter(c *conn, r rate) (*writer, error) {
	w := &writer{conn: c, rooms: make(map[chat.RoomID]tip), tail: newTail(), rate: r}
	if ok, err := c.one([]any{&w.secret}, "SELECT value FROM meta WHERE name = 'ids.key'"); err != nil {
		return nil, err
	} else if !ok {
		return nil, errors.New("the key of ids is missing")
	}
	if err := w.loadInbox(); err != nil {
		return nil, err
	}
	return w, c.query(func(scan func(...any) error) error {
		d := &doomed{gone: make(chan struct{})}
		w.doomed = append(w.doomed, d)
		return scan(&d.room)
	}, "SELECT room FROM doomed ORDER BY room")
}

// A tx is one transaction of the writer's. What it changes in the writer's
// memory takes effect with its commit.
type tx struct {
	*writer
	now       time.Time
	open      bool                     // BEGIN was executed: there is something to commit
	tips      map[chat.RoomID]tip      // as this transaction leaves them; code "" is a room that is gone
	touched   map[memberKey]touch      // noted by Touch, not yet written
	entries   []chat.Entry             // appended, in order
	made      []maker                  // of each
	deeds     map[deed]int             // which of entries was made under which id
	revised   map[int64]*version       // entries as it leaves them that it changed, by row
	unindexed map[int64]string         // see unindex
	erased    bool                     // it took away text that must not stay in any file
	folded    map[int64][]int64        // rows of ids for the keys of this batch
	drops     map[chat.RoomID]chat.Seq // entries up to this are pruned
	inbox     int64                    // the newest row of the inbox
	grown     int                      // bytes added to it
	rows      []int                    // those of each row
	fold      *fold                    // how far it is with this transaction
	debt      int
	moved     int       // bytes folded
	doomed    []*doomed // rooms whose deletion begins
	buried    []*doomed // rooms whose deletion ends
}

// start begins the transaction, if nothing has. Who is to write calls it before
// it reads: a read outside of a transaction is one of its own.
func (t *tx) start() error {
	if t.open {
		return nil
	}
	_, err := t.exec("BEGIN IMMEDIATE")
	t.open = err == nil
	return err
}

// write is exec in the transaction, which begins with the first.
func (t *tx) write(q string, args ...any) (int64, error) {
	if err := t.start(); err != nil {
		return 0, err
	}
	return t.exec(q, args...)
}

// Run writes what is queued until ctx is done; then it commits what is queued
// by then, leaves nothing in the inbox or the WAL, and returns nil. It returns an error
// where the disk or the file is broken: nothing is acknowledged after that, and
// the process should end, as only a new start knows what the disk holds. It is called once.
func (s *Store) Run(ctx context.Context) error {
	if !s.queue.start() {
		return errors.New("store: Run after Close")
	}
	defer close(s.stopped)
	err := s.run(ctx)
	if err != nil {
		s.failed.Store(true)
		s.queue.end(unavailable(err))
	}
	s.queue.drain()
	return err
}

func (s *Store) run(ctx context.Context) error {
	w := s.w
	alarm := time.AfterFunc(w.rate.after, s.queue.signal)
	defer alarm.Stop()
	scrub := time.AfterFunc(time.Hour, s.queue.signal)
	defer scrub.Stop()
	beside, stop := context.WithCancel(context.Background())
	var saving sync.WaitGroup
	saving.Go(func() { s.saver.run(beside, s.queue.signal) })
	saving.Go(func() { s.index.run(beside, s.queue.signal) })
	saving.Go(func() {
		if err := s.lookOver(beside); err != nil && beside.Err() == nil {
			s.saver.err <- fmt.Errorf("the file is damaged: keep it, and restore a backup (snug restore): %w", err)
			s.queue.signal()
		}
	})
	defer saving.Wait()
	defer stop()
	for {
		batch, more := s.queue.take(ctx)
		if !more && w.fold == nil && w.pending == 0 {
			break
		}
		folding := w.fold != nil
		if w.beginFold(!more); w.fold != nil && !folding {
			s.log.Debug("a fold begins", "bytes", w.fold.bytes)
			folding = true
		}
		ok, err := s.commit(batch)
		if folding && w.fold == nil {
			s.log.Debug("a fold has ended")
		}
		if err == nil {
			err = w.relieve(s.saver, s.index)
		}
		if !w.scrub.IsZero() {
			scrub.Reset(time.Until(w.scrub))
		}
		switch {
		case err != nil:
			return fmt.Errorf("store: %w", err)
		case !ok && !more:
			return nil // the disk is full: the rest is folded at the next start
		case !ok:
			s.saver.due() // what is saved leaves room in the WAL
			alarm.Reset(fullPause)
		case w.full:
			alarm.Reset(fullPause) // to see whether there is room again
		case len(w.doomed) > 0 || w.fold != nil && len(batch) == 0:
			s.queue.signal() // go on, after what has been queued
		case w.fold != nil:
			alarm.Reset(foldPause) // as long as there are batches it goes with them
		case w.pending > 0:
			alarm.Reset(w.rate.after - min(w.rate.after, time.Since(w.since)))
		}
	}
	stop()
	saving.Wait()
	if err := w.relieve(s.saver, s.index); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if _, err := checkpoint(w.conn, "TRUNCATE"); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

// commit makes a batch durable and settles it. ok says that nothing stood in the
// way of the transaction itself; an error is fatal.
func (s *Store) commit(batch []write) (ok bool, err error) {
	err = s.try(batch)
	switch {
	case err == nil:
		if s.w.full {
			s.recover()
		}
		return true, nil
	case faultOf(err) == faultEntry && len(batch) > 1:
		// One of them cannot be stored. The others must not suffer for it.
		for i := range batch {
			if ok, err = s.commit(batch[i : i+1]); err != nil {
				settle(batch[i+1:], unavailable(err))
				return false, err
			}
		}
		return ok, nil
	case faultOf(err) == faultEntry && len(batch) == 1:
		s.log.Error("a write failed", "err", err)
		settle(batch, fmt.Errorf("store: %w", err))
		return true, nil
	case faultOf(err) == faultFull:
		s.becomeFull(err)
		settle(batch, unavailable(err))
		return false, nil
	}
	settle(batch, unavailable(err))
	return false, err
}

func settle(batch []write, err error) {
	for _, w := range batch {
		w.settle(err)
	}
}

// try applies a batch in one transaction and settles it if that is durable;
// else nothing has happened.
func (s *Store) try(batch []write) error {
	t := s.w.begin(s.clock.Now())
	err := t.apply(batch)
	if err == nil {
		err = s.index.purge(t.unindexed)
	}
	if errors.Is(err, errIndexEnded) {
		err = cmp.Or(s.failure(), err) // why it has
	}
	defer s.index.settle(slices.Collect(maps.Keys(t.unindexed)))
	if t.open {
		if err == nil {
			if plantEarlyAck {
				settle(batch, nil)
				batch = nil
				time.Sleep(100 * time.Millisecond)
			}
			began := time.Now()
			_, err = t.exec("COMMIT")
			if s.committed != nil {
				s.committed(time.Since(began))
			}
			if err == nil {
				err = s.failure() // where the disk has failed another, nothing is acknowledged any more
			}
		}
		if err != nil {
			// SQLite may have rolled back by itself; then this does nothing but fail.
			t.exec("ROLLBACK")
			return err
		}
		s.commits.Add(1)
		s.entries.Add(uint64(len(t.entries)))
	}
	if err != nil {
		return err
	}
	s.w.remember(t)
	s.index.note(t.entries)
	if len(t.entries) > 0 && s.onCommit != nil {
		s.onCommit(t.entries)
	}
	settle(batch, nil)
	return nil
}

// failure is beside's error, as one that is fatal whatever is behind it.
func (s *Store) failure() error {
	if err := beside(s.saver, s.index); err != nil {
		return chore(errors.New(err.Error()))
	}
	return nil
}

// begin makes a transaction.
func (w *writer) begin(now time.Time) *tx {
	t := &tx{writer: w, now: now, tips: make(map[chat.RoomID]tip), deeds: make(map[deed]int), revised: make(map[int64]*version), drops: make(map[chat.RoomID]chat.Seq), inbox: w.inbox, debt: w.debt}
	if w.fold != nil {
		t.fold = new(*w.fold)
	}
	return t
}

// apply does what a batch asks for, and some of the writer's own work.
func (t *tx) apply(batch []write) error {
	if err := t.lookUp(batch); err != nil {
		return err
	}
	for _, w := range batch {
		if err := w.apply(t); err != nil {
			return err
		}
	}
	if err := t.writeTouches(); err != nil {
		return err
	}
	if err := t.writeRevised(); err != nil {
		return err
	}
	if err := t.writeInbox(); err != nil {
		return err
	}
	if err := t.foldOn(len(batch) == 0); err != nil {
		return chore(err)
	}
	return chore(t.bury())
}

// add appends an entry.
func (t *tx) add(e chat.Entry, m maker) {
	if e.ID != "" {
		t.deeds[deed{e.RoomID, m.by, e.ID}] = len(t.entries)
	}
	t.entries = append(t.entries, e)
	t.made = append(t.made, m)
}

// remember takes over what a transaction changed, once it is durable.
func (w *writer) remember(t *tx) {
	for id, tip := range t.tips {
		if tip.code == "" {
			delete(w.rooms, id)
		} else {
			w.rooms[id] = tip
		}
	}
	w.tail.add(t.entries, t.made)
	w.tail.revise(t.revised)
	for room, seq := range t.drops {
		w.tail.drop(room, seq)
	}
	for _, d := range t.doomed {
		w.tail.drop(d.room, ^chat.Seq(0))
	}
	if t.erased && w.scrub.IsZero() {
		w.scrub = time.Now().Add(scrubAfter)
	}
	w.inbox = t.inbox
	if t.grown > 0 && w.pending == 0 {
		w.since = time.Now()
	}
	w.pending += t.grown
	w.rows = append(w.rows, t.rows...)
	w.foldWent(t)
	if t.open {
		w.unsaved += 2*4096 + t.grown + 2*t.moved // a guess: pages hold more than what is new in them
	}
	w.doomed = append(w.doomed, t.doomed...)
	for _, d := range t.buried {
		w.doomed = slices.DeleteFunc(w.doomed, func(o *doomed) bool { return o == d })
		close(d.gone)
	}
}

// tip returns where a room's log stands; ok is false if there is no such room.
func (t *tx) tip(id chat.RoomID) (p tip, ok bool, err error) {
	if p, ok := t.tips[id]; ok {
		return p, p.code != "", nil
	}
	if p, ok := t.rooms[id]; ok {
		return p, true, nil
	}
	var newest, at int64
	ok, err = t.one([]any{&p.code, &newest, &at}, `SELECT r.code, ifnull(l.id, r.pruned), ifnull(l.at, r.pruned_at) FROM rooms r
		LEFT JOIN log l ON l.id = (SELECT max(id) FROM log WHERE id BETWEEN r.id << 32 AND r.id << 32 | 0xffffffff) WHERE r.id = ?`, int64(id))
	p.head, p.at = seqOf(newest), at
	if l := t.tail.of(id); len(l) > 0 {
		p.head, p.at = l[len(l)-1].Seq, l[len(l)-1].At.UnixMilli()
	}
	if plantReuse && p.head > 0 {
		p.head--
	}
	if ok {
		t.tips[id] = p
	}
	return p, ok, err
}

// A call is a write whose caller waits.
type call struct {
	f    func(*tx) error // returns a refusal as *chat.Error, having written nothing
	out  error           // a refusal; owned by the writer until settle
	done chan error
}

func (c *call) apply(t *tx) error {
	c.out = nil
	err := c.f(t)
	if refusal, ok := errors.AsType[*chat.Error](err); ok {
		c.out = refusal
		return nil
	}
	return err
}

func (c *call) settle(err error) {
	if err == nil {
		err = c.out
	}
	c.done <- err
}

func (c *call) size() int               { return 0 }
func (c *call) patience() time.Duration { return 0 }

// do queues f and waits until what it did is durable, or ctx is done: then f
// may still be called, so the caller must not read what f writes.
func (s *Store) do(ctx context.Context, f func(*tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c := &call{f: f, done: make(chan error, 1)}
	s.queue.put(c)
	select {
	case err := <-c.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
