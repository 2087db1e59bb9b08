package engineio

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"
)

const (
	interval = 25 * time.Second
	timeout  = 20 * time.Second
)

// after runs f and checks how long it took.
func after(t *testing.T, want time.Duration, f func()) {
	t.Helper()
	begin := time.Now()
	f()
	if d := time.Since(begin); d != want {
		t.Errorf("it took %v, want %v", d, want)
	}
}

// readLate says what the next frame is, however long that takes.
func (c *socket) readLate() string {
	c.t.Helper()
	_ = c.conn.SetReadDeadline(time.Time{})
	//lint:ignore SA1019 the peer is our own server
	f, err := ws.ReadFrame(c.r)
	if err != nil {
		c.t.Fatal(err)
	}
	if f.Header.OpCode == ws.OpClose {
		code, _ := ws.ParseCloseFrameData(f.Payload)
		return fmt.Sprintf("close:%d", code)
	}
	return "text:" + string(f.Payload)
}

// EIO4: Heartbeat. The server pings every pingInterval, however late the answer.
func TestHeartbeatOnSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := inMemory(t, nil)
		c, app := s.openSocket()
		for range 3 {
			after(t, interval, func() {
				if got := c.readLate(); got != "text:2" {
					t.Errorf("got %q", got)
				}
			})
			c.send("3")
		}
		// An answer at the last moment will do.
		after(t, interval, func() { c.readLate() })
		time.Sleep(timeout - time.Nanosecond)
		c.send("3")
		app.wantOpen(t)
		// And none ends the session.
		after(t, interval-timeout+time.Nanosecond, func() { c.readLate() })
		after(t, timeout, func() {
			if got := c.readLate(); got != "close:1000" {
				t.Errorf("got %q", got)
			}
		})
		app.wantClosed(t, ReasonPingTimeout)
	})
}

func TestHeartbeatOverPolling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := inMemory(t, nil)
		app := s.openPolling()
		for range 3 {
			after(t, interval, func() { s.want(s.get(app.ID()), 200, "2") })
			s.want(s.post(app.ID(), "3"), 200, "ok")
		}
		after(t, interval, func() { s.want(s.get(app.ID()), 200, "2") })
		after(t, timeout, func() { s.want(s.get(app.ID()), 200, "1") })
		app.wantClosed(t, ReasonPingTimeout)
		s.want(s.get(app.ID()), 400, unknownSID)
	})
}

// A client that does not answer is closed alone: those that do go on.
func TestHeartbeatOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := inMemory(t, nil)
		dumb, gone := s.openSocket()
		by, polling := s.bystander(), s.openPolling()
		poll := s.getLater(polling.ID())
		synctest.Wait()
		after(t, interval, func() {
			for _, c := range []*socket{dumb, by.socket} {
				if got := c.readLate(); got != "text:2" {
					t.Errorf("got %q", got)
				}
			}
			s.wantLater(poll, 200, "2")
		})
		by.send("3")
		s.want(s.post(polling.ID(), "3"), 200, "ok")
		after(t, timeout, func() {
			if got := dumb.readLate(); got != "close:1000" {
				t.Errorf("got %q", got)
			}
			gone.wantClosed(t, ReasonPingTimeout)
		})
		by.wantUnharmed()
		polling.wantOpen(t)
		s.want(s.post(polling.ID(), "4a"), 200, "ok")
		s.want(s.get(polling.ID()), 200, "4a")
	})
}

// A client that never comes back is gone after both times, to the nanosecond,
// whichever sees it first: the timer or its request.
func TestHeartbeatOfAnAbsentClient(t *testing.T) {
	for name, late := range map[string]time.Duration{"in time": -time.Nanosecond, "just late": 0, "late": time.Hour} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := inMemory(t, nil)
				app := s.openPolling()
				time.Sleep(interval + timeout + late)
				if late < 0 {
					s.want(s.get(app.ID()), 200, "2")
					app.wantOpen(t)
					return
				}
				s.want(s.get(app.ID()), 400, unknownSID)
				app.wantClosed(t, ReasonPingTimeout)
			})
		})
	}
}

// The deadlines are also checked at each request, where the timer is late.
func TestDeadlineAtEachRequest(t *testing.T) {
	s := onTCP(t, nil)
	by := s.bystander()
	for name, overdue := range map[string]func(h *heartbeat){
		"unanswered": func(h *heartbeat) { h.pongBy = instantOf(time.Now()) },
		"unsent":     func(h *heartbeat) { h.pingAt = instantOf(time.Now().Add(-h.timeout)) },
	} {
		for _, method := range []string{"GET", "POST"} {
			app := s.openPolling()
			app.Conn.mu.Lock()
			app.Conn.engine.wheel.set(app.Conn, 0)
			overdue(&app.beat)
			app.Conn.mu.Unlock()
			r := s.do(method, pollingTarget(app.ID()), "")
			if r.status != 400 || r.body != unknownSID {
				t.Errorf("%s of a session with a ping %s: %d %q", method, name, r.status, r.body)
			}
			app.wantClosed(t, ReasonPingTimeout)
		}
	}
	by.wantUnharmed()
}

