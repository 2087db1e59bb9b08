package socketio_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"snug/socketio"
	"snug/socketio/packet"
)

// foretold says what becomes of a client in "/" that sends these messages: the
// reason why it leaves, "" if it stays, and whether its connection is closed.
func foretold(messages []string) (left socketio.Reason, closed bool) {
	var a packet.Assembler
	in := map[string]bool{"/": true}
	for _, m := range messages {
		var p packet.Packet
		var done bool
		var err error
		if b, binary := strings.CutPrefix(m, "b:"); binary {
			p, done, err = a.Binary([]byte(b))
		} else {
			p, done, err = a.Text([]byte(m[1:]))
		}
		switch {
		case err != nil && in["/"]:
			return "parse error", true
		case err != nil:
			return left, true
		case !done:
		case p.Type == packet.Connect && !in[p.Namespace]:
			in[p.Namespace] = p.Namespace == "/" || p.Namespace == "/custom"
		case p.Type == packet.Disconnect && in[p.Namespace]:
			if delete(in, p.Namespace); p.Namespace == "/" {
				left = socketio.ReasonClientDisconnect
			}
		case !in[p.Namespace] || p.Type == packet.Connect || p.Type == packet.ConnectError:
			if in["/"] {
				left = "forced close"
			}
			return left, true
		}
	}
	return left, false
}

// FuzzConnection sends a connected client's server what a client might, and
// sees that it is served or closed as the protocol says, that nothing of it
// stays behind, and that a bystander is not harmed.
func FuzzConnection(f *testing.F) {
	for _, text := range []string{
		`2["echo","x"]`, `21["echo",{"a":[1]}]`, `2`, `2["error"]`, `2["x",`, `0`, `0/custom`, `0/x,{}`, `0[]`, `1`, `1{}`, `1/custom`,
		`30[]`, `3{}`, `4{}`, `51-["echo",{"_placeholder":true,"num":0}]`, `52-["echo",{"_placeholder":true,"num":1}]`, `511-["x"]`, `61-0[]`,
		`51-/custom,["x"]`, `2/custom,["echo"]`, `9`, ``, `2["` + strings.Repeat("[", 40),
	} {
		f.Add(text, "bytes", uint8(0))
		f.Add(text, "bytes", uint8(1))
	}
	f.Fuzz(func(t *testing.T, text, attachment string, n uint8) {
		if !utf8.ValidString(text) {
			return // the engine's affair
		}
		messages := []string{"4" + text}
		for range n % 12 {
			messages = append(messages, "b:"+attachment)
		}
		messages = append(messages, `42["echo","last"]`)
		want, closed := foretold(messages)
		s := newPipeSite(t, socketio.Options{}, nil)
		w := s.join("")
		w.send(messages...)
		if closed {
			for range w.got { // to the end
			}
		} else {
			for w.next() != `42["echoed","last"]` {
			}
		}
		for left := socketio.Reason(""); want != "" && left != want; {
			select {
			case got := <-s.left:
				left = socketio.Reason(strings.TrimPrefix(got, "/ "))
			case <-time.After(patience):
				t.Fatalf("it has not left by %q", want)
			}
		}
		s.alive(t)
		_ = w.conn.Close()
		eventually(t, func() bool { st := s.Stats(); return st.Connections == 1 && st.Sockets == 1 })
		if st := s.Stats(); st.Panics != 0 {
			t.Errorf("%d panics", st.Panics)
		}
	})
}
