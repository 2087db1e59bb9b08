package prove

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"snug/internal/check"
)

// A Report is what a proof found.
type Report struct {
	Counts
	Deaths   int             // of the server, that were asked for
	Cutting  int             // of those, how many cut unacknowledged messages off
	Folds    int             // how many cut a fold off
	Restarts []time.Duration // from starting the server anew to its first acknowledgement
	Openings []time.Duration // of those, until it served

	Events, Sent, Acknowledged, Logged int // what the checker judged
	Violations                         []check.Violation
	Faults                             []string
}

// Err is nil if no promise was broken.
func (r *Report) Err() error {
	var errs []error
	for _, v := range r.Violations[:min(20, len(r.Violations))] {
		errs = append(errs, errors.New(v.String()))
	}
	if n := len(r.Violations); n > 20 {
		errs = append(errs, fmt.Errorf("and %d violations more", n-20))
	}
	for _, f := range r.Faults {
		errs = append(errs, errors.New(f))
	}
	return errors.Join(errs...)
}

// String is a paragraph of figures.
func (r *Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d deaths of the server; %d of them cut unacknowledged messages off (%d in all, among them %d edits, %d deletes, %d reactions), %d cut a fold\n",
		r.Deaths, r.Cutting, r.Cut, r.Edits, r.Deletes, r.Reactions, r.Folds)
	fmt.Fprintf(&b, "of the messages cut off %d were on disk already, and were found by their id; %d acknowledged ones were sent once more\n", r.Duplicates, r.Repeated)
	if len(r.Restarts) > 0 {
		at := func(took []time.Duration, q int) time.Duration {
			slices.Sort(took)
			return took[min(len(took)-1, len(took)*q/100)].Round(time.Millisecond)
		}
		fmt.Fprintf(&b, "restart to first acknowledgement: p50 %v, p99 %v, longest %v; until it served: p50 %v, p99 %v\n",
			at(r.Restarts, 50), at(r.Restarts, 99), at(r.Restarts, 100), at(r.Openings, 50), at(r.Openings, 99))
	}
	if r.Full > 0 || r.Resyncs > 0 || r.Resets > 0 {
		fmt.Fprintf(&b, "%d refusals with storage_unavailable, %d resyncs, %d resets, %d entries healed by history\n", r.Full, r.Resyncs, r.Resets, r.Healed)
	}
	fmt.Fprintf(&b, "judged: %d events, %d messages sent, %d acknowledged, %d in the log; %d entries seen; %d violations", r.Events, r.Sent, r.Acknowledged, r.Logged, r.Seen, len(r.Violations)+len(r.Faults))
	return b.String()
}

// Kills says how a server is killed, time and again.
type Kills struct {
	Binary Binary
	Dir    string // an empty directory for data and histories
	Plan   Plan
	Cycles int
	Seed   uint64
	Env    []string // of the server

	// Settle is how long everybody may take to come to the end; patience if zero.
	Settle time.Duration
}

// Run kills the server with SIGKILL while a crowd talks, starts it again, and
// judges in the end. Each kill is to come while messages are under way; one
// that found none, since all had just been answered, is made up for.
func (k Kills) Run(ctx context.Context) (*Report, error) {
	l, err := newLoop(ctx, k.Binary, k.Dir, filepath.Join(k.Dir, "data"), k.Plan, k.Env)
	if err != nil {
		return nil, err
	}
	defer l.end()
	rng := rand.New(rand.NewPCG(k.Seed, 9))
	for i := 0; l.report.Cutting < k.Cycles && i < 2*k.Cycles+2; i++ {
		if err := l.cycle(ctx, rng, i%4 == 3); err != nil {
			return nil, err
		}
	}
	return l.judge(ctx, k.Settle)
}

// A loop is a crowd and the server that it talks to, which dies now and then.
type loop struct {
	binary  Binary
	data    string
	env     []string
	journal *Journal
	crowd   *Crowd
	server  *Process // the present one
	report  Report

	hush    context.CancelFunc // ends the talk
	talking sync.WaitGroup
}

// newLoop starts a server for the first time, in a data directory, and lets a
// crowd talk, whose histories go to dir.
func newLoop(ctx context.Context, b Binary, dir, data string, plan Plan, env []string) (*loop, error) {
	l := &loop{binary: b, env: env, journal: NewJournal(dir), data: data}
	var err error
	if l.server, err = l.start(ctx); err != nil {
		return nil, err
	}
	if l.crowd, err = Gather(ctx, l.server.URL(), plan, l.journal); err != nil {
		l.server.Kill()
		return nil, err
	}
	talk, hush := context.WithCancel(ctx)
	l.hush = hush
	l.talking.Go(func() { l.crowd.Talk(talk) })
	l.crowd.Serve(l.server.URL())
	return l, nil
}

