// Package gateway is the bridge between the two towers: it turns Socket.IO
// events into requests to chat.Service, and what chat says into messages to
// sockets. It decides nothing of its own.
package gateway
