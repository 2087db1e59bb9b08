package engineio

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// How a group that is paced is flushed.
const (
	paceFactor = 2                      // from the start of one flush to the next, in times of what it took
	paceFloor  = 30 * time.Microsecond  // a flush that takes less is not worth a timer
	paceLeast  = 4 * time.Millisecond   // the shortest distance: what several commits bring goes out together
	paceMost   = 100 * time.Millisecond // the longest that anything waits
	groupChunk = 64                     // members served before another group's turn
	groupMost  = 256 << 10              // bytes that a group holds before its sender sees to them
)

// A Group is a set of sessions that are sent the same. What is sent to it is
// written to each session with one system call for all that has come since the
// last time, and costs no memory, copy or goroutine for each of them.
//
// Order is kept between all that a session is sent, by whatever way. Its
// methods may be called from any goroutine, and never wait for a client.
type Group struct {
	engine *engine // static
	paced  bool    // static

	end atomic.Uint64 // what the number of the next frame will be; changed under mu

	// mu is of tier 0: it may be locked under a Conn's mu, and the flusher's alone
	// under it.
	mu      sync.Mutex
	members []*Member     // guarded by mu
	lent    bool          // guarded by mu: a flush goes through members; only appending is allowed
	pending []posted      // guarded by mu: what some members may not have yet; numbered end-len … end-1
	bytes   int           // guarded by mu: what pending counts
	due     bool          // guarded by mu: a flush is under way or will be
	next    time.Time     // guarded by mu: no flush begins before it; while one is under way, an estimate
	apart   time.Duration // guarded by mu: the pace after the last flush
	timer   *time.Timer

	flush groupFlush // owned by the flusher that serves the group
}

// A posted is a frame in a group, with its place among all that is sent to groups.
type posted struct {
	frame *frame
	stamp uint64
}

// A Member is a session's place in a Group.
type Member struct {
	group *Group // static
	conn  *Conn  // static
	index int    // in group.members; guarded by group.mu

	// Guarded by conn.mu.
	cursor uint64 // the number of the next frame it is to get
	left   bool
}

// NewGroup returns a group without members. Paced, its flushes keep a distance,
// from start to start, of twice what one takes, 4 ms at least and 100 ms at most,
// which halves the cost of a group under load and delays nothing in one that is
// quiet, nor in one so small that a flush is cheaper than a timer.
func (s *Server) NewGroup(paced bool) *Group { return s.engine().newGroup(paced) }

func (e *engine) newGroup(paced bool) *Group { return &Group{engine: e, paced: paced} }

// Add makes a session a member, which gets what is sent from now on. It must
// not be one already. A session that ends must be taken out by its owner.
func (g *Group) Add(c *Conn) *Member {
	m := &Member{group: g, conn: c}
	c.mu.Lock()
	defer c.mu.Unlock()
	g.mu.Lock()
	defer g.mu.Unlock()
	m.cursor = g.end.Load()
	m.index = len(g.members)
	g.members = append(g.members, m)
	c.feeds = append(c.feeds, m)
	return m
}

