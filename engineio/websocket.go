package engineio

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/gobwas/ws"

	"snug/engineio/packet"
)

// writeChunk is what a peer must take within Server.WriteTimeout.
const writeChunk = 64 << 10

// A wsConn is one WebSocket of a session: its transport, or a candidate for it.
//
// Where there is an event loop, that takes the connection over: it reads what
// comes, and what is sent is written by the flusher. Everything that has to
// wait is done on goroutines: a message for which the session is not ready, and
// the end of the connection. Elsewhere there is one reading goroutine as long
// as the connection lives, and a writing one while the peer takes less than it is sent.
type wsConn struct {
	c *Conn // static

	// The connection: one of conn and fd, or none of them before it is taken over from
	// net/http and after it was closed under the event loop. Guarded by c.mu; but conn
	// does not change once set.
	conn    net.Conn
	fd      int     // the descriptor that the event loop has; 0 if it has none
	watched bool    // the event loop calls readable
	feeding bool    // someone reads, and will call endFeed
	blocked bool    // the event loop waits for the socket to take rest
	src     *source // of conn, set with it; owned by the reading goroutine, but for its tryWrite

	// Owned by whoever reads.
	probing bool     // not the transport yet
	dec     *decoder // what has come of a message; nil if nothing

	// Guarded by c.mu.
	writing bool // the writing goroutine lives
	queued  bool // the flusher has been asked to write
	probed  bool // 2probe was received
	closing bool
	parting bool          // the peer has closed, and gets nothing but the answer to that
	code    ws.StatusCode // to close with
	rest    []byte        // what the socket did not take: the next thing to be written
	reply   []byte
	stuck   *time.Timer // ends a session whose peer takes nothing
	upgrade *time.Timer // ends a probe that takes too long
}

// openWebSocket begins a session on a WebSocket.
func (e *engine) openWebSocket(w http.ResponseWriter, r *http.Request, hs *Handshake) {
	if e.sessions.refusing() {
		hs.leave()
		e.refuse(w, faultShutdown)
		return
	}
	conn, hello, early, err := e.hijack(w, r)
	if err != nil {
		hs.leave()
		return
	}
	t := &wsConn{feeding: true}
	if t.attach(conn); t.fd != 0 {
		t.reply = hello // with the first packet: a system call less
	} else if err := e.greet(conn, hello); err != nil {
		hs.leave()
		return
	}
	c := e.newConn(hs, t)
	if c == nil { // the shutdown came in between
		hs.leave()
		if t.fd != 0 {
			conn = t.giveBackLocked() // nobody else knows it
		}
		if conn != nil {
			_ = conn.Close()
		}
		return
	}
	t.startReading(early) // counted when the session was
}

// attach gives the connection to the event loop, or keeps it for goroutines.
// c.mu is held, or nobody else knows w yet.
func (w *wsConn) attach(conn net.Conn) {
	if !w.adopt(conn) {
		w.conn = conn
		w.src = newSource(conn)
	}
}

// startReading begins to read, after what was read before. Its caller has
// counted for the reading, and is done with it.
func (w *wsConn) startReading(early []byte) {
	c := w.c
	c.mu.Lock()
	byLoop, byGoroutine := w.fd != 0, w.conn != nil
	c.mu.Unlock()
	switch {
	case byGoroutine:
		go w.readLoop(early)
	case byLoop && len(early) > 0:
		w.dec = w.newDecoder()
		go w.catchUp(wsMessage{op: ws.OpPong}, early)
	default:
		w.endFeed(nil)
	}
}

func (w *wsConn) newDecoder() *decoder { return &decoder{limit: w.c.engine.opts.MaxPayload} }

// hijack takes the connection over from net/http, with the bytes that it has
// read beyond the request. hello is the 101 that the peer is still to get.
// net/http's buffers are let go.
func (e *engine) hijack(w http.ResponseWriter, r *http.Request) (conn net.Conn, hello, early []byte, err error) {
	held := &heldAnswer{ResponseWriter: w}
	conn, rw, _, err := ws.HTTPUpgrader{}.Upgrade(r, held)
	if err != nil {
		if conn != nil {
			_ = e.greet(conn, held.answer.Bytes()) // it says what was wrong with the request
			_ = conn.Close()
		}
		return nil, nil, nil, fmt.Errorf("upgrading to WebSocket: %w", err)
	}
	early = make([]byte, rw.Reader.Buffered())
	_, _ = io.ReadFull(rw.Reader, early) // it is all there
	return conn, held.answer.Bytes(), early, nil
}

// A heldAnswer keeps back what is written to the connection that is taken over.
type heldAnswer struct {
	http.ResponseWriter
	answer bytes.Buffer
}

