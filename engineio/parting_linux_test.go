//go:build !noeventloop

package engineio

import (
	"encoding/binary"
	"testing"

	"github.com/gobwas/ws"
)

// A peer's Close frame is answered, and the connection is gone at once, not after
// the peer has closed its end. RFC 6455, 7.1.1: it is for the server to be first.
func TestPartsAtOnce(t *testing.T) {
	s := onTCP(t, nil)
	c, app := s.openSocket()
	c.write(rawFrame(true, 0, ws.OpClose, binary.BigEndian.AppendUint16(nil, 4000)))
	c.wantClose(4000)
	app.wantClosed(t, ReasonTransportClose)
	// Where somebody still reads, bytes are taken; where nobody does, the first is
	// answered by a reset, and the second meets it.
	_, _ = c.conn.Write([]byte{0})
	if _, err := c.conn.Write([]byte{0}); err == nil {
		t.Error("the server still takes bytes")
	}
}
