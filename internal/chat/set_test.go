package chat_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"snug/internal/chat"
)

// set changes a room.
func (p *person) set(r chat.SetRequest) (chat.Set, error) {
	return p.svc.Set(context.Background(), p.conn, r)
}

// mustSet changes a room, which must succeed.
func (p *person) mustSet(r chat.SetRequest) chat.Set {
	p.t.Helper()
	set, err := p.set(r)
	if err != nil {
		p.t.Fatalf("%s sets %+v: %v", p.name, r, err)
	}
	return set
}

func TestSet(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada, bob, max := h.newcomer("Ada"), h.newcomer("Bob"), h.newcomer("Max")
		room := ada.room()
		max.promote(room, chat.RoleModerator)
		ada.join(room)
		bob.join(room)
		max.join(room)
		forget(ada, bob, max)
		set := ada.mustSet(chat.SetRequest{Room: room, Title: new("Tea"), Keep: new(chat.Keep(7)), Slow: new(time.Duration(0))})
		if set.Duplicate || set.Info.Title != "Tea" || set.Info.Keep != 7 || set.Info.Head != 1 || set.Info.Count != 3 {
			t.Errorf("%+v", set)
		}
		if set = max.mustSet(chat.SetRequest{Room: room, Locked: new(true), Slow: new(10 * time.Second)}); !set.Info.Locked || set.Info.Slow != 10*time.Second || set.Info.Title != "Tea" {
			t.Errorf("%+v", set)
		}
		if set = ada.mustSet(chat.SetRequest{Room: room, Locked: new(true), Title: new("Tea")}); !set.Duplicate || set.Info.Head != 2 {
			t.Errorf("what was so already: %+v", set)
		}
		// What is so already is not told again beside what changes.
		ada.mustSet(chat.SetRequest{Room: room, Locked: new(true), Title: new("")})
		for _, p := range []*person{ada, bob, max} {
			p.hears(`1 Ada sets title "Tea" keep 7d`, "2 Max sets locked true slow 10s", `3 Ada sets title ""`)
		}
		for _, r := range []chat.SetRequest{{Title: new("x")}, {Keep: new(chat.KeepForever)}, {Passphrase: new("x")}, {Locked: new(false), Title: new("x")}} {
			r.Room = room
			_, err := max.set(r)
			wantCode(t, err, chat.Forbidden, "")
			_, err = bob.set(r)
			wantCode(t, err, chat.Forbidden, "")
		}
		_, err := bob.set(chat.SetRequest{Room: room, Locked: new(false)})
		wantCode(t, err, chat.Forbidden, "")
		ada.hears()
		if got := bob.join(room).Info; got.Title != "" || !got.Locked || got.Keep != 7 || got.Slow != 10*time.Second {
			t.Errorf("a join shows %+v", got)
		}

		// It holds after a restart.
		h.stop()
		again := open(t, setup{path: h.path})
		if got := bob.in(again).join(room).Info; got.Title != "" || !got.Locked || got.Keep != 7 || got.Slow != 10*time.Second || got.Head != 3 {
			t.Errorf("after a restart a join shows %+v", got)
		}
		_, err = again.newcomer("Cy").tryJoin(chat.JoinRequest{Room: room, Name: "Cy"})
		wantCode(t, err, chat.Locked, "")
	})
}

// Many set at once: what is shown in the end is what the log says last.
func TestSetTogether(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada := h.newcomer("Ada")
		made := ada.create(chat.CreateRequest{})
		room := made.Info.Code
		ada.join(room)
		var setting sync.WaitGroup
		for i := range 20 {
			p := ada.again()
			setting.Go(func() { p.mustSet(chat.SetRequest{Room: room, Title: new(fmt.Sprint("title ", i))}) })
		}
		setting.Wait()
		page := ada.history(chat.HistoryRequest{Room: room}).Page
		if last := page.Entries[len(page.Entries)-1]; page.Head != 20 || *last.Info.Title != ada.join(room).Info.Title {
			t.Errorf("the log says %q of %d, a join %q", *last.Info.Title, page.Head, ada.join(room).Info.Title)
		}
	})
}

