package socketio_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"snug/socketio"
)

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

// A site is a Server on a listener, with a bystander: a client that must not
// notice what is done to others.
type site struct {
	*socketio.Server
	t         *testing.T
	dial      func() (net.Conn, error)
	bystander *wire
	left      chan string // "<namespace> <reason>" of sockets that have left "/" or "/custom"
}

// A listener of net.Pipe connections, for fake time.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
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

func (l *pipes) dial() (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case l.conns <- far:
		return near, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// newSite serves over TCP. set adds to what every site has: namespaces "/" and
// "/custom", in both of which "echo" sends its arguments back, as an answer if
// one is wanted, else as "echoed".
func newSite(t *testing.T, opts socketio.Options, set func(*socketio.Server)) *site {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return start(t, l, func() (net.Conn, error) { return net.Dial("tcp", l.Addr().String()) }, opts, set)
}

// newPipeSite serves in memory, for fake time.
func newPipeSite(t *testing.T, opts socketio.Options, set func(*socketio.Server)) *site {
	t.Helper()
	l := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
	return start(t, l, l.dial, opts, set)
}

func start(t *testing.T, l net.Listener, dial func() (net.Conn, error), opts socketio.Options, set func(*socketio.Server)) *site {
	t.Helper()
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	s := &site{Server: socketio.NewServer(opts), t: t, dial: dial, left: make(chan string, 1000)}
	for _, n := range []*socketio.Namespace{s.Of("/"), s.Of("/custom")} {
		n.Handle("echo", func(_ context.Context, s *socketio.Socket, args socketio.Args, ack *socketio.Ack) error {
			if ack.Wanted() {
				return ack.Reply(args.Values()...)
			}
			return s.Emit("echoed", args.Values()...)
		})
		n.OnDisconnect(func(sock *socketio.Socket, reason socketio.Reason) {
			s.left <- sock.Namespace().Name() + " " + string(reason)
		})
	}
	if set != nil {
		set(s.Server)
	}
	srv := &http.Server{Handler: s, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		_ = srv.Close()
		<-served
		if st := s.Stats(); st.Connections != 0 || st.Sockets != 0 {
			t.Errorf("after the shutdown: %+v", st)
		}
	})
	s.bystander = s.join("")
	return s
}

// alive checks that the process and the bystander have noticed nothing.
func (s *site) alive(t *testing.T) {
	t.Helper()
	s.bystander.t = t
	s.bystander.ping()
}

// wantLeft waits for a socket's leaving.
func (s *site) wantLeft(t *testing.T, want string) {
	t.Helper()
	select {
	case got := <-s.left:
		if got != want {
			t.Errorf("left: %q, want %q", got, want)
		}
	case <-time.After(patience):
		t.Fatalf("no one left; want %q", want)
	}
}

// A wire is a WebSocket client that sends and gets messages as they are.
type wire struct {
	t    *testing.T
	conn net.Conn
	sid  string      // the engine's
	got  chan string // "b:" before binary ones; closed at the end

	silent  atomic.Bool   // answers no pings
	stalled atomic.Bool   // reads no more
	gone    chan struct{} // closed at the end of the test
}

// open makes a connection, without any namespace.
func (s *site) open() *wire {
	s.t.Helper()
	return s.openPath("/socket.io/?EIO=4&transport=websocket")
}

func (s *site) openPath(path string) *wire {
	s.t.Helper()
	conn, err := s.dial()
	if err != nil {
		s.t.Fatal(err)
	}
	in, _, err := ws.Dialer{}.Upgrade(conn, mustURL("ws://test"+path))
	if err != nil {
		s.t.Fatal(err)
	}
	if in == nil {
		in = bufio.NewReader(conn)
	}
	w := &wire{t: s.t, conn: conn, got: make(chan string, 10_000), gone: make(chan struct{})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(w.got)
		w.read(in)
		_ = conn.Close()
	}()
	s.t.Cleanup(func() {
		close(w.gone)
		_ = conn.Close()
		<-done
	})
	hs, found := strings.CutPrefix(w.next(), `0{"sid":"`)
	if w.sid, _, _ = strings.Cut(hs, `"`); !found {
		s.t.Fatalf("handshake %q", hs)
	}
	return w
}

