package engineio

import (
	"context"
	"encoding/base64"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// Defaults of a Server's settings.
const (
	defaultPingInterval   = 25 * time.Second
	defaultPingTimeout    = 20 * time.Second
	defaultUpgradeTimeout = 10 * time.Second
	defaultMaxPayload     = 1_000_000
	defaultMaxOutbox      = 1 << 20
	defaultReadTimeout    = 30 * time.Second
	defaultWriteTimeout   = 10 * time.Second
)

// The names of the transports, as they stand in a request's query.
const (
	transportPolling   = "polling"
	transportWebSocket = "websocket"
)

// A Server is an [http.Handler] that accepts Engine.IO sessions. Its fields
// must not be changed, and it must not be copied, once it serves. The zero
// value but for Accept is ready.
type Server struct {
	// Accept is called once for each new session, before anything is received
	// on it, and returns what will handle it, never nil. It must not block; it
	// may Send.
	Accept func(*Conn) Handler

	// Path is where the server is mounted, such as "/engine.io/". Requests to
	// any other path get 404. If empty, the server answers on every path that
	// it is asked for.
	Path string

	PingInterval   time.Duration // 25 s if zero
	PingTimeout    time.Duration // 20 s if zero
	UpgradeTimeout time.Duration // 10 s if zero
	MaxPayload     int64         // bytes of one message or one polling body; 1,000,000 if zero
	MaxOutbox      int           // bytes queued for one client before it is closed as slow; 1 MiB if zero
	ReadTimeout    time.Duration // for the body of one request to come; 30 s if zero
	WriteTimeout   time.Duration // for a peer to take 64 KiB; 10 s if zero

	// CheckOrigin says whether a request that carries an Origin may go on; nil
	// allows the server's own host and what CORS lists. It is asked on both
	// transports.
	CheckOrigin func(*http.Request) bool

	// CORS lists the origins that get cross-origin headers; "*" is any. None by default.
	CORS []string

	// AllowEIO3 lets in clients of protocol 3, such as JavaScript's 2.x.
	AllowEIO3 bool

	// Admit may refuse a handshake: with a [*Refusal] as that says, with any
	// other error as code 4, Forbidden, whose text is not told to the client.
	// It runs before a session exists and before 101, must not block, and may be
	// called from several goroutines at once. leave, where it is not nil and the
	// handshake not refused, is called once: when the session has ended, or at
	// once if none came to be. So sessions can be counted by whatever the request says.
	Admit func(*http.Request) (leave func(), err error)

	Logger *slog.Logger // slog.Default if nil

	// running holds the *engine made by the first call of a method.
	running atomic.Value
}

// ServeHTTP handles handshakes, polls, posts and WebSocket upgrades.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.engine().serve(w, r)
}

// Shutdown refuses new sessions, closes each open one with [ReasonShutdown]
// once its outbox is flushed (polls get packet 1, WebSockets close 1001), and
// waits for them and their handlers. A polling client that does not come back
// for its last packets is waited for no longer than 5 s. When ctx is done
// first, connections that are left are cut, and its error is returned.
func (s *Server) Shutdown(ctx context.Context) error {
	return s.engine().shutdown(ctx)
}

// Sessions is the number of sessions that are open or being closed.
func (s *Server) Sessions() int { return int(s.engine().sessions.count.Load()) }

// CloseWhere closes each open session that pick says yes to, as [Conn.Close]
// does with [ReasonForcedClose], and says how many those are. pick must not block.
func (s *Server) CloseWhere(pick func(*Handshake) bool) int {
	n := 0
	for _, c := range s.engine().sessions.all() {
		if pick(c.handshake) {
			c.Close(ReasonForcedClose)
			n++
		}
	}
	return n
}

func (s *Server) engine() *engine {
	if e := s.running.Load(); e != nil {
		return e.(*engine)
	}
	s.running.CompareAndSwap(nil, newEngine(s))
	return s.running.Load().(*engine)
}

