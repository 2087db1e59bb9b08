package socketio

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"snug/socketio/client"
)

// What clients bring into being is gone with them: rooms, the namespaces of a
// pattern, calls that no one answers, memory of an idle inbox.
func TestNothingIsLeftBehind(t *testing.T) {
	s := NewServer(Options{})
	pattern := s.OfFunc(func(name string) bool { return strings.HasPrefix(name, "/p") })
	pattern.OnConnect(func(_ context.Context, s *Socket) error {
		s.Join("a", "b")
		return nil
	})
	OnCall(pattern, "ask", func(ctx context.Context, s *Socket, _ struct{}) (int, error) {
		ctx, cancel := context.WithTimeout(ctx, time.Millisecond)
		defer cancel()
		_, _ = Call[int](ctx, s, "x")
		for range s.Namespace().All().Call(ctx, "x") {
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.calls), nil
	})
	srv := httptest.NewServer(s)
	defer srv.Close()
	defer func() {
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	kept := s.Of("/pinned")
	for _, name := range []string{"/p1", "/p2", "/pinned"} {
		c, err := client.Dial(t.Context(), srv.URL, client.Options{Namespace: name})
		if err != nil {
			t.Fatal(err)
		}
		args, err := c.Call(t.Context(), "ask")
		if err != nil || string(args.Raw(0)) != "0" {
			t.Errorf("%s calls are left, %v", args.Raw(0), err)
		}
		n := s.known(name)
		sock := n.Socket(c.ID())
		until(t, func() bool {
			sock.inbox.mu.Lock()
			defer sock.inbox.mu.Unlock()
			return sock.inbox.items == nil && !sock.inbox.running
		})
		_ = c.Close()
		until(t, func() bool { return s.Stats().Connections == 0 })
		n.index.mu.RLock()
		if len(n.index.rooms) > 0 || len(n.index.sockets) > 0 || len(n.index.all.members) > 0 {
			t.Errorf("%s still has %d rooms and %d sockets", name, len(n.index.rooms), len(n.index.sockets))
		}
		n.index.mu.RUnlock()
	}
	if s.known("/p1") != nil || s.known("/p2") != nil || s.known("/pinned") != kept {
		t.Errorf("namespaces %v", s.namespaces)
	}
}

// Nor are broadcasts that were asked of other nodes, however they end.
func TestNoCallOfTheClusterIsLeftBehind(t *testing.T) {
	hub := NewMemoryHub()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 2)
	var nodes [2]*Server
	for i := range nodes {
		nodes[i] = NewServer(Options{Adapter: hub.Adapter()})
		nodes[i].Of("/")
		go func() { ended <- nodes[i].Run(ctx) }()
	}
	defer func() {
		stop()
		for range nodes {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	}()
	srv := httptest.NewServer(nodes[1])
	defer srv.Close()
	defer func() { _ = nodes[1].Shutdown(t.Context()) }()
	c, err := client.Dial(t.Context(), srv.URL, client.Options{On: map[string]client.Handler{
		"ask": func(_ *client.Client, _ client.Args, ack *client.Ack) { _ = ack.Reply(1) },
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	calls := func() int {
		nodes[0].node.mu.Lock()
		defer nodes[0].node.mu.Unlock()
		return len(nodes[0].node.calls)
	}
	answers := func(event string, patience time.Duration) (n int) {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		for _, err := range nodes[0].Of("/").All().Call(ctx, event) {
			if calls() == 0 {
				t.Error("none under way: this shows nothing")
			}
			if err == nil {
				n++
			}
		}
		return n
	}
	until(t, func() bool { return answers("ask", time.Second) == 1 }) // they have found each other
	if n := calls(); n != 0 {
		t.Errorf("%d calls after all have answered", n)
	}
	if n := answers("nobody answers this", 10*time.Millisecond); n != 0 || calls() != 0 {
		t.Errorf("%d answers, and %d calls after the time", n, calls())
	}
}

func until(t *testing.T, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it never came true")
		}
	}
}