func (l *loop) start(ctx context.Context) (*Process, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return l.binary.Start(ctx, Launch{Data: l.data, Env: l.env})
}

// end ends all that still runs.
func (l *loop) end() {
	l.hush()
	l.talking.Wait()
	l.crowd.Disperse()
	l.server.Kill()
}

// cycle lets the server live for a while, kills it, where asked for amidst a
// fold, and starts it again.
func (l *loop) cycle(ctx context.Context, rng *rand.Rand, folding bool) error {
	ctx, cancel := context.WithTimeout(ctx, 2*patience)
	defer cancel()
	if err := l.let(ctx, rng); err != nil {
		return err
	}
	if folding {
		l.untilFold(ctx)
	}
	// A burst, and death at some moment of its being received, committed and answered.
	l.crowd.Burst(4)
	moment := time.Now().Add(time.Duration(rng.IntN(8000)) * time.Microsecond)
	least := int64(1 + rng.IntN(2*l.crowd.Talkers))
	for end := moment.Add(time.Second); time.Now().Before(moment) || l.crowd.flying.Load() < least && time.Now().Before(end); {
		if l.crowd.flying.Load() < least {
			l.crowd.Burst(1)
		}
		runtime.Gosched()
	}
	fold := l.server.Folding()
	before := l.loose()
	l.server.Kill()
	return l.again(ctx, before, fold)
}

// untilFold has so much said that the store begins a fold, and waits for that.
func (l *loop) untilFold(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	for ctx.Err() == nil && !l.server.Folding() {
		l.crowd.Flood()
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
		}
	}
}

// loose is how many messages were not acknowledged at first: cut off with their
// connection, or refused by a store whose disk had gone.
func (l *loop) loose() int64 { return l.crowd.cut.Load() + l.crowd.full.Load() }

// let has the server live for a while, in which some lose their connections.
func (l *loop) let(ctx context.Context, rng *rand.Rand) error {
	if _, err := l.crowd.FirstAck(ctx); err != nil {
		return err
	}
	l.crowd.Shake(rng)
	select {
	case <-time.After(time.Duration(20+rng.IntN(300)) * time.Millisecond):
		return nil
	case <-ctx.Done():
		return fmt.Errorf("prove: %w", ctx.Err())
	}
}

// again counts a death, and starts the server anew. before is what loose was
// before it, fold whether a fold was under way.
func (l *loop) again(ctx context.Context, before int64, fold bool) error {
	l.crowd.Serve("")
	if err := l.crowd.Gone(ctx); err != nil {
		return err
	}
	l.report.Deaths++
	if l.loose() > before {
		l.report.Cutting++
	}
	if fold {
		l.report.Folds++
	}
	server, err := l.start(ctx)
	if err != nil {
		return err
	}
	l.server = server
	l.crowd.Serve(server.URL())
	first, err := l.crowd.FirstAck(ctx)
	if err != nil {
		return err
	}
	l.report.Openings = append(l.report.Openings, server.Serving.Sub(server.Started))
	l.report.Restarts = append(l.report.Restarts, l.journal.start.Add(first).Sub(server.Started))
	return nil
}

// judge lets everybody come to the end, stops the server as an operator does,
// and judges.
func (l *loop) judge(ctx context.Context, patient time.Duration) (*Report, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*patience)
	defer cancel()
	l.hush()
	l.talking.Wait()
	settle, stop := context.WithTimeout(ctx, cmp.Or(patient, patience))
	defer stop()
	unsettled := l.crowd.Settle(settle)
	l.crowd.Disperse()
	if err := l.server.Stop(ctx); err != nil {
		return nil, err
	}
	r := &l.report
	c, violations, err := l.journal.Judge(ctx, l.data, l.crowd.inspect())
	if err != nil {
		return nil, err
	}
	r.Counts, r.Violations, r.Faults = l.crowd.Counts(), violations, l.crowd.Faults()
	r.Events, r.Sent, r.Acknowledged, r.Logged = c.Counts()
	if r.Resets > 0 {
		r.Faults = append(r.Faults, fmt.Sprintf("%d resets of cursors that could be served", r.Resets))
	}
	if unsettled != nil {
		r.Faults = append(r.Faults, unsettled.Error())
	}
	return r, nil
}
