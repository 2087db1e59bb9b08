package sqlite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"snug/internal/chat"
)

// searchSeqs is what a search finds.
func searchSeqs(t *testing.T, s *Store, room chat.RoomID, query string) (list []chat.Seq) {
	t.Helper()
	p, err := s.Search(t.Context(), chat.SearchQuery{Room: room, Query: chat.ParseQuery(query), Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range p.Entries {
		list = append(list, e.Seq)
	}
	return list
}

// indexed waits until a store has indexed all that it holds.
func indexed(t testing.TB, s *Store) {
	t.Helper()
	for end := time.Now().Add(time.Minute); s.index.waiting.Load() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the index does not come to its end")
		}
	}
}

// holding lists the files beside path that hold a text.
func holding(t *testing.T, path, text string) (names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if b, err := os.ReadFile(f); err == nil && bytes.Contains(b, []byte(text)) {
			names = append(names, filepath.Base(f))
		}
	}
	return names
}

// rewrite gives a folded message another text, as an edit does to its target.
func rewrite(s *Store, row int64, was, text string, then error) error {
	return s.do(context.Background(), func(t *tx) error {
		t.unindex(row, was)
		if then != nil {
			return then
		}
		_, err := t.write("UPDATE log SET text = ? WHERE id = ?", text, row)
		return err
	})
}

func TestUnindex(t *testing.T) {
	path := filepath.Join(t.TempDir(), "snug.db")
	s, stop := start(t, path, rates["eager"], nil, nil)
	room := newRoom(t, s, "room")
	for i := range 5 {
		d := say(room, fmt.Sprint("id", i))
		d.Text = fmt.Sprintf("shared word%d", i)
		if _, err := add(s, d); err != nil {
			t.Fatal(err)
		}
	}
	stop() // all is folded
	s, stop = start(t, path, rates["eager"], nil, nil)
	indexed(t, s)
	if names := holding(t, path, "word3"); len(names) == 0 {
		t.Fatal("no file holds what was said")
	}

	// The text leaves with the commit, and the new one is found from then on.
	if err := rewrite(s, rowOf(room, 3), "shared word2", "shared novel", nil); err != nil {
		t.Fatal(err)
	}
	if err := rewrite(s, rowOf(room, 4), "shared word3", "", nil); err != nil {
		t.Fatal(err)
	}
	expect := func() {
		t.Helper()
		for query, want := range map[string]string{"word2": "[]", "word3": "[]", "novel": "[3]", "shared": "[5 3 2 1]", "word": "[5 2 1]"} {
			if got := fmt.Sprint(searchSeqs(t, s, room, query)); got != want {
				t.Errorf("%s: %s, want %s", query, got, want)
			}
		}
	}
	for range 20 {
		expect() // while the index looks again, and after
	}

	// What is given up leaves everything as it was.
	sorry := errors.New("sorry")
	if err := rewrite(s, rowOf(room, 5), "shared word4", "never", &chat.Error{Code: chat.Full, Err: sorry}); !errors.Is(err, sorry) {
		t.Fatal(err)
	}
	for range 20 {
		expect()
	}
	stop()
	s, stop = start(t, path, rates["eager"], nil, nil)
	expect()
	indexed(t, s)
	expect()
	stop()
	for _, gone := range []string{"word2", "word3"} {
		if names := holding(t, path+indexSuffix, gone); len(names) > 0 && strings.Contains(strings.Join(names, " "), "search") {
			t.Errorf("%s is still in %s", gone, names)
		}
	}
}

// A process that ends between the two commits of a change leaves an index that fits the log.
func TestUnindexCutOff(t *testing.T) {
	path := filepath.Join(t.TempDir(), "snug.db")
	s, stop := start(t, path, rates["eager"], nil, nil)
	room := newRoom(t, s, "room")
	if _, err := add(s, say(room, "id")); err != nil {
		t.Fatal(err)
	}
	text := log(t, s, room)[0].Text
	indexed(t, s)
	if err := s.index.purge(map[int64]string{rowOf(room, 1): text}); err != nil {
		t.Fatal(err)
	}
	stop() // settle was not called
	s, stop = start(t, path, rates["eager"], nil, nil)
	if got := searchSeqs(t, s, room, text); len(got) != 1 {
		t.Errorf("found %v", got)
	}
	for end := time.Now().Add(time.Minute); s.index.hasSettled() && time.Now().Before(end); time.Sleep(time.Millisecond) {
	}
	if got := searchSeqs(t, s, room, text); len(got) != 1 {
		t.Errorf("found %v once it was looked at again", got)
	}
	stop()
}

