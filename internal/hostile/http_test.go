package hostile

import (
	"strings"
	"testing"
	"time"
)

func long(n int) string { return strings.Repeat("x", n) }

const (
	end  = "\r\n\r\n"
	host = " HTTP/1.1\r\nHost: snug.test\r\nConnection: close\r\n"
)

// What is sent over raw TCP, and how the answer begins.
var requests = []struct {
	name, send string
	want       string // how the answer begins; "" is none at all
}{
	{"nothing but an end", end, "HTTP/1.1 400"},
	{"no HTTP", "SSH-2.0-OpenSSH_9.9\r\n\r\n", "HTTP/1.1 400"},
	{"a TLS greeting", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + long(100) + end, "HTTP/1.1 400"},
	{"HTTP/2's preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/1.1 400"},
	{"zero bytes", strings.Repeat("\x00", 64) + end, "HTTP/1.1 400"},
	{"HTTP/0.9", "GET /\r\n\r\n", "HTTP/1.1 400"},
	{"HTTP/3.7", "GET / HTTP/3.7\r\nHost: x\r\n\r\n", "HTTP/1.1 505"},
	{"HTTP/1.0", "GET /healthz HTTP/1.0\r\n\r\n", "HTTP/1.0 200"},
	{"no Host", "GET /healthz HTTP/1.1\r\n\r\n", "HTTP/1.1 400"},
	{"two Hosts", "GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "HTTP/1.1 400"},
	{"a Host with a line break", "GET /healthz HTTP/1.1\r\nHost: a\r b\r\n\r\n", "HTTP/1.1 400"},
	{"a Host of spaces and slashes", "GET /healthz HTTP/1.1\r\nHost: a b/\r\n\r\n", "HTTP/1.1 400"},
	{"a header without a colon", "GET /healthz HTTP/1.1\r\nHost: x\r\nnonsense\r\n\r\n", "HTTP/1.1 400"},
	{"a header that is folded", "GET /healthz" + host + "X: a\r\n b\r\n\r\n", "HTTP/1.1 200"},
	{"a space before the colon", "GET /healthz" + host + "X : a\r\n\r\n", "HTTP/1.1 400"},
	{"a control character in a header", "GET /healthz" + host + "X: a\x00b\r\n\r\n", "HTTP/1.1 400"},
	{"too long a header", "GET /healthz" + host + "X: " + long(32<<10) + end, "HTTP/1.1 431"},
	{"too many headers", "GET /healthz" + host + strings.Repeat("X: a\r\n", 8000) + "\r\n", "HTTP/1.1 431"},
	{"too long a request line", "GET /" + long(64<<10) + host + "\r\n", "HTTP/1.1 431"},
	{"a method of no kind", "BREW /" + host + "\r\n", "HTTP/1.1 405"},
	{"a method of bad characters", "G(T /" + host + "\r\n", "HTTP/1.1 400"},
	{"a method of 4,000 letters", long(4000) + " /" + host + "\r\n", "HTTP/1.1 405"},
	{"CONNECT to elsewhere", "CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\nConnection: close\r\n\r\n", "HTTP/1.1 404"},
	{"an address of another server", "GET http://example.org/ HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n", "HTTP/1.1 200"},
	{"TRACE", "TRACE /healthz" + host + "\r\n", "HTTP/1.1 405"},
	{"OPTIONS of everything", "OPTIONS *" + host + "\r\n", "HTTP/1.1 400"},
	{"a way up", "GET /../../etc/passwd" + host + "\r\n", "HTTP/1.1 307"},
	{"a way up, encoded", "GET /..%2f..%2fetc/passwd" + host + "\r\n", "HTTP/1.1 404"},
	{"a way up, encoded twice", "GET /%252e%252e%252fetc" + host + "\r\n", "HTTP/1.1 404"},
	{"backslashes", "GET /..\\..\\etc" + host + "\r\n", "HTTP/1.1 404"},
	{"a bad escape", "GET /%zz" + host + "\r\n", "HTTP/1.1 400"},
	{"a zero in the path", "GET /%00" + host + "\r\n", "HTTP/1.1 404"},
	{"a directory", "GET /assets/" + host + "\r\n", "HTTP/1.1 404"},
	{"a hidden file", "GET /.keep" + host + "\r\n", "HTTP/1.1 404"},
	{"the data directory", "GET /snug-data/snug.db" + host + "\r\n", "HTTP/1.1 404"},
	{"two lengths", "POST /api/v1/token" + host + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", "HTTP/1.1 400"},
	{"a negative length", "POST /api/v1/token" + host + "Content-Length: -1\r\n\r\n", "HTTP/1.1 400"},
	{"a length of 2^64", "POST /api/v1/token" + host + "Content-Length: 18446744073709551616\r\n\r\n", "HTTP/1.1 400"},
	{"length and chunks", "POST /api/v1/token" + host + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 200"},
	{"an encoding of no kind", "POST /api/v1/token" + host + "Transfer-Encoding: gzip, chunked\r\n\r\n", "HTTP/1.1 501"},
	{"a chunk that is no number", "POST " + polling + host + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", "HTTP/1.1 400"},
	{"a token asked for by another site", "POST /api/v1/token" + host + "Origin: https://evil.test\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 403"},
	{"a token asked for by GET", "GET /api/v1/token" + host + "\r\n", "HTTP/1.1 405"},
	{"a large body where none is wanted", "POST /api/v1/token" + host + "Content-Length: 100000\r\n\r\n" + long(100000), "HTTP/1.1 200"},
	{"Expect of no kind", "POST /api/v1/token" + host + "Expect: magic\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 417"},
	{"a range of a page", "GET /" + host + "Range: bytes=0-1,2-3,4-\r\n\r\n", "HTTP/1.1 200"},
	{"an upgrade of a page", "GET / HTTP/1.1\r\n" + strings.Replace(upgradeHeader, "Upgrade\r\n", "Upgrade, close\r\n", 1), "HTTP/1.1 200"},
	{"an upgrade to HTTP/2", "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n", "HTTP/1.1 200"},
	{"half a request, then an end", "GET / HT", ""},
	{"nothing, then an end", "", ""},
}

// Over raw TCP: each is answered with a status, or cut.
func TestHTTP(t *testing.T) {
	h := open(t, nil)
	var trials []trial
	for _, c := range requests {
		trials = append(trials, trial{c.name, func(t *testing.T, h *house) {
			w := h.dial(t)
			w.send(c.send)
			if c.want == "" {
				w.c.Close()
				return
			}
			b := make([]byte, len(c.want))
			if n, err := readFull(w, b); string(b[:n]) != c.want {
				t.Errorf("answered %q, %v; want %q", b[:n], err, c.want)
			}
			headers := headersOf(w)
			w.c.Close()
			if strings.Contains(headers, "v-test") || strings.Contains(strings.ToLower(headers), "\nserver:") {
				t.Errorf("a stranger is told what serves: %q", headers)
			}
			for _, guard := range []string{"Content-Security-Policy: default-src 'none'", "X-Content-Type-Options: nosniff", "Referrer-Policy: no-referrer", "Cross-Origin-Opener-Policy: same-origin", "Cross-Origin-Resource-Policy: same-origin"} {
				if !strings.Contains(headers, "\n"+guard) {
					t.Errorf("answered without %s: %q", guard, headers)
				}
			}
		}})
	}
	trials = append(trials,
		trial{"a header that drips is given up", func(t *testing.T, h *house) { drip(t, h.dial(t), "GET / HTTP/1.1\r\nHost: x\r\n", "X: y\r\n") }},
		trial{"a body that drips is given up", func(t *testing.T, h *house) {
			w, sid := h.session(t)
			drip(t, w, "POST "+polling+"&sid="+sid+" HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n4", "x")
		}},
		trial{"chunks that drip are given up", func(t *testing.T, h *house) {
			w, sid := h.session(t)
			drip(t, w, "POST "+polling+"&sid="+sid+" HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n")
		}},
		trial{"silence after an answer is given up", func(t *testing.T, h *house) {
			w := h.dial(t)
			w.request("GET", "/healthz", "")
			w.wantEnd()
		}},
		trial{"a hundred requests at once on one connection", func(t *testing.T, h *house) {
			w := h.dial(t)
			w.send(strings.Repeat("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", 100))
			for range 100 {
				if r, _ := w.response("GET"); r.StatusCode != 200 {
					t.Errorf("answered %d", r.StatusCode)
				}
			}
			w.c.Close()
		}},
	)
	try(t, h, trials)
}

func readFull(w *wire, b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		var m int
		m, err = w.r.Read(b[n:])
		n += m
	}
	return n, err
}

// drip sends a beginning, and more, again and again, until the server has had
// enough; that must be soon.
func drip(t *testing.T, w *wire, begin, more string) {
	t.Helper()
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		w.wantEnd()
	}()
	w.send(begin)
	for began := time.Now(); ; {
		select {
		case <-gone:
			w.c.Close()
			return
		case <-time.After(30 * time.Millisecond):
			w.send(more)
		}
		if time.Since(began) > patience {
			t.Fatal("it goes on and on")
		}
	}
}

// headersOf is the rest of an answer's header, and of its body what is at hand.
func headersOf(w *wire) string {
	var b strings.Builder
	for line, err := w.r.ReadString('\n'); err == nil; line, err = w.r.ReadString('\n') {
		b.WriteString(line)
		if line == "\r\n" {
			break
		}
	}
	rest, _ := w.r.Peek(min(w.r.Buffered(), 1<<10))
	return b.String() + string(rest)
}
