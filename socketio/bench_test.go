package socketio_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"

	"github.com/gobwas/ws"

	"snug/socketio"
)

// benchRoom is a namespace with n members in "room", whose clients throw away
// what they get.
func benchRoom(b *testing.B, n int) *socketio.Namespace {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	opts := socketio.Options{Logger: slog.New(slog.DiscardHandler)}
	opts.Engine.MaxOutbox = 1 << 30
	s := socketio.NewServer(opts)
	ns := s.Of("/")
	joined := make(chan struct{}, n)
	ns.OnConnect(func(_ context.Context, s *socketio.Socket) error {
		s.Join("room")
		joined <- struct{}{}
		return nil
	})
	srv := &http.Server{Handler: s}
	go func() { _ = srv.Serve(l) }()
	b.Cleanup(func() {
		_ = s.Shutdown(context.Background())
		_ = srv.Close()
	})
	for range n {
		conn, in, _, err := ws.Dial(context.Background(), "ws://"+l.Addr().String()+"/socket.io/?EIO=4&transport=websocket")
		if err != nil {
			b.Fatal(err)
		}
		if err := ws.WriteFrame(conn, ws.MaskFrame(ws.NewTextFrame([]byte("40")))); err != nil {
			b.Fatal(err)
		}
		go func() {
			if in != nil {
				_, _ = in.Discard(in.Buffered())
			}
			_, _ = io.Copy(io.Discard, conn)
		}()
		<-joined
	}
	return ns
}

var line = json.RawMessage(`{"room":"abc","seq":12345,"from":"m1","text":"The quick brown fox jumps over the lazy dog, twice."}`)

// What the fan-out allocates must not grow with the members.
func BenchmarkEmit(b *testing.B) {
	for _, n := range []int{1, 10, 100, 1000} {
		b.Run(fmt.Sprintf("members=%d", n), func(b *testing.B) {
			target := benchRoom(b, n).To("room")
			b.ReportAllocs()
			for b.Loop() {
				if err := target.Emit(b.Context(), "message", line); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "deliveries/s")
		})
	}
}

// As a group commit sends: 16 events encoded each on its own and joined.
func BenchmarkSendJoined(b *testing.B) {
	const n, batch = 1000, 16
	ns := benchRoom(b, n)
	target := ns.To("room")
	b.ReportAllocs()
	for b.Loop() {
		var ms [batch]socketio.Message
		for i := range ms {
			m, err := ns.Encode("message", line)
			if err != nil {
				b.Fatal(err)
			}
			ms[i] = m
		}
		if err := target.Send(b.Context(), socketio.JoinMessages(ms[:]...)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)*batch*float64(b.N)/b.Elapsed().Seconds(), "deliveries/s")
}

func BenchmarkEmitExcept(b *testing.B) {
	ns := benchRoom(b, 100)
	target := ns.To("room", "other").Except("third")
	b.ReportAllocs()
	for b.Loop() {
		if err := target.Emit(b.Context(), "message", line); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	ns := socketio.NewServer(socketio.Options{}).Of("/")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ns.Encode("message", line); err != nil {
			b.Fatal(err)
		}
	}
}
