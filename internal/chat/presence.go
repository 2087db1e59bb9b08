package chat

import (
	"cmp"
	"slices"
	"time"
)

// A guest is a member present in a hall: it has connections that hear it, or a
// grace is running. One identity with several connections is one member
// ("Presence"). Owned by the hall's lane.
type guest struct {
	id       Identity
	member   Member
	sessions []*Session
	active   time.Time // when it last joined or wrote
	touched  time.Time // when the store was last told that it is here
	grace    uint64    // counts the graces begun and broken off: an alarm of another count is stale
}

// A presenceWindow gathers what happened since the others were last told.
type presenceWindow struct {
	order   []MemberID           // in the order of the first change
	changes map[MemberID]*change // what became of each
	told    time.Time            // when it was last emptied by telling
	waiting bool                 // an alarm is set to tell
	fresh   []*Session           // those that joined since the first change
}

// A change is what became of one member within a window.
type change struct {
	before bool   // it was present when the window opened
	news   bool   // it came, and not as one whose coming goes without saying
	reason Reason // why it left, if it did
}

// arrive makes c a hearer under its membership and tells the others. quiet: a
// newcomer is not announced as one.
func (h *hall) arrive(c *Session, m Membership, quiet bool) *guest {
	now := time.Now()
	member := Member{Author: m.Author, Role: m.Role, State: Here}
	g := h.guests[m.ID]
	if g == nil {
		g = &guest{id: c.id, member: member, touched: now}
		h.noteChange(m.ID, change{news: !quiet})
		h.guests[m.ID] = g
		h.roster = nil
		h.seatTaken(g)
	} else {
		g.grace++
		if g.member != member {
			h.noteChange(m.ID, change{before: true})
			h.changed(g, member, c)
		}
	}
	g.active = now
	h.tell()
	return g
}

// seatTaken keeps count of a member that came.
func (h *hall) seatTaken(g *guest) {
	h.mu.Lock()
	t := h.seats[g.id] // the request that brings the member holds it
	t.refs++
	t.present = true
	h.mu.Unlock()
	h.s.members.Add(1)
	h.present.Add(1)
	if len(h.guests) == 1 {
		h.retain()
		h.s.rooms.Add(1)
		h.s.keeper.occupied(h.room.ID)
	}
}

// depart takes a member out and tells the others why.
func (h *hall) depart(g *guest, reason Reason) {
	id := g.member.ID
	h.noteChange(id, change{before: true, reason: reason})
	delete(h.guests, id)
	h.roster = nil
	g.grace++
	h.s.store.Touch(h.room.ID, g.id, h.s.now(), 0)
	h.s.members.Add(-1)
	h.present.Add(-1)
	if len(h.guests) == 0 {
		h.window = presenceWindow{}
		h.top, h.roster = nil, nil
		h.s.rooms.Add(-1)
		h.s.keeper.vacated(h)
	} else {
		h.tell()
	}
	h.mu.Lock()
	h.seats[g.id].present = false
	h.mu.Unlock()
	h.rise(g.id)
	if len(h.guests) == 0 {
		h.release()
	}
}

// changed puts another member in a guest's place and tells its own connections, but one.
func (h *hall) changed(g *guest, member Member, but *Session) {
	was := g.member
	g.member = member
	if was.Author == member.Author && was.Role == member.Role {
		return // the state is for the others
	}
	you := member
	for _, c := range g.sessions {
		if c != but {
			c.ear.Tell(&Me{Room: h.room.Code, You: &you})
		}
	}
}

// renamed gives a guest the name that another node committed.
func (h *hall) renamed(g *guest, author Author) {
	if g.member.Author == author {
		return
	}
	h.mu.Lock()
	if t := h.seats[g.id]; t != nil && t.known {
		t.m.Author = author
		t.m.Skeleton, t.m.Alike = looks(author.Name)
	}
	h.mu.Unlock()
	h.lane.flush()
	h.update(g, author, g.member.Role)
}

// update shows a member's new name or role.
func (h *hall) update(g *guest, author Author, role Role) {
	member := g.member
	member.Author, member.Role = author, role
	if member == g.member {
		return
	}
	h.noteChange(member.ID, change{before: true})
	h.changed(g, member, nil)
	h.tell()
}

// hangUp is the end of a connection. What the others are told, and when, depends on how.
func (h *hall) hangUp(c *Session, how Loss) {
	g := h.detach(c)
	if g == nil || len(g.sessions) > 0 {
		return
	}
	g.grace++
	grace := g.grace
	gone := func() {
		if g.grace == grace {
			h.lane.flush()
			h.depart(g, ReasonDisconnected)
		}
	}
	switch how {
	case SaidGoodbye:
		gone()
	case Closed:
		h.lane.after(reloadGrace, gone)
	case Vanished:
		h.noteChange(g.member.ID, change{before: true})
		g.member.State = Lost
		h.tell()
		h.lane.after(lostGrace, gone)
	}
}

