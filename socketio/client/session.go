package client

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	eio "snug/engineio/packet"
	"snug/socketio/packet"
)

// errTransportClose ends a session that the server has closed.
var errTransportClose = errors.New("socketio client: transport close")

// A carrier moves Engine.IO packets. Its methods may be called concurrently,
// but each of them by one goroutine at a time.
type carrier interface {
	name() string
	// read returns at least one packet. The packets are valid until it is
	// called again.
	read() ([]eio.Packet, error)
	write(packets []eio.Packet) error
	// close makes the others fail. It may be called more than once.
	close()
}

// A session is one Engine.IO session of a Client.
type session struct {
	// Static after open.
	client    *Client
	base      *url.URL
	handshake handshake
	probed    chan *wsCarrier // one place: a WebSocket that may take over
	upgrades  sync.WaitGroup

	// Owned by the reader, which is join and then serve.
	assembler packet.Assembler
	pending   []eio.Packet

	writing turn // taken while packets are written, and while the carrier changes

	mu      sync.Mutex
	via     carrier    // guarded by mu, changed with writing taken
	probe   *wsCarrier // guarded by mu; what probed may bring
	closing bool       // guarded by mu; the server has been told
	closed  bool       // guarded by mu
	broken  error      // guarded by mu; of the write that ended it
}

// A turn is what a mutex would be, if it were not held while something is
// written to a network that may not take it: fake time goes on while somebody
// waits for a channel, and stands still while it is for a mutex.
type turn chan struct{}

func (t turn) take() { t <- struct{}{} }
func (t turn) give() { <-t }

// A handshake is what the server says at first. EIO4: Handshake.
type handshake struct {
	SID          string   `json:"sid"`
	Upgrades     []string `json:"upgrades"`
	PingInterval int64    `json:"pingInterval"` // ms
	PingTimeout  int64    `json:"pingTimeout"`  // ms
	MaxPayload   int64    `json:"maxPayload"`   // bytes
}

// silence is how long the server may say nothing.
func (h *handshake) silence() time.Duration {
	return time.Duration(h.PingInterval+h.PingTimeout) * time.Millisecond
}

// open makes the connection and the handshake.
func open(ctx context.Context, c *Client) (*session, error) {
	base, err := url.Parse(c.url)
	if err != nil {
		return nil, fmt.Errorf("socketio client: %w", err)
	}
	switch base.Scheme {
	case "http", "https":
	case "ws", "wss":
		base.Scheme = strings.Replace(base.Scheme, "ws", "http", 1)
	default:
		return nil, fmt.Errorf("socketio client: unknown scheme %q", base.Scheme)
	}
	base.Path = c.opts.Path
	s := &session{client: c, base: base, probed: make(chan *wsCarrier, 1), writing: make(turn, 1)}
	if c.opts.Transport == WebSocket {
		s.via, err = dialWebSocket(ctx, s, "")
	} else {
		s.via = newPolling(s)
	}
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, s.abort)
	defer stop()
	if err := s.shake(); err != nil {
		s.abort()
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, fmt.Errorf("socketio client: handshake: %w", err)
	}
	return s, nil
}

func (s *session) shake() error {
	packets, err := s.via.read()
	if err != nil {
		return err
	}
	if packets[0].Type != eio.Open {
		return fmt.Errorf("packet %v in place of open", packets[0].Type)
	}
	if err := json.Unmarshal(packets[0].Data, &s.handshake); err != nil {
		return err
	}
	s.pending = packets[1:]
	if s.client.opts.Transport == Upgrade {
		s.upgrades.Go(s.upgrade)
	}
	return nil
}

// address is the server's, with the query of a request.
func (s *session) address(transport, sid string) string {
	u := *s.base
	q := u.Query()
	q.Set("EIO", "4")
	q.Set("transport", transport)
	if sid != "" {
		q.Set("sid", sid)
	}
	u.RawQuery = q.Encode()
	return u.String()
}

func (s *session) transportName() string { return s.carrier().name() }

func (s *session) carrier() carrier {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.via
}

// send writes a Socket.IO packet with its attachments.
func (s *session) send(e packet.Encoded) error {
	packets := append(make([]eio.Packet, 0, 1+len(e.Attachments)), eio.Packet{Type: eio.Message, Data: e.Text})
	for _, b := range e.Attachments {
		packets = append(packets, eio.Packet{Type: eio.Message, Binary: true, Data: b})
	}
	return s.write(packets...)
}

func (s *session) write(packets ...eio.Packet) error {
	s.writing.take()
	defer s.writing.give()
	err := s.carrier().write(packets)
	if err != nil {
		s.fail(err)
	}
	return err
}

