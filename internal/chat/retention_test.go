package chat_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"snug/internal/chat"
)

// exists reports whether the store has the room.
func (h *house) exists(room string) bool {
	h.t.Helper()
	_, err := h.store.Room(context.Background(), room)
	if err != nil && chat.CodeOf(err) != chat.NotFound {
		h.t.Fatal(err)
	}
	return err == nil
}

// emptyRoom is a room of Ada's that is deleted when it is empty.
func emptyRoom(h *house) (ada *person, room string) {
	ada = h.newcomer("Ada")
	keep := chat.KeepEmpty
	return ada, ada.create(chat.CreateRequest{Keep: &keep}).Info.Code
}

func TestAnEmptyRoomIsDeleted(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada, room := emptyRoom(h)
		bob := h.newcomer("Bob")
		ada.join(room)
		bob.join(room)
		sleep(time.Hour)
		ada.leave(room, false)
		sleep(time.Hour)
		if !h.exists(room) {
			t.Fatal("deleted with somebody in it")
		}
		bob.say(room, "bye")
		bob.hangUp(chat.Closed) // gone after a grace of 1.5 s
		sleep(60 * time.Second)
		if !h.exists(room) {
			t.Fatal("deleted before its grace was over")
		}
		sleep(2 * time.Second)
		if h.exists(room) {
			t.Error("not deleted after its grace")
		}
		_, err := ada.tryJoin(chat.JoinRequest{Room: room, Name: "Ada"})
		wantCode(t, err, chat.NotFound, "room")
		// The code is free again, and nothing of the former room shows.
		if halls, seats := h.svc.Halls(); halls+seats != 0 {
			t.Errorf("%d rooms and %d seats in memory", halls, seats)
		}
	})
}

func TestComingBackKeepsAnEmptyRoom(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada, room := emptyRoom(h)
		ada.join(room)
		ada.leave(room, false)
		sleep(59 * time.Second)
		ada.join(room)
		sleep(time.Hour)
		ada.leave(room, false)
		sleep(59 * time.Second)
		if !h.exists(room) {
			t.Error("deleted before the new grace was over")
		}
		sleep(2 * time.Second)
		if h.exists(room) {
			t.Error("not deleted after the new grace")
		}
	})
}

func TestAnEmptyRoomThatNobodyJoins(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		_, room := emptyRoom(h)
		kept := h.newcomer("x").room()
		sleep(10*time.Minute - time.Second)
		if !h.exists(room) {
			t.Error("deleted before its grace was over")
		}
		sleep(2 * time.Second)
		if h.exists(room) || !h.exists(kept) {
			t.Errorf("after its grace: %v; another: %v", h.exists(room), h.exists(kept))
		}
	})
}

func TestTheGraceStartsAnewWithTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, setup{})
		ada, room := emptyRoom(h)
		_, other := emptyRoom(h)
		ada.join(room)
		ada.leave(room, false)
		sleep(59 * time.Second)
		h.stop()
		time.Sleep(time.Hour) // the grace runs only while the server runs

		h = open(t, setup{path: h.path})
		sleep(9 * time.Minute)
		bob := h.newcomer("Bob")
		bob.join(other)
		sleep(59 * time.Second)
		if !h.exists(room) {
			t.Error("deleted before the grace of a start was over")
		}
		sleep(2 * time.Second)
		if h.exists(room) || !h.exists(other) {
			t.Errorf("after the grace: %v; one that was joined: %v", h.exists(room), h.exists(other))
		}
	})
}

// failing is a store whose writes of one kind fail for a while.
type failing struct {
	chat.Store
	deletes, pages atomic.Int32 // how many are still to fail
}

func (f *failing) DeleteRoom(ctx context.Context, id chat.RoomID) error {
	if f.deletes.Add(-1) >= 0 {
		return errors.New("the disk is full")
	}
	return f.Store.DeleteRoom(ctx, id)
}

func (f *failing) Page(ctx context.Context, q chat.PageQuery) (chat.Page, error) {
	if f.pages.Add(-1) >= 0 {
		return chat.Page{}, errors.New("the disk is broken")
	}
	return f.Store.Page(ctx, q)
}

func TestADeletionThatFailsIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &failing{}
		h := open(t, setup{store: func(s chat.Store) chat.Store { f.Store = s; return f }})
		ada, room := emptyRoom(h)
		ada.join(room)
		f.deletes.Store(2)
		ada.leave(room, false)
		sleep(61 * time.Second)
		if !h.exists(room) {
			t.Fatal("the store did not fail")
		}
		ada.join(room) // it is open again meanwhile
		ada.leave(room, false)
		sleep(61 * time.Second)
		if !h.exists(room) {
			t.Fatal("the store did not fail twice")
		}
		sleep(2 * time.Minute)
		if h.exists(room) {
			t.Error("not tried again")
		}
	})
}

