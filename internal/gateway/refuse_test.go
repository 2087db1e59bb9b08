package gateway_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"snug/internal/chat"
	"snug/socketio/client"
)

// Every code that protocol 1 has here, as a client meets it. bad_request has
// its cases in TestProtocolCases, unauthorized in TestUnauthorized.
func TestCodes(t *testing.T) {
	h := open(t, plan{})
	onBothWays(t, h, func(t *testing.T, h *house, way client.Transport) {
		ada, bob := h.connect(way, ""), h.connect(way, "")
		made := ada.must("create", object{"passphrase": "sesame", "id": "c1"})
		room := made.Room
		ada.must("join", object{"room": room, "name": "Ada"})

		ada.refused(chat.NotFound, "join", object{"room": "nowhere", "name": "Ada"})
		bob.refused(chat.NotMember, "send", object{"room": room, "text": "x"})
		if e := bob.refused(chat.WrongPassphrase, "join", object{"room": room, "name": "Bob", "passphrase": "Sesam"}); e.Retry {
			t.Error("the same wrong passphrase is worth another try")
		}
		bob.refused(chat.WrongPassphrase, "join", object{"room": room, "name": "Bob"})
		bob.refused(chat.NameInvalid, "join", object{"room": room, "name": "Bo\u202eb", "passphrase": "sesame"})
		e := bob.refused(chat.NameTaken, "join", object{"room": room, "name": "ADA", "passphrase": "sesame"})
		if e.Suggestion == "" {
			t.Error("no name is suggested")
		}
		if you := bob.must("join", object{"room": room, "name": e.Suggestion, "passphrase": "sesame"}).You; you.Name != e.Suggestion {
			t.Errorf("suggested %q, joined as %q", e.Suggestion, you.Name)
		}
		bob.refused(chat.NameTaken, "rename", object{"room": room, "name": "ada"})
		bob.refused(chat.Forbidden, "join", object{"room": room, "name": "Bob", "key": "no such key"})
		if e := bob.refused(chat.TooLarge, "send", object{"room": room, "text": strings.Repeat("x", 4001)}); e.Limit != 4000 || e.Field != "text" {
			t.Errorf("too_large: %+v", e)
		}
		if e := bob.refused(chat.Conflict, "send", object{"room": room, "text": "x", "epoch": "another"}); e.Epoch != made.Info.Epoch || e.Field != "epoch" {
			t.Errorf("conflict: %+v", e)
		}
		code := "chosen-" + strings.ToLower(room)
		ada.must("create", object{"code": code})
		bob.refused(chat.Conflict, "create", object{"code": strings.ToUpper(code)})
		bob.refused(chat.Unsupported, "fly", object{})
		bob.refused(chat.Unsupported, "fly")

		// Whoever has the key is an owner, passphrase or not.
		carl := h.connect(way, "")
		if you := carl.must("join", object{"room": room, "name": "Carl", "key": made.OwnerKey}).You; you.Role != "owner" {
			t.Errorf("with the owner key: %+v", you)
		}
	})
}

// A connection hears so many rooms and no more; to leave one makes place.
func TestFull(t *testing.T) {
	h := open(t, plan{})
	ada := h.connect(client.WebSocket, "")
	most := ada.welcome.Limits.RoomsPerSocket
	rooms := make([]string, most+1)
	for i := range rooms {
		rooms[i] = ada.must("create", object{}).Room
	}
	for _, room := range rooms[:most] {
		ada.must("join", object{"room": room, "name": "Ada"})
	}
	last := object{"room": rooms[most], "name": "Ada"}
	if e := ada.refused(chat.Full, "join", last); e.Limit != most {
		t.Errorf("full: %+v", e)
	}
	ada.must("join", object{"room": rooms[3], "name": "Ada"}) // joined already
	h.connect(client.WebSocket, ada.welcome.Token).must("join", last)
	ada.must("leave", object{"room": rooms[0]})
	ada.must("join", last)
}

// A faultyStore fails appends on demand, as a full disk does.
type faultyStore struct {
	chat.Store
	err atomic.Pointer[error]
}

func (s *faultyStore) fail(err error) { s.err.Store(&err) }

func (s *faultyStore) Append(d chat.Draft, done func(chat.Appended, error)) {
	if err := s.err.Load(); err != nil && *err != nil {
		done(chat.Appended{}, *err)
		return
	}
	s.Store.Append(d, done)
}

func (s *faultyStore) Page(ctx context.Context, q chat.PageQuery) (chat.Page, error) {
	if err := s.err.Load(); err != nil && *err != nil {
		return chat.Page{}, *err
	}
	return s.Store.Page(ctx, q)
}

