package prove

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"snug/internal/check"
	"snug/internal/wire"
	"snug/socketio/client"
)

// maxOutbox is how many messages wait in a room's outbox: what is due while the
// server is away is not said at all.
const maxOutbox = 64

// A person is one identity of the crowd, on one connection after the other.
// It follows "How to resume" and "How to send" of docs/protocol.md to the letter,
// but for one thing: it does not forgive. An entry that comes out of its turn
// on a connection is written down as seen, which breaks C3.
type person struct {
	// Static after construction.
	crowd  *Crowd
	name   string
	scribe *scribe
	window int // messages under way in each room
	dial   client.NetDial
	way    client.Transport
	places []*place

	mu    sync.Mutex
	token string        // guarded by mu
	next  int           // which of places speaks next; guarded by mu
	link  *link         // guarded by mu; nil while there is no connection
	away  time.Duration // how long it stays away when this connection is lost; guarded by mu
}

// A place is a person's part in a room. Guarded by person.mu, but for code.
type place struct {
	code string

	epoch  string // "" before the first join
	cursor uint32
	held   []wire.Entry // came before it was their turn: the room is being joined or healed
	joined bool         // on the present connection
	filled bool         // the page after the cursor has been read to its end
	healed uint32       // history was read up to this, whatever is still to come live

	here map[string]string // who is here, as far as the person was told: names by members' ids

	outbox   []*message // not acknowledged, in the order in which they were written
	sent     int        // how many of outbox were sent on the present connection
	flying   int        // how many are under way without an answer, again among them
	repeats  int        // how many of those are again
	stalled  bool       // one was refused for now: no more until all others are answered
	own      []*work    // messages that are in the log
	composed int        // messages ever written
	last     *message   // the newest acknowledged
	again    *message   // an acknowledged one to be sent once more, as if its answer had been lost
}

// A link is one connection. Its person's mu guards what is in it.
type link struct {
	p    *person
	conn *client.Client
	wake chan struct{} // holds a token while there may be something to do
	todo []func()      // requests to be made by live, before messages
	over bool
}

// Answers are a reply or a refusal.
type (
	createAnswer struct {
		wire.CreateReply
		Error wire.Failure `json:"error"`
	}
	joinAnswer struct {
		wire.JoinReply
		Error wire.Failure `json:"error"`
	}
	historyAnswer struct {
		wire.HistoryReply
		Error wire.Failure `json:"error"`
	}
	sendAnswer struct {
		wire.SendReply
		Error wire.Failure `json:"error"`
	}
)

// run connects, time and again, until ctx is done.
func (p *person) run(ctx context.Context) {
	for {
		url, ok := p.crowd.address(ctx)
		if !ok {
			return
		}
		if err := p.live(ctx, url); err != nil && p.crowd.serves(url) {
			p.crowd.note(err)
		}
		p.mu.Lock()
		pause := 5*time.Millisecond + p.away // a server that goes down refuses for a while
		p.away = 0
		p.mu.Unlock()
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
	}
}

// live is one connection. It returns an error where none came about.
func (p *person) live(ctx context.Context, url string) error {
	l := &link{p: p, wake: make(chan struct{}, 1)}
	on := func(f func(wire.Entry)) client.Handler {
		return func(_ *client.Client, args client.Args, _ *client.Ack) {
			var e wire.Entry
			if err := args.Decode(&e); err != nil {
				p.crowd.fault("%s cannot read an entry: %v", p.name, err)
				return
			}
			f(e)
		}
	}
	conn, err := client.Dial(ctx, url, client.Options{
		Auth: p.auth, Timeout: patience, Queue: 1 << 12, NetDial: p.dial, Transport: p.way,
		On: map[string]client.Handler{
			"welcome":  l.welcomed,
			"message":  on(l.live),
			"entry":    on(l.live),
			"resync":   l.resync,
			"presence": l.presence,
			"removed": func(_ *client.Client, args client.Args, _ *client.Ack) {
				p.crowd.fault("%s was removed: %s", p.name, args.Raw(0))
			},
		},
	})
	if refused, ok := errors.AsType[*client.ConnectError](err); ok {
		p.crowd.fault("%s is not let in: %v", p.name, refused)
	}
	if err != nil {
		return err
	}
	for open := true; open; {
		select {
		case <-l.wake:
			l.work()
			l.transmit()
		case <-conn.Done():
			open = false
		case <-ctx.Done():
			conn.Stop()
			open = false
		}
	}
	_ = conn.Close() // from here on no answer and no event comes
	l.lost()
	return nil
}

