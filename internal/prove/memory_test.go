//go:build !race

package prove

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// littleMemory is what a server under fault has, and littleGo what its Go runtime is told
// of that, as docs/operations.md has it.
const (
	littleMemory = 256 << 20
	littleGo     = "GOMEMLIMIT=230MiB"
)

// A cage is a limit of memory that the kernel keeps: by a cgroup where one can be made,
// which counts what is in memory; else by RLIMIT_DATA, which counts what could be.
type cage struct {
	group string // the cgroup's directory; "": there is none
	bytes int64
}

// newCage makes one, for a server to be started in. It is taken away at the test's end,
// after what is in it.
func newCage(t testing.TB, bytes int64) cage {
	t.Helper()
	for _, c := range []struct{ root, line, limit string }{
		{"/sys/fs/cgroup/memory", ":memory:", "memory.limit_in_bytes"}, // version 1
		{"/sys/fs/cgroup", "::", "memory.max"},                         // version 2
	} {
		all, err := os.ReadFile("/proc/self/cgroup")
		if err != nil {
			break
		}
		_, ours, found := strings.Cut(string(all), c.line)
		if !found {
			continue
		}
		ours, _, _ = strings.Cut(ours, "\n")
		for _, parent := range []string{filepath.Join(c.root, ours), c.root} {
			dir, err := os.MkdirTemp(parent, "snug-prove")
			if err != nil {
				continue
			}
			t.Cleanup(func() { _ = os.Remove(dir) }) // its files go with it
			if os.WriteFile(filepath.Join(dir, c.limit), []byte(strconv.FormatInt(bytes, 10)), 0o600) == nil {
				return cage{dir, bytes}
			}
		}
	}
	return cage{"", bytes}
}

// wrap is a command that runs another in the cage.
func (c cage) wrap() []string {
	if c.group == "" {
		return []string{"sh", "-c", fmt.Sprintf(`ulimit -d %d && exec "$@"`, c.bytes>>10), "sh"}
	}
	return []string{"sh", "-c", fmt.Sprintf(`echo $$ > %s/cgroup.procs && exec "$@"`, c.group), "sh"}
}

// String says what keeps the limit.
func (c cage) String() string {
	by := "RLIMIT_DATA"
	if c.group != "" {
		by = "a cgroup"
	}
	return fmt.Sprintf("%d MiB by %s", c.bytes>>20, by)
}

// holds fails unless a process is in the cage.
func (c cage) holds(t testing.TB, pid int) {
	t.Helper()
	file, want := fmt.Sprintf("/proc/%d/limits", pid), fmt.Sprintf("Max data size             %d ", c.bytes)
	if c.group != "" {
		file, want = filepath.Join(c.group, "cgroup.procs"), fmt.Sprintf("%d\n", pid)
	}
	if b, err := os.ReadFile(file); err != nil || !strings.Contains(string(b), want) {
		t.Errorf("%s does not hold %d: %v\n%s", file, pid, err, b)
	}
}

// A limit that is not felt proves nothing: in a small part of the memory the server
// does not live.
func TestTooLittleMemory(t *testing.T) {
	c := newCage(t, littleMemory/64)
	ctx, cancel := context.WithTimeout(t.Context(), faultPatience)
	defer cancel()
	p, err := binary(t).Start(ctx, Launch{Data: filepath.Join(t.TempDir(), "data"), Wrap: c.wrap()})
	if err == nil {
		p.Kill()
		t.Errorf("in %v the server serves", c)
	} else if errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}
