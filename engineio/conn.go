package engineio

import (
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/gobwas/ws"

	"snug/engineio/packet"
)

// How long the ends of sessions may take.
const (
	flushTimeout = 5 * time.Second // to send what is queued, or for the poll that fetches it to come
	closeTimeout = time.Second     // to tell a peer that the session is over
)

// A Handler receives what one session brings, one call at a time, in order.
// It must not block: the goroutine that calls it may serve many sessions. To
// be called less, it pauses its Conn. If it panics, its session is closed.
type Handler interface {
	// HandleMessage gets one message. b is valid until it returns.
	HandleMessage(t MessageType, b []byte)
	// HandleClose is called once, last.
	HandleClose(err *CloseError)
}

// A Conn is one session, whatever transport carries it. Its methods may be
// called from any goroutine, its Handler's calls included, and never block.
type Conn struct {
	// Static after Accept has returned.
	engine    *engine
	id        string
	handshake *Handshake
	handler   Handler

	// mu is of tier 1: a Group's and the flusher's alone are locked under it, and no
	// callback and no I/O happens under it, but for one write that does not wait.
	mu   sync.Mutex
	cond sync.Cond // on mu: busy, paused or end has changed

	// Guarded by mu.
	out    outbox
	feeds  []*Member // its places in groups
	beat   heartbeat
	ws     *wsConn // the transport, once it is WebSocket
	probe  *wsConn // a WebSocket that would become the transport
	poll   *poll   // the GET that waits
	post   *post   // the POST under way
	busy   bool    // the handler is being called
	paused bool

	seat seat // in the engine's wheel, which guards it

	// Guarded by mu: the end.
	end     *CloseError   // nil while the session is open
	how     ending        // what becomes of the outbox
	code    ws.StatusCode // what a WebSocket is closed with
	final   *frame        // what one last GET gets after the outbox; nil if none does
	done    chan struct{} // closed with end; made when asked for
	drained chan struct{} // closed when the transport has nothing more to do; made with end
}

// An ending says what becomes of what a session still has to send.
type ending uint8

const (
	endFlush    ending = iota // it is sent, and the client told
	endFarewell               // it is freed; the client knows, and its poll is released
	endDrop                   // it is freed, and the client told
	endCut                    // it is freed, and the client's connection is gone or cut
)

// newConn begins a session over a WebSocket, or over polling if w is nil. It
// returns nil if the server shuts down.
func (e *engine) newConn(hs *Handshake, w *wsConn) *Conn {
	c := &Conn{engine: e, id: newSID(), handshake: hs, ws: w, busy: true}
	c.cond.L = &c.mu
	if w != nil {
		w.c = c
	}
	c.beat.interval, c.beat.timeout, c.beat.passive = e.opts.PingInterval, e.opts.PingTimeout, c.old()
	if !e.sessions.add(c) {
		return nil
	}
	c.mu.Lock()
	if w != nil {
		c.out.pushControl(e.openFrame(c.id, []string{}))
		w.writing = true // nobody is, but what Accept sends goes out with the open packet
	}
	c.beat.start(time.Now())
	c.armLocked()
	c.mu.Unlock()
	c.guard(func() { c.handler = e.opts.Accept(c) })
	if c.handler == nil {
		c.handler = deaf{}
		c.Close(ReasonForcedClose)
	}
	if w != nil {
		c.mu.Lock()
		w.writing = false
		if w.fd != 0 && w.directLocked() {
			w.flushLocked()
		} else {
			w.kickLocked()
		}
		c.mu.Unlock()
	}
	c.free()
	return c
}

// deaf stands in for the handler that Accept failed to return.
type deaf struct{}

func (deaf) HandleMessage(MessageType, []byte) {}
func (deaf) HandleClose(*CloseError)           {}

// ID is the session's secret sid. It must not be shown to other clients.
func (c *Conn) ID() string { return c.id }

// Transport is "polling" or "websocket".
func (c *Conn) Transport() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ws != nil {
		return transportWebSocket
	}
	return transportPolling
}

// Handshake is what the client said when it opened the session.
func (c *Conn) Handshake() *Handshake { return c.handshake }

// Send queues frames to be written together and in order. A client whose
// outbox is full is closed with [ReasonSlow], and what it holds is freed. It
// returns the [*CloseError] after the session is closed.
func (c *Conn) Send(frames ...Frame) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sendLocked(frames)
}

