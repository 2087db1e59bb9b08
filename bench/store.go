package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// figures are what one Go benchmark reports, by unit.
type figures map[string]float64

// storeMeasurements are what `bench store` found: for each benchmark the figures of each round.
type storeMeasurements struct {
	Machine    string               `json:"machine"`
	Go         string               `json:"go"`
	Load       []string             `json:"load"` // the machine's, before each round: what else ran there
	At         time.Time            `json:"at"`
	Benchmarks map[string][]figures `json:"benchmarks"`
}

type storeCommand struct{}

// Run measures the store and the start of the binary, and in the same run what
// the disk can do by itself.
func (storeCommand) Run(b *bench) error {
	m := &storeMeasurements{Benchmarks: map[string][]figures{}}
	for range b.Rounds {
		m.Load = append(m.Load, machineLoad())
		for _, part := range []struct{ which, pkg string }{
			{"^Benchmark(Store|Search|Backup)$", "./internal/store/sqlite"},
			{"^BenchmarkStart$", "./internal/prove"},
		} {
			cmd := exec.CommandContext(b.ctx, "go", "test", "-run", "^$", "-bench", part.which, "-benchtime", b.Time.String(), "-timeout", "1h", part.pkg)
			cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
			cmd.Stderr = os.Stderr
			var out bytes.Buffer
			cmd.Stdout = io.MultiWriter(&out, os.Stderr)
			if err := cmd.Run(); err != nil {
				return fmt.Errorf("%s: %w", part.pkg, err)
			}
			found, err := parseBenchmarks(&out)
			if err != nil {
				return err
			}
			for name, f := range found {
				m.Benchmarks[name] = append(m.Benchmarks[name], f)
			}
		}
	}
	m.Machine, m.Go, m.At = machine(), runtime.Version(), time.Now().UTC().Truncate(time.Second)
	out, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(b.results("store"), append(out, '\n'), 0o644); err != nil {
		return err
	}
	return b.report()
}

// machineLoad is how many processes wanted a CPU in the last minute.
func machineLoad() string {
	said, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "not known"
	}
	load, _, _ := strings.Cut(string(said), " ")
	return load
}

// parseBenchmarks reads what go test -bench prints: a name with the number of
// CPUs behind it, how often it ran, and pairs of a figure and its unit.
func parseBenchmarks(from io.Reader) (map[string]figures, error) {
	found := map[string]figures{}
	lines := bufio.NewScanner(from)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) < 4 || !strings.HasPrefix(words[0], "Benchmark") {
			continue
		}
		name := words[0]
		if i := strings.LastIndexByte(name, '-'); i > 0 {
			if _, err := strconv.Atoi(name[i+1:]); err == nil {
				name = name[:i]
			}
		}
		f := figures{}
		for i := 2; i+1 < len(words); i += 2 {
			v, err := strconv.ParseFloat(words[i], 64)
			if err != nil {
				return nil, fmt.Errorf("%q: %w", lines.Text(), err)
			}
			f[words[i+1]] = v
		}
		found[name] = f
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, errors.New("no benchmark said anything")
	}
	return found, nil
}

// median is that of each figure of a benchmark's rounds; nil if it was not measured.
func (m *storeMeasurements) median(name string) figures {
	rounds := m.Benchmarks[name]
	if len(rounds) == 0 {
		return nil
	}
	middle := figures{}
	for unit := range rounds[0] {
		var values []float64
		for _, f := range rounds {
			values = append(values, f[unit])
		}
		slices.Sort(values)
		middle[unit] = values[(len(values)-1)/2]
	}
	return middle
}

