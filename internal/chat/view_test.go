package chat_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"snug/internal/chat"
)

// countedPages counts the pages that are read.
type countedPages struct {
	chat.Store
	n atomic.Int32
}

func (c *countedPages) Page(ctx context.Context, q chat.PageQuery) (chat.Page, error) {
	c.n.Add(1)
	return c.Store.Page(ctx, q)
}

// Joins that wait together are answered from one read.
func TestJoinsShareTheirPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &countedPages{}
		h := open(t, setup{store: func(s chat.Store) chat.Store { c.Store = s; return c }})
		ada, bob, room := pair(h)
		block := make(chan struct{})
		h.hub.mu.Lock()
		h.hub.block = block
		h.hub.mu.Unlock()
		bob.say(room, "x")
		synctest.Wait()
		c.n.Store(0)
		var wg sync.WaitGroup
		for i := range 50 {
			p := h.newcomer(fmt.Sprintf("Person %d", i+2))
			wg.Go(func() {
				if j := p.join(room); j.Page.Head != 1 || len(j.Page.Entries) != 1 || j.Unread != 1 {
					t.Errorf("joined with %+v", j.Page)
				}
			})
		}
		synctest.Wait()
		close(block)
		wg.Wait()
		if n := c.n.Load(); n != 1 {
			t.Errorf("50 joins that waited together read %d pages", n)
		}
		// A later one reads for itself.
		ada.join(room)
		if n := c.n.Load(); n != 2 {
			t.Errorf("a later join made it %d pages", n)
		}
	})
}

// hooked calls a func once, after the next page of the talk has been read.
type hooked struct {
	chat.Store
	then atomic.Pointer[func()]
}

func (k *hooked) Page(ctx context.Context, q chat.PageQuery) (chat.Page, error) {
	page, err := k.Store.Page(ctx, q)
	if q.After == nil {
		if f := k.then.Swap(nil); f != nil {
			(*f)()
		}
	}
	return page, err
}

// A page is not shared once the room has gone on: what is missing on it was
// published before the joiner heard.
func TestASharedPageIsNotStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &hooked{}
		h := open(t, setup{store: func(s chat.Store) chat.Store { k.Store = s; return k }})
		ada, bob, room := pair(h)
		epoch := ada.rejoin(room, nil).Info.Epoch
		block := make(chan struct{})
		h.hub.mu.Lock()
		h.hub.block = block
		h.hub.mu.Unlock()
		bob.say(room, "one")
		synctest.Wait() // the lane stands in Publish, and what follows waits for it together
		commit := func() { ada.say(room, "two") }
		k.then.Store(&commit)
		var wg sync.WaitGroup
		for i, after := range []*chat.Cursor{nil, {Epoch: epoch}, nil} {
			p := h.newcomer(fmt.Sprintf("Person %d", i+2))
			wg.Go(func() {
				want := chat.Seq(2)
				if i == 0 {
					want = 1 // its page was read before the commit
				}
				if j := p.rejoin(room, after); j.Page.Head != want {
					t.Errorf("%s: head %d, want %d", p.name, j.Page.Head, want)
				}
			})
			synctest.Wait()
		}
		close(block)
		wg.Wait()
		bob.say(room, "three")
		forget(ada)
		bob.hears("1 Bob: one", "Person 2 joined", "count 3", "2 Ada: two", "Person 3 joined", "count 4",
			"Person 4 joined", "count 5", "3 Bob: three")
	})
}

// Nothing of a room goes to a connection before its join's answer or after its leave's.
func TestAnswersComeBetween(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada, bob, room := pair(h)
		cat := h.newcomer("Cat")
		attached := func() bool {
			h.hub.mu.Lock()
			defer h.hub.mu.Unlock()
			return h.hub.rooms[room][cat.ear]
		}
		h.svc.Join(t.Context(), cat.conn, chat.JoinRequest{Room: room, Name: "Cat"}, func(chat.Joined, error) {
			if attached() {
				t.Error("attached before the answer")
			}
			ada.say(room, "meanwhile")
		})
		if !attached() {
			t.Error("not attached after the answer")
		}
		cat.hears("1 Ada: meanwhile")
		h.svc.Leave(t.Context(), cat.conn, room, false, func(error) {
			if attached() {
				t.Error("attached at the answer of a leave")
			}
		})
		bob.say(room, "later")
		cat.hears()
	})
}

func FuzzCursor(f *testing.F) {
	f.Add(true, uint32(0), 0)
	f.Add(true, uint32(19), 5)
	f.Add(true, uint32(20), 0)
	f.Add(true, uint32(21), 300)
	f.Add(false, uint32(5), 1)
	f.Add(true, ^uint32(0), -1)
	const head = 20
	ada, room, epoch := talk(f, head)
	f.Fuzz(func(t *testing.T, own bool, seq uint32, limit int) {
		after := chat.Cursor{Epoch: epoch, Seq: chat.Seq(seq)}
		if !own {
			after.Epoch = "another"
		}
		got, err := ada.svc.History(context.Background(), ada.conn, chat.HistoryRequest{Room: room, After: &after, Limit: limit})
		if limit < 0 {
			wantCode(t, err, chat.BadRequest, "limit")
			return
		}
		if err != nil || got.Reset != (!own || seq > head) || got.Page.Head != head || got.Epoch != epoch {
			t.Fatalf("after %+v: reset %v, %v", after, got.Reset, err)
		}
		next := after.Seq
		for _, e := range got.Page.Entries {
			if next++; !got.Reset && e.Seq != next {
				t.Fatalf("after %+v: %v", after, seqs(got.Page.Entries))
			}
		}
		if !got.Reset && got.Page.More != (next < head) {
			t.Fatalf("after %+v: up to %d, more %v", after, next, got.Page.More)
		}
	})
}

// talk is a room with n messages.
func talk(t testing.TB, n int) (ada *person, room, epoch string) {
	h := open(t, setup{})
	ada = h.newcomer("Ada")
	made := ada.create(chat.CreateRequest{})
	ada.join(made.Info.Code)
	for range n {
		ada.say(made.Info.Code, "x")
	}
	return ada, made.Info.Code, made.Info.Epoch
}
