package load

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"time"

	sio "snug/socketio/client"
)

// Options say what to do to which server.
type Options struct {
	URL      string
	Metrics  string        // the address of the server's figures; empty: its CPU and memory are looked for in /proc
	Members  int           // connections, over all rooms
	Rooms    int           // rooms they are spread over
	Senders  int           // of each room
	Window   int           // messages under way in each room; 0: Rate counts
	Rate     float64       // messages a second, over all rooms
	Size     int           // bytes of text
	Slow     int           // members that stop reading once they have joined; their being closed is no loss
	Polling  bool          // idle connections poll
	Warmup   time.Duration // before it counts
	Duration time.Duration // that counts
	Progress io.Writer     // one line that is written over; nil: none
}

// A Result is what a scenario measured. What it does not measure is zero.
type Result struct {
	Scenario   string        `json:"scenario"`
	Members    int           `json:"members"`
	Rooms      int           `json:"rooms"`
	Seconds    float64       `json:"seconds"`
	Deliveries uint64        `json:"deliveries,omitempty"`
	Messages   uint64        `json:"messages,omitempty"`
	Count      uint64        `json:"count,omitempty"` // connects, pages
	PerSecond  float64       `json:"perSecond"`
	P50        time.Duration `json:"p50"`
	P90        time.Duration `json:"p90"`
	P99        time.Duration `json:"p99"`
	Max        time.Duration `json:"max"`
	Disorder   uint64        `json:"disorder"`            // deliveries out of order, of the sampled connections
	Lost       uint64        `json:"lost"`                // connections that ended unasked
	Refused    uint64        `json:"refused"`             // messages that were refused
	ServerCPU  float64       `json:"serverCPU,omitempty"` // seconds of CPU used
	PerCPU     float64       `json:"perCPU,omitempty"`    // per second of the server's CPU
	CoreShare  float64       `json:"coreShare,omitempty"` // the server's share of one core
	OwnCPU     float64       `json:"ownCPU"`              // the generator's, seconds
	ServerRSS  int64         `json:"serverRSS,omitempty"` // bytes
	PerConn    int64         `json:"perConn,omitempty"`   // bytes of RSS that each connection added
}

// A run is one scenario under way.
type run struct {
	Options
	ctx     context.Context
	s       *swarm
	clients []*client
	polling []*sio.Client // those that poll
	rooms   []string
	server  gauge // nil: it cannot be seen from here
}

// A gauge reads what a server has used.
type gauge interface {
	cpu() (time.Duration, error) // since it was started
	rss() (int64, error)         // bytes
}

// sampled is how many connections of a run are looked into.
const sampled = 64

// dialAtOnce bounds the connections that are being made, so that the accept
// queue holds them.
const dialAtOnce = 128

func begin(ctx context.Context, o Options) (*run, error) {
	target, err := url.Parse(o.URL)
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	if target.Host == "" || target.Scheme != "http" && target.Scheme != "https" {
		return nil, fmt.Errorf("load: %q is not the address of a server, such as http://127.0.0.1:5000", o.URL)
	}
	r := &run{Options: o, ctx: ctx, s: &swarm{target: target}}
	if o.Metrics != "" {
		r.server = figures{o.Metrics}
	} else if p := findProcess(target); p != nil {
		r.server = p
	}
	r.s.loop, err = newLoop(target, r.s.request)
	return r, err
}

func (r *run) close() {
	for _, c := range r.clients {
		c.hangUp()
	}
	for _, c := range r.polling {
		if c != nil {
			c.Close()
		}
	}
	r.s.loop.close()
}

