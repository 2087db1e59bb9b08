package server_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"snug/internal/config"
	"snug/internal/server"
	"snug/internal/wire"
	"snug/socketio/client"
)

func TestMain(m *testing.M) {
	// net/http's own, which lingers for half a second after it has closed a connection.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

const patience = 10 * time.Second

// settings are those of a server on a free port.
func settings(t testing.TB) server.Config {
	return server.Config{
		Config:  config.Config{Listen: "127.0.0.1:0", Where: config.Where{Data: filepath.Join(t.TempDir(), "data")}, Keep: "30d", Limits: "on"},
		Version: "v-test",
		Logger:  slog.New(slog.DiscardHandler),
	}
}

// A running is a server that runs.
type running struct {
	*server.Server
	t      testing.TB
	url    string
	cancel context.CancelFunc
	done   chan error
}

// start runs a server, which the end of the test stops.
func start(t testing.TB, cfg server.Config) *running {
	t.Helper()
	s, err := server.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return run(t, s)
}

// run runs a server that was made.
func run(t testing.TB, s *server.Server) *running {
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{s, t, "http://" + s.Addr().String(), cancel, make(chan error, 1)}
	go func() { r.done <- s.Run(ctx); close(r.done) }()
	t.Cleanup(r.stop)
	return r
}

// stop stops the server in order; it may be called again.
func (r *running) stop() {
	r.t.Helper()
	r.cancel()
	if err := <-r.done; err != nil {
		r.t.Errorf("the server ended with: %v", err)
	}
}

// connect makes a connection and returns its welcome.
func (r *running) connect(way client.Transport) (*client.Client, wire.Welcome) {
	r.t.Helper()
	welcomes := make(chan wire.Welcome, 1)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := client.Dial(ctx, r.url, client.Options{Transport: way, On: map[string]client.Handler{
		"welcome": func(_ *client.Client, args client.Args, _ *client.Ack) {
			var w wire.Welcome
			if err := args.Decode(&w); err != nil {
				r.t.Errorf("welcome: %v", err)
			}
			welcomes <- w
		},
	}})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = c.Close() })
	select {
	case w := <-welcomes:
		return c, w
	case <-ctx.Done():
		r.t.Fatal("waited in vain for the welcome")
		return nil, wire.Welcome{}
	}
}

// must sends a request that is accepted, and returns its answer.
func (r *running) must(c *client.Client, event string, body any) map[string]any {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	args, err := c.Call(ctx, event, body)
	if err != nil {
		r.t.Fatalf("%s: %v", event, err)
	}
	var answer map[string]any
	if err := json.Unmarshal(args.Raw(0), &answer); err != nil || answer["ok"] != true {
		r.t.Fatalf("%s was answered %s, %v", event, args.Raw(0), err)
	}
	return answer
}

