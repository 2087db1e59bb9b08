package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"snug/internal/chat"
)

// A store is backed up while everything that can change does; what comes back
// is the store of one moment.
func TestBackupWhileWriting(t *testing.T) {
	for name, r := range map[string]rate{"usual": rates["usual"], "eager": rates["eager"], "slices": {at: 8 << 10, after: time.Hour, index: time.Millisecond}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path, file, restored := filepath.Join(dir, "snug.db"), filepath.Join(dir, "backup"), filepath.Join(dir, "restored.db")
			s, stop := start(t, path, r, nil, nil)
			rooms := []chat.RoomID{newRoom(t, s, "one"), newRoom(t, s, "two"), newRoom(t, s, "pruned"), newRoom(t, s, "doomed")}
			var wg sync.WaitGroup
			send := func(room chat.RoomID, kind chat.Kind, id string, target int) {
				d := chat.Draft{Room: room, Kind: kind, ID: id, Text: "text of " + id, Target: chat.Seq(target)}
				if kind == chat.KindReact {
					d.Emoji, d.On, d.Identity = "👍", true, chat.Identity{byte(target), byte(target >> 8)}
				}
				wg.Add(1)
				s.Append(d, func(chat.Appended, error) { wg.Done() })
			}
			for i := range 6000 {
				send(rooms[i%4], chat.KindMessage, fmt.Sprint("early ", i), 0)
			}
			wg.Wait()
			heads := make(map[chat.RoomID]chat.Seq)
			for _, id := range rooms[:2] {
				l := log(t, s, id)
				heads[id] = l[len(l)-1].Seq
			}
			var done atomic.Bool
			var writer sync.WaitGroup
			writer.Go(func() {
				for i := 0; !done.Load(); i++ {
					room := rooms[i%3]
					target := 1 + (i*37)%1400
					send(room, chat.KindMessage, fmt.Sprint("late ", i), 0)
					send(room, chat.KindEdit, fmt.Sprint("edit ", i), target)
					send(room, chat.KindEdit, fmt.Sprint("again ", i), target)
					send(room, chat.KindReact, "", target+1)
					if i%5 == 0 {
						send(room, chat.KindDelete, fmt.Sprint("delete ", i), target)
					}
					if i%20 == 19 {
						wg.Wait()
					}
					if i == 40 {
						wg.Go(func() { _ = s.DeleteRoom(context.Background(), rooms[3]) })
					}
					if i%50 == 0 {
						wg.Go(func() { _, _ = s.Prune(context.Background(), rooms[2], time.Now().Add(time.Hour), 40) })
					}
				}
				wg.Wait()
			})
			time.Sleep(50 * time.Millisecond)
			err := Backup(t.Context(), path, file, map[string][]byte{"key": []byte("secret")})
			done.Store(true)
			writer.Wait()
			if err != nil {
				t.Fatal(err)
			}
			now := make(map[string][]chat.Entry)
			for i, code := range []string{"one", "two", "pruned"} {
				now[code] = log(t, s, rooms[i])
			}
			stop()

			more, err := Restore(t.Context(), file, restored)
			if err != nil || string(more["key"]) != "secret" {
				t.Fatalf("Restore: %q, %v", more, err)
			}
			if rep, err := Verify(t.Context(), restored); err != nil || len(rep.Problems) > 0 || rep.Entries == 0 {
				t.Errorf("Verify: %+v, %v", rep, err)
			}
			s, stop = start(t, restored, rates["usual"], nil, nil) // stopping checks the file
			for i, code := range []string{"one", "two", "pruned"} {
				r, err := s.Room(t.Context(), code)
				if err != nil || r.Epoch == "" || r.ID != rooms[i] {
					t.Fatalf("%+v, %v", r, err)
				}
				if r.Head < heads[r.ID] {
					t.Errorf("%s: the backup ends at %d, before what was acknowledged when it began: %d", code, r.Head, heads[r.ID])
				}
				compareLogs(t, code, r.Head, log(t, s, r.ID), now[code])
				if a, err := add(s, say(r.ID, fmt.Sprint("early ", 5600+i))); err != nil || !a.Duplicate {
					t.Errorf("%s: a retry: %+v, %v", code, a, err)
				}
			}
			stop()
		})
	}
}

