package chat

import (
	"sync"
	"time"
)

// A Rate says how often something may be done: Burst times at once, and
// PerSecond times in the long run. The zero Rate is no limit.
type Rate struct {
	PerSecond float64
	Burst     int
}

// span is how long one of PerSecond lasts.
func (r Rate) span() time.Duration { return time.Duration(float64(time.Second) / r.PerSecond) }

// A bucket is what is left of a Rate, as the time at which it will be full
// again: that needs no ticking, and a bucket that has been full for long is
// like one that was never used. It is a GCRA's "theoretical arrival time", in
// nanoseconds of a stopwatch.
type bucket time.Duration

// take spends one at the time now, or says how long to wait for it and spends nothing.
func (b *bucket) take(r Rate, now time.Duration) (wait time.Duration) {
	if r.PerSecond <= 0 {
		return 0
	}
	next := max(time.Duration(*b), now) + r.span()
	if wait := next - now - time.Duration(max(r.Burst, 1))*r.span(); wait > 0 {
		return wait
	}
	*b = bucket(next)
	return 0
}

// reserve spends one even where that must be waited for, and says how long.
// Where the wait would be longer than most it spends nothing.
func (b *bucket) reserve(r Rate, now, most time.Duration) (wait time.Duration) {
	if r.PerSecond <= 0 {
		return 0
	}
	next := max(time.Duration(*b), now) + r.span()
	wait = max(0, next-now-time.Duration(max(r.Burst, 1))*r.span())
	if wait <= most {
		*b = bucket(next)
	}
	return wait
}

// owe spends one even if there is none: what is owed has to be waited for later.
func (b *bucket) owe(r Rate, now time.Duration) {
	if r.PerSecond > 0 {
		*b = bucket(max(time.Duration(*b), now) + r.span())
	}
}

// giveBack undoes a take.
func (b *bucket) giveBack(r Rate) {
	if r.PerSecond > 0 {
		*b -= bucket(r.span())
	}
}

// full reports whether nothing is missing at the time now.
func (b bucket) full(now time.Duration) bool { return time.Duration(b) <= now }

// bucketsMost bounds a table of buckets, whatever strangers come by.
const bucketsMost = 1 << 16

// A Table holds a Rate for each of many keys. It may be used from any goroutine,
// and is bounded: it knows those that have spent something and not been given it
// back by time; when they are as many as it may hold, all others share one bucket.
type Table[K comparable] struct {
	rate  Rate          // static
	most  int           // static
	start time.Time     // static: when the stopwatch was started
	mu    sync.Mutex    // tier 1
	m     map[K]*bucket // guarded by mu
	crowd bucket        // of those for whom there was no place; guarded by mu
}

// NewTable makes a table of buckets that are all full.
func NewTable[K comparable](r Rate) *Table[K] {
	return &Table[K]{rate: r, most: bucketsMost, start: time.Now(), m: make(map[K]*bucket)}
}

// Take spends one of the key's, or says how long to wait for it and spends nothing.
func (t *Table[K]) Take(key K) (wait time.Duration) {
	if t.rate.PerSecond <= 0 {
		return 0
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Since(t.start)
	return t.of(key, now).take(t.rate, now)
}

// wait says how long to wait until the key has one to spend, and spends none.
func (t *Table[K]) wait(key K) time.Duration {
	if t.rate.PerSecond <= 0 {
		return 0
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	var b bucket
	if had := t.m[key]; had != nil {
		b = *had
	} else if len(t.m) >= t.most {
		b = t.crowd
	}
	return b.take(t.rate, time.Since(t.start))
}

// untouched reports whether the key lacks nothing.
func (t *Table[K]) untouched(key K) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.m[key]
	return b == nil || b.full(time.Since(t.start))
}

// reserve is bucket.reserve of the key's.
func (t *Table[K]) reserve(key K, most time.Duration) (wait time.Duration) {
	if t.rate.PerSecond <= 0 {
		return 0
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Since(t.start)
	return t.of(key, now).reserve(t.rate, now, most)
}

// owe is bucket.owe of the key's.
func (t *Table[K]) owe(key K) {
	if t.rate.PerSecond <= 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Since(t.start)
	t.of(key, now).owe(t.rate, now)
}

// giveBack undoes a take.
func (t *Table[K]) giveBack(key K) {
	if t.rate.PerSecond <= 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if b := t.m[key]; b != nil {
		b.giveBack(t.rate)
	}
}

// of is the key's bucket. It must be called with mu locked.
func (t *Table[K]) of(key K, now time.Duration) *bucket {
	if b := t.m[key]; b != nil {
		return b
	}
	if len(t.m) >= t.most && !t.makeRoom(now) {
		return &t.crowd
	}
	b := new(bucket)
	t.m[key] = b
	return b
}

// makeRoom forgets buckets that are full, among some that a map hands out at
// random: to look at all of them at each stranger would itself be an attack. It
// must be called with mu locked.
func (t *Table[K]) makeRoom(now time.Duration) bool {
	looked := 0
	for key, b := range t.m {
		if b.full(now) {
			delete(t.m, key)
		}
		if looked++; looked == 64 {
			break
		}
	}
	return len(t.m) < t.most
}