// Leave takes the session out of the group. What was sent before is queued for
// it then, and nothing of the group's afterwards. It may be called again.
func (m *Member) Leave() {
	c, g := m.conn, m.group
	c.mu.Lock()
	defer c.mu.Unlock()
	if m.left {
		return
	}
	if c.end == nil && c.pullLocked() {
		c.kickLocked()
	}
	m.left = true
	if i := slices.Index(c.feeds, m); i >= 0 {
		c.feeds = slices.Delete(c.feeds, i, i+1)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.lent { // a flush must still see each of those that stay
		g.members, g.lent = slices.Clone(g.members), false
	}
	last := len(g.members) - 1
	if last == 0 && g.timer != nil && g.timer.Stop() { // nobody waits for the flush
		g.due = false
		g.trimLocked(g.end.Load())
	}
	g.members[m.index] = g.members[last]
	g.members[m.index].index = m.index
	g.members[last] = nil
	g.members = g.members[:last]
	if cap(g.members) > 64 && last < cap(g.members)/4 {
		g.members = slices.Clone(g.members)
	}
}

// Send queues a frame for every member. It never waits for one. A sender that
// is faster than the members can be served does part of the work itself.
func (g *Group) Send(f Frame) {
	if f.f == nil {
		return
	}
	g.mu.Lock()
	if len(g.members) == 0 {
		g.mu.Unlock()
		return
	}
	g.pending = append(g.pending, posted{f.f, g.engine.stamp.Add(1)})
	g.end.Add(1)
	g.bytes += len(f.f.wire) + frameCost
	full := g.bytes > min(groupMost, g.engine.opts.MaxOutbox/2)
	if !g.due {
		g.due = true
		g.scheduleLocked()
	}
	var members []*Member
	if full {
		members = slices.Clone(g.members)
	}
	end := g.end.Load()
	g.mu.Unlock()
	if full {
		g.spill(members, end)
	}
}

// Due is how long it will be, by what is known now, until what is sent in a
// while from now is written. It is more than while only for a paced group under
// load, and tells a sender how long it may collect at no one's expense.
func (g *Group) Due(while time.Duration) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	wait := time.Until(g.next)
	if g.due && wait < while { // that flush goes without it
		wait += g.apart
	}
	return max(wait, while)
}

// scheduleLocked has the group flushed, as soon as pacing allows it.
func (g *Group) scheduleLocked() {
	wait := time.Until(g.next)
	switch {
	case wait <= 0:
		g.engine.flusher.add(g)
	case g.timer == nil:
		g.timer = time.AfterFunc(wait, func() { g.engine.flusher.add(g) })
	default:
		g.timer.Reset(wait)
	}
}

