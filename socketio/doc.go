// Package socketio is a Socket.IO protocol 5 server: namespaces, events,
// acknowledgements and rooms on top of Engine.IO.
//
//	io := socketio.NewServer(socketio.Options{})
//	hall := io.Of("/")
//	socketio.On(hall, "say", func(ctx context.Context, s *socketio.Socket, text string) error {
//		return hall.All().Emit(ctx, "said", text)
//	})
//	http.Handle("/socket.io/", io)
//
// A client connects to one or more namespaces of the server, over one
// connection. In each of them it is a [Socket], whose events go to the
// handlers of the [Namespace]. Sockets can be put into rooms, which are no
// more than names; a [Target] is a set of sockets to send to.
//
// # Order
//
// The events of a socket are handled one at a time, in the order in which they
// were sent; sockets are handled concurrently. What is sent to a socket, be it
// by [Socket.Emit], by an acknowledgement or through a room, reaches it in the
// order of the calls. When [Socket.Leave] has returned, nothing sent to that
// room reaches the socket any more.
//
// # Blocking
//
// Nothing that sends blocks, however slow a client is: what it has not taken
// waits in its outbox, and when that is full its connection is closed. A handler
// may block: the events behind it wait, up to [Options].MaxInbox of them; then
// the client is no longer read from, and after 20 s its connection is closed.
// Acknowledgements are settled by the goroutine that reads the connection, so
// a handler may wait for one, with [Call].
//
// # Bounds
//
// Outboxes and inboxes are bounded in bytes, packets in size and number of
// attachments, JSON in depth, connections in the namespaces they are in.
package socketio
