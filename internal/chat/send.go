package chat

import (
	"context"
	"time"
	"unicode"
	"unicode/utf8"
)

// A SendRequest posts a message.
type SendRequest struct {
	Room    string
	Text    string
	ID      string
	ReplyTo Seq
	Epoch   string
}

// Send queues a message and returns; answer is called when it is durable, or
// refused. Sends of one session are committed, and answered, in the order of the
// calls. It blocks while more of them wait than one session may have.
func (s *Service) Send(ctx context.Context, c *Session, r SendRequest, answer func(Appended, error)) {
	var waited visit // where slow mode counted the message
	d := Draft{Kind: KindMessage, ID: r.ID}
	s.post(ctx, c, r.Room, d, func(v visit, m Membership, d *Draft) error {
		if err := v.checkEpoch(r.Epoch); err != nil {
			return err
		}
		if err := s.checkText(r.Text); err != nil {
			return err
		}
		if err := v.checkSeq(ctx, "replyTo", r.ReplyTo); err != nil {
			return err
		}
		if err := v.slowDown(m.Role, time.Now()); err != nil {
			return err
		}
		waited = v
		d.Text, d.ReplyTo = r.Text, r.ReplyTo
		return nil
	}, func(a Appended, err error) {
		if waited.hall != nil && (err != nil || a.Duplicate) {
			waited.speedUp()
		}
		answer(a, err)
	})
}

// checkText checks a message's text. It is kept as it came or not at all.
func (s *Service) checkText(text string) error {
	if len(text) > s.limits.TextBytes {
		return errTooLarge("text", s.limits.TextBytes, "the text has too many bytes")
	}
	if !utf8.ValidString(text) {
		return errField("text", "the text is not UTF-8")
	}
	if utf8.RuneCountInString(text) > s.limits.TextChars {
		return errTooLarge("text", s.limits.TextChars, "the text has too many characters")
	}
	seen := false
	for _, r := range text {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return errField("text", "the text holds control characters")
		}
		seen = seen || visible(r)
	}
	if !seen {
		return errField("text", "the text is empty")
	}
	return nil
}
