package packet

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// read assembles a packet from a text and its attachments.
func read(t testing.TB, text string, attachments ...[]byte) Packet {
	t.Helper()
	var a Assembler
	p, done, err := a.Text([]byte(text))
	for _, b := range attachments {
		if err != nil || done {
			break
		}
		p, done, err = a.Binary(b)
	}
	if err != nil || !done {
		t.Fatalf("%s: done %v, %v", text, done, err)
	}
	return p
}

func TestArgsDecode(t *testing.T) {
	p := read(t, `2["ev", 12345678901234567890 ,"two",{"n":9007199254740993},[1,2] ]`)
	args := p.Args()
	if args.Len() != 4 {
		t.Fatalf("Len() = %d, want 4", args.Len())
	}
	var n uint64
	var s string
	var m any
	var l []int
	missing := &struct{}{}
	if err := args.Decode(&n, &s, &m, &l, &missing); err != nil {
		t.Fatal(err)
	}
	if n != 12345678901234567890 || s != "two" || missing != nil {
		t.Errorf("decoded %d, %q, %v", n, s, missing)
	}
	if diff := cmp.Diff(any(map[string]any{"n": json.Number("9007199254740993")}), m); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int{1, 2}, l); diff != "" {
		t.Error(diff)
	}
	if err := args.Decode(&s); err == nil || !strings.Contains(err.Error(), "argument 0") {
		t.Errorf("a number decoded into a string: %v", err)
	}
	if err := args.Decode(nil); err == nil {
		t.Error("decoded into nil")
	}
	if string(args.Raw(3)) != "[1,2]" || args.Raw(4) != nil || args.Raw(-1) != nil {
		t.Errorf("Raw(3) = %s, Raw(4) = %s", args.Raw(3), args.Raw(4))
	}
}

func TestArgsDecodeBinary(t *testing.T) {
	type photo struct {
		Name  string
		Image []byte
		Any   any
		List  [][]byte
		Map   map[string][]byte
		Deep  *photo
	}
	b0, b1 := []byte("zero"), []byte("one")
	p := read(t, `52-["ev",{"_placeholder":true,"num":1},{"Name":"n","Image":{"_placeholder":true,"num":0},`+
		`"Any":[1,{"num":1,"_placeholder":true}],"List":[{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}],`+
		`"Map":{"k":{"_placeholder":true,"num":1}},"Deep":{"Image":{"_placeholder":true,"num":1,"x":[{"_placeholder":true,"num":0}]}}}]`, b0, b1)
	var first []byte
	var got photo
	if err := p.Args().Decode(&first, &got); err != nil {
		t.Fatal(err)
	}
	want := photo{Name: "n", Image: b0, Any: []any{json.Number("1"), b1}, List: [][]byte{b0, b0},
		Map: map[string][]byte{"k": b1}, Deep: &photo{Image: b1}}
	if diff := cmp.Diff(want, got); diff != "" || string(first) != "one" {
		t.Errorf("first %q\n%s", first, diff)
	}
	var tree any
	if err := p.Args().Decode(&tree); err != nil || !cmp.Equal(tree, any(b1)) {
		t.Errorf("decoded %v, %v", tree, err)
	}
	var raw json.RawMessage
	if err := p.Args().Decode(&raw); err != nil || string(raw) != `{"_placeholder":true,"num":1}` {
		t.Errorf("decoded %s, %v", raw, err)
	}
	// What must not be seen is the string that stands for an attachment meanwhile.
	for _, dst := range []any{new(string), &struct{ X string }{}, new(map[string]string), new([]string)} {
		p := read(t, `51-["ev",{"_placeholder":true,"num":0}]`, b0)
		if _, ok := dst.(*string); !ok {
			p = read(t, `51-["ev",{"X":{"_placeholder":true,"num":0}}]`, b0)
		}
		if _, ok := dst.(*[]string); ok {
			p = read(t, `51-["ev",[{"_placeholder":true,"num":0}]]`, b0)
		}
		if err := p.Args().Decode(dst); !errors.Is(err, errNotBytes) {
			t.Errorf("decoded into %T: %v", dst, err)
		}
	}
	p = read(t, `51-["ev",{"X":{"_placeholder":true,"num":0}}]`, b0)
	if err := p.Args().Decode(&struct{ X json.RawMessage }{}); !errors.Is(err, errNotBytes) {
		t.Errorf("decoded into a RawMessage: %v", err)
	}
}

