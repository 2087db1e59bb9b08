package chat

import (
	"context"
	"slices"
)

// A MembersRequest asks for the present members of a room, by rising id.
type MembersRequest struct {
	Room  string
	After MemberID
	Limit int // 0: 100

	// Ban or Mute: instead, those who are banned or muted, present or not. That is for who may
	// do it.
	Only Deed
}

// Members answers a MembersRequest.
type Members struct {
	Members []Member
	Count   int
	More    bool
}

// How many members a page holds.
const (
	membersDefault = 100
	membersMost    = 200
)

// Members lists who is present.
func (s *Service) Members(ctx context.Context, c *Session, r MembersRequest) (Members, error) {
	if !s.gate.enter() {
		return Members{}, errShuttingDown()
	}
	defer s.gate.leave()
	if r.Limit < 0 {
		return Members{}, errField("limit", "limit is not negative")
	}
	v, err := s.visit(ctx, c, r.Room)
	if err != nil {
		return Members{}, err
	}
	defer v.end()
	if r.Only != "" {
		return s.sanctioned(ctx, v, r)
	}
	if _, err := v.member(); err != nil {
		return Members{}, err
	}
	done := make(chan Members, 1)
	if !v.lane.push(func() { done <- v.listed(r.After, within(r.Limit, membersDefault, membersMost)) }) {
		return Members{}, errShuttingDown()
	}
	return <-done, nil
}

// sanctioned lists who is under a sanction.
func (s *Service) sanctioned(ctx context.Context, v visit, r MembersRequest) (page Members, err error) {
	if _, err := v.mayModerate(rightModerate, nil); err != nil {
		return page, err
	}
	limit := within(r.Limit, membersDefault, membersMost)
	list, count, err := s.store.Sanctioned(ctx, SanctionQuery{Room: v.room.ID, Only: r.Only, Now: s.now(), After: r.After, Limit: limit + 1})
	if err != nil {
		return page, failed("listing who is under a sanction", err)
	}
	page.Count, page.More = count, len(list) > limit
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, m := range list[:min(limit, len(list))] {
		shown := Member{Author: m.Author, Role: m.Role, State: Away, Until: m.Banned}
		if r.Only == Mute {
			shown.Until = m.Muted
		}
		if t := v.seats[m.Identity]; t != nil && t.present {
			shown.State = Here
		}
		page.Members = append(page.Members, shown)
	}
	return page, nil
}

// listed is a page of those present, on the lane.
func (h *hall) listed(after MemberID, limit int) Members {
	if h.roster == nil {
		h.roster = make([]MemberID, 0, len(h.guests))
		for id := range h.guests {
			h.roster = append(h.roster, id)
		}
		slices.Sort(h.roster)
	}
	i, found := slices.BinarySearch(h.roster, after)
	if found {
		i++
	}
	rest := h.roster[i:]
	page := Members{Count: len(h.guests), More: len(rest) > limit}
	for _, id := range rest[:min(limit, len(rest))] {
		page.Members = append(page.Members, h.guests[id].member)
	}
	return page
}