// spill moves what is pending, up to end, into the members' outboxes.
func (g *Group) spill(members []*Member, end uint64) {
	for _, m := range members {
		c := m.conn
		c.mu.Lock()
		if c.end == nil && c.pullLocked() {
			c.kickLocked()
		}
		c.mu.Unlock()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.trimLocked(end)
}

// trimLocked forgets the frames before end, which every member has.
func (g *Group) trimLocked(end uint64) {
	start := g.end.Load() - uint64(len(g.pending))
	if end <= start {
		return
	}
	n := copy(g.pending, g.pending[end-start:])
	clear(g.pending[n:])
	g.pending = g.pending[:n]
	if n == 0 && cap(g.pending) > 64 {
		g.pending = nil
	}
	g.bytes = 0
	for _, p := range g.pending {
		g.bytes += len(p.frame.wire) + frameCost
	}
}

// A groupFlush is a flush under way.
type groupFlush struct {
	active     bool // between begin and finish
	members    []*Member
	done       int       // of members
	start, end uint64    // the numbers of what is flushed
	wire       []byte    // all of it
	buf        *[]byte   // what wire is in, if it is more than one frame
	began      time.Time // when it began
	took       time.Duration
}

// serve implements job: it flushes a chunk of the members, and says whether it
// wants another turn.
func (g *Group) serve() (again bool) {
	now := time.Now()
	f := &g.flush
	if !f.active {
		g.begin(now)
	}
	chunk := f.members[f.done:min(f.done+groupChunk, len(f.members))]
	for _, m := range chunk {
		m.flush(f)
	}
	f.done += len(chunk)
	f.took += time.Since(now)
	if f.done < len(f.members) {
		return true
	}
	g.finish()
	return false
}

// begin takes what is pending for a flush.
func (g *Group) begin(now time.Time) {
	f := &g.flush
	g.mu.Lock()
	defer g.mu.Unlock()
	f.active, f.began, f.members = true, now, g.members
	g.next = now.Add(g.apart)
	g.lent = true
	f.end = g.end.Load()
	f.start = f.end - uint64(len(g.pending))
	if len(g.pending) == 1 {
		f.wire = g.pending[0].frame.wire
		return
	}
	f.buf = chunks.Get().(*[]byte)
	f.wire = (*f.buf)[:0]
	for _, p := range g.pending {
		f.wire = append(f.wire, p.frame.wire...)
	}
}

// finish ends a flush: all members have what it took.
func (g *Group) finish() {
	f := &g.flush
	if f.buf != nil {
		if cap(f.wire) <= 2*writeChunk {
			*f.buf = f.wire[:0]
		}
		chunks.Put(f.buf)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lent = false
	if g.paced {
		g.apart = pace(f.took)
	}
	g.next = f.began.Add(g.apart)
	g.trimLocked(f.end)
	*f = groupFlush{}
	if len(g.pending) > 0 {
		g.scheduleLocked()
		return
	}
	g.due = false
}

// pace is the distance from the start of a flush that took so long to that of the next.
func pace(took time.Duration) time.Duration {
	if took < paceFloor {
		return 0
	}
	return min(max(paceFactor*took, paceLeast), paceMost)
}

// flush brings a member what it has not got yet.
func (m *Member) flush(f *groupFlush) {
	c := m.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if m.left || c.end != nil || m.cursor >= f.end {
		return
	}
	if m.cursor == f.start && c.ws != nil && c.ws.readyLocked() && c.onlyLocked(m) {
		m.cursor = f.end
		c.ws.writeNowLocked(f.wire)
		return
	}
	if !c.pullLocked() {
		return
	}
	if c.ws != nil && c.ws.directLocked() {
		c.ws.flushLocked()
		return
	}
	c.kickLocked()
}

// onlyLocked reports whether no other group has anything for the session.
func (c *Conn) onlyLocked(m *Member) bool {
	for _, o := range c.feeds {
		if o != m && o.cursor != o.group.end.Load() {
			return false
		}
	}
	return true
}

// pullLocked queues what groups still have for the session, in the order in
// which it was sent, so that what is sent to the session alone comes after it.
// It reports whether there is anything to write; the session may end by it.
func (c *Conn) pullLocked() bool {
	// What is sent to another group while we look may have been sent after
	// something that we have already looked for in vain: it stays.
	upto := c.engine.stamp.Load()
	var from *Member
	dirty := 0
	for _, m := range c.feeds {
		if m.cursor != m.group.end.Load() {
			from = m
			dirty++
		}
	}
	fits := true
	switch dirty {
	case 0:
		return false
	case 1:
		from.group.mu.Lock()
		fits = c.pushPostedLocked(from.newsLocked(upto))
		from.group.mu.Unlock()
	default:
		var all []posted
		for _, m := range c.feeds {
			m.group.mu.Lock()
			all = append(all, m.newsLocked(upto)...)
			m.group.mu.Unlock()
		}
		slices.SortFunc(all, func(a, b posted) int { return cmp.Compare(a.stamp, b.stamp) })
		fits = c.pushPostedLocked(all)
	}
	if !fits {
		c.endLocked(&CloseError{Reason: ReasonSlow}, endCut, 0)
	}
	return fits
}

// newsLocked is what the member has not got yet, up to a stamp, and counts it
// as got. Both its conn's and its group's mu are held, the latter as long as
// what it returns is used.
func (m *Member) newsLocked(upto uint64) []posted {
	g := m.group
	n := min(int(g.end.Load()-m.cursor), len(g.pending))
	news := g.pending[len(g.pending)-n:]
	for len(news) > 0 && news[len(news)-1].stamp > upto {
		news = news[:len(news)-1]
	}
	m.cursor += uint64(len(news))
	return news
}

func (c *Conn) pushPostedLocked(all []posted) (fits bool) {
	for _, p := range all {
		if !c.out.push(c.engine.opts.MaxOutbox, Frame{p.frame}) {
			return false
		}
	}
	return true
}
