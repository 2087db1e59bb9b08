// Package api is what Snug serves over HTTP: the web app, the Socket.IO server's
// place, QR codes of rooms' links, tokens for bots, and whether it is well.
package api

import (
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"

	"snug/internal/chat"
)

// Config is what the HTTP side serves. Socket, Keys and Healthy are required.
type Config struct {
	Socket  http.Handler // the Socket.IO server
	Keys    *chat.Keyring
	Healthy func() *chat.Error                              // nil while everything is served; may be called from any goroutine
	Proxies *Proxies                                        // nil: there are none
	Base    string                                          // the path that all is served below, such as "/chat/"; "": the root
	Banned  func(netip.Addr) (until time.Time, banned bool) // who is served nothing; nil: nobody
	Metrics http.Handler                                    // at /metrics; nil: there is no such path
	App     fs.FS                                           // the built web app; nil: there is only Page
	Page    string                                          // HTML in place of the app
}

// How long a client may take for a request, and for its answer, where it has
// nothing to wait for. The Socket.IO server keeps its own time.
const (
	readPatience  = 10 * time.Second
	writePatience = 30 * time.Second
)

// New returns the handler of everything.
func New(cfg Config) (http.Handler, error) {
	static := placeholder(cfg.Page)
	if cfg.App != nil {
		var err error
		if static, err = newApp(cfg.App); err != nil {
			return nil, err
		}
	}
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", cfg.Socket)
	mux.HandleFunc("/socket.io", lost) // not to be redirected by the mux
	mux.Handle("/healthz", bounded(health(cfg.Healthy)))
	mux.Handle("/api/v1/token", bounded(token(cfg.Keys)))
	mux.Handle("/api/v1/qr", bounded(drawLink()))
	mux.Handle("/r/{code}/qr.svg", bounded(http.HandlerFunc(qrCode)))
	if cfg.Metrics != nil {
		mux.Handle("/metrics", bounded(cfg.Metrics))
	}
	mux.Handle("/", bounded(static))
	h := Secured(barred(cfg.Banned, under(cfg.Base, mux)))
	if cfg.Proxies != nil {
		h = cfg.Proxies.resolve(h)
	}
	return timed(h), nil
}

// ServerConfig is what bounds requests before a handler sees them.
type ServerConfig struct {
	HeaderTimeout time.Duration
	IdleTimeout   time.Duration
	HeaderBytes   int
	Door          *Door // nil: everybody is let in
}

// NewServer returns the server that h is served by. Polls and WebSockets last
// as long as they like; only what comes before a handler is timed here.
func NewServer(h http.Handler, cfg ServerConfig, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           attend(h),
		ReadHeaderTimeout: cfg.HeaderTimeout,
		IdleTimeout:       cfg.IdleTimeout,
		MaxHeaderBytes:    cfg.HeaderBytes,
		ConnContext:       remember,
		ConnState: func(c net.Conn, state http.ConnState) {
			idle(c, state)
			if cfg.Door != nil {
				cfg.Door.ConnState(c, state)
			}
		},
		// "OPTIONS *" is answered like everything else, with the headers of everything else.
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// timed limits the time of a body and of an answer, also where a request is
// refused and nobody reads the one: net/http waits for it before it sends the
// other. What takes longer, such as a poll, sets deadlines of its own.
func timed(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, now := http.NewResponseController(w), time.Now()
		// Errors are of writers without a connection, such as a test's.
		if r.ContentLength != 0 {
			_ = c.SetReadDeadline(now.Add(readPatience))
		}
		_ = c.SetWriteDeadline(now.Add(writePatience))
		h.ServeHTTP(w, r)
	})
}

// bounded limits the body of a request.
func bounded(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, 1<<10)
		h.ServeHTTP(w, r)
	})
}

// health answers 200 while the server serves, else 503 with the reason.
func health(healthy func() *chat.Error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			notAllowed(w, "GET, HEAD")
			return
		}
		if err := healthy(); err != nil {
			w.Header().Set("Retry-After", "2")
			fail(w, http.StatusServiceUnavailable, err.Code, err.Message)
			return
		}
		reply(w, http.StatusOK, struct {
			OK bool `json:"ok"`
		}{true})
	}
}

// token makes an identity's token, for a bot. It costs the server nothing, as
// nothing is stored before the identity joins a room ("Connecting").
func token(keys *chat.Keyring) http.Handler {
	return ownPages(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			notAllowed(w, "POST")
			return
		}
		made, _ := keys.Mint()
		reply(w, http.StatusOK, struct {
			Token string `json:"token"`
		}{made})
	}))
}

// ownPages keeps pages of other sites from h; programs are not concerned.
func ownPages(h http.Handler) http.Handler {
	foreign := http.NewCrossOriginProtection()
	foreign.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fail(w, http.StatusForbidden, chat.Forbidden, "pages of other sites may not ask for this")
	}))
	return foreign.Handler(h)
}
