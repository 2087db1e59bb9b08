package server

import "testing"

// Memory is given back once after the start and after each burst, when it is over.
func TestMemoryWatch(t *testing.T) {
	const mib = 1 << 20
	var m memoryWatch
	for i, step := range []struct {
		allocated uint64
		want      bool
	}{
		{8 * mib, false},                   // the start
		{9 * mib, true}, {10 * mib, false}, // it is over, and nothing more to give
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