// detach ends a session's hearing and returns the guest it was of, nil if it did not hear.
func (h *hall) detach(c *Session) *guest {
	g := h.guests[h.room.memberID(c.id)]
	if g == nil {
		return nil
	}
	i := slices.Index(g.sessions, c)
	if i < 0 {
		return nil
	}
	g.sessions = slices.Delete(g.sessions, i, i+1)
	if i := slices.Index(h.window.fresh, c); i >= 0 {
		h.window.fresh = slices.Delete(h.window.fresh, i, i+1)
	}
	c.ear.Detach(h.room.Code)
	c.forget(h)
	h.parts(c)
	return g
}

// noteChange adds to the window what is about to become of a member.
func (h *hall) noteChange(id MemberID, now change) {
	w := &h.window
	c := w.changes[id]
	if c == nil {
		if w.changes == nil {
			w.changes = make(map[MemberID]*change)
		}
		w.changes[id] = &now
		w.order = append(w.order, id)
		return
	}
	c.reason = now.reason // all else is as it was when the window opened, and as it is when it is told
}

// tell publishes the window: at once in rooms up to promptPresence members, else
// at most every presenceEvery ("presence").
func (h *hall) tell() {
	w := &h.window
	if len(w.order) == 0 || h.s.gate.closed.Load() {
		// Draining: no `left` is sent, and who comes back comes to another process.
		w.order, w.changes = nil, nil
		return
	}
	wait := presenceEvery - time.Since(w.told)
	if len(h.guests) <= promptPresence || wait <= 0 {
		h.tellNow()
		return
	}
	if !w.waiting {
		w.waiting = true
		h.lane.after(wait, h.tellDue)
	}
}

// tellDue is the alarm of a window, or of one that was told before its time.
func (h *hall) tellDue() {
	if w := &h.window; w.waiting && time.Since(w.told) >= presenceEvery {
		w.waiting = false
		h.tell()
	}
}

// tellNow publishes the window. Those that joined in it get it as changes,
// which are to be put into a list without a word: nobody is told of its own coming.
func (h *hall) tellNow() {
	w := &h.window
	fresh, loud := w.fresh, h.describe(false)
	var quiet *PresenceChange
	if len(fresh) > 0 {
		quiet = h.describe(true)
	}
	h.window = presenceWindow{told: time.Now()}

	h.lane.flush()
	for _, c := range fresh {
		c.ear.Detach(h.room.Code)
	}
	h.s.outlet.Publish(h.room.Code, []Event{loud})
	for _, c := range fresh {
		c.ear.Attach(h.room.Code)
		c.ear.Tell(quiet)
	}
}

// describe makes the event of the window; quiet: with comings as mere changes.
func (h *hall) describe(quiet bool) *PresenceChange {
	p := &PresenceChange{Room: h.room.Code, At: h.s.now(), Count: len(h.guests)}
	if p.Count > listedPresence {
		return p
	}
	bytes := 0
	for _, id := range h.window.order {
		c, g := h.window.changes[id], h.guests[id]
		switch {
		case g == nil && !c.before: // came and went
			continue
		case g == nil:
			p.Left = append(p.Left, Departure{id, c.reason})
			bytes += 64
			continue
		case c.before || !c.news || quiet:
			p.Changed = append(p.Changed, g.member)
		default:
			p.Joined = append(p.Joined, g.member)
		}
		bytes += 128 + escaped(g.member.Name)
	}
	if bytes > h.s.limits.PageBytes { // no frame over 512 KiB: the count makes clients ask
		p.Joined, p.Left, p.Changed = nil, nil, nil
	}
	return p
}

// membersFor is the list that a join is answered with: yourself, owners,
// moderators, the most recently active ("Presence").
func (h *hall) membersFor(you *guest) []Member {
	if len(h.guests) <= joinMembers || h.top == nil || time.Since(h.topAt) > presenceEvery {
		h.top = h.top[:0]
		for _, g := range h.guests {
			h.top = append(h.top, g)
		}
		slices.SortFunc(h.top, func(a, b *guest) int {
			return cmp.Or(cmp.Compare(rank(b.member.Role), rank(a.member.Role)),
				b.active.Compare(a.active), cmp.Compare(a.member.ID, b.member.ID))
		})
		h.top, h.topAt = h.top[:min(len(h.top), joinMembers)], time.Now()
	}
	list := make([]Member, 1, len(h.top)+1)
	list[0] = you.member
	for _, g := range h.top {
		if g != you && len(list) < joinMembers && h.guests[g.member.ID] == g {
			list = append(list, g.member)
		}
	}
	return list
}
