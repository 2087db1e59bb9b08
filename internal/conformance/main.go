// Conformance serves the two applications that the official test suites of
// Engine.IO protocol 4 and Socket.IO protocol 5 talk to, so that anyone can run
// them against the packages engineio and socketio:
//
//	go run ./internal/conformance -app engineio -listen 127.0.0.1:3000
//	go run ./internal/conformance -app socketio -listen 127.0.0.1:3000
//
// The suites are in the repository of the socketio/socket.io project, in
// docs/engine.io-protocol/v4-test-suite and docs/socket.io-protocol/v5-test-suite.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"snug/engineio"
	"snug/socketio"
)

func main() {
	name := flag.String("app", "socketio", "what to serve: engineio or socketio")
	listen := flag.String("listen", "127.0.0.1:3000", "address to listen on")
	var t talkOptions
	flag.BoolVar(&t.old, "eio3", false, "let in clients of Engine.IO 3 too, with -app socketio")
	flag.BoolVar(&t.calm, "calm", false, "keep the usual times, not the suites' short ones, and ask clients and put them out on demand, with -app socketio")
	verbose := flag.Bool("v", false, "log why connections are closed")
	flag.Parse()
	if *verbose {
		slog.SetLogLoggerLevel(slog.LevelDebug)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *name, *listen, t); err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(1)
	}
}

// An app is a server for one of the suites.
type app interface {
	http.Handler
	Shutdown(ctx context.Context) error
}

// run serves until ctx is done.
func run(ctx context.Context, name, listen string, t talkOptions) error {
	var a app
	switch name {
	case "engineio":
		a = newEcho()
	case "socketio":
		a = newTalk(t)
	default:
		return fmt.Errorf("unknown app %q", name)
	}
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	fmt.Printf("%s at http://%s\n", name, l.Addr())
	srv := &http.Server{Handler: a, ReadHeaderTimeout: 5 * time.Second}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	bound, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	// First the sessions: the HTTP server knows nothing of hijacked connections.
	if err := a.Shutdown(bound); err != nil {
		return err
	}
	err = srv.Shutdown(bound)
	<-served
	return err
}

// timing is what both suites expect.
func timing(e *engineio.Server, path string) {
	e.Path = path
	e.PingInterval = 300 * time.Millisecond
	e.PingTimeout = 200 * time.Millisecond
	e.MaxPayload = 1_000_000
	e.CORS = []string{"*"}
}

// newEcho sends each message back.
func newEcho() app {
	e := &engineio.Server{Accept: func(c *engineio.Conn) engineio.Handler { return echo{c} }}
	timing(e, "/engine.io/")
	return e
}

type echo struct{ conn *engineio.Conn }

func (e echo) HandleMessage(t engineio.MessageType, b []byte) {
	// An error means that the session has closed, which HandleClose tells.
	_ = e.conn.Send(engineio.NewFrame(t, append([]byte(nil), b...)))
}

func (e echo) HandleClose(*engineio.CloseError) {}

// talkOptions are for other clients than the suites.
type talkOptions struct {
	old  bool // let in those of Engine.IO 3
	calm bool // with the usual times, and with more to ask for
}

// newTalk tells clients what they said when they connected, and then.
func newTalk(t talkOptions) app {
	opts := socketio.Options{ConnectTimeout: time.Second}
	timing(&opts.Engine, "/socket.io/")
	opts.Engine.AllowEIO3 = t.old
	if t.calm {
		opts.ConnectTimeout, opts.Engine.PingInterval, opts.Engine.PingTimeout = 0, 0, 0
	}
	io := socketio.NewServer(opts)
	for _, n := range []*socketio.Namespace{io.Of("/"), io.Of("/custom")} {
		n.OnConnect(func(_ context.Context, s *socketio.Socket) error {
			auth := s.Handshake().Auth
			if auth == nil {
				auth = json.RawMessage("{}")
			}
			return s.Emit("auth", auth)
		})
	}
	main := io.Of("/")
	main.Handle("message", func(_ context.Context, s *socketio.Socket, args socketio.Args, _ *socketio.Ack) error {
		return s.Emit("message-back", args.Values()...)
	})
	main.Handle("message-with-ack", func(_ context.Context, _ *socketio.Socket, args socketio.Args, ack *socketio.Ack) error {
		return ack.Reply(args.Values()...)
	})
	if t.calm {
		askBack(main)
	}
	return io
}

// askBack has a namespace do what servers do to clients of themselves: ask them, and
// put them out. "ask-me" with arguments asks "question" with them, and tells what was
// answered as "answered".
func askBack(n *socketio.Namespace) {
	n.Handle("ask-me", func(ctx context.Context, s *socketio.Socket, args socketio.Args, _ *socketio.Ack) error {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		answer, err := socketio.Call[socketio.Args](ctx, s, "question", args.Values()...)
		if err != nil {
			return err
		}
		return s.Emit("answered", answer.Values()...)
	})
	n.Handle("disconnect-me", func(_ context.Context, s *socketio.Socket, _ socketio.Args, _ *socketio.Ack) error {
		s.Disconnect(false)
		return nil
	})
}
