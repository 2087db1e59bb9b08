package chat_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"snug/internal/chat"
)

// A lane that cannot keep up drops entries, and reads them from the store when
// it can: nobody's send waits for it, and nobody misses one.
func TestAnOverflowingLaneRereadsTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, setup{tune: func(s *chat.Service) { s.SetLaneBytes(20_000) }})
		ada, bob, room := pair(h)
		block := make(chan struct{})
		h.hub.mu.Lock()
		h.hub.block = block
		h.hub.mu.Unlock()
		const n = 200
		for i := range n {
			bob.say(room, fmt.Sprint(i, " ", strings.Repeat("x", 500))) // is answered while the lane stands
		}
		close(block)
		var want []string
		for i := range n {
			want = append(want, fmt.Sprintf("%d Bob: %.40s", i+1, fmt.Sprint(i, " ", strings.Repeat("x", 500))))
		}
		ada.hears(want...)
		bob.say(room, "on")
		ada.hears(fmt.Sprintf("%d Bob: on", n+1))
	})
}

func TestAGapThatCannotBeReadIsToldAsAResync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &failing{}
		h := open(t, setup{
			store: func(s chat.Store) chat.Store { f.Store = s; return f },
			tune:  func(s *chat.Service) { s.SetLaneBytes(0) },
		})
		ada, bob, room := pair(h)
		f.pages.Store(1)
		bob.say(room, "lost")
		ada.hears("resync 1")
		bob.say(room, "found")
		ada.hears("2 Bob: found")
		// A join whose page cannot be read is refused, and harms nobody.
		f.pages.Store(1)
		cat := h.newcomer("Cat")
		_, err := cat.tryJoin(chat.JoinRequest{Room: room, Name: "Cat"})
		wantCode(t, err, chat.Internal, "")
		ada.hears()
		cat.join(room)
		ada.hears("Cat joined", "count 3")
	})
}

// A hole of more than is read for everyone is left for each to ask.
func TestALongGapIsToldAsAResync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, setup{tune: func(s *chat.Service) { s.SetLaneBytes(0) }})
		ada, bob, room := pair(h)
		block := make(chan struct{})
		h.hub.mu.Lock()
		h.hub.block = block
		h.hub.mu.Unlock()
		bob.say(room, "published at last")
		synctest.Wait()
		var wg sync.WaitGroup
		for range 4100 {
			wg.Add(1)
			h.svc.Send(context.Background(), bob.conn, chat.SendRequest{Room: room, Text: "x"}, func(chat.Appended, error) { wg.Done() })
		}
		wg.Wait()
		close(block)
		ada.hears("1 Bob: published at last", "resync 4101")
		bob.say(room, "on")
		ada.hears("4102 Bob: on")
	})
}

// Events of one room go out together however many commits they came from.
func TestACommitIsPublishedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, setup{})
		_, bob, room := pair(h)
		block := make(chan struct{})
		h.hub.mu.Lock()
		h.hub.block, h.hub.calls = block, 0
		h.hub.mu.Unlock()
		for range 50 {
			bob.say(room, "x")
		}
		close(block)
		synctest.Wait()
		h.hub.mu.Lock()
		defer h.hub.mu.Unlock()
		if h.hub.calls != 2 {
			t.Errorf("50 commits behind one that was stuck were published in %d calls", h.hub.calls)
		}
	})
}

func TestDrain(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada, bob, room := pair(h)
		var answered atomic.Int32
		for range 100 {
			h.svc.Send(t.Context(), bob.conn, chat.SendRequest{Room: room, Text: "x"}, func(_ chat.Appended, err error) {
				if err == nil {
					answered.Add(1)
				}
			})
		}
		if err := h.svc.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := answered.Load(); n != 100 {
			t.Errorf("%d of 100 were answered", n)
		}
		if n := len(ada.heard()); n != 100 {
			t.Errorf("%d of 100 were published", n)
		}
		refused := func(what string, err error) {
			t.Helper()
			if e := wantCode(t, err, chat.ShuttingDown, ""); !e.Retry {
				t.Errorf("%s: %v is not to be retried", what, err)
			}
		}
		_, err := bob.trySend(chat.SendRequest{Room: room, Text: "x"})
		refused("send", err)
		_, err = bob.tryJoin(chat.JoinRequest{Room: room, Name: "Bob"})
		refused("join", err)
		refused("leave", bob.leave(room, false))
		_, err = h.svc.Create(t.Context(), bob.conn, chat.CreateRequest{})
		refused("create", err)
		_, err = h.svc.History(t.Context(), bob.conn, chat.HistoryRequest{Room: room})
		refused("history", err)
		_, err = h.svc.Members(t.Context(), bob.conn, chat.MembersRequest{Room: room})
		refused("members", err)
		_, err = bob.rename(room, "Robert")
		refused("rename", err)
		refused("read", h.svc.Read(t.Context(), bob.conn, room, 1, ""))
		refused("typing", h.svc.Typing(t.Context(), bob.conn, room))
		if err := h.svc.Drain(t.Context()); err != nil {
			t.Errorf("a second drain: %v", err)
		}
	})
}

