package client

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/gobwas/ws"

	eio "snug/engineio/packet"
)

var (
	errTooLarge  = errors.New("socketio client: message too large")
	errWebSocket = errors.New("socketio client: malformed WebSocket frame")
)

// A wsCarrier moves packets over a WebSocket.
type wsCarrier struct {
	s    *session      // static
	conn net.Conn      // static
	in   *bufio.Reader // owned by the reader

	out turn // taken while a frame is written
}

// dialWebSocket opens a WebSocket, for the session of that sid if there is one.
func dialWebSocket(ctx context.Context, s *session, sid string) (*wsCarrier, error) {
	opts := &s.client.opts
	var refused *StatusError
	d := ws.Dialer{
		Header:    ws.HandshakeHeaderHTTP(opts.Header),
		TLSConfig: opts.TLS,
		NetDial:   opts.NetDial,
		OnStatusError: func(status int, _ []byte, response io.Reader) {
			refused = &StatusError{Code: status}
			if r, err := http.ReadResponse(bufio.NewReader(response), nil); err == nil {
				b, _ := io.ReadAll(io.LimitReader(r.Body, 200)) // what there is of it
				_ = r.Body.Close()
				refused.Body = string(b)
			}
		},
	}
	conn, in, _, err := d.Dial(ctx, strings.Replace(s.address("websocket", sid), "http", "ws", 1))
	switch {
	case refused != nil:
		return nil, refused
	case err != nil:
		return nil, fmt.Errorf("socketio client: %w", err)
	}
	if in == nil {
		in = bufio.NewReaderSize(conn, 1024)
	}
	return &wsCarrier{s: s, conn: conn, in: in, out: make(turn, 1)}, nil
}

func (w *wsCarrier) name() string { return "websocket" }

func (w *wsCarrier) close() { _ = w.conn.Close() } // there is no one to tell

// probe asks the server whether it can be reached this way. EIO4: Upgrade.
func (w *wsCarrier) probe() bool {
	if w.write([]eio.Packet{{Type: eio.Ping, Data: []byte("probe")}}) != nil {
		return false
	}
	packets, err := w.read()
	return err == nil && packets[0].Type == eio.Pong && string(packets[0].Data) == "probe"
}

func (w *wsCarrier) write(packets []eio.Packet) error {
	var b bytes.Buffer
	for _, p := range packets {
		op := ws.OpText
		if p.Binary {
			op = ws.OpBinary
		}
		if err := appendFrame(&b, op, eio.Append(nil, p)); err != nil {
			return err
		}
	}
	return w.flush(b.Bytes())
}

// appendFrame writes one masked frame. RFC 6455, 5.3: clients mask.
func appendFrame(b *bytes.Buffer, op ws.OpCode, payload []byte) error {
	mask := ws.NewMask()
	if err := ws.WriteHeader(b, ws.Header{Fin: true, OpCode: op, Masked: true, Mask: mask, Length: int64(len(payload))}); err != nil {
		return err
	}
	ws.Cipher(payload, mask, 0)
	b.Write(payload)
	return nil
}

func (w *wsCarrier) flush(b []byte) error {
	w.out.take()
	defer w.out.give()
	if err := w.conn.SetWriteDeadline(time.Now().Add(w.s.client.opts.Timeout)); err != nil {
		return err
	}
	_, err := w.conn.Write(b)
	return err
}

func (w *wsCarrier) read() ([]eio.Packet, error) {
	silence := w.s.client.opts.Timeout
	if w.s.handshake.SID != "" {
		silence = w.s.handshake.silence()
	}
	if err := w.conn.SetReadDeadline(time.Now().Add(silence)); err != nil {
		return nil, err
	}
	op, b, err := w.message()
	if err != nil {
		return nil, err
	}
	if op == ws.OpBinary {
		return []eio.Packet{{Type: eio.Message, Binary: true, Data: b}}, nil
	}
	p, err := eio.Decode(b)
	if err != nil {
		return nil, err
	}
	return []eio.Packet{p}, nil
}

// message reads a message, of one frame or more, and answers control frames
// in between.
func (w *wsCarrier) message() (op ws.OpCode, message []byte, err error) {
	for {
		h, err := ws.ReadHeader(w.in)
		if err != nil {
			return 0, nil, err
		}
		if h.Masked || h.Length > w.s.client.opts.MaxRead-int64(len(message)) {
			return 0, nil, errTooLarge
		}
		at := len(message)
		if h.OpCode.IsControl() {
			control := make([]byte, min(h.Length, ws.MaxControlFramePayloadSize))
			if _, err := io.ReadFull(w.in, control); err != nil {
				return 0, nil, err
			}
			if err := w.control(h.OpCode, control); err != nil {
				return 0, nil, err
			}
			continue
		}
		if (h.OpCode == ws.OpContinuation) != (op != 0) {
			return 0, nil, errWebSocket
		}
		message = append(message, make([]byte, h.Length)...)
		if _, err := io.ReadFull(w.in, message[at:]); err != nil {
			return 0, nil, err
		}
		if op == 0 {
			op = h.OpCode
		}
		if h.Fin {
			return op, message, nil
		}
	}
}

func (w *wsCarrier) control(op ws.OpCode, payload []byte) error {
	switch op {
	case ws.OpClose:
		return errTransportClose
	case ws.OpPing:
		var b bytes.Buffer
		if err := appendFrame(&b, ws.OpPong, payload); err != nil {
			return err
		}
		return w.flush(b.Bytes())
	}
	return nil
}
