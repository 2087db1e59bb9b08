package dialects

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"go.uber.org/goleak"

	"snug/socketio"
)

func TestMain(m *testing.M) {
	// net/http's own, which lingers for half a second after it has closed a connection.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

// serve starts a server that echoes what the transcripts send: "echo" comes
// back as an event, "call" as its acknowledgement, and "ask" asks the client
// and tells what it answered.
func serve(t *testing.T) *url.URL {
	t.Helper()
	var opts socketio.Options
	opts.Engine.PingInterval = time.Minute
	io := socketio.NewServer(opts)
	for _, name := range []string{"/", "/custom"} {
		n := io.Of(name)
		n.OnConnect(func(_ context.Context, s *socketio.Socket) error {
			auth := s.Handshake().Auth
			if len(auth) == 0 {
				auth = json.RawMessage("{}")
			}
			return s.Emit("auth", auth)
		})
		n.Handle("echo", func(_ context.Context, s *socketio.Socket, args socketio.Args, _ *socketio.Ack) error {
			v, err := first(args)
			if err != nil {
				return err
			}
			return s.Emit("echo", v)
		})
		n.Handle("call", func(_ context.Context, _ *socketio.Socket, args socketio.Args, ack *socketio.Ack) error {
			v, err := first(args)
			if err != nil {
				return err
			}
			return ack.Reply(v)
		})
		n.Handle("ask", func(ctx context.Context, s *socketio.Socket, _ socketio.Args, _ *socketio.Ack) error {
			answer, err := socketio.Call[string](ctx, s, "question", "why")
			if err != nil {
				return err
			}
			return s.Emit("answered", answer)
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- io.Run(ctx) }()
	hs := httptest.NewServer(io)
	t.Cleanup(func() {
		ctx, stop := context.WithTimeout(context.Background(), patience)
		defer stop()
		if err := io.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		cancel()
		<-ran
		hs.Close()
	})
	u, err := url.Parse(hs.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// first is an event's argument, as bytes if it is binary, else as it came.
func first(args socketio.Args) (any, error) {
	var b []byte
	if err := args.Decode(&b); err == nil {
		return b, nil
	}
	var v json.RawMessage
	err := args.Decode(&v)
	return v, err
}
