package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"snug/socketio"
)

// A crowd are four clients: a in red, b in red and blue, c in blue, d in none.
type crowd struct {
	*site
	n     *socketio.Namespace
	wires map[string]*wire
	socks map[string]*socketio.Socket
}

func newCrowd(t *testing.T) *crowd {
	c := &crowd{site: newSite(t, socketio.Options{}, nil), wires: map[string]*wire{}, socks: map[string]*socketio.Socket{}}
	c.n = c.Of("/custom")
	for name, rooms := range map[string][]string{"a": {"red"}, "b": {"red", "blue"}, "c": {"blue"}, "d": nil} {
		w := c.open()
		sock := c.n.Socket(w.connect("/custom"))
		sock.Join(rooms...)
		c.wires[name], c.socks[name] = w, sock
	}
	return c
}

// got says who has got the event, and that they have it once.
func (c *crowd) got(t *testing.T, event string) string {
	t.Helper()
	var who []string
	for name, w := range c.wires {
		w.send(`42/custom,["echo"]`)
		times := 0
		for {
			m := w.next()
			if m == `42/custom,["echoed"]` {
				break
			}
			if !strings.HasPrefix(m, `42/custom,["`+event+`"`) {
				t.Errorf("%s got %s", name, m)
			}
			times++
		}
		if times > 1 {
			t.Errorf("%s got %s %d times", name, event, times)
		}
		if times > 0 {
			who = append(who, name)
		}
	}
	slices.Sort(who)
	return strings.Join(who, "")
}

func TestTargets(t *testing.T) {
	c := newCrowd(t)
	n, a, b := c.n, c.socks["a"], c.socks["b"]
	for i, test := range []struct {
		what   string
		target socketio.Target
		want   string
	}{
		{"everyone", n.All(), "abcd"},
		{"a room", n.To("red"), "ab"},
		{"two rooms, each socket once", n.To("red", "blue"), "abc"},
		{"two rooms, one after the other", n.To("red").To("blue"), "abc"},
		{"a room twice", n.To("red", "red"), "ab"},
		{"a room that is not there", n.To("green"), ""},
		{"no room is nobody", n.To(), ""},
		{"a socket by its id", n.To(a.ID()), "a"},
		{"a socket and a room that it is in", n.To(a.ID(), "red"), "ab"},
		{"everyone but a room", n.All().Except("red"), "cd"},
		{"everyone but two rooms", n.All().Except("red").Except("blue"), "d"},
		{"everyone but a socket", n.All().Except(a.ID()), "bcd"},
		{"a room but another", n.To("red").Except("blue"), "a"},
		{"a room but a socket", n.To("red").Except(a.ID()), "b"},
		{"a room but a room that is not there", n.To("red").Except("green"), "ab"},
		{"two rooms but a socket", n.To("red", "blue").Except(b.ID()), "ac"},
		{"a room but itself", n.To("red").Except("red"), ""},
		{"a socket but itself", n.To(a.ID()).Except(a.ID()), ""},
		{"broadcast", a.Broadcast(), "bcd"},
		{"broadcast to a room", a.Broadcast().To("red"), "b"},
		{"broadcast to a room that it is not in", c.socks["d"].Broadcast().To("red"), "ab"},
		{"local", n.To("red").Local(), "ab"},
	} {
		t.Run(test.what, func(t *testing.T) {
			event := fmt.Sprintf("event%d", i)
			if err := test.target.Emit(t.Context(), event, i); err != nil {
				t.Error(err)
			}
			if got := c.got(t, event); got != test.want {
				t.Errorf("%q got it, want %q", got, test.want)
			}
			var ids []string
			for s := range test.target.Sockets() {
				for name, sock := range c.socks {
					if s == sock {
						ids = append(ids, name)
					}
				}
			}
			slices.Sort(ids)
			if got := strings.Join(ids, ""); got != test.want {
				t.Errorf("sockets %q, want %q", got, test.want)
			}
			if got := test.target.Count(); got != len(test.want) {
				t.Errorf("counted %d, want %q", got, test.want)
			}
		})
	}
	if err := n.All().Emit(t.Context(), "error"); err == nil {
		t.Error("a reserved event was sent")
	}
	c.alive(t)
}

// A Target is a value: narrowing one changes no other.
func TestTargetIsAValue(t *testing.T) {
	c := newCrowd(t)
	base := c.n.To("red")
	_, _ = base.To("blue"), base.Except("red")
	one, two := base.Except(c.socks["a"].ID()), base.Except(c.socks["b"].ID())
	for want, target := range map[string]socketio.Target{"ab": base, "b": one, "a": two} {
		if err := target.Emit(t.Context(), "x"); err != nil {
			t.Error(err)
		}
		if got := c.got(t, "x"); got != want {
			t.Errorf("%q got it, want %q", got, want)
		}
	}
}