// Hijack implements http.Hijacker.
func (h *heldAnswer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err == nil {
		rw.Writer.Reset(&h.answer)
	}
	return conn, rw, err
}

// greet writes the answer to a handshake, or closes the connection.
func (e *engine) greet(conn net.Conn, hello []byte) error {
	_ = conn.SetWriteDeadline(time.Now().Add(e.opts.WriteTimeout)) // it fails if the connection is closed, as Write will
	if _, err := conn.Write(hello); err != nil {
		_ = conn.Close()
		return fmt.Errorf("upgrading to WebSocket: %w", err)
	}
	return conn.SetWriteDeadline(time.Time{})
}

// A wsFault is a reason to close a WebSocket.
type wsFault struct {
	code   ws.StatusCode
	reason Reason
	err    error
}

func (f *wsFault) Error() string { return f.err.Error() }
func (f *wsFault) Unwrap() error { return f.err }

// What stops the reading without a fault of the peer's.
var (
	errEnded = errors.New("session ended")
	errBusy  = errors.New("session not ready")
)

// readLoop is the reading goroutine. early was read before it began.
func (w *wsConn) readLoop(early []byte) {
	err := w.read(early)
	if w.settle(err) {
		w.src.drain()
	}
	w.quit()
}

// settle acts on what ended the reading, and says whether what still comes is to be read.
func (w *wsConn) settle(err error) (drain bool) {
	var f *wsFault
	switch {
	case errors.As(err, &f):
		w.shut(f)
		return true
	case errors.Is(err, errEnded):
		return true
	}
	w.lost(err)
	return false
}

// quit is the end of reading, for which someone had been counted.
func (w *wsConn) quit() {
	if w.conn != nil {
		_ = w.conn.Close()
	}
	w.leave()
	w.c.engine.sessions.wg.Done()
}

// read takes messages until there is a reason not to.
func (w *wsConn) read(early []byte) error {
	d := w.dec
	if d == nil {
		d = w.newDecoder()
	}
	if _, _, err := w.feed(d, early, true); err != nil {
		return err
	}
	for {
		buf, n, err := w.src.read(d.wants())
		if err != nil {
			return err
		}
		_, _, err = w.feed(d, (*buf)[:n], true)
		w.src.release(buf)
		if err != nil {
			return err
		}
	}
}

// feed handles what b completes. Unless it may wait, it stops with errBusy
// before a message for which the session is not ready, and returns that and the
// rest of b, valid as long as b and the decoder are not touched.
func (w *wsConn) feed(d *decoder, b []byte, wait bool) (next wsMessage, rest []byte, err error) {
	for {
		m, rest, ok, err := d.next(b)
		if err != nil || !ok {
			return m, nil, err
		}
		if err := w.handle(m, wait); err != nil {
			return m, rest, err
		}
		b = rest
	}
}

// catchUp handles on a goroutine what the event loop had to leave: m and what
// came after it.
func (w *wsConn) catchUp(m wsMessage, rest []byte) {
	err := w.handle(m, true)
	if err == nil {
		_, _, err = w.feed(w.dec, rest, true)
	}
	if err == nil && w.dec.atRest() {
		w.dec = nil
	}
	w.endFeed(err)
}

// endFeed gives the connection back to the event loop after what has come has
// been handled; or, where that is its end, sees to it.
func (w *wsConn) endFeed(err error) {
	drain := err != nil && w.settle(err)
	c := w.c
	c.mu.Lock()
	if w.fd != 0 && err == nil && !w.watched {
		if err = w.watchLocked(); err != nil {
			w.failLocked(err)
		}
	}
	if w.fd != 0 && err == nil {
		w.feeding = false
		c.mu.Unlock()
		return
	}
	if w.fd != 0 { // the end, of which the writing side knows nothing yet
		if drain {
			w.giveUpLocked()
		} else {
			w.cutLocked()
		}
	}
	conn := w.conn
	c.mu.Unlock()
	switch {
	case conn == nil:
		w.quit()
	case drain:
		go func() {
			w.src.drain()
			w.quit()
		}()
	case err != nil:
		w.quit()
	default:
		go w.readLoop(nil)
	}
}

// giveUpLocked has goroutines serve the connection instead of the event loop. Where
// that cannot be, it is closed.
func (w *wsConn) giveUpLocked() {
	conn := w.giveBackLocked()
	w.blocked = false
	if w.stuck != nil {
		w.stuck.Stop()
	}
	if conn != nil {
		w.conn = conn
		w.src = newSource(conn)
	}
	if !w.feeding {
		w.feeding = true
		if conn != nil {
			go w.readLoop(nil)
		} else {
			go w.quit()
		}
	}
}

