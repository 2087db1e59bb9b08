package gateway_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"snug/internal/chat"
	"snug/internal/wire"
	"snug/socketio/client"
)

// deed matches an entry that tells of a deed.
func deed(t *testing.T, what string) func(json.RawMessage) bool {
	return func(raw json.RawMessage) bool {
		e := decode[wire.Entry](t, raw)
		return e.Kind == "moderation" && e.Deed == what
	}
}

// Who is put out is out on every connection and over either transport: it is
// told so, hears nothing after that, and does not come back by connecting anew.
func TestOutOnEveryConnection(t *testing.T) {
	h := open(t, plan{})
	onBothWays(t, h, func(t *testing.T, h *house, way client.Transport) {
		for _, what := range []string{"kick", "ban"} {
			ada, bob := h.connect(way, ""), h.connect(way, "")
			room := ada.room("Ada")
			bob.must("join", object{"room": room, "name": "Bob"})
			tab := h.connect(client.WebSocket, bob.welcome.Token)
			you := tab.must("join", object{"room": room, "name": "Bob"}).You
			ada.must(what, object{"room": room, "member": you.ID, "seconds": 600, "reason": " go  away "})
			ada.must("send", object{"room": room, "text": "they are gone"})
			for _, p := range []*person{bob, tab} {
				r := decode[wire.Removed](t, p.hear("removed", nil).body)
				if r.Room != room || !strings.HasPrefix(r.Reason, what) || r.Note != "go away" || !timeOfWire.MatchString(string(r.Until)) {
					t.Errorf("%s: told %+v", what, r)
				}
				p.sync()
				if heard := p.all("message"); len(heard) != 0 {
					t.Errorf("%s: heard %s behind it", what, heard)
				}
				p.refused(chat.NotMember, "send", object{"room": room, "text": "?"})
				p.refused(chat.NotMember, "history", object{"room": room})
			}
			e := decode[wire.Entry](t, ada.hear("entry", deed(t, what)).body)
			if e.Member == nil || e.Member.ID != you.ID || e.Reason != "go away" || e.From.Name != "Ada" {
				t.Errorf("the audit line: %+v", e)
			}
			gone := decode[wire.Presence](t, ada.hear("presence", left(you.ID)).body)
			if !strings.HasPrefix(gone.Left[0].Reason, what) || gone.Count != 1 {
				t.Errorf("presence: %+v", gone)
			}
			again := h.connect(way, bob.welcome.Token)
			f := again.refused(chat.Banned, "join", object{"room": room, "name": "Bob"})
			if !f.Retry || f.RetryAfter < 500 || f.RetryAfter > 600 {
				t.Errorf("%s: refused with %+v", what, f)
			}
			stranger := h.connect(way, "")
			if what == "ban" {
				stranger.refused(chat.Banned, "join", object{"room": room, "name": "Robert"})
				ada.must("ban", object{"room": room, "member": you.ID, "seconds": 0})
				again.must("join", object{"room": room, "name": "Bob"})
			}
			stranger.must("join", object{"room": room, "name": "Robert"})
		}
	})
}

// A right that is given or taken holds at once, and all of the member's
// connections are told; so is a mute.
func TestRolesAndMutesAreTold(t *testing.T) {
	h := open(t, plan{})
	onBothWays(t, h, func(t *testing.T, h *house, way client.Transport) {
		ada, bob, cat := h.connect(way, ""), h.connect(way, ""), h.connect(way, "")
		room := ada.room("Ada")
		you := bob.must("join", object{"room": room, "name": "Bob"}).You
		tab := h.connect(way, bob.welcome.Token)
		tab.must("join", object{"room": room, "name": "Bob"})
		third := cat.must("join", object{"room": room, "name": "Cat"}).You

		bob.refused(chat.Forbidden, "mute", object{"room": room, "member": third.ID})
		ada.must("role", object{"room": room, "member": you.ID, "role": "moderator"})
		for _, p := range []*person{bob, tab} {
			if me := decode[wire.Me](t, p.hear("me", nil).body); me.You == nil || me.You.Role != "moderator" {
				t.Errorf("told %+v", me)
			}
		}
		bob.must("mute", object{"room": room, "member": third.ID, "seconds": 60})
		if me := decode[wire.Me](t, cat.hear("me", nil).body); me.Room != room || !timeOfWire.MatchString(string(me.MutedUntil)) {
			t.Errorf("told %+v", me)
		}
		if f := cat.refused(chat.Muted, "send", object{"room": room, "text": "!"}); !f.Retry || f.RetryAfter < 1 || f.RetryAfter > 60 {
			t.Errorf("refused with %+v", f)
		}
		list := decode[wire.MembersReply](t, tab.must("members", object{"room": room, "only": "muted"}).raw)
		if len(list.Members) != 1 || list.Members[0].ID != third.ID || list.Members[0].Until == "" || list.Count != 1 {
			t.Errorf("the muted: %+v", list)
		}
		ada.must("role", object{"room": room, "member": you.ID, "role": "member"})
		tab.refused(chat.Forbidden, "mute", object{"room": room, "member": third.ID, "seconds": 0})
		ada.must("mute", object{"room": room, "member": third.ID, "seconds": 0})
		cat.must("send", object{"room": room, "text": "!"})
	})
}

