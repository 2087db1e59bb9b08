package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"

	"snug/engineio"
	"snug/internal/admin"
)

// measuresFile holds what the operator has put in force for the whole server.
const measuresFile = "measures.json"

// openAdmin reads the operator's measures, and makes the socket by which more can be
// taken, unless the server is in no network at all.
func (s *Server) openAdmin(cfg Config) error {
	saved, err := os.ReadFile(s.dir.file(measuresFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the measures of snug admin: %w", err)
	}
	save := func(b []byte) error { return s.dir.write(measuresFile, b) }
	if s.measures, err = admin.NewMeasures(saved, save, cfg.Clock); err != nil {
		// To start without them would let everybody in again who was kept out.
		return fmt.Errorf("the measures of snug admin in %s are damaged (%w): mend the file, or remove it to start without any", s.dir.file(measuresFile), err)
	}
	if cfg.Listener == nil {
		s.adminListener, err = admin.Listen(s.dir.path)
	}
	return err
}

// newAdmin makes what the operator is served by.
func (s *Server) newAdmin(version string) {
	s.admin = admin.New(admin.Config{
		Service: s.chat, Measures: s.measures, Version: version, Logger: s.log,
		Connections: func() int { return int(s.io.Stats().Connections) },
		Close: func(pick func(netip.Addr) bool) int {
			return s.io.CloseWhere(func(hs *engineio.Handshake) bool {
				peer, err := netip.ParseAddrPort(hs.RemoteAddr)
				return err == nil && pick(peer.Addr().Unmap().WithZone(""))
			})
		},
		Tell: s.outlet.Announce,
	})
}

// serveAdmin serves the operator until ctx is done.
func (s *Server) serveAdmin(ctx context.Context) error {
	if s.adminListener == nil {
		<-ctx.Done()
		return nil
	}
	return s.admin.Serve(ctx, s.adminListener)
}