func TestDrainGivesUp(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		_, bob, room := pair(h)
		block := make(chan struct{})
		h.hub.mu.Lock()
		h.hub.block = block
		h.hub.mu.Unlock()
		bob.say(room, "x")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := h.svc.Drain(ctx); err == nil {
			t.Error("drained with a lane that stands")
		}
		close(block)
		if err := h.svc.Drain(t.Context()); err != nil {
			t.Errorf("a second drain: %v", err)
		}
	})
}

// After Run has ended every request is answered all the same.
func TestRequestsAfterTheEnd(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		_, bob, room := pair(h)
		h.stop()
		if _, err := bob.tryJoin(chat.JoinRequest{Room: room, Name: "Bob"}); err == nil {
			t.Error("joined")
		}
		if _, err := bob.trySend(chat.SendRequest{Room: room, Text: "x"}); err == nil {
			t.Error("sent")
		}
		if err := bob.leave(room, false); err == nil {
			t.Error("left")
		}
		bob.hangUp(chat.Closed)
	})
}

// Nothing is kept in memory of rooms that nobody is in.
func TestRoomsAreForgotten(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada := h.newcomer("Ada")
		bot := ada.again()
		for range 20 {
			room := ada.room()
			ada.join(room)
			bot.say(room, "x")
			if _, err := bot.rename(room, "Ada L"); err != nil {
				t.Fatal(err)
			}
			ada.leave(room, false)
			bot.trySend(chat.SendRequest{Room: room, Text: "x"})
		}
		room := ada.room()
		ada.join(room)
		synctest.Wait()
		if halls, seats := h.svc.Halls(); halls != 1 || seats != 1 {
			t.Errorf("%d rooms and %d seats in memory", halls, seats)
		}
		ada.hangUp(chat.Vanished)
		sleep(16 * time.Second)
		if halls, seats := h.svc.Halls(); halls+seats != 0 {
			t.Errorf("%d rooms and %d seats in memory", halls, seats)
		}
		if s := h.svc.Stats(); s != (chat.Stats{Sessions: 1}) {
			t.Errorf("stats %+v", s)
		}
	})
}

// Everything at once, for the race detector; the books must balance afterwards.
func TestEverythingAtOnce(t *testing.T) {
	h := open(t, setup{})
	owner := h.newcomer("Owner of it")
	rooms := []string{owner.room(), owner.room(), owner.room()}
	var wg sync.WaitGroup
	for i := range 16 {
		p := h.newcomer(fmt.Sprintf("Person %d", i+2))
		other := p.again()
		wg.Go(func() {
			for n := range 30 {
				room := rooms[(i+n)%len(rooms)]
				switch n % 6 {
				case 0, 1:
					p.tryJoin(chat.JoinRequest{Room: room, Name: p.name})
				case 2:
					p.trySend(chat.SendRequest{Room: room, Text: "x", ID: fmt.Sprint(n)})
					h.svc.Typing(context.Background(), p.conn, room)
				case 3:
					p.rename(room, fmt.Sprintf("Someone %d-%d", i+2, n))
					h.svc.Read(context.Background(), p.conn, room, 1, "")
				case 4:
					p.leave(room, n%4 == 0)
					h.svc.Members(context.Background(), p.conn, chat.MembersRequest{Room: room})
				case 5:
					h.svc.Close(p.conn, chat.Loss(n%3))
					p.connect()
				}
			}
		})
		wg.Go(func() {
			for n := range 10 {
				room := rooms[n%len(rooms)]
				other.tryJoin(chat.JoinRequest{Room: room, Name: p.name})
				other.leave(room, n%2 == 0)
			}
			h.svc.Close(other.conn, chat.SaidGoodbye)
		})
	}
	wg.Wait()
	if err := h.svc.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
}
