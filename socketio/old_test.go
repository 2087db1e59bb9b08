package socketio_test

import (
	"context"
	"testing"

	"snug/engineio"
	"snug/socketio"
)

// SIO4 over EIO3: the main namespace comes without asking, others with a query,
// and refusals are the data or the message alone.
func TestOldClient(t *testing.T) {
	s := newSite(t, socketio.Options{Engine: engineio.Server{AllowEIO3: true}}, func(io *socketio.Server) {
		io.Of("/custom").OnConnect(func(_ context.Context, s *socketio.Socket) error {
			return s.Emit("auth", s.Handshake().Auth)
		})
		io.Of("/closed").OnConnect(func(context.Context, *socketio.Socket) error {
			return &socketio.ConnectError{Message: "not now"}
		})
		io.Of("/told").OnConnect(func(context.Context, *socketio.Socket) error {
			return &socketio.ConnectError{Message: "not now", Data: map[string]int{"retry": 5}}
		})
		io.Of("/odd").OnConnect(func(context.Context, *socketio.Socket) error {
			return &socketio.ConnectError{Message: "not now", Data: 7}
		})
	})
	w := s.openPath("/socket.io/?EIO=3&transport=websocket")
	w.want("40")
	w.send(`42["echo","a"]`, `421["echo","b"]`)
	w.want(`42["echoed","a"]`, `431["b"]`)

	w.send("40/custom?token=abc&n=1,")
	w.want("40/custom,", `42/custom,["auth",{"n":"1","token":"abc"}]`)
	w.send(`451-/custom,["echo",{"_placeholder":true,"num":0}]`, "b:\x04\x01\x02")
	w.want(`451-/custom,["echoed",{"_placeholder":true,"num":0}]`, "b:\x04\x01\x02")

	w.send("40/closed")
	w.want(`44/closed,"not now"`)
	w.send("40/told")
	w.want(`44/told,{"retry":5}`)
	w.send("40/odd")
	w.want(`44/odd,"not now"`)
	w.send("40/nowhere,")
	w.want(`44/nowhere,"Invalid namespace"`)

	w.send("41/custom,")
	s.wantLeft(t, "/custom client namespace disconnect")
	w.ping()
	s.alive(t)
}

// A query belongs to a namespace's name for others.
func TestQueryInANamespace(t *testing.T) {
	s := newSite(t, socketio.Options{}, nil)
	w := s.open()
	w.send("40/custom?token=abc,")
	w.want(`44/custom?token=abc,{"message":"Invalid namespace"}`)
	s.alive(t)
}
