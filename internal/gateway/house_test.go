package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"snug/engineio"
	"snug/internal/chat"
	"snug/internal/gateway"
	"snug/internal/store/sqlite"
	"snug/internal/wire"
	"snug/socketio"
	"snug/socketio/client"
)

func TestMain(m *testing.M) {
	// net/http's own, which lingers for half a second after it has closed a connection.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

// patience is how long what must come may take, however busy the machine is.
const patience = 10 * time.Second

// ways are the transports; what is said about one must hold for the other.
var ways = map[string]client.Transport{"polling": client.Polling, "websocket": client.WebSocket}

// onBothWays runs a test over each transport, in one house.
func onBothWays(t *testing.T, h *house, f func(t *testing.T, h *house, way client.Transport)) {
	for name, way := range ways {
		t.Run(name, func(t *testing.T) { t.Parallel(); f(t, h.with(t), way) })
	}
}

// with is the same house for another test.
func (h *house) with(t testing.TB) *house {
	other := *h
	other.t = t
	return &other
}

// A house is the two towers with the gateway between them, served on a free
// port: all of Snug but its command line and its pages.
type house struct {
	t       testing.TB
	url     string
	path    string // of the store
	keys    *chat.Keyring
	store   *sqlite.Store
	service *chat.Service
	log     *safeBuffer
	stop    func() // as after a SIGKILL: nobody is drained; may be called again
}

type plan struct {
	path  string                      // of an earlier house
	store func(chat.Store) chat.Store // what the service sees of the store
	keep  chat.Keep                   // forever if 0
	rates bool                        // the limits have rates
}

func (p plan) limits() chat.Limits {
	if p.rates {
		return chat.DefaultLimits()
	}
	return chat.DefaultLimits().Unlimited()
}

var key = [32]byte{42}

// open starts a house, which the end of the test stops.
func open(t testing.TB, p plan) *house {
	t.Helper()
	h := &house{t: t, path: p.path, keys: chat.NewKeyring(key), log: new(safeBuffer)}
	if h.path == "" {
		h.path = filepath.Join(t.TempDir(), "log.db")
	}
	log := slog.New(slog.NewTextHandler(h.log, nil))
	var err error
	if h.store, err = sqlite.Open(context.Background(), h.path, sqlite.Options{Logger: log}); err != nil {
		t.Fatal(err)
	}
	var seen chat.Store = h.store
	if p.store != nil {
		seen = p.store(h.store)
	}
	if p.keep == 0 {
		p.keep = chat.KeepForever
	}
	io := socketio.NewServer(socketio.Options{
		Engine: engineio.Server{PingInterval: 9 * time.Second, PingTimeout: 5 * time.Second, MaxPayload: 64 << 10, Logger: log},
		Logger: log,
	})
	ns := io.Of("/")
	if h.service, err = chat.New(chat.Config{
		Store: seen, Bus: chat.NewLocalBus(), Outlet: gateway.NewOutlet(ns, log), Keep: p.keep, Limits: p.limits(), Logger: log,
	}); err != nil {
		t.Fatal(err)
	}
	gateway.Register(ns, gateway.Config{
		Service: h.service, Keys: h.keys, Clock: chat.SystemClock{}, Limits: wire.NewLimits(chat.DefaultLimits()), Version: "v-test", Logger: log,
	})
	inner, stopStore := context.WithCancel(context.Background())
	outer, stopService := context.WithCancel(context.Background())
	var running sync.WaitGroup
	run := func(what string, ctx context.Context, f func(context.Context) error) {
		running.Go(func() {
			if err := f(ctx); err != nil && ctx.Err() == nil {
				t.Errorf("%s ended: %v", what, err)
			}
		})
	}
	run("the store", inner, h.store.Run)
	serviceDone := make(chan struct{})
	run("the service", outer, func(ctx context.Context) error {
		defer close(serviceDone)
		return h.service.Run(ctx)
	})
	web := httptest.NewServer(io)
	h.url = web.URL
	h.stop = sync.OnceFunc(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := io.Shutdown(ctx); err != nil {
			t.Errorf("closing the sockets: %v", err)
		}
		web.Close()
		stopService()
		<-serviceDone
		stopStore()
		running.Wait()
		if err := h.store.Close(); err != nil {
			t.Errorf("closing the store: %v", err)
		}
	})
	t.Cleanup(h.stop)
	return h
}

// A person is one connection, and what it was told.
type person struct {
	t       testing.TB
	c       *client.Client
	welcome wire.Welcome

	mu    sync.Mutex
	told  []telling     // guarded by mu; those before heard have been asked for
	heard int           // guarded by mu
	cell  string        // a room of its own, whose events are no news; guarded by mu
	echo  chan struct{} // holds a token when something came from there
	news  chan struct{} // holds a token when told has grown
}

// A telling is one event, when it came.
type telling struct {
	event string
	body  json.RawMessage
	at    time.Time
}

// connect makes a connection. Without a token it is a newcomer's.
func (h *house) connect(way client.Transport, token string) *person {
	h.t.Helper()
	var auth func() any
	if token != "" {
		auth = func() any { return object{"token": token} }
	}
	p, err := h.dial(way, auth)
	if err != nil {
		h.t.Fatal(err)
	}
	raw := p.hear("welcome", nil)
	if err := json.Unmarshal(raw.body, &p.welcome); err != nil {
		h.t.Fatal(err)
	}
	return p
}

