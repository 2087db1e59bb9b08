package server_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"snug/internal/config"
	"snug/internal/store/sqlite"
	"snug/internal/wire"
	"snug/socketio/client"
)

func TestLimitsAreTold(t *testing.T) {
	_, welcome := start(t, settings(t)).connect(client.WebSocket)
	want := wire.Limits{
		TextBytes: 16 << 10, TextChars: 4000, NameChars: 32, TitleChars: 80, QueryChars: 200, PageBytes: 256 << 10, PageEntries: 200,
		RoomsPerSocket: 50, EditSeconds: 86400, Rate: wire.Rate{PerSecond: 5, Burst: 20}, Rooms: 100_000, Members: 20_000,
		Rates: wire.Rates{
			Identity: wire.Rate{PerSecond: 10, Burst: 40}, Address: wire.Rate{PerSecond: 50, Burst: 200},
			Requests: wire.Rate{PerSecond: 100, Burst: 500}, AddressRequests: wire.Rate{PerSecond: 1000, Burst: 5000},
			Rooms: wire.Rate{PerSecond: 2, Burst: 200}, Guesses: wire.Rate{PerSecond: 10. / 60, Burst: 10}, Handshakes: wire.Rate{PerSecond: 100, Burst: 1000},
			GuessBudget: wire.Rate{PerSecond: 5, Burst: 300}, Moves: wire.Rate{PerSecond: 10. / 60, Burst: 20},
		},
		Link: wire.LinkLimits{
			PayloadBytes: 64 << 10, OutboxBytes: 1 << 20, Nesting: 32, Namespaces: 8, Packets: wire.Rate{PerSecond: 1000, Burst: 4000}, ConnectionsByAddress: 200,
			HeaderBytes: 16 << 10, HeaderSeconds: 5, BodySeconds: 30, WriteSeconds: 10, IdleSeconds: 120, Connections: welcome.Limits.Link.Connections, // as the machine allows
		},
	}
	if welcome.Limits != want || want.Link.Connections < 1 {
		t.Errorf("the defaults are told as %+v\nwant %+v", welcome.Limits, want)
	}
	cfg := settings(t)
	cfg.Bounds = config.Bounds{
		TextBytes: 100, TextChars: 50, RoomsPerSocket: 3, Rate: config.Rate{PerSecond: 1, Burst: 2}, Rooms: 4, Members: 5, Namespaces: 6,
		PayloadBytes: 8192, OutboxBytes: 1 << 21, AddressConnections: 7, Guesses: config.Off, GuessBudget: config.Rate{PerSecond: 2, Burst: 3}, MoveRate: config.Rate{PerSecond: 4, Burst: 5},
		HeaderBytes: 8192, HeaderTimeout: 1500 * time.Millisecond, BodyTimeout: 3 * time.Second, WriteTimeout: 4 * time.Second, IdleTimeout: 6 * time.Second, Connections: 9,
		Nesting: 10, EditTime: 90 * time.Minute,
	}
	_, welcome = start(t, cfg).connect(client.WebSocket)
	got := welcome.Limits
	if got.TextBytes != 100 || got.TextChars != 50 || got.RoomsPerSocket != 3 || got.Rate != (wire.Rate{PerSecond: 1, Burst: 2}) || got.Rooms != 4 || got.Members != 5 ||
		got.Link.Namespaces != 6 || got.Link.PayloadBytes != 8192 || got.Link.OutboxBytes != 1<<21 || got.Link.ConnectionsByAddress != 7 || got.Rates.Guesses.PerSecond < 1e6 {
		t.Errorf("others are told as %+v", got)
	}
	if l := got.Link; l.HeaderBytes != 8192 || l.HeaderSeconds != 2 || l.BodySeconds != 3 || l.WriteSeconds != 4 || l.IdleSeconds != 6 || l.Connections != 9 || l.Nesting != 10 || got.EditSeconds != 5400 ||
		got.Rates.GuessBudget != (wire.Rate{PerSecond: 2, Burst: 3}) || got.Rates.Moves != (wire.Rate{PerSecond: 4, Burst: 5}) {
		t.Errorf("others are told as %+v", got)
	}
}

