package hostile

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"snug/internal/config"
	"snug/internal/server"
	"snug/socketio/client"
)

func TestMain(m *testing.M) {
	// net/http's own, which lingers for half a second after it has closed a connection.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

// patience is how long what must come may take, however busy the machine is.
const patience = 20 * time.Second

// A house is a whole server with two people in a room who mind their own business.
type house struct {
	t      testing.TB
	server *server.Server
	addr   string

	room     string // of those who mind their own business; not changed while cases run
	speaker  *client.Client
	listener *client.Client
	mu       sync.Mutex
	awaited  map[string]chan struct{} // texts that the listener is to hear; guarded by mu
	count    atomic.Int64
	baseline footprint
}

// open starts a house. Without rates, so that the cases do not wait for each
// other; times are short, so that those that drip are soon given up.
func open(t testing.TB, change func(*config.Config)) *house {
	t.Helper()
	cfg := server.Config{
		Config: config.Config{
			Listen: "127.0.0.1:0", Where: config.Where{Data: filepath.Join(t.TempDir(), "data")}, Keep: "30d", Limits: "off",
			Bounds: config.Bounds{HeaderTimeout: 400 * time.Millisecond, BodyTimeout: 400 * time.Millisecond, IdleTimeout: time.Second, WriteTimeout: time.Second},
		},
		Version: "v-test", Logger: slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&cfg.Config)
	}
	s, err := server.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the server ended with: %v", err)
		}
	})
	h := &house{t: t, server: s, addr: s.Addr().String(), awaited: make(map[string]chan struct{})}
	h.speaker = h.client("", nil)
	h.listener = h.client("", map[string]client.Handler{"message": func(_ *client.Client, args client.Args, _ *client.Ack) {
		var m struct{ Text string }
		if args.Decode(&m) == nil {
			h.mu.Lock()
			defer h.mu.Unlock()
			if heard := h.awaited[m.Text]; heard != nil {
				close(heard)
				delete(h.awaited, m.Text)
			}
		}
	}})
	h.move(t)
	h.wantUnharmed(t)
	h.baseline = h.settled(footprint{}, 0)
	return h
}

// move has the two go on in a room of their own that nobody has been in.
func (h *house) move(t testing.TB) {
	t.Helper()
	was := h.room
	h.room = h.call(t, h.speaker, "create", map[string]any{})["room"].(string)
	for c, name := range map[*client.Client]string{h.speaker: "Speaker", h.listener: "Listener"} {
		h.call(t, c, "join", map[string]any{"room": h.room, "name": name})
		if was != "" {
			h.call(t, c, "leave", map[string]any{"room": was})
		}
	}
}

// client is one that keeps the rules.
func (h *house) client(token string, on map[string]client.Handler) *client.Client {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	opts := client.Options{Transport: client.WebSocket, On: on}
	if token != "" {
		opts.Auth = func() any { return map[string]any{"token": token} }
	}
	c, err := client.Dial(ctx, "http://"+h.addr, opts)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = c.Close() })
	return c
}

func (h *house) call(t testing.TB, c *client.Client, event string, body any) map[string]any {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	args, err := c.Call(ctx, event, body)
	if err != nil {
		t.Fatalf("%s: %v", event, err)
	}
	var answer map[string]any
	if err := args.Decode(&answer); err != nil || answer["ok"] != true {
		t.Fatalf("%s was answered %s, %v", event, args.Raw(0), err)
	}
	return answer
}

// wantUnharmed fails unless the bystanders' next message arrives.
func (h *house) wantUnharmed(t testing.TB) {
	t.Helper()
	text := fmt.Sprint("message ", h.count.Add(1))
	heard := make(chan struct{})
	h.mu.Lock()
	h.awaited[text] = heard
	h.mu.Unlock()
	h.call(t, h.speaker, "send", map[string]any{"room": h.room, "text": text})
	select {
	case <-heard:
	case <-time.After(patience):
		t.Fatal("the bystander's next message does not arrive")
	}
}

// A footprint is what the process takes.
type footprint struct {
	goroutines int
	heap       uint64
}

// settled waits until goroutines and heap are back at what they were, within a
// tenth and spare, and returns what they are; with nothing to compare with, until they stand still.
func (h *house) settled(was footprint, spare uint64) (now footprint) {
	h.t.Helper()
	still := 0
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		last := now
		now = footprint{runtime.NumGoroutine(), m.HeapAlloc}
		if was == (footprint{}) {
			if still++; now.goroutines > last.goroutines || now.heap > last.heap+last.heap/100 {
				still = 0
			}
			if still == 5 {
				return now
			}
		} else if now.goroutines <= was.goroutines+was.goroutines/10 && now.heap <= was.heap+was.heap/10+spare {
			return now
		}
		if time.Now().After(deadline) {
			h.t.Fatalf("%d goroutines and %d KiB of heap, %d and %d before", now.goroutines, now.heap>>10, was.goroutines, was.heap>>10)
		}
	}
}

// caches is what is made once and kept, such as the buffers of pools, and is not there before the first case.
const caches = 1 << 20

// A trial is one case, as its table tells it.
type trial struct {
	name string
	run  func(t *testing.T, h *house)
}

// try runs a table twice, each case beside the others, and looks at what is left:
// after the second time no more than after the first.
func try(t *testing.T, h *house, trials []trial) {
	t.Helper()
	was, spare := h.baseline, uint64(caches)
	for _, round := range []string{"cases", "again"} {
		t.Run(round, func(t *testing.T) {
			places := make(chan struct{}, 8)
			for _, c := range trials {
				t.Run(c.name, func(t *testing.T) {
					t.Parallel()
					places <- struct{}{}
					defer func() { <-places }()
					c.run(t, h)
					h.wantUnharmed(t)
				})
			}
		})
		was, spare = h.settled(was, spare), 0
		h.move(t) // in which no name is taken
	}
	if stats := h.server.Stats(); stats.SocketIO.Panics > 0 {
		t.Errorf("%d handlers panicked", stats.SocketIO.Panics)
	}
}

// dial makes a connection on which everything can be said.
func (h *house) dial(t testing.TB) *wire {
	t.Helper()
	c, err := net.Dial("tcp", h.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return newWire(t, c)
}
