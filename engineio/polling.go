package engineio

import (
	"bytes"
	"context"
	"errors"
	"mime"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/gobwas/ws"

	"snug/engineio/packet"
)

// A poll is a GET that waits for something to bring back.
type poll struct {
	wake       chan struct{} // holds one token
	afterProbe bool          // it came when a WebSocket had already said 2probe
	refused    bool          // it followed one that was aborted; guarded by the Conn's mu
}

// kick has the poll's goroutine look again. It never blocks.
func (p *poll) kick() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// A post is a POST under way.
type post struct {
	rc      *http.ResponseController
	reading bool // its body is not there yet; guarded by the Conn's mu
}

// abort stops the reading of a body whose session has ended.
func (p *post) abort() {
	if p.reading {
		_ = p.rc.SetReadDeadline(time.Unix(1, 0)) // else the server's own deadline holds
	}
}

// payloadMost is how many packets the answer to a GET holds: the Python clients
// take one with more for an attack and drop the connection.
const payloadMost = 16

// overlapGrace is how long an overlapping GET is watched for its connection to
// close before the session is judged. Where a client aborts a poll and sends
// another, the server may read the two in either order, and the one that is not
// aborted gets 400 in both.
const overlapGrace = 10 * time.Millisecond

// errOverlap: EIO4, HTTP long-polling, "a client MUST NOT have more than one
// active" request of each method.
var (
	errOverlap  = errors.New("overlapping requests")
	errAborted  = errors.New("request aborted")
	errOctets   = errors.New("binary body")
	errUnwanted = errors.New("packet that clients do not send")
)

// servePoll answers a GET. EIO4: Receiving data.
func (c *Conn) servePoll(w http.ResponseWriter, r *http.Request) {
	p := &poll{wake: make(chan struct{}, 1)}
	f, overlap := c.enterPoll(p)
	if overlap {
		c.endOverlapped(closesWithin(r.Context(), overlapGrace))
	}
	if f != nil {
		c.engine.refuse(w, f)
		return
	}
	var (
		timer *time.Timer
		held  <-chan time.Time
		over  bool // the hold
	)
	for {
		out := c.look(r.Context(), p, over)
		switch out.verdict {
		case pollGone:
			return
		case pollRefused:
			c.engine.refuse(w, out.fault)
			return
		case pollReady:
			c.answer(w, r, out)
			return
		case pollHeld:
			if timer == nil {
				timer = time.NewTimer(noopHold)
				defer timer.Stop()
				held = timer.C
			}
		}
		select {
		case <-p.wake:
		case <-r.Context().Done():
		case <-held:
			over = true
		}
	}
}

// enterPoll makes p the session's waiting GET, unless there is one.
func (c *Conn) enterPoll(p *poll) (f *fault, overlap bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.end != nil && (c.final == nil || c.poll != nil):
		return faultSession, false
	case c.ws != nil:
		return faultRequest, false
	case c.poll != nil:
		return faultRequest, true
	}
	p.afterProbe = c.probe != nil && c.probe.probed
	c.poll = p
	return nil, false
}

func closesWithin(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return true
	case <-timer.C:
		return false
	}
}

// endOverlapped ends a session that had two GETs at once. The one that waits is
// told so by a close packet, unless the other was the client's first.
func (c *Conn) endOverlapped(aborted bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	reason, err := ReasonTransportError, errOverlap
	if aborted {
		reason, err = ReasonTransportClose, errAborted
	}
	if aborted && c.poll != nil && c.end == nil {
		c.poll.refused = true
		c.poll.kick()
		c.poll = nil
	}
	c.endLocked(&CloseError{Reason: reason, Err: err}, endDrop, ws.StatusNormalClosure)
}

// What look finds.
const (
	pollWaits   = iota
	pollHeld    // as pollWaits, but a noop is due after the hold
	pollReady   // there is something to answer
	pollRefused // there is a fault to answer
	pollGone    // there is no one to answer
)

type outcome struct {
	verdict int
	frames  []*frame
	last    bool // the session's last answer
	fault   *fault
}

// look decides what a waiting poll gets. over says that its hold is over.
func (c *Conn) look(ctx context.Context, p *poll, over bool) outcome {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := c.lookLocked(ctx, p, over)
	if out.verdict >= pollReady && c.poll == p {
		c.poll = nil
	}
	return out
}

func (c *Conn) lookLocked(ctx context.Context, p *poll, over bool) outcome {
	switch {
	case ctx.Err() != nil:
		if c.poll == p {
			c.poll = nil // there is no one to be told
		}
		c.endLocked(&CloseError{Reason: ReasonTransportClose, Err: errAborted}, endCut, ws.StatusNormalClosure)
		return outcome{verdict: pollGone}
	case p.refused:
		return outcome{verdict: pollRefused, fault: faultRequest}
	case c.ws != nil && p.afterProbe:
		return outcome{verdict: pollRefused, fault: faultRequest}
	case c.ws != nil:
		return outcome{verdict: pollReady, frames: []*frame{noopFrame}}
	case c.end != nil && c.final == nil:
		return outcome{verdict: pollRefused, fault: faultSession}
	case c.end != nil:
		frames := c.out.takeSome(payloadMost - 1)
		if !c.out.empty() {
			return outcome{verdict: pollReady, frames: frames}
		}
		frames = append(frames, c.final)
		c.final = nil
		return outcome{verdict: pollReady, frames: frames, last: true}
	case !c.out.empty():
		return outcome{verdict: pollReady, frames: c.out.takeSome(payloadMost)}
	case c.probe == nil || !c.probe.probed:
		return outcome{verdict: pollWaits}
	case over:
		return outcome{verdict: pollReady, frames: []*frame{noopFrame}}
	}
	return outcome{verdict: pollHeld}
}

