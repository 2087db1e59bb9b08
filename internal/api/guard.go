package api

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// What is no request that a handler could be given, net/http answers by itself,
// with a line of text and no headers of ours: 400, 417, 431, 501, 505. Guarded puts them there.

// Guarded is l with connections on which also those answers carry the security
// headers. l's are TCP or TLS ones; its server is one of NewServer. A handler that
// takes a connection over from net/http gets l's own, as if there were no Guarded.
func Guarded(l net.Listener) net.Listener { return guardedListener{l} }

type guardedListener struct{ net.Listener }

// Accept implements net.Listener.
func (l guardedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if secure, is := c.(*tls.Conn); is {
		return &guardedTLS{guardedConn: guardedConn{Conn: c, headers: guardLines + "Strict-Transport-Security: " + hsts + "\r\n"}, tls: secure}, nil
	}
	return &guardedConn{Conn: c, headers: guardLines}, nil
}

// guardLines are the security headers as they are on the wire.
var guardLines = func() string {
	var b strings.Builder
	for _, h := range guards {
		fmt.Fprintf(&b, "%s: %s\r\n", h[0], h[1])
	}
	return b.String()
}()

// A guardedConn is a connection while net/http has it.
type guardedConn struct {
	net.Conn
	headers string // static

	// attended: a handler has the request, and what is written is its answer.
	attended atomic.Bool
}

// Write puts the headers behind the status line of what no handler has written:
// that is one answer, in one piece.
func (c *guardedConn) Write(b []byte) (int, error) {
	if c.attended.Load() {
		return c.Conn.Write(b)
	}
	line := bytes.IndexByte(b, '\n') + 1
	if _, err := c.Conn.Write(slices.Concat(b[:line], []byte(c.headers), b[line:])); err != nil {
		return 0, err
	}
	return len(b), nil
}

// CloseWrite is what net/http does before it closes a connection with unread
// bytes: closed at once, it would be reset, and the answer might be lost.
func (c *guardedConn) CloseWrite() error {
	if half, is := c.Conn.(interface{ CloseWrite() error }); is {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// A guardedTLS is a guardedConn whose peer speaks TLS, or should.
type guardedTLS struct {
	guardedConn
	tls      *tls.Conn
	patience time.Duration // for the handshake; static once net/http has the connection
}

// ConnectionState is what net/http tells handlers of the TLS there is. It asks
// before it reads anything, on the connection's own goroutine, so that the handshake
// is done here: only of a *[tls.Conn] net/http would do it.
func (c *guardedTLS) ConnectionState() tls.ConnectionState {
	_ = c.tls.SetDeadline(time.Now().Add(c.patience))
	err := c.tls.HandshakeContext(context.Background())
	if e, is := errors.AsType[tls.RecordHeaderError](err); is && e.Conn != nil && speaksHTTP(e.RecordHeader) {
		_, _ = io.WriteString(e.Conn, "HTTP/1.0 400 Bad Request\r\n"+guardLines+
			"Content-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\nThis address speaks HTTPS alone.\n") // it may have gone
	}
	_ = c.tls.SetDeadline(time.Time{})
	if err != nil {
		_ = c.tls.NetConn().Close() // there is nothing to say by a TLS that is none
	}
	return c.tls.ConnectionState()
}

// speaksHTTP reports whether what came in place of TLS begins like a request.
func speaksHTTP(head [5]byte) bool {
	return slices.Contains([]string{"GET /", "HEAD ", "POST ", "PUT /", "OPTIO"}, string(head[:]))
}

type connKey struct{}

// remember is an [http.Server]'s ConnContext: it lets attend find the connection.
func remember(ctx context.Context, c net.Conn) context.Context {
	switch c := c.(type) {
	case *guardedConn:
		return context.WithValue(ctx, connKey{}, c)
	case *guardedTLS:
		server, _ := ctx.Value(http.ServerContextKey).(*http.Server)
		c.patience = server.ReadHeaderTimeout
		return context.WithValue(ctx, connKey{}, &c.guardedConn)
	}
	return ctx
}

// attend notes on a request's connection that h answers it, and has h, should it
// take the connection over, get it bare.
func attend(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, is := r.Context().Value(connKey{}).(*guardedConn); is {
			c.attended.Store(true)
			if r.Header.Get("Upgrade") != "" {
				w = &handover{w, c}
			}
		}
		h.ServeHTTP(w, r)
	})
}

// idle notes that net/http waits for a request, when its server's ConnState says so.
func idle(c net.Conn, state http.ConnState) {
	if state != http.StateIdle {
		return
	}
	switch c := c.(type) {
	case *guardedConn:
		c.attended.Store(false)
	case *guardedTLS:
		c.attended.Store(false)
	}
}

// A handover writes the answer to a request to change the protocol.
type handover struct {
	http.ResponseWriter
	conn *guardedConn
}

// Unwrap lets an http.ResponseController see what else the writer can do.
func (w *handover) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Hijack implements http.Hijacker.
func (w *handover) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil || c == nil {
		return c, rw, err
	}
	rw.Writer.Reset(w.conn.Conn)
	return w.conn.Conn, rw, nil
}
