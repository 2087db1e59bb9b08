package socketio

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"sync/atomic"

	"snug/engineio"
	"snug/socketio/packet"
)

// The states of a socket, in the order in which it goes through them.
const (
	statePending  uint32 = iota // the application has not said yet whether it may come in
	stateAdmitted               // CONNECT has been answered
	stateLeft                   // it has left, or was refused
)

// A Socket is one client in one namespace. It may be used from any goroutine.
type Socket struct {
	// Static after construction.
	id   string
	ns   *Namespace
	conn *connection
	auth json.RawMessage

	life  lifetime
	inbox inbox

	admitted bool // OnConnect returned nil; owned by run

	// state is changed under mu only.
	state atomic.Uint32

	mu     sync.Mutex      // tier 1
	kept   *kept           // guarded by mu; nil unless something has to wait for its admission
	reason Reason          // guarded by mu; why it left
	calls  map[uint64]call // guarded by mu; acknowledgements that are waited for
	value  any             // guarded by mu; the application's

	roomsMu sync.Mutex // tier 3: room locks are taken under it
	rooms   []*room    // guarded by roomsMu; kept when it leaves
	gone    bool       // guarded by roomsMu; no room may be joined any more
}

// A kept is what has to wait until a socket is admitted.
type kept struct {
	frames []engineio.Frame // what was emitted
	bytes  int              // their length
	kicked bool             // it was disconnected
}

// keep returns what waits, to be added to. It must be called with mu locked, while pending.
func (s *Socket) keep() *kept {
	if s.kept == nil {
		s.kept = &kept{}
	}
	return s.kept
}

// A Handshake is what the client said when it connected.
type Handshake struct {
	*engineio.Handshake
	Auth json.RawMessage // the CONNECT packet's object, nil if none
}

func newSocket(n *Namespace, c *connection, auth json.RawMessage) *Socket {
	return &Socket{id: newID(), ns: n, conn: c, auth: auth}
}

