package engineio

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/gobwas/ws"

	"snug/engineio/packet"
)

// EIO4: WebSocket, "each packet is sent in its own WebSocket frame".
func TestSocketMessages(t *testing.T) {
	s := onTCP(t, nil)
	c, app := s.openSocket()
	if app.Transport() != "websocket" {
		t.Errorf("transport %q", app.Transport())
	}
	for _, m := range []string{"4hello", "4", "4é€😀", "4" + strings.Repeat("x", 125), "4" + strings.Repeat("x", 70_000), "4a\x1eb"} {
		c.send(m)
		c.want(m)
	}
	for _, n := range []int{0, 4, 125, 126, 5000, 65_535, 65_536, 200_000} {
		b := bytes.Repeat([]byte{1, 2, 3, 0xff}, n/4+1)[:n]
		c.sendBinary(b)
		op, got, err := c.frame()
		if err != nil || op != ws.OpBinary || !bytes.Equal(got, b) {
			t.Fatalf("%d bytes: got %v, %d bytes, %v", n, op, len(got), err)
		}
	}
	// Base64, as over polling: the Swift client sends it, and Node takes it.
	c.send("bAQID")
	if op, b, err := c.frame(); op != ws.OpBinary || string(b) != "\x01\x02\x03" || err != nil {
		t.Errorf("got %v %q, %v", op, b, err)
	}
	// `5`, `6` are ignored, and so are `0` and a pong nobody asked for.
	for _, m := range []string{"5", "6", "0", "3", "6noise", "4last"} {
		c.send(m)
	}
	c.want("4last")
	app.wantOpen(t)
}

// What breaks the rules closes the session, and nobody else's.
func TestSocketFaults(t *testing.T) {
	text := func(s string) []byte { return rawFrame(true, 0, ws.OpText, []byte(s)) }
	closing := func(code uint16, reason string) []byte {
		return rawFrame(true, 0, ws.OpClose, append(binary.BigEndian.AppendUint16(nil, code), reason...))
	}
	const limit = 1000
	for _, tc := range []struct {
		name   string
		in     []byte
		code   ws.StatusCode
		reason Reason
	}{
		{"malformed packet", text("abc"), 1002, ReasonParseError},
		{"unknown type", text("7"), 1002, ReasonParseError},
		{"malformed base64", text("bA"), 1002, ReasonParseError},
		{"empty packet", text(""), 1002, ReasonParseError},
		{"ping", text("2"), 1002, ReasonTransportError},
		{"stray probe", text("2probe"), 1002, ReasonTransportError},
		{"close packet", text("1"), 1000, ReasonTransportClose},
		{"too large", text("4" + strings.Repeat("x", limit)), 1009, ReasonTransportError},
		{"too large in bytes, not in characters", text("4" + strings.Repeat("€", 334)), 1009, ReasonTransportError},
		{"too large binary", rawFrame(true, 0, ws.OpBinary, make([]byte, limit+1)), 1009, ReasonTransportError},
		{"too large by its header alone", []byte{0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4}, 1009, ReasonTransportError},
		{"too large in fragments", slices.Concat(
			rawFrame(false, 0, ws.OpText, []byte("4"+strings.Repeat("x", 600))),
			rawFrame(true, 0, ws.OpContinuation, []byte(strings.Repeat("x", 400)))), 1009, ReasonTransportError},
		{"bad UTF-8", text("4\xff"), 1007, ReasonTransportError},
		{"half a rune", text("4\xe2\x82"), 1007, ReasonTransportError},
		{"bad UTF-8 in fragments", slices.Concat(
			rawFrame(false, 0, ws.OpText, []byte("4\xe2")),
			rawFrame(true, 0, ws.OpContinuation, []byte("a"))), 1007, ReasonTransportError},
		{"reserved bit 1", rawFrame(true, 4, ws.OpText, []byte("4a")), 1002, ReasonTransportError},
		{"reserved bit 2", rawFrame(true, 2, ws.OpText, []byte("4a")), 1002, ReasonTransportError},
		{"reserved bit 3", rawFrame(true, 1, ws.OpText, []byte("4a")), 1002, ReasonTransportError},
		{"reserved bit on a control frame", rawFrame(true, 4, ws.OpPing, nil), 1002, ReasonTransportError},
		{"opcode 3", rawFrame(true, 0, 3, []byte("4a")), 1002, ReasonTransportError},
		{"opcode 11", rawFrame(true, 0, 11, nil), 1002, ReasonTransportError},
		{"unmasked", []byte{0x81, 2, '4', 'a'}, 1002, ReasonTransportError},
		{"unmasked ping", []byte{0x89, 0}, 1002, ReasonTransportError},
		{"over-long ping", rawFrame(true, 0, ws.OpPing, make([]byte, 126)), 1002, ReasonTransportError},
		{"over-long close", rawFrame(true, 0, ws.OpClose, make([]byte, 126)), 1002, ReasonTransportError},
		{"fragmented ping", rawFrame(false, 0, ws.OpPing, nil), 1002, ReasonTransportError},
		{"continuation of nothing", rawFrame(true, 0, ws.OpContinuation, []byte("4a")), 1002, ReasonTransportError},
		{"message within a message", slices.Concat(
			rawFrame(false, 0, ws.OpText, []byte("4a")), text("4b")), 1002, ReasonTransportError},
		{"length with its highest bit set", []byte{0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4}, 1002, ReasonTransportError},
		{"16 bits for a small length", []byte{0x82, 0xfe, 0, 1, 0, 0, 0, 0, 'a'}, 1002, ReasonTransportError},
		{"64 bits for a small length", []byte{0x82, 0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 'a'}, 1002, ReasonTransportError},
		{"1,025 fragments", slices.Concat(
			rawFrame(false, 0, ws.OpText, []byte("4")),
			bytes.Repeat(rawFrame(false, 0, ws.OpContinuation, nil), 1024)), 1008, ReasonTransportError},
		{"close", rawFrame(true, 0, ws.OpClose, nil), 1000, ReasonTransportClose},
		{"close with a code", closing(1001, "gone"), 1001, ReasonTransportClose},
		{"close with a code of the application", closing(4321, ""), 4321, ReasonTransportClose},
		{"close of one byte", rawFrame(true, 0, ws.OpClose, []byte{3}), 1002, ReasonTransportError},
		{"close with a code never sent", closing(1005, ""), 1002, ReasonTransportError},
		{"close with a code not in use", closing(999, ""), 1002, ReasonTransportError},
		{"close with a code beyond all", closing(5000, ""), 1002, ReasonTransportError},
		{"close with bad UTF-8", closing(1000, "\xff"), 1007, ReasonTransportError},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := onTCP(t, func(s *Server) { s.MaxPayload = limit })
			by := s.bystander()
			c, app := s.openSocket()
			c.send("4before")
			c.want("4before")
			c.write(slices.Concat(tc.in, text("4after")))
			c.wantClose(tc.code)
			app.wantClosed(t, tc.reason)
			if got := app.messages(); !slices.Equal(got, []string{"before"}) {
				t.Errorf("received %q", got)
			}
			by.wantUnharmed()
		})
	}
}

