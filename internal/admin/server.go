package admin

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"strconv"
	"time"

	"snug/internal/chat"
	"snug/internal/wire"
)

// Config is what an operator gets to see and do. All of it is required.
type Config struct {
	Service  *chat.Service
	Measures *Measures
	Version  string
	Logger   *slog.Logger

	Connections func() int                      // how many there are
	Close       func(func(netip.Addr) bool) int // ends those from addresses that it is told, and says how many
	Tell        func(*chat.Hush)                // tells everybody that there is a Hush; nil: that it is over
}

// A Server serves operators.
type Server struct {
	Config
	began time.Time
	http  *http.Server
}

// New makes a server, and puts the measures in force that outlived a restart.
func New(cfg Config) *Server {
	s := &Server{Config: cfg, began: time.Now()}
	if m := s.Measures.Mute(); m != nil {
		s.Service.SetHush(hush(m))
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", answer(s.status))
	mux.HandleFunc("GET /rooms", answer(s.rooms))
	mux.HandleFunc("GET /rooms/{code}", answer(s.look))
	mux.HandleFunc("DELETE /rooms/{code}", answer(s.raze))
	mux.HandleFunc("POST /bans", answer(s.ban))
	mux.HandleFunc("DELETE /bans", answer(s.unban))
	mux.HandleFunc("POST /mute", answer(s.mute))
	mux.HandleFunc("DELETE /mute", answer(s.unmute))
	s.http = &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		WriteTimeout: 2 * time.Minute, // a room of millions takes a while to delete
		IdleTimeout:  10 * time.Second, MaxHeaderBytes: 8 << 10,
		ErrorLog: slog.NewLogLogger(cfg.Logger.Handler(), slog.LevelDebug),
	}
	return s
}

// Serve serves until ctx is done.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	ended := make(chan error, 1)
	go func() { ended <- s.http.Serve(l) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		err := s.http.Close()
		<-ended
		return err
	}
}

// A problem is what an error looks like.
type problem struct {
	Code    chat.Code `json:"code"`
	Message string    `json:"message"`
}

// answer serves a function of a request. Here an error ends: whoever may open
// the socket may read all of it.
func answer(f func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
		w.Header().Set("Content-Type", "application/json")
		v, err := f(r)
		if err != nil {
			p, status := problem{chat.CodeOf(err), err.Error()}, http.StatusInternalServerError
			if e, ok := errors.AsType[*chat.Error](err); ok && e.Code != chat.Internal {
				status = http.StatusUnprocessableEntity
				if p.Message = e.Message; e.Err != nil {
					p.Message += ": " + e.Err.Error()
				}
			}
			v = p
			w.WriteHeader(status)
		}
		_ = json.NewEncoder(w).Encode(v) // it may have gone
	}
}

// read reads a request's body.
func read(r *http.Request, v any) error {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return &chat.Error{Code: chat.BadRequest, Message: "the request was not understood: " + err.Error()}
	}
	return nil
}

func number(r *http.Request, name string) (int, error) {
	given := r.URL.Query().Get(name)
	if given == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(given)
	if err != nil || n < 0 {
		return 0, &chat.Error{Code: chat.BadRequest, Field: name, Message: name + " is no number"}
	}
	return n, nil
}

func (s *Server) status(r *http.Request) (any, error) {
	if r.URL.Query().Has("collect") {
		runtime.GC()
		runtime.GC() // what the first one only finalised
	}
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	stats := s.Service.Stats()
	return Status{
		Version: s.Version, Since: s.began.UTC().Truncate(time.Second), Rooms: stats.Rooms, Members: stats.Members, Connections: s.Connections(),
		Goroutines: runtime.NumGoroutine(), HeapBytes: mem.HeapAlloc, Bans: s.Measures.Bans(), Mute: s.Measures.Mute(),
	}, nil
}

// pageMost is how many rooms are listed at a time.
const pageMost = 500

func (s *Server) rooms(r *http.Request) (any, error) {
	after, err := number(r, "after")
	if err != nil {
		return nil, err
	}
	page, err := s.Service.Rooms(r.Context(), chat.RoomID(after), pageMost)
	if err != nil {
		return nil, err
	}
	list := make([]Room, 0, len(page))
	for i := range page {
		list = append(list, newRoom(&page[i]))
	}
	return list, nil
}

func newRoom(r *chat.RoomSummary) Room {
	return Room{
		ID: r.ID, Code: r.Code, Title: r.Title, Here: r.Count, Entries: r.Entries(), Keep: r.Keep.String(),
		Created: wire.At(r.CreatedAt), Last: wire.At(r.LastAt),
		Locked: r.Locked, Passphrase: r.Passphrase, Slow: int(r.Slow / time.Second),
	}
}

func (s *Server) look(r *http.Request) (any, error) {
	entries, err := number(r, "entries")
	if err != nil {
		return nil, err
	}
	found, err := s.Service.Look(r.Context(), r.PathValue("code"), entries)
	if err != nil {
		return nil, err
	}
	v := View{
		Room: newRoom(&found.RoomSummary), First: uint32(found.First), Head: uint32(found.Head),
		Members: []wire.Member{}, Newest: []wire.Entry{},
	}
	for _, m := range found.Members {
		v.Members = append(v.Members, wire.NewMember(m))
	}
	for i := range found.Page.Entries {
		v.Newest = append(v.Newest, wire.NewEntry(&found.Page.Entries[i]))
	}
	return v, nil
}

func (s *Server) raze(r *http.Request) (any, error) {
	return struct{}{}, s.Service.Raze(r.Context(), r.PathValue("code"))
}

func (s *Server) ban(r *http.Request) (any, error) {
	var ask BanRequest
	if err := read(r, &ask); err != nil {
		return nil, err
	}
	b, err := s.Measures.Ban(ask)
	if err != nil {
		return nil, err
	}
	ended := s.Close(b.Network.Contains)
	s.Logger.Info("an address was banned by the operator", "until", b.Until, "connections", ended) // which one is for the operator alone
	return Banned{Ban: b, Ended: ended}, nil
}

func (s *Server) unban(r *http.Request) (any, error) {
	network, err := netip.ParsePrefix(r.URL.Query().Get("network"))
	if err != nil {
		return nil, &chat.Error{Code: chat.BadRequest, Field: "network", Message: "this is no network"}
	}
	return struct{}{}, s.Measures.Unban(network)
}

func (s *Server) mute(r *http.Request) (any, error) {
	var ask Span
	if err := read(r, &ask); err != nil {
		return nil, err
	}
	m, err := s.Measures.SetMute(ask)
	if err != nil {
		return nil, err
	}
	s.Logger.Info("the server was muted by the operator", "until", m.Until)
	s.Service.SetHush(hush(m))
	s.Tell(hush(m))
	return m, nil
}

func (s *Server) unmute(*http.Request) (any, error) {
	if err := s.Measures.Unmute(); err != nil {
		return nil, err
	}
	if s.Service.Hushed() != nil {
		s.Logger.Info("the server was unmuted by the operator")
		s.Service.SetHush(nil)
		s.Tell(nil)
	}
	return struct{}{}, nil
}

func hush(m *Mute) *chat.Hush { return &chat.Hush{Until: m.Until, Note: m.Note} }
