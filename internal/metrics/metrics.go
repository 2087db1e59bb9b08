// Package metrics shows a server's figures in the form that Prometheus reads.
// What is counted elsewhere is read when it is asked for; only times are noted
// as they pass.
package metrics

import (
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// A Sample is what a server counts by itself.
type Sample struct {
	Polling, WebSocket int               // sessions by transport
	QueueBytes         int64             // that wait for clients to take them
	Ended              map[string]uint64 // sessions that have ended, by reason
	Sockets            int64             // connected to a namespace
	Panics             int64             // of handlers
	Rooms, Members     int               // that somebody hears, and present in them
	Entries, Commits   uint64            // written to the log, and transactions of them
	Deliveries         uint64            // events that were queued for a client
	Doors, Addresses   int               // connections and sessions that the door counts, and where from
}

// Metrics are a server's. Its methods may be called from any goroutine, and
// never block.
type Metrics struct {
	registry *prometheus.Registry
	commit   prometheus.Histogram
	answer   *prometheus.HistogramVec
	requests *prometheus.CounterVec
}

// New makes the metrics of a server; read is called for each request of them.
func New(version string, read func() Sample) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		commit: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "snug_commit_seconds", Help: "Time to make a batch of entries durable, fsync included.",
			Buckets: prometheus.ExponentialBuckets(.0001, 2, 16), // 0.1 ms to 3 s
		}),
		answer: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "snug_ack_seconds", Help: "Time from a request's coming to its acknowledgement's going.",
			Buckets: prometheus.ExponentialBuckets(.0001, 2, 16),
		}, []string{"event"}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "snug_requests_total", Help: "Requests by event and by what they were answered: ok, or an error's code.",
		}, []string{"event", "answer"}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "snug_build_info", Help: "Always 1; the version is its label.", ConstLabels: prometheus.Labels{"version": version},
	})
	build.Set(1)
	m.registry.MustRegister(m.commit, m.answer, m.requests, build, figures{read},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Handler serves the metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 2, Timeout: 10 * time.Second})
}

// Committed notes how long a commit took.
func (m *Metrics) Committed(took time.Duration) { m.commit.Observe(took.Seconds()) }

// Answered notes how a request was answered: code is "ok" or an error's. event is
// one that is served, or "" for any other.
func (m *Metrics) Answered(event, code string, took time.Duration) {
	if event == "" {
		event = "unknown"
	}
	m.requests.WithLabelValues(event, code).Inc()
	m.answer.WithLabelValues(event).Observe(took.Seconds())
}

// figures is the collector of Samples.
type figures struct{ read func() Sample }

// A figure is one name, and its values by the value of its label.
type figure struct {
	name, help, label string
	kind              prometheus.ValueType
	values            map[string]float64
}

// Describe implements prometheus.Collector. It describes nothing: what there is
// is checked when it is collected.
func (f figures) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (f figures) Collect(out chan<- prometheus.Metric) {
	s := f.read()
	one := func(v float64) map[string]float64 { return map[string]float64{"": v} }
	ended := make(map[string]float64, len(s.Ended))
	for reason, n := range s.Ended {
		ended[reason] = float64(n)
	}
	const gauge, counter = prometheus.GaugeValue, prometheus.CounterValue
	for _, f := range []figure{
		{"snug_connections", "Sessions that are open, by transport.", "transport", gauge, map[string]float64{"polling": float64(s.Polling), "websocket": float64(s.WebSocket)}},
		{"snug_connections_ended_total", "Sessions that have ended, by reason; \"outbox full\" is a client that was too slow.", "reason", counter, ended},
		{"snug_sockets", "Clients connected to a namespace.", "", gauge, one(float64(s.Sockets))},
		{"snug_queue_bytes", "Bytes that wait for clients to take them.", "", gauge, one(float64(s.QueueBytes))},
		{"snug_rooms", "Rooms that somebody hears.", "", gauge, one(float64(s.Rooms))},
		{"snug_members", "Members present, each counted once in every room.", "", gauge, one(float64(s.Members))},
		{"snug_entries_total", "Entries written to the log: messages above all.", "", counter, one(float64(s.Entries))},
		{"snug_commits_total", "Transactions made durable.", "", counter, one(float64(s.Commits))},
		{"snug_deliveries_total", "Events of rooms queued for clients, each counted once for every client.", "", counter, one(float64(s.Deliveries))},
		{"snug_admitted", "TCP connections and sessions, as the caps count them.", "", gauge, one(float64(s.Doors))},
		{"snug_addresses", "Addresses that they come from.", "", gauge, one(float64(s.Addresses))},
		{"snug_handler_panics_total", "Panics of handlers. Each is a bug.", "", counter, one(float64(s.Panics))},
	} {
		f.collect(out)
	}
}

func (f figure) collect(out chan<- prometheus.Metric) {
	var labels []string
	if f.label != "" {
		labels = []string{f.label}
	}
	desc := prometheus.NewDesc(f.name, f.help, labels, nil)
	for _, value := range slices.Sorted(maps.Keys(f.values)) {
		var values []string
		if f.label != "" {
			values = []string{value}
		}
		out <- prometheus.MustNewConstMetric(desc, f.kind, f.values[value], values...)
	}
}
