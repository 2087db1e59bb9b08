package gateway

import (
	"log/slog"

	"snug/internal/chat"
	"snug/socketio"
)

// A conn is one socket as the chat sees it: its chat.Ear, and whom it speaks
// for. It is immutable.
type conn struct {
	socket  *socketio.Socket
	session *chat.Session
	token   string // what it showed or was given; never to be logged
	log     *slog.Logger
}

// Attach implements chat.Ear.
func (c *conn) Attach(room string) { c.socket.Join(channel(room)) }

// Detach implements chat.Ear.
func (c *conn) Detach(room string) { c.socket.Leave(channel(room)) }

// Tell implements chat.Ear.
func (c *conn) Tell(events ...chat.Event) {
	batch := make([]socketio.Message, 0, len(events))
	for _, e := range events {
		if m, ok := encode(c.socket.Namespace(), e, c.log); ok {
			batch = append(batch, m)
		}
	}
	// The only error is that the socket has left, which needs no telling.
	_ = c.socket.Send(socketio.JoinMessages(batch...))
}
