package engineio

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
)

// Sizes of read buffers: for waiting, and for a large frame under way.
const (
	smallRead = 4 << 10
	largeRead = 32 << 10
)

var (
	smallReads = sync.Pool{New: func() any { b := make([]byte, smallRead); return &b }}
	largeReads = sync.Pool{New: func() any { b := make([]byte, largeRead); return &b }}
)

// A source reads from a connection into borrowed buffers. On TCP a connection
// that is waited for holds none: it borrows one when there are bytes to read.
// It is used by one goroutine at a time.
type source struct {
	conn net.Conn
	raw  syscall.RawConn // nil where bytes cannot be waited for without a buffer
	try  func(fd uintptr) bool
	put  func(fd uintptr) bool

	// What try works on.
	pool *sync.Pool
	buf  *[]byte
	n    int
	err  error

	// What put works on; guarded by the mu of the connection's Conn.
	out    []byte
	taken  int
	outErr error
}

func newSource(conn net.Conn) *source {
	s := &source{conn: conn}
	// Not any syscall.Conn: a type around a TCPConn may read in a way of its own.
	if t, ok := conn.(*net.TCPConn); ok && canTryRead {
		if raw, err := t.SyscallConn(); err == nil {
			s.raw, s.try, s.put = raw, s.tryRead, s.tryPut
		}
	}
	return s
}

// read waits for bytes and returns a buffer that begins with n of them, to be
// given back with release. want is how many bytes are expected.
func (s *source) read(want int64) (buf *[]byte, n int, err error) {
	s.pool = &smallReads
	if want > smallRead {
		s.pool = &largeReads
	}
	if s.raw == nil {
		buf = s.pool.Get().(*[]byte)
		n, err = s.conn.Read(*buf)
	} else {
		s.n, s.err = 0, nil
		if err = s.raw.Read(s.try); err == nil {
			err = s.err
		}
		buf, n, s.buf = s.buf, s.n, nil
	}
	if n > 0 {
		return buf, n, nil // the error comes again
	}
	if buf != nil {
		s.release(buf)
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return nil, 0, err
}

// tryRead reads what is there, or says that nothing is.
func (s *source) tryRead(fd uintptr) bool {
	if s.buf == nil {
		s.buf = s.pool.Get().(*[]byte)
	}
	n, again, err := tryRead(fd, *s.buf)
	if again {
		s.release(s.buf)
		s.buf = nil
		return false
	}
	s.n, s.err = n, err
	return true
}

// tryWrite writes what of b the socket takes without waiting. It must not be
// called while anyone else writes.
func (s *source) tryWrite(b []byte) (n int, err error) {
	s.out, s.taken, s.outErr = b, 0, nil
	err = s.raw.Write(s.put)
	n, s.out = s.taken, nil
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return n, nil // that of a write of before: whoever waits sets a new one
	}
	if err == nil {
		err = s.outErr
	}
	return n, err
}

func (s *source) tryPut(fd uintptr) bool {
	s.taken, s.outErr = tryWrite(fd, s.out)
	return true
}

func (s *source) release(buf *[]byte) {
	if len(*buf) == smallRead {
		smallReads.Put(buf)
	} else {
		largeReads.Put(buf)
	}
}

// drain throws away what still comes, until the connection ends. The writing
// side sets the deadline.
func (s *source) drain() {
	for {
		buf, _, err := s.read(0)
		if err != nil {
			return
		}
		s.release(buf)
	}
}
