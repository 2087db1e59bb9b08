package engineio

import (
	"bytes"
	"errors"

	"github.com/gobwas/ws"
)

// maxFragments bounds the frames of one message, empty ones counted.
const maxFragments = 1024

// A wsMessage is a whole data message, or a control frame.
type wsMessage struct {
	op   ws.OpCode
	data []byte // valid until the decoder's next call
}

// A decoder makes messages of the bytes that a WebSocket client sends, however
// they are cut. It keeps no more than what has come of the message under way.
// RFC 6455, 5.
type decoder struct {
	limit int64 // bytes of a message

	head   [ws.MaxHeaderSize]byte
	nhead  int          // bytes of head that are there
	reader bytes.Reader // over head
	scrap  [ws.MaxHeaderSize]byte

	inBody bool      // h is complete
	h      ws.Header // of the frame under way
	got    int64     // bytes of its payload that are there

	control   []byte // payload of a control frame that came in pieces
	message   []byte // payload of the message under way
	op        ws.OpCode
	fragments int // frames of the message under way; 0 if there is none
}

// next takes bytes from b, which it may change, and returns the first message
// that they complete, with the rest of b; or ok false, when it has taken all of
// b. An error is a [*wsFault], and final.
func (d *decoder) next(b []byte) (m wsMessage, rest []byte, ok bool, err error) {
	for {
		if !d.inBody {
			if b, ok, err = d.header(b); err != nil || !ok {
				return m, nil, false, err
			}
		}
		left := d.h.Length - d.got
		n := int(min(left, int64(len(b))))
		piece, tail := b[:n], b[n:]
		ws.Cipher(piece, d.h.Mask, int(d.got))
		d.got += int64(n)
		complete := d.got == d.h.Length
		if data, done := d.body(piece, complete); done {
			return data, tail, true, nil
		}
		b = tail
		if !complete {
			return m, nil, false, nil
		}
		d.frameDone()
	}
}

// wants is how many bytes the decoder could use to complete a frame.
func (d *decoder) wants() int64 {
	if d.inBody {
		return d.h.Length - d.got
	}
	return 0
}

// header takes the bytes of a frame's header. ok says that it is complete.
func (d *decoder) header(b []byte) (rest []byte, ok bool, err error) {
	if d.op != 0 && d.fragments == 0 { // the message before has been handled
		d.message, d.op = nil, 0
	}
	b = d.fill(b, 2)
	if d.nhead < 2 {
		return nil, false, nil
	}
	if err := d.checkStart(); err != nil {
		return nil, false, err
	}
	size := headerSize(d.head[1])
	b = d.fill(b, size)
	if d.nhead < size {
		return nil, false, nil
	}
	d.reader.Reset(d.head[:size])
	h, err := ws.ReadHeaderBuffer(&d.reader, d.scrap[:])
	if err != nil {
		return nil, false, &wsFault{ws.StatusProtocolError, ReasonTransportError, err}
	}
	d.nhead, d.h, d.got, d.inBody = 0, h, 0, true
	return b, true, d.checkLength()
}

// fill moves bytes from b until the header has n.
func (d *decoder) fill(b []byte, n int) []byte {
	if d.nhead < n {
		k := copy(d.head[d.nhead:n], b)
		d.nhead += k
		b = b[k:]
	}
	return b
}

// headerSize is the length of a header whose second byte is b.
func headerSize(b byte) int {
	n := 2
	if b&0x80 != 0 {
		n += 4
	}
	switch b & 0x7f {
	case 126:
		n += 2
	case 127:
		n += 8
	}
	return n
}

// checkStart refuses by its first two bytes a frame that a client may not send.
func (d *decoder) checkStart() error {
	h := ws.Header{
		Fin:    d.head[0]&0x80 != 0,
		Rsv:    d.head[0] & 0x70 >> 4,
		OpCode: ws.OpCode(d.head[0] & 0x0f),
		Masked: d.head[1]&0x80 != 0,
		Length: int64(d.head[1] & 0x7f), // more than 125 stands for more than that
	}
	state := ws.StateServerSide
	if d.fragments > 0 {
		state = state.Set(ws.StateFragmented)
	}
	if err := ws.CheckHeader(h, state); err != nil {
		return &wsFault{ws.StatusProtocolError, ReasonTransportError, err}
	}
	return nil
}

var (
	errTooLarge  = errors.New("message too large")
	errFragments = errors.New("message of too many fragments")
)

// checkLength refuses a frame whose length is impossible or too much.
func (d *decoder) checkLength() error {
	// RFC 6455, 5.2: "the minimal number of bytes MUST be used to encode the length".
	if headerLen(int(min(d.h.Length, 1<<16))) != headerSize(d.head[1]&0x7f) {
		return protocolFault("frame length not in its shortest form")
	}
	if d.h.OpCode.IsControl() {
		return nil
	}
	if d.h.Length > d.limit-int64(len(d.message)) {
		return &wsFault{ws.StatusMessageTooBig, ReasonTransportError, errTooLarge}
	}
	if d.fragments++; d.fragments > maxFragments {
		return &wsFault{ws.StatusPolicyViolation, ReasonTransportError, errFragments}
	}
	if d.fragments == 1 {
		d.op = d.h.OpCode
	}
	return nil
}

// body takes a piece of a payload; complete says that it ends the frame. It
// returns the message that the frame ends, if it ends one.
func (d *decoder) body(piece []byte, complete bool) (wsMessage, bool) {
	held := &d.message
	if d.h.OpCode.IsControl() {
		held = &d.control
	}
	ends := complete && d.h.Fin
	if ends && len(*held) == 0 {
		// All of it is in the caller's buffer: there is nothing to put together.
		m := wsMessage{d.opcode(), piece}
		d.frameDone()
		return m, true
	}
	*held = append(*held, piece...)
	if !ends {
		return wsMessage{}, false
	}
	m := wsMessage{d.opcode(), *held}
	d.frameDone()
	return m, true
}

func (d *decoder) opcode() ws.OpCode {
	if d.h.OpCode.IsControl() {
		return d.h.OpCode
	}
	return d.op
}

// atRest reports whether the decoder keeps nothing of what it has been given, so
// that it may as well serve another connection. Messages that it has returned
// are not valid any more.
func (d *decoder) atRest() bool {
	if d.nhead > 0 || d.inBody || d.fragments > 0 {
		return false
	}
	d.message, d.op = nil, 0
	return true
}

// frameDone makes ready for the next frame.
func (d *decoder) frameDone() {
	d.inBody = false
	if d.h.OpCode.IsControl() {
		d.control = nil
	} else if d.h.Fin {
		d.fragments = 0
	}
}
