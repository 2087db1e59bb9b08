package socketio_test

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"snug/socketio"
)

// "No CONNECT within connectTimeout (45 s): close."
func TestConnectTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		let := make(chan struct{})
		s := newPipeSite(t, socketio.Options{}, func(io *socketio.Server) {
			io.Of("/slow").OnConnect(func(ctx context.Context, _ *socketio.Socket) error {
				select {
				case <-let:
				case <-ctx.Done():
				}
				return nil
			})
		})
		none, refused, slow, in, left := s.open(), s.open(), s.open(), s.open(), s.open()
		refused.send("40/random")
		refused.want(`44/random,{"message":"Invalid namespace"}`)
		slow.send("40/slow")
		in.connect("")
		left.connect("")
		left.send("41")
		s.wantLeft(t, "/ client namespace disconnect")
		time.Sleep(45*time.Second - 1)
		synctest.Wait()
		for _, w := range []*wire{none, refused} {
			select {
			case m := <-w.got:
				t.Errorf("got %q before the time", m)
			default:
			}
		}
		time.Sleep(time.Nanosecond)
		none.wantClosed()
		refused.wantClosed()
		in.ping()
		left.connect("") // was in a namespace once, and may stay
		left.ping()
		time.Sleep(time.Minute)
		close(let) // CONNECT had come in time
		slow.admitted("/slow")
		s.alive(t)
	})
}

// "An unfinished one is dropped after 10 s": what comes then is unannounced.
func TestUnfinishedBinaryIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newPipeSite(t, socketio.Options{}, nil)
		for _, c := range []struct {
			wait time.Duration
			then string
			want string
		}{
			{10*time.Second - 1, "b:two", `b:two`},
			{10*time.Second + 1, "b:two", ""},
			{10*time.Second + 1, `42["echo","after"]`, `42["echoed","after"]`},
		} {
			w := s.join("")
			w.send(`452-["echo",`+ph(0)+`,`+ph(1)+`]`, "b:one")
			time.Sleep(c.wait)
			synctest.Wait()
			w.send(c.then)
			if c.want == "" {
				w.wantClosed()
				s.wantLeft(t, "/ parse error")
				continue
			}
			if strings.HasPrefix(c.want, "b:") {
				w.want(`452-["echoed",`+ph(0)+`,`+ph(1)+`]`, "b:one")
			}
			w.want(c.want)
			time.Sleep(time.Minute) // the time of a whole one does not run
			w.ping()
		}
		s.alive(t)
	})
}

// The time does not run while it is the server that does not read: it begins anew
// when reading does.
func TestUnfinishedBinaryWhilePaused(t *testing.T) {
	const span = 20 * time.Second // for a packet: reading stops after the first
	synctest.Test(t, func(t *testing.T) {
		s := newPipeSite(t, socketio.Options{PacketRate: 1 / span.Seconds(), PacketBurst: 1}, nil)
		for _, tc := range []struct {
			comes time.Duration
			whole bool
		}{
			{0, true}, // it is there, and not read
			{span, true},
			{span + 10*time.Second - 1, true},
			{span + 10*time.Second + 1, false},
		} {
			w := s.join("")
			w.send(`451-["echo",` + ph(0) + `]`)
			time.Sleep(tc.comes)
			synctest.Wait()
			go w.send("b:late")
			if !tc.whole {
				w.wantClosed()
				s.wantLeft(t, "/ parse error")
				continue
			}
			for _, want := range []string{`451-["echoed",` + ph(0) + `]`, "b:late"} {
				if got := <-w.got; got != want {
					t.Errorf("%v: got %s, want %s", tc.comes, got, want)
				}
			}
		}
		s.alive(t)
	})
}

// "And its bytes are freed at close", as they are when its time is over, though
// the application keeps the socket.
func TestUnfinishedBinaryIsFreed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newPipeSite(t, socketio.Options{}, nil)
		const many, size = 10, 900_000
		heap := func() int {
			runtime.GC()
			runtime.GC() // what lay in pools, too
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			return int(m.HeapAlloc)
		}
		for _, end := range []string{"close", "time"} {
			var kept []*socketio.Socket
			var wires []*wire
			for range many {
				w := s.open()
				kept, wires = append(kept, s.Of("/").Socket(w.connect(""))), append(wires, w)
				w.send(`452-["echo",`+ph(0)+`,`+ph(1)+`]`, "b:"+strings.Repeat("x", size))
			}
			synctest.Wait()
			waiting := heap()
			if end == "time" {
				time.Sleep(10*time.Second + 1)
			}
			for _, w := range wires {
				if end == "close" {
					_ = w.conn.Close()
					s.wantLeft(t, "/ transport close")
				} else {
					w.ping()
				}
			}
			synctest.Wait()
			if freed := waiting - heap(); freed < many*size*3/4 {
				t.Errorf("%s: %d bytes are freed of the %d that waited", end, freed, many*size)
			}
			runtime.KeepAlive(kept)
			s.alive(t)
		}
	})
}

