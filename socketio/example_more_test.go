package socketio_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"

	"snug/socketio"
	"snug/socketio/client"
)

// A namespace for each tenant, made when its first client comes: they share
// handlers, and nothing else.
func ExampleServer_OfFunc() {
	io := socketio.NewServer(socketio.Options{})
	tenants := io.OfFunc(func(name string) bool { return strings.HasPrefix(name, "/tenant-") })
	socketio.OnCall(tenants, "where am I", func(ctx context.Context, s *socketio.Socket, _ struct{}) (string, error) {
		return s.Namespace().Name(), nil
	})
	srv := httptest.NewServer(io)
	defer srv.Close()
	defer io.Shutdown(context.Background())

	for _, name := range []string{"/tenant-1", "/tenant-2", "/office"} {
		c, err := client.Dial(context.Background(), srv.URL, client.Options{Namespace: name})
		if err != nil {
			fmt.Println(err)
			continue
		}
		args, _ := c.Call(context.Background(), "where am I")
		fmt.Printf("%s\n", args.Raw(0))
		c.Close()
	}
	// Output:
	// "/tenant-1"
	// "/tenant-2"
	// socketio client: connect: refused: Invalid namespace
}

// Middleware is asked in order, before OnConnect; the first error refuses.
func ExampleNamespace_Use() {
	io := socketio.NewServer(socketio.Options{})
	n := io.Of("/")
	n.Use(func(ctx context.Context, s *socketio.Socket) error {
		if s.Handshake().Header.Get("User-Agent") == "" {
			return &socketio.ConnectError{Message: "who are you?"}
		}
		return nil
	})
	n.Use(func(ctx context.Context, s *socketio.Socket) error {
		return s.Emit("greeting", "come in") // is sent once the client is in
	})
	greeting := make(chan string, 1)
	c, end := dialExample(io, client.Options{
		Header: map[string][]string{"User-Agent": {"example"}},
		On: map[string]client.Handler{
			"greeting": func(_ *client.Client, args client.Args, _ *client.Ack) { greeting <- string(args.Raw(0)) },
		},
	})
	defer end()
	fmt.Println(c.ID() != "", <-greeting)
	// Output: true "come in"
}

// Everyone in a room is asked; the answers come one by one.
func ExampleTarget_Call() {
	io := socketio.NewServer(socketio.Options{})
	jury := io.Of("/")
	srv := httptest.NewServer(io)
	defer srv.Close()
	defer io.Shutdown(context.Background())
	for _, vote := range []string{"yes", "no", "yes"} {
		c, err := client.Dial(context.Background(), srv.URL, client.Options{On: map[string]client.Handler{
			"vote": func(_ *client.Client, _ client.Args, ack *client.Ack) { ack.Reply(vote) },
		}})
		if err != nil {
			fmt.Println(err)
			return
		}
		defer c.Close()
	}
	var votes []string
	for reply, err := range jury.All().Call(context.Background(), "vote", "guilty?") {
		if err != nil { // of one that left, or of the context
			fmt.Println(reply.SocketID, err)
			continue
		}
		var vote string
		reply.Args.Decode(&vote)
		votes = append(votes, vote)
	}
	slices.Sort(votes)
	fmt.Println(votes)
	// Output: [no yes yes]
}

// Events that belong together are encoded once, for everyone, and arrive in one
// write.
func ExampleJoinMessages() {
	io := socketio.NewServer(socketio.Options{})
	n := io.Of("/")
	got := make(chan string)
	take := func(_ *client.Client, args client.Args, _ *client.Ack) { got <- string(args.Raw(0)) }
	_, end := dialExample(io, client.Options{On: map[string]client.Handler{"goal": take, "score": take}})
	defer end()

	goal, err := n.Encode("goal", "Maria")
	if err != nil {
		fmt.Println(err)
	}
	score, err := n.Encode("score", []int{2, 1})
	if err != nil {
		fmt.Println(err)
	}
	n.All().Send(context.Background(), socketio.JoinMessages(goal, score))
	fmt.Println(<-got, <-got)
	// Output: "Maria" [2,1]
}
