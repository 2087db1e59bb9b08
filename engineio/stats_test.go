package engineio

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

// What Admit lets in is told back once, whatever becomes of it.
func TestAdmittedLeave(t *testing.T) {
	var in, out atomic.Int64
	s := onTCP(t, func(s *Server) {
		s.Admit = func(*http.Request) (func(), error) {
			in.Add(1)
			return func() { out.Add(1) }, nil
		}
	})
	want := func(what string, admitted, left int64) {
		t.Helper()
		eventually(t, what, func() bool { return in.Load() == admitted && out.Load() == left })
	}
	s.do("GET", "/engine.io/?EIO=3&transport=polling", "")
	want("a handshake of another version", 1, 1)
	s.do("GET", "/engine.io/?EIO=3&transport=websocket", "", wsHeader...)
	want("the same over WebSocket", 2, 2)
	s.do("GET", "/engine.io/?EIO=4&transport=polling&sid=none", "")
	want("a request of no session", 2, 2)
	polling := s.openPolling()
	socket, _ := s.openSocket()
	want("two sessions", 4, 2)
	s.post(polling.ID(), "1")
	want("the client of one leaves", 4, 3)
	_ = socket.conn.Close()
	want("the other is cut", 4, 4)
	s.openPolling()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = s.server.Shutdown(ctx)
	want("the server shuts down", 5, 5)
	s.do("GET", "/engine.io/?EIO=4&transport=polling", "")
	want("a handshake that comes too late", 6, 6)
	s.do("GET", "/engine.io/?EIO=4&transport=websocket", "", wsHeader...)
	want("the same over WebSocket", 7, 7)
}

func TestStats(t *testing.T) {
	s := onTCP(t, func(s *Server) { s.MaxOutbox = 4 << 10 })
	a, b := s.openPolling(), s.openPolling()
	socket, _ := s.openSocket()
	if got := s.server.Stats(); got.Polling != 2 || got.WebSocket != 1 || got.Queued != 0 || len(got.Ended) != 0 {
		t.Errorf("three sessions: %+v", got)
	}
	_ = a.Send(NewFrame(Text, []byte(strings.Repeat("x", 1000))))
	if got := s.server.Stats(); got.Queued < 1000 || got.Queued > 1100 {
		t.Errorf("1000 bytes wait: %+v", got)
	}
	_ = b.Send(NewFrame(Text, []byte(strings.Repeat("x", 5000))))
	_ = socket.conn.Close()
	eventually(t, "two have ended", func() bool {
		got := s.server.Stats()
		return got.Polling == 1 && got.WebSocket == 0 && got.Ended[ReasonSlow] == 1 && got.Ended[ReasonTransportClose] == 1 && len(got.Ended) == 2
	})
	s.get(a.ID())
	eventually(t, "nothing waits", func() bool { return s.server.Stats().Queued == 0 })
}
