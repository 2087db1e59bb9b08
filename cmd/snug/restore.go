package main

import (
	"snug/internal/config"
	"snug/internal/server"
)

// restoreCommand is the subcommand that makes a data directory of a backup.
type restoreCommand struct {
	config.Where
	File string `arg:"" type:"existingfile" help:"The file that snug backup made."`
}

// Help is what --help says beside the flags.
func (restoreCommand) Help() string {
	return `Example:
  snug restore /backup/snug-2026-03-01.db --data /var/lib/snug

Nothing is overwritten: the directory must not be there, or be empty. Every room gets a new epoch, so that clients notice that
what they have seen since the backup is gone, and start over.`
}

// Run restores.
func (r *restoreCommand) Run() error {
	ctx, stop := interruptible()
	defer stop()
	if err := server.Restore(ctx, r.File, r.Data); err != nil {
		return err
	}
	report, err := server.Verify(ctx, r.Data)
	if err != nil {
		return err
	}
	return printReport(report, r.Data)
}