// compareLogs compares a log that ends at head with the same one later on.
func compareLogs(t *testing.T, code string, head chat.Seq, got, later []chat.Entry) {
	t.Helper()
	at := make(map[chat.Seq]chat.Entry)
	superseded := make(map[chat.Seq]bool) // messages that changed after head
	for _, e := range later {
		at[e.Seq] = e
		if e.Rev > head {
			superseded[e.Seq] = true
		}
	}
	compared := 0
	for _, e := range got {
		want, ok := at[e.Seq]
		if !ok || superseded[e.Seq] || superseded[e.Target] { // pruned or changed since
			continue
		}
		compared++
		if d := cmp.Diff(want, e); d != "" {
			t.Errorf("%s: entry %d: %s", code, e.Seq, d)
			return
		}
	}
	if compared == 0 {
		t.Errorf("%s: nothing to compare", code)
	}
}

func TestRestoreRefuses(t *testing.T) {
	dir := t.TempDir()
	path, file := filepath.Join(dir, "snug.db"), filepath.Join(dir, "backup")
	s, stop := start(t, path, rates["usual"], nil, nil)
	room := newRoom(t, s, "room")
	if _, err := add(s, say(room, "id")); err != nil {
		t.Fatal(err)
	}
	if err := Backup(t.Context(), path, file, nil); err != nil {
		t.Fatal(err)
	}
	before, err := s.Room(t.Context(), "room")
	if err != nil {
		t.Fatal(err)
	}
	stop()
	if err := Backup(t.Context(), path, file, nil); err == nil {
		t.Error("a backup was overwritten")
	}
	if _, err := Restore(t.Context(), file, path); err == nil || !strings.Contains(err.Error(), "nothing is overwritten") {
		t.Errorf("a store was overwritten: %v", err)
	}
	if _, err := Restore(t.Context(), path, filepath.Join(dir, "new.db")); err == nil || !strings.Contains(err.Error(), "no backup") {
		t.Errorf("a store passed for a backup: %v", err)
	}
	if _, err := Open(t.Context(), file, Options{}); !errors.Is(err, errBackup) {
		t.Errorf("a backup passed for a store: %v", err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"cut": b[:len(b)/2], "text": []byte("no backup"), "empty": nil} {
		spoilt, to := filepath.Join(dir, name), filepath.Join(dir, name+".db")
		if err := os.WriteFile(spoilt, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Restore(t.Context(), spoilt, to); err == nil {
			t.Errorf("%s: restored", name)
		}
		if left, _ := filepath.Glob(to + "*"); len(left) > 0 {
			t.Errorf("%s: left behind: %q", name, left)
		}
	}
	to := filepath.Join(dir, "to.db")
	if _, err := Restore(t.Context(), file, to); err != nil {
		t.Fatal(err)
	}
	s, stop = start(t, to, rates["usual"], nil, nil)
	if r, err := s.Room(t.Context(), "room"); err != nil || r.Epoch == before.Epoch || r.Epoch == "" || r.Head != 1 {
		t.Errorf("restored: %+v, %v", r, err)
	}
	stop()
}

// What is wrong is found and named, and a file that is whole has nothing wrong, running or not.
func TestVerify(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "snug.db")
	s, stop := start(t, path, rates["eager"], nil, nil)
	room, other := newRoom(t, s, "room"), newRoom(t, s, "other")
	for i := range 600 {
		for _, r := range []chat.RoomID{room, other} {
			d := say(r, fmt.Sprint("id ", i))
			d.Text += strings.Repeat(" and more", i%20)
			s.Append(d, func(chat.Appended, error) {})
		}
	}
	if _, err := add(s, chat.Draft{Room: room, Kind: chat.KindEdit, Target: 7, Text: "new"}); err != nil {
		t.Fatal(err)
	}
	indexed(t, s)
	for range 3 {
		if r, err := Verify(t.Context(), path); err != nil || len(r.Problems) > 0 || r.Entries != 1201 || r.Rooms != 2 {
			t.Errorf("of a running store: %+v, %v", r, err)
		}
	}
	stop()
	whole := map[string][]byte{}
	for _, name := range []string{"snug.db", "snug.db.search"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		whole[name] = b
	}
	sql := func(name, q string) func(string) error {
		return func(dir string) error {
			c, err := dial(t.Context(), filepath.Join(dir, name), readWrite)
			if err != nil {
				return err
			}
			return errors.Join(c.script(q), c.close())
		}
	}
	cases := map[string]struct {
		spoil func(dir string) error
		want  string // "" that nothing is found
	}{
		"nothing":        {func(string) error { return nil }, ""},
		"a hole":         {sql("snug.db", "DELETE FROM ids WHERE id = (1 << 32) + 50; DELETE FROM log WHERE id = (1 << 32) + 50"), "1 holes in logs"},
		"a lost id":      {sql("snug.db", "DELETE FROM ids WHERE id = (1 << 32) + 50"), "1 entries whose ids are not found"},
		"a strange id":   {sql("snug.db", "INSERT INTO ids VALUES (5, (1 << 32) + 50)"), "1 ids of no entry"},
		"a lost room":    {sql("snug.db", "DELETE FROM rooms WHERE id = 2"), "600 entries of rooms that are not there"},
		"a time":         {sql("snug.db", "UPDATE log SET at = at + 1000000 WHERE id = (1 << 32) + 50"), "1 times that run backwards"},
		"a strange kind": {sql("snug.db", "UPDATE log SET kind = 99 WHERE id = (1 << 32) + 50"), "entry 50 of room 1 is damaged"},
		"a text":         {sql("snug.db", "UPDATE log SET text = 'something else' WHERE id = (1 << 32) + 50"), "search index: it has"},
		"the inbox":      {sql("snug.db", "INSERT INTO inbox VALUES (1000, x'0011223344')"), "inbox row 1000 is damaged"},
		"the index":      {sql("snug.db.search", "DELETE FROM terms WHERE term = 'text'"), "1 words are missing in its vocabulary"},
		"no index":       {func(dir string) error { return os.Remove(filepath.Join(dir, "snug.db.search")) }, ""},
		"half": {func(dir string) error {
			return os.Truncate(filepath.Join(dir, "snug.db"), int64(len(whole["snug.db"])/2))
		}, "malformed"},
		"a page less": {func(dir string) error {
			return os.Truncate(filepath.Join(dir, "snug.db"), int64(len(whole["snug.db"])-4096))
		}, "malformed"},
		"not a database": {func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "snug.db"), []byte(strings.Repeat("x", 8192)), 0o600)
		}, "not a database"},
	}
	for name, c := range cases {
		spoilt := t.TempDir()
		for file, b := range whole {
			if err := os.WriteFile(filepath.Join(spoilt, file), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.spoil(spoilt); err != nil {
			t.Fatal(name, err)
		}
		r, err := Verify(t.Context(), filepath.Join(spoilt, "snug.db"))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := strings.Join(r.Problems, "; "); c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: found %q, want %q", name, got, c.want)
		}
	}
	if _, err := Verify(t.Context(), filepath.Join(dir, "none.db")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("of no file: %v", err)
	}
}

// An export is the log, also of a room that is longer than one page of it.
func TestExport(t *testing.T) {
	path := filepath.Join(t.TempDir(), "snug.db")
	s, _ := start(t, path, rates["usual"], nil, nil)
	room := newRoom(t, s, "room")
	for i := range exportPage + 100 {
		s.Append(say(room, fmt.Sprint(i)), func(chat.Appended, error) {})
	}
	if _, err := add(s, chat.Draft{Room: room, Kind: chat.KindDelete, Target: 7}); err != nil {
		t.Fatal(err)
	}
	v, err := OpenView(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	var got []chat.Entry
	var of chat.Room
	if err := v.Export(t.Context(), "ROOM", func(r chat.Room) error { of = r; return nil }, func(e *chat.Entry) error { got = append(got, *e); return nil }); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(log(t, s, room), got); d != "" || of.Code != "room" {
		t.Errorf("of %q: %s", of.Code, d)
	}
	err = v.Export(t.Context(), "other", func(chat.Room) error { return nil }, func(*chat.Entry) error { return nil })
	if chat.CodeOf(err) != chat.NotFound {
		t.Errorf("of no room: %v", err)
	}
}
