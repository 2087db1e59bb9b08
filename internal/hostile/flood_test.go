package hostile

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"snug/internal/config"
)

// limited is a house with the limits that there are by default, but for the
// rate of messages: the bystanders are asked for more of them than people write.
func limited(c *config.Config) {
	c.Limits = "on"
	c.Rate, c.IdentityRate, c.AddressRate = config.Rate{PerSecond: 20, Burst: 60}, config.Rate{PerSecond: 20, Burst: 60}, config.Rate{PerSecond: 100, Burst: 500}
}

var floods = []trial{
	{"namespaces that are not there", func(t *testing.T, h *house) {
		w := h.connected(t)
		go swallow(w)
		for i := range 5000 {
			w.text(fmt.Sprintf("40/n%d,", i))
		}
		h.wantUnharmed(t)
		w.c.Close()
	}},
	{"coming and going", func(t *testing.T, h *house) {
		w := h.connected(t)
		go swallow(w)
		w.send(strings.Repeat(frame(fin|opText, "41")+frame(fin|opText, "40"), 2500))
		h.wantUnharmed(t)
		w.c.Close()
	}},
	{"answers that nobody asked for", func(t *testing.T, h *house) {
		w := h.connected(t)
		go swallow(w)
		sent := make(chan struct{})
		go func() { // more than the server reads: it is the sender who waits
			defer close(sent)
			for range 200 {
				w.send(strings.Repeat(frame(fin|opText, "437[]"), 1000))
			}
		}()
		h.wantUnharmed(t)
		w.c.Close()
		<-sent
	}},
	{"joins whose answers are not read", func(t *testing.T, h *house) {
		for i := range 50 { // a page that is worth asking for
			w := h.connected(t)
			w.ask("join", fmt.Sprintf(`{"room":%q,"name":"Writer %d"}`, h.room, i))
			w.ask("send", fmt.Sprintf(`{"room":%q,"text":%q}`, h.room, strings.Repeat("x", 4000)))
			w.text("41")
			w.c.Close()
			if i%20 == 19 {
				time.Sleep(200 * time.Millisecond) // a rate that a person has, too
			}
		}
		w := h.connected(t)
		small(w.c)
		w.send(strings.Repeat(frame(fin|opText, fmt.Sprintf(`427["join",{"room":%q,"name":"Deaf"}]`, h.room)), 400))
		eventually(t, "the one who does not read is closed", func() bool { return h.server.Stats().Engine.Ended["outbox full"] > 0 })
		w.c.Close()
	}},
	{"binary that is never finished", func(t *testing.T, h *house) {
		var all []*wire
		for range 40 {
			w := h.connected(t)
			all = append(all, w)
			w.text(`4510-["a"` + strings.Repeat(`,{"_placeholder":true,"num":0}`, 10) + `]`)
			for range 9 {
				w.send(frame(fin|opBinary, strings.Repeat("x", 60000)))
			}
		}
		h.wantUnharmed(t)
		for _, w := range all {
			w.c.Close()
		}
	}},
	{"messages that are never finished", func(t *testing.T, h *house) {
		var all []*wire
		for range 100 {
			w := h.connected(t)
			all = append(all, w)
			w.send(frame(opText, strings.Repeat("x", 60000)))
		}
		h.wantUnharmed(t)
		for _, w := range all {
			w.c.Close()
		}
	}},
	{"reconnecting", func(t *testing.T, h *house) {
		refused := 0
		for range 300 {
			w := h.dial(t)
			w.send("GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n" + upgradeHeader)
			if status, _ := readStatus(w); status != "101" {
				refused++
			}
			w.reset()
		}
		t.Logf("%d of 300 were refused", refused)
	}},
	{"sessions that nobody fetches", func(t *testing.T, h *house) {
		var sids []string
		refused := 0
		for range 220 {
			w := h.dial(t)
			r, body := w.request("GET", polling, "", "Connection: close")
			w.c.Close()
			switch r.StatusCode {
			case 200:
				sids = append(sids, body[9:9+strings.IndexByte(body[9:], '"')])
			case 429:
				if r.Header.Get("Retry-After") == "" {
					t.Error("429 without Retry-After")
				}
				refused++
			default:
				t.Fatalf("answered %d", r.StatusCode)
			}
		}
		if refused < 20 {
			t.Errorf("%d sessions were let in from one address", len(sids))
		}
		h.wantUnharmed(t)
		for _, sid := range sids {
			w := h.dial(t)
			w.request("POST", polling+"&sid="+sid, "1", "Connection: close")
			w.c.Close()
		}
	}},
	{"400 headers that drip", func(t *testing.T, h *house) {
		var dripping sync.WaitGroup
		for range 400 {
			dripping.Go(func() {
				c, err := net.Dial("tcp", h.addr)
				if err != nil {
					return
				}
				defer c.Close()
				_ = c.SetDeadline(time.Now().Add(patience))
				_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nX: ")
				if _, err := io.Copy(io.Discard, c); isTimeout(err) {
					t.Error("it is let drip")
				}
			})
		}
		h.wantUnharmed(t)
		dripping.Wait()
	}},
	{"messages", func(t *testing.T, h *house) {
		w := h.connected(t)
		w.ask("join", fmt.Sprintf(`{"room":%q,"name":"Flood"}`, h.room))
		for i := range 500 {
			w.text(fmt.Sprintf(`42%d["send",{"room":%q,"text":"x"}]`, i, h.room))
		}
		limited := 0
		for i := range 500 {
			if strings.Contains(w.await(fmt.Sprintf("43%d[", i)), `"rate_limited"`) {
				limited++
			}
		}
		if limited < 400 {
			t.Errorf("%d of 500 were refused", limited)
		}
		h.wantUnharmed(t)
		w.c.Close()
	}},
	{"half a hundred thousand small events, unread", func(t *testing.T, h *house) {
		w := h.connected(t)
		small(w.c)
		w.within(3 * time.Second)
		for range 50 {
			w.send(strings.Repeat(frame(fin|opText, `421["x",{}]`), 1000))
		}
		h.wantUnharmed(t)
		w.c.Close()
	}},
}

// Floods: what strangers do in masses costs them, and not the others; and when
// they have gone nothing of it is left.
func TestFloods(t *testing.T) {
	h := open(t, limited)
	for _, c := range floods {
		t.Run(c.name, func(t *testing.T) {
			c.run(t, h)
			h.wantUnharmed(t)
			h.settled(h.baseline, caches)
		})
	}
}

// swallow reads what comes until the end.
func swallow(w *wire) { _, _ = io.Copy(io.Discard, w.r) }

// small keeps the kernel from taking what a client does not read.
func small(c net.Conn) {
	if c, ok := c.(*net.TCPConn); ok {
		_ = c.SetReadBuffer(4 << 10)
	}
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !f(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("in vain: %s", what)
		}
	}
}
