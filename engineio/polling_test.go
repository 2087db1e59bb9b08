package engineio

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"snug/engineio/packet"
)

// EIO4: HTTP long-polling, Sending data; Packet encoding.
func TestPost(t *testing.T) {
	for _, tc := range []struct {
		name, body string
		got        []string
		back       string // what a GET brings back, "" for nothing
	}{
		{"one message", "4hello", []string{"hello"}, "4hello"},
		{"several messages", "4test1\x1e4test2\x1e4test3", []string{"test1", "test2", "test3"}, "4test1\x1e4test2\x1e4test3"},
		{"text and binary", "4hello\x1ebAQIDBA==", []string{"hello", "b:\x01\x02\x03\x04"}, "4hello\x1ebAQIDBA=="},
		{"empty messages", "4\x1eb\x1e4", []string{"", "b:", ""}, "4\x1eb\x1e4"},
		{"text beyond ASCII", "4é€😀", []string{"é€😀"}, "4é€😀"},
		{"0 is ignored", "0\x1e4a", []string{"a"}, "4a"},
		{"0 with data is ignored", "0{}", nil, ""},
		{"3 is ignored", "3\x1e4a", []string{"a"}, "4a"},
		{"5 is ignored", "5\x1e4a", []string{"a"}, "4a"},
		{"6 is ignored", "6", nil, ""},
		{"packets are not counted", strings.Repeat("6\x1e", 10_000) + "4a", []string{"a"}, "4a"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := onTCP(t, nil)
			app := s.openPolling()
			r := s.post(app.ID(), tc.body)
			s.want(r, 200, "ok")
			if ct := r.header.Get("Content-Type"); ct != "text/html" || r.header.Get("Cache-Control") != "no-store" {
				t.Errorf("header %v", r.header)
			}
			if got := app.messages(); !slices.Equal(got, tc.got) {
				t.Errorf("received %q, want %q", got, tc.got)
			}
			if tc.back != "" {
				r := s.get(app.ID())
				s.want(r, 200, tc.back)
				if ct := r.header.Get("Content-Type"); ct != "text/plain; charset=UTF-8" || r.header.Get("Cache-Control") != "no-store" {
					t.Errorf("header %v", r.header)
				}
			}
			app.wantOpen(t)
		})
	}
}

// A GET brings back 16 packets at most, however they were sent: Python clients
// drop the connection at more.
func TestPayloadMost(t *testing.T) {
	s := onTCP(t, nil)
	app := s.openPolling()
	var all []string
	next := func() Frame {
		text := fmt.Sprint(len(all))
		all = append(all, "4"+text)
		return NewFrame(Text, []byte(text))
	}
	joined := func(n int) Frame {
		var frames []Frame
		for range n {
			frames = append(frames, next())
		}
		return JoinFrames(frames...)
	}
	for _, n := range []int{1, 9, 6, 13, 1, 34, 1, 1} { // cut within one and between two
		if err := app.Send(joined(n)); err != nil {
			t.Fatal(err)
		}
	}
	wantNext := func(n int) {
		s.want(s.get(app.ID()), 200, strings.Join(all[:n], "\x1e"))
		all = all[n:]
	}
	wantNext(16)
	wantNext(16)
	app.Close("")
	wantNext(15) // room is kept for the close packet
	wantNext(15)
	s.want(s.get(app.ID()), 200, strings.Join(append(all, "1"), "\x1e"))
	s.want(s.get(app.ID()), 400, unknownSID)
	app.wantClosed(t, ReasonForcedClose)
}

// What is taken in parts adds up to the whole.
func TestTakeSome(t *testing.T) {
	var o outbox
	f := NewFrame(Text, []byte("abc"))
	many := JoinFrames(f, f, f, f, f)
	for range 3 {
		if !o.push(1<<20, f, many) {
			t.Fatal("no room")
		}
	}
	total := o.queued
	for _, want := range []int{4, 4, 4, 4, 2} {
		n, bytes := 0, 0
		for _, f := range o.takeSome(4) {
			n += f.count
			bytes += len(f.wire)
		}
		if n != want || bytes != want*f.Len() {
			t.Errorf("%d packets of %d bytes, want %d", n, bytes, want)
		}
		if o.queued+o.inflight > total {
			t.Errorf("%d queued and %d under way of %d", o.queued, o.inflight, total)
		}
	}
	if !o.empty() || o.queued != 0 || o.inflight != total {
		t.Errorf("%d queued and %d under way of %d", o.queued, o.inflight, total)
	}
}

