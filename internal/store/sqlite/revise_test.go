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

	"github.com/google/go-cmp/cmp"

	"snug/internal/chat"
)

// commitAll commits drafts in one transaction of a store that is not run.
func commitAll(t *testing.T, s *Store, drafts ...chat.Draft) {
	t.Helper()
	var batch []write
	for _, d := range drafts {
		batch = append(batch, &appending{draft: d, done: func(_ chat.Appended, err error) {
			if err != nil {
				t.Errorf("%s: %v", d.Kind, err)
			}
		}})
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.index.serve(ctx) }() // which edits and deletes wait for
	ok, err := s.commit(batch)
	cancel()
	if err := errors.Join(err, <-served); err != nil || !ok {
		t.Fatal(ok, err)
	}
}

// foldBy takes a fold a number of steps on, each as small as can be, and
// reports whether it is still under way.
func foldBy(t *testing.T, s *Store, steps int) bool {
	t.Helper()
	for range steps {
		if s.w.fold == nil {
			return false
		}
		x := s.w.begin(time.Now())
		if _, err := x.foldSome(x.fold, 1); err != nil {
			t.Fatal(err)
		}
		if x.open {
			if _, err := x.exec("COMMIT"); err != nil {
				t.Fatal(err)
			}
		}
		s.w.remember(x)
	}
	return s.w.fold != nil
}

// Messages are edited, deleted and reacted to at every point of a fold, and a
// crash follows at once: what was committed is there, whichever of inbox and table had it.
func TestReviseAtEachFoldPoint(t *testing.T) {
	step := 1
	if testing.Short() {
		step = 7
	}
	for _, how := range []string{"apart", "together", "with more"} {
		points := 0
		for point := 0; ; point += step {
			points = point
			if !reviseAt(t, how, point) || t.Failed() {
				break
			}
		}
		if points < 20 {
			t.Errorf("%s: the fold had only %d points", how, points)
		}
	}
}

