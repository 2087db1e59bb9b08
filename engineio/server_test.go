package engineio

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"
)

// wsHeader is what makes a request a WebSocket handshake.
var wsHeader = []string{
	"Connection", "Upgrade", "Upgrade", "websocket",
	"Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==",
}

// without returns wsHeader with one field changed, or left out.
func without(name string, value ...string) []string {
	var h []string
	for i := 0; i < len(wsHeader); i += 2 {
		if wsHeader[i] != name {
			h = append(h, wsHeader[i], wsHeader[i+1])
		}
	}
	for _, v := range value {
		h = append(h, name, v)
	}
	return h
}

// Errors over HTTP: each by its code, and in the order of the checks.
func TestRefusedRequests(t *testing.T) {
	s := onTCP(t, func(s *Server) {
		s.Path = "/engine.io/"
		s.Admit = func(r *http.Request) (func(), error) {
			if r.URL.Query().Get("token") == "bad" {
				return nil, errors.New("a secret of the application")
			}
			return nil, nil
		}
	})
	by := s.bystander()
	polling, socketed := s.openPolling(), by.app
	for _, tc := range []struct {
		name, method, target string
		header               []string
		status               int
		body                 string
	}{
		{"no transport", "GET", "/engine.io/?EIO=4", nil, 400, transportUnknown},
		{"unknown transport", "GET", "/engine.io/?EIO=4&transport=abc", nil, 400, transportUnknown},
		{"webtransport", "GET", "/engine.io/?EIO=4&transport=webtransport", nil, 400, transportUnknown},
		{"inherited name", "GET", "/engine.io/?EIO=4&transport=constructor", nil, 400, transportUnknown},
		{"transport before sid", "GET", "/engine.io/?EIO=4&transport=abc&sid=x", nil, 400, transportUnknown},
		{"transport before method", "PUT", "/engine.io/?EIO=4", nil, 400, transportUnknown},
		{"unknown sid", "GET", "/engine.io/?EIO=4&transport=polling&sid=x", nil, 400, unknownSID},
		{"unknown sid posted to", "POST", "/engine.io/?EIO=4&transport=polling&sid=x", nil, 400, unknownSID},
		{"unknown sid on a websocket", "GET", "/engine.io/?EIO=4&transport=websocket&sid=x", wsHeader, 400, unknownSID},
		{"sid before method", "PUT", "/engine.io/?EIO=4&transport=polling&sid=x", nil, 400, unknownSID},
		{"polling a websocket's session", "GET", pollingTarget(socketed.ID()), nil, 400, badRequest},
		{"posting to a websocket's session", "POST", pollingTarget(socketed.ID()), nil, 400, badRequest},
		{"mismatch before method", "PUT", pollingTarget(socketed.ID()), nil, 400, badRequest},
		{"handshake by POST", "POST", "/engine.io/?EIO=4&transport=polling", nil, 400, badMethod},
		{"handshake by PUT", "PUT", "/engine.io/?EIO=4&transport=polling", nil, 400, badMethod},
		{"handshake by POST with an empty sid", "POST", "/engine.io/?EIO=4&transport=polling&sid=", nil, 400, badMethod},
		{"method before upgrade", "POST", "/engine.io/?EIO=4&transport=websocket", nil, 400, badMethod},
		{"method before EIO", "POST", "/engine.io/?transport=polling", nil, 400, badMethod},
		{"another method with a valid sid", "PUT", pollingTarget(polling.ID()), nil, 405, badRequest},
		{"DELETE with a valid sid", "DELETE", pollingTarget(polling.ID()), nil, 405, badRequest},
		{"websocket without Upgrade", "GET", "/engine.io/?EIO=4&transport=websocket", nil, 400, badRequest},
		{"websocket with another Upgrade", "GET", "/engine.io/?EIO=4&transport=websocket", without("Upgrade", "h2c"), 400, badRequest},
		{"websocket without Connection", "GET", "/engine.io/?EIO=4&transport=websocket", without("Connection"), 400, badRequest},
		{"websocket without key", "GET", "/engine.io/?EIO=4&transport=websocket", without("Sec-WebSocket-Key"), 400, badRequest},
		{"websocket with a short key", "GET", "/engine.io/?EIO=4&transport=websocket", without("Sec-WebSocket-Key", "YWJj"), 400, badRequest},
		{"websocket with a key that is no base64", "GET", "/engine.io/?EIO=4&transport=websocket", without("Sec-WebSocket-Key", "!!!!!!!!!!!!!!!!!!!!!!!!"), 400, badRequest},
		{"websocket of another version", "GET", "/engine.io/?EIO=4&transport=websocket", without("Sec-WebSocket-Version", "8"), 400, badRequest},
		{"upgrade without Upgrade", "GET", "/engine.io/?EIO=4&transport=websocket&sid=" + polling.ID(), nil, 400, badRequest},
		{"polling with Upgrade", "GET", "/engine.io/?EIO=4&transport=polling", wsHeader, 400, badRequest},
		{"upgrade before the application's refusal", "GET", "/engine.io/?transport=websocket&token=bad", nil, 400, badRequest},
		{"the application's refusal", "GET", "/engine.io/?EIO=4&transport=polling&token=bad", nil, 403, forbidden},
		{"the application's refusal of a websocket", "GET", "/engine.io/?EIO=4&transport=websocket&token=bad", wsHeader, 403, forbidden},
		{"the application's refusal before EIO", "GET", "/engine.io/?transport=polling&token=bad", nil, 403, forbidden},
		{"no EIO", "GET", "/engine.io/?transport=polling", nil, 400, badVersion},
		{"EIO=abc", "GET", "/engine.io/?transport=polling&EIO=abc", nil, 400, badVersion},
		{"EIO=3", "GET", "/engine.io/?transport=polling&EIO=3", nil, 400, badVersion},
		{"EIO=3 on a websocket", "GET", "/engine.io/?transport=websocket&EIO=3", wsHeader, 400, badVersion},
		{"foreign origin", "GET", "/engine.io/?EIO=4&transport=polling", []string{"Origin", "http://evil.test"}, 403, forbidden},
		{"foreign origin on a websocket", "GET", "/engine.io/?EIO=4&transport=websocket", append([]string{"Origin", "http://evil.test"}, wsHeader...), 403, forbidden},
		{"foreign origin with a valid sid", "POST", pollingTarget(polling.ID()), []string{"Origin", "http://evil.test"}, 403, forbidden},
		{"foreign origin upgrading", "GET", "/engine.io/?EIO=4&transport=websocket&sid=" + polling.ID(), append([]string{"Origin", "http://evil.test"}, wsHeader...), 403, forbidden},
		{"wrong path", "GET", "/other/?EIO=4&transport=polling", nil, 404, "404 page not found\n"},
		{"wrong path of a websocket", "GET", "/other/?EIO=4&transport=websocket", wsHeader, 404, "404 page not found\n"},
		{"wrong path with a valid sid", "POST", strings.Replace(pollingTarget(polling.ID()), "engine.io", "other", 1), nil, 404, "404 page not found\n"},
		{"wrong path of OPTIONS", "OPTIONS", "/other/?EIO=4&transport=polling", nil, 404, "404 page not found\n"},
		{"path that goes on", "GET", "/engine.io/x/?EIO=4&transport=polling", nil, 404, "404 page not found\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := s.do(tc.method, tc.target, "", tc.header...)
			if got.status != tc.status || got.body != tc.body {
				t.Errorf("got %d %q, want %d %q", got.status, got.body, tc.status, tc.body)
			}
			if got.header["Set-Cookie"] != nil {
				t.Error("a cookie was set")
			}
			if ct := got.header.Get("Content-Type"); tc.status != 404 && ct != "application/json" {
				t.Errorf("Content-Type %q", ct)
			}
		})
		by.wantUnharmed()
	}
	if got := s.do("PUT", pollingTarget(polling.ID()), "").header.Get("Allow"); got != "GET, POST, OPTIONS" {
		t.Errorf("405 allows %q", got)
	}
	if got := s.do("GET", "/engine.io/?EIO=4&transport=websocket", "", without("Sec-WebSocket-Version", "8")...); got.header.Get("Sec-WebSocket-Version") != "13" {
		t.Error("a wrong WebSocket version is not told the right one")
	}
	polling.wantOpen(t)
	s.want(s.post(polling.ID(), "4hello"), 200, "ok")
	s.want(s.get(polling.ID()), 200, "4hello")
}

