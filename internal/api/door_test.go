package api

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"snug/internal/chat"
)

func TestDoorCountsSessions(t *testing.T) {
	d := NewDoor(DoorConfig{Most: 5, PerAddress: 3})
	near, far := chat.ParseAddress("192.0.2.1:1"), chat.ParseAddress("[2001:db8::1]:1")
	var leave []func()
	admit := func(from chat.Address, status int) {
		t.Helper()
		l, refusal := d.Admit(from)
		switch {
		case status == 0 && refusal != nil:
			t.Fatalf("refused: %+v", refusal)
		case status != 0 && (refusal == nil || refusal.Status != status || refusal.RetryAfter <= 0):
			t.Fatalf("want a refusal with %d: %+v", status, refusal)
		case l != nil:
			leave = append(leave, l)
		}
	}
	for range 3 {
		admit(near, 0)
	}
	admit(near, 429)
	admit(far, 0)
	admit(chat.ParseAddress("[2001:db8::2]:9"), 0) // the same network
	admit(far, 503)
	leave[0]()
	admit(far, 0)
	admit(near, 503)
	for _, l := range leave[1:] {
		l()
	}
	if in, addresses := d.Counts(); in != 0 || addresses != 0 {
		t.Errorf("%d are in, from %d addresses", in, addresses)
	}
}

func TestDoorCountsHandshakes(t *testing.T) {
	d := NewDoor(DoorConfig{Handshakes: chat.Rate{PerSecond: 1, Burst: 3}})
	from := chat.ParseAddress("192.0.2.1:1")
	for range 3 {
		leave, refusal := d.Admit(from)
		if refusal != nil {
			t.Fatal(refusal)
		}
		leave()
	}
	if _, refusal := d.Admit(from); refusal == nil || refusal.Status != 429 || refusal.RetryAfter > time.Second {
		t.Errorf("the fourth at once: %+v", refusal)
	}
	if _, refusal := d.Admit(chat.Address{}); refusal != nil {
		t.Errorf("somebody else: %+v", refusal)
	}
}

// A guarded is a server behind a door.
type guarded struct {
	t    *testing.T
	door *Door
	addr string
}

func guard(t *testing.T, cfg DoorConfig) *guarded {
	t.Helper()
	g := &guarded{t: t, door: NewDoor(cfg)}
	server := NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hijack" {
			c, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = io.WriteString(c, "HTTP/1.1 101 x\r\n\r\n")
			_ = c.Close()
		}
	}), ServerConfig{HeaderTimeout: time.Minute, IdleTimeout: time.Minute, Door: g.door}, slog.New(slog.DiscardHandler))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g.addr = l.Addr().String()
	done := make(chan error, 1)
	go func() { done <- server.Serve(g.door.Listener(l)) }()
	t.Cleanup(func() { _ = server.Close(); <-done; g.door.Wait() })
	return g
}

// dial makes a connection that asks for a path, and returns what is answered first.
func (g *guarded) dial(path string) (net.Conn, string) {
	g.t.Helper()
	c, err := net.Dial("tcp", g.addr)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path)
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		g.t.Fatal(err)
	}
	return c, strings.TrimSpace(line)
}

func (g *guarded) eventually(want int) {
	g.t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		in, _ := g.door.Counts()
		if in == want {
			return
		}
		if time.Now().After(deadline) {
			g.t.Fatalf("%d are in, want %d", in, want)
		}
		time.Sleep(time.Millisecond)
	}
}

// Connections that are too many are told so, in HTTP, and those that go make room.
func TestDoorCountsConnections(t *testing.T) {
	for name, c := range map[string]struct {
		cfg    DoorConfig
		answer string
	}{
		"in all":          {DoorConfig{Most: 4}, "HTTP/1.1 503 Service Unavailable"},
		"from an address": {DoorConfig{PerAddress: 2}, "HTTP/1.1 429 Too Many Requests"},
	} {
		t.Run(name, func(t *testing.T) {
			g := guard(t, c.cfg)
			var in []net.Conn
			for range 4 {
				conn, line := g.dial("/")
				if line != "HTTP/1.1 200 OK" {
					t.Fatal(line)
				}
				in = append(in, conn)
			}
			for range 3 {
				if _, line := g.dial("/"); line != c.answer {
					t.Errorf("one too many is answered %q", line)
				}
			}
			in[0].Close()
			g.eventually(3)
			if _, line := g.dial("/hijack"); line != "HTTP/1.1 101 x" {
				t.Errorf("after one has gone: %q", line)
			}
			g.eventually(3) // one that became a WebSocket is a session, or nothing
			for _, conn := range in {
				conn.Close()
			}
			g.eventually(0)
		})
	}
	g := guard(t, DoorConfig{PerAddress: 1, Proxied: func(a chat.Address) bool { return a == chat.ParseAddress("127.0.0.1:1") }})
	for range 10 {
		if _, line := g.dial("/"); line != "HTTP/1.1 200 OK" {
			t.Errorf("a proxy is answered %q", line)
		}
	}
}