// SendVolatile is Send, but drops the frames if others wait already: the client
// takes less than it is sent, or has not come for a poll yet.
func (c *Conn) SendVolatile(frames ...Frame) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.end == nil && !c.out.empty() {
		return nil
	}
	return c.sendLocked(frames)
}

func (c *Conn) sendLocked(frames []Frame) error {
	if err := c.pushLocked(frames); err != nil {
		return err
	}
	if !c.out.empty() {
		c.kickLocked()
	}
	return nil
}

// pushLocked queues frames behind all that was sent before.
func (c *Conn) pushLocked(frames []Frame) error {
	if c.end != nil {
		return c.end
	}
	c.pullLocked()
	if c.end != nil {
		return c.end
	}
	if !c.out.push(c.engine.opts.MaxOutbox, frames...) {
		c.endLocked(&CloseError{Reason: ReasonSlow}, endCut, 0)
		return c.end
	}
	return nil
}

// kickLocked tells the transport that there is something to send.
func (c *Conn) kickLocked() {
	if c.ws != nil {
		c.ws.kickLocked()
	} else if c.poll != nil {
		c.poll.kick()
	}
}

// Pause stops the calls to HandleMessage soon: a WebSocket is not read, and a
// POST waits for its answer. Meanwhile the ping deadline is frozen.
func (c *Conn) Pause() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.end == nil && !c.paused {
		c.paused = true
		c.beat.pause(instantOf(time.Now()))
	}
}

// Resume undoes Pause.
func (c *Conn) Resume() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.end == nil && c.paused {
		c.paused = false
		c.beat.resume(instantOf(time.Now()))
		c.armLocked()
		c.cond.Broadcast()
	}
}

// Close flushes the outbox and ends the session with a reason,
// [ReasonForcedClose] if it is empty. HandleClose follows at once; the flush
// goes on for 5 s at most.
func (c *Conn) Close(reason Reason) {
	if reason == "" {
		reason = ReasonForcedClose
	}
	code := ws.StatusNormalClosure
	if reason == ReasonShutdown {
		code = ws.StatusGoingAway
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endLocked(&CloseError{Reason: reason}, endFlush, code)
}

// Done is closed when the session has ended, before HandleClose is called.
func (c *Conn) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done == nil {
		c.done = make(chan struct{})
		if c.end != nil {
			close(c.done)
		}
	}
	return c.done
}

// fail ends the session because of what the peer or its transport did.
func (c *Conn) fail(reason Reason, how ending, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endLocked(&CloseError{Reason: reason, Err: err}, how, ws.StatusNormalClosure)
}

// endLocked ends the session, once. A WebSocket is closed with code.
func (c *Conn) endLocked(err *CloseError, how ending, code ws.StatusCode) {
	if c.end != nil {
		return
	}
	if how == endFlush {
		c.pullLocked()
		if c.end != nil { // it was slow
			return
		}
	}
	c.end, c.how, c.code = err, how, code
	c.drained = make(chan struct{})
	c.armLocked()
	if c.done != nil {
		close(c.done)
	}
	c.cond.Broadcast()
	if how != endFlush {
		c.out.drop()
	}
	if c.post != nil {
		c.post.abort()
	}
	if c.ws != nil {
		c.ws.shutLocked(code, how == endCut)
	} else {
		c.endPollingLocked(code)
	}
	c.engine.sessions.wg.Go(c.finish)
}

func (c *Conn) endPollingLocked(code ws.StatusCode) {
	switch {
	case c.how == endFarewell:
		c.final = noopFrame
	case c.how == endFlush || c.poll != nil:
		c.final = closeFrame
	default:
		close(c.drained)
	}
	if c.probe != nil && !(c.how == endFlush && c.probe.probed && c.poll == nil) {
		// But a client between the probe and its upgrade does not poll any
		// more: it gets the rest over the WebSocket.
		c.probe.shutLocked(code, false)
	}
	if c.poll != nil {
		c.poll.kick()
	}
}

// The packets that end a session over polling.
var (
	closeFrame = textFrame(packet.Close, "")
	noopFrame  = textFrame(packet.Noop, "")
)

