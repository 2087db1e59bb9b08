package socketio

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"sync"

	"snug/socketio/packet"
)

// A Reply is one client's acknowledgement of a broadcast.
type Reply struct {
	SocketID string
	Args     Args
}

// Call emits and yields each client's acknowledgement as it comes, until all
// have answered or ctx is done. A client that leaves without an answer is
// yielded with [ErrDisconnected] and its SocketID; if ctx ends it, or nothing
// could be sent, the last error comes with none. Nothing is sent before the
// iteration begins, and Volatile does not count.
func (t Target) Call(ctx context.Context, event string, args ...any) iter.Seq2[Reply, error] {
	return func(yield func(Reply, error) bool) {
		g := newGathering()
		defer g.close()
		if err := t.ask(ctx, g, event, args); err != nil {
			yield(Reply{}, err)
			return
		}
		for {
			r, more, err := g.next(ctx)
			if err != nil {
				yield(Reply{}, fmt.Errorf("socketio: waiting for acknowledgements of %s: %w", event, err))
				return
			}
			if !more || !yield(r.Reply, r.err) {
				return
			}
		}
	}
}

// ask sends the event to everyone in the target.
func (t Target) ask(ctx context.Context, g *gathering, event string, args []any) error {
	namespaces := []*Namespace{t.ns}
	if t.ns.match != nil {
		namespaces = t.ns.server.childrenOf(t.ns)
	}
	for _, n := range namespaces {
		t := t.in(n)
		e, err := packet.EncodeEvent(n.header(packet.Event), event, args...)
		if err != nil {
			return fmt.Errorf("socketio: encoding %s: %w", event, err)
		}
		t.askLocal(e, g)
		if err := t.askOthers(ctx, e, g); err != nil {
			return err
		}
	}
	return nil
}

// askLocal sends an encoded event to everyone on this node, with one
// acknowledgement id for all of them.
func (t Target) askLocal(e packet.Encoded, g *gathering) {
	id := t.ns.ids.Add(1) - 1
	e.Text = withID(e.Text, id)
	m := t.ns.message(e)
	for s := range t.Sockets() {
		if !s.expect(id, func(p packet.Packet, err error) { g.answer(s.id, p, err) }) {
			continue
		}
		g.expect(s, id)
		if err := s.deliver(m.frame, false); err != nil && s.unexpect(id) {
			g.answer(s.id, packet.Packet{}, ErrDisconnected)
		}
	}
}

// withID is an encoded event with an acknowledgement id.
func withID(text []byte, id uint64) []byte {
	p, err := packet.Decode(text)
	if err != nil { // cannot be: it was encoded here, or checked when it came
		return text
	}
	p.ID, p.HasID = id, true
	return packet.Encode(p)
}

// A gathering collects the answers to one broadcast.
type gathering struct {
	wake chan struct{} // one place: something has changed

	mu      sync.Mutex      // tier 0
	answers []gathered      // guarded by mu; not yet taken
	local   int             // guarded by mu; sockets here that have not answered
	asked   []askedSocket   // guarded by mu
	nodes   map[callKey]int // guarded by mu; what other nodes owe, by their id and the call's number
	release []func()        // guarded by mu; forget it among this node's calls
}

// unknown is owed by a node that has not said yet how many sockets it asks.
const unknown = -1 << 31

type gathered struct {
	Reply
	err error
}

type askedSocket struct {
	socket *Socket
	id     uint64
}

func newGathering() *gathering { return &gathering{wake: make(chan struct{}, 1)} }

func (g *gathering) signal() {
	select {
	case g.wake <- struct{}{}:
	default:
	}
}

func (g *gathering) expect(s *Socket, id uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.local++
	g.asked = append(g.asked, askedSocket{s, id})
}

// answer takes the answer of a socket on this node. It never blocks.
func (g *gathering) answer(socket string, p packet.Packet, err error) {
	g.mu.Lock()
	g.local--
	g.answers = append(g.answers, gathered{Reply{socket, p.Args()}, err})
	g.mu.Unlock()
	g.signal()
}

// expectNodes adds other nodes that will say how many sockets they ask.
func (g *gathering) expectNodes(call uint64, ids []string, release func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.nodes == nil {
		g.nodes = make(map[callKey]int, len(ids))
	}
	for _, id := range ids {
		g.nodes[callKey{id, call}] = unknown
	}
	g.release = append(g.release, release)
}

// asks takes the number of sockets that another node asks.
func (g *gathering) asks(call uint64, node string, n int) {
	g.mu.Lock()
	g.owe(callKey{node, call}, n-unknown)
	g.mu.Unlock()
	g.signal()
}

// remote takes the answer of a socket on another node.
func (g *gathering) remote(call uint64, node, socket string, p packet.Packet, err error) {
	g.mu.Lock()
	if g.owe(callKey{node, call}, -1) {
		g.answers = append(g.answers, gathered{Reply{socket, p.Args()}, err})
	}
	g.mu.Unlock()
	g.signal()
}

// owe changes what a node owes; false if it has not been asked. It must be
// called with mu locked.
func (g *gathering) owe(k callKey, n int) bool {
	owed, ok := g.nodes[k]
	if ok {
		g.nodes[k] = owed + n
	}
	return ok
}

// lost tells that a node is gone, and owes nothing any more.
func (g *gathering) lost(node string) {
	g.mu.Lock()
	maps.DeleteFunc(g.nodes, func(k callKey, _ int) bool { return k.node == node })
	g.mu.Unlock()
	g.signal()
}

// next waits for an answer; more is false when there are no others to come.
func (g *gathering) next(ctx context.Context) (r gathered, more bool, err error) {
	for {
		g.mu.Lock()
		if len(g.answers) > 0 {
			r, g.answers = g.answers[0], g.answers[1:]
			g.mu.Unlock()
			return r, true, nil
		}
		owed := g.local
		for _, n := range g.nodes {
			if n != 0 {
				owed++
			}
		}
		g.mu.Unlock()
		if owed == 0 {
			return gathered{}, false, nil
		}
		select {
		case <-g.wake:
		case <-ctx.Done():
			return gathered{}, false, ctx.Err()
		}
	}
}

// close forgets what has not been answered.
func (g *gathering) close() {
	g.mu.Lock()
	asked, release := g.asked, g.release
	g.mu.Unlock()
	for _, a := range asked {
		a.socket.unexpect(a.id)
	}
	for _, forget := range release {
		forget()
	}
}
