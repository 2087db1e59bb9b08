package sqlite

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"zombiezen.com/go/sqlite"

	"snug/internal/chat"
)

// newRoom makes a room in s.
func newRoom(t testing.TB, s chat.Store, roomCode string) chat.RoomID {
	t.Helper()
	r, _, err := s.CreateRoom(t.Context(), chat.Room{Code: roomCode, Key: []byte("k")}, "")
	if err != nil {
		t.Fatal(err)
	}
	return r.ID
}

func say(room chat.RoomID, id string) chat.Draft {
	return chat.Draft{Room: room, Kind: chat.KindMessage, ID: id, Text: "text of " + id}
}

// add appends a draft and waits.
func add(s chat.Store, d chat.Draft) (a chat.Appended, err error) {
	done := make(chan struct{})
	s.Append(d, func(b chat.Appended, e error) { a, err = b, e; close(done) })
	<-done
	return a, err
}

func log(t testing.TB, s chat.Store, room chat.RoomID) []chat.Entry {
	t.Helper()
	p, err := s.Page(t.Context(), chat.PageQuery{Room: room, After: new(chat.Seq), Limit: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	return p.Entries
}

// snapshot copies the files as a crash would leave them. The writer must be standing still; the file
// comes before the WAL, from which a checkpoint may still be copying.
func snapshot(t *testing.T, path, to string) {
	for _, suffix := range []string{"", "-wal"} {
		in, err := os.Open(path + suffix)
		if err != nil {
			t.Error(err)
			return
		}
		out, err := os.Create(to + suffix)
		if err != nil {
			t.Error(err)
		} else if _, err := io.Copy(out, in); err != nil {
			t.Error(err)
		}
		if err := errors.Join(in.Close(), out.Close()); err != nil {
			t.Error(err)
		}
	}
}

// After a crash at any point, with a fold under way or not, all that was committed is
// there, once and in order, and a retry is known.
func TestCrash(t *testing.T) {
	each, every := 600, 300 // entries of each writer, and between two copies
	if testing.Short() {
		each, every = 200, 100
	}
	for name, r := range map[string]rate{
		"usual":   rates["usual"],
		"eager":   rates["eager"],
		"slices":  {at: 20 << 10, after: time.Hour}, // folds that take many commits
		"growing": rates["never"],
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := filepath.Join(dir, "snug.db")
			var committed []chat.Entry // written by OnCommit alone, read when the store has stopped
			var copies []int           // how many of them each copy must have
			s, stop := start(t, path, r, nil, nil)
			s.OnCommit(func(entries []chat.Entry) {
				committed = append(committed, entries...)
				if len(committed)/every >= len(copies) {
					snapshot(t, path, filepath.Join(dir, fmt.Sprint("copy-", len(copies))))
					copies = append(copies, len(committed))
				}
			})
			rooms := []chat.RoomID{newRoom(t, s, "one"), newRoom(t, s, "two"), newRoom(t, s, "three")}
			var wg sync.WaitGroup
			for n := range 4 {
				wg.Go(func() {
					for i := range each {
						d := say(rooms[i%3], fmt.Sprintf("%d-%d", n, i))
						d.Text = strings.Repeat("x", 100)
						if _, err := add(s, d); err != nil {
							t.Error(err)
						}
					}
				})
			}
			wg.Wait()
			stop()
			for i, n := range copies {
				checkCopy(t, filepath.Join(dir, fmt.Sprint("copy-", i)), committed[:n], rooms)
			}
			if len(copies) < 5 {
				t.Errorf("%d copies", len(copies))
			}
		})
	}
}

func checkCopy(t *testing.T, path string, committed []chat.Entry, rooms []chat.RoomID) {
	for pass := range 2 { // as it is found, and with all folded
		s, stop := start(t, path, rates["usual"], nil, nil)
		n := 0
		for _, room := range rooms {
			got := log(t, s, room)
			n += len(got)
			for i, e := range got {
				if int(e.Seq) != i+1 {
					t.Fatalf("%s: a hole before %d", path, e.Seq)
				}
			}
		}
		if want := len(committed) + pass*len(rooms); n != want {
			t.Errorf("%s: %d entries, but %d were committed", path, n, want)
		}
		for _, room := range rooms { // numbers go on where they ended
			head := len(log(t, s, room))
			if a, err := add(s, say(room, fmt.Sprint("after the crash ", pass))); err != nil || int(a.Seq) != head+1 {
				t.Errorf("%s: %d follows %d, %v", path, a.Seq, head, err)
			}
		}
		for _, e := range committed[max(0, len(committed)-50):] {
			if a, err := add(s, say(e.RoomID, e.ID)); err != nil || !a.Duplicate || a.Seq != e.Seq || !a.At.Equal(e.At) {
				t.Errorf("%s: a retry of %+v got %+v, %v", path, e, a, err)
			}
		}
		stop()
		if t.Failed() {
			return
		}
	}
}

