// Command snug is a chat room server in one file: web app, Socket.IO and
// database. `snug --help` teaches it.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/alecthomas/kong"
)

// Exit statuses.
const (
	exitFailed = 1
	exitUsage  = 2 // the command line, the environment or the file makes no sense
)

// commands is the command line.
type commands struct {
	Serve   serveCommand   `cmd:"" help:"Serve the chat until it is told to stop."`
	Admin   adminCommand   `cmd:"" help:"Look at a running server's rooms, close one, ban an address, mute everybody."`
	Backup  backupCommand  `cmd:"" help:"Copy everything to a file, while the server runs."`
	Restore restoreCommand `cmd:"" help:"Make a data directory of a backup."`
	Verify  verifyCommand  `cmd:"" help:"Look whether the data is whole."`
	Export  exportCommand  `cmd:"" help:"Write out what was said in a room."`
	Bench   benchCommand   `cmd:"" help:"Measure a server under load."`
	Token   tokenCommand   `cmd:"" help:"Make a token, by which a bot is known; or make all of them worthless."`
	Version versionCommand `cmd:"" help:"Print the version."`
}

const description = `A chat room server for the people you give the link to.

Start it with "snug serve", open the address it prints, start a room and send its link.
What is said is kept in one directory, and is there again after a restart.`

func main() { os.Exit(run(os.Args[1:])) }

// run runs one command and returns the exit status.
func run(args []string) int {
	var c commands
	parser, err := kong.New(&c,
		kong.Name("snug"),
		kong.Description(description),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true, WrapUpperBound: 100}),
	)
	if err != nil {
		return failed(err, exitFailed)
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	ctx, err := parser.Parse(args)
	if err != nil {
		if parseErr, ok := errors.AsType[*kong.ParseError](err); ok && parseErr.Context.Command() == "" {
			err = fmt.Errorf("%w; see: snug --help", err)
		}
		return failed(err, exitUsage)
	}
	if err := ctx.Run(); err != nil {
		return failed(err, exitFailed)
	}
	return 0
}

func failed(err error, status int) int {
	fmt.Fprintln(os.Stderr, "snug:", err)
	return status
}

// shown is a path as it is best read: relative where it lies below here.
func shown(path string) string {
	here, err := os.Getwd()
	if err != nil {
		return path
	}
	if rel, err := filepath.Rel(here, path); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return path
}