// A room that is deleted leaves no word in the index, however many it had.
func TestUnindexRoom(t *testing.T) {
	for _, n := range []int{20, 1500} {
		path := filepath.Join(t.TempDir(), "snug.db")
		s, stop := start(t, path, rates["eager"], nil, nil)
		room, other := newRoom(t, s, "room"), newRoom(t, s, "other")
		for i := range n {
			d := say(room, fmt.Sprint("id", i))
			d.Text = fmt.Sprintf("both zebra%d", i)
			s.Append(d, func(chat.Appended, error) {})
			d.Room, d.Text = other, "both lion"
			if i%100 == 99 || i == n-1 {
				if _, err := add(s, d); err != nil {
					t.Fatal(err)
				}
			}
		}
		indexed(t, s)
		if err := s.DeleteRoom(t.Context(), room); err != nil {
			t.Fatal(err)
		}
		if got := searchSeqs(t, s, other, "lion"); len(got) != (n+99)/100 {
			t.Errorf("another room has %v", got)
		}
		stop()
		if b, err := os.ReadFile(path + ".search"); err != nil || bytes.Contains(b, []byte("zebra")) || !bytes.Contains(b, []byte("lion")) {
			t.Errorf("of %d messages some words are left, or all are gone, %v", n, err)
		}
	}
}

// An index that is missing, damaged, or of another time or store is made anew.
func TestIndexMadeAnew(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "snug.db")
	s, stop := start(t, path, rates["eager"], nil, nil)
	room := newRoom(t, s, "room")
	first, err := add(s, say(room, "one"))
	if err != nil {
		t.Fatal(err)
	}
	text := log(t, s, room)[0].Text
	indexed(t, s)
	stop()
	strange := filepath.Join(dir, "strange.db")
	s, stop = start(t, strange, rates["eager"], nil, nil)
	newRoom(t, s, "strange")
	stop()
	for name, spoil := range map[string]func() error{
		"missing":   func() error { return os.Remove(path + ".search") },
		"empty":     func() error { return os.Truncate(path+indexSuffix, 0) },
		"no index":  func() error { return os.WriteFile(path+indexSuffix, bytes.Repeat([]byte("x"), 9000), 0o600) },
		"strange":   func() error { return os.Rename(strange+".search", path+indexSuffix) },
		"cut short": func() error { return os.Truncate(path+indexSuffix, 4096) },
		"ahead": func() error {
			c, err := dial(t.Context(), path+indexSuffix, readWrite)
			if err != nil {
				return err
			}
			return errors.Join(c.script("UPDATE places SET seq = seq + 100"), c.close())
		},
	} {
		if err := spoil(); err != nil {
			t.Fatal(name, err)
		}
		s, stop := start(t, path, rates["eager"], nil, nil)
		if got := searchSeqs(t, s, room, text); len(got) != 1 || got[0] != first.Seq {
			t.Errorf("%s: found %v", name, got)
		}
		indexed(t, s)
		stop() // and is compared with the log
	}
}

// A commit of the index ends early where somebody waits for the index, as who
// deletes a message does.
func TestIndexGivesWay(t *testing.T) {
	const entries = 3 * indexPage
	s, _ := start(t, filepath.Join(t.TempDir(), "snug.db"), rates["never"], nil, nil)
	room := newRoom(t, s, "room")
	var wg sync.WaitGroup
	for i := range entries {
		wg.Add(1)
		s.Append(say(room, fmt.Sprint(i)), func(_ chat.Appended, err error) {
			if err != nil {
				t.Error(err)
			}
			wg.Done()
		})
	}
	wg.Wait()
	dirty := map[chat.RoomID]int{room: entries}
	if err := s.index.ask(t.Context(), func() error { return s.index.indexRooms(dirty) }); err != nil { // whoever asks is waiting
		t.Fatal(err)
	}
	if left := dirty[room]; left != entries-indexPage {
		t.Errorf("%d of %d are left, want all but a page", left, entries)
	}
}

