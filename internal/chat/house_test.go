package chat_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"snug/internal/chat"
	"snug/internal/store/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A house is a Service on a real store, with a stand-in for the gateway.
type house struct {
	t     testing.TB
	path  string
	store chat.Store
	svc   *chat.Service
	hub   *hub
	stop  func() // ends the service, then the store; may be called again
}

type setup struct {
	path  string                      // of an earlier house
	store func(chat.Store) chat.Store // what the service sees of the store
	bus   chat.Bus                    // alone if nil
	keep  chat.Keep                   // "" means forever here
	tune  func(*chat.Service)         // before Run
	clock chat.Clock                  //
	limit func(*chat.Limits)          // changes the limits, which have no rates
}

// open starts a house, which the end of the test stops.
func open(t testing.TB, set setup) *house {
	t.Helper()
	h := &house{t: t, path: set.path, hub: &hub{rooms: make(map[string]map[*ear]bool)}}
	if h.path == "" {
		h.path = filepath.Join(t.TempDir(), "log.db")
	}
	db, err := sqlite.Open(context.Background(), h.path, sqlite.Options{Clock: set.clock})
	if err != nil {
		t.Fatal(err)
	}
	h.store = db
	if set.store != nil {
		h.store = set.store(db)
	}
	if set.keep == 0 {
		set.keep = chat.KeepForever
	}
	if set.bus == nil {
		set.bus = chat.NewLocalBus()
	}
	limits := chat.DefaultLimits().Unlimited()
	if set.limit != nil {
		set.limit(&limits)
	}
	h.svc, err = chat.New(chat.Config{Store: h.store, Bus: set.bus, Outlet: h.hub, Keep: set.keep, Clock: set.clock, Limits: limits})
	if err != nil {
		t.Fatal(err)
	}
	if set.tune != nil {
		set.tune(h.svc)
	}
	var storing, serving sync.WaitGroup
	storeCtx, stopStore := context.WithCancel(context.Background())
	serveCtx, stopServing := context.WithCancel(context.Background())
	storing.Go(func() {
		if err := db.Run(storeCtx); err != nil {
			t.Errorf("store: %v", err)
		}
	})
	serving.Go(func() {
		if err := h.svc.Run(serveCtx); err != nil {
			t.Errorf("service: %v", err)
		}
	})
	h.stop = sync.OnceFunc(func() {
		stopServing()
		serving.Wait()
		stopStore()
		storing.Wait()
		if err := db.Close(); err != nil {
			t.Errorf("closing the store: %v", err)
		}
	})
	t.Cleanup(h.stop)
	return h
}

// inBubble runs a test in fake time, in a house of its own.
func inBubble(t *testing.T, f func(t *testing.T, h *house)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, open(t, setup{})) })
}

// A hub is an Outlet: it hands a room's events to the ears attached to it.
type hub struct {
	mu    sync.Mutex
	rooms map[string]map[*ear]bool
	calls int
	block chan struct{} // if set, Publish waits for it to be closed
	busy  time.Duration // what Due is at least
}

func (b *hub) Due(room string, while time.Duration) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rooms[room] == nil {
		return while
	}
	return max(while, b.busy)
}