// A full inbox stops reading; drained, it goes on. Full for 20 s it closes.
func TestFullInbox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		let := make(chan struct{})
		var handled int
		opts := socketio.Options{MaxInbox: 8}
		opts.Engine.PingInterval = time.Hour // a pong would wait behind the flood
		s := newPipeSite(t, opts, func(io *socketio.Server) {
			io.Of("/").Handle("slow", func(ctx context.Context, _ *socketio.Socket, _ socketio.Args, _ *socketio.Ack) error {
				select {
				case <-let:
					handled++
				case <-ctx.Done():
				}
				return nil
			})
		})
		w := s.join("")
		sent := make(chan int, 100)
		flood := func(n int) {
			for i := range n {
				w.send(`42["slow"]`) // a pipe: it is taken when it is read
				sent <- i
			}
		}
		go flood(30)
		synctest.Wait()
		// One in the handler, eight in the inbox, one in the reader's hands,
		// and what the engine reads ahead is not a pipe's.
		if n := len(sent); n < 9 || n > 11 {
			t.Errorf("%d events were read with an inbox of 8", n)
		}
		time.Sleep(20*time.Second - 1)
		synctest.Wait()
		close(let)
		synctest.Wait()
		if handled != 30 || len(sent) != 30 {
			t.Errorf("%d events were read and %d handled of 30", len(sent), handled)
		}
		w.ping()
		time.Sleep(10 * time.Minute) // the time of a drained one does not run
		w.ping()

		let = make(chan struct{})
		go flood(30)
		synctest.Wait()
		time.Sleep(20*time.Second + 1)
		w.wantClosed()
		s.wantLeft(t, "/ inbox full")
		s.alive(t)
	})
}

// The bytes of an inbox are bounded, not only its events.
func TestFullInboxOfBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		let := make(chan struct{})
		opts := socketio.Options{MaxInboxBytes: 10_000}
		opts.Engine.PingInterval = time.Hour // a pong would wait behind the flood
		s := newPipeSite(t, opts, func(io *socketio.Server) {
			io.Of("/").Handle("slow", func(context.Context, *socketio.Socket, socketio.Args, *socketio.Ack) error {
				<-let
				return nil
			})
		})
		w := s.join("")
		sent := make(chan int, 100)
		go func() {
			for i := range 30 {
				w.send(`451-["slow",`+ph(0)+`]`, "b:"+strings.Repeat("x", 2500))
				sent <- i
			}
		}()
		synctest.Wait()
		if n := len(sent); n < 4 || n > 6 {
			t.Errorf("%d events of 2.5 kB were read with an inbox of 10 kB", n)
		}
		close(let)
		synctest.Wait()
		if len(sent) != 30 {
			t.Errorf("%d events were read of 30", len(sent))
		}
		w.ping()
		s.alive(t)
	})
}

// A timeout of the heartbeat is told as such, in fake time.
func TestPingTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newPipeSite(t, socketio.Options{}, nil)
		w := s.join("")
		w.silent.Store(true)
		time.Sleep(25*time.Second + 20*time.Second)
		s.wantLeft(t, "/ ping timeout")
		s.alive(t)
	})
}

// A client that brings more packets than it may is read more slowly, whatever
// they are, and loses none; others do not notice.
func TestPacketRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newPipeSite(t, socketio.Options{PacketRate: 1000, PacketBurst: 50}, nil)
		flood, other := s.open(), s.open()
		flood.connect("")
		other.connect("")
		began := time.Now()
		const packets = 2050
		go func() {
			for range packets - 1 {
				flood.send(`439999[]`) // an answer that nobody asked for
			}
			flood.send(`42["echo"]`)
		}()
		synctest.Wait()
		other.send(`42["echo"]`)
		other.want(`42["echoed"]`)
		if took := time.Since(began); took > 0 {
			t.Errorf("another client waited %v", took)
		}
		flood.want(`42["echoed"]`)
		if took := time.Since(began); took < 1980*time.Millisecond || took > 2050*time.Millisecond {
			t.Errorf("%d packets took %v, 1000 a second and 50 at once are allowed", packets, took)
		}
		s.alive(t)
	})
}