func (p *person) auth() any {
	p.mu.Lock()
	defer p.mu.Unlock()
	return wire.Auth{Token: p.token}
}

func (l *link) rouse() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// welcomed joins all rooms. It runs before any other event is handled.
func (l *link) welcomed(conn *client.Client, args client.Args, _ *client.Ack) {
	var w wire.Welcome
	if err := args.Decode(&w); err != nil {
		l.p.crowd.fault("%s cannot read its welcome: %v", l.p.name, err)
		return
	}
	l.p.mu.Lock()
	l.p.token, l.p.link, l.conn = w.Token, l, conn
	l.p.mu.Unlock()
	for _, at := range l.p.places {
		l.do(func() { l.join(at) })
	}
}

// do has live make a request, unless the connection is over.
func (l *link) do(f func()) {
	l.p.mu.Lock()
	defer l.p.mu.Unlock()
	l.doLocked(f)
}

// doLocked is do for a caller that holds mu.
func (l *link) doLocked(f func()) {
	if !l.over {
		l.todo = append(l.todo, f)
		l.rouse()
	}
}

// work makes the requests that are due. They may block as long as the connection does.
func (l *link) work() {
	l.p.mu.Lock()
	todo := l.todo
	l.todo = nil
	l.p.mu.Unlock()
	for _, f := range todo {
		f()
	}
}

func (l *link) join(at *place) {
	p := l.p
	r := wire.JoinRequest{Room: at.code, Name: p.name}
	p.mu.Lock()
	if at.epoch != "" {
		r.After = &wire.Cursor{Epoch: at.epoch, Seq: at.cursor}
	}
	p.mu.Unlock()
	// An error is the loss of the connection, which live sees.
	_ = l.conn.Ask("join", func(args client.Args, err error) {
		var a joinAnswer
		if err != nil {
			return
		}
		if err := args.Decode(&a); err != nil {
			p.crowd.fault("%s cannot read the answer to join: %v", p.name, err)
			return
		}
		if !a.OK {
			l.refused("join", at, a.Error, func() { l.join(at) })
			return
		}
		l.joined(at, a)
	}, r)
}

// refused tries again where that may help.
func (l *link) refused(what string, at *place, f wire.Failure, again func()) {
	p := l.p
	p.crowd.refused(f)
	if !f.Retry {
		p.crowd.fault("%s: %s in %s was refused: %s: %s", p.name, what, at.code, f.Code, f.Message)
		return
	}
	time.AfterFunc(retryPause, func() { l.do(again) }) // does nothing once the connection is over
}

// retryPause is how long a person waits after a refusal.
const retryPause = 20 * time.Millisecond

func (l *link) joined(at *place, a joinAnswer) {
	p := l.p
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case a.You.Name != p.name:
		p.crowd.fault("%s is called %s in %s", p.name, a.You.Name, at.code)
	case at.epoch == "":
		at.epoch, at.cursor = a.Epoch, a.Head
		p.scribe.write(check.Event{Op: check.Join, Room: at.code, Seq: a.Head})
		a.Entries, a.More = nil, false
	case a.Reset:
		p.crowd.resets.Add(1)
		if p.crowd.reset != nil {
			p.crowd.reset(p, at.code, at.cursor, a.Head, a.Info.First)
		}
		at.epoch, at.cursor = a.Epoch, a.Head
		p.scribe.write(check.Event{Op: check.Reset, Room: at.code, Seq: a.Head})
		a.Entries, a.More = nil, false
	default:
		p.scribe.write(check.Event{Op: check.Join, Room: at.code, Seq: at.cursor})
	}
	at.here = map[string]string{a.You.ID: a.You.Name}
	for _, m := range a.Members {
		at.here[m.ID] = m.Name
	}
	at.joined, at.again = true, at.last
	l.took(at, a.Entries, a.More)
	if !a.More {
		l.release(at)
	}
	if p.crowd.back != nil && !slices.ContainsFunc(p.places, func(at *place) bool { return !at.joined }) {
		p.crowd.back(p)
	}
	l.rouse()
}

// took shows the entries of a page of the log, and asks for what follows. The
// caller holds mu.
func (l *link) took(at *place, entries []wire.Entry, more bool) {
	for i := range entries {
		l.see(at, &entries[i])
	}
	if more {
		l.doLocked(func() { l.history(at) })
	}
}

