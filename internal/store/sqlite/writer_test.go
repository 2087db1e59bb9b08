package sqlite

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"snug/internal/chat"
)

// queued opens a store that is not run yet, with a room in it.
func queued(t *testing.T, r rate) (s *Store, room chat.RoomID, run func()) {
	path := filepath.Join(t.TempDir(), "snug.db")
	s, stop := start(t, path, r, nil, nil)
	room = newRoom(t, s, "room")
	stop()
	s, err := open(t.Context(), path, Options{}, migrations, r)
	if err != nil {
		t.Fatal(err)
	}
	return s, room, func() { runUntilCleanup(t, s) }
}

// What is waiting shares a commit, up to maxBatch, and OnCommit is told at once.
func TestSharedCommits(t *testing.T) {
	for n, commits := range map[int]uint64{64: 1, maxBatch: 1, maxBatch + 1: 2} {
		s, room, run := queued(t, rates["never"])
		var told []int
		s.OnCommit(func(entries []chat.Entry) { told = append(told, len(entries)) })
		var wg sync.WaitGroup
		wg.Add(n)
		for i := range n {
			s.Append(say(room, fmt.Sprint(i)), func(a chat.Appended, err error) {
				if err != nil || int(a.Seq) != i+1 {
					t.Errorf("draft %d: %+v, %v", i, a, err)
				}
				wg.Done()
			})
		}
		run()
		wg.Wait()
		if got := s.Stats(); got.Commits != commits || got.Entries != uint64(n) || len(told) != int(commits) {
			t.Errorf("%d drafts: %+v, OnCommit %v, want %d commits", n, got, told, commits)
		}
	}
}

// What changes nothing is answered without a commit.
func TestNoCommit(t *testing.T) {
	s, _ := start(t, filepath.Join(t.TempDir(), "snug.db"), rates["never"], nil, nil)
	room := newRoom(t, s, "room")
	if _, err := add(s, say(room, "id")); err != nil {
		t.Fatal(err)
	}
	before := s.Stats()
	refused := say(room, "other")
	refused.Refusal = fmt.Errorf("no")
	for range 3 {
		if a, err := add(s, say(room, "id")); err != nil || !a.Duplicate {
			t.Error(a, err)
		}
		if _, err := add(s, refused); err == nil {
			t.Error("not refused")
		}
		if _, err := s.Prune(t.Context(), room, time.Time{}, 10); err != nil {
			t.Error(err)
		}
	}
	got := s.Stats()
	if got.Unindexed = before.Unindexed; got != before { // the index goes on
		t.Errorf("%+v, before %+v", got, before)
	}
}

// Drafts beyond what may wait are refused in their turn, and let go of.
func TestTooMuchWaiting(t *testing.T) {
	s, room, run := queued(t, rates["never"])
	s.queue.limit = 64 << 10
	big := strings.Repeat("x", 1<<10)
	var wg sync.WaitGroup
	var got []error
	const n = 80
	wg.Add(n + 1)
	note := func(_ chat.Appended, err error) { got = append(got, err); wg.Done() }
	for i := range n {
		d := say(room, fmt.Sprint(i))
		d.Text = big
		s.Append(d, note)
	}
	s.Append(chat.Draft{Room: room, Kind: chat.KindMessage}, note) // fits beside those that were taken
	run()
	wg.Wait()
	taken := slices.IndexFunc(got, func(err error) bool { return err != nil })
	if want := s.queue.limit / (1<<10 + 512); taken != want {
		t.Errorf("%d drafts of 1 KiB were taken, want %d", taken, want)
	}
	for i, err := range got {
		want := chat.StorageUnavailable
		if i < taken || i == n {
			want = ""
		}
		if chat.CodeOf(err) != want {
			t.Errorf("draft %d: %v", i, err)
		}
	}
	if _, err := add(s, say(room, "later")); err != nil {
		t.Error(err)
	}
}

