package engineio

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestFrames(t *testing.T) {
	a, b := NewFrame(Text, []byte("a")), NewFrame(Binary, []byte{1, 2})
	long := strings.Repeat("x", 70_000)
	for _, tc := range []struct {
		name          string
		f             Frame
		wire, payload string
	}{
		{"text", a, "\x81\x024a", "4a"},
		{"binary", b, "\x82\x02\x01\x02", "bAQI="},
		{"empty text", NewFrame(Text, nil), "\x81\x014", "4"},
		{"empty binary", NewFrame(Binary, nil), "\x82\x00", "b"},
		{"125 bytes", NewFrame(Text, []byte(long[:124])), "\x81\x7d4" + long[:124], "4" + long[:124]},
		{"126 bytes", NewFrame(Text, []byte(long[:125])), "\x81\x7e\x00\x7e4" + long[:125], "4" + long[:125]},
		{"64 KiB", NewFrame(Text, []byte(long[:65535])), "\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x004" + long[:65535], "4" + long[:65535]},
		{"several", JoinFrames(a, b, a), "\x81\x024a\x82\x02\x01\x02\x81\x024a", "4a\x1ebAQI=\x1e4a"},
		{"several of several", JoinFrames(JoinFrames(a, b), Frame{}, a), "\x81\x024a\x82\x02\x01\x02\x81\x024a", "4a\x1ebAQI=\x1e4a"},
		{"one of one", JoinFrames(Frame{}, a), "\x81\x024a", "4a"},
	} {
		if got := string(tc.f.f.wire); got != tc.wire {
			t.Errorf("%s on a WebSocket: %.20q", tc.name, got)
		}
		if tc.f.Len() != len(tc.wire) {
			t.Errorf("%s: Len %d", tc.name, tc.f.Len())
		}
		if got := string(tc.f.f.asPayload()); got != tc.payload {
			t.Errorf("%s over polling: %.20q", tc.name, got)
		}
	}
	if f := JoinFrames(); f.Len() != 0 {
		t.Errorf("nothing joined has %d bytes", f.Len())
	}
}

// Several frames of one Send arrive together: no other's come between.
func TestSendIsOneWrite(t *testing.T) {
	s := onTCP(t, nil)
	app := s.openPolling()
	poll := s.getLater(app.ID())
	app.waiting(t)
	a, b := NewFrame(Text, []byte("a")), NewFrame(Binary, []byte{1})
	if err := app.Send(a, Frame{}, JoinFrames(b, a)); err != nil {
		t.Fatal(err)
	}
	s.wantLater(poll, 200, "4a\x1ebAQ==\x1e4a")
	if err := app.Send(Frame{}); err != nil { // nothing wakes nobody
		t.Fatal(err)
	}
}

// Accept may send: it arrives after the open packet.
func TestSendFromAccept(t *testing.T) {
	s := onTCP(t, func(server *Server) {
		inner := server.Accept
		server.Accept = func(c *Conn) Handler {
			h := inner(c)
			_ = c.Send(NewFrame(Text, []byte("welcome")))
			return h
		}
	})
	c, _ := s.openSocket()
	c.want("4welcome")
	app := s.openPolling()
	s.want(s.get(app.ID()), 200, "4welcome")
}

func TestCloseFromAccept(t *testing.T) {
	s := onTCP(t, func(server *Server) {
		inner := server.Accept
		server.Accept = func(c *Conn) Handler {
			h := inner(c)
			_ = c.Send(NewFrame(Text, []byte("no")))
			c.Close("")
			return h
		}
	})
	c, app := s.openSocket()
	c.want("4no")
	c.wantClose(1000)
	app.wantClosed(t, ReasonForcedClose)
	app = s.openPolling()
	app.wantClosed(t, ReasonForcedClose)
	s.want(s.get(app.ID()), 200, "4no\x1e1")
	s.want(s.get(app.ID()), 400, unknownSID)
}