func TestChangedPassphrase(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada, bob, cy := h.newcomer("Ada"), h.newcomer("Bob"), h.newcomer("Cy")
		room := ada.room()
		ada.join(room)
		bob.join(room)
		ada.mustSet(chat.SetRequest{Room: room, Passphrase: new("sesame")})
		bob.say(room, "still here") // who is in stays in
		_, err := bob.again().tryJoin(chat.JoinRequest{Room: room, Name: "Bob"})
		wantCode(t, err, chat.WrongPassphrase, "passphrase")
		with := func(p *person, pass string) error {
			_, err := p.tryJoin(chat.JoinRequest{Room: room, Name: p.name, Passphrase: pass})
			return err
		}
		if err := errors.Join(with(bob, "sesame"), with(bob.again(), ""), with(cy, "sesame"), with(ada.again(), "")); err != nil {
			t.Error(err)
		}
		// Changed once more, then removed.
		ada.mustSet(chat.SetRequest{Room: room, Passphrase: new("open it")})
		wantCode(t, with(bob, "sesame"), chat.WrongPassphrase, "passphrase")
		if set := ada.mustSet(chat.SetRequest{Room: room, Passphrase: new("")}); set.Info.Passphrase {
			t.Errorf("%+v", set)
		}
		if err := errors.Join(with(bob, ""), with(h.newcomer("Di"), "")); err != nil {
			t.Error(err)
		}
	})
}

func TestSlowMode(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada, bob, cy := h.newcomer("Ada"), h.newcomer("Bob"), h.newcomer("Cy")
		room := ada.room()
		for _, p := range []*person{ada, bob, cy} {
			p.join(room)
		}
		bob.say(room, "before")
		ada.mustSet(chat.SetRequest{Room: room, Slow: new(30 * time.Second)})
		send := func(p *person, id string) error {
			_, err := p.trySend(chat.SendRequest{Room: room, Text: "x", ID: id})
			return err
		}
		if err := errors.Join(send(bob, "1"), send(cy, "1"), send(ada, "1"), send(ada, "2")); err != nil {
			t.Fatal(err)
		}
		sleep(10 * time.Second)
		err := send(bob.again(), "2") // on any connection
		if e := wantCode(t, err, chat.RateLimited, ""); !e.Retry || e.Scope != "room" || e.RetryAfter != 20*time.Second {
			t.Errorf("%+v", *e)
		}
		if err := send(bob, "1"); err != nil {
			t.Errorf("a retry: %v", err)
		}
		if _, err := bob.react(room, 1, "👍", true); err != nil {
			t.Errorf("a reaction: %v", err)
		}
		sleep(20 * time.Second)
		if err := send(bob, "1"); err != nil { // a retry again, which must not count as a message
			t.Errorf("a retry: %v", err)
		}
		if err := send(bob, "2"); err != nil {
			t.Errorf("in time: %v", err)
		}
		wantCode(t, send(bob, "3"), chat.RateLimited, "")
		ada.mustSet(chat.SetRequest{Room: room, Slow: new(time.Duration(0))})
		if err := errors.Join(send(bob, "3"), send(bob, "4")); err != nil {
			t.Errorf("when it is over: %v", err)
		}
	})
}

// Retention follows what was set last, also while nobody is in.
func TestSetKeep(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada, kept := emptyRoom(h)
		ended := ada.room()
		for _, room := range []string{kept, ended} {
			ada.join(room)
		}
		ada.mustSet(chat.SetRequest{Room: kept, Keep: new(chat.KeepForever)})
		ada.hangUp(chat.Closed)
		sleep(time.Minute)
		other := ada.again() // a member still, hearing nothing
		other.mustSet(chat.SetRequest{Room: ended, Keep: new(chat.KeepEmpty)})
		sleep(50 * time.Second)
		if !h.exists(ended) {
			t.Error("deleted before its grace was over")
		}
		sleep(time.Hour)
		if h.exists(ended) || !h.exists(kept) {
			t.Errorf("the one that was to end is there: %t, the other: %t", h.exists(ended), h.exists(kept))
		}
	})
}