func TestOldEntriesAreDeleted(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada := h.newcomer("Ada")
		keep := chat.Keep(2)
		made := ada.create(chat.CreateRequest{Keep: &keep}).Info
		room := made.Code
		ada.join(room)
		for i := range 1200 { // more than a step
			ada.say(room, fmt.Sprint(i))
		}
		sleep(day)
		ada.say(room, "younger")
		sleep(day + 65*time.Minute)
		j := ada.join(room)
		if got := texts(j.Page.Entries); !slices.Equal(got, []string{"younger"}) || j.Page.First != 1201 || j.Page.Head != 1201 {
			t.Errorf("kept %q, first %d, head %d", got, j.Page.First, j.Page.Head)
		}
		// A cursor older than what is kept gets a reset, the newest old one does not.
		for _, tt := range []struct {
			seq   chat.Seq
			reset bool
		}{{1, true}, {1199, true}, {1200, false}, {1201, false}} {
			if j := ada.rejoin(room, &chat.Cursor{Epoch: made.Epoch, Seq: tt.seq}); j.Reset != tt.reset {
				t.Errorf("after %d: reset %v", tt.seq, j.Reset)
			}
		}
		// Present members keep the room, and its numbering, when all entries are gone.
		sleep(10 * day)
		if seq := ada.say(room, "again"); seq != 1202 {
			t.Errorf("numbered %d", seq)
		}
	})
}

func TestARoomWithoutEntriesAndMembersIsDeleted(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada := h.newcomer("Ada")
		keep := chat.Keep(2)
		never := ada.create(chat.CreateRequest{Keep: &keep}).Info.Code
		used := ada.create(chat.CreateRequest{Keep: &keep}).Info.Code
		heard := ada.create(chat.CreateRequest{Keep: &keep}).Info.Code
		long := ada.create(chat.CreateRequest{}).Info.Code
		sleep(day)
		ada.join(used)
		ada.say(used, "x")
		ada.leave(used, false)
		ada.join(heard)
		sleep(day - time.Minute)
		if !h.exists(never) {
			t.Error("deleted too early")
		}
		sleep(65 * time.Minute)
		if h.exists(never) || !h.exists(used) {
			t.Errorf("after 2 days: never used %v, used %v", h.exists(never), h.exists(used))
		}
		sleep(day)
		if h.exists(used) || !h.exists(heard) || !h.exists(long) {
			t.Errorf("after 3 days: used %v, heard %v, kept %v", h.exists(used), h.exists(heard), h.exists(long))
		}
		ada.leave(heard, false)
		sleep(day)
		if !h.exists(heard) {
			t.Error("deleted a day after its last member left")
		}
		sleep(day + 65*time.Minute)
		if h.exists(heard) {
			t.Error("not deleted 2 days after its last member left")
		}
	})
}

func TestARoomThatIsGoneElsewhere(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada, bob, room := pair(h)
		r, err := h.store.Room(t.Context(), room)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.store.DeleteRoom(t.Context(), r.ID); err != nil {
			t.Fatal(err)
		}
		_, err = bob.trySend(chat.SendRequest{Room: room, Text: "x"})
		wantCode(t, err, chat.NotFound, "room")
		ada.hears("removed retention")
		bob.hears("removed retention")
		_, err = ada.tryJoin(chat.JoinRequest{Room: room, Name: "Ada"})
		wantCode(t, err, chat.NotFound, "room")
		if s := h.svc.Stats(); s.Rooms != 0 || s.Members != 0 {
			t.Errorf("stats %+v", s)
		}
	})
}

// A slowStore lists its rooms no sooner than it is told to.
type slowStore struct {
	chat.Store
	list chan struct{}
}

func (s *slowStore) Rooms(ctx context.Context, after chat.RoomID, limit int) ([]chat.Room, error) {
	<-s.list
	return s.Store.Rooms(ctx, after, limit)
}

// Who came and went while the server that started was still looking for its rooms leaves an empty room
// behind that ends as soon as any other.
func TestEmptiedDuringTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := make(chan struct{})
		h := open(t, setup{store: func(s chat.Store) chat.Store { return &slowStore{s, list} }})
		ada, room := emptyRoom(h)
		ada.join(room)
		ada.leave(room, true)
		close(list)
		sleep(59 * time.Second)
		if !h.exists(room) {
			t.Error("deleted before its grace was over")
		}
		sleep(2 * time.Second)
		if h.exists(room) {
			t.Error("not deleted after its grace")
		}
		h.stop()
	})
}
