package socketio

import (
	"context"
	"sync"
)

// An Adapter carries packets between nodes. Publish must keep the order of one
// caller's packets; delivery may be lost, never reordered or doubled.
//
// Every node has an Adapter of its own. Whether a node hears its own packets
// does not matter: it ignores them. Neither side may change the bytes.
type Adapter interface {
	// Publish hands a packet to all nodes that subscribe. It may block, but
	// not for longer than ctx lasts.
	Publish(ctx context.Context, b []byte) error
	// Subscribe calls deliver with each packet, one at a time, and returns
	// when ctx is done, or with the error that ended it. deliver does not block.
	Subscribe(ctx context.Context, deliver func(b []byte)) error
}

// maxHubQueue is how many bytes a MemoryHub keeps for a node before it loses
// what comes after, and hubCost what one packet counts beside its bytes.
const (
	maxHubQueue = 64 << 20
	hubCost     = 64
)

// A MemoryHub connects servers of one process, as a message broker does those
// of several. It is for tests.
type MemoryHub struct {
	mu    sync.Mutex // tier 2
	nodes map[*hubNode]struct{}
}

// NewMemoryHub returns a hub without nodes.
func NewMemoryHub() *MemoryHub { return &MemoryHub{nodes: map[*hubNode]struct{}{}} }

// Adapter returns the adapter of one more node.
func (h *MemoryHub) Adapter() Adapter { return hubAdapter{h} }

type hubAdapter struct{ hub *MemoryHub }

// A hubNode is the queue of one subscription.
type hubNode struct {
	mu    sync.Mutex // tier 1
	queue [][]byte   // guarded by mu
	bytes int        // guarded by mu
	wake  chan struct{}
}

// Publish implements [Adapter]. It does not block.
func (a hubAdapter) Publish(_ context.Context, b []byte) error {
	a.hub.mu.Lock() // over all of them, so that every node sees the same order
	defer a.hub.mu.Unlock()
	for n := range a.hub.nodes {
		n.push(b)
	}
	return nil
}

// Subscribe implements [Adapter].
func (a hubAdapter) Subscribe(ctx context.Context, deliver func(b []byte)) error {
	n := &hubNode{wake: make(chan struct{}, 1)}
	a.hub.mu.Lock()
	a.hub.nodes[n] = struct{}{}
	a.hub.mu.Unlock()
	defer func() {
		a.hub.mu.Lock()
		delete(a.hub.nodes, n)
		a.hub.mu.Unlock()
	}()
	for {
		for _, b := range n.take() {
			deliver(b)
		}
		select {
		case <-n.wake:
		case <-ctx.Done():
			return nil
		}
	}
}

func (n *hubNode) push(b []byte) {
	n.mu.Lock()
	if n.bytes+len(b)+hubCost <= maxHubQueue {
		n.queue = append(n.queue, b)
		n.bytes += len(b) + hubCost
	}
	n.mu.Unlock()
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

func (n *hubNode) take() [][]byte {
	n.mu.Lock()
	defer n.mu.Unlock()
	queue := n.queue
	n.queue, n.bytes = nil, 0
	return queue
}
