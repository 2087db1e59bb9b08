//go:build !linux

package sqlite

import "os"

// allocate gives a new file its room on the disk.
func allocate(f *os.File, size int64) error { return fill(f, size) }
