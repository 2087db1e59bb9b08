package prove

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"snug/internal/crashfs"
)

// shelf is where binaries are built, once each.
var shelf struct {
	dir string // static after TestMain began

	mu    sync.Mutex
	built map[string]Binary // by their tags; guarded by mu
}

func TestMain(m *testing.M) {
	crashfs.Main()
	var err error
	if shelf.dir, err = os.MkdirTemp("", "snug-prove"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	shelf.built = map[string]Binary{}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(shelf.dir) // it is temporary
		os.Exit(code)
	}))
}

// binary is the real program, with build tags if there are any.
func binary(t *testing.T, tags ...string) Binary {
	t.Helper()
	name := fmt.Sprint(tags)
	shelf.mu.Lock()
	defer shelf.mu.Unlock()
	if b, ok := shelf.built[name]; ok {
		return b
	}
	dir, err := os.MkdirTemp(shelf.dir, "")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	b, err := Build(ctx, dir, tags...)
	if err != nil {
		t.Fatal(err)
	}
	shelf.built[name] = b
	return b
}

// amount is how often something is done: short, or what the environment says.
func amount(t *testing.T, variable string, short int) int {
	t.Helper()
	s := os.Getenv(variable)
	if s == "" {
		return short
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return n
}
