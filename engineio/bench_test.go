package engineio

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/gobwas/ws"
)

// sink is a session that throws away what comes, and counts it.
type sink struct{ got chan struct{} }

func (s sink) HandleMessage(MessageType, []byte) { s.got <- struct{}{} }
func (s sink) HandleClose(*CloseError)           {}

// benchConns opens n sessions on WebSockets, whose clients' ends are returned
// after the open packet.
func benchConns(b *testing.B, n int) (conns []*Conn, clients []net.Conn, got chan struct{}) {
	b.Helper()
	got = make(chan struct{}, 1024)
	accepted := make(chan *Conn, n)
	server := &Server{
		Logger:    slog.New(slog.DiscardHandler),
		MaxOutbox: 64 << 20,
		Accept: func(c *Conn) Handler {
			accepted <- c
			return sink{got}
		},
	}
	hs := httptest.NewServer(server)
	for range n {
		c, err := net.Dial("tcp", hs.Listener.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		clients = append(clients, c)
		if _, err := io.WriteString(c, rawHandshake("")); err != nil {
			b.Fatal(err)
		}
		var in []byte
		for buf := make([]byte, 1024); !bytes.HasSuffix(in, []byte("}")); {
			k, err := c.Read(buf)
			if err != nil {
				b.Fatal(err)
			}
			in = append(in, buf[:k]...)
		}
		conns = append(conns, <-accepted)
	}
	b.Cleanup(func() {
		for _, c := range clients {
			_ = c.Close()
		}
		_ = server.Shutdown(b.Context())
		hs.Close()
	})
	return conns, clients, got
}

// BenchmarkReceive is the way of one small message from a WebSocket to its handler.
func BenchmarkReceive(b *testing.B) {
	_, clients, got := benchConns(b, 1)
	const batch = 64
	frame := rawFrame(true, 0, ws.OpText, append([]byte{'4'}, bytes.Repeat([]byte("x"), 200)...))
	in := bytes.Repeat(frame, batch)
	b.SetBytes(int64(len(frame)))
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		if n%batch == 0 {
			if _, err := clients[0].Write(in); err != nil {
				b.Fatal(err)
			}
		}
		<-got
	}
	b.StopTimer()
	for len(got) > 0 {
		<-got
	}
}

// BenchmarkDecoder is the parsing of it alone.
func BenchmarkDecoder(b *testing.B) {
	d := decoder{limit: 1 << 20}
	frame := rawFrame(true, 0, ws.OpText, append([]byte{'4'}, bytes.Repeat([]byte("x"), 200)...))
	in := bytes.Clone(frame)
	b.SetBytes(int64(len(frame)))
	b.ReportAllocs()
	for b.Loop() {
		copy(in, frame)
		if _, _, ok, err := d.next(in); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}

// BenchmarkBroadcast is one frame sent to 200 sessions, whose clients read it:
// an operation is one delivery.
func BenchmarkBroadcast(b *testing.B) {
	const members = 200
	for _, bc := range []struct {
		name  string
		batch int // frames sent before the clients are waited for
	}{{"one", 1}, {"sixteen", 16}} {
		b.Run(bc.name, func(b *testing.B) {
			conns, clients, _ := benchConns(b, members)
			frame := NewFrame(Text, bytes.Repeat([]byte("x"), 200))
			arrived := make(chan struct{}, members)
			var wg sync.WaitGroup
			defer wg.Wait()
			for _, c := range clients {
				wg.Go(func() {
					buf := make([]byte, bc.batch*frame.Len())
					for {
						if _, err := io.ReadFull(c, buf); err != nil {
							return
						}
						arrived <- struct{}{}
					}
				})
			}
			b.ReportAllocs()
			for b.Loop() {
				for range bc.batch {
					for _, c := range conns {
						if err := c.Send(frame); err != nil {
							b.Fatal(err)
						}
					}
				}
				for range members {
					<-arrived
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*bc.batch*members), "ns/delivery")
			for _, c := range clients {
				_ = c.Close()
			}
		})
	}
}

// BenchmarkGroup is one frame sent to a group of 200, whose clients read it: an
// operation is a message with all of its deliveries.
func BenchmarkGroup(b *testing.B) {
	const members = 200
	for _, bc := range []struct {
		name  string
		batch int // frames sent before the clients are waited for
	}{{"one", 1}, {"sixteen", 16}} {
		b.Run(bc.name, func(b *testing.B) {
			conns, clients, _ := benchConns(b, members)
			g := conns[0].engine.newGroup(false)
			frame := NewFrame(Text, bytes.Repeat([]byte("x"), 200))
			arrived := make(chan struct{}, members)
			var wg sync.WaitGroup
			defer wg.Wait()
			for i, c := range clients {
				m := g.Add(conns[i])
				defer m.Leave()
				wg.Go(func() {
					buf := make([]byte, bc.batch*frame.Len())
					for {
						if _, err := io.ReadFull(c, buf); err != nil {
							return
						}
						arrived <- struct{}{}
					}
				})
			}
			b.ReportAllocs()
			for b.Loop() {
				for range bc.batch {
					g.Send(frame)
				}
				for range members {
					<-arrived
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*bc.batch*members), "ns/delivery")
			for _, c := range clients {
				_ = c.Close()
			}
		})
	}
}

func BenchmarkNewFrame(b *testing.B) {
	body := bytes.Repeat([]byte("x"), 200)
	b.ReportAllocs()
	for b.Loop() {
		NewFrame(Text, body)
	}
}

// BenchmarkPoll is one POST and one GET of a polling session, without a network.
func BenchmarkPoll(b *testing.B) {
	accepted := make(chan *Conn, 1)
	s := &Server{
		Logger: slog.New(slog.DiscardHandler),
		Accept: func(c *Conn) Handler {
			app := &session{Conn: c, closed: make(chan *CloseError, 1)}
			accepted <- c
			return app
		},
	}
	s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/?EIO=4&transport=polling", nil))
	c := <-accepted
	body := append([]byte{'4'}, bytes.Repeat([]byte("x"), 200)...)
	b.ReportAllocs()
	for b.Loop() {
		post := httptest.NewRequest("POST", pollingTarget(c.ID()), bytes.NewReader(body))
		s.ServeHTTP(httptest.NewRecorder(), post)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest("GET", pollingTarget(c.ID()), http.NoBody))
		if w.Code != 200 || w.Body.Len() != len(body) {
			b.Fatal(w.Code, w.Body)
		}
	}
	c.fail(ReasonForcedClose, endCut, nil)
}
