//go:build !race

package prove

import (
	"testing"

	"snug/internal/crashfs"
)

func TestPowerCuts(t *testing.T) {
	if err := crashfs.Available(); err != nil {
		t.Skip(err)
	}
	n := amount(t, "SNUG_POWER_CUTS", 3)
	r, err := Power{Binary: binary(t), Dir: t.TempDir(), Plan: fullCrowd, Cuts: n, Seed: 2}.Run(deadline(t, n))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("power cuts: %v", r)
	if err := r.Err(); err != nil {
		t.Error(err)
	}
	// A cut falls on a sync; now and then that is one of a checkpoint, after all had been answered.
	if 3*r.Cutting < 2*n {
		t.Errorf("%d of %d power cuts cut unacknowledged messages off, want most", r.Cutting, n)
	}
}
