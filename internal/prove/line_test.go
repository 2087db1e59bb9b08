package prove

import (
	"context"
	"net"
	"os"
	"sync"
	"time"
)

// A dock is where a server in this process accepts connections.
type dock struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newDock() *dock { return &dock{conns: make(chan net.Conn), done: make(chan struct{})} }

func (d *dock) Accept() (net.Conn, error) {
	select {
	case c := <-d.conns:
		return c, nil
	case <-d.done:
		return nil, net.ErrClosed
	}
}
func (d *dock) Close() error   { d.once.Do(func() { close(d.done) }); return nil }
func (d *dock) Addr() net.Addr { return &net.UnixAddr{Name: "dock", Net: "unix"} }

// A direction of a line, as its person sees it.
type direction int

const (
	in direction = iota
	out
)

// A line is what lies between a person and the dock: connections in memory,
// which can be cut, or held as by a network that swallows everything: then
// neither what is said nor a connection's end comes through.
type line struct {
	dock func() *dock // the present one; nil while nobody listens

	mu    sync.Mutex
	holds [2]chan struct{} // closed when that direction is free again; nil: it is free; guarded by mu
	ends  map[*end]bool    // guarded by mu
}

// An end is the client's end of a connection. What is written goes into a
// buffer without a bound, as the client holds a mutex meanwhile, and one that
// waits for a mutex keeps time from going on.
type end struct {
	net.Conn
	line *line
	gone chan struct{} // closed with the client's end of it
	dead chan struct{} // closed with the whole of it
	wake chan struct{} // holds a token when there may be something in buf
	once sync.Once

	mu       sync.Mutex
	buf      []byte    // written, and not on its way yet; guarded by mu
	deadline time.Time // of reads; guarded by mu
}

func (l *line) hold(d direction) chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.holds[d]
}

// freeze holds a line in some directions until thaw.
func (l *line) freeze(ds ...direction) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, d := range ds {
		if l.holds[d] == nil {
			l.holds[d] = make(chan struct{})
		}
	}
}

// thaw lets everything through, what was held first.
func (l *line) thaw() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for d, held := range l.holds {
		if held != nil {
			close(held)
			l.holds[d] = nil
		}
	}
}

// cut ends all connections, at both ends.
func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for e := range l.ends {
		l.drop(e)
	}
}

// drop closes a connection underneath. mu is held.
func (l *line) drop(e *end) {
	if l.ends[e] {
		delete(l.ends, e)
		close(e.dead)
		_ = e.Conn.Close() // never fails: net.Pipe
	}
}

// dial is a client.NetDial. While the line is held or nobody listens it waits.
func (l *line) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	for {
		if held := l.hold(out); held != nil {
			select {
			case <-held:
				continue
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		if d := l.dock(); d != nil {
			near, far := net.Pipe()
			select {
			case d.conns <- far:
				return l.begin(near), nil
			case <-d.done:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (l *line) begin(near net.Conn) *end {
	e := &end{Conn: near, line: l, gone: make(chan struct{}), dead: make(chan struct{}), wake: make(chan struct{}, 1)}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ends[e] = true
	go e.pump() // ends with the connection
	return e
}

// pump brings to the server what was written, and at last that the client has closed.
func (e *end) pump() {
	defer func() {
		e.line.mu.Lock()
		defer e.line.mu.Unlock()
		e.line.drop(e)
	}()
	for open := true; open; {
		select {
		case <-e.wake:
		case <-e.gone:
			open = false
		case <-e.dead:
			return
		}
		for held := e.line.hold(out); held != nil; held = e.line.hold(out) {
			select {
			case <-held:
			case <-e.dead:
				return
			}
		}
		e.mu.Lock()
		b := e.buf
		e.buf = nil
		e.mu.Unlock()
		if len(b) == 0 {
			continue // a pipe would hand even nothing over
		}
		if _, err := e.Conn.Write(b); err != nil {
			return
		}
	}
}

func (e *end) Read(b []byte) (int, error) {
	n, err := e.Conn.Read(b)
	for held := e.line.hold(in); held != nil && (n > 0 || !os.IsTimeout(err)); held = e.line.hold(in) {
		e.mu.Lock()
		late := time.NewTimer(time.Until(e.deadline))
		if e.deadline.IsZero() {
			late.Stop()
		}
		e.mu.Unlock()
		select {
		case <-held:
		case <-e.gone:
			return 0, net.ErrClosed
		case <-e.dead:
			return 0, net.ErrClosed
		case <-late.C:
			return 0, os.ErrDeadlineExceeded
		}
		late.Stop()
	}
	return n, err
}

func (e *end) Write(b []byte) (int, error) {
	select {
	case <-e.dead:
		return 0, net.ErrClosed
	case <-e.gone:
		return 0, net.ErrClosed
	default:
	}
	e.mu.Lock()
	e.buf = append(e.buf, b...)
	e.mu.Unlock()
	select {
	case e.wake <- struct{}{}:
	default:
	}
	return len(b), nil
}

// Close ends the connection; the server hears of it behind what was written.
func (e *end) Close() error {
	e.once.Do(func() { close(e.gone) })
	return e.Conn.SetReadDeadline(time.Now()) // whoever reads here has done
}

func (e *end) SetDeadline(t time.Time) error { return e.SetReadDeadline(t) }

func (e *end) SetReadDeadline(t time.Time) error {
	e.mu.Lock()
	e.deadline = t
	e.mu.Unlock()
	return e.Conn.SetReadDeadline(t)
}

func (e *end) SetWriteDeadline(time.Time) error { return nil }
