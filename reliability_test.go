package snug

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestReliability holds docs/reliability.md to its word: the tests that it names are in the packages that it names.
func TestReliability(t *testing.T) {
	page, err := os.ReadFile("docs/reliability.md")
	if err != nil {
		t.Fatal(err)
	}
	missing, count := unnamed(string(page), func(pkg string) string {
		files, err := filepath.Glob(filepath.Join(filepath.FromSlash(pkg), "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		var all strings.Builder
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			all.Write(text)
		}
		return all.String()
	})
	for _, m := range missing {
		t.Errorf("docs/reliability.md names %s, which is not there", m)
	}
	if count < 50 {
		t.Errorf("%d tests were named", count)
	}
}

// namedTest is a package and a test of it, as a page names it.
var namedTest = regexp.MustCompile("`((?:internal|cmd)/[a-z/]+)`|`([Tt]est[A-Z][A-Za-z0-9]*)`")

// unnamed lists the tests that a page names and that are not in the source of the
// package named before them, and counts them all.
func unnamed(page string, source func(pkg string) string) (missing []string, count int) {
	for line := range strings.Lines(page) {
		pkg := ""
		for _, m := range namedTest.FindAllStringSubmatch(line, -1) {
			if m[1] != "" {
				pkg = m[1]
				continue
			}
			if count++; pkg == "" || !strings.Contains(source(pkg), "\nfunc "+m[2]+"(t *testing.T") {
				missing = append(missing, pkg+" "+m[2])
			}
		}
	}
	return missing, count
}

func TestUnnamed(t *testing.T) {
	missing, count := unnamed("| `internal/a` `TestOne`, `TestTwo` | `cmd/b` `testThree`\n| `TestOne`\n", func(pkg string) string {
		return map[string]string{"internal/a": "\nfunc TestOne(t *testing.T) {", "cmd/b": "\nfunc testThree(t *testing.T, b Backend) {"}[pkg]
	})
	if got := strings.Join(missing, "; "); got != "internal/a TestTwo;  TestOne" || count != 4 {
		t.Errorf("missing %q of %d", got, count)
	}
}
