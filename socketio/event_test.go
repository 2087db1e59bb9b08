package socketio_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"snug/socketio"
)

func ph(n int) string { return fmt.Sprintf(`{"_placeholder":true,"num":%d}`, n) }

// Typed handlers, and what their answers and errors become.
func TestTypedHandlers(t *testing.T) {
	type message struct {
		Text string `json:"text"`
		N    int64  `json:"n"`
	}
	replies := make(chan func(int), 1)
	var badArgs *socketio.ArgsError
	s := newSite(t, socketio.Options{}, func(io *socketio.Server) {
		n := io.Of("/")
		socketio.On(n, "note", func(_ context.Context, s *socketio.Socket, m message) error { return s.Emit("noted", m) })
		socketio.On(n, "nothing", func(_ context.Context, s *socketio.Socket, _ struct{}) error { return s.Emit("noted") })
		socketio.OnCall(n, "shout", func(_ context.Context, _ *socketio.Socket, m message) (message, error) {
			m.Text = strings.ToUpper(m.Text)
			return m, nil
		})
		socketio.OnCall(n, "fail", func(_ context.Context, _ *socketio.Socket, m message) (message, error) {
			return m, fmt.Errorf("failing: %w", errTest)
		})
		socketio.OnAck(n, "later", func(_ context.Context, _ *socketio.Socket, n int, reply func(int)) error {
			replies <- func(x int) { reply(n + x) }
			return nil
		})
		n.OnError(func(_ *socketio.Socket, err error) (any, bool) {
			if errors.As(err, &badArgs) {
				return map[string]string{"code": "bad_request"}, true
			}
			return map[string]string{"code": "internal"}, errors.Is(err, errTest)
		})
	})
	w := s.join("")
	w.send(`42["note",{"text":"<hi>","n":9007199254740993}]`)
	w.want(`42["noted",{"text":"<hi>","n":9007199254740993}]`)
	w.send(`423["note",{"text":"x"},"more arguments",3]`) // the answer is empty
	w.want(`42["noted",{"text":"x","n":0}]`, `433[]`)
	w.send(`42["note"]`) // a missing argument is null
	w.want(`42["noted",{"text":"","n":0}]`)
	w.send(`42["nothing"]`, `42["nothing",{}]`)
	w.want(`42["noted"]`, `42["noted"]`)
	w.send(`427["shout",{"text":"hi","n":1}]`, `42["shout",{}]`)
	w.want(`437[{"text":"HI","n":1}]`)
	w.send(`428["fail",{}]`, `42["fail",{}]`)
	w.want(`438[{"code":"internal"}]`)
	w.send(`429["shout",{"n":"x"}]`)
	w.want(`439[{"code":"bad_request"}]`)
	if badArgs == nil || badArgs.Event != "shout" {
		t.Errorf("error %v", badArgs)
	}
	w.send(`4210["later",40]`)
	reply := <-replies
	w.ping() // meanwhile
	reply(2)
	reply(3) // an ack is never sent twice
	w.want(`4310[42]`)
	w.send(`42["later",1]`)
	(<-replies)(1) // none is wanted
	w.ping()
	s.alive(t)
}

// OnUnknown sees events without a handler; a plain handler's answers.
func TestHandleAndUnknown(t *testing.T) {
	s := newSite(t, socketio.Options{}, func(io *socketio.Server) {
		n := io.Of("/")
		n.OnUnknown(func(_ context.Context, _ *socketio.Socket, event string, ack *socketio.Ack) {
			_ = ack.Reply("unknown", event)
		})
		n.Handle("args", func(_ context.Context, s *socketio.Socket, args socketio.Args, ack *socketio.Ack) error {
			var a json.Number
			var b string
			if err := args.Decode(&a, &b); err != nil {
				return err
			}
			err := ack.Reply(make(chan int)) // cannot be encoded: and may be tried again
			if ack.Wanted() == (err == nil) {
				t.Errorf("reply with a channel: %v", err)
			}
			return errors.Join(ack.Reply(args.Len(), a, b), ack.Reply("twice"))
		})
	})
	w := s.join("")
	w.send(`421["what",1]`, `422[3]`, `42["what"]`)
	w.want(`431["unknown","what"]`, `432["unknown","3"]`)
	w.send(`423["args",12345678901234567890,"b",null]`)
	w.want(`433[3,12345678901234567890,"b"]`)
	w.send(`424["args",{}]`) // an error without OnError: no answer
	w.send(`42["args",1]`)
	w.ping()
	s.alive(t)
}

