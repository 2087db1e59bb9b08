package sqlite

import (
	"context"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"snug/internal/chat"
	"snug/internal/crashfs"
	"snug/internal/store/storetest"
)

func TestMain(m *testing.M) {
	crashfs.Main()
	goleak.VerifyTestMain(m)
}

// rates are folds, and an index, of every sort: as they are, after each commit, and never before the store is stopped.
var rates = map[string]rate{
	"usual": {foldAt, foldAfter, indexAfter},
	"eager": {1, 0, 0},
	"never": {1 << 40, 1000 * time.Hour, 1000 * time.Hour},
}

func TestStore(t *testing.T) {
	for name, r := range rates {
		t.Run("fold="+name, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) storetest.Backend {
				return &backend{path: filepath.Join(t.TempDir(), "snug.db"), rate: r}
			})
		})
	}
}

// A backend is one file, opened by one Store after the other.
type backend struct {
	path string
	rate rate
}

func (b *backend) Open(t *testing.T, clock chat.Clock, onCommit func([]chat.Entry)) (chat.Store, func()) {
	return start(t, b.path, b.rate, clock, onCommit)
}

// start opens a store and runs it. The func it returns stops it; it may be called more than once.
func start(t testing.TB, path string, r rate, clock chat.Clock, onCommit func([]chat.Entry)) (*Store, func()) {
	t.Helper()
	s, err := open(context.Background(), path, Options{Clock: clock}, migrations, r)
	if err != nil {
		t.Fatal(err)
	}
	if onCommit != nil {
		s.OnCommit(onCommit)
	}
	return s, runUntilCleanup(t, s)
}

// runUntilCleanup runs a store until the func it returns is called, or the test ends.
func runUntilCleanup(t testing.TB, s *Store) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ran; err != nil {
			t.Errorf("Run: %v", err)
		}
		if t, ok := t.(*testing.T); ok {
			checkPlans(t, s)
		}
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		if t, ok := t.(*testing.T); ok {
			checkFile(t, s.path)
		}
	})
	t.Cleanup(stop)
	return stop
}

// wholeRooms are the queries that have to go through a room's members: no index would help them.
var wholeRooms = []string{
	"AND identity <> ? AND role = 3 LIMIT 1", // an owner is taken down: rare, and there are few
	"DELETE FROM members WHERE room = ? AND identity IN",
}

// checkPlans looks at how SQLite goes about the queries that a store has used:
// none may take longer the more members a room or entries a log has.
func checkPlans(t *testing.T, s *Store) {
	conns := []*conn{s.w.conn}
	for range s.readers.n {
		c := <-s.readers.free
		defer func() { s.readers.free <- c }()
		conns = append(conns, c)
	}
	slow := regexp.MustCompile(`^SCAN (members|log|ids|barred|reactions)\b|^SEARCH members USING PRIMARY KEY \(room=\?\)$|TEMP B-TREE`)
	for _, c := range conns {
		for _, q := range slices.Collect(maps.Keys(c.stmts)) {
			if !strings.Contains(q, "WHERE") || slices.ContainsFunc(wholeRooms, func(part string) bool { return strings.Contains(q, part) }) { // without: a test counts
				continue
			}
			st, err := c.prepared("EXPLAIN QUERY PLAN " + q)
			if err != nil {
				t.Error(err)
				continue
			}
			if err := c.query(func(scan func(...any) error) error {
				var id, parent, unused int
				var how string
				err := scan(&id, &parent, &unused, &how)
				if slow.MatchString(how) {
					t.Errorf("%s\n\tis done thus: %s", q, how)
				}
				return err
			}, "EXPLAIN QUERY PLAN "+q, make([]any, st.BindParamCount())...); err != nil {
				t.Errorf("%s: %v", q, err)
			}
		}
	}
}

// checkFile looks at what a store left behind when it was stopped: everything
// is folded, logs are dense from the first entry kept, and ids and entries belong together.
func checkFile(t *testing.T, path string) {
	c, err := dial(context.Background(), path, readOnly)
	if err != nil {
		t.Error(err)
		return
	}
	defer c.close()
	x, err := dial(context.Background(), path+indexSuffix, readOnly)
	if err != nil {
		t.Error(err)
		return
	}
	defer x.close()
	if bad, err := disagree(x, func(id chat.RoomID) (*reading, error) { return c.reading(id, nil) }); err != nil || bad != "" {
		t.Errorf("%s: the index: %s, %v", path, bad, err)
	}
	var secret []byte
	if ok, err := c.one([]any{&secret}, "SELECT value FROM meta WHERE name = 'ids.key'"); err != nil || !ok {
		t.Error(ok, err)
	}
	for what, q := range map[string]string{
		"rows in the inbox":            "SELECT count(*) FROM inbox",
		"entries of no room":           "SELECT count(*) FROM log WHERE id >> 32 NOT IN (SELECT id FROM rooms UNION SELECT room FROM doomed)",
		"members of no room":           "SELECT count(*) FROM members WHERE room NOT IN (SELECT id FROM rooms UNION SELECT room FROM doomed)",
		"entries that were pruned":     "SELECT count(*) FROM log l JOIN rooms r ON r.id = l.id >> 32 WHERE l.id & 0xffffffff <= r.pruned",
		"holes":                        "SELECT count(*) FROM log l JOIN rooms r ON r.id = l.id >> 32 WHERE l.id & 0xffffffff > r.pruned + 1 AND NOT EXISTS (SELECT 1 FROM log WHERE id = l.id - 1)",
		"ids of no entry":              "SELECT count(*) FROM ids WHERE id NOT IN (SELECT id FROM log WHERE cid IS NOT NULL)",
		"entries whose id is not kept": "SELECT count(*) FROM log WHERE cid IS NOT NULL AND id NOT IN (SELECT id FROM ids)",
		"times running backwards":      "SELECT count(*) FROM log l JOIN log m ON m.id = l.id + 1 WHERE m.at < l.at",
		"damage":                       "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'",
	} {
		var n int
		if _, err := c.one([]any{&n}, q); err != nil || n != 0 {
			t.Errorf("%s: %d %s, %v", path, n, what, err)
		}
	}
}

// BenchmarkStore measures the store without the work of the search index, of
// which BenchmarkSearch tells.
func BenchmarkStore(b *testing.B) {
	storetest.Bench(b, func(b *testing.B) chat.Store {
		s, _ := start(b, filepath.Join(b.TempDir(), "snug.db"), rates["usual"], nil, nil)
		s.index.paused.Store(true)
		return s
	})
}
