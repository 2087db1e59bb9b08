package storetest

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"snug/internal/chat"
)

// Bench measures a store, and beside it what its disk can do. open opens and runs
// one in an empty directory of its own; it is stopped at the benchmark's end.
func Bench(b *testing.B, open func(*testing.B) chat.Store) {
	b.Run("disk", benchDisk)
	for _, senders := range []int{1, 16, 256, 2000} {
		b.Run(fmt.Sprintf("append/senders=%d", senders), func(b *testing.B) { benchAppend(b, open(b), senders, v7) })
	}
	b.Run("append/senders=256/ids=random", func(b *testing.B) { benchAppend(b, open(b), 256, uuid.NewString) })
	b.Run("read", func(b *testing.B) { benchRead(b, open(b)) })
}

func v7() string { return uuid.Must(uuid.NewV7()).String() }

// benchDisk overwrites a file made beforehand and waits for the disk each time.
func benchDisk(b *testing.B) {
	for _, size := range []int{4 << 10, 64 << 10, 512 << 10} {
		b.Run(fmt.Sprintf("sync=%dKiB", size>>10), func(b *testing.B) {
			f, err := os.Create(filepath.Join(b.TempDir(), "file"))
			if err != nil {
				b.Fatal(err)
			}
			defer f.Close()
			const whole = 32 << 20
			if _, err := f.Write(make([]byte, whole)); err != nil {
				b.Fatal(err)
			}
			if err := f.Sync(); err != nil {
				b.Fatal(err)
			}
			buf := []byte(strings.Repeat("x", size))
			var took []time.Duration
			began := time.Now()
			for i := 0; b.Loop(); i++ {
				at := time.Now()
				if _, err := f.WriteAt(buf, int64(i*size%whole)); err != nil {
					b.Fatal(err)
				}
				if err := fdatasync(f); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(at))
			}
			b.ReportMetric(float64(len(took))/time.Since(began).Seconds(), "sync/s")
			report(b, took)
		})
	}
}

// benchRooms makes n rooms.
func benchRooms(b *testing.B, s chat.Store, n int) (ids []chat.RoomID) {
	for i := range n {
		r := sample(fmt.Sprint("room-", i))
		r, _, err := s.CreateRoom(context.Background(), r, "")
		if err != nil {
			b.Fatal(err)
		}
		ids = append(ids, r.ID)
	}
	return ids
}

// text is 200 bytes.
var text = strings.Repeat("what a day; ", 17)[:200]

// benchAppend has senders that each wait for their answer before they append the next, over 1,000 rooms.
func benchAppend(b *testing.B, s chat.Store, senders int, id func() string) {
	rooms := benchRooms(b, s, 1000)
	waits := make([][]wait, senders)
	var left atomic.Int64
	left.Store(int64(b.N))
	var wg sync.WaitGroup
	b.ResetTimer()
	start, cpu := time.Now(), cpuTime()
	for n := range senders {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(n), 7))
			answered := make(chan error, 1)
			for left.Add(-1) >= 0 {
				d := message(rooms[r.IntN(len(rooms))], byte(n), id(), text)
				at := time.Now()
				s.Append(d, func(_ chat.Appended, err error) { answered <- err })
				if err := <-answered; err != nil {
					b.Error(err)
					return
				}
				waits[n] = append(waits[n], wait{at.Sub(start), time.Since(at)})
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), "msg/s")
	b.ReportMetric(float64((cpuTime()-cpu).Microseconds())/float64(b.N), "cpu-µs/msg")
	all := slices.Concat(waits...)
	b.ReportMetric(worstWindow(all), "worst-p99-ms")
	took := make([]time.Duration, len(all))
	for i, w := range all {
		took[i] = w.took
	}
	report(b, took)
}

// A wait is how long an answer took, and when it was asked for.
type wait struct{ at, took time.Duration }

// worstWindow is the longest p99 of half a second, in milliseconds: where a
// checkpoint or a fold made commits wait, it would stand out here.
func worstWindow(all []wait) (worst float64) {
	const window = 500 * time.Millisecond
	slices.SortFunc(all, func(a, b wait) int { return cmp.Compare(a.at, b.at) })
	for len(all) > 0 {
		end := all[0].at + window
		n, _ := slices.BinarySearchFunc(all, end, func(w wait, t time.Duration) int { return cmp.Compare(w.at, t) })
		took := make([]time.Duration, n)
		for i, w := range all[:n] {
			took[i] = w.took
		}
		slices.Sort(took)
		if n >= 100 { // of fewer it is no p99
			worst = max(worst, float64(took[n*99/100].Microseconds())/1000)
		}
		all = all[n:]
	}
	return worst
}

// report adds the p50, the p99 and the longest of what was measured.
func report(b *testing.B, took []time.Duration) {
	slices.Sort(took)
	milli := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	b.ReportMetric(milli(took[len(took)/2]), "p50-ms")
	b.ReportMetric(milli(took[len(took)*99/100]), "p99-ms")
	b.ReportMetric(milli(took[len(took)-1]), "max-ms")
	b.ReportMetric(0, "ns/op") // says nothing of its own
}

// benchRead reads in a room of a million messages that stands among others.
func benchRead(b *testing.B, s chat.Store) {
	const big = 1_000_000
	rooms := benchRooms(b, s, 100)
	var wg sync.WaitGroup
	var failed atomic.Int64
	for i := range big * 11 / 10 {
		room := rooms[50]
		if i%11 == 10 {
			room = rooms[i/11%len(rooms)]
		}
		wg.Add(1)
		s.Append(message(room, byte(i), v7(), text), func(_ chat.Appended, err error) {
			if err != nil {
				failed.Add(1)
			}
			wg.Done()
		})
		if i%20000 == 0 {
			wg.Wait()
		}
	}
	wg.Wait()
	if n := failed.Load(); n > 0 {
		b.Fatalf("%d appends failed", n)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		name string
		q    func() chat.PageQuery
	}{
		{"last=50", func() chat.PageQuery { return chat.PageQuery{Limit: 50} }},
		{"back=50", func() chat.PageQuery { return chat.PageQuery{Before: chat.Seq(100 + r.IntN(big-100)), Limit: 50} }},
		{"resume=200", func() chat.PageQuery { return chat.PageQuery{After: new(chat.Seq(r.IntN(big - 200))), Limit: 200} }},
	} {
		b.Run(c.name, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				q := c.q()
				q.Room, q.Bytes = rooms[50], 256<<10
				at := time.Now()
				p, err := s.Page(b.Context(), q)
				took = append(took, time.Since(at))
				if err != nil || len(p.Entries) != q.Limit {
					b.Fatal(len(p.Entries), err)
				}
			}
			report(b, took)
		})
	}
}
