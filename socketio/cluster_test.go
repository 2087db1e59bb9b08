package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"snug/socketio"
)

// newCluster is two servers in one process, joined by a hub.
func newCluster(t *testing.T) (one, two *site) {
	t.Helper()
	hub := socketio.NewMemoryHub()
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	t.Cleanup(func() {
		stop()
		wg.Wait()
	})
	sites := [2]*site{}
	for i := range sites {
		s := newSite(t, socketio.Options{Adapter: hub.Adapter()}, func(io *socketio.Server) { io.Of("/meet") })
		wg.Go(func() {
			if err := s.Run(ctx); err != nil {
				t.Errorf("Run: %v", err)
			}
		})
		sites[i] = s
	}
	// Until each has subscribed, and heard of the other.
	for i, s := range sites {
		w := sites[1-i].join("/meet")
		eventually(t, func() bool {
			if err := s.Of("/meet").All().Emit(t.Context(), "hello"); err != nil {
				t.Fatal(err)
			}
			select {
			case m := <-w.got:
				return m == `42/meet,["hello"]`
			case <-time.After(time.Millisecond):
				return false
			}
		})
		_ = w.conn.Close()
	}
	return sites[0], sites[1]
}

func TestCluster(t *testing.T) {
	one, two := newCluster(t)
	ctx := t.Context()
	a, b := one.open(), two.open()
	sa, sb := one.Of("/custom").Socket(a.connect("/custom")), two.Of("/custom").Socket(b.connect("/custom"))
	sa.Join("red")
	sb.Join("red", "blue")
	n := one.Of("/custom")
	quiet := func(w *wire) {
		t.Helper()
		w.send(`42/custom,["echo"]`)
		w.want(`42/custom,["echoed"]`)
	}

	if err := n.To("red").Emit(ctx, "x", []byte("bytes"), 1); err != nil {
		t.Error(err)
	}
	for _, w := range []*wire{a, b} {
		w.want(`451-/custom,["x",`+ph(0)+`,1]`, "b:bytes")
	}
	if err := errors.Join(
		n.To("red").Local().Emit(ctx, "local"),
		n.To("blue").Emit(ctx, "blue"),
		sa.Broadcast().Emit(ctx, "broadcast"),
		n.To("red").Except("blue").Emit(ctx, "but blue"),
		n.To(sb.ID()).Emit(ctx, "by id"),
	); err != nil {
		t.Error(err)
	}
	a.want(`42/custom,["local"]`, `42/custom,["but blue"]`)
	b.want(`42/custom,["blue"]`, `42/custom,["broadcast"]`, `42/custom,["by id"]`)

	m1, err1 := n.Encode("m", 1)
	m2, err2 := n.Encode("m", []byte("2"))
	if err := errors.Join(err1, err2, n.All().Send(ctx, socketio.JoinMessages(m1, m2))); err != nil {
		t.Error(err)
	}
	for _, w := range []*wire{a, b} {
		w.want(`42/custom,["m",1]`, `451-/custom,["m",`+ph(0)+`]`, "b:2")
	}

	// In order, from either side.
	for i := range 1000 {
		if err := n.To("blue").Emit(ctx, "n", i); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 1000 {
		b.want(fmt.Sprintf(`42/custom,["n",%d]`, i))
	}

	if err := n.All().Join(ctx, "green"); err != nil {
		t.Error(err)
	}
	eventually(t, func() bool { return len(roomsOf(sb)) == 3 })
	if err := two.Of("/custom").To("green").Leave(ctx, "red"); err != nil {
		t.Error(err)
	}
	eventually(t, func() bool { return len(roomsOf(sa)) == 1 })
	if err := n.To("red").Emit(ctx, "nobody"); err != nil {
		t.Error(err)
	}
	quiet(a)
	quiet(b)
	if err := n.To("blue").Disconnect(ctx, false); err != nil {
		t.Error(err)
	}
	b.want("41/custom,")
	two.wantLeft(t, "/custom server namespace disconnect")
	quiet(a)
}

func roomsOf(s *socketio.Socket) map[string]bool {
	m := map[string]bool{}
	for r := range s.Rooms() {
		m[r] = true
	}
	return m
}

// Broadcast with acknowledgements, across nodes.
func TestClusterCall(t *testing.T) {
	one, two := newCluster(t)
	wires := map[string]*wire{}
	for _, s := range []*site{one, two, two} {
		w := s.open()
		wires[w.connect("/custom")] = w
	}
	answer := func(w *wire, reply string, binary ...string) {
		head := w.next()
		kind, rest := "43/custom,", strings.TrimPrefix(head, "42/custom,")
		if len(binary) > 0 {
			kind = "461-/custom,"
		}
		id, ok := strings.CutSuffix(rest, `["ask",1]`)
		if !ok || id == "" {
			t.Errorf("got %s", head)
		}
		if reply != "" {
			w.send(append([]string{kind + id + reply}, binary...)...)
		}
	}
	call := func(ctx context.Context) (replies map[string]string, last error) {
		replies = map[string]string{}
		for r, err := range one.Of("/custom").All().Call(ctx, "ask", 1) {
			switch {
			case r.SocketID == "":
				last = err
			case err != nil:
				replies[r.SocketID] = err.Error()
			default:
				var v any
				if err := r.Args.Decode(&v); err != nil {
					t.Error(err)
				}
				if b, ok := v.([]byte); ok {
					v = "bytes " + string(b)
				}
				replies[r.SocketID] = v.(string)
			}
		}
		return replies, last
	}
	want := map[string]string{}
	var wg sync.WaitGroup
	for id, w := range wires {
		want[id] = "bytes " + id
		wg.Go(func() { answer(w, `[`+ph(0)+`]`, "b:"+id) })
	}
	if got, err := call(t.Context()); err != nil || !maps.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	wg.Wait()

	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	for _, w := range wires {
		wg.Go(func() { answer(w, "") })
	}
	if got, err := call(ctx); !errors.Is(err, context.DeadlineExceeded) || len(got) > 0 {
		t.Errorf("got %v, %v, want a timeout", got, err)
	}
	wg.Wait()

	for id, w := range wires {
		want[id] = socketio.ErrDisconnected.Error()
		wg.Go(func() {
			answer(w, "")
			w.send("41/custom")
		})
	}
	if got, err := call(t.Context()); err != nil || !maps.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	wg.Wait()
	if got, err := call(t.Context()); err != nil || len(got) > 0 {
		t.Errorf("got %v, %v of nobody", got, err)
	}
}

// A node that falls silent is no longer waited for, even in the middle of a call.
func TestSilentNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := socketio.NewMemoryHub()
		s := newPipeSite(t, socketio.Options{Adapter: hub.Adapter()}, nil)
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		running := make(chan error, 1)
		go func() { running <- s.Run(ctx) }()
		synctest.Wait()
		// What another node says that dies at once: hello.
		hello := append([]byte{1, 1, 0, 4}, "dead"...)
		hello = append(hello, make([]byte, 9)...)
		if err := hub.Adapter().Publish(ctx, hello); err != nil {
			t.Fatal(err)
		}
		if err := hub.Adapter().Publish(ctx, []byte("garbage")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		begin := time.Now()
		for r, err := range s.Of("/custom").All().Call(ctx, "ask") {
			t.Errorf("got %v, %v", r, err)
		}
		if waited := time.Since(begin); waited < 10*time.Second || waited > 25*time.Second {
			t.Errorf("waited %v for a node that says nothing", waited)
		}
		s.alive(t)
		stop()
		if err := <-running; err != nil {
			t.Error(err)
		}
	})
}

// A failing adapter ends Run; emitting tells of it, and reaches who is here.
func TestAdapterFails(t *testing.T) {
	s := newSite(t, socketio.Options{Adapter: failing{}}, nil)
	if err := s.Run(t.Context()); !errors.Is(err, errTest) {
		t.Errorf("Run: %v", err)
	}
	w := s.join("/custom")
	if err := s.Of("/custom").All().Emit(t.Context(), "x"); !errors.Is(err, errTest) {
		t.Errorf("Emit: %v", err)
	}
	w.want(`42/custom,["x"]`)
	alone := newSite(t, socketio.Options{}, nil)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := alone.Run(ctx); err != nil {
		t.Errorf("Run without an adapter: %v", err)
	}
}

type failing struct{}

func (failing) Publish(context.Context, []byte) error           { return errTest }
func (failing) Subscribe(context.Context, func(b []byte)) error { return errTest }
