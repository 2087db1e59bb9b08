package engineio

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// Shutdown refuses new sessions, flushes, closes, and waits.
func TestShutdown(t *testing.T) {
	s := onTCP(t, nil)
	c, onSocket := s.openSocket()
	waiting, absent := s.openPolling(), s.openPolling()
	poll := s.getLater(waiting.ID())
	waiting.waiting(t)
	probing := s.openPolling()
	candidate := s.probed(probing)
	gone := s.openPolling()
	s.want(s.post(gone.ID(), "1"), 200, "ok")
	for _, app := range []*session{onSocket, absent, probing} {
		send(t, app.Conn, "last words")
	}

	down := make(chan error, 1)
	go func() { down <- s.server.Shutdown(t.Context()) }()
	c.want("4last words")
	c.wantClose(1001)
	s.wantLater(poll, 200, "1")
	for _, app := range []*session{onSocket, waiting, absent, probing} {
		app.wantClosed(t, ReasonShutdown)
	}
	r := s.do("GET", "/engine.io/?EIO=4&transport=polling", "")
	s.want(r, 503, `{"code":4,"message":"Server is shutting down"}`)
	if r.header.Get("Retry-After") != "1" {
		t.Errorf("Retry-After %q", r.header.Get("Retry-After"))
	}
	s.want(s.do("GET", "/engine.io/?EIO=4&transport=websocket", "", wsHeader...), 503, r.body)
	select {
	case err := <-down:
		t.Fatalf("it did not wait: %v", err)
	default:
	}
	s.want(s.get(absent.ID()), 200, "4last words\x1e1")
	candidate.send("5")
	candidate.want("4last words")
	candidate.wantClose(1001)
	select {
	case err := <-down:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Fatal("it still waits")
	}
	if n := s.server.Sessions(); n != 0 {
		t.Errorf("%d sessions", n)
	}
	if err := s.server.Shutdown(t.Context()); err != nil { // again
		t.Error(err)
	}
}

// Clients that do not answer are waited for no longer than 5 s and a moment.
func TestShutdownOfDeafClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := inMemory(t, nil)
		_, deafSocket := s.openSocket()
		send(t, deafSocket.Conn, "stuck in the pipe")
		deafPoll := s.openPolling()
		candidate := s.socket(deafPoll.ID())
		candidate.send("2probe") // and the answer is not read
		synctest.Wait()
		after(t, flushTimeout, func() {
			if err := s.server.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
		})
	})
}

func TestShutdownCutShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := inMemory(t, nil)
		_, deafSocket := s.openSocket()
		send(t, deafSocket.Conn, "stuck in the pipe")
		s.openPolling()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		after(t, time.Second, func() {
			if err := s.server.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
		})
		synctest.Wait()
		if n := s.server.Sessions(); n != 0 {
			t.Errorf("%d sessions are left", n)
		}
	})
}

// A client that has said goodbye, and may still come for its last poll, is not
// waited for by a shutdown, be it under way or not.
func TestShutdownDoesNotWaitForGoodbyes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := inMemory(t, nil)
		before := s.openPolling()
		s.want(s.post(before.ID(), "1"), 200, "ok")
		synctest.Wait()
		if n := s.server.Sessions(); n != 1 {
			t.Errorf("%d sessions wait for a last poll", n)
		}
		after(t, 0, func() {
			if err := s.server.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
		})
		before.wantClosed(t, ReasonTransportClose)
	})
}
