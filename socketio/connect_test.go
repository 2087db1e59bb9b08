package socketio_test

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"snug/engineio"
	"snug/socketio"
)

func mustURL(s string) *url.URL {
	u, err := url.Parse(s)
	if err != nil {
		panic(err)
	}
	return u
}

// "CONNECT with an object or nothing … Answer 40{"sid":…} only."
func TestConnect(t *testing.T) {
	ids := map[string]bool{}
	s := newSite(t, socketio.Options{}, func(io *socketio.Server) {
		for _, n := range []*socketio.Namespace{io.Of("/"), io.Of("custom")} {
			n.OnConnect(func(_ context.Context, s *socketio.Socket) error {
				if strings.Contains(string(s.Handshake().Auth), "tell") {
					return s.Emit("auth", s.Handshake().Auth)
				}
				return nil
			})
		}
	})
	for _, c := range []struct{ send, namespace, event string }{
		{"40", "", ""},
		{"40{}", "", ""},
		{`40{"tell":{"n":9007199254740993}}`, "", `42["auth",{"tell":{"n":9007199254740993}}]`},
		{"40/custom", "/custom", ""},
		{"40/custom,", "/custom", ""},
		{`40/custom,{"tell":"<me>"}`, "/custom", `42/custom,["auth",{"tell":"<me>"}]`},
	} {
		w := s.open()
		w.send(c.send)
		id := w.admitted(c.namespace)
		if ids[id] || len(id) < 20 {
			t.Errorf("id %q is used twice or can be guessed", id)
		}
		ids[id] = true
		if c.event != "" {
			w.want(c.event)
		}
		w.send("42" + comma(c.namespace) + `["echo"]`)
		w.want("42" + comma(c.namespace) + `["echoed"]`)
	}
	s.alive(t)
}

// "The engine's sid is a secret, and differs from the socket's public id."
func TestIDIsNotTheSessionID(t *testing.T) {
	s := newSite(t, socketio.Options{}, nil)
	w := s.open()
	w.send("40")
	id := w.admitted("")
	second := w.connect("/custom")
	if id == second {
		t.Error("one id for two sockets")
	}
	if strings.Contains(id, w.sid) || strings.Contains(w.sid, id) {
		t.Errorf("the public id %s tells the secret one, %s", id, w.sid)
	}
	// Who knows a socket's id cannot speak for it.
	for _, method := range []string{"GET", "POST"} {
		r := s.request(method, "/socket.io/?EIO=4&transport=polling&sid="+id, `441`)
		if r.StatusCode != 400 || r.body != unknownSID {
			t.Errorf("%s by a socket's id: %d %s", method, r.StatusCode, r.body)
		}
	}
	w.ping()
	s.alive(t)
	if sock := s.Of("/").Socket(id); sock == nil || sock.ID() != id || sock.Transport() != "websocket" || sock.Handshake().URL != "/socket.io/?EIO=4&transport=websocket" {
		t.Errorf("Socket(%q) = %+v", id, sock)
	}
	if s.Of("/").Socket("x") != nil || s.Of("/").Socket(second) != nil {
		t.Error("found a socket that is not there")
	}
}

// "Refusal 44/nsp,{"message","data"?} and the connection stays; unknown
// namespace {"message":"Invalid namespace"}."
func TestRefusal(t *testing.T) {
	s := newSite(t, socketio.Options{}, func(io *socketio.Server) {
		refuse := func(name string, err error) {
			io.Of(name).OnConnect(func(ctx context.Context, s *socketio.Socket) error {
				s.Join("room")
				_ = s.Emit("never", "sent")
				_ = io.Of(name).To("room").Emit(ctx, "never", "sent")
				return err
			})
			io.Of(name).OnDisconnect(func(*socketio.Socket, socketio.Reason) { t.Error("OnDisconnect of a refused socket") })
		}
		refuse("/plain", &socketio.ConnectError{Message: "no <entry>"})
		refuse("/data", fmt.Errorf("wrapped: %w", &socketio.ConnectError{Message: "no", Data: map[string]any{"code": 7}}))
		refuse("/secret", errTest)
		refuse("/bad", &socketio.ConnectError{Message: "no", Data: make(chan int)})
		io.Of("/middle").Use(func(context.Context, *socketio.Socket) error { return &socketio.ConnectError{Message: "not here"} })
		refuse("/middle", nil)
	})
	w := s.open()
	for namespace, want := range map[string]string{
		"/random":     `{"message":"Invalid namespace"}`,
		"/plain":      `{"message":"no <entry>"}`,
		"/data":       `{"message":"no","data":{"code":7}}`,
		"/secret":     `{"message":"internal error"}`,
		"/bad":        `{"message":"no"}`,
		"/middle":     `{"message":"not here"}`,
		"/custom?a=b": `{"message":"Invalid namespace"}`,
	} {
		for range 2 { // and it may be tried again
			w.send("40" + namespace + `,{"a":1}`)
			w.want("44" + namespace + "," + want)
		}
	}
	w.connect("")
	w.ping()
	s.alive(t)
	for n := range s.Of("/plain").All().Sockets() {
		t.Errorf("%s is still there", n.ID())
	}
}

