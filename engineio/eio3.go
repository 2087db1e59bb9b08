package engineio

import (
	"bytes"
	"iter"
	"time"

	"github.com/gobwas/ws"

	"snug/engineio/packet"
)

// What protocol 3 does differently, for clients of before 2020, where
// [Server.AllowEIO3] lets them in: lengths in payloads, a type byte before
// binary, and the client that pings. JSONP is not served.

const (
	protocol3 = 3
	protocol4 = 4
)

// old reports whether the client speaks protocol 3.
func (c *Conn) old() bool { return c.handshake.Protocol == protocol3 }

// decodeMessage decodes the packet of a WebSocket message.
func (c *Conn) decodeMessage(m wsMessage) (packet.Packet, error) {
	switch {
	case c.old() && m.op == ws.OpText:
		var scratch []byte
		return packet.DecodeText3(m.data, &scratch)
	case c.old():
		return packet.DecodeBinary3(m.data)
	case m.op == ws.OpText:
		return packet.DecodeText(m.data)
	}
	return packet.Packet{Type: packet.Message, Binary: true, Data: m.data}, nil
}

// packets are those of a POST's body.
func (c *Conn) packets(b []byte, octets bool) iter.Seq2[packet.Packet, error] {
	if c.old() {
		return packet.Payload3(b, octets)
	}
	return packet.Payload(b)
}

// payload puts frames together for a poll.
func (c *Conn) payload(frames []*frame) []byte {
	switch {
	case c.old():
		var b []byte
		for _, f := range frames {
			for p := range f.packets() {
				b = packet.AppendPayload3(b, p)
			}
		}
		return b
	case len(frames) == 1:
		return frames[0].asPayload()
	}
	return appendPayload(nil, frames)
}

// wire is a frame as it goes over the client's WebSocket: the shared bytes, but
// where protocol 3 has binary in another form.
func (c *Conn) wire(f *frame) []byte {
	if !c.old() || !f.binary() {
		return f.wire
	}
	var out []byte
	for p := range f.packets() {
		op, body := ws.OpText, packet.Append(nil, p)
		switch {
		case p.Binary && c.handshake.base64:
			body = packet.AppendBase643(nil, p)
		case p.Binary:
			op, body = ws.OpBinary, packet.AppendBinary3(nil, p)
		}
		out = append(appendHeader(out, op, len(body)), body...)
	}
	return out
}

// packets are those that a frame is made of.
func (f *frame) packets() iter.Seq[packet.Packet] {
	return func(yield func(packet.Packet) bool) {
		for wire := f.wire; len(wire) > 0; {
			var p packet.Packet
			if p, wire = nextPacket(wire); !yield(p) {
				return
			}
		}
	}
}

// binary reports whether a frame holds a binary packet.
func (f *frame) binary() bool {
	for p := range f.packets() {
		if p.Binary {
			return true
		}
	}
	return false
}

// pinged answers the ping of an old client. EIO3: ping, pong. It reports false
// if the client may not ping.
func (c *Conn) pinged(data []byte) bool {
	if !c.old() {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.end == nil {
		c.beat.pinged(instantOf(time.Now()))
		_ = c.sendLocked([]Frame{{newFrame(packet.Packet{Type: packet.Pong, Data: bytes.Clone(data)})}}) // the session's end says it all
	}
	return true
}
