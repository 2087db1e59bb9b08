package socketio

import (
	"context"
	"iter"
	"slices"
	"sync"

	"snug/engineio"
)

// A Target is a set of sockets to send to. It is a value: each method returns
// a changed copy and changes nothing.
//
// What a Target stands for is looked up when it is used: the sockets that are
// in its rooms then, each of them once.
type Target struct {
	ns       *Namespace
	some     bool     // only those in rooms
	rooms    []string // union
	except   []string
	local    bool
	volatile bool
}

// All is everyone in the namespace.
func (n *Namespace) All() Target { return Target{ns: n} }

// To is those who are in at least one of the rooms. The id of a socket is the
// name of a room that only that socket is in. To without any room is nobody.
func (n *Namespace) To(rooms ...string) Target { return n.All().To(rooms...) }

// To adds those who are in at least one of the rooms; used on everyone, it is
// only those.
func (t Target) To(rooms ...string) Target {
	t.rooms, t.some = slices.Concat(t.rooms, rooms), true
	return t
}

// Except takes away those who are in at least one of the rooms.
func (t Target) Except(rooms ...string) Target {
	t.except = slices.Concat(t.except, rooms)
	return t
}

// Local is those on this node alone.
func (t Target) Local() Target {
	t.local = true
	return t
}

// Volatile is the same sockets, but what is sent may be lost: a client that is
// not ready to take it at once does not get it.
func (t Target) Volatile() Target {
	t.volatile = true
	return t
}

// Emit encodes the event once and queues it for every socket of the target.
// The error tells of encoding and of the adapter, never of a single client.
// It never blocks, but for the adapter.
func (t Target) Emit(ctx context.Context, event string, args ...any) error {
	if t.ns.match == nil {
		m, err := t.ns.Encode(event, args...)
		if err != nil {
			return err
		}
		return t.Send(ctx, m)
	}
	for _, n := range t.ns.server.childrenOf(t.ns) {
		if err := t.in(n).Emit(ctx, event, args...); err != nil {
			return err
		}
	}
	return nil
}

// Send is Emit of a message encoded before.
func (t Target) Send(ctx context.Context, m Message) error {
	if m.ns == nil {
		return nil
	}
	if !m.fits(t.ns) {
		return errForeign
	}
	t.deliver(m.frame)
	return t.publish(ctx, envelope{kind: kindEmit, parts: m.parts})
}

// in is the target of the same rooms in another namespace.
func (t Target) in(n *Namespace) Target {
	t.ns = n
	return t
}

// Join adds the sockets of the target to rooms.
func (t Target) Join(ctx context.Context, rooms ...string) error {
	for s := range t.Sockets() {
		s.Join(rooms...)
	}
	return t.publish(ctx, envelope{kind: kindJoin, names: rooms})
}

// Leave removes the sockets of the target from rooms.
func (t Target) Leave(ctx context.Context, rooms ...string) error {
	for s := range t.Sockets() {
		s.Leave(rooms...)
	}
	return t.publish(ctx, envelope{kind: kindLeave, names: rooms})
}

// Disconnect disconnects the sockets of the target, as [Socket.Disconnect] does.
func (t Target) Disconnect(ctx context.Context, all bool) error {
	for s := range t.Sockets() {
		s.Disconnect(all)
	}
	return t.publish(ctx, envelope{kind: kindDisconnect, flag: all})
}

// Sockets are the sockets of the target on this node, as they are at the call.
func (t Target) Sockets() iter.Seq[*Socket] {
	var sockets []*Socket
	if t.ns.match != nil {
		for _, n := range t.ns.server.childrenOf(t.ns) {
			sockets = slices.AppendSeq(sockets, t.in(n).Sockets())
		}
		return slices.Values(sockets)
	}
	t.each(func(s *Socket) { sockets = append(sockets, s) })
	return slices.Values(sockets)
}

// Count is how many sockets the target is on this node. For one room, or
// everyone, it costs no more than looking that up.
func (t Target) Count() int {
	if len(t.except) == 0 && t.ns.match == nil {
		r := t.ns.index.all
		var only *Socket
		if len(t.rooms) == 1 {
			r, only = t.ns.index.find(t.rooms[0])
		}
		if len(t.rooms) <= 1 && t.some == (len(t.rooms) == 1) && r != nil && only == nil {
			r.mu.RLock()
			defer r.mu.RUnlock()
			return len(r.members)
		}
	}
	n := 0
	for range t.Sockets() {
		n++
	}
	return n
}

// deliver queues a frame for the sockets of the target on this node. It
// allocates nothing for each of them.
func (t Target) deliver(f engineio.Frame) {
	x := &t.ns.index
	// The common cases need no set of who has had it: everyone or one room,
	// but for at most one socket.
	var but *Socket
	simple := len(t.rooms) <= 1 && len(t.except) <= 1
	if simple && len(t.except) == 1 {
		var r *room
		r, but = x.find(t.except[0])
		simple = r == nil
	}
	switch {
	case !simple:
		t.each(func(s *Socket) { _ = s.deliver(f, t.volatile) })
	case !t.some:
		x.all.deliver(f, t.volatile, but)
	case len(t.rooms) == 1:
		r, only := x.find(t.rooms[0])
		if r != nil && only != nil {
			t.each(func(s *Socket) { _ = s.deliver(f, t.volatile) })
		} else if r != nil {
			r.deliver(f, t.volatile, but)
		} else if only != nil && only != but {
			_ = only.deliver(f, t.volatile)
		}
	}
}

// deliver queues a frame for every member but one, which may be nil. A member that
// cannot take it is about to leave, which is told elsewhere.
func (r *room) deliver(f engineio.Frame, volatile bool, but *Socket) {
	if !volatile && but == nil {
		r.send(f)
		return
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	for s := range r.members {
		if s != but {
			_ = s.deliver(f, volatile)
		}
	}
}

// sets are reused by each.
var sets = sync.Pool{New: func() any { return map[*Socket]struct{}{} }}

// keepSet is the number of sockets up to which a set is worth keeping.
const keepSet = 1 << 14

// each calls f once for each socket of the target on this node, with its room
// locked: f must not block, nor join or leave a room.
func (t Target) each(f func(*Socket)) {
	x := &t.ns.index
	done := sets.Get().(map[*Socket]struct{})
	defer func() {
		if len(done) <= keepSet {
			clear(done)
			sets.Put(done)
		}
	}()
	for _, name := range t.except {
		r, s := x.find(name)
		if s != nil {
			done[s] = struct{}{}
		}
		if r != nil {
			r.each(func(s *Socket) { done[s] = struct{}{} })
		}
	}
	once := func(s *Socket) {
		if _, ok := done[s]; !ok {
			done[s] = struct{}{}
			f(s)
		}
	}
	if !t.some {
		x.all.each(once)
		return
	}
	for _, name := range t.rooms {
		r, s := x.find(name)
		if r != nil {
			r.each(once)
		}
		if s != nil {
			once(s)
		}
	}
}

func (r *room) each(f func(*Socket)) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for s := range r.members {
		f(s)
	}
}