// Middleware runs in order before OnConnect; an error ends it.
func TestMiddleware(t *testing.T) {
	var order []string
	s := newSite(t, socketio.Options{}, func(io *socketio.Server) {
		n := io.Of("/m")
		for _, name := range []string{"a", "b"} {
			n.Use(func(_ context.Context, s *socketio.Socket) error {
				order = append(order, name)
				return s.Emit("from", name)
			})
		}
		n.OnConnect(func(_ context.Context, s *socketio.Socket) error {
			order = append(order, "connect")
			return s.Emit("from", "connect")
		})
	})
	w := s.join("/m")
	w.want(`42/m,["from","a"]`, `42/m,["from","b"]`, `42/m,["from","connect"]`)
	if want := []string{"a", "b", "connect"}; !slices.Equal(order, want) {
		t.Errorf("order %v, want %v", order, want)
	}
}

// A slow OnConnect holds up its own socket alone: its events wait, what is
// emitted to it waits for the CONNECT answer, other namespaces go on.
func TestSlowOnConnect(t *testing.T) {
	let := make(chan error)
	entered := make(chan *socketio.Socket, 1)
	s := newSite(t, socketio.Options{}, func(io *socketio.Server) {
		io.Of("/slow").OnConnect(func(_ context.Context, s *socketio.Socket) error {
			s.Join("room")
			entered <- s
			return <-let
		})
		io.Of("/slow").Handle("echo", func(_ context.Context, s *socketio.Socket, args socketio.Args, _ *socketio.Ack) error {
			return s.Emit("echoed", args.Values()...)
		})
	})
	ctx := t.Context()
	w := s.open()
	w.send("40/slow", `42/slow,["echo",1]`, `42/slow,["echo",2]`)
	sock := <-entered
	if err := sock.Emit("early", 1); err != nil {
		t.Error(err)
	}
	if err := s.Of("/slow").To("room").Emit(ctx, "early", 2); err != nil {
		t.Error(err)
	}
	if err := s.Of("/slow").To("room").Volatile().Emit(ctx, "early", 0); err != nil {
		t.Error(err)
	}
	if err := s.Of("/slow").All().Emit(ctx, "to those who are in"); err != nil {
		t.Error(err)
	}
	if _, err := socketio.Call[int](ctx, sock, "x"); err != socketio.ErrNotConnected {
		t.Errorf("Call before CONNECT is answered: %v", err)
	}
	w.connect("") // another namespace goes on
	w.ping()
	let <- nil
	w.admitted("/slow")
	w.want(`42/slow,["early",1]`, `42/slow,["early",2]`, `42/slow,["echoed",1]`, `42/slow,["echoed",2]`)

	// Refused, nothing of it remains, and what waited is dropped.
	w2 := s.open()
	w2.send("40/slow", `42/slow,["echo",1]`)
	sock = <-entered
	w2.connect("") // by then the event has come, too: after the refusal it would end the connection
	let <- &socketio.ConnectError{Message: "no"}
	w2.want(`44/slow,{"message":"no"}`)
	w2.ping()
	if err := sock.Emit("late"); err != socketio.ErrDisconnected {
		t.Errorf("Emit to a refused socket: %v", err)
	}

	// A second CONNECT before the answer to the first.
	w2.send("40/slow", "40/slow")
	sock = <-entered
	w2.wantClosed()
	<-sock.Context().Done()
	let <- nil

	// The client goes while it is asked about.
	w3 := s.open()
	w3.send("40/slow")
	sock = <-entered
	_ = w3.conn.Close()
	<-sock.Context().Done()
	let <- nil
	s.alive(t)
}

