package server_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"snug/internal/server"
)

const domain = "chat.snug.test"

// byACME are the settings of a server that gets its certificates from the authority.
func byACME(t *testing.T, a *authority) server.Config {
	cfg := settings(t)
	cfg.ACME, cfg.ACMEDirectory, cfg.ACMEEmail = []string{domain, "www.snug.test"}, a.URL+"/directory", "ada@snug.test"
	return cfg
}

// startFor starts a server that the authority finds.
func startFor(t *testing.T, a *authority, cfg server.Config) *running {
	t.Helper()
	s, err := server.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	a.secure = func() string { return s.Addr().String() }
	a.plain = func() string { return s.RedirectAddr().String() }
	return run(t, s)
}

// visit opens a connection as a browser does that believes in the authority.
func visit(a *authority, s *running, name string, protocols ...string) (*tls.Conn, error) {
	d := &net.Dialer{Timeout: patience}
	return tls.DialWithDialer(d, "tcp", s.Addr().String(), &tls.Config{RootCAs: a.pool, ServerName: name, NextProtos: protocols})
}

// served checks that a domain is served, by HTTP/1.1 alone.
func served(t *testing.T, a *authority, s *running, name string) {
	t.Helper()
	var c *tls.Conn
	var err error
	for deadline := time.Now().Add(patience); ; { // while the authority is asked, a handshake may time out
		if c, err = visit(a, s, name, "h2", "http/1.1"); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	_, _ = io.WriteString(c, "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: "+name+"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	b := make([]byte, 12)
	if _, err := io.ReadFull(c, b); err != nil || string(b) != "HTTP/1.1 101" || c.ConnectionState().NegotiatedProtocol != "http/1.1" {
		t.Errorf("%s: %q by %q, %v", name, b, c.ConnectionState().NegotiatedProtocol, err)
	}
}

// By either challenge certificates are had, kept where nobody else can read
// them, and used again without the authority.
func TestACME(t *testing.T) {
	for _, way := range []string{"tls-alpn-01", "http-01"} {
		t.Run(way, func(t *testing.T) {
			a := newAuthority(t, way)
			cfg := byACME(t, a)
			if way == "http-01" {
				cfg.RedirectHTTP = "127.0.0.1:0"
			}
			s := startFor(t, a, cfg)
			served(t, a, s, domain)
			served(t, a, s, "www.snug.test")
			if a.contacts[0] != "mailto:ada@snug.test" {
				t.Errorf("the authority knows %q", a.contacts)
			}
			if way == "http-01" {
				stays := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
				defer stays.CloseIdleConnections()
				for path, want := range map[string]int{"/r/ABCDEFGH": 308, "/.well-known/acme-challenge/other": 404} {
					q, err := http.NewRequest("GET", "http://"+s.RedirectAddr().String()+path, nil)
					if err != nil {
						t.Fatal(err)
					}
					q.Host = domain
					r, err := stays.Do(q)
					if err != nil || r.StatusCode != want {
						t.Fatalf("by plain HTTP: %s: %v, %v; want %d", path, r, err, want)
					}
					r.Body.Close()
				}
			}
			// Who asks for another domain costs the authority nothing.
			asked := a.ordered()
			for _, name := range []string{"evil.snug.test", "snug.test", "chat.snug.test.evil.test"} {
				if c, err := visit(a, s, name); err == nil {
					c.Close()
					t.Errorf("%s is served", name)
				}
			}
			if n := a.ordered(); n != asked || n < 2 {
				t.Errorf("%d orders, %d before strangers came", n, asked)
			}
			s.stop()
			err := filepath.WalkDir(filepath.Join(cfg.Data, "acme"), func(path string, d fs.DirEntry, err error) error {
				if err != nil {
					return err
				}
				info, err := d.Info()
				if err == nil && info.Mode().Perm()&0o077 != 0 {
					t.Errorf("%s has mode %v", path, info.Mode())
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
			a.Close()
			s = startFor(t, a, cfg)
			served(t, a, s, domain)
		})
	}
}

// Without the authority nobody is served, the operator reads why, once a minute,
// and the server goes on.
func TestACMEAuthorityGone(t *testing.T) {
	a := newAuthority(t, "tls-alpn-01")
	cfg := byACME(t, a)
	cfg.ACME = cfg.ACME[:1]
	var log safeBuffer
	cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
	a.Close()
	s := startFor(t, a, cfg)
	for range 3 {
		if c, err := visit(a, s, domain); err == nil {
			c.Close()
			t.Error("served without a certificate")
		}
	}
	s.stop()
	if text := log.String(); strings.Count(text, "no certificate could be had") != 1 || !strings.Contains(text, "domain="+domain) {
		t.Errorf("logged:\n%s", text)
	}
}

// A safeBuffer may be written to from any goroutine.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer // guarded by mu
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
