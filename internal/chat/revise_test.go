package chat_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"snug/internal/chat"
)

// An outcome is what became of a request that is answered at its commit.
type outcome struct {
	chat.Appended
	err error
}

// edit edits, and waits for the answer.
func (p *person) edit(r chat.EditRequest) (chat.Appended, error) {
	done := make(chan outcome, 2)
	p.svc.Edit(context.Background(), p.conn, r, func(a chat.Appended, err error) { done <- outcome{a, err} })
	got := <-done
	return got.Appended, got.err
}

// del deletes, and waits for the answer.
func (p *person) del(r chat.DeleteRequest) (chat.Appended, error) {
	done := make(chan outcome, 2)
	p.svc.Delete(context.Background(), p.conn, r, func(a chat.Appended, err error) { done <- outcome{a, err} })
	got := <-done
	return got.Appended, got.err
}

// react reacts, and waits for the answer.
func (p *person) react(room string, seq chat.Seq, emoji string, on bool) (chat.Appended, error) {
	done := make(chan outcome, 2)
	p.svc.React(context.Background(), p.conn, chat.ReactRequest{Room: room, Seq: seq, Emoji: emoji, On: on}, func(a chat.Appended, err error) { done <- outcome{a, err} })
	got := <-done
	return got.Appended, got.err
}

// history reads the newest talk.
func (p *person) history(r chat.HistoryRequest) chat.History {
	p.t.Helper()
	page, err := p.svc.History(context.Background(), p.conn, r)
	if err != nil {
		p.t.Fatal(err)
	}
	return page
}

// promote has the person join and leave, and gives it a role for the next time.
func (p *person) promote(room string, role chat.Role) {
	p.t.Helper()
	r, err := p.store.Room(context.Background(), room)
	if err != nil {
		p.t.Fatal(err)
	}
	p.join(room)
	if err := p.leave(room, true); err != nil {
		p.t.Fatal(err)
	}
	m, _, err := p.store.Membership(context.Background(), r.ID, p.id)
	if err != nil {
		p.t.Fatal(err)
	}
	m.Role = role
	if err := p.store.SaveMembership(context.Background(), m, time.Time{}); err != nil {
		p.t.Fatal(err)
	}
}

func TestRevisionsAreHeardInOrder(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada, bob := h.newcomer("Ada"), h.newcomer("Bob")
		room := ada.room()
		ada.join(room)
		bob.join(room)
		ada.say(room, "helo")
		forget(ada, bob)
		if a, err := ada.edit(chat.EditRequest{Room: room, Seq: 1, Text: "hello"}); err != nil || a.Seq != 2 {
			t.Fatal(a, err)
		}
		if a, err := bob.react(room, 1, "👍", true); err != nil || a.Seq != 3 {
			t.Fatal(a, err)
		}
		if a, err := bob.react(room, 1, "👍", true); err != nil || a.Seq != 3 || !a.Duplicate {
			t.Fatal(a, err)
		}
		bob.say(room, "hi")
		if a, err := ada.del(chat.DeleteRequest{Room: room, Seq: 1}); err != nil || a.Seq != 5 {
			t.Fatal(a, err)
		}
		want := []string{"2 Ada edits 1: hello", "3 Bob reacts to 1: 👍 true", "4 Bob: hi", "5 Ada deletes 1"}
		ada.hears(want...)
		bob.hears(want...)
		if got := bob.history(chat.HistoryRequest{Room: room}); len(got.Page.Entries) != 2 || got.Page.Entries[0].Deleted.IsZero() || got.Page.Entries[0].Text != "" {
			t.Errorf("%+v", got.Page.Entries)
		}
	})
}

