//go:build !linux

package storetest

import (
	"os"
	"time"
)

// fdatasync waits until what was written to f is on the disk.
func fdatasync(f *os.File) error { return f.Sync() }

// cpuTime is not known here.
func cpuTime() time.Duration { return 0 }
