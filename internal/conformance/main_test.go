package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// net/http's own, which lingers for half a second after it has closed a connection.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

// A site is an app served in memory, for fake time: with the suites' short
// times a busy machine would be taken for a dead client.
type site struct {
	t      *testing.T
	client *http.Client
	conns  chan net.Conn
	done   chan struct{}
}

func (s *site) dial() (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case s.conns <- far:
		return near, nil
	case <-s.done:
		return nil, net.ErrClosed
	}
}

// Accept, Close and Addr make it a [net.Listener].
func (s *site) Accept() (net.Conn, error) {
	select {
	case c := <-s.conns:
		return c, nil
	case <-s.done:
		return nil, net.ErrClosed
	}
}

func (s *site) Close() error   { close(s.done); return nil }
func (s *site) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

func serve(t *testing.T, a app) *site {
	t.Helper()
	s := &site{t: t, conns: make(chan net.Conn), done: make(chan struct{})}
	transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return s.dial() }}
	s.client = &http.Client{Transport: transport}
	hs := &http.Server{Handler: a}
	served := make(chan error, 1)
	go func() { served <- hs.Serve(s) }()
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := a.Shutdown(context.Background()); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		_ = hs.Close()
		<-served
	})
	return s
}

// want sends a request and checks its answer.
func (s *site) want(method, target, body string, status int, want string) {
	s.t.Helper()
	if resp, got := s.fetch(method, target, body); resp.StatusCode != status || got != want {
		s.t.Errorf("%s %s: %d %q, want %d %q", method, target, resp.StatusCode, got, status, want)
	}
}

func (s *site) fetch(method, target, body string) (*http.Response, string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, "http://suite.test"+target, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Origin", "http://elsewhere.test")
	resp, err := s.client.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp, string(b)
}

// A conversation is a WebSocket on which pings are answered.
type conversation struct {
	t    *testing.T
	conn net.Conn
	got  chan string // "b:" before binary messages; closed at the end

	// sending is held over a whole frame, which is written in two pieces: a pong
	// may be due in the midst of what the test says.
	sending sync.Mutex
}

func (s *site) talk(path string) *conversation {
	s.t.Helper()
	return s.talkWith(path, shake)
}

func (s *site) talkWith(path string, shake *regexp.Regexp) *conversation {
	s.t.Helper()
	conn, err := s.dial()
	if err != nil {
		s.t.Fatal(err)
	}
	address, err := url.Parse("ws://suite.test" + path + "?EIO=4&transport=websocket")
	if err != nil {
		s.t.Fatal(err)
	}
	early, _, err := ws.Dialer{}.Upgrade(conn, address)
	if err != nil {
		s.t.Fatal(err)
	}
	c := &conversation{t: s.t, conn: conn, got: make(chan string, 100)}
	var in io.ReadWriter = conn
	if early != nil {
		in = struct {
			io.Reader
			io.Writer
		}{early, conn}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(c.got)
		c.read(in)
	}()
	s.t.Cleanup(func() { _ = conn.Close(); <-done })
	if open := <-c.got; !shake.MatchString(open) {
		s.t.Errorf("handshake %s", open)
	}
	return c
}

// shake is the handshake with the suites' times.
var shake = regexp.MustCompile(`^0\{"sid":"[^"]+","upgrades":\[("websocket")?\],"pingInterval":300,"pingTimeout":200,"maxPayload":1000000\}$`)

// calmShake is the handshake with the usual times.
var calmShake = regexp.MustCompile(`^0\{"sid":"[^"]+","upgrades":\[\],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000\}$`)

func (c *conversation) send(messages ...string) {
	for _, m := range messages {
		b, op := []byte(m), ws.OpText
		if bin, ok := strings.CutPrefix(m, "b:"); ok {
			b, op = []byte(bin), ws.OpBinary
		}
		c.sending.Lock()
		err := wsutil.WriteClientMessage(c.conn, op, b)
		c.sending.Unlock()
		if err != nil {
			c.t.Error(err)
		}
	}
}

func (c *conversation) read(in io.ReadWriter) {
	for {
		b, op, err := wsutil.ReadServerData(in)
		switch {
		case err != nil:
			_ = c.conn.Close()
			return
		case op == ws.OpBinary:
			c.got <- "b:" + string(b)
		case string(b) == "2":
			c.send("3")
		default:
			c.got <- string(b)
		}
	}
}

func (c *conversation) want(messages ...string) {
	c.t.Helper()
	for _, want := range messages {
		if got := <-c.got; got != want {
			c.t.Fatalf("got  %s\nwant %s", got, want)
		}
	}
}

// wantClosed wants the end, and nothing before it.
func (c *conversation) wantClosed() {
	c.t.Helper()
	if got, open := <-c.got; open {
		c.t.Errorf("got %s, want the end", got)
	}
}

// admitted wants the answer to CONNECT.
func (c *conversation) admitted(namespace string) {
	c.t.Helper()
	if got := <-c.got; !regexp.MustCompile(`^40` + namespace + `\{"sid":"[^"]+"\}$`).MatchString(got) {
		c.t.Fatalf("got %s in answer to CONNECT", got)
	}
}

