package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"snug/internal/chat"
)

// revision is a draft of a kind that revises a message.
func revision(kind chat.Kind, room chat.RoomID, by byte, target chat.Seq) chat.Draft {
	return chat.Draft{Room: room, Identity: identity(by), From: author(by), Kind: kind, Target: target}
}

func edit(room chat.RoomID, by byte, target chat.Seq, text string) chat.Draft {
	d := revision(chat.KindEdit, room, by, target)
	d.Text = text
	return d
}

func react(room chat.RoomID, by byte, target chat.Seq, emoji string, on bool) chat.Draft {
	d := revision(chat.KindReact, room, by, target)
	d.Emoji, d.On = emoji, on
	return d
}

// must appends a draft that is to be accepted as a new entry.
func (f *fixture) must(d chat.Draft) chat.Appended {
	f.Helper()
	f.clock.move(time.Second)
	a := f.add(d)
	if a.err != nil || a.Duplicate {
		f.Fatalf("%s: %+v, %v", d.Kind, a.Appended, a.err)
	}
	return a.Appended
}

// changesNothing fails unless a draft is answered with what stands, and nothing is written.
func (f *fixture) changesNothing(d chat.Draft, stands chat.Appended) {
	f.Helper()
	f.clock.move(time.Second)
	head := f.all(d.Room)
	stands.Duplicate = true
	if a := f.add(d); a.err != nil || a.Appended != stands {
		f.Errorf("%s that changes nothing: %+v, %v, want %+v", d.Kind, a.Appended, a.err, stands)
	}
	if got := f.all(d.Room); len(got) != len(head) {
		f.Errorf("%s that changes nothing wrote an entry", d.Kind)
	}
}

// noTarget fails unless a draft is refused for want of a message.
func (f *fixture) noTarget(d chat.Draft) {
	f.Helper()
	err := f.add(d).err
	if e, ok := errors.AsType[*chat.Error](err); !ok || e.Code != chat.NotFound || e.Field != "seq" {
		f.Errorf("%s of %d: %v, want not_found of seq", d.Kind, d.Target, err)
	}
}

// at is an entry as it is now.
func (f *fixture) at(room chat.RoomID, seq chat.Seq) chat.Entry {
	f.Helper()
	for _, e := range f.all(room) {
		if e.Seq == seq {
			return e
		}
	}
	f.Fatalf("entry %d is not kept", seq)
	panic("not reached")
}

func testEdit(t *testing.T, b Backend) {
	f := open(t, b)
	room := f.room("edit").ID
	said := message(room, 1, "said", "one")
	said.ReplyTo = 1
	first := f.must(said)
	f.changesNothing(edit(room, 1, 1, "one"), first)
	second := f.must(edit(room, 1, 1, "two"))
	third := f.must(edit(room, 1, 1, "three"))
	want := chat.Entry{
		RoomID: room, Room: "edit", Seq: 1, Kind: chat.KindMessage, At: first.At, From: author(1), ID: "said",
		Text: "three", ReplyTo: 1, Edited: third.At, Rev: 3,
	}
	for range 2 {
		if d := cmp.Diff(want, f.at(room, 1)); d != "" {
			t.Error(d)
		}
		if e := f.at(room, 2); e.Text != "" || e.Target != 1 || !e.At.Equal(second.At) || e.Kind != chat.KindEdit {
			t.Errorf("the edit that was superseded is %+v", e)
		}
		if e := f.at(room, 3); e.Text != "three" || e.Target != 1 {
			t.Errorf("the edit that stands is %+v", e)
		}
		f.changesNothing(edit(room, 1, 1, "three"), third)
		f.reopen(b)
	}
	if got := f.committed(); got[0].Text != "one" || got[1].Text != "two" || got[1].Target != 1 {
		t.Errorf("live it was %+v", got[:2])
	}
	// Only messages have texts to be edited.
	f.noTarget(edit(room, 1, 2, "x"))
	f.noTarget(edit(room, 1, 4, "x"))
	f.noTarget(edit(room, 1, 0, "x"))
	f.noTarget(edit(room, 1, ^chat.Seq(0), "x"))
	f.want(chat.NotFound, f.add(edit(room+1000, 1, 1, "x")).err)

	// The one who may judges, with the message as it is, and after a retry was recognised.
	asked := 0
	d := edit(room, 2, 1, "four")
	d.ID, d.Allow = "judged", func(target *chat.Entry, own bool) error {
		asked++
		if own || target.Text != "three" || target.Rev != 3 {
			t.Errorf("asked about %+v, own %t", target, own)
		}
		return &chat.Error{Code: chat.Forbidden}
	}
	f.want(chat.Forbidden, f.add(d).err)
	d.Allow = func(*chat.Entry, bool) error { asked++; return nil }
	f.must(d)
	d.Allow = func(*chat.Entry, bool) error { asked++; return &chat.Error{Code: chat.Forbidden} }
	if a := f.add(d); a.err != nil || !a.Duplicate || a.Seq != 4 {
		t.Errorf("a retry: %+v", a)
	}
	if asked != 2 {
		t.Errorf("asked %d times", asked)
	}
	// An id that named an edit names no delete, and no message.
	other := revision(chat.KindDelete, room, 2, 1)
	other.ID = "judged"
	f.want(chat.Conflict, f.add(other).err)
	f.want(chat.Conflict, f.add(message(room, 2, "judged", "x")).err)
}

