package api

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"snug/internal/chat"
)

// A pipe is a listener of one connection in memory, for fake time.
type pipe chan net.Conn

func (p pipe) Accept() (net.Conn, error) {
	if c, open := <-p; open {
		return c, nil
	}
	return nil, net.ErrClosed
}
func (p pipe) Close() error   { return nil }
func (p pipe) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

// from gives a connection an address.
type from struct {
	net.Conn
	addr net.Addr
}

func (f from) RemoteAddr() net.Addr { return f.addr }

// A body that does not come holds no connection for longer than its time, not
// even where nobody wants it: net/http waits for it before it answers.
func TestSlowBodies(t *testing.T) {
	barred := netip.MustParseAddr("192.0.2.7")
	for name, tc := range map[string]struct{ address, target, status string }{
		"a banned address": {"192.0.2.7", "/", "403"},
		"no such page":     {"192.0.2.8", "/nowhere", "404"},
		"outside the base": {"192.0.2.8", "/../x", "307"},
		"the token":        {"192.0.2.8", "/api/v1/token", "200"},
		"the health":       {"192.0.2.8", "/healthz", "405"},
		"the protocol":     {"192.0.2.8", "/socket.io/", "200"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, err := New(Config{
					Socket:  http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "socket") }),
					Keys:    chat.NewKeyring([32]byte{1}),
					Healthy: func() *chat.Error { return nil },
					App:     fstest.MapFS{"index.html": {Data: []byte(indexHTML)}},
					Banned:  func(a netip.Addr) (time.Time, bool) { return chat.Forever, a == barred },
				})
				if err != nil {
					t.Fatal(err)
				}
				server := NewServer(h, ServerConfig{HeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute, HeaderBytes: 16 << 10}, slog.New(slog.DiscardHandler))
				p, served := make(pipe), make(chan error, 1)
				go func() { served <- server.Serve(p) }()
				near, far := net.Pipe()
				p <- from{far, &net.TCPAddr{IP: net.ParseIP(tc.address), Port: 1}}
				if _, err := io.WriteString(near, "POST "+tc.target+" HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf"); err != nil {
					t.Fatal(err)
				}
				begin := time.Now()
				_ = near.SetReadDeadline(begin.Add(time.Hour))
				b, err := io.ReadAll(near)
				if err != nil || !strings.HasPrefix(string(b), "HTTP/1.1 "+tc.status) || time.Since(begin) > readPatience {
					t.Errorf("%.80q, %v after %v; want %s and the end within %v", b, err, time.Since(begin), tc.status, readPatience)
				}

				// Nor an answer that is not taken.
				deaf, far := net.Pipe()
				p <- from{far, &net.TCPAddr{IP: net.ParseIP(tc.address), Port: 2}}
				if _, err := io.WriteString(deaf, "POST "+tc.target+" HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
					t.Fatal(err)
				}
				begin = time.Now()
				_ = deaf.SetWriteDeadline(begin.Add(time.Hour))
				if _, err := io.WriteString(deaf, "more"); err == nil || time.Since(begin) > writePatience {
					t.Errorf("read on, or closed after %v: %v; want the end within %v", time.Since(begin), err, writePatience)
				}
				_ = deaf.Close()
				_ = near.Close()
				close(p)
				_ = server.Close()
				<-served
			})
		})
	}
}
