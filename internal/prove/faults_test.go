//go:build !race

package prove

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"snug/internal/admin"
	"snug/internal/wire"
	"snug/socketio/client"
)

// A faulted is a real server under a fault, with somebody in a room who minds her own business.
type faulted struct {
	t        testing.TB
	process  *Process
	url      string
	operator *admin.Client
	room     string
	ada      *client.Client
	heard    chan string
	before   admin.Status
}

// faultPatience is how long what must come may take, however busy the machine is.
const faultPatience = 30 * time.Second

// underFault starts a server in little memory, wrapped in a command and with variables of its own. A crowd of n has
// been there and left before anything is measured: maps keep the room that they once had.
func underFault(t *testing.T, n int, wrap []string, env ...string) *faulted {
	t.Helper()
	data, err := os.MkdirTemp("", "snug-fault") // short: a process with few files should need no detour to its socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(data) })
	data = filepath.Join(data, "data")
	ctx, cancel := context.WithTimeout(t.Context(), faultPatience)
	defer cancel()
	caged := newCage(t, littleMemory)
	p, err := binary(t).Start(ctx, Launch{Data: data, Wrap: append(caged.wrap(), wrap...), Env: append(env, littleGo)})
	if err != nil {
		t.Fatal(err)
	}
	caged.holds(t, p.cmd.Process.Pid)
	t.Logf("the server has %v", caged)
	f := &faulted{t: t, process: p, url: p.URL(), operator: admin.NewClient(data), heard: make(chan string, 10_000)}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), faultPatience)
		defer cancel()
		if err := p.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	f.ada = f.dial(client.Options{On: map[string]client.Handler{"message": func(_ *client.Client, args client.Args, _ *client.Ack) {
		var m struct{ Text string }
		if args.Decode(&m) == nil {
			f.heard <- m.Text
		}
	}}})
	f.room = f.must(f.ada, "create", map[string]any{})["room"].(string)
	f.must(f.ada, "join", map[string]any{"room": f.room, "name": "Ada"})
	var d delays
	crowd := f.fill(n, "Early", &d)
	f.talk(5, 1000, crowd)
	for _, c := range crowd {
		_ = c.Close()
	}
	for deadline := time.Now().Add(faultPatience); ; time.Sleep(20 * time.Millisecond) {
		if f.before = f.status(); f.before.Connections == 1 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d connections are left", f.before.Connections)
		}
	}
	f.unharmed()
	f.before = f.status()
	return f
}

func (f *faulted) dial(o client.Options) *client.Client {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), faultPatience)
	defer cancel()
	c, err := client.Dial(ctx, f.url, o)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { _ = c.Close() })
	return c
}

func call(c *client.Client, event string, body any) (answer map[string]any, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), faultPatience)
	defer cancel()
	args, err := c.Call(ctx, event, body)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", event, err)
	}
	if err := json.Unmarshal(args.Raw(0), &answer); err != nil || answer["ok"] != true {
		return nil, fmt.Errorf("%s was answered %.300s, %w", event, args.Raw(0), err)
	}
	return answer, nil
}

func (f *faulted) must(c *client.Client, event string, body any) map[string]any {
	f.t.Helper()
	answer, err := call(c, event, body)
	if err != nil {
		f.t.Fatal(err)
	}
	return answer
}

// unharmed fails unless Ada's next message comes back to her.
func (f *faulted) unharmed() {
	f.t.Helper()
	text := "unharmed " + time.Now().String()
	f.must(f.ada, "send", map[string]any{"room": f.room, "text": text})
	for deadline := time.After(faultPatience); ; {
		select {
		case got := <-f.heard:
			if got == text {
				return
			}
		case <-deadline:
			f.t.Fatal("the bystander's next message does not arrive")
		}
	}
}

// status is what the server says of itself after a collection.
func (f *faulted) status() admin.Status {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), faultPatience)
	defer cancel()
	s, err := f.operator.Status(ctx, true)
	if err != nil {
		f.t.Fatal(err)
	}
	return s
}

// back waits until nobody is left but Ada, and goroutines and heap are back
// within a tenth of what they were, by the server's own figures after a collection.
func (f *faulted) back() {
	f.t.Helper()
	was := f.before
	for deadline := time.Now().Add(2 * faultPatience); ; time.Sleep(100 * time.Millisecond) {
		now := f.status()
		// What caches of the process hold does not grow with what was done to it.
		const caches = 512 << 10
		if now.Connections == was.Connections && now.Goroutines <= was.Goroutines+max(2, was.Goroutines/10) && now.HeapBytes <= was.HeapBytes+was.HeapBytes/10+caches {
			f.t.Logf("back: %d goroutines and %d KiB of heap, %d and %d before", now.Goroutines, now.HeapBytes>>10, was.Goroutines, was.HeapBytes>>10)
			return
		}
		if time.Now().After(deadline) {
			f.t.Fatalf("%d connections, %d goroutines and %d KiB of heap; %d, %d and %d before",
				now.Connections, now.Goroutines, now.HeapBytes>>10, was.Connections, was.Goroutines, was.HeapBytes>>10)
		}
	}
}

