package engineio

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// secured sends requests by https.
type secured struct{ *http.Transport }

func (s secured) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Scheme = "https"
	return s.Transport.RoundTrip(r)
}

// overHTTP2 is a site whose requests share one connection of HTTP/2.
func overHTTP2(t *testing.T) *site {
	t.Helper()
	s := &site{t: t, sessions: map[string]*session{}}
	s.server = &Server{Logger: slog.New(slog.DiscardHandler)}
	s.server.Accept = func(c *Conn) Handler {
		app := &session{Conn: c, closed: make(chan *CloseError, 2)}
		s.mu.Lock()
		s.sessions[c.ID()] = app
		s.mu.Unlock()
		return app
	}
	hs := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			t.Errorf("a request by %s", r.Proto)
		}
		s.server.ServeHTTP(w, r)
	}))
	hs.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	hs.EnableHTTP2 = true
	hs.StartTLS()
	dial := hs.Client().Transport.(*http.Transport)
	s.client = &http.Client{Transport: secured{dial}}
	dial.DialContext = func(context.Context, string, string) (net.Conn, error) {
		return net.Dial("tcp", hs.Listener.Addr().String())
	}
	dial.TLSClientConfig.InsecureSkipVerify = true
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = s.server.Shutdown(ctx)
		dial.CloseIdleConnections()
		hs.Close()
	})
	return s
}

// Polling is at home on HTTP/2 too, where a request that is cut off leaves its
// connection behind. WebSockets are not.
func TestHTTP2(t *testing.T) {
	s := overHTTP2(t)
	by := s.openPolling()

	app := s.openPolling()
	s.want(s.post(app.ID(), "4a\x1ebAQID"), 200, "ok")
	s.want(s.get(app.ID()), 200, "4a\x1ebAQID")
	poll := s.getLater(app.ID())
	app.waiting(t)
	s.want(s.post(app.ID(), "4hello"), 200, "ok")
	s.wantLater(poll, 200, "4hello")
	s.want(s.do("GET", pollingTarget(app.ID()), "4a"), 400, badRequest) // a body
	s.want(s.post(app.ID(), "4"+strings.Repeat("x", 1_000_000)), 413, `{"code":3,"message":"Payload too large"}`)
	s.want(s.do("GET", "/engine.io/?EIO=4&transport=websocket", ""), 400, badRequest)
	app.wantOpen(t)

	poll = s.getLater(app.ID())
	app.waiting(t)
	s.want(s.get(app.ID()), 400, badRequest)
	s.wantLater(poll, 200, "1")
	app.wantClosed(t, ReasonTransportError)

	app = s.openPolling()
	ctx, cancel := context.WithCancel(t.Context())
	go func() { _, _ = s.try(ctx, "GET", pollingTarget(app.ID()), "") }()
	app.waiting(t)
	cancel()
	app.wantClosed(t, ReasonTransportClose)

	app = s.openPolling()
	ctx, cancel = context.WithCancel(t.Context())
	body, write := io.Pipe()
	posted := make(chan error, 1)
	go func() {
		req, err := http.NewRequestWithContext(ctx, "POST", "http://snug.test"+pollingTarget(app.ID()), body)
		if err == nil {
			_, err = s.client.Do(req)
		}
		posted <- err
	}()
	if _, err := write.Write([]byte("4half")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a POST is under way", func() bool {
		app.Conn.mu.Lock()
		defer app.Conn.mu.Unlock()
		return app.post != nil
	})
	cancel()
	app.wantClosed(t, ReasonTransportClose)
	if err := <-posted; err == nil {
		t.Error("half a POST was answered")
	}
	if got := app.messages(); len(got) != 0 {
		t.Errorf("received %q of half a request", got)
	}

	by.wantOpen(t)
	s.want(s.post(by.ID(), "4still here"), 200, "ok")
	s.want(s.get(by.ID()), 200, "4still here")
}
