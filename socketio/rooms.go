package socketio

import (
	"sync"

	"snug/engineio"
)

// An index knows which sockets are in which room of a namespace.
//
// Each room has a lock of its own, held for reading while something is sent
// to its members, which never blocks: so a member that has been removed gets
// nothing more, and a large room does not hold up the others.
type index struct {
	// Static once the server serves.
	engine *engineio.Server
	paced  bool
	all    *room // every admitted socket

	mu      sync.RWMutex       // tier 2; never held while a room's is taken
	rooms   map[string]*room   // guarded by mu
	sockets map[string]*Socket // guarded by mu; admitted, by id
}

// A room is a set of sockets with a name.
type room struct {
	name string
	refs int // members, and sockets about to be; guarded by the index's mu

	// group is the members that have been admitted: what is sent to all of them
	// goes there. Static.
	group *engineio.Group

	mu      sync.RWMutex                 // tier 2
	members map[*Socket]*engineio.Member // guarded by mu; nil for those that hold what they get
	holding int                          // guarded by mu; how many those are
}

func (x *index) newRoom(name string) *room {
	return &room{name: name, group: x.engine.NewGroup(x.paced), members: map[*Socket]*engineio.Member{}}
}

func (x *index) init(e *engineio.Server, paced bool) {
	x.engine, x.paced = e, paced
	x.rooms, x.sockets = map[string]*room{}, map[string]*Socket{}
	x.all = x.newRoom("")
}

// pace sets whether rooms are paced. It must be called before there is one.
func (x *index) pace() {
	x.paced = true
	x.all = x.newRoom("")
}

// enter adds an admitted socket.
func (x *index) enter(s *Socket) {
	x.mu.Lock()
	x.sockets[s.id] = s
	x.mu.Unlock()
	x.all.add(s)
}

// exit removes a socket that enter has added, and says whether it had.
func (x *index) exit(s *Socket) bool {
	x.mu.Lock()
	_, entered := x.sockets[s.id]
	delete(x.sockets, s.id)
	x.mu.Unlock()
	if entered {
		x.all.remove(s)
	}
	return entered
}

// join adds a socket to a room; nil if it is there already.
func (x *index) join(name string, s *Socket) *room {
	x.mu.Lock()
	r := x.rooms[name]
	if r == nil {
		r = x.newRoom(name)
		x.rooms[name] = r
	}
	r.refs++
	x.mu.Unlock()
	if !r.add(s) {
		x.unref(r)
		return nil
	}
	return r
}

// leave removes a socket from a room that join has added it to.
func (x *index) leave(r *room, s *Socket) {
	r.remove(s)
	x.unref(r)
}

// unref forgets a room when its last member is gone.
func (x *index) unref(r *room) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if r.refs--; r.refs == 0 {
		delete(x.rooms, r.name)
	}
}

func (x *index) socket(id string) *Socket {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.sockets[id]
}

// find is what a name stands for: a room, a socket by its id, or, as far as
// the application has chosen its names so, both.
func (x *index) find(name string) (*room, *Socket) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.rooms[name], x.sockets[name]
}

// add adds a member; false if it is one. One that has not been admitted yet
// holds what it gets until attach.
func (r *room) add(s *Socket) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.members[s]; ok {
		return false
	}
	if s.state.Load() == stateAdmitted {
		r.members[s] = r.group.Add(s.conn.eio)
	} else {
		r.members[s] = nil
		r.holding++
	}
	return true
}

// attach has a member that has been admitted hear the room's group.
func (r *room) attach(s *Socket) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m, ok := r.members[s]; ok && m == nil {
		r.members[s] = r.group.Add(s.conn.eio)
		r.holding--
	}
}

func (r *room) remove(s *Socket) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m, ok := r.members[s]
	if !ok {
		return
	}
	delete(r.members, s)
	if m == nil {
		r.holding--
	} else {
		m.Leave()
	}
}

// send queues a frame for every member.
func (r *room) send(f engineio.Frame) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	r.group.Send(f)
	if r.holding == 0 {
		return
	}
	for s, m := range r.members {
		if m == nil {
			_ = s.deliver(f, false) // one that cannot take it is about to leave, which is told elsewhere
		}
	}
}
