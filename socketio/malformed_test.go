package socketio_test

import (
	"strings"
	"testing"

	"snug/socketio"
)

// What breaks the protocol closes the connection, and nothing else.
func TestMalformed(t *testing.T) {
	s := newSite(t, socketio.Options{}, nil)
	ph := func(n string) string { return `{"_placeholder":true,"num":` + n + `}` }
	for _, c := range []struct {
		why    string
		bare   bool // before any CONNECT
		send   []string
		reason string // "" if there is no socket to tell
	}{
		// "CONNECT with an object or nothing, else close."
		{"CONNECT with an array", true, []string{`40[]`}, ""},
		{"CONNECT with a string", true, []string{`40"a"`}, ""},
		{"CONNECT with null", true, []string{`40null`}, ""},
		{"CONNECT with bad JSON", true, []string{`40{`}, ""},
		{"CONNECT with trailing garbage", true, []string{`40{}x`}, ""},
		{"CONNECT with an array, custom", true, []string{`40/custom,[1]`}, ""},
		// "Close on: a second CONNECT to the same namespace, EVENT before CONNECT, EVENT to a
		// namespace not joined, CONNECT_ERROR from a client."
		{"second CONNECT", false, []string{`40`}, "/ forced close"},
		{"EVENT before CONNECT", true, []string{`42["echo"]`}, ""},
		{"EVENT to a namespace not joined", false, []string{`42/custom,["echo"]`}, "/ forced close"},
		{"EVENT to a namespace that is unknown", false, []string{`42/x,["echo"]`}, "/ forced close"},
		{"ACK to a namespace not joined", false, []string{`43/custom,1[]`}, "/ forced close"},
		{"DISCONNECT from a namespace not joined", false, []string{`41/custom`}, "/ forced close"},
		{"DISCONNECT before CONNECT", true, []string{`41`}, ""},
		{"CONNECT_ERROR from a client", false, []string{`44{"message":"x"}`}, "/ forced close"},
		{"CONNECT_ERROR before CONNECT", true, []string{`44{"message":"x"}`}, ""},
		// "EVENT: a non-empty array whose first item is a string or a number and none of …"
		{"bare EVENT", false, []string{`42`}, "/ parse error"},
		{"bare EVENT with an id", false, []string{`421`}, "/ parse error"},
		{"EVENT with an object", false, []string{`42{}`}, "/ parse error"},
		{"EVENT with an empty array", false, []string{`42[]`}, "/ parse error"},
		{"EVENT without a name", false, []string{`42[null,1]`}, "/ parse error"},
		{"EVENT named by an object", false, []string{`42[{}]`}, "/ parse error"},
		{"EVENT named by a bool", false, []string{`42[true]`}, "/ parse error"},
		{"reserved: connect", false, []string{`42["connect"]`}, "/ parse error"},
		{"reserved: connect_error", false, []string{`42["connect_error"]`}, "/ parse error"},
		{"reserved: disconnect", false, []string{`42["disconnect"]`}, "/ parse error"},
		{"reserved: disconnecting", false, []string{`42["disconnecting"]`}, "/ parse error"},
		{"reserved: newListener", false, []string{`42["newListener"]`}, "/ parse error"},
		{"reserved: removeListener", false, []string{`42["removeListener"]`}, "/ parse error"},
		{"reserved: error", false, []string{`42["error"]`}, "/ parse error"},
		// "Bad JSON, trailing garbage, a bad ack id: close."
		{"bad JSON", false, []string{`42["echo",]`}, "/ parse error"},
		{"trailing garbage", false, []string{`42["echo"]x`}, "/ parse error"},
		{"two arrays", false, []string{`42["echo"]["echo"]`}, "/ parse error"},
		{"bad ack id", false, []string{`42abc["echo"]`}, "/ parse error"},
		{"negative ack id", false, []string{`42-1["echo"]`}, "/ parse error"},
		{"fractional ack id", false, []string{`421.5["echo"]`}, "/ parse error"},
		{"ack id out of range", false, []string{`4299999999999999999999["echo"]`}, "/ parse error"},
		{"unknown type", false, []string{`47`}, "/ parse error"},
		{"no type", false, []string{`4`}, "/ parse error"},
		{"letters", false, []string{`4abc`}, "/ parse error"},
		{"not UTF-8 in JSON escapes is not our business, a NUL is", false, []string{"42[\"echo\"]\x00"}, "/ parse error"},
		{"control character in the namespace", true, []string{"40/a\x1e2"}, ""},
		// "ACK must be an array."
		{"bare ACK", false, []string{`43`}, "/ parse error"},
		{"ACK with an object", false, []string{`430{}`}, "/ parse error"},
		{"ACK without payload", false, []string{`430`}, "/ parse error"},
		// "1–10 attachments; wrong counts, text while binary is awaited, binary unannounced: close."
		{"no attachments announced", false, []string{`45["echo"]`}, "/ parse error"},
		{"0 attachments", false, []string{`450-["echo"]`}, "/ parse error"},
		{"11 attachments", false, []string{`4511-["echo"]`}, "/ parse error"},
		{"bad number of attachments", false, []string{`451e0-["echo"]`}, "/ parse error"},
		{"placeholder out of range", false, []string{`451-["echo",` + ph("1") + `]`}, "/ parse error"},
		{"negative placeholder", false, []string{`451-["echo",` + ph("-1") + `]`}, "/ parse error"},
		{"placeholder without number", false, []string{`451-["echo",{"_placeholder":true}]`}, "/ parse error"},
		{"one attachment too few", false, []string{`452-["echo",` + ph("0") + `]`, "b:1", `42["echo"]`}, "/ parse error"},
		{"text while binary is awaited", false, []string{`451-["echo",` + ph("0") + `]`, `42["echo"]`}, "/ parse error"},
		{"binary unannounced", false, []string{"b:1"}, "/ parse error"},
		{"binary unannounced, before CONNECT", true, []string{"b:1"}, ""},
		{"one attachment too many, in an ACK", false, []string{`461-0[` + ph("0") + `]`, "b:1", "b:2"}, "/ parse error"},
		{"binary EVENT before CONNECT", true, []string{`451-["echo",` + ph("0") + `]`, "b:1"}, ""},
		{"reserved name of a binary EVENT", false, []string{`451-["error",` + ph("0") + `]`, "b:1"}, "/ parse error"},
		// "DISCONNECT with a payload: close."
		{"DISCONNECT with an object", false, []string{`41{}`}, "/ parse error"},
		{"DISCONNECT with a string", false, []string{`41"x"`}, "/ parse error"},
		// "Nesting is capped (32 deep)."
		{"nested too deeply", false, []string{`42["echo",` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + `]`}, "/ parse error"},
		{"nested much too deeply", false, []string{`42["echo",` + strings.Repeat(`{"a":[`, 50_000)}, "/ parse error"},
		{"ACK nested too deeply", false, []string{`430[` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + `]`}, "/ parse error"},
		{"binary EVENT nested too deeply", false, []string{`451-["echo",` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + `]`}, "/ parse error"},
		{"CONNECT nested too deeply", true, []string{`40{"a":` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + `}`}, ""},
		{"unknown event nested too deeply", false, []string{`42["x",` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + `]`}, "/ parse error"},
	} {
		t.Run(c.why, func(t *testing.T) {
			w := s.open()
			w.t = t
			if !c.bare {
				w.connect("")
			}
			w.send(c.send...)
			w.wantClosed()
			if c.reason != "" {
				s.wantLeft(t, c.reason)
			}
			s.alive(t)
		})
	}
}