// settings are a Server's fields with their defaults filled in.
type settings struct {
	Accept                                    func(*Conn) Handler
	Path                                      string
	PingInterval, PingTimeout, UpgradeTimeout time.Duration
	ReadTimeout, WriteTimeout                 time.Duration
	MaxPayload                                int64
	MaxOutbox                                 int
	CheckOrigin                               func(*http.Request) bool
	CORS                                      []string
	AllowEIO3                                 bool
	Admit                                     func(*http.Request) (func(), error)
	Logger                                    *slog.Logger
}

// An engine is a Server at work: its settings and its sessions.
type engine struct {
	opts      settings // static
	anyOrigin bool     // static: CORS has "*"
	sessions  sessions
	flusher   flusher
	wheel     wheel
	loops     []eventLoop   // static; none where WebSockets are served by goroutines alone
	stamp     atomic.Uint64 // of the last frame that was sent to a group
}

func newEngine(s *Server) *engine {
	e := &engine{opts: settings{
		Accept:         s.Accept,
		Path:           s.Path,
		PingInterval:   orDefault(s.PingInterval, defaultPingInterval),
		PingTimeout:    orDefault(s.PingTimeout, defaultPingTimeout),
		UpgradeTimeout: orDefault(s.UpgradeTimeout, defaultUpgradeTimeout),
		ReadTimeout:    orDefault(s.ReadTimeout, defaultReadTimeout),
		WriteTimeout:   orDefault(s.WriteTimeout, defaultWriteTimeout),
		MaxPayload:     orDefault(s.MaxPayload, defaultMaxPayload),
		MaxOutbox:      orDefault(s.MaxOutbox, defaultMaxOutbox),
		CheckOrigin:    s.CheckOrigin,
		CORS:           slices.Clone(s.CORS),
		AllowEIO3:      s.AllowEIO3,
		Admit:          s.Admit,
		Logger:         s.Logger,
	}}
	if e.opts.Logger == nil {
		e.opts.Logger = slog.Default()
	}
	e.anyOrigin = slices.Contains(e.opts.CORS, "*")
	e.sessions.init()
	e.loops = newEventLoops()
	return e
}

func orDefault[T int | int64 | time.Duration](v, def T) T {
	if v <= 0 {
		return def
	}
	return v
}

func (e *engine) serve(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength != 0 {
		// Also of a request that is refused: net/http waits for its body before it
		// sends the answer.
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(e.opts.ReadTimeout))
	}
	if !e.atPath(r.URL.Path) {
		e.setWriteDeadline(w)
		http.NotFound(w, r)
		return
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	allowed := e.allowCrossOrigin(w.Header(), r)
	if r.Method == http.MethodOptions {
		e.preflight(w, r, allowed)
		return
	}
	query := r.URL.Query()
	if query.Get("sid") == "" { // an empty sid is a handshake
		leave, f := e.admit(r, query)
		if f != nil {
			e.refuse(w, f)
			return
		}
		e.open(w, r, query, leave)
		return
	}
	c, f := e.find(r, query)
	switch {
	case f != nil:
		e.refuse(w, f)
	case query.Get("transport") == transportWebSocket:
		c.upgrade(w, r)
	case r.Method == http.MethodGet:
		c.servePoll(w, r)
	default:
		c.servePost(w, r)
	}
}

// atPath reports whether a request's path is the server's, with or without the
// slash at the end: clients can be told to leave it out.
func (e *engine) atPath(path string) bool {
	return e.opts.Path == "" ||
		strings.TrimSuffix(path, "/") == strings.TrimSuffix(e.opts.Path, "/")
}

// precheck is what every request must pass first.
func precheck(r *http.Request, query url.Values) *fault {
	if t := query.Get("transport"); t != transportPolling && t != transportWebSocket {
		return faultTransport
	}
	if !originCharsValid(r.Header.Get("Origin")) {
		return faultRequest
	}
	return nil
}

