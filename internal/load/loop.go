package load

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// newLoop picks the loop for a server: one goroutine where the system and the
// connection allow it, else one for each connection.
func newLoop(target *url.URL, hello func() []byte) (loop, error) {
	host := target.Host
	secure := target.Scheme == "https"
	if target.Port() == "" {
		host = net.JoinHostPort(strings.Trim(host, "[]"), map[bool]string{false: "80", true: "443"}[secure])
	}
	if runtime.GOOS == "linux" && !secure {
		return newEpoll(host, hello)
	}
	return &threads{host: host, secure: secure, hello: hello, wake: make(chan struct{}, 1)}, nil
}

// threads drives each connection from a goroutine of its own, which reads and
// hands what it read to poll's goroutine: for TLS and for other systems.
type threads struct {
	host   string
	secure bool
	hello  func() []byte
	wake   chan struct{}
	done   sync.WaitGroup

	mu     sync.Mutex // guards queue, full
	queue  []chunk
	full   *sync.Cond
	closed bool
	conns  map[*threadConn]struct{} // owned by poll's goroutine
}

// chunk is what a connection read, or its end.
type chunk struct {
	k   *threadConn
	b   []byte
	err error
}

// anyServer is TLS to a server that may have a certificate of its own making.
var anyServer = &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}}

// queued is how many chunks may wait for poll before readers stop reading.
const queued = 4096

type threadConn struct {
	t    *threads
	c    *client
	out  chan []byte
	once sync.Once
	quit chan struct{}
	deaf atomic.Bool
}

func (t *threads) dial(c *client) error {
	if t.full == nil {
		t.full = sync.NewCond(&t.mu)
		t.conns = map[*threadConn]struct{}{}
	}
	k := &threadConn{t: t, c: c, out: make(chan []byte, 1024), quit: make(chan struct{})}
	t.conns[k] = struct{}{}
	c.conn = k
	t.done.Go(k.run)
	return nil
}

func (k *threadConn) run() {
	nc, err := net.DialTimeout("tcp", k.t.host, 30*time.Second)
	if err != nil {
		k.t.push(chunk{k, nil, fmt.Errorf("load: %w", err)})
		return
	}
	if tcp, is := nc.(*net.TCPConn); is && k.c.slow {
		_ = tcp.SetReadBuffer(deafBuffer) // else it takes longer until it is felt
	}
	if k.t.secure {
		nc = tls.Client(nc, anyServer)
	}
	var writer sync.WaitGroup
	writer.Go(func() {
		defer nc.Close()
		for {
			select {
			case b := <-k.out:
				if _, err := nc.Write(b); err != nil {
					return
				}
			case <-k.quit:
				return
			}
		}
	})
	if err := k.write(k.t.hello()); err != nil {
		k.stop()
	}
	buf := make([]byte, 16<<10)
	for {
		if k.deaf.Load() {
			<-k.quit
		}
		n, err := nc.Read(buf)
		if n > 0 {
			k.t.push(chunk{k, append([]byte(nil), buf[:n]...), nil})
		}
		if err != nil {
			k.t.push(chunk{k, nil, fmt.Errorf("load: read: %w", err)})
			break
		}
	}
	k.stop()
	writer.Wait()
}

func (t *threads) push(ch chunk) {
	t.mu.Lock()
	for len(t.queue) >= queued && !t.closed {
		t.full.Wait()
	}
	t.queue = append(t.queue, ch)
	t.mu.Unlock()
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

func (t *threads) poll(d time.Duration) error {
	t.mu.Lock()
	empty := len(t.queue) == 0
	t.mu.Unlock()
	if empty {
		select {
		case <-t.wake:
		case <-time.After(d):
		}
	}
	t.mu.Lock()
	chunks := t.queue
	t.queue = nil
	if t.full != nil {
		t.full.Broadcast()
	}
	t.mu.Unlock()
	for _, ch := range chunks {
		if _, open := t.conns[ch.k]; !open {
			continue
		}
		err := ch.err
		if err == nil {
			err = ch.k.c.feed(ch.b)
		}
		if err != nil {
			ch.k.close()
			ch.k.c.end(err)
		}
	}
	return nil
}

func (k *threadConn) write(b []byte) error {
	select {
	case k.out <- append([]byte(nil), b...):
		return nil
	default:
		return fmt.Errorf("load: %d writes are waiting", cap(k.out))
	}
}

// deafBuffer is what the kernel keeps for who does not read: it would let the buffer
// grow to tens of MiB, and what it has taken is as good as read to the server.
const deafBuffer = 4 << 10

func (k *threadConn) deafen() error {
	k.deaf.Store(true)
	return nil
}

// close is for poll's goroutine; what the connection still reads is dropped.
func (k *threadConn) close() {
	delete(k.t.conns, k)
	k.stop()
}

func (k *threadConn) stop() { k.once.Do(func() { close(k.quit) }) }

func (t *threads) close() {
	t.mu.Lock()
	t.closed = true
	if t.full != nil {
		t.full.Broadcast()
	}
	t.mu.Unlock()
	for k := range t.conns {
		k.close()
	}
	t.done.Wait()
}