// ▲ A malformed payload: 400 and closed.
func TestPostMalformed(t *testing.T) {
	s := onTCP(t, nil)
	by := s.bystander()
	for _, tc := range []struct {
		name, body string
		header     []string
		reason     Reason
	}{
		{"bad type", "abc", nil, ReasonParseError},
		{"bad type after a good one", "4a\x1e7", nil, ReasonParseError},
		{"empty body", "", nil, ReasonParseError},
		{"trailing separator", "4a\x1e", nil, ReasonParseError},
		{"leading separator", "\x1e4a", nil, ReasonParseError},
		{"ping from the client", "2", nil, ReasonParseError},
		{"probe from the client", "4a\x1e2probe", nil, ReasonParseError},
		{"bad base64", "bA", nil, ReasonParseError},
		{"bad UTF-8", "4\xff", nil, ReasonParseError},
		{"binary body", "4a", []string{"Content-Type", "application/octet-stream"}, ReasonTransportError},
		{"binary body with a parameter", "4a", []string{"Content-Type", "Application/Octet-Stream; a=b"}, ReasonTransportError},
	} {
		t.Run(tc.name, func(t *testing.T) {
			app := s.openPolling()
			s.want(s.do("POST", pollingTarget(app.ID()), tc.body, tc.header...), 400, badRequest)
			app.wantClosed(t, tc.reason)
			if got := app.messages(); len(got) != 0 {
				t.Errorf("received %q of a bad payload", got)
			}
			s.want(s.get(app.ID()), 400, unknownSID)
			s.want(s.post(app.ID(), "4a"), 400, unknownSID)
		})
		by.wantUnharmed()
	}
}

func TestPostMalformedReleasesThePoll(t *testing.T) {
	s := onTCP(t, nil)
	app := s.openPolling()
	poll := s.getLater(app.ID())
	app.waiting(t)
	s.want(s.post(app.ID(), "abc"), 400, badRequest)
	s.wantLater(poll, 200, "1")
	app.wantClosed(t, ReasonParseError)
}

// Bodies over maxPayload: 413, session alive.
func TestPostTooLarge(t *testing.T) {
	s := onTCP(t, func(s *Server) { s.MaxPayload = 1000 })
	by := s.bystander()
	app := s.openPolling()
	full := "4" + strings.Repeat("x", 999)
	s.want(s.post(app.ID(), full), 200, "ok")
	s.want(s.get(app.ID()), 200, full)
	s.want(s.post(app.ID(), full+"x"), 413, `{"code":3,"message":"Payload too large"}`)
	// It is the bytes that count: 335 characters are 1,003 of them here.
	s.want(s.post(app.ID(), "4"+strings.Repeat("€", 333)), 200, "ok")
	s.want(s.get(app.ID()), 200, "4"+strings.Repeat("€", 333))
	s.want(s.post(app.ID(), "4"+strings.Repeat("€", 334)), 413, `{"code":3,"message":"Payload too large"}`)

	// The same without a Content-Length.
	for n, want := range map[int]int{999: 200, 1000: 413} {
		body := io.MultiReader(strings.NewReader("4" + strings.Repeat("y", n)))
		req, err := http.NewRequest("POST", "http://snug.test"+pollingTarget(app.ID()), body)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := s.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("a chunked body of %d bytes: %d, want %d", n+1, resp.StatusCode, want)
		}
	}
	s.want(s.get(app.ID()), 200, "4"+strings.Repeat("y", 999))
	app.wantOpen(t)
	s.want(s.post(app.ID(), "4still"), 200, "ok")
	s.want(s.get(app.ID()), 200, "4still")
	by.wantUnharmed()
}

// A second GET while one waits: the first gets 200 `1`, the second 400, the
// session closes.
func TestOverlappingPolls(t *testing.T) {
	s := onTCP(t, nil)
	by := s.bystander()
	app := s.openPolling()
	first := s.getLater(app.ID())
	app.waiting(t)
	s.want(s.get(app.ID()), 400, badRequest)
	s.wantLater(first, 200, "1")
	app.wantClosed(t, ReasonTransportError)
	s.want(s.get(app.ID()), 400, unknownSID)
	by.wantUnharmed()
}

