package chat

import (
	"context"
	"slices"
	"time"
)

// fillMost is how many missing entries a lane reads from the store for those
// who hear the room. Beyond it they are told to ask for themselves.
const fillMost = 4000

// committed is what the store calls for each commit. Each room's entries are on
// their way to its lane before anyone is told that they are durable: what an
// acknowledgement confirmed, every later join shows ("Client → server").
func (s *Service) committed(entries []Entry) {
	byRoom(entries, func(run []Entry) {
		id, newest := run[0].RoomID, run[len(run)-1].Seq
		if h := s.lookup(id); h != nil {
			h.raise(newest)
			h.lane.pushEntries(h, run, false)
		}
		s.bus.Publish(Signal{Room: run[0].Room, RoomID: id, Entries: run})
	})
}

// byRoom calls f with the entries of each room, in their order.
func byRoom(entries []Entry, f func([]Entry)) {
	if len(entries) == 0 {
		return
	}
	one := entries[0].RoomID
	if slices.ContainsFunc(entries, func(e Entry) bool { return e.RoomID != one }) {
		entries = slices.Clone(entries)
		slices.SortStableFunc(entries, func(a, b Entry) int { return int(a.RoomID - b.RoomID) })
	}
	for len(entries) > 0 {
		n := 1
		for n < len(entries) && entries[n].RoomID == entries[0].RoomID {
			n++
		}
		f(entries[:n:n])
		entries = entries[n:]
	}
}

// signalled takes in what another node said.
func (s *Service) signalled(sig Signal) {
	h := s.lookup(sig.RoomID)
	if h == nil {
		return // nobody here hears the room
	}
	if n := len(sig.Entries); n > 0 {
		h.raise(sig.Entries[n-1].Seq)
		h.lane.pushEntries(h, sig.Entries, true)
	}
	if sig.Typing != nil {
		h.lane.pushHint(func() { h.showTyping(sig.Typing.ID, sig.Typing.Name) })
	}
}

// deliver publishes entries in the order of the log: the next one goes on, a
// hole is read from the store first, an old one is dropped.
func (h *hall) deliver(entries []Entry, remote bool) {
	if len(h.guests) == 0 {
		return // last means nothing: the next join reads the log
	}
	posted := make([]Posted, len(entries))
	for i := range entries {
		e := &entries[i]
		if e.Seq <= h.last {
			continue
		}
		if e.Seq > h.last+1 {
			h.fill(e.Seq - 1)
		}
		h.last = e.Seq
		if plantDrop && e.Seq%10 == 9 {
			continue
		}
		posted[i].Entry = e
		h.lane.emit(h, &posted[i])
		h.noticed(e, remote)
	}
}

// noticed keeps what an entry says of its author.
func (h *hall) noticed(e *Entry, remote bool) {
	if remote && e.Kind == KindRoom {
		h.reload()
	}
	if remote && e.Kind == KindModeration {
		h.moderated(e.Measure)
	}
	g := h.guests[e.From.ID]
	if g == nil {
		return
	}
	g.active = time.Now()
	if remote && e.Kind == KindName {
		h.renamed(g, e.From)
	}
}

// reread brings a room up to date whose entries did not fit the lane's queue.
func (h *hall) reread() {
	h.lane.mu.Lock()
	h.dirty = false
	h.lane.mu.Unlock()
	if len(h.guests) > 0 {
		h.fill(Seq(h.head.Load()))
	}
}

// fill publishes the entries after the last one up to and including upto, from
// the store. Where they cannot be had, those who hear the room are told to ask
// for them ("resync"), and the room goes on behind.
func (h *hall) fill(upto Seq) {
	if plantSkip {
		h.last = upto
	}
	if upto > h.last && upto-h.last > fillMost {
		h.skip(upto)
	}
	for h.last < upto {
		page, err := h.read(PageQuery{
			Room: h.room.ID, After: &h.last, To: upto,
			Limit: h.s.limits.LogEntries, Bytes: h.s.limits.PageBytes,
		})
		if err != nil {
			h.s.log.Error("reading a gap of the log", "room", h.room.ID, "after", h.last, "to", upto, "err", err)
		}
		if err != nil || len(page.Entries) == 0 || page.Entries[0].Seq != h.last+1 {
			h.skip(upto)
			return
		}
		for i := range page.Entries {
			h.lane.emit(h, &Posted{&page.Entries[i]})
			h.last = page.Entries[i].Seq
			switch page.Entries[i].Kind {
			case KindRoom:
				h.reload()
			case KindModeration:
				h.moderated(page.Entries[i].Measure)
			}
		}
	}
}

// skip gives up on what lies between the last entry and upto.
func (h *hall) skip(upto Seq) {
	h.lane.emit(h, &Resync{Room: h.room.Code, Head: upto})
	h.last = upto
}

// read reads a page on the lane, which a store that hangs must not stop for good.
func (h *hall) read(q PageQuery) (Page, error) {
	ctx, cancel := context.WithTimeout(context.Background(), storePatience)
	defer cancel()
	return h.s.store.Page(ctx, q)
}
