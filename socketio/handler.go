package socketio

import (
	"context"

	"snug/socketio/packet"
)

// A Handler serves one event. It answers through ack, at once or later, from
// any goroutine; ack is never nil, and does nothing where the client asked for none.
//
// ctx is done when the socket leaves. Events that came before that are still
// handed over; a handler that must do its work all the same takes
// [context.WithoutCancel]. A panic is logged, and closes the connection.
type Handler func(ctx context.Context, s *Socket, args Args, ack *Ack) error

// Args are the arguments of an event or of an acknowledgement, not yet decoded.
type Args = packet.Args

// On sets a typed handler for an event with one argument. A client that asked
// for an acknowledgement gets an empty one when f returns without an error.
//
// A missing argument counts as null, so that T may be struct{} for an event
// that has none; others than the first are ignored. What cannot be decoded is
// an error of the handler, an [*ArgsError].
func On[T any](n *Namespace, event string, f func(ctx context.Context, s *Socket, arg T) error) {
	n.Handle(event, func(ctx context.Context, s *Socket, args Args, ack *Ack) error {
		arg, err := decodeArg[T](event, args)
		if err != nil {
			return err
		}
		if err := f(ctx, s, arg); err != nil {
			return err
		}
		return ignoreLeft(ack.Reply())
	})
}

// OnCall is On with a typed acknowledgement: what f returns.
func OnCall[T, R any](n *Namespace, event string, f func(ctx context.Context, s *Socket, arg T) (R, error)) {
	n.Handle(event, func(ctx context.Context, s *Socket, args Args, ack *Ack) error {
		arg, err := decodeArg[T](event, args)
		if err != nil {
			return err
		}
		reply, err := f(ctx, s, arg)
		if err != nil {
			return err
		}
		return ignoreLeft(ack.Reply(reply))
	})
}

// OnAck is On for a handler that takes its acknowledgement along and answers
// later, from any goroutine: reply queues the answer and never blocks; only
// its first call counts. If f returns an error it must not have replied.
func OnAck[T, R any](n *Namespace, event string, f func(ctx context.Context, s *Socket, arg T, reply func(R)) error) {
	n.Handle(event, func(ctx context.Context, s *Socket, args Args, ack *Ack) error {
		arg, err := decodeArg[T](event, args)
		if err != nil {
			return err
		}
		return f(ctx, s, arg, func(r R) {
			if err := ignoreLeft(ack.Reply(r)); err != nil {
				s.ns.server.log.Error("socketio: reply", "event", event, "error", err)
			}
		})
	})
}

func decodeArg[T any](event string, args Args) (arg T, err error) {
	if err := args.Decode(&arg); err != nil {
		return arg, &ArgsError{event, err}
	}
	return arg, nil
}
