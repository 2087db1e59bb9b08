package gateway_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"snug/internal/wire"
	"snug/socketio/client"
)

// fields are the names that an answer has, without `ok`.
func fields(t *testing.T, raw json.RawMessage) string {
	t.Helper()
	m := decode[map[string]json.RawMessage](t, raw)
	delete(m, "ok")
	return strings.Join(slices.Sorted(maps.Keys(m)), " ")
}

// Every event, as two people use it: what the one is answered and what the
// other hears, field by field.
func TestEveryEvent(t *testing.T) {
	h := open(t, plan{})
	onBothWays(t, h, func(t *testing.T, h *house, way client.Transport) {
		ada, bob := h.connect(way, ""), h.connect(way, "")
		answered := func(r reply, want string) reply {
			t.Helper()
			if got := fields(t, r.raw); got != want {
				t.Errorf("the answer has the fields %q, want %q", got, want)
			}
			return r
		}

		made := answered(ada.must("create", object{"title": "  Tea   time ", "keep": "7d", "id": "c1"}), "info ownerKey room")
		if i := made.Info; i.Title != "Tea time" || i.Keep != "7d" || i.Code != made.Room || i.Count != 0 || i.First != 1 || !timeOfWire.MatchString(i.CreatedAt) {
			t.Errorf("create: %+v", i)
		}
		again := answered(ada.must("create", object{"title": "Another", "id": "c1"}), "duplicate info ownerKey room")
		if !again.Duplicate || again.Room != made.Room || again.Info.Title != "Tea time" {
			t.Errorf("create again: %s", again.raw)
		}
		room := made.Room

		const joinFields = "count entries epoch head info members more read room unread you"
		a := answered(ada.must("join", object{"room": strings.ToLower(room), "name": " Ada "}), joinFields)
		if a.Room != room || a.You.Name != "Ada" || a.You.Role != "owner" || a.You.State != "here" || a.Count != 1 || a.You.Color > 15 {
			t.Errorf("join: %s", a.raw)
		}
		b := answered(bob.must("join", object{"room": room, "name": "Bob"}), joinFields)
		if b.You.Role != "member" || b.Count != 2 || len(b.Members) != 2 || b.Info.Count != 2 || b.You.Color == a.You.Color {
			t.Errorf("join: %s", b.raw)
		}
		came := decode[wire.Presence](t, ada.hear("presence", nil).body)
		if len(came.Joined) != 1 || came.Joined[0] != b.You || came.Count != 2 || came.Room != room || !timeOfWire.MatchString(came.At) {
			t.Errorf("presence: %+v", came)
		}

		sent := answered(ada.must("send", object{"room": room, "text": "Tea & <scones>?", "id": "m1"}), "at seq")
		said := bob.hear("message", nil).body
		want := fmt.Sprintf(`{"room":%q,"seq":1,"kind":"message","at":%q,"from":{"id":%q,"name":"Ada","color":%d},"id":"m1","text":"Tea & <scones>?"}`,
			room, sent.At, a.You.ID, a.You.Color)
		if string(said) != want {
			t.Errorf("heard %s\nwant  %s", said, want)
		}
		if own := ada.hear("message", nil).body; !bytes.Equal(own, said) {
			t.Errorf("the author heard %s", own)
		}
		if dup := answered(ada.must("send", object{"room": room, "text": "else", "id": "m1"}), "at duplicate seq"); dup.Seq != 1 || dup.At != sent.At {
			t.Errorf("send again: %s", dup.raw)
		}
		bob.must("send", object{"room": room, "text": "Yes", "replyTo": 1, "epoch": made.Info.Epoch})
		if e := decode[wire.Entry](t, ada.hear("message", nil).body); e.ReplyTo != 1 || e.Seq != 2 || e.ID != "" || e.From.ID != b.You.ID {
			t.Errorf("the reply: %+v", e)
		}

		answered(bob.must("typing", object{"room": room}), "")
		if e := decode[wire.Typing](t, ada.hearTyping(bob, room)); e != (wire.Typing{Room: room, ID: b.You.ID, Name: "Bob"}) {
			t.Errorf("typing: %+v", e)
		}

		renamed := answered(bob.must("rename", object{"room": room, "name": "Rob"}), "you")
		if want := b.You; renamed.You.Name != "Rob" || renamed.You.ID != want.ID || renamed.You.Color != want.Color {
			t.Errorf("rename: %s", renamed.raw)
		}
		if e := decode[wire.Entry](t, ada.hear("entry", nil).body); e.Kind != "name" || e.Was != "Bob" || e.From.Name != "Rob" || e.Seq != 3 {
			t.Errorf("entry: %+v", e)
		}

		answered(bob.must("read", object{"room": room, "seq": 2}), "")
		page := answered(bob.must("history", object{"room": room}), "entries epoch head more")
		if len(page.Entries) != 3 || page.Head != 3 || page.More || page.Epoch != made.Info.Epoch {
			t.Errorf("history: %s", page.raw)
		}
		if raw := decode[struct{ Entries []json.RawMessage }](t, page.raw); !bytes.Equal(raw.Entries[0], said) {
			t.Errorf("in the page  %s\nlive it was %s", raw.Entries[0], said)
		}
		after := bob.must("history", object{"room": room, "after": object{"epoch": page.Epoch, "seq": 2}})
		if len(after.Entries) != 1 || after.Entries[0].Kind != "name" {
			t.Errorf("history after: %s", after.raw)
		}
		stale := answered(bob.must("history", object{"room": room, "after": object{"epoch": "another", "seq": 2}}), "entries epoch head more reset")
		if !stale.Reset || len(stale.Entries) != 3 {
			t.Errorf("history after a cursor of another epoch: %s", stale.raw)
		}
		list := answered(bob.must("members", object{"room": room, "limit": 1}), "count members more")
		rest := bob.must("members", object{"room": room, "limit": 1, "after": list.Members[0].ID})
		if list.Count != 2 || !list.More || rest.More || len(rest.Members) != 1 || rest.Members[0].ID <= list.Members[0].ID {
			t.Errorf("members: %s, then %s", list.raw, rest.raw)
		}

		answered(bob.must("leave", object{"room": room}), "")
		gone := decode[wire.Presence](t, ada.hear("presence", left(b.You.ID)).body)
		if gone.Count != 1 || len(gone.Left) != 1 || gone.Left[0].Reason != "left" {
			t.Errorf("presence: %+v", gone)
		}
		back := bob.must("join", object{"room": room, "name": "Rob"})
		if back.Read != 2 || back.You.ID != b.You.ID || back.You.Color != b.You.Color {
			t.Errorf("back again: %s", back.raw)
		}
	})
}

