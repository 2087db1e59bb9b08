package load

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Fanout has Senders of each room talk, with Window messages under way in the
// room or at Rate a second over all rooms, and counts what arrives at whom.
func Fanout(ctx context.Context, o Options) (Result, error) {
	res := Result{Scenario: "fanout"}
	r, err := begin(ctx, o)
	if err != nil {
		return res, err
	}
	defer r.close()
	if err := r.gather(); err != nil {
		return res, err
	}
	t := &talk{run: r}
	for i := range r.Rooms {
		// The members of a room are every Rooms-th client; its first ones talk.
		var senders []*client
		for j := i; j < len(r.clients) && len(senders) < max(r.Senders, 1); j += r.Rooms {
			senders = append(senders, r.clients[j])
		}
		if len(senders) == 0 {
			return res, fmt.Errorf("load: %d members do not fill %d rooms", r.Members, r.Rooms)
		}
		t.senders = append(t.senders, senders)
	}
	if r.Rate > 0 {
		err = t.paced(&res)
	} else {
		err = t.windowed(&res)
	}
	return res, err
}

// besideMembers and besideRate are of the small room of Beside.
const (
	besideMembers = 10
	besideRate    = 20.0
)

// Beside has one room of Members talk at Rate, and measures how long messages
// take in a small room beside it, which talks at a rate of its own. Each has a
// loop of its own: what the large one's clients still have to read keeps nobody in the small one waiting.
func Beside(ctx context.Context, o Options) (Result, error) {
	res := Result{Scenario: "beside"}
	o.Rooms, o.Senders = 1, 1
	small := o
	o.Rate = max(o.Rate, 1)
	small.Members, small.Rate = besideMembers, besideRate
	var talks [2]*talk
	for i, o := range []Options{o, small} {
		r, err := begin(ctx, o)
		if err != nil {
			return res, err
		}
		defer r.close()
		if err := r.gather(); err != nil {
			return res, err
		}
		talks[i] = &talk{run: r, senders: [][]*client{r.clients[:1]}}
	}
	var large Result
	ended := make(chan error, 1)
	go func() { ended <- talks[0].paced(&large) }()
	err := talks[1].paced(&res)
	if err := errors.Join(err, <-ended); err != nil {
		return res, err
	}
	// The time is the small room's, the work both's.
	res.Members, res.Rooms = large.Members+res.Members, 2
	res.Deliveries += large.Deliveries
	res.Messages += large.Messages
	res.Disorder += large.Disorder
	res.Lost += large.Lost
	res.Refused += large.Refused
	res.PerSecond = float64(res.Deliveries) / res.Seconds
	if res.ServerCPU > 0 {
		res.PerCPU = float64(res.Deliveries) / res.ServerCPU
	}
	return res, nil
}

// talk is a fanout under way.
type talk struct {
	*run
	senders [][]*client // by room
	next    []int       // whose turn it is, by room
}

// say has a room's senders send n messages in turn.
func (t *talk) say(room, n int, at time.Time) error {
	senders := t.senders[room]
	for range n {
		senders[t.next[room]%len(senders)].prepare(at, t.Size)
		t.next[room]++
	}
	for _, c := range senders {
		if err := c.sendPrepared(); err != nil {
			return err
		}
	}
	return nil
}

// A window is what is under way in one room: what has not arrived at all those
// of its members that are looked into. Each of them is brought the same, in the same order.
type window struct {
	members int   // that are looked into
	arrived []int // at how many of them, by a message's number modulo what may be under way
	due     int   // messages that may be sent now
}

// A place is a member's in its room's window.
type place struct {
	*window
	next int // the number of the next message that it will be brought
}

func (p *place) brought() {
	slot := &p.arrived[p.next%len(p.arrived)]
	p.next++
	if *slot++; *slot == p.members {
		*slot = 0
		p.due++
	}
}

// windowed keeps Window messages under way in each room: only when one has come
// to all members that are looked into, the next is sent. It spins, so that the
// server is never kept waiting for a generator that sleeps.
func (t *talk) windowed(res *Result) error {
	t.next = make([]int, len(t.senders))
	most := max(t.Window, 1)
	windows := make([]window, len(t.senders))
	for i, s := range t.senders {
		s[0].sampled = true
		windows[i] = window{arrived: make([]int, most), due: most}
	}
	places := map[*client]*place{}
	for i, c := range t.clients {
		if c.sampled {
			w := &windows[i%t.Rooms]
			w.members++
			places[c] = &place{window: w}
		}
	}
	t.s.onDelivery = func(c *client) { places[c].brought() }
	defer func() { t.s.onDelivery = nil }()
	return t.measure(res, func(time.Time) (time.Duration, error) {
		for i := range windows {
			w := &windows[i]
			if w.due == 0 {
				continue
			}
			if err := t.say(i, w.due, time.Now()); err != nil {
				return 0, err
			}
			w.due = 0
		}
		return 0, nil
	})
}

// paced sends at Rate, each message when it is due, and lets it count from then.
func (t *talk) paced(res *Result) error {
	t.next = make([]int, len(t.senders))
	began := time.Now()
	n := 0
	return t.measure(res, func(now time.Time) (time.Duration, error) {
		for {
			due := began.Add(time.Duration(float64(n) / t.Rate * float64(time.Second)))
			if wait := due.Sub(now); wait > 0 {
				return wait, nil
			}
			if err := t.say(n%len(t.senders), 1, due); err != nil {
				return 0, err
			}
			n++
		}
	})
}

// measure warms up, then counts. talk sends what is due and says how long
// nothing will be.
func (t *talk) measure(res *Result, talk func(now time.Time) (time.Duration, error)) error {
	var m meter
	var deliveries, answered uint64
	counting := false
	start := time.Now().Add(t.Warmup)
	end := start.Add(t.Duration)
	for now := time.Now(); now.Before(end); now = time.Now() {
		if err := t.ctx.Err(); err != nil {
			return err
		}
		if !counting && !now.Before(start) {
			counting = true
			var err error
			if m, err = t.meter(); err != nil {
				return err
			}
			t.s.latency.reset()
			deliveries, answered = t.s.deliveries, t.s.answered
		}
		wait, err := talk(now)
		if err != nil {
			return err
		}
		if err := t.s.loop.poll(min(wait, end.Sub(now))); err != nil {
			return err
		}
		if t.s.firstLoss != nil {
			return fmt.Errorf("load: a member was lost: %w", t.s.firstLoss)
		}
	}
	res.Deliveries = t.s.deliveries - deliveries
	res.Messages = t.s.answered - answered
	return m.stop(res, res.Deliveries)
}