func TestWhoMayRevise(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada, bob, mod := h.newcomer("Ada"), h.newcomer("Bob"), h.newcomer("Max")
		room := ada.room()
		mod.promote(room, chat.RoleModerator)
		ada.join(room)
		bob.join(room)
		mod.join(room)
		ada.say(room, "Ada's")
		bob.say(room, "Bob's")
		bob.say(room, "Bob's too")
		for _, c := range []struct {
			by       *person
			seq      chat.Seq
			mayEdit  bool
			mayErase bool
		}{{ada, 1, true, true}, {bob, 1, false, false}, {mod, 1, false, true}, {ada, 2, false, true}, {bob, 2, true, true}, {mod, 2, false, true}} {
			_, err := c.by.edit(chat.EditRequest{Room: room, Seq: c.seq, Text: "by " + c.by.name})
			if c.mayEdit != (err == nil) || err != nil && chat.CodeOf(err) != chat.Forbidden {
				t.Errorf("%s edits %d: %v", c.by.name, c.seq, err)
			}
		}
		_, err := bob.del(chat.DeleteRequest{Room: room, Seq: 1})
		wantCode(t, err, chat.Forbidden, "seq")
		if _, err := mod.del(chat.DeleteRequest{Room: room, Seq: 1}); err != nil {
			t.Errorf("a moderator deletes the owner's: %v", err)
		}

		// One's own as long as the limit says, to the second.
		limit := time.Duration(chat.DefaultLimits().EditSeconds) * time.Second
		sleep(limit)
		if _, err := bob.edit(chat.EditRequest{Room: room, Seq: 2, Text: "in time"}); err != nil {
			t.Errorf("at the limit: %v", err)
		}
		sleep(time.Second)
		_, err = bob.edit(chat.EditRequest{Room: room, Seq: 2, Text: "too late"})
		if e := wantCode(t, err, chat.Forbidden, "seq"); e.Limit != 86400 {
			t.Errorf("limit %d", e.Limit)
		}
		_, err = bob.del(chat.DeleteRequest{Room: room, Seq: 2})
		wantCode(t, err, chat.Forbidden, "seq")
		if _, err := bob.react(room, 2, "👍", true); err != nil {
			t.Errorf("a reaction to an old message: %v", err)
		}
		if _, err := ada.del(chat.DeleteRequest{Room: room, Seq: 3}); err != nil {
			t.Errorf("an owner deletes an old message: %v", err)
		}
		// Who left may nothing.
		if err := bob.leave(room, true); err != nil {
			t.Fatal(err)
		}
		_, err = bob.react(room, 2, "👍", false)
		wantCode(t, err, chat.NotMember, "room")
	})
}

func TestTargetsThatExpired(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada := h.newcomer("Ada")
		week := chat.Keep(7)
		room := ada.create(chat.CreateRequest{Keep: &week}).Info.Code
		ada.join(room)
		ada.say(room, "old")
		if _, err := ada.react(room, 1, "👍", true); err != nil {
			t.Fatal(err)
		}
		done := make(chan outcome, 1)
		again := func() outcome {
			ada.svc.Edit(context.Background(), ada.conn, chat.EditRequest{Room: room, Seq: 1, Text: "new", ID: "edit"}, func(a chat.Appended, err error) { done <- outcome{a, err} })
			return <-done
		}
		sleep(23 * time.Hour)
		if got := again(); got.err != nil || got.Seq != 3 || got.Duplicate {
			t.Fatal(got)
		}
		sleep(6*day + 3*time.Hour) // the message is gone, its edit is not
		for name, err := range map[string]error{
			"react":  func() error { _, err := ada.react(room, 1, "🎉", true); return err }(),
			"delete": func() error { _, err := ada.del(chat.DeleteRequest{Room: room, Seq: 1}); return err }(),
		} {
			if e := wantCode(t, err, chat.NotFound, "seq"); e.Message == "" {
				t.Errorf("%s: %v", name, err)
			}
		}
		if got := again(); got.err != nil || got.Seq != 3 || !got.Duplicate {
			t.Errorf("a retry of the edit: %+v, %v", got.Appended, got.err)
		}
		// A cursor from before what is kept starts over; one at its edge does not.
		epoch := ada.history(chat.HistoryRequest{Room: room}).Epoch
		if got := ada.history(chat.HistoryRequest{Room: room, After: &chat.Cursor{Epoch: epoch, Seq: 1}}); !got.Reset || len(got.Page.Entries) != 0 || got.Page.Head != 3 {
			t.Errorf("a cursor too old: %+v", got)
		}
		if got := ada.history(chat.HistoryRequest{Room: room, After: &chat.Cursor{Epoch: epoch, Seq: 2}}); got.Reset || !slices.Equal(seqs(got.Page.Entries), []chat.Seq{3}) {
			t.Errorf("a cursor at the edge: %+v", got)
		}
		ada.say(room, "on") // the room is alive
	})
}

