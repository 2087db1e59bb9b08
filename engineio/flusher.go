package engineio

import (
	"context"
	"runtime"
	"sync"
)

// A job is something that a flusher serves in turns.
type job interface {
	// serve does a bounded piece of work and never waits. again: it wants another turn.
	serve() (again bool)
}

// A flusher writes what groups and sessions have queued, straight to the
// sockets, without ever waiting for one. Its goroutines live only while there
// is something to write. They are fewer than the processors: what comes while
// they work is written together, and one of two is left to the rest of the program.
type flusher struct {
	mu      sync.Mutex    // tier 0
	queue   []job         // guarded by mu; those before head are done
	head    int           // guarded by mu
	workers int           // guarded by mu
	idle    chan struct{} // guarded by mu; closed when no worker is left, nil if no one waits
}

// add queues a job, which must not be queued already. It never blocks.
func (f *flusher) add(j job) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.head > len(f.queue)/2 { // keep the slice from walking through memory
		n := copy(f.queue, f.queue[f.head:])
		clear(f.queue[n:])
		f.queue, f.head = f.queue[:n], 0
	}
	f.queue = append(f.queue, j)
	if f.workers < max(1, runtime.GOMAXPROCS(0)-1) {
		f.workers++
		go f.work()
	}
}

func (f *flusher) work() {
	for {
		f.mu.Lock()
		if f.head == len(f.queue) {
			f.end()
			f.mu.Unlock()
			return
		}
		j := f.queue[f.head]
		f.queue[f.head] = nil
		f.head++
		f.mu.Unlock()
		if j.serve() {
			f.add(j)
			runtime.Gosched() // who became ready on this processor meanwhile waits for no more than a turn
		}
	}
}

// end is the end of a worker; mu is held.
func (f *flusher) end() {
	f.workers--
	if f.workers > 0 {
		return
	}
	f.head, f.queue = 0, f.queue[:0]
	if cap(f.queue) > 1024 {
		f.queue = nil // a burst's memory is given back
	}
	if f.idle != nil {
		close(f.idle)
		f.idle = nil
	}
}

// wait returns when no worker is left, or with the error of ctx.
func (f *flusher) wait(ctx context.Context) error {
	f.mu.Lock()
	if f.workers == 0 {
		f.mu.Unlock()
		return nil
	}
	if f.idle == nil {
		f.idle = make(chan struct{})
	}
	idle := f.idle
	f.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
