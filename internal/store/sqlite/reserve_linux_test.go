package sqlite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"snug/internal/chat"
)

// On a disk that is full reading goes on, sends are refused, deletes go on for the
// reserve that is given up; and once there is room everything goes on by itself.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64m"); err != nil {
		t.Skip("needs a file system of its own: ", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	path := filepath.Join(dir, "snug.db")
	s, err := Open(t.Context(), path, Options{Reserve: 16 << 20})
	if err != nil {
		t.Fatal(err)
	}
	stop := runUntilCleanup(t, s)
	defer stop() // before the file system goes
	room := newRoom(t, s, "room")
	text := strings.Repeat("all that is said ", 200)
	stored := 0
	var last error
	for n := 0; last == nil; {
		answers := make(chan error, 100)
		for range cap(answers) {
			d := say(room, fmt.Sprint(n))
			d.Text = text
			n++
			s.Append(d, func(_ chat.Appended, err error) { answers <- err })
		}
		for range cap(answers) {
			if err := <-answers; err == nil {
				stored++
			} else {
				last = err
			}
		}
		if n > 40_000 {
			t.Fatal("the disk does not get full")
		}
	}
	if e, ok := errors.AsType[*chat.Error](last); !ok || e.Code != chat.StorageUnavailable || !e.Retry {
		t.Fatalf("a send on a full disk: %v", last)
	}
	if got := len(log(t, s, room)); got != stored || stored < 100 {
		t.Errorf("%d entries, %d were acknowledged", got, stored)
	}
	if _, err := add(s, say(room, "more")); chat.CodeOf(err) != chat.StorageUnavailable {
		t.Errorf("a send with the reserve given up: %v", err)
	}
	if a, err := add(s, say(room, "0")); err != nil || !a.Duplicate {
		t.Errorf("a retry: %+v, %v", a, err)
	}
	for i := range 20 {
		if _, err := add(s, chat.Draft{Room: room, Kind: chat.KindDelete, Target: chat.Seq(i + 1)}); err != nil {
			t.Fatalf("delete %d: %v", i, err)
		}
	}
	if got := searchSeqs(t, s, room, "said"); len(got) == 0 || got[0] != chat.Seq(stored) {
		t.Errorf("found %v", got)
	}
	if err := unix.Mount("", dir, "", unix.MS_REMOUNT, "size=128m"); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if _, err := add(s, say(room, "after")); err == nil {
			break
		} else if time.Now().After(end) {
			t.Fatalf("it does not go on: %v", err)
		}
	}
	if i, err := os.Stat(path + reserveSuffix); err != nil || i.Size() != 16<<20 {
		t.Errorf("the reserve: %v", err)
	}
}

// A file that is cut short is refused at the start, and one whose pages are spoilt ends
// the store soon after, with words for it; neither is changed.
func TestDamageAtStart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "snug.db")
	s, stop := start(t, path, rates["usual"], nil, nil)
	room := newRoom(t, s, "room")
	for i := range 3000 {
		s.Append(say(room, fmt.Sprint(i)), func(chat.Appended, error) {})
	}
	if _, err := add(s, say(room, "last")); err != nil {
		t.Fatal(err)
	}
	stop()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, length := range []int{50, 4096, len(whole) / 2, len(whole) - 4096, len(whole) - 1} {
		if err := os.WriteFile(path, whole[:length], 0o600); err != nil {
			t.Fatal(err)
		}
		if s, err := Open(t.Context(), path, Options{}); err == nil || !strings.Contains(err.Error(), "cut short") {
			t.Errorf("cut to %d: %v, %v", length, s, err)
		}
		if b, err := os.ReadFile(path); err != nil || !bytes.Equal(b, whole[:length]) {
			t.Errorf("cut to %d: it was changed, %v", length, err)
		}
	}
	found := 0
	for page := 1; page < len(whole)/4096; page += 5 {
		b := bytes.Clone(whole)
		if t := b[page*4096]; t != 10 && t != 13 {
			continue // a free page, or none with rows: "B-tree Pages"
		}
		b[page*4096+3] ^= 0x40 // the number of its rows
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open(t.Context(), path, Options{})
		if err == nil {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			err = s.Run(ctx)
			cancel()
			if e := s.Close(); e != nil {
				t.Error(e)
			}
		}
		if err == nil || !strings.Contains(err.Error(), "damaged") && !strings.Contains(err.Error(), "malformed") {
			t.Errorf("page %d: %v", page, err)
		} else {
			found++
		}
	}
	if found == 0 {
		t.Error("no page was spoilt")
	}
}