// It is the namespace that counts: two of them are legal, one twice is not.
func TestSecondConnect(t *testing.T) {
	s := newSite(t, socketio.Options{}, nil)
	w := s.join("/custom")
	w.connect("")
	w.ping()
	w.send("41")
	s.wantLeft(t, "/ client namespace disconnect")
	w.connect("") // nor does one count that has left
	w.send("41")
	s.wantLeft(t, "/ client namespace disconnect")
	w.send("40/custom,{}")
	w.wantClosed()
	s.wantLeft(t, "/custom forced close")
	s.alive(t)
}

// One attachment more than announced: the event is whole, the rest is not.
func TestAttachmentTooMany(t *testing.T) {
	s := newSite(t, socketio.Options{}, nil)
	w := s.join("")
	w.send(`451-["echo",{"_placeholder":true,"num":0}]`, "b:1", "b:2")
	s.wantLeft(t, "/ parse error")
	for m := range w.got { // what was whole may be answered, or be too late for it
		if m != `451-["echoed",{"_placeholder":true,"num":0}]` && m != "b:1" {
			t.Errorf("got %s", m)
		}
	}
	s.alive(t)
}

// What looks odd but is legal is served.
func TestLegal(t *testing.T) {
	s := newSite(t, socketio.Options{}, nil)
	deep := strings.Repeat("[", 31) + strings.Repeat("]", 31) // with the event's own array 32
	for send, want := range map[string]string{
		`42["nobody handles this"]`:                    "",
		`425["nobody handles this"]`:                   "", // nor is it answered
		`42[7,"named by a number"]`:                    "",
		`42["echo"] `:                                  `42["echoed"]`,
		`42["\u0065cho","x"]`:                          `42["echoed","x"]`,
		`42["echo",` + deep + `]`:                      `42["echoed",` + deep + `]`,
		`420["echo",1]`:                                `430[1]`,
		`42007["echo"]`:                                `437[]`,
		`4212345678901234567["echo"]`:                  `4312345678901234567[]`,
		`4399[]`:                                       "", // "unknown ids are ignored"
		`43["an ACK without an id"]`:                   "",
		`43/custom,0[]`:                                "",
		`42/custom,5["echo","custom"]`:                 `43/custom,5["custom"]`,
		`42["echo","<b>&amp;</b>\u003c\u2028/"]`:       `42["echoed","<b>&amp;</b>\u003c\u2028/"]`,
		`42["echo",12345678901234567890,1.0,-0,1e400]`: `42["echoed",12345678901234567890,1.0,-0,1e400]`,
		`42["echo",{"_placeholder":true,"num":3}]`:     `42["echoed",{"_placeholder":true,"num":3}]`,
		`42["echo",{"a":1,"a":2,"":null}]`:             `42["echoed",{"a":1,"a":2,"":null}]`,
	} {
		w := s.join("")
		if strings.Contains(send, "custom") {
			w.connect("/custom")
		}
		w.send(send)
		if want != "" {
			w.want(want)
		}
		w.ping()
		_ = w.conn.Close()
	}
	s.alive(t)
}