// newID is a public id: unique, and no more than a name.
func newID() string {
	var b [15]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// ID is public, and differs from the engine's secret sid. As a room it is the
// one that only this socket is in.
func (s *Socket) ID() string { return s.id }

// Namespace is where the socket is; for one that came by way of a pattern
// it has the name that the client asked for.
func (s *Socket) Namespace() *Namespace { return s.ns }

// Handshake is what the client said when it connected. It must not be changed.
func (s *Socket) Handshake() Handshake { return Handshake{s.conn.eio.Handshake(), s.auth} }

// Transport is what carries the connection now, "polling" or "websocket".
func (s *Socket) Transport() string { return s.conn.eio.Transport() }

// Context is done when the socket leaves, for whatever reason.
func (s *Socket) Context() context.Context { return socketContext{&s.life} }

// Join adds the socket to rooms. It does nothing after the socket has left.
func (s *Socket) Join(rooms ...string) {
	s.roomsMu.Lock()
	defer s.roomsMu.Unlock()
	if s.gone {
		return
	}
	for _, name := range rooms {
		if r := s.ns.index.join(name, s); r != nil {
			s.rooms = append(s.rooms, r)
		}
	}
}

// Leave removes the socket from rooms. When it has returned, nothing sent to
// them reaches the socket any more.
func (s *Socket) Leave(rooms ...string) {
	s.roomsMu.Lock()
	defer s.roomsMu.Unlock()
	if s.gone {
		return
	}
	for _, name := range rooms {
		i := slices.IndexFunc(s.rooms, func(r *room) bool { return r.name == name })
		if i < 0 {
			continue
		}
		s.ns.index.leave(s.rooms[i], s)
		s.rooms = slices.Delete(s.rooms, i, i+1)
	}
}

// Rooms are the rooms that the socket is in; after it has left, those that it
// was in last.
func (s *Socket) Rooms() iter.Seq[string] {
	s.roomsMu.Lock()
	rooms := slices.Clone(s.rooms)
	s.roomsMu.Unlock()
	return func(yield func(string) bool) {
		for _, r := range rooms {
			if !yield(r.name) {
				return
			}
		}
	}
}

// Emit queues an event for this client. It never blocks.
func (s *Socket) Emit(event string, args ...any) error {
	m, err := s.ns.Encode(event, args...)
	if err != nil {
		return err
	}
	return s.deliver(m.frame, false)
}

// Send queues messages encoded before, in order. It never blocks.
func (s *Socket) Send(m Message) error {
	if m.ns == nil {
		return nil
	}
	if !m.fits(s.ns) {
		return errForeign
	}
	return s.deliver(m.frame, false)
}

// Broadcast is everyone in the namespace but this socket.
func (s *Socket) Broadcast() Target { return s.ns.All().Except(s.id) }

// deliver queues a frame. It never blocks.
func (s *Socket) deliver(f engineio.Frame, volatile bool) error {
	switch s.state.Load() {
	case stateAdmitted:
		send := s.conn.eio.Send
		if volatile {
			send = s.conn.eio.SendVolatile
		}
		if err := send(f); err != nil { // the session has ended, and the socket is about to learn it
			return fmt.Errorf("%w: %w", ErrDisconnected, err)
		}
		return nil
	case statePending:
		return s.hold(f, volatile)
	}
	return ErrDisconnected
}

// hold keeps what is emitted before the CONNECT answer, which must be first.
func (s *Socket) hold(f engineio.Frame, volatile bool) error {
	s.mu.Lock()
	switch s.state.Load() {
	case stateAdmitted: // meanwhile
		s.mu.Unlock()
		return s.deliver(f, volatile)
	case stateLeft:
		s.mu.Unlock()
		return ErrDisconnected
	}
	defer s.mu.Unlock()
	if volatile {
		return nil
	}
	k := s.keep()
	if k.bytes += f.Len(); k.bytes > s.ns.server.opts.Engine.MaxOutbox {
		s.conn.eio.Close(engineio.ReasonSlow)
		return ErrDisconnected
	}
	k.frames = append(k.frames, f)
	return nil
}

// run handles what is in the inbox, until it is empty.
func (s *Socket) run() {
	for it, ok := s.inbox.next(s); ok; it, ok = s.inbox.next(s) {
		if !s.ns.server.guard(it.packet.Name, func() { s.handle(it) }) {
			// Not a DISCONNECT, after which clients stay away.
			s.conn.eio.Close(engineio.ReasonForcedClose)
		}
		if it.kind == itemLeave {
			s.conn.finished()
		}
	}
}

func (s *Socket) handle(it item) {
	switch it.kind {
	case itemConnect:
		if err := s.ns.admit(s.Context(), s); err != nil {
			s.refuse(err)
			return
		}
		s.admitted = true
		s.open()
	case itemEvent:
		if s.admitted {
			s.dispatch(it.packet)
		}
	case itemLeave:
		if s.admitted && s.ns.onDisconnect != nil {
			s.ns.onDisconnect(s, s.leftBecause())
		}
	}
}

// dispatch hands an event to its handler.
func (s *Socket) dispatch(p packet.Packet) {
	ack := noAck
	if p.HasID {
		ack = &Ack{socket: s, id: p.ID}
	}
	h := s.ns.events[p.Name]
	if h == nil {
		if s.ns.onUnknown != nil {
			s.ns.onUnknown(s.Context(), s, p.Name, ack)
		}
		return
	}
	err := h(s.Context(), s, p.Args(), ack)
	if err == nil {
		return
	}
	if s.ns.onError == nil {
		s.ns.server.log.Warn("socketio: handler failed", "namespace", s.ns.name, "event", p.Name, "socket", s.id, "error", err)
		return
	}
	if reply, ok := s.ns.onError(s, err); ok {
		if err := ignoreLeft(ack.Reply(reply)); err != nil {
			s.ns.server.log.Error("socketio: reply of OnError", "event", p.Name, "error", err)
		}
	}
}

// ignoreLeft drops the error of answering a client that is no longer there.
func ignoreLeft(err error) error {
	if errors.Is(err, ErrDisconnected) {
		return nil
	}
	return err
}

// open answers CONNECT, and lets go what was emitted meanwhile.
func (s *Socket) open() {
	s.roomsMu.Lock()
	if !s.gone {
		s.ns.index.enter(s)
		s.ns.server.sockets.Add(1)
	}
	s.roomsMu.Unlock()
	s.mu.Lock()
	if s.state.Load() != statePending {
		s.mu.Unlock()
		return // it left meanwhile
	}
	k := s.keep()
	frames := append(make([]engineio.Frame, 0, 1+len(k.frames)), s.conn.connectFrame(s))
	// If the connection has closed, HandleClose is on its way.
	_ = s.conn.eio.Send(append(frames, k.frames...)...)
	s.kept = nil
	s.state.Store(stateAdmitted)
	s.mu.Unlock()
	s.hear()
	s.conn.admitted()
	if k.kicked {
		s.Disconnect(false)
	}
}

// hear has the socket, which has just been admitted, hear the groups of its
// rooms, instead of holding what is sent to them.
func (s *Socket) hear() {
	s.roomsMu.Lock()
	defer s.roomsMu.Unlock()
	if s.gone {
		return
	}
	s.ns.index.all.attach(s)
	for _, r := range s.rooms {
		r.attach(s)
	}
}

// refuse answers CONNECT with the error.
func (s *Socket) refuse(err error) {
	if s.leave("", false) {
		s.conn.finished()
		// If the connection has closed there is no one to tell.
		_ = s.conn.eio.Send(s.conn.refusalFrame(s.ns.name, s.ns.refusal(err)))
	}
}

// leave takes the socket out of everything it is in; false if it has left
// already. With tell the application is told, after all that came before.
func (s *Socket) leave(reason Reason, tell bool) bool {
	s.mu.Lock()
	if s.state.Load() == stateLeft {
		s.mu.Unlock()
		return false
	}
	s.state.Store(stateLeft)
	s.reason = reason
	calls := s.calls
	s.calls, s.kept = nil, nil
	s.mu.Unlock()
	s.life.end()

	s.roomsMu.Lock()
	s.gone = true
	for _, r := range s.rooms {
		s.ns.index.leave(r, s)
	}
	if s.ns.index.exit(s) {
		s.ns.server.sockets.Add(-1)
	}
	s.roomsMu.Unlock()

	for _, c := range calls {
		c(packet.Packet{}, ErrDisconnected)
	}
	s.conn.forget(s)
	s.ns.server.release(s.ns)
	if tell {
		s.inbox.push(s, item{kind: itemLeave})
	}
	return true
}

func (s *Socket) leftBecause() Reason {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reason
}

// Disconnect leaves the namespace, or with all the whole connection. The
// client is told, so that it does not come back by itself. It never blocks.
func (s *Socket) Disconnect(all bool) {
	if all {
		for _, other := range s.conn.all() {
			other.Disconnect(false)
		}
		s.conn.eio.Close(engineio.ReasonForcedClose)
		return
	}
	s.mu.Lock()
	if s.state.Load() == statePending {
		// CONNECT must be answered first.
		s.keep().kicked = true
		s.mu.Unlock()
		s.life.end()
		return
	}
	s.mu.Unlock()
	if s.leave(ReasonServerDisconnect, true) {
		_ = s.conn.eio.Send(textFrame(s.ns.header(packet.Disconnect))) // as in refuse
	}
}
