package server

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// How memory is given back to the system. After the start, and after a burst such
// as ten thousand clients that come at once, the runtime keeps twice what is in
// use; where it is quiet afterwards, that is memory that a small machine would rather use.
const (
	memoryEvery = 2 * time.Second // how often it is looked at
	memoryQuiet = 4 << 20         // bytes allocated meanwhile, up to which it is quiet
	memoryBurst = 32 << 20        // bytes allocated since the last time that make it worth a collection
)

// A memoryWatch decides when memory is given back.
type memoryWatch struct {
	last, given uint64 // bytes allocated so far: when it last looked, and when memory was last given back; given is 0 before that
}

// look takes how many bytes were allocated so far, and says whether it is time.
func (m *memoryWatch) look(allocated uint64) bool {
	quiet := allocated-m.last <= memoryQuiet
	m.last = allocated
	if !quiet || m.given > 0 && allocated-m.given <= memoryBurst {
		return false
	}
	m.given = allocated
	return true
}

// giveBackMemory does so in quiet times until ctx is done.
func giveBackMemory(ctx context.Context) error {
	tick := time.NewTicker(memoryEvery)
	defer tick.Stop()
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	watch := memoryWatch{last: sample[0].Value.Uint64()}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if metrics.Read(sample); watch.look(sample[0].Value.Uint64()) {
			debug.FreeOSMemory()
		}
	}
}
