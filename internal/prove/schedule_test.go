package prove

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"snug/internal/chat"
	"snug/internal/check"
	"snug/internal/config"
	"snug/internal/server"
	"snug/internal/wire"
	"snug/socketio/client"
)

// TestSchedules: whatever happens in whatever order, in fake time: the whole
// server, but for TCP, with people whose network fails in all ways that
// heartbeats and graces are for, restarts, deaths, clocks that are set back,
// and retention.
func TestSchedules(t *testing.T) {
	short := 200
	if testing.Short() {
		short = 10
	}
	n := amount(t, "SNUG_SCHEDULES", short)
	first := amount(t, "SNUG_SCHEDULE", 0) // to see one again: its number here, and 1 above
	var next, events, cut, resets atomic.Int64
	var sum sync.Map // how often each kind of step was made
	next.Store(int64(first))
	t.Cleanup(func() {
		steps := []string{}
		sum.Range(func(k, v any) bool {
			steps = append(steps, fmt.Sprintf("%d × %v", v.(*atomic.Int64).Load(), k))
			return true
		})
		slices.Sort(steps)
		t.Logf("%d schedules (%s): %d events judged, %d messages cut off, %d cursors reset", n, strings.Join(steps, ", "), events.Load(), cut.Load(), resets.Load())
	})
	for w := range runtime.GOMAXPROCS(0) {
		t.Run(fmt.Sprint(w), func(t *testing.T) {
			t.Parallel()
			for i := next.Add(1) - 1; i < int64(first+n) && !t.Failed(); i = next.Add(1) - 1 {
				dir, err := os.MkdirTemp(memory(t), "")
				if err != nil {
					t.Fatal(err)
				}
				synctest.Test(t, func(t *testing.T) {
					r := runSchedule(t, dir, uint64(i))
					if err := r.Err(); err != nil {
						t.Errorf("schedule %d: %v\n%s", i, err, strings.Join(r.steps, "\n"))
					}
					events.Add(int64(r.Events))
					cut.Add(r.Cut)
					resets.Add(r.Resets)
					for kind, n := range r.kinds {
						c, _ := sum.LoadOrStore(kind, new(atomic.Int64))
						c.(*atomic.Int64).Add(int64(n))
					}
				})
				if err := os.RemoveAll(dir); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// memory is a directory on a disk in memory, if there is one: in fake time
// fsyncs are only in the way.
func memory(t *testing.T) string {
	if dir, err := os.MkdirTemp("/dev/shm", "snug"); err == nil {
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		return dir
	}
	return t.TempDir()
}

// What protocol.md says of presence, as the people of a schedule see it.
const (
	closedGrace = 1500 * time.Millisecond        // who is back by then was never away
	closedLeft  = closedGrace + 2*time.Second    // by then the others know that a connection was closed
	silentLeft  = (9 + 5 + 15 + 2) * time.Second // the same of one that fell silent
	emptyEnds   = silentLeft + 60*time.Second    // by then an "empty" room is gone
	sweptBy     = time.Minute + 5*time.Second    // after a start
	keepsFor    = 24 * time.Hour                 // "1d"
	calm        = silentLeft + closedLeft + time.Second
)

// A yard is where a schedule is played.
type yard struct {
	t     *testing.T
	ctx   context.Context
	rng   *rand.Rand
	dir   string
	clock shifted

	data   string // the present data directory
	deaths int
	stop   func() // the present server, in order
	crowd  *Crowd
	lines  map[string]*line // by name; static
	visits *scribe          // static
	report scheduleReport

	docked atomic.Pointer[dock]
	over   atomic.Bool // everybody goes home

	mu        sync.Mutex
	most      time.Time            // the latest time that the clock ever told before it was set; static
	resets    map[string]int       // cursors that were reset, by whose they were; guarded by mu
	aged      map[string]uint32    // the head of each room when all of it had grown old; guarded by mu
	broken    map[string]time.Time // since when somebody's line is; guarded by mu
	anew      map[string]time.Time // when somebody's line was last broken that was whole until then; guarded by mu
	mended    map[string]time.Time // when somebody was last whole again; guarded by mu
	breakages map[string]int       // how often somebody's line was broken; guarded by mu
	silently  map[string]bool      // whose line fell silent, and was not cut; guarded by mu
}

// A scheduleReport is what came of a schedule.
type scheduleReport struct {
	*Report
	steps []string
	kinds map[string]int
}

// A shifted clock is set forwards and back.
type shifted struct{ by atomic.Int64 }

func (c *shifted) Now() time.Time { return time.Now().UTC().Add(time.Duration(c.by.Load())) }

// runSchedule plays a schedule, which its number makes, in a bubble of fake time.
func runSchedule(t *testing.T, dir string, number uint64) *scheduleReport {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	y := &yard{
		t: t, ctx: ctx, rng: rand.New(rand.NewPCG(number, 21)), dir: dir, data: filepath.Join(dir, "data"),
		lines: map[string]*line{}, resets: map[string]int{}, aged: map[string]uint32{},
		broken: map[string]time.Time{}, anew: map[string]time.Time{}, breakages: map[string]int{}, mended: map[string]time.Time{}, silently: map[string]bool{},
		report: scheduleReport{kinds: map[string]int{}},
	}
	y.start()
	y.line("visitor")
	plan := Plan{
		Rooms: 2, Talkers: 3, Observers: 2, Window: 1 + 15*y.rng.IntN(2), Bytes: 40, Keep: "1d", NetDial: y.line("maker").dial,
		Line: func(name string) client.NetDial { return y.line(name).dial },
		Ways: []client.Transport{client.WebSocket, client.Polling, client.WebSocket, client.Upgrade},
	}
	journal := NewJournal(dir)
	var err error
	if y.crowd, err = Gather(ctx, "http://dock", plan, journal); err != nil {
		t.Fatal(err)
	}
	if y.visits, err = journal.scribe("zu"); err != nil {
		t.Fatal(err)
	}
	y.crowd.reset, y.crowd.left, y.crowd.back = y.reset, y.left, y.back
	y.crowd.Serve("http://dock")
	y.settle()
	for range 12 + y.rng.IntN(24) {
		y.step()
		y.look()
	}
	y.end()
	y.over.Store(true)
	y.crowd.Disperse()
	y.stop()
	c, violations, err := journal.Judge(ctx, y.data, y.crowd.inspect())
	if err != nil {
		t.Fatal(err)
	}
	y.report.Report = &Report{Counts: y.crowd.Counts(), Violations: violations, Faults: y.crowd.Faults()}
	y.report.Events, y.report.Sent, y.report.Acknowledged, y.report.Logged = c.Counts()
	return &y.report
}

// start starts a server in the present data directory.
func (y *yard) start() {
	d := newDock()
	s, err := server.New(server.Config{
		Config: config.Config{Where: config.Where{Data: y.data}, Keep: "1d", Limits: "off"},
		Logger: slog.New(slog.DiscardHandler), Clock: &y.clock, Listener: d,
	})
	if err != nil {
		y.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }() // waited for by stop
	y.docked.Store(d)
	y.stop = func() {
		y.docked.CompareAndSwap(d, nil)
		cancel()
		if err := <-done; err != nil {
			y.crowd.fault("the server ended with %v", err)
		}
	}
}

func (y *yard) line(name string) *line {
	if y.lines[name] == nil {
		y.lines[name] = &line{dock: y.docked.Load, ends: map[*end]bool{}}
	}
	return y.lines[name]
}

func (y *yard) some(least, most time.Duration) time.Duration {
	return least + time.Duration(y.rng.Int64N(int64(most-least)))
}

// anyone is a person of the crowd.
func (y *yard) anyone() *person { return y.crowd.people[y.rng.IntN(len(y.crowd.people))] }

// A step is what may happen.
func (y *yard) step() {
	var what string
	var do func()
	switch n := y.rng.IntN(100); {
	case n < 40:
		what, do = "talk", y.talk
	case n < 58:
		what, do = "pass", y.pass
	case n < 70:
		what, do = "cut", y.cutOne
	case n < 82:
		what, do = "freeze", y.freezeOne
	case n < 86:
		what, do = "restart", y.restart
	case n < 91:
		what, do = "death", y.die
	case n < 95:
		what, do = "clock", y.setClock
	case n < 97:
		what, do = "age", y.age
	default:
		what, do = "visit", y.visit
	}
	y.report.kinds[what]++
	y.note("%s", what)
	do()
}

func (y *yard) note(format string, args ...any) {
	y.report.steps = append(y.report.steps, fmt.Sprintf("%v: ", time.Since(y.crowd.journal.start).Round(time.Millisecond))+fmt.Sprintf(format, args...))
}

// talk has some say something, all at once.
func (y *yard) talk() {
	for _, p := range y.crowd.talkers {
		if y.rng.IntN(2) == 0 {
			y.crowd.posted.Add(int64(p.say(1+y.rng.IntN(6), y.crowd.text)))
		}
	}
	if y.rng.IntN(2) == 0 {
		time.Sleep(y.some(0, 20*time.Millisecond))
	}
}

func (y *yard) pass() {
	switch y.rng.IntN(4) {
	case 0:
		time.Sleep(y.some(0, 50*time.Millisecond))
	case 1, 2:
		time.Sleep(y.some(0, 4*time.Second))
	default:
		time.Sleep(y.some(5*time.Second, 40*time.Second)) // long enough for folds
	}
}

// cutOne closes somebody's connections, who may be back at once or stay away.
func (y *yard) cutOne() {
	p := y.anyone()
	away := time.Duration(0)
	switch y.rng.IntN(3) {
	case 1:
		away = y.some(0, time.Second)
	case 2:
		away = y.some(2*time.Second, 40*time.Second)
	}
	y.breakOff(p, away)
	if away > closedLeft && y.rng.IntN(2) == 0 {
		time.Sleep(closedLeft) // and look
	}
}

// breakOff closes somebody's connections and keeps new ones off for a while.
func (y *yard) breakOff(p *person, away time.Duration) {
	y.note("%s is cut off for %v", p.name, away)
	l := y.line(p.name)
	y.breaks(p.name, false)
	l.thaw()
	l.cut()
	if away > 0 {
		l.freeze(in, out)
		time.AfterFunc(away, l.thaw)
	}
}

// freezeOne has somebody's network swallow everything, or one direction of it.
func (y *yard) freezeOne() {
	p := y.anyone()
	ds := [][]direction{{in, out}, {in}, {out}}[y.rng.IntN(3)]
	d := y.some(0, 5*time.Second)
	if y.rng.IntN(2) == 0 {
		d = y.some(5*time.Second, 60*time.Second)
	}
	y.note("%s's line is frozen (%v) for %v", p.name, ds, d)
	n := y.breaks(p.name, true)
	l := y.line(p.name)
	l.freeze(ds...)
	time.AfterFunc(d, func() {
		l.thaw()
		time.AfterFunc(time.Second, func() {
			if y.breaksOf(p.name) == n { // else it has to join again, and says so itself
				y.back(p)
			}
		})
	})
	if d > silentLeft && y.rng.IntN(2) == 0 {
		time.Sleep(silentLeft) // and look
	}
}

// breaks notes that somebody's line is broken from now on, and says how often it was.
func (y *yard) breaks(name string, silently bool) int {
	l := y.line(name)
	whole := l.hold(in) == nil && l.hold(out) == nil
	y.mu.Lock()
	defer y.mu.Unlock()
	if whole { // it may have been on its way back, and in some of its rooms
		y.anew[name] = time.Now()
	}
	if y.broken[name].IsZero() {
		y.broken[name] = time.Now()
		y.silently[name] = silently
	}
	y.silently[name] = y.silently[name] || silently
	y.breakages[name]++
	return y.breakages[name]
}

func (y *yard) breaksOf(name string) int {
	y.mu.Lock()
	defer y.mu.Unlock()
	return y.breakages[name]
}

// back notes that somebody is in all rooms on a line that is whole.
func (y *yard) back(p *person) {
	l := y.line(p.name)
	if l.hold(in) != nil || l.hold(out) != nil {
		return
	}
	y.mu.Lock()
	defer y.mu.Unlock()
	if !y.broken[p.name].IsZero() {
		y.broken[p.name] = time.Time{}
		y.mended[p.name] = time.Now()
	}
}

// steady says whether somebody hears everything at once, and has for a while.
func (y *yard) steady(name string) bool {
	return y.broken[name].IsZero() && time.Since(y.mended[name]) > 3*time.Second
}

// left judges whether an observer may be told so.
func (y *yard) left(observer *person, name string) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if name == "zu" || !y.steady(observer.name) || y.over.Load() {
		return // what it is told may be old
	}
	if since := y.broken[name]; since.IsZero() || time.Since(since) < closedGrace {
		y.crowd.fault("%v: %s was told that %s had left, who is here or within the grace", time.Since(y.crowd.journal.start), observer.name, name)
	}
}

// reset judges whether a cursor may be.
func (y *yard) reset(p *person, room string, cursor, head, first uint32) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.resets[p.name]++
	switch old, aged := y.aged[room]; {
	case cursor+1 >= first:
		y.crowd.fault("a cursor at %d of %s was reset, which has entries from %d on", cursor, room, first)
	case !aged || first != old+1:
		y.crowd.fault("%s has entries from %d on, want from %d: what is older is to be deleted, and nothing else", room, first, old+1)
	case head+1 < first:
		y.crowd.fault("%s has entries from %d on, and its head is %d", room, first, head)
	}
}

// look asks whether those who are gone for long have left, for all who can know.
func (y *yard) look() {
	y.mu.Lock()
	defer y.mu.Unlock()
	for _, p := range y.crowd.people {
		since, by := y.broken[p.name], closedLeft
		if y.silently[p.name] {
			by = silentLeft
		}
		if since.IsZero() || time.Since(since) < by || time.Since(y.anew[p.name]) < by {
			continue
		}
		if l := y.line(p.name); l.hold(in) == nil && l.hold(out) == nil {
			continue // it is coming back
		}
		for _, o := range y.crowd.people {
			for _, at := range p.shared(o) {
				if y.steady(o.name) && o.knows(at, p.name) {
					y.crowd.fault("%v: %s still has %s in %s, who is gone since %v", time.Since(y.crowd.journal.start), o.name, p.name, at, time.Since(since))
				}
			}
		}
	}
}

// shared are the rooms that two people are in.
func (p *person) shared(o *person) (codes []string) {
	for _, at := range p.places {
		if o != p && slices.ContainsFunc(o.places, func(other *place) bool { return other.code == at.code }) {
			codes = append(codes, at.code)
		}
	}
	return codes
}

// knows says whether a person, who is in a room, has somebody there.
func (p *person) knows(code, name string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, at := range p.places {
		if at.code != code || !at.joined {
			continue
		}
		for _, n := range at.here {
			if n == name {
				return true
			}
		}
	}
	return false
}

// allBroken is breaks for everybody.
func (y *yard) allBroken() {
	for _, p := range y.crowd.people {
		y.breaks(p.name, false)
	}
}

// restart stops the server in order and starts it again, at once or later.
func (y *yard) restart() {
	y.allBroken()
	y.stop()
	if y.rng.IntN(2) == 0 {
		time.Sleep(y.some(0, 20*time.Second))
	}
	y.start()
}

// die has the server be gone without a word: from one moment on nothing that it
// says is heard, and the next server has the files of that moment.
func (y *yard) die() {
	y.allBroken()
	if y.rng.IntN(2) == 0 {
		y.talk() // requests of which some are received, and not answered
	}
	y.docked.Store(nil)
	for _, l := range y.lines {
		l.cut()
	}
	synctest.Wait() // nobody writes
	y.deaths++
	left := filepath.Join(y.dir, fmt.Sprintf("data-%d", y.deaths))
	if err := copyFiles(y.data, left); err != nil {
		y.t.Fatal(err)
	}
	y.stop() // what it does from here on is done in vain
	if err := os.RemoveAll(y.data); err != nil {
		y.t.Fatal(err)
	}
	y.data = left
	y.start()
}

// copyFiles copies the files of a data directory that matter.
func copyFiles(from, to string) error {
	if err := os.Mkdir(to, 0o700); err != nil {
		return err
	}
	files, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, f := range files {
		if strings.HasSuffix(f.Name(), ".reserve") || strings.HasSuffix(f.Name(), ".lock") {
			continue
		}
		src, err := os.Open(filepath.Join(from, f.Name()))
		if err != nil {
			return err
		}
		dst, err := os.OpenFile(filepath.Join(to, f.Name()), os.O_WRONLY|os.O_CREATE, 0o600)
		if err == nil {
			_, err = io.Copy(dst, src)
			err = errors.Join(err, dst.Close())
		}
		if err := errors.Join(err, src.Close()); err != nil {
			return err
		}
	}
	return nil
}

// setClock sets the clock an hour back, or forwards again.
func (y *yard) setClock() {
	by := -time.Hour
	if y.rng.IntN(3) == 0 {
		by = time.Hour
	}
	y.turn(by)
}

// turn sets the clock.
func (y *yard) turn(by time.Duration) {
	if now := y.clock.Now(); now.After(y.most) {
		y.most = now
	}
	y.clock.by.Add(int64(by))
}

// age lets a day go by, for the clock alone, and a sweep: all that was said is
// deleted. Who was away meanwhile is told to begin anew.
func (y *yard) age() {
	y.settle()
	sleeper := y.crowd.people[len(y.crowd.talkers)+y.rng.IntN(y.crowd.Observers)]
	y.breakOff(sleeper, sweptBy+time.Minute)
	y.talk()
	y.talk()
	time.Sleep(5 * time.Second) // all is said, and heard by those who are here
	heads, missed := map[string]uint32{}, 0
	for _, p := range y.crowd.people {
		p.tops(heads)
		p.forget()
	}
	sleeper.mu.Lock()
	for _, at := range sleeper.places {
		if at.cursor < heads[at.code] {
			missed++
		}
	}
	sleeper.mu.Unlock()
	y.turn(0)
	y.turn(y.most.Sub(y.clock.Now()) + keepsFor + time.Hour) // whatever the clock told when it was said
	if y.rng.IntN(2) == 0 {
		y.restart()
	} else {
		y.die()
	}
	y.mu.Lock()
	y.aged = heads
	y.mu.Unlock()
	for range 1 + y.rng.IntN(4) {
		y.talk()
	}
	time.Sleep(sweptBy)
	y.talk()
	y.mu.Lock()
	before := y.resets[sleeper.name]
	y.mu.Unlock()
	time.Sleep(sweptBy) // the sleeper is back by then
	y.mu.Lock()
	defer y.mu.Unlock()
	if n := y.resets[sleeper.name] - before; n != missed {
		y.crowd.fault("%v: %d cursors of %s were reset, who missed what was deleted meanwhile in %d rooms", time.Since(y.crowd.journal.start), n, sleeper.name, missed)
	}
}

// forget lets go of what a person has said, which nobody has any more.
func (p *person) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, at := range p.places {
		at.own, at.last, at.again = nil, nil, nil
	}
}

// visit has somebody make a room that ends with its last member, leave it, and
// come back before its time or after it.
func (y *yard) visit() {
	l := y.line("visitor")
	v := &visitor{y: y, line: l}
	if !v.make() {
		return
	}
	switch y.rng.IntN(4) {
	case 0:
		time.Sleep(y.some(time.Duration(y.rng.IntN(2))*50*time.Second, 60*time.Second))
		v.finds(true)
	case 1:
		time.Sleep(y.some(emptyEnds, emptyEnds+time.Minute))
		v.finds(false)
	case 2: // a start gives it more time
		y.restart()
		time.Sleep(y.some(emptyEnds, 10*time.Minute))
		v.finds(true)
	default:
		y.restart()
		time.Sleep(10*time.Minute + time.Second)
		v.finds(false)
	}
}

// A visitor has a room of its own.
type visitor struct {
	y     *yard
	line  *line
	token string
	code  string
	epoch string
}

func (v *visitor) dial() (*client.Client, error) {
	return client.Dial(v.y.ctx, "http://dock", client.Options{
		NetDial: v.line.dial, Auth: func() any { return wire.Auth{Token: v.token} },
		On: map[string]client.Handler{"welcome": func(_ *client.Client, args client.Args, _ *client.Ack) {
			var w wire.Welcome
			if err := args.Decode(&w); err != nil {
				v.y.crowd.fault("a visitor's welcome: %v", err)
			}
			v.token = w.Token
		}},
	})
}

func (v *visitor) call(c *client.Client, event string, body, answer any) bool {
	ctx, cancel := context.WithTimeout(v.y.ctx, patience)
	defer cancel()
	args, err := c.Call(ctx, event, body)
	if err == nil {
		err = args.Decode(answer)
	}
	if err != nil {
		v.y.crowd.fault("a visitor's %s: %v", event, err)
	}
	return err == nil
}

// make makes the room, says something there, and loses the connection.
func (v *visitor) make() bool {
	c, err := v.dial()
	if err != nil {
		v.y.crowd.fault("a visitor: %v", err)
		return false
	}
	defer c.Close()
	var made createAnswer
	var joined joinAnswer
	var sent sendAnswer
	id := uuid.NewString()
	if !v.call(c, "create", wire.CreateRequest{Keep: "empty", ID: id}, &made) ||
		!v.call(c, "join", wire.JoinRequest{Room: made.Room, Name: "zu"}, &joined) ||
		!v.call(c, "send", wire.SendRequest{Room: made.Room, Text: "still here?", ID: id}, &sent) {
		return false
	}
	// The room may be gone in the end: nothing more is judged of it then.
	v.y.visits.write(check.Event{Op: check.Send, Room: made.Room, ID: id, Hash: mark("message", "still here?", 0, false, false)})
	if !made.OK || !joined.OK || !sent.OK {
		v.y.crowd.fault("a visitor was refused: %v, %v, %v", made.Error, joined.Error, sent.Error)
		return false
	}
	v.code, v.epoch = made.Room, joined.Epoch
	if v.y.rng.IntN(2) == 0 {
		c.Abort()
	}
	return true
}

// finds looks for the room, and for what was said.
func (v *visitor) finds(want bool) {
	c, err := v.dial()
	if err != nil {
		v.y.crowd.fault("a visitor: %v", err)
		return
	}
	defer c.Close()
	var a joinAnswer
	if !v.call(c, "join", wire.JoinRequest{Room: v.code, Name: "zu", After: &wire.Cursor{Epoch: v.epoch}}, &a) {
		return
	}
	switch {
	case a.OK != want || !a.OK && a.Error.Code != string(chat.NotFound):
		v.y.crowd.fault("%v: a room that ends when it is empty: found %v (%s), want %v", time.Since(v.y.crowd.journal.start), a.OK, a.Error.Code, want)
	case a.OK && (a.Reset || len(a.Entries) != 1 || a.Entries[0].Text != "still here?"):
		v.y.crowd.fault("what was said in a room that ends when it is empty: reset %v, %v", a.Reset, a.Entries)
	}
}

// whole mends all lines for good.
func (y *yard) whole() {
	for _, l := range y.lines {
		l.thaw()
	}
}

// settle waits until everybody is here, has said what they had to say, and has heard all.
func (y *yard) settle() {
	time.Sleep(time.Minute) // all that is broken is whole by then
	y.whole()
	ctx, cancel := context.WithTimeout(y.ctx, patience)
	defer cancel()
	if err := y.crowd.Settle(ctx); err != nil {
		y.crowd.fault("%v: %v", time.Since(y.crowd.journal.start), err)
	}
}

// end makes everything whole, and asks whether all know of all.
func (y *yard) end() {
	y.settle()
	for range 2 {
		for _, p := range y.crowd.talkers {
			y.crowd.posted.Add(int64(p.say(1, y.crowd.text)))
		}
	}
	y.settle()
	time.Sleep(calm)
	for _, p := range y.crowd.people {
		for _, o := range y.crowd.people {
			for _, at := range p.shared(o) {
				if !o.knows(at, p.name) {
					y.crowd.fault("%s does not know of %s, who is in %s", o.name, p.name, at)
				}
			}
		}
	}
}
