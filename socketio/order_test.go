package socketio_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"snug/socketio"
	"snug/socketio/client"
)

func (s *site) url() string {
	conn, err := s.dial()
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	return "http://" + conn.RemoteAddr().(*net.TCPAddr).String()
}

// orderly is how many events go each way in TestOrder.
const orderly = 3000

// An order is the server's side of TestOrder. It takes "up" events, which must
// come in order, and answers every hundredth with a burst of as many "down" ones.
type order struct {
	t       *testing.T
	io      *socketio.Server
	seen    [2]atomic.Int64 // "up" events over polling, and over a WebSocket
	halfway chan struct{}   // closed when half of them have come
}

func (o *order) up(ctx context.Context, s *socketio.Socket, m struct {
	N int64
	B []byte
}) error {
	over := &o.seen[0]
	if s.Transport() == "websocket" {
		over = &o.seen[1]
	}
	over.Add(1)
	if got := o.seen[0].Load() + o.seen[1].Load(); got != m.N+1 || m.N%7 == 0 != (string(m.B) == fmt.Sprint(m.N)) {
		o.t.Errorf("got %d %q in place of %d", m.N, m.B, got-1)
	}
	if m.N == orderly/2 {
		close(o.halfway)
	}
	if m.N%100 != 0 {
		return nil
	}
	s.Join("room")
	for i := m.N; i < m.N+100; i++ {
		if err := o.down(ctx, s, i); err != nil {
			return err
		}
	}
	return nil
}

// down sends a number by one of the ways there are.
func (o *order) down(ctx context.Context, s *socketio.Socket, i int64) error {
	switch i % 4 {
	case 0:
		return s.Emit("n", i)
	case 1:
		return s.Emit("n", []byte(fmt.Sprint(i)))
	case 2:
		return o.io.Of("/").To("room").Emit(ctx, "n", i)
	}
	m, err := s.Namespace().Encode("n", i)
	if err != nil {
		return err
	}
	return s.Send(m)
}

