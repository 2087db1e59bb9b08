package chat

import (
	"context"
	"time"
)

// A SetRequest changes what is given of a room.
type SetRequest struct {
	Room       string
	Title      *string
	Locked     *bool
	Passphrase *string // empty: removes it
	Keep       *Keep
	Slow       *time.Duration
}

// A Set answers a SetRequest.
type Set struct {
	Info      Info
	Duplicate bool // all of it was so already
}

// Set changes a room, durably; the room's log tells what changed. A moderator may
// change how it is guarded, an owner all.
func (s *Service) Set(ctx context.Context, c *Session, r SetRequest) (Set, error) {
	type answered struct {
		a   Appended
		err error
	}
	done := make(chan answered, 1)
	var h *hall
	s.post(ctx, c, r.Room, Draft{Kind: KindRoom}, func(v visit, m Membership, d *Draft) error {
		h = v.hall
		what := rightGuard
		if r.Title != nil || r.Passphrase != nil || r.Keep != nil {
			what = rightSet
		}
		if err := m.Role.must(what); err != nil {
			return err
		}
		return s.settings(ctx, r, d)
	}, func(a Appended, err error) {
		if err == nil { // here, in the order of the commits
			h.learn(a.Room)
		}
		done <- answered{a, err}
	})
	got := <-done
	if got.err != nil {
		return Set{}, got.err
	}
	room := got.a.Room
	if room.Keep == KeepEmpty && h.presentNow() == 0 {
		s.keeper.expect(room.ID, room.Code, emptyGrace)
	}
	return Set{Info: room.info(room.Head, room.First, h.presentNow()), Duplicate: got.a.Duplicate}, nil
}

// settings checks what is to be set and puts it into a draft.
func (s *Service) settings(ctx context.Context, r SetRequest, d *Draft) error {
	d.Info = &RoomChange{Locked: r.Locked}
	if r.Title != nil {
		title := ""
		if *r.Title != "" {
			var err error
			if title, err = cleanLine("title", *r.Title, s.limits.TitleChars); err != nil {
				return err
			}
		}
		d.Info.Title = &title
	}
	if r.Keep != nil {
		if err := checkKeep(*r.Keep); err != nil {
			return err
		}
		d.Info.Keep = r.Keep
	}
	if r.Slow != nil {
		if *r.Slow < 0 || *r.Slow > slowMost {
			return errField("slow", "slow mode waits from 0 to 86400 seconds")
		}
		d.Info.Slow = r.Slow
	}
	if r.Passphrase != nil {
		d.Info.Passphrase = new(*r.Passphrase != "")
		if *r.Passphrase != "" {
			var err error
			if d.Pass, err = s.newPassphrase(ctx, *r.Passphrase); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkKeep(k Keep) error {
	if k < KeepForever || k > MaxKeepDays {
		return errField("keep", `keep is "empty", "forever" or "1d" to "3650d"`)
	}
	return nil
}

// newPassphrase cleans a passphrase and makes what is stored of it.
func (s *Service) newPassphrase(ctx context.Context, p string) ([]byte, error) {
	clean, err := cleanPassphrase(p)
	if err != nil {
		return nil, err
	}
	hash, err := s.hashPassphrase(ctx, clean)
	if err != nil {
		return nil, failed("setting a passphrase", err)
	}
	return hash, nil
}

// reload takes over what another node has set, on the lane.
func (h *hall) reload() {
	ctx, cancel := context.WithTimeout(context.Background(), storePatience)
	defer cancel()
	r, err := h.s.store.Room(ctx, h.room.Code)
	if err != nil {
		h.s.log.Error("reading what was set of a room", "room", h.room.ID, "err", err)
		return
	}
	h.learn(&r)
}