// reviseAt revises after a number of steps of a fold, and reports whether it was still under way.
func reviseAt(t *testing.T, how string, point int) (more bool) {
	path := filepath.Join(t.TempDir(), "snug.db")
	reopen := func() *Store {
		s, err := open(t.Context(), path, Options{}, migrations, rates["never"])
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s, stop := start(t, path, rates["never"], nil, nil)
	room, other := newRoom(t, s, "room"), newRoom(t, s, "other")
	stop()
	s = reopen()
	for i := range 6 { // several rows of the inbox
		commitAll(t, s, say(other, fmt.Sprint("other ", i)), say(room, fmt.Sprint(i+1)), say(other, fmt.Sprint("more ", i)))
	}
	revisions := []chat.Draft{
		{Room: room, Kind: chat.KindEdit, Target: 1, Text: "edited"},
		{Room: room, Kind: chat.KindDelete, Target: 3},
		{Room: room, Kind: chat.KindReact, Target: 5, Emoji: "👍", On: true},
		{Room: room, Kind: chat.KindEdit, Target: 6, Text: strings.Repeat("longer ", 100)},
		{Room: room, Kind: chat.KindEdit, Target: 1, Text: "edited again"},
		{Room: room, Kind: chat.KindReact, Target: 5, Emoji: "👍", Identity: chat.Identity{1}, On: true},
		{Room: room, Kind: chat.KindDelete, Target: 6},
	}
	s.w.beginFold(true)
	more = foldBy(t, s, point)
	switch how {
	case "apart":
		for _, d := range revisions {
			commitAll(t, s, d)
			more = foldBy(t, s, 1) // a step further in between
		}
	case "together":
		commitAll(t, s, revisions...)
	default:
		commitAll(t, s, append([]chat.Draft{say(room, "7"), say(other, "late")}, revisions...)...)
	}
	check := func(when string) {
		t.Helper()
		got := log(t, s, room)
		var lines []string
		for _, e := range got {
			line := fmt.Sprintf("%s %s %.12s", e.Kind, e.ID, e.Text)
			if e.Rev > 0 {
				line += fmt.Sprintf(" rev +%d", int(e.Rev)-(len(got)-7))
			}
			if !e.Deleted.IsZero() {
				line += " deleted"
			}
			if len(e.Reactions) > 0 {
				line += fmt.Sprint(" ", e.Reactions)
			}
			lines = append(lines, line)
		}
		want := []string{
			"message 1 edited again rev +5", "message 2 text of 2", "message 3  rev +2 deleted", "message 4 text of 4",
			"message 5 text of 5 rev +6 [{👍 2}]", "message 6  rev +7 deleted",
		}
		if how == "with more" {
			want = append(want, "message 7 text of 7")
		}
		want = append(want, "edit  ", "delete  ", "react  ", "edit  ", "edit  edited again", "react  ", "delete  ")
		if d := cmp.Diff(want, lines); d != "" {
			t.Errorf("%s, point %d, %s: %s", how, point, when, d)
		}
	}
	check("at once")
	crash := func() {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = reopen()
	}
	crash()
	check("after a crash")
	s.w.beginFold(true)
	foldBy(t, s, point/2)
	check("half folded again")
	crash()
	stop = runUntilCleanup(t, s)
	check("running")
	stop()
	s = reopen()
	check("folded")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return more
}

// holds says which of a store's files have these bytes in them.
func holds(t *testing.T, path, what string) (files []string) {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
	if err != nil || len(all) == 0 {
		t.Fatal(all, err)
	}
	for _, f := range all {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(b, []byte(what)); n > 0 {
			files = append(files, fmt.Sprintf("%s (%d times)", filepath.Base(f), n))
		}
	}
	return files
}

// Deleted text, and text that an edit superseded, leaves every file soon,
// while the store runs and others write.
func TestErasedFromEveryFile(t *testing.T) {
	for name, r := range rates {
		for _, size := range []int{30, 9000} { // in its cell, and on overflow pages
			t.Run(fmt.Sprintf("fold=%s/%d bytes", name, size), func(t *testing.T) {
				t.Parallel()
				path := filepath.Join(t.TempDir(), "snug.db")
				s, _ := start(t, path, r, nil, nil)
				rooms := []chat.RoomID{newRoom(t, s, "one"), newRoom(t, s, "two"), newRoom(t, s, "three")}
				secret := func(kind string, i int) string {
					return fmt.Sprintf("secret-%s-%03d-", kind, i) + strings.Repeat("x", size)
				}
				const n = 18
				for i := range n {
					for _, room := range rooms {
						d := say(room, fmt.Sprint(i))
						d.Text = secret("deleted", i)
						if i%3 > 0 {
							d.Text = secret("superseded", i)
						}
						if _, err := add(s, d); err != nil {
							t.Fatal(err)
						}
					}
				}
				revise := func(d chat.Draft) {
					t.Helper()
					if a, err := add(s, d); err != nil || a.Duplicate {
						t.Fatalf("%s of %d: %+v, %v", d.Kind, d.Target, a, err)
					}
				}
				if len(holds(t, path, "secret-")) == 0 {
					t.Fatal("nothing was there to be erased")
				}
				for i := range n {
					for _, room := range rooms {
						target := chat.Seq(i + 1)
						if i%3 > 0 {
							revise(chat.Draft{Room: room, Kind: chat.KindEdit, Target: target, Text: secret("between", i)})
							revise(chat.Draft{Room: room, Kind: chat.KindEdit, Target: target, Text: "open"})
						}
						if i%3 == 2 {
							revise(chat.Draft{Room: room, Kind: chat.KindEdit, Target: target, Text: secret("last", i)})
						}
						if i%3 != 1 {
							revise(chat.Draft{Room: room, Kind: chat.KindDelete, Target: target})
						}
					}
				}
				deadline := time.Now().Add(20 * time.Second)
				for {
					files := holds(t, path, "secret-")
					if len(files) == 0 {
						break
					}
					if time.Now().After(deadline) {
						t.Fatalf("still in %q", files)
					}
					time.Sleep(100 * time.Millisecond)
				}
				if len(holds(t, path, "open")) == 0 {
					t.Error("what was not deleted is gone, too")
				}
			})
		}
	}
}
