package client

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"snug/socketio/packet"
)

// connect opens a connection and joins the namespace.
func (c *Client) connect(ctx context.Context) (*session, error) {
	ctx, cancel := context.WithTimeout(ctx, c.opts.Timeout)
	defer cancel()
	s, err := open(ctx, c)
	if err != nil {
		return nil, err
	}
	// What blocks from here on ends with the connection.
	stop := context.AfterFunc(ctx, s.abort)
	defer stop()
	if err := s.join(); err != nil {
		s.close()
		s.rest()
		s.finish()
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, fmt.Errorf("socketio client: connect: %w", err)
	}
	return s, nil
}

// join sends CONNECT and waits for the answer. SIO5: Connection to a namespace.
func (s *session) join() error {
	c := s.client
	p := packet.Packet{Type: packet.Connect, Namespace: c.opts.Namespace}
	if c.opts.Auth != nil {
		auth, err := packet.Marshal(c.opts.Auth())
		if err != nil {
			return fmt.Errorf("encoding auth: %w", err)
		}
		p.Data = auth
	}
	if err := s.send(packet.Encoded{Text: packet.Encode(p)}); err != nil {
		return err
	}
	p, err := s.receive()
	if err != nil {
		return err
	}
	switch p.Type {
	case packet.Connect:
		var said struct {
			SID string `json:"sid"`
		}
		if err := json.Unmarshal(p.Data, &said); err != nil {
			return fmt.Errorf("answer to CONNECT: %w", err)
		}
		c.mu.Lock()
		c.sess, c.id = s, said.SID
		c.mu.Unlock()
		c.queue(event{joined: true})
		return nil
	case packet.ConnectError:
		refused := new(ConnectError)
		if err := json.Unmarshal(p.Data, &struct {
			Message *string
			Data    *json.RawMessage
		}{&refused.Message, &refused.Data}); err != nil {
			refused.Message = string(p.Data)
		}
		return refused
	}
	return fmt.Errorf("packet of type %d in place of an answer to CONNECT", p.Type)
}

// run reads from one connection after the other.
func (c *Client) run(s *session) {
	for {
		stop := context.AfterFunc(c.ctx, s.abort)
		err := s.serve()
		if errors.Is(err, ErrKicked) {
			s.close()
			s.rest()
		}
		stop()
		s.finish()
		c.mu.Lock()
		c.sess = nil
		c.mu.Unlock()
		c.fail()
		if c.isStopped() {
			err = ErrClosed
		}
		if err == ErrClosed || c.ctx.Err() != nil || c.opts.Reconnect == nil || errors.Is(err, ErrKicked) {
			c.cancel(err)
			return
		}
		c.queue(event{lost: err})
		if s = c.reconnect(); s == nil {
			return
		}
	}
}

// reconnect tries until it has a connection; nil if the client has ended.
func (c *Client) reconnect() *session {
	wait := cmp.Or(c.opts.Reconnect.Min, time.Second)
	longest := cmp.Or(c.opts.Reconnect.Max, 5*time.Second)
	for {
		select {
		case <-time.After(wait/2 + rand.N(wait/2+1)):
		case <-c.ctx.Done():
			return nil
		}
		s, err := c.connect(c.ctx)
		if err == nil {
			return s
		}
		var refused *ConnectError
		if errors.As(err, &refused) {
			c.cancel(err)
			return nil
		}
		wait = min(2*wait, longest)
	}
}