func TestJoinAndLeave(t *testing.T) {
	c := newCrowd(t)
	a, ctx := c.socks["a"], t.Context()
	rooms := func() []string { return slices.Sorted(a.Rooms()) }
	a.Join("red", "green", "green")
	if want := []string{"green", "red"}; !slices.Equal(rooms(), want) {
		t.Errorf("rooms %v, want %v", rooms(), want)
	}
	a.Leave("red", "never in")
	if err := c.n.To("red").Emit(ctx, "x"); err != nil {
		t.Error(err)
	}
	if got := c.got(t, "x"); got != "b" {
		t.Errorf("%q got it, want b", got)
	}
	if err := errors.Join(c.n.To("blue").Join(ctx, "new", "red"), c.n.To("new").Leave(ctx, "blue")); err != nil {
		t.Error(err)
	}
	for room, want := range map[string]string{"new": "bc", "red": "bc", "blue": ""} {
		if err := c.n.To(room).Emit(ctx, "y"); err != nil {
			t.Error(err)
		}
		if got := c.got(t, "y"); got != want {
			t.Errorf("%s: %q got it, want %q", room, got, want)
		}
	}
	// After it has left, a socket is in no room, but knows where it was.
	c.wires["a"].send("41/custom")
	<-a.Context().Done()
	c.wantLeft(t, "/custom client namespace disconnect")
	a.Join("late")
	a.Leave("green")
	if want := []string{"green"}; !slices.Equal(rooms(), want) {
		t.Errorf("rooms %v, want %v", rooms(), want)
	}
	if s := slices.Collect(c.n.To("green", "late").Sockets()); len(s) > 0 {
		t.Errorf("%d sockets are still there", len(s))
	}
	delete(c.wires, "a")
	if err := c.n.To("red").Disconnect(ctx, false); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"b", "c"} {
		c.wires[name].want("41/custom,")
		c.wantLeft(t, "/custom server namespace disconnect")
		delete(c.wires, name)
	}
	if err := c.n.All().Disconnect(ctx, true); err != nil {
		t.Error(err)
	}
	c.wires["d"].want("41/custom,")
	c.wires["d"].wantClosed()
	c.alive(t)
}

// Broadcast with acknowledgements.
func TestTargetCall(t *testing.T) {
	c := newCrowd(t)
	type got struct {
		replies map[string]string // by client
		errs    []error
	}
	call := func(ctx context.Context, target socketio.Target) chan got {
		done := make(chan got, 1)
		go func() {
			g := got{replies: map[string]string{}}
			for r, err := range target.Call(ctx, "ask", []byte("x")) {
				if r.SocketID == "" {
					g.errs = append(g.errs, err)
					continue
				}
				for name, sock := range c.socks {
					if sock.ID() == r.SocketID {
						g.replies[name] = string(r.Args.Raw(0))
						if err != nil {
							g.replies[name] = err.Error()
						}
					}
				}
			}
			done <- g
		}()
		return done
	}
	answer := func(name, reply string) {
		w := c.wires[name]
		head, ok := strings.CutPrefix(w.next(), "451-/custom,")
		id, ok2 := strings.CutSuffix(head, `["ask",`+ph(0)+`]`)
		w.want("b:x")
		if !ok || !ok2 || id == "" {
			t.Fatalf("%s got %s", name, head)
		}
		if reply != "" {
			w.send("43/custom," + id + reply)
		}
	}
	done := call(t.Context(), c.n.To("red", "blue"))
	answer("c", `["from c"]`)
	answer("a", `["from a"]`)
	answer("b", `["from b","more"]`)
	g := <-done
	if want := map[string]string{"a": `"from a"`, "b": `"from b"`, "c": `"from c"`}; !maps.Equal(g.replies, want) || len(g.errs) > 0 {
		t.Errorf("got %v, want %v", g, want)
	}

	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	done = call(ctx, c.n.To("red"))
	answer("a", `["in time"]`)
	answer("b", "")
	if g = <-done; g.replies["a"] != `"in time"` || len(g.replies) != 1 || len(g.errs) != 1 || !errors.Is(g.errs[0], context.DeadlineExceeded) {
		t.Errorf("got %v", g)
	}

	done = call(t.Context(), c.n.To("red"))
	answer("a", `["in time"]`)
	answer("b", "")
	_ = c.wires["b"].conn.Close()
	if g = <-done; g.replies["a"] != `"in time"` || g.replies["b"] != socketio.ErrDisconnected.Error() || len(g.errs) > 0 {
		t.Errorf("got %v", g)
	}

	if g = <-call(t.Context(), c.n.To("nobody")); len(g.replies)+len(g.errs) > 0 {
		t.Errorf("nobody answered %v", g)
	}
	for _, err := range c.n.All().Call(t.Context(), "ask", make(chan int)) {
		if err == nil {
			t.Error("a channel was sent")
		}
	}
	c.alive(t)
}

// What is volatile may be lost, but is not when nothing else is on its way.
func TestVolatile(t *testing.T) {
	c := newCrowd(t)
	w := c.wires["a"]
	eventually(t, func() bool {
		if err := c.n.To("red").Volatile().Emit(t.Context(), "volatile"); err != nil {
			t.Fatal(err)
		}
		select {
		case m := <-w.got:
			return m == `42/custom,["volatile"]`
		case <-time.After(time.Millisecond):
			return false
		}
	})
	// A client that does not read loses what is volatile, and stays.
	slow := c.wires["d"]
	slow.stalled.Store(true)
	block := strings.Repeat("x", 50_000)
	d := c.socks["d"].ID()
	for name, target := range map[string]socketio.Target{
		"itself": c.n.To(d), "everyone": c.n.All(), "all but another": c.n.All().Except(c.socks["a"].ID()), "two rooms": c.n.To(d, "red"),
	} {
		for range 100 {
			if err := target.Volatile().Emit(t.Context(), "block", block); err != nil {
				t.Fatal(err)
			}
		}
		if c.socks["d"].Context().Err() != nil {
			t.Fatalf("sent to %s: closed for what may be lost", name)
		}
	}
	c.alive(t)
}
