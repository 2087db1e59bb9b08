package chat

import (
	"context"
	"time"
)

// A SanctionRequest kicks, bans or mutes a member.
type SanctionRequest struct {
	Room    string
	Member  MemberID
	Seconds *int // nil: the deed's own default
	Reason  string
}

const (
	kickSpan     = time.Minute           // a kicked member may return after it, where no other is given
	sanctionMost = 100 * 365 * 24 * 3600 // seconds: what is longer is for good
)

// until is when a sanction ends that begins now; lifted: at once.
func (r SanctionRequest) until(now time.Time, otherwise time.Time) (until time.Time, lifted bool, err error) {
	switch {
	case r.Seconds == nil:
		return otherwise, false, nil
	case *r.Seconds < 0 || *r.Seconds > sanctionMost:
		return time.Time{}, false, errField("seconds", "seconds are from 0 to a hundred years; without them it is for good")
	case *r.Seconds == 0:
		return time.Time{}, true, nil
	}
	return now.Add(time.Duration(*r.Seconds) * time.Second), false, nil
}

// Kick puts a member out, durably, for a while. It returns when none of the member's
// connections hears the room any more; so does Ban.
func (s *Service) Kick(ctx context.Context, c *Session, r SanctionRequest) error {
	now := s.now()
	until, _, bad := r.until(now, now.Add(kickSpan))
	return s.sanction(ctx, c, r, bad, func(m *Membership, is *Measure) {
		is.Deed, is.Until = Kick, until
		m.Kicked, m.Joined = until, false
	})
}

// Ban puts a member out, durably, and closes the room to it and to strangers from
// where it is; or opens the room again.
func (s *Service) Ban(ctx context.Context, c *Session, r SanctionRequest) error {
	until, lifted, bad := r.until(s.now(), Forever)
	return s.sanction(ctx, c, r, bad, func(m *Membership, is *Measure) {
		is.Deed, is.Until, is.Lifted = Ban, until, lifted
		m.Banned = until
		if !lifted {
			m.Joined = false
		} else {
			m.Kicked = time.Time{}
		}
	})
}

// Mute silences a member, durably, or lets it speak again. Its connections are told.
func (s *Service) Mute(ctx context.Context, c *Session, r SanctionRequest) error {
	until, lifted, bad := r.until(s.now(), Forever)
	return s.sanction(ctx, c, r, bad, func(m *Membership, is *Measure) {
		is.Deed, is.Until, is.Lifted = Mute, until, lifted
		m.Muted = until
	})
}

// sanction makes the measure that plan says. bad is what is wrong with the request already.
func (s *Service) sanction(ctx context.Context, c *Session, r SanctionRequest, bad error, plan func(*Membership, *Measure)) error {
	return s.moderate(ctx, c, r.Room, r.Member, rightModerate, func(_, of Membership) (Membership, *Measure, error) {
		if bad != nil {
			return of, nil, bad
		}
		reason, err := s.cleanReason(r.Reason)
		if err != nil {
			return of, nil, err
		}
		is := &Measure{Of: of.Author, Reason: reason}
		next := of
		plan(&next, is)
		if next == of && is.Deed != Kick { // what changes nothing writes nothing
			return of, nil, nil
		}
		return next, is, nil
	})
}

// cleanReason makes the one spelling of a reason, which may be empty.
func (s *Service) cleanReason(reason string) (string, error) {
	if reason == "" {
		return "", nil
	}
	return cleanLine("reason", reason, s.limits.TitleChars)
}

// SetRole gives a member another role, durably.
func (s *Service) SetRole(ctx context.Context, c *Session, room string, member MemberID, role Role) error {
	return s.moderate(ctx, c, room, member, rightGrant, func(_, of Membership) (Membership, *Measure, error) {
		if role != RoleOwner && role != RoleModerator && role != RoleMember {
			return of, nil, errField("role", "a role is owner, moderator or member")
		}
		if of.Role == role {
			return of, nil, nil
		}
		next := of
		next.Role = role
		return next, &Measure{Deed: Grant, Of: of.Author, Role: role}, nil
	})
}