// A timer that fires a little late moves no deadline; where the server itself
// was held up, the client gets its full time.
func TestHeartbeatOfALateTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		for late, want := range map[time.Duration]time.Duration{
			0:                interval + timeout,
			timeout / 4:      interval + timeout,
			timeout/4 + 1:    interval + timeout + timeout/4 + 1,
			timeout - 1:      interval + timeout + timeout - 1,
			-time.Nanosecond: 0, // not due
		} {
			h := heartbeat{interval: interval, timeout: timeout}
			h.start(begin)
			ping, dead := h.due(instantOf(begin.Add(interval + late)))
			if ping != (want != 0) || dead {
				t.Errorf("%v late: ping %v, dead %v", late, ping, dead)
			}
			if want != 0 && h.pongBy.sub(instantOf(begin)) != want {
				t.Errorf("%v late: deadline after %v, want %v", late, h.pongBy.sub(instantOf(begin)), want)
			}
		}
	})
}

// A peer that does not read cannot hold the session beyond its deadline.
func TestHeartbeatOfASocketThatIsNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := inMemory(t, func(s *Server) { s.WriteTimeout = time.Hour })
		_, app := s.openSocket()
		send(t, app.Conn, "stuck in the pipe")
		after(t, interval+timeout, func() {
			select {
			case err := <-app.closed:
				if err.Reason != ReasonPingTimeout {
					t.Error(err)
				}
			case <-time.After(time.Hour):
				t.Error("not closed")
			}
		})
	})
}

// While a session is paused its ping deadline is frozen.
func TestHeartbeatFrozen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := inMemory(t, nil)
		c, app := s.openSocket()
		after(t, interval, func() { c.readLate() })
		time.Sleep(5 * time.Second) // 15 are left
		app.Pause()
		// The client, which hears nothing else, is still pinged.
		after(t, interval-5*time.Second, func() {
			if got := c.readLate(); got != "text:2" {
				t.Errorf("got %q", got)
			}
		})
		time.Sleep(10 * time.Second)
		app.wantOpen(t)
		app.Resume()
		after(t, 15*time.Second, func() {
			if got := c.readLate(); got != "close:1000" {
				t.Errorf("got %q", got)
			}
		})
		app.wantClosed(t, ReasonPingTimeout)
	})
}

func TestHeartbeatFrozenBeforeItsPing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := inMemory(t, nil)
		c, app := s.openSocket()
		app.Pause()
		after(t, interval, func() { c.readLate() })
		c.send("4waits")
		time.Sleep(timeout / 2)
		s.want(s.get(app.ID()), 400, badRequest) // a request does not end it either
		app.wantOpen(t)
		app.Resume()
		c.want("4waits")
		// The whole timeout is left.
		time.Sleep(timeout - time.Nanosecond)
		c.send("3")
		synctest.Wait()
		app.wantOpen(t)
	})
}

func TestPauseHoldsMessagesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := inMemory(t, nil)
		c, onSocket := s.openSocket()
		polling := s.openPolling()
		onSocket.Pause()
		polling.Pause()
		polling.Pause() // twice is once
		go c.send("4a")
		posted := make(chan reply, 1)
		go func() {
			r, _ := s.try(t.Context(), "POST", pollingTarget(polling.ID()), "4a\x1e4b")
			posted <- r
		}()
		time.Sleep(10 * time.Second)
		if n := len(onSocket.messages()) + len(polling.messages()); n != 0 {
			t.Errorf("%d messages came through", n)
		}
		if len(posted) != 0 {
			t.Error("the POST was answered")
		}
		onSocket.Resume()
		c.want("4a")
		polling.Resume()
		s.wantLater(posted, 200, "ok")
		s.want(s.get(polling.ID()), 200, "4a\x1e4b")
	})
}

// A handler can pause itself: nothing more of the payload comes.
func TestPauseFromTheHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := inMemory(t, nil)
		app := s.openPolling()
		app.on(func(string) { app.Pause() })
		posted := make(chan reply, 1)
		go func() {
			r, _ := s.try(t.Context(), "POST", pollingTarget(app.ID()), "4a\x1e4b\x1e4c")
			posted <- r
		}()
		for i := range 3 {
			synctest.Wait()
			if n := len(app.messages()); n != i+1 {
				t.Errorf("%d messages after %d turns", n, i)
			}
			app.Resume()
		}
		s.wantLater(posted, 200, "ok")
	})
}

