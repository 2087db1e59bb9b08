package metrics

import (
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestMetrics(t *testing.T) {
	m := New("v1", func() Sample {
		return Sample{
			Polling: 1, WebSocket: 2, QueueBytes: 3, Ended: map[string]uint64{"outbox full": 4}, Sockets: 5, Panics: 6,
			Rooms: 7, Members: 8, Entries: 9, Commits: 10, Deliveries: 11, Doors: 12, Addresses: 13,
		}
	})
	m.Committed(3 * time.Millisecond)
	m.Answered("send", "ok", 5*time.Millisecond)
	m.Answered("send", "rate_limited", time.Millisecond)
	m.Answered("", "unsupported", 0)
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	b, err := io.ReadAll(w.Result().Body)
	if err != nil || w.Code != 200 {
		t.Fatal(w.Code, err)
	}
	for _, want := range []string{
		`snug_build_info{version="v1"} 1`, `snug_connections{transport="polling"} 1`, `snug_connections{transport="websocket"} 2`, `snug_queue_bytes 3`,
		`snug_connections_ended_total{reason="outbox full"} 4`, `snug_sockets 5`, `snug_handler_panics_total 6`, `snug_rooms 7`, `snug_members 8`,
		`snug_entries_total 9`, `snug_commits_total 10`, `snug_deliveries_total 11`, `snug_admitted 12`, `snug_addresses 13`,
		`snug_commit_seconds_bucket{le="0.0016"} 0`, `snug_commit_seconds_bucket{le="0.0032"} 1`, `snug_ack_seconds_count{event="send"} 2`,
		`snug_requests_total{answer="ok",event="send"} 1`, `snug_requests_total{answer="rate_limited",event="send"} 1`,
		`snug_requests_total{answer="unsupported",event="unknown"} 1`, `go_goroutines `, `process_open_fds `,
	} {
		if !strings.Contains(string(b), want+"\n") && !(strings.HasSuffix(want, " ") && strings.Contains(string(b), "\n"+want)) {
			t.Errorf("%s is not among\n%s", want, b)
		}
	}
}
