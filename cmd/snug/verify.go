package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"syscall"

	"snug/internal/config"
	"snug/internal/server"
	"snug/internal/store/sqlite"
)

// verifyCommand is the subcommand that looks a data directory over.
type verifyCommand struct{ config.Where }

// Help is what --help says beside the flags.
func (verifyCommand) Help() string {
	return `Example:
  snug verify --data /var/lib/snug && snug backup /backup/snug.db --data /var/lib/snug

It reads everything: the file's structure, every entry, whether each room's log is complete and in order, whether
the search index agrees with it. Exit status 0: all is well; 1: something is wrong, and is named. The server may be running.`
}

// Run verifies.
func (v *verifyCommand) Run() error {
	ctx, stop := interruptible()
	defer stop()
	report, err := server.Verify(ctx, v.Data)
	if err != nil {
		return noData(err, v.Data)
	}
	return printReport(report, v.Data)
}

// printReport prints what Verify found; an error says that something is wrong.
func printReport(r *sqlite.Report, dir string) error {
	fmt.Printf("%s: %d rooms, %d entries, %s\n", shown(dir), r.Rooms, r.Entries, size(r.Bytes))
	for _, n := range r.Notes {
		fmt.Println("note:", n)
	}
	for _, p := range r.Problems {
		fmt.Println("wrong:", p)
	}
	if len(r.Problems) > 0 {
		return errors.New("the data is damaged: restore a backup (snug restore) into another directory, and keep this one")
	}
	fmt.Println("all is well")
	return nil
}

// interruptible is a context that ends with the first SIGINT or SIGTERM.
func interruptible() (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// noData says in words that a directory holds nothing of a server's.
func noData(err error, dir string) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no server's data in %s: name the directory with --data", shown(dir))
	}
	return err
}

// size writes a number of bytes for people.
func size(n int64) string {
	if n < 1<<20 {
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
}
