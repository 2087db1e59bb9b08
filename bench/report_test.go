package main

import (
	"context"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// measured is a bench with results of two rounds, on disk.
func measured(t *testing.T) *bench {
	t.Helper()
	b := &bench{Snug: "bin/none", Dir: filepath.Join(t.TempDir(), "bench"), ctx: context.Background()}
	for _, dir := range []string{b.Dir, filepath.Join(b.Dir, "..", "docs")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	page := "# Words\n\n" + figuresBegin + "\nold\n" + figuresEnd + "\n\nMore words.\n"
	if err := os.WriteFile(filepath.Join(b.Dir, "..", "docs", "scaling.md"), []byte(page), 0o644); err != nil {
		t.Fatal(err)
	}
	var p, s, a measurements
	for _, v := range []float64{3, 1, 2} {
		p.add(nameSnug, "room of 200, 16 under way", result{PerCPU: 1e6 * v, P99: time.Duration(v) * time.Millisecond})
		p.add(nameNode, "room of 200, 16 under way", result{PerCPU: 1e5 * v})
		p.add(nameRaw, rawRow, result{PerCPU: 5e5 * v})
		s.add(nameSnug, "members 10", result{PerCPU: 1e6 * v, Members: 10})
		a.add(nameSnug, "100 members, 40 msg/s", result{CoreShare: v / 100, P50: time.Millisecond, P99: 2 * time.Millisecond})
	}
	p.fail(nameNode, "connects", errors.New("no room"))
	for name, m := range map[string]*measurements{"peers": &p, "scaling": &s, "targets": &a} {
		if err := b.keep(name, m); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestReport(t *testing.T) {
	b := measured(t)
	page := read(t, b.Dir, "RESULTS.md")
	for _, want := range []string{
		"| room of 200, 16 under way | 2,000,000 | 200,000 | 1,000,000 |", // medians
		"| connects | – | failed: no room | – |",                          // what could not be measured is said
		"- room of 200, 16 under way: 10.0 × socket.io 4.8.4 (Node), 2.0 × a bare write(2) for each delivery (its own rounds lie within 100 %)",
		"| 100 members, 40 msg/s | ≤ 5 % of a core, p50 ≤ 1.0, p99 ≤ 3 ms | 2.0 % of a core, p50 1.0 ms, p99 2.0 ms |",
		"Medians of 3 interleaved rounds.",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("RESULTS.md lacks %q:\n%s", want, page)
		}
	}
}

func TestScalingKeepsTheWords(t *testing.T) {
	b := measured(t)
	page := read(t, b.Dir, "..", "docs", "scaling.md")
	if !strings.HasPrefix(page, "# Words\n") || !strings.HasSuffix(page, "More words.\n") || strings.Contains(page, "old") {
		t.Errorf("the words were not kept, or the old figures were:\n%s", page)
	}
	if want := "| 10 | 0.50 |"; !strings.Contains(page, want) {
		t.Errorf("scaling.md lacks %q:\n%s", want, page)
	}
}

func TestPlots(t *testing.T) {
	b := measured(t)
	for _, text := range []string{read(t, b.Dir, "peers.svg"), read(t, b.Dir, "..", "docs", "scaling.svg")} {
		if strings.Contains(text, "NaN") || strings.Contains(text, "Inf") || !strings.Contains(text, "<circle") {
			t.Errorf("a plot without points, or with places that are none:\n%s", text)
		}
		for d := xml.NewDecoder(strings.NewReader(text)); ; {
			if _, err := d.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestRawLoop(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there is none")
	}
	r, err := rawLoop(20 * time.Millisecond)
	if err != nil || r.Deliveries == 0 || r.Deliveries%rawConns != 0 || r.PerCPU <= 0 {
		t.Errorf("%+v, %v", r, err)
	}
}
