package socketio

import (
	"context"
	"fmt"
	"sync/atomic"

	"snug/engineio"
	"snug/socketio/packet"
)

// An Ack is the answer that a client waits for. Only the first Reply is sent.
// It may be used from any goroutine, and never blocks.
type Ack struct {
	socket *Socket // nil if no answer is wanted
	id     uint64
	sent   atomic.Bool
}

// noAck is handed to every handler of an event without an id.
var noAck = new(Ack)

// Wanted says whether the client asked for an answer.
func (a *Ack) Wanted() bool { return a.socket != nil }

// Reply queues the answer, in order with what else is emitted to the socket.
// It does nothing if none is wanted or one has been sent. The error tells of
// encoding, after which another Reply may be tried, or of a socket that left.
func (a *Ack) Reply(args ...any) error {
	if a.socket == nil || a.sent.Load() {
		return nil
	}
	p := a.socket.ns.header(packet.Ack)
	p.ID = a.id
	e, err := packet.EncodeAck(p, args...)
	if err != nil {
		return fmt.Errorf("socketio: encoding an acknowledgement: %w", err)
	}
	if a.sent.Swap(true) {
		return nil
	}
	return a.socket.deliver(ackFrame(e), false)
}

func ackFrame(e packet.Encoded) engineio.Frame {
	frame := engineio.NewFrame(engineio.Text, e.Text)
	if len(e.Attachments) == 0 {
		return frame
	}
	frames := []engineio.Frame{frame}
	for _, b := range e.Attachments {
		frames = append(frames, engineio.NewFrame(engineio.Binary, b))
	}
	return engineio.JoinFrames(frames...)
}

// A call is what waits for a client's acknowledgement. It is called once, with
// the ACK packet or an error, and must not block.
type call func(p packet.Packet, err error)

// expect registers a call under an id; false if the socket has left.
func (s *Socket) expect(id uint64, c call) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state.Load() == stateLeft {
		return false
	}
	if s.calls == nil {
		s.calls = map[uint64]call{}
	}
	s.calls[id] = c
	return true
}

// unexpect forgets a call that no one waits for any more; false if it has been
// settled, or soon will be.
func (s *Socket) unexpect(id uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, waiting := s.calls[id]
	delete(s.calls, id)
	return waiting
}

// settle hands an acknowledgement to who waits for it. An unknown id is
// ignored: the one who waited may have given up.
func (s *Socket) settle(p packet.Packet) {
	s.mu.Lock()
	c := s.calls[p.ID]
	if c == nil || !p.HasID {
		s.mu.Unlock()
		return
	}
	delete(s.calls, p.ID)
	s.mu.Unlock()
	c(p, nil)
}

// Call emits an event and waits for its acknowledgement, decoded as R, or for
// ctx. R may be [Args], to get all of its arguments; else it is the first of
// them. If the socket leaves first the error is [ErrDisconnected].
//
// Call must not be used before the socket is connected, that is in a middleware
// or OnConnect.
func Call[R any](ctx context.Context, s *Socket, event string, args ...any) (R, error) {
	var reply R
	got, err := s.call(ctx, event, args)
	if err != nil {
		return reply, err
	}
	if all, ok := any(&reply).(*Args); ok {
		*all = got
		return reply, nil
	}
	if err := got.Decode(&reply); err != nil {
		return reply, fmt.Errorf("socketio: acknowledgement of %s: %w", event, err)
	}
	return reply, nil
}

func (s *Socket) call(ctx context.Context, event string, args []any) (Args, error) {
	if s.state.Load() == statePending {
		return Args{}, ErrNotConnected
	}
	type answer struct {
		packet packet.Packet
		err    error
	}
	answers := make(chan answer, 1)
	p := s.ns.header(packet.Event)
	p.ID, p.HasID = s.ns.ids.Add(1)-1, true
	m, err := s.ns.encode(p, event, args)
	if err != nil {
		return Args{}, err
	}
	if !s.expect(p.ID, func(p packet.Packet, err error) { answers <- answer{p, err} }) {
		return Args{}, ErrDisconnected
	}
	defer s.unexpect(p.ID)
	if err := s.deliver(m.frame, false); err != nil {
		return Args{}, err
	}
	select {
	case a := <-answers:
		return a.packet.Args(), a.err
	case <-ctx.Done():
		return Args{}, fmt.Errorf("socketio: waiting for the acknowledgement of %s: %w", event, ctx.Err())
	}
}
