// Package client is a small Socket.IO protocol 5 client: one namespace over one
// connection, by WebSocket, by long polling, or by polling that is upgraded.
//
//	c, err := client.Dial(ctx, "http://localhost:5000", client.Options{
//		On: map[string]client.Handler{
//			"said": func(c *client.Client, args client.Args, ack *client.Ack) { … },
//		},
//	})
//	if err != nil {
//		return err
//	}
//	defer c.Close()
//	err = c.Emit("say", "hello")
//
// Handlers are called one at a time, in the order in which the server sent the
// events. Acknowledgements are settled apart from that, so that a handler may
// wait for one. If handlers are too slow, the client reads no more until they
// have caught up.
package client

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"snug/socketio/packet"
)

// A Transport says how a client talks to the server.
type Transport uint8

// The transports.
const (
	WebSocket Transport = iota // from the first request on
	Polling                    // HTTP requests alone
	Upgrade                    // begins with polling and goes over to WebSocket, as browsers do
)

// Options say how to connect; the zero value will do for many.
type Options struct {
	Namespace string             // "/" if empty
	Path      string             // where the server is mounted; "/socket.io/" if empty
	Auth      func() any         // gives what CONNECT takes along, an object, at each connection; nil for nothing
	Header    http.Header        // more fields for the requests
	Transport Transport          // WebSocket if zero
	TLS       *tls.Config        // for https and wss
	NetDial   NetDial            // nil: by TCP
	Timeout   time.Duration      // for one connection to come about, and for each write; 20 s if zero
	Reconnect *Backoff           // nil: a connection that is lost is not made anew
	Queue     int                // events that wait for their handler before reading stops; 1,024 if zero
	MaxRead   int64              // bytes of one message; 16 MiB if zero
	On        map[string]Handler // the handlers of events
	OnAny     AnyHandler         // of events that have no other; they are dropped if nil

	// OnConnect is called when the namespace has been joined, for the first
	// time and after each reconnection, and OnDisconnect when it is lost.
	// Both come in order with the events.
	OnConnect    func(*Client)
	OnDisconnect func(*Client, error)
}

// A Backoff says how long to wait before the next attempt to reconnect: from
// Min on, twice as long each time, up to Max, shortened at random by up to a half.
type Backoff struct {
	Min, Max time.Duration // 1 s and 5 s if zero
}

// A NetDial opens the connections, to "tcp" and host:port, in place of a [net.Dialer].
type NetDial = func(ctx context.Context, network, address string) (net.Conn, error)

// Args are the arguments of an event or of an acknowledgement, not yet decoded.
type Args = packet.Args

// A Handler serves one event. ack is never nil, and does nothing where the
// server asked for no answer.
type Handler func(c *Client, args Args, ack *Ack)

// An AnyHandler serves any event.
type AnyHandler func(c *Client, event string, args Args, ack *Ack)

// Errors of a Client.
var (
	ErrClosed       = errors.New("socketio client: closed")
	ErrDisconnected = errors.New("socketio client: not connected")
	// ErrKicked ends a client that the server has disconnected from the
	// namespace on purpose: it does not reconnect.
	ErrKicked = errors.New("socketio client: disconnected by the server")
)

// A ConnectError is the server's refusal of the namespace.
type ConnectError struct {
	Message string
	Data    json.RawMessage // nil if there is none
}

func (e *ConnectError) Error() string { return "refused: " + e.Message }

// A Client is a client's end of one namespace. It may be used from any goroutine.
type Client struct {
	// Static after construction.
	opts   Options
	url    string
	ctx    context.Context // done when the client ends
	cancel context.CancelCauseFunc
	events chan event
	wg     sync.WaitGroup // run and handle

	up bool // connected, as far as the handlers have heard; owned by handle

	mu      sync.Mutex
	sess    *session                     // guarded by mu; nil while there is none
	id      string                       // guarded by mu
	stopped bool                         // guarded by mu; by the application
	on      map[string]Handler           // guarded by mu
	calls   map[uint64]func(Args, error) // guarded by mu
	next    uint64                       // guarded by mu; the id of the next call
}

// An event is what waits for the handling goroutine.
type event struct {
	packet packet.Packet
	sess   *session
	lost   error // of a connection that was lost
	joined bool  // a connection came about
}