// answer writes what a poll brings back.
func (c *Conn) answer(w http.ResponseWriter, r *http.Request, out outcome) {
	err := c.engine.writePayload(w, r, c.payload(out.frames))
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ws == nil {
		c.out.written()
	}
	if out.last {
		close(c.drained)
	}
	if err != nil {
		c.endLocked(lossOf(err), endCut, ws.StatusNormalClosure)
	}
}

// servePost takes a POST. EIO4: Sending data.
func (c *Conn) servePost(w http.ResponseWriter, r *http.Request) {
	if f := c.takePost(w, r); f != nil {
		c.engine.refuse(w, f)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html") // text/plain would be offered as a download by some browsers
	h.Set("Content-Length", "2")
	h.Set("Cache-Control", "no-store")
	c.engine.setWriteDeadline(w)
	_, _ = w.Write([]byte("ok")) // the packets are taken, whether the peer hears of it or not
}

func (c *Conn) takePost(w http.ResponseWriter, r *http.Request) *fault {
	t, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	octets := t == "application/octet-stream"
	if octets && !c.old() {
		c.fail(ReasonTransportError, endDrop, errOctets)
		return faultRequest
	}
	p := &post{rc: http.NewResponseController(w), reading: true}
	if f := c.enterPost(p); f != nil {
		return f
	}
	// Before the answer is written, for the client may send its next one as
	// soon as it has that.
	defer c.leavePost()

	buf := bodies.Get().(*bytes.Buffer)
	defer putBody(buf)
	if f := c.readBody(w, r, p, buf); f != nil {
		return f
	}
	if err := c.checkPayload(buf.Bytes(), octets); err != nil {
		c.fail(ReasonParseError, endDrop, err)
		return faultRequest
	}
	// From here on, where the body is at its end, net/http tells when the
	// connection closes.
	stop := context.AfterFunc(r.Context(), func() { c.fail(ReasonTransportClose, endCut, errAborted) })
	defer stop()
	return c.takePayload(buf.Bytes(), octets)
}

func (c *Conn) enterPost(p *post) *fault {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.end != nil:
		return faultSession
	case c.ws != nil:
		return faultRequest
	case c.post != nil:
		c.endLocked(&CloseError{Reason: ReasonTransportError, Err: errOverlap}, endDrop, ws.StatusNormalClosure)
		return faultRequest
	}
	c.post = p
	return nil
}

func (c *Conn) leavePost() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.post = nil
}

// readBody reads a POST's body into buf, which grows with what comes.
func (c *Conn) readBody(w http.ResponseWriter, r *http.Request, p *post, buf *bytes.Buffer) *fault {
	limit := c.engine.opts.MaxPayload
	if r.ContentLength > limit {
		return faultTooLarge
	}
	_, err := buf.ReadFrom(http.MaxBytesReader(w, r.Body, limit))
	c.mu.Lock()
	p.reading = false
	ended, moved := c.end != nil, c.ws != nil
	c.mu.Unlock()
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return faultTooLarge
	case ended:
		return faultSession
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.fail(ReasonTransportError, endDrop, err)
		return faultTooSlow
	case err != nil:
		c.fail(ReasonTransportClose, endDrop, err)
		return faultRequest
	case moved:
		return faultRequest
	}
	_ = p.rc.SetReadDeadline(time.Time{}) // the packets may have to wait
	return nil
}

// checkPayload refuses a body before anything of it is taken.
func (c *Conn) checkPayload(b []byte, octets bool) error {
	for p, err := range c.packets(b, octets) {
		if err != nil {
			return err
		}
		if p.Type == packet.Ping && !c.old() {
			return errUnwanted
		}
	}
	return nil
}

// takePayload acts on the packets of a body that checkPayload has let pass.
func (c *Conn) takePayload(b []byte, octets bool) *fault {
	for p := range c.packets(b, octets) {
		switch p.Type {
		case packet.Message:
			t := Text
			if p.Binary {
				t = Binary
			}
			if c.deliver(t, p.Data, true) != nil {
				return c.afterEnd()
			}
		case packet.Ping:
			c.pinged(p.Data)
		case packet.Pong:
			c.pong()
		case packet.Close:
			c.fail(ReasonTransportClose, endFarewell, nil)
			return nil
		}
	}
	return nil
}

// afterEnd is the answer to a POST whose session ended while its packets were
// being taken: that of success if it was the handler's wish.
func (c *Conn) afterEnd() *fault {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.how == endFlush {
		return nil
	}
	return faultSession
}

// bodies are the buffers of POST bodies.
var bodies = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// maxKept is the largest buffer worth keeping for the next one.
const maxKept = 64 << 10

func putBody(b *bytes.Buffer) {
	if b.Cap() <= maxKept {
		b.Reset()
		bodies.Put(b)
	}
}
