package load

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestHistogramIsExactToOneIn64(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var h histogram
	var all []time.Duration
	for range 20_000 {
		d := time.Duration(rng.ExpFloat64() * float64(3*time.Millisecond))
		h.add(d)
		all = append(all, d)
	}
	slices.Sort(all)
	for _, q := range []float64{0, .1, .5, .9, .99, .999, 1} {
		want := all[int(q*float64(len(all)-1))]
		got := h.quantile(q)
		if got < want || got > want+want/64+1 {
			t.Errorf("quantile %v is %v, want %v to %v", q, got, want, want+want/64)
		}
	}
	if h.quantile(1) != h.max || h.max != all[len(all)-1] {
		t.Errorf("max %v, quantile(1) %v, want %v", h.max, h.quantile(1), all[len(all)-1])
	}
	h.reset()
	if h.quantile(.5) != 0 {
		t.Error("an empty histogram has a median")
	}
}

func TestBucketsAreInOrder(t *testing.T) {
	for _, v := range []uint64{0, 1, 63, 64, 65, 127, 128, 129, 1 << 20, 1<<20 + 1, 1<<62 - 1} {
		b := bucket(v)
		if upper(b) < v || b > 0 && upper(b-1) >= v {
			t.Errorf("%d is in bucket %d, which ends at %d after %d", v, b, upper(b), upper(b-1))
		}
	}
}
