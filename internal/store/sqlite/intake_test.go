package sqlite

import (
	"fmt"
	"testing"

	"snug/internal/chat"
)

// Whatever number of messages is put in at once, each is found by each of its
// words; and where that fails, it can be done again.
func TestIntake(t *testing.T) {
	s, room, _ := queued(t, rates["never"])
	defer s.Close()
	x := s.index
	if err := x.load(); err != nil {
		t.Fatal(err)
	}
	seq, total := chat.Seq(0), 0
	for _, n := range []int{1, intakeChunk, intakeChunk + 1, 4*intakeChunk + 7} {
		var list []chat.Entry
		total += n
		for range n {
			seq++
			list = append(list,
				chat.Entry{RoomID: room, Seq: seq, Kind: chat.KindMessage, Text: fmt.Sprintf("all of%d one%d, one%d", n, seq, seq)},
				chat.Entry{RoomID: room, Seq: seq + 1, Kind: chat.KindMessage, Text: "..."}, // no words
				chat.Entry{RoomID: room, Seq: seq + 2, Kind: chat.KindEdit, Text: "all"})
			seq += 2
		}
		err := x.transact(func() error {
			if _, err := x.conn.exec("ALTER TABLE words RENAME TO lost"); err != nil {
				t.Fatal(err)
			}
			return x.add(list)
		})
		if err == nil {
			t.Fatalf("%d messages went nowhere, and nothing is said of it", n)
		}
		if err := x.transact(func() error { return x.add(list) }); err != nil {
			t.Fatal(err)
		}
		for query, want := range map[string]int{fmt.Sprintf("of%d", n): n, fmt.Sprintf("one%d", seq-2): 1, "lost": 0} {
			var found, terms int
			if _, err := x.conn.one([]any{&found, &terms}, "SELECT (SELECT count(*) FROM words WHERE words MATCH ?1), (SELECT count(*) FROM terms WHERE term = ?1)", query); err != nil {
				t.Fatal(err)
			}
			if found != want || terms != min(want, 1) {
				t.Errorf("of %d at once %d messages have %q, which is %d terms; want %d", n, found, query, terms, want)
			}
		}
	}
	var all int
	if _, err := x.conn.one([]any{&all}, "SELECT count(*) FROM words WHERE words MATCH 'all'"); err != nil || all != total {
		t.Errorf("%d of %d messages have a word that all have (%v)", all, total, err)
	}
}