func (b *hub) Publish(room string, events []chat.Event) {
	b.mu.Lock()
	block := b.block
	b.mu.Unlock()
	if block != nil {
		<-block
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls++
	for e := range b.rooms[room] {
		for _, ev := range events {
			if t, ok := ev.(*chat.Typing); ok && slices.Contains(t.But, chat.Ear(e)) {
				continue
			}
			e.got = append(e.got, ev)
		}
	}
}

// An ear writes down what it is given, and when.
type ear struct {
	hub *hub
	got []chat.Event // guarded by hub.mu
}

func (e *ear) Attach(room string) {
	e.hub.mu.Lock()
	defer e.hub.mu.Unlock()
	if e.hub.rooms[room] == nil {
		e.hub.rooms[room] = make(map[*ear]bool)
	}
	if e.hub.rooms[room][e] {
		panic("attached twice")
	}
	e.hub.rooms[room][e] = true
}

func (e *ear) Detach(room string) {
	e.hub.mu.Lock()
	defer e.hub.mu.Unlock()
	if !e.hub.rooms[room][e] {
		panic("detached without being attached")
	}
	delete(e.hub.rooms[room], e)
}

func (e *ear) Tell(events ...chat.Event) {
	e.hub.mu.Lock()
	defer e.hub.mu.Unlock()
	e.got = append(e.got, events...)
}

// take returns what was heard since the last take.
func (e *ear) take() []chat.Event {
	e.hub.mu.Lock()
	defer e.hub.mu.Unlock()
	got := e.got
	e.got = nil
	return got
}

// A person is an identity with a connection.
type person struct {
	*house
	name string
	id   chat.Identity
	from chat.Address
	conn *chat.Session
	ear  *ear
}

// identities counts those given out.
var identities atomic.Int32

// newcomer is a person of a new identity.
func (h *house) newcomer(name string) *person {
	n := identities.Add(1)
	p := &person{house: h, name: name, id: chat.Identity{0: byte(n), 1: byte(n >> 8), 15: 1}, ear: &ear{hub: h.hub}}
	p.conn = h.svc.OpenNew(p.id, p.from, p.ear)
	return p
}

// connect gives the person a new connection in place of what it had.
func (p *person) connect() {
	p.ear = &ear{hub: p.hub}
	p.conn = p.svc.Open(p.id, p.from, p.ear)
}

// again is the same identity on another connection.
func (p *person) again() *person {
	q := &person{house: p.house, name: p.name, id: p.id, from: p.from}
	q.connect()
	return q
}

// in is the same person in another house.
func (p *person) in(h *house) *person {
	q := &person{house: h, name: p.name, id: p.id}
	q.connect()
	return q
}

// create makes a room as the person.
func (p *person) create(r chat.CreateRequest) chat.Created {
	p.t.Helper()
	made, err := p.svc.Create(context.Background(), p.conn, r)
	if err != nil {
		p.t.Fatalf("%s creates a room: %v", p.name, err)
	}
	return made
}

// room makes a room that is kept for ever and returns its code.
func (p *person) room() string {
	p.t.Helper()
	return p.create(chat.CreateRequest{}).Info.Code
}

// tryJoin joins with what r says.
func (p *person) tryJoin(r chat.JoinRequest) (j chat.Joined, err error) {
	answers := 0
	p.svc.Join(context.Background(), p.conn, r, func(got chat.Joined, e error) {
		j, err = got, e
		answers++
	})
	if answers != 1 {
		p.t.Errorf("join was answered %d times", answers)
	}
	return j, err
}

// join joins under the person's name.
func (p *person) join(room string) chat.Joined {
	p.t.Helper()
	return p.rejoin(room, nil)
}

// rejoin joins with a cursor.
func (p *person) rejoin(room string, after *chat.Cursor) chat.Joined {
	p.t.Helper()
	j, err := p.tryJoin(chat.JoinRequest{Room: room, Name: p.name, After: after})
	if err != nil {
		p.t.Fatalf("%s joins: %v", p.name, err)
	}
	return j
}

// leave leaves, and waits for the answer.
func (p *person) leave(room string, all bool) error {
	answers, err := 0, error(nil)
	p.svc.Leave(context.Background(), p.conn, room, all, func(e error) { answers++; err = e })
	if answers != 1 {
		p.t.Errorf("leave was answered %d times", answers)
	}
	return err
}

// trySend sends and waits for the answer.
func (p *person) trySend(r chat.SendRequest) (chat.Appended, error) {
	type answer struct {
		a   chat.Appended
		err error
	}
	done := make(chan answer, 2)
	p.svc.Send(context.Background(), p.conn, r, func(a chat.Appended, err error) { done <- answer{a, err} })
	got := <-done
	return got.a, got.err
}

// say sends a text.
func (p *person) say(room, text string) chat.Seq {
	p.t.Helper()
	a, err := p.trySend(chat.SendRequest{Room: room, Text: text})
	if err != nil {
		p.t.Fatalf("%s says %.40q: %v", p.name, text, err)
	}
	return a.Seq
}

// rename takes another name.
func (p *person) rename(room, name string) (chat.Member, error) {
	return p.svc.Rename(context.Background(), p.conn, room, name)
}

// hangUp closes the connection.
func (p *person) hangUp(how chat.Loss) { p.svc.Close(p.conn, how) }

// heard is what the person was told since it was last asked, in words.
func (p *person) heard() []string {
	var words []string
	for _, ev := range p.ear.take() {
		words = append(words, describe(ev)...)
	}
	return words
}

// describe puts an event into words.
func describe(ev chat.Event) (words []string) {
	switch ev := ev.(type) {
	case *chat.Posted:
		e := ev.Entry
		if e.Kind == chat.KindName {
			return []string{fmt.Sprintf("%d %s was %s", e.Seq, e.From.Name, e.Was)}
		}
		switch e.Kind {
		case chat.KindEdit:
			return []string{fmt.Sprintf("%d %s edits %d: %.40s", e.Seq, e.From.Name, e.Target, e.Text)}
		case chat.KindDelete:
			return []string{fmt.Sprintf("%d %s deletes %d", e.Seq, e.From.Name, e.Target)}
		case chat.KindReact:
			return []string{fmt.Sprintf("%d %s reacts to %d: %s %t", e.Seq, e.From.Name, e.Target, e.Emoji, e.On)}
		case chat.KindModeration:
			return []string{fmt.Sprintf("%d %s: %s", e.Seq, e.From.Name, describeMeasure(e.Measure))}
		case chat.KindRoom:
			return []string{fmt.Sprintf("%d %s sets%s", e.Seq, e.From.Name, describeChange(e.Info))}
		}
		return []string{fmt.Sprintf("%d %s: %.40s", e.Seq, e.From.Name, e.Text)}
	case *chat.PresenceChange:
		for _, m := range ev.Joined {
			words = append(words, m.Name+" joined")
		}
		for _, m := range ev.Changed {
			words = append(words, m.Name+" is "+string(m.State))
		}
		for _, d := range ev.Left {
			words = append(words, "left "+string(d.Reason))
		}
		return append(words, fmt.Sprintf("count %d", ev.Count))
	case *chat.Typing:
		return []string{ev.Name + " writes"}
	case *chat.Me:
		if ev.You != nil {
			words = append(words, fmt.Sprintf("you %s %s", ev.You.Name, ev.You.Role))
		}
		if ev.Read != nil {
			words = append(words, fmt.Sprintf("read %d", *ev.Read))
		}
		if ev.MutedUntil != nil {
			words = append(words, "muted until "+ev.MutedUntil.Format(time.DateTime))
		}
		return words
	case *chat.Removed:
		words = append(words, "removed "+string(ev.Reason))
		if ev.Note != "" {
			words[0] += ": " + ev.Note
		}
		if !ev.Until.IsZero() {
			words[0] += ", until " + ev.Until.Format(time.DateTime)
		}
		return words
	case *chat.Resync:
		return []string{fmt.Sprintf("resync %d", ev.Head)}
	}
	return []string{"?"}
}

// describeMeasure puts what was done to a member into words.
func describeMeasure(is *chat.Measure) string {
	words := fmt.Sprintf("%s %s", is.Deed, is.Of.Name)
	switch {
	case is.Lifted:
		words += " lifted"
	case is.Until.Equal(chat.Forever):
		words += " for good"
	case !is.Until.IsZero():
		words += " until " + is.Until.Format(time.DateTime)
	}
	if is.Reason != "" {
		words += ": " + is.Reason
	}
	if is.Role != "" {
		words += " " + string(is.Role)
	}
	if is.Count > 0 {
		words += fmt.Sprint(" ", is.Count)
	}
	return words
}

// describeChange puts what changed in a room into words.
func describeChange(c *chat.RoomChange) (words string) {
	if c.Title != nil {
		words += fmt.Sprintf(" title %q", *c.Title)
	}
	if c.Locked != nil {
		words += fmt.Sprint(" locked ", *c.Locked)
	}
	if c.Passphrase != nil {
		words += fmt.Sprint(" passphrase ", *c.Passphrase)
	}
	if c.Keep != nil {
		words += fmt.Sprint(" keep ", *c.Keep)
	}
	if c.Slow != nil {
		words += fmt.Sprint(" slow ", *c.Slow)
	}
	return words
}

// hears fails unless the person heard just this since it was last asked. In
// fake time it waits for everything to settle.
func (p *person) hears(want ...string) {
	p.t.Helper()
	synctest.Wait()
	if got := p.heard(); !slices.Equal(got, want) {
		p.t.Errorf("%s heard %q, want %q", p.name, got, want)
	}
}

// forgets throws away what was heard.
func forget(people ...*person) {
	synctest.Wait()
	for _, p := range people {
		p.ear.take()
	}
}

// wantCode fails unless err is an Error of this code, on this field.
func wantCode(t *testing.T, err error, code chat.Code, field string) *chat.Error {
	t.Helper()
	e, ok := errors.AsType[*chat.Error](err)
	if !ok || e.Code != code || e.Field != field {
		t.Errorf("got %v, want %s on field %q", err, code, field)
		return &chat.Error{}
	}
	return e
}

func names(members []chat.Member) (list []string) {
	for _, m := range members {
		list = append(list, m.Name)
	}
	return list
}

func texts(entries []chat.Entry) (list []string) {
	for _, e := range entries {
		list = append(list, e.Text)
	}
	return list
}

func seqs(entries []chat.Entry) (list []chat.Seq) {
	for _, e := range entries {
		list = append(list, e.Seq)
	}
	return list
}

const day = 24 * time.Hour
