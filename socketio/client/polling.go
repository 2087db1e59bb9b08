package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"time"

	eio "snug/engineio/packet"
)

// A pollCarrier moves packets by HTTP requests. EIO4: HTTP long-polling.
type pollCarrier struct {
	s      *session // static
	http   *http.Client
	ctx    context.Context // done when it is closed
	cancel context.CancelFunc
}

func newPolling(s *session) *pollCarrier {
	p := &pollCarrier{s: s, http: &http.Client{Transport: &http.Transport{
		TLSClientConfig: s.client.opts.TLS, DialContext: s.client.opts.NetDial, MaxIdleConnsPerHost: 2,
	}}}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	return p
}

func (p *pollCarrier) name() string { return "polling" }

func (p *pollCarrier) close() {
	p.cancel()
	p.http.CloseIdleConnections()
}

func (p *pollCarrier) read() ([]eio.Packet, error) {
	// The handshake has not said yet how long the server may be silent.
	timeout := p.s.client.opts.Timeout
	if p.s.handshake.SID != "" {
		timeout = p.s.handshake.silence()
	}
	body, err := p.request(http.MethodGet, nil, timeout)
	if err != nil {
		return nil, err
	}
	var packets []eio.Packet
	for packet, err := range eio.Payload(body) {
		if err != nil {
			return nil, err
		}
		if packet.Binary {
			packet.Data = bytes.Clone(packet.Data)
		}
		packets = append(packets, packet)
	}
	return packets, nil
}

func (p *pollCarrier) write(packets []eio.Packet) error {
	limit := p.s.handshake.MaxPayload
	for len(packets) > 0 {
		var body []byte
		n := 0
		for n < len(packets) && (n == 0 || limit == 0 || int64(len(body)+1+eio.PayloadLen(packets[n])) <= limit) {
			body = eio.AppendPayload(body, packets[n])
			n++
		}
		if _, err := p.request(http.MethodPost, body, p.s.client.opts.Timeout); err != nil {
			return err
		}
		packets = packets[n:]
	}
	return nil
}

func (p *pollCarrier) request(method string, body []byte, timeout time.Duration) ([]byte, error) {
	ctx, cancel := context.WithTimeout(p.ctx, timeout)
	defer cancel()
	sent := 0
	if method == http.MethodGet {
		// net/http sends a GET again by itself when its connection ends without an answer; but the
		// answer to a poll may have been on its way, and what was in it would be missing with
		// nobody noticing. So the second time is the end.
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) {
			if sent++; sent > 1 {
				cancel()
			}
		}})
	}
	r, err := http.NewRequestWithContext(ctx, method, p.s.address("polling", p.s.handshake.SID), bytes.NewReader(body)) // without bytes it is a request without a body
	if err != nil {
		return nil, err
	}
	for k, v := range p.s.client.opts.Header {
		r.Header[k] = v
	}
	if body != nil {
		r.Header.Set("Content-Type", "text/plain;charset=UTF-8")
	}
	w, err := p.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer w.Body.Close()
	if sent > 1 {
		return nil, errPollLost
	}
	got, err := io.ReadAll(io.LimitReader(w.Body, p.s.client.opts.MaxRead+1))
	if err != nil {
		return nil, err
	}
	if int64(len(got)) > p.s.client.opts.MaxRead {
		return nil, errTooLarge
	}
	if w.StatusCode != http.StatusOK {
		return nil, &StatusError{Code: w.StatusCode, Body: string(got[:min(len(got), 200)])}
	}
	return got, nil
}

// errPollLost ends a session whose poll had no answer: there may have been one.
var errPollLost = errors.New("socketio client: the answer to a poll was lost")

// A StatusError is the server's refusal of a request.
type StatusError struct {
	Code int    // the HTTP status
	Body string // the beginning of what came with it
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("socketio client: status %d: %s", e.Code, e.Body)
}