// The largest message, and the most fragments, are taken.
func TestSocketLimitsReached(t *testing.T) {
	s := onTCP(t, func(s *Server) { s.MaxPayload = 1000 })
	c, _ := s.openSocket()
	m := "4" + strings.Repeat("x", 999)
	c.send(m)
	c.want(m)
	c.write(rawFrame(false, 0, ws.OpText, []byte("4")))
	c.write(bytes.Repeat(rawFrame(false, 0, ws.OpContinuation, nil), 1022))
	c.write(rawFrame(true, 0, ws.OpContinuation, []byte("end")))
	c.want("4end")
	// Control frames may stand between fragments, and do not count.
	c.write(rawFrame(false, 0, ws.OpText, []byte("4a\xe2")))
	c.write(rawFrame(true, 0, ws.OpPing, []byte("are you there?")))
	if op, b, err := c.frame(); op != ws.OpPong || string(b) != "are you there?" || err != nil {
		t.Errorf("got %v %q, %v", op, b, err)
	}
	c.write(rawFrame(true, 0, ws.OpPong, []byte("unasked")))
	c.write(rawFrame(true, 0, ws.OpContinuation, []byte("\x82\xac")))
	c.want("4a€")
}

// rawHandshake is a request for a WebSocket, with more header fields.
func rawHandshake(more string) string {
	request := "GET /engine.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: snug.test\r\n" + more
	for i := 0; i < len(wsHeader); i += 2 {
		request += wsHeader[i] + ": " + wsHeader[i+1] + "\r\n"
	}
	return request + "\r\n"
}

// Bytes that come with the handshake are not lost with net/http's buffers.
func TestSocketEarlyBytes(t *testing.T) {
	s := onTCP(t, nil)
	early, bird := rawFrame(true, 0, ws.OpText, []byte("4early")), rawFrame(true, 0, ws.OpText, []byte("4bird"))
	conn := s.rawRequest(rawHandshake("") + string(early) + string(bird[:5]))
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	var got []byte
	buf := make([]byte, 4096)
	for !bytes.Contains(got, []byte("4early")) {
		n, err := conn.Read(buf)
		if err != nil {
			t.Fatalf("%v after %q", err, got)
		}
		got = append(got, buf[:n]...)
	}
	if !bytes.HasPrefix(got, []byte("HTTP/1.1 101 ")) || bytes.Contains(got, []byte("Sec-Websocket-Extensions")) {
		t.Errorf("got %q", got)
	}
	if _, err := conn.Write(bird[5:]); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Read(buf); err != nil || string(buf[:n]) != "\x81\x054bird" {
		t.Errorf("got %q, %v", buf[:n], err)
	}
}

// Compression is off, whatever the client offers.
func TestSocketRefusesExtensions(t *testing.T) {
	s := onTCP(t, nil)
	conn := s.rawRequest(rawHandshake("Sec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Protocol: soap\r\n"))
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	r, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.StatusCode != 101 || r.Header["Sec-Websocket-Extensions"] != nil || r.Header["Sec-Websocket-Protocol"] != nil {
		t.Errorf("%d %v", r.StatusCode, r.Header)
	}
}

