package wire

import "snug/internal/chat"

// A Reply acknowledges a request: one of this package's …Reply types, or a Refusal.
type Reply interface{ answered(ignored []string) }

// Answer is what every Reply begins with: whether the request was accepted,
// and the names of its fields that were not understood.
type Answer struct {
	OK      bool     `json:"ok"`
	Ignored []string `json:"ignored,omitempty"`
}

func (a *Answer) answered(ignored []string) { a.OK, a.Ignored = true, ignored }

// Answered completes r as the answer to a request of which ignored was not
// understood. r must not be changed afterwards.
func Answered(r Reply, ignored []string) Reply {
	r.answered(ignored)
	return r
}

// A Refusal acknowledges a request that was refused.
type Refusal struct {
	Answer
	Error Failure `json:"error"`
}

func (r *Refusal) answered(ignored []string) { r.Ignored = ignored }

// NewRefusal refuses a request.
func NewRefusal(e *chat.Error) *Refusal { return &Refusal{Error: NewFailure(e)} }