// Close flushes the outbox; nothing is sent or received after it.
func TestClose(t *testing.T) {
	t.Run("websocket", func(t *testing.T) {
		s := onTCP(t, nil)
		by := s.bystander()
		c, app := s.openSocket()
		done := app.Done()
		select {
		case <-done:
			t.Fatal("done before it is closed")
		default:
		}
		big := strings.Repeat("x", 300_000)
		send(t, app.Conn, "a", big, "b")
		app.Close("my own reason")
		app.Close(ReasonShutdown) // only the first counts
		app.wantClosed(t, "my own reason")
		<-done
		<-app.Done()
		var closed *CloseError
		if err := app.Send(NewFrame(Text, nil)); !errors.As(err, &closed) || closed.Reason != "my own reason" {
			t.Errorf("sending after the end: %v", err)
		}
		if err := app.SendVolatile(NewFrame(Text, nil)); !errors.As(err, &closed) {
			t.Errorf("sending volatile after the end: %v", err)
		}
		app.Pause()
		app.Resume()
		c.want("4a")
		c.want("4" + big)
		c.want("4b")
		c.wantClose(1000)
		by.wantUnharmed()
	})
	t.Run("polling, while a poll waits", func(t *testing.T) {
		s := onTCP(t, nil)
		app := s.openPolling()
		poll := s.getLater(app.ID())
		app.waiting(t)
		app.Close("")
		s.wantLater(poll, 200, "1")
		app.wantClosed(t, ReasonForcedClose)
		s.want(s.get(app.ID()), 400, unknownSID)
	})
	t.Run("polling, before the poll comes", func(t *testing.T) {
		s := onTCP(t, nil)
		app := s.openPolling()
		send(t, app.Conn, "a", "b")
		app.Close("")
		app.wantClosed(t, ReasonForcedClose)
		s.want(s.post(app.ID(), "4x"), 400, unknownSID)
		s.want(s.get(app.ID()), 200, "4a\x1e4b\x1e1")
		s.want(s.get(app.ID()), 400, unknownSID)
	})
	t.Run("polling, and the poll never comes", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := inMemory(t, nil)
			app := s.openPolling()
			send(t, app.Conn, "a")
			app.Close("")
			time.Sleep(5*time.Second - time.Nanosecond)
			if n := s.server.Sessions(); n != 1 {
				t.Errorf("%d sessions", n)
			}
			time.Sleep(time.Nanosecond)
			synctest.Wait()
			if n := s.server.Sessions(); n != 0 {
				t.Errorf("%d sessions", n)
			}
			s.want(s.get(app.ID()), 400, unknownSID)
		})
	})
	t.Run("from the handler", func(t *testing.T) {
		s := onTCP(t, nil)
		app := s.openPolling()
		app.on(func(string) { app.Close("") })
		s.want(s.post(app.ID(), "4a\x1e4b"), 200, "ok")
		app.wantClosed(t, ReasonForcedClose)
		if got := app.messages(); !slices.Equal(got, []string{"a"}) {
			t.Errorf("received %q", got)
		}
	})
}

// The handler is not called any more when the session has ended, and
// HandleClose waits for the call under way.
func TestHandleCloseIsLast(t *testing.T) {
	s := onTCP(t, nil)
	c, app := s.openSocket()
	entered, leave := make(chan struct{}), make(chan struct{})
	app.on(func(string) { close(entered); <-leave })
	c.send("4a")
	<-entered
	c.send("4b")
	app.Close("")
	<-app.Done()
	time.Sleep(10 * time.Millisecond)
	app.wantOpen(t) // HandleClose has not been called
	close(leave)
	app.wantClosed(t, ReasonForcedClose)
	if got := app.messages(); !slices.Equal(got, []string{"a"}) {
		t.Errorf("received %q", got)
	}
}

func TestHandlerPanics(t *testing.T) {
	s := onTCP(t, nil)
	by := s.bystander()
	c, app := s.openSocket()
	app.on(func(string) { panic("a defect of the application") })
	c.send("4a")
	c.wantClose(1000)
	app.wantClosed(t, ReasonForcedClose)
	polling := s.openPolling()
	polling.on(func(string) { panic("another") })
	s.want(s.post(polling.ID(), "4a\x1e4b"), 400, unknownSID)
	polling.wantClosed(t, ReasonForcedClose)
	by.wantUnharmed()
}

func TestAcceptFails(t *testing.T) {
	for name, accept := range map[string]func(*Conn) Handler{
		"panics":         func(*Conn) Handler { panic("a defect of the application") },
		"has no handler": func(*Conn) Handler { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			s := onTCP(t, func(s *Server) { s.Accept = accept })
			c := s.socket("")
			for {
				op, b, err := c.frame()
				if err != nil {
					t.Fatal(err)
				}
				if op.IsControl() {
					break
				}
				if b[0] != '0' {
					t.Errorf("got %q", b)
				}
			}
			_ = c.conn.Close()
			eventually(t, "it is forgotten", func() bool { return s.server.Sessions() == 0 })
		})
	}
}

