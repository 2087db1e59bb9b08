package socketio

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"snug/engineio"
)

// Options configure a Server; the zero value is good for one node.
type Options struct {
	Engine         engineio.Server // transport settings; its Accept is not used
	ConnectTimeout time.Duration   // 45 s if zero
	MaxInbox       int             // events of one socket that wait for their handler before reading stops; 256 if zero
	MaxInboxBytes  int             // and their bytes; 1 MiB if zero
	MaxNamespaces  int             // namespaces that one connection may be in; 32 if zero
	MaxDepth       int             // how deep the JSON of a packet may be nested, at most packet.MaxDepth; packet.DefaultDepth if zero
	PacketRate     float64         // packets a second that one connection may bring in the long run: above, it is read more slowly; no limit if zero
	PacketBurst    int             // and at once; 4 seconds' worth if zero
	Adapter        Adapter         // nil: this node alone
	Logger         *slog.Logger    // slog.Default if nil
}

// Times that a connection is given.
const (
	defaultConnectTimeout = 45 * time.Second
	fullTimeout           = 20 * time.Second // with a full inbox
	attachmentTimeout     = 10 * time.Second // to bring the attachments it announced
)

// A Server is an [http.Handler] to be mounted at /socket.io/.
type Server struct {
	// Static after construction.
	opts   Options
	engine *engineio.Server
	log    *slog.Logger
	node   *node     // nil without an adapter
	began  time.Time // see clock

	crew        crew // the goroutines that run handlers
	connections atomic.Int64
	sockets     atomic.Int64
	panics      atomic.Int64

	mu         sync.RWMutex          // tier 3
	namespaces map[string]*Namespace // guarded by mu
	patterns   []*Namespace          // guarded by mu
}

// clock is the time since the server was made, by the monotonic clock: a third of
// the memory of a time.Time, where every connection keeps some.
func (s *Server) clock() time.Duration { return time.Since(s.began) }

// NewServer returns a server without namespaces.
func NewServer(opts Options) *Server {
	opts.ConnectTimeout = cmp.Or(opts.ConnectTimeout, defaultConnectTimeout)
	opts.MaxInbox = cmp.Or(opts.MaxInbox, 256)
	opts.MaxInboxBytes = cmp.Or(opts.MaxInboxBytes, 1<<20)
	opts.MaxNamespaces = cmp.Or(opts.MaxNamespaces, 32)
	opts.PacketBurst = cmp.Or(opts.PacketBurst, int(4*opts.PacketRate))
	opts.Engine.MaxOutbox = cmp.Or(opts.Engine.MaxOutbox, 1<<20)
	opts.Logger = cmp.Or(opts.Logger, slog.Default())
	opts.Engine.Logger = cmp.Or(opts.Engine.Logger, opts.Logger)
	s := &Server{opts: opts, log: opts.Logger, namespaces: map[string]*Namespace{}, began: time.Now()}
	s.engine = &s.opts.Engine
	s.engine.Accept = func(c *engineio.Conn) engineio.Handler {
		k := newConnection(s, c)
		k.greet()
		return k
	}
	if opts.Adapter != nil {
		s.node = newNode(s, opts.Adapter)
	}
	return s
}

// ServeHTTP serves one request of a client, whatever its path.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.engine.ServeHTTP(w, r) }

// Of returns the namespace of that name, making it at the first call. The main
// one is "/"; a name without a slash at its beginning is given one.
func (s *Server) Of(name string) *Namespace {
	if !strings.HasPrefix(name, "/") {
		name = "/" + name
	}
	s.mu.RLock()
	patterns := s.patterns
	s.mu.RUnlock()
	// One that a pattern accepts begins with the pattern's handlers, as if a
	// client had been the first to ask for it.
	parent := s.match(patterns, name)
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.namespaces[name]
	if n == nil {
		n = s.add(name, parent)
	}
	n.pinned = true
	return n
}

// OfFunc returns a namespace that stands for every name that match accepts and
// that is no other's. Such a namespace comes to be when the first client
// connects to it, with the handlers of the one returned, and goes when the last
// has left. A [Target] of the one returned is all of them.
//
// match may be called from several goroutines at once, and must not block.
func (s *Server) OfFunc(match func(name string) bool) *Namespace {
	n := newNamespace(s, "", new(table))
	n.match = match
	s.mu.Lock()
	defer s.mu.Unlock()
	s.patterns = append(slices.Clip(s.patterns), n)
	return n
}

// match is the first pattern that accepts the name, nil if there is none.
func (s *Server) match(patterns []*Namespace, name string) (found *Namespace) {
	for _, p := range patterns {
		accepted := false
		s.guard("match", func() { accepted = p.match(name) })
		if accepted {
			return p
		}
	}
	return nil
}

// add makes a namespace; parent is the pattern that accepts it, or nil.
// It must be called with mu locked.
func (s *Server) add(name string, parent *Namespace) *Namespace {
	handlers := new(table)
	if parent != nil {
		handlers = parent.table
	}
	n := newNamespace(s, name, handlers)
	n.parent = parent
	s.namespaces[name] = n
	return n
}

