package api

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Answers that no handler gives carry the security headers, those that a handler gives
// stay as it gave them, and who takes a connection over gets the TCP one itself.
func TestGuarded(t *testing.T) {
	// Writes that begin like an answer of net/http's own.
	piece := "HTTP/1.1 400 Bad Request\r\n\r\n" + strings.Repeat("x", 8<<10)
	taken := make(chan net.Conn, 1)
	server := NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" {
			c, rw, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = io.WriteString(rw, "HTTP/1.1 101 x\r\n\r\nbuffered, ")
			_ = rw.Flush()
			_, _ = io.WriteString(c, "bare\n")
			taken <- c
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Length", fmt.Sprint(3*len(piece)))
		for range 3 {
			_, _ = io.WriteString(w, piece)
			_ = http.NewResponseController(w).Flush()
		}
	}), ServerConfig{HeaderTimeout: time.Minute, IdleTimeout: time.Minute, HeaderBytes: 4 << 10}, slog.New(slog.DiscardHandler))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(Guarded(l)) }()
	t.Cleanup(func() { _ = server.Close(); <-done })
	dial := func() (net.Conn, *bufio.Reader) {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		return c, bufio.NewReader(c)
	}
	for name, bad := range map[string]struct {
		send   string
		status int
	}{
		"no request":           {"nonsense\r\n\r\n", 400},
		"no host":              {"GET / HTTP/1.1\r\n\r\n", 400},
		"a header too large":   {"GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 16<<10) + "\r\n\r\n", 431},
		"an unknown encoding":  {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501},
		"an unknown version":   {"GET / HTTP/7.1\r\nHost: x\r\n\r\n", 505},
		"what nobody can keep": {"POST / HTTP/1.1\r\nHost: x\r\nExpect: magic\r\n\r\n", 417},
	} {
		c, r := dial()
		for round := range 2 { // what came before changes nothing, neither way
			_, _ = io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
			if line, err := r.ReadString('\n'); err != nil || line != "HTTP/1.1 100 Continue\r\n" {
				t.Errorf("%s: asked to go on: %q, %v", name, line, err)
			}
			_, _ = r.ReadString('\n')
			_, _ = io.WriteString(c, "abc")
			answer, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(answer.Body)
			if err != nil || string(body) != strings.Repeat(piece, 3) || answer.Header.Get("Referrer-Policy") != "" {
				t.Errorf("%s: round %d: a handler's answer has %d bytes, want %d; %v, %v", name, round, len(body), 3*len(piece), answer.Header, err)
			}
		}
		_, _ = io.WriteString(c, bad.send)
		answer, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		body, err := io.ReadAll(answer.Body)
		if err != nil || answer.StatusCode != bad.status || !answer.Close || strings.Contains(string(body), "<") {
			t.Errorf("%s: %d, %v, %q, %v", name, answer.StatusCode, answer.Header, body, err)
		}
		for _, h := range guards {
			if got := answer.Header.Get(h[0]); got != h[1] {
				t.Errorf("%s: %s is %q", name, h[0], got)
			}
		}
	}

	c, r := dial()
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
	for _, want := range []string{"HTTP/1.1 101 x\r\n", "\r\n", "buffered, bare\n"} {
		if line, err := r.ReadString('\n'); line != want {
			t.Errorf("taken over: %q, %v, want %q", line, err, want)
		}
	}
	got := <-taken
	if _, is := got.(*net.TCPConn); !is {
		t.Errorf("who takes it over gets a %T", got)
	}
	got.Close()
}
