package socketio

import (
	"encoding/binary"
	"errors"
)

// An envelopeKind says what nodes tell each other.
type envelopeKind uint8

const (
	kindHello      envelopeKind = iota + 1 // a node is there
	kindBye                                // it goes
	kindEmit                               // send parts to the target
	kindJoin                               // the target joins the rooms in names
	kindLeave                              // the target leaves them
	kindDisconnect                         // the target is disconnected; flag: all of its connections
	kindCall                               // send parts to the target and tell of the answers
	kindAsks                               // so many sockets are asked here
	kindAnswer                             // one has answered; flag: it has left instead
	kindForget                             // no one waits for the call any more
)

// An envelope is what an Adapter carries. Fields that a kind has no use for
// are empty, and cost a byte.
type envelope struct {
	kind      envelopeKind
	node      string // who says it
	namespace string

	// The target.
	some, volatile bool
	rooms, except  []string

	flag   bool
	names  []string
	parts  []part
	to     string // of an answer: the node that asked
	call   uint64 // its number there
	count  uint64
	socket string
}

const envelopeVersion = 1

var errEnvelope = errors.New("socketio: malformed packet between nodes")

// append writes the envelope:
//
//	version kind flags node namespace rooms except names parts to call count socket
//
// with numbers as unsigned varints, and each string, list and part after its length.
func (e *envelope) append(dst []byte) []byte {
	var flags byte
	for i, set := range [...]bool{e.some, e.volatile, e.flag} {
		if set {
			flags |= 1 << i
		}
	}
	dst = append(dst, envelopeVersion, byte(e.kind), flags)
	dst = appendString(dst, e.node)
	dst = appendString(dst, e.namespace)
	for _, list := range [...][]string{e.rooms, e.except, e.names} {
		dst = binary.AppendUvarint(dst, uint64(len(list)))
		for _, s := range list {
			dst = appendString(dst, s)
		}
	}
	dst = binary.AppendUvarint(dst, uint64(len(e.parts)))
	for _, p := range e.parts {
		kind := byte(0)
		if p.binary {
			kind = 1
		}
		dst = appendString(append(dst, kind), string(p.data))
	}
	dst = appendString(dst, e.to)
	dst = binary.AppendUvarint(dst, e.call)
	dst = binary.AppendUvarint(dst, e.count)
	return appendString(dst, e.socket)
}

func appendString(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// parseEnvelope reads what append writes. Its parts alias b.
func parseEnvelope(b []byte) (envelope, error) {
	r := envelopeReader{b: b}
	if r.byte() != envelopeVersion {
		return envelope{}, errEnvelope
	}
	e := envelope{kind: envelopeKind(r.byte())}
	flags := r.byte()
	e.some, e.volatile, e.flag = flags&1 != 0, flags&2 != 0, flags&4 != 0
	e.node = string(r.bytes())
	e.namespace = string(r.bytes())
	for _, list := range [...]*[]string{&e.rooms, &e.except, &e.names} {
		for range r.length() {
			*list = append(*list, string(r.bytes()))
		}
	}
	for range r.length() {
		e.parts = append(e.parts, part{binary: r.byte() == 1, data: r.bytes()})
	}
	e.to = string(r.bytes())
	e.call = r.number()
	e.count = r.number()
	e.socket = string(r.bytes())
	if r.bad || len(r.b) > 0 || flags > 7 || e.kind < kindHello || e.kind > kindForget {
		return envelope{}, errEnvelope
	}
	return e, nil
}

// An envelopeReader reads until something is wrong; from then on it reads nothing.
type envelopeReader struct {
	b   []byte
	bad bool
}

func (r *envelopeReader) fail() {
	r.b, r.bad = nil, true
}

func (r *envelopeReader) byte() byte {
	if len(r.b) == 0 {
		r.fail()
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

func (r *envelopeReader) number() uint64 {
	n, size := binary.Uvarint(r.b)
	if size <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[size:]
	return n
}

// length is the number of items that follow, each of at least one byte.
func (r *envelopeReader) length() int {
	n := r.number()
	if n > uint64(len(r.b)) {
		r.fail()
		return 0
	}
	return int(n)
}

func (r *envelopeReader) bytes() []byte {
	n := r.length()
	b := r.b[:n:n]
	r.b = r.b[n:]
	return b
}
