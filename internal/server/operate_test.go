package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"snug/internal/admin"
	"snug/internal/config"
	"snug/internal/server"
	"snug/internal/wire"
	"snug/socketio/client"
)

// A caller is a client from an address of its own, as a trusted proxy tells it.
type caller struct {
	*client.Client
	heard chan string // event and body
}

func (r *running) from(address string, way client.Transport) (*caller, error) {
	c := &caller{heard: make(chan string, 100)}
	hear := func(event string) client.Handler {
		return func(_ *client.Client, args client.Args, _ *client.Ack) { c.heard <- event + " " + string(args.Raw(0)) }
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var err error
	c.Client, err = client.Dial(ctx, r.url, client.Options{
		Transport: way, Header: http.Header{"X-Forwarded-For": {address}},
		On: map[string]client.Handler{"notice": hear("notice"), "me": hear("me"), "removed": hear("removed"), "message": hear("message")},
	})
	if err == nil {
		r.t.Cleanup(func() { _ = c.Close() })
	}
	return c, err
}

// hears waits for an event that holds all of these.
func (c *caller) hears(t *testing.T, event string, all ...string) {
	t.Helper()
	for deadline := time.After(patience); ; {
		select {
		case e := <-c.heard:
			missing := !strings.HasPrefix(e, event+" ")
			for _, part := range all {
				missing = missing || !strings.Contains(e, part)
			}
			if !missing {
				return
			}
		case <-deadline:
			t.Fatalf("waited in vain for %s with %q", event, all)
		}
	}
}

// page asks for a path as a browser there would.
func (r *running) page(t *testing.T, address, path, accept string) (*http.Response, string) {
	t.Helper()
	q, err := http.NewRequest("GET", r.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("X-Forwarded-For", address)
	q.Header.Set("Accept", accept)
	got, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	b, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	return got, string(b)
}

// behindProxy are the settings of a server whose clients are told apart by what a proxy says.
func behindProxy(t *testing.T) server.Config {
	cfg := settings(t)
	var local config.Network
	if err := local.UnmarshalText([]byte("127.0.0.1")); err != nil {
		t.Fatal(err)
	}
	cfg.TrustedProxy = []config.Network{local}
	return cfg
}

func TestOperatorBan(t *testing.T) {
	defer http.DefaultClient.CloseIdleConnections()
	cfg := behindProxy(t)
	s := start(t, cfg)
	operator := admin.NewClient(cfg.Data)
	const bad, good = "203.0.113.7", "192.0.2.9"

	bystander, err := s.from(good, client.WebSocket)
	if err != nil {
		t.Fatal(err)
	}
	room := s.must(bystander.Client, "create", map[string]any{})["room"]
	s.must(bystander.Client, "join", map[string]any{"room": room, "name": "Ada"})
	var out []*caller
	for i, way := range []client.Transport{client.WebSocket, client.Polling, client.Upgrade} {
		c, err := s.from(bad, way)
		if err != nil {
			t.Fatal(err)
		}
		s.must(c.Client, "join", map[string]any{"room": room, "name": fmt.Sprint("Bob ", i)})
		out = append(out, c)
	}
	// One that has not said CONNECT yet is no client of a namespace.
	q, body := s.page(t, bad, "/socket.io/?EIO=4&transport=polling", "")
	if q.StatusCode != 200 || !strings.Contains(body, "sid") {
		t.Fatalf("a session: %s %s", q.Status, body)
	}

	b, err := operator.Ban(t.Context(), admin.BanRequest{Network: netip.MustParsePrefix("203.0.113.0/24"), Span: admin.Span{Seconds: 3600}})
	if err != nil || b.Ended != 4 {
		t.Errorf("%d connections were ended, %v; want 4", b.Ended, err)
	}
	for i, c := range out {
		select {
		case <-c.Done():
		case <-time.After(patience):
			t.Fatalf("connection %d is still open", i)
		}
	}
	s.must(bystander.Client, "send", map[string]any{"room": room, "text": "peace"})
	bystander.hears(t, "message", "peace")

	// They stay out, whatever they ask for, and are told so.
	look := func(s *running) {
		t.Helper()
		for _, way := range []client.Transport{client.WebSocket, client.Polling} {
			if _, err := s.from(bad, way); err == nil {
				t.Errorf("way %v: let in again", way)
			}
			if _, err := s.from(good, way); err != nil {
				t.Errorf("a bystander: %v", err)
			}
		}
		for _, path := range []string{"/", "/r/ABCDEFGH", "/healthz", "/api/v1/token", "/nothing", "/socket.io/?EIO=4&transport=polling"} {
			r, body := s.page(t, bad, path, "*/*")
			if r.StatusCode != 403 || !strings.Contains(body, `"code":"banned"`) || r.Header.Get("Retry-After") == "" || r.Header.Get("Content-Security-Policy") == "" {
				t.Errorf("%s: %s %s", path, r.Status, body)
			}
		}
		r, body := s.page(t, bad, "/", "text/html,*/*")
		if r.StatusCode != 403 || !strings.Contains(body, "has banned the address") || !strings.Contains(body, ", until ") || !strings.HasPrefix(r.Header.Get("Content-Type"), "text/html") {
			t.Errorf("a person is told %s %s", r.Status, body)
		}
	}
	look(s)
	s.stop()
	s = start(t, cfg)
	look(s)
	if status, err := operator.Status(t.Context(), true); err != nil || len(status.Bans) != 1 || status.Goroutines == 0 || status.HeapBytes == 0 {
		t.Errorf("in force: %+v, %v", status, err)
	}
	if err := operator.Unban(t.Context(), netip.MustParsePrefix("203.0.113.0/24")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.from(bad, client.WebSocket); err != nil {
		t.Errorf("after it was lifted: %v", err)
	}
}

func TestOperatorMute(t *testing.T) {
	cfg := behindProxy(t)
	s := start(t, cfg)
	operator := admin.NewClient(cfg.Data)
	ada, err := s.from("192.0.2.1", client.WebSocket)
	if err != nil {
		t.Fatal(err)
	}
	room := s.must(ada.Client, "create", map[string]any{})["room"]
	s.must(ada.Client, "join", map[string]any{"room": room, "name": "Ada"})
	idle, err := s.from("192.0.2.2", client.Polling) // in no room, and told all the same
	if err != nil {
		t.Fatal(err)
	}
	m, err := operator.Mute(t.Context(), admin.Span{Seconds: 600, Note: "back at ten"})
	if err != nil {
		t.Fatal(err)
	}
	ada.hears(t, "me", `"mutedUntil":"`+wire.At(m.Until))
	idle.hears(t, "notice", `"level":"warning"`, "back at ten", `"until":"`+wire.At(m.Until))
	refused := func(c *client.Client) {
		t.Helper()
		args, err := c.Call(t.Context(), "send", map[string]any{"room": room, "text": "x"})
		var got struct{ Error wire.Failure }
		if err != nil || json.Unmarshal(args.Raw(0), &got) != nil || got.Error.Code != "muted" || got.Error.Scope != "server" || got.Error.RetryAfter < 500 {
			t.Errorf("send: %s, %v", args.Raw(0), err)
		}
	}
	refused(ada.Client)
	s.stop()

	s = start(t, cfg) // it outlives a restart, and whoever comes is told
	late, err := s.from("192.0.2.3", client.WebSocket)
	if err != nil {
		t.Fatal(err)
	}
	late.hears(t, "notice", "back at ten")
	if j := s.must(late.Client, "join", map[string]any{"room": room, "name": "Late"}); j["mutedUntil"] != wire.At(m.Until) {
		t.Errorf("joined, muted until %v", j["mutedUntil"])
	}
	refused(late.Client)
	if err := operator.Unmute(t.Context()); err != nil {
		t.Fatal(err)
	}
	late.hears(t, "notice", `"level":"info"`)
	s.must(late.Client, "send", map[string]any{"room": room, "text": "at last"})
}

func TestOperatorRooms(t *testing.T) {
	cfg := settings(t)
	s := start(t, cfg)
	operator := admin.NewClient(cfg.Data)
	if rooms, err := operator.Rooms(t.Context()); err != nil || len(rooms) != 0 {
		t.Errorf("no rooms: %+v, %v", rooms, err)
	}
	c, _ := s.connect(client.WebSocket)
	s.must(c, "create", map[string]any{"code": "tea-house", "title": "Tea", "keep": "7d", "passphrase": "let me in"})
	s.must(c, "join", map[string]any{"room": "tea-house", "name": "Ada"})
	for i := range 5 {
		s.must(c, "send", map[string]any{"room": "tea-house", "text": fmt.Sprint("line ", i)})
	}
	for range 3 {
		s.must(c, "create", map[string]any{})
	}
	rooms, err := operator.Rooms(t.Context())
	if err != nil || len(rooms) != 4 {
		t.Fatalf("rooms: %+v, %v", rooms, err)
	}
	if r := rooms[0]; r.Code != "tea-house" || r.Title != "Tea" || r.Here != 1 || r.Entries != 5 || r.Keep != "7d" || !r.Passphrase || r.Locked || r.Last < r.Created {
		t.Errorf("listed: %+v", r)
	}
	v, err := operator.Look(t.Context(), "TEA-house", 2)
	if err != nil || len(v.Newest) != 2 || v.Newest[1].Text != "line 4" || v.Head != 5 || v.First != 1 || len(v.Members) != 1 || v.Members[0].Name != "Ada" || v.Members[0].Role != "owner" {
		t.Errorf("looked into: %+v, %v", v, err)
	}
	if b, err := json.Marshal(v); err != nil || strings.Contains(string(b), "argon") || strings.Contains(string(b), "let me in") {
		t.Errorf("it shows %s", b)
	}
	for range 2 {
		_, err = operator.Look(t.Context(), "tea-house", 2)
		if err == nil {
			err = operator.Raze(t.Context(), "tea-house")
		}
	}
	if err == nil || err.Error() != "there is no such room" {
		t.Errorf("closed twice: %v", err)
	}
	args, err := c.Call(t.Context(), "send", map[string]any{"room": "tea-house", "text": "x"})
	if err != nil || !strings.Contains(string(args.Raw(0)), "not_found") {
		t.Errorf("in a closed room: %s, %v", args.Raw(0), err)
	}
}

// The socket goes with the server, and what the operator has put in force goes
// into a backup. A server that is refused the directory does not touch the other's socket.
func TestAdminSocketComesAndGoes(t *testing.T) {
	cfg := settings(t)
	s := start(t, cfg)
	socket := filepath.Join(cfg.Data, admin.SocketFile)
	if info, err := os.Lstat(socket); err != nil || info.Mode() != os.ModeSocket|0o600 {
		t.Errorf("the socket: %v, %v", info, err)
	}
	if _, err := server.New(cfg); err == nil || !strings.Contains(err.Error(), "is in use") {
		t.Errorf("a second server: %v", err)
	}
	operator := admin.NewClient(cfg.Data)
	if _, err := operator.Ban(t.Context(), admin.BanRequest{Network: netip.MustParsePrefix("203.0.113.7/32")}); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "backup.db")
	if err := server.Backup(t.Context(), cfg.Data, file); err != nil {
		t.Fatal(err)
	}
	s.stop()
	if _, err := os.Lstat(socket); !os.IsNotExist(err) {
		t.Errorf("after the end: %v", err)
	}
	if err := os.WriteFile(filepath.Join(cfg.Data, "measures.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := server.New(cfg); err == nil || !strings.Contains(err.Error(), "measures.json are damaged") {
		t.Errorf("with damaged measures: %v", err)
	}
	cfg.Data = filepath.Join(t.TempDir(), "restored")
	if err := server.Restore(t.Context(), file, cfg.Data); err != nil {
		t.Fatal(err)
	}
	start(t, cfg)
	if status, err := admin.NewClient(cfg.Data).Status(t.Context(), false); err != nil || len(status.Bans) != 1 {
		t.Errorf("restored: %+v, %v", status, err)
	}
}