func (w *wsConn) handle(m wsMessage, wait bool) error {
	switch m.op {
	case ws.OpPing:
		w.c.mu.Lock()
		defer w.c.mu.Unlock()
		// RFC 6455, 5.5.3: an endpoint may answer the most recent ping alone.
		w.reply = append(appendHeader(nil, ws.OpPong, len(m.data)), m.data...)
		w.kickLocked()
		return nil
	case ws.OpPong:
		return nil
	case ws.OpClose:
		return closeFault(m.data)
	}
	if m.op == ws.OpText && !utf8.Valid(m.data) {
		return &wsFault{ws.StatusInvalidFramePayloadData, ReasonTransportError, packet.ErrUTF8}
	}
	p, err := w.c.decodeMessage(m)
	if err != nil {
		return &wsFault{ws.StatusProtocolError, ReasonParseError, err}
	}
	if w.probing {
		return w.handleProbe(p)
	}
	return w.handlePacket(p, wait)
}

// handlePacket acts on a packet of the session's transport.
func (w *wsConn) handlePacket(p packet.Packet, wait bool) error {
	switch p.Type {
	case packet.Message:
		t := Text
		if p.Binary {
			t = Binary
		}
		return w.c.deliver(t, p.Data, wait)
	case packet.Pong:
		w.c.pong()
	case packet.Ping:
		if !w.c.pinged(p.Data) {
			return &wsFault{ws.StatusProtocolError, ReasonTransportError, errPingDirection}
		}
	case packet.Close:
		return &wsFault{ws.StatusNormalClosure, ReasonTransportClose, errPeerClosed}
	}
	return nil
}

var errPeerClosed = errors.New("closed by the peer")

// errParted is errPeerClosed by a Close frame, behind which nothing may come.
var errParted = fmt.Errorf("WebSocket %w", errPeerClosed)

// closeFault is the answer to a Close frame: RFC 6455, 5.5.1 and 7.4.
func closeFault(payload []byte) *wsFault {
	if len(payload) == 0 {
		return &wsFault{ws.StatusNormalClosure, ReasonTransportClose, errParted}
	}
	if len(payload) == 1 {
		return protocolFault("close frame of one byte")
	}
	code, reason := ws.ParseCloseFrameData(payload)
	switch err := ws.CheckCloseFrameData(code, reason); {
	case errors.Is(err, ws.ErrProtocolInvalidUTF8):
		return &wsFault{ws.StatusInvalidFramePayloadData, ReasonTransportError, err}
	case err != nil:
		return &wsFault{ws.StatusProtocolError, ReasonTransportError, err}
	case code > 4999:
		return protocolFault("close code out of range")
	}
	return &wsFault{code, ReasonTransportClose, fmt.Errorf("%w with code %d", errParted, code)}
}

func protocolFault(what string) *wsFault {
	return &wsFault{ws.StatusProtocolError, ReasonTransportError, ws.ProtocolError(what)}
}

// shut closes the WebSocket for what came over it. A candidate takes nothing
// with it.
func (w *wsConn) shut(f *wsFault) {
	c := w.c
	c.mu.Lock()
	defer c.mu.Unlock()
	w.parting = errors.Is(f.err, errParted)
	if !w.probing {
		c.endLocked(&CloseError{Reason: f.reason, Err: f.err}, endDrop, f.code)
	}
	w.shutLocked(f.code, false)
}

// lost takes note that the connection is gone.
func (w *wsConn) lost(err error) {
	c := w.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ws == w {
		c.endLocked(lossOf(err), endCut, 0)
	}
}

// failLocked is lost, and cuts the connection if it is not gone by itself.
func (w *wsConn) failLocked(err error) {
	if w.c.ws == w {
		w.c.endLocked(lossOf(err), endCut, 0)
	}
	w.abortLocked()
}

// leave is the last thing that the reading goroutine does.
func (w *wsConn) leave() {
	c := w.c
	c.mu.Lock()
	defer c.mu.Unlock()
	w.closing = true
	w.writing = true // there is nothing to write to any more
	if w.upgrade != nil {
		w.upgrade.Stop()
	}
	switch w {
	case c.probe:
		c.probe = nil
	case c.ws:
		c.out.drop()
		close(c.drained)
	}
}

// shutLocked sends a Close frame after what is queued, or cuts the connection.
// Only the first call counts, but a cut always does.
func (w *wsConn) shutLocked(code ws.StatusCode, cut bool) {
	if cut {
		w.abortLocked()
		return
	}
	if w.closing {
		return
	}
	w.closing, w.code = true, code
	if w.c.probe == w {
		w.c.probe = nil // another one may come
	}
	if w.conn != nil || w.fd != 0 {
		w.kickLocked()
	}
}

