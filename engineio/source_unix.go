//go:build unix

package engineio

import (
	"io"
	"syscall"
)

const canTryRead = true

// tryRead is one read(2) of a non-blocking descriptor.
func tryRead(fd uintptr, b []byte) (n int, again bool, err error) {
	for {
		n, err = readNow(fd, b)
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			return 0, true, nil
		case err != nil:
			return 0, false, err
		case n == 0:
			return 0, false, io.EOF
		}
		return n, false, nil
	}
}

// tryWrite is one write(2) to a non-blocking descriptor; n is 0 if it is full.
func tryWrite(fd uintptr, b []byte) (n int, err error) {
	for {
		n, err = writeNow(fd, b)
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			return 0, nil
		}
		return max(n, 0), err
	}
}
