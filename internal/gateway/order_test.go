package gateway_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"snug/internal/wire"
	"snug/socketio/client"
)

// entries reads what was heard as entries, and fails unless they are dense.
func entries(t *testing.T, raw []json.RawMessage) []wire.Entry {
	t.Helper()
	list := make([]wire.Entry, len(raw))
	for i := range raw {
		list[i] = decode[wire.Entry](t, raw[i])
		if i > 0 && list[i].Seq != list[i-1].Seq+1 {
			t.Fatalf("after seq %d comes %d", list[i-1].Seq, list[i].Seq)
		}
	}
	return list
}

func same(a, b json.RawMessage) bool { return bytes.Equal(a, b) }

// hearAll waits until the message with that seq has come, and returns all.
func (p *person) hearAll(seq uint32) []json.RawMessage {
	p.t.Helper()
	p.hear("message", func(raw json.RawMessage) bool {
		var e wire.Entry
		return json.Unmarshal(raw, &e) == nil && e.Seq == seq
	})
	return p.all("message")
}

// Sends of one connection are committed in the order in which they arrive,
// without waiting for one another: so they share commits ("Order").
func TestManyUnderWay(t *testing.T) {
	const n = 64
	send := func(i int, room string) object {
		return object{"room": room, "text": fmt.Sprint(i), "id": fmt.Sprintf("m%d", i)}
	}
	check := func(t *testing.T, h *house, bob *person, before uint64) {
		for i, e := range entries(t, bob.hearAll(n)) {
			if e.Text != fmt.Sprint(i) {
				t.Fatalf("at %d was heard %q", i, e.Text)
			}
		}
		if commits := h.store.Stats().Commits - before; commits >= n {
			t.Errorf("%d messages took %d commits", n, commits)
		}
	}
	t.Run("websocket", func(t *testing.T) {
		h := open(t, plan{})
		ada, bob := h.connect(client.WebSocket, ""), h.connect(client.Polling, "")
		room := ada.room("Ada")
		bob.must("join", object{"room": room, "name": "Bob"})
		before := h.store.Stats().Commits
		for i := range n {
			if err := ada.c.Emit("send", send(i, room)); err != nil {
				t.Fatal(err)
			}
		}
		check(t, h, bob, before)
		if own := ada.hearAll(n); !slices.EqualFunc(own, bob.all("message"), same) {
			t.Error("the author heard other bytes than the others")
		}
	})
	// In one body, as the official clients do it.
	t.Run("polling", func(t *testing.T) {
		h := open(t, plan{})
		bob := h.connect(client.WebSocket, "")
		room := bob.room("Bob")
		ada := newPoller(t, h.url)
		ada.post(`421["join",` + text(t, object{"room": room, "name": "Ada"}) + `]`)
		ada.answers(1)
		before := h.store.Stats().Commits
		packets := make([]string, n)
		for i := range packets {
			packets[i] = fmt.Sprintf(`42%d["send",%s]`, 100+i, text(t, send(i, room)))
		}
		ada.post(packets...)
		check(t, h, bob, before)
		for i, a := range ada.answers(n) {
			if r := decode[[]reply](t, a[3:])[0]; string(a[:3]) != fmt.Sprint(100+i) || !r.OK || r.Seq != uint32(i+1) {
				t.Fatalf("answer %d: %s", i, a)
			}
		}
	})
}

// A poller speaks Socket.IO over polling by hand, so that many packets can be
// in one body.
type poller struct {
	t    *testing.T
	url  string
	seen []json.RawMessage // all packets, in order
	acks []json.RawMessage // that were not asked for yet: id and arguments
}

func newPoller(t *testing.T, url string) *poller {
	p := &poller{t: t, url: url + "/socket.io/?EIO=4&transport=polling"}
	open := p.get()[0]
	sid := decode[struct{ Sid string }](t, open[1:]).Sid
	p.url += "&sid=" + sid
	p.post("40")
	p.get()
	t.Cleanup(func() { p.post("1") })
	return p
}