// What was pruned, or deleted with its room, stays so after a crash, folded or not.
func TestCrashAfterDeletion(t *testing.T) {
	for name, r := range rates {
		path := filepath.Join(t.TempDir(), "snug.db")
		s, stop := start(t, path, r, nil, nil)
		pruned, gone := newRoom(t, s, "pruned"), newRoom(t, s, "gone")
		for i := range 10 {
			for _, room := range []chat.RoomID{pruned, gone} {
				if _, err := add(s, say(room, fmt.Sprint(i+1))); err != nil {
					t.Fatal(err)
				}
			}
		}
		if n, err := s.Prune(t.Context(), pruned, time.Now().Add(time.Hour), 6); n != 6 || err != nil {
			t.Fatal(n, err)
		}
		if err := s.DeleteRoom(t.Context(), gone); err != nil {
			t.Fatal(err)
		}
		copied := path + ".copy"
		if err := s.do(t.Context(), func(*tx) error { snapshot(t, path, copied); return nil }); err != nil {
			t.Fatal(err)
		}
		stop()
		for range 2 {
			s, stop := start(t, copied, r, nil, nil)
			got := log(t, s, pruned)
			if r, err := s.Room(t.Context(), "pruned"); err != nil || r.First != 7 || len(got) < 4 || got[0].Seq != 7 {
				t.Errorf("%s: first %d, head %d, %v; entries %+v", name, r.First, r.Head, err, got)
			}
			if _, err := s.Room(t.Context(), "gone"); chat.CodeOf(err) != chat.NotFound {
				t.Errorf("%s: the deleted room: %v", name, err)
			}
			if _, err := add(s, say(gone, "1")); chat.CodeOf(err) != chat.NotFound {
				t.Errorf("%s: a draft for it: %v", name, err)
			}
			stop() // and see checkFile
		}
	}
}

