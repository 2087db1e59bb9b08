package server

import (
	"context"
	"net"
	"net/http"
	"time"

	"snug/internal/api"
	"snug/internal/metrics"
)

// publicMetrics is the address that stands for the chat's own.
const publicMetrics = "public"

// sample reads what the parts count.
func (s *Server) sample() metrics.Sample {
	stats := s.Stats()
	in, addresses := s.door.Counts()
	ended := make(map[string]uint64, len(stats.Engine.Ended))
	for reason, n := range stats.Engine.Ended {
		ended[string(reason)] = n
	}
	return metrics.Sample{
		Polling: stats.Engine.Polling, WebSocket: stats.Engine.WebSocket, QueueBytes: stats.Engine.Queued, Ended: ended,
		Sockets: stats.SocketIO.Sockets, Panics: stats.SocketIO.Panics,
		Rooms: stats.Chat.Rooms, Members: stats.Chat.Members,
		Entries: stats.Store.Entries, Commits: stats.Store.Commits,
		Deliveries: s.outlet.Deliveries(), Doors: in, Addresses: addresses,
	}
}

// MetricsAddr is where the figures are served, nil if they are not, or not by
// themselves.
func (s *Server) MetricsAddr() net.Addr {
	if s.metricsListener == nil {
		return nil
	}
	return s.metricsListener.Addr()
}

// RedirectAddr is where plain HTTP is sent on to HTTPS, nil if it is not.
func (s *Server) RedirectAddr() net.Addr {
	if s.redirectListener == nil {
		return nil
	}
	return s.redirectListener.Addr()
}

// serveMetrics serves the figures on an address of their own until ctx is done.
func (s *Server) serveMetrics(ctx context.Context) error {
	if s.metricsListener == nil {
		<-ctx.Done()
		return nil
	}
	mux := http.NewServeMux()
	mux.Handle("/metrics", s.metrics.Handler())
	site := api.NewServer(api.Secured(mux), api.ServerConfig{HeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute, HeaderBytes: 8 << 10}, s.log)
	site.ReadTimeout, site.WriteTimeout = 10*time.Second, 20*time.Second
	return serveUntil(ctx, site, s.metricsListener)
}