// admit checks a handshake, in the order of the Node server. leave is the
// application's, to be called once.
func (e *engine) admit(r *http.Request, query url.Values) (leave func(), f *fault) {
	if f := precheck(r, query); f != nil {
		return nil, f
	}
	if r.Method != http.MethodGet {
		return nil, faultMethod
	}
	if f := checkTransport(r, query); f != nil {
		return nil, f
	}
	if !e.originAllowed(r) {
		return nil, faultForbidden
	}
	if leave, f = e.askApplication(r); f != nil {
		return nil, f
	}
	// As with the Node server, what is not 4 is taken for 3.
	if query.Get("EIO") != "4" && !e.opts.AllowEIO3 {
		leave()
		return nil, faultVersion
	}
	return leave, nil
}

func (e *engine) askApplication(r *http.Request) (leave func(), _ *fault) {
	if e.opts.Admit == nil {
		return func() {}, nil
	}
	leave, err := e.opts.Admit(r)
	var refusal *Refusal
	switch {
	case err == nil && leave == nil:
		return func() {}, nil
	case err == nil:
		return leave, nil
	case !errors.As(err, &refusal):
		return nil, faultForbidden
	}
	f := *faultForbidden
	f.retryAfter = refusal.RetryAfter
	if refusal.Status != 0 {
		f.status = refusal.Status
	}
	if refusal.Message != "" {
		f.message = refusal.Message
	}
	return nil, &f
}

// find returns the session that a request with a sid belongs to.
func (e *engine) find(r *http.Request, query url.Values) (*Conn, *fault) {
	if f := precheck(r, query); f != nil {
		return nil, f
	}
	c := e.sessions.get(query.Get("sid"))
	if c == nil {
		return nil, faultSession
	}
	if f := c.check(query.Get("transport")); f != nil {
		return nil, f
	}
	if r.Method != http.MethodGet && (r.Method != http.MethodPost || query.Get("transport") == transportWebSocket) {
		return nil, faultNotAllowed
	}
	if f := checkTransport(r, query); f != nil {
		return nil, f
	}
	if !e.originAllowed(r) {
		return nil, faultForbidden
	}
	return c, nil
}

// checkTransport refuses what is not a request of the transport that it names.
func checkTransport(r *http.Request, query url.Values) *fault {
	upgrade := strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
	if query.Get("transport") == transportPolling {
		// A body of a GET would hide from net/http that the peer went away.
		if upgrade || r.Method == http.MethodGet && r.ContentLength != 0 {
			return faultRequest
		}
		return nil
	}
	if !upgrade || r.ProtoMajor != 1 || r.ProtoMinor < 1 || r.Host == "" || r.ContentLength != 0 ||
		!hasToken(r.Header.Values("Connection"), "upgrade") {
		return faultRequest
	}
	if key, err := base64.StdEncoding.DecodeString(r.Header.Get("Sec-Websocket-Key")); err != nil || len(key) != 16 {
		return faultRequest
	}
	if r.Header.Get("Sec-Websocket-Version") != "13" {
		return faultWSVersion
	}
	return nil
}

// hasToken reports whether a list-valued header field names the token.
func hasToken(values []string, token string) bool {
	for _, v := range values {
		for item := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(strings.TrimSpace(item), token) {
				return true
			}
		}
	}
	return false
}

// open begins a session. EIO4: Handshake.
func (e *engine) open(w http.ResponseWriter, r *http.Request, query url.Values, leave func()) {
	hs := newHandshake(r, query)
	hs.leave = leave
	if query.Get("transport") == transportWebSocket {
		e.openWebSocket(w, r, hs)
		return
	}
	c := e.newConn(hs, nil)
	if c == nil {
		leave()
		e.refuse(w, faultShutdown)
		return
	}
	open := e.openFrame(c.id, []string{transportWebSocket})
	if err := e.writePayload(w, r, c.payload([]*frame{open})); err != nil {
		c.fail(ReasonTransportClose, endCut, err)
	}
}
