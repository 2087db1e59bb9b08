package hostile

import (
	"fmt"
	"strings"
	"testing"
)

// Bodies of a POST.
var payloads = []struct {
	name, body string
	header     string
	status     int
	ends       bool
}{
	{"nothing", "", "", 400, true},
	{"a type of no kind", "9", "", 400, true},
	{"a letter as type", "x", "", 400, true},
	{"a separator alone", sep, "", 400, true},
	{"a separator at the end", "40" + sep, "", 400, true},
	{"two separators", "6" + sep + sep + "6", "", 400, true},
	{"a ping, which is the server's to send", "2", "", 400, true},
	{"a probe without a WebSocket", "2probe", "", 400, true},
	{"an open", "0{}", "", 200, false},
	{"an upgrade", "5", "", 200, false},
	{"a noop", "6", "", 200, false},
	{"a pong too many", "3", "", 200, false},
	{"ten thousand noops", "6" + strings.Repeat(sep+"6", 10000), "", 200, false},
	{"binary that is no base64", "b!!!!", "", 400, true},
	{"binary of half a letter", "bA", "", 400, true},
	{"binary that nobody announced", "bAAAA", "", 200, true},
	{"bad UTF-8", "4\xff\xfe", "", 400, true},
	{"a byte more than may be", "4" + long(1<<16), "", 413, false},
	{"as long as may be, of nonsense", "4" + long(1<<16-1), "", 200, true},
	{"as bytes", "6", "Content-Type: application/octet-stream\r\n", 400, true},
	{"as a form", "d=6", "Content-Type: application/x-www-form-urlencoded\r\n", 400, true},
	{"a close, and more after it", "1" + sep + "40", "", 200, true},
	{"from another site", "6", "Origin: https://evil.test\r\n", 403, false},
}

// Payloads of Engine.IO by polling: what they are answered, and whether the
// session outlives them.
func TestPayloads(t *testing.T) {
	h := open(t, nil)
	var trials []trial
	for _, c := range payloads {
		trials = append(trials, trial{c.name, func(t *testing.T, h *house) {
			w, sid := h.session(t)
			w.send(fmt.Sprintf("POST %s&sid=%s HTTP/1.1\r\nHost: snug.test\r\n%sContent-Length: %d\r\n\r\n%s", polling, sid, c.header, len(c.body), c.body))
			if r, body := w.response("POST"); r.StatusCode != c.status {
				t.Errorf("answered %d %s, want %d", r.StatusCode, body, c.status)
			}
			w.c.Close()
			w = h.dial(t)
			r, body := w.request("POST", polling+"&sid="+sid, "6")
			if ended := r.StatusCode == 400; ended != c.ends || !ended && r.StatusCode != 200 {
				t.Errorf("after it the session answers %d %s; ends: %t", r.StatusCode, body, c.ends)
			}
			w.c.Close()
		}})
	}
	for _, method := range []string{"PUT", "DELETE", "PATCH", "HEAD"} {
		trials = append(trials, trial{method + " of a session", func(t *testing.T, h *house) {
			w, sid := h.session(t)
			if r, _ := w.request(method, polling+"&sid="+sid, ""); r.StatusCode != 405 {
				t.Errorf("answered %d", r.StatusCode)
			}
			w.c.Close()
		}})
	}
	trials = append(trials,
		trial{"a second poll", func(t *testing.T, h *house) {
			a, sid := h.session(t)
			b := h.dial(t)
			get := "GET " + polling + "&sid=" + sid + " HTTP/1.1\r\nHost: x\r\n\r\n"
			a.send(get)
			for { // until the first one waits
				b.send(get)
				r, body := b.response("GET")
				if r.StatusCode == 400 {
					break
				}
				if r.StatusCode != 200 {
					t.Fatalf("%d %s", r.StatusCode, body)
				}
			}
			a.c.Close()
			b.c.Close()
		}},
		trial{"a poll that is cut off", func(t *testing.T, h *house) {
			w, sid := h.session(t)
			w.send("GET " + polling + "&sid=" + sid + " HTTP/1.1\r\nHost: x\r\n\r\n")
			w.c.Close()
		}},
		trial{"a POST that is cut off", func(t *testing.T, h *house) {
			w, sid := h.session(t)
			w.send("POST " + polling + "&sid=" + sid + " HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n4")
			w.c.Close()
		}},
	)
	try(t, h, trials)
}

