package socketio

import (
	"context"
	"sync"
	"time"
)

// A lifetime says when its socket has left. Most sockets have nobody who waits
// for that: only for those who do it makes a context of package context.
type lifetime struct {
	mu    sync.Mutex // tier 3
	ended bool       // guarded by mu

	// Made by made; guarded by mu.
	ctx    context.Context
	cancel context.CancelFunc
}

// end is the end of it. It may be called again.
func (l *lifetime) end() {
	l.mu.Lock()
	l.ended = true
	cancel := l.cancel
	l.mu.Unlock()
	if cancel != nil {
		cancel()
	}
}

// made is the context that somebody waits for.
func (l *lifetime) made() context.Context {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ctx == nil {
		l.ctx, l.cancel = context.WithCancel(context.Background())
		if l.ended {
			l.cancel()
		}
	}
	return l.ctx
}

// A socketContext is the context that is done at the end of a lifetime.
type socketContext struct{ *lifetime }

// Deadline implements [context.Context].
func (socketContext) Deadline() (time.Time, bool) { return time.Time{}, false }

// Done implements [context.Context].
func (c socketContext) Done() <-chan struct{} { return c.made().Done() }

// Err implements [context.Context].
func (c socketContext) Err() error {
	c.mu.Lock()
	ctx, ended := c.ctx, c.ended
	c.mu.Unlock()
	switch {
	case ctx != nil:
		return ctx.Err()
	case ended:
		return context.Canceled
	}
	return nil
}

// Value implements [context.Context]. It has none of its own; the context made
// has one by which package context finds it, so that contexts derived of this need no goroutine.
func (c socketContext) Value(key any) any {
	c.mu.Lock()
	ctx := c.ctx
	c.mu.Unlock()
	if ctx == nil {
		return nil
	}
	return ctx.Value(key)
}
