package storetest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"snug/internal/chat"
)

// testPages reads a log of 30 entries in which every third is no talk, between
// two rooms whose entries must not show.
func testPages(t *testing.T, b Backend) {
	f := open(t, b)
	below, room, above := f.room("below"), f.room("room"), f.room("above")
	for i := range chat.Seq(30) {
		for _, r := range []chat.Room{below, room, above} {
			d := message(r.ID, 1, "", fmt.Sprint(r.Code, i+1))
			if i%3 == 2 {
				d.Kind, d.Target, d.Emoji, d.On = chat.KindReact, 1, fmt.Sprint(i), true
			}
			if a := f.add(d); a.err != nil {
				t.Fatal(a.err)
			}
		}
	}
	talk := func(from, to chat.Seq) (list []chat.Seq) {
		for s := from; s <= to; s++ {
			if s%3 != 0 {
				list = append(list, s)
			}
		}
		return list
	}
	log := func(from, to chat.Seq) (list []chat.Seq) {
		for s := from; s <= to; s++ {
			list = append(list, s)
		}
		return list
	}
	after := func(s chat.Seq) *chat.Seq { return &s }
	for round := range 2 {
		for name, c := range map[string]struct {
			q    chat.PageQuery
			want []chat.Seq
			more bool
		}{
			"newest":                  {chat.PageQuery{Limit: 4}, talk(25, 29), true},
			"newest, all":             {chat.PageQuery{Limit: 20}, talk(1, 30), false},
			"newest, all but one":     {chat.PageQuery{Limit: 19}, talk(2, 30), true},
			"newest, more than all":   {chat.PageQuery{Limit: 1000}, talk(1, 30), false},
			"newest, none":            {chat.PageQuery{}, nil, true},
			"newest, less than none":  {chat.PageQuery{Limit: -1}, nil, true},
			"newest to":               {chat.PageQuery{To: 10, Limit: 3}, talk(7, 10), true},
			"newest to no talk":       {chat.PageQuery{To: 12, Limit: 3}, talk(8, 11), true},
			"newest to beyond":        {chat.PageQuery{To: 1 << 31, Limit: 2}, talk(28, 29), true},
			"before":                  {chat.PageQuery{Before: 10, Limit: 3}, talk(5, 8), true},
			"before, exact":           {chat.PageQuery{Before: 5, Limit: 3}, talk(1, 4), false},
			"before the first":        {chat.PageQuery{Before: 1, Limit: 3}, nil, false},
			"before the second":       {chat.PageQuery{Before: 2, Limit: 3}, talk(1, 1), false},
			"before the end":          {chat.PageQuery{Before: 1<<32 - 1, Limit: 1}, talk(29, 29), true},
			"before, to":              {chat.PageQuery{Before: 20, To: 10, Limit: 2}, talk(8, 10), true},
			"before less than to":     {chat.PageQuery{Before: 10, To: 20, Limit: 2}, talk(7, 8), true},
			"after 0":                 {chat.PageQuery{After: after(0), Limit: 7}, log(1, 7), true},
			"after, exact":            {chat.PageQuery{After: after(23), Limit: 7}, log(24, 30), false},
			"after, cut by one":       {chat.PageQuery{After: after(22), Limit: 7}, log(23, 29), true},
			"after the head":          {chat.PageQuery{After: after(30), Limit: 7}, nil, false},
			"after beyond":            {chat.PageQuery{After: after(1<<32 - 1), Limit: 7}, nil, false},
			"after, to":               {chat.PageQuery{After: after(5), To: 9, Limit: 7}, log(6, 9), false},
			"after, cut before to":    {chat.PageQuery{After: after(5), To: 9, Limit: 3}, log(6, 8), true},
			"after to":                {chat.PageQuery{After: after(9), To: 9, Limit: 3}, nil, false},
			"after none":              {chat.PageQuery{After: after(3)}, nil, true},
			"around":                  {chat.PageQuery{Around: 16, Limit: 5}, talk(13, 19), true},
			"around, even":            {chat.PageQuery{Around: 16, Limit: 4}, talk(14, 19), true},
			"around no talk":          {chat.PageQuery{Around: 15, Limit: 4}, talk(13, 17), true},
			"around, one":             {chat.PageQuery{Around: 16, Limit: 1}, talk(16, 16), true},
			"around the first":        {chat.PageQuery{Around: 1, Limit: 5}, talk(1, 7), false},
			"around the second":       {chat.PageQuery{Around: 2, Limit: 5}, talk(1, 7), false},
			"around the head":         {chat.PageQuery{Around: 29, Limit: 5}, talk(23, 29), true},
			"around beyond":           {chat.PageQuery{Around: 31, Limit: 3}, talk(26, 29), true},
			"around, to":              {chat.PageQuery{Around: 16, To: 17, Limit: 5}, talk(11, 17), true},
			"around, all":             {chat.PageQuery{Around: 16, Limit: 100}, talk(1, 30), false},
			"around, all older taken": {chat.PageQuery{Around: 10, Limit: 19}, talk(1, 28), false},
		} {
			c.q.Room = room.ID
			p := f.page(c.q)
			if d := cmp.Diff(c.want, seqs(p.Entries)); d != "" || p.More != c.more {
				t.Errorf("%s: more %t; %s", name, p.More, d)
			}
			if p.Head != 30 || p.First != 1 {
				t.Errorf("%s: head %d, first %d", name, p.Head, p.First)
			}
			for _, e := range p.Entries {
				if e.Text != fmt.Sprint("room", e.Seq) || e.Room != "room" || e.RoomID != room.ID {
					t.Errorf("%s: %+v", name, e)
				}
			}
		}
		if round == 0 {
			f.reopen(b)
		}
	}
	empty := f.room("empty")
	for _, q := range []chat.PageQuery{{}, {Before: 5}, {After: after(0)}, {Around: 1}} {
		q.Room, q.Limit = empty.ID, 5
		if p := f.page(q); len(p.Entries) != 0 || p.More || p.Head != 0 || p.First != 1 {
			t.Errorf("an empty log, %+v: %+v", q, p)
		}
	}
	_, err := f.Page(f.ctx(), chat.PageQuery{Room: empty.ID + 1, Limit: 1})
	f.want(chat.NotFound, err)
}

