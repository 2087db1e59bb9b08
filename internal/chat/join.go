package chat

import (
	"context"
	"slices"
	"time"
)

// A JoinRequest asks to hear a room and to be a member of it.
type JoinRequest struct {
	Room       string
	Name       string
	Passphrase string
	Key        string // the owner key
	After      *Cursor
	Limit      int // 0: 50
}

// Joined answers a JoinRequest.
type Joined struct {
	Info    Info
	You     Member
	Members []Member // at most 200: yourself, owners, moderators, the most recently active
	Count   int
	Page    Page
	Read    Seq
	Unread  int // at most unreadMost
	Reset   bool
	Mine    map[Seq][]string // the viewer's own reactions

	MutedUntil time.Time // zero: not muted
}

// unreadMost is where the unread messages stop being counted.
const unreadMost = 1000

// Join adds hearing. answer is called on the room's lane: after it, and never
// before, the session's Ear is attached and hears from Page.Head + 1 on. Join
// returns when the answer was given, so that the next request of the session finds it a member.
func (s *Service) Join(ctx context.Context, c *Session, r JoinRequest, answer func(Joined, error)) {
	if !s.gate.enter() {
		answer(Joined{}, errShuttingDown())
		return
	}
	defer s.gate.leave()
	if err := s.join(ctx, c, r, answer); err != nil {
		answer(Joined{}, err)
	}
}

// join answers only if it returns nil.
func (s *Service) join(ctx context.Context, c *Session, r JoinRequest, answer func(Joined, error)) error {
	if r.Limit < 0 {
		return errField("limit", "limit is not negative")
	}
	if r.Key != "" { // before the turn, which a pause must not keep from others
		if err := s.throttle.mayGuess(c); err != nil {
			return c.unread(ctx, time.Now(), err)
		}
	}
	v, err := s.visitLooking(ctx, c, r.Room, !c.isNew()) // for one that is new admit looks, with the write
	if err != nil {
		return err
	}
	defer v.end()
	if err := v.takeTurn(ctx); err != nil {
		return err
	}
	defer v.giveTurn()
	fresh, err := c.enter(v.hall, s.limits.RoomsPerSocket)
	if err != nil {
		return err
	}
	remembered, err := s.admit(ctx, c, v, r)
	if err == nil {
		j := joining{visit: v, c: c, r: r, remembered: remembered, answer: answer}
		done := make(chan error, 1)
		if v.lane.push(func() { done <- j.run() }) {
			err = <-done
		} else {
			err = errShuttingDown()
		}
	}
	if err != nil && fresh {
		c.forget(v.hall)
	}
	return err
}

