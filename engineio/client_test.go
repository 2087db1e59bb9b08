package engineio

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

// A site is a Server on a listener, with the sessions it has accepted.
type site struct {
	t      *testing.T
	server *Server
	dial   func() (net.Conn, error)
	client *http.Client

	mu       sync.Mutex
	sessions map[string]*session // guarded by mu
}

// A session is the application's end of one: it keeps what comes, and sends
// messages back if echo is set.
type session struct {
	*Conn
	closed chan *CloseError

	mu       sync.Mutex
	got      []string     // guarded by mu; "b:" before binary messages
	onGot    func(string) // guarded by mu
	closings int          // guarded by mu
}

func (s *session) HandleMessage(t MessageType, b []byte) {
	m := string(b)
	if t == Binary {
		m = "b:" + m
	}
	s.mu.Lock()
	s.got = append(s.got, m)
	f := s.onGot
	s.mu.Unlock()
	if f != nil {
		f(m)
		return
	}
	_ = s.Send(NewFrame(t, bytes.Clone(b)))
}

func (s *session) HandleClose(err *CloseError) {
	s.mu.Lock()
	s.closings++
	s.mu.Unlock()
	s.closed <- err
}

func (s *session) messages() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.got...)
}

// on replaces the echo.
func (s *session) on(f func(string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onGot = f
}

// wantClosed waits for the session's end and its reason.
func (s *session) wantClosed(t *testing.T, want Reason) {
	t.Helper()
	select {
	case err := <-s.closed:
		if err.Reason != want {
			t.Errorf("closed by %v, want %q", err, want)
		}
	case <-time.After(patience):
		t.Fatalf("not closed; want %q", want)
	}
}

func (s *session) wantOpen(t *testing.T) {
	t.Helper()
	select {
	case err := <-s.closed:
		t.Fatalf("%v, want it open", err)
	default:
	}
}

// start serves on a listener; configure changes the defaults.
func start(t *testing.T, l net.Listener, dial func() (net.Conn, error), configure func(*Server)) *site {
	t.Helper()
	s := &site{t: t, dial: dial, sessions: map[string]*session{}}
	s.server = &Server{Logger: slog.New(slog.DiscardHandler)}
	s.server.Accept = func(c *Conn) Handler {
		app := &session{Conn: c, closed: make(chan *CloseError, 2)}
		s.mu.Lock()
		s.sessions[c.ID()] = app
		s.mu.Unlock()
		return app
	}
	if configure != nil {
		configure(s.server)
	}
	hs := &http.Server{Handler: s.server, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	served := make(chan error, 1)
	go func() { served <- hs.Serve(l) }()
	transport := &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) { return dial() },
	}
	s.client = &http.Client{Transport: transport}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		transport.CloseIdleConnections()
		// A polling client that does not come back would be waited for.
		s.mu.Lock()
		for _, app := range s.sessions {
			app.fail(ReasonForcedClose, endCut, nil)
			app.Conn.mu.Lock()
			fetched := app.final != nil
			app.Conn.mu.Unlock()
			if fetched {
				_, _ = s.try(ctx, "GET", pollingTarget(app.ID()), "")
			}
		}
		s.mu.Unlock()
		if err := s.server.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		_ = hs.Close()
		<-served
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, app := range s.sessions {
			app.mu.Lock()
			if app.closings != 1 {
				t.Errorf("HandleClose was called %d times", app.closings)
			}
			app.mu.Unlock()
		}
	})
	return s
}

// onTCP is a site on the loopback.
func onTCP(t *testing.T, configure func(*Server)) *site {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return start(t, l, func() (net.Conn, error) { return net.Dial("tcp", l.Addr().String()) }, configure)
}

// inMemory is a site for fake time: its connections are pipes.
func inMemory(t *testing.T, configure func(*Server)) *site {
	t.Helper()
	l := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
	return start(t, l, l.dial, configure)
}

