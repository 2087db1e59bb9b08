package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"snug/internal/chat"
)

func testAppend(t *testing.T, b Backend) {
	f := open(t, b)
	if got, err := f.LastAt(f.ctx(), f.room("empty").ID); err != nil || !got.IsZero() {
		t.Errorf("LastAt of an empty log is %v, %v", got, err)
	}
	room := f.room("CASE-kept")
	all := []chat.Kind{chat.KindMessage, chat.KindMessage, chat.KindRoom, chat.KindName}
	var want []chat.Entry
	for i, kind := range all {
		d := message(room.ID, byte(i+1), fmt.Sprint("id_", i), "tëxt\x00 \"with\" \\ everything\n😀 "+strings.Repeat("x", 1<<i))
		d.Kind, d.ReplyTo, d.Was = kind, chat.Seq(i), strings.Repeat("wäs", i)
		f.clock.move(1500 * time.Microsecond)
		a := f.add(d)
		if a.err != nil || a.Duplicate || int(a.Seq) != i+1 || a.At.Nanosecond()%1e6 != 0 || a.At.Location() != time.UTC {
			t.Fatalf("draft %d: %+v", i, a)
		}
		want = append(want, chat.Entry{
			RoomID: room.ID, Room: "CASE-kept", Seq: a.Seq, Kind: kind, At: a.At, From: d.From, ID: d.ID, Text: d.Text, ReplyTo: d.ReplyTo, Was: d.Was,
		})
	}
	if d := cmp.Diff(want, f.committed()); d != "" {
		t.Errorf("OnCommit: %s", d)
	}
	for range 2 {
		if d := cmp.Diff(want, f.all(room.ID)); d != "" {
			t.Errorf("the log: %s", d)
		}
		if got, err := f.LastAt(f.ctx(), room.ID); err != nil || !got.Equal(want[len(want)-1].At) {
			t.Errorf("LastAt is %v, %v", got, err)
		}
		f.reopen(b)
	}
	if a := f.add(message(room.ID, 1, "", "on")); int(a.Seq) != len(all)+1 {
		t.Errorf("after a restart: %+v", a)
	}
	f.want(chat.NotFound, f.add(message(room.ID+1000, 1, "", "")).err)
}

// Several senders append at once; everyone's order is kept, and OnCommit comes before done.
func testOrder(t *testing.T, b Backend) {
	var mu sync.Mutex
	var told []string           // the ids of entries and of answers, in the order of OnCommit and done
	var stored []chat.Entry     // guarded by mu
	record := func(s string) {} // set below, before the first write
	s, stop := b.Open(t, newClock(), func(entries []chat.Entry) {
		mu.Lock()
		defer mu.Unlock()
		for _, e := range entries {
			told = append(told, "entry "+e.ID)
		}
		stored = append(stored, entries...)
	})
	record = func(s string) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, s)
	}
	f := &fixture{T: t, Store: s, stop: stop}
	rooms := []chat.Room{f.room("one"), f.room("two"), f.room("three")}
	const senders, each = 8, 250
	var sends, answers sync.WaitGroup
	for n := range senders {
		answers.Add(each)
		sends.Go(func() {
			next := 0
			for i := range each {
				id := fmt.Sprintf("%d-%d", n, i)
				d := message(rooms[(n+i)%len(rooms)].ID, byte(n), id, "")
				if i%10 == 9 {
					d.Refusal = errors.New("refused")
				}
				f.Append(d, func(a chat.Appended, err error) {
					record("answer " + id)
					if next != i {
						t.Errorf("sender %d: answer %d came as number %d", n, i, next)
					}
					next++
					if (err != nil) != (i%10 == 9) {
						t.Errorf("%s: %v", id, err)
					}
					answers.Done()
				})
			}
		})
	}
	sends.Wait()
	answers.Wait()

	place := make(map[string]int)
	for i, what := range told {
		if _, twice := place[what]; twice {
			t.Errorf("%s was told twice", what)
		}
		place[what] = i
	}
	if len(stored) != senders*each*9/10 {
		t.Errorf("%d entries", len(stored))
	}
	lastOf, headOf := make(map[string]int), make(map[chat.RoomID]chat.Seq)
	for i, e := range stored {
		if place["answer "+e.ID] < place["entry "+e.ID] {
			t.Errorf("%s was answered before OnCommit told it", e.ID)
		}
		if headOf[e.RoomID]++; headOf[e.RoomID] != e.Seq {
			t.Errorf("OnCommit: seq %d of room %s comes as number %d", e.Seq, e.Room, headOf[e.RoomID])
		}
		sender, _, _ := strings.Cut(e.ID, "-")
		if i > 0 && lastOf[sender] > place["answer "+e.ID] {
			t.Errorf("%s is out of its sender's order", e.ID)
		}
		lastOf[sender] = place["answer "+e.ID]
	}
	for _, r := range rooms {
		want := slices.DeleteFunc(slices.Clone(stored), func(e chat.Entry) bool { return e.RoomID != r.ID })
		if d := cmp.Diff(want, f.all(r.ID)); d != "" {
			t.Errorf("the log of %s is not what OnCommit told: %s", r.Code, d)
		}
	}
}

