package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"snug/internal/load"
)

// A row is one measurement: a scenario of `snug bench` with its numbers.
type row struct {
	name string   // unique
	args []string // of snug bench
	goal string   // what Snug sets itself, in words; empty: nothing
	show func(result) string
	not  []string // servers that are spared it
}

// A result is what one measurement of one row found, as snug bench tells it.
type result load.Result

// line is what is said while it runs.
func (r result) line() string {
	return fmt.Sprintf("%9.0f/s %9.0f a CPU second, %5.1f %% of a core, p50 %v p99 %v, %d KiB a connection",
		r.PerSecond, r.PerCPU, 100*r.CoreShare, r.P50.Round(10*time.Microsecond), r.P99.Round(10*time.Microsecond), r.PerConn>>10)
}

// Of those who are idle. A server may well tidy up after a crowd has come, and that is no cost
// of its being there; but all of their heartbeats are, and Snug's come every 9 s.
const (
	settled    = 6 * time.Second
	heartbeats = 18 * time.Second
)

// generate runs snug bench against a server.
func (b *bench) generate(s *served, r row) (res result, err error) {
	warmup, counts := b.Warmup, b.Time
	if r.args[0] == "idle" {
		warmup, counts = max(warmup, settled), max(counts, heartbeats)
	}
	args := append([]string{"bench"}, r.args...)
	args = append(args, "--json", "--url", s.url, "--duration", counts.String(), "--warmup", warmup.String())
	cmd := exec.CommandContext(b.ctx, b.Snug, args...)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return res, fmt.Errorf("snug bench: %s", strings.TrimSpace(string(exit.Stderr)))
	}
	if err != nil {
		return res, err
	}
	if err := json.Unmarshal(out, &res); err != nil {
		return res, fmt.Errorf("snug bench: %w", err)
	}
	if res.Disorder > 0 || res.Lost > 0 || res.Refused > 0 {
		return res, fmt.Errorf("%d deliveries out of order, %d connections lost, %d messages refused", res.Disorder, res.Lost, res.Refused)
	}
	if r.args[0] == "fanout" && res.Deliveries == 0 {
		return res, errors.New("nothing was delivered in time")
	}
	return res, nil
}

// What of a result a table shows.
func perCPU(r result) string { return thousands(r.PerCPU) }

func throughput(r result) string {
	return fmt.Sprintf("%s/s, %s per CPU-s, p99 %s", thousands(r.PerSecond), thousands(r.PerCPU), millis(r.P99))
}

func atRate(r result) string {
	return fmt.Sprintf("%.1f %% of a core, p50 %s, p99 %s", 100*r.CoreShare, millis(r.P50), millis(r.P99))
}

func idle(r result) string {
	return fmt.Sprintf("%.1f KiB a connection, %.1f %% of a core", float64(r.PerConn)/1024, 100*r.CoreShare)
}

// nameRaw is the column of what the machine itself can do: a loop that writes
// to 200 connections, one write(2) for each delivery, and does nothing else.
const nameRaw = "a bare write(2) for each delivery"

// rawRow is the row that the bare loop is measured beside.
const rawRow = "room of 200, 16 under way"

func fanout(members, rooms, window int) []string {
	return []string{"fanout", "--members", strconv.Itoa(members), "--rooms", strconv.Itoa(rooms), "--window", strconv.Itoa(window)}
}

func paced(members int, rate float64) []string {
	return []string{"fanout", "--members", strconv.Itoa(members), "--rate", strconv.FormatFloat(rate, 'f', -1, 64)}
}

