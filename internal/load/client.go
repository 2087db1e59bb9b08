package load

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"
)

// state is how far a client has come.
type state uint8

const (
	dialing  state = iota // TCP, then the WebSocket handshake
	opening               // waits for the Engine.IO handshake
	entering              // waits for the CONNECT answer and welcome
	ready                 // connected; in no room yet
	joining               // waits for the ack of its join
	joined                // hears its room
	finished              // closed, by whomever
)

// A client is one connection. It belongs to the goroutine that runs the loop.
type client struct {
	s     *swarm
	conn  conn
	state state
	rest  []byte // the start of a frame that is not whole yet
	token string // kept over a reconnect
	name  string
	room  string

	sampled bool // its deliveries are looked into
	slow    bool // it reads nothing once it has joined
	lastSeq uint64
	acks    map[uint64]func(ack []byte)
	ackID   uint64

	prepared []byte // messages to be sent

	begun time.Time // when it was dialed
	err   error
}

// A conn is a client's connection, as a loop gives it.
type conn interface {
	write(b []byte) error // never blocks; may be kept back
	deafen() error        // from now on nothing is read
	close()
}

// A swarm is all clients of a run, and what they counted.
type swarm struct {
	target *url.URL
	loop   loop

	posts      uint64 // messages sent
	answered   uint64 // and acknowledged
	refused    uint64 // with a refusal
	deliveries uint64
	disorder   uint64 // deliveries that were not lastSeq + 1
	lost       uint64 // connections that ended unasked
	firstLoss  error
	latency    histogram
	onLost     func(*client)
	onJoined   func(*client)
	onDelivery func(*client) // of sampled clients
	scratch    []byte
	body       []byte
}

// A loop drives connections.
type loop interface {
	// dial begins a connection; bytes reach c.feed, its end c.end.
	dial(c *client) error
	// poll serves what there is to serve, waiting for it no longer than d.
	poll(d time.Duration) error
	close()
}

// request is the WebSocket handshake.
func (s *swarm) request() []byte {
	var key [16]byte
	rand.Read(key[:]) // never fails
	path := s.target.Path
	if path == "" || path[len(path)-1] != '/' {
		path += "/"
	}
	return fmt.Appendf(nil, "GET %ssocket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n",
		path, s.target.Host, base64.StdEncoding.EncodeToString(key[:]))
}

// dial begins a client that will join room, if one is named.
func (s *swarm) dial(c *client) error {
	c.s, c.state, c.rest, c.err = s, dialing, nil, nil
	c.begun = time.Now()
	c.acks = nil
	return s.loop.dial(c)
}

// feed takes in bytes, which it may not keep.
func (c *client) feed(b []byte) error {
	if len(c.rest) > 0 {
		c.rest = append(c.rest, b...)
		b = c.rest
	}
	if c.state == dialing {
		head, body, ok := bytes.Cut(b, []byte("\r\n\r\n"))
		if !ok {
			return c.keep(b)
		}
		if !bytes.HasPrefix(head, []byte("HTTP/1.1 101 ")) {
			line, _, _ := bytes.Cut(head, []byte("\r\n"))
			return fmt.Errorf("load: the server answered %q", line)
		}
		c.state = opening
		b = body
	}
	for len(b) > 0 {
		op, payload, rest, ok, err := splitFrame(b)
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		b = rest
		if err := c.frame(op, payload); err != nil {
			return err
		}
	}
	return c.keep(b)
}

// keep holds back the start of a frame. b may lie within c.rest.
func (c *client) keep(b []byte) error {
	if len(b) == 0 {
		if cap(c.rest) > 64<<10 {
			c.rest = nil
		}
		c.rest = c.rest[:0]
		return nil
	}
	c.rest = append(c.rest[:0], b...)
	return nil
}

var errClosed = errors.New("load: the server closed the connection")

var (
	message = []byte(`42["message",`)
	welcome = []byte(`42["welcome",`)
)

// frame takes in one message of the server.
func (c *client) frame(op byte, p []byte) error {
	switch {
	case op == opClose || len(p) == 1 && p[0] == '1':
		return errClosed
	case c.state == finished: // said goodbye
		return nil
	case op == opPing:
		c.s.scratch = appendFrame(c.s.scratch[:0], 10, p)
		return c.conn.write(c.s.scratch)
	case op != opText || len(p) == 0:
		return nil
	case c.state == joined && bytes.HasPrefix(p, message):
		c.s.deliveries++
		if c.sampled {
			c.delivery(p)
		}
		return nil
	case p[0] == '2':
		return c.send([]byte("3"))
	case p[0] == '0':
		c.state = entering
		if c.token != "" {
			return c.send(fmt.Appendf(nil, `40{"token":%q}`, c.token))
		}
		return c.send([]byte("40"))
	case bytes.HasPrefix(p, []byte("44")):
		return fmt.Errorf("load: refused: %s", p[2:])
	case bytes.HasPrefix(p, welcome):
		return c.welcomed(p[len(welcome):])
	case bytes.HasPrefix(p, []byte("43")):
		return c.acked(p[2:])
	}
	return nil
}

func (c *client) welcomed(p []byte) error {
	var w struct{ Token string }
	if err := json.Unmarshal(bytes.TrimSuffix(p, []byte("]")), &w); err != nil {
		return fmt.Errorf("load: welcome: %w", err)
	}
	c.token = w.Token
	c.state = ready
	if c.room == "" {
		return nil
	}
	return c.join()
}

