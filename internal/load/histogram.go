package load

import (
	"math/bits"
	"time"
)

// subBuckets is how many buckets share a power of two: a value is known to 1/64.
const subBuckets = 64

// A histogram counts durations in buckets of growing width. The zero value is empty.
type histogram struct {
	counts [(64 - 6) * subBuckets]uint64
	n      uint64
	max    time.Duration
}

func bucket(v uint64) int {
	if v < subBuckets {
		return int(v)
	}
	shift := bits.Len64(v) - 7
	return (shift+1)*subBuckets + int(v>>shift) - subBuckets
}

// upper is the largest value of a bucket.
func upper(b int) uint64 {
	if b < subBuckets {
		return uint64(b)
	}
	shift := b/subBuckets - 1
	return (uint64(b%subBuckets)+subBuckets+1)<<shift - 1
}

func (h *histogram) add(d time.Duration) {
	d = max(d, 0)
	h.counts[bucket(uint64(d))]++
	h.n++
	h.max = max(h.max, d)
}

// quantile is the duration that a share q of all does not exceed, 0 if there are none.
func (h *histogram) quantile(q float64) time.Duration {
	if h.n == 0 {
		return 0
	}
	rank := uint64(q * float64(h.n-1))
	for b, c := range h.counts {
		if rank < c {
			return min(time.Duration(upper(b)), h.max)
		}
		rank -= c
	}
	return h.max
}

func (h *histogram) reset() { *h = histogram{} }
