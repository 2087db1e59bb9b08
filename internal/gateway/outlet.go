package gateway

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"snug/internal/chat"
	"snug/internal/wire"
	"snug/socketio"
)

// An Outlet is the chat.Outlet of a namespace: a chat room is the namespace's
// room of the same code.
type Outlet struct {
	ns  *socketio.Namespace
	log *slog.Logger

	deliveries atomic.Uint64
}

// NewOutlet returns the outlet to ns.
func NewOutlet(ns *socketio.Namespace, log *slog.Logger) *Outlet { return &Outlet{ns: ns, log: log} }

// Deliveries counts the events of rooms that were queued, once for each client.
func (o *Outlet) Deliveries() uint64 { return o.deliveries.Load() }

// Announce tells every client of a Hush, or with nil that it is over.
func (o *Outlet) Announce(q *chat.Hush) {
	m, err := o.ns.Encode(string(wire.TellNotice), wire.NewNotice(q))
	if err != nil {
		o.log.Error("encoding an event", "event", wire.TellNotice, "err", err)
		return
	}
	o.send(o.ns.All().Local(), m)
}

// Publish implements chat.Outlet. Each event is encoded once; those that
// everybody gets are sent as one message, so that a batch is one write for each
// connection.
func (o *Outlet) Publish(room string, events []chat.Event) {
	var batch []socketio.Message
	flush := func() {
		if len(batch) > 0 {
			to := o.ns.To(channel(room)).Local()
			o.deliveries.Add(uint64(len(batch) * to.Count()))
			o.send(to, socketio.JoinMessages(batch...))
			batch = batch[:0]
		}
	}
	for _, e := range events {
		m, ok := encode(o.ns, e, o.log)
		if !ok {
			continue
		}
		typing, ok := e.(*chat.Typing)
		if !ok {
			batch = append(batch, m)
			continue
		}
		flush() // what came before it goes before it
		own := make([]string, 0, len(typing.But))
		for _, ear := range typing.But {
			if c, ok := ear.(*conn); ok {
				own = append(own, c.socket.ID())
			}
		}
		o.send(o.ns.To(channel(room)).Except(own...).Local().Volatile(), m)
	}
	flush()
}

// Due implements chat.Outlet.
func (o *Outlet) Due(room string, while time.Duration) time.Duration {
	return o.ns.Due(channel(room), while)
}

// send never blocks: the target is this node's.
func (o *Outlet) send(t socketio.Target, m socketio.Message) {
	if err := t.Send(context.Background(), m); err != nil {
		o.log.Error("sending to a room", "err", err)
	}
}

// encode makes the message of an event; ok is false if it cannot be made,
// which is a fault of ours and logged here.
func encode(ns *socketio.Namespace, e chat.Event, log *slog.Logger) (m socketio.Message, ok bool) {
	name, body, ok := wire.NewEvent(e)
	if !ok {
		log.Error("an event has no place in the protocol", "type", e)
		return m, false
	}
	m, err := ns.Encode(string(name), body)
	if err != nil {
		log.Error("encoding an event", "event", name, "err", err)
		return m, false
	}
	return m, true
}

// channel is the namespace's room of those who hear a chat room. No code holds
// a colon, and no socket's id, which is a namespace's room too, begins like this.
func channel(code string) string { return "room:" + code }
