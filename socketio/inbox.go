package socketio

import (
	"sync"

	"snug/socketio/packet"
)

// An itemKind says what is to be done with an item of an inbox.
type itemKind uint8

const (
	itemConnect itemKind = iota // ask the application whether the socket may come in
	itemEvent
	itemLeave // tell the application that the socket has left
)

// An item is one thing that happened to a socket, to be handled in turn.
type item struct {
	kind   itemKind
	packet packet.Packet // of an event
}

// itemCost is what an item counts beside its payload, so that many tiny
// events cannot hold more memory than the limit says.
const itemCost = 160

func (it *item) cost() int {
	n := itemCost + len(it.packet.Data)
	for _, b := range it.packet.Binary {
		n += len(b)
	}
	return n
}

// An inbox holds what happened to one socket, in order. A goroutine of the
// server's crew handles it, which lives only while there is something in it.
type inbox struct {
	mu      sync.Mutex // tier 1
	items   []item     // guarded by mu; those before head are done
	head    int        // guarded by mu
	bytes   int        // guarded by mu; the cost of items from head on
	running bool       // guarded by mu; the goroutine is there
	full    bool       // guarded by mu; the connection has been told so
}

// push adds an item; it never blocks. When the inbox is full the connection
// stops reading: what may still come is what it has already read.
func (in *inbox) push(s *Socket, it item) {
	opts := &s.ns.server.opts
	in.mu.Lock()
	if in.head > len(in.items)/2 { // keep the slice from walking through memory
		n := copy(in.items, in.items[in.head:])
		clear(in.items[n:])
		in.items, in.head = in.items[:n], 0
	}
	in.items = append(in.items, it)
	in.bytes += it.cost()
	if !in.full && (len(in.items)-in.head >= opts.MaxInbox || in.bytes >= opts.MaxInboxBytes) {
		in.full = true
		s.conn.inboxFull()
	}
	start := !in.running
	in.running = true
	in.mu.Unlock()
	if start {
		s.ns.server.crew.start(s.run)
	}
}

// next takes the next item, false if there is none and the goroutine must end.
func (in *inbox) next(s *Socket) (item, bool) {
	opts := &s.ns.server.opts
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.head == len(in.items) {
		in.items, in.head, in.running = nil, 0, false // an idle socket holds no memory for it
		return item{}, false
	}
	it := in.items[in.head]
	in.items[in.head] = item{}
	in.head++
	in.bytes -= it.cost()
	// Half way down, so that a client on the edge is not stopped at each event.
	if in.full && len(in.items)-in.head <= opts.MaxInbox/2 && in.bytes <= opts.MaxInboxBytes/2 {
		in.full = false
		s.conn.inboxDrained()
	}
	return it, true
}
