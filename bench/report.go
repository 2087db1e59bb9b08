package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// report writes RESULTS.md and the plots from the results that there are.
func (b *bench) report() error {
	var page strings.Builder
	page.WriteString("# What was measured\n\nWritten by `go run ./bench`; each result of each round is in [results](results). " +
		"Ratios count: absolute figures drift with the machine. A delivery is one message arriving at one member; \"per CPU-s\" is per second of the server's CPU. " +
		"Snug decodes, checks and fsyncs every message before it delivers it; its peers keep everything in memory.\n")
	targets, err := b.load("targets")
	if err != nil {
		return err
	}
	if targets != nil {
		targetsTable(&page, targets, targetRows(b))
	}
	if err := b.reportStore(&page); err != nil {
		return err
	}
	if err := b.reportPeers(&page); err != nil {
		return err
	}
	if err := b.reportScaling(); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(b.Dir, "RESULTS.md"), []byte(page.String()), 0o644)
}

func header(w io.Writer, title string, m *measurements) {
	fmt.Fprintf(w, "\n## %s\n\n`%s`, %s. %s. %s.\n\n", title, m.Command, m.At.Format(time.DateOnly), m.Machine, strings.Join(m.Versions, "; "))
}

func targetsTable(w io.Writer, m *measurements, rows []row) {
	header(w, "What Snug sets itself", m)
	servers := m.servers()
	fmt.Fprintf(w, "| row | target | %s |\n|---|---|%s\n", strings.Join(servers, " | "), strings.Repeat("---|", len(servers)))
	for _, r := range rows {
		fmt.Fprintf(w, "| %s | %s |", r.name, r.goal)
		for _, s := range servers {
			fmt.Fprintf(w, " %s |", show(m.cell(s, r.name), r))
		}
		fmt.Fprintln(w)
	}
}

// show is a cell's text in a table.
func show(c *cell, r row) string {
	if res, ok := c.median(); ok {
		return r.show(res)
	}
	if c != nil && c.Failed != "" {
		return "failed: " + c.Failed
	}
	return "–"
}

func (b *bench) reportPeers(w io.Writer) error {
	m, err := b.load("peers")
	if m == nil || err != nil {
		return err
	}
	header(w, "Beside others", m)
	servers := m.servers()
	fmt.Fprintf(w, "Medians of %d interleaved rounds.\n\n| row | %s |\n|---|%s\n", rounds(m), strings.Join(servers, " | "), strings.Repeat("---|", len(servers)))
	for _, r := range peerRows(b) {
		if r.show == nil {
			continue
		}
		fmt.Fprintf(w, "| %s |", r.name)
		for _, s := range servers {
			fmt.Fprintf(w, " %s |", show(m.cell(s, r.name), r))
		}
		fmt.Fprintln(w)
	}
	ratios(w, m, servers)
	fmt.Fprint(w, "\n![Deliveries per CPU second over the size of a room, and latency over load](peers.svg)\n")
	return os.WriteFile(filepath.Join(b.Dir, "peers.svg"), peersPlot(m), 0o644)
}

func rounds(m *measurements) (n int) {
	for _, c := range m.Cells {
		n = max(n, len(c.Results))
	}
	return n
}

// ratios says how many times what of each peer Snug does.
func ratios(w io.Writer, m *measurements, servers []string) {
	fmt.Fprint(w, "\nPer second of CPU, Snug does\n\n")
	for _, row := range []string{rawRow, "room of 1,000, 64 under way", "100 rooms of 10, 2 under way", "connects"} {
		ours, ok := m.cell(nameSnug, row).median()
		if !ok {
			continue
		}
		var parts []string
		for _, s := range servers {
			if theirs, ok := m.cell(s, row).median(); ok && s != nameSnug && theirs.PerCPU > 0 {
				parts = append(parts, fmt.Sprintf("%.1f × %s", ours.PerCPU/theirs.PerCPU, s))
			}
		}
		spread := m.cell(nameSnug, row).spread(func(r result) float64 { return r.PerCPU })
		fmt.Fprintf(w, "- %s: %s (its own rounds lie within %.0f %%)\n", row, strings.Join(parts, ", "), 100*spread)
	}
}