func (p *poller) get() []json.RawMessage {
	p.t.Helper()
	r, err := http.Get(p.url)
	if err != nil {
		p.t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != 200 {
		p.t.Fatalf("%d %s %v", r.StatusCode, b, err)
	}
	var packets []json.RawMessage
	for b := range bytes.SplitSeq(b, []byte{0x1e}) {
		packets = append(packets, b)
		p.seen = append(p.seen, b)
		if rest, is := bytes.CutPrefix(b, []byte("43")); is {
			p.acks = append(p.acks, rest)
		}
		if string(b) == "2" {
			p.post("3")
		}
	}
	return packets
}

func (p *poller) post(packets ...string) {
	p.t.Helper()
	r, err := http.Post(p.url, "text/plain", strings.NewReader(strings.Join(packets, "\x1e")))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Body.Close()
	if r.StatusCode != 200 {
		p.t.Fatal(r.Status)
	}
}

// answers polls until n acknowledgements have come, and returns them in order.
func (p *poller) answers(n int) []json.RawMessage {
	p.t.Helper()
	for len(p.acks) < n {
		p.get()
	}
	got := p.acks[:n]
	p.acks = p.acks[n:]
	return got
}

// A retry with the same id is stored once, on whatever connection.
func TestRetries(t *testing.T) {
	h := open(t, plan{})
	onBothWays(t, h, func(t *testing.T, h *house, way client.Transport) {
		ada := h.connect(way, "")
		room := ada.room("Ada")
		again := h.connect(way, ada.welcome.Token)
		again.must("join", object{"room": room, "name": "Ada"})
		first := map[int]reply{}
		for i := range 3 {
			for attempt, p := range []*person{ada, again, ada} {
				r := p.must("send", object{"room": room, "text": fmt.Sprint(i, " try ", attempt), "id": fmt.Sprintf("r%d", i)})
				if attempt == 0 {
					first[i] = r
				}
				if r.Duplicate != (attempt > 0) || r.Seq != first[i].Seq || r.At != first[i].At {
					t.Errorf("message %d, try %d: %s", i, attempt, r.raw)
				}
			}
		}
		page := ada.must("history", object{"room": room})
		if len(page.Entries) != 3 || page.Head != 3 {
			t.Errorf("stored: %s", page.raw)
		}
		for i, e := range entries(t, ada.hearAll(3)) {
			if e.Text != fmt.Sprint(i, " try 0") {
				t.Errorf("heard %q", e.Text)
			}
		}
		// Whatever else it carries.
		for _, odd := range []any{
			object{"room": room, "id": "r0"}, object{"room": room, "id": "r0", "text": 7}, object{"room": room, "id": "r0", "text": nil},
			object{"room": room, "id": "r0", "text": strings.Repeat("x", 9999)}, object{"room": room, "id": "r0", "text": "x", "replyTo": "1"},
			json.RawMessage(`{"room":"` + room + `","id":"r0","text":"x","text":"y"}`),
		} {
			if r := ada.must("send", odd); !r.Duplicate || r.Seq != 1 {
				t.Errorf("%v: %s", odd, r.raw)
			}
		}
		if e := ada.refused("bad_request", "send", object{"room": room, "id": "new", "text": 7}); e.Field != "text" || e.Message != "text is not a string" {
			t.Errorf("no retry: %+v", e)
		}
		ada.refused("bad_request", "send", json.RawMessage(`{"room":"`+room+`","id":"r0","id":"r1","text":"x"}`))
		ada.refused("bad_request", "send", object{"room": room, "id": "r 0", "text": 7})
		// In another room, and of another author, it is another name.
		bob := h.connect(way, "")
		bob.must("join", object{"room": room, "name": "Bob"})
		if r := bob.must("send", object{"room": room, "text": "x", "id": "r0"}); r.Duplicate || r.Seq != 4 {
			t.Errorf("another author's: %s", r.raw)
		}
	})
}

// Two people who send at once make one dense order, the same for everyone.
func TestConcurrentSends(t *testing.T) {
	h := open(t, plan{})
	const each = 30
	ada, bob, eve := h.connect(client.WebSocket, ""), h.connect(client.Polling, ""), h.connect(client.Upgrade, "")
	room := ada.room("Ada")
	for i, p := range []*person{bob, eve} {
		p.must("join", object{"room": room, "name": []string{"Bob", "Eve"}[i]})
	}
	var sending sync.WaitGroup
	for who, p := range map[string]*person{"ada": ada, "bob": bob} {
		for i := range each {
			sending.Go(func() {
				if r, err := p.try("send", object{"room": room, "text": fmt.Sprint(who, i)}); err != nil || !r.OK {
					t.Errorf("%s %d: %s %v", who, i, r.raw, err)
				}
			})
		}
	}
	sending.Wait()
	heard := eve.hearAll(2 * each)
	seen := map[string]bool{}
	for _, e := range entries(t, heard) {
		seen[e.Text] = true
	}
	if len(heard) != 2*each || len(seen) != 2*each {
		t.Errorf("%d messages were heard, %d different ones", len(heard), len(seen))
	}
	for _, p := range []*person{ada, bob} {
		if !slices.EqualFunc(p.hearAll(2*each), heard, same) {
			t.Error("another order, or other bytes")
		}
	}
}

// Who comes late gets the newest 50, and pages the rest.
func TestLateComer(t *testing.T) {
	h := open(t, plan{})
	onBothWays(t, h, func(t *testing.T, h *house, way client.Transport) {
		const n = 130
		ada := h.connect(client.WebSocket, "")
		room := ada.room("Ada")
		for i := range n {
			if err := ada.c.Emit("send", object{"room": room, "text": fmt.Sprint(i + 1)}); err != nil {
				t.Fatal(err)
			}
		}
		ada.hearAll(n)
		bob := h.connect(way, "")
		j := bob.must("join", object{"room": room, "name": "Bob"})
		if len(j.Entries) != 50 || !j.More || j.Head != n || j.Unread != n {
			t.Fatalf("joining: %d entries, more %v, head %d, unread %d", len(j.Entries), j.More, j.Head, j.Unread)
		}
		all := j.Entries
		for more := j.More; more; {
			page := bob.must("history", object{"room": room, "before": all[0].Seq})
			if len(page.Entries) == 0 {
				t.Fatal("there is more, and nothing comes")
			}
			all = append(page.Entries, all...)
			more = page.More
		}
		for i, e := range all {
			if e.Seq != uint32(i+1) || e.Text != fmt.Sprint(i+1) {
				t.Fatalf("at %d stands %+v", i, e)
			}
		}
		if len(all) != n {
			t.Errorf("%d messages of %d", len(all), n)
		}
		around := bob.must("history", object{"room": room, "around": 60, "limit": 5})
		if len(around.Entries) != 5 || around.Entries[0].Seq > 60 || around.Entries[4].Seq < 60 {
			t.Errorf("around: %s", around.raw)
		}
	})
}

// Who joins while others talk sees every entry once: the page up to the head,
// and from head + 1 on live, behind the answer.
func TestJoinInTheMiddleOfTraffic(t *testing.T) {
	h := open(t, plan{})
	onBothWays(t, h, func(t *testing.T, h *house, way client.Transport) {
		ada := h.connect(client.WebSocket, "")
		room := ada.room("Ada")
		stop := make(chan struct{})
		var talking sync.WaitGroup
		talking.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				if r, err := ada.try("send", object{"room": room, "text": fmt.Sprint(i)}); err != nil || !r.OK {
					t.Errorf("send: %s %v", r.raw, err)
					return
				}
			}
		})
		defer talking.Wait()
		defer sync.OnceFunc(func() { close(stop) })()
		bob := h.connect(way, "")
		for round := range 5 {
			before := len(bob.all("message"))
			j := bob.must("join", object{"room": room, "name": "Bob", "limit": 200})
			live := entries(t, bob.hearAll(j.Head + 10)[before:])
			if live[0].Seq != j.Head+1 {
				t.Fatalf("round %d: the page ends at %d, live begins at %d", round, j.Head, live[0].Seq)
			}
			if n := len(j.Entries); n > 0 && (j.Entries[n-1].Seq != j.Head || j.Entries[n-1].Text == live[0].Text) {
				t.Fatalf("round %d: the page ends with %+v, head %d", round, j.Entries[n-1], j.Head)
			}
			bob.must("leave", object{"room": room})
			bob.sync()
		}
	})
}

