package hostile

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// Events with what they should not have. ROOM is the room's code, OTHER that of
// one that the stranger is not in.
var events = []struct {
	name, event, body string
	code, field       string // no code: it is accepted
}{
	{"no object", "send", `null`, "bad_request", ""},
	{"an array for an object", "send", `[]`, "bad_request", ""},
	{"a string for an object", "join", `"ROOM"`, "bad_request", ""},
	{"an empty object", "send", `{}`, "bad_request", "room"},
	{"a room of a number", "send", `{"room":1,"text":"x"}`, "bad_request", "room"},
	{"a room of an array", "send", `{"room":["ROOM"],"text":"x"}`, "bad_request", "room"},
	{"a room of an object", "send", `{"room":{"toString":"ROOM"},"text":"x"}`, "bad_request", "room"},
	{"a room of null", "send", `{"room":null,"text":"x"}`, "bad_request", "room"},
	{"a room of a placeholder", "send", `{"room":{"_placeholder":true,"num":0},"text":"x"}`, "bad_request", "room"},
	{"a room of wildcards", "send", `{"room":"%%%%%%%%","text":"x"}`, "not_found", "room"},
	{"a room of SQL", "send", `{"room":"' OR 1=1 --","text":"x"}`, "not_found", "room"},
	{"a room of 60,000 letters", "send", `{"room":"` + long(60000) + `","text":"x"}`, "not_found", "room"},
	{"a room with a NUL", "send", `{"room":"ROOM\u0000","text":"x"}`, "not_found", "room"},
	{"a room with a prefix of ours", "send", `{"room":"room:ROOM","text":"x"}`, "not_found", "room"},
	{"a room of a path", "send", `{"room":"../ROOM","text":"x"}`, "not_found", "room"},
	{"a foreign room", "send", `{"room":"OTHER","text":"x"}`, "not_member", "room"},
	{"a foreign room's history", "history", `{"room":"OTHER"}`, "not_member", "room"},
	{"a foreign room's members", "members", `{"room":"OTHER"}`, "not_member", "room"},
	{"a foreign room's read mark", "read", `{"room":"OTHER","seq":1}`, "not_member", "room"},
	{"writing in a foreign room", "typing", `{"room":"OTHER"}`, "not_member", "room"},
	{"a name in a foreign room", "rename", `{"room":"OTHER","name":"x"}`, "not_member", "room"},
	{"a wrong passphrase", "join", `{"room":"OTHER","name":"x","passphrase":"sesame"}`, "wrong_passphrase", "passphrase"},
	{"a passphrase of 10,000 letters", "join", `{"room":"OTHER","name":"x","passphrase":"` + long(10000) + `"}`, "wrong_passphrase", "passphrase"},
	{"a passphrase of a number", "join", `{"room":"OTHER","name":"x","passphrase":0}`, "bad_request", "passphrase"},
	{"an owner's key of another", "join", `{"room":"OTHER","name":"x","key":"` + long(32) + `"}`, "forbidden", "key"},

	{"a Text in capitals", "send", `{"room":"ROOM","Text":"x"}`, "bad_request", "text"},
	{"a text twice", "send", `{"room":"ROOM","text":"x","text":"y"}`, "bad_request", "text"},
	{"a room twice", "send", `{"room":"ROOM","room":"OTHER","text":"x"}`, "bad_request", "room"},
	{"a key spelt by escapes, twice", "send", `{"room":"ROOM","text":"x","\u0074ext":"y"}`, "bad_request", "text"},
	{"__proto__", "send", `{"room":"ROOM","text":"x","__proto__":{"role":"owner"}}`, "", ""},
	{"constructor", "send", `{"room":"ROOM","text":"x","constructor":{"prototype":{"a":1}}}`, "", ""},
	{"fields of an entry's", "send", `{"room":"ROOM","text":"x","from":{"name":"Speaker"},"seq":1,"kind":"room","at":"2000-01-01T00:00:00.000Z","deleted":true}`, "", ""},
	{"20,000 fields", "send", `{"room":"ROOM","text":"x"` + manyFields(4000) + `}`, "", ""},

	{"no text", "send", `{"room":"ROOM","text":""}`, "bad_request", "text"},
	{"white space", "send", `{"room":"ROOM","text":" \t\n\u00a0\u2003"}`, "bad_request", "text"},
	{"nothing that can be seen", "send", `{"room":"ROOM","text":"\u200b\u200d\u2060\ufeff"}`, "bad_request", "text"},
	{"a NUL", "send", `{"room":"ROOM","text":"a\u0000b"}`, "bad_request", "text"},
	{"an escape sequence of a terminal", "send", `{"room":"ROOM","text":"\u001b]0;x\u0007"}`, "bad_request", "text"},
	{"half a surrogate", "send", `{"room":"ROOM","text":"\ud800"}`, "bad_request", "text"},
	{"the other half", "send", `{"room":"ROOM","text":"\udfff x"}`, "bad_request", "text"},
	{"the halves the wrong way round", "send", `{"room":"ROOM","text":"\udc00\ud800"}`, "bad_request", "text"},
	{"a text of a number", "send", `{"room":"ROOM","text":1}`, "bad_request", "text"},
	{"a text of true", "send", `{"room":"ROOM","text":true}`, "bad_request", "text"},
	{"4,001 letters", "send", `{"room":"ROOM","text":"` + long(4001) + `"}`, "too_large", "text"},
	{"16,385 bytes", "send", `{"room":"ROOM","text":"` + strings.Repeat("😀", 4097) + `"}`, "too_large", "text"},
	{"60,000 letters", "send", `{"room":"ROOM","text":"` + long(60000) + `"}`, "too_large", "text"},

	{"an empty id", "send", `{"room":"ROOM","text":"x","id":""}`, "bad_request", "id"},
	{"an id with a space", "send", `{"room":"ROOM","text":"x","id":"a b"}`, "bad_request", "id"},
	{"an id of 65 letters", "send", `{"room":"ROOM","text":"x","id":"` + long(65) + `"}`, "bad_request", "id"},
	{"an id of a number", "send", `{"room":"ROOM","text":"x","id":7}`, "bad_request", "id"},
	{"an id of look-alikes", "send", `{"room":"ROOM","text":"x","id":"аbc"}`, "bad_request", "id"},
	{"an answer to nothing yet", "send", `{"room":"ROOM","text":"x","replyTo":4000000000}`, "bad_request", "replyTo"},
	{"an answer to 0", "send", `{"room":"ROOM","text":"x","replyTo":0}`, "bad_request", "replyTo"},
	{"an answer to -1", "send", `{"room":"ROOM","text":"x","replyTo":-1}`, "bad_request", "replyTo"},
	{"an answer to a half", "send", `{"room":"ROOM","text":"x","replyTo":1.5}`, "bad_request", "replyTo"},
	{"an answer to 1e0", "send", `{"room":"ROOM","text":"x","replyTo":1e0}`, "bad_request", "replyTo"},
	{"an answer to 2^32", "send", `{"room":"ROOM","text":"x","replyTo":4294967296}`, "bad_request", "replyTo"},
	{"an answer to 2^64", "send", `{"room":"ROOM","text":"x","replyTo":18446744073709551616}`, "bad_request", "replyTo"},
	{"an answer to a string", "send", `{"room":"ROOM","text":"x","replyTo":"1"}`, "bad_request", "replyTo"},
	{"another log", "send", `{"room":"ROOM","text":"x","epoch":"other"}`, "conflict", "epoch"},

	{"a page before and after", "history", `{"room":"ROOM","before":1,"around":1}`, "bad_request", "before"},
	{"a page of 0", "history", `{"room":"ROOM","limit":0}`, "bad_request", "limit"},
	{"a page of -1", "history", `{"room":"ROOM","limit":-1}`, "bad_request", "limit"},
	{"a page of 2^31-1", "history", `{"room":"ROOM","limit":2147483647}`, "", ""},
	{"a page of 2^40", "history", `{"room":"ROOM","limit":1099511627776}`, "bad_request", "limit"},
	{"a cursor of a number", "history", `{"room":"ROOM","after":7}`, "bad_request", "after"},
	{"a cursor without a log", "history", `{"room":"ROOM","after":{"seq":1}}`, "bad_request", "after"},
	{"a stale cursor", "history", `{"room":"ROOM","after":{"epoch":"gone","seq":1}}`, "", ""},
	{"a cursor of the future", "history", `{"room":"ROOM","after":{"epoch":"gone","seq":4294967295}}`, "", ""},
	{"a cursor with seq twice", "history", `{"room":"ROOM","after":{"epoch":"e","seq":1,"seq":2}}`, "bad_request", "after"},
	{"a read mark of the future", "read", `{"room":"ROOM","seq":4294967295}`, "bad_request", "seq"},
	{"a list after nobody", "members", `{"room":"ROOM","after":"zzzz"}`, "", ""},
	{"a list after 60,000 letters", "members", `{"room":"ROOM","after":"` + long(60000) + `"}`, "", ""},

	{"a code of one letter", "create", `{"code":"a"}`, "bad_request", "code"},
	{"a code with a slash", "create", `{"code":"a/b/c"}`, "bad_request", "code"},
	{"a code of a path", "create", `{"code":"../../x"}`, "bad_request", "code"},
	{"a code with a line break", "create", `{"code":"abc\n"}`, "bad_request", "code"},
	{"a code of 41 letters", "create", `{"code":"` + long(41) + `"}`, "bad_request", "code"},
	{"a code of look-alikes", "create", `{"code":"аbcd"}`, "bad_request", "code"},
	{"a code that is taken", "create", `{"code":"ROOM"}`, "", ""}, // as the server makes them; no chosen one looks like it
	{"a keep of no kind", "create", `{"keep":"always"}`, "bad_request", "keep"},
	{"a keep of 0 days", "create", `{"keep":"0d"}`, "bad_request", "keep"},
	{"a keep of 2^63 days", "create", `{"keep":"9223372036854775808d"}`, "bad_request", "keep"},
	{"a title of 1,000 letters", "create", `{"title":"` + long(1000) + `"}`, "too_large", "title"},
	{"a title that runs the other way", "create", `{"title":"a\u202eb"}`, "bad_request", "title"},
	{"a passphrase of 1,000 letters", "create", `{"passphrase":"` + long(1000) + `"}`, "too_large", "passphrase"},
	{"a passphrase with a NUL", "create", `{"passphrase":"a\u0000"}`, "bad_request", "passphrase"},
	{"leaving twice", "leave", `{"room":"OTHER","all":"yes"}`, "bad_request", "all"},
}

