package engineio

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Order of checks: a request with every fault at once is told of the first one;
// with that mended, of the next; and the session that it named goes on.
// net/http refuses some of these requests itself, so they are made by hand.
func TestOrderOfChecks(t *testing.T) {
	s := &Server{
		Path:   "/engine.io/",
		Accept: func(c *Conn) Handler { return &session{Conn: c, closed: make(chan *CloseError, 1)} },
		Admit: func(r *http.Request) (func(), error) {
			if r.URL.Query().Get("token") == "bad" {
				return nil, errors.New("a secret of the application")
			}
			return nil, nil
		},
	}
	defer func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = s.Shutdown(ctx)
	}()
	ask := func(method, target, body string, header ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, target, strings.NewReader(body))
		for i := 0; i < len(header); i += 2 {
			r.Header.Add(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w
	}
	const path = "/engine.io/?"
	sid := sidOf(t, ask("GET", path+"EIO=4&transport=polling", "").Body.String())
	badChars := []string{"Origin", "http://a\x7f.test"}
	foreign := []string{"Origin", "http://elsewhere.test"}
	for _, tc := range []struct {
		fault, method, target string
		header                []string
		status                int
		body                  string
	}{
		// A handshake.
		{"path", "PUT", "/other/?EIO=3&transport=abc&token=bad", badChars, 404, "404 page not found\n"},
		{"transport", "PUT", path + "EIO=3&transport=abc&token=bad", badChars, 400, transportUnknown},
		{"Origin's characters", "PUT", path + "EIO=3&transport=websocket&token=bad", badChars, 400, badRequest},
		{"method", "PUT", path + "EIO=3&transport=websocket&token=bad", foreign, 400, badMethod},
		{"Upgrade", "GET", path + "EIO=3&transport=websocket&token=bad", foreign, 400, badRequest},
		{"Origin", "GET", path + "EIO=3&transport=websocket&token=bad", append(foreign, wsHeader...), 403, forbidden},
		{"the application's refusal", "GET", path + "EIO=3&transport=websocket&token=bad", wsHeader, 403, forbidden},
		{"EIO", "GET", path + "EIO=3&transport=websocket", wsHeader, 400, badVersion},
		// A request of a session.
		{"path with a sid", "PUT", "/other/?transport=abc&sid=x", badChars, 404, "404 page not found\n"},
		{"transport with a sid", "PUT", path + "transport=abc&sid=x", badChars, 400, transportUnknown},
		{"Origin's characters with a sid", "PUT", path + "transport=polling&sid=x", badChars, 400, badRequest},
		{"sid", "PUT", path + "transport=polling&sid=x", foreign, 400, unknownSID},
		{"method with a sid", "PUT", path + "transport=websocket&sid=" + sid, foreign, 405, badRequest},
		{"Upgrade with a sid", "GET", path + "transport=websocket&sid=" + sid, foreign, 400, badRequest},
		{"Origin with a sid", "GET", path + "transport=websocket&sid=" + sid, append(foreign, wsHeader...), 403, forbidden},
	} {
		if w := ask(tc.method, tc.target, "", tc.header...); w.Code != tc.status || w.Body.String() != tc.body {
			t.Errorf("%s: %d %q, want %d %q", tc.fault, w.Code, w.Body, tc.status, tc.body)
		}
	}
	if w := ask("POST", path+"transport=polling&sid="+sid, "4hello"); w.Code != 200 || w.Body.String() != "ok" {
		t.Errorf("nothing is wrong: %d %q", w.Code, w.Body)
	}
	if w := ask("GET", path+"transport=polling&sid="+sid, ""); w.Code != 200 || w.Body.String() != "4hello" {
		t.Errorf("nothing is wrong: %d %q", w.Code, w.Body)
	}
}
