package main

import (
	"errors"
	"fmt"
	"net"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	rawConns = 200
	rawBytes = 200 // about what a message of 100 bytes is in a frame
)

// rawLoop measures the bare loop for a while. It is what other figures of the
// same round are to be compared with: it drifts with the machine as they do.
func rawLoop(d time.Duration) (res result, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return res, err
	}
	defer l.Close()
	var readers sync.WaitGroup
	var files []int
	defer func() {
		for _, fd := range files {
			err = errors.Join(err, unix.Close(fd))
		}
		readers.Wait()
	}()
	for range rawConns {
		in, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			return res, err
		}
		readers.Go(func() {
			defer in.Close()
			for buf := make([]byte, 64<<10); ; {
				if _, err := in.Read(buf); err != nil {
					return // the other end was closed
				}
			}
		})
		out, err := l.Accept()
		if err != nil {
			return res, err
		}
		f, err := out.(*net.TCPConn).File() // a descriptor of its own
		if err != nil {
			return res, errors.Join(err, out.Close())
		}
		fd, err := unix.Dup(int(f.Fd())) // Fd has it block
		if err := errors.Join(err, f.Close(), out.Close()); err != nil {
			return res, err
		}
		files = append(files, fd)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	message := make([]byte, rawBytes)
	began, before := time.Now(), unix.Rusage{}
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &before); err != nil {
		return res, fmt.Errorf("CPU time: %w", err)
	}
	for time.Since(began) < d {
		for _, fd := range files {
			if _, err := unix.Write(fd, message); err != nil {
				return res, fmt.Errorf("write: %w", err)
			}
			res.Deliveries++
		}
	}
	var after unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &after); err != nil {
		return res, fmt.Errorf("CPU time: %w", err)
	}
	used := time.Duration(after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano())
	res.Seconds = time.Since(began).Seconds()
	res.PerSecond = float64(res.Deliveries) / res.Seconds
	res.PerCPU = float64(res.Deliveries) / used.Seconds()
	return res, nil
}
