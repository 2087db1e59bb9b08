package web

import (
	"io/fs"
	"strings"
	"testing"
)

// The page must be one that the server can move to another depth by rewriting
// "./" alone, and that its Content-Security-Policy lets run.
func TestPageIsRelativeAndHasNoInlineCode(t *testing.T) {
	root, ok := FS()
	if !ok {
		t.Skip("the app is not built")
	}
	page, err := fs.ReadFile(root, "index.html")
	if err != nil {
		t.Fatal(err)
	}
	s := string(page)
	for _, bad := range []string{`="/`, "://", "<style", " style=", "<script>", " onload="} {
		if strings.Contains(s, bad) {
			t.Errorf("index.html holds %q", bad)
		}
	}
	if !strings.Contains(s, `src="./assets/`) {
		t.Error("index.html does not load ./assets/")
	}
}

func TestPlaceholder(t *testing.T) {
	if !strings.Contains(Placeholder, "make build") {
		t.Error("the placeholder does not say how to build the app")
	}
}
