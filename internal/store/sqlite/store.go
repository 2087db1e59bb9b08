package sqlite

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"snug/internal/chat"
)

// Options of a Store. The zero value is ready for use.
type Options struct {
	Clock  chat.Clock   // SystemClock if nil
	Logger *slog.Logger // discards if nil

	// Committed, where set, is told how long each commit took, fsync included. It
	// is called by the writer, and must not block.
	Committed func(took time.Duration)

	// Reserve is how many bytes of the disk are taken up, to be given up for deletes when it is full; 0: none.
	Reserve int64
}

// A Store is the chat.Store on one SQLite file. Its life:
//
//	s, err := sqlite.Open(ctx, path, sqlite.Options{})
//	s.OnCommit(f)
//	err = s.Run(ctx) // in a goroutine of the owner's, who waits for it
//	err = s.Close()  // after Run has returned
//
// Reads work from Open to Close. Writes are queued from Open on and done while
// Run runs; those that come after it get ShuttingDown, or StorageUnavailable
// where Run returned an error.
type Store struct {
	// Static after construction.
	path    string
	clock   chat.Clock
	log     *slog.Logger
	readers *readers
	queue   *queue
	saver   *checkpointer // its run is Run's
	index   *index        // the same
	pruning chan struct{} // holds a token while Prune works

	committed func(time.Duration) // may be nil

	onCommit func([]chat.Entry) // static once Run runs
	w        *writer            // owned by Run, but for its tail

	commits, entries atomic.Uint64
	failed           atomic.Bool   // Run returned an error
	stopped          chan struct{} // closed when Run returns

	closeOnce sync.Once
	closeErr  error // guarded by closeOnce
}

var _ chat.Store = (*Store)(nil)

// Open opens the store at path, makes it if it is not there, and brings it to
// the present schema; a copy of an older one is kept beside it. A store of a
// newer schema is refused. No two Stores may have one path open at a time: the
// caller sees to that. The caller ends the Store with Close.
func Open(ctx context.Context, path string, opt Options) (*Store, error) {
	return open(ctx, path, opt, migrations, rate{foldAt, foldAfter, indexAfter})
}

func open(ctx context.Context, path string, opt Options, steps []string, r rate) (_ *Store, err error) {
	s := &Store{path: path, clock: opt.Clock, log: opt.Logger, committed: opt.Committed, queue: newQueue(), pruning: make(chan struct{}, 1), stopped: make(chan struct{})}
	if s.clock == nil {
		s.clock = chat.SystemClock{}
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	// Made here and not by SQLite, so that nobody else may read it; SQLite gives its WAL the same mode.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	f.Close()
	if err := checkLength(path); err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	c, err := dial(ctx, path, readWrite)
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			c.close()
			if s.saver != nil {
				s.saver.close()
			}
			if s.index != nil {
				s.index.close()
			}
		}
	}()
	if err := migrate(c, path, steps, s.log); err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	if s.w, err = newWriter(c, r); err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	if s.saver, err = newCheckpointer(ctx, path); err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	s.w.reserve = reserve{path: path + reserveSuffix, size: opt.Reserve}
	if s.index, err = openIndex(ctx, s, r.index); err != nil {
		return nil, fmt.Errorf("open search index of %s: %w", path, err)
	}
	if s.readers, err = openReaders(ctx, path); err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	s.recover()
	return s, nil
}

// syncDir makes the names in a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// OnCommit implements chat.Store. It must be called before Run.
func (s *Store) OnCommit(f func([]chat.Entry)) { s.onCommit = f }

// Stats counts what the store has done since Open.
type Stats struct {
	Commits uint64 // transactions that were made durable
	Entries uint64 // entries in them

	Unindexed int64 // about how many entries are not in the search index yet
}

// Stats returns the present counts. Any goroutine may call it.
func (s *Store) Stats() Stats {
	return Stats{s.commits.Load(), s.entries.Load(), s.index.waiting.Load()}
}

// Close closes the files. It is called once Run has returned, or instead of
// Run; reads that are under way are waited for. After Run has failed, nothing more is written to the disk.
func (s *Store) Close() error {
	s.closeOnce.Do(func() {
		s.index.end()
		s.queue.stop(&chat.Error{Code: chat.ShuttingDown, Message: "the store is closed", Retry: true})
		// The last connection to go writes the WAL back into the file. After a
		// failed write or fsync that must not happen (trust.md P8), so then the
		// last ones are those that can only read.
		if s.failed.Load() {
			s.closeErr = errors.Join(s.saver.close(), s.w.close(), s.readers.close(), s.index.close())
		} else {
			s.closeErr = errors.Join(s.readers.close(), s.saver.close(), s.w.close(), s.index.close())
		}
	})
	return s.closeErr
}
