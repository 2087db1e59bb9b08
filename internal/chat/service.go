package chat

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Config is what a Service needs. Store, Bus and Outlet are required.
type Config struct {
	Store  Store
	Bus    Bus
	Outlet Outlet
	Clock  Clock  // SystemClock if nil
	Keep   Keep   // retention of rooms whose maker names none
	Limits Limits // DefaultLimits if zero
	Logger *slog.Logger
}

// A Service is the chat of one node: the one door to its rooms.
//
// A request is made in the name of a Session. Its errors are *Error. Where it
// takes an answer func, that is called exactly once, from any goroutine, and
// must not block; the order of answers and of what an Ear is given is part of
// the contract of each method.
//
// Its mutexes, from the outermost: seat.turn (a queue of one identity's own
// requests, not a mutex: it is held while the store works), then one of
// Service.mu, hall.mu, Session.mu and lane.mu, of which nobody holds two.
type Service struct {
	// Static after New.
	store  Store
	bus    Bus
	outlet Outlet
	clock  Clock
	keep   Keep
	limits Limits
	log    *slog.Logger
	lanes  []*lane
	keeper *keeper

	throttle *throttle

	gate    gate
	hashing chan struct{} // holds a token for each passphrase being hashed

	started time.Time // set by Run before it starts the lanes, static afterwards

	hush atomic.Pointer[Hush] // what SetHush set last

	sessions, rooms, members atomic.Int64 // for Stats

	mu    sync.RWMutex     // tier 2
	halls map[RoomID]*hall // guarded by mu
	codes map[string]*hall // the same by code in lower case; guarded by mu
}

// New returns a Service, whose Run must be called before anything else.
func New(cfg Config) (*Service, error) {
	if cfg.Store == nil || cfg.Bus == nil || cfg.Outlet == nil {
		return nil, errors.New("chat: a service needs a store, a bus and an outlet")
	}
	s := &Service{
		store: cfg.Store, bus: cfg.Bus, outlet: cfg.Outlet,
		clock: cfg.Clock, keep: cfg.Keep, limits: cfg.Limits, log: cfg.Logger,
		halls: make(map[RoomID]*hall),
		codes: make(map[string]*hall),
	}
	if s.clock == nil {
		s.clock = SystemClock{}
	}
	if s.limits == (Limits{}) {
		s.limits = DefaultLimits()
	}
	s.hashing = make(chan struct{}, max(1, s.limits.PassHashes))
	s.throttle = newThrottle(s.limits)
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	for range runtime.GOMAXPROCS(0) {
		s.lanes = append(s.lanes, newLane(s))
	}
	s.keeper = newKeeper(s)
	s.store.OnCommit(s.committed)
	return s, nil
}

// Run serves the rooms' lanes, the graces and retention until ctx is done.
// What the lanes were given before is served to the end; the store must
// therefore outlive Run. It is called once.
func (s *Service) Run(ctx context.Context) error {
	s.started = time.Now()
	var group sync.WaitGroup
	defer group.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for _, l := range s.lanes {
		group.Go(func() { l.run(ctx) })
	}
	group.Go(func() { s.keeper.sweeps(ctx) })
	ended := make(chan error, 2)
	group.Go(func() { ended <- s.keeper.run(ctx) })
	group.Go(func() {
		err := s.bus.Subscribe(ctx, s.signalled)
		if ctx.Err() != nil {
			ended <- nil
			return
		}
		ended <- fmt.Errorf("chat: the bus ended: %w", err)
	})
	for range cap(ended) {
		if err := <-ended; err != nil {
			return err
		}
	}
	return nil
}

// Drain refuses new work with ShuttingDown and returns when everything
// accepted before has been committed, answered and published, or ctx is done.
// No member is told that another left.
func (s *Service) Drain(ctx context.Context) error {
	if err := s.gate.shut(ctx); err != nil {
		return fmt.Errorf("chat: draining: %w", err)
	}
	for _, l := range s.lanes {
		passed := make(chan struct{})
		if !l.push(func() { close(passed) }) {
			continue
		}
		select {
		case <-passed:
		case <-ctx.Done():
			return fmt.Errorf("chat: draining: %w", ctx.Err())
		}
	}
	return nil
}

// Stats counts what the node holds.
type Stats struct {
	Sessions, Rooms, Members int
}

// Stats returns the present counts: open sessions, rooms that somebody hears,
// and members present, each counted once in every room.
func (s *Service) Stats() Stats {
	return Stats{
		Sessions: int(s.sessions.Load()),
		Rooms:    int(s.rooms.Load()),
		Members:  int(s.members.Load()),
	}
}

// now is the time that entries and members carry.
func (s *Service) now() time.Time { return s.clock.Now().UTC().Truncate(time.Millisecond) }

// nameFree is the time before which a member must have been gone for its name
// to be free again.
func (s *Service) nameFree() time.Time { return s.now().Add(-nameHeld) }

// A gate counts the requests under way, and can be shut.
type gate struct {
	closed atomic.Bool // set under mu

	mu   sync.Mutex    // tier 3
	n    int           // requests under way; guarded by mu
	idle chan struct{} // made by shut, closed when n has come to 0; guarded by mu
}

// enter admits a request, which must leave, unless the gate is shut.
func (g *gate) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed.Load() {
		return false
	}
	g.n++
	return true
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.n--
	if g.n == 0 && g.idle != nil {
		close(g.idle)
		g.idle = nil
	}
}

// shut admits nothing more and waits for the last request to leave. It may be
// called again, after a ctx that ended too early.
func (g *gate) shut(ctx context.Context) error {
	g.mu.Lock()
	g.closed.Store(true)
	if g.n > 0 && g.idle == nil {
		g.idle = make(chan struct{})
	}
	idle := g.idle
	g.mu.Unlock()
	if idle == nil {
		return nil
	}
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
