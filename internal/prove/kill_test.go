//go:build !race

package prove

import (
	"context"
	"testing"
	"time"
)

// crowd is issue to all proofs by kill: 500 messages a second in 20 rooms, 40 observers.
var fullCrowd = Plan{Rooms: 20, Talkers: 20, Observers: 40, Rate: 500, Window: 32, Bytes: 200}

// deadline bounds a whole proof.
func deadline(t *testing.T, n int) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute+time.Duration(n)*10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestKills(t *testing.T) {
	n := amount(t, "SNUG_KILLS", 8)
	ctx := deadline(t, n)
	r, err := Kills{Binary: binary(t), Dir: t.TempDir(), Plan: fullCrowd, Cycles: n, Seed: 1}.Run(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("kill -9: %v", r)
	if err := r.Err(); err != nil {
		t.Error(err)
	}
	if r.Cutting != n {
		t.Errorf("%d of %d kills cut unacknowledged messages off, want all", r.Cutting, n)
	}
	if n >= 8 && (r.Folds == 0 || r.Edits == 0 || r.Deletes == 0 || r.Reactions == 0) {
		t.Errorf("%d kills cut %d folds, %d edits, %d deletes and %d reactions off, want some of each", n, r.Folds, r.Edits, r.Deletes, r.Reactions)
	}
}