// What clients meet is what they were told.
func TestLimitsAreKept(t *testing.T) {
	cfg := settings(t)
	cfg.Bounds = config.Bounds{Rate: config.Rate{PerSecond: .5, Burst: 3}, TextChars: 5, RoomsPerSocket: 1, Rooms: 2, AddressConnections: 3, Namespaces: 1}
	s := start(t, cfg)
	c, _ := s.connect(client.WebSocket)
	room := s.must(c, "create", map[string]any{})["room"]
	other := s.must(c, "create", map[string]any{})["room"]
	s.must(c, "join", map[string]any{"room": room, "name": "Ada"})
	for i := range 3 {
		s.must(c, "send", map[string]any{"room": room, "text": fmt.Sprint(i)})
	}
	for _, tt := range []struct{ event, body, holds string }{
		{"send", `{"room": "%s", "text": "x"}`, `"code":"rate_limited"`},
		{"send", `{"room": "%s", "text": "x"}`, `"retry":true`},
		{"send", `{"room": "%s", "text": "x"}`, `"scope":"connection"`},
		{"send", `{"room": "%s", "text": "x"}`, `"retryAfter":1.`},
		{"create", `{}`, `"code":"full"`},
		{"join", `{"room": "` + other.(string) + `", "name": "Ada"}`, `"limit":1`},
	} {
		if strings.Contains(tt.body, "%s") {
			tt.body = fmt.Sprintf(tt.body, room)
		}
		args, err := c.Call(t.Context(), tt.event, json.RawMessage(tt.body))
		if err != nil || !strings.Contains(string(args.Raw(0)), tt.holds) {
			t.Errorf("%s %s: %s, %v; want %s", tt.event, tt.body, args.Raw(0), err, tt.holds)
		}
	}
	s.connect(client.Polling)
	third, _ := s.connect(client.WebSocket)
	const polling = "/socket.io/?EIO=4&transport=polling"
	r, body := s.raw().do("GET", polling, "")
	if r.StatusCode != 429 || r.Header.Get("Retry-After") == "" || !strings.Contains(body, "too many connections from this address") {
		t.Errorf("a fourth connection: %s %s", r.Status, body)
	}
	_ = third.Close()
	deadline := time.Now().Add(patience)
	for r.StatusCode != 200 {
		if time.Now().After(deadline) {
			t.Fatalf("a place that was given up is not given away: %s", r.Status)
		}
		time.Sleep(10 * time.Millisecond)
		r, _ = s.raw().do("GET", polling, "")
	}
}

