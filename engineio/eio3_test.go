package engineio

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"
)

const old = "/engine.io/?EIO=3&transport=polling"

func allowEIO3(s *Server) { s.AllowEIO3 = true }

// openOld opens a session of protocol 3 by polling.
func (s *site) openOld(more string) *session {
	s.t.Helper()
	r := s.do("GET", old+more, "")
	length, open, _ := strings.Cut(r.body, ":")
	if n, err := strconv.Atoi(length); err != nil || n != len(open) {
		s.t.Fatalf("%q is no payload of one packet", r.body)
	}
	return s.session(sidOf(s.t, open))
}

func TestEIO3IsOffByDefault(t *testing.T) {
	s := onTCP(t, nil)
	by := s.bystander()
	s.want(s.do("GET", old, ""), 400, `{"code":5,"message":"Unsupported protocol version"}`)
	by.wantUnharmed()
}

func TestEIO3Polling(t *testing.T) {
	s := onTCP(t, allowEIO3)
	by := s.bystander()
	app := s.openOld("")
	if app.Handshake().Protocol != 3 || by.app.Handshake().Protocol != 4 {
		t.Errorf("protocols %d and %d, want 3 and 4", app.Handshake().Protocol, by.app.Handshake().Protocol)
	}
	target := old + "&sid=" + app.ID()

	// EIO3: Payload, text: lengths in UTF-16 units, binary as base64.
	s.want(s.do("POST", target, "6:4hello4:4😀x10:b4AQIDBA=="), 200, "ok")
	s.want(s.do("GET", target, ""), 200, "6:4hello4:4😀x10:b4AQIDBA==")

	// EIO3: Payload, binary.
	s.want(s.do("POST", target, "\x00\x04\xff4€\x01\x05\xff\x04\x01\x02\x03\x04", "Content-Type", "application/octet-stream"), 200, "ok")
	s.want(s.do("GET", target, ""), 200, "2:4€10:b4AQIDBA==")
	if got, want := app.messages(), []string{"hello", "😀x", "b:\x01\x02\x03\x04", "€", "b:\x01\x02\x03\x04"}; !slices.Equal(got, want) {
		t.Errorf("received %q, want %q", got, want)
	}

	// EIO3: ping. The client asks, with or without data.
	s.want(s.do("POST", target, "1:2"), 200, "ok")
	s.want(s.do("GET", target, ""), 200, "1:3")

	// A payload of protocol 4 is none of protocol 3.
	s.want(s.do("POST", target, "4hello"), 400, badRequest)
	app.wantClosed(t, ReasonParseError)
	by.wantUnharmed()
}

func TestEIO3Upgrade(t *testing.T) {
	s := onTCP(t, allowEIO3)
	app := s.openOld("")
	waiting := make(chan reply, 1)
	go func() {
		r, err := s.try(t.Context(), "GET", old+"&sid="+app.ID(), "")
		if err != nil {
			r.body = err.Error()
		}
		waiting <- r
	}()
	app.waiting(t)
	c := s.socket(app.ID())
	c.send("2probe")
	c.want("3probe")
	s.wantLater(waiting, 200, "1:6")
	c.send("5")

	c.send("4text")
	c.want("4text")
	// EIO3: binary begins with the packet's type.
	c.sendBinary([]byte{4, 1, 2, 3})
	if op, b, err := c.frame(); err != nil || op != ws.OpBinary || string(b) != "\x04\x01\x02\x03" {
		t.Errorf("got %v %q, %v", op, b, err)
	}
	c.send("b4AQID")
	if op, b, err := c.frame(); err != nil || op != ws.OpBinary || string(b) != "\x04\x01\x02\x03" {
		t.Errorf("got %v %q, %v", op, b, err)
	}
	c.send("2")
	c.want("3")
	c.sendBinary([]byte{9, 1})
	c.wantClose(ws.StatusProtocolError)
	app.wantClosed(t, ReasonParseError)
}

// A client that takes no binary says so when it opens the session.
func TestEIO3Base64(t *testing.T) {
	s := onTCP(t, allowEIO3)
	app := s.openOld("&b64=1")
	c := s.socket(app.ID())
	c.send("2probe")
	c.want("3probe")
	c.send("5")
	c.send("b4AQID")
	c.want("b4AQID")
	if err := app.Send(JoinFrames(NewFrame(Text, []byte("a")), NewFrame(Binary, []byte{1, 2, 3}))); err != nil {
		t.Fatal(err)
	}
	c.want("4a")
	c.want("b4AQID")
}

// EIO3: the client pings, and is dead when none comes for both times.
func TestEIO3Heartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := inMemory(t, allowEIO3)
		app := s.openOld("")
		target := old + "&sid=" + app.ID()
		for range 3 {
			time.Sleep(interval + timeout - time.Nanosecond)
			s.want(s.do("POST", target, "1:2"), 200, "ok")
			s.want(s.do("GET", target, ""), 200, "1:3")
		}
		// Frozen while the application does not read; a ping cannot come then.
		app.Pause()
		time.Sleep(time.Hour)
		app.Resume()
		app.wantOpen(t)
		after(t, interval+timeout, func() { app.wantClosedLate(t, ReasonPingTimeout) })
	})
}
