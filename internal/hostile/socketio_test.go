package hostile

import (
	"strings"
	"testing"
)

func nested(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }

const closes, ignored = "closes", "ignored"

// Packets, and what becomes of them.
var packets = []struct {
	name, send string // "b:" begins binary
	want       string // closes, ignored, or how the answer begins
}{
	{"a message without a packet", "4", closes},
	{"a type of no kind", "47", closes},
	{"a letter as type", "4x", closes},
	{"an event without an array", "42", closes},
	{"an event of an empty array", "42[]", closes},
	{"an event of an object", `42{"0":"send"}`, closes},
	{"an event of a string", `42"send"`, closes},
	{"an event of null", `42null`, closes},
	{"an event named by an object", `42[{}]`, closes},
	{"an event named by null", `42[null]`, closes},
	{"an event named by a number", `42[7]`, ignored},
	{"an event named by nothing", `42[""]`, ignored},
	{"the event connect", `42["connect"]`, closes},
	{"the event connect_error", `42["connect_error",{}]`, closes},
	{"the event disconnect", `42["disconnect"]`, closes},
	{"the event disconnecting", `42["disconnecting"]`, closes},
	{"the event newListener", `42["newListener"]`, closes},
	{"the event removeListener", `42["removeListener"]`, closes},
	{"the event error", `42["error"]`, closes},
	{"an event named __proto__", `4217["__proto__",{}]`, `4317[{"ok":false`},
	{"an event named constructor", `4217["constructor",{}]`, `4317[{"ok":false`},
	{"an event named toString", `4217["toString"]`, `4317[{"ok":false`},
	{"an event of the server's", `4217["welcome",{}]`, `4317[{"ok":false`},
	{"a name of 60,000 letters", `4217["` + strings.Repeat("x", 60000) + `"]`, `4317[{"ok":false`},
	{"JSON that is cut off", `42["send",{"room":`, closes},
	{"JSON with more behind it", `42["send",{}]x`, closes},
	{"two arrays", `42["a"]["b"]`, closes},
	{"a comma too many", `42["a",]`, closes},
	{"single quotes", `42['a']`, closes},
	{"NaN", `42["a",NaN]`, closes},
	{"a number beyond all measure", `4217["a",1e999999]`, `4317[{"ok":false`},
	{"a raw line break in a string", "42[\"a\nb\"]", closes},
	{"a bad escape", `42["\x41"]`, closes},
	{"half a surrogate in a name", `4217["\ud800"]`, `4317[{"ok":false`},
	{"a byte order mark", "42\ufeff[\"a\"]", closes},
	{"nested 31 deep", `4217["a",` + nested(31) + `]`, `4317[{"ok":false`},
	{"nested 33 deep", `42["a",` + nested(33) + `]`, closes},
	{"nested 10,000 deep", `42["a",` + nested(10000) + `]`, closes},
	{"brackets that open alone", `42` + strings.Repeat("[", 30000), closes},
	{"objects nested 5,000 deep", `42["a",` + strings.Repeat(`{"a":`, 5000) + `1` + strings.Repeat("}", 5000) + `]`, closes},
	{"an array of 20,000", `4217["a",[` + strings.Repeat("1,", 20000) + `1]]`, `4317[{"ok":false`},
	{"an event of 20,000 arguments", `4217["a"` + strings.Repeat(",1", 20000) + `]`, `4317[{"ok":false`},
	{"an acknowledgement's number of 20 digits", `4299999999999999999999["a"]`, closes},
	{"an acknowledgement's number of 2^53", `429007199254740993["a"]`, `439007199254740993[`},
	{"an acknowledgement's number below 0", `42-1["a"]`, closes},
	{"an answer to nothing", `437[]`, ignored},
	{"an answer to nothing, twice", `437[1]`, ignored},
	{"an answer without a number", `43[]`, ignored},
	{"an answer of an object", `437{}`, closes},
	{"an answer that is cut off", `437[`, closes},
	{"a second CONNECT", `40`, closes},
	{"a second CONNECT with a token", `40{"token":"x"}`, closes},
	{"a CONNECT of an array", `40/x,[]`, closes},
	{"a CONNECT of a string", `40/x,"x"`, closes},
	{"a CONNECT to nowhere", `40/nowhere,`, `44/nowhere,{"message":"Invalid namespace"}`},
	{"a CONNECT to a namespace of 30,000 letters", `40/` + strings.Repeat("x", 30000) + `,`, `44/xxx`},
	{"a CONNECT to __proto__", `40/__proto__,`, `44/__proto__,`},
	{"a CONNECT_ERROR", `44{"message":"x"}`, closes},
	{"an event to a namespace that is not joined", `42/other,["a"]`, closes},
	{"an event to a namespace without a comma", `42/other["a"]`, closes},
	{"a DISCONNECT from a namespace that is not joined", `41/other,`, closes},
	{"a DISCONNECT with words", `41{"a":1}`, closes},
	{"binary of no attachments", `450-["a"]`, closes},
	{"binary of 11 attachments", `4511-["a"` + strings.Repeat(`,{"_placeholder":true,"num":0}`, 11) + `]`, closes},
	{"binary of 2^32 attachments", `454294967296-["a",{"_placeholder":true,"num":0}]`, closes},
	{"binary of -1 attachments", `45-1-["a"]`, closes},
	{"binary without a count", `45-["a"]`, closes},
	{"binary of 1.5 attachments", `451.5-["a"]`, closes},
	{"binary with text instead", `451-["a",{"_placeholder":true,"num":0}]` + sep + `42["a"]`, closes},
	{"a placeholder without a number", `451-["a",{"_placeholder":true}]` + sep + "b:x", closes},
	{"a placeholder of a negative number", `451-["a",{"_placeholder":true,"num":-1}]` + sep + "b:x", closes},
	{"a placeholder beyond the count", `451-["a",{"_placeholder":true,"num":1}]` + sep + "b:x", closes},
	{"a placeholder numbered by a string", `451-["a",{"_placeholder":true,"num":"0"}]` + sep + "b:x", closes},
	{"a placeholder numbered by half", `451-["a",{"_placeholder":true,"num":0.5}]` + sep + "b:x", closes},
	{"a placeholder that is false", `451-["a",{"_placeholder":false,"num":0}]` + sep + "b:x", closes},
	{"a placeholder of a number", `451-["a",{"_placeholder":1,"num":0}]` + sep + "b:x", closes},
	{"a placeholder as the event's name", `451-[{"_placeholder":true,"num":0}]` + sep + "b:send", closes},
	{"a placeholder in an event without binary", `4217["send",{"_placeholder":true,"num":0}]`, `4317[{"ok":false`},
	{"a placeholder in place of an object", `451-17["send",{"_placeholder":true,"num":0}]` + sep + "b:x", `4317[{"ok":false`},
	{"binary that nobody announced", "b:x", closes},
	{"binary that nobody announced, empty", "b:", closes},
	{"one attachment too many", `451-["a",{"_placeholder":true,"num":0}]` + sep + "b:x" + sep + "b:y", closes},
	{"a binary answer to nothing", `461-7[{"_placeholder":true,"num":0}]` + sep + "b:x", ignored},
}

