package prove

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"snug/internal/wire"
	"snug/socketio/client"
)

// patience is how long anything may take that must happen, however busy the machine is.
const patience = time.Minute

// A Plan says how large a crowd is and what it does.
type Plan struct {
	Rooms     int
	Talkers   int            // each talks in two rooms and hears them
	Observers int            // each hears one room
	Rate      int            // messages a second, of all talkers together
	Window    int            // messages that a talker has under way in a room; with 1 a refusal costs no order
	Bytes     int            // of a text, about
	NetDial   client.NetDial // nil: by TCP
	Keep      string         // how long the rooms keep what is said; "" means forever

	Line func(name string) client.NetDial // a person's own NetDial; nil: the same for all
	Ways []client.Transport               // in turns; nil: WebSocket
}

// A Crowd is people who talk and listen in rooms, whatever happens to their
// server, and write down what they see.
type Crowd struct {
	Plan
	journal *Journal

	// Static after Gather.
	people  []*person
	talkers []*person

	stop    context.CancelFunc
	running sync.WaitGroup

	texts atomic.Int64 // so that no two texts are the same

	// What came of it; see Counts.
	posted, acks, seen, flying, cut, duplicates, repeated, refusals, full, healed, resets, resyncs atomic.Int64

	cutChanges map[deed]*atomic.Int64 // cut, by what was under way; the map is static

	firstAck atomic.Int64 // when the present server first acknowledged, since the journal's start; 0: not yet

	// Static once the crowd is served; each may be nil, and must not block.
	reset func(p *person, room string, cursor, head, first uint32) // the server has reset a cursor
	left  func(observer *person, name string)                      // an observer was told that somebody has left
	back  func(*person)                                            // somebody has joined all rooms

	lastGood atomic.Int64 // when that of the messages stored by the present server was sent which was sent last, since the journal's start

	mu      sync.Mutex
	url     string        // of the server; "" while there is none; guarded by mu
	changed chan struct{} // closed when url changes; guarded by mu
	faults  []string      // guarded by mu
	last    error         // the last failure to connect to a server that is there; guarded by mu
}

// Counts are what happened so far.
type Counts struct {
	Posted     int64 // messages written
	Acked      int64 // acknowledgements, of repetitions too
	Seen       int64 // entries shown to anybody
	Cut        int64 // messages that were under way when their connection was lost
	Edits      int64 // among those
	Deletes    int64
	Reactions  int64
	Duplicates int64 // of those cut off, sent again and found stored already
	Repeated   int64 // acknowledged messages that were sent once more
	Full       int64 // refused with storage_unavailable
	Refused    int64 // refused at all
	Healed     int64 // entries read by history
	Resets     int64
	Resyncs    int64
}

// Gather makes the rooms on the server at url, and a crowd for them that is not
// there yet: see Serve. It ends with Disperse.
func Gather(ctx context.Context, url string, plan Plan, j *Journal) (*Crowd, error) {
	c := &Crowd{Plan: plan, journal: j, changed: make(chan struct{}), cutChanges: map[deed]*atomic.Int64{}}
	for _, d := range []deed{say, edit, erase, react} {
		c.cutChanges[d] = new(atomic.Int64)
	}
	codes, err := makeRooms(ctx, url, plan)
	if err != nil {
		return nil, err
	}
	for i := range plan.Talkers + plan.Observers {
		p := &person{crowd: c, name: nameOf(i), window: plan.Window, dial: plan.NetDial}
		if plan.Line != nil {
			p.dial = plan.Line(p.name)
		}
		if len(plan.Ways) > 0 {
			p.way = plan.Ways[i%len(plan.Ways)]
		}
		p.places = append(p.places, &place{code: codes[i%len(codes)]})
		if i < plan.Talkers {
			if len(codes) > 1 {
				p.places = append(p.places, &place{code: codes[(i+1)%len(codes)]})
			}
			c.talkers = append(c.talkers, p)
		}
		if p.scribe, err = j.scribe(p.name); err != nil {
			return nil, err
		}
		c.people = append(c.people, p)
	}
	ctx, c.stop = context.WithCancel(context.WithoutCancel(ctx))
	for _, p := range c.people {
		c.running.Go(func() { p.run(ctx) })
	}
	return c, nil
}

