package packet

import (
	"bytes"
	"encoding/json"
	"runtime"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

var seeds = []string{
	`0`, `0{"token":"123"}`, `0/custom,{"a":1}`, `0/custom`, `1`, `1/a,`, `2["foo"]`, `2/admin,12["foo",{"a":[1,2.5e-3,"\u00e9\n"]}]`,
	`312[]`, `4{"message":"x"}`, `51-["baz",{"_placeholder":true,"num":0}]`, `62-15[{"num":0,"_placeholder":true},{"_placeholder":true,"num":1}]`,
	`2["a",[[[[[[[[[[]]]]]]]]]]]`, `218446744073709551616["a"]`, `510-["x"]`, `2["connect"]`, `2[1]`, `2[-0.0e+1]`,
	"2[\"\xff\"]", `51-["a",{"_placeholder":true,"num":0,"x":{"_placeholder":true,"num":0}}]`, `2["\ud800"]`,
}

func FuzzDecode(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		p, err := Decode(b)
		if !bytes.Equal(b, before) {
			t.Fatal("Decode changed its input")
		}
		if err != nil {
			return
		}
		again, err := Decode(Encode(p))
		if err != nil {
			t.Fatalf("%q is read, but not what is written of it: %v", b, err)
		}
		if diff := cmp.Diff(p, again); diff != "" {
			t.Fatalf("%q:\n%s", b, diff)
		}
		args := p.Args()
		for i := range args.Len() {
			var v any
			if err := args.Decode(&v); err != nil {
				t.Fatalf("%q: argument %d: %v", b, i, err)
			}
		}
		if p.Type != Event || p.Attachments > 0 {
			return
		}
		back, err := EncodeEvent(p, p.Name, args.Values()...)
		if err != nil {
			t.Fatalf("%q: %v", b, err)
		}
		if _, err := Decode(back.Text); err != nil {
			t.Fatalf("%q was passed on as %q: %v", b, back.Text, err)
		}
	})
}

// The scanner must agree with encoding/json on what JSON is, but for depth.
func FuzzScan(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s[1:]))
	}
	f.Add([]byte("[\"\\uD8\x11d\"]"))
	f.Add([]byte(` {"a" : [ 1 , true,false ,null, -0.1E+9 ] } `))
	f.Fuzz(func(t *testing.T, b []byte) {
		if !utf8.Valid(b) {
			return
		}
		s := scanner{b: b, most: DefaultDepth, places: true}
		err := s.document()
		if err == errDepth {
			return
		}
		if (err == nil) != json.Valid(b) {
			t.Fatalf("%q: %v, but json.Valid says %v", b, err, json.Valid(b))
		}
		last := 0
		for _, p := range s.found {
			if p.start < last || p.end <= p.start || p.end > len(b) || b[p.start] != '{' || b[p.end-1] != '}' {
				t.Fatalf("%q: placeholder at %v", b, p)
			}
			last = p.end
		}
	})
}

// What a peer makes us allocate must be bounded by the bytes it sent.
func FuzzAssembler(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s), []byte("attachment"), uint8(1))
	}
	f.Fuzz(func(t *testing.T, text, attachment []byte, n uint8) {
		var m0, m1 runtime.MemStats
		runtime.ReadMemStats(&m0)
		var a Assembler
		p, done, err := a.Text(text)
		for range n {
			if done || err != nil {
				break
			}
			p, done, err = a.Binary(attachment)
		}
		if err != nil || !done {
			return
		}
		args := p.Args()
		dst := make([]any, args.Len())
		for i := range dst {
			dst[i] = new(any)
		}
		if err := args.Decode(dst...); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		runtime.ReadMemStats(&m1)
		sent := uint64(len(text) + p.Attachments*len(attachment))
		if got := m1.TotalAlloc - m0.TotalAlloc; got > 256<<10+200*sent {
			t.Fatalf("%d bytes allocated for %d", got, sent)
		}
		// Passed on, a packet needs no more attachments than it came with.
		back, err := EncodeAck(Packet{}, args.Values()...)
		if err != nil || len(back.Attachments) > len(p.Binary) {
			t.Fatalf("%q: %d attachments passed on, %v", text, len(back.Attachments), err)
		}
	})
}
