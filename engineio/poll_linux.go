//go:build linux && !noeventloop

package engineio

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// An eventLoop serves the WebSockets of TCP connections on Linux: it takes them
// over from package net and waits for all of them with one epoll, so that a
// connection that says nothing costs no goroutine and no buffer. What cannot be
// done without waiting goes on on goroutines, as everywhere else: see wsConn.
type eventLoop struct {
	mu sync.Mutex // tier 0
	ep *epoll     // guarded by mu; nil while there is nothing to watch
}

// An epoll is an event loop at work, from its first connection to its last.
type epoll struct {
	fd   int
	file *os.File // fd as the runtime's poller knows it

	conns map[int32]*wsConn // guarded by the eventLoop's mu

	// Owned by run.
	events []unix.EpollEvent
	n      int
	err    error
	buf    []byte
	spare  *decoder // at rest
}

// newEventLoops returns one loop for every two processors.
func newEventLoops() []eventLoop { return make([]eventLoop, max(1, runtime.GOMAXPROCS(0)/2)) }

// adopt takes a connection over, if it is one that can be: conn is closed then.
// What comes is read once watch has been called.
func (w *wsConn) adopt(conn net.Conn) bool {
	t, ok := conn.(*net.TCPConn) // and no type around one, which may read in a way of its own
	if !ok {
		return false
	}
	raw, err := t.SyscallConn()
	if err != nil {
		return false
	}
	fd := 0
	if raw.Control(func(f uintptr) {
		// From 3 on: 0 stands for none.
		if fd, err = unix.FcntlInt(f, unix.F_DUPFD_CLOEXEC, 3); err != nil {
			fd = 0
		}
	}) != nil || fd == 0 {
		return false
	}
	_ = conn.Close() // the descriptor, not the connection
	w.fd = fd
	return true
}

func (w *wsConn) loop() *eventLoop {
	loops := w.c.engine.loops
	return &loops[w.fd%len(loops)]
}

// watchLocked has the loop call readable, and, while the connection is blocked,
// writable. Of a connection that is watched, it changes what for.
func (w *wsConn) watchLocked() error {
	l := w.loop()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ep == nil {
		ep, err := newEpoll()
		if err != nil {
			return err
		}
		l.ep = ep
		w.c.engine.sessions.wg.Go(func() { ep.run(l) }) // the connection is counted
	}
	op := unix.EPOLL_CTL_ADD
	if w.watched {
		op = unix.EPOLL_CTL_MOD
	}
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(w.fd)}
	if w.blocked {
		ev.Events |= unix.EPOLLOUT
	}
	l.ep.conns[ev.Fd] = w
	if err := unix.EpollCtl(l.ep.fd, op, w.fd, &ev); err != nil {
		l.forget(ev.Fd)
		return fmt.Errorf("watching a connection: %w", err)
	}
	w.watched = true
	return nil
}

// unwatchLocked undoes watchLocked.
func (w *wsConn) unwatchLocked() {
	if !w.watched {
		return
	}
	w.watched = false
	l := w.loop()
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = unix.EpollCtl(l.ep.fd, unix.EPOLL_CTL_DEL, w.fd, nil) // it is there
	l.forget(int32(w.fd))
}

// forget drops a connection; with the last one the epoll ends. l.mu is held.
func (l *eventLoop) forget(fd int32) {
	delete(l.ep.conns, fd)
	if len(l.ep.conns) == 0 {
		_ = l.ep.file.Close() // run ends by it
		l.ep = nil
	}
}

// cutLocked closes an adopted connection at once.
func (w *wsConn) cutLocked() {
	w.unwatchLocked()
	// The kernel must not keep what the peer does not take.
	_ = unix.SetsockoptLinger(w.fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	_ = unix.Close(w.fd)
	w.fd = 0
}

// partLocked answers a Close frame and closes an adopted connection: it is for the
// server to do that first, and at once. RFC 6455, 7.1.1. It says no where the
// socket does not take the answer, or what comes before it.
func (w *wsConn) partLocked() bool {
	if w.fd == 0 || w.blocked {
		return false
	}
	b := append(w.reply, closeBytes(w.code)...)
	n, err := tryWrite(uintptr(w.fd), b)
	if n == 0 && err == nil {
		return false
	}
	if n < len(b) {
		w.cutLocked()
		return true
	}
	w.unwatchLocked()
	_ = unix.Close(w.fd) // of a socket: there is no error worth telling
	w.fd = 0
	return true
}

// giveBackLocked is the opposite of adopt. It returns nil where it cannot be
// done, and the connection is closed.
func (w *wsConn) giveBackLocked() net.Conn {
	w.unwatchLocked()
	f := os.NewFile(uintptr(w.fd), "")
	w.fd = 0
	conn, err := net.FileConn(f)
	_ = f.Close() // FileConn has a descriptor of its own
	if err != nil {
		return nil
	}
	return conn
}

func newEpoll() (*epoll, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	// The runtime's own poller waits for the epoll, as it does for any
	// descriptor that does not block: so a wait holds no thread.
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("epoll: %w", err)
	}
	return &epoll{fd: fd, file: os.NewFile(uintptr(fd), "epoll"), conns: map[int32]*wsConn{}}, nil
}

