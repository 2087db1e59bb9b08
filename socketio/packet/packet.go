// Package packet reads and writes the packets of Socket.IO protocol 5: bytes
// in, values out, and back. It knows nothing of connections.
//
// A packet is a line of text, followed by as many binary attachments as the
// line announces:
//
//	<type>[<attachments>-][<namespace>,][<ack id>][<JSON>]
//
// [Decode] reads the line, an [Assembler] puts lines and attachments together,
// [EncodeEvent], [EncodeAck] and [Encode] write them.
package packet

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
	"unicode"
	"unicode/utf8"
)

// A Type says what a packet is for.
//
// BINARY_EVENT (5) and BINARY_ACK (6) have no Type of their own: they are an
// Event or an Ack whose header announces attachments.
type Type uint8

// The types of packets, with their numbers on the wire.
const (
	Connect      Type = 0 // asks for a namespace, and grants it
	Disconnect   Type = 1 // leaves a namespace
	Event        Type = 2 // an event: its name and arguments
	Ack          Type = 3 // the answer to an event that carried an id
	ConnectError Type = 4 // refuses a namespace

	wireBinaryEvent = 5
	wireBinaryAck   = 6
)

// Limits of what is read, and written.
const (
	// DefaultDepth is how deep a packet's JSON may be nested, its outermost array
	// or object counted, unless an Assembler is told otherwise.
	DefaultDepth = 32
	// MaxDepth is the most that it can be told.
	MaxDepth = 64
	// MaxAttachments is how many attachments one packet may have; it is what
	// the reference implementation's decoder accepts.
	MaxAttachments = 10
)

// ErrMalformed is what every error of reading a packet wraps. The peer does
// not follow the protocol, and its connection should be closed.
var ErrMalformed = errors.New("malformed packet")

var (
	errEmpty       = fmt.Errorf("%w: empty", ErrMalformed)
	errUTF8        = fmt.Errorf("%w: not UTF-8", ErrMalformed)
	errType        = fmt.Errorf("%w: unknown type", ErrMalformed)
	errAttachments = fmt.Errorf("%w: bad number of attachments", ErrMalformed)
	errPlaceholder = fmt.Errorf("%w: placeholder without attachment", ErrMalformed)
	errNamespace   = fmt.Errorf("%w: control character in the namespace", ErrMalformed)
	errID          = fmt.Errorf("%w: bad acknowledgement id", ErrMalformed)
	errPayload     = fmt.Errorf("%w: payload does not fit the type", ErrMalformed)
	errReserved    = fmt.Errorf("%w: reserved event name", ErrMalformed)
	errUnfinished  = fmt.Errorf("%w: text while an attachment is awaited", ErrMalformed)
	errUnannounced = fmt.Errorf("%w: unannounced attachment", ErrMalformed)
)

// A Packet is one packet, read or to be written.
type Packet struct {
	Type      Type
	Namespace string // begins with a slash; "/" is the main one
	ID        uint64 // acknowledgement id, if HasID
	HasID     bool

	// Attachments is how many attachments the header announces, 0 to MaxAttachments.
	Attachments int
	// Binary are the attachments, once an Assembler has them all.
	Binary [][]byte

	Name string // an Event's name; a number stands as it was written
	Data []byte // JSON, nil if there is none; of an Event all of its array
}

// Args are the arguments of an Event or an Ack. They alias Data and Binary.
func (p *Packet) Args() Args {
	items := splitArray(p.Data)
	if p.Type == Event && len(items) > 0 {
		items = items[1:]
	}
	return Args{items: items, binary: p.Binary}
}

// Reserved says whether an event must not have this name, because a
// Socket.IO implementation somewhere gives it a meaning of its own.
func Reserved(name string) bool {
	switch name {
	case "connect", "connect_error", "disconnect", "disconnecting",
		"newListener", "removeListener", "error":
		return true
	}
	return false
}

// Decode reads the text part of a packet. The result aliases b. Its error
// wraps [ErrMalformed].
//
// All of the JSON is checked here, its depth included, so that nothing that
// is done with it later can fail on its syntax or run out of stack.
func Decode(b []byte) (Packet, error) { return decode(b, DefaultDepth) }