// join enters c.room.
func (c *client) join() error {
	c.state = joining
	return c.call("join", struct {
		Room string `json:"room"`
		Name string `json:"name"`
	}{c.room, c.name}, func(ack []byte) {
		var a struct {
			OK   bool
			Head uint64
		}
		if err := json.Unmarshal(ack, &a); err != nil || !a.OK {
			c.fail(fmt.Errorf("load: join: %s", clip(ack)))
			return
		}
		c.state = joined
		c.lastSeq = a.Head
		if c.slow {
			c.fail(c.conn.deafen())
		}
		if c.s.onJoined != nil {
			c.s.onJoined(c)
		}
	})
}

func clip(b []byte) []byte { return b[:min(len(b), 200)] }

// call emits an event and has done called with its acknowledgement.
func (c *client) call(event string, arg any, done func(ack []byte)) error {
	b, err := json.Marshal(arg)
	if err != nil {
		return fmt.Errorf("load: %w", err)
	}
	id := c.ackID
	c.ackID++
	if c.acks == nil {
		c.acks = map[uint64]func([]byte){}
	}
	c.acks[id] = done
	return c.send(fmt.Appendf(nil, `42%d[%q,%s]`, id, event, b))
}

func (c *client) send(payload []byte) error {
	c.s.scratch = appendFrame(c.s.scratch[:0], opText, payload)
	return c.conn.write(c.s.scratch)
}

func (c *client) acked(p []byte) error {
	id, n := number(p)
	if id == sendAck && n > 0 {
		return c.s.sendAcked(p[n:])
	}
	done := c.acks[id]
	if n == 0 || done == nil || len(p) < n+2 {
		return fmt.Errorf("load: an acknowledgement nobody waits for: %s", clip(p))
	}
	delete(c.acks, id)
	done(p[n+1 : len(p)-1])
	return c.err
}

// fail ends the client with an error, if it is one, from within a callback.
func (c *client) fail(err error) {
	if c.err == nil {
		c.err = err
	}
}

// end is told by the loop, once, that the connection is no more.
func (c *client) end(err error) {
	asked := c.state == finished
	c.state = finished
	c.rest = nil
	if asked || c.slow {
		return
	}
	c.s.lost++
	if c.s.firstLoss == nil {
		c.s.firstLoss = err
	}
	if c.s.onLost != nil {
		c.s.onLost(c)
	}
}

// hangUp closes the connection on purpose.
func (c *client) hangUp() {
	if c.state != finished {
		c.state = finished
		c.conn.close()
	}
}

// goodbye leaves as a client does that is told to disconnect: its namespace,
// then its session, whose end it waits for.
func (c *client) goodbye() error {
	c.state = finished
	c.s.scratch = appendFrame(c.s.scratch[:0], opText, []byte("41"))
	c.s.scratch = appendFrame(c.s.scratch, opClose, []byte{0x03, 0xe8}) // 1000: normal closure
	return c.conn.write(c.s.scratch)
}

// sendAck is the ack id of every message that is sent: nothing but their
// number counts, and the server does not mind.
const sendAck = 1 << 20

// post sends a message that begins with the time at which it was due.
func (c *client) post(at time.Time, size int) error {
	c.prepare(at, size)
	return c.sendPrepared()
}

// prepare has a message sent with the next sendPrepared: many with one system call.
func (c *client) prepare(at time.Time, size int) {
	s := c.s
	s.posts++
	b := append(s.body[:0], `42`...)
	b = strconv.AppendUint(b, sendAck, 10)
	b = append(b, `["send",{"room":"`...)
	b = append(b, c.room...)
	b = append(b, `","id":"`...)
	b = strconv.AppendInt(b, epoch.UnixNano(), 36)
	b = append(b, '-')
	b = strconv.AppendUint(b, s.posts, 36)
	b = append(b, `","text":"`...)
	b = stamp(b, at, size)
	s.body = append(b, `"}]`...)
	c.prepared = appendFrame(c.prepared, opText, s.body)
}

func (c *client) sendPrepared() error {
	if len(c.prepared) == 0 {
		return nil
	}
	err := c.conn.write(c.prepared)
	c.prepared = c.prepared[:0]
	return err
}

// sendAcked counts the answer to a message.
func (s *swarm) sendAcked(p []byte) error {
	s.answered++
	if !bytes.HasPrefix(p, okAcks) {
		s.refused++
		if s.refused > 100 {
			return fmt.Errorf("load: the server refuses messages (%s); --limits off lifts its rates", clip(p))
		}
	}
	return nil
}

var okAcks = []byte(`[{"ok":true`)

var (
	seqField  = []byte(`"seq":`)
	textField = []byte(`"text":"`)
)

// delivery looks into a message: its place, and the time that its text begins with.
func (c *client) delivery(p []byte) {
	if i := bytes.Index(p, seqField); i >= 0 {
		seq, _ := number(p[i+len(seqField):])
		if seq != c.lastSeq+1 {
			c.s.disorder++
		}
		c.lastSeq = seq
	}
	if i := bytes.Index(p, textField); i >= 0 {
		if at, n := number(p[i+len(textField):]); n > 0 {
			c.s.latency.add(time.Duration(uint64(time.Since(epoch)) - at))
		}
	}
	if c.s.onDelivery != nil {
		c.s.onDelivery(c)
	}
}

// epoch is what the times in texts count from.
var epoch = time.Now()

// stamp begins a text with a time, and fills it up to size bytes.
func stamp(dst []byte, at time.Time, size int) []byte {
	start := len(dst)
	dst = strconv.AppendInt(dst, int64(at.Sub(epoch)), 10)
	dst = append(dst, ' ')
	for len(dst)-start < size {
		dst = append(dst, "the quick brown fox jumps over the lazy dog "[(len(dst)-start)%44])
	}
	return dst
}

// number reads decimal digits.
func number(b []byte) (v uint64, digits int) {
	for digits < len(b) && b[digits] >= '0' && b[digits] <= '9' {
		v = v*10 + uint64(b[digits]-'0')
		digits++
	}
	return v, digits
}