func testDelete(t *testing.T, b Backend) {
	f := open(t, b)
	room := f.room("delete").ID
	said := message(room, 1, "said", "secret")
	said.ReplyTo = 1
	first := f.must(said)
	f.must(message(room, 2, "", "stays"))
	f.must(edit(room, 1, 1, "secret too"))
	f.must(react(room, 2, 1, "👍", true))
	gone := f.must(revision(chat.KindDelete, room, 3, 1))
	want := chat.Entry{
		RoomID: room, Room: "delete", Seq: 1, Kind: chat.KindMessage, At: first.At, From: author(1), ID: "said",
		Deleted: gone.At, Rev: gone.Seq,
	}
	for range 2 {
		if d := cmp.Diff(want, f.at(room, 1)); d != "" {
			t.Error(d)
		}
		if e := f.at(room, 3); e.Text != "" || e.Target != 1 {
			t.Errorf("its edit is %+v", e)
		}
		if mine, err := f.Mine(f.ctx(), room, identity(2), 1, 9); err != nil || len(mine) > 0 {
			t.Errorf("reactions that are left: %v, %v", mine, err)
		}
		if n, err := f.Unread(f.ctx(), room, 0, 10); err != nil || n != 1 {
			t.Errorf("%d unread, %v", n, err)
		}
		if got := seqs(f.page(chat.PageQuery{Room: room, Limit: 10}).Entries); !slices.Equal(got, []chat.Seq{1, 2}) {
			t.Errorf("the talk is %v", got)
		}
		f.changesNothing(revision(chat.KindDelete, room, 1, 1), gone)
		f.noTarget(edit(room, 1, 1, "again"))
		f.noTarget(react(room, 1, 1, "👍", true))
		f.noTarget(react(room, 2, 1, "👍", false))
		f.reopen(b)
	}
	// A retry of the message gets its first answer still.
	if a := f.add(message(room, 1, "said", "secret")); a.err != nil || !a.Duplicate || a.Seq != 1 || !a.At.Equal(first.At) {
		t.Errorf("a retry: %+v", a)
	}
}

func testReact(t *testing.T, b Backend) {
	f := open(t, b)
	room, other := f.room("react").ID, f.room("other").ID
	first := f.must(message(room, 1, "", "one"))
	f.must(message(other, 1, "", "one"))
	f.changesNothing(react(room, 1, 1, "👍", false), first)
	f.must(react(room, 1, 1, "👍", true))
	f.must(react(room, 2, 1, "❤️", true))
	newest := f.must(react(room, 2, 1, "👍", true))
	f.must(message(room, 2, "", "two"))
	f.must(react(room, 2, 5, "👍", true))
	f.must(react(other, 2, 1, "👍", true))
	for range 2 {
		e := f.at(room, 1)
		if want := []chat.Reaction{{Emoji: "👍", Count: 2}, {Emoji: "❤️", Count: 1}}; !slices.Equal(e.Reactions, want) || e.Rev != newest.Seq || e.Text != "one" {
			t.Errorf("%+v", e)
		}
		if e := f.at(room, 2); e.Emoji != "👍" || !e.On || e.Target != 1 || e.Kind != chat.KindReact {
			t.Errorf("the reaction's entry is %+v", e)
		}
		f.changesNothing(react(room, 1, 1, "👍", true), newest)
		f.changesNothing(react(room, 1, 1, "❤️", false), newest)
		for _, c := range []struct {
			by          byte
			first, last chat.Seq
			want        map[chat.Seq][]string
		}{
			{1, 1, 5, map[chat.Seq][]string{1: {"👍"}}},
			{2, 1, 5, map[chat.Seq][]string{1: {"❤️", "👍"}, 5: {"👍"}}},
			{2, 2, 5, map[chat.Seq][]string{5: {"👍"}}},
			{2, 2, 4, map[chat.Seq][]string{}},
			{3, 0, ^chat.Seq(0), map[chat.Seq][]string{}},
		} {
			if got, err := f.Mine(f.ctx(), room, identity(c.by), c.first, c.last); err != nil || cmp.Diff(c.want, got) != "" {
				t.Errorf("Mine of %d from %d to %d: %v, %v, want %v", c.by, c.first, c.last, got, err, c.want)
			}
		}
		f.reopen(b)
	}
	f.must(react(room, 1, 1, "👍", false))
	last := f.must(react(room, 2, 1, "👍", false))
	if e := f.at(room, 1); !slices.Equal(e.Reactions, []chat.Reaction{{Emoji: "❤️", Count: 1}}) {
		t.Errorf("%+v", e)
	}
	f.changesNothing(react(room, 1, 1, "👍", false), last)
	f.must(react(room, 2, 1, "❤️", false))
	if e := f.at(room, 1); e.Reactions != nil {
		t.Errorf("%+v", e)
	}
}