// -app engineio: path /engine.io/, echo, the suite's times, CORS *.
func TestEngineIO(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, newEcho())
		by := s.talk("/engine.io/")
		target := "/engine.io/?EIO=4&transport=polling"
		resp, open := s.fetch("GET", target, "")
		if resp.StatusCode != 200 || !shake.MatchString(open) || resp.Header.Get("Access-Control-Allow-Origin") != "*" {
			t.Fatalf("handshake: %d %s %v", resp.StatusCode, open, resp.Header)
		}
		target += "&sid=" + strings.Split(open, `"`)[3]
		s.want("POST", target, "4hello\x1ebAQID", 200, "ok")
		s.want("GET", target, "", 200, "4hello\x1ebAQID")
		s.want("POST", target, "4"+strings.Repeat("x", 1_000_000), 413, `{"code":3,"message":"Payload too large"}`)
		s.want("POST", target, "abc", 400, `{"code":3,"message":"Bad request"}`)
		s.want("POST", target, "4hello", 400, `{"code":1,"message":"Session ID unknown"}`)
		s.want("GET", "/socket.io/?EIO=4&transport=polling", "", 404, "404 page not found\n")
		time.Sleep(time.Minute) // of pings
		by.send("4text", "b:\x00\xff")
		by.want("4text", "b:\x00\xff")
	})
}

// -app socketio: two namespaces that tell what they were told, and what "/" answers.
func TestSocketIO(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, newTalk(talkOptions{}))
		by := s.talk("/socket.io/")
		by.send("40")
		by.admitted("")
		by.want(`42["auth",{}]`)

		c := s.talk("/socket.io/")
		c.send(`40{"token":"<123>"}`)
		c.admitted("")
		c.want(`42["auth",{"token":"<123>"}]`)
		c.send("40/custom,")
		c.admitted("/custom,")
		c.want(`42/custom,["auth",{}]`)
		c.send("40/random")
		c.want(`44/random,{"message":"Invalid namespace"}`)
		c.send(`42["message",1,"2",{"3":[true]}]`, `42["message"]`, `42["unknown"]`)
		c.want(`42["message-back",1,"2",{"3":[true]}]`, `42["message-back"]`)
		c.send(`452-["message",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`, "b:one", "b:two")
		c.want(`452-["message-back",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`, "b:one", "b:two")
		c.send(`42456["message-with-ack",1,"2"]`, `42/custom,7["message-with-ack",1]`, `42789["message-with-ack"]`)
		c.want(`43456[1,"2"]`, `43789[]`)
		c.send(`42{}`)
		c.wantClosed()

		begin := time.Now()
		s.talk("/socket.io/").wantClosed() // which says nothing
		if d := time.Since(begin); d != time.Second {
			t.Errorf("connectTimeout is %v", d)
		}
		s.want("GET", "/socket.io/?EIO=3&transport=polling", "", 400, `{"code":5,"message":"Unsupported protocol version"}`)
		by.send(`42["message","still here"]`)
		by.want(`42["message-back","still here"]`)
	})
}

// -eio3 and -calm are for the clients that are run from outside.
func TestOptions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, newTalk(talkOptions{old: true, calm: true}))
		if resp, body := s.fetch("GET", "/socket.io/?EIO=3&transport=polling", ""); resp.StatusCode != 200 || !strings.Contains(body, `"pingInterval":25000,"pingTimeout":20000`) {
			t.Errorf("EIO=3: %d %s", resp.StatusCode, body)
		}
		c := s.talkWith("/socket.io/", calmShake)
		c.send("40")
		c.admitted("")
		c.want(`42["auth",{}]`)
		c.send(`42["ask-me",1,"two"]`)
		c.want(`420["question",1,"two"]`)
		c.send(`430["yes",[2]]`)
		c.want(`42["answered","yes",[2]]`)
		c.send(`42["disconnect-me"]`)
		c.want(`41`)

		c = s.talkWith("/socket.io/", calmShake)
		c.send("40")
		c.admitted("")
		c.want(`42["auth",{}]`)
		c.send(`42["ask-me"]`)
		c.want(`421["question"]`)
		time.Sleep(5*time.Second + 1) // it is not answered
		c.send(`42["message","served all the same"]`)
		c.want(`42["message-back","served all the same"]`)
	})
}

// The suites' own server knows nothing of that.
func TestOptionsAreOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := serve(t, newTalk(talkOptions{})).talk("/socket.io/")
		c.send("40")
		c.admitted("")
		c.want(`42["auth",{}]`)
		c.send(`42["ask-me"]`, `42["disconnect-me"]`, `42["message"]`)
		c.want(`42["message-back"]`)
	})
}

// run ends with its context, and says what it cannot do.
func TestRun(t *testing.T) {
	if err := run(t.Context(), "chat", "127.0.0.1:0", talkOptions{}); err == nil || err.Error() != `unknown app "chat"` {
		t.Errorf("unknown app: %v", err)
	}
	if err := run(t.Context(), "engineio", "127.0.0.1:-1", talkOptions{}); err == nil {
		t.Error("listened on port -1")
	}
	for _, name := range []string{"engineio", "socketio"} {
		ctx, stop := context.WithCancel(t.Context())
		stop()
		if err := run(ctx, name, "127.0.0.1:0", talkOptions{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