// targetRows are what Snug sets itself.
func targetRows(b *bench) []row {
	return []row{
		{name: rawRow, args: fanout(200, 1, 16), show: throughput, goal: "≥ 1.3 M per CPU-s"},
		{name: "room of 1,000, 64 under way", args: fanout(1000, 1, 64), show: throughput, goal: "≥ 3 M/s, p99 ≤ 30 ms"},
		{name: "room of 1,000, 1,000 msg/s", args: paced(1000, 1000), show: atRate, goal: "≤ 65 % of a core, p99 ≤ 20 ms"},
		{name: "100 rooms of 10, 2 under way", args: fanout(1000, 100, 2), show: throughput, goal: "≥ 150,000 per CPU-s"},
		{name: "100 members, 40 msg/s", args: paced(100, 40), show: atRate, goal: "≤ 5 % of a core, p50 ≤ 1.0, p99 ≤ 3 ms"},
		{name: "room of 1,000, 100 msg/s", args: paced(1000, 100), show: atRate},
		{name: "the same, and one of them reads nothing", args: append(paced(1000, 100), "--slow", "1"), show: atRate, goal: "p99 ≤ 1.2 × that"},
		{name: "a room of 10 beside one of 10,000 at 100 msg/s", args: []string{"beside", "--members", "10000", "--rate", "100"}, show: atRate, goal: "p99 ≤ 10 ms"},
		{name: "10,000 idle in 200 rooms", args: []string{"idle", "--members", "10000", "--rooms", "200"}, show: idle, goal: "≤ 4 KiB, ≤ 1 % of a core"},
		{name: "1,000 idle in 20 rooms", args: []string{"idle", "--members", "1000", "--rooms", "20"}, show: idle},
		{name: "1,000 idle in 20 rooms, by polling", args: []string{"idle", "--members", "1000", "--rooms", "20", "--polling"}, show: idle, goal: "≤ 12 KiB"},
		{name: "connects", args: connects, show: throughput, goal: "≥ 6,000 per CPU-s"},
		{name: "connects, 256 at a time", args: []string{"connect", "--window", "256", "--rooms", "200"}, show: throughput},
		{name: "just started", args: []string{"idle", "--members", "1", "--rooms", "1"}, show: b.started, goal: "binary < 30 MB, memory < 30 MB"},
	}
}

// connects has newcomers join rooms, each for the first time: a membership is made durable for each.
var connects = []string{"connect", "--window", "32", "--rooms", "200"}

// started tells of a server that has one member.
func (b *bench) started(r result) string {
	size := int64(0)
	if info, err := os.Stat(b.Snug); err == nil {
		size = info.Size()
	}
	return fmt.Sprintf("binary %.1f MB, memory %.1f MB", float64(size)/1e6, float64(r.ServerRSS)/1e6)
}

// peerRows are what peers are measured by, and the curves of the plot.
func peerRows(*bench) []row {
	slow := []string{"Flask-SocketIO (eventlet)"} // gevent is the faster of the two
	rows := []row{
		{name: rawRow, args: fanout(200, 1, 16), show: perCPU},
		{name: "room of 1,000, 64 under way", args: fanout(1000, 1, 64), show: throughput, not: slow},
		{name: "100 rooms of 10, 2 under way", args: fanout(1000, 100, 2), show: perCPU, not: slow},
		{name: "100 members, 40 msg/s", args: paced(100, 40), show: atRate},
		{name: "connects", args: connects, show: perCPU, not: slow},
		{name: "1,000 idle in 20 rooms", args: []string{"idle", "--members", "1000", "--rooms", "20"}, show: idle, not: slow},
	}
	for _, n := range []int{10, 50, 500} {
		rows = append(rows, row{name: fmt.Sprintf("curve: room of %d, 16 under way", n), args: fanout(n, 1, 16), not: slow})
	}
	for _, rate := range []float64{10, 160, 640, 2560} {
		rows = append(rows, row{name: fmt.Sprintf("curve: 100 members, %g msg/s", rate), args: paced(100, rate), not: slow})
	}
	return rows
}

// scalingRows are curves of Snug alone.
func scalingRows(*bench) []row {
	var rows []row
	for _, n := range []int{10, 30, 100, 300, 1000, 3000, 10000} {
		rows = append(rows,
			row{name: fmt.Sprintf("members %d", n), args: fanout(n, 1, 16)},
			row{name: fmt.Sprintf("members %d, 20 msg/s", n), args: paced(n, 20)})
	}
	for _, n := range []int{1, 10, 100, 1000, 5000} {
		// Two in each room, or the thousand that there are.
		members := max(1000, 2*n)
		rows = append(rows,
			row{name: fmt.Sprintf("rooms %d", n), args: fanout(members, n, max(1, 64/n))},
			row{name: fmt.Sprintf("idle rooms %d", n), args: []string{"idle", "--members", strconv.Itoa(members), "--rooms", strconv.Itoa(n)}})
	}
	for _, n := range []int{1_000, 10_000, 100_000, 1_000_000} {
		rows = append(rows, row{name: fmt.Sprintf("stored %d", n), args: []string{"history", "--members", strconv.Itoa(n)}})
	}
	return rows
}

func thousands(v float64) string {
	digits := strconv.FormatFloat(v, 'f', 0, 64)
	var groups []string
	for len(digits) > 3 {
		groups = append(groups, digits[len(digits)-3:])
		digits = digits[:len(digits)-3]
	}
	groups = append(groups, digits)
	slices.Reverse(groups)
	return strings.Join(groups, ",")
}

func millis(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}
