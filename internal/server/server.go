// Package server puts Snug together: data directory, store, chat, Socket.IO
// and HTTP, started from the inside out and stopped from the edge inward.
package server

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"snug/engineio"
	"snug/internal/admin"
	"snug/internal/api"
	"snug/internal/chat"
	"snug/internal/config"
	"snug/internal/gateway"
	"snug/internal/metrics"
	"snug/internal/store/sqlite"
	"snug/socketio"
	"snug/web"
)

// Config is what a server is told: by its operator, and by the program.
type Config struct {
	config.Config
	Version string       // told to clients
	Logger  *slog.Logger // slog.Default if nil

	Clock    chat.Clock   // SystemClock if nil
	Listener net.Listener // served and closed in place of one on Listen, where set; then nothing else listens for the operator
}

// What the protocol fixes ("Presence").
const (
	pingInterval = 9 * time.Second
	pingTimeout  = 5 * time.Second
)

// How long each step of stopping may take.
const (
	drainPatience = 10 * time.Second // what is queued is committed and answered
	flushPatience = 6 * time.Second  // outboxes are flushed, which engineio gives 5 s
	closePatience = time.Second      // requests that nothing keeps any more
)

// A Server is a whole Snug, listening.
type Server struct {
	// Static after New.
	log      *slog.Logger
	dir      *directory
	store    *sqlite.Store
	chat     *chat.Service
	io       *socketio.Server
	door     *api.Door
	outlet   *gateway.Outlet
	metrics  *metrics.Metrics
	measures *admin.Measures
	admin    *admin.Server
	http     *http.Server
	listener net.Listener

	adminListener    net.Listener
	tls              *tls.Config   // nil: plain HTTP
	certificates     *certificates // nil: not those of an ACME authority
	metricsListener  net.Listener  // nil if there is none
	redirectListener net.Listener  // nil if there is none

	draining atomic.Bool
}

// New opens the data directory and listens; from then on clients may connect,
// but are served only by Run, which must be called once: it gives everything back. The
// errors are for the operator: they say what to do.
func New(cfg Config) (_ *Server, err error) {
	s := &Server{log: cfg.Logger, listener: cfg.Listener}
	if s.log == nil {
		s.log = slog.Default()
	}
	if cfg.Clock == nil {
		cfg.Clock = chat.SystemClock{}
	}
	keep, err := chat.ParseKeep(cfg.Keep)
	if err != nil {
		return nil, fmt.Errorf("--keep: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.release())
		}
	}()
	b, err := newBounds(cfg.Config)
	if err != nil {
		return nil, err
	}
	if s.dir, err = openDirectory(cfg.Data); err != nil {
		return nil, err
	}
	secret, err := s.dir.key()
	if err != nil {
		return nil, err
	}
	if s.listener == nil {
		if s.listener, err = listen(cfg.Listen); err != nil {
			return nil, err
		}
	}
	if err = s.secure(cfg); err != nil {
		return nil, err
	}
	if b := cfg.BasePath; b != "" && (!strings.HasPrefix(b, "/") || !strings.HasSuffix(b, "/") || strings.Contains(b, "//")) {
		return nil, fmt.Errorf("--base-path begins and ends with one slash, such as /chat/, and %q does not", b)
	}
	s.metrics = metrics.New(cfg.Version, s.sample)
	if cfg.Metrics != "" && cfg.Metrics != publicMetrics {
		if s.metricsListener, err = listen(cfg.Metrics); err != nil {
			return nil, fmt.Errorf("--metrics: %w", err)
		}
	}
	if err = s.openAdmin(cfg); err != nil {
		return nil, err
	}
	if s.store, err = sqlite.Open(context.Background(), s.dir.file(storeFile), sqlite.Options{Clock: cfg.Clock, Logger: s.log, Committed: s.metrics.Committed, Reserve: int64(b.ReserveBytes)}); err != nil {
		return nil, fmt.Errorf("opening the rooms' log: %w", err)
	}
	return s, s.assemble(cfg, b, keep, chat.NewKeyring(secret))
}

