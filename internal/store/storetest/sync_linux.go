package storetest

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// fdatasync waits until what was written to f is on the disk.
func fdatasync(f *os.File) error { return unix.Fdatasync(int(f.Fd())) }

// cpuTime is what this process has used of the CPUs.
func cpuTime() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