// admit makes the identity a member, durably, or refuses it. remembered: it was
// one before. The caller has the identity's turn.
func (s *Service) admit(ctx context.Context, c *Session, v visit, r JoinRequest) (remembered bool, err error) {
	known, loaded := v.peek()
	if !loaded && !s.takesStrangers(v) {
		if err := s.load(ctx, v); err != nil {
			return false, err
		}
		known, loaded = v.peek()
	}
	next := known.m
	owner := v.room.Creator == v.id && !known.known
	if r.Key != "" {
		if !v.room.isOwnerKey(r.Key) {
			s.throttle.guessed(c)
			return false, &Error{Code: Forbidden, Field: "key", Message: "this is not the room's owner key"}
		}
		owner = true
	}
	// A passphrase is not asked of a remembered member until it is changed ("Names").
	trusted := owner || known.known && known.m.Role == RoleOwner // who could change it
	if v.current().Pass != nil && !trusted && (!known.known || known.m.PassRev != v.current().PassRev) {
		if err := s.challenge(ctx, c, r.Passphrase, v.current().Pass); err != nil {
			return false, err
		}
	}
	if loaded {
		if err := s.mayEnter(ctx, c, v, owner); err != nil {
			return false, err
		}
	}
	if most := s.limits.Members; int(v.present.Load()) >= most && !known.present && !owner && known.m.Role != RoleOwner {
		return false, &Error{Code: Full, Retry: true, Limit: most, Scope: ScopeRoom, Message: "the room is full"}
	}
	if v.current().Locked && !known.known && !owner { // no new members; known ones return
		return false, &Error{Code: Locked, Message: "the room takes no new members"}
	}
	if !known.known {
		next = Membership{Room: v.room.ID, Identity: v.id, Role: RoleMember}
		next.ID = v.room.memberID(v.id)
		next.Color = v.leastUsed(next.ID)
	}
	if owner {
		next.Role, next.Muted = RoleOwner, time.Time{}
	}
	next.Joined, next.PassRev = true, v.current().PassRev
	next.Kicked, next.Banned = time.Time{}, time.Time{} // over
	if !known.present || next.Name == "" {              // else the name does not count: `you` is the truth
		if err := s.giveName(&next, r.Name); err != nil {
			return false, err
		}
	}
	if known.known && next == known.m {
		s.store.Touch(v.room.ID, v.id, s.now(), 0)
		return true, nil
	}
	next.Seen = s.now()
	if !loaded {
		err := s.admitStranger(ctx, c, next, v, owner)
		if CodeOf(err) != Conflict {
			return false, err
		}
		if err := s.load(ctx, v); err != nil { // it told others its token, and they were here
			return false, err
		}
		return s.admit(ctx, c, v, r)
	}
	// Waited for whatever becomes of ctx: what is remembered here must be what was committed.
	if err := s.store.SaveMembership(context.WithoutCancel(ctx), next, s.nameFree()); err != nil {
		return false, s.nameRefused(ctx, v, next.Name, failed("saving a member", err))
	}
	v.remember(next)
	return known.known, nil
}

// takesStrangers reports whether a room takes everybody who is not banned: who is a stranger makes no difference then.
func (s *Service) takesStrangers(v visit) bool {
	room := v.current()
	return room.Pass == nil && !room.Locked && int(v.present.Load()) < s.limits.Members
}

// admitStranger makes an identity a member that is thought to be none yet. Conflict: it is one.
func (s *Service) admitStranger(ctx context.Context, c *Session, m Membership, v visit, owner bool) error {
	var from Trace
	if !owner {
		from, _ = v.room.trace(c.from)
	}
	now := s.now()
	until, err := s.store.Admit(context.WithoutCancel(ctx), m, s.nameFree(), from, now)
	if err == nil && until.IsZero() || CodeOf(err) == Conflict {
		c.isKnown()
	}
	if CodeOf(err) == Conflict {
		return err
	}
	if err != nil {
		return s.nameRefused(ctx, v, m.Name, failed("saving a member", err))
	}
	if err := errStrangers(until, now); err != nil {
		return err
	}
	v.remember(m)
	return nil
}

// errStrangers refuses who comes from where somebody was banned, nil if that is over.
func errStrangers(until, now time.Time) error {
	return errSanctioned(Banned, until, now, "somebody was banned from the room, and strangers are not let in from the same place")
}

// mayEnter refuses who is banned ("only after the right passphrase"). Whoever
// has the owner key is above that.
func (s *Service) mayEnter(ctx context.Context, c *Session, v visit, owner bool) error {
	if owner {
		return nil
	}
	now := s.now()
	if known, _ := v.peek(); known.known {
		return known.m.barred(now)
	}
	from, ok := v.room.trace(c.from)
	if !ok {
		return nil
	}
	until, err := s.store.Barred(ctx, v.room.ID, from, now)
	if err != nil {
		return failed("looking for a ban", err)
	}
	return errStrangers(until, now)
}

