package check

import (
	"container/heap"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// A Violation is one broken promise.
type Violation struct {
	Rule   string // "C1" … "C9"
	Room   string
	Detail string
}

func (v Violation) String() string { return v.Rule + " " + v.Room + ": " + v.Detail }

// maxViolations bounds what is kept: one bug breaks many lines, and the first
// few tell it.
const maxViolations = 1000

// A Line is one entry of the log as it is on disk.
type Line struct {
	Room   string
	Seq    uint32
	ID     string
	Client string // who sent it, by the name it wrote its history under; empty: not known
	Hash   string
	First  bool // the oldest entry kept: retention took what was before
}

// A Checker judges one run. Feed it the histories, then the log, then ask for
// the Report. It is not for concurrent use. It holds a record for each message
// and room, not the histories.
type Checker struct {
	// Within is C9's bound; zero: C9 is judged by Report's log alone, without time.
	Within time.Duration

	rooms      map[string]*room
	healed     int64
	violations []Violation
	dropped    int
	events     int
}

type room struct {
	sent      map[string]*message // by id
	seen      map[uint32]seen
	observers map[string]*observer
	senders   map[string]*sender
	ackedTop  uint32 // highest seq acknowledged so far
	first     uint32 // the oldest entry kept, where retention took what was before; else 0
	logTop    uint32
	inLog     map[string]uint32 // id to seq
}

type message struct {
	client  string
	hash    string
	order   int    // place among its sender's messages, by the first try
	after   uint32 // highest seq acknowledged in the room before the first try
	acked   uint32
	refused bool
}

type seen struct{ id, hash string }

type observer struct {
	next uint32 // the seq that must come; 0: not joined yet
	at   int64  // when it last advanced
}

type sender struct{ sent int }

// New returns a Checker of an empty run.
func New() *Checker { return &Checker{rooms: map[string]*room{}} }

func (c *Checker) fail(rule, room, format string, args ...any) {
	if len(c.violations) >= maxViolations {
		c.dropped++
		return
	}
	c.violations = append(c.violations, Violation{rule, room, fmt.Sprintf(format, args...)})
}

func (c *Checker) room(code string) *room {
	r := c.rooms[code]
	if r == nil {
		r = &room{sent: map[string]*message{}, seen: map[uint32]seen{}, observers: map[string]*observer{}, senders: map[string]*sender{}, inLog: map[string]uint32{}}
		c.rooms[code] = r
	}
	return r
}

// Read merges histories by time and takes them in. Each must be in the order
// of its own time. A torn last line, which a killed writer leaves, is passed over.
func (c *Checker) Read(histories ...io.Reader) error {
	var m merge
	for _, h := range histories {
		s := &stream{dec: json.NewDecoder(h)}
		switch err := s.next(); {
		case err == nil:
			m = append(m, s)
		case !errors.Is(err, io.EOF):
			return err
		}
	}
	heap.Init(&m)
	for len(m) > 0 {
		s := m[0]
		c.Take(s.event)
		last := s.event.T
		switch err := s.next(); {
		case errors.Is(err, io.EOF):
			heap.Pop(&m)
			continue
		case err != nil:
			return err
		case s.event.T < last:
			return fmt.Errorf("check: history of %s runs backwards at %d", s.event.Client, s.event.T)
		}
		heap.Fix(&m, 0)
	}
	return nil
}

// Take takes in one event. Events must come in the order of time.
func (c *Checker) Take(e Event) {
	c.events++
	if e.Op == Healed {
		c.healed = e.T
		return
	}
	r := c.room(e.Room)
	switch e.Op {
	case Send:
		r.send(e)
	case Ack:
		c.ack(r, e)
	case Refuse:
		if m := r.sent[e.ID]; m != nil {
			m.refused = true
		}
	case Join, Reset:
		c.join(r, e)
	case See:
		c.see(r, e)
	default:
		c.fail("C2", e.Room, "history of %s has an unknown operation %q", e.Client, e.Op)
	}
}

func (r *room) send(e Event) {
	if r.sent[e.ID] != nil {
		return // a retry: the first try counts
	}
	s := r.senders[e.Client]
	if s == nil {
		s = &sender{}
		r.senders[e.Client] = s
	}
	r.sent[e.ID] = &message{client: e.Client, hash: e.Hash, order: s.sent, after: r.ackedTop}
	s.sent++
}

func (c *Checker) ack(r *room, e Event) {
	m := r.sent[e.ID]
	switch {
	case m == nil:
		c.fail("C2", e.Room, "%s was acknowledged as %d but never sent", e.ID, e.Seq)
		return
	case e.Seq == 0:
		c.fail("C1", e.Room, "%s was acknowledged without a seq", e.ID)
		return
	case m.acked != 0 && m.acked != e.Seq:
		c.fail("C1", e.Room, "%s was acknowledged as %d, then as %d", e.ID, m.acked, e.Seq)
	}
	m.acked = e.Seq
	r.ackedTop = max(r.ackedTop, e.Seq)
}

func (c *Checker) join(r *room, e Event) {
	o := r.observers[e.Client]
	if o == nil {
		o = &observer{}
		r.observers[e.Client] = o
	}
	if e.Op == Join && o.next != 0 && e.Seq+1 != o.next {
		// A client joins with its cursor, and is then shown what it missed, one by
		// one: Join records the cursor it resumed from.
		c.fail("C3", e.Room, "%s had everything up to %d and resumed from %d without a reset", e.Client, o.next-1, e.Seq)
	}
	o.next, o.at = e.Seq+1, e.T
}

func (c *Checker) see(r *room, e Event) {
	o := r.observers[e.Client]
	switch {
	case o == nil:
		c.fail("C3", e.Room, "%s saw %d before it joined", e.Client, e.Seq)
	case e.Seq != o.next:
		c.fail("C3", e.Room, "%s saw %d where %d was due", e.Client, e.Seq, o.next)
		o.next = max(o.next, e.Seq+1)
	default:
		o.next++
		o.at = e.T
	}
	c.same(r, e.Room, e.Client, e.Seq, seen{e.ID, e.Hash})
}

// same holds an entry against what others were shown under its seq, and
// against what was sent under its id.
func (c *Checker) same(r *room, code, who string, seq uint32, s seen) {
	before, ok := r.seen[seq]
	if ok && (before.id != s.id || differ(before.hash, s.hash)) {
		c.fail("C4", code, "%d is %s (%s) for %s, was %s (%s) for another", seq, s.id, s.hash, who, before.id, before.hash)
	}
	if !ok || before.hash == "" {
		r.seen[seq] = s
	}
	if s.id == "" {
		return // an entry of the room's own: a name, a change
	}
	switch m := r.sent[s.id]; {
	case m == nil:
		c.fail("C2", code, "%s saw %d with id %s, which nobody sent", who, seq, s.id)
	case differ(m.hash, s.hash):
		c.fail("C2", code, "text of %s at %d is %s for %s, was sent as %s", s.id, seq, s.hash, who, m.hash)
	}
}

// differ compares hashes of a text. Without one it is not judged: the text was
// changed since, as it may be.
func differ(a, b string) bool { return a != "" && b != "" && a != b }

// ReadLog takes in the final log: the lines of each room in the order of seq.
// Call it once, after the histories.
func (c *Checker) ReadLog(lines func(yield func(Line) bool)) {
	for l := range lines {
		r := c.room(l.Room)
		switch {
		case l.First && r.logTop == 0 && l.Seq > 0:
			r.first = l.Seq
		case l.Seq != r.logTop+1:
			c.fail("C8", l.Room, "the log goes from %d to %d", r.logTop, l.Seq)
		}
		r.logTop = l.Seq
		c.same(r, l.Room, "the log", l.Seq, seen{l.ID, l.Hash})
		if l.ID == "" {
			continue
		}
		m := r.sent[l.ID]
		if first, twice := r.inLog[l.ID]; twice {
			rule := "C7"
			if m != nil && m.acked != 0 {
				rule = "C1"
			}
			c.fail(rule, l.Room, "%s is in the log as %d and as %d", l.ID, first, l.Seq)
			continue
		}
		r.inLog[l.ID] = l.Seq
		if m != nil && m.acked == 0 && m.refused {
			c.fail("C7", l.Room, "%s was refused and is in the log as %d", l.ID, l.Seq)
		}
		if m != nil && l.Client != "" && l.Client != m.client {
			c.fail("C2", l.Room, "%s was sent by %s and is in the log as %s's", l.ID, m.client, l.Client)
		}
	}
}

// Report judges what needs the whole run, and returns all violations. An
// empty result is a kept promise only if there were events: see Counts.
func (c *Checker) Report() []Violation {
	for _, code := range slices.Sorted(maps.Keys(c.rooms)) {
		r := c.rooms[code]
		c.reportSent(code, r)
		c.reportObservers(code, r)
	}
	if c.dropped > 0 {
		c.violations = append(c.violations, Violation{"", "", fmt.Sprintf("and %d more", c.dropped)})
	}
	return c.violations
}

func (c *Checker) reportSent(code string, r *room) {
	bySender := map[string][]*message{}
	seqs := map[*message]uint32{}
	for _, id := range slices.Sorted(maps.Keys(r.sent)) {
		m := r.sent[id]
		at, stored := r.inLog[id]
		switch {
		case !stored && m.acked < r.first:
			// never acknowledged, or kept as long as it was to be
		case m.acked != 0 && !stored:
			c.fail("C1", code, "%s was acknowledged as %d and is not in the log", id, m.acked)
		case m.acked != 0 && at != m.acked:
			c.fail("C1", code, "%s was acknowledged as %d and is in the log as %d", id, m.acked, at)
		}
		if !stored {
			continue
		}
		if at <= m.after {
			c.fail("C5", code, "%s is %d, though %d was acknowledged before it was sent", id, at, m.after)
		}
		seqs[m] = at
		bySender[m.client] = append(bySender[m.client], m)
	}
	for _, name := range slices.Sorted(maps.Keys(bySender)) {
		messages := bySender[name]
		slices.SortFunc(messages, func(a, b *message) int { return a.order - b.order })
		for i := 1; i < len(messages); i++ {
			if a, b := messages[i-1], messages[i]; seqs[a] > seqs[b] {
				c.fail("C6", code, "%s sent what became %d before what became %d", name, seqs[a], seqs[b])
			}
		}
	}
}

func (c *Checker) reportObservers(code string, r *room) {
	for _, name := range slices.Sorted(maps.Keys(r.observers)) {
		o := r.observers[name]
		switch late := time.Duration(o.at - c.healed); {
		case o.next != r.logTop+1:
			c.fail("C9", code, "%s stopped at %d, the head is %d", name, o.next-1, r.logTop)
		case c.Within > 0 && c.healed > 0 && late > c.Within:
			c.fail("C9", code, "%s reached the head %v after healing", name, late)
		}
	}
}

// Counts says how much was judged: events read, messages sent, acknowledged and in the log.
func (c *Checker) Counts() (events, sent, acked, logged int) {
	for _, r := range c.rooms {
		sent += len(r.sent)
		logged += len(r.inLog)
		for _, m := range r.sent {
			if m.acked != 0 {
				acked++
			}
		}
	}
	return c.events, sent, acked, logged
}

// A stream is a history being read.
type stream struct {
	dec   *json.Decoder
	event Event
}

// next reads a line; a torn one is the end.
func (s *stream) next() error {
	s.event = Event{}
	err := s.dec.Decode(&s.event)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return io.EOF
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("check: read history: %w", err)
	}
	return err
}

// merge is a heap of streams by the time of their next event.
type merge []*stream

func (m merge) Len() int      { return len(m) }
func (m merge) Swap(i, j int) { m[i], m[j] = m[j], m[i] }
func (m *merge) Push(x any)   { *m = append(*m, x.(*stream)) }

func (m merge) Less(i, j int) bool {
	if m[i].event.T != m[j].event.T {
		return m[i].event.T < m[j].event.T
	}
	return strings.Compare(m[i].event.Client, m[j].event.Client) < 0
}

func (m *merge) Pop() any {
	old := *m
	s := old[len(old)-1]
	*m = old[:len(old)-1]
	return s
}
