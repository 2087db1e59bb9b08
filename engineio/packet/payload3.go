package packet

import (
	"bytes"
	"encoding/base64"
	"errors"
	"iter"
	"strconv"
	"unicode/utf8"
)

// ErrLength is the error of a protocol 3 payload whose lengths do not fit what
// is there.
var ErrLength = errors.New("packet: bad length in payload")

// What a packet begins with in a binary payload of protocol 3, and what ends
// its length.
const (
	text3   = 0
	binary3 = 1
	end3    = 0xff
)

// Payload3 yields the packets of a polling body of protocol 3, as old clients
// send it. EIO3: Payload. octets says that the body was sent as
// application/octet-stream. It ends after the first error. The Data of a
// packet that was base64 is valid until the next iteration, that of any other
// aliases b.
func Payload3(b []byte, octets bool) iter.Seq2[Packet, error] {
	next := nextText3
	if octets {
		next = nextBinary3
	}
	return func(yield func(Packet, error) bool) {
		if len(b) == 0 {
			yield(Packet{}, ErrEmpty)
			return
		}
		var scratch []byte
		for rest := b; len(rest) > 0; {
			var p Packet
			var err error
			p, rest, err = next(rest, &scratch)
			if !yield(p, err) || err != nil {
				return
			}
		}
	}
}

// nextText3 takes a packet off "<length>:<packet>…", whose lengths count UTF-16
// units, as JavaScript does.
func nextText3(b []byte, scratch *[]byte) (p Packet, rest []byte, err error) {
	digits, body, ok := bytes.Cut(b, []byte{':'})
	units, ok2 := length3(digits, '0')
	if !ok || !ok2 {
		return p, nil, ErrLength
	}
	n := 0
	for units > 0 {
		r, size := utf8.DecodeRune(body[n:])
		switch {
		case size == 0:
			return p, nil, ErrLength
		case r == utf8.RuneError && size == 1:
			return p, nil, ErrUTF8
		case r >= 0x10000:
			units--
		}
		units--
		n += size
	}
	if units < 0 { // the length ends within a character
		return p, nil, ErrLength
	}
	p, err = DecodeText3(body[:n], scratch)
	return p, body[n:], err
}

// nextBinary3 takes a packet off "<0 or 1><length, a digit a byte><255><packet>…".
func nextBinary3(b []byte, _ *[]byte) (p Packet, rest []byte, err error) {
	digits, body, ok := bytes.Cut(b[1:], []byte{end3})
	n, ok2 := length3(digits, 0)
	if !ok || !ok2 || n > len(body) {
		return p, nil, ErrLength
	}
	piece, rest := body[:n], body[n:]
	switch b[0] {
	case text3:
		if !utf8.Valid(piece) {
			return p, nil, ErrUTF8
		}
		p, err = Decode(piece)
	case binary3:
		p, err = DecodeBinary3(piece)
	default:
		err = ErrType
	}
	return p, rest, err
}

// length3 reads a length of one to nine digits, of which zero is written as zero.
func length3(digits []byte, zero byte) (n int, ok bool) {
	if len(digits) == 0 || len(digits) > 9 {
		return 0, false
	}
	for _, d := range digits {
		d -= zero
		if d > 9 {
			return 0, false
		}
		n = n*10 + int(d)
	}
	return n, n > 0
}

// DecodeText3 decodes a packet of protocol 3 that came as text, which must be
// UTF-8: as that of protocol 4, but base64 names the packet's type, "b4…".
// *scratch is used for decoding, and grown as needed.
func DecodeText3(b []byte, scratch *[]byte) (Packet, error) {
	if len(b) == 0 || b[0] != binaryPrefix {
		return Decode(b)
	}
	if len(b) == 1 || Type(b[1]) != Message {
		return Packet{}, ErrType
	}
	data, err := decodeBase64(b[2:], *scratch)
	if err != nil {
		return Packet{}, err
	}
	*scratch = data
	return Packet{Type: Message, Binary: true, Data: data}, nil
}

// DecodeBinary3 decodes a packet of protocol 3 that came as binary: a byte with
// the type's number, and the data.
func DecodeBinary3(b []byte) (Packet, error) {
	if len(b) == 0 {
		return Packet{}, ErrEmpty
	}
	if Type(b[0]+'0') != Message {
		return Packet{}, ErrType
	}
	return Packet{Type: Message, Binary: true, Data: b[1:]}, nil
}

// AppendPayload3 appends p to a textual payload of protocol 3. Binary is
// base64 there, which every client of that protocol takes.
func AppendPayload3(dst []byte, p Packet) []byte {
	if p.Binary {
		n := 2 + base64.StdEncoding.EncodedLen(len(p.Data))
		return AppendBase643(append(strconv.AppendInt(dst, int64(n), 10), ':'), p)
	}
	dst = append(strconv.AppendInt(dst, int64(1+utf16Len(p.Data)), 10), ':')
	return Append(dst, p)
}

// AppendBase643 appends a binary packet of protocol 3 as text.
func AppendBase643(dst []byte, p Packet) []byte {
	return encoding.AppendEncode(append(dst, binaryPrefix, byte(p.Type)), p.Data)
}

// AppendBinary3 appends the content of a WebSocket binary message of protocol 3.
func AppendBinary3(dst []byte, p Packet) []byte {
	return append(append(dst, byte(p.Type)-'0'), p.Data...)
}

// utf16Len is the length of UTF-8 text in UTF-16 units.
func utf16Len(b []byte) (n int) {
	for _, c := range b {
		switch {
		case c >= 0xf0: // the start of a character beyond the basic plane
			n += 2
		case c < 0x80 || c >= 0xc0: // the start of another
			n++
		}
	}
	return n
}