// After a quiet while, and when the store stops, everything is in the log table and the inbox is empty.
func TestFolded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "snug.db")
	count := func(s *Store, table string) (n int) {
		t.Helper()
		if err := s.readers.use(t.Context(), func(c *conn) error {
			_, err := c.one([]any{&n}, "SELECT count(*) FROM "+table)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return n
	}
	s, stop := start(t, path, rates["never"], nil, nil)
	rooms := []chat.RoomID{newRoom(t, s, "one"), newRoom(t, s, "two")}
	fill := func(from, n int) {
		var wg sync.WaitGroup
		wg.Add(n)
		for i := range n {
			s.Append(say(rooms[i%2], fmt.Sprint(from+i)), func(chat.Appended, error) { wg.Done() })
		}
		wg.Wait()
	}
	fill(0, 3000)
	if count(s, "inbox") == 0 || count(s, "log") != 0 || count(s, "ids") != 0 {
		t.Error("what is never folded is")
	}
	stop()
	s, stop = start(t, path, rate{at: 1 << 40, after: 50 * time.Millisecond}, nil, nil)
	if count(s, "inbox") != 0 || count(s, "log") != 3000 || count(s, "ids") != 3000 {
		t.Error("not folded by the stop")
	}
	fill(3000, 500)
	for end := time.Now().Add(20 * time.Second); count(s, "inbox") > 0 && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	if n := count(s, "log"); n != 3500 || count(s, "inbox") != 0 {
		t.Errorf("after a while %d entries are folded", n)
	}
	if got := log(t, s, rooms[0]); len(got) != 1750 {
		t.Errorf("%d entries", len(got))
	}
	stop()
}

// A damaged inbox is noticed at start, and not repaired away.
func TestDamagedInbox(t *testing.T) {
	s, room, run := queued(t, rates["never"])
	run()
	for _, c := range []struct{ name, sql string }{
		{"a changed byte", "UPDATE inbox SET entries = CAST(substr(entries, 1, 40) || x'ff' || substr(entries, 42) AS BLOB)"},
		{"a cut row", "UPDATE inbox SET entries = substr(entries, 1, length(entries) - 3)"},
		{"an empty row", "UPDATE inbox SET entries = x''"},
	} {
		if _, err := add(s, say(room, c.name)); err != nil {
			t.Fatal(err)
		}
		to := filepath.Join(t.TempDir(), "copy.db")
		if err := s.do(t.Context(), func(*tx) error { snapshot(t, s.path, to); return nil }); err != nil {
			t.Fatal(err)
		}
		d, err := dial(t.Context(), to, readWrite)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.exec(c.sql); err != nil {
			t.Fatal(err)
		}
		if err := d.close(); err != nil {
			t.Fatal(err)
		}
		if s, err := Open(t.Context(), to, Options{}); err == nil || !strings.Contains(err.Error(), "inbox row 1") {
			t.Errorf("%s: opened: %v", c.name, err)
			if err == nil {
				s.Close()
			}
		}
	}
}

// A deletion that a crash cut off is finished at the next start.
func TestDoomedAtStart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "snug.db")
	s, stop := start(t, path, rates["usual"], nil, nil)
	room := newRoom(t, s, "room")
	for i := range 1200 {
		s.Append(say(room, fmt.Sprint(i)), func(chat.Appended, error) {})
	}
	if err := s.SaveMembership(t.Context(), chat.Membership{Room: room, Role: chat.RoleMember}, time.Time{}); err != nil {
		t.Fatal(err)
	}
	stop()
	c, err := dial(t.Context(), path, readWrite)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.script("DELETE FROM rooms; INSERT INTO doomed SELECT 1"); err != nil {
		t.Fatal(err)
	}
	if err := c.close(); err != nil {
		t.Fatal(err)
	}
	s, _ = start(t, path, rates["usual"], nil, nil)
	if err := s.DeleteRoom(t.Context(), room); err != nil { // waits for the one under way
		t.Fatal(err)
	}
	for _, table := range []string{"log", "ids", "members", "doomed"} {
		if err := s.readers.use(t.Context(), func(c *conn) error {
			var n int
			_, err := c.one([]any{&n}, "SELECT count(*) FROM "+table)
			if n != 0 {
				t.Errorf("%d rows are left in %s", n, table)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestIDKeys(t *testing.T) {
	secret := []byte("secret")
	key := func(id string) int64 { return idKey(secret, 7, chat.Identity{1}, id) }
	var last int64
	for i := range 1000 {
		u := uuid.Must(uuid.NewV7())
		u[0], u[1], u[2], u[3], u[4], u[5] = 1, 2, 3, 4, byte(i>>8), byte(i)
		k := key(u.String())
		if k <= last {
			t.Errorf("the key of %s does not rise", u)
		}
		last = k
	}
	seen := make(map[int64]string)
	mem := inMemory(t)
	for i := range 1000 {
		timed := uuid.Must(uuid.NewV7()) // of a millisecond of its own: those of one share their keys now and then
		timed[4], timed[5] = byte(i>>8), byte(i)
		for _, id := range []string{uuid.NewString(), timed.String(), fmt.Sprint(i), strings.ToUpper(uuid.NewString())} {
			if k := key(id); k < 0 || seen[k] != "" || k == idKey([]byte("other"), 7, chat.Identity{1}, id) || k == idKey(secret, 8, chat.Identity{1}, id) || k == idKey(secret, 7, chat.Identity{2}, id) {
				t.Errorf("%q has the key %d, as %q has", id, k, seen[k])
			} else {
				seen[k] = id
			}
			var got clientID
			if _, err := mem.one([]any{&got}, "SELECT ?", clientID(id)); err != nil || string(got) != id {
				t.Errorf("%q comes back as %q, %v", id, got, err)
			}
		}
	}
}

// Two ids may have one key; only the entry itself says whether an id is known.
func TestIDKeysMeet(t *testing.T) {
	s, _ := start(t, filepath.Join(t.TempDir(), "snug.db"), rates["eager"], nil, nil)
	room := newRoom(t, s, "room")
	if _, err := add(s, say(room, "one")); err != nil {
		t.Fatal(err)
	}
	if err := s.do(t.Context(), func(t *tx) error {
		_, err := t.write("INSERT INTO ids (k, id) VALUES (?, ?)", idKey(t.secret, room, chat.Identity{}, "two"), rowOf(room, 1))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	for i, want := range []chat.Appended{{Seq: 2}, {Seq: 2, Duplicate: true}} {
		if a, err := add(s, say(room, "two")); err != nil || a.Seq != want.Seq || a.Duplicate != want.Duplicate {
			t.Errorf("try %d: %+v, %v", i, a, err)
		}
	}
}

// Nobody else on the machine may read the files.
func TestModes(t *testing.T) {
	s, room, run := queued(t, rates["never"])
	run()
	if _, err := add(s, say(room, "x")); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if i, err := os.Stat(s.path + suffix); err != nil || i.Mode().Perm() != 0o600 {
			t.Errorf("%q: %v, %v", suffix, i.Mode(), err)
		}
	}
}

// Close without Run answers what was queued; Run after Close fails.
func TestCloseAlone(t *testing.T) {
	s, room, _ := queued(t, rates["usual"])
	got := make(chan error, 2)
	note := func(_ chat.Appended, err error) { got <- err }
	s.Append(say(room, "before"), note)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	s.Append(say(room, "after"), note)
	for range 2 {
		if err := <-got; chat.CodeOf(err) != chat.ShuttingDown {
			t.Errorf("a draft got %v", err)
		}
	}
	if s.Run(t.Context()) == nil {
		t.Error("Run after Close")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// Touches by themselves wait a little for company, and then share a commit.
func TestTouchesWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, stop := start(t, filepath.Join(t.TempDir(), "snug.db"), rates["usual"], nil, nil)
		defer stop()
		room := newRoom(t, s, "room")
		m := chat.Membership{Room: room, Role: chat.RoleMember}
		if err := s.SaveMembership(t.Context(), m, time.Time{}); err != nil {
			t.Fatal(err)
		}
		read := func() chat.Seq {
			m, _, err := s.Membership(t.Context(), room, m.Identity)
			if err != nil {
				t.Fatal(err)
			}
			return m.Read
		}
		before := s.Stats().Commits
		for round := range chat.Seq(3) {
			for i := range chat.Seq(100) {
				s.Touch(room, m.Identity, m.Seen, 100*round+i+1)
			}
			time.Sleep(touchPause / 2)
			synctest.Wait()
			if got := read(); got != 100*round {
				t.Errorf("round %d: written at once: %d", round, got)
			}
			time.Sleep(touchPause)
			synctest.Wait()
			if got := read(); got != 100*round+100 {
				t.Errorf("round %d: after a while the mark is %d", round, got)
			}
		}
		s.Touch(room, m.Identity, m.Seen, 1000)
		if _, err := add(s, say(room, "takes it along")); err != nil || read() != 1000 {
			t.Errorf("with a draft: %d, %v", read(), err)
		}
		if got := s.Stats().Commits - before; got != 4 {
			t.Errorf("%d commits, want 4", got)
		}
	})
}

// Drafts with patience wait as long as the least patient of them for others, and
// share a commit; a draft without it, or the end, takes along all that waits.
func TestPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, stop := start(t, filepath.Join(t.TempDir(), "snug.db"), rates["usual"], nil, nil)
		room := newRoom(t, s, "room")
		before := s.Stats().Commits
		began := time.Now()
		var n int
		var after []time.Duration // the answers
		post := func(patience time.Duration) {
			n++
			d := say(room, fmt.Sprint(n))
			d.Patience = patience
			s.Append(d, func(a chat.Appended, err error) {
				if err != nil {
					t.Error(err)
				}
				after = append(after, time.Since(began))
			})
		}
		want := func(commits uint64, answers ...time.Duration) {
			t.Helper()
			synctest.Wait()
			if got := s.Stats().Commits - before; got != commits || !slices.Equal(after, answers) {
				t.Errorf("%d commits, answers after %v; want %d and %v", got, after, commits, answers)
			}
			began, before, after = time.Now(), s.Stats().Commits, nil
		}
		const ms = time.Millisecond
		post(20 * ms)
		time.Sleep(5 * ms)
		post(20 * ms)
		post(10 * ms)
		time.Sleep(9 * ms)
		post(10 * ms)
		time.Sleep(100 * ms)
		want(1, 15*ms, 15*ms, 15*ms, 15*ms)

		post(20 * ms)
		time.Sleep(5 * ms)
		post(0)
		time.Sleep(10 * ms)
		post(20 * ms) // the alarm of the first has moved
		time.Sleep(100 * ms)
		want(2, 5*ms, 5*ms, 35*ms)

		post(time.Hour)
		stop()
		want(2, 0) // with what the end folds
	})
}

// A burst that comes write by write shares a commit, as the one before it did;
// a write that comes alone is not kept waiting for others.
func TestGather(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // so that the burst goes on when the writer looks
	const burst = 8
	for _, last := range []int{burst, 1} {
		q := newQueue()
		q.start()
		q.last, q.taken, q.lookout = last, time.Now().Add(-time.Hour), time.Minute
		put := make(chan bool)
		go func() {
			for range burst {
				q.put(refused{})
				runtime.Gosched()
				runtime.Gosched() // one more than a writer that looks once
			}
			close(put)
		}()
		batch, _ := q.take(t.Context())
		if n := len(batch); last == burst && n != burst || last == 1 && n == burst {
			t.Errorf("after a batch of %d, the next one holds %d", last, n)
		}
		<-put
	}
}
