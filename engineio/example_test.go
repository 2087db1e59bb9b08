package engineio_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"snug/engineio"
)

// An echo sends back what its session receives.
type echo struct{ conn *engineio.Conn }

func (e echo) HandleMessage(t engineio.MessageType, b []byte) {
	_ = e.conn.Send(engineio.NewFrame(t, slices.Clone(b))) // b is not ours to keep
}

func (e echo) HandleClose(err *engineio.CloseError) { fmt.Println("closed:", err.Reason) }

// A server that sends every message back, and a client that speaks the protocol
// by hand: a handshake, a POST that sends, a GET that receives.
func Example() {
	server := &engineio.Server{
		Accept: func(c *engineio.Conn) engineio.Handler { return echo{c} },
	}
	mux := http.NewServeMux()
	mux.Handle("/engine.io/", server)
	site := httptest.NewServer(mux)
	defer site.Close()

	url := site.URL + "/engine.io/?EIO=4&transport=polling"
	open := read(http.Get(url))
	sid, _, _ := strings.Cut(strings.TrimPrefix(open, `0{"sid":"`), `"`)
	url += "&sid=" + sid

	fmt.Println(read(http.Post(url, "text/plain", strings.NewReader("4hello\x1ebAQID"))))
	fmt.Printf("%q\n", read(http.Get(url)))
	fmt.Println(read(http.Post(url, "text/plain", strings.NewReader("1"))))

	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		fmt.Println(err)
	}
	http.DefaultClient.CloseIdleConnections()
	// Unordered output:
	// ok
	// "4hello\x1ebAQID"
	// ok
	// closed: transport close
}

func read(r *http.Response, err error) string {
	if err != nil {
		return err.Error()
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// One frame is encoded once and sent to any number of sessions.
func ExampleJoinFrames() {
	first := engineio.NewFrame(engineio.Text, []byte("first"))
	second := engineio.NewFrame(engineio.Binary, []byte{1, 2, 3})
	both := engineio.JoinFrames(first, second)
	broadcast := func(conns []*engineio.Conn) {
		for _, c := range conns {
			_ = c.Send(both) // it never blocks; a session that has ended hears of it in HandleClose
		}
	}
	broadcast(nil)
	fmt.Println(first.Len(), second.Len(), both.Len())
	// Output: 8 5 13
}

// A quiet echo says nothing of its end.
type quiet struct{ echo }

func (quiet) HandleClose(*engineio.CloseError) {}

// Handshakes can be refused by whatever the request says, and sessions counted.
func ExampleRefusal() {
	var open atomic.Int64
	server := &engineio.Server{
		Accept: func(c *engineio.Conn) engineio.Handler { return quiet{echo{c}} },
		Admit: func(r *http.Request) (leave func(), err error) {
			if open.Add(1) > 1 {
				open.Add(-1)
				return nil, &engineio.Refusal{Status: http.StatusServiceUnavailable, RetryAfter: time.Minute, Message: "Full house"}
			}
			return func() { open.Add(-1) }, nil
		},
	}
	for range 2 {
		w := httptest.NewRecorder()
		server.ServeHTTP(w, httptest.NewRequest("GET", "/engine.io/?EIO=4&transport=polling", nil))
		fmt.Println(w.Code, w.Header().Get("Retry-After"), w.Body.String()[:8])
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // nobody is waited for
	_ = server.Shutdown(ctx)
	// Output:
	// 200  0{"sid":
	// 503 60 {"code":
}
