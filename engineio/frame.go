package engineio

import (
	"encoding/binary"
	"sync"

	"github.com/gobwas/ws"

	"snug/engineio/packet"
)

// MessageType is Text or Binary.
type MessageType uint8

// The two types of messages.
const (
	Text MessageType = iota + 1
	Binary
)

// A Frame is one or more messages made ready for both transports. It is
// immutable, so one Frame may be sent to any number of sessions. The zero
// Frame holds no message.
type Frame struct{ f *frame }

// frame is the shared body of a Frame. A server's WebSocket frames are not
// masked, so that the same bytes serve every client, and polling payloads are
// made of them when the first polling client needs them.
type frame struct {
	wire  []byte // whole WebSocket frames, unfragmented
	count int    // packets in wire

	once    sync.Once
	payload []byte // written by once
}

// NewFrame makes the frame of one message. b must not be changed afterwards.
// A Text message must be UTF-8, and must not hold the byte 0x1E, which would
// cut it in two for clients that are polling. EIO4: "this assumes the record
// separator is not used in the data".
func NewFrame(t MessageType, b []byte) Frame {
	if t == Binary {
		return Frame{newFrame(packet.Packet{Type: packet.Message, Binary: true, Data: b})}
	}
	return Frame{newFrame(packet.Packet{Type: packet.Message, Data: b})}
}

// JoinFrames makes one frame of several, in order.
func JoinFrames(frames ...Frame) Frame {
	n, count := 0, 0
	var last Frame
	for _, f := range frames {
		if f.f != nil {
			n += len(f.f.wire)
			count += f.f.count
			last = f
		}
	}
	if last.f == nil || n == len(last.f.wire) {
		return last
	}
	wire := make([]byte, 0, n)
	for _, f := range frames {
		if f.f != nil {
			wire = append(wire, f.f.wire...)
		}
	}
	return Frame{&frame{wire: wire, count: count}}
}

// Len is the number of bytes that the frame takes on a WebSocket.
func (f Frame) Len() int {
	if f.f == nil {
		return 0
	}
	return len(f.f.wire)
}

func newFrame(p packet.Packet) *frame {
	op, n := ws.OpText, 1+len(p.Data)
	if p.Binary {
		op, n = ws.OpBinary, len(p.Data)
	}
	wire := make([]byte, 0, headerLen(n)+n)
	wire = appendHeader(wire, op, n)
	return &frame{wire: packet.Append(wire, p), count: 1}
}

func textFrame(t packet.Type, data string) *frame {
	return newFrame(packet.Packet{Type: t, Data: []byte(data)})
}

// Packets that the server sends again and again.
var (
	pingFrame  = textFrame(packet.Ping, "")
	probeFrame = textFrame(packet.Pong, "probe")
)

// asPayload returns the frame in the form of a polling payload. The caller must
// not change it.
func (f *frame) asPayload() []byte {
	f.once.Do(func() {
		n := 0
		for p, wire := nextPacket(f.wire); ; p, wire = nextPacket(wire) {
			n += 1 + packet.PayloadLen(p)
			if len(wire) == 0 {
				break
			}
		}
		p, wire := nextPacket(f.wire)
		if len(wire) == 0 && !p.Binary {
			// One text packet looks the same in a payload.
			f.payload = f.wire[headerLen(1+len(p.Data)):]
			return
		}
		f.payload = packet.AppendPayload(make([]byte, 0, n), p)
		for len(wire) > 0 {
			p, wire = nextPacket(wire)
			f.payload = packet.AppendPayload(f.payload, p)
		}
	})
	return f.payload
}

// split cuts off the first n packets, of more than that.
func (f *frame) split(n int) (head, tail *frame) {
	rest := f.wire
	for range n {
		_, rest = nextPacket(rest)
	}
	cut := len(f.wire) - len(rest)
	return &frame{wire: f.wire[:cut:cut], count: n}, &frame{wire: rest, count: f.count - n}
}

// nextPacket reads the first packet of frames that newFrame wrote.
func nextPacket(wire []byte) (p packet.Packet, rest []byte) {
	n, start := int(wire[1]), 2
	switch n {
	case 126:
		n, start = int(binary.BigEndian.Uint16(wire[2:])), 4
	case 127:
		n, start = int(binary.BigEndian.Uint64(wire[2:])), 10
	}
	body, rest := wire[start:start+n], wire[start+n:]
	if ws.OpCode(wire[0]&0x0f) == ws.OpBinary {
		return packet.Packet{Type: packet.Message, Binary: true, Data: body}, rest
	}
	return packet.Packet{Type: packet.Type(body[0]), Data: body[1:]}, rest
}

// headerLen is the length of the header of a server's frame of n bytes.
func headerLen(n int) int {
	switch {
	case n < 126:
		return 2
	case n < 1<<16:
		return 4
	}
	return 10
}

// appendHeader writes the header of a whole, unmasked frame. RFC 6455, 5.2.
func appendHeader(dst []byte, op ws.OpCode, n int) []byte {
	const fin = 0x80
	dst = append(dst, fin|byte(op))
	switch headerLen(n) {
	case 2:
		return append(dst, byte(n))
	case 4:
		return binary.BigEndian.AppendUint16(append(dst, 126), uint16(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, 127), uint64(n))
}
