package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestStoreReport(t *testing.T) {
	b := measured(t)
	m := storeMeasurements{Machine: "a machine", Go: "go1", Load: []string{"0.10", "0.20", "3.00"}, Benchmarks: map[string][]figures{}}
	for _, said := range []string{
		"BenchmarkStore/append/senders=1-2  \t 10 \t 30.00 cpu-µs/msg\t 9.0 max-ms\t 6000 msg/s\t 0.2 p50-ms\t 0.4 p99-ms\t 0.5 worst-p99-ms",
		"BenchmarkStore/append/senders=1-2  \t 10 \t 10.00 cpu-µs/msg\t 9.0 max-ms\t 4000 msg/s\t 0.1 p50-ms\t 0.3 p99-ms\t 0.7 worst-p99-ms",
		"BenchmarkStore/append/senders=1-2  \t 10 \t 20.00 cpu-µs/msg\t 9.0 max-ms\t 5000 msg/s\t 0.3 p50-ms\t 0.5 p99-ms\t 0.6 worst-p99-ms",
		"BenchmarkStore/disk/sync=64KiB 100 2 max-ms 1000 sync/s 0.5 p50-ms 1.5 p99-ms",
		"BenchmarkStart 7 120 max-ms 90 p50-ms",
	} {
		found, err := parseBenchmarks(strings.NewReader("goos: linux\n" + said + "\nPASS\n"))
		if err != nil {
			t.Fatal(err)
		}
		for name, f := range found {
			m.Benchmarks[name] = append(m.Benchmarks[name], f)
		}
	}
	out, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(b.results("store"), out, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := b.report(); err != nil {
		t.Fatal(err)
	}
	page := read(t, filepath.Join(b.Dir, "RESULTS.md"))
	for _, want := range []string{
		"Medians of 3 rounds; the machine's load before each: 0.10, 0.20, 3.00.",
		"| the disk alone, 64 KiB each | | 1,000 a second, p50 0.5 ms, p99 1.5 ms |",
		"| durable appends, 1 sender | ≥ 5,000/s, p99 < 0.6 ms | 5,000/s, p50 0.2 ms, p99 0.4 ms, worst half second's p99 0.6 ms, 20 µs of CPU each |",
		"first acknowledgement, after a kill, 1 M messages stored | < 300 ms | p50 90 ms, longest 120 ms |",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("%s\nhas no %q", page, want)
		}
	}
	if _, err := parseBenchmarks(strings.NewReader("PASS\n")); err == nil {
		t.Error("nothing was said, and nobody minds")
	}
}
