package sqlite

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

const (
	// walBytes is about how much is written to the WAL between two checkpoints.
	walBytes = 8 << 20

	// walPages is how long the WAL may get before the writer helps to begin it anew.
	walPages = 8 << 20 / 4096 * 3

	// scrubAfter is how long text that was deleted may stay in the WAL: edits and
	// deletes of that time share a checkpoint. scrubPause is how long a
	// reader who stood in its way is waited for.
	scrubAfter = 2 * time.Second
	scrubPause = 50 * time.Millisecond
)

// A checkpointer copies the WAL back into the file beside the writer, so that
// no commit waits for it. As the writer goes on meanwhile, there is always
// something left in the WAL, which would grow for ever: so where it has got
// long, the writer is asked to copy the rest itself, between two commits. That is little,
// and with nothing left in it the next commit begins the WAL anew.
type checkpointer struct {
	conn *conn
	kick chan struct{} // holds a token when a checkpoint is due

	help atomic.Bool // the writer is asked to copy the rest
	err  chan error  // holds fatal errors: that ended run, or that lookOver found
}

func newCheckpointer(ctx context.Context, path string) (*checkpointer, error) {
	c, err := dial(ctx, path, readWrite)
	if err != nil {
		return nil, err
	}
	return &checkpointer{conn: c, kick: make(chan struct{}, 1), err: make(chan error, 2)}, nil
}

// run makes checkpoints until ctx is done, or the disk fails: then wake is called.
func (p *checkpointer) run(ctx context.Context, wake func()) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.kick:
		}
		pages, err := checkpoint(p.conn, "PASSIVE")
		if err != nil {
			p.err <- err
			wake()
			return
		}
		p.help.Store(pages > walPages)
	}
}

// due asks for a checkpoint, if none is under way.
func (p *checkpointer) due() {
	select {
	case p.kick <- struct{}{}:
	default:
	}
}

// checkpoint copies what can be copied, and says how many pages the WAL holds.
// An error is fatal; a full disk is none: what was not copied stays in the WAL.
func checkpoint(c *conn, how string) (pages int, err error) {
	var busy, done int
	_, err = c.one([]any{&busy, &pages, &done}, "PRAGMA wal_checkpoint("+how+")")
	if err != nil && faultOf(err) == faultFull {
		err = nil
	}
	if err != nil {
		return 0, fmt.Errorf("checkpoint: %w", err)
	}
	return pages, nil
}

// beside is what has ended one of those that work beside the writer, nil if all is well.
func beside(p *checkpointer, x *index) error {
	select {
	case err := <-p.err:
		return err
	case err := <-x.err:
		return err
	default:
		return nil
	}
}

// relieve does the writer's part of checkpoints, after a commit, and returns
// what has ended one of those that work beside it.
func (w *writer) relieve(p *checkpointer, x *index) error {
	if err := beside(p, x); err != nil {
		return err
	}
	if w.unsaved > walBytes {
		w.unsaved = 0
		p.due()
	}
	if p.help.CompareAndSwap(true, false) {
		if _, err := checkpoint(w.conn, "PASSIVE"); err != nil {
			return err
		}
	}
	if w.scrub.IsZero() || time.Now().Before(w.scrub) {
		return nil
	}
	// The file itself has no trace of what was deleted (secure_delete), but the
	// WAL has what was written before: so it is copied back, beside the writer as
	// far as that goes, and cut off.
	if !w.copied {
		w.copied = true
		p.due()
		w.scrub = time.Now().Add(scrubPause)
		return nil
	}
	ok, err := w.cutWAL()
	if w.scrub, w.copied = (time.Time{}), false; !ok {
		w.scrub = time.Now().Add(scrubPause)
	}
	return err
}

// cutWAL empties the WAL file, unless a reader or another checkpoint is in the way: it waits for nobody.
func (w *writer) cutWAL() (ok bool, err error) {
	if _, err := w.one([]any{new(int)}, "PRAGMA busy_timeout = 0"); err != nil {
		return false, fmt.Errorf("checkpoint: %w", err)
	}
	var busy, pages, done int
	_, err = w.one([]any{&busy, &pages, &done}, "PRAGMA wal_checkpoint(TRUNCATE)")
	if _, again := w.one([]any{new(int)}, "PRAGMA busy_timeout = 10000"); again != nil {
		return false, fmt.Errorf("checkpoint: %w", errors.Join(err, again))
	}
	if err != nil && faultOf(err) != faultFull {
		return false, fmt.Errorf("checkpoint: %w", err)
	}
	return err == nil && busy == 0, nil
}

// close closes the connection, once run has returned.
func (p *checkpointer) close() error { return p.conn.close() }
