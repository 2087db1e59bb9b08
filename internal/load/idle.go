package load

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// Idle connects Members and lets them be: what each costs in the server's
// memory, and all of them in its CPU, heartbeats included.
func Idle(ctx context.Context, o Options) (Result, error) {
	res := Result{Scenario: "idle"}
	r, err := begin(ctx, o)
	if err != nil {
		return res, err
	}
	defer r.close()
	var before int64
	if r.server != nil {
		if before, err = r.steadyRSS(); err != nil {
			return res, err
		}
	}
	gather := r.gather
	if r.Polling {
		gather = r.gatherPolling
	}
	if err := gather(); err != nil {
		return res, err
	}
	if err := r.rest(r.Warmup); err != nil {
		return res, err
	}
	m, err := r.meter()
	if err != nil {
		return res, err
	}
	if err := r.doze(r.Duration); err != nil {
		return res, err
	}
	if err := m.stop(&res, 0); err != nil {
		return res, err
	}
	if r.server != nil {
		res.PerConn = (res.ServerRSS - before) / int64(max(r.Members, 1))
	}
	return res, nil
}

// steadyRSS is the server's memory once it stays as it is, or after half a
// minute: one that was just started has yet to give back what that took.
func (r *run) steadyRSS() (int64, error) {
	const (
		every  = 500 * time.Millisecond
		steady = 6 // readings
		nearby = 256 << 10
	)
	var last []int64
	for range 60 {
		now, err := r.server.rss()
		if err != nil {
			return 0, err
		}
		if last = append(last, now); len(last) > steady {
			last = last[1:]
		}
		if len(last) == steady && slices.Max(last)-slices.Min(last) <= nearby {
			break
		}
		if err := r.rest(every); err != nil {
			return 0, err
		}
	}
	return last[len(last)-1], nil
}

// rest serves the loop for a while.
func (r *run) rest(d time.Duration) error {
	end := time.Now().Add(d)
	return r.until(func() bool { return !time.Now().Before(end) }, d+time.Minute, "resting")
}

// doze is rest, but looks after the loop only now and then: a server on the same machine
// pays for each reader that its writes wake, as it would not for those that are elsewhere.
func (r *run) doze(d time.Duration) error {
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if err := cmp.Or(r.ctx.Err(), r.s.firstLoss, r.s.loop.poll(0)); err != nil {
			return err
		}
	}
	return nil
}
