package wire

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"snug/internal/chat"
)

// requests has one of each, for what holds for all of them.
func requests() []any {
	return []any{
		new(CreateRequest), new(JoinRequest), new(LeaveRequest), new(SendRequest), new(HistoryRequest),
		new(ReadRequest), new(TypingRequest), new(RenameRequest), new(MembersRequest),
		new(EditRequest), new(DeleteRequest), new(ReactRequest), new(SearchRequest), new(SetRequest), new(SanctionRequest),
		new(ClearRequest), new(RoleRequest), new(MoveRequest), new(DestroyRequest),
	}
}

// samples are values of each kind of field, as JSON.
var samples = map[reflect.Kind]string{
	reflect.String: `"x"`, reflect.Bool: `true`, reflect.Int: `7`, reflect.Uint32: `7`,
	reflect.Pointer: `{"epoch":"e","seq":3}`,
}

// kindOf is the kind of a field's values: of one that may be left out, of what it points to.
func kindOf(t reflect.Type) reflect.Kind {
	if t.Kind() == reflect.Pointer && t.Elem().Kind() != reflect.Struct {
		return t.Elem().Kind()
	}
	return t.Kind()
}

// withField makes a request with every field set but one, which has the value
// given, or is left out if that is empty.
func withField(t reflect.Type, name, value string) string {
	var members []string
	for i := range t.NumField() {
		f := t.Field(i)
		key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		v := samples[kindOf(f.Type)]
		if key == name {
			v = value
		}
		if v != "" {
			members = append(members, fmt.Sprintf("%q: %s", key, v))
		}
	}
	return "{" + strings.Join(members, ", ") + "}"
}

// Each field of each request, in each way that it can be wrong.
func TestDecodeChecksEveryField(t *testing.T) {
	n := 0
	for _, request := range requests() {
		typ := reflect.TypeOf(request).Elem()
		if ignored, err := Decode(json.RawMessage(withField(typ, "", "")), reflect.New(typ).Interface()); err != nil || ignored != nil {
			t.Fatalf("%s, whole: ignored %q, %v", typ, ignored, err)
		}
		for i := range typ.NumField() {
			f := typ.Field(i)
			name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
			check := func(value string, ok bool) {
				n++
				raw := withField(typ, name, value)
				_, err := Decode(json.RawMessage(raw), reflect.New(typ).Interface())
				switch {
				case ok && err != nil:
					t.Errorf("%s %s: refused: %v", typ, raw, err)
				case !ok && err == nil:
					t.Errorf("%s %s: accepted", typ, raw)
				case !ok && (err.Code != chat.BadRequest || err.Field != name || err.Message == ""):
					t.Errorf("%s %s: %+v, want bad_request of %q", typ, raw, *err, name)
				}
			}
			check("", options == "omitempty")
			for kind, value := range samples {
				number := kind == reflect.Int || kind == reflect.Uint32
				is := kindOf(f.Type) == kind || number && (kindOf(f.Type) == reflect.Int || kindOf(f.Type) == reflect.Uint32)
				check(value, is)
			}
			for _, value := range []string{"null", "[]", `["x"]`, `[7]`} {
				check(value, false)
			}
			least := f.Tag.Get("least")
			switch kindOf(f.Type) {
			case reflect.String:
				check(`""`, least == "")
				check(`"a\"\\\/\b\f\n\r\té😀\ud83d\ude00 "`, true)
				for _, half := range []string{`\ud800`, `\udc00`, `a\ud83d`, `\ud83d\u0041`, `\ud83dabcdef`, `\ude00\ud83d`, "\xff", "\xed\xa0\x80"} {
					check(`"`+half+`"`, false)
				}
			case reflect.Uint32, reflect.Int:
				check("0", least == "")
				check("1", true)
				check("2147483647", true)
				check("4294967295", kindOf(f.Type) == reflect.Uint32)
				for _, wrong := range []string{"4294967296", "18446744073709551617", "-1", "-0", "1.0", "1.5", "1e2", "1E0", `"1"`} {
					check(wrong, false)
				}
			case reflect.Bool:
				check("false", true)
				check("0", false)
			case reflect.Pointer:
				check(`{"epoch":"","seq":0}`, true)
				for _, wrong := range []string{
					`{}`, `{"epoch":"e"}`, `{"seq":1}`, `{"epoch":1,"seq":1}`, `{"epoch":"e","seq":"1"}`, `{"epoch":"e","seq":-1}`,
					`{"epoch":"e","seq":1,"seq":1}`, `{"Epoch":"e","seq":1}`, `{"epoch":"e","seq":null}`, `"e:1"`,
				} {
					check(wrong, false)
				}
			}
		}
	}
	if n < 300 {
		t.Errorf("only %d checks", n)
	}
}