// Packets of Socket.IO: each is ignored, answered, or costs its own connection.
func TestSocketIO(t *testing.T) {
	h := open(t, nil)
	var trials []trial
	for _, c := range packets {
		trials = append(trials, trial{c.name, func(t *testing.T, h *house) {
			w := h.connected(t)
			for m := range strings.SplitSeq(c.send, sep) {
				if b, binary := strings.CutPrefix(m, "b:"); binary {
					w.send(frame(fin|opBinary, b))
				} else {
					w.text(m)
				}
			}
			switch c.want {
			case closes:
				w.wantClose(1000)
			case ignored:
				w.wantAlive()
			default:
				w.await(c.want)
				w.wantAlive()
			}
			w.c.Close()
		}})
	}
	for _, c := range []struct{ name, send string }{
		{"an event before CONNECT", `42["send",{}]`},
		{"an answer before CONNECT", `431[]`},
		{"a DISCONNECT before CONNECT", `41`},
		{"binary before CONNECT", `451-["a",{"_placeholder":true,"num":0}]`},
	} {
		trials = append(trials, trial{c.name, func(t *testing.T, h *house) {
			w := h.socket(t)
			w.text(c.send)
			if strings.HasPrefix(c.send, "45") {
				w.send(frame(fin|opBinary, "x"))
			}
			w.wantClose(1000)
			w.c.Close()
		}})
	}
	for _, c := range []struct{ name, auth, want string }{
		{"a token of another server", `{"token":"v1.gDlGlKoXgDlGlKoXgDlGlKoXgDlGlKoXgDlGlKoXgDlGlKoX"}`, `44{"message":"invalid token"`},
		{"a token of no kind", `{"token":"x"}`, `44{"message":"invalid token"`},
		{"no token in its place", `{"token":""}`, `44{"message":"invalid token"`},
		{"a token of null", `{"token":null}`, `44{"message":"invalid token"`},
		{"a token of a number", `{"token":1}`, `44{"message":"invalid token"`},
		{"a token of an array", `{"token":["v1.x"]}`, `44{"message":"invalid token"`},
		{"a token of 60,000 letters", `{"token":"v1.` + strings.Repeat("x", 60000) + `"}`, `44{"message":"invalid token"`},
		{"a Token in capitals, which is none", `{"Token":"x"}`, `40{"sid"`},
		{"__proto__", `{"__proto__":{"token":"x"}}`, `40{"sid"`},
	} {
		trials = append(trials, trial{"CONNECT with " + c.name, func(t *testing.T, h *house) {
			w := h.socket(t)
			w.text("40" + c.auth)
			w.await(c.want)
			w.c.Close()
		}})
	}
	try(t, h, trials)
}

// sep parts the messages of a case.
const sep = "\x1e"