func TestPollsInTurnDoNotOverlap(t *testing.T) {
	s := onTCP(t, nil)
	app := s.openPolling()
	for i := range 300 {
		m := fmt.Sprint(i)
		poll := s.getLater(app.ID())
		if i%2 == 0 {
			app.waiting(t)
		}
		if err := app.Send(NewFrame(Text, []byte(m))); err != nil {
			t.Fatal(err)
		}
		s.wantLater(poll, 200, "4"+m)
	}
	app.wantOpen(t)
}

// rawRequest sends bytes on a connection of their own.
func (s *site) rawRequest(b string) net.Conn {
	s.t.Helper()
	conn, err := s.dial()
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = conn.Close() })
	if _, err := io.WriteString(conn, b); err != nil {
		s.t.Fatal(err)
	}
	return conn
}

func rawPost(sid, length, body string) string {
	return "POST " + pollingTarget(sid) + " HTTP/1.1\r\nHost: snug.test\r\n" + length + "\r\n\r\n" + body
}

func rawGet(sid string) string {
	return "GET " + pollingTarget(sid) + " HTTP/1.1\r\nHost: snug.test\r\n\r\n"
}

// readAnswer reads one HTTP answer.
func readAnswer(t *testing.T, conn net.Conn) string {
	t.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	var b []byte
	for buf := make([]byte, 4096); ; {
		n, err := conn.Read(buf)
		b = append(b, buf[:n]...)
		if err != nil || bytes.Contains(b, []byte("\r\n\r\n")) && !bytes.HasSuffix(b, []byte("\r\n\r\n")) {
			return string(b)
		}
	}
}

// Overlapping POSTs: session closed.
func TestOverlappingPosts(t *testing.T) {
	s := onTCP(t, nil)
	by := s.bystander()
	app := s.openPolling()
	first := s.rawRequest(rawPost(app.ID(), "Content-Length: 10", "4abc"))
	eventually(t, "a POST is under way", func() bool {
		app.Conn.mu.Lock()
		defer app.Conn.mu.Unlock()
		return app.post != nil
	})
	s.want(s.post(app.ID(), "4b"), 400, badRequest)
	app.wantClosed(t, ReasonTransportError)
	// The first does not have to send the rest to learn of it.
	if got := readAnswer(t, first); !strings.HasPrefix(got, "HTTP/1.1 400 ") || !strings.HasSuffix(got, unknownSID) {
		t.Errorf("the first POST got %q", got)
	}
	if got := app.messages(); len(got) != 0 {
		t.Errorf("received %q", got)
	}
	by.wantUnharmed()
}

func TestPostsInTurnDoNotOverlap(t *testing.T) {
	s := onTCP(t, nil)
	app := s.openPolling()
	for range 300 {
		s.want(s.post(app.ID(), "6"), 200, "ok")
	}
	app.wantOpen(t)
}

// ▲ A TCP connection that closes while a poll or POST is on it ends the
// session within 100 ms; idle ones may come and go.
func TestRequestCutOff(t *testing.T) {
	for name, request := range map[string]func(sid string) string{
		"poll":         rawGet,
		"POST midway":  func(sid string) string { return rawPost(sid, "Content-Length: 10", "4abc") },
		"POST chunked": func(sid string) string { return rawPost(sid, "Transfer-Encoding: chunked", "5\r\n4abc") },
	} {
		for how, cut := range map[string]func(net.Conn){
			"closed": func(c net.Conn) { _ = c.Close() },
			"reset":  func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0); _ = c.Close() },
		} {
			t.Run(name+" "+how, func(t *testing.T) {
				s := onTCP(t, nil)
				by := s.bystander()
				app := s.openPolling()
				conn := s.rawRequest(request(app.ID()))
				eventually(t, "the request is there", func() bool {
					app.Conn.mu.Lock()
					defer app.Conn.mu.Unlock()
					return app.poll != nil || app.post != nil
				})
				app.wantOpen(t)
				cut(conn)
				app.wantClosed(t, ReasonTransportClose)
				if got := app.messages(); len(got) != 0 {
					t.Errorf("received %q of half a request", got)
				}
				s.want(s.get(app.ID()), 400, unknownSID)
				by.wantUnharmed()
			})
		}
	}
}