func TestDecodeValues(t *testing.T) {
	var got JoinRequest
	ignored, err := Decode(json.RawMessage(` {"room" : "ABCDEFGH","name":"Zo\u00eb \ud83d\ude00","after":{"epoch":"e1","seq":4294967295,"was":[1,{"}":"]"}]},
		"limit":50 , "extra":{"a":["\"}"]},"key":"k","Name":"other","n\u0061mes":1}`), &got)
	want := JoinRequest{Room: "ABCDEFGH", Name: "Zoë 😀", After: &Cursor{"e1", 4294967295}, Limit: 50, Key: "k"}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	if want := []string{"after.was", "extra", "Name", "names"}; !slices.Equal(ignored, want) {
		t.Errorf("ignored %q, want %q", ignored, want)
	}
	var escaped SendRequest
	if _, err := Decode(json.RawMessage(`{"\u0072oom":"R","text":"t"}`), &escaped); err != nil || escaped.Room != "R" {
		t.Errorf("an escaped name was read as %+v, %v", escaped, err)
	}
}

// What a pointer is for: telling what was left out from what is empty.
func TestDecodeTellsEmptyFromAbsent(t *testing.T) {
	var got SetRequest
	if _, err := Decode(json.RawMessage(`{"room":"R","title":"","locked":false,"passphrase":"","slow":0}`), &got); err != nil {
		t.Fatal(err)
	}
	if got.Title == nil || *got.Title != "" || got.Locked == nil || *got.Locked || got.Passphrase == nil || *got.Passphrase != "" || got.Slow == nil || *got.Slow != 0 {
		t.Errorf("what is empty was read as %+v", got)
	}
	if got.Keep != nil {
		t.Error("what was left out was read as something")
	}
}

func TestDecodeWantsAnObject(t *testing.T) {
	for _, raw := range []string{``, ` `, `null`, `true`, `1`, `"room"`, `[]`, `[{"room":"R"}]`, `{"room":"R"`, `{"room":"R"} {}`, `{room:"R"}`} {
		if _, err := Decode(json.RawMessage(raw), new(TypingRequest)); err == nil || err.Code != chat.BadRequest || err.Field != "" {
			t.Errorf("%q: %v", raw, err)
		}
	}
}

func TestDecodeTwice(t *testing.T) {
	for raw, field := range map[string]string{
		`{"room":"R","text":"a","text":"b"}`:                                   "text",
		`{"room":"R","room":"R","text":"a"}`:                                   "room",
		`{"room":"R","text":"a","\u0074ext":"b"}`:                              "text",
		`{"room":"R","text":"a","x":1,"x":2}`:                                  "",
		`{"room":"R","text":"a","Text":"b","TEXT":"c","__proto__":{"room":1}}`: "",
	} {
		_, err := Decode(json.RawMessage(raw), new(SendRequest))
		if field == "" && err != nil || field != "" && (err == nil || err.Field != field) {
			t.Errorf("%s: %v, want field %q", raw, err, field)
		}
	}
}

func TestDecodeBoundsWhatItRepeats(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"room":"R"`)
	for i := range 1000 {
		fmt.Fprintf(&b, `,"%s%d":0`, strings.Repeat("é", 100), i)
	}
	b.WriteString("}")
	ignored, err := Decode(json.RawMessage(b.String()), new(TypingRequest))
	if err != nil || len(ignored) != ignoredMost {
		t.Fatalf("%d names, %v", len(ignored), err)
	}
	for _, name := range ignored {
		if len(name) > ignoredBytes || strings.Trim(name, "é") != "" {
			t.Fatalf("repeated: %q", name)
		}
	}
}

// FuzzDecode holds Decode against encoding/json: what the one accepts the other
// reads alike, and nothing is accepted that is no JSON.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		`{"room":"R","name":"n","after":{"epoch":"e","seq":1},"limit":1}`, `{"room":"\ud83d\ude00","name":"\\\""}`, `{}`, `[]`, `{"a":{"b":[{}]}}`,
		"\t{ \"room\" :\n\"R\" , \"name\":\"\" }\r", `{"room":"R","name":"n","limit":1e9}`, `{"room":"R","name":"\u0000"}`, `{"room":"R","name":"n","":0}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var got, want JoinRequest
		if _, err := Decode(raw, &got); err != nil {
			if err.Code != chat.BadRequest || err.Message == "" {
				t.Fatalf("%q: %+v", raw, *err)
			}
			return
		}
		// Exact names alone, since encoding/json folds case.
		var members map[string]json.RawMessage
		if err := json.Unmarshal(raw, &members); err != nil {
			t.Fatalf("%q was accepted: %v", raw, err)
		}
		keep := map[string]json.RawMessage{}
		for _, name := range []string{"room", "name", "passphrase", "key", "limit"} {
			if v, ok := members[name]; ok {
				keep[name] = v
			}
		}
		exact, err := json.Marshal(keep)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(exact, &want); err != nil {
			t.Fatalf("%q was accepted: %v", raw, err)
		}
		got.After = nil
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%q: %+v, encoding/json has %+v", raw, got, want)
		}
	})
}