// finish tells the handler of the end, and sees to it that nothing of the
// session outlives its time.
func (c *Conn) finish() {
	defer c.engine.sessions.done(c.end.Reason)
	defer c.handshake.leave()
	c.mu.Lock()
	timeout := closeTimeout
	if c.how == endFlush || c.how == endFarewell {
		timeout = flushTimeout
	}
	fetched := c.final != nil // by a GET still to come
	var hurry <-chan struct{}
	if c.how == endFarewell {
		hurry = c.engine.sessions.refused // a shutdown need not wait for a client that has left
	}
	c.mu.Unlock()
	if !fetched {
		c.engine.sessions.forget(c)
	}
	timer := time.NewTimer(timeout)
	defer timer.Stop()

	c.mu.Lock()
	for c.busy {
		c.cond.Wait()
	}
	c.busy = true // for good: HandleClose is the last call
	c.mu.Unlock()
	c.guard(func() { c.handler.HandleClose(c.end) })

	select {
	case <-c.drained:
	case <-timer.C:
		c.abort()
	case <-hurry:
		c.abort()
	case <-c.engine.sessions.cut:
		c.abort()
	}
	c.engine.sessions.forget(c)
}

// abort gives up on what the transport still had to do.
func (c *Conn) abort() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out.drop()
	c.final = nil
	if c.ws != nil {
		c.ws.abortLocked()
	}
	if c.probe != nil {
		c.probe.abortLocked()
	}
}

// deliver hands one message to the handler, after the calls before it and not
// while the session is paused: if that is now and it may not wait, it returns
// errBusy. It returns errEnded if the session has ended.
func (c *Conn) deliver(t MessageType, b []byte, wait bool) error {
	c.mu.Lock()
	for c.end == nil && (c.busy || c.paused) {
		if !wait {
			c.mu.Unlock()
			return errBusy
		}
		c.cond.Wait()
	}
	if c.end != nil {
		c.mu.Unlock()
		return errEnded
	}
	c.busy = true
	c.mu.Unlock()
	c.guard(func() { c.handler.HandleMessage(t, b) })
	if !c.free() {
		return errEnded
	}
	return nil
}

// free lets the handler be called again. It reports whether the session is open.
func (c *Conn) free() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.busy = false
	c.cond.Broadcast()
	return c.end == nil
}

// guard calls into the application. A panic there costs the session alone.
func (c *Conn) guard(call func()) {
	defer func() {
		if v := recover(); v != nil {
			c.engine.opts.Logger.Error("engineio: handler panicked", "panic", v, "stack", string(debug.Stack()))
			c.fail(ReasonForcedClose, endDrop, fmt.Errorf("handler panicked: %v", v))
		}
	}()
	call()
}

// armLocked has the session woken when its heartbeat may have something to tell.
func (c *Conn) armLocked() {
	if c.end != nil {
		c.engine.wheel.set(c, 0)
		return
	}
	c.engine.wheel.set(c, c.beat.next())
}

// onBeat is called by the wheel.
func (c *Conn) onBeat(now instant) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.end != nil {
		return
	}
	ping, dead := c.beat.due(now)
	if dead {
		c.endLocked(&CloseError{Reason: ReasonPingTimeout}, endDrop, ws.StatusNormalClosure)
		return
	}
	c.armLocked()
	switch {
	case !ping || c.pushLocked([]Frame{{pingFrame}}) != nil: // the session's end says it all
	case c.ws != nil && c.ws.directLocked():
		c.ws.flushLocked() // a turn of the wheel is as good as one of the flusher's
	default:
		c.kickLocked()
	}
}

func (c *Conn) pong() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.end == nil {
		c.beat.pong(instantOf(time.Now()))
		c.armLocked()
	}
}

// errPingDirection: EIO4 has the server ping and the client answer.
var errPingDirection = errors.New("invalid heartbeat direction")

// check says whether the session can take a request of the transport.
func (c *Conn) check(transport string) *fault {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.end == nil && c.beat.expired(instantOf(time.Now())) {
		c.endLocked(&CloseError{Reason: ReasonPingTimeout}, endDrop, ws.StatusNormalClosure)
	}
	switch {
	case c.end != nil && (c.final == nil || transport != transportPolling):
		return faultSession
	case c.ws != nil && transport == transportPolling: // the old transport
		return faultRequest
	}
	return nil
}
