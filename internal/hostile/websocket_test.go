package hostile

import (
	"strings"
	"testing"
)

// Handshakes that are none: each is refused over HTTP, before 101.
func TestHandshakes(t *testing.T) {
	h := open(t, nil)
	var trials []trial
	for _, c := range []struct {
		name, target, header string
		status               int
	}{
		{"no key", "&transport=websocket", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n", 400},
		{"a short key", "&transport=websocket", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: YQ==\r\n", 400},
		{"a key that is no base64", "&transport=websocket", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: !!!!!!!!!!!!!!!!!!!!!!==\r\n", 400},
		{"an old version", "&transport=websocket", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", 400},
		{"no upgrade", "&transport=websocket", "", 400},
		{"no connection", "&transport=websocket", "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", 400},
		{"another site's page", "&transport=websocket", "Origin: https://evil.test\r\n" + upgradeHeader[len("Host: snug.test\r\n"):len(upgradeHeader)-2], 403},
		{"another site's page, by polling", "&transport=polling", "Origin: https://evil.test\r\n", 403},
		{"the origin null", "&transport=polling", "Origin: null\r\n", 403},
		{"an origin of no kind", "&transport=polling", "Origin: ://\r\n", 403},
		{"a session that is not there", "&transport=websocket&sid=none", upgradeHeader[len("Host: snug.test\r\n") : len(upgradeHeader)-2], 400},
		{"a sid of 10,000 letters", "&transport=polling&sid=" + strings.Repeat("x", 10000), "", 400},
		{"a transport of no kind", "&transport=carrier-pigeon", "", 400},
		{"no transport", "", "", 400},
		{"two transports", "&transport=polling&transport=websocket", "", 200},
		{"EIO 2", "&transport=polling&EIO=2", "", 200},
		{"a query of bad escapes", "&transport=%zz", "", 400},
	} {
		trials = append(trials, trial{c.name, func(t *testing.T, h *house) {
			w := h.dial(t)
			w.send("GET /socket.io/?EIO=4" + c.target + " HTTP/1.1\r\nHost: snug.test\r\n" + c.header + "\r\n")
			if r, body := w.response("GET"); r.StatusCode != c.status {
				t.Errorf("answered %d %s, want %d", r.StatusCode, body, c.status)
			} else if strings.HasPrefix(body, `0{"sid":"`) {
				w.request("POST", polling+"&sid="+body[9:9+strings.IndexByte(body[9:], '"')], "1")
			}
			w.c.Close()
		}})
	}
	try(t, h, trials)
}

// Frames: RFC 6455 says what each costs.
func TestFrames(t *testing.T) {
	h := open(t, nil)
	const alive = 1 // instead of a code: nothing happens
	var trials []trial
	for _, c := range []struct {
		name, send string
		code       uint16
	}{
		{"reserved bit 1, as of a deflated message", frame(fin|0x40|opText, "\x00"), 1002},
		{"reserved bit 2", frame(fin|0x20|opText, "6"), 1002},
		{"reserved bit 3", frame(fin|0x10|opText, "6"), 1002},
		{"all reserved bits of a ping", frame(fin|0x70|opPing, ""), 1002},
		{"opcode 3", frame(fin|3, ""), 1002},
		{"opcode 7", frame(fin|7, ""), 1002},
		{"opcode 11", frame(fin|11, ""), 1002},
		{"opcode 15", frame(fin|15, "x"), 1002},
		{"a frame that is not masked", "\x81\x016", 1002},
		{"a ping that is not masked", "\x89\x00", 1002},
		{"a ping of 126 bytes", frame(fin|opPing, long(126)), 1002},
		{"a ping of 64 KiB", frame(fin|opPing, long(1<<16)), 1002},
		{"a ping in fragments", frame(opPing, "a"), 1002},
		{"a close in fragments", frame(opClose, ""), 1002},
		{"a close of one byte", frame(fin|opClose, "\x03"), 1002},
		{"a close with code 999", frame(fin|opClose, "\x03\xe7"), 1002},
		{"a close with code 1005", frame(fin|opClose, "\x03\xed"), 1002},
		{"a close with code 1006", frame(fin|opClose, "\x03\xee"), 1002},
		{"a close with code 5000", frame(fin|opClose, "\x13\x88"), 1002},
		{"a close with a reason of bad UTF-8", frame(fin|opClose, "\x03\xe8\xff"), 1007},
		{"a close as it should be", frame(fin|opClose, "\x03\xe8bye"), 1000},
		{"a close with a code of one's own", frame(fin|opClose, "\x0f\xa0"), 4000},
		{"a close without a code", frame(fin|opClose, ""), 1000},
		{"a continuation of nothing", frame(fin|opContinue, "x"), 1002},
		{"a message within another", frame(opText, "4") + frame(fin|opText, "6"), 1002},
		{"more than 1,024 fragments", frame(opText, "6") + strings.Repeat(frame(opContinue, ""), 1100) + frame(fin|opContinue, ""), 1008},
		{"bad UTF-8", frame(fin|opText, "4\xff"), 1007},
		{"UTF-8 of a surrogate", frame(fin|opText, "4\xed\xa0\x80"), 1007},
		{"over-long UTF-8", frame(fin|opText, "4\xc0\x80"), 1007},
		{"UTF-8 cut off", frame(fin|opText, "4\xe2\x82"), 1007},
		{"UTF-8 above U+10FFFF", frame(fin|opText, "4\xf4\x90\x80\x80"), 1007},
		{"a byte more than may be", frame(fin|opText, "4"+long(1<<16)), 1009},
		{"fragments that are too much together", frame(opText, "4"+long(40000)) + frame(fin|opContinue, long(40000)), 1009},
		{"a length of 2^63", "\x81\xff\x80\x00\x00\x00\x00\x00\x00\x00\x01\x02\x03\x04", 1002},
		{"a length of 2^62", lied(fin|opText, 1<<62, ""), 1009},
		{"a length of 4 GiB, in binary", lied(fin|opBinary, 1<<32, ""), 1009},
		{"a length in more bytes than it needs", "\x81\xfe\x00\x01\x01\x02\x03\x04" + string([]byte{'6' ^ 1}), 1002},
		{"a ping", frame(fin|opPing, "x"), alive},
		{"ten thousand pings", strings.Repeat(frame(fin|opPing, "x"), 10000), alive},
		{"a pong that nobody asked for", frame(fin|opPong, "x"), alive},
		{"fragments, with a ping between", frame(opText, "") + frame(fin|opPing, "") + frame(fin|opContinue, "6"), alive},
	} {
		trials = append(trials, trial{c.name, func(t *testing.T, h *house) {
			w := h.connected(t)
			w.send(c.send)
			if c.code == alive {
				w.wantAlive()
			} else {
				w.wantClose(c.code)
			}
			w.c.Close()
		}})
	}
	trials = append(trials,
		trial{"half a header, then an end", func(t *testing.T, h *house) { w := h.connected(t); w.send("\x81"); w.c.Close() }},
		trial{"half a frame, then an end", func(t *testing.T, h *house) { w := h.connected(t); w.send(lied(fin|opText, 1000, "4")); w.c.Close() }},
		trial{"half a message, then an end", func(t *testing.T, h *house) { w := h.connected(t); w.send(frame(opText, "4")); w.c.Close() }},
		trial{"frames before the answer to the handshake", func(t *testing.T, h *house) {
			w := h.dial(t)
			w.send("GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n" + upgradeHeader + frame(fin|opText, "40"))
			if r, err := readStatus(w); r != "101" {
				t.Fatal(r, err)
			}
			w.await(`42["welcome"`)
			w.wantAlive()
			w.c.Close()
		}},
	)
	try(t, h, trials)
}

// readStatus reads the head of an answer.
func readStatus(w *wire) (status string, err error) {
	line, err := w.r.ReadString('\n')
	for l := line; err == nil && l != "\r\n"; {
		l, err = w.r.ReadString('\n')
	}
	if len(line) < 12 {
		return "", err
	}
	return line[9:12], err
}
