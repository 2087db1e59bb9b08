package sqlite

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"snug/internal/chat"
)

// A server that is killed time and again, long before it could have folded what
// it found, works through it all the same, and finds it all.
func TestFoldsOfShortLives(t *testing.T) {
	const texts, lives, commits = 5400, 4, 150 // 21 MB; a slice of 64 KiB in each commit is 9 MB a life
	dir := t.TempDir()
	path := filepath.Join(dir, "life-0")
	s, _ := start(t, path, rates["never"], nil, nil)
	rooms := []chat.RoomID{newRoom(t, s, "one"), newRoom(t, s, "two"), newRoom(t, s, "three")}
	die := func(s *Store, life int) string {
		to := filepath.Join(dir, fmt.Sprint("life-", life))
		if err := s.do(t.Context(), func(*tx) error { snapshot(t, s.path, to); return nil }); err != nil {
			t.Fatal(err)
		}
		return to
	}
	long := strings.Repeat("so it goes, ", 330)
	var wg sync.WaitGroup
	for i := range texts {
		wg.Add(1)
		d := say(rooms[i%3], fmt.Sprint("long ", i))
		d.Text = long
		s.Append(d, func(_ chat.Appended, err error) {
			if err != nil {
				t.Error(err)
			}
			wg.Done()
		})
		if i%500 == 0 {
			wg.Wait()
		}
	}
	wg.Wait()
	path = die(s, 1)
	var waits []int
	for life := range lives {
		s, err := open(context.Background(), path, Options{}, migrations, rates["usual"])
		if err != nil {
			t.Fatal(err)
		}
		waits = append(waits, s.w.pending)
		stop := runUntilCleanup(t, s)
		for i := range commits {
			if _, err := add(s, say(rooms[i%3], fmt.Sprint(life, " ", i))); err != nil {
				t.Fatal(err)
			}
		}
		path = die(s, life+2)
		stop()
	}
	t.Logf("bytes in the inbox at each start: %v", waits)
	if first, last := waits[0], waits[lives-1]; first < foldLate+foldMost || last > foldLate {
		t.Errorf("the inbox had %d bytes at first and has %d in the end", first, last)
	}
	s, stop := start(t, path, rates["usual"], nil, nil)
	for i, room := range rooms {
		l := log(t, s, room)
		if want := texts/3 + lives*commits/3; len(l) != want {
			t.Errorf("%d entries, want %d", len(l), want)
		}
		for n, e := range l {
			if int(e.Seq) != n+1 || n < texts/3 && (e.Text != long || e.ID != fmt.Sprint("long ", 3*n+i)) {
				t.Fatalf("entry %d is %d, %s", n, e.Seq, e.ID)
			}
		}
		for _, id := range []string{fmt.Sprint("long ", i), fmt.Sprint("long ", texts-3+i), fmt.Sprint("0 ", i), fmt.Sprint(lives-1, " ", i)} {
			if a, err := add(s, say(room, id)); err != nil || !a.Duplicate {
				t.Errorf("a retry of %s: %+v, %v", id, a, err)
			}
		}
	}
	stop()
}

// Whoever finds a room sees everything that was acknowledged before, also where
// a fold moves it from the tail to the table at that moment.
func TestRoomBesideFolds(t *testing.T) {
	const entries = 400
	s, _ := start(t, filepath.Join(t.TempDir(), "snug.db"), rates["eager"], nil, nil)
	room := newRoom(t, s, "room")
	var acked atomic.Uint32
	over := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				least := chat.Seq(acked.Load())
				switch r, err := s.Room(context.Background(), "room"); {
				case err != nil:
					t.Error(err)
					return
				case r.Head < least:
					t.Errorf("the head is %d, and %d was acknowledged", r.Head, least)
					return
				}
				select {
				case <-over:
					return
				default:
				}
			}
		})
	}
	for i := range entries {
		a, err := add(s, say(room, fmt.Sprint(i)))
		if err != nil {
			t.Fatal(err)
		}
		acked.Store(uint32(a.Seq))
	}
	close(over)
	wg.Wait()
}
