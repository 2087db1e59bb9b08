package engineio

import (
	"bytes"
)

// What the flusher writes goes to the socket at once, by a write that does not
// wait. What the socket does not take is left to the writing goroutine.

// directLocked reports whether the flusher may write to the connection.
func (w *wsConn) directLocked() bool {
	return (w.fd != 0 || w.src != nil && w.src.raw != nil) && !w.writing && !w.closing && !w.blocked
}

// readyLocked reports whether a write of the flusher's would be the next thing
// that the peer gets.
func (w *wsConn) readyLocked() bool {
	return w.directLocked() && w.c.out.empty() && w.reply == nil && !w.c.old()
}

// serve implements job.
func (w *wsConn) serve() (again bool) {
	c := w.c
	c.mu.Lock()
	defer c.mu.Unlock()
	w.queued = false
	switch {
	case w.writing || w.blocked && !w.closing: // it sees what there is
	case w.conn == nil && w.fd == 0: // it has been closed
	case w.directLocked():
		if c.ws == w && c.end == nil {
			c.pullLocked() // while we are at it
		}
		w.flushLocked()
	default:
		w.startWriterLocked()
	}
	return false
}

// flushLocked writes what is queued, if the flusher still may.
func (w *wsConn) flushLocked() {
	c := w.c
	if !w.directLocked() {
		return
	}
	o := &c.out
	mine := c.ws == w // a candidate writes its replies alone
	if mine && len(o.queue) == 1 && w.reply == nil {
		wire := c.wire(o.queue[0])
		o.clear()
		w.writeNowLocked(wire)
		return
	}
	if mine && o.queued > 2*writeChunk && w.fd == 0 {
		w.startWriterLocked()
		return
	}
	buf := chunks.Get().(*[]byte)
	defer chunks.Put(buf)
	out := append((*buf)[:0], w.reply...)
	w.reply = nil
	if mine {
		for _, f := range o.queue {
			out = append(out, c.wire(f)...)
		}
		o.clear()
	}
	if len(out) > 0 {
		w.writeNowLocked(out)
	}
	*buf = out[:0]
}

// writeNowLocked writes b, which is borrowed, as far as the socket takes it.
func (w *wsConn) writeNowLocked(b []byte) {
	var n int
	var err error
	if w.fd != 0 {
		n, err = tryWrite(uintptr(w.fd), b)
	} else {
		n, err = w.src.tryWrite(b)
	}
	if err != nil {
		w.failLocked(err)
		return
	}
	if n < len(b) {
		w.rest = bytes.Clone(b[n:])
		if w.c.ws == w {
			w.c.out.inflight += len(w.rest)
		}
		if w.fd != 0 {
			w.blockLocked()
		} else {
			w.startWriterLocked()
		}
	}
}
