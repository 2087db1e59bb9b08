package packet

import (
	"bytes"
	"cmp"
)

// An Assembler puts packets together from the messages of a connection, which
// must be given to it in their order. The zero value is ready. It is not safe
// for concurrent use.
type Assembler struct {
	pending *Packet // nil unless it waits for attachments: that is seldom, and there is one of these for each connection
}

// Text takes a text message. done is false if attachments must follow. The
// packet aliases b, but for one whose attachments are still to come.
func (a *Assembler) Text(b []byte) (p Packet, done bool, err error) {
	return a.TextWithin(b, DefaultDepth)
}

// TextWithin is Text, of a packet whose JSON may be nested depth deep, at most
// MaxDepth; DefaultDepth if it is zero.
func (a *Assembler) TextWithin(b []byte, depth int) (p Packet, done bool, err error) {
	if a.Waiting() {
		return Packet{}, false, errUnfinished
	}
	if len(b) > 0 && (b[0] == '0'+wireBinaryEvent || b[0] == '0'+wireBinaryAck) {
		b = bytes.Clone(b)
	}
	if p, err = decode(b, min(cmp.Or(depth, DefaultDepth), MaxDepth)); err != nil {
		return Packet{}, false, err
	}
	if p.Attachments > 0 {
		a.pending = new(p)
		return Packet{}, false, nil
	}
	return p, true, nil
}

// Binary takes a binary message, a copy of it. done is true with the packet's last.
func (a *Assembler) Binary(b []byte) (p Packet, done bool, err error) {
	if !a.Waiting() {
		return Packet{}, false, errUnannounced
	}
	// Not nil even if it is empty: nil would be encoded as null.
	a.pending.Binary = append(a.pending.Binary, append([]byte{}, b...))
	if len(a.pending.Binary) < a.pending.Attachments {
		return Packet{}, false, nil
	}
	p = *a.pending
	a.Drop()
	return p, true, nil
}

// Waiting says whether a packet waits for attachments.
func (a *Assembler) Waiting() bool { return a.pending != nil }

// Drop forgets the packet that waits for attachments, if there is one.
func (a *Assembler) Drop() { *a = Assembler{} }