// peak is the most memory that the process has had, in bytes, 0 where the system does not say.
func (f *faulted) peak() int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", f.process.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), "VmHWM:")
	n, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	kib, err := strconv.ParseInt(n, 10, 64)
	if err != nil {
		return 0
	}
	return kib << 10
}

// each does something n times, so many at a time.
func each(n, atOnce int, do func(int)) {
	var group sync.WaitGroup
	places := make(chan struct{}, atOnce)
	for i := range n {
		places <- struct{}{}
		group.Go(func() { defer func() { <-places }(); do(i) })
	}
	group.Wait()
}

// A crowdling is one of many in a room.
type crowdling struct {
	*client.Client
	name  string
	token string
	epoch string
	head  float64      // the newest entry that it has
	deaf  *deafConn    // nil: it always reads
	count atomic.Int64 // of messages that came
}

// A deafConn stops reading when it is told to, as a client does that hangs.
type deafConn struct {
	net.Conn
	deaf chan struct{} // closed to make it so
	gone chan struct{} // closed at its end
	once sync.Once
}

// stop has it read no more.
func (c *deafConn) stop() {
	_ = c.Conn.(*net.TCPConn).SetReadBuffer(4 << 10) // what the kernel takes is as good as read
	close(c.deaf)
}

func (c *deafConn) Read(b []byte) (int, error) {
	select {
	case <-c.deaf:
		<-c.gone
		return 0, io.EOF
	default:
		return c.Conn.Read(b)
	}
}

func (c *deafConn) Close() error {
	c.once.Do(func() { close(c.gone) })
	return c.Conn.Close()
}

// come connects, or comes back.
func (c *crowdling) come(f *faulted, delays *delays) error {
	o := client.Options{Timeout: faultPatience, On: map[string]client.Handler{
		"welcome": func(_ *client.Client, args client.Args, _ *client.Ack) {
			var w wire.Welcome
			if args.Decode(&w) == nil {
				c.token = w.Token
			}
		},
		"message": func(_ *client.Client, args client.Args, _ *client.Ack) {
			c.count.Add(1)
			delays.note(args.Raw(0))
		},
	}}
	if c.token != "" {
		token := c.token
		o.Auth = func() any { return map[string]any{"token": token} }
	}
	if c.deaf != nil {
		o.NetDial = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			c.deaf.Conn = conn
			return c.deaf, nil
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), faultPatience)
	defer cancel()
	var err error
	if c.Client, err = client.Dial(ctx, f.url, o); err != nil {
		return err
	}
	ask := map[string]any{"room": f.room, "name": c.name}
	if c.epoch != "" {
		ask["after"] = map[string]any{"epoch": c.epoch, "seq": c.head}
	}
	joined, err := call(c.Client, "join", ask)
	if err != nil {
		return err
	}
	c.epoch, c.head = joined["epoch"].(string), joined["head"].(float64)
	return nil
}

// Delays are how long messages took that say when they were sent.
type delays struct {
	mu  sync.Mutex
	all []time.Duration // guarded by mu
}

func (d *delays) note(raw json.RawMessage) {
	now := time.Now()
	_, rest, found := strings.Cut(string(raw), `"text":"sent `)
	at, _, _ := strings.Cut(rest, " ")
	ns, err := strconv.ParseInt(at, 10, 64)
	if !found || err != nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.all = append(d.all, now.Sub(time.Unix(0, ns)))
}

// p99 is what 99 of 100 took at most, and forgets them.
func (d *delays) p99() time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	slices.Sort(d.all)
	if len(d.all) == 0 {
		return 0
	}
	p := d.all[len(d.all)*99/100]
	d.all = nil
	return p
}

// fill brings a crowd into the room, of which every hundredth can be made deaf.
func (f *faulted) fill(n int, name string, d *delays) []*crowdling {
	f.t.Helper()
	crowd := make([]*crowdling, n)
	each(n, 32, func(i int) {
		c := &crowdling{name: fmt.Sprint(name, " ", i)}
		if i%100 == 99 {
			c.deaf = &deafConn{deaf: make(chan struct{}), gone: make(chan struct{})}
		}
		crowd[i] = c
		if err := c.come(f, d); err != nil {
			f.t.Errorf("guest %d: %v", i, err)
		}
	})
	if f.t.Failed() {
		f.t.FailNow()
	}
	f.t.Cleanup(func() {
		for _, c := range crowd {
			c.Abort()
		}
	})
	return crowd
}

