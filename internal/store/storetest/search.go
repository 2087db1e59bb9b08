package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"snug/internal/chat"
)

// find searches, and fails the test where that fails.
func (f *fixture) find(room chat.RoomID, query string) []chat.Seq {
	f.Helper()
	return seqs(f.search(chat.SearchQuery{Room: room, Query: chat.ParseQuery(query), Limit: 1000}).Entries)
}

func (f *fixture) search(q chat.SearchQuery) chat.Page {
	f.Helper()
	p, err := f.Search(f.ctx(), q)
	if err != nil {
		f.Fatalf("Search(%+v): %v", q, err)
	}
	return p
}

// searched are texts by the seq they get, findings what queries find among them.
var (
	searched = []string{
		1:  "The quick brown fox jumps over the lazy dog",
		2:  "Déjà vu, NAÏVE café – Ångström's Straße",
		3:  "deja-vu again: FOXes & dogs",
		4:  "東京都庁に行きました。iPhone15を買った",
		5:  "京都と大阪",
		6:  "서울에서 부산까지",
		7:  "สวัสดีครับ ยินดีต้อนรับ",
		8:  "Привет, мир! Ёлка",
		9:  "שָׁלוֹם עולם, مَرْحَبًا",
		10: "party 🎉🎉 at 9:30, see https://example.org/a_b?c=d#e",
		11: "ＦＵＬＬ　ｗｉｄｔｈ ｶﾀｶﾅ",
		12: "NOT OR AND NEAR fox*",
		13: "x" + strings.Repeat("y", 300) + " end",
		14: "हिन्दी में",
		15: "don't: \"quoted\" (text) -minus +plus ^caret col:on",
		16: "!!! ...",
	}
	findings = map[string][]chat.Seq{
		"fox":                          {12, 3, 1},
		"FOX":                          {12, 3, 1},
		"fo":                           {12, 3, 1},
		"ox":                           nil,
		"foxes":                        {3},
		"dog fox":                      {3, 1},
		"lazy fox the":                 {1},
		"fox cat":                      nil,
		"zebra":                        nil,
		"deja":                         {3, 2},
		"DÉJÀ VU":                      {3, 2},
		"strasse":                      {2},
		"angstrom":                     {2},
		"東京":                           {4},
		"京都":                           {5, 4},
		"東京都庁":                         {4},
		"東都":                           nil,
		"京":                            {5, 4},
		"庁":                            {4},
		"都庁に 買":                        {4},
		"iphone":                       {4},
		"15":                           nil,
		"서울":                           {6},
		"울에":                           {6},
		"부산까지":                         {6},
		"สวัสดี":                       {7},
		"ต้อนรับ":                      {7},
		"привет":                       {8},
		"елка":                         {8},
		"שלום":                         {9},
		"مرحبا":                        {9},
		"🎉":                            {10},
		"🎊":                            nil,
		"example org":                  {10},
		"9 30":                         {10},
		"full WIDTH":                   {11},
		"カタカナ":                         {11},
		"タカ":                           {11},
		"or":                           {12, 10},
		"near not":                     {12},
		"fox*":                         {12, 3, 1},
		"\"fox\" OR dog":               nil,
		"NEAR(quick fox)":              nil,
		"terms: fox":                   nil,
		"-fox":                         {12, 3, 1},
		"fox\"":                        {12, 3, 1},
		"fox\x00 'dog":                 {3, 1},
		"^quoted":                      {15},
		"dont":                         nil,
		"don't":                        {15},
		"x" + strings.Repeat("y", 300): {13},
		"x" + strings.Repeat("y", 299): {13},
		"x" + strings.Repeat("y", 301): nil,
		"xy end":                       {13},
		"हिन्दी":                       {14},
		"हन":                           nil,
		"":                             nil,
		" \t!\"*()":                    nil,
		"!!!":                          nil,
	}
)