// Revisions of messages far apart, with others in between, over restarts.
func testRevisions(t *testing.T, b Backend) {
	f := open(t, b)
	room := f.room("room").ID
	f.fill(room, 300)
	want := f.all(room)
	for round := range 3 {
		for i := 0; i < 300; i += 7 {
			seq := chat.Seq(i + 1)
			text := fmt.Sprintf("edited %d in round %d", seq, round)
			a := f.must(edit(room, 1, seq, text))
			want[i].Text, want[i].Edited, want[i].Rev = text, a.At, a.Seq
		}
		f.reopen(b)
		if d := cmp.Diff(want, f.all(room)[:300]); d != "" {
			t.Fatalf("round %d: %s", round, d)
		}
	}
	texts := 0
	for _, e := range f.all(room)[300:] {
		if e.Text != "" {
			texts++
		}
	}
	if texts != 43 {
		t.Errorf("%d edits still have a text, want the 43 that stand", texts)
	}
}

// What is queued together is revised in its order, though nothing of it was there before.
func testRevisedTogether(t *testing.T, b Backend) {
	f := open(t, b)
	room := f.room("room").ID
	drafts := []chat.Draft{
		message(room, 1, "", "one"), edit(room, 1, 1, "two"), react(room, 2, 1, "👍", true), edit(room, 1, 1, "three"),
		react(room, 3, 1, "👍", true), react(room, 3, 1, "👍", true), message(room, 1, "", "other"), revision(chat.KindDelete, room, 1, 6),
		edit(room, 1, 6, "late"), react(room, 2, 1, "👍", false),
	}
	var got []<-chan answer
	for _, d := range drafts {
		got = append(got, f.queue(d))
	}
	wantSeq := []chat.Seq{1, 2, 3, 4, 5, 5, 6, 7, 0, 8}
	for i := range drafts {
		a := f.wait(got[i])
		if a.Seq != wantSeq[i] || (a.err != nil) != (wantSeq[i] == 0) || a.Duplicate != (i == 5) {
			t.Errorf("draft %d: %+v, want seq %d", i, a, wantSeq[i])
		}
	}
	for range 2 {
		log := f.all(room)
		if e := log[0]; e.Text != "three" || e.Rev != 8 || !slices.Equal(e.Reactions, []chat.Reaction{{Emoji: "👍", Count: 1}}) {
			t.Errorf("%+v", e)
		}
		if log[1].Text != "" || log[3].Text != "three" || log[5].Text != "" || log[5].Deleted.IsZero() || log[5].Rev != 7 {
			t.Errorf("%+v", log)
		}
		f.reopen(b)
	}
	// Live, each was as it was made.
	for i, want := range []string{"one", "two", "", "three", "", "other", "", ""} {
		if e := f.committed()[i]; e.Text != want || e.Rev != 0 || e.Reactions != nil || !e.Deleted.IsZero() {
			t.Errorf("live, entry %d was %+v", i+1, e)
		}
	}
}

// A message that was pruned cannot be revised; its revisions that are kept go their own way.
func testPrunedTarget(t *testing.T, b Backend) {
	f := open(t, b)
	room := f.room("room").ID
	f.must(message(room, 1, "", "old"))
	f.must(react(room, 1, 1, "👍", true))
	f.clock.move(time.Hour)
	changed := f.must(edit(room, 1, 1, "new"))
	if n, err := f.Prune(f.ctx(), room, changed.At, 10); err != nil || n != 2 {
		t.Fatal(n, err)
	}
	for range 2 {
		for _, d := range []chat.Draft{edit(room, 1, 1, "newer"), revision(chat.KindDelete, room, 1, 1), react(room, 1, 1, "👍", false), edit(room, 1, 2, "x")} {
			f.noTarget(d)
		}
		if mine, err := f.Mine(f.ctx(), room, identity(1), 0, 9); err != nil || len(mine) > 0 {
			t.Errorf("reactions on what is gone: %v, %v", mine, err)
		}
		if got := f.all(room); len(got) != 1 || got[0].Target != 1 || got[0].Seq != 3 {
			t.Errorf("%+v", got)
		}
		f.reopen(b)
	}
	f.must(message(room, 1, "", "on"))
}

func testHeldCode(t *testing.T, b Backend) {
	f := open(t, b)
	room := f.room("held")
	if err := f.HoldCode(f.ctx(), "held", f.clock.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := f.DeleteRoom(f.ctx(), room.ID); err != nil {
		t.Fatal(err)
	}
	create := func(code string) error {
		_, _, err := f.CreateRoom(f.ctx(), sample(code), "")
		return err
	}
	f.want(chat.Conflict, create("HELD"))
	f.reopen(b)
	f.clock.move(59 * time.Minute)
	if err := f.HoldCode(f.ctx(), "another", f.clock.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	f.want(chat.Conflict, create("held"))
	f.clock.move(2 * time.Minute)
	f.want("", create("held"))
	f.want("", create("another"))
}
