package load

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// epoll drives plain TCP connections from one goroutine.
type epoll struct {
	fd     int
	addr   unix.Sockaddr
	family int
	hello  func() []byte
	conns  map[int32]*epollConn
	events []unix.EpollEvent
	buf    []byte
}

type epollConn struct {
	e         *epoll
	c         *client
	fd        int
	connected bool
	pending   []byte // what the kernel did not take
}

func newEpoll(host string, hello func() []byte) (*epoll, error) {
	a, err := net.ResolveTCPAddr("tcp", host)
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("load: epoll: %w", err)
	}
	e := &epoll{fd: fd, hello: hello, conns: map[int32]*epollConn{}, events: make([]unix.EpollEvent, 512), buf: make([]byte, 256<<10)}
	ip, _ := netip.AddrFromSlice(a.IP)
	if ip = ip.Unmap(); ip.Is4() {
		e.family, e.addr = unix.AF_INET, &unix.SockaddrInet4{Port: a.Port, Addr: ip.As4()}
	} else {
		e.family, e.addr = unix.AF_INET6, &unix.SockaddrInet6{Port: a.Port, Addr: ip.As16()}
	}
	return e, nil
}

func (e *epoll) dial(c *client) error {
	fd, err := unix.Socket(e.family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("load: socket: %w", err)
	}
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
		return errors.Join(fmt.Errorf("load: %w", err), unix.Close(fd))
	}
	if err := unix.Connect(fd, e.addr); err != nil && !errors.Is(err, unix.EINPROGRESS) {
		return errors.Join(fmt.Errorf("load: connect: %w", err), unix.Close(fd))
	}
	k := &epollConn{e: e, c: c, fd: fd}
	ev := unix.EpollEvent{Events: unix.EPOLLOUT, Fd: int32(fd)}
	if err := unix.EpollCtl(e.fd, unix.EPOLL_CTL_ADD, fd, &ev); err != nil {
		return errors.Join(fmt.Errorf("load: epoll: %w", err), unix.Close(fd))
	}
	e.conns[int32(fd)] = k
	c.conn = k
	return nil
}

func (e *epoll) poll(d time.Duration) error {
	n, err := e.wait(d)
	if err != nil {
		if errors.Is(err, unix.EINTR) {
			return nil
		}
		return fmt.Errorf("load: epoll: %w", err)
	}
	for _, ev := range e.events[:n] {
		k := e.conns[ev.Fd]
		if k == nil {
			continue // closed by an event before this one
		}
		if err := k.serve(ev.Events); err != nil {
			k.close()
			k.c.end(err)
		}
	}
	return nil
}

// wait waits for events, no longer than d to the microsecond: epoll_wait(2) knows
// milliseconds, and what is sent up to one late would count as the server's time.
func (e *epoll) wait(d time.Duration) (int, error) {
	if d > 0 {
		timeout := unix.NsecToTimespec(int64(d))
		if _, err := unix.Ppoll([]unix.PollFd{{Fd: int32(e.fd), Events: unix.POLLIN}}, &timeout, nil); err != nil {
			return 0, err
		}
	}
	return unix.EpollWait(e.fd, e.events, 0)
}

func (k *epollConn) serve(events uint32) error {
	if !k.connected {
		code, err := unix.GetsockoptInt(k.fd, unix.SOL_SOCKET, unix.SO_ERROR)
		if err == nil && code != 0 {
			err = unix.Errno(code)
		}
		if err != nil {
			return fmt.Errorf("load: connect: %w", err)
		}
		k.connected = true
		if err := k.watch(unix.EPOLLIN); err != nil {
			return err
		}
		return k.write(k.e.hello())
	}
	if events&unix.EPOLLOUT != 0 {
		if err := k.flush(); err != nil {
			return err
		}
	}
	if events&(unix.EPOLLIN|unix.EPOLLHUP|unix.EPOLLERR) == 0 {
		return nil
	}
	n, err := unix.Read(k.fd, k.e.buf)
	switch {
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
		return nil
	case err != nil:
		return fmt.Errorf("load: read: %w", err)
	case n == 0:
		return errClosed
	}
	return k.c.feed(k.e.buf[:n])
}

func (k *epollConn) watch(events uint32) error {
	ev := unix.EpollEvent{Events: events, Fd: int32(k.fd)}
	if err := unix.EpollCtl(k.e.fd, unix.EPOLL_CTL_MOD, k.fd, &ev); err != nil {
		return fmt.Errorf("load: epoll: %w", err)
	}
	return nil
}

func (k *epollConn) deafen() error {
	if err := unix.SetsockoptInt(k.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, deafBuffer); err != nil {
		return fmt.Errorf("load: buffer: %w", err)
	}
	return k.watch(0)
}

func (k *epollConn) write(b []byte) error {
	if len(k.pending) > 0 {
		k.pending = append(k.pending, b...)
		return nil
	}
	n, err := unix.Write(k.fd, b)
	if err != nil && !errors.Is(err, unix.EAGAIN) {
		return fmt.Errorf("load: write: %w", err)
	}
	if n = max(n, 0); n < len(b) {
		k.pending = append(k.pending, b[n:]...)
		return k.watch(unix.EPOLLIN | unix.EPOLLOUT)
	}
	return nil
}

func (k *epollConn) flush() error {
	n, err := unix.Write(k.fd, k.pending)
	if err != nil && !errors.Is(err, unix.EAGAIN) {
		return fmt.Errorf("load: write: %w", err)
	}
	k.pending = k.pending[max(n, 0):]
	if len(k.pending) > 0 {
		return nil
	}
	k.pending = nil
	return k.watch(unix.EPOLLIN)
}

func (k *epollConn) close() {
	if k.e.conns[int32(k.fd)] == k {
		delete(k.e.conns, int32(k.fd))
		unix.Close(k.fd) // a socket's close has no error worth telling
	}
}

func (e *epoll) close() {
	for _, k := range e.conns {
		k.close()
	}
	unix.Close(e.fd)
}