// assemble joins the towers.
func (s *Server) assemble(cfg Config, b bounds, keep chat.Keep, keys *chat.Keyring) error {
	proxies := api.NewProxies(func(a netip.Addr) bool {
		return slices.ContainsFunc(cfg.TrustedProxy, func(n config.Network) bool { return n.Contains(a) })
	}, s.log)
	s.door = api.NewDoor(api.DoorConfig{
		Most: b.Connections, PerAddress: b.AddressConnections, Handshakes: chatRate(b.Handshakes), Refusals: b.refusals,
		Secure:  s.tls != nil,
		Proxied: func(a chat.Address) bool { return proxies.Trusts(netip.Prefix(a).Addr()) },
	})
	s.io = socketio.NewServer(socketio.Options{
		Engine: engineio.Server{
			Path: "/socket.io/", PingInterval: pingInterval, PingTimeout: pingTimeout,
			MaxPayload: int64(b.PayloadBytes), MaxOutbox: b.OutboxBytes,
			ReadTimeout: b.BodyTimeout, WriteTimeout: b.WriteTimeout,
			Admit: s.admit, Logger: s.log,
		},
		MaxNamespaces: b.Namespaces,
		MaxDepth:      b.Nesting,
		PacketRate:    max(0, b.Packets.PerSecond),
		PacketBurst:   b.Packets.Burst,
		Logger:        s.log,
	})
	ns := s.io.Of("/")
	s.outlet = gateway.NewOutlet(ns, s.log)
	limits := b.chat()
	var err error
	s.chat, err = chat.New(chat.Config{
		Store: s.store, Bus: chat.NewLocalBus(), Outlet: s.outlet,
		Keep: keep, Limits: limits, Clock: cfg.Clock, Logger: s.log,
	})
	if err != nil {
		return err
	}
	gateway.Register(ns, gateway.Config{
		Service: s.chat, Keys: keys, Clock: cfg.Clock, Limits: b.wire(limits), Version: cfg.Version, Logger: s.log,
		Banned: s.measures.Banned, Answered: s.metrics.Answered,
	})
	s.newAdmin(cfg.Version)
	site := api.Config{Socket: s.io, Keys: keys, Healthy: s.healthy, Proxies: proxies, Banned: s.measures.Banned, Base: cfg.BasePath, Page: web.Placeholder}
	if cfg.Metrics == publicMetrics {
		site.Metrics = s.metrics.Handler()
	}
	if files, built := web.FS(); built {
		site.App = files
	}
	handler, err := api.New(site)
	if err != nil {
		return err
	}
	s.http = api.NewServer(handler, api.ServerConfig{
		HeaderTimeout: b.HeaderTimeout, IdleTimeout: b.IdleTimeout, HeaderBytes: b.HeaderBytes, Door: s.door,
	}, s.log)
	return nil
}

// listen opens the address, or says in words why not.
func listen(address string) (net.Listener, error) {
	// Without a port, package net would choose one on every address.
	if _, _, err := net.SplitHostPort(address); err != nil {
		return nil, fmt.Errorf("cannot listen on %q: %w", address, err)
	}
	// No keep-alive of TCP: sessions have their heartbeats, and requests their time limits.
	l, err := (&net.ListenConfig{KeepAlive: -1}).Listen(context.Background(), "tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s is in use by another program: stop that one, or choose another address with --listen", address)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("%s needs more rights than this user has: choose a port from 1024 on with --listen", address)
	case err != nil:
		return nil, fmt.Errorf("cannot listen on %q: %w", address, err)
	}
	return l, nil
}

func newKey() (key [32]byte) {
	_, _ = rand.Read(key[:]) // never fails: crypto/rand
	return key
}

// Addr is where the server listens.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Stats are counts for operators and tests.
type Stats struct {
	Store    sqlite.Stats
	Chat     chat.Stats
	SocketIO socketio.Stats
	Engine   engineio.Stats
}

// Stats returns the present counts. Any goroutine may call it.
func (s *Server) Stats() Stats {
	return Stats{Store: s.store.Stats(), Chat: s.chat.Stats(), SocketIO: s.io.Stats(), Engine: s.io.EngineStats()}
}

