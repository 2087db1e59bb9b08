//go:build unix && (!linux || race)

package engineio

import "syscall"

func readNow(fd uintptr, b []byte) (n int, err error) { return syscall.Read(int(fd), b) }

func writeNow(fd uintptr, b []byte) (n int, err error) { return syscall.Write(int(fd), b) }