// abortLocked cuts the connection; its goroutines end by that.
func (w *wsConn) abortLocked() {
	w.closing = true
	if w.fd != 0 {
		w.cutLocked()
		if w.stuck != nil {
			w.stuck.Stop()
		}
		if !w.feeding {
			w.feeding = true
			go w.quit()
		}
		return
	}
	if w.conn == nil { // still being taken over from net/http, or closed
		return
	}
	w.c.engine.sessions.wg.Go(func() {
		if t, ok := w.conn.(*net.TCPConn); ok {
			_ = t.SetLinger(0) // the kernel must not keep what the peer does not take
		}
		_ = w.conn.Close()
	})
}

// kickLocked sees to it that someone writes what there is to write.
func (w *wsConn) kickLocked() {
	switch {
	case w.writing || w.queued || w.blocked && !w.closing:
	case w.parting && w.closing && w.partLocked():
	case w.directLocked():
		w.queued = true
		w.c.engine.flusher.add(w)
	default:
		w.startWriterLocked()
	}
}

func (w *wsConn) startWriterLocked() {
	if w.fd != 0 {
		w.giveUpLocked()
	}
	if w.conn == nil {
		return // it is closed
	}
	w.writing = true
	w.c.engine.sessions.wg.Add(1)
	go w.writeLoop()
}

// A batch is what is written at once.
type batch struct {
	rest   []byte // of a batch before: nothing may come before it
	reply  []byte
	frames []*frame
	last   bool
	code   ws.StatusCode
}

// writeLoop is the writing goroutine. It waits for the peer to take what it
// writes, where the flusher does not.
func (w *wsConn) writeLoop() {
	defer w.c.engine.sessions.wg.Done()
	var b batch
	for w.nextBatch(&b) {
		if err := w.write(&b); err != nil {
			// writing stays set: there must be no other writer.
			w.lost(err)
			_ = w.conn.Close()
			return
		}
		if b.last {
			w.closeWrite()
			return
		}
	}
}

// nextBatch takes what there is to write, or says that there is nothing more.
func (w *wsConn) nextBatch(b *batch) bool {
	c := w.c
	c.mu.Lock()
	defer c.mu.Unlock()
	b.rest, w.rest = w.rest, nil
	b.reply, w.reply = w.reply, nil
	if c.ws == w {
		c.out.written()
		b.frames = c.out.take(b.frames)
		c.out.inflight += len(b.rest)
	}
	b.last, b.code = w.closing, w.code
	if b.rest == nil && b.reply == nil && len(b.frames) == 0 && !b.last {
		w.writing = false
		if c.ws == w {
			c.out.shrink()
		}
		return false
	}
	return true
}

// chunks are buffers in which what is written at once is put together.
var chunks = sync.Pool{New: func() any { b := make([]byte, 0, writeChunk); return &b }}

// write writes a batch, with one system call if it fits in a chunk.
func (w *wsConn) write(b *batch) error {
	if len(b.rest) > 0 {
		if err := w.writeBytes(b.rest); err != nil {
			return err
		}
	}
	if len(b.frames) == 1 && b.reply == nil && !b.last {
		return w.writeBytes(w.c.wire(b.frames[0]))
	}
	buf := chunks.Get().(*[]byte)
	defer chunks.Put(buf)
	out := append((*buf)[:0], b.reply...)
	for _, f := range b.frames {
		wire := w.c.wire(f)
		if len(out)+len(wire) > writeChunk && len(out) > 0 {
			if err := w.writeBytes(out); err != nil {
				return err
			}
			out = out[:0]
		}
		if len(wire) > writeChunk {
			if err := w.writeBytes(wire); err != nil {
				return err
			}
			continue
		}
		out = append(out, wire...)
	}
	if b.last && b.code != 0 {
		out = append(out, closeBytes(b.code)...)
	}
	if len(out) == 0 {
		return nil
	}
	return w.writeBytes(out)
}

// writeBytes writes b, with a deadline for each chunk of it.
func (w *wsConn) writeBytes(b []byte) error {
	for len(b) > 0 {
		n := min(len(b), writeChunk)
		// It fails if the connection is closed, as Write will.
		_ = w.conn.SetWriteDeadline(time.Now().Add(w.c.engine.opts.WriteTimeout))
		if _, err := w.conn.Write(b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// closeBytes is a Close frame.
func closeBytes(code ws.StatusCode) []byte {
	body := ws.NewCloseFrameBody(code, "")
	return append(appendHeader(nil, ws.OpClose, len(body)), body...)
}

// closeWrite ends the sending side after a Close frame. The peer gets a moment
// to close its own: closing a TCP connection that holds unread bytes would
// reset it, and the peer might lose what was sent last.
func (w *wsConn) closeWrite() {
	half, ok := w.conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		_ = w.conn.Close()
		return
	}
	_ = w.conn.SetReadDeadline(time.Now().Add(closeTimeout))
}