// run serves the connections until there is none.
func (ep *epoll) run(l *eventLoop) {
	raw, err := ep.file.SyscallConn()
	if err != nil {
		return // closed already: the last connection has gone
	}
	ep.events = make([]unix.EpollEvent, 256)
	ep.buf = make([]byte, largeRead)
	ready := make([]*wsConn, 0, len(ep.events))
	for raw.Read(ep.poll) == nil && ep.err == nil {
		l.mu.Lock()
		for _, ev := range ep.events[:ep.n] {
			ready = append(ready, ep.conns[ev.Fd])
		}
		l.mu.Unlock()
		for i, w := range ready {
			if w == nil {
				continue
			}
			if ep.events[i].Events&unix.EPOLLOUT != 0 {
				w.writable()
			}
			if ep.events[i].Events&^unix.EPOLLOUT != 0 {
				w.readable(ep)
			}
		}
		clear(ready)
		ready = ready[:0]
	}
}

// poll looks for events. The runtime wakes us when there are new ones, and so
// must not be asked to before there are none.
func (ep *epoll) poll(uintptr) bool {
	for {
		ep.n, ep.err = unix.EpollWait(ep.fd, ep.events, 0)
		if ep.err == syscall.EINTR {
			continue
		}
		return ep.err != nil || ep.n > 0
	}
}

// readable takes what has come. It runs on the event loop.
func (w *wsConn) readable(ep *epoll) {
	c := w.c
	c.mu.Lock()
	if !w.watched || w.feeding {
		c.mu.Unlock()
		return
	}
	n, again, err := tryRead(uintptr(w.fd), ep.buf)
	if again {
		c.mu.Unlock()
		return
	}
	w.feeding = true
	c.mu.Unlock()
	if err != nil {
		w.endFeed(err)
		return
	}
	d := w.dec
	if d == nil {
		if d = ep.spare; d == nil {
			d = &decoder{limit: c.engine.opts.MaxPayload}
		}
		ep.spare = nil
	}
	m, rest, err := w.feed(d, ep.buf[:n], false)
	w.dec = d
	if err == nil && d.atRest() {
		w.dec, ep.spare = nil, d
	}
	if err != errBusy {
		w.endFeed(err)
		return
	}
	m.data, rest = append([]byte(nil), m.data...), append([]byte(nil), rest...)
	c.mu.Lock()
	if w.fd != 0 {
		w.unwatchLocked() // nothing is read meanwhile
	}
	c.mu.Unlock()
	go w.catchUp(m, rest)
}

// writable goes on with what the socket did not take. It runs on the event loop.
func (w *wsConn) writable() {
	c := w.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if !w.watched || !w.blocked {
		return
	}
	rest := w.rest
	n, err := tryWrite(uintptr(w.fd), rest)
	if err != nil {
		w.failLocked(err)
		return
	}
	if n > 0 {
		w.stuck.Reset(c.engine.opts.WriteTimeout)
	}
	if w.rest = rest[n:]; len(w.rest) > 0 {
		return
	}
	w.rest, w.blocked = nil, false
	w.stuck.Stop()
	if c.ws == w {
		c.out.written()
	}
	w.flushLocked()
	if w.fd != 0 && !w.blocked {
		if err := w.watchLocked(); err != nil {
			w.failLocked(err)
		}
	}
}

// blockLocked has the loop see to what the socket did not take.
func (w *wsConn) blockLocked() {
	w.blocked = true
	timeout := w.c.engine.opts.WriteTimeout
	if w.stuck == nil {
		w.stuck = time.AfterFunc(timeout, w.writeLate)
	} else {
		w.stuck.Reset(timeout)
	}
	if w.watched {
		if err := w.watchLocked(); err != nil {
			w.failLocked(err)
		}
	}
}

// writeLate ends a session whose peer has not taken anything for too long.
func (w *wsConn) writeLate() {
	w.c.mu.Lock()
	defer w.c.mu.Unlock()
	if w.fd != 0 && w.blocked {
		w.failLocked(os.ErrDeadlineExceeded)
	}
}