// Several connections of one identity are one member: each hears all, typing
// is not shown to oneself, a read mark is, and the last to leave is the one that counts.
func TestTwoTabs(t *testing.T) {
	h := open(t, plan{})
	onBothWays(t, h, func(t *testing.T, h *house, way client.Transport) {
		ada := h.connect(way, "")
		room := ada.room("Ada")
		tab := h.connect(way, ada.welcome.Token)
		bob := h.connect(way, "")
		you := tab.must("join", object{"room": room, "name": "Somebody"})
		if you.Count != 1 || you.You.Name != "Ada" || you.You.Role != "owner" {
			t.Errorf("in another tab: %s", you.raw)
		}
		bob.must("join", object{"room": room, "name": "Bob"})

		bob.hearTyping(ada, room)
		tab.must("read", object{"room": room, "seq": 0})
		bob.must("send", object{"room": room, "text": "hello"})
		ada.must("read", object{"room": room, "seq": 1})
		if me := decode[wire.Me](t, tab.hear("me", nil).body); me.Room != room || me.Read == nil || *me.Read != 1 || me.You != nil {
			t.Errorf("me: %+v", me)
		}
		if n := len(ada.all("typing")) + len(tab.all("typing")); n != 0 {
			t.Errorf("a person was shown %d times that it is typing itself", n)
		}
		if n := len(bob.all("me")); n != 0 {
			t.Errorf("another was shown a read mark")
		}

		ada.must("leave", object{"room": room})
		bob.must("send", object{"room": room, "text": "still there?"})
		tab.hear("message", func(raw json.RawMessage) bool { return strings.Contains(string(raw), "still there?") })
		ada.sync()
		if n := len(ada.all("message")); n != 1 {
			t.Errorf("the tab that left heard %d messages", n)
		}
		ada.must("send", object{"room": room, "text": "I may speak: the membership is mine"})
		if n := len(bob.all("presence")); n != 0 {
			t.Errorf("a tab that left made %d noises", n)
		}
		ada.must("leave", object{"room": room, "all": true})
		if gone := decode[wire.Removed](t, tab.hear("removed", nil).body); gone != (wire.Removed{Room: room, Reason: "left"}) {
			t.Errorf("removed: %+v", gone)
		}
		bob.hear("presence", left(you.You.ID))
		ada.refused("not_member", "send", object{"room": room, "text": "x"})
	})
}

// A room hears nothing of another.
func TestRoomsAreApart(t *testing.T) {
	h := open(t, plan{})
	onBothWays(t, h, func(t *testing.T, h *house, way client.Transport) {
		ada, bob, carl := h.connect(way, ""), h.connect(way, ""), h.connect(way, "")
		one, two := ada.room("Ada"), bob.room("Bob")
		you := carl.must("join", object{"room": one, "name": "Carl"}).You
		carl.must("send", object{"room": one, "text": "in one"})
		carl.must("typing", object{"room": one})
		carl.must("rename", object{"room": one, "name": "Carlo"})
		carl.must("leave", object{"room": one})
		ada.hear("presence", left(you.ID))
		bob.must("send", object{"room": two, "text": "in two"})
		bob.hear("message", nil)
		bob.sync()
		bob.mu.Lock()
		defer bob.mu.Unlock()
		if len(bob.told) != 2 { // welcome, and its own message
			t.Errorf("told: %s", bob.told)
		}
	})
}

// hearTyping lets another type until p has heard of it: who is between two
// polls just then is not told.
func (p *person) hearTyping(other *person, room string) json.RawMessage {
	p.t.Helper()
	for range 5 {
		other.must("typing", object{"room": room})
		for range 22 { // at most every 2 s a person
			if e, ok := p.next("typing", nil); ok {
				return e.body
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
	p.t.Fatal("nobody is ever shown to type")
	return nil
}