// legalIDs are ids of every kind that clients make.
func legalIDs() []string {
	v7, v4 := uuid.Must(uuid.NewV7()).String(), uuid.NewString()
	return []string{
		v7, strings.ToUpper(v7), strings.ReplaceAll(v7, "-", ""), strings.Replace(v7, "-", "_", 1), v4, strings.ToUpper(v4),
		"a", "A", "0", "-", "_", "00000000-0000-0000-0000-000000000000", "00000000-0000-7000-0000-00000000000g",
		"ffffffff-ffff-7fff-ffff-ffffffffffff", strings.Repeat("z", 36), strings.Repeat("-", 36), strings.Repeat("9", 64), "1e3", "x'00'",
	}
}

func testRetry(t *testing.T, b Backend) {
	f := open(t, b)
	room, other := f.room("room"), f.room("other")
	first := make(map[string]answer)
	for _, id := range legalIDs() {
		a := f.add(message(room.ID, 1, id, "first"))
		if a.err != nil || a.Duplicate {
			t.Fatalf("%q: %+v", id, a)
		}
		first[id] = a
		f.clock.move(time.Second)
	}
	n := len(first)
	f.clock.move(100 * 24 * time.Hour)
	for round := range 3 {
		for id, want := range first {
			retry := message(room.ID, 1, id, "whatever else it carries")
			retry.Refusal = errors.New("not looked at")
			retry.Member = &chat.Membership{Room: room.ID, Identity: identity(1), Role: "no role"}
			want.Duplicate = true
			for _, d := range []chat.Draft{message(room.ID, 1, id, ""), retry} {
				if got := f.add(d); got != want {
					t.Fatalf("round %d: a retry of %q got %+v, want %+v", round, id, got, want)
				}
			}
			// The same id of another kind is another deed under a used name.
			edit := message(room.ID, 1, id, "")
			edit.Kind = chat.KindEdit
			f.want(chat.Conflict, f.add(edit).err)
		}
		if got := len(f.all(room.ID)); got != n {
			t.Fatalf("round %d: %d entries, want %d", round, got, n)
		}
		if round < 2 {
			f.reopen(b)
		}
	}
	// By another author, in another room, or without an id it is no retry.
	id := legalIDs()[0]
	for _, d := range []chat.Draft{
		message(room.ID, 2, id, ""), message(other.ID, 1, id, ""), message(room.ID, 1, "", ""), message(room.ID, 1, "", ""),
		message(room.ID, 1, uuid.Must(uuid.NewV7()).String(), ""),
	} {
		if a := f.add(d); a.err != nil || a.Duplicate {
			t.Errorf("taken for a retry, or failed: %+v", a)
		}
	}
}

