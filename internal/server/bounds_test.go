package server

import "testing"

// However few files there are, the log and the operator have theirs.
func TestShareFiles(t *testing.T) {
	for _, c := range []struct{ files, processors, connections, refusals int }{
		{64, 2, 20, 6}, {1024, 2, 922, 64}, {65536, 8, 65404, 64}, {41, 2, 2, 1}, {40, 2, 1, 1}, {39, 2, 0, 1}, {64, 64, -61, 1},
	} {
		if connections, refusals := shareFiles(c.files, c.processors); connections != c.connections || refusals != c.refusals {
			t.Errorf("of %d files with %d processors, %d are for connections and %d for refusals, want %d and %d", c.files, c.processors, connections, refusals, c.connections, c.refusals)
		}
	}
}
