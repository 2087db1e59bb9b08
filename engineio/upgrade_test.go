package engineio

import (
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"
)

// probed opens a WebSocket for a session, and has it answer the probe.
func (s *site) probed(app *session) *socket {
	s.t.Helper()
	c := s.socket(app.ID())
	c.send("2probe")
	c.want("3probe")
	return c
}

func send(t *testing.T, c *Conn, messages ...string) {
	t.Helper()
	for _, m := range messages {
		if err := c.Send(NewFrame(Text, []byte(m))); err != nil {
			t.Fatal(err)
		}
	}
}

// EIO4: Upgrade.
func TestUpgrade(t *testing.T) {
	s := onTCP(t, nil)
	by := s.bystander()
	app := s.openPolling()
	poll := s.getLater(app.ID())
	app.waiting(t)
	c := s.probed(app)
	s.wantLater(poll, 200, "6") // a waiting poll gets `6`
	if got := app.Transport(); got != "polling" {
		t.Errorf("transport %q before the upgrade packet", got)
	}
	send(t, app.Conn, "queued", "in order")
	if err := app.Send(NewFrame(Binary, []byte{1, 2})); err != nil {
		t.Fatal(err)
	}
	c.send("5")
	c.want("4queued")
	c.want("4in order")
	if op, b, err := c.frame(); op != ws.OpBinary || string(b) != "\x01\x02" || err != nil {
		t.Errorf("got %v %q, %v", op, b, err)
	}
	if got := app.Transport(); got != "websocket" {
		t.Errorf("transport %q after the upgrade packet", got)
	}
	c.send("4hello")
	c.want("4hello")
	// Afterwards requests of the old transport get 400 code 3.
	s.want(s.get(app.ID()), 400, badRequest)
	s.want(s.post(app.ID(), "4late"), 400, badRequest)
	s.want(s.do("GET", "/engine.io/?EIO=4&transport=websocket&sid="+app.ID(), ""), 400, badRequest)
	c.send("4still")
	c.want("4still")
	if got := app.messages(); !slices.Equal(got, []string{"hello", "still"}) {
		t.Errorf("received %q", got)
	}
	by.wantUnharmed()
}

// A second WebSocket is closed, while the first probes and after it.
func TestSecondSocket(t *testing.T) {
	s := onTCP(t, nil)
	by := s.bystander()
	app := s.openPolling()
	first := s.probed(app)
	second := s.socket(app.ID())
	second.send("2probe")
	second.wantClose(1008)
	first.send("5")
	first.send("4a")
	first.want("4a")
	s.socket(app.ID()).wantClose(1008)
	first.send("4b")
	first.want("4b")
	app.wantOpen(t)
	by.wantUnharmed()
}

// A WebSocket that dies during the probe leaves polling alive, and another may
// come.
func TestProbeDies(t *testing.T) {
	for name, tc := range map[string]struct {
		kill func(*socket)
		code ws.StatusCode // 0: the client closed
	}{
		"before the probe":           {func(c *socket) { _ = c.conn.Close() }, 0},
		"after the probe":            {func(c *socket) { c.send("2probe"); c.want("3probe"); _ = c.conn.Close() }, 0},
		"by a close frame":           {func(c *socket) { c.write(rawFrame(true, 0, ws.OpClose, nil)) }, 1000},
		"by a message":               {func(c *socket) { c.send("4a") }, 1002},
		"by a binary message":        {func(c *socket) { c.sendBinary([]byte("a")) }, 1002},
		"by a message after it":      {func(c *socket) { c.send("2probe"); c.want("3probe"); c.send("4a") }, 1002},
		"by an upgrade before it":    {func(c *socket) { c.send("5") }, 1002},
		"by a ping without its word": {func(c *socket) { c.send("2") }, 1002},
		"by another word":            {func(c *socket) { c.send("2probes") }, 1002},
		"by a second probe":          {func(c *socket) { c.send("2probe"); c.want("3probe"); c.send("2probe") }, 1002},
		"by a malformed packet":      {func(c *socket) { c.send("x") }, 1002},
		"by a broken frame":          {func(c *socket) { c.write([]byte{0x81, 0x00}) }, 1002},
		"by bad UTF-8":               {func(c *socket) { c.send("4\xff") }, 1007},
	} {
		t.Run(name, func(t *testing.T) {
			s := onTCP(t, nil)
			by := s.bystander()
			app := s.openPolling()
			c := s.socket(app.ID())
			send(t, app.Conn, "queued")
			tc.kill(c)
			if tc.code != 0 {
				c.wantClose(tc.code)
			}
			eventually(t, "another may come", func() bool {
				app.Conn.mu.Lock()
				defer app.Conn.mu.Unlock()
				return app.probe == nil
			})
			app.wantOpen(t)
			s.want(s.post(app.ID(), "4a"), 200, "ok")
			s.want(s.get(app.ID()), 200, "4queued\x1e4a") // neither lost nor doubled
			again := s.probed(app)
			again.send("5")
			again.send("4b")
			again.want("4b")
			by.wantUnharmed()
		})
	}
}