// decode is Decode, of JSON that is nested depth deep at most.
func decode(b []byte, depth int) (Packet, error) {
	if len(b) == 0 {
		return Packet{}, errEmpty
	}
	// A payload may be passed on as it is, and a WebSocket peer must close a
	// connection that brings it bad UTF-8 (RFC 6455, 8.1).
	if !utf8.Valid(b) {
		return Packet{}, errUTF8
	}
	p := Packet{Namespace: "/"}
	rest := b[1:]
	var err error
	switch t := b[0] - '0'; t {
	case wireBinaryEvent, wireBinaryAck:
		p.Type = Type(t - wireBinaryEvent + uint8(Event))
		if p.Attachments, rest, err = cutAttachments(rest); err != nil {
			return Packet{}, err
		}
	case uint8(Connect), uint8(Disconnect), uint8(Event), uint8(Ack), uint8(ConnectError):
		p.Type = Type(t)
	default:
		return Packet{}, errType
	}
	if len(rest) > 0 && rest[0] == '/' {
		// SIO5: "the namespace is only included if it is different from the
		// main namespace"; without payload the comma may be absent.
		name, after, _ := bytes.Cut(rest, []byte(","))
		if bytes.ContainsFunc(name, unicode.IsControl) {
			// One of them, 0x1E, separates packets in a polling payload, and
			// the name is said back to the client.
			return Packet{}, errNamespace
		}
		p.Namespace, rest = string(name), after
	}
	if p.ID, p.HasID, rest, err = cutID(rest); err != nil {
		return Packet{}, err
	}
	if len(rest) > 0 {
		p.Data = rest
	}
	if err := p.check(depth); err != nil {
		return Packet{}, err
	}
	return p, nil
}

// cutAttachments reads the "2-" of a binary packet.
func cutAttachments(b []byte) (n int, rest []byte, err error) {
	digits, rest, found := bytes.Cut(b, []byte("-"))
	if !found || len(digits) == 0 || len(digits) > 2 || digits[0] == '0' {
		return 0, nil, errAttachments
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, nil, errAttachments
		}
		n = n*10 + int(c-'0')
	}
	if n > MaxAttachments {
		return 0, nil, errAttachments
	}
	return n, rest, nil
}

// cutID reads the digits of an acknowledgement id, if there are any.
func cutID(b []byte) (id uint64, has bool, rest []byte, err error) {
	i := 0
	for ; i < len(b) && b[i] >= '0' && b[i] <= '9'; i++ {
		d := uint64(b[i] - '0')
		if id > (math.MaxUint64-d)/10 {
			return 0, false, nil, errID
		}
		id = id*10 + d
	}
	return id, i > 0, b[i:], nil
}

// check verifies that the payload is what the type asks for, and fills Name.
func (p *Packet) check(depth int) error {
	s := scanner{b: p.Data, most: depth, places: p.Attachments > 0}
	if p.Data != nil {
		if err := s.document(); err != nil {
			return err
		}
	}
	for _, at := range s.found {
		if at.num < 0 || at.num >= p.Attachments {
			return errPlaceholder
		}
	}
	kind := firstByte(p.Data)
	switch p.Type {
	case Connect:
		if kind != 0 && kind != '{' {
			return errPayload
		}
	case Disconnect:
		if kind != 0 {
			return errPayload
		}
	case ConnectError:
		if kind != 0 && kind != '{' && kind != '"' {
			return errPayload
		}
	case Ack:
		// SIO5: "The payload is mandatory and MUST be an array (possibly empty)."
		if kind != '[' {
			return errPayload
		}
	case Event:
		// SIO5: "The payload is mandatory and MUST be a non-empty array."
		if kind != '[' {
			return errPayload
		}
		return p.checkName()
	}
	return nil
}

// checkName reads the first item of an event's array: a string or a number.
func (p *Packet) checkName() error {
	item := firstItem(p.Data)
	switch c := firstByte(item); {
	case c == '"':
		name, ok := unquote(item)
		if !ok {
			return errPayload
		}
		p.Name = name
	case c == '-' || c >= '0' && c <= '9':
		p.Name = string(item)
	default:
		return errPayload
	}
	if Reserved(p.Name) {
		return errReserved
	}
	return nil
}

// Encode writes the text part of a packet from its fields, Data as it is.
func Encode(p Packet) []byte {
	// Type, count, commas and id need at most 25 bytes.
	return append(p.appendHeader(make([]byte, 0, 25+len(p.Namespace)+len(p.Data))), p.Data...)
}

// appendHeader writes all of the text part that comes before the JSON.
func (p *Packet) appendHeader(dst []byte) []byte {
	t := uint8(p.Type)
	if p.Attachments > 0 {
		t += wireBinaryEvent - uint8(Event)
	}
	dst = append(dst, '0'+t)
	if p.Attachments > 0 {
		dst = strconv.AppendInt(dst, int64(p.Attachments), 10)
		dst = append(dst, '-')
	}
	if p.Namespace != "/" && p.Namespace != "" {
		dst = append(dst, p.Namespace...)
		dst = append(dst, ',')
	}
	if p.HasID {
		dst = strconv.AppendUint(dst, p.ID, 10)
	}
	return dst
}
