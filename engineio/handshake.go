package engineio

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"snug/engineio/packet"
)

// A Handshake is the part of the opening request that is kept.
type Handshake struct {
	Header     http.Header // not to be changed; without the fields of the connection alone
	URL        string      // the request's target, with the query
	RemoteAddr string      // of the TCP connection; a proxy's, if there is one
	Secure     bool        // the connection itself was TLS
	Time       time.Time
	Protocol   int // of Engine.IO: 4, or 3 where the server allows it

	base64 bool   // the client takes no binary; protocol 3 alone
	leave  func() // what Admit gave, to be called once when the session has ended
}

func newHandshake(r *http.Request, query url.Values) *Handshake {
	hs := &Handshake{
		Header:     keptHeader(r.Header),
		URL:        r.URL.RequestURI(),
		RemoteAddr: r.RemoteAddr,
		Secure:     r.TLS != nil,
		Time:       time.Now(),
		Protocol:   protocol4,
	}
	if query.Get("EIO") != "4" {
		hs.Protocol, hs.base64 = protocol3, query.Get("b64") != ""
	}
	return hs
}

// keptHeader is a copy of a request's header without what concerns the
// connection and not its client: a session may live for days, and the copy
// holds half the memory.
func keptHeader(h http.Header) http.Header {
	var kept http.Header
	for k, v := range h {
		if k == "Connection" || k == "Upgrade" || strings.HasPrefix(k, "Sec-Websocket-") {
			continue
		}
		if kept == nil {
			kept = make(http.Header, 4)
		}
		kept[k] = v
	}
	return kept
}

// sidBytes is the length of a session id before it is encoded: 144 random
// bits, so that it can be kept a secret.
const sidBytes = 18

func newSID() string {
	var b [sidBytes]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// openFrame is the packet that opens a session. EIO4: Handshake.
func (e *engine) openFrame(sid string, upgrades []string) *frame {
	data, err := json.Marshal(struct {
		SID          string   `json:"sid"`
		Upgrades     []string `json:"upgrades"`
		PingInterval int64    `json:"pingInterval"`
		PingTimeout  int64    `json:"pingTimeout"`
		MaxPayload   int64    `json:"maxPayload"`
	}{sid, upgrades, e.opts.PingInterval.Milliseconds(), e.opts.PingTimeout.Milliseconds(), e.opts.MaxPayload})
	if err != nil { // cannot be: strings and numbers
		return textFrame(packet.Close, "")
	}
	return newFrame(packet.Packet{Type: packet.Open, Data: data})
}
