package api

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"go.uber.org/goleak"

	"snug/internal/chat"
)

// A connection that was answered before its request was read is closed half a
// second later, and nobody can wait for that.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

const indexHTML = `<!doctype html><link rel="icon" href="./favicon.svg"><script type="module" src="./assets/app-1.js"></script>`

var script = strings.Repeat("console.log('Snug');\n", 200)

func build() fstest.MapFS {
	return fstest.MapFS{
		"index.html":           {Data: []byte(indexHTML)},
		"favicon.svg":          {Data: []byte("<svg/>")},
		"assets/app-1.js":      {Data: []byte(script)},
		"assets/tiny-2.js":     {Data: []byte("1")},
		"manifest.webmanifest": {Data: []byte("{}")},
		".keep":                {},
	}
}

// A site is the handler under test and what it stands on.
type site struct {
	t       *testing.T
	handler http.Handler
	keys    *chat.Keyring
	ill     atomic.Pointer[chat.Error]
}

func newSite(t *testing.T, files fstest.MapFS) *site {
	t.Helper()
	s := &site{t: t, keys: chat.NewKeyring([32]byte{1})}
	cfg := Config{
		Socket:  http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "socket "+r.URL.Path) }),
		Keys:    s.keys,
		Healthy: s.ill.Load,
		Page:    "<p>not built",
	}
	if files != nil {
		cfg.App = files
	}
	var err error
	if s.handler, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	return s
}

// do answers a request; headers are pairs of name and value.
func (s *site) do(method, path string, headers ...string) *http.Response {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w.Result()
}

func read(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestRoutes(t *testing.T) {
	s := newSite(t, build())
	for _, c := range []struct {
		method, path string
		status       int
		typ, holds   string
	}{
		{"GET", "/", 200, "text/html; charset=utf-8", `src="./assets/app-1.js"`},
		{"GET", "/?x=1", 200, "text/html; charset=utf-8", `src="./assets/app-1.js"`},
		{"GET", "/r/ABCDEFGH", 200, "text/html; charset=utf-8", `src="../assets/app-1.js"`},
		{"GET", "/r/any%20thing", 200, "text/html; charset=utf-8", `href="../favicon.svg"`},
		{"HEAD", "/", 200, "text/html; charset=utf-8", ""},
		{"HEAD", "/r/x", 200, "text/html; charset=utf-8", ""},
		{"GET", "/assets/app-1.js", 200, "text/javascript; charset=utf-8", "console.log"},
		{"GET", "/favicon.svg", 200, "image/svg+xml", "<svg/>"},
		{"GET", "/manifest.webmanifest", 200, "application/manifest+json", "{}"},

		{"GET", "/index.html", 404, "text/html; charset=utf-8", `href="./"`},
		{"GET", "/assets/", 404, "text/html; charset=utf-8", `href="./../"`},
		{"GET", "/assets", 404, "text/html; charset=utf-8", `href="./"`},
		{"GET", "/assets/app-2.js", 404, "text/html; charset=utf-8", `href="./../"`},
		{"GET", "/.keep", 404, "text/html; charset=utf-8", ""},
		{"GET", "/r/", 404, "text/html; charset=utf-8", ""},
		{"GET", "/r", 404, "text/html; charset=utf-8", ""},
		{"GET", "/r/a/b", 404, "text/html; charset=utf-8", `href="./../../"`},
		{"GET", "/socket.io", 404, "text/html; charset=utf-8", ""},
		{"POST", "/nowhere", 404, "text/html; charset=utf-8", ""},

		{"POST", "/", 405, "application/json", `"unsupported"`},
		{"DELETE", "/r/x", 405, "application/json", ""},
		{"PUT", "/assets/app-1.js", 405, "application/json", ""},

		{"GET", "/socket.io/", 200, "text/plain; charset=utf-8", "socket /socket.io/"},
		{"POST", "/socket.io/x", 200, "text/plain; charset=utf-8", "socket /socket.io/x"},

		{"POST", "/api/v1/token", 200, "application/json", `"token"`},
		{"GET", "/api/v1/token", 405, "application/json", `"code"`},
		{"HEAD", "/api/v1/token", 405, "application/json", ""},
		{"GET", "/api/v1/", 404, "application/json", `"not_found"`},
		{"GET", "/api/v1/token/", 404, "application/json", `"not_found"`},
		{"GET", "/healthz", 200, "application/json", `{"ok":true}`},
		{"HEAD", "/healthz", 200, "application/json", ""},
		{"POST", "/healthz", 405, "application/json", ""},
	} {
		r := s.do(c.method, c.path)
		got := read(t, r)
		if r.StatusCode != c.status || r.Header.Get("Content-Type") != c.typ || !strings.Contains(got, c.holds) {
			t.Errorf("%s %s: %d %s %q, want %d %s with %q", c.method, c.path, r.StatusCode, r.Header.Get("Content-Type"), got, c.status, c.typ, c.holds)
		}
		if c.status == 405 && r.Header.Get("Allow") == "" {
			t.Errorf("%s %s: 405 does not say what is allowed", c.method, c.path)
		}
		for name, want := range map[string]string{
			"Content-Security-Policy":      Policy,
			"X-Content-Type-Options":       "nosniff",
			"Referrer-Policy":              "no-referrer",
			"Cross-Origin-Opener-Policy":   "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin",
		} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s %s: %s is %q", c.method, c.path, name, got)
			}
		}
	}
}

