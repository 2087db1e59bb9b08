package chat

import "context"

// An EditRequest gives a message of one's own another text.
type EditRequest struct {
	Room  string
	Seq   Seq
	Text  string
	ID    string
	Epoch string
}

// Edit queues an edit and returns, like Send.
func (s *Service) Edit(ctx context.Context, c *Session, r EditRequest, answer func(Appended, error)) {
	s.revise(ctx, c, r.Room, Draft{Kind: KindEdit, ID: r.ID, Target: r.Seq}, r.Epoch, func(_ Membership, d *Draft) error {
		if err := s.checkText(r.Text); err != nil {
			return err
		}
		d.Text, d.Allow = r.Text, s.mayEdit(s.now())
		return nil
	}, answer)
}

// A DeleteRequest takes a message back.
type DeleteRequest struct {
	Room  string
	Seq   Seq
	ID    string
	Epoch string
}

// Delete queues a delete and returns, like Send.
func (s *Service) Delete(ctx context.Context, c *Session, r DeleteRequest, answer func(Appended, error)) {
	s.revise(ctx, c, r.Room, Draft{Kind: KindDelete, ID: r.ID, Target: r.Seq}, r.Epoch, func(m Membership, d *Draft) error {
		d.Allow = s.mayDelete(m.Role, s.now())
		return nil
	}, answer)
}

// A ReactRequest puts an emoji on a message, or takes it off.
type ReactRequest struct {
	Room  string
	Seq   Seq
	Emoji string
	On    bool
	ID    string
	Epoch string
}

// React queues a reaction and returns, like Send.
func (s *Service) React(ctx context.Context, c *Session, r ReactRequest, answer func(Appended, error)) {
	s.revise(ctx, c, r.Room, Draft{Kind: KindReact, ID: r.ID, Target: r.Seq}, r.Epoch, func(_ Membership, d *Draft) error {
		if err := checkEmoji(r.Emoji); err != nil {
			return err
		}
		d.Emoji, d.On, d.Allow = r.Emoji, r.On, mayReact(r.Emoji, r.On)
		return nil
	}, answer)
}

// revise posts what changes a message. Whether there is one, and what it is, the
// store says when the draft's turn has come.
func (s *Service) revise(ctx context.Context, c *Session, room string, d Draft, epoch string,
	prepare func(Membership, *Draft) error, answer func(Appended, error)) {
	s.post(ctx, c, room, d, func(v visit, m Membership, d *Draft) error {
		if err := v.checkEpoch(epoch); err != nil {
			return err
		}
		if d.Target == 0 {
			return errField("seq", "seq is from 1 on")
		}
		return prepare(m, d)
	}, answer)
}

// mine finds the viewer's own reactions on the messages of a page ("Entries and pages").
func (h *hall) mine(ctx context.Context, id Identity, p Page) (map[Seq][]string, error) {
	var first, last Seq
	for i := range p.Entries {
		if e := &p.Entries[i]; len(e.Reactions) > 0 {
			if first == 0 {
				first = e.Seq
			}
			first, last = min(first, e.Seq), max(last, e.Seq) // what was found comes newest first
		}
	}
	if first == 0 {
		return nil, nil
	}
	all, err := h.s.store.Mine(ctx, h.room.ID, id, first, last)
	if err != nil {
		return nil, failed("reading a member's reactions", err)
	}
	mine := make(map[Seq][]string)
	for i := range p.Entries { // a page of the talk may leave messages out
		if e := &p.Entries[i]; len(all[e.Seq]) > 0 {
			mine[e.Seq] = all[e.Seq]
		}
	}
	return mine, nil
}
