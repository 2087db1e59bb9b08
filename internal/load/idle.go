package load

import (
	"context"
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
		if before, err = r.server.rss(); err != nil {
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
	if err := r.rest(r.Duration); err != nil {
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

// rest serves the loop for a while.
func (r *run) rest(d time.Duration) error {
	end := time.Now().Add(d)
	return r.until(func() bool { return !time.Now().Before(end) }, d+time.Minute, "resting")
}