// release shows what was held while the room was joined or healed. The caller holds mu.
func (l *link) release(at *place) {
	at.filled = true
	for i := range at.held {
		l.see(at, &at.held[i])
	}
	at.held = nil
}

// history asks for what follows the cursor, and shows it before what was held.
func (l *link) history(at *place) {
	p := l.p
	p.mu.Lock()
	r := wire.HistoryRequest{Room: at.code, After: &wire.Cursor{Epoch: at.epoch, Seq: at.cursor}, Limit: 200}
	p.mu.Unlock()
	_ = l.conn.Ask("history", func(args client.Args, err error) {
		var a historyAnswer
		if err != nil {
			return
		}
		if err := args.Decode(&a); err != nil {
			p.crowd.fault("%s cannot read a page: %v", p.name, err)
			return
		}
		if !a.OK {
			l.refused("history", at, a.Error, func() { l.history(at) })
			return
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.crowd.healed.Add(int64(len(a.Entries)))
		l.took(at, a.Entries, a.More)
		if !a.More {
			// Pages go on beyond the head of their beginning, to what was held
			// meanwhile or has come and waits for its handler: an answer overtakes events here.
			at.healed = at.cursor
			at.held = slices.DeleteFunc(at.held, func(e wire.Entry) bool { return e.Seq <= at.healed })
			l.release(at)
		}
	}, r)
}

// live takes an entry that came by itself.
func (l *link) live(e wire.Entry) {
	p := l.p
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.places, func(at *place) bool { return at.code == e.Room })
	switch {
	case i < 0:
		p.crowd.fault("%s hears of %s, where it is not", p.name, e.Room)
	case e.Seq <= p.places[i].healed:
	case p.places[i].filled:
		l.see(p.places[i], &e)
	default:
		p.places[i].held = append(p.places[i].held, e)
	}
}

// see shows an entry. The caller holds mu.
func (l *link) see(at *place, e *wire.Entry) {
	l.p.scribe.write(check.Event{Op: check.See, Room: at.code, ID: e.ID, Seq: e.Seq, Hash: mark(e.Kind, e.Text, e.Target, e.On != nil && *e.On, e.Rev != 0)})
	at.cursor = max(at.cursor, e.Seq)
	l.p.crowd.seen.Add(1)
}

// presence takes in who has come and who has gone.
func (l *link) presence(_ *client.Client, args client.Args, _ *client.Ack) {
	var e wire.Presence
	if err := args.Decode(&e); err != nil {
		l.p.crowd.fault("%s cannot read who is here: %v", l.p.name, err)
		return
	}
	p := l.p
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.places, func(at *place) bool { return at.code == e.Room && at.joined })
	if i < 0 {
		return
	}
	here := p.places[i].here
	for _, m := range slices.Concat(e.Joined, e.Changed) {
		here[m.ID] = m.Name
	}
	for _, gone := range e.Left {
		if name, known := here[gone.ID]; known && p.crowd.left != nil {
			p.crowd.left(p, name)
		}
		delete(here, gone.ID)
	}
}

// resync heals a room of which the server lost its place for this connection.
func (l *link) resync(_ *client.Client, args client.Args, _ *client.Ack) {
	var r wire.Resync
	if err := args.Decode(&r); err != nil {
		l.p.crowd.fault("%s cannot read a resync: %v", l.p.name, err)
		return
	}
	l.p.mu.Lock()
	defer l.p.mu.Unlock()
	l.p.crowd.resyncs.Add(1)
	for _, at := range l.p.places {
		if at.code == r.Room && at.filled {
			at.filled = false
			l.doLocked(func() { l.history(at) })
		}
	}
}

// say puts n messages into the outbox of the next room, and reports how many it took.
func (p *person) say(n int, text func() string) (took int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := p.places[p.next%len(p.places)]
	p.next++
	for ; took < n && len(at.outbox) < maxOutbox; took++ {
		at.outbox = append(at.outbox, at.compose(text))
	}
	if p.link != nil {
		p.link.rouse()
	}
	return took
}

// due takes out what is to be sent next, nil if nothing is.
func (l *link) due() (at *place, m *message) {
	p := l.p
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, at := range p.places {
		switch {
		case !at.joined || at.stalled || at.flying >= p.window:
			continue
		case at.again != nil:
			m, at.again = at.again, nil
			at.repeats++
		case at.sent < len(at.outbox):
			m = at.outbox[at.sent]
			at.sent++
		default:
			continue
		}
		at.flying++
		p.crowd.flying.Add(1)
		m.tried = time.Since(p.crowd.journal.start)
		return at, m
	}
	return nil, nil
}

