package server

import "testing"

// Memory is given back once after each burst, when it is over.
func TestMemoryWatch(t *testing.T) {
	const mib = 1 << 20
	var m memoryWatch
	for i, step := range []struct {
		allocated uint64
		want      bool
	}{
		{1 * mib, false}, {2 * mib, false}, // quiet, and nothing to give
		{60 * mib, false}, {120 * mib, false}, // a burst
		{121 * mib, true},                      // it is over
		{122 * mib, false}, {125 * mib, false}, // once
		{170 * mib, false}, {171 * mib, true}, // another
		{174 * mib, false},
	} {
		if got := m.look(step.allocated); got != step.want {
			t.Errorf("step %d: %v, want %v", i, got, step.want)
		}
	}
}