// upgradeTimeout 10 s.
func TestUpgradeTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := inMemory(t, nil)
		by := s.bystander()
		app := s.openPolling()
		c := s.probed(app)
		after(t, 10*time.Second, func() {
			if got := c.readLate(); got != "close:1000" {
				t.Errorf("got %q", got)
			}
		})
		app.wantOpen(t)
		s.want(s.post(app.ID(), "4a"), 200, "ok")
		s.want(s.get(app.ID()), 200, "4a")
		// One that upgrades in time is not closed later.
		again := s.probed(app)
		again.send("5")
		time.Sleep(11 * time.Second)
		again.send("4b")
		again.want("4b")
		by.wantUnharmed()
	})
}

// Race 2: the noop is held for 50 to 100 ms; a GET gets 400 if the upgrade
// packet arrives meanwhile, and `6` if it never does.
func TestPollDuringTheProbe(t *testing.T) {
	for name, tc := range map[string]struct {
		upgradeAfter time.Duration // 0: never
		status       int
		body         string
	}{
		"never":   {0, 200, "6"},
		"at once": {time.Millisecond, 400, badRequest},
		"within":  {49 * time.Millisecond, 400, badRequest},
		"late":    {101 * time.Millisecond, 200, "6"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := inMemory(t, nil)
				by := s.bystander()
				app := s.openPolling()
				c := s.probed(app)
				poll := s.getLater(app.ID())
				begin := time.Now()
				if tc.upgradeAfter > 0 {
					time.Sleep(tc.upgradeAfter)
					c.send("5")
				}
				s.wantLater(poll, tc.status, tc.body)
				if d := time.Since(begin); tc.status == 200 && tc.upgradeAfter == 0 && (d < 50*time.Millisecond || d > 100*time.Millisecond) {
					t.Errorf("the noop came after %v", d)
				}
				if tc.upgradeAfter == 0 {
					c.send("5")
				}
				c.send("4hello")
				c.want("4hello")
				by.wantUnharmed()
			})
		})
	}
}

// A poll that has waited since before the probe is released by the upgrade
// packet, should that come first.
func TestPollFromBeforeTheProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := inMemory(t, nil)
		app := s.openPolling()
		poll := s.getLater(app.ID())
		synctest.Wait()
		c := s.probed(app)
		c.send("5")
		s.wantLater(poll, 200, "6")
		c.send("4hello")
		c.want("4hello")
	})
}

// What is sent while a poll is held goes out with it: polling is the transport
// until the upgrade packet.
func TestMessageForAHeldPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := inMemory(t, nil)
		app := s.openPolling()
		c := s.probed(app)
		poll := s.getLater(app.ID())
		time.Sleep(time.Millisecond)
		send(t, app.Conn, "a")
		s.wantLater(poll, 200, "4a")
		c.send("5")
		send(t, app.Conn, "b")
		c.want("4b")
	})
}

