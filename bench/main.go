// Command bench measures Snug beside its peers, row by row, and writes what it
// found: bench/results/*.json as measured, RESULTS.md and the plots made from it.
//
//	go run ./bench peers      the same chat on Node's socket.io and on Flask-SocketIO, interleaved with Snug
//	go run ./bench targets    the rows Snug sets itself, plain and under TLS
//	go run ./bench scaling    CPU and memory over members, rooms and stored messages
//	go run ./bench store      the log, its search, its disk and its start, by Go benchmarks
//	go run ./bench report     only the pages, from what was measured before
//
// It runs bin/snug both as the server and, as `snug bench`, as the generator,
// so that each has a process of its own. Everything stays on loopback.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"time"

	"github.com/alecthomas/kong"
)

// A bench is how to measure: what all commands share.
type bench struct {
	Peers   peersCommand   `cmd:"" help:"Measure Snug and its peers, interleaved."`
	Targets targetsCommand `cmd:"" help:"Measure the rows Snug sets itself."`
	Scaling scalingCommand `cmd:"" help:"Measure how costs grow with members, rooms and stored messages."`
	Store   storeCommand   `cmd:"" help:"Measure the store, and what its disk does alone."`
	Report  reportCommand  `cmd:"" help:"Write the pages from what was measured before."`

	Snug   string        `help:"The binary." default:"bin/snug" type:"path"`
	Dir    string        `help:"Where results go." default:"bench" type:"existingdir"`
	Rounds int           `help:"Rounds; medians are of these." default:"5"`
	Time   time.Duration `help:"What counts of each measurement." default:"4s"`
	Warmup time.Duration `help:"What does not, before it: those who have just joined are still told of each other." default:"2s"`

	ctx context.Context
}

type (
	peersCommand   struct{}
	targetsCommand struct{}
	scalingCommand struct{}
	reportCommand  struct{}
)

// Run measures every server on every row, one round after the other, so that
// what the machine does meanwhile meets all alike.
func (peersCommand) Run(b *bench) error {
	var set measurements
	for round := range b.Rounds {
		for _, p := range peers(b) {
			if err := b.round(&set, p, peerRows(b)); err != nil {
				return fmt.Errorf("round %d: %w", round+1, err)
			}
		}
		b.raw(&set)
	}
	return b.keep("peers", &set)
}

// Run measures Snug alone, plain in each round and once under TLS.
func (targetsCommand) Run(b *bench) error {
	var set measurements
	for round := range b.Rounds {
		servers := []peer{snug(b, false)}
		if round == 0 {
			servers = append(servers, snug(b, true))
		}
		for _, p := range servers {
			if err := b.round(&set, p, targetRows(b)); err != nil {
				return fmt.Errorf("round %d: %w", round+1, err)
			}
		}
		b.raw(&set)
	}
	return b.keep("targets", &set)
}

// Run measures curves of Snug.
func (scalingCommand) Run(b *bench) error {
	var set measurements
	for round := range b.Rounds {
		if err := b.round(&set, snug(b, false), scalingRows(b)); err != nil {
			return fmt.Errorf("round %d: %w", round+1, err)
		}
	}
	return b.keep("scaling", &set)
}

// Run writes the pages.
func (reportCommand) Run(b *bench) error { return b.report() }

// round measures rows on one server, each on a fresh one: what a row leaves
// behind shall not weigh on the next.
func (b *bench) round(set *measurements, p peer, rows []row) error {
	for _, r := range rows {
		if slices.Contains(r.not, p.name) {
			continue
		}
		res, err := b.measure(p, r)
		if err != nil {
			if b.ctx.Err() != nil {
				return b.ctx.Err()
			}
			// A peer that cannot do a row is a finding, not the end.
			fmt.Fprintf(os.Stderr, "%-24s %-34s %v\n", p.name, r.name, err)
			set.fail(p.name, r.name, err)
			continue
		}
		fmt.Fprintf(os.Stderr, "%-24s %-34s %s\n", p.name, r.name, res.line())
		set.add(p.name, r.name, res)
	}
	return nil
}

// raw measures what the machine can do in this round.
func (b *bench) raw(set *measurements) {
	res, err := rawLoop(b.Time)
	if err != nil {
		set.fail(nameRaw, rawRow, err)
		return
	}
	set.add(nameRaw, rawRow, res)
}

func (b *bench) measure(p peer, r row) (res result, err error) {
	s, err := p.start(b.ctx)
	if err != nil {
		return res, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	return b.generate(s, r)
}

func main() {
	var b bench
	k := kong.Parse(&b, kong.Name("bench"), kong.Description("Measure Snug beside its peers."))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	b.ctx = ctx
	k.FatalIfErrorf(k.Run(&b))
}