func TestServes(t *testing.T) {
	s := start(t, settings(t))
	for _, way := range []client.Transport{client.Polling, client.WebSocket, client.Upgrade} {
		c, welcome := s.connect(way)
		if welcome.Server.Version != "v-test" || welcome.Limits.Rate.PerSecond != 5 {
			t.Errorf("welcome: %+v", welcome)
		}
		room := s.must(c, "create", map[string]any{})
		if keep := room["info"].(map[string]any)["keep"]; keep != "30d" {
			t.Errorf("a room is kept for %v", keep)
		}
		s.must(c, "join", map[string]any{"room": room["room"], "name": "Ada"})
		s.must(c, "send", map[string]any{"room": room["room"], "text": "hello"})
	}
	if stats := s.Stats(); stats.Chat.Sessions != 3 || stats.Chat.Rooms != 3 || stats.Chat.Members != 3 || stats.SocketIO.Sockets != 3 ||
		stats.Store.Entries != 3 || stats.Store.Commits == 0 {
		t.Errorf("stats: %+v", stats)
	}
	for path, want := range map[string]int{"/": 200, "/r/ABCDEFGH": 200, "/healthz": 200, "/nothing": 404, "/socket.io/": 400} {
		r, err := http.Get(s.url + path)
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		if r.StatusCode != want || r.Header.Get("Content-Security-Policy") == "" {
			t.Errorf("%s: %s, policy %q", path, r.Status, r.Header.Get("Content-Security-Policy"))
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestSettings(t *testing.T) {
	cfg := settings(t)
	cfg.Keep, cfg.Limits = "7d", "off"
	s := start(t, cfg)
	c, welcome := s.connect(client.WebSocket)
	if welcome.Limits.Rate.PerSecond < 1e6 || welcome.Limits.Rate.Burst < 1e6 || welcome.Limits.TextChars != 4000 {
		t.Errorf("without limits: %+v", welcome.Limits)
	}
	if keep := s.must(c, "create", map[string]any{})["info"].(map[string]any)["keep"]; keep != "7d" {
		t.Errorf("a room is kept for %v", keep)
	}
	cfg.Keep = "a week"
	if _, err := server.New(cfg); err == nil || !strings.Contains(err.Error(), `--keep: "a week" is not`) {
		t.Errorf("an odd keep: %v", err)
	}
}

// A raw is one kept-alive HTTP connection, to see what comes over it.
type raw struct {
	t testing.TB
	c net.Conn
	r *bufio.Reader
}

func (r *running) raw() *raw {
	r.t.Helper()
	c, err := net.Dial("tcp", r.Addr().String())
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return &raw{r.t, c, bufio.NewReader(c)}
}

func (c *raw) do(method, path, body string) (*http.Response, string) {
	c.t.Helper()
	fmt.Fprintf(c.c, "%s %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", method, path, len(body), body)
	resp, err := http.ReadResponse(c.r, &http.Request{Method: method})
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	return resp, string(b)
}

// A poller's session that still has something to fetch is waited for, so that
// it can be seen what a server that is stopping says.
func TestDraining(t *testing.T) {
	s := start(t, settings(t))
	const polling = "/socket.io/?EIO=4&transport=polling"
	a, health := s.raw(), s.raw()
	health.do("GET", "/healthz", "")
	_, open := a.do("GET", polling, "")
	sid := open[strings.Index(open, `"sid":"`)+7:]
	sid = sid[:strings.Index(sid, `"`)]
	a.do("POST", polling+"&sid="+sid, "40") // its answer and the welcome are not fetched
	const welcomed = 400                    // bytes: the two have more, the first alone has less
	began := time.Now()
	for s.Queued() < welcomed && time.Since(began) < patience {
		time.Sleep(time.Millisecond)
	}
	s.cancel()
	for {
		if r, body := health.do("GET", "/healthz", ""); r.StatusCode == 503 {
			if !strings.Contains(body, "shutting_down") || r.Header.Get("Retry-After") == "" {
				t.Errorf("healthz: %s %v", body, r.Header)
			}
			break
		}
		if time.Since(began) > patience {
			t.Fatal("the server does not stop")
		}
	}
	if r, _ := health.do("GET", polling, ""); r.StatusCode != 503 || r.Header.Get("Retry-After") == "" {
		t.Errorf("a new client, over a connection that was open: %s", r.Status)
	}
	if c, err := net.Dial("tcp", s.Addr().String()); err == nil {
		c.Close()
		t.Error("a stopping server listens")
	}
	_, rest := a.do("GET", polling+"&sid="+sid, "")
	if !strings.HasPrefix(rest, `40{"sid"`) || !strings.Contains(rest, "\x1e42[\"welcome\"") {
		t.Errorf("what was still to be told: %q", rest)
	}
	if !strings.HasSuffix(rest, "\x1e1") {
		if _, last := a.do("GET", polling+"&sid="+sid, ""); last != "1" {
			t.Errorf("the last poll got %q, want a close", last)
		}
	}
	s.stop()
}

// A WebSocket is closed as going away, a waiting poll with packet 1; nobody is
// disconnected from the namespace, which would keep stock clients away.
func TestHowConnectionsEnd(t *testing.T) {
	s := start(t, settings(t))
	const polling = "/socket.io/?EIO=4&transport=polling"
	a := s.raw()
	_, open := a.do("GET", polling, "")
	sid := open[strings.Index(open, `"sid":"`)+7:]
	sid = sid[:strings.Index(sid, `"`)]
	a.do("POST", polling+"&sid="+sid, "40")
	a.do("GET", polling+"&sid="+sid, "")
	polled := make(chan string, 1)
	go func() { _, body := a.do("GET", polling+"&sid="+sid, ""); polled <- body }()

	w := s.raw()
	fmt.Fprint(w.c, "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	time.Sleep(100 * time.Millisecond) // until both wait
	s.stop()
	if body := <-polled; body != "1" {
		t.Errorf("the poll got %q", body)
	}
	all, err := io.ReadAll(w.r)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(all, []byte("HTTP/1.1 101")) || !bytes.Contains(all, []byte{0x88, 0x02, 0x03, 0xe9}) { // close 1001
		t.Errorf("the WebSocket got %q", all)
	}
}

// What makes a part end by itself ends the server, with that as its error.
func TestFault(t *testing.T) {
	cfg := settings(t)
	s, err := server.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Run(context.Background()) }()
	s.BreakListener()
	select {
	case err := <-done:
		if err == nil || !strings.Contains(err.Error(), "HTTP: ") {
			t.Errorf("ended with: %v", err)
		}
	case <-time.After(patience):
		t.Fatal("the server runs on without a listener")
	}
	start(t, cfg) // and everything was given back
}