// pipes is a listener of net.Pipe connections.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (l *pipes) dial() (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case l.conns <- far:
		return near, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipes) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

// session returns the application's end.
func (s *site) session(sid string) *session {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	app := s.sessions[sid]
	if app == nil {
		s.t.Fatalf("no session %q", sid)
	}
	return app
}

// A reply is an HTTP answer.
type reply struct {
	status int
	body   string
	header http.Header
}

const (
	transportUnknown = `{"code":0,"message":"Transport unknown"}`
	unknownSID       = `{"code":1,"message":"Session ID unknown"}`
	badMethod        = `{"code":2,"message":"Bad handshake method"}`
	badRequest       = `{"code":3,"message":"Bad request"}`
	forbidden        = `{"code":4,"message":"Forbidden"}`
	badVersion       = `{"code":5,"message":"Unsupported protocol version"}`
)

// do sends a request; target is the path with its query, header lists pairs.
func (s *site) do(method, target, body string, header ...string) reply {
	s.t.Helper()
	r, err := s.try(context.Background(), method, target, body, header...)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, target, err)
	}
	return r
}

func (s *site) try(ctx context.Context, method, target, body string, header ...string) (reply, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://snug.test"+target, strings.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, string(b), resp.Header}, err
}

func (s *site) get(sid string) reply {
	s.t.Helper()
	return s.do("GET", pollingTarget(sid), "")
}

func (s *site) post(sid, body string) reply {
	s.t.Helper()
	return s.do("POST", pollingTarget(sid), body)
}

// getLater sends a GET whose answer comes later.
func (s *site) getLater(sid string) <-chan reply {
	answers := make(chan reply, 1)
	go func() {
		r, err := s.try(context.Background(), "GET", pollingTarget(sid), "")
		if err != nil {
			r.body = err.Error()
		}
		answers <- r
	}()
	return answers
}

func pollingTarget(sid string) string {
	return "/engine.io/?EIO=4&transport=polling&sid=" + sid
}

func (s *site) want(got reply, status int, body string) {
	s.t.Helper()
	if got.status != status || got.body != body {
		s.t.Errorf("got %d %q, want %d %q", got.status, got.body, status, body)
	}
}

func (s *site) wantLater(answers <-chan reply, status int, body string) {
	s.t.Helper()
	select {
	case got := <-answers:
		s.want(got, status, body)
	case <-time.After(patience):
		s.t.Fatalf("no answer, want %d %q", status, body)
	}
}

// waiting waits until a GET of the session waits.
func (s *session) waiting(t *testing.T) {
	t.Helper()
	eventually(t, "a GET waits", func() bool {
		s.Conn.mu.Lock()
		defer s.Conn.mu.Unlock()
		return s.poll != nil
	})
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !f(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it never came that %s", what)
		}
	}
}

// openPolling opens a session by polling.
func (s *site) openPolling() *session {
	s.t.Helper()
	r := s.do("GET", "/engine.io/?EIO=4&transport=polling", "")
	return s.session(sidOf(s.t, r.body))
}

func sidOf(t *testing.T, open string) string {
	t.Helper()
	rest, ok := strings.CutPrefix(open, `0{"sid":"`)
	sid, _, ok2 := strings.Cut(rest, `"`)
	if !ok || !ok2 {
		t.Fatalf("%q is no open packet", open)
	}
	return sid
}

// A socket is a client's WebSocket.
type socket struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
}

// openSocket opens a session on a WebSocket.
func (s *site) openSocket() (*socket, *session) {
	s.t.Helper()
	c := s.socket("")
	return c, s.session(sidOf(s.t, c.text()))
}

