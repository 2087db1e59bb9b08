// Package engineio is an Engine.IO protocol 4 server: a message-framed,
// heartbeat-checked session over HTTP long polling or WebSocket, with the
// upgrade from the one to the other.
//
// A [Server] is an [net/http.Handler]. It calls Accept for each new session
// with a [Conn], to send on, and gets back a [Handler], which is told what
// comes in. Sending never blocks: messages are queued as [Frame] values, made
// once for any number of sessions, and a client that lets more than
// Server.MaxOutbox pile up is closed.
//
// Messages arrive in the order in which they were sent, in both directions, and
// none is lost or doubled while the session lives, whatever the transport does
// meanwhile. What becomes of a session that ends is told by its [CloseError].
package engineio