func TestStorageUnavailable(t *testing.T) {
	var faulty *faultyStore
	h := open(t, plan{store: func(s chat.Store) chat.Store { faulty = &faultyStore{Store: s}; return faulty }})
	for _, way := range ways {
		ada := h.connect(way, "")
		room := ada.room("Ada")
		faulty.fail(&chat.Error{Code: chat.StorageUnavailable, Message: "nothing can be stored now", Retry: true, Err: fmt.Errorf("detail-of-the-disk")})
		r := ada.ask("send", object{"room": room, "text": "x", "id": "m1"})
		if r.OK || r.Error.Code != "storage_unavailable" || !r.Error.Retry || strings.Contains(string(r.raw), "detail") {
			t.Errorf("the disk is full: %s", r.raw)
		}
		faulty.fail(nil)
		if r := ada.must("send", object{"room": room, "text": "x", "id": "m1"}); r.Seq != 1 || r.Duplicate {
			t.Errorf("the same again: %s", r.raw)
		}
	}
}

// What went wrong in the server is the log's business: it is there once, and
// the client learns no more than that.
func TestInternal(t *testing.T) {
	var faulty *faultyStore
	h := open(t, plan{store: func(s chat.Store) chat.Store { faulty = &faultyStore{Store: s}; return faulty }})
	ada := h.connect(client.WebSocket, "")
	room := ada.room("Ada")
	for _, request := range []struct {
		event string
		body  object
	}{
		{"send", object{"room": room, "text": "x"}},
		{"history", object{"room": room}},
	} {
		detail := "detail-of-" + request.event
		faulty.fail(fmt.Errorf("%s", detail))
		r := ada.ask(request.event, request.body)
		if r.OK || r.Error.Code != "internal" || r.Error.Message == "" || strings.Contains(string(r.raw), "detail") {
			t.Errorf("%s: %s", request.event, r.raw)
		}
		ada.c.Emit(request.event, request.body) // without an ack it is logged all the same
		ada.refused(chat.Unsupported, "fly")    // served behind it
		if n := strings.Count(h.log.String(), detail); n != 2 {
			t.Errorf("%s: %d times in the log, want 2:\n%s", request.event, n, h.log.String())
		}
	}
	faulty.fail(nil)
	ada.must("send", object{"room": room, "text": "x"})
}

// While the server stops, new work is refused as worth another try, and
// nobody is told that anybody left ("Draining").
func TestShuttingDown(t *testing.T) {
	h := open(t, plan{})
	ada, bob := h.connect(client.WebSocket, ""), h.connect(client.Polling, "")
	room := ada.room("Ada")
	bob.must("join", object{"room": room, "name": "Bob"})
	ada.hear("presence", nil)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := h.service.Drain(ctx); err != nil {
		t.Fatal(err)
	}
	for event, body := range map[string]object{
		"create": {}, "join": {"room": room, "name": "Ada"}, "leave": {"room": room}, "send": {"room": room, "text": "x"}, "history": {"room": room},
		"search": {"room": room, "query": "x"}, "read": {"room": room, "seq": 0}, "typing": {"room": room}, "rename": {"room": room, "name": "Eve"}, "members": {"room": room},
	} {
		for _, p := range []*person{ada, bob} {
			if e := p.refused(chat.ShuttingDown, event, body); !e.Retry {
				t.Errorf("%s is not worth another try", event)
			}
		}
	}
	_ = bob.c.Close()
	h.stop()
	if told := ada.all("presence"); len(told) != 1 {
		t.Errorf("told: %s", told)
	}
}

func TestIgnoredFields(t *testing.T) {
	h := open(t, plan{})
	ada := h.connect(client.WebSocket, "")
	room := ada.room("Ada")
	r := ada.must("send", object{"room": room, "text": "x", "mood": "fine", "files": []int{1}})
	if got := strings.Join(r.Ignored, " "); got != "files mood" && got != "mood files" {
		t.Errorf("ignored: %s", r.raw)
	}
	r = ada.ask("send", object{"room": room, "text": "", "mood": "fine"})
	if r.OK || len(r.Ignored) != 1 || r.Ignored[0] != "mood" {
		t.Errorf("refused: %s", r.raw)
	}
	// Arguments beyond the first are nobody's.
	ada.must("send", object{"room": room, "text": "x"}, "more", 7)
}

func TestWithoutAnAcknowledgement(t *testing.T) {
	h := open(t, plan{})
	onBothWays(t, h, func(t *testing.T, h *house, way client.Transport) {
		ada := h.connect(way, "")
		room := ada.must("create", object{}).Room
		for _, e := range []struct {
			event string
			body  any
		}{
			{"fly", nil}, {"send", 7}, {"send", object{"room": room, "text": "too early"}},
			{"join", object{"room": room, "name": "Ada"}}, {"send", object{"room": room, "text": "unasked"}}, {"rename", object{"room": room, "name": "Ada L"}},
		} {
			if err := ada.c.Emit(e.event, e.body); err != nil {
				t.Fatal(err)
			}
		}
		ada.hear("entry", nil)
		if got := ada.all("message"); len(got) != 1 || !strings.Contains(string(got[0]), "unasked") {
			t.Errorf("heard %s", got)
		}
	})
}