// transmit sends what is due. It may block as long as the connection does.
func (l *link) transmit() {
	p := l.p
	for at, m := l.due(); m != nil; at, m = l.due() {
		p.scribe.write(check.Event{Op: check.Send, Room: at.code, ID: m.id, Hash: m.mark()})
		err := l.conn.Ask(string(m.op), func(args client.Args, err error) {
			var a sendAnswer
			if err != nil {
				return // its answer may have been lost: it is sent again on the next connection
			}
			if err := args.Decode(&a); err != nil {
				p.crowd.fault("%s cannot read the answer to send: %v", p.name, err)
				return
			}
			l.answered(at, m, a)
		}, m.request(at.code))
		if err != nil {
			l.unsent(at)
			return
		}
	}
}

// unsent takes back a message that the connection did not take.
func (l *link) unsent(at *place) {
	l.p.mu.Lock()
	defer l.p.mu.Unlock()
	at.flying--
	l.p.crowd.flying.Add(-1)
}

// answered settles a message.
func (l *link) answered(at *place, m *message, a sendAnswer) {
	p := l.p
	if a.OK {
		p.scribe.write(check.Event{Op: check.Ack, Room: at.code, ID: m.id, Seq: a.Seq})
	} else {
		p.crowd.refused(a.Error)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	at.flying--
	p.crowd.flying.Add(-1)
	if a.OK {
		p.crowd.acknowledged()
	}
	i := slices.Index(at.outbox, m)
	switch {
	case a.OK && i < 0:
		at.repeats--
		if p.crowd.repeated.Add(1); !a.Duplicate {
			p.crowd.fault("%s sent %s again, which had been acknowledged as %d, and it was stored anew as %d", p.name, m.id, m.seq, a.Seq)
		}
	case a.OK:
		if a.Duplicate {
			p.crowd.duplicates.Add(1)
		} else {
			p.crowd.stored(m.tried)
		}
		m.seq = a.Seq
		at.stored(m)
		at.outbox = slices.Delete(at.outbox, i, i+1)
		at.sent--
	case a.Error.Retry:
		at.stalled = true
	default:
		p.crowd.fault("%s: %s in %s was refused: %s: %s", p.name, m.op, at.code, a.Error.Code, a.Error.Message)
	}
	switch {
	case !at.stalled:
		l.rouse()
	case at.flying == 0:
		time.AfterFunc(retryPause, func() { l.unstall(at) })
	}
}

// unstall sends again what was refused for now, and all that came after it.
func (l *link) unstall(at *place) {
	l.p.mu.Lock()
	defer l.p.mu.Unlock()
	if !l.over {
		at.stalled, at.sent = false, 0
		l.rouse()
	}
}

// lost is the end of the connection: what was under way on it is cut off.
func (l *link) lost() {
	p := l.p
	p.mu.Lock()
	defer p.mu.Unlock()
	l.over, p.link = true, nil
	for _, at := range p.places {
		p.crowd.cut.Add(int64(at.flying - at.repeats))
		for _, m := range at.outbox[:at.sent] {
			p.crowd.cutChanges[m.op].Add(1)
		}
		p.crowd.flying.Add(-int64(at.flying))
		at.joined, at.filled, at.held, at.healed = false, false, nil, 0
		at.sent, at.flying, at.repeats, at.stalled, at.again = 0, 0, 0, false, nil
	}
}

// settled says whether the person has nothing under way and has seen up to top
// in each of its rooms.
func (p *person) settled(top map[string]uint32) (err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, at := range p.places {
		switch {
		case len(at.outbox) > 0 || at.flying > 0:
			err = fmt.Errorf("prove: %s waits for %d answers in %s", p.name, len(at.outbox), at.code)
		case at.cursor < top[at.code]:
			err = fmt.Errorf("prove: %s has seen %s up to %d of %d", p.name, at.code, at.cursor, top[at.code])
		}
	}
	return err
}

// tops raises top to what the person knows of its rooms' heads.
func (p *person) tops(top map[string]uint32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, at := range p.places {
		top[at.code] = max(top[at.code], at.cursor)
		if at.last != nil {
			top[at.code] = max(top[at.code], at.last.seq)
		}
	}
}