func (h *house) dial(way client.Transport, auth func() any) (*person, error) {
	h.t.Helper()
	p := &person{t: h.t, news: make(chan struct{}, 1), echo: make(chan struct{}, 1)}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var err error
	p.c, err = client.Dial(ctx, h.url, client.Options{
		Transport: way, Auth: auth,
		OnAny: func(_ *client.Client, event string, args client.Args, _ *client.Ack) {
			body := bytes.Clone(args.Raw(0))
			p.mu.Lock()
			ring := p.news
			if p.cell != "" && bytes.Contains(body, []byte(p.cell)) {
				ring = p.echo
			} else {
				p.told = append(p.told, telling{event, body, time.Now()})
			}
			p.mu.Unlock()
			select {
			case ring <- struct{}{}:
			default:
			}
		},
	})
	if err != nil {
		return nil, err
	}
	h.t.Cleanup(func() { _ = p.c.Close() })
	return p, nil
}

// A reply is an acknowledgement.
type reply struct {
	raw json.RawMessage
	wire.JoinReply
	Seq       uint32        `json:"seq"`
	At        string        `json:"at"`
	Duplicate bool          `json:"duplicate"`
	OwnerKey  string        `json:"ownerKey"`
	Error     *wire.Failure `json:"error"`
}

// object is a request's or an answer's.
type object = map[string]any

// ask sends a request and waits for its answer.
func (p *person) ask(event string, args ...any) reply {
	p.t.Helper()
	r, err := p.try(event, args...)
	if err != nil {
		p.t.Fatalf("%s %v: %v", event, args, err)
	}
	return r
}

// try is ask for a goroutine that is not the test's.
func (p *person) try(event string, args ...any) (reply, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	got, err := p.c.Call(ctx, event, args...)
	if err != nil {
		return reply{}, err
	}
	if got.Len() != 1 {
		return reply{}, fmt.Errorf("the answer has %d arguments", got.Len())
	}
	r := reply{raw: bytes.Clone(got.Raw(0))}
	if err := json.Unmarshal(r.raw, &r); err != nil {
		return reply{}, fmt.Errorf("%s: %w", r.raw, err)
	}
	if r.OK == (r.Error != nil) {
		return reply{}, fmt.Errorf("neither accepted nor refused: %s", r.raw)
	}
	return r, nil
}

// must is ask for a request that is accepted.
func (p *person) must(event string, args ...any) reply {
	p.t.Helper()
	r := p.ask(event, args...)
	if !r.OK {
		p.t.Fatalf("%s %v was refused: %s", event, args, r.raw)
	}
	return r
}

// refused is ask for a request that is refused, with a code.
func (p *person) refused(code chat.Code, event string, args ...any) wire.Failure {
	p.t.Helper()
	r := p.ask(event, args...)
	if r.OK || r.Error.Code != string(code) || r.Error.Message == "" {
		p.t.Fatalf("%s %v: %s, want %s", event, args, r.raw, code)
	}
	return *r.Error
}

// room makes a room and joins it.
func (p *person) room(name string) string {
	p.t.Helper()
	code := p.must("create", object{}).Room
	p.must("join", object{"room": code, "name": name})
	return code
}

// next returns the first event, behind those that were asked for before, that
// match accepts; false if none has come yet.
func (p *person) next(event string, match func(json.RawMessage) bool) (telling, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := p.heard; i < len(p.told); i++ {
		if e := p.told[i]; e.event == event && (match == nil || match(e.body)) {
			p.heard = i + 1
			return e, true
		}
	}
	return telling{}, false
}

// hear waits for an event that match accepts.
func (p *person) hear(event string, match func(json.RawMessage) bool) telling {
	p.t.Helper()
	timeout := time.After(patience)
	for {
		if e, ok := p.next(event, match); ok {
			return e
		}
		select {
		case <-p.news:
		case <-timeout:
			p.mu.Lock()
			defer p.mu.Unlock()
			p.t.Fatalf("waited in vain for %s; told: %s", event, p.told[p.heard:])
		}
	}
}

// all lists what was told so far under a name.
func (p *person) all(event string) []json.RawMessage {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []json.RawMessage
	for _, e := range p.told {
		if e.event == event {
			list = append(list, e.body)
		}
	}
	return list
}

// sync waits until everything that was sent to p before has been heard: what is
// sent to one connection keeps its order, but answers overtake events in the
// client. So p says something in a room of its own, and waits to hear it.
func (p *person) sync() {
	p.t.Helper()
	if p.cell == "" {
		cell := p.must("create", object{}).Room
		p.mu.Lock()
		p.cell = cell
		p.mu.Unlock()
		p.must("join", object{"room": cell, "name": "Echo"})
	}
	p.must("send", object{"room": p.cell, "text": "echo"})
	select {
	case <-p.echo:
	case <-time.After(patience):
		p.t.Fatal("waited in vain for an echo")
	}
}

func (e telling) String() string { return e.event + string(e.body) }

// decode reads what was told.
func decode[T any](t testing.TB, raw json.RawMessage) (v T) {
	t.Helper()
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return v
}

// presence matches a presence event by what is in it.
func presence(match func(wire.Presence) bool) func(json.RawMessage) bool {
	return func(raw json.RawMessage) bool {
		var p wire.Presence
		return json.Unmarshal(raw, &p) == nil && match(p)
	}
}

// left matches a presence event that tells that a member has left.
func left(id string) func(json.RawMessage) bool {
	return presence(func(p wire.Presence) bool {
		for _, d := range p.Left {
			if d.ID == id {
				return true
			}
		}
		return false
	})
}

func joined(id string) func(json.RawMessage) bool {
	return presence(func(p wire.Presence) bool {
		for _, m := range p.Joined {
			if m.ID == id {
				return true
			}
		}
		return false
	})
}

// A safeBuffer is a log to be read while it is written.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer // guarded by mu
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
