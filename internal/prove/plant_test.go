//go:build !race

package prove

import (
	"bytes"
	"errors"
	"os"
	"testing"
	"time"

	"snug/internal/crashfs"
)

// smallCrowd is enough to see a fault that is there all the time.
var smallCrowd = Plan{Rooms: 3, Talkers: 6, Observers: 3, Rate: 300, Window: 16, Bytes: 60}

// plants are faults in the running server that the proof by kill must find.
var plants = []string{
	"ack before commit",
	"drop",
	"double on retry",
	"swap",
	"seq used again after restart",
	"backlog skipped",
	"dedupe lost at restart",
	"history off by one",
}

// TestPlantedFaults: a proof that finds nothing proves something only if it
// would find what is there.
func TestPlantedFaults(t *testing.T) {
	faulty := binary(t, "plant")
	find := func(t *testing.T, r *Report, err error) {
		if broken, ok := errors.AsType[*Broken](err); ok {
			t.Logf("found: %v", broken)
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Err(); err == nil {
			t.Errorf("not found: %v", r)
		} else {
			t.Logf("found: %d violations, the first: %.200v", len(r.Violations)+len(r.Faults), err)
		}
	}
	for _, plant := range plants {
		t.Run(plant, func(t *testing.T) {
			t.Parallel()
			r, err := Kills{
				Binary: faulty, Dir: t.TempDir(), Plan: smallCrowd, Cycles: 4, Seed: 3, Settle: 3 * time.Second,
				Env: []string{"SNUG_PLANT=" + plant},
			}.Run(deadline(t, 3))
			find(t, r, err)
		})
	}
	t.Run("ack before fsync", func(t *testing.T) {
		t.Parallel()
		if err := crashfs.Available(); err != nil {
			t.Skip(err)
		}
		r, err := Power{
			Binary: faulty, Dir: t.TempDir(), Plan: smallCrowd, Cuts: 3, Seed: 3, Settle: 3 * time.Second,
			Env: []string{"SNUG_PLANT=ack before fsync"},
		}.Run(deadline(t, 3))
		find(t, r, err)
	})
	t.Run("none", func(t *testing.T) {
		t.Parallel()
		r, err := Kills{Binary: faulty, Dir: t.TempDir(), Plan: smallCrowd, Cycles: 3, Seed: 3}.Run(deadline(t, 3))
		if err == nil {
			err = r.Err()
		}
		if err != nil {
			t.Errorf("found where nothing was planted: %v", err)
		}
	})
}

// TestNothingPlanted: what is shipped does not know of faults.
func TestNothingPlanted(t *testing.T) {
	for _, c := range []struct {
		tags []string
		want bool
	}{{nil, false}, {[]string{"plant"}, true}} {
		b, err := os.ReadFile(string(binary(t, c.tags...)))
		if err != nil {
			t.Fatal(err)
		}
		if got := bytes.Contains(b, []byte("SNUG_PLANT")); got != c.want {
			t.Errorf("with tags %v the binary knows of SNUG_PLANT: %v", c.tags, got)
		}
	}
}