// A socket that is disconnected by its OnConnect is first admitted.
func TestDisconnectInOnConnect(t *testing.T) {
	left := make(chan socketio.Reason, 1)
	s := newSite(t, socketio.Options{}, func(io *socketio.Server) {
		n := io.Of("/kick")
		n.OnConnect(func(_ context.Context, s *socketio.Socket) error {
			s.Disconnect(false)
			return s.Emit("bye")
		})
		n.OnDisconnect(func(_ *socketio.Socket, r socketio.Reason) { left <- r })
	})
	w := s.open()
	w.send("40/kick")
	w.admitted("/kick")
	w.want(`42/kick,["bye"]`, `41/kick,`)
	if r := <-left; r != socketio.ReasonServerDisconnect {
		t.Errorf("left by %q", r)
	}
}

// Those who are picked are told and cut, in whatever namespace they are or in none; the others notice nothing.
func TestCloseWhere(t *testing.T) {
	s := newSite(t, socketio.Options{}, nil)
	pick := func(h *engineio.Handshake) bool { return strings.Contains(h.URL, "bad=1") }
	if n := s.CloseWhere(pick); n != 0 {
		t.Errorf("%d connections were closed before there were any", n)
	}
	both, none := s.openPath("/socket.io/?EIO=4&transport=websocket&bad=1"), s.openPath("/socket.io/?EIO=4&transport=websocket&bad=1")
	both.connect("")
	both.connect("/custom")
	if n := s.CloseWhere(pick); n != 2 {
		t.Errorf("%d connections were closed, want 2", n)
	}
	got := []string{both.next(), both.next()}
	slices.Sort(got)
	if !slices.Equal(got, []string{"41", "41/custom,"}) {
		t.Errorf("told %q", got)
	}
	both.wantClosed()
	none.wantClosed()
	s.alive(t)
}

// A client that hears DISCONNECT and ends its session at once is one of those that were closed.
func TestCloseWhereSelfClosing(t *testing.T) {
	s := newSite(t, socketio.Options{}, nil)
	clients := make(map[string]*wire)
	for _, n := range []string{"one=1", "two=1"} {
		clients[n] = s.openPath("/socket.io/?EIO=4&transport=websocket&" + n)
		clients[n].connect("")
	}
	open := s.Stats().Connections
	first := ""
	n := s.CloseWhere(func(h *engineio.Handshake) bool {
		_, name, _ := strings.Cut(h.URL, "websocket&")
		if name == "" {
			return false // the bystander
		}
		if first == "" {
			first = name // told as soon as this returns
		}
		if first != name && s.Stats().Connections == open {
			_ = clients[first].conn.Close()
			for s.Stats().Connections == open {
				time.Sleep(time.Millisecond)
			}
		}
		return true
	})
	if n != 2 {
		t.Errorf("%d connections were closed, want 2", n)
	}
}

// Namespaces by pattern: handlers are shared, rooms are not.
func TestPattern(t *testing.T) {
	var pattern *socketio.Namespace
	s := newSite(t, socketio.Options{}, func(io *socketio.Server) {
		pattern = io.OfFunc(func(name string) bool {
			if name == "/panic" {
				panic("match")
			}
			return strings.HasPrefix(name, "/tenant-")
		})
		pattern.OnConnect(func(_ context.Context, s *socketio.Socket) error {
			s.Join("room")
			return s.Emit("in", s.Namespace().Name())
		})
		pattern.Handle("shout", func(ctx context.Context, s *socketio.Socket, args socketio.Args, _ *socketio.Ack) error {
			return s.Namespace().To("room").Emit(ctx, "shouted", args.Values()...)
		})
		io.Of("/tenant-static").Handle("shout", func(_ context.Context, s *socketio.Socket, _ socketio.Args, _ *socketio.Ack) error {
			return s.Emit("static")
		})
	})
	one, two, other := s.join("/tenant-1"), s.join("/tenant-2"), s.join("/tenant-2")
	one.want(`42/tenant-1,["in","/tenant-1"]`)
	two.want(`42/tenant-2,["in","/tenant-2"]`)
	other.want(`42/tenant-2,["in","/tenant-2"]`)
	two.send(`42/tenant-2,["shout",1]`)
	two.want(`42/tenant-2,["shouted",1]`)
	other.want(`42/tenant-2,["shouted",1]`)
	if err := pattern.All().Emit(t.Context(), "everyone"); err != nil {
		t.Error(err)
	}
	one.want(`42/tenant-1,["everyone"]`)
	two.want(`42/tenant-2,["everyone"]`)
	if err := pattern.To("room").Except("x").Emit(t.Context(), "again"); err != nil {
		t.Error(err)
	}
	one.want(`42/tenant-1,["again"]`)
	if _, err := pattern.Encode("x"); err == nil {
		t.Error("a message was encoded for no namespace in particular")
	}
	if n := len(slices.Collect(pattern.All().Sockets())); n != 3 {
		t.Errorf("%d sockets, want 3", n)
	}

	static := s.join("/tenant-static") // one by name may change the pattern's handlers
	static.want(`42/tenant-static,["in","/tenant-static"]`)
	static.send(`42/tenant-static,["shout"]`)
	static.want(`42/tenant-static,["static"]`)

	one.send("40/tenan")
	one.want(`44/tenan,{"message":"Invalid namespace"}`)
	one.send("40/panic")
	one.want(`44/panic,{"message":"Invalid namespace"}`)
	s.alive(t)
}