// figures of docs/scaling.md stand between these.
const (
	figuresBegin = "<!-- figures: written by go run ./bench -->"
	figuresEnd   = "<!-- end of figures -->"
)

// reportScaling writes the figures into docs/scaling.md, whose words are by hand.
func (b *bench) reportScaling() error {
	m, err := b.load("scaling")
	if m == nil || err != nil {
		return err
	}
	name := filepath.Join(b.Dir, "..", "docs", "scaling.md")
	page, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	before, rest, ok1 := strings.Cut(string(page), figuresBegin)
	_, after, ok2 := strings.Cut(rest, figuresEnd)
	if !ok1 || !ok2 {
		return fmt.Errorf("%s has no place for figures", name)
	}
	var w strings.Builder
	w.WriteString(before + figuresBegin + "\n")
	fmt.Fprintf(&w, "\n`%s`, %s. %s. %s.\n", m.Command, m.At.Format(time.DateOnly), m.Machine, strings.Join(m.Versions, "; "))
	scalingTables(&w, m)
	w.WriteString("\n" + figuresEnd + after)
	if err := os.WriteFile(filepath.Join(filepath.Dir(name), "scaling.svg"), scalingPlot(m), 0o644); err != nil {
		return err
	}
	return os.WriteFile(name, []byte(w.String()), 0o644)
}

func scalingTables(w io.Writer, m *measurements) {
	fmt.Fprint(w, "\n| members of one room | CPU µs a delivery, 16 under way | p99 | CPU µs a delivery, 20 msg/s | p99 | server's memory |\n|---|---|---|---|---|---|\n")
	for _, n := range scaleOf(m, "members %d", 10, 30, 100, 300, 1000, 3000, 10000) {
		busy, _ := m.cell(nameSnug, fmt.Sprintf("members %d", n)).median()
		slow, _ := m.cell(nameSnug, fmt.Sprintf("members %d, 20 msg/s", n)).median()
		fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %d MiB |\n", thousands(float64(n)), micros(busy), millis(busy.P99), micros(slow), millis(slow.P99), busy.ServerRSS>>20)
	}
	fmt.Fprint(w, "\n| rooms | members in all | CPU µs a delivery | deliveries/s | p99 | KiB an idle connection |\n|---|---|---|---|---|---|\n")
	for _, n := range scaleOf(m, "rooms %d", 1, 10, 100, 1000, 5000) {
		busy, _ := m.cell(nameSnug, fmt.Sprintf("rooms %d", n)).median()
		rest, _ := m.cell(nameSnug, fmt.Sprintf("idle rooms %d", n)).median()
		fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %.1f |\n", thousands(float64(n)), thousands(float64(busy.Members)), micros(busy), thousands(busy.PerSecond), millis(busy.P99), float64(rest.PerConn)/1024)
	}
	fmt.Fprint(w, "\n| messages stored in a room | pages of 50 a second, one reader | p50 | p99 | server's memory |\n|---|---|---|---|---|\n")
	for _, n := range scaleOf(m, "stored %d", 1_000, 10_000, 100_000, 1_000_000) {
		r, _ := m.cell(nameSnug, fmt.Sprintf("stored %d", n)).median()
		fmt.Fprintf(w, "| %s | %s | %s | %s | %d MiB |\n", thousands(float64(n)), thousands(r.PerSecond), millis(r.P50), millis(r.P99), r.ServerRSS>>20)
	}
	fmt.Fprint(w, "\n![CPU a delivery over members and over rooms](scaling.svg)\n")
}

// scaleOf keeps those sizes that were measured.
func scaleOf(m *measurements, name string, sizes ...int) []int {
	var have []int
	for _, n := range sizes {
		if _, ok := m.cell(nameSnug, fmt.Sprintf(name, n)).median(); ok {
			have = append(have, n)
		}
	}
	return have
}

// micros is the server's CPU time for each delivery.
func micros(r result) string {
	if r.PerCPU == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f", 1e6/r.PerCPU)
}