// segments counts the parts of which the index consists.
func segments(t testing.TB, s *Store) (n int) {
	t.Helper()
	if err := s.index.readers.use(t.Context(), func(c *conn) error {
		_, err := c.one([]any{&n}, "SELECT count(DISTINCT segid) FROM words_idx")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

// merged waits until the index has nothing left to do.
func merged(t testing.TB, s *Store) {
	t.Helper()
	indexed(t, s)
	for end, untidy := time.Now().Add(time.Minute), true; untidy; time.Sleep(time.Millisecond) {
		if err := s.index.ask(t.Context(), func() error { untidy = s.index.untidy(); return nil }); err != nil || time.Now().After(end) {
			t.Fatal("the index does not become tidy:", err)
		}
	}
}

// What has grown by an eighth, and by enough, becomes one part when there is nothing else to do; what has not stays as it is.
func TestIndexBecomesOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "snug.db")
	s, stop := start(t, path, rates["eager"], nil, nil)
	room := newRoom(t, s, "room")
	said := 0
	say := func(n int) {
		t.Helper()
		var all sync.WaitGroup
		for range n {
			said++
			all.Add(1)
			s.Append(chat.Draft{Room: room, Kind: chat.KindMessage, Text: fmt.Sprintf("shared word%d", said)}, func(_ chat.Appended, err error) {
				if err != nil {
					t.Error(err)
				}
				all.Done()
			})
		}
		all.Wait()
		indexed(t, s)
	}
	// unmerged is how many messages were put in since all became one part, if it has.
	unmerged := func(want int) {
		t.Helper()
		merged(t, s)
		added := 0
		if err := s.index.ask(t.Context(), func() error { added = s.index.added; return nil }); err != nil || added != want {
			t.Errorf("with %d messages %d are not merged, %v, want %d", said, added, err, want)
		}
		if n := segments(t, s); want == 0 && n != 1 {
			t.Errorf("with %d messages the index has %d parts", said, n)
		}
		if got := searchSeqs(t, s, room, fmt.Sprint("word", said)); !slices.Equal(got, []chat.Seq{chat.Seq(said)}) {
			t.Errorf("the newest is found as %v", got)
		}
	}
	say(mergeAdded / 3)
	say(mergeAdded / 3)
	unmerged(said)
	stop() // what was put in counts over a new start
	s, stop = start(t, path, rates["eager"], nil, nil)
	say(mergeAdded - said) // the last one makes it worth it
	unmerged(0)
	say(mergeAdded / 2)
	unmerged(mergeAdded / 2)
	say(mergeAdded - mergeAdded/2)
	unmerged(0)
	stop()
}

// No merge begins, however worth it, while a crowd writes: its messages are to be found soon.
func TestMergeWaitsForCalm(t *testing.T) {
	s, stop := start(t, filepath.Join(t.TempDir(), "snug.db"), rate{foldAt, foldAfter, time.Millisecond}, nil, nil)
	defer stop()
	x := s.index
	if err := x.ask(t.Context(), func() error {
		x.added, x.crowd = mergeAdded, time.Now().Add(time.Hour)
		_, err := x.tidy()
		if x.merge {
			t.Error("a merge begins beside a crowd")
		}
		x.crowd = time.Now().Add(-time.Hour)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	merged(t, s)
	if err := x.ask(t.Context(), func() error {
		if x.added != 0 {
			t.Errorf("after it %d are left to merge", x.added)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// Words of which hundreds begin alike are found by what they begin with, whether that is shorter than a stem, one, or longer.
func TestStems(t *testing.T) {
	s, stop := start(t, filepath.Join(t.TempDir(), "snug.db"), rates["eager"], nil, nil)
	room := newRoom(t, s, "room")
	r := rand.New(rand.NewPCG(1, 2))
	var texts []string
	for _, begin := range []string{"int", "inte", "inter", "over", "étud", "étude", "x"} {
		for i := range 120 {
			texts = append(texts, fmt.Sprintf("%s%c%c some%d", begin, 'a'+i%26, 'a'+i/26, i%7))
		}
	}
	texts = append(texts, "inte", "INTE over", "intermission overture", "Étudiant")
	r.Shuffle(len(texts), func(i, j int) { texts[i], texts[j] = texts[j], texts[i] })
	for range 2 * searchTries { // newer than all of those that are looked for, of the same stem
		texts = append(texts, fmt.Sprintf("intex%d overx%d", len(texts), len(texts)))
	}
	for i, text := range texts {
		d := say(room, fmt.Sprint(i))
		d.Text = text
		s.Append(d, func(_ chat.Appended, err error) {
			if err != nil {
				t.Error(err)
			}
		})
	}
	if _, err := add(s, say(room, "last")); err != nil {
		t.Fatal(err)
	}
	indexed(t, s)
	var gone []chat.Seq
	for i := range texts {
		if i%15 == 0 {
			gone = append(gone, chat.Seq(i+1))
		}
	}
	for _, seq := range gone {
		if _, err := add(s, chat.Draft{Room: room, Kind: chat.KindDelete, Target: seq}); err != nil {
			t.Fatal(err)
		}
		texts[seq-1] = ""
	}
	merged(t, s)
	for _, query := range []string{"int", "inte", "inter", "interm", "intea", "over", "overa", "étud", "etude", "x", "inte over", "inter some3", "inte some", "intex overx", "over intez", "intel overa"} {
		q := chat.ParseQuery(query)
		var want, got []chat.Seq
		for i := len(texts) - 1; i >= 0; i-- {
			if texts[i] != "" && q.Matches(texts[i]) {
				want = append(want, chat.Seq(i+1))
			}
		}
		p, err := s.Search(t.Context(), chat.SearchQuery{Room: room, Query: q, Limit: len(texts)})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range p.Entries {
			got = append(got, e.Seq)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: found %d, want %d:\n%v\n%v", query, len(got), len(want), got, want)
		}
	}
	// And the index is asked so that little is looked up, and little proposed in vain.
	for query, want := range map[string]struct {
		match string
		broad bool
	}{
		"over inte":    {"\"\u0080over\" AND \"\u0080inte\"", false},
		"inter":        {"\"\u0080inte\"", true},
		"intermission": {`("intermission")`, false},
		"int":          {``, true},
		"nowhere inte": {nothing, false},
	} {
		if err := s.index.readers.use(t.Context(), func(c *conn) error {
			f := search{index: c, q: chat.ParseQuery(query)}
			match, broad, err := f.match(false)
			if match != want.match || broad != want.broad {
				t.Errorf("%s: the index is asked for %s, %t, want %s, %t", query, match, broad, want.match, want.broad)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	stop()
}

// A stop in the middle of a merge does not leave in the file what the merge was to take out.
func TestMergeCutOff(t *testing.T) {
	path := filepath.Join(t.TempDir(), "snug.db")
	s, stop := start(t, path, rates["eager"], nil, nil)
	room := newRoom(t, s, "room")
	const many = 2 * secureRows
	for i := range many {
		d := say(room, fmt.Sprint(i))
		d.Text = fmt.Sprintf("secretword%d", i)
		if _, err := add(s, d); err != nil {
			t.Fatal(err)
		}
	}
	indexed(t, s)
	if err := s.index.forget(t.Context(), room, many); err != nil {
		t.Fatal(err)
	}
	debt := func() (debt int, merging bool) {
		t.Helper()
		if err := s.index.ask(t.Context(), func() error {
			debt, merging = s.index.debt+s.index.owed, s.index.merge || s.index.sweep != nil
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return debt, merging
	}
	if n, _ := debt(); n != many {
		t.Fatalf("%d messages are marked as gone, want %d", n, many)
	}
	step := func() {
		t.Helper()
		if err := s.index.ask(t.Context(), func() error {
			s.index.merge = s.index.merge || s.index.debt > 0
			_, err := s.index.tidySome()
			s.index.paused.Store(true) // nothing more of it before the stop
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	step()
	stop()
	s, stop = start(t, path, rates["eager"], nil, nil)
	if n, _ := debt(); n != many {
		t.Errorf("after a new start %d messages are known to be marked, want %d", n, many)
	}
	if err := s.index.bury(t.Context(), room+1); err != nil { // of any room: it waits for all that was marked
		t.Fatal(err)
	}
	if n, merging := debt(); n != 0 || merging {
		t.Errorf("%d messages are still marked, merging %t", n, merging)
	}
	stop()
	if names := holding(t, path+indexSuffix, "secretword"); slices.ContainsFunc(names, func(name string) bool { return strings.Contains(name, "search") }) {
		t.Errorf("what was taken out is still in %s", names)
	}
}