// The namespaces of one connection are bounded.
func TestTooManyNamespaces(t *testing.T) {
	s := newSite(t, socketio.Options{MaxNamespaces: 3}, func(io *socketio.Server) {
		io.OfFunc(func(string) bool { return true })
	})
	w := s.open()
	for i := range 3 {
		w.connect(fmt.Sprintf("/n%d", i))
	}
	w.send("40/n3")
	w.want(`44/n3,{"message":"Too many namespaces"}`)
	w.send("41/n0")
	eventually(t, func() bool {
		w.send("40/n3")
		return strings.HasPrefix(w.next(), "40/n3,")
	})
	// Connecting and leaving without end makes no more than that at once.
	var flood []string
	for range 1000 {
		flood = append(flood, "40/n4", "41/n4")
	}
	w.send("41/n1")
	w2 := s.open()
	w2.connect("")
	for i := 0; i < len(flood); i += 2 {
		w2.send(flood[i])
		if strings.HasPrefix(w2.next(), "40") {
			w2.send(flood[i+1])
		}
	}
	w2.ping()
	s.alive(t)
}

// Those count too that have left while the application is still busy with them.
func TestNamespacesThatHaveLeftCount(t *testing.T) {
	let := make(chan struct{})
	s := newSite(t, socketio.Options{MaxNamespaces: 3}, func(io *socketio.Server) {
		io.OfFunc(func(string) bool { return true }).OnConnect(func(context.Context, *socketio.Socket) error {
			<-let
			return nil
		})
	})
	w := s.open()
	for i := range 3 {
		w.send(fmt.Sprintf("40/n%d", i), fmt.Sprintf("41/n%d", i))
	}
	w.send("40/n3", "40/n0")
	w.want(`44/n3,{"message":"Too many namespaces"}`, `44/n0,{"message":"Too many namespaces"}`)
	close(let)
	eventually(t, func() bool {
		w.send("40/n3")
		return strings.HasPrefix(w.next(), "40/n3,")
	})
	s.alive(t)
}

// What is emitted to a socket that is not in yet is bounded as an outbox is.
func TestHeldIsBounded(t *testing.T) {
	let := make(chan struct{})
	entered := make(chan *socketio.Socket, 1)
	var opts socketio.Options
	opts.Engine.MaxOutbox = 100_000
	s := newSite(t, opts, func(io *socketio.Server) {
		io.Of("/slow").OnConnect(func(_ context.Context, s *socketio.Socket) error {
			entered <- s
			<-let
			return nil
		})
	})
	w := s.join("")
	w.send("40/slow")
	sock := <-entered
	block := strings.Repeat("x", 10_000)
	for range 9 {
		if err := sock.Emit("block", block); err != nil {
			t.Fatal(err)
		}
	}
	if err := sock.Emit("block", block); err != socketio.ErrDisconnected {
		t.Errorf("more than an outbox holds: %v", err)
	}
	w.wantClosed()
	s.wantLeft(t, "/ outbox full")
	close(let)
	s.alive(t)
}

// eventually waits for a condition.
func eventually(t *testing.T, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it never came true")
		}
	}
}
