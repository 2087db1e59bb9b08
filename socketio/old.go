package socketio

import (
	"bytes"
	"net/url"
	"strings"

	"snug/engineio"
	"snug/socketio/packet"
)

// What Socket.IO protocol 4 does differently, which comes with Engine.IO 3 where
// engineio.Server.AllowEIO3 lets it in: the client is in the main namespace
// without asking, names its query with a namespace, and is refused in other words.

// old reports whether the client speaks protocol 4.
func (c *connection) old() bool { return c.eio.Handshake().Protocol == 3 }

// greet connects an old client to the main namespace.
func (c *connection) greet() {
	if c.old() {
		c.connectTo(packet.Packet{Type: packet.Connect, Namespace: "/"})
	}
}

// unquery splits the query off the namespace of an old client's CONNECT, and
// makes it what Auth is for others: an object of strings.
func unquery(p packet.Packet) packet.Packet {
	name, query, found := strings.Cut(p.Namespace, "?")
	p.Namespace = name
	values, err := url.ParseQuery(query)
	if !found || err != nil {
		return p // as with the Node server, what is no query is none
	}
	auth := make(map[string]string, len(values))
	for k := range values {
		auth[k] = values.Get(k)
	}
	p.Data, _ = packet.Marshal(auth) // strings always can
	return p
}

// connectFrame is the packet that admits a socket.
func (c *connection) connectFrame(s *Socket) engineio.Frame {
	if c.old() {
		return textFrame(s.ns.header(packet.Connect))
	}
	return s.ns.connectFrame(s.id)
}

// refusalFrame is the packet that refuses a namespace. SIO4: Error, "the data
// is what the middleware said".
func (c *connection) refusalFrame(name string, e *ConnectError) engineio.Frame {
	if !c.old() {
		return refusalFrame(name, e, c.server)
	}
	said := e.Data
	if said == nil {
		said = e.Message
	}
	data, err := packet.Marshal(said)
	if err != nil {
		c.server.log.Error("socketio: data of a ConnectError", "namespace", name, "error", err)
	}
	if first := bytes.TrimLeft(data, " "); err != nil || len(first) == 0 || first[0] != '{' && first[0] != '"' {
		data, _ = packet.Marshal(e.Message) // a string always can
	}
	return textFrame(packet.Packet{Type: packet.ConnectError, Namespace: name, Data: data})
}
