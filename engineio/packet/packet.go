// Package packet encodes and decodes Engine.IO protocol 4 packets and the
// payloads that carry several of them over HTTP long polling. It works on
// bytes alone, keeps no state, and never allocates more than what it is given
// holds.
package packet

import (
	"errors"
	"fmt"
)

// A Type is the kind of a packet, as the character that stands for it on the wire.
type Type byte

// The packet types. EIO4: Protocol.
const (
	Open    Type = '0' // server: the handshake
	Close   Type = '1' // either: the transport can be closed
	Ping    Type = '2' // server: heartbeat; client: the upgrade's probe alone
	Pong    Type = '3' // client: heartbeat; server: the probe's answer alone
	Message Type = '4' // either: a payload of the application
	Upgrade Type = '5' // client: completes an upgrade
	Noop    Type = '6' // server: ends a poll that has nothing to bring
)

// Valid reports whether t is one of the protocol's types.
func (t Type) Valid() bool { return t >= Open && t <= Noop }

// String is the type's name in the protocol document.
func (t Type) String() string {
	switch t {
	case Open:
		return "open"
	case Close:
		return "close"
	case Ping:
		return "ping"
	case Pong:
		return "pong"
	case Message:
		return "message"
	case Upgrade:
		return "upgrade"
	case Noop:
		return "noop"
	}
	return fmt.Sprintf("Type(%#x)", byte(t))
}

// A Packet is one unit of the protocol.
type Packet struct {
	Type   Type
	Binary bool   // only a Message can be
	Data   []byte // without the type; may be empty
}

// Errors of malformed packets and payloads.
var (
	ErrEmpty  = errors.New("packet: empty packet")
	ErrType   = errors.New("packet: unknown packet type")
	ErrBase64 = errors.New("packet: malformed base64")
	ErrUTF8   = errors.New("packet: text is not UTF-8")
)

// Decode reads a packet in its text form, which is that of a WebSocket text
// message. Data aliases b. It does not check that Data is UTF-8. A WebSocket
// binary message needs no decoding: it is the Data of a binary [Message].
func Decode(b []byte) (Packet, error) {
	if len(b) == 0 {
		return Packet{}, ErrEmpty
	}
	t := Type(b[0])
	if !t.Valid() {
		return Packet{}, ErrType
	}
	return Packet{Type: t, Data: b[1:]}, nil
}

// Append writes p in the form of a WebSocket message, text or binary as
// p.Binary says: EIO4, Packet encoding, WebSocket.
func Append(dst []byte, p Packet) []byte {
	if !p.Binary {
		dst = append(dst, byte(p.Type))
	}
	return append(dst, p.Data...)
}
