package packet_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"snug/engineio/packet"
)

// collect copies what Payload yields, for binary data is valid for one
// iteration only.
func collect(b []byte) ([]packet.Packet, error) {
	var all []packet.Packet
	for p, err := range packet.Payload(b) {
		if err != nil {
			return all, err
		}
		p.Data = bytes.Clone(p.Data)
		all = append(all, p)
	}
	return all, nil
}

func text(s string) packet.Packet {
	return packet.Packet{Type: packet.Message, Data: []byte(s)}
}

func binary(b ...byte) packet.Packet {
	return packet.Packet{Type: packet.Message, Binary: true, Data: b}
}

// EIO4: Packet encoding, HTTP long-polling.
func TestPayload(t *testing.T) {
	for _, tc := range []struct {
		name, in string
		want     []packet.Packet
	}{
		{"one", "4hello", []packet.Packet{text("hello")}},
		{"the document's first example", "4hello\x1e2\x1e4world",
			[]packet.Packet{text("hello"), {Type: packet.Ping, Data: []byte{}}, text("world")}},
		{"the document's second example", "4hello\x1ebAQIDBA==",
			[]packet.Packet{text("hello"), binary(1, 2, 3, 4)}},
		{"empty message", "4", []packet.Packet{text("")}},
		{"empty binary message", "b", []packet.Packet{binary([]byte{}...)}},
		{"binaries share no bytes", "bAQ==\x1ebAg==\x1ebAwQF",
			[]packet.Packet{binary(1), binary(2), binary(3, 4, 5)}},
		{"text beyond ASCII", "4é€😀", []packet.Packet{text("é€😀")}},
	} {
		got, err := collect([]byte(tc.in))
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
		}
		if diff := cmp.Diff(tc.want, got, cmp.Comparer(bytes.Equal)); diff != "" {
			t.Errorf("%s:\n%s", tc.name, diff)
		}
		var again []byte
		for _, p := range got {
			before := len(again)
			again = packet.AppendPayload(again, p)
			if n := len(again) - before; n != packet.PayloadLen(p) && n != packet.PayloadLen(p)+1 {
				t.Errorf("%s: PayloadLen(%v) is %d, and %d bytes were written", tc.name, p, packet.PayloadLen(p), n)
			}
		}
		if string(again) != tc.in {
			t.Errorf("%s: encoded again it is %q", tc.name, again)
		}
	}
}

func TestPayloadMalformed(t *testing.T) {
	for _, tc := range []struct {
		name, in string
		before   int // packets before the error
		err      error
	}{
		{"empty body", "", 0, packet.ErrEmpty},
		{"separator alone", "\x1e", 0, packet.ErrEmpty},
		{"trailing separator", "4a\x1e", 1, packet.ErrEmpty},
		{"leading separator", "\x1e4a", 0, packet.ErrEmpty},
		{"empty packet between", "4a\x1e\x1e4b", 1, packet.ErrEmpty},
		{"unknown type", "4a\x1eabc\x1e4b", 1, packet.ErrType},
		{"base64 without padding", "bAQ", 0, packet.ErrBase64},
		{"base64 with other characters", "bA!==", 0, packet.ErrBase64},
		{"base64 of the URL alphabet", "b_-8=", 0, packet.ErrBase64},
		{"base64 with a line end", "bAQID\nBAUG", 0, packet.ErrBase64},
		{"base64 with line ends that make up for the length", "bAQ\r\n", 0, packet.ErrBase64},
		{"base64 with bits left over", "bAR==", 0, packet.ErrBase64},
		{"base64 after its padding", "bAQ==AQ==", 0, packet.ErrBase64},
		{"text that is not UTF-8", "4\xff", 0, packet.ErrUTF8},
		{"half a rune", "4a\x1e4\xe2\x82", 1, packet.ErrUTF8},
	} {
		got, err := collect([]byte(tc.in))
		if !errors.Is(err, tc.err) {
			t.Errorf("%s: error %v, want %v", tc.name, err, tc.err)
		}
		if len(got) != tc.before {
			t.Errorf("%s: %d packets before the error, want %d", tc.name, len(got), tc.before)
		}
	}
}

func TestPayloadStopsWhenAsked(t *testing.T) {
	n := 0
	for range packet.Payload([]byte("4a\x1e4b\x1e4c")) {
		if n++; n == 2 {
			break
		}
	}
	if n != 2 {
		t.Errorf("%d packets", n)
	}
}

// A body of separators must cost no more than its bytes.
func TestPayloadAllocation(t *testing.T) {
	for _, tc := range []struct {
		name string
		in   []byte
	}{
		{"100,000 tiny packets", []byte("4" + strings.Repeat("\x1e4", 100_000))},
		{"10,000 tiny binaries", []byte("bAQ==" + strings.Repeat("\x1ebAQ==", 10_000))},
	} {
		allocs := testing.AllocsPerRun(5, func() {
			for _, err := range packet.Payload(tc.in) {
				if err != nil {
					t.Fatal(err)
				}
			}
		})
		if allocs > 4 {
			t.Errorf("%s: %v allocations", tc.name, allocs)
		}
	}
}

func FuzzPayload(f *testing.F) {
	for _, s := range []string{
		"4hello", "4hello\x1e2\x1e4world", "4hello\x1ebAQIDBA==", "", "\x1e", "4a\x1e", "b", "bAR==",
		"0{}\x1e1\x1e3\x1e5\x1e6", "4\xff", "b\n\n\n\n", "7", "4é€😀\x1eb",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		given := bytes.Clone(in)
		all, err := collect(in)
		if !bytes.Equal(given, in) {
			t.Fatalf("the body was changed")
		}
		held := 0
		var again []byte
		for _, p := range all {
			if !p.Type.Valid() || p.Binary && p.Type != packet.Message {
				t.Fatalf("%q holds %v", in, p)
			}
			held += len(p.Data)
			again = packet.AppendPayload(again, p)
		}
		if held > len(in) {
			t.Fatalf("%d bytes of %d", held, len(in))
		}
		// What is accepted is the one encoding of what it says.
		if err == nil && !bytes.Equal(again, in) {
			t.Fatalf("%q came back as %q", in, again)
		}
		if err != nil && !bytes.HasPrefix(in, again) {
			t.Fatalf("%q: %v after %q", in, err, again)
		}
	})
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{"0{}", "1", "2probe", "3probe", "4", "4\x00", "5", "6", "7", "", "b", "\xff"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		p, err := packet.Decode(in)
		if (err == nil) != (len(in) > 0 && in[0] >= '0' && in[0] <= '6') {
			t.Fatalf("Decode(%q): %v", in, err)
		}
		if err == nil && !bytes.Equal(packet.Append(nil, p), in) {
			t.Fatalf("%q came back as %q", in, packet.Append(nil, p))
		}
	})
}

func BenchmarkPayloadDecode(b *testing.B) {
	in := []byte("4" + strings.Repeat("x", 200) + strings.Repeat("\x1e4"+strings.Repeat("x", 200), 15))
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		for _, err := range packet.Payload(in) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}