// A WebSocket's TCP connection that closes or resets ends the session within
// 100 ms.
func TestSocketLost(t *testing.T) {
	for name, cut := range map[string]func(net.Conn){
		"closed":      func(c net.Conn) { _ = c.Close() },
		"half-closed": func(c net.Conn) { _ = c.(*net.TCPConn).CloseWrite() },
		"reset":       func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0); _ = c.Close() },
		"in the middle of a frame": func(c net.Conn) {
			_, _ = c.Write([]byte{0x81, 0x85, 1, 2})
			_ = c.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := onTCP(t, nil)
			by := s.bystander()
			c, app := s.openSocket()
			begin := time.Now()
			cut(c.conn)
			app.wantClosed(t, ReasonTransportClose)
			if d := time.Since(begin); d > time.Second { // generous: 100 ms on a quiet machine
				t.Errorf("it took %v", d)
			}
			by.wantUnharmed()
		})
	}
}

// The peer's last words are heard though the session closes at the same time.
func TestSocketCloseReachesABusyPeer(t *testing.T) {
	s := onTCP(t, nil)
	c, app := s.openSocket()
	// Bytes that nobody reads any more must not reset the connection under the
	// Close frame.
	app.on(func(string) { app.Close("") })
	c.write(bytes.Repeat(rawFrame(true, 0, ws.OpText, []byte("4noise")), 1000))
	time.Sleep(10 * time.Millisecond)
	c.write(bytes.Repeat(rawFrame(true, 0, ws.OpText, []byte("4noise")), 1000))
	op, _, err := c.frame()
	if op != ws.OpClose || err != nil {
		t.Errorf("got %v, %v", op, err)
	}
	app.wantClosed(t, ReasonForcedClose)
	if got := app.messages(); len(got) != 1 {
		t.Errorf("%d messages", len(got))
	}
}

// whatSocketed says what the bytes of a WebSocket, which ends with them, bring the
// application, and why its session ends.
func whatSocketed(limit int64, in []byte) (messages []string, why Reason) {
	frames, code := decodeAll(limit, in, max(1, len(in)))
	for _, f := range frames {
		kind, data, _ := strings.Cut(f, ":")
		p := packet.Packet{Type: packet.Message, Binary: true, Data: []byte(data)}
		switch op, _ := strconv.Atoi(kind); ws.OpCode(op) {
		case ws.OpPing, ws.OpPong:
			continue
		case ws.OpClose:
			return messages, closeFault([]byte(data)).reason
		case ws.OpText:
			if !utf8.ValidString(data) {
				return messages, ReasonTransportError
			}
			var err error
			if p, err = packet.DecodeText([]byte(data)); err != nil {
				return messages, ReasonParseError
			}
		}
		switch {
		case p.Binary:
			messages = append(messages, "b:"+string(p.Data))
		case p.Type == packet.Message:
			messages = append(messages, string(p.Data))
		case p.Type == packet.Ping:
			return messages, ReasonTransportError
		case p.Type == packet.Close:
			return messages, ReasonTransportClose
		}
	}
	if code != 0 {
		return messages, ReasonTransportError
	}
	return messages, ReasonTransportClose
}

// FuzzSocket feeds a session what a client might send, byte for byte, and sees
// that the application gets what the protocol says, and no more; that the session
// ends for the right reason and nothing of it stays; and that another is not harmed.
func FuzzSocket(f *testing.F) {
	text := func(s string) []byte { return rawFrame(true, 0, ws.OpText, []byte(s)) }
	for _, b := range [][]byte{
		text("4hello"), text("1"), text("2probe"), text("3"), text(""), {0x81, 2, '4', 'a'}, {0x88, 0x80, 0, 0, 0, 0},
		slices.Concat(text("4a"), rawFrame(false, 0, ws.OpBinary, []byte("b")), rawFrame(true, 0, ws.OpPing, []byte("c"))),
		slices.Concat(text("4a"), rawFrame(true, 0, ws.OpBinary, []byte("b")), text("bAQID"), text("5"), text("x"), text("4c")),
		slices.Concat(text("4a"), text("4\xff"), text("4c")), slices.Concat(text("4a"), rawFrame(true, 0, ws.OpClose, []byte{3, 0xe9}), text("4c")),
		{0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4}, {0xff},
	} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		const limit = 4096
		want, why := whatSocketed(limit, in)
		s := onTCP(t, func(s *Server) { s.MaxPayload = limit })
		by := s.bystander()
		c, app := s.openSocket()
		read := make(chan struct{})
		go func() {
			defer close(read)
			_, _ = io.Copy(io.Discard, c.conn)
		}()
		c.write(in)
		_ = c.conn.(*net.TCPConn).CloseWrite()
		app.wantClosed(t, why)
		if got := app.messages(); !slices.Equal(got, want) {
			t.Errorf("received %q, want %q", got, want)
		}
		<-read
		eventually(t, "it is forgotten", func() bool { return s.server.Sessions() == 1 })
		by.wantUnharmed()
	})
}
