package client_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"snug/socketio"
	"snug/socketio/client"
)

func TestMain(m *testing.M) {
	// net/http's own, which lingers for half a second after it has closed a connection.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

// serve starts a server and ends it with the test.
func serve(t *testing.T, set func(*socketio.Server)) string {
	t.Helper()
	var opts socketio.Options
	// A client that goes between two polls is missed at its next ping, and Shutdown waits for it until then.
	opts.Engine.PingInterval, opts.Engine.PingTimeout = time.Second, 2*time.Second
	io := socketio.NewServer(opts)
	set(io)
	srv := httptest.NewServer(io)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := io.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		srv.Close()
	})
	return srv.URL
}

func dial(t *testing.T, url string, opts client.Options) *client.Client {
	t.Helper()
	c, err := client.Dial(t.Context(), url, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func echo(io *socketio.Server) {
	io.Of("/").Handle("echo", func(_ context.Context, s *socketio.Socket, args socketio.Args, ack *socketio.Ack) error {
		if ack.Wanted() {
			return ack.Reply(args.Values()...)
		}
		return s.Emit("echoed", args.Values()...)
	})
	socketio.On(io.Of("/"), "ask", func(ctx context.Context, s *socketio.Socket, q string) error {
		answer, err := socketio.Call[string](ctx, s, "question", q)
		if err != nil {
			return err
		}
		return s.Emit("answered", answer)
	})
}

var transports = map[string]client.Transport{"websocket": client.WebSocket, "polling": client.Polling, "upgrade": client.Upgrade}

func TestTalk(t *testing.T) {
	for name, transport := range transports {
		t.Run(name, func(t *testing.T) {
			url := serve(t, echo)
			got := make(chan int, 1000)
			answered := make(chan string, 1)
			c := dial(t, url, client.Options{Transport: transport, On: map[string]client.Handler{
				"echoed": func(_ *client.Client, args client.Args, _ *client.Ack) {
					var n int
					if err := args.Decode(&n); err != nil {
						t.Error(err)
					}
					got <- n
				},
				"question": func(_ *client.Client, args client.Args, ack *client.Ack) {
					var q string
					if err := errors.Join(args.Decode(&q), ack.Reply(q+"!"), ack.Reply("twice")); err != nil {
						t.Error(err)
					}
				},
				"answered": func(_ *client.Client, args client.Args, _ *client.Ack) {
					var a string
					if err := args.Decode(&a); err != nil {
						t.Error(err)
					}
					answered <- a
				},
			}})
			if c.ID() == "" {
				t.Error("no id")
			}
			// Long enough that an upgrade comes in between.
			const n = 300
			for i := range n {
				if err := c.Emit("echo", i); err != nil {
					t.Fatal(err)
				}
			}
			for i := range n {
				if g := <-got; g != i {
					t.Fatalf("got %d, want %d", g, i)
				}
			}
			args, err := c.Call(t.Context(), "echo", []byte{1, 2, 3}, map[string]any{"x": []byte{4}}, "<é>")
			if err != nil {
				t.Fatal(err)
			}
			var b []byte
			var m struct{ X []byte }
			var s string
			if err := args.Decode(&b, &m, &s); err != nil || !bytes.Equal(b, []byte{1, 2, 3}) || !bytes.Equal(m.X, []byte{4}) || s != "<é>" {
				t.Errorf("echoed %v %v %q, %v", b, m, s, err)
			}
			if err := c.Emit("ask", "why"); err != nil {
				t.Fatal(err)
			}
			if a := <-answered; a != "why!" {
				t.Errorf("answer %q", a)
			}
			want := name
			if name == "upgrade" {
				want = "websocket"
				for c.Transport() != want && t.Context().Err() == nil {
					time.Sleep(time.Millisecond)
				}
			}
			if c.Transport() != want {
				t.Errorf("transport %q, want %q", c.Transport(), want)
			}
		})
	}
}

func TestHandlersAndAny(t *testing.T) {
	url := serve(t, echo)
	got := make(chan string, 10)
	c := dial(t, url, client.Options{OnAny: func(_ *client.Client, event string, args client.Args, ack *client.Ack) {
		if ack.Wanted() {
			t.Error("an answer is wanted")
		}
		got <- "any " + event
	}})
	if err := c.Emit("echo"); err != nil {
		t.Fatal(err)
	}
	if g := <-got; g != "any echoed" {
		t.Error(g)
	}
	c.On("echoed", func(*client.Client, client.Args, *client.Ack) { got <- "on" })
	if err := c.Emit("echo"); err != nil {
		t.Fatal(err)
	}
	if g := <-got; g != "on" {
		t.Error(g)
	}
}

func TestAuthAndRefusal(t *testing.T) {
	url := serve(t, func(io *socketio.Server) {
		io.Of("/in").OnConnect(func(_ context.Context, s *socketio.Socket) error {
			if string(s.Handshake().Auth) == `{"token":"right"}` && s.Handshake().Header.Get("X-Test") == "yes" {
				return nil
			}
			return &socketio.ConnectError{Message: "no", Data: map[string]int{"code": 7}}
		})
	})
	for name, transport := range transports {
		opts := client.Options{Namespace: "/in", Transport: transport, Auth: func() any { return map[string]string{"token": "right"} }, Header: map[string][]string{"X-Test": {"yes"}}}
		c, err := client.Dial(t.Context(), url, opts)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		_ = c.Close()
		if !errors.Is(c.Err(), client.ErrClosed) {
			t.Errorf("%s: ended with %v", name, c.Err())
		}
		if err := c.Emit("x"); !errors.Is(err, client.ErrClosed) {
			t.Errorf("%s: Emit after Close: %v", name, err)
		}
		opts.Auth = nil
		var refused *client.ConnectError
		if _, err := client.Dial(t.Context(), url, opts); !errors.As(err, &refused) || refused.Message != "no" || string(refused.Data) != `{"code":7}` {
			t.Errorf("%s: %v", name, err)
		}
		opts.Namespace = "/other"
		if _, err := client.Dial(t.Context(), url, opts); !errors.As(err, &refused) || refused.Message != "Invalid namespace" || refused.Data != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	var status *client.StatusError
	for _, transport := range transports {
		opts := client.Options{Transport: transport, Header: map[string][]string{"Origin": {"http://elsewhere"}}}
		if _, err := client.Dial(t.Context(), url, opts); !errors.As(err, &status) || status.Code != 403 || !strings.Contains(status.Body, "Forbidden") {
			t.Errorf("from a foreign origin: %v", err)
		}
	}
	if _, err := client.Dial(t.Context(), "ftp://x", client.Options{}); err == nil {
		t.Error("dialled ftp")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := client.Dial(ctx, url, client.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("with a cancelled context: %v", err)
	}
}

func TestReconnect(t *testing.T) {
	for name, transport := range transports {
		t.Run(name, func(t *testing.T) {
			url := serve(t, func(io *socketio.Server) {
				echo(io)
				socketio.On(io.Of("/"), "kick", func(_ context.Context, s *socketio.Socket, _ struct{}) error {
					s.Disconnect(false)
					return nil
				})
			})
			var mu sync.Mutex
			var log []string
			say := func(what string) {
				mu.Lock()
				defer mu.Unlock()
				log = append(log, what)
			}
			connected := make(chan struct{}, 10)
			c := dial(t, url, client.Options{Transport: transport, Reconnect: &client.Backoff{Min: time.Millisecond},
				OnConnect:    func(*client.Client) { say("up"); connected <- struct{}{} },
				OnDisconnect: func(*client.Client, error) { say("down") },
			})
			<-connected
			first := c.ID()
			waiting := make(chan error, 1)
			go func() {
				_, err := c.Call(context.Background(), "nobody answers this")
				waiting <- err
			}()
			time.Sleep(10 * time.Millisecond)
			c.Abort()
			if err := <-waiting; err == nil {
				t.Errorf("call over a lost connection: %v", err)
			}
			<-connected
			if c.ID() == first {
				t.Error("same id after a reconnection")
			}
			if _, err := c.Call(t.Context(), "echo"); err != nil {
				t.Error(err)
			}
			if err := c.Emit("kick"); err != nil {
				t.Error(err)
			}
			<-c.Done()
			if !errors.Is(c.Err(), client.ErrKicked) {
				t.Errorf("ended with %v", c.Err())
			}
			_ = c.Close()
			if want := []string{"up", "down", "up", "down"}; !slices.Equal(log, want) {
				t.Errorf("log %v, want %v", log, want)
			}
		})
	}
}

func TestLostWithoutReconnect(t *testing.T) {
	url := serve(t, echo)
	lost := make(chan error, 1)
	c := dial(t, url, client.Options{OnDisconnect: func(_ *client.Client, err error) { lost <- err }})
	c.Abort()
	<-c.Done()
	if err := <-lost; err == nil || c.Err() == nil {
		t.Errorf("lost with %v, ended with %v", err, c.Err())
	}
	if _, err := c.Call(t.Context(), "echo"); err == nil {
		t.Error("a call after the end was answered")
	}
}

func TestCallTimeout(t *testing.T) {
	url := serve(t, echo)
	c := dial(t, url, client.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := c.Call(ctx, "nobody answers this"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if _, err := c.Call(t.Context(), "connect"); err == nil {
		t.Error("a reserved name was sent")
	}
}

// TestAsk has many calls under way at once, and a connection that is lost under them.
func TestAsk(t *testing.T) {
	for name, transport := range transports {
		t.Run(name, func(t *testing.T) {
			var dialed atomic.Int32
			url := serve(t, func(io *socketio.Server) {
				echo(io)
				io.Of("/").Handle("never", func(context.Context, *socketio.Socket, socketio.Args, *socketio.Ack) error { return nil })
			})
			c := dial(t, url, client.Options{Transport: transport, NetDial: func(ctx context.Context, network, address string) (net.Conn, error) {
				dialed.Add(1)
				return new(net.Dialer).DialContext(ctx, network, address)
			}})
			const n = 50
			answers := make(chan int, n)
			for i := range n {
				if err := c.Ask("echo", func(args client.Args, err error) {
					var got int
					if err := errors.Join(err, args.Decode(&got)); err != nil {
						t.Error(err)
					}
					answers <- got
				}, i); err != nil {
					t.Fatal(err)
				}
			}
			for i := range n {
				if got := <-answers; got != i {
					t.Errorf("answer %d is %d", i, got)
				}
			}
			lost := make(chan error, 1)
			if err := c.Ask("never", func(_ client.Args, err error) { lost <- err }); err != nil {
				t.Fatal(err)
			}
			c.Abort()
			if err := <-lost; !errors.Is(err, client.ErrDisconnected) {
				t.Errorf("lost: %v", err)
			}
			<-c.Done()
			if err := c.Ask("echo", func(client.Args, error) { t.Error("answered without a connection") }); err == nil {
				t.Error("asked without a connection")
			}
			if dialed.Load() == 0 {
				t.Error("not dialed by NetDial")
			}
		})
	}
}

// TestPostLost: a POST that is lost on its way has perhaps come, perhaps not. The
// connection ends with it, though polls could go on: what is under way on it is
// answered by its loss.
func TestPostLost(t *testing.T) {
	url := serve(t, echo)
	var broken atomic.Bool
	lost := make(chan error, 1)
	c := dial(t, url, client.Options{
		Transport:    client.Polling,
		OnDisconnect: func(_ *client.Client, err error) { lost <- err },
		NetDial: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, address)
			return &postless{conn, &broken}, err
		},
	})
	if _, err := c.Call(t.Context(), "echo", 1); err != nil {
		t.Fatal(err)
	}
	broken.Store(true)
	if err := c.Ask("echo", func(args client.Args, err error) {
		if err == nil {
			t.Errorf("answered with %v", args)
		}
	}, 2); !errors.Is(err, errPostless) && err != nil {
		t.Errorf("asked: %v", err)
	}
	select {
	case <-c.Done():
	case <-time.After(20 * time.Second):
		t.Fatal("the connection goes on")
	}
	if err := <-lost; !errors.Is(err, errPostless) {
		t.Errorf("lost with %v, want what became of the POST", err)
	}
}

var errPostless = errors.New("a POST is lost")

// A postless connection loses one POST.
type postless struct {
	net.Conn
	broken *atomic.Bool
}

func (c *postless) Write(b []byte) (int, error) {
	if bytes.HasPrefix(b, []byte("POST ")) && c.broken.CompareAndSwap(true, false) {
		n, _ := c.Conn.Write(b[:5]) // net/http would try one again of which nothing was written
		return n, errPostless
	}
	return c.Conn.Write(b)
}

// A poll whose answer is lost ends the session: what was in it would be missing. It
// must not be made again behind the client's back, as net/http does with a GET
// on a connection that has been used before.
func TestPollLost(t *testing.T) {
	var opts socketio.Options
	opts.Engine.PingInterval, opts.Engine.PingTimeout = time.Second, time.Second
	io := socketio.NewServer(opts)
	echo(io)
	var lose atomic.Bool
	var polls atomic.Int32 // after the one that was lost
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Query().Get("sid") == "" {
			io.ServeHTTP(w, r)
			return
		}
		if lose.Load() {
			polls.Add(1)
		}
		answer := httptest.NewRecorder()
		io.ServeHTTP(answer, r)
		if strings.Contains(answer.Body.String(), "lost") && lose.CompareAndSwap(false, true) {
			c, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_ = c.Close() // with the answer
			return
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	}))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		_ = io.Shutdown(ctx) // it may still wait for a client that has gone
		srv.Close()
	})
	ended := make(chan error, 1)
	c := dial(t, srv.URL, client.Options{Transport: client.Polling, OnDisconnect: func(_ *client.Client, err error) { ended <- err }})
	for range 3 { // on connections that are used again
		if _, err := c.Call(t.Context(), "echo", "kept"); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if _, err := c.Call(ctx, "echo", "lost"); err == nil {
		t.Error("what was lost is answered")
	}
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Error("the session goes on with a hole")
	}
	if n := polls.Load(); n != 0 {
		t.Errorf("it asked %d times more", n)
	}
}