// socket opens a WebSocket for a session, or for a new one.
func (s *site) socket(sid string) *socket {
	s.t.Helper()
	conn, err := s.dial()
	if err != nil {
		s.t.Fatal(err)
	}
	d := ws.Dialer{NetDial: func(context.Context, string, string) (net.Conn, error) { return conn, nil }}
	_, br, _, err := d.Dial(context.Background(), "ws://snug.test/engine.io/?EIO=4&transport=websocket&sid="+sid)
	if err != nil {
		s.t.Fatal(err)
	}
	c := &socket{t: s.t, conn: conn, r: bufio.NewReader(conn)}
	if br != nil {
		early, _ := br.Peek(br.Buffered())
		c.r = bufio.NewReader(io.MultiReader(bytes.NewReader(bytes.Clone(early)), conn))
		ws.PutReader(br)
	}
	s.t.Cleanup(func() { _ = conn.Close() })
	return c
}

// rawFrame is a client's frame, masked.
func rawFrame(fin bool, rsv byte, op ws.OpCode, payload []byte) []byte {
	h := ws.Header{Fin: fin, Rsv: rsv, OpCode: op, Masked: true, Mask: [4]byte{1, 2, 3, 4}, Length: int64(len(payload))}
	var b bytes.Buffer
	_ = ws.WriteHeader(&b, h)
	masked := bytes.Clone(payload)
	ws.Cipher(masked, h.Mask, 0)
	return append(b.Bytes(), masked...)
}

// write sends bytes as they are. The peer may have closed already.
func (c *socket) write(b []byte) {
	_ = c.conn.SetWriteDeadline(time.Now().Add(patience))
	_, _ = c.conn.Write(b)
}

func (c *socket) send(text string)    { c.write(rawFrame(true, 0, ws.OpText, []byte(text))) }
func (c *socket) sendBinary(b []byte) { c.write(rawFrame(true, 0, ws.OpBinary, b)) }

// frame reads one frame.
func (c *socket) frame() (ws.OpCode, []byte, error) {
	_ = c.conn.SetReadDeadline(time.Now().Add(patience))
	h, err := ws.ReadHeader(c.r)
	if err != nil {
		return 0, nil, err
	}
	if h.Masked || !h.Fin || h.Rsv != 0 {
		return 0, nil, fmt.Errorf("the server sent a frame with header %+v", h)
	}
	b := make([]byte, h.Length)
	_, err = io.ReadFull(c.r, b)
	return h.OpCode, b, err
}

// text reads a text message.
func (c *socket) text() string {
	c.t.Helper()
	op, b, err := c.frame()
	if err != nil || op != ws.OpText {
		c.t.Fatalf("got %v %q, %v; want a text message", op, b, err)
	}
	return string(b)
}

func (c *socket) want(text string) {
	c.t.Helper()
	if got := c.text(); got != text {
		c.t.Fatalf("got %q, want %q", got, text)
	}
}

// wantClose reads a Close frame with a code, and the end of the connection.
func (c *socket) wantClose(code ws.StatusCode) {
	c.t.Helper()
	op, b, err := c.frame()
	if err != nil || op != ws.OpClose {
		c.t.Fatalf("got %v %q, %v; want a close frame", op, b, err)
	}
	if len(b) < 2 || ws.StatusCode(binary.BigEndian.Uint16(b)) != code {
		c.t.Errorf("closed with %v, want %d", b, code)
	}
	c.wantEOF()
}

func (c *socket) wantEOF() {
	c.t.Helper()
	if op, b, err := c.frame(); !errors.Is(err, io.EOF) {
		c.t.Errorf("got %v %q, %v; want the connection's end", op, b, err)
	}
}

// A bystander is a session that must not notice what happens to others.
type bystander struct {
	*socket
	app *session
	n   int
}

func (s *site) bystander() *bystander {
	c, app := s.openSocket()
	return &bystander{socket: c, app: app}
}

func (b *bystander) wantUnharmed() {
	b.t.Helper()
	b.n++
	m := fmt.Sprintf("4still here %d", b.n)
	b.send(m)
	b.want(m)
	b.app.wantOpen(b.t)
}
