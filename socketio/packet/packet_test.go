package packet

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDecode(t *testing.T) {
	for _, c := range []struct {
		in   string
		want Packet
	}{
		{`0`, Packet{Type: Connect, Namespace: "/"}},
		{`0{"token":"123"}`, Packet{Type: Connect, Namespace: "/", Data: []byte(`{"token":"123"}`)}},
		{`0/custom`, Packet{Type: Connect, Namespace: "/custom"}},
		{`0/custom,`, Packet{Type: Connect, Namespace: "/custom"}},
		{`0/custom,{"a":1}`, Packet{Type: Connect, Namespace: "/custom", Data: []byte(`{"a":1}`)}},
		{`1`, Packet{Type: Disconnect, Namespace: "/"}},
		{`1/custom`, Packet{Type: Disconnect, Namespace: "/custom"}},
		{`1/custom,`, Packet{Type: Disconnect, Namespace: "/custom"}},
		{`2["foo"]`, Packet{Type: Event, Namespace: "/", Name: "foo", Data: []byte(`["foo"]`)}},
		{`2[1,"foo"]`, Packet{Type: Event, Namespace: "/", Name: "1", Data: []byte(`[1,"foo"]`)}},
		{`2["caf\u00e9"]`, Packet{Type: Event, Namespace: "/", Name: "café", Data: []byte(`["caf\u00e9"]`)}},
		{`2 [ "foo" ] `, Packet{Type: Event, Namespace: "/", Name: "foo", Data: []byte(` [ "foo" ] `)}},
		{`212["foo"]`, Packet{Type: Event, Namespace: "/", ID: 12, HasID: true, Name: "foo", Data: []byte(`["foo"]`)}},
		{`2/admin,0["bar"]`, Packet{Type: Event, Namespace: "/admin", HasID: true, Name: "bar", Data: []byte(`["bar"]`)}},
		{`218446744073709551615["x"]`, Packet{Type: Event, Namespace: "/", ID: math.MaxUint64, HasID: true, Name: "x", Data: []byte(`["x"]`)}},
		{`3/admin,13[]`, Packet{Type: Ack, Namespace: "/admin", ID: 13, HasID: true, Data: []byte(`[]`)}},
		{`3["no id"]`, Packet{Type: Ack, Namespace: "/", Data: []byte(`["no id"]`)}},
		{`4{"message":"no"}`, Packet{Type: ConnectError, Namespace: "/", Data: []byte(`{"message":"no"}`)}},
		{`4"no"`, Packet{Type: ConnectError, Namespace: "/", Data: []byte(`"no"`)}},
		{`51-["baz",{"_placeholder":true,"num":0}]`, Packet{Type: Event, Namespace: "/", Attachments: 1, Name: "baz", Data: []byte(`["baz",{"_placeholder":true,"num":0}]`)}},
		{`510-/a,7["baz"]`, Packet{Type: Event, Namespace: "/a", ID: 7, HasID: true, Attachments: 10, Name: "baz", Data: []byte(`["baz"]`)}},
		{`61-15[{"num":0,"_placeholder":true}]`, Packet{Type: Ack, Namespace: "/", ID: 15, HasID: true, Attachments: 1, Data: []byte(`[{"num":0,"_placeholder":true}]`)}},
		// The same placeholder twice is legal.
		{`51-["a",{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]`, Packet{Type: Event, Namespace: "/", Attachments: 1, Name: "a",
			Data: []byte(`["a",{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]`)}},
		// Outside of a binary packet a placeholder is an object like others.
		{`2["a",{"_placeholder":true,"num":7}]`, Packet{Type: Event, Namespace: "/", Name: "a", Data: []byte(`["a",{"_placeholder":true,"num":7}]`)}},
	} {
		got, err := Decode([]byte(c.in))
		if err != nil {
			t.Errorf("Decode(%s): %v", c.in, err)
			continue
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("Decode(%s):\n%s", c.in, diff)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, in := range []string{
		``, `7`, `9["a"]`, `x`, `abc`, ` 2["a"]`, "\x00",
		// CONNECT takes an object or nothing.
		`0[]`, `0"a"`, `0null`, `0true`, `0/custom,[1]`, `0{`, `0{}x`, `0 `,
		// DISCONNECT takes nothing.
		`1{}`, `1[]`, `1/custom,""`, `1null`,
		// EVENT takes a non-empty array that begins with a name.
		`2`, `2/custom`, `212`, `2{}`, `2"a"`, `2null`, `2[]`, `2[null]`, `2[{}]`, `2[["a"]]`, `2[true]`,
		`2["connect"]`, `2["connect_error"]`, `2["disconnect"]`, `2["disconnecting"]`,
		`2["newListener"]`, `2["removeListener"]`, `2["error"]`, `2["\u0065rror"]`,
		// Bad JSON and trailing garbage.
		`2["a"`, `2["a",]`, `2["a"]]`, `2["a"]["b"]`, `2["a"]x`, `2['a']`, `2["a" "b"]`, `2["a",01]`, `2["a",1.]`,
		`2["a",-]`, `2["a",1e]`, `2["a",.5]`, `2["a",+1]`, `2["a",NaN]`, `2["a",tru]`, `2["a",{"b"}]`, `2["a",{b:1}]`,
		`2["a",{"b":1,}]`, `2["a",{"b":}]`, `2["a` + "\n" + `"]`, `2["\x"]`, `2["\u12"]`, `2["\u12g4"]`, "2[\"\\uD8\x11d\"]", `2["a",{1:2}]`,
		"2[\"a\xff\"]", "2[\"a\"]\x00", "2[\"a\"]\v",
		// A namespace ends with a comma.
		`2/custom["a"]`, "0/a\x1e2,", "0/\x00", "0/a\n",
		// Bad acknowledgement ids.
		`2abc["a"]`, `2-1["a"]`, `21.5["a"]`, `21e3["a"]`, `20x1["a"]`, `218446744073709551616["a"]`, `299999999999999999999["a"]`, `3abc[]`,
		// ACK takes an array.
		`3`, `312`, `312{}`, `312"a"`, `312null`,
		`4[]`, `4true`, `4null`,
		// Attachments: 1 to 10, and all placeholders among them.
		`5["a"]`, `5`, `5-["a"]`, `50-["a"]`, `500-["a"]`, `501-["a"]`, `511-["a"]`, `5100-["a"]`, `5-1-["a"]`, `51.0-["a"]`,
		`51e0-["a"]`, `5 1-["a"]`, `5+1-["a"]`, `5a-["a"]`, `6["a"]`, `60-1[]`,
		`51-["a",{"_placeholder":true,"num":1}]`, `51-["a",{"_placeholder":true,"num":-1}]`, `51-["a",{"_placeholder":true,"num":0.5}]`,
		`51-["a",{"_placeholder":true,"num":"0"}]`, `51-["a",{"_placeholder":true}]`, `51-["a",[{"x":{"num":9,"_placeholder":true}}]]`,
		`51-["a",{"_placeholder":true,"num":0,"num":1}]`, `51-["a",{"\u005fplaceholder":true,"num":1}]`,
	} {
		p, err := Decode([]byte(in))
		if !errors.Is(err, ErrMalformed) {
			t.Errorf("Decode(%q) = %+v, %v, want ErrMalformed", in, p, err)
		}
	}
}

func TestDepth(t *testing.T) {
	for _, open := range []string{"[", `{"a":`} {
		closing := map[string]string{"[": "]", `{"a":`: "}"}[open]
		at := func(n int) []byte { // nested n deep, the event's array counted
			return []byte(`2["x",` + strings.Repeat(open, n-1) + "1" + strings.Repeat(closing, n-1) + "]")
		}
		if _, err := Decode(at(DefaultDepth)); err != nil {
			t.Errorf("%s nested %d deep: %v", open, DefaultDepth, err)
		}
		for _, n := range []int{DefaultDepth + 1, 1000, 200_000} {
			if _, err := Decode(at(n)); !errors.Is(err, errDepth) {
				t.Errorf("%s nested %d deep: %v, want %v", open, n, err, errDepth)
			}
		}
		for set, most := range map[int]int{0: DefaultDepth, 5: 5, MaxDepth: MaxDepth, 1000: MaxDepth} {
			var a Assembler
			p, done, err := a.TextWithin(at(most), set)
			if err != nil || !done || p.Args().Len() != 1 {
				t.Errorf("%s nested %d deep, where %d is set: %v, %d arguments", open, most, set, err, p.Args().Len())
			}
			if _, _, err := a.TextWithin(at(most+1), set); !errors.Is(err, errDepth) {
				t.Errorf("%s nested %d deep, where %d is set: %v, want %v", open, most+1, set, err, errDepth)
			}
		}
	}
}

// An attachment is found as deep as JSON may be nested at all.
func TestDeepAttachment(t *testing.T) {
	for _, open := range []string{"[", `{"a":`} {
		closing := map[string]string{"[": "]", `{"a":`: "}"}[open]
		var a Assembler
		if _, _, err := a.TextWithin([]byte(`51-["x",`+strings.Repeat(open, MaxDepth-2)+`{"_placeholder":true,"num":0}`+strings.Repeat(closing, MaxDepth-2)+"]"), MaxDepth); err != nil {
			t.Fatal(err)
		}
		p, done, err := a.Binary([]byte("deep"))
		if err != nil || !done {
			t.Fatalf("%t, %v", done, err)
		}
		var v any
		if err := p.Args().Decode(&v); err != nil {
			t.Fatal(err)
		}
		for depth := 0; ; depth++ {
			switch at := v.(type) {
			case []any:
				v = at[0]
				continue
			case map[string]any:
				v = at["a"]
				continue
			case []byte:
				if string(at) == "deep" && depth == MaxDepth-2 {
					v = nil
				}
			}
			break
		}
		if v != nil {
			t.Errorf("%s: the attachment decodes into %#v", open, v)
		}
	}
}

func TestEncode(t *testing.T) {
	for _, c := range []struct {
		in   Packet
		want string
	}{
		{Packet{Type: Connect, Namespace: "/"}, `0`},
		{Packet{Type: Connect, Namespace: "/admin", Data: []byte(`{"sid":"x"}`)}, `0/admin,{"sid":"x"}`},
		{Packet{Type: Disconnect, Namespace: "/admin"}, `1/admin,`},
		{Packet{Type: ConnectError, Namespace: "/", Data: []byte(`{"message":"Not authorized"}`)}, `4{"message":"Not authorized"}`},
		{Packet{Type: Ack, Namespace: "/admin", ID: 13, HasID: true, Data: []byte(`["bar"]`)}, `3/admin,13["bar"]`},
		{Packet{Type: Event, Namespace: "/admin", Attachments: 2, Data: []byte(`["baz"]`)}, `52-/admin,["baz"]`},
		{Packet{Type: Event, HasID: true, Data: []byte(`["baz"]`)}, `20["baz"]`},
	} {
		if got := string(Encode(c.in)); got != c.want {
			t.Errorf("Encode(%+v) = %s, want %s", c.in, got, c.want)
		}
	}
}

type withBytes struct {
	Name  string `json:"name"`
	Photo []byte `json:"photo"`
	Empty []byte `json:"empty,omitempty"`
	skip  []byte
}

type embeds struct {
	withBytes
	*inner `json:",omitempty"`
	Named  inner          `json:"named"`
	Off    []byte         `json:"-"`
	ID     int64          `json:"id,string"`
	Any    any            `json:"any"`
	More   map[string]any `json:"more,omitzero"`
}

type inner struct {
	Name string
	X    [2][]byte `json:"x"`
}

func TestEncodeEvent(t *testing.T) {
	b1, b2, b3 := []byte{1, 2, 3}, []byte{4}, []byte{}
	ph := func(n string) string { return `{"_placeholder":true,"num":` + n + `}` }
	var loop any
	type node struct{ Next any }
	self := &node{}
	self.Next = self
	loop = self
	for _, c := range []struct {
		name string
		p    Packet
		args []any
		want string
		att  [][]byte
		err  error
	}{
		{name: "no arguments", want: `2["ev"]`},
		{name: "namespace and id", p: Packet{Namespace: "/admin", ID: 12, HasID: true}, args: []any{1, "2", nil, true}, want: `2/admin,12["ev",1,"2",null,true]`},
		{name: "no HTML escapes", args: []any{"<a href='x'>&</a>", map[string]string{"<": "&"}}, want: `2["ev","<a href='x'>&</a>",{"<":"&"}]`},
		{name: "integers survive", args: []any{int64(math.MaxInt64), uint64(math.MaxUint64), json.Number("12345678901234567890"), json.RawMessage(`9007199254740993`)},
			want: `2["ev",9223372036854775807,18446744073709551615,12345678901234567890,9007199254740993]`},
		{name: "bytes", args: []any{b1, "x", b2}, want: `52-["ev",` + ph("0") + `,"x",` + ph("1") + `]`, att: [][]byte{b1, b2}},
		{name: "empty bytes are an attachment", args: []any{b3}, want: `51-["ev",` + ph("0") + `]`, att: [][]byte{b3}},
		{name: "nil bytes are null", args: []any{[]byte(nil), withBytes{Name: "n"}}, want: `2["ev",null,{"name":"n","photo":null}]`},
		{name: "bytes in a struct", args: []any{withBytes{"n", b1, nil, b2}}, want: `51-["ev",{"name":"n","photo":` + ph("0") + `}]`, att: [][]byte{b1}},
		{name: "bytes in a pointer to a struct", p: Packet{Namespace: "/a", HasID: true}, args: []any{&withBytes{"n", b1, b2, nil}},
			want: `52-/a,0["ev",{"name":"n","photo":` + ph("0") + `,"empty":` + ph("1") + `}]`, att: [][]byte{b1, b2}},
		{name: "bytes in maps and slices", args: []any{map[string]any{"b": b2, "a": []any{b1, 1, map[int][]byte{3: b3}}}},
			want: `53-["ev",{"a":[` + ph("0") + `,1,{"3":` + ph("1") + `}],"b":` + ph("2") + `}]`, att: [][]byte{b1, b3, b2}},
		{name: "embedded structs", args: []any{embeds{withBytes: withBytes{Name: "n", Photo: b1}, inner: &inner{Name: "up", X: [2][]byte{b2, nil}}, ID: 7, Any: &b3, Off: b2}},
			want: `53-["ev",{"name":"n","photo":` + ph("0") + `,"Name":"up","x":[` + ph("1") + `,null],"named":{"Name":"","x":[null,null]},"id":"7","any":` + ph("2") + `}]`,
			att:  [][]byte{b1, b2, b3}},
		{name: "embedded nil", args: []any{embeds{}}, want: `2["ev",{"name":"","photo":null,"named":{"Name":"","x":[null,null]},"id":"0","any":null}]`},
		{name: "raw JSON is no attachment", args: []any{json.RawMessage(`{"a":[1]}`)}, want: `2["ev",{"a":[1]}]`},
		{name: "eleven attachments", args: []any{[][]byte{b1, b1, b1, b1, b1, b1, b1, b1, b1, b1, b1}}, err: ErrTooManyAttachments},
		{name: "a value that refers to itself", args: []any{loop}, err: errTooDeep},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := EncodeEvent(c.p, "ev", c.args...)
			if !errors.Is(err, c.err) {
				t.Fatalf("error %v, want %v", err, c.err)
			}
			if string(got.Text) != c.want {
				t.Errorf("text\n%s, want\n%s", got.Text, c.want)
			}
			if diff := cmp.Diff(c.att, got.Attachments); diff != "" {
				t.Error(diff)
			}
		})
	}
	for _, name := range []string{"connect", "error", "newListener"} {
		if _, err := EncodeEvent(Packet{}, name); !errors.Is(err, ErrReserved) {
			t.Errorf("event %s: %v, want %v", name, err, ErrReserved)
		}
	}
	if _, err := EncodeEvent(Packet{}, "ev", make(chan int)); err == nil {
		t.Error("a channel was encoded")
	}
	if got, err := EncodeAck(Packet{Namespace: "/a", ID: 5}, "x", b1); err != nil || string(got.Text) != `61-/a,5["x",`+ph("0")+`]` {
		t.Errorf("EncodeAck = %s, %v", got.Text, err)
	}
	if got, err := EncodeAck(Packet{}); err != nil || string(got.Text) != `30[]` {
		t.Errorf("EncodeAck = %s, %v", got.Text, err)
	}
}

// What encoding/json writes of a value without attachments must not depend on
// whether its type could have had some.
func TestEncodeAgreesWithJSON(t *testing.T) {
	type a struct{ X, Y any }
	type b struct {
		X any `json:"Y"`
		Z []int
	}
	type both struct {
		a
		b
		Q *int   `json:",string"`
		P *int   `json:"p,omitempty"`
		S string `json:"s,string"`
		//lint:ignore SA5008 a key that is a dash is legal, and must come out as encoding/json has it
		T any `json:"-,"`
	}
	n := 7
	for _, v := range []any{
		both{a: a{1, 2}, b: b{X: 3, Z: []int{4}}, Q: &n, S: `"q"`, T: "t"}, both{}, &both{P: &n}, []any{both{}, nil},
		map[int]any{3: 1, 20: 2}, map[uint8]any{1: nil}, [1]any{"x"}, struct{ any }{}, []any(nil), map[string]any(nil), (*both)(nil),
	} {
		want, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		got, err := EncodeAck(Packet{}, v)
		if err != nil || string(got.Text) != "30["+string(want)+"]" {
			t.Errorf("%#v:\n got %s, %v\nwant 30[%s]", v, got.Text, err, want)
		}
	}
}