// A page ends before the entry that would take it over its bytes; one entry there always is.
func testPageBytes(t *testing.T, b Backend) {
	f := open(t, b)
	room := f.room("room")
	var sizes []int
	for i := range 12 {
		text := strings.Repeat("<\n\">", 10*i)
		if i == 6 {
			text = strings.Repeat("é", 5000)
		}
		if a := f.add(message(room.ID, 1, fmt.Sprint("id", i), text)); a.err != nil {
			t.Fatal(a.err)
		}
	}
	entries := f.all(room.ID)
	for i := range entries {
		sizes = append(sizes, entries[i].Size())
	}
	sum := func(from, to int) (n int) { // of seq from to to
		for _, s := range sizes[from-1 : to] {
			n += s
		}
		return n
	}
	run := func(from, to chat.Seq) (list []chat.Seq) {
		for s := from; s <= to; s++ {
			list = append(list, s)
		}
		return list
	}
	for round := range 2 {
		for name, c := range map[string]struct {
			q    chat.PageQuery
			want []chat.Seq
			more bool
		}{
			"newest, fits":          {chat.PageQuery{Bytes: sum(10, 12)}, run(10, 12), true},
			"newest, a byte less":   {chat.PageQuery{Bytes: sum(10, 12) - 1}, run(11, 12), true},
			"newest, one at least":  {chat.PageQuery{Bytes: 1}, run(12, 12), true},
			"newest, all":           {chat.PageQuery{Bytes: sum(1, 12)}, run(1, 12), false},
			"newest, all but one":   {chat.PageQuery{Bytes: sum(1, 12) - 1}, run(2, 12), true},
			"no bound":              {chat.PageQuery{}, run(1, 12), false},
			"before the big one":    {chat.PageQuery{Before: 9, Bytes: sizes[7] + 1}, run(8, 8), true},
			"the big one alone":     {chat.PageQuery{Before: 8, Bytes: 300}, run(7, 7), true},
			"after, fits":           {chat.PageQuery{After: new(chat.Seq), Bytes: sum(1, 4)}, run(1, 4), true},
			"after, a byte less":    {chat.PageQuery{After: new(chat.Seq), Bytes: sum(1, 4) - 1}, run(1, 3), true},
			"after, all":            {chat.PageQuery{After: new(chat.Seq), Bytes: sum(1, 12)}, run(1, 12), false},
			"after, one at least":   {chat.PageQuery{After: new(chat.Seq), Bytes: 1}, run(1, 1), true},
			"around, fits":          {chat.PageQuery{Around: 10, Bytes: sum(9, 11)}, run(9, 11), true},
			"around, a byte less":   {chat.PageQuery{Around: 10, Bytes: sum(9, 11) - 1}, run(10, 11), true},
			"around, one at least":  {chat.PageQuery{Around: 7, Bytes: 1}, run(7, 7), true},
			"around, all":           {chat.PageQuery{Around: 7, Bytes: sum(1, 12)}, run(1, 12), false},
			"limit before bytes":    {chat.PageQuery{Limit: 2, Bytes: sum(1, 12)}, run(11, 12), true},
			"to bounds bytes' page": {chat.PageQuery{To: 4, Bytes: sum(3, 4)}, run(3, 4), true},
		} {
			c.q.Room = room.ID
			if c.q.Limit == 0 {
				c.q.Limit = 200
			}
			p := f.page(c.q)
			if d := cmp.Diff(c.want, seqs(p.Entries)); d != "" || p.More != c.more {
				t.Errorf("%s: more %t; %s", name, p.More, d)
			}
		}
		if round == 0 {
			f.reopen(b)
		}
	}
}

