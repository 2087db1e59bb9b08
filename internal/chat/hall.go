package chat

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A hall is a room in memory: from the first request for it until nobody hears
// it, nothing is under way and no grace runs. There is one at a time for a room.
type hall struct {
	s    *Service
	room Room // as it was read; what may be set of it is in live, and head is its present Head
	lane *lane

	live atomic.Pointer[Room] // what may be set is as of its Head; see learn
	head atomic.Uint32        // the newest Seq known to be committed; only rises

	present atomic.Int32 // members; kept by the lane

	refs int // requests under way, and 1 while anybody is present; guarded by s.mu

	// dirty: entries were dropped, and the lane has been asked to read them
	// from the store. Guarded by lane.mu.
	dirty bool

	mu     sync.Mutex         // tier 2
	dead   bool               // deleted, or about to be; guarded by mu
	seats  map[Identity]*seat // of those present or with a request under way; guarded by mu
	spells map[Identity]spell // of slow mode; guarded by mu

	// Owned by the lane.
	last   Seq                 // the newest entry that was published; meaningful while anybody is present
	guests map[MemberID]*guest // who is present
	roster []MemberID          // their ids, rising; nil when it has to be made anew
	top    []*guest            // those a join shows first, in a room too large to sort at every join
	topAt  time.Time           // when top was made
	window presenceWindow      // what the others have yet to be told
	parted []parting           // where those who left came from, of late; oldest first
}

// A seat is an identity in a hall, as far as requests need it.
type seat struct {
	// Guarded by hall.mu.

	// turn holds a token while a request changes the membership: they queue, so
	// that what is remembered here is what the store committed last. It is made for the first
	// of them, and let go when no request is under way: most of those present only listen.
	turn chan struct{}

	refs    int        // requests under way, and 1 while present
	loaded  bool       // m and known are what the store has
	known   bool       // there is a membership
	m       Membership // while known
	present bool       // kept by the lane
	typed   time.Time  // when it was last told that the member writes
	reading bool       // the lane has been asked to tell the read mark
	wanted  int        // those that wait in takeTurnFirst
}

// lookup finds the hall of a room, if it is in memory. The caller gets no hold on it.
func (s *Service) lookup(id RoomID) *hall {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.halls[id]
}

// acquire finds a room by its code, in memory or in the store; it must be released.
func (s *Service) acquire(ctx context.Context, code string) (*hall, error) {
	if !looksLikeCode(code) {
		return nil, errNoRoom()
	}
	key := strings.ToLower(code)
	if h := s.held(key); h != nil {
		return h.alive()
	}
	r, err := s.store.Room(ctx, key)
	if CodeOf(err) == NotFound {
		return nil, errNoRoom()
	} else if err != nil {
		return nil, failed("finding a room", err)
	}
	return s.admitted(r).alive()
}

// held adds a hold on a hall that is in memory.
func (s *Service) held(key string) *hall {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.codes[key]
	if h != nil {
		h.refs++
	}
	return h
}

// admitted is the hall of a room that was read from the store, with a hold on it.
func (s *Service) admitted(r Room) *hall {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.halls[r.ID]
	if h == nil {
		h = &hall{
			s: s, room: r, lane: s.lanes[uint64(r.ID)%uint64(len(s.lanes))],
			seats: make(map[Identity]*seat), guests: make(map[MemberID]*guest),
		}
		h.live.Store(&r)
		s.halls[r.ID] = h
		s.codes[strings.ToLower(r.Code)] = h
	}
	h.refs++
	h.raise(r.Head)
	return h
}

// alive gives h back with its hold, or, if the room is being deleted, without.
func (h *hall) alive() (*hall, error) {
	if h.isDead() {
		h.release()
		return nil, errNoRoom()
	}
	return h, nil
}

func (h *hall) isDead() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.dead
}

// presentNow counts those present, as far as the lane has got.
func (h *hall) presentNow() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, t := range h.seats {
		if t.present {
			n++
		}
	}
	return n
}

// retain adds a hold; the caller has one.
func (h *hall) retain() {
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	h.refs++
}

// release gives up a hold. With the last one the hall is forgotten.
func (h *hall) release() {
	s := h.s
	s.mu.Lock()
	defer s.mu.Unlock()
	h.refs--
	if h.refs == 0 {
		delete(s.halls, h.room.ID)
		delete(s.codes, strings.ToLower(h.room.Code))
	}
}

// raise notes that seq is committed.
func (h *hall) raise(seq Seq) {
	for {
		old := h.head.Load()
		if uint32(seq) <= old || h.head.CompareAndSwap(old, uint32(seq)) {
			return
		}
	}
}

// current is the room with what was set last: its title, how long it is kept,
// how it is guarded. It must not be changed.
func (h *hall) current() *Room { return h.live.Load() }

// learn takes over what was set, unless something later is known.
func (h *hall) learn(r *Room) {
	for {
		old := h.live.Load()
		if r.Head < old.Head || h.live.CompareAndSwap(old, r) {
			return
		}
	}
}

// info is the room as its members see it.
func (h *hall) info(head, first Seq, count int) Info {
	return h.current().info(head, first, count)
}