// What is set of the cost of passphrases, of the reserve and of nesting is what is done.
func TestCostsAreKept(t *testing.T) {
	cfg := settings(t)
	cfg.Bounds = config.Bounds{PassphraseBytes: 1 << 20, PassphrasePasses: 3, ReserveBytes: 2 << 20, Nesting: 8}
	s := start(t, cfg)
	c, _ := s.connect(client.WebSocket)
	code := s.must(c, "create", map[string]any{"passphrase": "open sesame"})["room"].(string)
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		if info, err := os.Stat(filepath.Join(cfg.Data, "snug.db.reserve")); err == nil && info.Size() == 2<<20 {
			break
		} else if time.Now().After(deadline) {
			t.Errorf("the reserve: %v, %v", info, err)
			break
		}
	}
	nested := func(levels int) json.RawMessage { // in the event's array
		return json.RawMessage(strings.Repeat("[", levels-1) + strings.Repeat("]", levels-1))
	}
	if _, err := c.Call(t.Context(), "send", nested(8)); err != nil {
		t.Errorf("8 levels: %v", err)
	}
	if args, err := c.Call(t.Context(), "send", nested(9)); err == nil {
		t.Errorf("9 levels are answered %s", args.Raw(0))
	}
	s.stop()
	db, err := sqlite.Open(t.Context(), filepath.Join(cfg.Data, "snug.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	room, err := db.Room(t.Context(), strings.ToLower(code))
	if err != nil || !strings.HasPrefix(string(room.Pass), "$argon2id$v=19$m=1024,t=3,p=1$") {
		t.Errorf("stored: %s, %v", room.Pass, err)
	}
}

// Without limits there are no rates, and sizes all the same.
func TestLimitsOff(t *testing.T) {
	cfg := settings(t)
	cfg.Limits, cfg.AddressConnections = "off", 1
	s := start(t, cfg)
	c, _ := s.connect(client.WebSocket)
	room := s.must(c, "create", map[string]any{})["room"]
	s.must(c, "join", map[string]any{"room": room, "name": "Ada"})
	var sending sync.WaitGroup
	for range 4 {
		sending.Go(func() {
			for range 50 {
				s.must(c, "send", map[string]any{"room": room, "text": "x"})
			}
		})
	}
	sending.Wait()
	for range 3 {
		s.connect(client.Polling)
	}
	args, err := c.Call(t.Context(), "send", map[string]any{"room": room, "text": strings.Repeat("x", 4001)})
	if err != nil || !strings.Contains(string(args.Raw(0)), "too_large") {
		t.Errorf("a long text: %s %v", args.Raw(0), err)
	}
}

// The address that is counted is the client's where the proxy is trusted, and
// the proxy's where it is not.
func TestTrustedProxy(t *testing.T) {
	var local config.Network
	if err := local.UnmarshalText([]byte("127.0.0.1")); err != nil {
		t.Fatal(err)
	}
	for _, trusted := range [][]config.Network{nil, {local}} {
		cfg := settings(t)
		var log bytes.Buffer
		cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
		cfg.AddressConnections, cfg.TrustedProxy = 1, trusted
		s := start(t, cfg)
		statuses := ""
		for _, forwarded := range []string{"192.0.2.1", "192.0.2.2", "192.0.2.1"} {
			r, err := http.NewRequest("GET", s.url+"/socket.io/?EIO=4&transport=polling", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Close = true
			r.Header.Set("X-Forwarded-For", forwarded)
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			statuses += fmt.Sprint(resp.StatusCode, " ")
		}
		s.stop()
		want, lines := "200 429 429 ", 1
		if trusted != nil {
			want, lines = "200 200 429 ", 0
		}
		if n := strings.Count(log.String(), "X-Forwarded-For"); statuses != want || n != lines {
			t.Errorf("trusted %v: %s, want %s; logged %d times", trusted, statuses, want, n)
		}
	}
}

// Figures are for the operator: not where strangers can see them unless that is wanted.
func TestMetrics(t *testing.T) {
	get := func(url string) (int, string) {
		t.Helper()
		r, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		return r.StatusCode, string(b)
	}
	defer http.DefaultClient.CloseIdleConnections()
	if status, _ := get(start(t, settings(t)).url + "/metrics"); status != 404 {
		t.Errorf("by default: %d", status)
	}
	cfg := settings(t)
	cfg.Metrics = "127.0.0.1:0"
	s := start(t, cfg)
	c, _ := s.connect(client.WebSocket)
	room := s.must(c, "create", map[string]any{})["room"]
	s.must(c, "join", map[string]any{"room": room, "name": "Ada"})
	s.must(c, "send", map[string]any{"room": room, "text": "x"})
	if status, _ := get(s.url + "/metrics"); status != 404 {
		t.Errorf("on the public address: %d", status)
	}
	var status int
	var body string
	for deadline := time.Now().Add(patience); !strings.Contains(body, "snug_deliveries_total 1") && time.Now().Before(deadline); {
		status, body = get("http://" + s.MetricsAddr().String() + "/metrics") // the acknowledgement may come before the fan-out
	}
	for _, want := range []string{
		`snug_connections{transport="websocket"} 1`, "snug_rooms 1", "snug_members 1", "snug_entries_total 1", "snug_deliveries_total 1",
		`snug_requests_total{answer="ok",event="send"} 1`, "snug_commit_seconds_count ", `snug_ack_seconds_count{event="join"} 1`,
	} {
		if status != 200 || !strings.Contains(body, "\n"+want) {
			t.Errorf("%d, without %s", status, want)
		}
	}
	cfg = settings(t)
	cfg.Metrics = "public"
	answer, err := http.Get("http://" + s.MetricsAddr().String() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.Header.Get("Content-Security-Policy") == "" || answer.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("the figures have the headers %v", answer.Header)
	}
	if status, body := get(start(t, cfg).url + "/metrics"); status != 200 || !strings.Contains(body, "snug_rooms 0") {
		t.Errorf("made public: %d", status)
	}
}