// Both ways 3,000 events arrive in order, text and binary mixed, over each
// transport and while one takes the other's place.
func TestOrder(t *testing.T) {
	for name, transport := range map[string]client.Transport{"websocket": client.WebSocket, "polling": client.Polling, "upgrade": client.Upgrade} {
		t.Run(name, func(t *testing.T) {
			o := &order{t: t, halfway: make(chan struct{})}
			var opts socketio.Options
			// The upgrade comes in the midst of it: its request is held until then.
			opts.Engine.CheckOrigin = func(r *http.Request) bool {
				if transport == client.Upgrade && r.URL.Query().Get("transport") == "websocket" {
					<-o.halfway
				}
				return true
			}
			s := newSite(t, opts, func(io *socketio.Server) {
				o.io = io
				socketio.On(io.Of("/"), "up", o.up)
			})
			next, done := 0, make(chan struct{})
			c, err := client.Dial(t.Context(), s.url(), client.Options{
				Transport: transport,
				Header:    http.Header{"Origin": {"http://elsewhere.test"}},
				On: map[string]client.Handler{"n": func(_ *client.Client, args client.Args, _ *client.Ack) {
					var v any
					if err := args.Decode(&v); err != nil {
						t.Error(err)
					}
					text := fmt.Sprint(v)
					if b, ok := v.([]byte); ok {
						text = string(b)
					}
					if text != fmt.Sprint(next) {
						t.Errorf("got %s, want %d", text, next)
					}
					if next++; next == orderly {
						close(done)
					}
				}},
			})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			for i := range orderly {
				m := map[string]any{"N": i}
				if i%7 == 0 {
					m["B"] = []byte(fmt.Sprint(i))
				}
				if err := c.Emit("up", m); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := c.Call(t.Context(), "echo"); err != nil {
				t.Fatal(err)
			}
			polled, framed := o.seen[0].Load(), o.seen[1].Load()
			if polled+framed != orderly || (polled > 0) != (name != "websocket") || (framed > 0) != (name != "polling") {
				t.Errorf("%d events came by polling and %d by WebSocket, of %d", polled, framed, orderly)
			}
			select {
			case <-done:
			case <-time.After(patience):
				t.Fatal("events are missing")
			}
			s.alive(t)
		})
	}
}

// A socket's emits, acknowledgements and room broadcasts reach it in the order
// of the calls, even when they come from several goroutines that take turns.
func TestOrderOfCalls(t *testing.T) {
	const n = 500
	s := newSite(t, socketio.Options{}, nil)
	w := s.open()
	sock := s.Of("/").Socket(w.connect(""))
	sock.Join("room")
	turn := make(chan int, 1)
	turn <- 0
	var wg sync.WaitGroup
	emit := []func(i int) error{
		func(i int) error { return sock.Emit("n", i) },
		func(i int) error { return s.Of("/").To("room").Emit(t.Context(), "n", i) },
		func(i int) error {
			return s.Of("/").All().Except(s.bystander.t.Name()).To("room").Emit(t.Context(), "n", i)
		},
	}
	for _, f := range emit {
		wg.Go(func() {
			for i := range turn {
				if i == n {
					close(turn)
					return
				}
				if err := f(i); err != nil {
					t.Error(err)
				}
				turn <- i + 1
			}
		})
	}
	wg.Wait()
	for i := range n {
		w.want(fmt.Sprintf(`42["n",%d]`, i))
	}
}

// When Leave has returned, nothing more of the room comes.
func TestNothingAfterLeave(t *testing.T) {
	s := newSite(t, socketio.Options{}, nil)
	w := s.open()
	sock := s.Of("/").Socket(w.connect(""))
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					_ = s.Of("/").To("room").Emit(t.Context(), "of the room")
				}
			}
		})
	}
	for i := range 200 {
		sock.Join("room")
		sock.Leave("room")
		if err := sock.Emit("left", i); err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 {
			continue // and sometimes it is quiet for a while
		}
		time.Sleep(10 * time.Microsecond)
		if err := sock.Emit("still", i); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	wg.Wait()
	if err := sock.Emit("end"); err != nil {
		t.Fatal(err)
	}
	out := false
	for m := w.next(); m != `42["end"]`; m = w.next() {
		switch {
		case strings.HasPrefix(m, `42["left"`):
			out = true
		case strings.HasPrefix(m, `42["still"`):
			if !out {
				t.Fatal("came into the room between leaving it and the next event")
			}
			out = false
		case m == `42["of the room"]`:
			out = false // joined again
		}
	}
}

// Reasons, in the field's own words.
func TestReasons(t *testing.T) {
	s := newSite(t, socketio.Options{}, func(io *socketio.Server) {
		for _, n := range []*socketio.Namespace{io.Of("/"), io.Of("/custom")} {
			socketio.On(n, "kick", func(_ context.Context, s *socketio.Socket, all bool) error {
				s.Disconnect(all)
				s.Disconnect(all) // once is enough
				return nil
			})
		}
	})
	w := s.join("")
	w.connect("/custom")
	w.send("41/custom")
	s.wantLeft(t, "/custom client namespace disconnect")
	w.ping() // the other namespace goes on
	w.connect("/custom")
	w.send(`42/custom,["kick",false]`)
	w.want("41/custom,")
	s.wantLeft(t, "/custom server namespace disconnect")
	w.ping()
	w.connect("/custom") // and it may come back
	w.send(`42/custom,["kick",true]`)
	w.want("41", "41/custom,")
	w.wantClosed()
	s.wantLeftAny(t)
	s.wantLeftAny(t)

	w = s.join("")
	_ = w.conn.Close()
	s.wantLeft(t, "/ transport close")

	w = s.join("")
	w.send(`42["echo","` + strings.Repeat("x", 1_000_000) + `"]`)
	w.wantClosed()
	s.wantLeft(t, "/ transport error")
	s.alive(t)

	w = s.join("")
	w.send("41", "40")
	s.wantLeft(t, "/ client namespace disconnect")
	w.admitted("")
	w.send("1")
	s.alive(t)
}