// net/http refuses these characters itself; another front may not.
func TestOriginCharacters(t *testing.T) {
	for origin, want := range map[string]int{
		"http://a\x7f.test": 400, "http://a\n.test": 400, "http://a\x00": 400, "http://example.com": 200,
	} {
		s := &Server{Accept: func(c *Conn) Handler { return &session{Conn: c, closed: make(chan *CloseError, 1)} }}
		r := httptest.NewRequest("GET", "/?EIO=4&transport=polling", nil)
		r.Header.Set("Origin", origin)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != want || want == 400 && w.Body.String() != badRequest {
			t.Errorf("origin %q: %d %q, want %d", origin, w.Code, w.Body, want)
		}
		// A sid is not looked at before.
		r = httptest.NewRequest("GET", "/?EIO=4&transport=polling&sid=x", nil)
		r.Header.Set("Origin", origin)
		w = httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if want == 400 && w.Body.String() != badRequest || want == 200 && w.Body.String() != unknownSID {
			t.Errorf("origin %q with an unknown sid: %q", origin, w.Body)
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = s.Shutdown(ctx)
	}
}

// EIO4: Handshake.
func TestHandshake(t *testing.T) {
	s := onTCP(t, func(s *Server) {
		s.PingInterval, s.PingTimeout, s.MaxPayload = 300*time.Millisecond, 200*time.Millisecond, 1234
	})
	open := regexp.MustCompile(`^0\{"sid":"([A-Za-z0-9_-]+)","upgrades":(\[.*\]),"pingInterval":300,"pingTimeout":200,"maxPayload":1234\}$`)
	seen := map[string]bool{}
	for _, target := range []string{
		"/engine.io/?EIO=4&transport=polling",
		"/engine.io/?EIO=4&transport=polling&sid=", // an empty sid is a handshake
		"/anywhere?transport=polling&EIO=4&t=abc",  // no Path is set
	} {
		r := s.do("GET", target, "")
		m := open.FindStringSubmatch(r.body)
		if r.status != 200 || m == nil || m[2] != `["websocket"]` {
			t.Fatalf("%s: %d %q", target, r.status, r.body)
		}
		// 22 characters of base64 are 132 bits.
		if seen[m[1]] || len(m[1]) < 22 {
			t.Errorf("sid %q", m[1])
		}
		seen[m[1]] = true
		if r.header.Get("Content-Type") != "text/plain; charset=UTF-8" || r.header.Get("Cache-Control") != "no-store" {
			t.Errorf("header %v", r.header)
		}
		if r.header["Set-Cookie"] != nil {
			t.Error("a cookie was set")
		}
		if r.header["Access-Control-Allow-Origin"] != nil {
			t.Error("an origin was allowed by default")
		}
	}
	c := s.socket("")
	m := open.FindStringSubmatch(c.text())
	if m == nil || m[2] != `[]` || seen[m[1]] {
		t.Errorf("over WebSocket: %q", m)
	}
}

func TestHandshakeIsKept(t *testing.T) {
	s := onTCP(t, nil)
	r := s.do("GET", "/engine.io/?EIO=4&transport=polling&room=1", "", "X-Test", "yes")
	app := s.session(sidOf(t, r.body))
	hs := app.Handshake()
	if hs.Header.Get("X-Test") != "yes" || hs.URL != "/engine.io/?EIO=4&transport=polling&room=1" ||
		!strings.HasPrefix(hs.RemoteAddr, "127.0.0.1:") || hs.Secure || time.Since(hs.Time) > patience {
		t.Errorf("%+v", hs)
	}
	if app.Transport() != "polling" {
		t.Errorf("transport %q", app.Transport())
	}
}

func TestAdmit(t *testing.T) {
	s := onTCP(t, func(s *Server) {
		s.Admit = func(*http.Request) (func(), error) {
			return nil, &Refusal{Status: 503, RetryAfter: 1500 * time.Millisecond, Message: "Full house"}
		}
	})
	for _, header := range [][]string{nil, wsHeader} {
		transport := "polling"
		if header != nil {
			transport = "websocket"
		}
		r := s.do("GET", "/engine.io/?EIO=4&transport="+transport, "", header...)
		s.want(r, 503, `{"code":4,"message":"Full house"}`)
		if r.header.Get("Retry-After") != "2" {
			t.Errorf("Retry-After %q", r.header.Get("Retry-After"))
		}
	}
	if n := s.server.Sessions(); n != 0 {
		t.Errorf("%d sessions", n)
	}
}

func TestCORS(t *testing.T) {
	const target = "/engine.io/?EIO=4&transport=polling"
	for _, tc := range []struct {
		name          string
		cors          []string
		origin        string
		status        int
		allow, header string // Access-Control-Allow-Origin, Vary
	}{
		{"none by default", nil, "http://other.test", 403, "", ""},
		{"the own host", nil, "http://snug.test", 200, "", ""},
		{"the own host with its port spelt out", nil, "http://snug.test:80", 200, "", ""},
		{"the own host by the WebSocket's scheme", nil, "wss://snug.test:443", 200, "", ""},
		{"the own host behind TLS", nil, "https://SNUG.test", 200, "", ""},
		{"another port of the own host", nil, "http://snug.test:81", 403, "", ""},
		{"the null origin", nil, "null", 403, "", ""},
		{"no address", nil, "http://%zz", 403, "", ""},
		{"listed", []string{"http://a.test", "http://b.test"}, "http://b.test", 200, "http://b.test", "Origin"},
		{"not listed", []string{"http://a.test"}, "http://b.test", 403, "", "Origin"},
		{"listed by another scheme", []string{"https://a.test"}, "http://a.test", 403, "", "Origin"},
		{"any", []string{"*"}, "http://b.test", 200, "*", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := onTCP(t, func(s *Server) { s.CORS = tc.cors })
			r := s.do("GET", target, "", "Origin", tc.origin)
			if r.status != tc.status || r.header.Get("Access-Control-Allow-Origin") != tc.allow || r.header.Get("Vary") != tc.header {
				t.Errorf("got %d %v", r.status, r.header)
			}
			// Origin is checked for WebSocket too.
			want := "HTTP/1.1 403 "
			if tc.status == 200 {
				want = "HTTP/1.1 101 "
			}
			conn := s.rawRequest(rawHandshake("Origin: " + tc.origin + "\r\n"))
			_ = conn.SetReadDeadline(time.Now().Add(patience))
			got := make([]byte, len(want))
			if _, err := io.ReadFull(conn, got); err != nil || string(got) != want {
				t.Errorf("over WebSocket: %q, %v, want %q", got, err, want)
			}
			p := s.do("OPTIONS", target, "", "Origin", tc.origin, "Access-Control-Request-Headers", "x-a")
			if p.status != 204 || p.body != "" || p.header.Get("Access-Control-Allow-Origin") != tc.allow {
				t.Errorf("OPTIONS: %d %q %v", p.status, p.body, p.header)
			}
			methods, headers := p.header.Get("Access-Control-Allow-Methods"), p.header.Get("Access-Control-Allow-Headers")
			if tc.allow != "" && (methods != "GET, POST" || headers != "x-a") || tc.allow == "" && methods+headers != "" {
				t.Errorf("OPTIONS allows %q, %q", methods, headers)
			}
		})
	}
}

func TestCheckOriginReplacesTheDefault(t *testing.T) {
	s := onTCP(t, func(s *Server) {
		s.CheckOrigin = func(r *http.Request) bool { return r.Header.Get("Origin") == "http://good.test" }
	})
	const target = "/engine.io/?EIO=4&transport=polling"
	s.want(s.do("GET", target, "", "Origin", "http://snug.test"), 403, forbidden)
	if r := s.do("GET", target, "", "Origin", "http://good.test"); r.status != 200 {
		t.Errorf("good origin: %d", r.status)
	}
	if r := s.do("GET", target, ""); r.status != 200 { // no browser, no Origin
		t.Errorf("no origin: %d", r.status)
	}
}

func TestErrorsHaveCORSHeaders(t *testing.T) {
	s := onTCP(t, func(s *Server) { s.CORS = []string{"*"} })
	r := s.do("GET", "/engine.io/?EIO=4&transport=abc", "", "Origin", "http://b.test")
	if r.status != 400 || r.header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("%d %v", r.status, r.header)
	}
}
