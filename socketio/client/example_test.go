package client_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"time"

	"snug/socketio"
	"snug/socketio/client"
)

// A client that asks, is told, and comes back by itself when its connection is lost.
func Example() {
	io := socketio.NewServer(socketio.Options{})
	socketio.OnCall(io.Of("/"), "say", func(ctx context.Context, s *socketio.Socket, text string) (int, error) {
		return len(text), io.Of("/").All().Emit(ctx, "said", text)
	})
	srv := httptest.NewServer(io)
	defer srv.Close()
	defer io.Shutdown(context.Background())

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	said := make(chan string)
	c, err := client.Dial(ctx, srv.URL, client.Options{
		Transport: client.Upgrade,
		Reconnect: &client.Backoff{},
		On: map[string]client.Handler{
			"said": func(_ *client.Client, args client.Args, _ *client.Ack) {
				var text string
				args.Decode(&text)
				said <- text
			},
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	answer := make(chan string)
	go func() {
		args, err := c.Call(ctx, "say", "hello")
		answer <- fmt.Sprintf("%s %v", args.Raw(0), err)
	}()
	fmt.Println(<-said)
	fmt.Println(<-answer)
	// Output:
	// hello
	// 5 <nil>
}