// What readers see while others write is whole: dense up to the head, and never
// less than what was acknowledged before they asked.
func testPagesWhileWriting(t *testing.T, b Backend) {
	f := open(t, b)
	rooms := []chat.Room{f.room("one"), f.room("two")}
	var acked [2]atomic.Uint32
	done := make(chan struct{})
	var readers, writes sync.WaitGroup
	for r := range 4 {
		readers.Go(func() {
			for n := r; ; n++ {
				select {
				case <-done:
					return
				default:
				}
				i := n % 2
				known := chat.Seq(acked[i].Load())
				q := chat.PageQuery{Room: rooms[i].ID, Limit: 50}
				if r%2 == 0 {
					q.After = new(known - min(known, 30))
				}
				p, err := f.Page(t.Context(), q)
				if err != nil {
					t.Error(err)
					return
				}
				if p.Head < known || p.First != 1 {
					t.Errorf("head %d, first %d, but %d was acknowledged", p.Head, p.First, known)
				}
				if k := len(p.Entries); k > 0 && !p.More && p.Entries[k-1].Seq != p.Head || k == 0 && p.Head > known {
					t.Errorf("the page of %d entries does not reach the head %d", k, p.Head)
				}
				for j, e := range p.Entries {
					if e.Seq != p.Entries[0].Seq+chat.Seq(j) || e.Text != fmt.Sprint("message ", e.Seq) {
						t.Errorf("a hole, or another text: %+v", e)
					}
				}
				if room, err := f.Room(t.Context(), rooms[i].Code); err != nil || room.Head < p.Head {
					t.Errorf("Room: head %d, %v, after a page with %d", room.Head, err, p.Head)
				}
				if u, err := f.Unread(t.Context(), rooms[i].ID, p.Head-min(p.Head, 10), 100); err != nil || u < int(min(p.Head, 10)) {
					t.Errorf("Unread: %d, %v", u, err)
				}
			}
		})
	}
	for n := range scale(1200, 400) {
		i := n % 2
		writes.Add(1)
		f.Append(message(rooms[i].ID, 1, "", fmt.Sprint("message ", n/2+1)), func(a chat.Appended, err error) {
			if err != nil {
				t.Error(err)
			}
			acked[i].Store(uint32(a.Seq))
			writes.Done()
		})
		if n%8 == 7 { // many small commits
			writes.Wait()
		}
	}
	writes.Wait()
	close(done)
	readers.Wait()
}

func testUnread(t *testing.T, b Backend) {
	f := open(t, b)
	f.room("below")
	room := f.room("room")
	f.fill(f.room("above").ID, 5)
	kinds := []chat.Kind{chat.KindMessage, chat.KindName, chat.KindMessage, chat.KindReact, chat.KindMessage, chat.KindRoom, chat.KindDelete, chat.KindMessage}
	for _, k := range kinds {
		d := message(room.ID, 1, "", "")
		d.Kind = k
		switch k {
		case chat.KindReact, chat.KindDelete:
			d.Target, d.On = 1, true
		}
		if a := f.add(d); a.err != nil {
			t.Fatal(a.err)
		}
	}
	for round := range 2 {
		for after := range chat.Seq(len(kinds) + 3) {
			all := 0
			for i, k := range kinds {
				if k == chat.KindMessage && i >= int(after) && i > 0 { // the first was deleted
					all++
				}
			}
			for most := range 6 {
				if got, err := f.Unread(f.ctx(), room.ID, after, most); err != nil || got != min(all, most) {
					t.Errorf("Unread(after %d, most %d) = %d, %v, want %d", after, most, got, err, min(all, most))
				}
			}
		}
		if round == 0 {
			f.reopen(b)
		}
	}
	_, err := f.Unread(f.ctx(), room.ID+9, 0, 1)
	f.want(chat.NotFound, err)
}