// storeRows are the rows of the table: which benchmark, what it is to reach.
var storeRows = []struct{ name, benchmark, goal string }{
	{"durable appends, 1 sender", "BenchmarkStore/append/senders=1", "≥ 5,000/s, p99 < 0.6 ms"},
	{"16 senders", "BenchmarkStore/append/senders=16", "≥ 40,000/s, p99 < 2 ms"},
	{"256 senders", "BenchmarkStore/append/senders=256", "≥ 80,000/s, p99 < 14 ms"},
	{"2,000 senders", "BenchmarkStore/append/senders=2000", "≥ 100,000/s, p99 < 40 ms"},
	{"256 senders, random ids", "BenchmarkStore/append/senders=256/ids=random", ""},
	{"256 senders into one room, 42,000/s, while all of it is indexed", "BenchmarkSearch/indexing", "≥ 40,000/s, lag < 2 s"},
	{"last 50 of 1 M messages", "BenchmarkStore/read/last=50", "p99 < 0.3 ms"},
	{"page back of 50", "BenchmarkStore/read/back=50", "p99 < 0.3 ms"},
	{"resume of 200", "BenchmarkStore/read/resume=200", "p99 < 0.8 ms"},
	{"search in 1 M messages: a word of few", "BenchmarkSearch/rare", "p99 < 3 ms"},
	{"a word of most", "BenchmarkSearch/common", "p99 < 3 ms"},
	{"two words", "BenchmarkSearch/two", "p99 < 3 ms"},
	{"three words of which hundreds begin so", "BenchmarkSearch/three", "p99 < 3 ms"},
	{"the same, before the index has become one part", "BenchmarkSearch/three-at-once", ""},
	{"a million messages in the index become one part, once nobody writes", "BenchmarkSearch/merging", ""},
	{"a rare and a common word", "BenchmarkSearch/rare-and-common", "p99 < 3 ms"},
	{"a prefix", "BenchmarkSearch/prefix", "p99 < 3 ms"},
	{"a prefix that most have", "BenchmarkSearch/broad-prefix", "p99 < 3 ms"},
	{"what is not there", "BenchmarkSearch/absent", "p99 < 3 ms"},
	{"64 senders, while a backup of 500,000 messages is made", "BenchmarkBackup", "no wait over 50 ms; the WAL is bounded"},
	{"start of the binary to its first acknowledgement, after a kill, 1 M messages stored", "BenchmarkStart", "< 300 ms"},
}

func (f figures) String() string {
	var parts []string
	add := func(unit, format string) {
		if v, ok := f[unit]; ok {
			parts = append(parts, fmt.Sprintf(format, v))
		}
	}
	if v, ok := f["msg/s"]; ok {
		parts = append(parts, thousands(v)+"/s")
	}
	add("lag-s", "lag %.2f s")
	add("merge-s", "%.1f s")
	add("p50-ms", "p50 %.3g ms")
	add("p99-ms", "p99 %.3g ms")
	add("worst-p99-ms", "worst half second's p99 %.3g ms")
	if _, ok := f["worst-p99-ms"]; !ok {
		add("max-ms", "longest %.3g ms")
	}
	add("wal-MiB", "WAL at most %.3g MiB")
	add("backup-s", "the backup took %.1f s")
	add("cpu-µs/msg", "%.3g µs of CPU each")
	return strings.Join(parts, ", ")
}

// reportStore writes the store's table, if the store was measured.
func (b *bench) reportStore(w io.Writer) error {
	in, err := os.ReadFile(b.results("store"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var m storeMeasurements
	if err := json.Unmarshal(in, &m); err != nil {
		return fmt.Errorf("%s: %w", b.results("store"), err)
	}
	rounds := 0
	for _, r := range m.Benchmarks {
		rounds = max(rounds, len(r))
	}
	fmt.Fprintf(w, "\n## The store\n\n`make bench-store`, %s. %s. %s. Medians of %d rounds; the machine's load before each: %s.\n\n",
		m.At.Format(time.DateOnly), m.Machine, m.Go, rounds, strings.Join(m.Load, ", "))
	fmt.Fprint(w, "Messages of 200 bytes in 1,000 rooms, each with an id and looked up by it, each answered when it is on the disk; whoever sends waits for the answer. "+
		"What the disk does alone, in the same run, is `fdatasync` of a file made beforehand.\n\n| what | target | measured |\n|---|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(m.Benchmarks)) {
		if size, ok := strings.CutPrefix(name, "BenchmarkStore/disk/sync="); ok {
			f := m.median(name)
			fmt.Fprintf(w, "| the disk alone, %s each | | %s a second, p50 %.3g ms, p99 %.3g ms |\n", strings.Replace(size, "KiB", " KiB", 1), thousands(f["sync/s"]), f["p50-ms"], f["p99-ms"])
		}
	}
	for _, r := range storeRows {
		if f := m.median(r.benchmark); f != nil {
			fmt.Fprintf(w, "| %s | %s | %v |\n", r.name, r.goal, f)
		}
	}
	return nil
}