// A body that takes too long is not waited for.
func TestSlowBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := inMemory(t, func(s *Server) { s.PingInterval = time.Hour })
		by := s.bystander()
		app := s.openPolling()
		conn := s.rawRequest(rawPost(app.ID(), "Content-Length: 10", "4abc"))
		after(t, 30*time.Second, func() {
			buf := make([]byte, 12)
			if _, err := conn.Read(buf); err != nil || string(buf) != "HTTP/1.1 408" {
				t.Errorf("got %q, %v", buf, err)
			}
		})
		app.wantClosed(t, ReasonTransportError)
		by.wantUnharmed()
	})
}

// Nor is that of a request that is refused: it is answered, and its connection is
// closed.
func TestSlowBodyOfARefusedRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := inMemory(t, func(s *Server) {
			s.Path, s.PingInterval, s.ReadTimeout, s.MaxPayload = "/engine.io/", time.Hour, 7*time.Second, 100
		})
		by := s.bystander()
		app := s.openPolling()
		for name, tc := range map[string]struct {
			method, target, header string
			status                 string
		}{
			"handshake":         {"POST", "/engine.io/?EIO=4&transport=polling", "", "400"},
			"unknown transport": {"POST", "/engine.io/?EIO=4&transport=abc", "", "400"},
			"unknown sid":       {"POST", pollingTarget("x"), "", "400"},
			"foreign origin":    {"POST", pollingTarget(app.ID()), "Origin: http://evil.test\r\n", "403"},
			"method":            {"PUT", pollingTarget(app.ID()), "", "405"},
			"GET":               {"GET", pollingTarget(app.ID()), "", "400"},
			"OPTIONS":           {"OPTIONS", "/engine.io/", "", "204"},
			"wrong path":        {"POST", "/other/", "", "404"},
			"too large":         {"POST", pollingTarget(app.ID()), "", "413"},
		} {
			length := "Content-Length: 10\r\n"
			if tc.status == "413" {
				length = "Content-Length: 101\r\n"
			}
			conn := s.rawRequest(tc.method + " " + tc.target + " HTTP/1.1\r\nHost: snug.test\r\n" + tc.header + length + "\r\n4abc")
			after(t, 7*time.Second, func() {
				b, err := io.ReadAll(conn)
				if err != nil || !strings.HasPrefix(string(b), "HTTP/1.1 "+tc.status) {
					t.Errorf("%s: got %q, %v; want %s and the end", name, b, err, tc.status)
				}
			})
			by.wantUnharmed()
		}
		app.wantOpen(t)
		s.want(s.post(app.ID(), "4a"), 200, "ok")
		s.want(s.get(app.ID()), 200, "4a")
	})
}

// A peer that takes nothing of what is written is given up.
func TestSlowReader(t *testing.T) {
	t.Run("websocket", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := inMemory(t, nil)
			by := s.bystander()
			_, app := s.openSocket()
			send(t, app.Conn, "stuck in the pipe")
			after(t, 10*time.Second, func() { app.wantClosedLate(t, ReasonTransportError) })
			by.wantUnharmed()
		})
	})
	t.Run("polling", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := inMemory(t, nil)
			app := s.openPolling()
			by := s.bystander()
			s.rawRequest(rawGet(app.ID()))
			synctest.Wait()
			send(t, app.Conn, "stuck in the pipe")
			after(t, 10*time.Second, func() { app.wantClosedLate(t, ReasonTransportError) })
			by.wantUnharmed()
		})
	})
}

// One that does not take even a refusal, either.
func TestSlowReaderOfARefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := inMemory(t, func(s *Server) { s.Path, s.PingInterval, s.WriteTimeout = "/engine.io/", time.Hour, 7*time.Second })
		by := s.bystander()
		app := s.openPolling()
		for name, request := range map[string]string{
			"handshake":    "POST /engine.io/?EIO=4&transport=polling",
			"unknown sid":  "GET " + pollingTarget("x"),
			"overlap":      "GET " + pollingTarget(app.ID()),
			"wrong path":   "GET /other/",
			"OPTIONS":      "OPTIONS /engine.io/",
			"bad payload":  "POST " + pollingTarget(s.openPolling().ID()), // it is empty
			"no WebSocket": "GET /engine.io/?EIO=4&transport=websocket&sid=" + s.openPolling().ID(),
		} {
			if name == "overlap" {
				s.getLater(app.ID())
				synctest.Wait()
			}
			conn := s.rawRequest(request + " HTTP/1.1\r\nHost: snug.test\r\n\r\n")
			if name == "overlap" {
				time.Sleep(overlapGrace)
			}
			synctest.Wait()
			after(t, 7*time.Second, func() {
				if _, err := io.WriteString(conn, "more"); err == nil {
					t.Errorf("%s: read on", name)
				}
			})
			by.wantUnharmed()
		}
	})
}

func (s *session) wantClosedLate(t *testing.T, want Reason) {
	t.Helper()
	if err := <-s.closed; err.Reason != want {
		t.Errorf("closed by %v, want %q", err, want)
	}
}