// makeRooms makes the rooms and returns their codes.
func makeRooms(ctx context.Context, url string, plan Plan) (codes []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	maker, err := client.Dial(ctx, url, client.Options{NetDial: plan.NetDial})
	if err != nil {
		return nil, fmt.Errorf("prove: %w", err)
	}
	defer maker.Close()
	for i := range plan.Rooms {
		args, err := maker.Call(ctx, "create", wire.CreateRequest{Keep: cmp.Or(plan.Keep, "forever"), ID: fmt.Sprintf("room-%d", i)})
		var a createAnswer
		if err == nil {
			err = args.Decode(&a)
		}
		if err == nil && !a.OK {
			err = errors.New(a.Error.Code + ": " + a.Error.Message)
		}
		if err != nil {
			return nil, fmt.Errorf("prove: making a room: %w", err)
		}
		codes = append(codes, a.Room)
	}
	return codes, nil
}

// nameOf makes names that no one can take for each other.
func nameOf(i int) string {
	const heads, tails = "bdfgkmnprstz", "aeiou"
	var b strings.Builder
	for range 3 {
		b.WriteByte(heads[i%len(heads)])
		i /= len(heads)
		b.WriteByte(tails[i%len(tails)])
		i /= len(tails)
	}
	return b.String()
}

// Serve tells the crowd where the server is now; "" that there is none.
func (c *Crowd) Serve(url string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.url = url
	c.firstAck.Store(0)
	c.lastGood.Store(0)
	close(c.changed)
	c.changed = make(chan struct{})
}

// address waits until there is a server. ok is false when ctx is done before.
func (c *Crowd) address(ctx context.Context) (url string, ok bool) {
	for {
		c.mu.Lock()
		url, changed := c.url, c.changed
		c.mu.Unlock()
		if url != "" && ctx.Err() == nil {
			return url, true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return "", false
		}
	}
}

func (c *Crowd) serves(url string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.url == url
}

// fault notes what must never happen and breaks no rule of package check.
func (c *Crowd) fault(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.faults) < 100 {
		c.faults = append(c.faults, fmt.Sprintf(format, args...))
	}
}

// Faults are what must never happen and breaks no rule of package check.
func (c *Crowd) Faults() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.faults[:len(c.faults):len(c.faults)]
}

func (c *Crowd) note(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = err
}

func (c *Crowd) acknowledged() {
	c.acks.Add(1)
	c.firstAck.CompareAndSwap(0, int64(time.Since(c.journal.start)))
}

// stored notes that a message was stored for the first time, which was sent at a
// time since the journal's start.
func (c *Crowd) stored(sent time.Duration) {
	for {
		last := c.lastGood.Load()
		if int64(sent) <= last || c.lastGood.CompareAndSwap(last, int64(sent)) {
			return
		}
	}
}

func (c *Crowd) refused(f wire.Failure) {
	c.refusals.Add(1)
	if f.Code == "storage_unavailable" {
		c.full.Add(1)
	}
}

// Counts returns what happened so far.
func (c *Crowd) Counts() Counts {
	return Counts{
		Posted: c.posted.Load(), Acked: c.acks.Load(), Seen: c.seen.Load(), Cut: c.cut.Load(), Duplicates: c.duplicates.Load(),
		Edits: c.cutChanges[edit].Load(), Deletes: c.cutChanges[erase].Load(), Reactions: c.cutChanges[react].Load(),
		Repeated: c.repeated.Load(), Full: c.full.Load(), Refused: c.refusals.Load(), Healed: c.healed.Load(), Resets: c.resets.Load(), Resyncs: c.resyncs.Load(),
	}
}