// Events of the chat: each is refused by its code and field, or accepted as it is meant.
func TestEvents(t *testing.T) {
	h := open(t, nil)
	made := h.call(t, h.speaker, "create", map[string]any{"passphrase": "open sesame"})
	other, _ := made["room"].(string)
	h.call(t, h.speaker, "join", map[string]any{"room": other, "name": "Speaker"})
	var trials []trial
	for _, c := range events {
		if c.name == "a code that is taken" {
			c.body = `{"code":"taken-one"}`
			c.code, c.field = "conflict", "code"
			h.call(t, h.speaker, "create", map[string]any{"code": "taken-one"})
		}
		trials = append(trials, trial{c.name, func(t *testing.T, h *house) {
			w := h.connected(t)
			if a := w.ask("join", fmt.Sprintf(`{"room":%q,"name":"Stranger %d"}`, h.room, h.count.Add(1))); !a.OK {
				t.Fatalf("joining: %+v", a)
			}
			a := w.ask(c.event, strings.NewReplacer("ROOM", h.room, "OTHER", other).Replace(c.body))
			if a.OK != (c.code == "") || a.Error.Code != c.code || a.Error.Field != c.field {
				t.Errorf("answered %+v, want %q on %q", a, c.code, c.field)
			}
			w.wantAlive()
			w.text("41")
			w.c.Close()
		}})
	}
	try(t, h, trials)
}

