package sqlite

import (
	"fmt"
	"time"

	"snug/internal/chat"
)

// An appending is a draft on its way.
type appending struct {
	draft chat.Draft
	done  func(chat.Appended, error)

	// Owned by the writer.
	key    int64         // idKey of the draft's id, once looked up
	result chat.Appended // kept by apply for settle
	err    error         // the same
}

// Append implements chat.Store.
func (s *Store) Append(d chat.Draft, done func(chat.Appended, error)) {
	s.queue.put(&appending{draft: d, done: done})
}

func (a *appending) patience() time.Duration { return a.draft.Patience }

func (a *appending) size() int { return 512 + len(a.draft.Text) }

func (a *appending) settle(err error) {
	switch {
	case err != nil:
		a.done(chat.Appended{}, err)
	case a.err != nil:
		a.done(chat.Appended{}, a.err)
	default:
		a.done(a.result, nil)
	}
}

func (a *appending) apply(t *tx) error {
	a.result, a.err = chat.Appended{}, nil
	d := &a.draft
	p, ok, err := t.tip(d.Room)
	if err != nil {
		return err
	}
	if !ok {
		a.err = notFound("room")
		return nil
	}
	if d.ID != "" {
		e, err := t.known(d, a.key)
		if plantDouble || plantForget && e != nil && t.rooms[d.Room].code == "" {
			e = nil
		}
		switch {
		case err != nil:
			return err
		case e != nil && e.Kind != d.Kind:
			a.err = &chat.Error{Code: chat.Conflict, Message: "the id names something else", Field: "id"}
			return nil
		case e != nil:
			a.result = chat.Appended{Seq: e.Seq, At: e.At, Duplicate: true}
			return nil
		}
	}
	if d.Refusal != nil {
		a.err = d.Refusal
		return nil
	}
	if t.reserve.size > 0 && !t.reserve.held && d.Kind != chat.KindDelete {
		a.err = lean()
		return nil
	}
	if p.head == ^chat.Seq(0) {
		a.err = &chat.Error{Code: chat.Full, Message: "the room's log has no number left"}
		return nil
	}
	if codeOf(d.Kind) == 0 {
		a.err = fmt.Errorf("store: %q is no kind of entry", d.Kind)
		return nil
	}
	var target *version
	if !d.Kind.Talk() {
		var same bool
		if target, same, a.err, err = t.target(d); err != nil || a.err != nil {
			return err
		}
		if same {
			a.result, err = t.standing(target)
			return err
		}
	}
	if d.Member != nil {
		if refusal, err := t.saveMembership(*d.Member, d.Free, false); err != nil || refusal != nil {
			a.err = refusal
			return err
		}
		if d.Measure != nil && d.Measure.Deed == chat.Ban {
			if err := t.bar(d); err != nil {
				return err
			}
		}
	}
	info := d.Info
	if info != nil {
		r, changed, err := t.set(d)
		if err != nil {
			return err
		}
		a.result.Room = r
		if changed == nil {
			a.result.Seq, a.result.At, a.result.Duplicate = p.head, timeOf(p.at), true
			return nil
		}
		info = changed
	}
	p.head++
	p.at = max(p.at, t.now.UnixMilli())
	e := chat.Entry{
		RoomID: d.Room, Room: p.code, Seq: p.head, Kind: d.Kind, At: timeOf(p.at), From: d.From, ID: d.ID,
		Text: d.Text, ReplyTo: d.ReplyTo, Was: d.Was, Target: d.Target, Emoji: d.Emoji, On: d.On, Info: info,
		Measure: d.Measure,
	}
	if target != nil {
		if err := t.revise(target, d, e.Seq, e.At); err != nil {
			return err
		}
	}
	t.tips[d.Room] = p
	t.add(e, maker{by: d.Identity, key: a.key})
	a.result.Seq, a.result.At = e.Seq, e.At
	if a.result.Room != nil {
		a.result.Room.Head = e.Seq
	}
	return nil
}