// talk sends n messages of so many bytes, and waits until all that read have got them all.
func (f *faulted) talk(n, bytes int, crowd []*crowdling) {
	f.t.Helper()
	want := make([]int64, len(crowd))
	for i, c := range crowd {
		want[i] = c.count.Load() + int64(n)
	}
	for range n {
		text := fmt.Sprintf("sent %d ", time.Now().UnixNano())
		f.must(f.ada, "send", map[string]any{"room": f.room, "text": text + strings.Repeat("x", bytes-len(text))})
		<-f.heard
	}
	for i, c := range crowd {
		for deadline := time.Now().Add(faultPatience); c.count.Load() < want[i]; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				f.t.Fatalf("guest %d got %d of %d messages", i, n-int(want[i]-c.count.Load()), n)
			}
		}
	}
}

// deafBytes is how long the messages are that somebody does not read: the
// kernel takes some MiB before the server notices.
const deafBytes = 30_000

// One in a hundred stops reading: the others get everything, what waits for the
// deaf is bounded, and they are closed and come back to all they have missed.
func TestFaultDeaf(t *testing.T) {
	n := amount(t, "SNUG_FAULT_CLIENTS", 100)
	f := underFault(t, n, nil, "SNUG_OUTBOX_BYTES=655360", "SNUG_TEXT_BYTES=40000", "SNUG_TEXT_CHARS=40000")
	var d delays
	crowd := f.fill(n, "Guest", &d)
	reading := slices.DeleteFunc(slices.Clone(crowd), func(c *crowdling) bool { return c.deaf != nil })
	deaf := slices.DeleteFunc(slices.Clone(crowd), func(c *crowdling) bool { return c.deaf == nil })
	f.talk(20, deafBytes, crowd)
	quiet := d.p99()
	for _, c := range deaf {
		c.deaf.stop()
	}
	// Until the kernel's buffers and the outbox are full: it is the server that ends it.
	sent := 0
	for deadline := time.Now().Add(2 * faultPatience); ; {
		f.talk(10, deafBytes, reading)
		sent += 10
		if s := f.status(); s.Connections <= f.before.Connections+len(reading) {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("%d connections are left of %d that read", s.Connections, len(reading))
		}
	}
	beside := d.p99()
	for _, c := range deaf {
		_ = c.deaf.Close()
		<-c.Done()
		c.deaf = nil
		epoch, head := c.epoch, c.head
		if err := c.come(f, &d); err != nil {
			t.Fatal(err)
		}
		if c.epoch != epoch || c.head < head+float64(sent) {
			t.Errorf("came back to %v of %s, was at %v of %s", c.head, c.epoch, head, epoch)
		}
	}
	f.talk(1, 100, crowd)
	t.Logf("%d clients, %d deaf until closed, after %d messages of %d bytes: p99 of the others %v, %v before; memory at most %d MiB", n, len(deaf), sent, deafBytes, beside, quiet, f.peak()>>20)
	for _, c := range crowd {
		_ = c.Close()
	}
	f.back()
}

// All come back at once: everybody is in again, and has missed nothing.
func TestFaultReconnect(t *testing.T) {
	n := amount(t, "SNUG_FAULT_CLIENTS", 100)
	f := underFault(t, n, nil)
	var d delays
	crowd := f.fill(n, "Guest", &d)
	for round := range 2 {
		for _, c := range crowd {
			c.Abort()
		}
		f.must(f.ada, "send", map[string]any{"room": f.room, "text": "while they were away"})
		began := time.Now()
		each(n, n, func(i int) {
			c := crowd[i]
			<-c.Done()
			was := c.head
			for attempt := 0; ; attempt++ {
				err := c.come(f, &d)
				if err == nil {
					break
				}
				if attempt == 5 {
					t.Errorf("guest %d: %v", i, err)
					return
				}
				time.Sleep(time.Duration(50*(attempt+1)) * time.Millisecond)
			}
			if c.head <= was {
				t.Errorf("guest %d came back to %v, was at %v", i, c.head, was)
			}
		})
		if t.Failed() {
			return
		}
		t.Logf("round %d: %d clients were back after %v; memory at most %d MiB", round, n, time.Since(began).Round(time.Millisecond), f.peak()>>20)
		f.talk(1, 100, crowd)
	}
	for _, c := range crowd {
		_ = c.Close()
	}
	f.back()
}

