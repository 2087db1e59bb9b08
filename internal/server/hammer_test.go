package server_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"snug/internal/config"
	"snug/internal/wire"
	"snug/socketio/client"
)

// hammerEnv names how long clients hammer a server, such as 60s: then they are
// a thousand.
const hammerEnv = "SNUG_HAMMER"

// Clients join, talk, leave and vanish at random, over every transport, and
// each sees every message of its room once and in order.
func TestHammer(t *testing.T) {
	clients, rooms, last, pause := 40, 5, 2*time.Second, 20*time.Millisecond
	if s := os.Getenv(hammerEnv); s != "" {
		d, err := time.ParseDuration(s)
		if err != nil {
			t.Fatalf("%s: %v", hammerEnv, err)
		}
		// A thousand that never pause starve each other under the race detector, and
		// whoever cannot answer a ping within 5 s is rightly put out.
		clients, rooms, last, pause = 1000, 50, d, 2*time.Second
	}
	cfg := settings(t)
	cfg.Config = config.Config{Listen: cfg.Listen, Where: cfg.Where, Keep: cfg.Keep, Limits: "off"}
	s := start(t, cfg)
	h := hammer{running: s, end: time.Now().Add(last), pause: pause, dialing: make(chan struct{}, 64)}
	host, _ := s.connect(client.WebSocket)
	for range rooms {
		h.rooms = append(h.rooms, s.must(host, "create", map[string]any{})["room"].(string))
	}
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), 1))
			for n := 0; time.Now().Before(h.end) && !t.Failed(); n++ {
				if err := h.visit(r, fmt.Sprintf("guest %d at %d", i, n)); err != nil {
					t.Errorf("client %d: %v", i, err)
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%d visits, %d messages sent, %d received; why sessions ended: %v", h.visits.Load(), h.sent.Load(), h.got.Load(), s.Stats().Engine.Ended)
	if h.got.Load() < h.sent.Load() {
		t.Error("fewer messages were received than sent")
	}
}

// A hammer is a server under many clients.
type hammer struct {
	*running
	rooms             []string
	end               time.Time
	pause             time.Duration // between two messages of a client, at most
	dialing           chan struct{} // holds a token for each client that connects
	visits, sent, got atomic.Int64
}

// A listener checks what one connection hears of its room.
type listener struct {
	mu   sync.Mutex
	last uint32 // guarded by mu: the newest entry that it knows of; 0 before it joined
	err  error  // guarded by mu
}

func (l *listener) hear(seq uint32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if seq != l.last+1 && l.err == nil {
		l.err = fmt.Errorf("entry %d came after %d", seq, l.last)
	}
	l.last = seq
}

// visit is one connection: it joins a room, talks, and goes in one way or another.
func (h *hammer) visit(r *rand.Rand, name string) error {
	h.dialing <- struct{}{}
	if time.Now().After(h.end) {
		<-h.dialing
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var l listener
	way := []client.Transport{client.WebSocket, client.WebSocket, client.Polling, client.Upgrade}[r.IntN(4)]
	c, err := client.Dial(ctx, h.url, client.Options{Transport: way, On: map[string]client.Handler{
		"message": func(_ *client.Client, args client.Args, _ *client.Ack) {
			var e wire.Entry
			if err := args.Decode(&e); err == nil {
				l.hear(e.Seq)
				h.got.Add(1)
			}
		},
	}})
	<-h.dialing
	if err != nil {
		return fmt.Errorf("connecting by %v: %w", way, err)
	}
	defer c.Abort()
	h.visits.Add(1)
	room := h.rooms[r.IntN(len(h.rooms))]
	joined := make(chan error, 1)
	err = c.Ask("join", func(args client.Args, err error) {
		var j wire.JoinReply
		if err == nil {
			err = args.Decode(&j)
		}
		if err == nil && !j.OK {
			err = fmt.Errorf("join: %s", args.Raw(0))
		}
		l.mu.Lock()
		l.last = j.Head
		l.mu.Unlock()
		joined <- err
	}, map[string]any{"room": room, "name": name})
	if err == nil {
		err = <-joined
	}
	for n := r.IntN(12); n > 0 && err == nil; n-- {
		if r.IntN(3) == 0 {
			err = c.Ask("send", func(client.Args, error) {}, map[string]any{"room": room, "text": "without waiting"})
		} else {
			_, err = c.Call(ctx, "send", map[string]any{"room": room, "text": "hello"})
		}
		h.sent.Add(1)
		time.Sleep(time.Duration(r.Int64N(int64(h.pause))))
	}
	if err == nil && r.IntN(2) == 0 {
		_, err = c.Call(ctx, "leave", map[string]any{"room": room})
	}
	if r.IntN(2) == 0 {
		_ = c.Close()
	}
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}