func TestDestroy(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada, bob, cy := h.newcomer("Ada"), h.newcomer("Bob"), h.newcomer("Cy")
		room := ada.create(chat.CreateRequest{Code: "tea-house"}).Info.Code
		ada.join(room)
		tab := ada.again()
		tab.join(room)
		bob.join(room)
		bob.say(room, "bye")
		forget(ada, tab, bob)
		destroy := func(p *person) error { return p.svc.Destroy(context.Background(), p.conn, room) }
		wantCode(t, destroy(bob), chat.Forbidden, "")
		wantCode(t, destroy(cy), chat.NotMember, "room")
		if err := destroy(tab); err != nil {
			t.Fatal(err)
		}
		for _, p := range []*person{ada, tab, bob} {
			p.hears("removed destroyed")
		}
		wantCode(t, destroy(ada), chat.NotFound, "room")
		_, err := bob.trySend(chat.SendRequest{Room: room, Text: "x"})
		wantCode(t, err, chat.NotFound, "room")
		if h.exists(room) {
			t.Error("the room is still there")
		}
		if halls, seats := h.svc.Halls(); halls+seats != 0 {
			t.Errorf("%d rooms and %d seats in memory", halls, seats)
		}

		// Its code is held back for 30 days, whatever happens to the server.
		take := func(h *house) error {
			_, err := h.svc.Create(context.Background(), cy.in(h).conn, chat.CreateRequest{Code: "Tea-House"})
			return err
		}
		wantCode(t, take(h), chat.Conflict, "code")
		sleep(29 * day)
		h.stop()
		h = open(t, setup{path: h.path})
		wantCode(t, take(h), chat.Conflict, "code")
		sleep(day)
		if err := take(h); err != nil {
			t.Error(err)
		}
	})
}

// A room that could not be destroyed goes on.
func TestADestructionThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var broken *failing
		h := open(t, setup{store: func(s chat.Store) chat.Store { broken = &failing{Store: s}; return broken }})
		ada := h.newcomer("Ada")
		room := ada.room()
		ada.join(room)
		broken.deletes.Store(1)
		wantCode(t, ada.svc.Destroy(context.Background(), ada.conn, room), chat.Internal, "")
		forget(ada)
		ada.say(room, "on")
		ada.hears("1 Ada: on")
		if err := ada.svc.Destroy(context.Background(), ada.conn, room); err != nil {
			t.Error(err)
		}
		ada.hears("removed destroyed")
	})
}

// Sends, joins and a destruction meet: all are answered, and none is lost in between.
func TestDestroyUnderLoad(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada := h.newcomer("Ada")
		room := ada.room()
		ada.join(room)
		var busy sync.WaitGroup
		var stored atomic.Int32
		for i := range 8 {
			p := h.newcomer(fmt.Sprint("Guest ", i))
			busy.Go(func() {
				for range 50 {
					if _, err := p.tryJoin(chat.JoinRequest{Room: room, Name: p.name}); err != nil {
						wantCode(t, err, chat.NotFound, "room")
						return
					}
					_, err := p.trySend(chat.SendRequest{Room: room, Text: "x"})
					switch {
					case err == nil:
						stored.Add(1)
					case chat.CodeOf(err) != chat.NotFound && chat.CodeOf(err) != chat.NotMember:
						t.Errorf("a send: %v", err)
					}
				}
			})
		}
		for stored.Load() < 20 {
			time.Sleep(time.Millisecond)
		}
		if err := ada.svc.Destroy(context.Background(), ada.conn, room); err != nil {
			t.Error(err)
		}
		busy.Wait()
		synctest.Wait()
		if halls, seats := h.svc.Halls(); halls+seats != 0 || h.exists(room) {
			t.Errorf("%d rooms and %d seats in memory, stored: %t", halls, seats, h.exists(room))
		}
	})
}