// join is open and connecting to a namespace, "" for the main one.
func (s *site) join(namespace string) *wire {
	s.t.Helper()
	w := s.open()
	w.connect(namespace)
	return w
}

func (w *wire) read(in *bufio.Reader) {
	for {
		if w.stalled.Load() {
			<-w.gone
			return
		}
		h, err := ws.ReadHeader(in)
		if err != nil {
			return
		}
		b := make([]byte, h.Length)
		if _, err := io.ReadFull(in, b); err != nil || h.OpCode == ws.OpClose {
			return
		}
		switch {
		case h.OpCode == ws.OpBinary:
			w.got <- "b:" + string(b)
		case string(b) == "2":
			if !w.silent.Load() {
				w.send("3")
			}
		default:
			w.got <- string(b)
		}
	}
}

// send writes messages in one go; "b:" is before binary ones.
func (w *wire) send(messages ...string) {
	var out []byte
	for _, m := range messages {
		f := ws.NewTextFrame([]byte(m))
		if b, ok := strings.CutPrefix(m, "b:"); ok {
			f = ws.NewBinaryFrame([]byte(b))
		}
		b, err := ws.CompileFrame(ws.MaskFrame(f))
		if err != nil {
			panic(err)
		}
		out = append(out, b...)
	}
	_, _ = w.conn.Write(out) // what comes back tells
}

// next is the next message that is no ping.
func (w *wire) next() string {
	w.t.Helper()
	select {
	case m, ok := <-w.got:
		if !ok {
			w.t.Fatal("closed")
		}
		return m
	case <-time.After(patience):
		w.t.Fatal("nothing came")
	}
	return ""
}

// want checks the next messages.
func (w *wire) want(messages ...string) {
	w.t.Helper()
	for _, want := range messages {
		if got := w.next(); got != want {
			w.t.Fatalf("got  %.300s\nwant %.300s", got, want)
		}
	}
}

// wantClosed checks that nothing more comes but the end.
func (w *wire) wantClosed() {
	w.t.Helper()
	select {
	case m, ok := <-w.got:
		if ok {
			w.t.Fatalf("got %.300s, want the connection closed", m)
		}
	case <-time.After(patience):
		w.t.Fatal("not closed")
	}
}

// connect joins a namespace and returns the socket's id.
func (w *wire) connect(namespace string) string {
	w.t.Helper()
	w.send("40" + comma(namespace))
	return w.admitted(namespace)
}

// comma is a namespace as it stands in a packet.
func comma(namespace string) string {
	if namespace == "" {
		return ""
	}
	return namespace + ","
}

// admitted checks the answer to CONNECT and returns the id.
func (w *wire) admitted(namespace string) string {
	w.t.Helper()
	got := w.next()
	id, found := strings.CutPrefix(got, "40"+comma(namespace)+`{"sid":"`)
	id, ended := strings.CutSuffix(id, `"}`)
	if !found || !ended || id == "" || strings.Contains(id, `"`) { // the sid only
		w.t.Fatalf("got %s in answer to CONNECT", got)
	}
	return id
}

// ping checks that the client is served, and that nothing else comes.
func (w *wire) ping() {
	w.t.Helper()
	w.send(`42["echo","ping"]`)
	w.want(`42["echoed","ping"]`)
}

var errTest = errors.New("test")

// wantLeftAny waits for any socket's leaving.
func (s *site) wantLeftAny(t *testing.T) {
	t.Helper()
	select {
	case <-s.left:
	case <-time.After(patience):
		t.Fatal("no one left")
	}
}
