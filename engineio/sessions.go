package engineio

import (
	"context"
	"hash/maphash"
	"sync"
	"sync/atomic"
)

const shardCount = 64

// sessions is the set of an engine's sessions by sid, in shards so that
// requests of different sessions seldom wait for each other.
type sessions struct {
	seed   maphash.Seed // static after init
	shards [shardCount]shard
	count  atomic.Int64

	// wg counts sessions and the goroutines they own. It grows from nothing
	// only under mu while closing is false.
	wg      sync.WaitGroup
	refused chan struct{} // closed with closing
	cut     chan struct{} // closed when what is left must be cut

	mu      sync.Mutex        // tier 3, before the shards'
	closing bool              // guarded by mu
	isCut   bool              // guarded by mu: cut is closed
	ended   map[Reason]uint64 // guarded by mu: sessions since the start
}

type shard struct {
	mu sync.RWMutex     // tier 3
	m  map[string]*Conn // guarded by mu
}

func (s *sessions) init() {
	s.seed = maphash.MakeSeed()
	s.refused = make(chan struct{})
	s.cut = make(chan struct{})
	s.ended = make(map[Reason]uint64)
	for i := range s.shards {
		s.shards[i].m = make(map[string]*Conn)
	}
}

func (s *sessions) shard(sid string) *shard {
	return &s.shards[maphash.String(s.seed, sid)%shardCount]
}

// add takes a session in, or says no when the server shuts down.
func (s *sessions) add(c *Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	s.wg.Add(1)
	if c.ws != nil {
		s.wg.Add(1) // its reading goroutine
	}
	s.count.Add(1)
	sh := s.shard(c.id)
	sh.mu.Lock()
	sh.m[c.id] = c
	sh.mu.Unlock()
	return true
}

// forget makes a session's sid unknown. It may be called again.
func (s *sessions) forget(c *Conn) {
	sh := s.shard(c.id)
	sh.mu.Lock()
	delete(sh.m, c.id)
	sh.mu.Unlock()
}

// done gives back what add took, and notes why the session ended.
func (s *sessions) done(why Reason) {
	s.mu.Lock()
	s.ended[why]++
	s.mu.Unlock()
	s.count.Add(-1)
	s.wg.Done()
}

func (s *sessions) get(sid string) *Conn {
	sh := s.shard(sid)
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	return sh.m[sid]
}

func (s *sessions) refusing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closing
}

// refuse lets no session in from now on and returns those there are.
func (s *sessions) refuse() []*Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closing {
		s.closing = true
		close(s.refused)
	}
	return s.all()
}

// all are the sessions there are.
func (s *sessions) all() []*Conn {
	var all []*Conn
	for i := range s.shards {
		sh := &s.shards[i]
		sh.mu.RLock()
		for _, c := range sh.m {
			all = append(all, c)
		}
		sh.mu.RUnlock()
	}
	return all
}

func (s *sessions) cutAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.isCut {
		s.isCut = true
		close(s.cut)
	}
}

func (e *engine) shutdown(ctx context.Context) error {
	for _, c := range e.sessions.refuse() {
		c.Close(ReasonShutdown)
	}
	all := make(chan struct{})
	go func() { // ends with the sessions, which cutAll hurries
		e.sessions.wg.Wait()
		close(all)
	}()
	select {
	case <-all:
		return e.flusher.wait(ctx)
	case <-ctx.Done():
		e.sessions.cutAll()
		return ctx.Err()
	}
}