// manyFields are fields that no request has.
func manyFields(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"f%d":%d`, i, i)
	}
	return b.String()
}

// Names that are to deceive are refused, others are names.
func TestNames(t *testing.T) {
	h := open(t, nil)
	var trials []trial
	for _, c := range []struct{ what, name, code string }{
		{"nothing", "", "name_invalid"},
		{"white space", " \t ", "name_invalid"},
		{"nothing that can be seen", "\u200b\u200c\u200d", "name_invalid"},
		{"a filler that looks empty", "\u3164", "name_invalid"},
		{"a blank of Braille", "\u2800", "name_invalid"},
		{"an override of direction", "Ada\u202egnp.exe", "name_invalid"},
		{"an isolate of direction", "\u2067Ada\u2069", "name_invalid"},
		{"a mark of direction", "Ada\u200f", "name_invalid"},
		{"a control character", "Ada\u0007", "name_invalid"},
		{"a line break", "Ada\nSpeaker", "name_invalid"},
		{"a NUL", "Ada\x00", "name_invalid"},
		{"a separator of lines", "Ada\u2028x", "name_invalid"},
		{"a tag character", "Ada\U000e0041", "name_invalid"},
		{"a private character", "Ada\ue000", "name_invalid"},
		{"a character that is none", "Ada\ufffe", "name_invalid"},
		{"a soft hyphen", "A\u00adda", "name_invalid"},
		{"a heap of marks", "A" + strings.Repeat("\u0301", 30), "name_invalid"},
		{"33 letters", strings.Repeat("x", 33), "name_invalid"},
		{"60,000 letters", strings.Repeat("x", 60000), "name_invalid"},
		{"two scripts", "Аdа Smith", "name_invalid"},
		{"one who is here", "Speaker", "name_taken"},
		{"one who is here, in capitals", "SPEAKER", "name_taken"},
		{"one who is here, with spaces", "  Speaker ", "name_taken"},
		{"one who is here, in wide letters", "Ｓpeaker", "name_taken"},
		{"one who is here, in mathematical letters", "𝐒𝐩𝐞𝐚𝐤𝐞𝐫", "name_taken"},
		{"the system", "system", "name_invalid"},
		{"the server", "Snug", "name_invalid"},
		{"an administrator", "Admin", "name_invalid"},
		{"markup", "<script>alert(1)</script>", ""},
		{"an image that fails", "<img src=x onerror=alert(1)>", ""},
		{"a template", "${7*7}{{7*7}}", ""},
		{"SQL", "'; DROP TABLE rooms;--", ""},
		{"__proto__", "__proto__", ""},
		{"a name of Greek", "Αλέξανδρος", ""},
		{"a name of Arabic", "ليلى", ""},
		{"people", "👩👧", ""},
	} {
		trials = append(trials, trial{c.what, func(t *testing.T, h *house) {
			w := h.connected(t)
			body, err := json.Marshal(map[string]any{"room": h.room, "name": c.name})
			if err != nil {
				t.Fatal(err)
			}
			a := w.ask("join", string(body))
			if a.OK != (c.code == "") || a.Error.Code != c.code {
				t.Errorf("answered %+v, want %q", a, c.code)
			}
			if c.code == "" && a.You.Name != c.name {
				t.Errorf("is called %q, want %q", a.You.Name, c.name)
			}
			w.text("41")
			w.c.Close()
		}})
	}
	try(t, h, trials)
}

// Texts are kept as they came: what they look like is for the page to mind.
func TestTexts(t *testing.T) {
	h := open(t, nil)
	var trials []trial
	for i, text := range []string{
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `<svg/onload=alert(1)>`, `javascript:alert(1)`,
		`[x](javascript:alert(1))`, `<a href="jav&#x09;ascript:alert(1)">`, `</textarea><script>`, `{{constructor.constructor('alert(1)')()}}`,
		"\u202egnp.exe", "a\u2066b\u2069", "\U0001f468\u200d\U0001f469", "z" + strings.Repeat("\u0301", 200), "\u2028\u2029x", "%s%n%x", "\ufeffx",
		`{"_placeholder":true,"num":0}`, `\u0000`, "\u200ba", "\u0085x",
	} {
		trials = append(trials, trial{fmt.Sprintf("%d %+q", i, text), func(t *testing.T, h *house) {
			w := h.connected(t)
			w.ask("join", fmt.Sprintf(`{"room":%q,"name":"Talker %d"}`, h.room, i))
			body, err := json.Marshal(map[string]any{"room": h.room, "text": text})
			if err != nil {
				t.Fatal(err)
			}
			a := w.ask("send", string(body))
			if strings.Contains(text, "\u0085") { // a control character
				if a.Error.Code != "bad_request" {
					t.Errorf("answered %+v", a)
				}
			} else if page := w.ask("history", fmt.Sprintf(`{"room":%q,"around":%d,"limit":1}`, h.room, a.Seq)); len(page.Entries) != 1 || page.Entries[0].Text != text {
				t.Errorf("kept as %+v", page.Entries)
			}
			w.text("41")
			w.c.Close()
		}})
	}
	try(t, h, trials)
}
