package dialects

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

// patience bounds each wait for the server; nothing in a transcript takes long.
const patience = 10 * time.Second

// A player replays one transcript. Its lines are
//
//	http NAME METHOD TARGET      a request on a connection of its own, begun and not waited for,
//	  Header: value              with these headers
//	  body "quoted"              and this body
//	want NAME STATUS "pattern"   its answer; <x> stands for, and remembers, any run without a quote
//	poll TARGET "pattern"        one poll after the other, until their packets together are this
//	  Header: value
//	ws NAME TARGET               a WebSocket, its headers below
//	send NAME "quoted"           a text message
//	sendbin NAME BASE64          a binary one
//	recv NAME "pattern"          the next message must be this text
//	recvbin NAME BASE64          or these bytes
//	closed NAME                  the server has closed it
//
// $x, in anything that is sent, is what <x> stood for.
type player struct {
	t       *testing.T
	base    *url.URL
	vars    map[string]string
	sockets map[string]net.Conn
	answers map[string]chan answer
}

type answer struct {
	status int
	body   string
	err    error
}

type step struct {
	line    int
	words   []string
	quoted  string
	headers [][2]string
	body    string
}

// readTranscript splits a file into steps; indented lines belong to the step above.
func readTranscript(t *testing.T, name string) []step {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var steps []step
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := lines.Text()
		switch {
		case strings.TrimSpace(line) == "" || line[0] == '#':
		case line[0] == ' ':
			last := &steps[len(steps)-1]
			line = strings.TrimSpace(line)
			if quoted, ok := strings.CutPrefix(line, "body "); ok {
				last.body = unquote(t, name, n, quoted)
				continue
			}
			key, value, ok := strings.Cut(line, ": ")
			if !ok {
				t.Fatalf("%s:%d: not a header: %q", name, n, line)
			}
			last.headers = append(last.headers, [2]string{key, value})
		default:
			s := step{line: n}
			if i := strings.IndexByte(line, '"'); i >= 0 {
				s.quoted = unquote(t, name, n, line[i:])
				line = line[:i]
			}
			s.words = strings.Fields(line)
			steps = append(steps, s)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return steps
}

func unquote(t *testing.T, name string, line int, quoted string) string {
	t.Helper()
	s, err := strconv.Unquote(quoted)
	if err != nil {
		t.Fatalf("%s:%d: %v", name, line, err)
	}
	return s
}

// fill puts what was remembered in place of each $name.
func (p *player) fill(s string) string {
	return os.Expand(s, func(name string) string {
		v, ok := p.vars[name]
		if !ok {
			p.t.Fatalf("nothing is known of $%s", name)
		}
		return v
	})
}

var placeholder = regexp.MustCompile(`<(\w+)>`)

// match compares got with a pattern and remembers what its placeholders stood for.
func (p *player) match(pattern, got string) error {
	var names []string
	re := placeholder.ReplaceAllStringFunc(regexp.QuoteMeta(p.fill(pattern)), func(m string) string {
		names = append(names, m[1:len(m)-1])
		return `([^"]*?)`
	})
	found := regexp.MustCompile(`(?s)\A` + re + `\z`).FindStringSubmatch(got)
	if found == nil {
		return fmt.Errorf("got %q, want %q", got, pattern)
	}
	for i, name := range names {
		p.vars[name] = found[i+1]
	}
	return nil
}

func (p *player) play(s step) error {
	name := s.words[1]
	switch s.words[0] {
	case "http":
		return p.request(name, s)
	case "want":
		return p.want(name, s)
	case "poll":
		return p.poll(s)
	case "ws":
		return p.dial(name, s)
	}
	conn := p.sockets[name]
	if conn == nil {
		return fmt.Errorf("no WebSocket %q", name)
	}
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	switch s.words[0] {
	case "send":
		return wsutil.WriteClientText(conn, []byte(p.fill(s.quoted)))
	case "sendbin":
		b, err := base64.StdEncoding.DecodeString(s.words[2])
		if err != nil {
			return err
		}
		return wsutil.WriteClientBinary(conn, b)
	case "recv":
		b, op, err := wsutil.ReadServerData(conn)
		if err != nil {
			return err
		}
		if op != ws.OpText {
			return fmt.Errorf("got a binary message %q, want text %q", b, s.quoted)
		}
		return p.match(s.quoted, string(b))
	case "recvbin":
		b, op, err := wsutil.ReadServerData(conn)
		if err != nil {
			return err
		}
		if got := base64.StdEncoding.EncodeToString(b); op != ws.OpBinary || got != s.words[2] {
			return fmt.Errorf("got %q (%s), want binary %s", b, got, s.words[2])
		}
		return nil
	case "closed":
		b, _, err := wsutil.ReadServerData(conn)
		if err == nil {
			return fmt.Errorf("got %q, want the end", b)
		}
		return nil
	}
	return fmt.Errorf("unknown step %q", s.words[0])
}

func (p *player) request(name string, s step) error {
	target, err := p.base.Parse(p.fill(s.words[3]))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	req, err := http.NewRequestWithContext(ctx, s.words[2], target.String(), strings.NewReader(p.fill(s.body)))
	if err != nil {
		cancel()
		return err
	}
	for _, h := range s.headers {
		req.Header.Set(h[0], h[1])
	}
	done := make(chan answer, 1)
	p.answers[name] = done
	go func() {
		defer cancel()
		transport := &http.Transport{}
		defer transport.CloseIdleConnections()
		res, err := transport.RoundTrip(req)
		if err != nil {
			done <- answer{err: err}
			return
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		done <- answer{res.StatusCode, string(b), err}
	}()
	return nil
}

func (p *player) want(name string, s step) error {
	done := p.answers[name]
	if done == nil {
		return fmt.Errorf("no request %q", name)
	}
	delete(p.answers, name)
	a := <-done
	if a.err != nil {
		return a.err
	}
	if got := strconv.Itoa(a.status); got != s.words[2] {
		return fmt.Errorf("status %s %q, want %s", got, a.body, s.words[2])
	}
	return p.match(s.quoted, a.body)
}

// poll gathers packets: how many polls it takes until all have come is the
// server's affair.
func (p *player) poll(s step) error {
	var got []string
	for {
		s.words = []string{"http", "poll", "GET", s.words[len(s.words)-1]}
		if err := p.request("poll", s); err != nil {
			return err
		}
		a := <-p.answers["poll"]
		if a.err != nil || a.status != http.StatusOK {
			return fmt.Errorf("after %q: status %d %q %v, want %q", got, a.status, a.body, a.err, s.quoted)
		}
		got = append(got, a.body)
		if p.match(s.quoted, strings.Join(got, "\x1e")) == nil {
			return nil
		}
	}
}

func (p *player) dial(name string, s step) error {
	header := http.Header{}
	for _, h := range s.headers {
		header.Set(h[0], p.fill(h[1]))
	}
	dialer := ws.Dialer{Header: ws.HandshakeHeaderHTTP(header), Timeout: patience}
	conn, buffered, _, err := dialer.Dial(p.t.Context(), "ws://"+p.base.Host+p.fill(s.words[2]))
	if err != nil {
		return err
	}
	if buffered != nil {
		if n := buffered.Buffered(); n > 0 {
			rest, err := buffered.Peek(n)
			if err != nil {
				return err
			}
			conn = &readAhead{conn, append([]byte(nil), rest...)}
		}
		ws.PutReader(buffered)
	}
	p.sockets[name] = conn
	p.t.Cleanup(func() { conn.Close() })
	return nil
}

// A readAhead is a Conn of which some bytes were read with the handshake's answer.
type readAhead struct {
	net.Conn
	rest []byte
}

func (r *readAhead) Read(b []byte) (int, error) {
	if len(r.rest) == 0 {
		return r.Conn.Read(b)
	}
	n := copy(b, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func TestDialects(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			base := serve(t)
			p := &player{t: t, base: base, vars: map[string]string{"host": base.Host}, sockets: map[string]net.Conn{}, answers: map[string]chan answer{}}
			for _, s := range readTranscript(t, file) {
				if err := p.play(s); err != nil {
					t.Fatalf("%s:%d: %v: %v", file, s.line, s.words, err)
				}
			}
		})
	}
}

// TestPatterns shows that a wrong answer is noticed.
func TestPatterns(t *testing.T) {
	p := &player{t: t, vars: map[string]string{}}
	if err := p.match(`40{"sid":"<id>"}`, `40{"sid":"abc"}`); err != nil || p.vars["id"] != "abc" {
		t.Errorf("match: %v, remembered %q", err, p.vars["id"])
	}
	for _, got := range []string{`40{"sid":"a"b"}`, `40{"sid":"abc"} `, `44{"sid":"abc"}`, ""} {
		if p.match(`40{"sid":"<id>"}`, got) == nil {
			t.Errorf("%q matched", got)
		}
	}
}
