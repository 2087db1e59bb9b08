//go:build !race

package prove

import (
	"fmt"
	"regexp"
	"testing"
	"time"
)

// carefulCrowd sends one message at a time in each room, so that one that is
// refused for now costs no order.
var carefulCrowd = Plan{Rooms: 3, Talkers: 6, Observers: 3, Rate: 200, Window: 1, Bytes: 60}

// lastWord is what a server says whose disk failed it.
var lastWord = regexp.MustCompile(`(?m)^snug: .*(I/O|input/output) error`)

// TestFsyncFails: where an fsync fails nobody knows what is on the disk. The
// server stops and says so, acknowledges nothing more, and never tries again.
func TestFsyncFails(t *testing.T) {
	if err := StraceAvailable(t.Context()); err != nil {
		t.Skip(err)
	}
	const births = 3 // a start makes at least so many fsyncs
	n := amount(t, "SNUG_FSYNC_FAULTS", 8)
	b := binary(t)
	for i := range n {
		fresh := i < births
		when := i + 1
		if !fresh {
			when = 1 + (i-births)%60
		}
		t.Run(fmt.Sprintf("fresh=%v/when=%d", fresh, when), func(t *testing.T) {
			t.Parallel()
			in := Injection{Binary: b, Dir: t.TempDir(), Plan: carefulCrowd, Fresh: fresh, Calls: "fsync,fdatasync", Error: "EIO", When: fmt.Sprint(when)}
			r, err := in.Run(deadline(t, 1), nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := r.Err(); err != nil {
				t.Error(err)
			}
			if r.Injected == 0 {
				t.Fatal("strace injected nothing")
			}
			if r.End == nil && r.Start == nil {
				t.Error("the server went on, or ended as if all were well")
			}
			if !lastWord.MatchString(r.Said) {
				t.Errorf("no clear message: %s", r.Said)
			}
			if r.LastGood > r.First && r.First > 0 {
				t.Errorf("a message sent %v after the disk failed was acknowledged", r.LastGood-r.First)
			}
		})
	}
}

// TestDiskFull: while nothing can be written, sends are refused, reading goes
// on, and when there is room again so does sending.
func TestDiskFull(t *testing.T) {
	if err := StraceAvailable(t.Context()); err != nil {
		t.Skip(err)
	}
	n := amount(t, "SNUG_FULL_DISKS", 2)
	b := binary(t)
	for i := range n {
		first := 20 + 3*i // past what a start writes
		t.Run(fmt.Sprintf("when=%d", first), func(t *testing.T) {
			t.Parallel()
			in := Injection{Binary: b, Dir: t.TempDir(), Plan: carefulCrowd, Calls: "pwrite64,write,ftruncate,fallocate", Error: "ENOSPC", When: fmt.Sprintf("%d..%d", first, first+4), Files: true}
			var full, acks int64
			var since time.Time
			r, err := in.Run(deadline(t, 1), func(c *Crowd) bool {
				// Room again: whoever is refused asks again at once, and is not refused any more.
				if n := c.full.Load(); n != full {
					full, acks, since = n, c.acks.Load(), time.Now()
				}
				return full > 0 && time.Since(since) > time.Second && c.acks.Load() > acks
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := r.Err(); err != nil {
				t.Error(err)
			}
			switch {
			case r.Injected == 0:
				t.Fatal("strace injected nothing")
			case r.Start != nil || r.Over:
				t.Errorf("the server ended: %v, %v: %s", r.Start, r.End, r.Said)
			case r.Full == 0:
				t.Error("nothing was refused")
			case !r.Read:
				t.Error("nothing was read while the disk was full")
			}
		})
	}
}