func TestPostCutOffWhileItsMessagesWait(t *testing.T) {
	s := onTCP(t, nil)
	by := s.bystander()
	app := s.openPolling()
	app.Pause()
	conn := s.rawRequest(rawPost(app.ID(), "Content-Length: 2", "4a"))
	eventually(t, "the body is read", func() bool {
		app.Conn.mu.Lock()
		defer app.Conn.mu.Unlock()
		return app.post != nil && !app.post.reading
	})
	app.wantOpen(t)
	_ = conn.Close()
	app.wantClosed(t, ReasonTransportClose)
	if got := app.messages(); len(got) != 0 {
		t.Errorf("received %q", got)
	}
	by.wantUnharmed()
}

func TestIdleConnectionsComeAndGo(t *testing.T) {
	s := onTCP(t, nil)
	app := s.openPolling()
	conn := s.rawRequest(rawPost(app.ID(), "Content-Length: 2", "4a"))
	if got := readAnswer(t, conn); !strings.HasSuffix(got, "\r\n\r\nok") {
		t.Fatalf("got %q", got)
	}
	_ = conn.Close()
	s.want(s.get(app.ID()), 200, "4a")
	s.client.CloseIdleConnections()
	s.want(s.post(app.ID(), "4b"), 200, "ok")
	s.want(s.get(app.ID()), 200, "4b")
	app.wantOpen(t)
}

// Race 3: an aborted poll followed at once by a new one gets 400, whether the
// abort or the overlap is seen first.
func TestAbortedPollFollowedByAnother(t *testing.T) {
	s := onTCP(t, nil)
	by := s.bystander()
	for range 50 {
		app := s.openPolling()
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = s.try(ctx, "GET", pollingTarget(app.ID()), "")
		}()
		app.waiting(t)
		cancel()
		if r := s.get(app.ID()); r.status != 400 || r.body != badRequest && r.body != unknownSID {
			t.Fatalf("got %d %q", r.status, r.body)
		}
		<-done
		<-app.closed
	}
	by.wantUnharmed()
}

// The same where the server reads the aborted one last.
func TestPollFollowedByAnAbortedOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := inMemory(t, nil)
		by := s.bystander()
		app := s.openPolling()
		poll := s.getLater(app.ID())
		synctest.Wait()
		late := s.rawRequest(rawGet(app.ID()))
		synctest.Wait()
		_ = late.Close()
		s.wantLater(poll, 400, badRequest)
		app.wantClosed(t, ReasonTransportClose)
		s.want(s.get(app.ID()), 400, unknownSID)
		by.wantUnharmed()
	})
}

// EIO4: Close. Race 1: GET and POST of `1` on two connections.
func TestClientCloses(t *testing.T) {
	t.Run("while a poll waits", func(t *testing.T) {
		s := onTCP(t, nil)
		by := s.bystander()
		app := s.openPolling()
		poll := s.getLater(app.ID())
		app.waiting(t)
		s.want(s.post(app.ID(), "1"), 200, "ok")
		s.wantLater(poll, 200, "6")
		app.wantClosed(t, ReasonTransportClose)
		s.want(s.get(app.ID()), 400, unknownSID)
		by.wantUnharmed()
	})
	t.Run("before the poll comes", func(t *testing.T) {
		s := onTCP(t, nil)
		app := s.openPolling()
		if err := app.Send(NewFrame(Text, []byte("never told"))); err != nil {
			t.Fatal(err)
		}
		s.want(s.post(app.ID(), "1"), 200, "ok")
		app.wantClosed(t, ReasonTransportClose)
		s.want(s.post(app.ID(), "4a"), 400, unknownSID)
		s.want(s.get(app.ID()), 200, "6")
		s.want(s.get(app.ID()), 400, unknownSID)
	})
	t.Run("in the middle of a payload", func(t *testing.T) {
		s := onTCP(t, nil)
		app := s.openPolling()
		s.want(s.post(app.ID(), "4a\x1e1\x1e4b"), 200, "ok")
		app.wantClosed(t, ReasonTransportClose)
		if got := app.messages(); !slices.Equal(got, []string{"a"}) {
			t.Errorf("received %q", got)
		}
	})
}