// admit refuses new connections while the server stops or is full, by a status
// that stock clients take as a reason to come back ("Connecting").
func (s *Server) admit(r *http.Request) (leave func(), err error) {
	if s.draining.Load() {
		return nil, &engineio.Refusal{Status: http.StatusServiceUnavailable, RetryAfter: 2 * time.Second, Message: "the server is stopping"}
	}
	leave, refusal := s.door.Admit(chat.ParseAddress(r.RemoteAddr))
	if refusal != nil {
		return nil, &engineio.Refusal{Status: refusal.Status, RetryAfter: refusal.RetryAfter, Message: refusal.Message}
	}
	return leave, nil
}

func (s *Server) healthy() *chat.Error {
	if s.draining.Load() {
		return &chat.Error{Code: chat.ShuttingDown, Message: "the server is stopping"}
	}
	return nil
}

// Run serves until ctx is done, and then stops in order: nothing that was
// acknowledged is lost, and clients come back by themselves. It returns nil after
// that, or what made it stop before. It is called once.
func (s *Server) Run(ctx context.Context) error {
	life, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	start := func(name string, run func(context.Context) error) *part {
		return startPart(context.WithoutCancel(ctx), name, run, fail)
	}
	store := start("the store", s.store.Run)
	rooms := start("the chat", s.chat.Run)
	sockets := start("Socket.IO", s.io.Run)
	site := start("HTTP", s.serve)
	operator := start("snug admin", s.serveAdmin)
	figures := start("metrics", s.serveMetrics)
	memory := start("the memory's watch", giveBackMemory)
	redirect := start("the redirect to HTTPS", s.serveRedirect)
	certificates := start("certificates", s.obtainCertificates)
	<-life.Done()

	// From the edge inward: ARCHITECTURE.md, "Concurrency in five sentences".
	s.log.Info("stopping")
	s.draining.Store(true)
	err := errors.Join(s.closeListener(), s.stop(ctx))
	for _, p := range []*part{operator, certificates, redirect, memory, figures, site, sockets, rooms, store} {
		err = errors.Join(err, p.stop())
	}
	s.door.Wait()
	err = errors.Join(err, s.release())
	s.log.Info("stopped")
	return err
}

// stop ends the work and the connections, in that order.
func (s *Server) stop(ctx context.Context) error {
	step := func(name string, patience time.Duration, do func(context.Context) error) error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		if err := do(ctx); err != nil {
			return fmt.Errorf("stopping: %s: %w", name, err)
		}
		return nil
	}
	err := step("committing what is queued", drainPatience, s.chat.Drain)
	if e := step("flushing outboxes", flushPatience, s.io.Shutdown); e != nil {
		// Whoever is too slow to take what it is sent heals from the log.
		s.log.Warn("some clients were cut off", "err", e)
	}
	if step("closing requests", closePatience, s.http.Shutdown) != nil {
		_ = s.http.Close()
	}
	return err
}

// serve accepts connections until the listener is closed, and lasts until ctx
// is done.
func (s *Server) serve(ctx context.Context) error {
	l := s.door.Listener(s.listener)
	if s.tls != nil {
		l = tls.NewListener(l, s.tls)
	}
	err := s.http.Serve(api.Guarded(l))
	if s.draining.Load() {
		<-ctx.Done()
		return nil
	}
	return err
}

// closeListener closes the listener alone: connections that are open are needed
// by polling clients, to fetch what they are still to be told.
func (s *Server) closeListener() error {
	if err := s.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("stopping: %w", err)
	}
	return nil
}

// release gives back what New has opened, as far as it came.
func (s *Server) release() error {
	var err error
	if s.listener != nil {
		err = s.closeListener()
	}
	if s.adminListener != nil {
		_ = s.adminListener.Close() // it may have been closed by its server
		err = errors.Join(err, admin.Remove(s.dir.path))
	}
	for _, l := range []net.Listener{s.metricsListener, s.redirectListener} {
		if l != nil {
			_ = l.Close() // it may have been closed by its server
		}
	}
	if s.store != nil {
		err = errors.Join(err, s.store.Close())
	}
	if s.dir != nil {
		err = errors.Join(err, s.dir.Close())
	}
	return err
}
