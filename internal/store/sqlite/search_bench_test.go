package sqlite

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"snug/internal/chat"
)

// vocabulary makes texts of 200 bytes in which, as in what people say, few words come often.
func vocabulary() func() string {
	r := rand.New(rand.NewPCG(1, 2))
	z := rand.NewZipf(r, 1.1, 4, 50_000)
	return func() string {
		var b strings.Builder
		for b.Len() < 200 {
			fmt.Fprintf(&b, "%s ", spell(z.Uint64()))
		}
		return b.String()
	}
}

// spell makes a word of a number: short ones of small numbers.
func spell(n uint64) string {
	const syllables = "bacadafagahakalamanapararasatavaxa"
	word := ""
	for n += 2; n > 0; n /= 17 {
		word += syllables[n%17*2:][:2]
	}
	return word
}

// BenchmarkSearch has 256 senders fill a room of a million messages, 42,000 a
// second, in a store that indexes beside, and then searches there. How far the index lags is the
// larger of what it had not yet at any time, in seconds of sending, and how long it needed after the end.
func BenchmarkSearch(b *testing.B) {
	const senders, total, perSecond = 256, 1_000_000, 42_000
	s, _ := start(b, filepath.Join(b.TempDir(), "snug.db"), rates["usual"], nil, nil)
	room := newRoom(b, s, "room")
	text := vocabulary()
	texts := make([]string, 100_000)
	for i := range texts {
		texts[i] = text()
	}
	var wg sync.WaitGroup
	began := time.Now()
	lag := make(chan int64, 1)
	filled := make(chan struct{})
	go func() {
		most := int64(0)
		for {
			select {
			case <-filled:
				lag <- most
				return
			case <-time.After(20 * time.Millisecond):
				most = max(most, s.Stats().Unindexed)
			}
		}
	}()
	for n := range senders {
		wg.Go(func() {
			answered := make(chan error, 1)
			for i := n; i < total; i += senders {
				time.Sleep(time.Until(began.Add(time.Duration(i) * time.Second / perSecond)))
				s.Append(chat.Draft{Room: room, Kind: chat.KindMessage, ID: fmt.Sprint(i), Text: texts[i%len(texts)]}, func(_ chat.Appended, err error) { answered <- err })
				if err := <-answered; err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	close(filled)
	rate := total / time.Since(began).Seconds()
	left := time.Now()
	indexed(b, s)
	most := <-lag
	behind := time.Since(left)
	b.Run("indexing", func(b *testing.B) {
		for b.Loop() {
			// It was measured above, once.
		}
		b.ReportMetric(rate, "msg/s")
		b.ReportMetric(max(float64(most)/rate, behind.Seconds()), "lag-s")
		b.ReportMetric(0, "ns/op") // says nothing of its own
	})
	search := func(b *testing.B, query string) {
		var took []time.Duration
		r := rand.New(rand.NewPCG(3, 4))
		q := chat.ParseQuery(query)
		for b.Loop() {
			at := time.Now()
			if _, err := s.Search(b.Context(), chat.SearchQuery{Room: room, Query: q, Before: chat.Seq(total/2 + r.IntN(total/2)), Limit: 20, Bytes: 256 << 10}); err != nil {
				b.Fatal(err)
			}
			took = append(took, time.Since(at))
		}
		slices.Sort(took)
		b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
		b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
		b.ReportMetric(0, "ns/op") // says nothing of its own
	}
	three := spell(100) + " " + spell(200) + " " + spell(300)
	b.Run("three-at-once", func(b *testing.B) { search(b, three) }) // the index has many parts yet
	began = time.Now()
	merged(b, s)
	b.Run("merging", func(b *testing.B) {
		for b.Loop() {
			// It was measured above, once.
		}
		b.ReportMetric(time.Since(began).Seconds(), "merge-s")
		b.ReportMetric(0, "ns/op") // says nothing of its own
	})
	for name, query := range map[string]string{
		"common": spell(0), "two": spell(3) + " " + spell(40), "rare": spell(45_000), "rare and common": spell(45_000) + " " + spell(0), "absent": "zzz",
		"prefix": spell(3000)[:5], "broad prefix": "b", "three": three,
	} {
		b.Run(strings.ReplaceAll(name, " ", "-"), func(b *testing.B) { search(b, query) })
	}
}