// 400 connections that drip their headers are given up one by one, and nobody waits for them.
func TestFaultSlowHeaders(t *testing.T) {
	f := underFault(t, 15, nil, "SNUG_HEADER_TIMEOUT=1s")
	address := strings.TrimPrefix(f.url, "http://")
	began := time.Now()
	var cut atomic.Int64
	done := make(chan struct{})
	go func() {
		defer close(done)
		each(400, 400, func(int) {
			c, err := net.Dial("tcp", address)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(faultPatience))
			_, _ = io.WriteString(c, "GET / HTTP/1.1\r\n")
			over := make(chan struct{})
			go func() { // the server says nothing, or why, and hangs up
				defer close(over)
				_, _ = io.Copy(io.Discard, c)
			}()
			for drip := time.NewTicker(100 * time.Millisecond); ; {
				select {
				case <-over:
					drip.Stop()
					if time.Since(began) < faultPatience {
						cut.Add(1)
					}
					return
				case <-drip.C:
					_, _ = io.WriteString(c, "X")
				}
			}
		})
	}()
	for range 10 {
		f.unharmed()
	}
	<-done
	if cut.Load() != 400 {
		t.Errorf("%d of 400 were given up", cut.Load())
	}
	t.Logf("400 were given up within %v; memory at most %d MiB", time.Since(began).Round(time.Millisecond), f.peak()>>20)
	f.back()
}

// With 64 files the server refuses whom it cannot hold, serves those who are in,
// writes what they say to disk, and takes others in as soon as there is room.
func TestFaultFewFiles(t *testing.T) {
	f := underFault(t, 15, []string{"sh", "-c", `ulimit -n 64 && exec "$@"`, "sh"})
	address := strings.TrimPrefix(f.url, "http://")
	for round := range 3 {
		var in, refused, other atomic.Int64
		held := make(chan net.Conn, 200)
		each(200, 200, func(int) {
			c, err := net.Dial("tcp", address)
			if err != nil {
				other.Add(1)
				return
			}
			held <- c
			_ = c.SetDeadline(time.Now().Add(faultPatience))
			_, _ = io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
			b := make([]byte, 400)
			n, err := io.ReadAtLeast(c, b, 12)
			switch head := string(b[:n]); {
			case strings.HasPrefix(head, "HTTP/1.1 200"):
				in.Add(1)
			case strings.HasPrefix(head, "HTTP/1.1 503") && strings.Contains(head, "Retry-After: "):
				refused.Add(1)
			default: // hung up on: too many were being refused just then
				other.Add(1)
				_ = err
			}
		})
		f.unharmed()
		f.must(f.ada, "history", map[string]any{"room": f.room, "before": 5})
		f.status() // the operator has a file, too
		if said := f.process.Said(); in.Load() == 0 || refused.Load() < 150 || strings.Contains(said, "too many open files") {
			t.Errorf("%d in, %d refused, %d hung up on; it said:\n%s", in.Load(), refused.Load(), other.Load(), said)
		}
		t.Logf("round %d: 200 came at once: %d in, %d refused with 503, %d hung up on", round, in.Load(), refused.Load(), other.Load())
		close(held)
		for c := range held {
			c.Close()
		}
		for deadline := time.Now().Add(faultPatience); ; time.Sleep(20 * time.Millisecond) {
			r, err := http.Get(f.url + "/healthz")
			if err == nil {
				r.Body.Close()
				http.DefaultClient.CloseIdleConnections()
				if r.StatusCode == http.StatusOK {
					break
				}
			}
			if time.Now().After(deadline) {
				t.Fatalf("nobody is let in again: %v, %v", r, err)
			}
		}
	}
	c := f.dial(client.Options{})
	f.must(c, "join", map[string]any{"room": f.room, "name": "Late"})
	_ = c.Close()
	f.back()
}

// In 256 MiB the server bears what would like to have much more, and bystanders notice nothing.
func TestFaultLittleMemory(t *testing.T) {
	n := amount(t, "SNUG_FAULT_CLIENTS", 100)
	f := underFault(t, n, nil)
	var d delays
	crowd := f.fill(n, "Guest", &d)
	address := strings.TrimPrefix(f.url, "http://")
	// 300 messages of 60 KB that are never finished, and sessions that ask for pages and read none.
	var unfinished []net.Conn
	for range 300 {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		unfinished = append(unfinished, c)
		_, _ = io.WriteString(c, "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
		_ = c.SetWriteDeadline(time.Now().Add(faultPatience))
		_, _ = c.Write(append([]byte{0x01, 0xfe, 0xea, 0x60, 0, 0, 0, 0}, make([]byte, 60_000)...)) // a first fragment, masked with zeros
	}
	f.talk(40, 3000, crowd)
	f.unharmed()
	t.Logf("%d clients, 300 unfinished messages of 60 KB, 40 messages of 3,000 bytes to all: memory at most %d MiB", n, f.peak()>>20)
	for _, c := range unfinished {
		c.Close()
	}
	for _, c := range crowd {
		_ = c.Close()
	}
	f.back()
}
