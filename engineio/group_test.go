package engineio

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"

	"snug/engineio/packet"
)

// wantNumbers reads the messages of a WebSocket until "end", and sees that
// their numbers are those of want.
func (c *socket) wantNumbers(want []int) error {
	for i := 0; ; i++ {
		op, b, err := c.frame()
		if err != nil {
			return fmt.Errorf("after %d messages: %w", i, err)
		}
		if op != ws.OpText {
			return fmt.Errorf("a frame of type %v", op)
		}
		if err := wantNumber(want, i, string(b[1:])); err != nil || string(b[1:]) == "end" {
			return err
		}
	}
}

func wantNumber(want []int, i int, got string) error {
	switch {
	case got == "end" && i == len(want):
		return nil
	case i >= len(want):
		return fmt.Errorf("%.20q after all %d messages", got, len(want))
	}
	if n, _, _ := strings.Cut(got, " "); n != strconv.Itoa(want[i]) {
		return fmt.Errorf("message %d of %d: got %.20q, want %d", i, len(want), got, want[i])
	}
	return nil
}

// A group is flushed at once when it was quiet. Under load what comes within
// its pace goes out together when that is over, and not before.
func TestGroupPace(t *testing.T) {
	for took, want := range map[time.Duration]time.Duration{
		0: 0, paceFloor - 1: 0, paceFloor: paceLeast, time.Millisecond: paceLeast,
		3 * time.Millisecond: 6 * time.Millisecond, time.Second: paceMost,
	} {
		if got := pace(took); got != want {
			t.Errorf("after a flush of %v the next waits %v, want %v", took, got, want)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		s := inMemory(t, nil)
		c, app := s.openSocket()
		g := s.server.NewGroup(true)
		g.Add(app.Conn)
		after(t, 0, func() {
			g.Send(NewFrame(Text, []byte("leads")))
			c.want("4leads")
		})
		synctest.Wait()
		g.mu.Lock()
		g.apart = pace(time.Millisecond) // as if the flush had taken that long
		g.next = time.Now().Add(g.apart)
		g.mu.Unlock()
		after(t, paceLeast, func() {
			g.Send(NewFrame(Text, []byte("waits")))
			time.Sleep(paceLeast / 2)
			g.Send(NewFrame(Text, []byte("with it")))
			c.want("4waits")
		})
		after(t, 0, func() { c.want("4with it") })
	})
}

// A busy group that is paced says when its next flush will take what is sent in
// a while; one that has been quiet, or is not paced, would send it at once.
func TestGroupDue(t *testing.T) {
	for _, paced := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := inMemory(t, nil)
			_, app := s.openSocket()
			g := s.server.NewGroup(paced)
			g.Add(app.Conn)
			const ms = time.Millisecond
			want := func(when string, while, busy time.Duration) {
				t.Helper()
				if !paced {
					busy = while
				}
				if got := g.Due(while); got != busy {
					t.Errorf("paced=%v, %s: what is sent in %v goes out in %v, want %v", paced, when, while, got, busy)
				}
			}
			want("before anything", 2*ms, 2*ms)
			g.mu.Lock()
			if paced {
				g.apart = 10 * ms
			}
			g.mu.Unlock()
			want("quiet", 0, 0)
			g.mu.Lock()
			g.due = true
			g.mu.Unlock()
			g.begin(time.Now())
			want("while it is flushed", 2*ms, 10*ms)
			time.Sleep(9 * ms)
			want("just before the next flush", 2*ms, 11*ms)
			g.mu.Lock()
			g.due = false
			g.mu.Unlock()
			want("with nothing to flush", 2*ms, 2*ms)
		})
	}
}

// What one goroutine sends to groups and to single sessions arrives everywhere
// in that order, whoever joins and leaves meanwhile, and however it is read.
func TestGroupOrder(t *testing.T) {
	for _, paced := range []bool{false, true} {
		t.Run(fmt.Sprintf("paced=%v", paced), func(t *testing.T) { testGroupOrder(t, paced) })
	}
}