// Dial connects to the namespace and returns when the server has let the client
// in, or with its *[ConnectError]. url is the server's, its scheme http, https,
// ws or wss; a path in it is ignored. Dial does not try again.
//
// The Client lives until Close, until the server ends it, or until a
// connection is lost without Reconnect.
func Dial(ctx context.Context, url string, opts Options) (*Client, error) {
	opts.Namespace = cmp.Or(opts.Namespace, "/")
	opts.Path = cmp.Or(opts.Path, "/socket.io/")
	opts.Timeout = cmp.Or(opts.Timeout, 20*time.Second)
	opts.Queue = cmp.Or(opts.Queue, 1024)
	opts.MaxRead = cmp.Or(opts.MaxRead, 16<<20)
	c := &Client{
		opts:   opts,
		url:    url,
		events: make(chan event, opts.Queue),
		on:     map[string]Handler{},
		calls:  map[uint64]func(Args, error){},
	}
	for name, h := range opts.On {
		c.on[name] = h
	}
	c.ctx, c.cancel = context.WithCancelCause(context.Background())
	c.wg.Go(c.handle)
	s, err := c.connect(ctx)
	if err != nil {
		c.cancel(err)
		c.wg.Wait()
		return nil, err
	}
	c.wg.Go(func() { c.run(s) })
	return c, nil
}

// ID is the socket's public id, which changes with each connection.
func (c *Client) ID() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.id
}

// Transport is what carries the connection now, "polling" or "websocket", and
// "" while there is none.
func (c *Client) Transport() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sess == nil {
		return ""
	}
	return c.sess.transportName()
}

// On sets the handler of an event. Those that must not miss what the server
// sends first belong into [Options].
func (c *Client) On(name string, h Handler) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.on[name] = h
}

// Emit sends an event. Its arguments are encoded as the server does: each
// []byte in them becomes an attachment. Emit blocks while the connection does,
// and fails without one: nothing is kept for later.
func (c *Client) Emit(name string, args ...any) error {
	e, err := packet.EncodeEvent(packet.Packet{Namespace: c.opts.Namespace}, name, args...)
	if err != nil {
		return fmt.Errorf("socketio client: encoding %s: %w", name, err)
	}
	return c.send(e)
}

// Call sends an event and waits for its acknowledgement, or for ctx. It must
// not wait while so many events wait for their handlers that the client reads
// no more; within a handler a ctx with a deadline sees to that.
func (c *Client) Call(ctx context.Context, name string, args ...any) (Args, error) {
	type answer struct {
		args Args
		err  error
	}
	answers := make(chan answer, 1)
	id, err := c.ask(name, func(args Args, err error) { answers <- answer{args, err} }, args)
	if err != nil {
		return Args{}, err
	}
	defer c.forget(id)
	select {
	case a := <-answers:
		return a.args, a.err
	case <-ctx.Done():
		return Args{}, fmt.Errorf("socketio client: waiting for the acknowledgement of %s: %w", name, ctx.Err())
	}
}

// Ask sends an event and returns, so that many may be under way. Where it
// returns nil, answered is called once, from another goroutine, with the
// acknowledgement, or with an error when the connection is lost. It must not block.
func (c *Client) Ask(name string, answered func(Args, error), args ...any) error {
	_, err := c.ask(name, answered, args)
	return err
}

func (c *Client) ask(name string, answered func(Args, error), args []any) (id uint64, err error) {
	c.mu.Lock()
	id = c.next
	c.next++
	c.calls[id] = answered
	c.mu.Unlock()
	e, err := packet.EncodeEvent(packet.Packet{Namespace: c.opts.Namespace, ID: id, HasID: true}, name, args...)
	if err != nil {
		err = fmt.Errorf("socketio client: encoding %s: %w", name, err)
	} else {
		err = c.send(e)
	}
	if err != nil && !c.forget(id) {
		return id, nil // the loss of the connection was the answer
	}
	return id, err
}

// forget gives up on a call, and says whether it was still waiting.
func (c *Client) forget(id uint64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, waiting := c.calls[id]
	delete(c.calls, id)
	return waiting
}

func (c *Client) send(e packet.Encoded) error {
	c.mu.Lock()
	s := c.sess
	c.mu.Unlock()
	if s != nil {
		return s.send(e)
	}
	if err := context.Cause(c.ctx); err != nil {
		return err
	}
	if c.isStopped() {
		return ErrClosed
	}
	return ErrDisconnected
}