// moderate does something to a member for one who has the right to: plan says
// what becomes of the member, and what the log is to tell of it, nil if nothing changes. While it
// works no other request changes that membership.
func (s *Service) moderate(ctx context.Context, c *Session, room string, member MemberID, need right,
	plan func(by, of Membership) (Membership, *Measure, error)) error {
	if !s.gate.enter() {
		return errShuttingDown()
	}
	defer s.gate.leave()
	v, of, err := s.approach(ctx, c, room, member, need)
	if err != nil {
		return err
	}
	defer v.end()
	defer of.end()
	if err := of.takeTurnFirst(ctx); err != nil {
		return err
	}
	defer of.giveTurn()
	was, _ := of.peek()
	by, err := v.mayModerate(need, &was.m)
	if err != nil {
		return err
	}
	next, measure, err := plan(by, was.m)
	if err != nil || measure == nil {
		return err
	}
	if err := s.throttle.pay(c); err != nil {
		return err
	}
	return s.enforce(v, by, of, next, measure)
}

// approach finds the room and the member of a deed; both visits must end. Who
// does not have the right is not told who there is.
func (s *Service) approach(ctx context.Context, c *Session, room string, member MemberID, need right) (v, of visit, err error) {
	if v, err = s.visit(ctx, c, room); err != nil {
		return v, of, err
	}
	if _, err = v.mayModerate(need, nil); err == nil {
		of, err = s.visitMember(ctx, v.hall, member)
	}
	if err != nil {
		v.end()
	}
	return v, of, err
}

// mayModerate is the membership of one who has a right, and may use it on another
// member if that is given: "nobody acts on an equal or higher role", but an owner
// gives and takes any role.
func (v visit) mayModerate(need right, of *Membership) (Membership, error) {
	m, err := v.member()
	if err == nil {
		err = m.Role.must(need)
	}
	if err == nil && of != nil && need != rightGrant && rank(of.Role) >= rank(m.Role) {
		err = &Error{Code: Forbidden, Field: "member", Message: "nobody acts on an equal or higher role"}
	}
	return m, err
}

// enforce commits a measure, and sees to it that it holds.
func (s *Service) enforce(v visit, by Membership, of visit, next Membership, measure *Measure) error {
	was, _ := of.peek()
	if was.present {
		next.Seen = s.now()
	}
	d := Draft{
		Room: v.room.ID, Identity: v.id, From: by.Author, Kind: KindModeration,
		Measure: measure, Member: &next, Free: s.nameFree(),
	}
	if measure.Deed == Ban && !measure.Lifted {
		d.Traces = of.traces()
	}
	// From here on what it may not do any more is refused, and comes behind the
	// measure in the log if it was under way.
	of.remember(next)
	done := make(chan error, 1)
	s.store.Append(d, func(_ Appended, err error) { done <- err })
	if err := <-done; err != nil {
		of.remember(was.m)
		return v.postRefused(err)
	}
	told := make(chan struct{})
	if v.lane.push(func() { v.hold(&next, measure); close(told) }) {
		<-told
	}
	return nil
}

// visitMember is a visit on behalf of a member, present or not.
func (s *Service) visitMember(ctx context.Context, h *hall, id MemberID) (visit, error) {
	m, ok, err := s.store.Member(ctx, h.room.ID, id)
	if err != nil {
		return visit{}, failed("finding a member", err)
	}
	if !ok {
		return visit{}, &Error{Code: NotFound, Field: "member", Message: "there is no such member"}
	}
	h.retain()
	v := visit{h, m.Identity, h.sit(m.Identity)}
	if err := s.load(ctx, v); err != nil {
		v.end()
		return visit{}, err
	}
	return v, nil
}

// hold makes what was committed of a member true in the hall, on the lane: who is out
// hears nothing more, and everybody is shown the role that it has.
func (h *hall) hold(m *Membership, is *Measure) {
	g := h.guests[m.ID]
	if g == nil {
		return
	}
	if !m.Joined {
		reason := ReasonKicked
		if is.Deed == Ban {
			reason = ReasonBanned
		}
		why := &Removed{Room: h.room.Code, Reason: reason, Note: is.Reason}
		if !is.Until.Equal(Forever) {
			why.Until = is.Until
		}
		h.putOut(g, why)
		h.depart(g, reason)
		return
	}
	if is.Deed == Mute {
		h.tellMuted(g, m.Muted)
	}
	h.update(g, m.Author, m.Role)
}

// moderated takes over, on the lane, what another node did to a member.
func (h *hall) moderated(is *Measure) {
	ctx, cancel := context.WithTimeout(context.Background(), storePatience)
	defer cancel()
	m, ok, err := h.s.store.Member(ctx, h.room.ID, is.Of.ID)
	if err != nil {
		h.s.log.Error("reading what was done to a member", "room", h.room.ID, "err", err)
	}
	if err != nil || !ok {
		return
	}
	h.mu.Lock()
	if t := h.seats[m.Identity]; t != nil && t.loaded {
		t.known, t.m = true, m
	}
	h.mu.Unlock()
	h.lane.flush()
	h.hold(&m, is)
}