// The policy is fixed: a change of it is a change of what may run in people's browsers.
func TestPolicy(t *testing.T) {
	const want = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob: data:; manifest-src 'self'; " +
		"worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types snug-sw"
	if Policy != want {
		t.Errorf("the policy is %q", Policy)
	}
}

func TestToken(t *testing.T) {
	s := newSite(t, build())
	seen := map[string]bool{}
	for range 3 {
		r := s.do("POST", "/api/v1/token")
		var made struct{ Token string }
		if err := json.Unmarshal([]byte(read(t, r)), &made); err != nil {
			t.Fatal(err)
		}
		if _, ok := s.keys.Verify(made.Token); !ok || seen[made.Token] || r.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("token %q, made before: %v, %v", made.Token, seen[made.Token], r.Header)
		}
		seen[made.Token] = true
	}
	for _, headers := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Origin", "https://evil.example"}} {
		if r := s.do("POST", "/api/v1/token", headers...); r.StatusCode != 403 || !strings.Contains(read(t, r), `"forbidden"`) {
			t.Errorf("%v: %d", headers, r.StatusCode)
		}
	}
	if r := s.do("POST", "/api/v1/token", "Sec-Fetch-Site", "same-origin"); r.StatusCode != 200 {
		t.Errorf("from our own page: %d", r.StatusCode)
	}
}

func TestHealth(t *testing.T) {
	s := newSite(t, build())
	s.ill.Store(&chat.Error{Code: chat.ShuttingDown, Message: "stopping"})
	r := s.do("GET", "/healthz")
	if got := read(t, r); r.StatusCode != 503 || !strings.Contains(got, `{"code":"shutting_down","message":"stopping"}`) || r.Header.Get("Retry-After") == "" {
		t.Errorf("while it stops: %d %s", r.StatusCode, got)
	}
}

func TestCaching(t *testing.T) {
	s := newSite(t, build())
	for path, want := range map[string]string{
		"/": "no-cache", "/r/x": "no-cache", "/favicon.svg": "no-cache", "/assets/app-1.js": "public, max-age=31536000, immutable",
	} {
		r := s.do("GET", path)
		etag := r.Header.Get("ETag")
		if got := r.Header.Get("Cache-Control"); got != want || !regexp.MustCompile(`^"[\w-]{16}"$`).MatchString(etag) {
			t.Errorf("%s: Cache-Control %q, ETag %q", path, got, etag)
		}
		for _, match := range []string{etag, "W/" + etag, `"other", ` + etag, "*"} {
			r := s.do("GET", path, "If-None-Match", match)
			if r.StatusCode != 304 || read(t, r) != "" || r.Header.Get("ETag") != etag || r.Header.Get("Cache-Control") != want {
				t.Errorf("%s If-None-Match %s: %d %v", path, match, r.StatusCode, r.Header)
			}
		}
		if r := s.do("GET", path, "If-None-Match", `"other"`); r.StatusCode != 200 {
			t.Errorf("%s, changed: %d", path, r.StatusCode)
		}
	}
	if s.do("GET", "/").Header.Get("ETag") == s.do("GET", "/r/x").Header.Get("ETag") {
		t.Error("two pages have one ETag")
	}
}

