package socketio

import (
	"errors"

	"snug/engineio"
)

// A Reason says why a socket left, in the words that every Socket.IO server uses.
type Reason string

// The reasons of this package; the others are engineio's.
const (
	ReasonClientDisconnect Reason = "client namespace disconnect"
	ReasonServerDisconnect Reason = "server namespace disconnect"
)

// reasonInboxFull closes the connection of a client whose events were not
// handled for a long time.
const reasonInboxFull engineio.Reason = "inbox full"

// Errors of sending.
var (
	// ErrDisconnected is returned by what is asked of a socket that has left.
	ErrDisconnected = errors.New("socketio: socket has left")
	// ErrNotConnected is returned by [Call] on a socket that has not been
	// admitted yet: what is emitted to it waits for its OnConnect to return.
	ErrNotConnected = errors.New("socketio: socket is not connected yet")

	errForeign = errors.New("socketio: message was encoded for another namespace")
)

// A ConnectError refuses a socket in words and data meant for the client.
type ConnectError struct {
	Message string
	Data    any
}

func (e *ConnectError) Error() string { return e.Message }

// An ArgsError tells that an event's arguments are not what its handler takes.
// It is the client's mistake; [Namespace.OnError] may answer it as such.
type ArgsError struct {
	Event string
	Err   error
}

func (e *ArgsError) Error() string { return "arguments of " + e.Event + ": " + e.Err.Error() }

// Unwrap returns the error of decoding.
func (e *ArgsError) Unwrap() error { return e.Err }