// Acks the other way: Call, with a timeout; an ack id is settled once.
func TestCall(t *testing.T) {
	s := newSite(t, socketio.Options{}, nil)
	w := s.open()
	id := w.connect("")
	sock := s.Of("/").Socket(id)
	type result struct {
		n   int
		err error
	}
	results := make(chan result, 1)
	call := func(ctx context.Context) {
		go func() {
			n, err := socketio.Call[int](ctx, sock, "add", 1, 2)
			results <- result{n, err}
		}()
	}
	answer := func() string { // the id that the event came with
		w.t.Helper()
		id, found := strings.CutSuffix(strings.TrimPrefix(w.next(), "42"), `["add",1,2]`)
		if !found {
			t.Fatalf("got %s", id)
		}
		return id
	}
	call(t.Context())
	first := answer()
	w.send("43"+first+"[3]", "43"+first+"[4]")
	if r := <-results; r.n != 3 || r.err != nil {
		t.Errorf("got %+v", r)
	}
	call(t.Context())
	second := answer()
	if first == second {
		t.Error("an id was used twice")
	}
	w.send("43" + second + `["no number"]`)
	if r := <-results; r.err == nil {
		t.Errorf("got %+v, want an error", r)
	}

	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	call(ctx)
	third := answer()
	if r := <-results; !errors.Is(r.err, context.DeadlineExceeded) {
		t.Errorf("got %+v, want a timeout", r)
	}
	w.send("43" + third + "[3]") // late: ignored
	w.ping()

	call(t.Context())
	answer()
	w.send("41")
	if r := <-results; !errors.Is(r.err, socketio.ErrDisconnected) {
		t.Errorf("got %+v, want %v", r, socketio.ErrDisconnected)
	}
	call(t.Context())
	if r := <-results; !errors.Is(r.err, socketio.ErrDisconnected) {
		t.Errorf("got %+v, want %v", r, socketio.ErrDisconnected)
	}
	s.alive(t)
}

// A handler may wait for an acknowledgement of its own socket.
func TestCallWithinHandler(t *testing.T) {
	s := newSite(t, socketio.Options{}, func(io *socketio.Server) {
		socketio.OnCall(io.Of("/"), "ask me", func(ctx context.Context, s *socketio.Socket, _ struct{}) (int, error) {
			args, err := socketio.Call[socketio.Args](ctx, s, "question")
			return args.Len(), err
		})
	})
	w := s.join("")
	w.send(`421["ask me"]`, `42["echo","behind it"]`)
	q := w.next()
	id := strings.TrimSuffix(strings.TrimPrefix(q, "42"), `["question"]`)
	w.send("43" + id + `[1,2,3]`)
	w.want(`431[3]`, `42["echoed","behind it"]`)
}

// "Binary events and acks: 1–10 attachments; the same placeholder twice is legal."
func TestBinary(t *testing.T) {
	type upload struct {
		Name string
		Data []byte
		Any  any
	}
	s := newSite(t, socketio.Options{}, func(io *socketio.Server) {
		socketio.OnCall(io.Of("/"), "upload", func(_ context.Context, _ *socketio.Socket, u upload) (upload, error) {
			u.Data = append([]byte("got "), u.Data...)
			return u, nil
		})
	})
	w := s.open()
	id := w.connect("")
	w.send(`452-["echo",`+ph(0)+`,{"x":[`+ph(1)+`]}]`, "b:one", "b:two")
	w.want(`452-["echoed",`+ph(0)+`,{"x":[`+ph(1)+`]}]`, "b:one", "b:two")
	w.send(`451-7["echo",`+ph(0)+`]`, "b:")
	w.want(`461-7[`+ph(0)+`]`, "b:")
	w.send(`451-["echo",`+ph(0)+`,`+ph(0)+`]`, "b:one")
	w.want(`451-["echoed",`+ph(0)+`,`+ph(0)+`]`, "b:one")
	w.send(`452-["echo",`+ph(1)+`]`, "b:not used", "b:two")
	w.want(`451-["echoed",`+ph(0)+`]`, "b:two")
	ten := `"x"`
	var atts []string
	for i := range 10 {
		ten += "," + ph(i)
		atts = append(atts, fmt.Sprint("b:", i))
	}
	w.send(append([]string{`4510-["echo",` + ten + `]`}, atts...)...)
	w.want(append([]string{`4510-["echoed",` + ten + `]`}, atts...)...)
	w.send(`452-8["upload",{"Name":"n","Data":`+ph(0)+`,"Any":`+ph(1)+`}]`, "b:zero", "b:\x00\xff")
	w.want(`462-8[{"Name":"n","Data":`+ph(0)+`,"Any":`+ph(1)+`}]`, "b:got zero", "b:\x00\xff")

	// An answer with attachments.
	got := make(chan []byte, 1)
	go func() {
		b, err := socketio.Call[[]byte](t.Context(), s.Of("/").Socket(id), "bytes?", []byte("?"))
		if err != nil {
			t.Error(err)
		}
		got <- b
	}()
	q := w.next()
	w.want("b:?")
	ack, found := strings.CutPrefix(strings.TrimSuffix(q, `["bytes?",`+ph(0)+`]`), "451-")
	if !found {
		t.Fatalf("got %s", q)
	}
	w.send("461-"+ack+"["+ph(0)+"]", "b:!")
	if b := <-got; string(b) != "!" {
		t.Errorf("got %q", b)
	}
	s.alive(t)
}

