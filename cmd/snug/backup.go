package main

import (
	"fmt"
	"os"

	"snug/internal/config"
	"snug/internal/server"
)

// backupCommand is the subcommand that copies a data directory to a file.
type backupCommand struct {
	config.Where
	File string `arg:"" type:"path" help:"The file to make. It must not be there."`
}

// Help is what --help says beside the flags.
func (backupCommand) Help() string {
	return `Example:
  snug backup /backup/snug-$(date +%F).db --data /var/lib/snug

The server may be running: the copy is of one moment, and nobody has to wait for it. Everything is in it, the secret
key too: keep it where nobody else can read it. Restore it with snug restore.`
}

// Run makes the backup.
func (b *backupCommand) Run() error {
	ctx, stop := interruptible()
	defer stop()
	if err := server.Backup(ctx, b.Data, b.File); err != nil {
		return noData(err, b.Data)
	}
	info, err := os.Stat(b.File)
	if err != nil {
		return err
	}
	fmt.Printf("%s: %s\n", shown(b.File), size(info.Size()))
	return nil
}
