package chat

import (
	"context"
	"sync"
)

// localQueue bounds the signals that wait for one node of a LocalHub.
const localQueue = 1024

// A LocalHub connects the Services of one process. Its zero value is ready.
type LocalHub struct {
	mu    sync.Mutex             // tier 1
	buses map[*LocalBus]struct{} // those that are subscribed; guarded by mu
}

// A LocalBus is one node's Bus in a LocalHub. Alone in its hub it publishes to nobody.
type LocalBus struct {
	hub   *LocalHub
	queue chan Signal // never closed
}

// NewLocalBus returns the Bus of a node that is alone.
func NewLocalBus() *LocalBus { return new(LocalHub).Bus() }

// Bus returns the Bus of one more node.
func (hub *LocalHub) Bus() *LocalBus {
	return &LocalBus{hub: hub, queue: make(chan Signal, localQueue)}
}

// Publish implements Bus: what a node's full queue has no room for is dropped.
func (b *LocalBus) Publish(sig Signal) {
	b.hub.mu.Lock()
	defer b.hub.mu.Unlock()
	for other := range b.hub.buses {
		if other == b {
			continue
		}
		select {
		case other.queue <- sig:
		default:
		}
	}
}

// Subscribe implements Bus. It is called by one goroutine at a time.
func (b *LocalBus) Subscribe(ctx context.Context, deliver func(Signal)) error {
	b.hub.mu.Lock()
	if b.hub.buses == nil {
		b.hub.buses = make(map[*LocalBus]struct{})
	}
	b.hub.buses[b] = struct{}{}
	b.hub.mu.Unlock()
	defer func() {
		b.hub.mu.Lock()
		defer b.hub.mu.Unlock()
		delete(b.hub.buses, b)
	}()
	for {
		select {
		case sig := <-b.queue:
			deliver(sig)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