// acquire is the namespace that a client asks for, nil if there is none. It
// stays until it is released.
func (s *Server) acquire(name string) *Namespace {
	s.mu.Lock()
	if n := s.namespaces[name]; n != nil {
		n.clients++
		s.mu.Unlock()
		return n
	}
	patterns := s.patterns
	s.mu.Unlock()
	parent := s.match(patterns, name) // not under the lock: it is the application's
	if parent == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.namespaces[name]
	if n == nil {
		n = s.add(name, parent)
	}
	n.clients++
	return n
}

// release forgets a pattern's namespace whose last client has left, lest
// clients could fill the memory with names.
func (s *Server) release(n *Namespace) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n.clients--
	if n.clients == 0 && n.parent != nil && !n.pinned && s.namespaces[n.name] == n {
		delete(s.namespaces, n.name)
	}
}

// known is the namespace of that name if there is one now.
func (s *Server) known(name string) *Namespace {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.namespaces[name]
}

// childrenOf are the namespaces that the pattern serves now.
func (s *Server) childrenOf(pattern *Namespace) []*Namespace {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var children []*Namespace
	for _, n := range s.namespaces {
		if n.parent == pattern {
			children = append(children, n)
		}
	}
	return children
}

// Run joins the cluster through the adapter and serves it until ctx is done,
// when it returns nil, or until the adapter fails. Without an adapter it only
// waits. A server that has one must run to hear of the other nodes.
func (s *Server) Run(ctx context.Context) error {
	if s.node == nil {
		<-ctx.Done()
		return nil
	}
	return s.node.run(ctx)
}

// Shutdown closes every connection's transport, so that clients come back by
// themselves, and waits for the handlers, or for ctx. No namespace says
// goodbye: a client that is disconnected from one stays away.
func (s *Server) Shutdown(ctx context.Context) error {
	if err := s.engine.Shutdown(ctx); err != nil {
		return fmt.Errorf("socketio: shutdown: %w", err)
	}
	if err := s.crew.wait(ctx); err != nil {
		return fmt.Errorf("socketio: shutdown: waiting for handlers: %w", err)
	}
	return nil
}

// CloseWhere ends each connection of this node whose handshake pick says yes to,
// and says how many those are. The clients are told by a DISCONNECT of each
// namespace, so that stock ones do not come back by themselves. pick must not block.
func (s *Server) CloseWhere(pick func(*engineio.Handshake) bool) int {
	s.mu.RLock()
	namespaces := slices.Collect(maps.Values(s.namespaces))
	s.mu.RUnlock()
	// A client that was told may end its session before the engine gets to it.
	picked := make(map[*engineio.Handshake]struct{})
	note := func(hs *engineio.Handshake) bool {
		if !pick(hs) {
			return false
		}
		picked[hs] = struct{}{}
		return true
	}
	for _, n := range namespaces {
		for socket := range n.All().Local().Sockets() {
			if note(socket.conn.eio.Handshake()) {
				socket.Disconnect(false)
			}
		}
	}
	s.engine.CloseWhere(note)
	return len(picked)
}

// Stats are figures of a running server.
type Stats struct {
	Connections int64 // open now
	Sockets     int64 // connected to a namespace now
	Panics      int64 // of handlers, since the start
}

// Stats returns the figures of this node. It costs next to nothing.
func (s *Server) Stats() Stats {
	return Stats{s.connections.Load(), s.sockets.Load(), s.panics.Load()}
}

// EngineStats returns the figures of the transports; see [engineio.Server.Stats].
func (s *Server) EngineStats() engineio.Stats { return s.engine.Stats() }

// guard runs the application's code, and tells whether it returned. A panic
// there is logged and counted here, the only place that recovers from one, and
// must not be the end of more than a connection.
func (s *Server) guard(what string, f func()) (ok bool) {
	defer func() {
		if r := recover(); r != nil {
			s.panics.Add(1)
			s.log.Error("socketio: handler panicked", "handler", what, "panic", r, "stack", string(debug.Stack()))
		}
	}()
	f()
	return true
}

// A crew is a number of goroutines that someone may wait for.
type crew struct {
	mu   sync.Mutex    // tier 1
	n    int           // guarded by mu
	idle chan struct{} // guarded by mu; closed when n is 0, nil if no one waits
}

func (c *crew) start(f func()) {
	c.mu.Lock()
	c.n++
	c.mu.Unlock()
	go func() {
		defer c.done()
		deepen()
		f()
	}()
}

// deepen has the goroutine's stack grow at once to what handlers mostly need, while
// there is nothing on it: it would grow in steps otherwise, and each copy what is there.
// With it a connection costs a twentieth less.
//
//go:noinline
func deepen() (sum byte) {
	var room [10 << 10]byte
	for i := 0; i < len(room); i += 1 << 10 {
		sum += room[i]
	}
	return sum
}

func (c *crew) done() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n--; c.n == 0 && c.idle != nil {
		close(c.idle)
		c.idle = nil
	}
}

// wait returns when no goroutine is left, or with the error of ctx.
func (c *crew) wait(ctx context.Context) error {
	c.mu.Lock()
	if c.n == 0 {
		c.mu.Unlock()
		return nil
	}
	if c.idle == nil {
		c.idle = make(chan struct{})
	}
	idle := c.idle
	c.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