// What was sent before the end is handled, and OnDisconnect comes last.
func TestEventsBeforeTheEnd(t *testing.T) {
	var log []string
	ended := make(chan struct{})
	hold := make(chan struct{})
	s := newSite(t, socketio.Options{}, func(io *socketio.Server) {
		n := io.Of("/last")
		n.Handle("n", func(ctx context.Context, _ *socketio.Socket, args socketio.Args, ack *socketio.Ack) error {
			<-hold
			<-ctx.Done()
			log = append(log, string(args.Raw(0)))
			return ack.Reply() // to no one: and no error to be logged
		})
		n.OnDisconnect(func(s *socketio.Socket, r socketio.Reason) {
			log = append(log, string(r))
			if err := s.Emit("x"); err != socketio.ErrDisconnected {
				t.Errorf("Emit: %v", err)
			}
			close(ended)
		})
	})
	w := s.join("/last")
	w.send(`42/last,1["n",1]`, `42/last,2["n",2]`, `42/last,3["n",3]`, "41/last")
	close(hold)
	<-ended
	if want := []string{"1", "2", "3", "client namespace disconnect"}; !slices.Equal(log, want) {
		t.Errorf("log %v, want %v", log, want)
	}
	w.connect("")
	w.ping()
}

// A session that ended under an emit is a socket that left, before and after the socket knows.
func TestEmitAtTheEnd(t *testing.T) {
	errs := make(chan error, 2)
	s := newSite(t, socketio.Options{}, func(io *socketio.Server) {
		io.Of("/").Handle("flood", func(ctx context.Context, s *socketio.Socket, _ socketio.Args, _ *socketio.Ack) error {
			var err error
			for big := strings.Repeat("x", 1<<20); err == nil; {
				err = s.Emit("big", big)
			}
			errs <- err // of the emit that was too much
			<-ctx.Done()
			errs <- s.Emit("late")
			return nil
		})
	})
	w := s.join("")
	w.send(`42["flood"]`)
	for range 2 {
		if err := <-errs; !errors.Is(err, socketio.ErrDisconnected) {
			t.Errorf("Emit: %v", err)
		}
	}
}

// "Server shutdown closes the transport, so that clients come back": no 41.
func TestShutdown(t *testing.T) {
	s := newSite(t, socketio.Options{}, nil)
	w := s.join("")
	release := make(chan struct{})
	entered := make(chan struct{})
	s.Of("/custom").Handle("slow", func(context.Context, *socketio.Socket, socketio.Args, *socketio.Ack) error {
		close(entered)
		<-release
		return nil
	})
	w.connect("/custom")
	w.send(`42/custom,["slow"]`)
	<-entered
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := s.Shutdown(ctx); err == nil {
		t.Error("Shutdown did not wait for the handler")
	}
	w.wantClosed()
	s.bystander.wantClosed()
	for range 2 {
		s.wantLeft(t, "/ server shutting down")
	}
	close(release)
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	s.wantLeft(t, "/custom server shutting down")
}

// A client that does not read costs itself: its outbox fills, it is closed.
func TestClientThatDoesNotRead(t *testing.T) {
	opts := socketio.Options{}
	opts.Engine.MaxOutbox = 1 << 20
	s := newSite(t, opts, nil)
	w := s.open()
	id := w.connect("")
	sock := s.Of("/").Socket(id)
	block := json.RawMessage(`"` + strings.Repeat("x", 100_000) + `"`)
	w.stalled.Store(true)
	for i := 0; ; i++ {
		if err := sock.Emit("block", block); err != nil {
			break
		}
		if i > 100_000 {
			t.Fatal("the outbox is never full")
		}
	}
	s.wantLeft(t, "/ outbox full")
	s.alive(t)
}
