package server

// BreakListener closes the listener under a running server, as nothing but a
// fault does.
func (s *Server) BreakListener() { _ = s.listener.Close() }

// Queued is how many bytes wait for clients to take them.
func (s *Server) Queued() int64 { return s.io.EngineStats().Queued }
