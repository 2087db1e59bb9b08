package main

import (
	"errors"
	"fmt"
	"io/fs"

	"snug/internal/chat"
	"snug/internal/config"
	"snug/internal/server"
)

// tokenCommand are the subcommands about tokens.
type tokenCommand struct {
	New    tokenNewCommand    `cmd:"" default:"withargs" help:"Make a token."`
	Rotate tokenRotateCommand `cmd:"" help:"Make every token that there is worthless."`
}

// Help is what --help says beside the subcommands.
func (tokenCommand) Help() string {
	return `Example:
  snug token --data /var/lib/snug
  snug token rotate --data /var/lib/snug`
}

// tokenRotateCommand is the subcommand that makes another key.
type tokenRotateCommand struct{ config.Where }

// Help is what --help says beside the flags.
func (tokenRotateCommand) Help() string {
	return `Example:
  systemctl stop snug && snug token rotate --data /var/lib/snug && systemctl start snug

For when the key of tokens, secret.key, or a copy of it may be in wrong hands. Everybody becomes a stranger: names that were taken stay
taken for 30 days, owners come back by the owner's key of their room, bots need a new token. Nothing that was said is lost.`
}

// Run makes another key.
func (r *tokenRotateCommand) Run() error {
	err := server.RotateKey(r.Data)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no server's data in %s", shown(r.Data))
	}
	return err
}

// tokenNewCommand is the subcommand that makes tokens.
type tokenNewCommand struct{ config.Where }

// Help is what --help says beside the flags.
func (tokenNewCommand) Help() string {
	return `Example:
  snug token --data /var/lib/snug

A token is an identity: a client that connects with auth {"token": "…"} is the same member each time. It is good
on the server whose data directory it was made with. Keep it secret. POST /api/v1/token on a running server makes one too.`
}

// Run prints one token.
func (t *tokenNewCommand) Run() error {
	secret, err := server.ReadKey(t.Data)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no server's data in %s yet: start snug serve once, or name the directory with --data", shown(t.Data))
	}
	if err != nil {
		return err
	}
	made, _ := chat.NewKeyring(secret).Mint()
	fmt.Println(made)
	return nil
}
