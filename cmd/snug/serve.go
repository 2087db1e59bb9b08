package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"snug/internal/config"
	"snug/internal/server"
)

// serveCommand is the subcommand that serves.
type serveCommand struct{ config.Config }

// Help is what --help says beside the flags.
func (serveCommand) Help() string {
	return `Examples:
  snug serve                                 open http://127.0.0.1:5000
  snug serve --listen :8080 --keep 7d        for the whole network; rooms forget after a week
  SNUG_DATA=/var/lib/snug snug serve         every flag can be a variable,
  snug serve --config snug.json              or a key of a file: {"listen": ":8080", "keep": "7d"}

A flag wins over its variable, the variable over the file. To let others in from outside, have it get certificates
by itself (snug serve --listen :443 --redirect-http :80 --acme chat.example.org), give it --tls-cert and --tls-key, or put a proxy
before it that does TLS and name that with --trusted-proxy. snug admin looks at it and moderates it while it runs.

Interrupt it (Ctrl+C) or send it SIGTERM to stop it in order: what was acknowledged is on disk, clients come back by
themselves. A second signal ends it at once. GET /healthz answers 200 while it serves.`
}

// Run serves until SIGINT or SIGTERM.
func (c *serveCommand) Run() error {
	log := c.Log.Logger(os.Stderr)
	s, err := server.New(server.Config{Config: c.Config, Version: release(), Logger: log})
	if err != nil {
		return err
	}
	signalled, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, end := context.WithCancel(context.Background())
	defer end()
	// The second signal is nobody's: it ends the process. So it must be before
	// anything is seen of the end that the first one begins.
	context.AfterFunc(signalled, func() { stop(); end() })
	fmt.Printf("Snug is ready: open %s in a browser.\n", c.address(s.Addr()))
	log.Info("serving", "listen", s.Addr().String(), "data", shown(c.Data), "version", release())
	return s.Run(ctx)
}

// address is the URL by which a browser on this machine reaches a listener.
func (c *serveCommand) address(a net.Addr) string {
	scheme := "http://"
	if c.TLSCert != "" || len(c.ACME) > 0 {
		scheme = "https://"
	}
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return scheme + a.String()
	}
	host := tcp.IP.String()
	if tcp.IP.IsUnspecified() {
		host = "localhost"
	}
	if len(c.ACME) > 0 { // by no other name is there a certificate
		if host = c.ACME[0]; tcp.Port == 443 {
			return scheme + host + strings.TrimSuffix(c.BasePath, "/")
		}
	}
	return scheme + net.JoinHostPort(host, fmt.Sprint(tcp.Port)) + strings.TrimSuffix(c.BasePath, "/")
}
