package sqlite

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"snug/internal/chat"
)

// BenchmarkBackup backs up half a million messages while 64 senders add about
// 5,000 a second, and measures how long those wait, and how large the WAL gets.
func BenchmarkBackup(b *testing.B) {
	const stored, senders = 500_000, 64
	dir := b.TempDir()
	path := filepath.Join(dir, "snug.db")
	s, _ := start(b, path, rates["usual"], nil, nil)
	rooms := make([]chat.RoomID, 50)
	for i := range rooms {
		rooms[i] = newRoom(b, s, string(rune('a'+i%26))+string(rune('a'+i/26)))
	}
	text := vocabulary()
	say := func(i int, done func()) {
		s.Append(chat.Draft{Room: rooms[i%len(rooms)], Kind: chat.KindMessage, ID: uuid.Must(uuid.NewV7()).String(), Text: text()}, func(_ chat.Appended, err error) {
			if err != nil {
				b.Error(err)
			}
			done()
		})
	}
	var wg sync.WaitGroup
	for i := range stored {
		wg.Add(1)
		if say(i, wg.Done); i%10_000 == 0 {
			wg.Wait()
		}
	}
	wg.Wait()
	var backing atomic.Bool
	var mu sync.Mutex
	var took []time.Duration // while a backup was made; guarded by mu
	ctx, stop := context.WithCancel(b.Context())
	texts := make(chan int)
	go func() {
		defer close(texts)
		for i := 0; ctx.Err() == nil; i++ {
			texts <- i
		}
	}()
	var walMost int64
	for range senders {
		wg.Go(func() {
			for i := range texts {
				at, done := time.Now(), make(chan struct{})
				mu.Lock() // vocabulary is not for concurrent use
				say(i, func() { close(done) })
				mu.Unlock()
				<-done
				mu.Lock()
				if backing.Load() {
					took = append(took, time.Since(at))
				}
				if info, err := os.Stat(path + "-wal"); err == nil && i%64 == 0 {
					walMost = max(walMost, info.Size())
				}
				mu.Unlock()
				time.Sleep(12 * time.Millisecond)
			}
		})
	}
	time.Sleep(time.Second)
	var spent time.Duration
	for b.Loop() {
		file := filepath.Join(dir, "backup")
		began := time.Now()
		backing.Store(true)
		err := Backup(b.Context(), path, file, nil)
		backing.Store(false)
		spent = time.Since(began)
		if err != nil {
			b.Fatal(err)
		}
		if err := os.Remove(file); err != nil {
			b.Fatal(err)
		}
	}
	stop()
	wg.Wait()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(took[len(took)-1].Microseconds())/1000, "max-ms")
	b.ReportMetric(float64(walMost)/(1<<20), "wal-MiB")
	b.ReportMetric(spent.Seconds(), "backup-s")
	b.ReportMetric(0, "ns/op") // says nothing of its own
}
