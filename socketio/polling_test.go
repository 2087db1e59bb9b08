package socketio_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"snug/socketio"
)

// A reply is an HTTP answer with its body.
type reply struct {
	*http.Response
	body string
}

// request sends an HTTP request on a connection of its own.
func (s *site) request(method, target, body string) reply {
	s.t.Helper()
	r, err := s.try(method, target, body)
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

func (s *site) try(method, target, body string) (reply, error) {
	transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return s.dial() }}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequest(method, "http://test"+target, strings.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return reply{resp, string(b)}, err
}

// A poller is a client that polls.
type poller struct {
	s      *site
	target string
}

// poll opens a connection by polling, without any namespace.
func (s *site) poll() *poller {
	s.t.Helper()
	hs := s.request("GET", "/socket.io/?EIO=4&transport=polling", "")
	sid, found := strings.CutPrefix(hs.body, `0{"sid":"`)
	sid, _, _ = strings.Cut(sid, `"`)
	if !found {
		s.t.Fatalf("handshake %q", hs.body)
	}
	return &poller{s, "/socket.io/?EIO=4&transport=polling&sid=" + sid}
}

// post sends packets, which must be taken.
func (p *poller) post(body string) {
	p.s.t.Helper()
	if r := p.s.request("POST", p.target, body); r.StatusCode != 200 || r.body != "ok" {
		p.s.t.Fatalf("posted %s: %d %s", body, r.StatusCode, r.body)
	}
}

// later begins to poll.
func (p *poller) later() <-chan string {
	got := make(chan string, 1)
	go func() {
		r, err := p.s.try("GET", p.target, "")
		if err != nil {
			r.body = err.Error()
		}
		got <- r.body
	}()
	return got
}

func wantPolled(t *testing.T, got <-chan string, want string) {
	t.Helper()
	select {
	case body := <-got:
		if body != want {
			t.Errorf("polled %q, want %q", body, want)
		}
	case <-time.After(patience):
		t.Fatalf("nothing came, want %q", want)
	}
}

// connect joins a namespace.
func (p *poller) connect(namespace string) {
	p.s.t.Helper()
	p.post("40" + comma(namespace))
	if r := p.s.request("GET", p.target, ""); !strings.HasPrefix(r.body, "40"+comma(namespace)+`{"sid":"`) || strings.Contains(r.body, "\x1e") {
		p.s.t.Fatalf("got %q in answer to CONNECT", r.body)
	}
}

const unknownSID = `{"code":1,"message":"Session ID unknown"}`

// Over polling "close" is a poll that gets `1`, and the end of the sid; what
// follows in the same payload is not looked at.
func TestMalformedOverPolling(t *testing.T) {
	s := newSite(t, socketio.Options{}, nil)
	for name, c := range map[string]struct{ body, reason string }{
		"bare EVENT":                      {`42`, "/ parse error"},
		"bad JSON":                        {`42["echo",]`, "/ parse error"},
		"unknown type":                    {`49`, "/ parse error"},
		"DISCONNECT with a payload":       {`41{}`, "/ parse error"},
		"binary unannounced":              {`bAQID`, "/ parse error"},
		"text while binary is awaited":    {"451-[\"echo\",{\"_placeholder\":true,\"num\":0}]\x1e42[\"echo\"]", "/ parse error"},
		"second CONNECT":                  {`40`, "/ forced close"},
		"EVENT to a namespace not joined": {`42/custom,["echo"]`, "/ forced close"},
		"CONNECT_ERROR":                   {`44{}`, "/ forced close"},
	} {
		t.Run(name, func(t *testing.T) {
			p := s.poll()
			p.connect("")
			poll := p.later()
			p.post(c.body + "\x1e42[\"echo\",\"too late\"]")
			wantPolled(t, poll, "1")
			s.wantLeft(t, c.reason)
			if r := s.request("GET", p.target, ""); r.StatusCode != 400 || r.body != unknownSID {
				t.Errorf("afterwards %d %s", r.StatusCode, r.body)
			}
			s.alive(t)
		})
	}
}

// "Restarts close the transport": a poll gets `1`, and no DISCONNECT before it.
func TestShutdownOverPolling(t *testing.T) {
	s := newSite(t, socketio.Options{}, nil)
	p := s.poll()
	p.connect("")
	poll := p.later()
	p.post(`420["echo"]`) // and with its answer the poll is there
	wantPolled(t, poll, `430[]`)
	poll = p.later()
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	wantPolled(t, poll, "1")
	s.bystander.wantClosed()
	for range 2 {
		s.wantLeft(t, "/ server shutting down")
	}
}
