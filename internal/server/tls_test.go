package server_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"snug/internal/server"
)

// certificate makes one for 127.0.0.1, in files, and who believes in it.
func certificate(t *testing.T) (cert, key string, pool *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "snug.test"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, b []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	pool = x509.NewCertPool()
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool.AddCert(parsed)
	return write("cert.pem", "CERTIFICATE", der), write("key.pem", "PRIVATE KEY", secret), pool
}

func TestTLS(t *testing.T) {
	cfg := settings(t)
	var pool *x509.CertPool
	cfg.TLSCert, cfg.TLSKey, pool = certificate(t)
	cfg.RedirectHTTP = "127.0.0.1:0"
	s := start(t, cfg)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "localhost"}}
	defer transport.CloseIdleConnections()
	browser := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	secure := strings.Replace(s.url, "http:", "https:", 1)
	for _, path := range []string{"/", "/healthz", "/socket.io/?EIO=4&transport=polling", "/nothing"} {
		r, err := browser.Get(secure + path)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, r.Body)
		r.Body.Close()
		if r.ProtoMajor != 1 || r.Header.Get("Strict-Transport-Security") != "max-age=31536000" {
			t.Errorf("%s: %s, HSTS %q", path, r.Proto, r.Header.Get("Strict-Transport-Security"))
		}
	}
	c, err := tls.Dial("tcp", s.Addr().String(), &tls.Config{RootCAs: pool, ServerName: "localhost"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, _ = io.WriteString(c, "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	b := make([]byte, 12)
	if _, err := io.ReadFull(c, b); err != nil || string(b) != "HTTP/1.1 101" {
		t.Errorf("a WebSocket: %q, %v", b, err)
	}

	r, err := browser.Get("http://" + s.RedirectAddr().String() + "/r/ABCDEFGH?x=1")
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	_, port, _ := strings.Cut(s.Addr().String(), ":")
	if want := "https://127.0.0.1:" + port + "/r/ABCDEFGH?x=1"; r.StatusCode != 308 || r.Header.Get("Location") != want {
		t.Errorf("by plain HTTP: %s to %s, want %s", r.Status, r.Header.Get("Location"), want)
	}
}

// Also what no handler answers carries the security headers, by TLS, by plain HTTP
// where TLS is spoken, and where visitors are sent on from; and a handshake has its time.
func TestTLSWithoutAHandler(t *testing.T) {
	cfg := settings(t)
	var pool *x509.CertPool
	cfg.TLSCert, cfg.TLSKey, pool = certificate(t)
	cfg.RedirectHTTP = "127.0.0.1:0"
	cfg.HeaderTimeout = 300 * time.Millisecond
	s := start(t, cfg)
	whole := func(c net.Conn, err error, send string) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		_, _ = io.WriteString(c, send)
		b, err := io.ReadAll(c)
		if err != nil {
			t.Errorf("after %q: %v", b, err)
		}
		return string(b)
	}
	trust := &tls.Config{RootCAs: pool, ServerName: "localhost"}
	byTLS, err := tls.Dial("tcp", s.Addr().String(), trust)
	secure := whole(byTLS, err, "nonsense\r\n\r\n")
	c, err := net.Dial("tcp", s.Addr().String())
	plain := whole(c, err, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	c, err = net.Dial("tcp", s.RedirectAddr().String())
	redirect := whole(c, err, "nonsense\r\n\r\n")
	for name, got := range map[string]string{"by TLS": secure, "by plain HTTP": plain, "where one is sent on": redirect} {
		if !strings.HasPrefix(got, "HTTP/1.") || !strings.HasPrefix(got[8:], " 400 ") || !strings.Contains(got, "\r\nContent-Security-Policy: default-src 'none'") ||
			!strings.Contains(got, "\r\nX-Content-Type-Options: nosniff\r\n") || !strings.Contains(got, "\r\nContent-Type: text/plain") {
			t.Errorf("%s: %q", name, got)
		}
		if hsts := strings.Contains(got, "\r\nStrict-Transport-Security: max-age=31536000\r\n"); hsts != (name == "by TLS") {
			t.Errorf("%s: HSTS %t", name, hsts)
		}
	}
	for name, send := range map[string]string{"silence": "", "half a greeting": "\x16\x03\x01\x02\x00\x01", "no TLS": strings.Repeat("x", 100)} {
		c, err := net.Dial("tcp", s.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		_, _ = io.WriteString(c, send)
		if n, err := io.Copy(io.Discard, c); n > 7 || errors.Is(err, os.ErrDeadlineExceeded) { // an alert, if anything
			t.Errorf("%s in place of a greeting: %d bytes, %v", name, n, err)
		}
	}
}

func TestTLSRefusals(t *testing.T) {
	cert, _, _ := certificate(t)
	_, key, _ := certificate(t)
	for want, set := range map[string]func(*server.Config){
		"go together":            func(c *server.Config) { c.TLSCert = cert },
		"does not match":         func(c *server.Config) { c.TLSCert, c.TLSKey = cert, key },
		"no such file":           func(c *server.Config) { c.TLSCert, c.TLSKey = "none", "none" },
		"--redirect-http needs":  func(c *server.Config) { c.RedirectHTTP = "127.0.0.1:0" },
		"one or the other":       func(c *server.Config) { c.ACME, c.TLSCert = []string{"chat.test"}, cert },
		"go with --acme":         func(c *server.Config) { c.ACMEDirectory = "https://acme.test/dir" },
		"email go with --acme":   func(c *server.Config) { c.ACMEEmail = "a@b.test" },
		"takes domains":          func(c *server.Config) { c.ACME = []string{"192.0.2.1"} },
		"a wildcard":             func(c *server.Config) { c.ACME = []string{"*.chat.test"} },
		"no scheme":              func(c *server.Config) { c.ACME = []string{"chat.test", "https://chat.test/"} },
		"\"localhost\" is no":    func(c *server.Config) { c.ACME = []string{"localhost"} },
		"is no URL":              func(c *server.Config) { c.ACME, c.ACMEDirectory = []string{"chat.test"}, "acme.test" },
		"by plain HTTP only":     func(c *server.Config) { c.ACME, c.ACMEDirectory = []string{"chat.test"}, "http://acme.test/dir" },
		"is no e-mail address":   func(c *server.Config) { c.ACME, c.ACMEEmail = []string{"chat.test"}, "me" },
		"--base-path begins and": func(c *server.Config) { c.BasePath = "chat" },
	} {
		cfg := settings(t)
		set(&cfg)
		if _, err := server.New(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// Under a path the whole site is there, and nothing beside it.
func TestBasePath(t *testing.T) {
	cfg := settings(t)
	cfg.BasePath = "/chat/"
	s := start(t, cfg)
	defer http.DefaultClient.CloseIdleConnections()
	for path, want := range map[string]int{
		"/chat/": 200, "/chat": 200, "/chat/r/ABCDEFGH": 200, "/chat/healthz": 200, "/chat/nothing": 404,
		"/": 404, "/healthz": 404, "/chatter": 404, "/r/ABCDEFGH": 404, "/socket.io/?EIO=4&transport=polling": 404,
	} {
		r, err := http.Get(s.url + path)
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		if r.StatusCode != want || r.Header.Get("Content-Security-Policy") == "" {
			t.Errorf("%s: %s, want %d", path, r.Status, want)
		}
		if path == "/chat" && r.Request.URL.Path != "/chat/" {
			t.Errorf("/chat leads to %s", r.Request.URL.Path)
		}
	}
	w := s.raw()
	io.WriteString(w.c, "GET /chat/socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	if line, err := w.r.ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 101") {
		t.Errorf("a WebSocket: %q, %v", line, err)
	}
}
