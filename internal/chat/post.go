package chat

import (
	"context"
	"errors"
	"time"
)

// commitTime is what a commit takes as a rule, and its way to the outlet. A room
// that is so busy that the outlet gathers what comes has it committed so long before the
// outlet's turn, all at once: a commit for each message would show none of them sooner.
const commitTime = 2 * time.Millisecond

// post queues what a member writes into the log, and returns; answer is called
// when it is durable, or refused. d has its Kind and its ID; prepare adds the
// rest, or refuses it. What one session posts is committed, and answered, in the
// order of the calls. It blocks while more of it waits than one session may have.
func (s *Service) post(ctx context.Context, c *Session, room string, d Draft,
	prepare func(visit, Membership, *Draft) error, answer func(Appended, error)) {
	underway := c.meter.slots()
	underway <- struct{}{} // the store answers everything, so that there is always an end to it
	if !s.gate.enter() {
		<-underway
		answer(Appended{}, errShuttingDown())
		return
	}
	d.Identity = c.id
	v, err := s.visit(ctx, c, room)
	if err == nil {
		d.Room = v.room.ID
		err = checkRequestID(d.ID)
	}
	paid := false
	if err != nil {
		d.ID = "" // no id to recognise a retry by
	} else {
		var m Membership
		m, err = v.member()
		if err == nil && d.Kind != KindDelete && d.Kind != KindRoom {
			err = s.silent(&m)
		}
		if err == nil {
			err = s.throttle.pay(c)
			paid = err == nil
		}
		if err == nil {
			d.From = m.Author
			err = prepare(v, m, &d)
		}
	}
	// What is refused passes the store as well: there a retry is recognised
	// before any other check, and an answer cannot overtake an earlier one.
	d.Refusal = err
	if err == nil {
		d.Patience = max(0, s.outlet.Due(v.hall.room.Code, commitTime)-commitTime)
	}
	s.store.Append(d, func(a Appended, err error) {
		defer func() { s.gate.leave(); <-underway }()
		switch {
		case v.hall == nil:
			err = d.Refusal
		case err != nil:
			err = v.postRefused(err)
		}
		if v.hall != nil {
			v.end()
		}
		if paid && (a.Duplicate || retryable(err)) { // what costs the log nothing costs its sender nothing
			s.throttle.refund(c)
		}
		answer(a, err)
	})
}

// retryable reports whether err says that the same request may succeed later.
func retryable(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Retry
}

// postRefused makes of the store's error what the member is told.
func (v visit) postRefused(err error) error {
	// What is not found is the message that the draft is of, or else the room.
	if e, ok := errors.AsType[*Error](err); ok && e.Code == NotFound && e.Field != "seq" {
		v.roomGone()
		return errNoRoom()
	}
	return failed("appending to the log", err)
}

// checkEpoch refuses what was meant for another log: an outbox kept over a
// restore must not strike another message.
func (h *hall) checkEpoch(epoch string) error {
	if epoch != "" && epoch != h.room.Epoch {
		return errEpoch(h.room.Epoch)
	}
	return nil
}

// checkSeq checks that seq is of the log, from 1 to the head; 0 is absent.
func (h *hall) checkSeq(ctx context.Context, field string, seq Seq) error {
	if uint32(seq) <= h.head.Load() {
		return nil
	}
	// Another node may have committed it, and its hint been lost.
	r, err := h.s.store.Room(ctx, h.room.Code)
	if err != nil {
		return failed("reading a room's head", err)
	}
	h.raise(r.Head)
	if seq > r.Head {
		return errField(field, field+" is beyond the newest entry")
	}
	return nil
}

// roomGone tells the lane that the store does not know the room any more.
func (h *hall) roomGone() {
	if h.kill() {
		h.lane.push(func() { h.shut(ReasonRetention) })
	}
}
