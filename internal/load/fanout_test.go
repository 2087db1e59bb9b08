package load

import "testing"

// What one member has already got is under way until the last one has it.
func TestWindow(t *testing.T) {
	w := &window{members: 3, arrived: make([]int, 2)}
	quick, slow, last := &place{window: w}, &place{window: w}, &place{window: w}
	for _, step := range []struct {
		who *place
		due int
	}{{quick, 0}, {quick, 0}, {slow, 0}, {last, 1}, {quick, 1}, {last, 1}, {slow, 2}, {slow, 2}, {last, 3}} {
		step.who.brought()
		if w.due != step.due {
			t.Fatalf("%d messages are due after %d, %d and %d were brought, not %d", w.due, quick.next, slow.next, last.next, step.due)
		}
	}
}