func testSearch(t *testing.T, b Backend) {
	f := open(t, b)
	below, room, above := f.room("below"), f.room("room"), f.room("above")
	for _, text := range searched[1:] {
		for _, d := range []chat.Draft{message(below.ID, 1, "", "fox zebra"), message(room.ID, 1, "", text), message(above.ID, 1, "", "fox zebra")} {
			if a := f.add(d); a.err != nil {
				t.Fatal(a.err)
			}
		}
	}
	d := message(room.ID, 1, "", "fox of another kind") // which only messages are found by
	d.Kind = chat.KindRoom
	if a := f.add(d); a.err != nil {
		t.Fatal(a.err)
	}
	for round := range 3 {
		for query, want := range findings {
			if d := cmp.Diff(want, f.find(room.ID, query)); d != "" {
				t.Errorf("round %d: %q: %s", round, query, d)
			}
		}
		p := f.search(chat.SearchQuery{Room: room.ID, Query: chat.ParseQuery("brown"), Limit: 5})
		if want := f.all(room.ID)[:1]; cmp.Diff(want, p.Entries) != "" || p.Head != 17 || p.First != 1 || p.More {
			t.Errorf("found %+v, want %+v", p, want)
		}
		if round > 0 { // what indexes beside may or may not have come by
			f.reopen(b)
		}
	}
	_, err := f.Search(f.ctx(), chat.SearchQuery{Room: above.ID + 9, Query: chat.ParseQuery("fox"), Limit: 1})
	f.want(chat.NotFound, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.Search(ctx, chat.SearchQuery{Room: room.ID, Query: chat.ParseQuery("fox"), Limit: 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that is done: %v", err)
	}
}

// testSearchPages goes through what is found page by page, while retention and a
// deletion take their part.
func testSearchPages(t *testing.T, b Backend) {
	f := open(t, b)
	room, other := f.room("room"), f.room("other")
	start := f.clock.Now()
	all := chat.Seq(scale(1500, 300))
	var odd []chat.Seq
	var last <-chan answer
	for i := range all {
		text := fmt.Sprintf("entry%d common rare%d", i, i%(all/5))
		if i%2 == 0 {
			text += " odd"
			odd = append(odd, i+1)
		}
		last = f.queue(message(room.ID, 1, "", text))
		f.queue(message(other.ID, 1, "", "odd "+text))
		if i == all*2/3-1 {
			f.wait(last)
			f.clock.move(time.Hour)
		}
	}
	f.wait(last)
	slices.Reverse(odd)
	pages := func(query string, limit, bytes int, want []chat.Seq) {
		t.Helper()
		var got []chat.Seq
		before, more := chat.Seq(0), true
		for more {
			p := f.search(chat.SearchQuery{Room: room.ID, Query: chat.ParseQuery(query), Before: before, Limit: limit, Bytes: bytes})
			if len(p.Entries) > limit || len(p.Entries) == 0 && p.More {
				t.Fatalf("%q before %d: %d entries, more %t", query, before, len(p.Entries), p.More)
			}
			if got = append(got, seqs(p.Entries)...); len(got) > 0 {
				before = got[len(got)-1]
			}
			more = p.More
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%q by %d: %s", query, limit, d)
		}
	}
	rare := func(from chat.Seq) (want []chat.Seq) {
		for i := all; i >= from; i-- {
			if strings.HasPrefix(fmt.Sprintf("rare%d", (i-1)%(all/5)), "rare29") {
				want = append(want, i)
			}
		}
		return want
	}
	for range 2 {
		pages("odd", 40, 0, odd)
		pages("odd comm", 1000, 1<<10, odd)
		pages("rare29", 7, 0, rare(1))
		f.reopen(b)
	}
	if n, err := f.Prune(f.ctx(), room.ID, start.Add(time.Minute), int(all)*2/5); n != int(all)*2/5 || err != nil {
		t.Fatal(n, err)
	}
	kept := slices.DeleteFunc(slices.Clone(odd), func(s chat.Seq) bool { return s <= all*2/5 })
	for range 2 {
		pages("odd", 40, 0, kept)
		pages("rare29", 7, 0, rare(all*2/5+1))
		f.reopen(b)
	}
	if err := f.DeleteRoom(f.ctx(), room.ID); err != nil {
		t.Fatal(err)
	}
	if got := f.find(other.ID, fmt.Sprint("odd rare", all/5-1)); len(got) != 5 {
		t.Errorf("a neighbour has %v", got)
	}
	again := f.room("room")
	if got := f.find(again.ID, "odd"); len(got) != 0 {
		t.Errorf("a new room of the same code has %v", got)
	}
}

// What was acknowledged is found at once.
func testSearchWhileWriting(t *testing.T, b Backend) {
	f := open(t, b)
	rooms := []chat.Room{f.room("one"), f.room("two")}
	for i := range scale(600, 60) {
		r := rooms[i%2].ID
		var last <-chan answer
		for j := range 5 {
			last = f.queue(message(r, 1, "", fmt.Sprintf("w%dx common p%d", i, j)))
		}
		a := f.wait(last)
		if got := f.find(r, fmt.Sprintf("w%dx p4", i)); len(got) != 1 || got[0] != a.Seq {
			t.Fatalf("entry %d was found as %v", a.Seq, got)
		}
		if got := f.search(chat.SearchQuery{Room: r, Query: chat.ParseQuery("comm"), Limit: 3}); len(got.Entries) != 3 || got.Entries[0].Seq != a.Seq {
			t.Fatalf("after %d: %v", a.Seq, seqs(got.Entries))
		}
	}
}