// "Integers survive as they came; JSON is written without HTML escapes."
func TestEncode(t *testing.T) {
	s := newSite(t, socketio.Options{}, nil)
	w := s.open()
	sock := s.Of("/").Socket(w.connect(""))
	if err := sock.Emit("<ev>", int64(9007199254740993), "<&>", json.Number("1e3"), nil, struct{ A *int }{}); err != nil {
		t.Error(err)
	}
	w.want(`42["<ev>",9007199254740993,"<&>",1e3,null,{"A":null}]`)
	for _, event := range []string{"connect", "disconnect", "error"} {
		if err := sock.Emit(event); err == nil {
			t.Errorf("the reserved event %q was sent", event)
		}
	}
	if err := sock.Emit("x", func() {}); err == nil {
		t.Error("a function was sent")
	}
	w.ping()
}

// Messages encoded before, and joined, are sent together and in order.
func TestMessages(t *testing.T) {
	s := newSite(t, socketio.Options{}, nil)
	n, custom := s.Of("/"), s.Of("/custom")
	w := s.open()
	sock := n.Socket(w.connect(""))
	one, err1 := n.Encode("one", 1)
	two, err2 := n.Encode("two", []byte("2"))
	other, err3 := custom.Encode("other")
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	all := socketio.JoinMessages(one, socketio.Message{}, two, one)
	if err := errors.Join(sock.Send(all), sock.Send(socketio.Message{}), n.All().Send(t.Context(), socketio.JoinMessages())); err != nil {
		t.Error(err)
	}
	w.want(`42["one",1]`, `451-["two",`+ph(0)+`]`, "b:2", `42["one",1]`)
	for _, m := range []socketio.Message{other, socketio.JoinMessages(one, other), socketio.JoinMessages(other, one)} {
		if sock.Send(m) == nil || n.All().Send(t.Context(), m) == nil {
			t.Error("another namespace's message was sent")
		}
	}
	w.ping()
}

// Value and SetValue keep one value of any type.
func TestValue(t *testing.T) {
	s := newSite(t, socketio.Options{}, nil)
	sock := s.Of("/").Socket(s.open().connect(""))
	if socketio.Value[string](sock) != "" || socketio.Value[*int](sock) != nil {
		t.Error("a value that no one has set")
	}
	socketio.SetValue(sock, "maria")
	if got := socketio.Value[string](sock); got != "maria" {
		t.Errorf("got %q", got)
	}
	if got := socketio.Value[int](sock); got != 0 {
		t.Errorf("got %d", got)
	}
	socketio.SetValue(sock, 7)
	if got := socketio.Value[int](sock); got != 7 {
		t.Errorf("got %d", got)
	}
}

// A panic is logged and counted, and ends the connection that it happened on.
func TestPanic(t *testing.T) {
	var log strings.Builder
	s := newSite(t, socketio.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}, func(io *socketio.Server) {
		socketio.On(io.Of("/"), "panic", func(_ context.Context, _ *socketio.Socket, secret string) error { panic("oh no") })
		io.Of("/in").OnConnect(func(context.Context, *socketio.Socket) error { panic("in OnConnect") })
	})
	w := s.join("")
	w.connect("/custom")
	w.send(`421["panic","secret"]`)
	w.wantClosed()
	s.wantLeftAny(t)
	s.wantLeftAny(t)
	w = s.open()
	w.send(`40/in`)
	w.wantClosed()
	s.alive(t)
	if got := s.Stats(); got.Panics != 2 || got.Sockets != 1 {
		t.Errorf("stats %+v", got)
	}
	if l := log.String(); !strings.Contains(l, "oh no") || !strings.Contains(l, "event_test.go") || strings.Contains(l, "secret\"") {
		t.Errorf("log %s", l)
	}
}