// until serves the loop until done says so. It fails after patience without it.
func (r *run) until(done func() bool, patience time.Duration, what string) error {
	for end := time.Now().Add(patience); !done(); {
		switch {
		case r.ctx.Err() != nil:
			return r.ctx.Err()
		case r.s.firstLoss != nil && r.s.onLost == nil:
			return fmt.Errorf("load: while %s: %w", what, r.s.firstLoss)
		case time.Now().After(end):
			return fmt.Errorf("load: %s took longer than %v", what, patience)
		}
		if err := r.s.loop.poll(10 * time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// makeRooms creates the rooms over one connection.
func (r *run) makeRooms() error {
	host := &client{name: "load"}
	if err := r.s.dial(host); err != nil {
		return err
	}
	defer host.hangUp()
	if err := r.until(func() bool { return host.state == ready }, 30*time.Second, "connecting"); err != nil {
		return err
	}
	var failed error
	asked := 0
	for len(r.rooms) < r.Rooms {
		for ; asked < r.Rooms && asked < len(r.rooms)+16; asked++ {
			err := host.call("create", struct {
				Title string `json:"title"`
				Keep  string `json:"keep"`
			}{"load", "1d"}, func(ack []byte) {
				var a struct {
					OK   bool
					Room string
				}
				if err := json.Unmarshal(ack, &a); err != nil || !a.OK {
					failed = fmt.Errorf("load: create: %s", clip(ack))
				}
				r.rooms = append(r.rooms, a.Room)
			})
			if err != nil {
				return err
			}
		}
		have := len(r.rooms)
		if err := r.until(func() bool { return len(r.rooms) > have }, 30*time.Second, "making rooms"); err != nil {
			return err
		}
		if failed != nil {
			return failed
		}
	}
	return nil
}

// gather connects all members, spread over the rooms in turn, dialAtOnce at a time.
func (r *run) gather() error {
	if err := r.makeRooms(); err != nil {
		return err
	}
	every := max(r.Members/sampled, 1)
	in := 0
	r.s.onJoined = func(*client) { in++ }
	for i := range r.Members {
		c := &client{name: fmt.Sprintf("load %d", i), room: r.rooms[i%len(r.rooms)], sampled: i%every == 0}
		if i >= r.Members-r.Slow {
			c.slow, c.sampled = true, false
		}
		r.clients = append(r.clients, c)
		if err := r.s.dial(c); err != nil {
			return err
		}
		if err := r.until(func() bool { return i+1-in < dialAtOnce }, time.Minute, "joining"); err != nil {
			return err
		}
		r.progress("%d of %d joined", in, r.Members)
	}
	err := r.until(func() bool { return in == r.Members }, time.Minute, "joining")
	r.s.onJoined = nil
	return err
}

func (r *run) progress(format string, args ...any) {
	if r.Progress != nil {
		fmt.Fprintf(r.Progress, "\r\x1b[K"+format, args...) // a line on a terminal: nothing hangs on it
	}
}

// A meter measures a stretch of time.
type meter struct {
	r           *run
	began       time.Time
	cpu, ownCPU time.Duration
}

func (r *run) meter() (meter, error) {
	m := meter{r: r, began: time.Now(), ownCPU: ownCPU()}
	if r.server == nil {
		return m, nil
	}
	var err error
	m.cpu, err = r.server.cpu()
	return m, err
}

// stop fills in what the stretch cost; n is what is counted per second.
func (m meter) stop(res *Result, n uint64) error {
	res.Members, res.Rooms = m.r.Members, m.r.Rooms
	res.Seconds = time.Since(m.began).Seconds()
	res.PerSecond = float64(n) / res.Seconds
	res.OwnCPU = (ownCPU() - m.ownCPU).Seconds()
	s := m.r.s
	res.P50, res.P90, res.P99, res.Max = s.latency.quantile(.5), s.latency.quantile(.9), s.latency.quantile(.99), s.latency.max
	res.Disorder, res.Lost, res.Refused = s.disorder, s.lost, s.refused
	if m.r.server == nil {
		return nil
	}
	cpu, err := m.r.server.cpu()
	if err != nil {
		return err
	}
	res.ServerCPU = (cpu - m.cpu).Seconds()
	res.CoreShare = res.ServerCPU / res.Seconds
	if res.ServerCPU > 0 {
		res.PerCPU = float64(n) / res.ServerCPU
	}
	res.ServerRSS, err = m.r.server.rss()
	return err
}
