package chat

import (
	"errors"
	"fmt"
	"time"
)

// A Code names what went wrong, in the words of the chat protocol ("Error
// codes"). Each edge maps it once: an acknowledgement, an HTTP status, an exit code.
type Code string

// The codes of protocol 1.
const (
	BadRequest         Code = "bad_request"
	Unauthorized       Code = "unauthorized"
	NotFound           Code = "not_found"
	NotMember          Code = "not_member"
	NameTaken          Code = "name_taken"
	NameInvalid        Code = "name_invalid"
	WrongPassphrase    Code = "wrong_passphrase"
	Banned             Code = "banned"
	Muted              Code = "muted"
	Locked             Code = "locked"
	Full               Code = "full"
	Forbidden          Code = "forbidden"
	Conflict           Code = "conflict"
	TooLarge           Code = "too_large"
	RateLimited        Code = "rate_limited"
	StorageUnavailable Code = "storage_unavailable"
	ShuttingDown       Code = "shutting_down"
	Unsupported        Code = "unsupported"
	Internal           Code = "internal"
)

// An Error is the one error that leaves this package and those that serve it.
// Anything else that reaches an edge is Internal there: logged, and shown
// without detail.
type Error struct {
	Code       Code
	Message    string        // English, for logs and developers; safe to show
	Retry      bool          // the same request may succeed later
	RetryAfter time.Duration // how long to wait, where it is known
	Field      string        // the field of the request that is at fault
	Limit      int           // the limit that was passed
	Scope      string        // what a rate limit counts
	Suggestion string        // a name that would be accepted
	Epoch      string        // Conflict: the room's present epoch
	Err        error         // the cause; never shown
}

func (e *Error) Error() string {
	s := string(e.Code)
	if e.Message != "" {
		s += ": " + e.Message
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// CodeOf returns the code of the first Error in err's chain, Internal if there is
// none, and "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return Internal
}

// failed makes an *Error of what went wrong while doing something: one with a
// code passes as it is, another is Internal.
func failed(doing string, err error) error {
	if _, ok := errors.AsType[*Error](err); ok {
		return err
	}
	return &Error{Code: Internal, Retry: true, Err: fmt.Errorf("%s: %w", doing, err)}
}

func errField(field, message string) error {
	return &Error{Code: BadRequest, Field: field, Message: message}
}

func errTooLarge(field string, limit int, message string) error {
	return &Error{Code: TooLarge, Field: field, Limit: limit, Message: message}
}

func errShuttingDown() error {
	return &Error{Code: ShuttingDown, Retry: true, Message: "the server is stopping"}
}

func errNoRoom() error {
	return &Error{Code: NotFound, Field: "room", Message: "there is no such room"}
}

func errNotMember() error {
	return &Error{Code: NotMember, Field: "room", Message: "join the room first"}
}

// errClosed answers a connection that is no more: nobody will read it.
func errClosed() error {
	return &Error{Code: NotMember, Message: "the connection is closed"}
}

// errEpoch answers a request that was meant for another log ("epoch").
func errEpoch(present string) error {
	return &Error{Code: Conflict, Field: "epoch", Epoch: present, Message: "the log is another one"}
}