func TestSendVolatile(t *testing.T) {
	s := onTCP(t, nil)
	volatile := func(app *session, m string) {
		t.Helper()
		if err := app.SendVolatile(NewFrame(Text, []byte(m))); err != nil {
			t.Fatal(err)
		}
	}
	polling := s.openPolling()
	volatile(polling, "between two polls")
	volatile(polling, "dropped: one waits already")
	s.want(s.get(polling.ID()), 200, "4between two polls")
	poll := s.getLater(polling.ID())
	polling.waiting(t)
	volatile(polling, "taken")
	s.wantLater(poll, 200, "4taken")

	c, app := s.openSocket()
	eventually(t, "the writer rests", func() bool {
		app.Conn.mu.Lock()
		defer app.Conn.mu.Unlock()
		return !app.ws.writing
	})
	volatile(app, "taken")
	c.want("4taken")
	// A client that does not read makes the transport busy.
	big := NewFrame(Text, bytes.Repeat([]byte("x"), 500_000))
	busy := func() bool {
		app.Conn.mu.Lock()
		defer app.Conn.mu.Unlock()
		return app.out.queued+app.out.inflight > 0
	}
	for range 100 {
		if err := app.Send(big); err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(50 * time.Millisecond); busy() && time.Now().Before(end); {
			runtime.Gosched()
		}
		if busy() {
			break
		}
	}
	volatile(app, "the first to wait may stay")
	volatile(app, "dropped: it is busy")
	app.Close("")
	for {
		op, b, err := c.frame()
		if err != nil {
			t.Fatal(err)
		}
		if string(b) == "4dropped: it is busy" {
			t.Error("a volatile message waited")
		}
		if op.IsControl() {
			break
		}
	}
}

// A client that does not read is closed as slow, at once, and what it holds is
// freed; nobody else notices.
func TestSlowClient(t *testing.T) {
	s := onTCP(t, func(s *Server) { s.MaxOutbox = 1 << 20 })
	by := s.bystander()
	c, app := s.openSocket()
	frame := NewFrame(Text, bytes.Repeat([]byte("x"), 100_000))
	sent := 0
	var err error
	for ; sent < 1000 && err == nil; sent++ {
		err = app.Send(frame)
	}
	var closed *CloseError
	if !errors.As(err, &closed) || closed.Reason != ReasonSlow {
		t.Fatalf("%v after %d frames", err, sent)
	}
	app.wantClosed(t, ReasonSlow)
	eventually(t, "its memory is freed", func() bool {
		app.Conn.mu.Lock()
		defer app.Conn.mu.Unlock()
		return app.out.queue == nil && app.out.queued == 0
	})
	eventually(t, "it is forgotten", func() bool { return s.server.Sessions() == 1 })
	for err = nil; err == nil; { // what had gone out, and then no orderly end
		_, _, err = c.frame()
	}
	by.wantUnharmed()
}

func TestSlowPollingClient(t *testing.T) {
	s := onTCP(t, func(s *Server) { s.MaxOutbox = 1000 })
	by := s.bystander()
	app := s.openPolling()
	send(t, app.Conn, strings.Repeat("x", 900))
	if err := app.Send(NewFrame(Text, bytes.Repeat([]byte("y"), 100))); err == nil {
		t.Error("the outbox has no bound")
	}
	app.wantClosed(t, ReasonSlow)
	s.want(s.get(app.ID()), 400, unknownSID)

	// Tiny messages are counted too.
	app = s.openPolling()
	n := 0
	for ; app.Send(NewFrame(Text, nil)) == nil; n++ {
	}
	if n > 1000/frameCost {
		t.Errorf("%d empty messages in an outbox of 1,000 bytes", n)
	}
	app.wantClosed(t, ReasonSlow)

	// What is too much by itself is so for a poll that waits, too.
	app = s.openPolling()
	poll := s.getLater(app.ID())
	app.waiting(t)
	if err := app.Send(NewFrame(Text, make([]byte, 1001))); err == nil {
		t.Error("the outbox has no bound")
	}
	s.wantLater(poll, 200, "1")
	app.wantClosed(t, ReasonSlow)
	by.wantUnharmed()
}

// Send, Pause and Close never block, whatever the peer does.
func TestNothingBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := inMemory(t, func(s *Server) { s.MaxOutbox = 1 << 30 })
		_, app := s.openSocket() // reads nothing from here on
		begin := time.Now()
		for i := range 10_000 {
			send(t, app.Conn, fmt.Sprint(i))
		}
		app.Pause()
		app.Resume()
		app.Close("")
		if d := time.Since(begin); d != 0 {
			t.Errorf("it took %v", d)
		}
		app.wantClosed(t, ReasonForcedClose)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if n := s.server.Sessions(); n != 0 {
			t.Errorf("%d sessions after the flush's time", n)
		}
	})
}