// Done is closed when the client has ended; Err tells why.
func (c *Client) Done() <-chan struct{} { return c.ctx.Done() }

// Err is why the client has ended, nil while it has not.
func (c *Client) Err() error { return context.Cause(c.ctx) }

// Close leaves the namespace, closes the connection and waits for the handler
// under way. It must not be called by a handler; Stop may.
func (c *Client) Close() error {
	c.Stop()
	c.wg.Wait()
	return nil
}

// Stop is Close without waiting.
func (c *Client) Stop() {
	c.mu.Lock()
	s := c.sess
	c.sess, c.stopped = nil, true
	c.mu.Unlock()
	if s != nil {
		// A server that does not get it sees the transport close.
		_ = s.send(packet.Encoded{Text: packet.Encode(packet.Packet{Type: packet.Disconnect, Namespace: c.opts.Namespace})})
		s.close() // and run ends the client
		return
	}
	c.cancel(ErrClosed)
}

func (c *Client) isStopped() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stopped
}

// Abort cuts the connection without a word, as a network does that fails. With
// Reconnect the client comes back.
func (c *Client) Abort() {
	c.mu.Lock()
	s := c.sess
	c.mu.Unlock()
	if s != nil {
		s.abort()
	}
}

// An Ack is the answer that the server waits for. Only the first Reply is sent.
type Ack struct {
	mu   sync.Mutex
	sess *session // guarded by mu; nil once there is nothing to send
	id   uint64   // static
}

// Wanted says whether the server asked for an answer and has not got it.
func (a *Ack) Wanted() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.sess != nil
}

// Reply sends the answer, over the connection that brought the event.
func (a *Ack) Reply(args ...any) error {
	a.mu.Lock()
	s := a.sess
	a.sess = nil
	a.mu.Unlock()
	if s == nil {
		return nil
	}
	e, err := packet.EncodeAck(packet.Packet{Namespace: s.client.opts.Namespace, ID: a.id}, args...)
	if err != nil {
		return fmt.Errorf("socketio client: encoding an acknowledgement: %w", err)
	}
	return s.send(e)
}

// handle calls the handlers, one at a time.
func (c *Client) handle() {
	for {
		select {
		case e := <-c.events:
			c.dispatch(e)
		case <-c.ctx.Done():
			c.drain()
			return
		}
	}
}

// drain handles what had come before the end.
func (c *Client) drain() {
	for {
		select {
		case e := <-c.events:
			c.dispatch(e)
		default:
			c.dispatch(event{lost: c.Err()})
			return
		}
	}
}

func (c *Client) dispatch(e event) {
	switch {
	case e.joined:
		c.up = true
		if c.opts.OnConnect != nil {
			c.opts.OnConnect(c)
		}
		return
	case e.lost != nil:
		if c.up && c.opts.OnDisconnect != nil {
			c.opts.OnDisconnect(c, e.lost)
		}
		c.up = false
		return
	}
	ack := new(Ack)
	if e.packet.HasID {
		ack.sess, ack.id = e.sess, e.packet.ID
	}
	c.mu.Lock()
	h := c.on[e.packet.Name]
	c.mu.Unlock()
	switch {
	case h != nil:
		h(c, e.packet.Args(), ack)
	case c.opts.OnAny != nil:
		c.opts.OnAny(c, e.packet.Name, e.packet.Args(), ack)
	}
}

// queue has an event handled; it blocks while there are too many.
func (c *Client) queue(e event) {
	select {
	case c.events <- e:
	case <-c.ctx.Done():
	}
}

// settle hands an acknowledgement to who waits for it.
func (c *Client) settle(id uint64, args Args) {
	c.mu.Lock()
	answered := c.calls[id]
	delete(c.calls, id)
	c.mu.Unlock()
	if answered != nil {
		answered(args, nil)
	}
}

// fail ends all calls that wait for a connection that is gone.
func (c *Client) fail() {
	c.mu.Lock()
	calls := c.calls
	c.calls = map[uint64]func(Args, error){}
	c.mu.Unlock()
	for _, answered := range calls {
		answered(Args{}, ErrDisconnected)
	}
}
