package sqlite

import (
	"os"

	"golang.org/x/sys/unix"
)

// allocate gives a new file its room on the disk.
func allocate(f *os.File, size int64) error {
	err := unix.Fallocate(int(f.Fd()), 0, 0, size)
	if err == unix.EOPNOTSUPP || err == unix.ENOSYS {
		return fill(f, size)
	}
	return err
}
