package gateway_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"snug/internal/wire"
	"snug/socketio/client"
)

// How soon others are told that somebody goes ("Presence"). The machine may be
// busy: the best of three goings must keep the time, and none may come too early.
func TestGoingIsTold(t *testing.T) {
	h := open(t, plan{})
	for name, c := range map[string]struct {
		leave  func(p *person, room string)
		reason string
		from   time.Duration
		until  time.Duration
	}{
		"leave":   {func(p *person, room string) { p.must("leave", object{"room": room}) }, "left", 0, 250 * time.Millisecond},
		"goodbye": {func(p *person, _ string) { _ = p.c.Close() }, "disconnected", 0, 250 * time.Millisecond},
		"close":   {func(p *person, _ string) { p.c.Abort() }, "disconnected", 1400 * time.Millisecond, 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			onBothWays(t, h, func(t *testing.T, h *house, way client.Transport) {
				ada, eve := h.connect(way, ""), h.connect(way, "")
				room, elsewhere := ada.room("Ada"), eve.room("Eve")
				best := time.Hour
				for i := range 3 {
					bob := h.connect(way, "")
					you := bob.must("join", object{"room": room, "name": fmt.Sprint("Bob ", i)}).You
					tab := h.connect(way, bob.welcome.Token)
					tab.must("join", object{"room": room, "name": "Bob"})
					tab.must("leave", object{"room": room}) // another tab's going is no going
					if way == client.Polling {
						time.Sleep(100 * time.Millisecond) // a poll waits again: between two, nothing is there to close
					}
					start := time.Now()
					c.leave(bob, room)
					told := ada.hear("presence", left(you.ID))
					if d := decode[wire.Presence](t, told.body).Left[0]; d.Reason != c.reason {
						t.Errorf("the reason is %q, want %q", d.Reason, c.reason)
					}
					took := told.at.Sub(start)
					if took < c.from {
						t.Errorf("told after %v", took)
					}
					best = min(best, took)
				}
				if best > c.until {
					t.Errorf("told after %v, want at most %v", best, c.until)
				}
				eve.sync()
				if n := len(eve.all("presence")); n != 0 {
					t.Errorf("another room (%s) was told %d times", elsewhere, n)
				}
			})
		})
	}
}

// A reload of the page, and one of two tabs closing, make no sound.
func TestReloadIsSilent(t *testing.T) {
	h := open(t, plan{})
	onBothWays(t, h, func(t *testing.T, h *house, way client.Transport) {
		ada, bob := h.connect(way, ""), h.connect(way, "")
		room := ada.room("Ada")
		first := bob.must("join", object{"room": room, "name": "Bob"})
		ada.hear("presence", joined(first.You.ID))

		bob.c.Abort()
		again := h.connect(way, bob.welcome.Token)
		back := again.must("join", object{"room": room, "name": "Bob", "after": object{"epoch": first.Epoch, "seq": first.Head}})
		if back.You != first.You || back.Reset || back.Count != 2 {
			t.Errorf("after the reload: %s", back.raw)
		}
		tab := h.connect(way, bob.welcome.Token)
		tab.must("join", object{"room": room, "name": "Bob"})
		_ = again.c.Close()
		time.Sleep(2 * time.Second) // the grace of a reload, and some
		ada.sync()
		if told := ada.all("presence"); len(told) != 1 {
			t.Errorf("told: %s", told)
		}
	})
}

// What was sent before a client hung up is done.
func TestSendAndHangUp(t *testing.T) {
	h := open(t, plan{})
	onBothWays(t, h, func(t *testing.T, h *house, way client.Transport) {
		ada, eve, bob := h.connect(way, ""), h.connect(way, ""), h.connect(way, "")
		room := ada.room("Ada")
		eve.must("join", object{"room": room, "name": "Eve"})
		for _, e := range []struct {
			event string
			body  object
		}{
			{"join", object{"room": room, "name": "Bob"}}, {"send", object{"room": room, "text": "here and gone"}}, {"leave", object{"room": room}},
		} {
			if err := bob.c.Emit(e.event, e.body); err != nil {
				t.Fatal(err)
			}
		}
		_ = bob.c.Close()
		said := ada.hear("message", nil)
		if !strings.Contains(string(said.body), "here and gone") {
			t.Errorf("heard %s", said.body)
		}
		gone := eve.hear("presence", presence(func(p wire.Presence) bool { return len(p.Left) > 0 }))
		if d := decode[wire.Presence](t, gone.body).Left[0]; d.Reason != "left" {
			t.Errorf("went: %s", gone.body)
		}
	})
}

// Room, members' names, colors and roles, the log and its cursors survive a
// restart; a member who was here comes back without a sound.
func TestRestart(t *testing.T) {
	h := open(t, plan{})
	ada, bob := h.connect(client.WebSocket, ""), h.connect(client.Polling, "")
	made := ada.must("create", object{"code": "the-den", "title": "Den"})
	a := ada.must("join", object{"room": "the-den", "name": "Ada"})
	b := bob.must("join", object{"room": "the-den", "name": "Bob"})
	for i := range 3 {
		ada.must("send", object{"room": "the-den", "text": fmt.Sprint(i), "id": fmt.Sprint("m", i)})
	}
	bob.hearAll(3)
	h.stop()

	h = open(t, plan{path: h.path})
	ada, bob = h.connect(client.Polling, ada.welcome.Token), h.connect(client.WebSocket, bob.welcome.Token)
	again := ada.must("join", object{"room": "THE-DEN", "name": "Ada", "after": object{"epoch": a.Epoch, "seq": 1}})
	if again.You != a.You || again.You.Role != "owner" || again.Info.Title != "Den" || again.Epoch != made.Info.Epoch || again.Reset {
		t.Errorf("after the restart: %s", again.raw)
	}
	if len(again.Entries) != 2 || again.Entries[0].Text != "1" || again.Head != 3 {
		t.Errorf("missed: %s", again.raw)
	}
	back := bob.must("join", object{"room": "the-den", "name": "Bob", "after": object{"epoch": b.Epoch, "seq": 3}})
	if back.You != b.You || len(back.Entries) != 0 {
		t.Errorf("after the restart: %s", back.raw)
	}
	if r := ada.must("send", object{"room": "the-den", "text": "again", "id": "m1"}); !r.Duplicate || r.Seq != 2 {
		t.Errorf("a retry over the restart: %s", r.raw)
	}
	bob.must("send", object{"room": "the-den", "text": "next"})
	if e := decode[wire.Entry](t, ada.hear("message", nil).body); e.Seq != 4 {
		t.Errorf("the next entry: %+v", e)
	}
	for _, told := range ada.all("presence") {
		if p := decode[wire.Presence](t, told); len(p.Joined)+len(p.Left) > 0 {
			t.Errorf("told: %s", told)
		}
	}
}
