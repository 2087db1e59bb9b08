package socketio

import (
	"bytes"
	"slices"
	"sync"
	"time"

	"snug/engineio"
	"snug/socketio/packet"
)

// A connection is one client's transport, with the sockets that share it. It
// is what the engine calls with each message: it only decodes, settles
// acknowledgements, and puts the rest into the inboxes of its sockets.
type connection struct {
	// Static after construction.
	server *Server
	eio    *engineio.Conn

	broken bool          // the client broke the protocol; owned by the reader
	pace   time.Duration // by the server's clock, when what it has brought will have been brought in time; owned by the reader

	mu         sync.Mutex       // tier 1
	sockets    []*Socket        // guarded by mu; admitted or not, but none that has left
	unfinished int              // guarded by mu; sockets that the application is not done with
	closed     bool             // guarded by mu
	assembler  packet.Assembler // guarded by mu
	partial    *time.Timer      // guarded by mu; drops what the assembler waits for
	connect    *time.Timer      // guarded by mu; closes a connection without sockets

	flow      sync.Mutex    // tier 0
	holds     int           // reasons not to read; guarded by flow
	resumed   time.Duration // since when, by the server's clock, there is none; guarded by flow
	full      int           // inboxes that are full, each such a reason; guarded by flow
	fullTimer *time.Timer   // guarded by flow
}

// never is a time by the server's clock that lies long before every other.
const never = -1 << 60

func newConnection(s *Server, eio *engineio.Conn) *connection {
	c := &connection{server: s, eio: eio, resumed: never}
	s.connections.Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.connect = time.AfterFunc(s.opts.ConnectTimeout, c.connectTimeout)
	return c
}

// connectTimeout closes the connection if the client has not connected to a
// namespace yet.
func (c *connection) connectTimeout() {
	c.mu.Lock()
	waiting := len(c.sockets) > 0 // for an OnConnect that takes its time
	if waiting && c.connect != nil {
		c.connect.Reset(c.server.opts.ConnectTimeout)
	}
	late := !waiting && c.connect != nil
	c.mu.Unlock()
	if late {
		c.eio.Close(engineio.ReasonForcedClose)
	}
}

// admitted tells that the client is in a namespace, and need not hurry any more.
func (c *connection) admitted() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopConnectTimer()
}

// stopConnectTimer must be called with mu locked. A connection that is idle for
// days need not hold a timer.
func (c *connection) stopConnectTimer() {
	if c.connect != nil {
		c.connect.Stop()
		c.connect = nil
	}
}

// HandleMessage implements [engineio.Handler].
func (c *connection) HandleMessage(t engineio.MessageType, b []byte) {
	if c.broken {
		return // the rest of the payload that broke it
	}
	c.keepPace()
	p, done, err := c.assemble(t, b)
	if err != nil {
		c.server.log.Debug("socketio: closing a connection", "error", err)
		c.breakOff(engineio.ReasonParseError)
		return
	}
	if done {
		c.receive(p)
	}
}

func (c *connection) breakOff(reason engineio.Reason) {
	c.broken = true
	c.eio.Close(reason)
}

// assemble takes one message. The packet may alias b.
func (c *connection) assemble(t engineio.MessageType, b []byte) (p packet.Packet, done bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t == engineio.Text {
		p, done, err = c.assembler.TextWithin(b, c.server.opts.MaxDepth)
		if c.assembler.Waiting() && err == nil {
			c.awaitAttachments()
		}
		return p, done, err
	}
	p, done, err = c.assembler.Binary(b)
	if !c.assembler.Waiting() && c.partial != nil {
		c.partial.Stop()
	}
	return p, done, err
}

// awaitAttachments gives the client time to bring what it announced. It must
// be called with mu locked.
func (c *connection) awaitAttachments() {
	if c.partial == nil {
		c.partial = time.AfterFunc(attachmentTimeout, c.dropPartial)
	} else {
		c.partial.Reset(attachmentTimeout)
	}
}

// dropPartial frees a packet whose attachments have not come. If they come
// after all they are unannounced.
func (c *connection) dropPartial() {
	left := attachmentTimeout - c.readingFor()
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed || !c.assembler.Waiting():
	case left > 0: // it was we who did not read
		c.partial.Reset(left)
	default:
		c.assembler.Drop()
	}
}

// receive handles a whole packet, which may alias memory of the engine.
// SIO5: Exchange protocol.
func (c *connection) receive(p packet.Packet) {
	if p.Type == packet.Connect && c.old() {
		p = unquery(p)
	}
	s := c.socket(p.Namespace)
	switch {
	case s == nil && p.Type == packet.Connect:
		c.connectTo(p)
	case s == nil || p.Type == packet.Connect || p.Type == packet.ConnectError:
		// Before CONNECT, after DISCONNECT, a second CONNECT to the same
		// namespace, or what only servers say.
		c.server.log.Debug("socketio: closing a connection: packet out of place", "type", p.Type)
		c.breakOff(engineio.ReasonForcedClose)
	case p.Type == packet.Event:
		p.Data = bytes.Clone(p.Data)
		s.inbox.push(s, item{kind: itemEvent, packet: p})
	case p.Type == packet.Ack:
		p.Data = bytes.Clone(p.Data)
		s.settle(p)
	case p.Type == packet.Disconnect:
		s.leave(ReasonClientDisconnect, true)
	}
}

