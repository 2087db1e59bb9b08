package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"syscall"

	"snug/internal/chat"
)

// A Client asks the server that runs on a data directory. Its errors are for people.
type Client struct {
	dir  string
	http *http.Client
}

// NewClient makes the client of a data directory. It connects when it is asked something.
func NewClient(dir string) *Client {
	return &Client{dir, &http.Client{Transport: &http.Transport{
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, dir) },
		DisableKeepAlives: true,
	}}}
}

// Status asks how the server is; with collect, once what it does not need any more is given back.
func (c *Client) Status(ctx context.Context, collect bool) (s Status, err error) {
	path := "/status"
	if collect {
		path += "?collect"
	}
	return s, c.ask(ctx, http.MethodGet, path, nil, &s)
}

// Rooms lists all rooms, by age.
func (c *Client) Rooms(ctx context.Context) (all []Room, err error) {
	all = make([]Room, 0)
	for after := chat.RoomID(0); ; after = all[len(all)-1].ID {
		var page []Room
		if err := c.ask(ctx, http.MethodGet, "/rooms?after="+strconv.FormatInt(int64(after), 10), nil, &page); err != nil {
			return nil, err
		}
		if len(page) == 0 {
			return all, nil
		}
		all = append(all, page...)
	}
}

// Look looks into a room.
func (c *Client) Look(ctx context.Context, code string, entries int) (v View, err error) {
	return v, c.ask(ctx, http.MethodGet, "/rooms/"+url.PathEscape(code)+"?entries="+strconv.Itoa(entries), nil, &v)
}

// Raze deletes a room.
func (c *Client) Raze(ctx context.Context, code string) error {
	return c.ask(ctx, http.MethodDelete, "/rooms/"+url.PathEscape(code), nil, nil)
}

// Ban bans a network.
func (c *Client) Ban(ctx context.Context, r BanRequest) (b Banned, err error) {
	return b, c.ask(ctx, http.MethodPost, "/bans", r, &b)
}

// Unban lets a network in again.
func (c *Client) Unban(ctx context.Context, network netip.Prefix) error {
	return c.ask(ctx, http.MethodDelete, "/bans?network="+url.QueryEscape(network.String()), nil, nil)
}

// Mute mutes everybody.
func (c *Client) Mute(ctx context.Context, s Span) (m Mute, err error) {
	return m, c.ask(ctx, http.MethodPost, "/mute", s, &m)
}

// Unmute lets everybody speak again.
func (c *Client) Unmute(ctx context.Context) error {
	return c.ask(ctx, http.MethodDelete, "/mute", nil, nil)
}

// answerMost bounds an answer: a page of rooms, or a room with its newest entries.
const answerMost = 8 << 20

func (c *Client) ask(ctx context.Context, method, path string, body, v any) error {
	b, err := json.Marshal(body)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://snug"+path, bytes.NewReader(b))
	if err != nil {
		return err
	}
	got, err := c.http.Do(r)
	if err != nil {
		return c.explain(err)
	}
	defer got.Body.Close()
	if b, err = io.ReadAll(io.LimitReader(got.Body, answerMost)); err != nil {
		return fmt.Errorf("the server broke off: %w", err)
	}
	if got.StatusCode != http.StatusOK {
		var p problem
		if json.Unmarshal(b, &p) != nil || p.Message == "" {
			return fmt.Errorf("the server does not know this (%s): it may be of another version than this snug", got.Status)
		}
		return errors.New(p.Message)
	}
	if v == nil {
		return nil
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("the server's answer was not understood: %w", err)
	}
	return nil
}

// explain says in words why the server was not reached.
func (c *Client) explain(err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s belongs to another user: run this as the user that the server runs as", c.dir)
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		if _, err := os.Stat(c.dir); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("there is no directory %s: name the server's data directory with --data", c.dir)
		}
		return fmt.Errorf("no server is running on %s: start one with snug serve, or name its data directory with --data", c.dir)
	}
	return fmt.Errorf("asking the server: %w", err)
}
