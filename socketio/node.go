package socketio

import (
	"context"
	"fmt"
	"sync"
	"time"

	"snug/engineio"
	"snug/socketio/packet"
)

// How nodes know of each other.
const (
	helloInterval = 5 * time.Second
	peerTimeout   = 3 * helloInterval
)

// maxNotes is how many answers may wait to be published before others are
// lost, as the adapter may lose them too.
const maxNotes = 4096

// A node is a server's part of the cluster.
type node struct {
	// Static after construction.
	id      string
	server  *Server
	adapter Adapter
	notes   chan envelope // what must not block where it is said; published by run

	mu       sync.Mutex                // tier 3
	peers    map[string]time.Time      // guarded by mu; the other nodes, and when they were last heard
	calls    map[uint64]*gathering     // guarded by mu; calls of this node
	nextCall uint64                    // guarded by mu
	asked    map[callKey][]askedSocket // guarded by mu; sockets here asked by other nodes
}

// A callKey names a call of another node.
type callKey struct {
	node string
	call uint64
}

func newNode(s *Server, a Adapter) *node {
	return &node{
		id:      newID(),
		server:  s,
		adapter: a,
		notes:   make(chan envelope, maxNotes),
		peers:   map[string]time.Time{},
		calls:   map[uint64]*gathering{},
		asked:   map[callKey][]askedSocket{},
	}
}

// run serves the cluster until ctx is done.
func (n *node) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() { n.talk(ctx) })
	if err := n.adapter.Subscribe(ctx, n.receive); err != nil && ctx.Err() == nil {
		return fmt.Errorf("socketio: adapter: %w", err)
	}
	return nil
}

// talk publishes notes, and tells the others from time to time that this node
// is there.
func (n *node) talk(ctx context.Context) {
	ticker := time.NewTicker(helloInterval)
	defer ticker.Stop()
	n.note(envelope{kind: kindHello})
	for {
		select {
		case e := <-n.notes:
			if err := n.publish(ctx, e); err != nil && ctx.Err() == nil {
				n.server.log.Warn("socketio: telling the other nodes", "error", err)
			}
		case <-ticker.C:
			n.forgetSilent()
			n.note(envelope{kind: kindHello})
		case <-ctx.Done():
			bye, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			_ = n.publish(bye, envelope{kind: kindBye}) // else they find out by themselves
			return
		}
	}
}

func (n *node) publish(ctx context.Context, e envelope) error {
	e.node = n.id
	return n.adapter.Publish(ctx, e.append(nil))
}

// note has something published soon. It never blocks.
func (n *node) note(e envelope) {
	select {
	case n.notes <- e:
	default:
	}
}

// publish tells the other nodes to do what has been done on this one.
func (t Target) publish(ctx context.Context, e envelope) error {
	n := t.ns.server.node
	if n == nil || t.local {
		return nil
	}
	if t.ns.match != nil {
		for _, child := range t.ns.server.childrenOf(t.ns) {
			if err := t.in(child).publish(ctx, e); err != nil {
				return err
			}
		}
		return nil
	}
	if err := n.publish(ctx, t.address(e)); err != nil {
		return fmt.Errorf("socketio: publish: %w", err)
	}
	return nil
}

func (t Target) address(e envelope) envelope {
	e.namespace = t.ns.name
	e.some, e.volatile, e.rooms, e.except = t.some, t.volatile, t.rooms, t.except
	return e
}

// target is the target that the envelope tells of, on this node; false if
// no one here is in that namespace.
func (n *node) target(e *envelope) (Target, bool) {
	ns := n.server.known(e.namespace)
	return Target{ns: ns, local: true, some: e.some, volatile: e.volatile, rooms: e.rooms, except: e.except}, ns != nil
}

// receive does what another node asks for. It never blocks.
func (n *node) receive(b []byte) {
	e, err := parseEnvelope(b)
	if err != nil {
		n.server.log.Error("socketio: from another node", "error", err)
		return
	}
	if e.node == n.id {
		return
	}
	n.heard(&e)
	switch e.kind {
	case kindBye:
		n.lost(e.node)
		return
	case kindAsks, kindAnswer:
		n.answered(&e)
		return
	case kindForget:
		n.forget(callKey{e.node, e.call})
		return
	case kindHello:
		return
	}
	t, ok := n.target(&e)
	if !ok {
		if e.kind == kindCall {
			n.note(envelope{kind: kindAsks, to: e.node, call: e.call})
		}
		return
	}
	ctx := context.Background() // local targets wait for nothing
	switch e.kind {
	case kindEmit:
		t.deliver(frameOf(e.parts))
	case kindJoin:
		_ = t.Join(ctx, e.names...)
	case kindLeave:
		_ = t.Leave(ctx, e.names...)
	case kindDisconnect:
		_ = t.Disconnect(ctx, e.flag)
	case kindCall:
		n.ask(t, &e)
	}
}

