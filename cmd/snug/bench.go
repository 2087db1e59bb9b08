package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"text/tabwriter"
	"time"

	"snug/internal/load"
)

// benchCommand is the subcommand that measures a server.
type benchCommand struct {
	Scenario string        `arg:"" enum:"fanout,beside,idle,connect,history,storm" help:"What to measure: fanout, beside, idle, connect, history or storm."`
	URL      string        `help:"The server's address." default:"http://127.0.0.1:5000"`
	Metrics  string        `help:"Address of the server's figures (its --metrics, with /metrics), for its CPU and memory where it is on another machine." placeholder:"URL"`
	Members  int           `help:"Connections over all rooms; in history, messages to page through." default:"200"`
	Rooms    int           `help:"Rooms they are spread over." default:"1"`
	Senders  int           `help:"Members of each room who talk." default:"1"`
	Window   int           `help:"Messages under way in each room, which are those that not all have yet; in connect, connections at a time." default:"16"`
	Rate     float64       `help:"Messages a second over all rooms, instead of --window."`
	Size     int           `help:"Bytes of each message." default:"100"`
	Slow     int           `help:"Members who stop reading once they have joined."`
	Polling  bool          `help:"In idle: by long polling instead of WebSocket."`
	Warmup   time.Duration `help:"What does not count, at the start." default:"2s"`
	Duration time.Duration `help:"What counts." default:"10s"`
	JSON     bool          `help:"Print the result as JSON."`
}

// Help is what --help says beside the flags.
func (benchCommand) Help() string {
	return `Examples:
  snug serve --limits off --data /tmp/bench        in another window
  snug bench fanout --members 1000 --window 64     one room of 1,000, 64 messages under way
  snug bench fanout --members 1000 --rate 1000     the same at 1,000 messages a second
  snug bench beside --members 10000 --rate 100     how long messages take in a small room beside a large one
  snug bench idle --members 10000 --rooms 200      what connections cost that do nothing
  snug bench connect --window 64                   how many can come in
  snug bench storm --members 1000 --rooms 20       all reconnect at once
  snug bench history --members 10000               pages of a room of 10,000 messages

fanout: some talk, and what arrives at everybody is counted. At a rate, a message counts from when it was due.
On the server's own machine its CPU and memory are read from /proc, elsewhere from its figures, if --metrics says where they are.`
}

// scenarios are what can be measured, by name.
var scenarios = map[string]func(context.Context, load.Options) (load.Result, error){
	"fanout": load.Fanout, "beside": load.Beside, "idle": load.Idle, "connect": load.Connect, "history": load.History, "storm": load.Storm,
}

// Run measures and prints.
func (b *benchCommand) Run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	res, err := scenarios[b.Scenario](ctx, load.Options{
		URL: b.URL, Members: b.Members, Rooms: b.Rooms, Senders: b.Senders, Window: b.Window, Rate: b.Rate,
		Size: b.Size, Slow: b.Slow, Polling: b.Polling, Metrics: b.Metrics, Warmup: b.Warmup, Duration: b.Duration, Progress: progress(),
	})
	if err != nil {
		return err
	}
	if b.JSON {
		return json.NewEncoder(os.Stdout).Encode(res)
	}
	return printResult(os.Stdout, res)
}

// progress is where the progress line goes: to a terminal, and nowhere else.
func progress() io.Writer {
	if info, err := os.Stderr.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
		return os.Stderr
	}
	return nil
}

func printResult(out io.Writer, r load.Result) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(w, name+"\t"+format+"\n", args...) // Flush tells of errors
	}
	row("machine", "%d cores, %s/%s", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH)
	row(r.Scenario, "%d members, %d rooms, %.1f s", r.Members, r.Rooms, r.Seconds)
	if n := max(r.Deliveries, r.Count); n > 0 {
		row("counted", "%d", n)
		row("a second", "%.0f", r.PerSecond)
	}
	if r.Messages > 0 {
		row("messages", "%d", r.Messages)
	}
	if r.Max > 0 {
		row("p50, p90, p99, max", "%v, %v, %v, %v", brief(r.P50), brief(r.P90), brief(r.P99), brief(r.Max))
	}
	if r.ServerRSS > 0 {
		row("server CPU", "%.2f s, %.1f %% of a core", r.ServerCPU, 100*r.CoreShare)
		if r.PerCPU > 0 {
			row("a CPU second", "%.0f", r.PerCPU)
		}
		row("server memory", "%.1f MiB", float64(r.ServerRSS)/(1<<20))
	}
	if r.PerConn > 0 {
		row("a connection", "%.1f KiB", float64(r.PerConn)/(1<<10))
	}
	row("own CPU", "%.2f s", r.OwnCPU)
	row("out of order, lost, refused", "%d, %d, %d", r.Disorder, r.Lost, r.Refused)
	return w.Flush()
}

// brief rounds a duration to three digits or so.
func brief(d time.Duration) time.Duration {
	for unit := time.Microsecond; unit < time.Second; unit *= 10 {
		if d < 1000*unit {
			return d.Round(unit)
		}
	}
	return d.Round(time.Millisecond)
}
