package socketio

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var envelopes = []envelope{
	{kind: kindHello, node: "n1"},
	{kind: kindEmit, node: "n1", namespace: "/", some: true, volatile: true, rooms: []string{"a", ""}, except: []string{"b"},
		parts: []part{{data: []byte(`2["x"]`)}, {binary: true, data: []byte{0, 1}}}},
	{kind: kindJoin, node: "n", namespace: "/c", names: []string{"r"}},
	{kind: kindDisconnect, node: "n", flag: true},
	{kind: kindAnswer, node: "n", to: "m", call: 1 << 60, count: 7, socket: "s", parts: []part{{data: []byte{}}}},
}

func TestEnvelope(t *testing.T) {
	for _, e := range envelopes {
		b := e.append(nil)
		got, err := parseEnvelope(b)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(e, got, cmp.AllowUnexported(envelope{}, part{})); diff != "" {
			t.Error(diff)
		}
		for n := range b {
			if _, err := parseEnvelope(b[:n]); err == nil {
				t.Errorf("the first %d bytes of %d were read", n, len(b))
			}
		}
		if _, err := parseEnvelope(append(b, 0)); err == nil {
			t.Error("a byte too many was read")
		}
	}
}

func FuzzEnvelope(f *testing.F) {
	for _, e := range envelopes {
		f.Add(e.append(nil))
	}
	f.Add([]byte{1, 1, 0, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := parseEnvelope(b)
		if err != nil {
			return
		}
		again, err := parseEnvelope(e.append(nil))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(e, again, cmp.AllowUnexported(envelope{}, part{})); diff != "" {
			t.Error(diff)
		}
		size := 0
		for _, p := range e.parts {
			size += len(p.data)
		}
		if items := len(e.rooms) + len(e.except) + len(e.names) + len(e.parts); items+size > len(b) {
			t.Errorf("%d items and %d bytes were read of %d", items, size, len(b))
		}
		if !bytes.Equal(again.append(nil), e.append(nil)) {
			t.Error("written differently")
		}
	})
}
