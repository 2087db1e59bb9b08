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

func TestWelcome(t *testing.T) {
	h := open(t, plan{})
	onBothWays(t, h, func(t *testing.T, h *house, way client.Transport) {
		ada := h.connect(way, "")
		got := ada.welcome
		if !timeOfWire.MatchString(got.Server.Time) {
			t.Errorf("time %q", got.Server.Time)
		}
		got.Server.Time = ""
		if _, ok := h.keys.Verify(got.Token); !ok {
			t.Errorf("token %q is none", got.Token)
		}
		token := got.Token
		got.Token = ""
		want := wire.Welcome{
			Protocol: 1, Features: []string{"edit", "delete", "react", "search", "read", "typing", "set", "destroy", "kick", "ban", "mute", "clear", "role", "move"}, Server: wire.Server{Name: "Snug", Version: "v-test"},
			Limits: wire.NewLimits(chat.DefaultLimits()),
		}
		if g, w := text(t, got), text(t, want); g != w {
			t.Errorf("welcome %s\nwant %s", g, w)
		}
		if again := h.connect(way, token); again.welcome.Token != token {
			t.Error("a client that brings its token gets another")
		}
		if other := h.connect(way, ""); other.welcome.Token == token {
			t.Error("two newcomers have one token")
		}
	})
}

func text(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A token that is none of ours is refused in a way that stock clients take as
// final ("Connecting").
func TestUnauthorized(t *testing.T) {
	h := open(t, plan{})
	good, _ := h.keys.Mint()
	foreign, _ := chat.NewKeyring([32]byte{7}).Mint()
	onBothWays(t, h, func(t *testing.T, h *house, way client.Transport) {
		for what, auth := range map[string]any{
			"a forged token":               object{"token": foreign},
			"one that was tampered with":   object{"token": strings.ToUpper(good)},
			"one cut short":                object{"token": good[:len(good)-1]},
			"an empty one":                 object{"token": ""},
			"null":                         object{"token": nil},
			"a number":                     object{"token": 7},
			"a list":                       object{"token": []string{good}},
			"an object":                    object{"token": object{"token": good}},
			"one with something behind it": object{"token": good + " "},
			"a very long one":              object{"token": strings.Repeat("A", 50_000)},
		} {
			_, err := h.dial(way, func() any { return auth })
			refusal, ok := errors.AsType[*client.ConnectError](err)
			if !ok || refusal.Message != "invalid token" || string(refusal.Data) != `{"code":"unauthorized"}` {
				t.Errorf("%s: %v", what, err)
			}
		}
		for what, auth := range map[string]any{
			"an empty object": object{}, "something else": object{"name": "Ada"}, "a token under another name": object{"Token": 7},
		} {
			if _, err := h.dial(way, func() any { return auth }); err != nil {
				t.Errorf("%s: %v", what, err)
			}
		}
	})
}

// Nobody is shown a global id: the same identity has another one in each room,
// and the same one in a room on each connection.
func TestIDsDifferInEveryRoom(t *testing.T) {
	h := open(t, plan{})
	ada := h.connect(client.WebSocket, "")
	one, two := ada.room("Ada"), ada.room("Ada")
	again := h.connect(client.Polling, ada.welcome.Token)
	inOne := again.must("join", object{"room": one, "name": "x"}).You
	inTwo := again.must("join", object{"room": two, "name": "x"}).You
	first := ada.must("join", object{"room": one, "name": "x"}).You
	if inOne.ID == inTwo.ID || inOne.ID != first.ID || inOne.Name != "Ada" {
		t.Errorf("in one room %+v and %+v, in the other %+v", inOne, first, inTwo)
	}
	if strings.Contains(ada.welcome.Token, inOne.ID) {
		t.Error("the id is in the token")
	}
}

// Tokens and texts are the members' own: no log shows them.
func TestNothingSecretIsLogged(t *testing.T) {
	h := open(t, plan{})
	ada := h.connect(client.WebSocket, "")
	room := ada.must("create", object{"passphrase": "pass-secret"}).Room
	ada.must("join", object{"room": room, "name": "Ada"})
	ada.must("send", object{"room": room, "text": "text-secret"})
	h.connect(client.WebSocket, "").refused(chat.WrongPassphrase, "join", object{"room": room, "name": "Bob", "passphrase": "guess-secret"})
	_, _ = h.dial(client.WebSocket, func() any { return object{"token": "token-secret"} })
	h.stop()
	if log := h.log.String(); strings.Contains(log, "secret") || strings.Contains(log, ada.welcome.Token) {
		t.Errorf("the log: %s", log)
	}
}
