package engineio

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"snug/engineio/packet"
)

// orderly is how many messages go each way in the tests of order.
const orderly = 3000

// numbered is the i-th message of a direction: every third is binary, some are
// long.
func numbered(i int) packet.Packet {
	p := packet.Packet{Type: packet.Message, Binary: i%3 == 0, Data: fmt.Appendf(nil, "%d", i)}
	if i%100 == 0 {
		p.Data = append(append(p.Data, ' '), strings.Repeat("x", 6000)...)
	}
	return p
}

// A tally sees that messages come in order, each once.
type tally struct {
	t    *testing.T
	name string

	mu   sync.Mutex
	next int           // guarded by mu
	done chan struct{} // closed when all have come
}

func newTally(t *testing.T, name string) *tally {
	return &tally{t: t, name: name, done: make(chan struct{})}
}

func (y *tally) take(binary bool, b []byte) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if want := numbered(y.next); want.Binary != binary || string(want.Data) != string(b) {
		y.t.Errorf("%s: got %.20q, binary %v, in place of number %d", y.name, b, binary, y.next)
	}
	if y.next++; y.next == orderly {
		close(y.done)
	}
}

func (y *tally) wait() {
	y.t.Helper()
	select {
	case <-y.done:
	case <-time.After(3 * patience):
		y.mu.Lock()
		defer y.mu.Unlock()
		y.t.Fatalf("%s: %d messages came", y.name, y.next)
	}
}

// orderHandler is the application's end: it counts what comes.
type orderHandler struct{ up *tally }

func (h orderHandler) HandleMessage(t MessageType, b []byte) { h.up.take(t == Binary, b) }
func (h orderHandler) HandleClose(*CloseError)               {}

// orderSite serves one session with handlers that count, and sends it all
// messages as soon as begin is closed.
func orderSite(t *testing.T) (s *site, up *tally, conn <-chan *Conn) {
	up = newTally(t, "up")
	conns := make(chan *Conn, 1)
	s = onTCP(t, func(s *Server) {
		s.MaxOutbox = 64 << 20
		s.Accept = func(c *Conn) Handler {
			conns <- c
			return orderHandler{up}
		}
	})
	return s, up, conns
}

func sendNumbered(t *testing.T, c *Conn, from, to int) {
	for i := from; i < to; i++ {
		typ := Text
		p := numbered(i)
		if p.Binary {
			typ = Binary
		}
		if err := c.Send(NewFrame(typ, p.Data)); err != nil {
			t.Error(err)
			return
		}
	}
}

// pollAll takes what a session sends, by polling, until stop or a noop.
func (s *site) pollAll(ctx context.Context, sid string, down *tally) {
	for {
		r, err := s.try(ctx, "GET", pollingTarget(sid), "")
		if ctx.Err() != nil {
			return
		}
		if err != nil || r.status != 200 {
			s.t.Errorf("polling: %d %q, %v", r.status, r.body, err)
			return
		}
		for p, err := range packet.Payload([]byte(r.body)) {
			switch {
			case err != nil:
				s.t.Error(err)
				return
			case p.Type == packet.Noop:
				return
			case p.Type == packet.Message:
				down.take(p.Binary, p.Data)
			}
		}
		select {
		case <-down.done:
			return
		default:
		}
	}
}

// postNumbered posts messages in payloads of up to 50.
func (s *site) postNumbered(sid string, from, to int) {
	for from < to {
		var body []byte
		for n := 0; n < 50 && from < to; n++ {
			body = packet.AppendPayload(body, numbered(from))
			from++
		}
		if r := s.post(sid, string(body)); r.status != 200 {
			s.t.Errorf("posting: %d %q", r.status, r.body)
			return
		}
	}
}

func (c *socket) sendNumbered(from, to int) {
	for i := from; i < to; i++ {
		if p := numbered(i); p.Binary {
			c.sendBinary(p.Data)
		} else {
			c.send("4" + string(p.Data))
		}
	}
}

// readNumbered takes what a session sends over a WebSocket.
func (c *socket) readNumbered(down *tally) {
	for {
		select {
		case <-down.done:
			return
		default:
		}
		op, b, err := c.frame()
		if err != nil {
			c.t.Errorf("reading: %v", err)
			return
		}
		if op == ws.OpBinary {
			down.take(true, b)
		} else if b[0] == byte(packet.Message) {
			down.take(false, b[1:])
		}
	}
}

func TestOrderOverPolling(t *testing.T) {
	s, up, conns := orderSite(t)
	sid := sidOf(t, s.do("GET", "/engine.io/?EIO=4&transport=polling", "").body)
	c := <-conns
	down := newTally(t, "down")
	var wg sync.WaitGroup
	wg.Go(func() { sendNumbered(t, c, 0, orderly) })
	wg.Go(func() { s.pollAll(t.Context(), sid, down) })
	wg.Go(func() { s.postNumbered(sid, 0, orderly) })
	up.wait()
	down.wait()
	wg.Wait()
	c.fail(ReasonForcedClose, endCut, nil)
}

func TestOrderOverSocket(t *testing.T) {
	s, up, conns := orderSite(t)
	socket := s.socket("")
	sidOf(t, socket.text())
	c := <-conns
	down := newTally(t, "down")
	var wg sync.WaitGroup
	wg.Go(func() { sendNumbered(t, c, 0, orderly) })
	wg.Go(func() { socket.readNumbered(down) })
	wg.Go(func() { socket.sendNumbered(0, orderly) })
	up.wait()
	down.wait()
	wg.Wait()
}

// The client does what the protocol says: it stops posting, lets its poll come
// back, and then completes the upgrade; the server sends all the while.
func TestOrderDuringTheUpgrade(t *testing.T) {
	s, up, conns := orderSite(t)
	sid := sidOf(t, s.do("GET", "/engine.io/?EIO=4&transport=polling", "").body)
	c := <-conns
	down := newTally(t, "down")
	var sender, pollers sync.WaitGroup
	sender.Go(func() {
		for i := range orderly / 10 {
			sendNumbered(t, c, 10*i, 10*i+10)
			time.Sleep(time.Millisecond / 2)
		}
	})
	paused := make(chan struct{})
	pollers.Go(func() {
		for {
			select {
			case <-paused:
				return
			default:
			}
			r := s.get(sid)
			if r.status != 200 {
				t.Errorf("polling: %d %q", r.status, r.body)
				return
			}
			for p := range packet.Payload([]byte(r.body)) {
				if p.Type == packet.Message {
					down.take(p.Binary, p.Data)
				}
			}
		}
	})
	pollers.Go(func() { s.postNumbered(sid, 0, orderly/2) })
	time.Sleep(20 * time.Millisecond)
	socket := s.socket(sid)
	socket.send("2probe")
	socket.want("3probe")
	close(paused)
	pollers.Wait()
	socket.send("5")
	sender.Go(func() { socket.sendNumbered(orderly/2, orderly) })
	socket.readNumbered(down)
	up.wait()
	down.wait()
	sender.Wait()
}
