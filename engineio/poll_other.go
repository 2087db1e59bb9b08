//go:build !linux || noeventloop

package engineio

import "net"

// There is no event loop here: each WebSocket has a goroutine. Nothing of this
// is called but adopt, since no connection is ever adopted.
type eventLoop struct{}

func newEventLoops() []eventLoop { return nil }

func (w *wsConn) adopt(net.Conn) bool      { return false }
func (w *wsConn) watchLocked() error       { return nil }
func (w *wsConn) unwatchLocked()           {}
func (w *wsConn) cutLocked()               {}
func (w *wsConn) partLocked() bool         { return false }
func (w *wsConn) giveBackLocked() net.Conn { return nil }
func (w *wsConn) blockLocked()             {}