// The same, with both on their way at once: the GET is answered with 200 `6`
// whichever comes first, and only the next one with 400.
func TestCloseRacesThePoll(t *testing.T) {
	s := onTCP(t, nil)
	by := s.bystander()
	for i := range 100 {
		app := s.openPolling()
		poll := s.getLater(app.ID())
		for range i % 10 {
			runtime.Gosched()
		}
		s.want(s.post(app.ID(), "1"), 200, "ok")
		s.wantLater(poll, 200, "6")
		app.wantClosed(t, ReasonTransportClose)
		s.want(s.get(app.ID()), 400, unknownSID)
	}
	by.wantUnharmed()
}

// GET bodies of 1 KiB and more are gzipped where accepted.
func TestCompression(t *testing.T) {
	s := onTCP(t, nil)
	for _, tc := range []struct {
		length int // of the payload
		accept string
		zipped bool
	}{
		{1024, "gzip", true},
		{1023, "gzip", false},
		{100_000, "deflate, gzip;q=0.5", true},
		{1024, "", false},
		{1024, "deflate, br", false},
		{1024, "gzip;q=0", false},
		{1024, "gzip; q=0.0", false},
		{1024, "gzip;q=x", false},
		{1024, "*", true},
		{1024, "*;q=0", false},
		{1024, "gzip;q=0, *", false},
		{1024, "*;q=0, GZip", true},
	} {
		app := s.openPolling()
		want := "4" + strings.Repeat("x", tc.length-1)
		if err := app.Send(NewFrame(Text, []byte(want[1:]))); err != nil {
			t.Fatal(err)
		}
		r := s.do("GET", pollingTarget(app.ID()), "", "Accept-Encoding", tc.accept)
		body := r.body
		if tc.zipped {
			z, err := gzip.NewReader(strings.NewReader(body))
			if err != nil {
				t.Fatalf("%d bytes for %q: %v", tc.length, tc.accept, err)
			}
			b, err := io.ReadAll(z)
			if err != nil {
				t.Fatal(err)
			}
			body = string(b)
		}
		if body != want || (r.header.Get("Content-Encoding") == "gzip") != tc.zipped {
			t.Errorf("%d bytes for %q: %q, %d bytes", tc.length, tc.accept, r.header.Get("Content-Encoding"), len(body))
		}
		if (r.header.Get("Vary") == "Accept-Encoding") != (tc.length >= 1024) {
			t.Errorf("%d bytes for %q: Vary %q", tc.length, tc.accept, r.header.Get("Vary"))
		}
	}
}

// A GET with a body would hide from net/http that its connection closes.
func TestGetWithABody(t *testing.T) {
	s := onTCP(t, nil)
	by := s.bystander()
	app := s.openPolling()
	s.want(s.do("GET", pollingTarget(app.ID()), "4a"), 400, badRequest)
	app.wantOpen(t)
	by.wantUnharmed()
}

// The http.Server's own timeouts do not end a poll that waits.
func TestServerTimeoutsSparePolls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
		s := &site{t: t, sessions: map[string]*session{}, dial: l.dial}
		app := make(chan *session, 1)
		s.server = &Server{Accept: func(c *Conn) Handler {
			a := &session{Conn: c, closed: make(chan *CloseError, 1)}
			app <- a
			return a
		}}
		hs := &http.Server{Handler: s.server, ReadTimeout: 50 * time.Millisecond, WriteTimeout: 50 * time.Millisecond}
		served := make(chan error)
		go func() { served <- hs.Serve(l) }()
		defer func() { _ = hs.Close(); <-served }()

		conn := s.rawRequest("GET /?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\n\r\n")
		if got := readAnswer(t, conn); !strings.HasPrefix(got, "HTTP/1.1 200") {
			t.Fatalf("got %q", got)
		}
		a := <-app
		if _, err := io.WriteString(conn, rawGet(a.ID())); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		time.Sleep(120 * time.Millisecond) // past both deadlines
		a.wantOpen(t)
		if err := a.Send(NewFrame(Text, []byte("late"))); err != nil {
			t.Fatal(err)
		}
		if got := readAnswer(t, conn); !strings.HasSuffix(got, "\r\n\r\n4late") {
			t.Fatalf("got %q", got)
		}
		a.fail(ReasonForcedClose, endCut, nil)
		a.wantClosed(t, ReasonForcedClose)
	})
}