// Talk has the talkers write at the plan's rate until ctx is done. What is due
// while the server is away waits in bounded outboxes, and is not said beyond them.
func (c *Crowd) Talk(ctx context.Context) {
	const beat = 10 * time.Millisecond
	tick := time.NewTicker(beat)
	defer tick.Stop()
	next, owed := 0, 0.0
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		for owed += float64(c.Rate) * beat.Seconds(); owed >= 1; owed-- {
			c.posted.Add(int64(c.talkers[next%len(c.talkers)].say(1, c.text)))
			next++
		}
	}
}

// Burst has each talker write n messages at once.
func (c *Crowd) Burst(n int) {
	for _, p := range c.talkers {
		c.posted.Add(int64(p.say(n, c.text)))
	}
}

// Flood has each talker fill an outbox with the longest texts.
func (c *Crowd) Flood() {
	for _, p := range c.talkers {
		c.posted.Add(int64(p.say(maxOutbox, func() string { return c.longText(3900) })))
	}
}

// Shake cuts some people's connections, as a network does that fails. They are
// back after up to 100 ms.
func (c *Crowd) Shake(rng *rand.Rand) {
	for _, p := range c.people {
		if rng.IntN(4) > 0 {
			continue
		}
		p.mu.Lock()
		p.away = time.Duration(rng.IntN(100)) * time.Millisecond
		l := p.link
		p.mu.Unlock()
		if l != nil {
			l.conn.Abort()
		}
	}
}

func (c *Crowd) text() string { return c.longText(c.Bytes) }

func (c *Crowd) longText(size int) string {
	s := fmt.Sprintf("%d: ", c.texts.Add(1))
	return s + strings.Repeat("and so on, ", max(0, size-len(s))/11)
}

// A Broken promise ends a proof before its end: nothing that comes after could be judged.
type Broken struct{ Fault string }

func (b *Broken) Error() string { return "prove: " + b.Fault }

// FirstAck waits for the first acknowledgement of the present server and says when
// it came, since the journal's start.
func (c *Crowd) FirstAck(ctx context.Context) (time.Duration, error) {
	var broken error // a *Broken
	err := c.until(ctx, func() error {
		if c.firstAck.Load() != 0 {
			return nil
		}
		if faults := c.Faults(); len(faults) > 0 {
			broken = &Broken{faults[0]}
			return nil
		}
		return errors.New("prove: nothing is acknowledged")
	})
	return time.Duration(c.firstAck.Load()), errors.Join(err, broken)
}

// until waits until ok returns nil, or returns its error at the end of ctx.
func (c *Crowd) until(ctx context.Context, ok func() error) error {
	for {
		err := ok()
		if err == nil {
			return nil
		}
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			c.mu.Lock()
			defer c.mu.Unlock()
			return fmt.Errorf("%w (%w; last failure to connect: %w)", err, context.Cause(ctx), c.last)
		}
	}
}

// Gone waits until everybody has noticed the end of the server.
func (c *Crowd) Gone(ctx context.Context) error {
	return c.until(ctx, func() error {
		for _, p := range c.people {
			p.mu.Lock()
			l := p.link
			p.mu.Unlock()
			if l != nil {
				return fmt.Errorf("prove: %s still has a connection", p.name)
			}
		}
		return nil
	})
}

// Settle waits until all that was written is acknowledged and everybody has seen
// every room to its head. Nobody may talk any more.
func (c *Crowd) Settle(ctx context.Context) error {
	return c.until(ctx, func() (err error) {
		top := map[string]uint32{}
		for _, p := range c.people {
			p.tops(top)
		}
		for _, p := range c.people {
			err = errors.Join(err, p.settled(top))
		}
		return err
	})
}

// Disperse ends all connections and waits for that.
func (c *Crowd) Disperse() {
	c.stop()
	c.running.Wait()
}
