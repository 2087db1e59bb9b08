package load

import (
	"context"
	"fmt"
	"time"
)

// Connect makes connections that join a room and say goodbye, Window at a time,
// and counts how many come in: handshake, CONNECT and join, each by an identity of its own.
func Connect(ctx context.Context, o Options) (Result, error) {
	res := Result{Scenario: "connect"}
	r, err := begin(ctx, o)
	if err != nil {
		return res, err
	}
	defer r.close()
	if err := r.makeRooms(); err != nil {
		return res, err
	}
	in := uint64(0)
	var again []string // rooms to be joined
	r.s.onJoined = func(c *client) {
		in++
		r.s.latency.add(time.Since(c.begun))
		again = append(again, c.room)
		c.fail(c.goodbye())
	}
	for i := range max(r.Window, 1) {
		again = append(again, r.rooms[i%len(r.rooms)])
	}
	names := 0
	serve := func(d time.Duration) error {
		for end := time.Now().Add(d); time.Now().Before(end); {
			if r.ctx.Err() != nil {
				return r.ctx.Err()
			}
			for _, room := range again {
				names++
				if err := r.s.dial(&client{name: fmt.Sprintf("load %d", names), room: room}); err != nil {
					return err
				}
			}
			again = again[:0]
			if err := r.s.loop.poll(time.Millisecond); err != nil {
				return err
			}
			if r.s.firstLoss != nil {
				return fmt.Errorf("load: while connecting: %w", r.s.firstLoss)
			}
		}
		return nil
	}
	if err := serve(r.Warmup); err != nil {
		return res, err
	}
	m, err := r.meter()
	if err != nil {
		return res, err
	}
	r.s.latency.reset()
	before := in
	if err := serve(r.Duration); err != nil {
		return res, err
	}
	res.Count = in - before
	return res, m.stop(&res, res.Count)
}

// Storm connects Members, cuts them all at once, and measures how long it
// takes until each is back in its room.
func Storm(ctx context.Context, o Options) (Result, error) {
	res := Result{Scenario: "storm"}
	r, err := begin(ctx, o)
	if err != nil {
		return res, err
	}
	defer r.close()
	if err := r.gather(); err != nil {
		return res, err
	}
	if err := r.rest(r.Warmup); err != nil {
		return res, err
	}
	m, err := r.meter()
	if err != nil {
		return res, err
	}
	r.s.latency.reset()
	back := 0
	r.s.onJoined = func(c *client) {
		back++
		r.s.latency.add(time.Since(m.began))
	}
	// A server in a storm may well turn some away: they come back, as clients do.
	var away []*client
	r.s.onLost = func(c *client) { away = append(away, c) }
	for _, c := range r.clients {
		c.hangUp()
		if err := r.s.dial(c); err != nil {
			return res, err
		}
	}
	for back < len(r.clients) {
		lost := len(away)
		if err := r.until(func() bool { return back == len(r.clients) || len(away) > lost }, max(r.Duration, time.Minute), "coming back"); err != nil {
			return res, err
		}
		for _, c := range away {
			if err := r.s.dial(c); err != nil {
				return res, err
			}
		}
		away = away[:0]
		r.progress("%d of %d back", back, len(r.clients))
	}
	res.Count = uint64(back)
	return res, m.stop(&res, res.Count)
}