// And our own deadlines end with our answers: what else the connection is used
// for may take its time.
func TestDeadlinesSpareOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
		s := &Server{Accept: func(c *Conn) Handler { return &session{Conn: c, closed: make(chan *CloseError, 1)} }}
		mux := http.NewServeMux()
		mux.Handle("/engine.io/", s)
		mux.HandleFunc("/slow", func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(time.Hour)
			_, _ = io.WriteString(w, "it came")
		})
		hs := &http.Server{Handler: mux}
		served := make(chan error)
		go func() { served <- hs.Serve(l) }()
		defer func() { _ = hs.Close(); <-served }()
		dials := 0
		transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
			dials++
			return l.dial()
		}}
		defer transport.CloseIdleConnections()
		do := func(method, target, body string) string {
			t.Helper()
			r, err := http.NewRequest(method, "http://snug.test"+target, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			resp, err := transport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			b, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Error(err)
			}
			return string(b)
		}
		target := pollingTarget(sidOf(t, do("GET", "/engine.io/?EIO=4&transport=polling", "")))
		for _, before := range []string{"", "4hello", "abc"} { // a handshake, a POST, and one that is refused
			if before != "" {
				do("POST", target, before)
			}
			if got := do("GET", "/slow", ""); got != "it came" {
				t.Errorf("after %q: %q", before, got)
			}
			if before == "" {
				target = pollingTarget(sidOf(t, do("GET", "/engine.io/?EIO=4&transport=polling", "")))
			}
		}
		if dials != 1 {
			t.Errorf("%d connections", dials)
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = s.Shutdown(ctx)
	})
}

// FuzzPost posts what a client might, and sees that it is taken whole or not at
// all, that the session's state is what the answer says, and that another
// session is not harmed.
func FuzzPost(f *testing.F) {
	for _, body := range []string{
		"4hello", "4a\x1ebAQID\x1e4", "4a\x1e1\x1e4b", "1", "0{}\x1e3\x1e5\x1e6", "2", "4a\x1e2probe", "4a\x1e", "", "abc",
		"bA", "4\xff", "4a\x1e7", "b", "4" + strings.Repeat("x", 100),
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		const limit = 100
		s := inMemory(t, func(s *Server) { s.MaxPayload = limit })
		by := s.bystander()
		app := s.openPolling()
		want, verdict := whatPosted(body)
		if len(body) > limit {
			want, verdict = nil, http.StatusRequestEntityTooLarge
		}
		r := s.post(app.ID(), string(body))
		switch verdict {
		case 400:
			s.want(r, 400, badRequest)
		case 413:
			s.want(r, 413, `{"code":3,"message":"Payload too large"}`)
		default:
			s.want(r, 200, "ok")
		}
		if got := app.messages(); !slices.Equal(got, want) {
			t.Errorf("received %q, want %q", got, want)
		}
		switch verdict {
		case 400:
			app.wantClosed(t, ReasonParseError)
			s.want(s.get(app.ID()), 400, unknownSID)
		case goodbye:
			app.wantClosed(t, ReasonTransportClose)
			s.want(s.get(app.ID()), 200, "6")
		default:
			app.wantOpen(t)
			s.want(s.post(app.ID(), "4after"), 200, "ok")
			if got := app.messages(); len(got) != len(want)+1 || got[len(want)] != "after" {
				t.Errorf("received %q after %q", got, want)
			}
		}
		by.wantUnharmed()
	})
}

// goodbye stands for a payload that ends its session properly.
const goodbye = 0

// whatPosted says what a payload brings the application, and how its POST is
// answered.
func whatPosted(body []byte) (messages []string, verdict int) {
	verdict = 200
	for p, err := range packet.Payload(body) {
		switch {
		case err != nil || p.Type == packet.Ping:
			return nil, 400
		case verdict == goodbye:
		case p.Type == packet.Close:
			verdict = goodbye
		case p.Type == packet.Message && p.Binary:
			messages = append(messages, "b:"+string(p.Data))
		case p.Type == packet.Message:
			messages = append(messages, string(p.Data))
		}
	}
	return messages, verdict
}