// A small packet must not grow by repeating a placeholder of a large attachment.
func TestRepeatedPlaceholderIsNotCopied(t *testing.T) {
	big := make([]byte, 1<<20)
	p := read(t, `51-["ev",[`+strings.Repeat(`{"_placeholder":true,"num":0},`, 9999)+`0]]`, big)
	var list []any
	if err := p.Args().Decode(&list); err != nil {
		t.Fatal(err)
	}
	first, last := list[0].([]byte), list[9998].([]byte)
	if len(first) != len(big) || &first[0] != &last[0] {
		t.Error("attachment was copied")
	}
}

func TestValuesPass(t *testing.T) {
	p := read(t, `52-["ev",{"_placeholder":true,"num":1},{"a":[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]},1.50,"<\u00e9>"]`, []byte("zero"), []byte("one"))
	got, err := EncodeEvent(Packet{Namespace: "/"}, "back", append([]any{[]byte("new")}, p.Args().Values()...)...)
	if err != nil {
		t.Fatal(err)
	}
	want := `53-["back",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1},{"a":[{"_placeholder":true,"num":2},{"_placeholder":true,"num":1}]},1.50,"<\u00e9>"]`
	if string(got.Text) != want {
		t.Errorf("got  %s\nwant %s", got.Text, want)
	}
	if diff := cmp.Diff([][]byte{[]byte("new"), []byte("one"), []byte("zero")}, got.Attachments); diff != "" {
		t.Error(diff)
	}
	// Inside of other values too.
	p = read(t, `2["ev",{"_placeholder":true,"num":0}]`)
	got, err = EncodeEvent(Packet{}, "back", map[string]any{"x": p.Args().Values()})
	if want := `2["back",{"x":[{"_placeholder":true,"num":0}]}]`; err != nil || string(got.Text) != want {
		t.Errorf("got %s, %v, want %s", got.Text, err, want)
	}
}

func TestAssembler(t *testing.T) {
	var a Assembler
	if _, done, err := a.Binary([]byte{1}); done || !errors.Is(err, errUnannounced) {
		t.Errorf("unannounced attachment: %v, %v", done, err)
	}
	text := []byte(`52-/a,3["ev",{"_placeholder":true,"num":0}]`)
	if _, done, err := a.Text(text); done || err != nil || !a.Waiting() {
		t.Fatalf("Text: %v, %v", done, err)
	}
	clear(text) // the caller's again
	if _, done, err := a.Text([]byte(`2["x"]`)); done || !errors.Is(err, errUnfinished) {
		t.Errorf("text while an attachment is awaited: %v, %v", done, err)
	}
	att := []byte{1}
	if _, done, err := a.Binary(att); done || err != nil {
		t.Fatalf("Binary: %v, %v", done, err)
	}
	att[0] = 9
	p, done, err := a.Binary(nil)
	if !done || err != nil || a.Waiting() {
		t.Fatalf("Binary: %v, %v", done, err)
	}
	want := Packet{Type: Event, Namespace: "/a", ID: 3, HasID: true, Attachments: 2, Binary: [][]byte{{1}, {}},
		Name: "ev", Data: []byte(`["ev",{"_placeholder":true,"num":0}]`)}
	if diff := cmp.Diff(want, p); diff != "" {
		t.Error(diff)
	}
	if _, _, err := a.Text([]byte(`51-["ev"]`)); err != nil {
		t.Fatal(err)
	}
	a.Drop()
	if _, _, err := a.Binary([]byte{1}); !errors.Is(err, errUnannounced) {
		t.Errorf("attachment of a dropped packet: %v", err)
	}
}
