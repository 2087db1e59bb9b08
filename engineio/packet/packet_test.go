package packet_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"snug/engineio/packet"
)

// EIO4: Packet encoding, WebSocket: "<packet type>[<data>]".
func TestDecode(t *testing.T) {
	for _, tc := range []struct {
		in   string
		want packet.Packet
		err  error
	}{
		{in: "0{}", want: packet.Packet{Type: packet.Open, Data: []byte("{}")}},
		{in: "1", want: packet.Packet{Type: packet.Close, Data: []byte{}}},
		{in: "2probe", want: packet.Packet{Type: packet.Ping, Data: []byte("probe")}},
		{in: "3", want: packet.Packet{Type: packet.Pong, Data: []byte{}}},
		{in: "4", want: packet.Packet{Type: packet.Message, Data: []byte{}}},
		{in: "4€\x1e4", want: packet.Packet{Type: packet.Message, Data: []byte("€\x1e4")}},
		{in: "5", want: packet.Packet{Type: packet.Upgrade, Data: []byte{}}},
		{in: "6", want: packet.Packet{Type: packet.Noop, Data: []byte{}}},
		{in: "", err: packet.ErrEmpty},
		{in: "7", err: packet.ErrType},
		{in: "abc", err: packet.ErrType},
		{in: "bAQID", err: packet.ErrType}, // base64 belongs to payloads
		{in: "/", err: packet.ErrType},
		{in: "\x00", err: packet.ErrType},
	} {
		got, err := packet.Decode([]byte(tc.in))
		if !errors.Is(err, tc.err) {
			t.Errorf("Decode(%q): error %v, want %v", tc.in, err, tc.err)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("Decode(%q):\n%s", tc.in, diff)
		}
	}
}

// Binary in text, as it stands in a payload.
func TestDecodeText(t *testing.T) {
	for _, tc := range []struct {
		in   string
		want packet.Packet
		err  error
	}{
		{in: "4bAQID", want: packet.Packet{Type: packet.Message, Data: []byte("bAQID")}},
		{in: "bAQID", want: packet.Packet{Type: packet.Message, Binary: true, Data: []byte{1, 2, 3}}},
		{in: "b", want: packet.Packet{Type: packet.Message, Binary: true, Data: []byte{}}},
		{in: "bAQIDB", err: packet.ErrBase64},
		{in: "", err: packet.ErrEmpty},
		{in: "7", err: packet.ErrType},
	} {
		got, err := packet.DecodeText([]byte(tc.in))
		if !errors.Is(err, tc.err) {
			t.Errorf("DecodeText(%q): error %v, want %v", tc.in, err, tc.err)
		}
		if diff := cmp.Diff(tc.want, got, cmp.Comparer(bytes.Equal)); diff != "" {
			t.Errorf("DecodeText(%q):\n%s", tc.in, diff)
		}
	}
}

func TestAppend(t *testing.T) {
	for _, tc := range []struct {
		p    packet.Packet
		want string
	}{
		{packet.Packet{Type: packet.Noop}, "6"},
		{packet.Packet{Type: packet.Message, Data: []byte("hello")}, "4hello"},
		{packet.Packet{Type: packet.Message, Binary: true, Data: []byte{1, 2}}, "\x01\x02"},
		{packet.Packet{Type: packet.Message, Binary: true}, ""},
	} {
		if got := string(packet.Append(nil, tc.p)); got != tc.want {
			t.Errorf("Append(%v) = %q, want %q", tc.p, got, tc.want)
		}
	}
}

func TestTypeString(t *testing.T) {
	want := []string{"open", "close", "ping", "pong", "message", "upgrade", "noop"}
	for i, name := range want {
		if got := packet.Type('0' + i).String(); got != name {
			t.Errorf("Type(%d).String() = %q, want %q", i, got, name)
		}
	}
	if got := packet.Type('b').String(); got != "Type(0x62)" {
		t.Errorf("an unknown type is %q", got)
	}
}