// Nothing of a room comes before the answer to join, nor after that to leave.
// By hand, to see the packets in the order in which they came.
func TestNothingOutsideOfJoinAndLeave(t *testing.T) {
	h := open(t, plan{})
	ada := h.connect(client.WebSocket, "")
	room := ada.room("Ada")
	bob := newPoller(t, h.url)
	for round := range 10 {
		seen := len(bob.seen)
		for i := range 20 {
			if err := ada.c.Emit("send", object{"room": room, "text": fmt.Sprint(i)}); err != nil {
				t.Fatal(err)
			}
			switch i {
			case 5:
				bob.post(`421["join",` + text(t, object{"room": room, "name": "Bob"}) + `]`)
			case 10:
				bob.post(`422["leave",` + text(t, object{"room": room}) + `]`)
			}
		}
		bob.answers(2)
		ada.sync()
		bob.post(`423["still there?"]`)
		bob.answers(1)
		inside, next := false, uint32(0)
		for _, b := range bob.seen[seen:] {
			switch kind := string(b[:min(3, len(b))]); kind {
			case "431":
				inside, next = true, decode[[]reply](t, b[3:])[0].Head+1
			case "432":
				inside = false
			case "42[":
				e := decode[[]json.RawMessage](t, b[2:])
				if string(e[0]) != `"message"` {
					continue
				}
				if seq := decode[wire.Entry](t, e[1]).Seq; !inside || seq != next {
					t.Fatalf("round %d: seq %d came inside: %v, next is %d", round, seq, inside, next)
				}
				next++
			}
		}
	}
}

// A room is made once, whatever a retry of its request carries.
func TestRetriesOfCreate(t *testing.T) {
	h := open(t, plan{})
	onBothWays(t, h, func(t *testing.T, h *house, way client.Transport) {
		ada := h.connect(way, "")
		made := ada.must("create", object{"id": "c", "title": "Tea"})
		again := h.connect(way, ada.welcome.Token)
		for _, odd := range []object{{}, {"keep": "long"}, {"keep": 7}, {"code": "x"}, {"title": nil}, {"code": "elsewhere"}} {
			odd["id"] = "c"
			if r := again.must("create", odd); !r.Duplicate || r.Room != made.Room || r.OwnerKey != made.OwnerKey {
				t.Errorf("%v: %s", odd, r.raw)
			}
		}
		if e := ada.refused("bad_request", "create", object{"id": "d", "keep": "long"}); e.Field != "keep" {
			t.Errorf("no retry: %+v", e)
		}
		if e := ada.refused("bad_request", "create", object{"id": "d", "title": 7}); e.Field != "title" {
			t.Errorf("no retry: %+v", e)
		}
		if r := h.connect(way, "").must("create", object{"id": "c"}); r.Duplicate {
			t.Errorf("another's: %s", r.raw)
		}
	})
}
