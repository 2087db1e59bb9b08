package server_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"snug/socketio/client"
)

// as is another connection of whom the token is of.
func (r *running) as(t *testing.T, token string, way client.Transport) *caller {
	t.Helper()
	c := &caller{heard: make(chan string, 100)}
	hear := func(event string) client.Handler {
		return func(_ *client.Client, args client.Args, _ *client.Ack) { c.heard <- event + " " + string(args.Raw(0)) }
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var err error
	c.Client, err = client.Dial(ctx, r.url, client.Options{
		Transport: way, Auth: func() any { return map[string]any{"token": token} },
		On: map[string]client.Handler{"removed": hear("removed"), "message": hear("message")},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// Who is banned is out on each of its connections, hears nothing that is said after
// the moderator's answer, and stays out, there and on others.
func TestBannedOnEachConnection(t *testing.T) {
	s := start(t, settings(t))
	ada, welcome := s.connect(client.WebSocket)
	listener := s.as(t, welcome.Token, client.WebSocket)
	room := s.must(ada, "create", map[string]any{})["room"]
	for _, c := range []*client.Client{ada, listener.Client} {
		s.must(c, "join", map[string]any{"room": room, "name": "Ada"})
	}
	_, welcome = s.connect(client.WebSocket)
	ways := map[string]client.Transport{"WebSocket": client.WebSocket, "polling": client.Polling, "polling, then WebSocket": client.Upgrade}
	tabs := map[string]*caller{}
	var id any
	for name, way := range ways {
		for i := range 3 {
			tab := s.as(t, welcome.Token, way)
			id = s.must(tab.Client, "join", map[string]any{"room": room, "name": "Bob"})["you"].(map[string]any)["id"]
			tabs[fmt.Sprint(name, " ", i)] = tab
		}
	}
	for name, tab := range tabs {
		s.must(ada, "send", map[string]any{"room": room, "text": "to " + name})
		tab.hears(t, "message", "to "+name)
	}

	s.must(ada, "ban", map[string]any{"room": room, "member": id, "seconds": 600})
	s.must(ada, "send", map[string]any{"room": room, "text": "among us"})
	listener.hears(t, "message", "among us")
	refused := func(name string, c *client.Client, event string, code string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		args, err := c.Call(ctx, event, map[string]any{"room": room, "name": "Bob", "text": "x"})
		if err != nil || !strings.Contains(string(args.Raw(0)), `"code":"`+code+`"`) {
			t.Errorf("%s: %s is answered %s, %v", name, event, args.Raw(0), err)
		}
	}
	for name, tab := range tabs {
		tab.hears(t, "removed", `"reason":"banned"`)
		// Its answer comes after whatever the connection was sent before.
		refused(name, tab.Client, "send", "not_member")
		refused(name, tab.Client, "join", "banned")
		for over := false; !over; {
			select {
			case e := <-tab.heard:
				if strings.Contains(e, "among us") {
					t.Errorf("%s hears %s", name, e)
				}
			default:
				over = true
			}
		}
	}
	for name, way := range ways {
		refused(name+", again", s.as(t, welcome.Token, way).Client, "join", "banned")
	}
}