// What a refused client is sent is a whole answer, with what every answer has.
func TestRefusedAnswer(t *testing.T) {
	r, err := http.ReadResponse(bufio.NewReader(strings.NewReader(refusedFull.raw())), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != 503 || r.Header.Get("Retry-After") != "10" || r.Header.Get("Content-Security-Policy") != Policy || !r.Close ||
		string(body) != "{\"code\":\"rate_limited\",\"message\":\"the server is full\"}\n" {
		t.Errorf("%v %v %q", err, r, body)
	}
}

// Many who are refused at once and do not listen hold nothing up.
func TestTurnedAwayAreBounded(t *testing.T) {
	g := guard(t, DoorConfig{Most: 1})
	_, _ = g.dial("/")
	var all sync.WaitGroup
	for range 200 {
		all.Go(func() {
			c, err := net.Dial("tcp", g.addr)
			if err != nil {
				return // turned away before it knew
			}
			defer c.Close()
			_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
			_, _ = io.ReadAll(c)
		})
	}
	all.Wait()
	if n := len(g.door.places); n > cap(g.door.places) {
		t.Errorf("%d linger", n)
	}
	g.eventually(1)
}

func TestProxies(t *testing.T) {
	ours := netip.MustParsePrefix("10.0.0.0/8")
	var log bytes.Buffer
	p := NewProxies(ours.Contains, slog.New(slog.NewTextHandler(&log, nil)))
	var got string
	var secure bool
	h := p.resolve(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got, secure = r.RemoteAddr, isSecure(r) }))
	for _, c := range []struct {
		peer, forwarded, proto string
		want                   string
		secure                 bool
	}{
		{"10.1.1.1:5", "192.0.2.7", "", "192.0.2.7:0", false},
		{"10.1.1.1:5", "192.0.2.7", "https", "192.0.2.7:0", true},
		{"10.1.1.1:5", "6.6.6.6, 192.0.2.7", "", "192.0.2.7:0", false},         // what it says of itself
		{"10.1.1.1:5", "192.0.2.7, 10.2.2.2", "", "192.0.2.7:0", false},        // two proxies of ours
		{"10.1.1.1:5", "192.0.2.7:4711", "", "192.0.2.7:0", false},             // with a port
		{"10.1.1.1:5", "[2001:db8::1]:443", "", "[2001:db8::1]:0", false},      //
		{"10.1.1.1:5", "2001:db8::1", "", "[2001:db8::1]:0", false},            //
		{"10.1.1.1:5", "::ffff:192.0.2.7", "", "192.0.2.7:0", false},           //
		{"10.1.1.1:5", "192.0.2.7, nonsense", "", "10.1.1.1:5", false},         //
		{"10.1.1.1:5", "nonsense, 10.2.2.2", "", "10.2.2.2:0", false},          //
		{"10.1.1.1:5", "", "HTTPS", "10.1.1.1:5", true},                        //
		{"[::ffff:10.1.1.1]:5", "192.0.2.7", "", "[::ffff:10.1.1.1]:5", false}, // as net.Prefix has it; config.Network unmaps
		{"192.0.2.9:5", "1.2.3.4", "https", "192.0.2.9:5", false},              // nobody's proxy
		{"@", "1.2.3.4", "https", "@", false},                                  // a local socket
	} {
		r, err := http.NewRequest("GET", "/", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.RemoteAddr = c.peer
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		if c.proto != "" {
			r.Header.Set("X-Forwarded-Proto", c.proto)
		}
		h.ServeHTTP(nil, r)
		if got != c.want || secure != c.secure {
			t.Errorf("%+v: %s, secure %t", c, got, secure)
		}
	}
	if lines := strings.Count(log.String(), "\n"); lines != 1 || !strings.Contains(log.String(), "--trusted-proxy") || strings.Contains(log.String(), "192.0.2") {
		t.Errorf("logged: %q", log.String())
	}
}
