package socketio

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"snug/engineio"
	"snug/socketio/packet"
)

// A Namespace is one endpoint multiplexed over the connections of a Server.
// Its handlers must be set before the server serves.
type Namespace struct {
	// Static after construction.
	server *Server
	name   string
	match  func(string) bool // of a pattern
	parent *Namespace        // the pattern that this one came of
	*table

	index index
	ids   atomic.Uint64 // acknowledgement ids given out

	clients int  // sockets, admitted or not; guarded by server.mu
	pinned  bool // the application holds it; guarded by server.mu
}

// A table is what a namespace does with its sockets. It is static once the
// server serves, and shared by the namespaces of a pattern.
type table struct {
	middleware   []func(context.Context, *Socket) error
	onConnect    func(context.Context, *Socket) error
	onDisconnect func(*Socket, Reason)
	onError      func(*Socket, error) (any, bool)
	onUnknown    func(context.Context, *Socket, string, *Ack)
	events       map[string]Handler
	paced        bool
}

func newNamespace(s *Server, name string, t *table) *Namespace {
	n := &Namespace{server: s, name: name, table: t}
	n.index.init(s.engine, t.paced)
	return n
}

// own is the namespace's table, to be changed: one that came of a pattern gets
// a copy of the pattern's at the first change.
func (n *Namespace) own() *table {
	if n.parent != nil && n.table == n.parent.table {
		t := *n.table
		t.events = maps.Clone(t.events)
		n.table = &t
	}
	return n.table
}

// Name is the namespace's name, "/" for the main one, and "" for one that
// [Server.OfFunc] returned.
func (n *Namespace) Name() string { return n.name }

// Pace lets a busy room wait a moment between writes, so that more messages share
// one: no longer than twice what a write to all of its members takes, and 100 ms
// at most. A room that has been quiet is written to at once. It changes no
// order, and halves the cost of large rooms in which much is said. [Namespace.Due]
// tells of the wait.
func (n *Namespace) Pace() {
	n.own().paced = true
	n.index.pace()
}

// Due is how long it will be, by what is known now, until what is sent to a room
// of this node in a while from now is written to its members. It is more than
// while only where the namespace is paced and the room is busy: who collects
// messages for it until then, to store them together, delays nobody.
func (n *Namespace) Due(room string, while time.Duration) time.Duration {
	if r, _ := n.index.find(room); r != nil {
		return r.group.Due(while)
	}
	return while
}

// Use adds a middleware, run in order before OnConnect; an error refuses the
// socket as an error of OnConnect does.
func (n *Namespace) Use(f func(context.Context, *Socket) error) {
	t := n.own()
	t.middleware = append(slices.Clip(t.middleware), f)
}

// OnConnect sets the function that admits sockets. An error refuses the socket:
// the client gets CONNECT_ERROR with the error's text and Data where it is a
// [*ConnectError], else with "internal error". What it emits is sent after the
// CONNECT answer. The socket receives no event before it returns. It may block:
// only this socket waits for it.
func (n *Namespace) OnConnect(f func(context.Context, *Socket) error) { n.own().onConnect = f }

// OnDisconnect sets the function called once per admitted socket, last of all,
// after the handler under way has returned.
func (n *Namespace) OnDisconnect(f func(*Socket, Reason)) { n.own().onDisconnect = f }

// OnError sets what turns a handler's error into the acknowledgement's argument;
// ok false: no acknowledgement. By default none is sent and the error is logged.
func (n *Namespace) OnError(f func(*Socket, error) (reply any, ok bool)) { n.own().onError = f }

// OnUnknown sets the handler of events that have none. By default they are ignored.
func (n *Namespace) OnUnknown(f func(ctx context.Context, s *Socket, event string, ack *Ack)) {
	n.own().onUnknown = f
}

// Handle sets the handler of an event by name. Handlers of one socket are
// called one at a time, in the order in which its events came, and never on
// the goroutine that reads the connection: a handler may wait for an acknowledgement.
func (n *Namespace) Handle(event string, h Handler) {
	t := n.own()
	if t.events == nil {
		t.events = map[string]Handler{}
	}
	t.events[event] = h
}

// Socket returns the socket with that id if it is connected to this node, else nil.
func (n *Namespace) Socket(id string) *Socket { return n.index.socket(id) }

// header is the beginning of a packet to this namespace.
func (n *Namespace) header(t packet.Type) packet.Packet {
	return packet.Packet{Type: t, Namespace: n.name}
}

// admit asks the application about a socket.
func (n *Namespace) admit(ctx context.Context, s *Socket) error {
	for _, f := range n.middleware {
		if err := f(ctx, s); err != nil {
			return err
		}
	}
	if n.onConnect == nil {
		return nil
	}
	return n.onConnect(ctx, s)
}

// refusal is what the client is told for what admit returned.
func (n *Namespace) refusal(err error) *ConnectError {
	said := &ConnectError{Message: "internal error"}
	if !errors.As(err, &said) {
		n.server.log.Error("socketio: refused a socket", "namespace", n.name, "error", err)
	}
	return said
}

// refusalFrame is the packet that refuses a namespace.
// SIO5: Connection to a namespace, "in case the connection is refused".
func refusalFrame(name string, e *ConnectError, s *Server) engineio.Frame {
	type refused struct {
		Message string `json:"message"`
		Data    any    `json:"data,omitempty"`
	}
	data, err := packet.Marshal(refused{e.Message, e.Data})
	if err != nil {
		// Data is the application's, and may be what cannot be encoded.
		s.log.Error("socketio: data of a ConnectError", "namespace", name, "error", err)
		data, _ = packet.Marshal(refused{Message: e.Message}) // a string always can
	}
	return textFrame(packet.Packet{Type: packet.ConnectError, Namespace: name, Data: data})
}

// textFrame is the frame of a packet without attachments.
func textFrame(p packet.Packet) engineio.Frame {
	return engineio.NewFrame(engineio.Text, packet.Encode(p))
}

// connectFrame is the packet that admits a socket.
func (n *Namespace) connectFrame(id string) engineio.Frame {
	p := n.header(packet.Connect)
	p.Data = json.RawMessage(`{"sid":"` + id + `"}`)
	return textFrame(p)
}
