package sqlite

import (
	"context"
	"runtime"
	"sync"
	"time"

	"snug/internal/chat"
)

// maxBatch is how many writes share a commit at most.
const maxBatch = 2000

// maxQueued bounds the bytes of what waits. What is above it is refused, in its turn.
const maxQueued = 64 << 20

// touchPause is how long a touch alone waits for other writes to go with. Each
// commit costs an fsync, and members who read along make many touches.
const touchPause = 100 * time.Millisecond

// How long the writer looks out for writes that come together: a share of what
// the last commit took, and no longer, or oftener, than this.
const (
	gatherShare = 16
	gatherMost  = 100 * time.Microsecond
	gatherLooks = 500
)

// A write is something to be done in the writer's transaction.
type write interface {
	// apply does it, and keeps what came of it for settle. An error means that
	// the transaction cannot go on; it may then be applied again, in another.
	apply(*tx) error

	// settle answers whoever asked: with what apply kept if err is nil and the
	// transaction is durable, else with err. It is called once, and must not block.
	settle(err error)

	// patience is how long it may wait for others to share its commit with. It
	// goes with whatever is written before.
	patience() time.Duration

	// size is the bytes that it holds while it waits.
	size() int
}

// A refused write is one that came too late, or when too much was waiting. It
// waits like others so that it is answered in its turn.
type refused struct {
	settleFunc func(error)
	err        error
}

func (r refused) apply(*tx) error         { return nil }
func (r refused) size() int               { return 0 }
func (r refused) patience() time.Duration { return 0 }
func (r refused) settle(error)            { r.settleFunc(r.err) }

// A queue holds the writes to come, in the order of the calls. At any time at
// most one goroutine takes from it and settles: the writer, and after its end
// whoever drains it.
type queue struct {
	limit   int           // maxQueued
	lookout time.Duration // gatherMost
	wake    chan struct{} // holds a token while there may be something to take

	mu      sync.Mutex
	idle    sync.Cond   // running turned false
	waiting []write     // guarded by mu
	bytes   int         // of the writes in waiting; guarded by mu
	urgent  bool        // something in waiting has no patience; guarded by mu
	due     time.Time   // when the patience of what waits ends; guarded by mu
	alarm   *time.Timer // signals at due, and does no harm if nothing is left then; guarded by mu
	ended   error       // what all further writes get; guarded by mu
	running bool        // some goroutine takes from it; guarded by mu

	// Owned by the one that takes.
	last  int       // how many writes it took last
	taken time.Time // when
}

func newQueue() *queue {
	q := &queue{limit: maxQueued, lookout: gatherMost, wake: make(chan struct{}, 1)}
	q.idle.L = &q.mu
	return q
}

// put queues a write and never blocks.
func (q *queue) put(w write) {
	q.mu.Lock()
	switch {
	case q.ended != nil:
		w = refused{w.settle, q.ended}
	case q.bytes+w.size() > q.limit:
		if a, ok := w.(*appending); ok {
			w = &appending{done: a.done} // let go of the draft
		}
		w = refused{w.settle, &chat.Error{Code: chat.StorageUnavailable, Message: "too much is waiting to be stored", Retry: true}}
	}
	q.waiting = append(q.waiting, w)
	q.bytes += w.size()
	q.expectLocked(w.patience())
	alone := q.ended != nil && !q.running
	if alone {
		q.running = true
	}
	q.mu.Unlock()
	if alone {
		go q.drain() // ends as soon as the queue is empty; stop waits for it
	}
}

// expectLocked has the writer woken when the patience of one more write ends.
func (q *queue) expectLocked(patience time.Duration) {
	if patience == 0 {
		q.urgent = true
		q.signal()
		return
	}
	due := time.Now().Add(patience)
	switch {
	case q.urgent || !q.due.IsZero() && !due.Before(q.due): // it will be woken
	case q.alarm == nil:
		q.due, q.alarm = due, time.AfterFunc(patience, q.signal)
	default:
		q.due = due
		q.alarm.Reset(patience)
	}
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// start makes the caller the one that takes. It reports false if the queue has ended.
func (q *queue) start() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ended != nil {
		return false
	}
	q.running = true
	return true
}

// take waits for a signal, and returns the next writes, if any, at most
// maxBatch. ctx ends the queue when it is done. more is false once it has ended and is empty.
func (q *queue) take(ctx context.Context) (batch []write, more bool) {
	select {
	case <-q.wake:
	case <-ctx.Done():
		q.end(&chat.Error{Code: chat.ShuttingDown, Message: "the server is stopping", Retry: true})
	}
	q.gather()
	q.mu.Lock()
	defer q.mu.Unlock()
	n := min(len(q.waiting), maxBatch)
	if n > 0 {
		q.last, q.taken = n, time.Now()
	}
	batch, q.waiting = q.waiting[:n:n], q.waiting[n:]
	for _, w := range batch {
		q.bytes -= w.size()
	}
	q.urgent, q.due = len(q.waiting) > 0, time.Time{}
	if q.urgent {
		q.signal()
	}
	return batch, n > 0 || q.ended == nil
}

// gather lets those whom the last commit woke queue their next write, so that
// they share a commit again: a client that sends 16 messages at once would
// otherwise have one of them committed, and then 15. What it waits is a small
// part of the commit that it saves, and nothing where writes come one by one.
func (q *queue) gather() {
	runtime.Gosched()
	began := time.Now()
	lookout := min(began.Sub(q.taken)/gatherShare, q.lookout)
	for range gatherLooks {
		q.mu.Lock()
		n, urgent := len(q.waiting), q.urgent
		q.mu.Unlock()
		if !urgent || n >= q.last || time.Since(began) >= lookout {
			return
		}
		runtime.Gosched()
	}
}

// end has all writes from now on answered with err. The first call counts.
func (q *queue) end(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ended == nil {
		q.ended = err
	}
}

// drain answers what waits with the error that ended the queue, and gives up
// the place of the one that takes, which the caller must hold.
func (q *queue) drain() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.waiting) > 0 {
		batch, err := q.waiting, q.ended
		q.waiting, q.bytes = nil, 0
		q.mu.Unlock()
		for _, w := range batch {
			w.settle(err)
		}
		q.mu.Lock()
	}
	q.running = false
	q.idle.Broadcast()
}

// stop ends the queue with err and returns when all that waited is answered.
// The writer must have returned, or never have run.
func (q *queue) stop(err error) {
	q.end(err)
	q.mu.Lock()
	for q.running {
		q.idle.Wait()
	}
	q.running = true
	q.mu.Unlock()
	q.drain()
}
