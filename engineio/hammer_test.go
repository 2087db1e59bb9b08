package engineio

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"
)

// TestHammer has many clients do everything at random, well and badly, while
// the application sends, pauses and closes. What it asserts is what the race
// detector, the leak check, the bystander and site's cleanup do: every session
// ends once, and nothing is left.
func TestHammer(t *testing.T) {
	s := onTCP(t, func(s *Server) {
		s.PingInterval, s.PingTimeout, s.MaxOutbox = 20*time.Millisecond, 200*time.Millisecond, 64<<10
	})
	steady := onTCP(t, nil).bystander() // with time for its pings
	end := time.Now().Add(time.Second)
	var wg, clients sync.WaitGroup
	for i := range 16 {
		clients.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), 1))
			for time.Now().Before(end) {
				s.hammerOne(r)
			}
		})
	}
	wg.Go(func() {
		r := rand.New(rand.NewPCG(99, 1))
		for time.Now().Before(end) {
			s.hammerApplication(r)
		}
	})
	wg.Wait()
	s.mu.Lock()
	for _, app := range s.sessions {
		app.Resume() // else its clients would wait for their answers
	}
	s.mu.Unlock()
	clients.Wait()
	steady.wantUnharmed()
}

// hammerApplication does something to some of the sessions.
func (s *site) hammerApplication(r *rand.Rand) {
	s.mu.Lock()
	var some []*session
	for _, app := range s.sessions {
		if some = append(some, app); len(some) == 20 {
			break
		}
	}
	s.mu.Unlock()
	frame := NewFrame(MessageType(1+r.IntN(2)), make([]byte, r.IntN(2000)))
	for _, app := range some {
		switch r.IntN(8) {
		case 0:
			app.Close("")
		case 1:
			app.Pause()
		case 2, 3:
			app.Resume()
		case 4:
			_ = app.SendVolatile(frame)
		default:
			_ = app.Send(frame, JoinFrames(frame, frame))
		}
	}
	time.Sleep(time.Millisecond)
}

// hammerOne is the life of one client.
func (s *site) hammerOne(r *rand.Rand) {
	conn, err := s.dial()
	if err != nil {
		return
	}
	defer conn.Close()
	deadline := time.Duration(20+r.IntN(100)) * time.Millisecond
	_ = conn.SetDeadline(time.Now().Add(deadline))
	if r.IntN(2) == 0 {
		if _, err := conn.Write([]byte(rawHandshake(""))); err != nil {
			return
		}
		hammerSocket(r, conn)
		return
	}
	answer, err := s.try(s.t.Context(), "GET", "/engine.io/?EIO=4&transport=polling", "")
	if err != nil {
		return
	}
	sid := sidOf(s.t, answer.body)
	var wg sync.WaitGroup
	for range 1 + r.IntN(4) {
		what := r.IntN(6)
		wg.Go(func() {
			switch what {
			case 0, 1:
				_, _ = fmt.Fprint(conn, rawGet(sid))
				_, _ = conn.Read(make([]byte, 100))
				_ = conn.Close()
			case 2:
				_, _ = s.try(s.t.Context(), "POST", pollingTarget(sid), "4a\x1ebAQID\x1e3")
			case 3:
				_, _ = s.try(s.t.Context(), "POST", pollingTarget(sid), "1")
			default:
				hammerUpgrade(s, sid)
			}
		})
	}
	wg.Wait()
}

func hammerUpgrade(s *site, sid string) {
	conn, err := s.dial()
	if err != nil {
		return
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(100 * time.Millisecond))
	request := rawHandshake("")
	request = request[:len("GET /engine.io/?EIO=4&transport=websocket")] + "&sid=" + sid + request[len("GET /engine.io/?EIO=4&transport=websocket"):]
	_, _ = fmt.Fprint(conn, request)
	_, _ = conn.Write(rawFrame(true, 0, 1, []byte("2probe")))
	_, _ = conn.Read(make([]byte, 1000))
	_, _ = conn.Write(rawFrame(true, 0, 1, []byte("5")))
	_, _ = conn.Write(rawFrame(true, 0, 1, []byte("4a")))
	_, _ = conn.Read(make([]byte, 1000))
}

func hammerSocket(r *rand.Rand, conn net.Conn) {
	for range r.IntN(30) {
		var err error
		switch r.IntN(10) {
		case 0:
			_, err = conn.Read(make([]byte, r.IntN(5000)+1))
		case 1:
			_, err = conn.Write(rawFrame(true, 0, 2, make([]byte, r.IntN(10_000))))
		case 2:
			_, err = conn.Write(rawFrame(true, 0, 9, nil))
		case 3:
			_, err = conn.Write(rawFrame(true, 0, 1, []byte("3")))
		case 4:
			b := make([]byte, r.IntN(20))
			for i := range b {
				b[i] = byte(r.Uint32())
			}
			_, err = conn.Write(b)
		default:
			_, err = conn.Write(rawFrame(true, 0, 1, []byte("4hello")))
		}
		if err != nil {
			return
		}
	}
}