// Folds, pruning and deletions in the same commits leave nothing behind.
func TestFoldAndPrune(t *testing.T) {
	s, stop := start(t, filepath.Join(t.TempDir(), "snug.db"), rate{at: 4 << 10, after: time.Hour}, nil, nil)
	rooms := []chat.RoomID{newRoom(t, s, "one"), newRoom(t, s, "two"), newRoom(t, s, "three")}
	var wg sync.WaitGroup
	all := 2000
	if testing.Short() {
		all = 600
	}
	for i := range all {
		wg.Add(1)
		s.Append(say(rooms[i%3], fmt.Sprint(i)), func(_ chat.Appended, err error) {
			if err != nil && chat.CodeOf(err) != chat.NotFound {
				t.Error(err)
			}
			wg.Done()
		})
		if i%10 == 9 {
			wg.Go(func() {
				if _, err := s.Prune(t.Context(), rooms[i/10%2], time.Now().Add(time.Hour), 5); err != nil {
					t.Error(err)
				}
			})
			time.Sleep(time.Millisecond) // many commits
		}
		if i == all*3/4 {
			wg.Go(func() {
				if err := s.DeleteRoom(t.Context(), rooms[2]); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	stop() // and see checkFile
}

// When the disk fails, Run says so, nothing is acknowledged any more, and the files are left alone.
func TestFatal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "snug.db")
	s, err := Open(t.Context(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	ran := make(chan error, 1)
	go func() { ran <- s.Run(t.Context()) }()
	room := newRoom(t, s, "room")
	if _, err := add(s, say(room, "before")); err != nil {
		t.Fatal(err)
	}
	refused := make(chan error, 3)
	note := func(_ chat.Appended, err error) { refused <- err }
	block := make(chan struct{})
	go s.do(t.Context(), func(*tx) error { <-block; return nil }) // what follows is one batch
	time.Sleep(10 * time.Millisecond)
	s.Append(say(room, "with it"), note)
	go s.do(t.Context(), func(*tx) error { return sqlite.ResultIOErrFsync.ToError() })
	time.Sleep(10 * time.Millisecond)
	s.Append(say(room, "with it, too"), note)
	close(block)
	if err := <-ran; sqlite.ErrCode(err) != sqlite.ResultIOErrFsync {
		t.Errorf("Run returned %v", err)
	}
	s.Append(say(room, "after"), note)
	for range 3 {
		if err := <-refused; chat.CodeOf(err) != chat.StorageUnavailable {
			t.Errorf("a draft got %v", err)
		}
	}
	if got := log(t, s, room); len(got) != 1 {
		t.Errorf("reading gives %d entries", len(got))
	}
	before := files(t, path)
	if err := s.Close(); err != nil {
		t.Log(err) // it may well fail
	}
	if after := files(t, path); after != before {
		t.Errorf("Close changed the files from %v to %v", before, after)
	}
}

// files tells the sizes and times of a store's files.
func files(t *testing.T, path string) (s string) {
	for _, suffix := range []string{"", "-wal"} {
		i, err := os.Stat(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		s += fmt.Sprint(suffix, i.Size(), i.ModTime())
	}
	return s
}

// With the disk full drafts are refused, reading goes on, and when there is room it goes on by itself.
func TestFull(t *testing.T) {
	s, stop := start(t, filepath.Join(t.TempDir(), "snug.db"), rate{at: 1 << 10, after: time.Hour}, nil, nil)
	room := newRoom(t, s, "room")
	limit := func(pages int) {
		t.Helper()
		if err := s.do(t.Context(), func(tx *tx) error { return tx.script(fmt.Sprint("PRAGMA max_page_count=", pages)) }); err != nil {
			t.Fatal(err)
		}
	}
	limit(100)
	var err error
	n := 0
	for ; err == nil; n++ {
		d := say(room, fmt.Sprint(n))
		d.Text = strings.Repeat("x", 3000)
		_, err = add(s, d)
	}
	if e, ok := errors.AsType[*chat.Error](err); !ok || e.Code != chat.StorageUnavailable || !e.Retry {
		t.Fatalf("draft %d got %v", n, err)
	}
	got := log(t, s, room)
	if len(got) != n-1 || n < 10 {
		t.Errorf("%d entries, draft %d was refused", len(got), n)
	}
	if _, err := s.Prune(t.Context(), room, time.Now(), 1); chat.CodeOf(err) == chat.Internal {
		t.Errorf("Prune: %v", err)
	}
	limit(1 << 20)
	if a, err := add(s, say(room, fmt.Sprint(n-1))); err != nil || a.Duplicate || int(a.Seq) != n {
		t.Errorf("with room on the disk: %+v, %v", a, err)
	}
	stop()
}

// What cannot be stored is refused alone, whatever shares its commit.
func TestBadWrite(t *testing.T) {
	s, _ := start(t, filepath.Join(t.TempDir(), "snug.db"), rates["usual"], nil, nil)
	room := newRoom(t, s, "room")
	for i := range 3 {
		bad := make(chan error, 1)
		go func() {
			bad <- s.do(t.Context(), func(tx *tx) error {
				_, err := tx.write("INSERT INTO rooms (id) VALUES (NULL)")
				return err
			})
		}()
		var wg sync.WaitGroup
		for j := range 100 {
			wg.Add(1)
			s.Append(say(room, fmt.Sprint(i, j)), func(_ chat.Appended, err error) {
				if err != nil {
					t.Error(err)
				}
				wg.Done()
			})
		}
		wg.Wait()
		if err := <-bad; err == nil || chat.CodeOf(err) != chat.Internal {
			t.Errorf("the bad write: %v", err)
		}
	}
	if got := log(t, s, room); len(got) != 300 {
		t.Errorf("%d entries", len(got))
	}
}

// Where the writer's own work fails, the store stops, instead of blaming whoever writes.
func TestChoreFails(t *testing.T) {
	s, err := open(t.Context(), filepath.Join(t.TempDir(), "snug.db"), Options{}, migrations, rates["eager"])
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ran := make(chan error, 1)
	go func() { ran <- s.Run(t.Context()) }()
	room := newRoom(t, s, "room")
	if err := s.do(t.Context(), func(tx *tx) error { return tx.script("DROP TABLE log") }); err != nil {
		t.Fatal(err)
	}
	s.Append(say(room, ""), func(chat.Appended, error) {}) // stored; the fold that follows cannot be
	if err := <-ran; !errors.As(err, new(choreError)) {
		t.Errorf("Run returned %v", err)
	}
}

// Once the disk has failed one of those that work beside the writer, nothing is
// acknowledged any more, and what ends the store is what the disk said.
func TestFailureBeside(t *testing.T) {
	broken := errors.New("disk I/O error")
	for name, fail := range map[string]func(*Store){
		"checkpointer": func(s *Store) { s.saver.err <- broken },
		"index":        func(s *Store) { s.index.err <- broken; s.index.end() },
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Open(t.Context(), filepath.Join(t.TempDir(), "snug.db"), Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			made := &call{f: func(x *tx) error {
				_, err := x.write("INSERT INTO rooms (id, code, title, epoch, created, keep, locked, slow, pass_rev, creator, key, request, requested) VALUES (1, 'room', '', 'e', 0, 1, 0, 0, 0, x'', x'', '', 0)")
				return err
			}, done: make(chan error, 1)}
			answers := make(chan error, 2)
			note := func(_ chat.Appended, err error) { answers <- err }
			for _, w := range []write{made, &appending{draft: say(1, "one"), done: note}} {
				if ok, err := s.commit([]write{w}); err != nil || !ok {
					t.Fatal(ok, err)
				}
			}
			if err := <-answers; err != nil {
				t.Fatal(err)
			}
			fail(s)
			d := say(1, "two")
			if name == "index" {
				d.Kind, d.Target = chat.KindEdit, 1 // which takes text out of it
			}
			if _, err := s.commit([]write{&appending{draft: d, done: note}}); err == nil || !strings.Contains(err.Error(), broken.Error()) {
				t.Errorf("the store ends with %v", err)
			}
			if err := <-answers; chat.CodeOf(err) != chat.StorageUnavailable {
				t.Errorf("answered with %v", err)
			}
		})
	}
}