func frameOf(parts []part) engineio.Frame {
	frames := make([]engineio.Frame, len(parts))
	for i, p := range parts {
		frames[i] = engineio.NewFrame(engineio.Text, p.data)
		if p.binary {
			frames[i] = engineio.NewFrame(engineio.Binary, p.data)
		}
	}
	return engineio.JoinFrames(frames...)
}

// heard notes that a node is there, and greets it if it is new.
func (n *node) heard(e *envelope) {
	n.mu.Lock()
	_, known := n.peers[e.node]
	n.peers[e.node] = time.Now()
	n.mu.Unlock()
	if !known {
		n.note(envelope{kind: kindHello})
	}
}

// forgetSilent drops nodes that have not been heard of for a while.
func (n *node) forgetSilent() {
	var silent []string
	n.mu.Lock()
	for id, last := range n.peers {
		if time.Since(last) > peerTimeout {
			silent = append(silent, id)
		}
	}
	n.mu.Unlock()
	for _, id := range silent {
		n.lost(id)
	}
}

// lost tells that a node is gone: it neither answers nor asks any more.
func (n *node) lost(id string) {
	n.mu.Lock()
	delete(n.peers, id)
	waiting := make([]*gathering, 0, len(n.calls))
	for _, g := range n.calls {
		waiting = append(waiting, g)
	}
	var asked []callKey
	for k := range n.asked {
		if k.node == id {
			asked = append(asked, k)
		}
	}
	n.mu.Unlock()
	for _, g := range waiting {
		g.lost(id)
	}
	for _, k := range asked {
		n.forget(k)
	}
}

// askOthers sends an encoded event to everyone on the other nodes.
func (t Target) askOthers(ctx context.Context, e packet.Encoded, g *gathering) error {
	n := t.ns.server.node
	if n == nil || t.local {
		return nil
	}
	call := n.begin(g)
	return t.publish(ctx, envelope{kind: kindCall, call: call, parts: t.ns.message(e).parts})
}

// begin registers a call that every node known now must answer.
func (n *node) begin(g *gathering) (call uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	call = n.nextCall
	n.nextCall++
	n.calls[call] = g
	peers := make([]string, 0, len(n.peers))
	for id := range n.peers {
		peers = append(peers, id)
	}
	g.expectNodes(call, peers, func() { n.end(call) })
	return call
}

// end forgets a call that no one waits for any more.
func (n *node) end(call uint64) {
	n.mu.Lock()
	delete(n.calls, call)
	n.mu.Unlock()
	n.note(envelope{kind: kindForget, call: call})
}

// answered takes what another node says about a call of this one.
func (n *node) answered(e *envelope) {
	if e.to != n.id {
		return
	}
	n.mu.Lock()
	g := n.calls[e.call]
	n.mu.Unlock()
	if g == nil {
		return
	}
	if e.kind == kindAsks {
		g.asks(e.call, e.node, int(e.count))
		return
	}
	if e.flag {
		g.remote(e.call, e.node, e.socket, packet.Packet{}, ErrDisconnected)
		return
	}
	p := packet.Packet{Type: packet.Ack}
	for i, part := range e.parts {
		if i == 0 {
			p.Data = part.data
		} else {
			p.Binary = append(p.Binary, part.data)
		}
	}
	g.remote(e.call, e.node, e.socket, p, nil)
}

// ask sends another node's event to everyone here, and notes the answers.
func (n *node) ask(t Target, e *envelope) {
	if len(e.parts) == 0 || e.parts[0].binary {
		return
	}
	id := t.ns.ids.Add(1) - 1
	parts := append([]part{{data: withID(e.parts[0].data, id)}}, e.parts[1:]...)
	frame := frameOf(parts)
	var sockets []askedSocket
	for s := range t.Sockets() {
		sockets = append(sockets, askedSocket{s, id})
	}
	key := callKey{e.node, e.call}
	n.mu.Lock()
	n.asked[key] = sockets
	n.mu.Unlock()
	// Before the answers: the notes are published in order.
	n.note(envelope{kind: kindAsks, to: e.node, call: e.call, count: uint64(len(sockets))})
	for _, a := range sockets {
		answer := envelope{kind: kindAnswer, to: e.node, call: e.call, socket: a.socket.id}
		left := answer
		left.flag = true
		expected := a.socket.expect(id, func(p packet.Packet, err error) {
			if err != nil {
				n.note(left)
				return
			}
			answer := answer
			answer.parts = []part{{data: p.Data}}
			for _, b := range p.Binary {
				answer.parts = append(answer.parts, part{binary: true, data: b})
			}
			n.note(answer)
		})
		if !expected || a.socket.deliver(frame, false) != nil && a.socket.unexpect(id) {
			n.note(left)
		}
	}
}

// forget drops what is left of a call of another node.
func (n *node) forget(k callKey) {
	n.mu.Lock()
	asked := n.asked[k]
	delete(n.asked, k)
	n.mu.Unlock()
	for _, a := range asked {
		a.socket.unexpect(a.id)
	}
}