func testPrune(t *testing.T, b Backend) {
	f := open(t, b)
	f.fill(f.room("below").ID, 3)
	room := f.room("room")
	other := f.room("above")
	f.fill(other.ID, 3)
	start := f.clock.Now()
	for i := range 10 { // entry n is n seconds old
		f.clock.move(time.Second)
		if a := f.add(message(room.ID, 1, fmt.Sprint("id-", i+1), "")); a.err != nil {
			t.Fatal(a.err)
		}
	}
	prune := func(sec time.Duration, limit, want int, first chat.Seq) {
		t.Helper()
		n, err := f.Prune(f.ctx(), room.ID, start.Add(sec*time.Second), limit)
		if n != want || err != nil {
			t.Errorf("Prune(%d, %d) = %d, %v, want %d", sec, limit, n, err, want)
		}
		for range 2 {
			r, err := f.Room(f.ctx(), "room")
			p := f.page(chat.PageQuery{Room: room.ID, Limit: 100})
			log := f.page(chat.PageQuery{Room: room.ID, After: new(chat.Seq), Limit: 100})
			if err != nil || r.First != first || r.Head != 10 || p.First != first || p.Head != 10 || p.More || len(p.Entries) != 11-int(first) {
				t.Errorf("after Prune(%d, %d): %v; first %d, head %d; page with %d entries, first %d, head %d, more %t",
					sec, limit, err, r.First, r.Head, len(p.Entries), p.First, p.Head, p.More)
			}
			if d := cmp.Diff(p.Entries, log.Entries); d != "" || slices.ContainsFunc(p.Entries, func(e chat.Entry) bool { return e.Seq < first }) {
				t.Errorf("talk and log differ, or hold what is gone: %s", d)
			}
			if at, err := f.LastAt(f.ctx(), room.ID); err != nil || !at.Equal(start.Add(10*time.Second)) {
				t.Errorf("LastAt %v, %v", at, err)
			}
			f.reopen(b)
		}
	}
	prune(1, 100, 0, 1)
	prune(3, 0, 0, 1)
	prune(3, -1, 0, 1)
	prune(3, 100, 2, 3) // older than, not as old as
	prune(3, 100, 0, 3)
	prune(9, 3, 3, 6)
	// As long as an entry is kept a retry of it is known, and no longer.
	if a := f.add(message(room.ID, 1, "id-6", "")); !a.Duplicate || a.Seq != 6 {
		t.Errorf("a retry of a kept entry: %+v", a)
	}
	prune(60, 100, 5, 11)
	prune(60, 100, 0, 11)
	if got := f.all(other.ID); len(got) != 3 {
		t.Errorf("a neighbour has %d entries", len(got))
	}
	f.clock.move(-time.Hour)
	if a := f.add(message(room.ID, 1, "id-10", "")); a.err != nil || a.Duplicate || a.Seq != 11 || a.At.Before(start.Add(10*time.Second)) {
		t.Errorf("the first entry after all were pruned, under the id of one of them: %+v", a)
	}
	f.reopen(b)
	if p := f.page(chat.PageQuery{Room: room.ID, Limit: 5}); len(p.Entries) != 1 || p.First != 11 || p.Head != 11 {
		t.Errorf("then the page is %+v", p)
	}
	if a := f.add(message(room.ID, 1, "id-10", "")); !a.Duplicate || a.Seq != 11 {
		t.Errorf("its retry: %+v", a)
	}
	_, err := f.Prune(f.ctx(), other.ID+9, start, 1)
	f.want(chat.NotFound, err)

	// More at once than one step takes.
	f.fill(other.ID, 2000)
	if n, err := f.Prune(f.ctx(), other.ID, start.Add(time.Hour), 1500); n != 1500 || err != nil {
		t.Errorf("Prune of 1500 = %d, %v", n, err)
	}
	if p := f.page(chat.PageQuery{Room: other.ID, Before: 1600, Limit: 200}); len(p.Entries) != 99 || p.First != 1501 || p.Head != 2003 || p.More {
		t.Errorf("then %d entries, first %d, head %d, more %t", len(p.Entries), p.First, p.Head, p.More)
	}
}