// partedMost and partedFor bound what a hall knows of those who left it.
const (
	partedMost = 500
	partedFor  = time.Hour
)

// A parting is where a member's last connection came from.
type parting struct {
	id   Identity
	from Address
	at   time.Time
}

// parts notes where a member goes: it may be banned for what it did before. On the lane.
func (h *hall) parts(c *Session) {
	now := time.Now()
	for len(h.parted) > 0 && (len(h.parted) >= partedMost || now.Sub(h.parted[0].at) > partedFor) {
		h.parted = h.parted[1:]
	}
	h.parted = append(h.parted, parting{c.id, c.from, now})
}

// traces are those of where the member is, or was not long ago.
func (v visit) traces() []Trace {
	found := make(chan []Trace, 1)
	if !v.lane.push(func() {
		var list []Trace
		add := func(from Address) {
			if t, ok := v.room.trace(from); ok && len(list) < tracesMost {
				list = append(list, t)
			}
		}
		if g := v.guests[v.room.memberID(v.id)]; g != nil {
			for _, c := range g.sessions {
				add(c.from)
			}
		}
		for i := len(v.parted) - 1; i >= 0; i-- {
			if p := &v.parted[i]; p.id == v.id && time.Since(p.at) <= partedFor {
				add(p.from)
			}
		}
		found <- list
	}) {
		return nil
	}
	return <-found
}

// tracesMost bounds the traces of one ban.
const tracesMost = 50

// clearStep is how many messages are deleted before the next are looked for.
const clearStep = 200

// Clear deletes all messages of a member, durably, and says how many. What is said
// while it works may stay. Each is a delete of its own in the log; the audit line comes last.
func (s *Service) Clear(ctx context.Context, c *Session, room string, member MemberID) (count int, err error) {
	if !s.gate.enter() {
		return 0, errShuttingDown()
	}
	defer s.gate.leave()
	v, of, err := s.approach(ctx, c, room, member, rightModerate)
	if err != nil {
		return 0, err
	}
	defer v.end()
	defer of.end()
	target, _ := of.peek()
	who := &target.m
	if of.id == v.id { // one's own messages are deleted as one likes
		who = nil
	}
	by, err := v.mayModerate(rightModerate, who)
	if err != nil {
		return 0, err
	}
	if err := s.throttle.pay(c); err != nil {
		return 0, err
	}
	if count, err = s.deleteAll(context.WithoutCancel(ctx), v, by.Author, target.m.ID); err != nil || count == 0 {
		return count, err
	}
	done := make(chan error, 1)
	s.store.Append(Draft{
		Room: v.room.ID, Identity: v.id, From: by.Author, Kind: KindModeration,
		Measure: &Measure{Deed: Clear, Of: target.m.Author, Count: count},
	}, func(_ Appended, err error) { done <- err })
	if err := <-done; err != nil {
		return 0, v.postRefused(err)
	}
	return count, nil
}

// deleteAll deletes what a member has said so far, and counts it.
func (s *Service) deleteAll(ctx context.Context, v visit, by Author, id MemberID) (count int, err error) {
	r, err := s.store.Room(ctx, v.room.Code)
	if err != nil {
		return 0, failed("reading a room's head", err)
	}
	for after := Seq(0); after < r.Head; {
		list, err := s.store.MessagesBy(ctx, v.room.ID, id, after, clearStep)
		if err != nil {
			return count, failed("finding a member's messages", err)
		}
		if len(list) == 0 {
			break
		}
		done := make(chan error, len(list))
		for _, seq := range list {
			s.store.Append(Draft{Room: v.room.ID, Identity: v.id, From: by, Kind: KindDelete, Target: seq}, func(a Appended, err error) {
				if err == nil && !a.Duplicate {
					count++ // from one goroutine, and read when all are done
				}
				done <- err
			})
		}
		var failure error
		for range list {
			// One that is pruned or gone meanwhile is as good as deleted.
			if err := <-done; err != nil && CodeOf(err) != NotFound {
				failure = err
			}
		}
		if failure != nil {
			return count, failed("deleting a member's messages", failure)
		}
		after = list[len(list)-1]
	}
	return count, nil
}
