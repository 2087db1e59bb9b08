package server

import (
	"context"
	"errors"
	"fmt"
)

// A part is one long-lived thing that the server runs, on a goroutine of its
// own. Parts are stopped one by one, which is why they are no errgroup.
type part struct {
	cancel context.CancelFunc
	done   chan struct{} // closed when run has returned
	err    error         // what it returned; to be read after done
}

// startPart runs a part until it is stopped. If it ends before, by itself, fail
// is told.
func startPart(ctx context.Context, name string, run func(context.Context) error, fail context.CancelCauseFunc) *part {
	ctx, cancel := context.WithCancel(ctx)
	p := &part{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		err := run(ctx)
		if ctx.Err() == nil {
			if err == nil {
				err = errors.New("ended by itself")
			}
			p.err = fmt.Errorf("%s: %w", name, err)
			fail(p.err)
		} else if err != nil && !errors.Is(err, context.Canceled) {
			p.err = fmt.Errorf("%s: %w", name, err)
		}
	}()
	return p
}

// stop ends the part, waits for it and returns its error.
func (p *part) stop() error {
	p.cancel()
	<-p.done
	return p.err
}