// fail ends the session after a write that failed: nobody knows how much of it
// the server has got. Over polling it would else go on, with a hole in it.
func (s *session) fail(err error) {
	s.mu.Lock()
	if !s.closed && s.broken == nil {
		s.broken = err
	}
	s.mu.Unlock()
	s.abort()
}

// cause is err, or that of the write that ended the session.
func (s *session) cause(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return cmp.Or(s.broken, err)
}

// receive returns the next Socket.IO packet, and does what the transport asks
// for meanwhile.
func (s *session) receive() (packet.Packet, error) {
	for {
		for len(s.pending) > 0 {
			p := s.pending[0]
			s.pending = s.pending[1:]
			got, done, err := s.take(p)
			if err != nil || done {
				return got, err
			}
		}
		packets, err := s.read()
		if err != nil {
			return packet.Packet{}, err
		}
		s.pending = packets
	}
}

// read reads from the carrier, after it has changed it if there is a better one.
func (s *session) read() ([]eio.Packet, error) {
	select {
	case ws := <-s.probed:
		if err := s.change(ws); err != nil {
			return nil, err
		}
	default:
	}
	return s.carrier().read()
}

// change completes an upgrade. EIO4: Upgrade. No poll waits when it is called,
// and a POST under way is waited for.
func (s *session) change(ws *wsCarrier) error {
	s.writing.take()
	defer s.writing.give()
	s.mu.Lock()
	polling := s.via
	over := s.closing || s.closed
	if !over {
		s.via, s.probe = ws, nil
	}
	s.mu.Unlock()
	if over {
		return nil
	}
	polling.close()
	return ws.write([]eio.Packet{{Type: eio.Upgrade}})
}

// take handles one Engine.IO packet.
func (s *session) take(p eio.Packet) (got packet.Packet, done bool, err error) {
	switch p.Type {
	case eio.Ping:
		return got, false, s.write(eio.Packet{Type: eio.Pong})
	case eio.Close:
		return got, false, errTransportClose
	case eio.Noop:
		return got, false, nil
	case eio.Message:
		if p.Binary {
			return s.assembler.Binary(p.Data)
		}
		return s.assembler.Text(append([]byte(nil), p.Data...))
	}
	return got, false, fmt.Errorf("unexpected packet %v", p.Type)
}

// serve reads until the connection ends, and says why.
func (s *session) serve() error {
	for {
		p, err := s.receive()
		if err != nil {
			return s.cause(err)
		}
		if p.Namespace != s.client.opts.Namespace {
			continue
		}
		switch p.Type {
		case packet.Event:
			s.client.queue(event{packet: p, sess: s})
		case packet.Ack:
			if p.HasID {
				s.client.settle(p.ID, p.Args())
			}
		case packet.Disconnect:
			return ErrKicked
		}
	}
}

// closeTimeout is how long a server may take to release a poll.
const closeTimeout = time.Second

// close ends the connection politely. Reading comes to an end soon.
func (s *session) close() {
	s.mu.Lock()
	s.closing = true
	s.mu.Unlock()
	if s.write(eio.Packet{Type: eio.Close}) != nil || s.transportName() != "polling" {
		s.abort()
		return
	}
	// EIO4: the server lets go of the poll that waits. To cut it would look
	// like a network that fails.
	time.AfterFunc(closeTimeout, s.abort)
}

// rest reads what still comes, to the end.
func (s *session) rest() {
	for {
		if _, err := s.receive(); err != nil {
			return
		}
	}
}

// abort cuts the connection.
func (s *session) abort() {
	s.mu.Lock()
	s.closed = true
	via, probe := s.via, s.probe
	s.mu.Unlock()
	via.close()
	if probe != nil {
		probe.close()
	}
}

// finish cuts the connection, and waits for what is at work on it.
func (s *session) finish() {
	s.abort()
	s.upgrades.Wait()
}

// upgrade tries a WebSocket beside polling. If it comes to nothing, polling goes on.
func (s *session) upgrade() {
	ctx, cancel := context.WithTimeout(s.client.ctx, s.client.opts.Timeout)
	defer cancel()
	ws, err := dialWebSocket(ctx, s, s.handshake.SID)
	if err != nil {
		return
	}
	s.mu.Lock()
	s.probe = ws
	closed := s.closed
	s.mu.Unlock()
	stop := context.AfterFunc(ctx, ws.close)
	defer stop()
	if closed || !ws.probe() {
		ws.close()
		return
	}
	s.probed <- ws
}
