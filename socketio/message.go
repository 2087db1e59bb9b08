package socketio

import (
	"fmt"

	"snug/engineio"
	"snug/socketio/packet"
)

// A Message is one or more events encoded once for a namespace, to be sent to
// any number of its sockets. It is immutable. The zero Message holds no event.
type Message struct {
	ns    *Namespace
	frame engineio.Frame
	parts []part // what the frame is made of, if there are other nodes to tell
	mixed bool   // joined from messages of several namespaces
}

// A part is one message of the engine's.
type part struct {
	binary bool
	data   []byte
}

// Encode makes the message of one event. Its arguments are encoded by the
// rules of [encoding/json], without HTML escapes; each []byte in them becomes
// an attachment, and must not be changed afterwards.
func (n *Namespace) Encode(event string, args ...any) (Message, error) {
	return n.encode(n.header(packet.Event), event, args)
}

func (n *Namespace) encode(header packet.Packet, event string, args []any) (Message, error) {
	if n.match != nil {
		return Message{}, errForeign // a pattern has no name to write
	}
	e, err := packet.EncodeEvent(header, event, args...)
	if err != nil {
		return Message{}, fmt.Errorf("socketio: encoding %s: %w", event, err)
	}
	return n.message(e), nil
}

func (n *Namespace) message(e packet.Encoded) Message {
	m := Message{ns: n, frame: engineio.NewFrame(engineio.Text, e.Text)}
	if n.server.node != nil {
		m.parts = append(make([]part, 0, 1+len(e.Attachments)), part{data: e.Text})
	}
	if len(e.Attachments) == 0 {
		return m
	}
	frames := append(make([]engineio.Frame, 0, 1+len(e.Attachments)), m.frame)
	for _, b := range e.Attachments {
		frames = append(frames, engineio.NewFrame(engineio.Binary, b))
		if m.parts != nil {
			m.parts = append(m.parts, part{binary: true, data: b})
		}
	}
	m.frame = engineio.JoinFrames(frames...)
	return m
}

// JoinMessages makes one message of several, in order: one write for each
// socket. They must be of one namespace, else Send refuses the result.
func JoinMessages(m ...Message) Message {
	var joined Message
	frames := make([]engineio.Frame, 0, len(m))
	for _, m := range m {
		if m.ns == nil {
			continue
		}
		joined.mixed = joined.mixed || m.mixed || joined.ns != nil && joined.ns != m.ns
		joined.ns = m.ns
		joined.parts = append(joined.parts, m.parts...)
		frames = append(frames, m.frame)
	}
	joined.frame = engineio.JoinFrames(frames...)
	return joined
}

// fits says whether the message may be sent in a namespace.
func (m *Message) fits(n *Namespace) bool {
	// A pattern's namespace may have gone and come back meanwhile.
	return !m.mixed && (m.ns == n || m.ns.name == n.name && m.ns.server == n.server)
}