// The upgrade, left off after each of its steps.
func TestUpgrades(t *testing.T) {
	h := open(t, nil)
	var trials []trial
	steps := []struct {
		name string
		do   func(w *wire)
	}{
		{"after 101", func(*wire) {}},
		{"after the probe", func(w *wire) { w.text("2probe") }},
		{"after the probe's answer", func(w *wire) { w.text("2probe"); w.await("3probe") }},
		{"after the upgrade", func(w *wire) { w.text("2probe"); w.await("3probe"); w.text("5") }},
		{"with a frame cut in two", func(w *wire) { w.send(frame(fin|opText, "2probe")[:5]) }},
		{"with another word than probe", func(w *wire) { w.text("2rope"); w.wantClose(1002) }},
		{"with a message instead of a probe", func(w *wire) { w.text("40"); w.wantClose(1002) }},
		{"with binary instead of a probe", func(w *wire) { w.send(frame(fin|opBinary, "2probe")); w.wantClose(1002) }},
		{"with an upgrade before the probe", func(w *wire) { w.text("5"); w.wantClose(1002) }},
	}
	for _, s := range steps {
		trials = append(trials, trial{"an upgrade left off " + s.name, func(t *testing.T, h *house) {
			w, sid := h.session(t)
			u := h.upgrade(t, sid)
			s.do(u)
			u.c.Close()
			w.c.Close()
		}}, trial{"an upgrade reset " + s.name, func(t *testing.T, h *house) {
			w, sid := h.session(t)
			u := h.upgrade(t, sid)
			s.do(u)
			u.reset()
			w.reset()
		}})
	}
	trials = append(trials, trial{"a second upgrade during the first", func(t *testing.T, h *house) {
		w, sid := h.session(t)
		a := h.upgrade(t, sid)
		a.text("2probe")
		a.await("3probe")
		b := h.upgrade(t, sid)
		b.within(patience)
		b.wantEnd()
		a.text("5", "40")
		a.await(`42["welcome"`)
		a.wantAlive()
		a.c.Close()
		w.c.Close()
	}})
	try(t, h, trials)
}

// Packets of Engine.IO over a WebSocket.
func TestPackets(t *testing.T) {
	h := open(t, nil)
	var trials []trial
	for _, c := range []struct {
		name, send string
		code       uint16 // 1: nothing happens
	}{
		{"an empty message", frame(fin|opText, ""), 1002},
		{"a type of no kind", frame(fin|opText, "9"), 1002},
		{"a ping", frame(fin|opText, "2"), 1002},
		{"a probe too late", frame(fin|opText, "2probe"), 1002},
		{"a close", frame(fin|opText, "1"), 1000},
		{"an upgrade too late", frame(fin|opText, "5"), 1},
		{"a noop", frame(fin|opText, "6"), 1},
		{"a noop with words", frame(fin|opText, "6x"), 1},
		{"a pong with words", frame(fin|opText, "3x"), 1},
		{"a NUL", frame(fin|opText, "\x00"), 1002},
		{"a thousand noops", strings.Repeat(frame(fin|opText, "6"), 1000), 1},
		{"empty binary that nobody announced", frame(fin|opBinary, ""), 1000},
	} {
		trials = append(trials, trial{c.name, func(t *testing.T, h *house) {
			w := h.connected(t)
			w.send(c.send)
			if c.code == 1 {
				w.wantAlive()
			} else {
				w.wantClose(c.code)
			}
			w.c.Close()
		}})
	}
	try(t, h, trials)
}