// A clear takes the texts off everybody's screen, message by message.
func TestClearIsHeard(t *testing.T) {
	h := open(t, plan{})
	onBothWays(t, h, func(t *testing.T, h *house, way client.Transport) {
		ada, bob := h.connect(way, ""), h.connect(way, "")
		room := ada.room("Ada")
		you := bob.must("join", object{"room": room, "name": "Bob"}).You
		for range 3 {
			bob.must("send", object{"room": room, "text": "rubbish"})
		}
		if got := decode[wire.ClearReply](t, ada.must("clear", object{"room": room, "member": you.ID}).raw); got.Count != 3 {
			t.Errorf("cleared %d", got.Count)
		}
		if e := decode[wire.Entry](t, bob.hear("entry", deed(t, "clear")).body); e.Count != 3 || e.Seq != 7 || e.Member.ID != you.ID {
			t.Errorf("the audit line: %+v", e)
		}
		var targets []uint32
		for _, raw := range bob.all("entry") {
			if e := decode[wire.Entry](t, raw); e.Kind == "delete" {
				targets = append(targets, e.Target)
			}
		}
		if len(targets) != 3 || targets[0] != 1 || targets[2] != 3 {
			t.Errorf("deleted %d", targets)
		}
		for _, e := range bob.must("history", object{"room": room}).Entries {
			if e.Kind == "message" && (e.Text != "" || e.Deleted == "") {
				t.Errorf("still there: %+v", e)
			}
		}
	})
}

// An identity moves to another device by its code, once; the token is in no
// frame but the new device's own, and in no log.
func TestMove(t *testing.T) {
	h := open(t, plan{})
	onBothWays(t, h, func(t *testing.T, h *house, way client.Transport) {
		ada := h.connect(way, "")
		room := ada.room("Ada")
		got := decode[wire.MoveReply](t, ada.must("move", object{}).raw)
		if !timeOfWire.MatchString(string(got.Expires)) {
			t.Errorf("expires %q", got.Expires)
		}
		by := func(auth any) (*person, error) { return h.dial(way, func() any { return auth }) }
		phone, err := by(object{"move": strings.ToLower(got.Code), "token": "whatever"})
		if err != nil {
			t.Fatal(err)
		}
		welcome := decode[wire.Welcome](t, phone.hear("welcome", nil).body)
		if welcome.Token != ada.welcome.Token {
			t.Errorf("welcomed with another token")
		}
		if j := phone.must("join", object{"room": room, "name": "Someone"}); j.You.Name != "Ada" || j.You.Role != "owner" || j.Count != 1 {
			t.Errorf("joined as %+v of %d", j.You, j.Count)
		}
		for what, auth := range map[string]any{
			"used": object{"move": got.Code}, "wrong": object{"move": "AAAA-AAAA-AAAA"}, "empty": object{"move": ""}, "null": object{"move": nil},
			"a number": object{"move": 7}, "a token": object{"move": ada.welcome.Token}, "with a good token": object{"move": "x", "token": ada.welcome.Token},
		} {
			_, err := by(auth)
			refusal, ok := errors.AsType[*client.ConnectError](err)
			if !ok || string(refusal.Data) != `{"code":"unauthorized"}` {
				t.Errorf("%s: %v", what, err)
			}
		}
		if log := h.log.String(); strings.Contains(log, got.Code) || strings.Contains(log, welcome.Token) {
			t.Error("a secret is in the log")
		}
	})
}

// Codes of move are guessed no faster than others.
func TestMoveGuesses(t *testing.T) {
	h := open(t, plan{rates: true})
	right := decode[wire.MoveReply](t, h.connect(client.WebSocket, "").must("move", object{}).raw).Code
	var refusal *client.ConnectError
	for range chat.DefaultLimits().GuessRate.Burst + 1 {
		_, err := h.dial(client.WebSocket, func() any { return object{"move": "AAAA-AAAA-AAAA"} })
		var ok bool
		if refusal, ok = errors.AsType[*client.ConnectError](err); !ok {
			t.Fatal(err)
		}
	}
	var data wire.Failure
	if err := json.Unmarshal(refusal.Data, &data); err != nil || data.Code != "rate_limited" || !data.Retry || data.RetryAfter <= 0 {
		t.Errorf("refused with %s", refusal.Data)
	}
	if _, err := h.dial(client.WebSocket, func() any { return object{"move": right} }); err == nil {
		t.Error("the right code is let in all the same")
	}
}
