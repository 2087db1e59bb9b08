package engineio

import (
	"net/http"
	"time"

	"github.com/gobwas/ws"

	"snug/engineio/packet"
)

// noopHold is how long a GET waits for the noop that releases it during an
// upgrade. A client that sends its upgrade packet and a GET at once, on two
// connections, must get the GET refused, whichever comes first.
const noopHold = 75 * time.Millisecond

// upgrade opens a WebSocket beside a polling session. EIO4: Upgrade.
func (c *Conn) upgrade(w http.ResponseWriter, r *http.Request) {
	t := &wsConn{c: c, probing: true, feeding: true}
	if f := c.reserve(t); f != nil {
		c.engine.refuse(w, f)
		return
	}
	conn, hello, early, err := c.engine.hijack(w, r)
	if err == nil {
		err = c.engine.greet(conn, hello)
	}
	if err != nil {
		defer c.engine.sessions.wg.Done()
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.probe == t {
			c.probe = nil
		}
		return
	}
	c.mu.Lock()
	t.attach(conn)
	if t.closing { // it is a second one, or the session ended meanwhile
		t.kickLocked()
	} else {
		t.upgrade = time.AfterFunc(c.engine.opts.UpgradeTimeout, t.upgradeLate)
	}
	c.mu.Unlock()
	t.startReading(early)
}

// reserve makes t the one candidate, and counts for its goroutine to come. A
// second WebSocket is no candidate: it gets its 101, as every official client
// and suite expects, and is closed. EIO4: WebSocket, "a client MUST NOT open
// more than one WebSocket connection per session".
func (c *Conn) reserve(t *wsConn) *fault {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.end != nil {
		return faultSession
	}
	c.engine.sessions.wg.Add(1)
	if c.ws != nil || c.probe != nil {
		t.closing, t.code = true, ws.StatusPolicyViolation
	} else {
		c.probe = t
	}
	return nil
}

// handleProbe acts on a packet of a WebSocket that is not the transport yet.
func (w *wsConn) handleProbe(p packet.Packet) error {
	c := w.c
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case w.closing:
		return errEnded
	case p.Type == packet.Ping && string(p.Data) == "probe" && !w.probed:
		w.probed = true
		w.reply = append(w.reply, probeFrame.wire...)
		w.kickLocked()
		if c.poll != nil {
			c.poll.kick() // it starts to be held
		}
		return nil
	case p.Type == packet.Upgrade && w.probed:
		return w.becomeTransportLocked()
	}
	return protocolFault("unexpected packet during the upgrade")
}

// becomeTransportLocked completes the upgrade. What is queued goes out here
// from now on.
func (w *wsConn) becomeTransportLocked() error {
	c := w.c
	if c.end != nil && c.final == nil {
		w.shutLocked(c.code, false)
		return errEnded
	}
	w.probing = false
	w.upgrade.Stop()
	c.probe, c.ws = nil, w
	if c.end != nil { // what is left goes out here, and no GET is awaited any more
		c.final = nil
		w.shutLocked(c.code, false)
	}
	if c.poll != nil {
		c.poll.kick()
	}
	if !c.out.empty() {
		w.kickLocked()
	}
	return nil
}

// upgradeLate gives up on a candidate. Polling goes on.
func (w *wsConn) upgradeLate() {
	w.c.mu.Lock()
	defer w.c.mu.Unlock()
	if w.c.probe == w {
		w.shutLocked(ws.StatusNormalClosure, false)
	}
}