func TestGzip(t *testing.T) {
	s := newSite(t, build())
	for accept, packed := range map[string]bool{
		"gzip": true, "br, gzip;q=0.5": true, "deflate, GZIP": true, "gzip; q=1.0": true,
		"": false, "br": false, "gzip;q=0": false, "gzip; q=0.000, br": false, "xgzip": false, "gzip;q=x": false,
	} {
		r := s.do("GET", "/assets/app-1.js", "Accept-Encoding", accept)
		if r.Header.Get("Vary") != "Accept-Encoding" || (r.Header.Get("Content-Encoding") == "gzip") != packed {
			t.Errorf("Accept-Encoding %q: %v", accept, r.Header)
			continue
		}
		raw := read(t, r)
		if int(r.ContentLength) != len(raw) {
			t.Errorf("Accept-Encoding %q: Content-Length %d, %d bytes", accept, r.ContentLength, len(raw))
		}
		if packed {
			z, err := gzip.NewReader(strings.NewReader(raw))
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(z)
			if err != nil {
				t.Fatal(err)
			}
			raw = string(b)
		}
		if raw != script {
			t.Errorf("Accept-Encoding %q: other bytes", accept)
		}
	}
	plain, packed := s.do("GET", "/assets/app-1.js"), s.do("GET", "/assets/app-1.js", "Accept-Encoding", "gzip")
	if plain.Header.Get("ETag") == packed.Header.Get("ETag") {
		t.Error("two encodings have one ETag")
	}
	if r := s.do("GET", "/assets/tiny-2.js", "Accept-Encoding", "gzip"); r.Header.Get("Content-Encoding") != "" {
		t.Error("what does not get smaller is packed")
	}
	if r := s.do("HEAD", "/assets/app-1.js"); int(r.ContentLength) != len(script) || read(t, r) != "" {
		t.Errorf("HEAD: Content-Length %d", r.ContentLength)
	}
}

func TestNotBuilt(t *testing.T) {
	s := newSite(t, nil)
	for _, path := range []string{"/", "/r/x"} {
		if r := s.do("GET", path); r.StatusCode != 200 || read(t, r) != "<p>not built" {
			t.Errorf("%s: %d", path, r.StatusCode)
		}
	}
	if r := s.do("GET", "/favicon.svg"); r.StatusCode != 404 {
		t.Errorf("a file of the app: %d", r.StatusCode)
	}
}

func TestBrokenBuild(t *testing.T) {
	for what, files := range map[string]fstest.MapFS{
		"no page":                {"assets/app.js": {Data: []byte("1")}},
		"a file of unknown type": {"index.html": {Data: []byte("x")}, "app.exe": {Data: []byte("1")}},
	} {
		if _, err := New(Config{App: files}); err == nil {
			t.Errorf("%s: accepted", what)
		}
	}
}

// What a proxy or a scanner may send is answered, by the real server, and never
// with more than it should be.
func TestServerBounds(t *testing.T) {
	s := newSite(t, build())
	var log bytes.Buffer
	server := NewServer(s.handler, ServerConfig{HeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute, HeaderBytes: 16 << 10}, slog.New(slog.NewTextHandler(&log, nil)))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close(); <-done })
	for request, want := range map[string]string{
		"GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 32<<10) + "\r\n\r\n":                     "431",
		"POST /api/v1/token HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\nConnection: close\r\n\r\n": "200",
		"GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n":                          "307",
		"GET /..%2f..%2fetc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n":                      "404",
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS greeting\r\n\r\n":                             "400",
	} {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(c, request) // it may be cut off: the answer tells
		b := make([]byte, 12)
		if _, err := io.ReadFull(c, b); err != nil || string(b[9:]) != want {
			t.Errorf("%.40q: %q, %v; want %s", request, b, err, want)
		}
		c.Close()
	}
	if server.ReadHeaderTimeout == 0 || server.IdleTimeout == 0 || server.WriteTimeout != 0 || server.ReadTimeout != 0 {
		t.Error("headers and idle connections are timed, and polls are not")
	}
}
