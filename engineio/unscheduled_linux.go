//go:build !race

package engineio

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// readNow and writeNow are read(2) and write(2) of descriptors that do not block,
// without telling Go's scheduler of them. It would take those that last some
// microseconds for ones that wait, and wake threads to go on in their place: with a
// hundred rooms at work that cost a tenth. The race detector knows of what is read and
// written through package syscall alone, and is given that.

func readNow(fd uintptr, b []byte) (n int, err error) { return rawIO(unix.SYS_READ, fd, b) }

func writeNow(fd uintptr, b []byte) (n int, err error) { return rawIO(unix.SYS_WRITE, fd, b) }

func rawIO(call, fd uintptr, b []byte) (n int, err error) {
	r, _, e := unix.RawSyscall(call, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
	if e != 0 {
		return -1, e
	}
	return int(r), nil
}
