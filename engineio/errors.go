package engineio

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strconv"
	"time"
)

// A Reason says why a session ended, in the words that every Socket.IO server uses.
type Reason string

// The reasons of this package.
const (
	ReasonTransportClose Reason = "transport close" // the peer, or its network, went away
	ReasonTransportError Reason = "transport error" // the peer broke the rules of the transport
	ReasonParseError     Reason = "parse error"     // the peer sent a malformed packet
	ReasonPingTimeout    Reason = "ping timeout"
	ReasonSlow           Reason = "outbox full"
	ReasonForcedClose    Reason = "forced close" // Close was called without a reason of its own
	ReasonShutdown       Reason = "server shutting down"
)

// A CloseError is why a session ended.
type CloseError struct {
	Reason Reason
	Err    error // the cause, where there is one
}

func (e *CloseError) Error() string {
	s := "engineio: session closed: " + string(e.Reason)
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *CloseError) Unwrap() error { return e.Err }

// lossOf is why a session ends whose connection failed with err.
func lossOf(err error) *CloseError {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return &CloseError{Reason: ReasonTransportError, Err: err}
	}
	return &CloseError{Reason: ReasonTransportClose, Err: err}
}

// A Refusal refuses a handshake with an HTTP status of its own, such as 503
// with a Retry-After. Its Message is told to the client.
type Refusal struct {
	Status     int           // 403 if zero
	RetryAfter time.Duration // no Retry-After if zero; rounded up to seconds
	Message    string        // "Forbidden" if empty
}

func (r *Refusal) Error() string { return "engineio: refused: " + r.Message }

// A fault is the answer to a request that cannot be served.
type fault struct {
	status     int
	code       int
	message    string
	retryAfter time.Duration
	header     http.Header // more header fields, nil if none
}

// The faults of the Node server, by code.
var (
	faultTransport = &fault{status: http.StatusBadRequest, code: 0, message: "Transport unknown"}
	faultSession   = &fault{status: http.StatusBadRequest, code: 1, message: "Session ID unknown"}
	faultMethod    = &fault{status: http.StatusBadRequest, code: 2, message: "Bad handshake method"}
	faultRequest   = &fault{status: http.StatusBadRequest, code: 3, message: "Bad request"}
	faultForbidden = &fault{status: http.StatusForbidden, code: 4, message: "Forbidden"}
	faultVersion   = &fault{status: http.StatusBadRequest, code: 5, message: "Unsupported protocol version"}
)

// Faults with a status that says more than 400 does; their bodies keep the form.
var (
	faultNotAllowed = &fault{
		status: http.StatusMethodNotAllowed, code: 3, message: "Bad request",
		header: http.Header{"Allow": {"GET, POST, OPTIONS"}},
	}
	faultTooLarge  = &fault{status: http.StatusRequestEntityTooLarge, code: 3, message: "Payload too large"}
	faultTooSlow   = &fault{status: http.StatusRequestTimeout, code: 3, message: "Request timeout"}
	faultWSVersion = &fault{
		status: http.StatusBadRequest, code: 3, message: "Bad request",
		header: http.Header{"Sec-Websocket-Version": {"13"}}, // RFC 6455, 4.4
	}
	faultShutdown = &fault{
		status: http.StatusServiceUnavailable, code: 4, message: "Server is shutting down",
		retryAfter: time.Second,
	}
)

// write answers a request with f.
func (f *fault) write(w http.ResponseWriter) {
	body, err := json.Marshal(struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	}{f.code, f.message})
	if err != nil { // cannot be: an int and a string
		body = []byte(`{}`)
	}
	h := w.Header()
	for k, v := range f.header {
		h[k] = v
	}
	if f.retryAfter > 0 {
		s := (f.retryAfter + time.Second - 1) / time.Second
		h.Set("Retry-After", strconv.FormatInt(int64(s), 10))
	}
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(f.status)
	_, _ = w.Write(body) // the peer may be gone; there is no one else to tell
}