// Retries that are queued before the first is committed, by several goroutines.
func testRetryTogether(t *testing.T, b Backend) {
	f := open(t, b)
	room := f.room("room")
	const ids, tries = 100, 3
	var mu sync.Mutex
	got := make(map[string][]chat.Appended)
	var wg sync.WaitGroup
	for range tries {
		wg.Go(func() {
			var answers []<-chan answer
			for i := range ids {
				answers = append(answers, f.queue(message(room.ID, 1, fmt.Sprint(i), "")))
				answers = append(answers, f.queue(message(room.ID, 1, fmt.Sprint(i), "")))
			}
			for i, c := range answers {
				a := f.wait(c)
				if a.err != nil {
					t.Error(a.err)
				}
				mu.Lock()
				got[fmt.Sprint(i/2)] = append(got[fmt.Sprint(i/2)], a.Appended)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	log := f.all(room.ID)
	if len(log) != ids || len(f.committed()) != ids {
		t.Errorf("%d entries, %d told, want %d", len(log), len(f.committed()), ids)
	}
	for _, e := range log {
		fresh := 0
		for _, a := range got[e.ID] {
			if !a.Duplicate {
				fresh++
			}
			if a.Seq != e.Seq || !a.At.Equal(e.At) {
				t.Errorf("%s is entry %d of %v, but a try got %+v", e.ID, e.Seq, e.At, a)
			}
		}
		if fresh != 1 || len(got[e.ID]) != 2*tries {
			t.Errorf("%s: %d of %d tries were the first", e.ID, fresh, len(got[e.ID]))
		}
	}
}

func testRefusal(t *testing.T, b Backend) {
	f := open(t, b)
	room := f.room("room")
	why := &chat.Error{Code: chat.RateLimited, RetryAfter: time.Second}
	refused := func(id string) chat.Draft {
		d := message(room.ID, 1, id, "never stored")
		d.Refusal = why
		d.Member = new(membership(room.ID, 1))
		return d
	}
	for _, id := range []string{"", "id"} {
		if a := f.add(refused(id)); a.err != error(why) || a.Appended != (chat.Appended{}) {
			t.Errorf("id %q: %+v", id, a)
		}
	}
	if _, ok, _ := f.Membership(f.ctx(), room.ID, identity(1)); ok {
		t.Error("a refused draft saved its member")
	}
	// Refused is not stored: the same id may come again. Queued at once: what is known counts in the order of the calls.
	c := []<-chan answer{f.queue(refused("id")), f.queue(message(room.ID, 1, "id", "")), f.queue(refused("id")), f.queue(refused("id2"))}
	if a := f.wait(c[0]); a.err != error(why) {
		t.Errorf("refused: %+v", a)
	}
	if a := f.wait(c[1]); a.err != nil || a.Seq != 1 || a.Duplicate {
		t.Errorf("stored: %+v", a)
	}
	if a := f.wait(c[2]); a.err != nil || a.Seq != 1 || !a.Duplicate {
		t.Errorf("stored before: %+v", a)
	}
	if a := f.wait(c[3]); a.err != error(why) {
		t.Errorf("refused: %+v", a)
	}
	if got := f.all(room.ID); len(got) != 1 || len(f.committed()) != 1 {
		t.Errorf("%d entries are stored, %d told", len(got), len(f.committed()))
	}
}

func testBadDraft(t *testing.T, b Backend) {
	f := open(t, b)
	room := f.room("room")
	taken := membership(room.ID, 7)
	if err := f.SaveMembership(f.ctx(), taken, time.Time{}); err != nil {
		t.Fatal(err)
	}
	bad := map[string]chat.Draft{
		"no room":        message(room.ID+5, 1, "", ""),
		"room 0":         message(0, 1, "", ""),
		"room -1":        message(-1, 1, "", ""),
		"no kind":        {Room: room.ID},
		"unknown kind":   {Room: room.ID, Kind: "poem"},
		"taken name":     {Room: room.ID, Kind: chat.KindName, Member: new(membership(room.ID, 8))},
		"no such role":   {Room: room.ID, Kind: chat.KindName, Member: new(membership(room.ID, 9))},
		"member of none": {Room: room.ID, Kind: chat.KindName, Member: new(membership(room.ID+5, 9))},
	}
	bad["taken name"].Member.Skeleton = taken.Skeleton
	bad["no such role"].Member.Role = "jester"
	good, answers := []<-chan answer{}, map[string]<-chan answer{}
	for name, d := range bad {
		good = append(good, f.queue(message(room.ID, 1, name, "good")))
		answers[name] = f.queue(d)
	}
	for i, c := range good {
		if a := f.wait(c); a.err != nil || int(a.Seq) != i+1 {
			t.Errorf("good draft %d: %+v", i, a)
		}
	}
	for name, c := range answers {
		if a := f.wait(c); a.err == nil {
			t.Errorf("%s: was stored: %+v", name, a)
		}
	}
	f.want(chat.NameTaken, f.add(bad["taken name"]).err)
	f.want(chat.NotFound, f.add(bad["no room"]).err)
	if got := f.all(room.ID); len(got) != len(bad) {
		t.Errorf("%d entries, want %d", len(got), len(bad))
	}
	for n := byte(8); n <= 9; n++ {
		if _, ok, _ := f.Membership(f.ctx(), room.ID, identity(n)); ok {
			t.Errorf("a bad draft saved its member %d", n)
		}
	}
}

// Times never run backwards within a room, whatever the clock does, and across restarts.
func testClock(t *testing.T, b Backend) {
	f := open(t, b)
	room := f.room("room")
	start := f.clock.Now()
	at := func(room chat.RoomID) time.Duration {
		t.Helper()
		a := f.add(message(room, 1, "", ""))
		if a.err != nil {
			t.Fatal(a.err)
		}
		return a.At.Sub(start)
	}
	f.clock.move(time.Hour)
	if got := at(room.ID); got != time.Hour {
		t.Errorf("at the clock's time + %v", got-time.Hour)
	}
	f.clock.move(-30 * time.Minute)
	for range 2 {
		if got := at(room.ID); got != time.Hour {
			t.Errorf("with the clock set back an hour: %v after the start", got)
		}
		f.reopen(b)
	}
	if got := at(f.room("fresh").ID); got != 30*time.Minute {
		t.Errorf("another room: %v after the start", got)
	}
	if n, err := f.Prune(f.ctx(), room.ID, start.Add(24*time.Hour), 100); n != 3-1 && n != 3 || err != nil {
		t.Fatal(n, err)
	}
	f.reopen(b)
	if got := at(room.ID); got != time.Hour {
		t.Errorf("after everything was pruned: %v after the start", got)
	}
	f.clock.move(time.Hour)
	if got := at(room.ID); got != 90*time.Minute {
		t.Errorf("when the clock is right again: %v after the start", got)
	}
}

// A draft's Member is saved in the same commit, by the rules of SaveMembership.
func testRename(t *testing.T, b Backend) {
	f := open(t, b)
	room := f.room("room")
	old, renamed := membership(room.ID, 1), membership(room.ID, 1)
	renamed.Name, renamed.Skeleton, renamed.Color = "New", "new", 3
	if err := f.SaveMembership(f.ctx(), old, time.Time{}); err != nil {
		t.Fatal(err)
	}
	d := chat.Draft{Room: room.ID, Identity: old.Identity, From: renamed.Author, Kind: chat.KindName, ID: "rename", Was: old.Name, Member: &renamed}
	a := f.add(d)
	if a.err != nil {
		t.Fatal(a.err)
	}
	if got, _, err := f.Membership(f.ctx(), room.ID, old.Identity); err != nil || got != renamed {
		t.Errorf("saved %+v, %v", got, err)
	}
	if got := f.all(room.ID); len(got) != 1 || got[0].Was != old.Name || got[0].From != renamed.Author {
		t.Errorf("the log: %+v", got)
	}
	// The old name is free; a retry of the rename does not take it back from a later one.
	other := membership(room.ID, 2)
	other.Skeleton = old.Skeleton
	if err := f.SaveMembership(f.ctx(), other, time.Time{}); err != nil {
		t.Fatal(err)
	}
	third := renamed
	third.Name, third.Skeleton = "Third", "third"
	if err := f.SaveMembership(f.ctx(), third, time.Time{}); err != nil {
		t.Fatal(err)
	}
	if again := f.add(d); again.err != nil || !again.Duplicate || again.Seq != a.Seq {
		t.Errorf("a retry: %+v", again)
	}
	if got, _, _ := f.Membership(f.ctx(), room.ID, old.Identity); got != third {
		t.Errorf("a retry renamed again: %+v", got)
	}
	// Free counts here, too.
	d.ID, d.Member, d.Free = "take", &old, other.Seen
	f.want(chat.NameTaken, f.add(d).err)
	d.Free = other.Seen.Add(time.Millisecond)
	if a := f.add(d); a.err != nil {
		t.Fatal(a.err)
	}
	if got, _, _ := f.Membership(f.ctx(), room.ID, other.Identity); got.Name != "" || got.Skeleton != "" {
		t.Errorf("the name is still with %+v", got)
	}
}
