package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// measurements are what one command found: every result of every round.
type measurements struct {
	Machine  string    `json:"machine"`
	Versions []string  `json:"versions"`
	Command  string    `json:"command"`
	At       time.Time `json:"at"`
	Cells    []*cell   `json:"cells"`
}

// A cell is one row on one server.
type cell struct {
	Server  string   `json:"server"`
	Row     string   `json:"row"`
	Results []result `json:"results,omitempty"`
	Failed  string   `json:"failed,omitempty"` // why it could not be measured
}

func (m *measurements) cell(server, row string) *cell {
	for _, c := range m.Cells {
		if c.Server == server && c.Row == row {
			return c
		}
	}
	return nil
}

func (m *measurements) at(server, row string) *cell {
	c := m.cell(server, row)
	if c == nil {
		c = &cell{Server: server, Row: row}
		m.Cells = append(m.Cells, c)
	}
	return c
}

func (m *measurements) add(server, row string, r result) {
	c := m.at(server, row)
	c.Results = append(c.Results, r)
}

func (m *measurements) fail(server, row string, err error) { m.at(server, row).Failed = err.Error() }

// servers are those that were measured, in the order in which they were.
func (m *measurements) servers() []string {
	var names []string
	for _, c := range m.Cells {
		if !slices.Contains(names, c.Server) {
			names = append(names, c.Server)
		}
	}
	return names
}

// median is the result with the median of each figure.
func (c *cell) median() (r result, ok bool) {
	if c == nil || len(c.Results) == 0 {
		return r, false
	}
	r = c.Results[0]
	r.PerSecond = median(c.Results, func(r result) float64 { return r.PerSecond })
	r.PerCPU = median(c.Results, func(r result) float64 { return r.PerCPU })
	r.CoreShare = median(c.Results, func(r result) float64 { return r.CoreShare })
	r.P50 = median(c.Results, func(r result) time.Duration { return r.P50 })
	r.P99 = median(c.Results, func(r result) time.Duration { return r.P99 })
	r.PerConn = median(c.Results, func(r result) int64 { return r.PerConn })
	r.ServerRSS = median(c.Results, func(r result) int64 { return r.ServerRSS })
	return r, true
}

func median[T cmp.Ordered](rs []result, of func(result) T) T {
	vs := make([]T, len(rs))
	for i, r := range rs {
		vs[i] = of(r)
	}
	slices.Sort(vs)
	return vs[(len(vs)-1)/2]
}

// spread is how far the rounds lie apart: (max - min) / median.
func (c *cell) spread(of func(result) float64) float64 {
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, r := range c.Results {
		lo, hi = min(lo, of(r)), max(hi, of(r))
	}
	if m := median(c.Results, of); m > 0 {
		return (hi - lo) / m
	}
	return 0
}

// keep writes what was measured, and the pages anew.
func (b *bench) keep(name string, m *measurements) error {
	m.At = time.Now().UTC().Truncate(time.Second)
	m.Machine = machine()
	m.Versions = b.versions()
	m.Command = "make bench-" + name
	if err := os.MkdirAll(filepath.Join(b.Dir, "results"), 0o755); err != nil {
		return err
	}
	out, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(b.results(name), append(out, '\n'), 0o644); err != nil {
		return err
	}
	return b.report()
}

func (b *bench) results(name string) string { return filepath.Join(b.Dir, "results", name+".json") }

// load reads what was measured; nil if nothing was.
func (b *bench) load(name string) (*measurements, error) {
	in, err := os.ReadFile(b.results(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	m := new(measurements)
	if err := json.Unmarshal(in, m); err != nil {
		return nil, fmt.Errorf("%s: %w", b.results(name), err)
	}
	return m, nil
}

// machine says on what it was measured.
func machine() string {
	model, memory := "", ""
	field(&model, "/proc/cpuinfo", "model name")
	field(&memory, "/proc/meminfo", "MemTotal")
	var kib int
	fmt.Sscan(memory, &kib) // 0 where it cannot be read
	return fmt.Sprintf("%d cores of %s, %d GiB, %s/%s; server and generator share them", runtime.NumCPU(), cmp.Or(model, "an unknown kind"), kib>>20, runtime.GOOS, runtime.GOARCH)
}

// field reads "name: value" from a file of /proc, where there is one.
func field(to *string, file, name string) {
	f, err := os.Open(file)
	if err != nil {
		return
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if key, value, _ := strings.Cut(lines.Text(), ":"); strings.TrimSpace(key) == name {
			*to = strings.TrimSpace(value)
			return
		}
	}
}

// versions of what was measured, as each says itself.
func (b *bench) versions() []string {
	said := []string{runtime.Version()}
	for _, args := range [][]string{
		{b.Snug, "version"}, {"node", "--version"}, {"/usr/bin/python3", "--version"},
		{"dpkg-query", "-W", "-f", "${Package} ${Version}, ", "python3-flask-socketio", "python3-gevent", "python3-eventlet"},
	} {
		if out, err := exec.Command(args[0], args[1:]...).Output(); err == nil {
			said = append(said, strings.Trim(strings.TrimSpace(filepath.Base(args[0])+": "+string(out)), ", "))
		}
	}
	return said
}
