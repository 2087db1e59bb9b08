package packet

import (
	"bytes"
	"errors"
	"testing"
)

func collect3(b []byte, octets bool) (got []Packet, err error) {
	for p, e := range Payload3(b, octets) {
		if e != nil {
			return got, e
		}
		p.Data = bytes.Clone(p.Data)
		got = append(got, p)
	}
	return got, nil
}

func equal(a, b []Packet) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Type != b[i].Type || a[i].Binary != b[i].Binary || !bytes.Equal(a[i].Data, b[i].Data) {
			return false
		}
	}
	return true
}

func TestPayload3(t *testing.T) {
	text := func(s string) Packet { return Packet{Type: Message, Data: []byte(s)} }
	tests := []struct {
		name   string
		body   string
		octets bool
		want   []Packet
	}{
		{"one packet", "6:4hello", false, []Packet{text("hello")}},
		{"several", "6:4hello2:4€1:3", false, []Packet{text("hello"), text("€"), {Type: Pong}}},
		{"lengths count UTF-16 units", "4:4😀x2:4y", false, []Packet{text("😀x"), text("y")}},
		{"base64 names its type", "10:b4AQIDBA==", false, []Packet{{Type: Message, Binary: true, Data: []byte{1, 2, 3, 4}}}},
		{"the record separator is text", "4:4a\x1eb", false, []Packet{text("a\x1eb")}},
		{"octets of text", "\x00\x04\xff4€", true, []Packet{text("€")}},
		{"octets of both", "\x00\x02\xff4x\x01\x05\xff\x04\x01\x02\x03\x04", true, []Packet{text("x"), {Type: Message, Binary: true, Data: []byte{1, 2, 3, 4}}}},
		{"a length of two digits", "\x00\x01\x00\xff4aaaaaaaaa", true, []Packet{text("aaaaaaaaa")}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := collect3([]byte(tt.body), tt.octets)
			if err != nil || !equal(got, tt.want) {
				t.Fatalf("got %v, %v; want %v", got, err, tt.want)
			}
			if tt.octets {
				return
			}
			var again []byte
			for _, p := range got {
				again = AppendPayload3(again, p)
			}
			if string(again) != tt.body {
				t.Errorf("encoded as %q, want %q", again, tt.body)
			}
		})
	}
}

func TestPayload3Malformed(t *testing.T) {
	tests := []struct {
		name   string
		body   string
		octets bool
		want   error
	}{
		{"empty", "", false, ErrEmpty},
		{"no length", ":4a", false, ErrLength},
		{"no colon", "24a", false, ErrLength},
		{"zero length", "0:", false, ErrLength},
		{"negative", "-1:4", false, ErrLength},
		{"too long", "3:4a", false, ErrLength},
		{"absurd", "99999999999:4a", false, ErrLength},
		{"ends within a character", "2:4😀", false, ErrLength},
		{"not UTF-8", "2:4\xff", false, ErrUTF8},
		{"unknown type", "1:9", false, ErrType},
		{"base64 without type", "1:b", false, ErrType},
		{"base64 of a ping", "2:b2", false, ErrType},
		{"bad base64", "3:b4!", false, ErrBase64},
		{"rubbish after", "1:3x", false, ErrLength},
		{"octets: empty", "", true, ErrEmpty},
		{"octets: no end of length", "\x00\x01", true, ErrLength},
		{"octets: too long", "\x00\x05\xff4a", true, ErrLength},
		{"octets: a digit of ten", "\x00\x0a\xff4aaaaaaaaa", true, ErrLength},
		{"octets: neither text nor binary", "\x02\x01\xff4", true, ErrType},
		{"octets: not UTF-8", "\x00\x02\xff4\xff", true, ErrUTF8},
		{"octets: binary ping", "\x01\x01\xff\x02", true, ErrType},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := collect3([]byte(tt.body), tt.octets); !errors.Is(err, tt.want) {
				t.Errorf("got %v, %v; want %v", got, err, tt.want)
			}
		})
	}
}

func FuzzPayload3(f *testing.F) {
	for _, s := range []string{"6:4hello2:4€", "10:b4AQIDBA==", "\x00\x04\xff4€\x01\x05\xff\x04\x01\x02\x03\x04", "3:4😀", "999999999:4", ""} {
		f.Add([]byte(s), false)
		f.Add([]byte(s), true)
	}
	f.Fuzz(func(t *testing.T, b []byte, octets bool) {
		got, err := collect3(b, octets)
		held := 0
		for _, p := range got {
			held += len(p.Data)
		}
		if held > len(b) {
			t.Fatalf("%d bytes of data out of %d", held, len(b))
		}
		if err != nil {
			return
		}
		var again []byte
		for _, p := range got {
			again = AppendPayload3(again, p)
		}
		back, err := collect3(again, false)
		if err != nil || !equal(back, got) {
			t.Fatalf("%v came back as %v, %v", got, back, err)
		}
	})
}
