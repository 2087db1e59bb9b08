package socketio

import (
	"context"
	"errors"
	"runtime"
	"testing"
)

// A socket's context is a context like others, whether somebody waited for it before its end or not.
func TestLifetime(t *testing.T) {
	for _, waited := range []bool{false, true} {
		var l lifetime
		ctx := context.Context(socketContext{&l})
		if _, ok := ctx.Deadline(); ok || ctx.Err() != nil || ctx.Value("key") != nil {
			t.Errorf("waited %v: a new one: %v", waited, ctx.Err())
		}
		goroutines := runtime.NumGoroutine()
		var child context.Context
		if waited {
			var stop context.CancelFunc
			child, stop = context.WithCancel(ctx)
			defer stop()
			if n := runtime.NumGoroutine(); n != goroutines {
				t.Errorf("a derived context costs %d goroutines", n-goroutines)
			}
			select {
			case <-ctx.Done():
				t.Error("done from the start")
			default:
			}
		}
		l.end()
		l.end()
		<-ctx.Done()
		if !errors.Is(ctx.Err(), context.Canceled) {
			t.Errorf("waited %v: the end: %v", waited, ctx.Err())
		}
		if child != nil {
			<-child.Done()
		}
	}
}

// Nobody waits for the context of a socket that only listens.
func TestLifetimeIsLazy(t *testing.T) {
	var l lifetime
	if n := testing.AllocsPerRun(100, func() {
		ctx := context.Context(socketContext{&l})
		if context.WithoutCancel(ctx).Err() != nil || ctx.Err() != nil {
			t.Error("done")
		}
	}); n > 1 || l.ctx != nil {
		t.Errorf("%v allocations, and a context: %v", n, l.ctx)
	}
}
