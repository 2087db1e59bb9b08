package snug

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// A testFunc is a test as its source says it is: the strings in it are what its
// cases may be called.
type testFunc map[string]bool

// TestEvidence holds docs/socketio.md to its word: each of its rows names tests
// for what is right and for what is wrong, and each of them is there.
func TestEvidence(t *testing.T) {
	page, err := os.ReadFile("docs/socketio.md")
	if err != nil {
		t.Fatal(err)
	}
	read := map[string]map[string]testFunc{}
	find := func(pkg string) map[string]testFunc {
		if read[pkg] == nil {
			read[pkg] = testsOf(t, pkg)
		}
		return read[pkg]
	}
	problems, rows := unproven(string(page), find)
	for _, problem := range problems {
		t.Errorf("docs/socketio.md: %s", problem)
	}
	if rows < 80 {
		t.Errorf("%d rows were read", rows)
	}
}

// named is a test in a row: package, function and, after a slash, case.
var named = regexp.MustCompile("`([a-z0-9/]+)\\.((?:Test|Fuzz|Example)\\w*)(?:/([^`]+))?`")

// unproven says what is wrong with the rows of a page's tables, and how many
// there are.
func unproven(page string, find func(pkg string) map[string]testFunc) (problems []string, rows int) {
	for line := range strings.Lines(page) {
		if line[0] != '|' || line[1] == '-' || strings.HasPrefix(line, "| the server |") {
			continue
		}
		rows++
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		if len(cells) != 3 {
			problems = append(problems, fmt.Sprintf("%d cells in %q", len(cells), line))
			continue
		}
		for _, cell := range cells[1:] {
			tests := named.FindAllStringSubmatch(cell, -1)
			if len(tests) == 0 || len(tests) != strings.Count(cell, "`")/2 {
				problems = append(problems, fmt.Sprintf("%q does not name tests alone", cell))
			}
			for _, m := range tests {
				f, found := find(m[1])[m[2]]
				if !found || m[3] != "" && !f[m[3]] {
					problems = append(problems, "there is no "+m[0])
				}
			}
		}
	}
	return problems, rows
}

// testsOf reads the tests of a package.
func testsOf(t *testing.T, pkg string) map[string]testFunc {
	files, err := filepath.Glob(pkg + "/*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]testFunc{}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Error(err)
			continue
		}
		maps.Copy(all, testFuncs(parsed))
	}
	return all
}

func testFuncs(f *ast.File) map[string]testFunc {
	all := map[string]testFunc{}
	for _, decl := range f.Decls {
		d, ok := decl.(*ast.FuncDecl)
		if !ok || d.Recv != nil {
			continue
		}
		cases := testFunc{}
		ast.Inspect(d, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if s, err := strconv.Unquote(lit.Value); err == nil {
					cases[s] = true
				}
			}
			return true
		})
		all[d.Name.Name] = cases
	}
	return all
}

func TestUnproven(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "p_test.go", `package p

func TestGood(t *testing.T) { t.Run("a case", nil) }

func FuzzBad(f *testing.F) {}

func (x) TestMethod(t *testing.T) {}
`, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	tests := testFuncs(f)
	find := func(pkg string) map[string]testFunc {
		if pkg == "p/q" {
			return tests
		}
		return nil
	}
	const page = `# A page

| the server | what is right | what is wrong |
|---|---|---|
| does %s | %s | %s |
`
	for _, tc := range []struct {
		good, bad string
		problems  int
	}{
		{"`p/q.TestGood`", "`p/q.FuzzBad`", 0},
		{"`p/q.TestGood/a case`, `p/q.TestGood`", "`p/q.FuzzBad`", 0},
		{"`p/q.TestGone`", "`p/q.FuzzBad`", 1},
		{"`p/q.TestMethod`", "`q.FuzzBad`", 2},
		{"`p/q.TestGood/another`", "`p/q.FuzzBad`", 1},
		{"", "`p/q.FuzzBad`", 1},
		{"`p/q.TestGood`", "seen by hand", 1},
		{"`p/q.TestGood`, `p/q.helper`", "`p/q.FuzzBad`", 1},
	} {
		got, rows := unproven(fmt.Sprintf(page, "`x`", tc.good, tc.bad), find)
		if len(got) != tc.problems || rows != 1 {
			t.Errorf("%s | %s: %q in %d rows, want %d", tc.good, tc.bad, got, rows, tc.problems)
		}
	}
}
