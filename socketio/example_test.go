package socketio_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"time"

	"snug/socketio"
	"snug/socketio/client"
)

// A server that greets everyone who comes, and passes on what they say.
func Example() {
	io := socketio.NewServer(socketio.Options{})
	hall := io.Of("/")
	hall.OnConnect(func(ctx context.Context, s *socketio.Socket) error {
		return s.Emit("welcome", "how are you?")
	})
	socketio.On(hall, "say", func(ctx context.Context, s *socketio.Socket, text string) error {
		return hall.All().Emit(ctx, "said", text)
	})
	srv := httptest.NewServer(io) // or http.Handle("/socket.io/", io)
	defer srv.Close()
	defer io.Shutdown(context.Background())

	done := make(chan struct{})
	c, err := client.Dial(context.Background(), srv.URL, client.Options{
		On: map[string]client.Handler{
			"welcome": func(c *client.Client, args client.Args, _ *client.Ack) {
				var text string
				args.Decode(&text)
				fmt.Println("welcome:", text)
				c.Emit("say", "fine")
			},
			"said": func(_ *client.Client, args client.Args, _ *client.Ack) {
				var text string
				args.Decode(&text)
				fmt.Println("said:", text)
				close(done)
			},
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	<-done
	// Output:
	// welcome: how are you?
	// said: fine
}

// dialExample connects a client to the server for an example.
func dialExample(io *socketio.Server, opts client.Options) (c *client.Client, end func()) {
	srv := httptest.NewServer(io)
	c, err := client.Dial(context.Background(), srv.URL, opts)
	if err != nil {
		fmt.Println(err)
	}
	return c, func() {
		if c != nil {
			c.Close()
		}
		io.Shutdown(context.Background())
		srv.Close()
	}
}

// What the function returns is the acknowledgement.
func ExampleOnCall() {
	io := socketio.NewServer(socketio.Options{})
	type sum struct {
		A, B int
	}
	socketio.OnCall(io.Of("/"), "add", func(ctx context.Context, s *socketio.Socket, q sum) (int, error) {
		return q.A + q.B, nil
	})
	c, end := dialExample(io, client.Options{})
	defer end()

	args, err := c.Call(context.Background(), "add", sum{1, 2})
	var n int
	fmt.Println(err, args.Decode(&n), n)
	// Output: <nil> <nil> 3
}

// A handler that answers when the work is done, while the next events of the
// same socket are handled.
func ExampleOnAck() {
	io := socketio.NewServer(socketio.Options{})
	socketio.OnAck(io.Of("/"), "order", func(ctx context.Context, s *socketio.Socket, dish string, reply func(string)) error {
		time.AfterFunc(time.Millisecond, func() { reply(dish + " is served") })
		return nil
	})
	c, end := dialExample(io, client.Options{})
	defer end()

	args, _ := c.Call(context.Background(), "order", "soup")
	var answer string
	args.Decode(&answer)
	fmt.Println(answer)
	// Output: soup is served
}

// An error refuses the client; a ConnectError says why.
func ExampleNamespace_OnConnect() {
	io := socketio.NewServer(socketio.Options{})
	io.Of("/admin").OnConnect(func(ctx context.Context, s *socketio.Socket) error {
		if !strings.Contains(string(s.Handshake().Auth), "open sesame") {
			return &socketio.ConnectError{Message: "not authorized", Data: map[string]int{"code": 401}}
		}
		socketio.SetValue(s, "the admin")
		return nil
	})
	socketio.OnCall(io.Of("/admin"), "who am I", func(ctx context.Context, s *socketio.Socket, _ struct{}) (string, error) {
		return socketio.Value[string](s), nil
	})
	srv := httptest.NewServer(io)
	defer srv.Close()
	defer io.Shutdown(context.Background())

	for _, word := range []string{"please", "open sesame"} {
		c, err := client.Dial(context.Background(), srv.URL, client.Options{
			Namespace: "/admin",
			Auth:      func() any { return map[string]string{"word": word} },
		})
		if err != nil {
			fmt.Println(err)
			continue
		}
		args, _ := c.Call(context.Background(), "who am I")
		fmt.Printf("%s\n", args.Raw(0))
		c.Close()
	}
	// Output:
	// socketio client: connect: refused: not authorized
	// "the admin"
}

// The server asks, the client answers.
func ExampleCall() {
	io := socketio.NewServer(socketio.Options{})
	socketio.On(io.Of("/"), "start", func(ctx context.Context, s *socketio.Socket, _ struct{}) error {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		name, err := socketio.Call[string](ctx, s, "what is your name?")
		if err != nil {
			return err
		}
		return s.Emit("hello", name)
	})
	hello := make(chan string)
	c, end := dialExample(io, client.Options{On: map[string]client.Handler{
		"what is your name?": func(_ *client.Client, _ client.Args, ack *client.Ack) { ack.Reply("Maria") },
		"hello": func(_ *client.Client, args client.Args, _ *client.Ack) {
			var name string
			args.Decode(&name)
			hello <- name
		},
	}})
	defer end()
	c.Emit("start")
	fmt.Println("hello", <-hello)
	// Output: hello Maria
}

// Rooms, and targets narrowed from one another.
func ExampleTarget() {
	io := socketio.NewServer(socketio.Options{})
	n := io.Of("/")
	socketio.OnCall(n, "join", func(ctx context.Context, s *socketio.Socket, room string) (bool, error) {
		s.Join(room)
		// Everyone else in the room; if it is lost, no matter.
		return true, s.Broadcast().To(room).Volatile().Emit(ctx, "joined", s.ID())
	})
	got := make(chan string)
	c, end := dialExample(io, client.Options{On: map[string]client.Handler{
		"news": func(_ *client.Client, args client.Args, _ *client.Ack) { got <- string(args.Raw(0)) },
	}})
	defer end()
	c.Call(context.Background(), "join", "sports")

	ctx := context.Background()
	n.To("sports", "culture").Except("asleep").Emit(ctx, "news", "a goal")
	fmt.Println(<-got)
	// Output: "a goal"
}

// Several servers, joined by an adapter.
func ExampleAdapter() {
	hub := socketio.NewMemoryHub() // a message broker, in earnest
	ctx, stop := context.WithCancel(context.Background())
	var nodes [2]*socketio.Server
	ended := make(chan error)
	for i := range nodes {
		nodes[i] = socketio.NewServer(socketio.Options{Adapter: hub.Adapter()})
		nodes[i].Of("/")
		go func() { ended <- nodes[i].Run(ctx) }()
	}
	got := make(chan string, 1)
	_, end := dialExample(nodes[0], client.Options{On: map[string]client.Handler{
		"hello": func(_ *client.Client, args client.Args, _ *client.Ack) {
			select {
			case got <- string(args.Raw(0)):
			default:
			}
		},
	}})
	defer end()
	for { // until the nodes have found each other
		nodes[1].Of("/").All().Emit(ctx, "hello", "from the other node")
		select {
		case text := <-got:
			fmt.Println(text)
			stop()
			fmt.Println(<-ended, <-ended)
			return
		case <-time.After(time.Millisecond):
		}
	}
	// Output:
	// "from the other node"
	// <nil> <nil>
}
