package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"snug/socketio"
	"snug/socketio/client"
)

// An anvil is what the hammer falls on: handlers that do anything at random,
// and count who comes and goes.
type anvil struct {
	t                       *testing.T
	connected, disconnected atomic.Int64
	busy                    sync.Map // sockets whose handler runs
}

func anyRoom() string { return fmt.Sprint("room", rand.N(4)) }

// handle is a handler that checks that it is the only one of its socket.
func (a *anvil) handle(f func(context.Context, *socketio.Socket)) socketio.Handler {
	return func(ctx context.Context, s *socketio.Socket, _ socketio.Args, ack *socketio.Ack) error {
		if _, two := a.busy.LoadOrStore(s, true); two {
			a.t.Error("two handlers of one socket at once")
		}
		defer a.busy.Delete(s)
		f(ctx, s)
		return ack.Reply("done")
	}
}

func (a *anvil) set(n *socketio.Namespace) {
	n.OnConnect(func(_ context.Context, s *socketio.Socket) error {
		if rand.N(8) == 0 {
			return errTest
		}
		a.connected.Add(1)
		s.Join(anyRoom())
		return s.Emit("hello")
	})
	n.OnDisconnect(func(s *socketio.Socket, _ socketio.Reason) {
		if _, running := a.busy.Load(s); running {
			a.t.Error("OnDisconnect while a handler runs")
		}
		a.disconnected.Add(1)
	})
	n.OnError(func(*socketio.Socket, error) (any, bool) { return nil, false }) // of replies to those who are gone
	n.Handle("join", a.handle(func(_ context.Context, s *socketio.Socket) { s.Join(anyRoom(), anyRoom()) }))
	n.Handle("leave", a.handle(func(_ context.Context, s *socketio.Socket) { s.Leave(anyRoom()) }))
	n.Handle("kick", a.handle(func(_ context.Context, s *socketio.Socket) { s.Disconnect(rand.N(2) == 0) }))
	n.Handle("say", a.handle(say))
	n.Handle("ask", a.handle(ask))
}

func say(ctx context.Context, s *socketio.Socket) {
	target := s.Namespace().To(anyRoom())
	switch rand.N(4) {
	case 0:
		target = target.To(anyRoom())
	case 1:
		target = target.Except(anyRoom())
	case 2:
		target = s.Broadcast().Volatile()
	}
	_ = target.Emit(ctx, "said", "something", []byte("binary"))
}

func ask(ctx context.Context, s *socketio.Socket) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	_, _ = socketio.Call[string](ctx, s, "question")
	for range s.Namespace().To(anyRoom()).Call(ctx, "question") {
		if rand.N(4) == 0 {
			break
		}
	}
}

// strike is one client's life; what it does may fail, for it may be kicked.
func strike(ctx context.Context, t *testing.T, url string) {
	c, err := client.Dial(ctx, url, client.Options{
		Namespace: []string{"/h", "/ab", "/cd"}[rand.N(3)],
		Transport: client.Transport(rand.N(3)),
		OnAny: func(_ *client.Client, event string, _ client.Args, ack *client.Ack) {
			if event == "question" && rand.N(3) > 0 {
				_ = ack.Reply("answer")
			}
		},
	})
	if refused := new(client.ConnectError); errors.As(err, &refused) {
		return
	}
	if err != nil {
		t.Error(err)
		return
	}
	for range 20 {
		event := []string{"join", "leave", "say", "say", "ask", "unknown"}[rand.N(6)]
		if rand.N(60) == 0 {
			event = "kick"
		}
		if rand.N(3) > 0 {
			_ = c.Emit(event)
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
		_, _ = c.Call(ctx, event)
		cancel()
	}
	if rand.N(2) == 0 {
		c.Abort()
	}
	_ = c.Close()
}

// Everything at once and at random; then everything must be gone.
func TestHammer(t *testing.T) {
	a := &anvil{t: t}
	hub := socketio.NewMemoryHub()
	opts := socketio.Options{MaxInbox: 16, Adapter: hub.Adapter()}
	// A polling client that is cut off between two requests is missed by its pings alone.
	opts.Engine.PingInterval, opts.Engine.PingTimeout = time.Second, time.Second
	s := newSite(t, opts, func(io *socketio.Server) {
		a.set(io.Of("/h"))
		a.set(io.OfFunc(func(name string) bool { return len(name) == 3 }))
	})
	ctx, stop := context.WithCancel(t.Context())
	var running, striking sync.WaitGroup
	running.Go(func() { _ = s.Run(ctx) })
	url := s.url()
	for range 8 {
		striking.Go(func() {
			for range 4 {
				strike(ctx, t, url)
			}
		})
	}
	striking.Wait()
	eventually(t, func() bool { return a.connected.Load() == a.disconnected.Load() && s.Stats().Sockets == 1 })
	for _, n := range []*socketio.Namespace{s.Of("/h"), s.Of("/ab")} {
		for sock := range n.To("room0", "room1", "room2", "room3").Sockets() {
			t.Errorf("%s is still in a room", sock.ID())
		}
	}
	if st := s.Stats(); st.Panics > 0 {
		t.Errorf("stats %+v", st)
	}
	s.alive(t)
	stop()
	running.Wait()
}