// A session that ends takes its candidate along.
func TestSessionEndsDuringTheProbe(t *testing.T) {
	t.Run("by a fault", func(t *testing.T) {
		s := onTCP(t, nil)
		by := s.bystander()
		app := s.openPolling()
		c := s.probed(app)
		s.want(s.post(app.ID(), "abc"), 400, badRequest)
		c.wantClose(1000)
		app.wantClosed(t, ReasonParseError)
		by.wantUnharmed()
	})
	t.Run("by the server, while a poll waits", func(t *testing.T) {
		s := onTCP(t, nil)
		app := s.openPolling()
		poll := s.getLater(app.ID())
		app.waiting(t)
		c := s.probed(app)
		app.Close(ReasonShutdown)
		s.wantLater(poll, 200, "1")
		c.wantClose(1001)
	})
	// The client has paused polling, and would never fetch what is left.
	t.Run("by the server, before the upgrade packet", func(t *testing.T) {
		s := onTCP(t, nil)
		app := s.openPolling()
		c := s.probed(app)
		send(t, app.Conn, "last words")
		app.Close(ReasonShutdown)
		app.wantClosed(t, ReasonShutdown)
		c.send("5")
		c.want("4last words")
		c.wantClose(1001)
		s.want(s.get(app.ID()), 400, unknownSID)
	})
}

// A POST whose body is still on its way when the transport changes is of the
// old one; one that is being handled keeps its place before what follows.
func TestPostAcrossTheUpgrade(t *testing.T) {
	t.Run("unfinished", func(t *testing.T) {
		s := onTCP(t, nil)
		app := s.openPolling()
		c := s.probed(app)
		conn := s.rawRequest(rawPost(app.ID(), "Content-Length: 4", "4a"))
		eventually(t, "the POST is under way", func() bool {
			app.Conn.mu.Lock()
			defer app.Conn.mu.Unlock()
			return app.post != nil
		})
		c.send("5")
		c.send("4b")
		c.want("4b")
		if _, err := conn.Write([]byte("aa")); err != nil {
			t.Fatal(err)
		}
		if got := readAnswer(t, conn); got[:12] != "HTTP/1.1 400" {
			t.Errorf("got %q", got)
		}
		app.wantOpen(t)
	})
	t.Run("being handled", func(t *testing.T) {
		s := onTCP(t, nil)
		app := s.openPolling()
		c := s.probed(app)
		app.Pause()
		posted := make(chan reply, 1)
		go func() {
			r, _ := s.try(t.Context(), "POST", pollingTarget(app.ID()), "4a\x1e4b")
			posted <- r
		}()
		eventually(t, "the body is read", func() bool {
			app.Conn.mu.Lock()
			defer app.Conn.mu.Unlock()
			return app.post != nil && !app.post.reading
		})
		c.send("5")
		eventually(t, "the transport has changed", func() bool { return app.Transport() == "websocket" })
		app.Resume()
		s.wantLater(posted, 200, "ok")
		c.want("4a")
		c.want("4b")
		c.send("4c")
		c.want("4c")
		if got := app.messages(); !slices.Equal(got, []string{"a", "b", "c"}) {
			t.Errorf("received %q", got)
		}
	})
}

// A reset of the WebSocket after the upgrade ends the session: polling is over.
func TestUpgradedSocketLost(t *testing.T) {
	s := onTCP(t, nil)
	by := s.bystander()
	app := s.openPolling()
	c := s.probed(app)
	c.send("5")
	c.send("4a")
	c.want("4a")
	_ = c.conn.(*net.TCPConn).SetLinger(0)
	_ = c.conn.Close()
	app.wantClosed(t, ReasonTransportClose)
	s.want(s.get(app.ID()), 400, unknownSID)
	by.wantUnharmed()
}
