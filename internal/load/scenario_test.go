package load_test

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"snug/internal/config"
	"snug/internal/load"
	"snug/internal/server"
)

func TestMain(m *testing.M) {
	// net/http's own, which lingers for half a second after it has closed a connection.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

// serve runs a real server, without rates.
func serve(t *testing.T) (url string) {
	return "http://" + serveAs(t, config.Config{})
}

// serveTLS is serve under TLS, with a certificate of net/http's tests.
func serveTLS(t *testing.T) (url string) {
	s := httptest.NewTLSServer(nil)
	s.Close()
	pair := s.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, kind string, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return "https://" + serveAs(t, config.Config{TLSCert: write("cert.pem", "CERTIFICATE", pair.Certificate[0]), TLSKey: write("key.pem", "PRIVATE KEY", key)})
}

func serveAs(t *testing.T, c config.Config) (addr string) {
	t.Helper()
	c.Where, c.Listen, c.Keep, c.Limits = config.Where{Data: t.TempDir()}, "127.0.0.1:0", "1d", "off"
	s, err := server.New(server.Config{Config: c, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ran; err != nil {
			t.Error(err)
		}
	})
	return s.Addr().String()
}

// TestScenarios runs each small, and checks that what it counts is there.
func TestScenarios(t *testing.T) {
	plain, secure := serve(t), serveTLS(t)
	common := load.Options{URL: plain, Members: 20, Rooms: 2, Senders: 2, Window: 4, Size: 60, Warmup: 50 * time.Millisecond, Duration: 300 * time.Millisecond}
	for _, tt := range []struct {
		name   string
		run    func(context.Context, load.Options) (load.Result, error)
		adapt  func(*load.Options)
		counts func(load.Result) uint64
	}{
		{"fanout by window", load.Fanout, nil, func(r load.Result) uint64 { return r.Deliveries }},
		{"fanout by rate", load.Fanout, func(o *load.Options) { o.Rate = 100 }, func(r load.Result) uint64 { return r.Deliveries }},
		{"connect", load.Connect, nil, func(r load.Result) uint64 { return r.Count }},
		{"storm", load.Storm, nil, func(r load.Result) uint64 { return r.Count }},
		{"history", load.History, func(o *load.Options) { o.Members = 120 }, func(r load.Result) uint64 { return r.Count }},
		{"fanout with one who does not read", load.Fanout, func(o *load.Options) { o.Rate, o.Slow = 100, 1 }, func(r load.Result) uint64 { return r.Deliveries }},
		{"beside", load.Beside, func(o *load.Options) { o.Rate = 100 }, func(r load.Result) uint64 { return r.Deliveries }},
		{"fanout under TLS", load.Fanout, func(o *load.Options) { o.URL = secure }, func(r load.Result) uint64 { return r.Deliveries }},
		{"connect under TLS", load.Connect, func(o *load.Options) { o.URL, o.Duration = secure, 2*time.Second }, func(r load.Result) uint64 { return r.Count }},
		{"idle by polling", load.Idle, func(o *load.Options) { o.Polling = true }, func(r load.Result) uint64 { return uint64(r.Members) }},
		{"idle by polling under TLS", load.Idle, func(o *load.Options) { o.URL, o.Polling = secure, true }, func(r load.Result) uint64 { return uint64(r.Members) }},
		{"idle", load.Idle, nil, func(r load.Result) uint64 { return uint64(r.Members) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := common
			if tt.adapt != nil {
				tt.adapt(&o)
			}
			r, err := tt.run(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			if tt.counts(r) == 0 || r.Disorder != 0 || r.Lost != 0 || r.Refused != 0 {
				t.Errorf("result %+v", r)
			}
			if !strings.HasPrefix(tt.name, r.Scenario) || r.Scenario != "idle" && (r.P50 <= 0 || r.P50 > r.P99 || r.P99 > r.Max) {
				t.Errorf("result %+v", r)
			}
		})
	}
}

// Who does not read is felt by the server: what waits for it grows until it is
// closed, instead of going into the buffers of this machine.
func TestSlowIsFelt(t *testing.T) {
	addr := serveAs(t, config.Config{Metrics: "public", Bounds: config.Bounds{OutboxBytes: 640 << 10}})
	o := load.Options{URL: "http://" + addr, Members: 3, Rooms: 1, Window: 64, Size: 4000, Slow: 1, Duration: time.Second}
	for deadline := time.Now().Add(30 * time.Second); ; o.Duration *= 2 {
		if _, err := load.Fanout(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		r, err := http.Get("http://" + addr + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r.Body)
		r.Body.Close()
		http.DefaultClient.CloseIdleConnections()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(b), `snug_connections_ended_total{reason="outbox full"}`) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the server never closed it")
		}
	}
}

// A server's own figures stand in for /proc, and where they are not it is said.
func TestFigures(t *testing.T) {
	figures := ""
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, figures) }))
	defer page.Close()
	o := load.Options{URL: serve(t), Metrics: page.URL, Members: 4, Rooms: 1, Window: 1, Size: 20, Duration: 100 * time.Millisecond}
	if r, err := load.Fanout(t.Context(), o); err == nil || !strings.Contains(err.Error(), "no process_cpu_seconds_total among them") {
		t.Errorf("without figures: %+v, %v", r, err)
	}
	figures = "# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total 1.5\nprocess_resident_memory_bytes 2.097152e+07\n"
	if r, err := load.Fanout(t.Context(), o); err != nil || r.ServerRSS != 20<<20 || r.ServerCPU != 0 {
		t.Errorf("with figures: %+v, %v", r, err)
	}
}

// What the start left is given back a while after it, and is not to be taken for
// what connections cost.
func TestIdleBeginsWhenMemoryIsSteady(t *testing.T) {
	var asked atomic.Int64
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		held := max(20, 32-4*asked.Add(1)) << 20
		fmt.Fprintf(w, "process_cpu_seconds_total 1.5\nprocess_resident_memory_bytes %d\n", held)
	}))
	defer page.Close()
	r, err := load.Idle(t.Context(), load.Options{URL: serve(t), Metrics: page.URL, Members: 4, Rooms: 1, Duration: 100 * time.Millisecond})
	if err != nil || r.ServerRSS != 20<<20 || r.PerConn != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestNoServer says in words that there is none.
func TestNoServer(t *testing.T) {
	for _, url := range []string{"127.0.0.1:5000", "ftp://host", "http://127.0.0.1:1"} {
		_, err := load.Fanout(t.Context(), load.Options{URL: url, Members: 1, Rooms: 1, Duration: time.Second})
		if err == nil {
			t.Errorf("%q was measured", url)
		}
	}
}
