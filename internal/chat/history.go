package chat

import "context"

// A HistoryRequest asks for a page of a room; at most one of Before, After and Around is set.
type HistoryRequest struct {
	Room   string
	Before Seq
	After  *Cursor
	Around Seq
	Limit  int // 0: 50
}

// History answers a HistoryRequest.
type History struct {
	Page  Page
	Epoch string
	Reset bool             // the cursor was stale: Page is the newest talk
	Mine  map[Seq][]string // the viewer's own reactions
}

// pageDefault is how many entries a page holds if nothing else is asked for.
const pageDefault = 50

// History reads a page.
func (s *Service) History(ctx context.Context, c *Session, r HistoryRequest) (History, error) {
	if !s.gate.enter() {
		return History{}, errShuttingDown()
	}
	defer s.gate.leave()
	set := 0
	for _, is := range []bool{r.Before > 0, r.After != nil, r.Around > 0} {
		if is {
			set++
		}
	}
	if set > 1 {
		return History{}, errField("before", "one of before, after and around at most")
	}
	if r.Limit < 0 {
		return History{}, errField("limit", "limit is not negative")
	}
	if r.Limit == 0 {
		r.Limit = pageDefault // of the log, too: it is a join that asks for all there is
	}
	v, err := s.visit(ctx, c, r.Room)
	if err != nil {
		return History{}, err
	}
	defer v.end()
	if _, err := v.member(); err != nil {
		return History{}, err
	}
	page, err := v.view(r, func(q PageQuery) (Page, error) { return s.store.Page(ctx, q) })
	if err != nil {
		return History{}, failed("reading a page", err)
	}
	mine, err := v.mine(ctx, c.id, page.Page)
	if err != nil {
		return History{}, err
	}
	return History{Page: page.Page, Epoch: v.room.Epoch, Reset: page.reset, Mine: mine}, nil
}

// A view is a page that was read, with how far it reaches.
type view struct {
	Page
	reset bool // the cursor was stale
	from  Seq  // it shows every message from here on
	whole bool // up to the head
}

// view reads what a request asks for: a page of the log after a cursor that
// holds, else a page of the talk ("Entries and pages").
func (h *hall) view(r HistoryRequest, read func(PageQuery) (Page, error)) (view, error) {
	l := &h.s.limits
	reset := r.After != nil
	if r.After != nil && r.After.Epoch == h.room.Epoch {
		after := r.After.Seq
		page, err := read(PageQuery{
			Room: h.room.ID, After: &after, Limit: within(r.Limit, l.LogEntries, l.LogEntries), Bytes: l.PageBytes,
		})
		if err != nil {
			return view{}, err
		}
		if after <= page.Head && after+1 >= page.First {
			return view{Page: page, from: after + 1, whole: !page.More}, nil
		}
	}
	page, err := read(PageQuery{
		Room: h.room.ID, Before: r.Before, Around: r.Around,
		Limit: within(r.Limit, pageDefault, l.PageEntries), Bytes: l.PageBytes,
	})
	if err != nil {
		return view{}, err
	}
	v := view{Page: page, reset: reset, whole: r.Before == 0 && r.Around == 0}
	if page.More && len(page.Entries) > 0 {
		v.from = page.Entries[0].Seq
	}
	return v, nil
}

// within is a limit as it was asked for, or the usual one, up to the most.
func within(asked, usual, most int) int {
	if asked == 0 {
		asked = usual
	}
	return min(asked, most)
}
