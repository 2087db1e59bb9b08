package packet

import (
	"bytes"
	"encoding/base64"
	"iter"
	"unicode/utf8"
)

// Separator stands between the packets of a payload. EIO4: Packet encoding,
// HTTP long-polling. It must not occur in the text of a packet: the protocol
// has no way to escape it.
const Separator = 0x1e

// binaryPrefix stands before the base64 of a binary message in a payload.
const binaryPrefix = 'b'

// encoding refuses what does not come out of an encoder: the bits left over
// before the padding must be zero.
var encoding = base64.StdEncoding.Strict()

// Payload yields the packets of a polling body in order. After the first error
// it ends. An empty body and a separator without a packet on both sides are
// errors. The Data of a binary packet is valid until the next iteration, that
// of any other aliases b.
func Payload(b []byte) iter.Seq2[Packet, error] {
	return func(yield func(Packet, error) bool) {
		var scratch []byte
		for more := true; more; {
			var piece []byte
			piece, b, more = bytes.Cut(b, []byte{Separator})
			p, err := decodePiece(piece, &scratch)
			if !yield(p, err) || err != nil {
				return
			}
		}
	}
}

func decodePiece(b []byte, scratch *[]byte) (Packet, error) {
	if len(b) > 0 && b[0] == binaryPrefix {
		data, err := decodeBase64(b[1:], *scratch)
		if err != nil {
			return Packet{}, err
		}
		*scratch = data
		return Packet{Type: Message, Binary: true, Data: data}, nil
	}
	p, err := Decode(b)
	if err == nil && !utf8.Valid(p.Data) {
		return Packet{}, ErrUTF8
	}
	return p, err
}

// DecodeText decodes the packet of a WebSocket text message, which must be
// UTF-8. Binary belongs into binary messages, but the Node server takes base64
// here too, and the Swift client relies on it: what has waited for a POST while
// it upgraded goes out over the WebSocket as it is.
func DecodeText(b []byte) (Packet, error) {
	if len(b) == 0 || b[0] != binaryPrefix {
		return Decode(b)
	}
	data, err := decodeBase64(b[1:], nil)
	if err != nil {
		return Packet{}, err
	}
	return Packet{Type: Message, Binary: true, Data: data}, nil
}

// decodeBase64 decodes b, into scratch if that is large enough.
func decodeBase64(b, scratch []byte) ([]byte, error) {
	// The standard decoder skips line ends; the protocol has none.
	if len(b)%4 != 0 || bytes.IndexByte(b, '\n') >= 0 || bytes.IndexByte(b, '\r') >= 0 {
		return nil, ErrBase64
	}
	n := encoding.DecodedLen(len(b))
	if cap(scratch) < n {
		scratch = make([]byte, n)
	}
	n, err := encoding.Decode(scratch[:n], b)
	if err != nil {
		return nil, ErrBase64
	}
	return scratch[:n], nil
}

// AppendPayload appends p to a payload, after a separator if dst already holds
// a packet.
func AppendPayload(dst []byte, p Packet) []byte {
	if len(dst) > 0 {
		dst = append(dst, Separator)
	}
	if p.Binary {
		return encoding.AppendEncode(append(dst, binaryPrefix), p.Data)
	}
	return Append(dst, p)
}

// PayloadLen is the number of bytes that [AppendPayload] appends for p, without
// the separator.
func PayloadLen(p Packet) int {
	if p.Binary {
		return 1 + encoding.EncodedLen(len(p.Data))
	}
	return 1 + len(p.Data)
}