// connectTo makes the socket that the client asks for. Whether it is let in is
// decided by its own goroutine, and the reader goes on.
func (c *connection) connectTo(p packet.Packet) {
	c.mu.Lock()
	// Those count too that have left: lest a client that connects and
	// disconnects all the time could run any number of handlers at once.
	crowded := c.unfinished >= c.server.opts.MaxNamespaces
	c.mu.Unlock()
	if crowded {
		c.refuse(p.Namespace, "Too many namespaces")
		return
	}
	n := c.server.acquire(p.Namespace)
	if n == nil {
		c.refuse(p.Namespace, "Invalid namespace")
		return
	}
	s := newSocket(n, c, bytes.Clone(p.Data))
	c.mu.Lock()
	c.sockets = append(c.sockets, s)
	c.unfinished++
	c.mu.Unlock()
	s.inbox.push(s, item{kind: itemConnect})
}

// refuse answers a CONNECT that no socket is made for.
func (c *connection) refuse(namespace, message string) {
	// If the connection has closed there is no one to tell.
	_ = c.eio.Send(c.refusalFrame(namespace, &ConnectError{Message: message}))
}

// socket is the connection's socket in the namespace of that name, or nil.
func (c *connection) socket(namespace string) *Socket {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.sockets {
		if s.ns.name == namespace {
			return s
		}
	}
	return nil
}

// forget removes a socket that has left, so that the client may connect to
// its namespace again.
func (c *connection) forget(s *Socket) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := slices.Index(c.sockets, s); i >= 0 {
		c.sockets = slices.Delete(c.sockets, i, i+1)
	}
}

// finished tells that the application has heard the last of a socket.
func (c *connection) finished() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unfinished--
}

// all are the connection's sockets now.
func (c *connection) all() []*Socket {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.sockets)
}

// HandleClose implements [engineio.Handler].
func (c *connection) HandleClose(err *engineio.CloseError) {
	c.broken = true
	c.mu.Lock()
	c.closed = true
	c.stopConnectTimer()
	if c.partial != nil {
		c.partial.Stop()
	}
	c.assembler.Drop()
	c.mu.Unlock()
	for _, s := range c.all() {
		s.leave(Reason(err.Reason), true)
	}
	c.server.connections.Add(-1)
}

// keepPace stops reading for a while if the client brings more than it may.
func (c *connection) keepPace() {
	opts := &c.server.opts
	if opts.PacketRate <= 0 {
		return
	}
	now := c.server.clock()
	span := time.Duration(float64(time.Second) / opts.PacketRate)
	c.pace = max(c.pace, now) + span
	if ahead := c.pace - now - time.Duration(opts.PacketBurst)*span; ahead > 0 {
		c.flow.Lock()
		c.hold()
		c.flow.Unlock()
		time.AfterFunc(max(ahead, paceLeast), c.paced)
	}
}

// paceLeast is how long reading stops at least, once it does: long enough for
// several packets to be due, so that there is no timer for each.
const paceLeast = 20 * time.Millisecond

// paced ends a pause of keepPace's.
func (c *connection) paced() {
	c.flow.Lock()
	defer c.flow.Unlock()
	c.release()
}

// hold stops reading; release undoes it. They must be called with flow locked.
func (c *connection) hold() {
	if c.holds++; c.holds == 1 {
		c.eio.Pause()
	}
}

func (c *connection) release() {
	if c.holds--; c.holds == 0 {
		c.resumed = c.server.clock()
		c.eio.Resume()
	}
}

// inboxFull stops reading while at least one inbox is full. It is called with
// that inbox locked, so that its calls and those of inboxDrained alternate.
func (c *connection) inboxFull() {
	c.flow.Lock()
	defer c.flow.Unlock()
	c.hold()
	if c.full++; c.full == 1 {
		c.fullTimer = time.AfterFunc(fullTimeout, func() { c.eio.Close(reasonInboxFull) })
	}
}

// inboxDrained undoes inboxFull.
func (c *connection) inboxDrained() {
	c.flow.Lock()
	defer c.flow.Unlock()
	if c.full--; c.full == 0 {
		c.fullTimer.Stop()
	}
	c.release()
}

// readingFor is how long the connection has been read from without a pause.
func (c *connection) readingFor() time.Duration {
	c.flow.Lock()
	defer c.flow.Unlock()
	if c.holds > 0 {
		return 0
	}
	return c.server.clock() - c.resumed
}
