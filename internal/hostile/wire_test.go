package hostile

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// A wire is a connection to the server and what has been read from it.
type wire struct {
	t testing.TB
	c net.Conn
	r *bufio.Reader
}

func newWire(t testing.TB, c net.Conn) *wire { return &wire{t, c, bufio.NewReader(c)} }

// send writes bytes as they are. The server may have closed already: what is
// answered tells.
func (w *wire) send(b string) { _, _ = io.WriteString(w.c, b) }

// response reads an HTTP answer and its body.
func (w *wire) response(method string) (*http.Response, string) {
	w.t.Helper()
	r, err := http.ReadResponse(w.r, &http.Request{Method: method})
	if err != nil {
		w.t.Fatalf("no answer: %v", err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		w.t.Fatalf("half an answer: %v", err)
	}
	return r, string(b)
}

// request is one over the wire, and its answer.
func (w *wire) request(method, target, body string, header ...string) (*http.Response, string) {
	w.t.Helper()
	w.send(fmt.Sprintf("%s %s HTTP/1.1\r\nHost: snug.test\r\nContent-Length: %d\r\n", method, target, len(body)) + strings.Join(append(header, "\r\n"), "\r\n") + body)
	return w.response(method)
}

// wantEnd fails unless the server closes the connection.
func (w *wire) wantEnd() {
	w.t.Helper()
	if _, err := io.Copy(io.Discard, w.r); err != nil && errors.Is(err, net.ErrClosed) || isTimeout(err) {
		w.t.Errorf("the connection is not closed: %v", err)
	}
}

func isTimeout(err error) bool {
	e, ok := errors.AsType[net.Error](err)
	return ok && e.Timeout()
}

const polling = "/socket.io/?EIO=4&transport=polling"

// session opens an Engine.IO session by polling.
func (h *house) session(t testing.TB) (w *wire, sid string) {
	t.Helper()
	w = h.dial(t)
	r, body := w.request("GET", polling, "")
	var open struct{ Sid string }
	if err := json.Unmarshal([]byte(strings.TrimPrefix(body, "0")), &open); err != nil || r.StatusCode != 200 {
		t.Fatalf("handshake: %d %q", r.StatusCode, body)
	}
	t.Cleanup(func() {
		w := h.dial(t)
		_, _ = w.request("POST", polling+"&sid="+open.Sid, "1")
		w.c.Close()
	})
	return w, open.Sid
}

const upgradeHeader = "Host: snug.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

// upgrade makes a WebSocket of a session, "" for a new one.
func (h *house) upgrade(t testing.TB, sid string) *wire {
	t.Helper()
	w := h.dial(t)
	w.send("GET /socket.io/?EIO=4&transport=websocket&sid=" + sid + " HTTP/1.1\r\n" + upgradeHeader)
	r, err := http.ReadResponse(w.r, nil)
	if err != nil || r.StatusCode != 101 {
		t.Fatalf("upgrade: %v %v", r, err)
	}
	return w
}

// socket is a session over a WebSocket, before any CONNECT.
func (h *house) socket(t testing.TB) *wire {
	t.Helper()
	w := h.upgrade(t, "")
	if m := w.message(); !strings.HasPrefix(m, "0{") {
		t.Fatalf("open: %q", m)
	}
	return w
}

// connected is a session in the main namespace.
func (h *house) connected(t testing.TB) *wire {
	t.Helper()
	w := h.socket(t)
	w.text("40")
	w.await(`42["welcome"`)
	return w
}

// The opcodes of RFC 6455, 5.2.
const (
	opContinue = 0
	opText     = 1
	opBinary   = 2
	opClose    = 8
	opPing     = 9
	opPong     = 10
)

const fin = 0x80

// frame is a masked frame: first is FIN, reserved bits and opcode.
func frame(first byte, payload string) string {
	return lied(first, uint64(len(payload)), payload)
}

// lied is a frame that says it has n bytes.
func lied(first byte, n uint64, payload string) string {
	b := []byte{first}
	switch {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), n)
	}
	mask := []byte{1, 2, 3, 4}
	b = append(b, mask...)
	for i := range len(payload) {
		b = append(b, payload[i]^mask[i%4])
	}
	return string(b)
}

