package engineio

import (
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// noticed is how soon a connection's end must be the session's.
const noticed = 100 * time.Millisecond

// carriers open a session and have it carried by a connection of its own.
var carriers = map[string]func(s *site) (*session, net.Conn){
	"websocket": func(s *site) (*session, net.Conn) {
		c, app := s.openSocket()
		return app, c.conn
	},
	"upgraded websocket": func(s *site) (*session, net.Conn) {
		app := s.openPolling()
		c := s.probed(app)
		c.send("5")
		c.send("4a")
		c.want("4a")
		return app, c.conn
	},
	"poll": func(s *site) (*session, net.Conn) {
		app := s.openPolling()
		conn := s.rawRequest(rawGet(app.ID()))
		app.waiting(s.t)
		return app, conn
	},
	"POST": func(s *site) (*session, net.Conn) {
		app := s.openPolling()
		conn := s.rawRequest(rawPost(app.ID(), "Content-Length: 10", "4abc"))
		eventually(s.t, "a POST is under way", func() bool {
			app.Conn.mu.Lock()
			defer app.Conn.mu.Unlock()
			return app.post != nil
		})
		return app, conn
	},
}

// A TCP connection that closes or resets ends the session that it carries within
// 100 ms. Of several the soonest counts: a busy machine may keep any of them waiting.
func TestLostWithin100ms(t *testing.T) {
	for how, cut := range map[string]func(net.Conn){
		"closed": func(c net.Conn) { _ = c.Close() },
		"reset":  func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0); _ = c.Close() },
	} {
		for name, open := range carriers {
			t.Run(name+" "+how, func(t *testing.T) {
				s := onTCP(t, nil)
				by := s.bystander()
				best := time.Duration(1<<63 - 1)
				for range 20 {
					app, conn := open(s)
					begin := time.Now()
					cut(conn)
					app.wantClosed(t, ReasonTransportClose)
					if best = min(best, time.Since(begin)); best <= noticed {
						break
					}
				}
				if best > noticed {
					t.Errorf("it was noticed after %v at best", best)
				}
				by.wantUnharmed()
			})
		}
	}
}

// And no timer has to come first: in fake time it takes none.
func TestLostWithoutATimer(t *testing.T) {
	for name, open := range carriers {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := inMemory(t, nil)
				by := s.bystander()
				app, conn := open(s)
				synctest.Wait()
				app.wantOpen(t)
				after(t, 0, func() {
					_ = conn.Close()
					app.wantClosedLate(t, ReasonTransportClose)
				})
				by.wantUnharmed()
			})
		})
	}
}

// One that carries nothing of a session takes nothing with it, however it goes.
func TestLostWithNothingOnIt(t *testing.T) {
	s := onTCP(t, nil)
	app := s.openPolling()
	for range 3 {
		conn := s.rawRequest(rawPost(app.ID(), "Content-Length: 2", "4a"))
		if _, err := io.ReadAtLeast(conn, make([]byte, 4096), 20); err != nil {
			t.Fatal(err)
		}
		s.want(s.get(app.ID()), 200, "4a")
		_ = conn.(*net.TCPConn).SetLinger(0)
		_ = conn.Close()
	}
	s.want(s.post(app.ID(), "4b"), 200, "ok")
	s.want(s.get(app.ID()), 200, "4b")
	app.wantOpen(t)
}