// info is a room as its members see it.
func (r *Room) info(head, first Seq, count int) Info {
	return Info{
		Code: r.Code, Title: r.Title, Epoch: r.Epoch, Head: head, First: first,
		CreatedAt: r.CreatedAt, Keep: r.Keep, Locked: r.Locked, Passphrase: r.Pass != nil,
		Slow: r.Slow, Count: count,
	}
}

// A visit is one request in one room: a hold on the hall and on the seat of the
// identity it is made for. It must end.
type visit struct {
	*hall
	id   Identity
	seat *seat
}

// visit finds the room and what it remembers of the session's identity. Whoever
// is not remembered there guesses the code, as far as anybody can tell.
func (s *Service) visit(ctx context.Context, c *Session, code string) (visit, error) {
	return s.visitLooking(ctx, c, code, true)
}

// visitLooking is visit. Unless it is to look, it does not ask the store for an identity that may be a stranger.
func (s *Service) visitLooking(ctx context.Context, c *Session, code string, look bool) (visit, error) {
	began := time.Now()
	refusal := s.throttle.mayGuess(c)
	v, err := s.enter(ctx, c, code, look || refusal != nil)
	if refusal != nil {
		if err == nil {
			if seat, _ := v.peek(); seat.known {
				return v, nil
			}
			v.end()
		}
		return visit{}, c.unread(ctx, began, refusal)
	}
	if CodeOf(err) == NotFound {
		s.throttle.guessed(c)
	}
	return v, err
}

// enter is visit for a code that may be guessed.
func (s *Service) enter(ctx context.Context, c *Session, code string, look bool) (visit, error) {
	h, err := s.acquire(ctx, code)
	if err != nil {
		return visit{}, err
	}
	v := visit{h, c.id, h.sit(c.id)}
	if !look {
		return v, nil
	}
	if err := s.load(ctx, v); err != nil {
		v.end()
		return visit{}, err
	}
	return v, nil
}

// load reads what the store has of the identity, unless that is known.
func (s *Service) load(ctx context.Context, v visit) error {
	if _, loaded := v.peek(); loaded {
		return nil
	}
	m, known, err := s.store.Membership(ctx, v.room.ID, v.id)
	if err != nil {
		return failed("finding a member", err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.seat.loaded { // else another request was faster, and may have changed it since
		v.seat.loaded, v.seat.known, v.seat.m = true, known, m
	}
	return nil
}

// sit adds a hold on the seat of an identity.
func (h *hall) sit(id Identity) *seat {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.seats[id]
	if t == nil {
		t = &seat{}
		h.seats[id] = t
	}
	t.refs++
	return t
}

// rise gives up a hold on a seat.
func (h *hall) rise(id Identity) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.seats[id]
	t.refs--
	switch {
	case t.refs == 0:
		delete(h.seats, id)
	case t.refs == 1 && t.present:
		t.turn = nil
	}
}

// end gives up what the visit holds.
func (v visit) end() {
	v.rise(v.id)
	v.release()
}

// peek returns what is remembered of the identity.
func (v visit) peek() (s seat, loaded bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return *v.seat, v.seat.loaded
}

// member is the membership of an identity that may speak here.
func (v visit) member() (Membership, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.seat.known || !v.seat.m.Joined {
		return Membership{}, errNotMember()
	}
	return v.seat.m, nil
}

// remember notes what the store has committed.
func (v visit) remember(m Membership) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.seat.loaded, v.seat.known, v.seat.m = true, true, m
}

// takeTurn waits for the identity's other requests that change its membership,
// and for whoever wants to put the member out.
func (v visit) takeTurn(ctx context.Context) error {
	for {
		if err := v.queue(ctx); err != nil {
			return err
		}
		v.mu.Lock()
		wanted := v.seat.wanted > 0
		v.mu.Unlock()
		if !wanted {
			return nil
		}
		v.giveTurn() // and go behind
	}
}

// takeTurnFirst is takeTurn for a moderator, who waits for the one request that is under
// way: a crowd of the member's own must not keep it from being put out.
func (v visit) takeTurnFirst(ctx context.Context) error {
	v.mu.Lock()
	v.seat.wanted++
	v.mu.Unlock()
	err := v.queue(ctx)
	v.mu.Lock()
	v.seat.wanted--
	v.mu.Unlock()
	return err
}

// queue waits for the turn, first come, first served.
func (v visit) queue(ctx context.Context) error {
	v.mu.Lock()
	if v.seat.turn == nil {
		v.seat.turn = make(chan struct{}, 1)
	}
	turn := v.seat.turn
	v.mu.Unlock()
	select {
	case turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return failed("waiting for another request of the same member", ctx.Err())
	}
}

func (v visit) giveTurn() {
	v.mu.Lock()
	turn := v.seat.turn
	v.mu.Unlock()
	<-turn
}

// leastUsed picks a color that few of those present wear; among equals, the one that
// follows from the member's id.
func (h *hall) leastUsed(id MemberID) uint8 {
	var worn [Colors]int
	h.mu.Lock()
	if len(h.seats) <= promptPresence { // in a crowd every color is worn by many
		for _, t := range h.seats {
			if t.present {
				worn[t.m.Color%Colors]++
			}
		}
	}
	h.mu.Unlock()
	least := slices.Min(worn[:])
	first := int(id[0]) + int(id[1])<<3
	for i := range Colors {
		if c := (first + i) % Colors; worn[c] == least {
			return uint8(c)
		}
	}
	return 0
}