func testGroupOrder(t *testing.T, paced bool) {
	const sockets, polling, rounds = 12, 2, 4000
	s := onTCP(t, func(s *Server) { s.MaxOutbox = 64 << 20 })
	groups := []*Group{s.server.NewGroup(paced), s.server.NewGroup(paced), s.server.NewGroup(false)}
	type member struct {
		*session
		ws   *socket
		in   map[*Group]*Member
		want []int
	}
	var all []*member
	for range sockets {
		w, app := s.openSocket()
		all = append(all, &member{session: app, ws: w, in: map[*Group]*Member{}})
	}
	for range polling {
		all = append(all, &member{session: s.openPolling(), in: map[*Group]*Member{}})
	}
	r := rand.New(rand.NewPCG(1, 2))
	send := func(f Frame, n int) {
		g := groups[r.IntN(len(groups))]
		for _, m := range all {
			if m.in[g] != nil && n >= 0 {
				m.want = append(m.want, n)
			}
		}
		g.Send(f)
	}
	for n := range rounds {
		text := strconv.Itoa(n)
		if n%50 == 0 {
			text += " " + strings.Repeat("x", 5000)
		}
		f := NewFrame(Text, []byte(text))
		m := all[r.IntN(len(all))]
		switch r.IntN(10) {
		case 0:
			m.want = append(m.want, n)
			if err := m.Send(f); err != nil {
				t.Fatal(err)
			}
		case 1:
			g := groups[r.IntN(len(groups))]
			if in := m.in[g]; in != nil {
				in.Leave()
				delete(m.in, g)
			} else {
				m.in[g] = g.Add(m.Conn)
			}
		default:
			send(f, n)
		}
		if n%500 == 0 {
			time.Sleep(time.Millisecond) // let flushes catch up, to find other states
		}
	}
	var wg sync.WaitGroup
	for i, m := range all {
		if err := m.Send(NewFrame(Text, []byte("end"))); err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			err := error(nil)
			if m.ws != nil {
				err = m.ws.wantNumbers(m.want)
			} else {
				err = s.pollNumbers(m.ID(), m.want)
			}
			if err != nil {
				t.Errorf("member %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	for _, m := range all {
		for _, in := range m.in {
			in.Leave()
		}
	}
}

func (s *site) pollNumbers(sid string, want []int) error {
	for i := 0; ; {
		reply, err := s.try(context.Background(), "GET", pollingTarget(sid), "")
		if err != nil || reply.status != 200 {
			return fmt.Errorf("polling: %d, %w", reply.status, err)
		}
		for p, err := range packet.Payload([]byte(reply.body)) {
			if err != nil {
				return err
			}
			if err := wantNumber(want, i, string(p.Data)); err != nil || string(p.Data) == "end" {
				return err
			}
			i++
		}
	}
}

// When Leave has returned, nothing of the group's is queued any more, and all
// that was sent before is.
func TestGroupLeave(t *testing.T) {
	s := onTCP(t, nil)
	w, app := s.openSocket()
	g := s.server.NewGroup(true)
	for range 50 {
		m := g.Add(app.Conn)
		g.Send(NewFrame(Text, []byte("in")))
		m.Leave()
		g.Send(NewFrame(Text, []byte("out")))
		if err := app.Send(NewFrame(Text, []byte("after"))); err != nil {
			t.Fatal(err)
		}
		m.Leave() // does no harm
	}
	for range 50 {
		w.want("4in")
		w.want("4after")
	}
}

// A member that does not read is closed as slow, and holds up nobody.
func TestGroupSlow(t *testing.T) {
	s := onTCP(t, func(s *Server) { s.MaxOutbox = 256 << 10 })
	_, silent := s.openSocket()
	w, app := s.openSocket()
	g := s.server.NewGroup(true)
	for _, c := range []*Conn{silent.Conn, app.Conn} {
		m := g.Add(c)
		defer m.Leave()
	}
	body := bytes.Repeat([]byte("x"), 8<<10)
	f := NewFrame(Text, body)
	for range 2048 {
		g.Send(f)
		if op, b, err := w.frame(); err != nil || op != ws.OpText || len(b) != len(body)+1 {
			t.Fatal(op, len(b), err)
		}
	}
	silent.wantClosed(t, ReasonSlow)
	app.wantOpen(t)
}

// A session that is closed gets what its groups had for it first.
func TestGroupThenClose(t *testing.T) {
	s := onTCP(t, nil)
	w, app := s.openSocket()
	g := s.server.NewGroup(true)
	m := g.Add(app.Conn)
	defer m.Leave()
	for i := range 20 {
		g.Send(NewFrame(Text, []byte(strconv.Itoa(i))))
	}
	app.Close("")
	for i := range 20 {
		w.want("4" + strconv.Itoa(i))
	}
	w.wantClose(ws.StatusNormalClosure)
}

// A message to a group allocates nothing for each member.
func TestGroupAllocations(t *testing.T) {
	const members = 200
	s := onTCP(t, nil)
	g := s.server.NewGroup(false)
	var wg sync.WaitGroup
	defer wg.Wait()
	for range members {
		w, app := s.openSocket()
		m := g.Add(app.Conn)
		defer m.Leave()
		wg.Go(func() { _, _ = io.Copy(io.Discard, w.conn) })
		defer w.conn.Close()
	}
	f := NewFrame(Text, bytes.Repeat([]byte("x"), 200))
	n := testing.AllocsPerRun(50, func() {
		g.Send(f)
		if err := s.server.engine().flusher.wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
	if n > members/10 {
		t.Errorf("%v allocations for a message to %d members", n, members)
	}
}
