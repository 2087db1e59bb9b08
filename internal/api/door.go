package api

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"sync"
	"time"

	"snug/internal/chat"
)

// DoorConfig says how many a Door lets in. Zero is no limit.
type DoorConfig struct {
	Most       int                     // connections at a time, sessions among them
	PerAddress int                     // sessions at a time from one address; twice as many connections
	Handshakes chat.Rate               // sessions opened from one address
	Proxied    func(chat.Address) bool // the address is a proxy's, for whose own connections there is no limit but Most; may be nil
	Refusals   int                     // connections that are open for no more than to be told why; 64 if zero
	Secure     bool                    // what is refused speaks TLS first, and could not read why
}

// A Door counts the TCP connections and the sessions there are, and refuses
// those that are too many, in a way that clients take as a reason to come back
// later. It may be used from any goroutine.
type Door struct {
	cfg        DoorConfig // static
	handshakes *chat.Table[chat.Address]

	lingering sync.WaitGroup
	places    chan struct{} // holds a token for each connection that is being refused

	mu     sync.Mutex // tier 3
	in     int        // connections that net/http has, and sessions; guarded by mu
	crowds map[chat.Address]*crowd
}

// A crowd is who is in from one address; guarded by Door.mu.
type crowd struct{ connections, sessions int }

// NewDoor makes a door.
func NewDoor(cfg DoorConfig) *Door {
	return &Door{
		cfg: cfg, handshakes: chat.NewTable[chat.Address](cfg.Handshakes),
		places: make(chan struct{}, cmp.Or(cfg.Refusals, 64)), crowds: make(map[chat.Address]*crowd),
	}
}

// How long who is refused is asked to stay away.
const (
	crowdedRetry = 5 * time.Second  // the address has too many
	fullRetry    = 10 * time.Second // the server has
)

// A Refusal says why and for how long somebody is not let in.
type Refusal struct {
	Status     int
	RetryAfter time.Duration
	Message    string
}

var (
	refusedCrowd = &Refusal{http.StatusTooManyRequests, crowdedRetry, "too many connections from this address"}
	refusedFull  = &Refusal{http.StatusServiceUnavailable, fullRetry, "the server is full"}
)

// Admit lets a session in from an address, or says why not. leave must be
// called once, when the session has ended. It does not block.
func (d *Door) Admit(from chat.Address) (leave func(), refusal *Refusal) {
	if wait := d.handshakes.Take(from); wait > 0 {
		return nil, &Refusal{http.StatusTooManyRequests, wait, "too many new connections from this address"}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	c := d.crowd(from)
	switch {
	case d.cfg.PerAddress > 0 && c.sessions >= d.cfg.PerAddress:
		d.tidy(from, c)
		return nil, refusedCrowd
	case d.cfg.Most > 0 && d.in >= d.cfg.Most:
		d.tidy(from, c)
		return nil, refusedFull
	}
	c.sessions++
	d.in++
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		c.sessions--
		d.in--
		d.tidy(from, c)
	}, nil
}

// crowd must be called with mu locked.
func (d *Door) crowd(from chat.Address) *crowd {
	c := d.crowds[from]
	if c == nil {
		c = new(crowd)
		d.crowds[from] = c
	}
	return c
}

// tidy forgets an address that nobody is in from. It must be called with mu locked.
func (d *Door) tidy(from chat.Address, c *crowd) {
	if *c == (crowd{}) {
		delete(d.crowds, from)
	}
}

// Listener is l without the connections that are too many: those are told so
// and closed. Its server must have ConnState as a hook.
func (d *Door) Listener(l net.Listener) net.Listener { return &doorListener{l, d} }

type doorListener struct {
	net.Listener
	door *Door
}

// Accept implements net.Listener. It hands out connections as they come.
func (l *doorListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		refusal := l.door.enter(chat.ParseAddress(c.RemoteAddr().String()))
		if refusal == nil {
			return c, nil
		}
		l.door.turnAway(c, refusal)
	}
}

// enter counts a connection in, or refuses it.
func (d *Door) enter(from chat.Address) *Refusal {
	proxy := d.cfg.Proxied != nil && d.cfg.Proxied(from)
	d.mu.Lock()
	defer d.mu.Unlock()
	c := d.crowd(from)
	switch {
	case d.cfg.Most > 0 && d.in >= d.cfg.Most:
		d.tidy(from, c)
		return refusedFull
	// A client may poll on one connection and post on another.
	case d.cfg.PerAddress > 0 && !proxy && c.connections >= 2*d.cfg.PerAddress:
		return refusedCrowd
	}
	c.connections++
	d.in++
	return nil
}

// ConnState counts a connection out when net/http has done with it: one that
// became a WebSocket counts as a session from there on. It is an [http.Server]'s hook.
func (d *Door) ConnState(c net.Conn, state http.ConnState) {
	if state != http.StateClosed && state != http.StateHijacked {
		return
	}
	from := chat.ParseAddress(c.RemoteAddr().String())
	d.mu.Lock()
	defer d.mu.Unlock()
	crowd := d.crowd(from)
	crowd.connections--
	d.in--
	d.tidy(from, crowd)
}

// turnAway tells a client why it is not let in. One that does not listen is
// not waited for, and neither is any when there are many.
func (d *Door) turnAway(c net.Conn, why *Refusal) {
	select {
	case d.places <- struct{}{}:
	default: // it is told, and may not hear it
		if !d.cfg.Secure {
			_ = c.SetWriteDeadline(time.Now().Add(time.Millisecond)) // the kernel takes it at once
			_, _ = io.WriteString(c, why.raw())
		}
		_ = c.Close()
		return
	}
	d.lingering.Go(func() {
		defer func() { <-d.places }()
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(linger))
		if !d.cfg.Secure {
			_, _ = io.WriteString(c, why.raw()) // it may have gone
		}
		// Closing a connection with unread bytes resets it, and the answer might be lost.
		if half, ok := c.(*net.TCPConn); ok && half.CloseWrite() == nil {
			_, _ = io.Copy(io.Discard, io.LimitReader(c, 64<<10))
		}
	})
}

// linger is how long a client that is refused may take to hear it.
const linger = 500 * time.Millisecond

// raw is the whole answer, for a client whose request is not read.
func (r *Refusal) raw() string {
	body := fmt.Sprintf("{\"code\":%q,\"message\":%q}\n", chat.RateLimited, r.Message)
	return fmt.Sprintf("HTTP/1.1 %d %s\r\nConnection: close\r\nRetry-After: %d\r\nContent-Type: application/json\r\n"+
		"Cache-Control: no-store\r\n%sContent-Length: %d\r\n\r\n%s",
		r.Status, http.StatusText(r.Status), int(math.Ceil(r.RetryAfter.Seconds())), guardLines, len(body), body)
}

// Counts are who is in now.
func (d *Door) Counts() (connectionsAndSessions, addresses int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.in, len(d.crowds)
}

// Wait returns when nobody is being turned away any more: soon after the
// listener was closed.
func (d *Door) Wait() { d.lingering.Wait() }
