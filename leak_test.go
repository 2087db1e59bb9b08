package snug

import (
	"bytes"
	"os"
	"path"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Every goroutine has an owner that waits for it: the tests of each package end
// with a look at what is still running.
func TestLeaksAreLookedFor(t *testing.T) {
	looks := map[string]bool{}
	for file := range ourFiles(t) {
		if !strings.HasSuffix(file, "_test.go") {
			continue
		}
		src, err := os.ReadFile(file)
		if err != nil {
			t.Error(err)
			continue
		}
		looks[path.Dir(file)] = looks[path.Dir(file)] || bytes.Contains(src, []byte("goleak.VerifyTestMain("))
	}
	if len(looks) < 20 {
		t.Fatalf("only %d packages have tests", len(looks))
	}
	for pkg, does := range looks {
		if !does {
			t.Errorf("%s has tests, but nothing that sees whether they leave goroutines behind", pkg)
		}
	}
}
