package prove

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"snug/internal/chat"
	"snug/internal/check"
	"snug/internal/store/sqlite"
)

// A Journal is a directory with the histories of a run.
type Journal struct {
	dir   string
	start time.Time
	last  atomic.Int64 // the newest time of any history

	mu      sync.Mutex
	scribes []*scribe // guarded by mu
}

// NewJournal begins a run whose histories go to an existing directory.
func NewJournal(dir string) *Journal { return &Journal{dir: dir, start: time.Now()} }

// Start is what the times of the histories count from.
func (j *Journal) Start() time.Time { return j.start }

// A scribe writes one client's history. Its lines are in the order of time,
// whichever goroutine they come from.
type scribe struct {
	journal *Journal

	mu  sync.Mutex
	f   *os.File
	out *check.Writer // guarded by mu
	err error         // the first; guarded by mu
}

func (j *Journal) scribe(client string) (*scribe, error) {
	f, err := os.Create(filepath.Join(j.dir, client+".jsonl"))
	if err != nil {
		return nil, fmt.Errorf("prove: %w", err)
	}
	s := &scribe{journal: j, f: f, out: check.NewWriter(f, client, "", j.start)}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.scribes = append(j.scribes, s)
	return s, nil
}

func (s *scribe) write(e check.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = s.out.WriteAt(s.journal.tick(), e)
	}
}

// tick is the time since the start, a little later at each call: what came
// before something else has the smaller one, also where time stands still.
func (j *Journal) tick() time.Duration {
	for {
		last := j.last.Load()
		now := max(int64(time.Since(j.start)), last+1)
		if j.last.CompareAndSwap(last, now) {
			return time.Duration(now)
		}
	}
}

// close is called when nobody writes any more.
func (s *scribe) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(s.err, s.out.Flush(), s.f.Close())
}

// Judge closes the histories and holds them, and the store in a data directory,
// against the rules. Nobody may write any more, nor any server use the directory.
// shown, where not nil, is called with each entry of the log.
func (j *Journal) Judge(ctx context.Context, data string, shown func(*chat.Entry)) (*check.Checker, []check.Violation, error) {
	var files []io.Reader
	for _, s := range j.scribes {
		if err := s.close(); err != nil {
			return nil, nil, fmt.Errorf("prove: %w", err)
		}
		f, err := os.Open(s.f.Name())
		if err != nil {
			return nil, nil, fmt.Errorf("prove: %w", err)
		}
		defer f.Close()
		files = append(files, f)
	}
	c := check.New()
	if err := c.Read(files...); err != nil {
		return nil, nil, fmt.Errorf("prove: %w", err)
	}
	s, err := sqlite.Open(ctx, filepath.Join(data, "snug.db"), sqlite.Options{})
	if err != nil {
		return nil, nil, fmt.Errorf("prove: the log cannot be read: %w", err)
	}
	defer s.Close()
	var failed error
	c.ReadLog(lines(ctx, s, shown, &failed))
	if failed != nil {
		return nil, nil, fmt.Errorf("prove: the log cannot be read: %w", failed)
	}
	return c, c.Report(), nil
}

// lines yields the whole log of all rooms.
func lines(ctx context.Context, s chat.Store, shown func(*chat.Entry), failed *error) iter.Seq[check.Line] {
	return func(yield func(check.Line) bool) {
		rooms, err := s.Rooms(ctx, 0, 10_000)
		if err != nil {
			*failed = err
			return
		}
		for _, r := range rooms {
			for after, more := chat.Seq(0), true; more; {
				p, err := s.Page(ctx, chat.PageQuery{Room: r.ID, After: &after, Limit: 1000, Bytes: 1 << 20})
				if err != nil {
					*failed = err
					return
				}
				for i := range p.Entries {
					e := &p.Entries[i]
					after = e.Seq
					if shown != nil {
						shown(e)
					}
					if !yield(check.Line{Room: e.Room, Seq: uint32(e.Seq), ID: e.ID, Client: e.From.Name, Hash: mark(string(e.Kind), e.Text, uint32(e.Target), e.On, e.Rev != 0), First: e.Seq == p.First}) {
						return
					}
				}
				more = p.More
			}
		}
	}
}

// mark is what histories carry for an entry. A message that was changed since it
// was sent has none. The text of an edit does not count: it goes with the next edit.
func mark(kind, text string, target uint32, on, changed bool) string {
	switch {
	case kind == "message" && changed:
		return ""
	case kind == "message":
		return check.Hash(text)
	}
	return check.Hash(fmt.Sprint(kind, target, on))
}
