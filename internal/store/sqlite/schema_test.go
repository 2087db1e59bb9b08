package sqlite

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"snug/internal/chat"
)

func TestMigrations(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "snug.db")
	s, stop := start(t, path, rates["usual"], nil, nil)
	room := newRoom(t, s, "room")
	if _, err := add(s, say(room, "kept")); err != nil {
		t.Fatal(err)
	}
	stop()

	// A step that fails leaves everything as it was.
	steps := append(migrations[:len(migrations):len(migrations)], "CREATE TABLE novel (x); INSERT INTO no_such_table VALUES (1)")
	if _, err := open(t.Context(), path, Options{}, steps, rates["usual"]); err == nil || !strings.Contains(err.Error(), "no_such_table") {
		t.Errorf("opened with a broken step: %v", err)
	}
	s, stop = start(t, path, rates["usual"], nil, nil)
	if got := log(t, s, room); len(got) != 1 {
		t.Errorf("%d entries", len(got))
	}
	stop()

	steps[len(migrations)] = "CREATE TABLE novel (x); INSERT INTO novel VALUES (7)"
	s, err := open(t.Context(), path, Options{}, steps, rates["usual"])
	if err != nil {
		t.Fatal(err)
	}
	var x int
	if _, err := s.w.one([]any{&x}, "SELECT x FROM novel"); err != nil || x != 7 {
		t.Errorf("the step was not made: %d, %v", x, err)
	}
	if got := log(t, s, room); len(got) != 1 {
		t.Errorf("%d entries after it", len(got))
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}

	// The newer one is refused by who knows only the older, and says why.
	if _, err := Open(t.Context(), path, Options{}); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("schema %d", len(migrations)+1)) || !strings.Contains(err.Error(), "newer Snug") {
		t.Errorf("a newer schema: %v", err)
	}

	// The copy is a store of the older.
	kept := fmt.Sprintf("%s.schema-%d", path, len(migrations))
	if i, err := os.Stat(kept); err != nil || i.Mode().Perm() != 0o600 {
		t.Fatal(i, err)
	}
	s, stop = start(t, kept, rates["usual"], nil, nil)
	if got := log(t, s, room); len(got) != 1 || got[0].ID != "kept" {
		t.Errorf("the copy has %+v", got)
	}
	stop()
	if left, _ := filepath.Glob(path + "*.half"); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// What the first release wrote is read by the present one, folded or not, and
// can be revised.
func TestFromSchema1(t *testing.T) {
	path := filepath.Join(t.TempDir(), "snug.db")
	first := migrations[:1]
	s, err := open(t.Context(), path, Options{}, first, rates["usual"])
	if err != nil {
		t.Fatal(err)
	}
	const room = chat.RoomID(1)
	if _, err := s.w.exec(`INSERT INTO rooms (id, code, title, epoch, created, keep, locked, slow, pass_rev, creator, key, request, requested)
		VALUES (?, 'room', '', 'e', 0, -1, 0, 0, 0, x'00', x'00', '', 0)`, int64(room)); err != nil {
		t.Fatal(err)
	}
	stop := runUntilCleanup(t, s)
	for _, id := range []string{"folded", "folded too"} {
		if _, err := add(s, say(room, id)); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	if s, err = open(t.Context(), path, Options{}, first, rates["never"]); err != nil {
		t.Fatal(err)
	}
	commitAll(t, s, say(room, "not folded")) // it never runs: the inbox stays
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	s, stop = start(t, path, rates["usual"], nil, nil)
	var ids []string
	for _, e := range log(t, s, room) {
		ids = append(ids, e.ID+": "+e.Text)
	}
	if want := []string{"folded: text of folded", "folded too: text of folded too", "not folded: text of not folded"}; !slices.Equal(ids, want) {
		t.Errorf("the log is %q", ids)
	}
	for _, target := range []chat.Seq{1, 3} {
		for _, d := range []chat.Draft{
			{Room: room, Kind: chat.KindReact, Target: target, Emoji: "👍", On: true},
			{Room: room, Kind: chat.KindEdit, Target: target, Text: "edited"},
		} {
			if a, err := add(s, d); err != nil || a.Duplicate {
				t.Errorf("%s of %d: %+v, %v", d.Kind, target, a, err)
			}
		}
		if e := log(t, s, room)[target-1]; e.Text != "edited" || len(e.Reactions) != 1 {
			t.Errorf("%+v", e)
		}
	}
	stop()
	// The copy is what it was.
	c, err := dial(t.Context(), path+".schema-1", readOnly)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	var version, rows, tables int
	if _, err := c.one([]any{&version, &rows, &tables}, `SELECT v.user_version, (SELECT count(*) FROM log),
		(SELECT count(*) FROM sqlite_schema WHERE name = 'reactions') FROM pragma_user_version v`); err != nil || version != 1 || rows != 2 || tables != 0 {
		t.Errorf("the copy has schema %d, %d entries folded, %d new tables, %v", version, rows, tables, err)
	}
}

// Only an empty file or a Snug store is opened.
func TestForeignFiles(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte(strings.Repeat("not a database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(dir, "other")
	if err := os.WriteFile(other, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := dial(t.Context(), other, readWrite)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.script("CREATE TABLE theirs (x)"); err != nil {
		t.Fatal(err)
	}
	if err := c.close(); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{text, other, dir, filepath.Join(dir, "no", "such", "place")} {
		if _, err := Open(t.Context(), path, Options{}); err == nil {
			t.Errorf("%s was opened", path)
		}
	}
	if _, err := Open(t.Context(), other, Options{}); err == nil || !strings.Contains(err.Error(), "not a Snug store") {
		t.Errorf("another program's database: %v", err)
	}
}