// challenge asks for the passphrase.
func (s *Service) challenge(ctx context.Context, c *Session, given string, stored []byte) error {
	ok := false
	if given != "" {
		if err := s.throttle.mayGuess(c); err != nil {
			return c.unread(ctx, time.Now(), err)
		}
		var err error
		if ok, err = s.checkPassphrase(ctx, given, stored); err != nil {
			return failed("checking a passphrase", err)
		}
		if !ok {
			s.throttle.guessed(c)
		}
	}
	if !ok {
		return &Error{Code: WrongPassphrase, Field: "passphrase", Message: "the passphrase is wrong"}
	}
	return nil
}

// A joining is a join on the lane.
type joining struct {
	visit
	c          *Session
	r          JoinRequest
	remembered bool
	answer     func(Joined, error)
}

// run answers the join and attaches the session behind the answer. It answers
// only if it returns nil.
func (j *joining) run() error {
	h := j.hall
	if h.isDead() {
		return errNoRoom()
	}
	if j.c.isClosed() {
		return errClosed()
	}
	page, err := h.view(HistoryRequest{After: j.r.After, Limit: j.r.Limit}, h.readShared)
	if err != nil {
		return failed("reading a page", err)
	}
	mine, err := h.mineNow(j.c.id, page.Page)
	if err != nil {
		return err
	}
	// What the page shows and those who hear the room have not been shown yet
	// must go to them before this session is one of them.
	if len(h.guests) > 0 {
		h.fill(page.Head)
		h.lane.flush()
	} else {
		h.last = page.Head
	}
	h.raise(page.Head)

	m, _ := j.peek()
	quiet := j.remembered && j.r.After != nil && time.Since(h.s.started) < quietStart
	g := h.arrive(j.c, m.m, quiet)
	joined := Joined{
		Info: h.info(page.Head, page.First, len(h.guests)), You: g.member,
		Members: h.membersFor(g), Count: len(h.guests),
		Page: page.Page, Read: m.m.Read, Unread: h.unread(page, m.m.Read), Reset: page.reset,
		Mine: mine, MutedUntil: h.s.mutedUntil(m.m.Muted),
	}
	j.answer(joined, nil)
	if !slices.Contains(g.sessions, j.c) {
		g.sessions = append(g.sessions, j.c)
		j.c.ear.Attach(h.room.Code)
	}
	if len(h.window.order) > 0 && !slices.Contains(h.window.fresh, j.c) {
		h.window.fresh = append(h.window.fresh, j.c)
	}
	return nil
}

// mineNow is mine on the lane.
func (h *hall) mineNow(id Identity, p Page) (map[Seq][]string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), storePatience)
	defer cancel()
	return h.mine(ctx, id, p)
}

// readShared reads a page for a join on the lane. A page that was read for one
// join serves the others that were queued with it, but no later ones: those may
// follow an acknowledgement of another node that this one has not heard of.
func (h *hall) readShared(q PageQuery) (Page, error) {
	key := sharedKey{h, q.Limit}
	if page, ok := h.lane.shared[key]; ok && q.After == nil && len(h.guests) > 0 && page.Head == h.last {
		return page, nil
	}
	page, err := h.read(q)
	if err == nil && len(h.guests) > 0 && page.Head < h.last {
		err = &Error{Code: StorageUnavailable, Retry: true, Message: "the store is behind"}
	}
	if err == nil && q.After == nil {
		h.lane.shared[key] = page
	}
	return page, err
}

// unread counts the messages after the read mark, from what was read where it
// reaches so far.
func (h *hall) unread(v view, read Seq) int {
	n := 0
	switch {
	case read >= v.Head:
		return 0
	case v.whole && v.from <= read+1:
		for i := range v.Entries {
			if e := &v.Entries[i]; e.Kind == KindMessage && e.Seq > read && e.Deleted.IsZero() {
				n++
			}
		}
		return min(n, unreadMost)
	}
	ctx, cancel := context.WithTimeout(context.Background(), storePatience)
	defer cancel()
	n, err := h.s.store.Unread(ctx, h.room.ID, read, unreadMost)
	if err != nil {
		h.s.log.Warn("counting unread messages", "room", h.room.ID, "err", err)
	}
	return n
}
