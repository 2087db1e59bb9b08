package load

import (
	"context"
	"encoding/json"
	"fmt"

	"golang.org/x/sync/errgroup"

	sio "snug/socketio/client"
)

// gatherPolling connects all members by long polling. Each has goroutines of its
// own: what such a connection costs the server is measured, not how many a generator can drive.
func (r *run) gatherPolling() error {
	if err := r.makeRooms(); err != nil {
		return err
	}
	var g errgroup.Group
	g.SetLimit(dialAtOnce)
	r.polling = make([]*sio.Client, r.Members)
	for i := range r.Members {
		g.Go(func() error {
			return r.poll(r.ctx, i)
		})
	}
	return g.Wait()
}

// poll has one client join its room.
func (r *run) poll(ctx context.Context, i int) error {
	c, err := sio.Dial(ctx, r.URL, sio.Options{Transport: sio.Polling, TLS: anyServer})
	if err != nil {
		return fmt.Errorf("load: %w", err)
	}
	r.polling[i] = c // each goroutine has a place of its own
	answer, err := c.Call(ctx, "join", map[string]string{"room": r.rooms[i%len(r.rooms)], "name": fmt.Sprintf("load %d", i)})
	if err != nil {
		return fmt.Errorf("load: join: %w", err)
	}
	var a struct{ OK bool }
	if err := json.Unmarshal(answer.Raw(0), &a); err != nil || !a.OK {
		return fmt.Errorf("load: join: %s", clip(answer.Raw(0)))
	}
	return nil
}