// Everyone sees its own reactions beside the counts, on each way to a page.
func TestOwnReactionsInPages(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada, bob := h.newcomer("Ada"), h.newcomer("Bob")
		room := ada.room()
		epoch := ada.join(room).Info.Epoch
		bob.join(room)
		for i := range 10 {
			ada.say(room, fmt.Sprint("word ", i+1))
		}
		for _, r := range []struct {
			by    *person
			seq   chat.Seq
			emoji string
		}{{ada, 2, "👍"}, {bob, 2, "👍"}, {bob, 2, "🎉"}, {ada, 9, "👀"}, {bob, 10, "👍"}} {
			if _, err := r.by.react(room, r.seq, r.emoji, true); err != nil {
				t.Fatal(err)
			}
		}
		check := func(what string, got, want map[chat.Seq][]string) {
			t.Helper()
			if !maps.EqualFunc(got, want, slices.Equal) {
				t.Errorf("%s: %v, want %v", what, got, want)
			}
		}
		check("Ada's history", ada.history(chat.HistoryRequest{Room: room}).Mine, map[chat.Seq][]string{2: {"👍"}, 9: {"👀"}})
		check("Bob's history", bob.history(chat.HistoryRequest{Room: room}).Mine, map[chat.Seq][]string{2: {"🎉", "👍"}, 10: {"👍"}})
		check("a part of it", bob.history(chat.HistoryRequest{Room: room, Before: 10, Limit: 3}).Mine, nil)
		check("around", bob.history(chat.HistoryRequest{Room: room, Around: 2, Limit: 2}).Mine, map[chat.Seq][]string{2: {"🎉", "👍"}})
		check("the log", ada.history(chat.HistoryRequest{Room: room, After: &chat.Cursor{Epoch: epoch, Seq: 3}}).Mine, map[chat.Seq][]string{9: {"👀"}})
		check("a join", bob.join(room).Mine, map[chat.Seq][]string{2: {"🎉", "👍"}, 10: {"👍"}})
		found, err := bob.svc.Search(context.Background(), bob.conn, chat.SearchRequest{Room: room, Query: "word"})
		if err != nil {
			t.Fatal(err)
		}
		check("a search", found.Mine, map[chat.Seq][]string{2: {"🎉", "👍"}, 10: {"👍"}})
	})
}

// Pages end where they are large, reactions and all counted: what goes over the
// wire stays below the bound of a frame.
func TestPagesWithReactionsAreBounded(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada := h.newcomer("Ada")
		room := ada.room()
		epoch := ada.join(room).Info.Epoch
		const messages = 60
		text := string(slices.Repeat([]byte("x"), 3900))
		for range messages {
			ada.say(room, text)
		}
		for seq := chat.Seq(1); seq <= messages; seq++ {
			for i := range rune(20) {
				if _, err := ada.react(room, seq, string(0x1F600+i), true); err != nil {
					t.Fatal(err)
				}
			}
		}
		most := chat.DefaultLimits().PageBytes
		for _, r := range []chat.HistoryRequest{{Room: room, Limit: 200}, {Room: room, Around: 30, Limit: 200}, {Room: room, After: &chat.Cursor{Epoch: epoch}, Limit: 1000}} {
			got := ada.history(r)
			size := 0
			for i := range got.Page.Entries {
				size += got.Page.Entries[i].Size()
			}
			if size > most || size < most/2 || !got.Page.More && r.Around == 0 || len(got.Page.Entries) >= messages {
				t.Errorf("%+v: %d entries, %d bytes, more %t", r, len(got.Page.Entries), size, got.Page.More)
			}
		}
	})
}