// text sends text messages.
func (w *wire) text(messages ...string) {
	for _, m := range messages {
		w.send(frame(fin|opText, m))
	}
}

// next reads a frame of the server's.
func (w *wire) next() (op byte, payload []byte, err error) {
	var head [2]byte
	if _, err := io.ReadFull(w.r, head[:]); err != nil {
		return 0, nil, err
	}
	n := uint64(head[1])
	switch n {
	case 126:
		var b [2]byte
		if _, err := io.ReadFull(w.r, b[:]); err != nil {
			return 0, nil, err
		}
		n = uint64(binary.BigEndian.Uint16(b[:]))
	case 127:
		var b [8]byte
		if _, err := io.ReadFull(w.r, b[:]); err != nil {
			return 0, nil, err
		}
		n = binary.BigEndian.Uint64(b[:])
	}
	payload = make([]byte, n)
	_, err = io.ReadFull(w.r, payload)
	return head[0] & 0xf, payload, err
}

// message reads the next text, and answers pings of the engine on the way.
func (w *wire) message() string {
	w.t.Helper()
	for {
		op, b, err := w.next()
		switch {
		case err != nil || op == opClose:
			w.t.Fatalf("closed: %d %q %v", op, b, err)
		case op == opText && string(b) == "2":
			w.text("3")
		case op == opText:
			return string(b)
		}
	}
}

// await reads up to the text that begins so.
func (w *wire) await(prefix string) string {
	w.t.Helper()
	for {
		if m := w.message(); strings.HasPrefix(m, prefix) {
			return m
		}
	}
}

// wantAlive fails unless the socket is served as before.
func (w *wire) wantAlive() {
	w.t.Helper()
	w.text(`427654321["are you there"]`)
	if m := w.await("437654321"); !strings.Contains(m, `"unsupported"`) {
		w.t.Errorf("alive: %s", m)
	}
}

// wantClose fails unless the server closes the WebSocket with the code, and the
// connection after it; 0 is without any code.
func (w *wire) wantClose(code uint16) {
	w.t.Helper()
	for {
		op, b, err := w.next()
		switch {
		case err != nil && (code != 0 || isTimeout(err)):
			w.t.Fatalf("no close %d but: %v", code, err)
		case err != nil:
			return
		case op == opClose && code == 0:
			w.t.Fatalf("closed with %x, want a cut", b)
		case op == opClose:
			if len(b) < 2 || binary.BigEndian.Uint16(b) != code {
				w.t.Errorf("closed with %x, want %d", b, code)
			}
			w.wantEnd()
			return
		}
	}
}

// answer is what an event with an acknowledgement is answered.
type answer struct {
	OK      bool
	Ignored []string
	Error   struct {
		Code, Field, Scope string
		Retry              bool
		RetryAfter         float64
	}
	Room    string
	Seq     int
	Entries []struct{ Text string }
	You     struct{ Name string }
}

// ask sends an event with its argument as it is.
func (w *wire) ask(event, argument string) (a answer) {
	w.t.Helper()
	w.text(fmt.Sprintf(`4217[%q,%s]`, event, argument))
	m := w.await("4317[")
	if err := json.Unmarshal([]byte(m[5:len(m)-1]), &a); err != nil {
		w.t.Fatalf("%s: %v", m, err)
	}
	return a
}

// within sets when reading and writing must be done.
func (w *wire) within(d time.Duration) { _ = w.c.SetDeadline(time.Now().Add(d)) }

// reset ends the connection by a RST.
func (w *wire) reset() {
	if c, ok := w.c.(*net.TCPConn); ok {
		_ = c.SetLinger(0)
	}
	_ = w.c.Close()
}
