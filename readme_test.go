package snug

import (
	"flag"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the sample programs into README.md (make generate does)")

// sample matches a marked code block: a comment naming the file, then the fence.
var sample = regexp.MustCompile("(?s)(<!-- file: (\\S+) -->\n```\\w*\n)(.*?)```\n")

// TestREADMESamples holds README.md to its word that the programs it shows are
// the ones that the tests in e2e run.
func TestREADMESamples(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	got := embedSamples(t, string(readme))
	if *update {
		if err := os.WriteFile("README.md", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != string(readme) {
		t.Error("README.md shows other programs than the tested ones: make generate")
	}
	if marks, blocks := strings.Count(got, "<!-- file: "), len(sample.FindAllString(got, -1)); marks != blocks {
		t.Errorf("README.md has %d marks <!-- file: … --> but %d of them stand before a code block", marks, blocks)
	}
}

// embedSamples puts the present text of each marked file into its block.
func embedSamples(t *testing.T, readme string) string {
	return sample.ReplaceAllStringFunc(readme, func(block string) string {
		m := sample.FindStringSubmatch(block)
		src, err := os.ReadFile(m[2])
		if err != nil {
			t.Error(err)
			return block
		}
		return m[1] + string(src) + "```\n"
	})
}

func TestEmbedSamples(t *testing.T) {
	const fence = "```"
	license, err := os.ReadFile("LICENSE")
	if err != nil {
		t.Fatal(err)
	}
	stale := "before\n<!-- file: LICENSE -->\n" + fence + "text\nold\n" + fence + "\nafter\n"
	want := "before\n<!-- file: LICENSE -->\n" + fence + "text\n" + string(license) + fence + "\nafter\n"
	if got := embedSamples(t, stale); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// link matches the target of a Markdown link to a file of ours.
var link = regexp.MustCompile(`\]\(([^)#:\s]+)(?:#[^)\s]*)?\)`)

// TestLinks: a page that points to another of ours points to one that is there.
func TestLinks(t *testing.T) {
	n := 0
	for file := range ourFiles(t) {
		if path.Ext(file) != ".md" {
			continue
		}
		page, err := os.ReadFile(file)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, m := range link.FindAllStringSubmatch(string(page), -1) {
			n++
			if _, err := os.Stat(path.Join(path.Dir(file), m[1])); err != nil {
				t.Errorf("%s: %v", file, err)
			}
		}
	}
	if n == 0 {
		t.Error("no link was followed")
	}
}
