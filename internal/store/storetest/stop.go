package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"snug/internal/chat"
)

// What is queued when a store is stopped is stored and answered; what comes later is refused.
func testStop(t *testing.T, b Backend) {
	f := open(t, b)
	room := f.room("room")
	var queued []<-chan answer
	for i := range 3000 {
		queued = append(queued, f.queue(message(room.ID, 1, fmt.Sprint(i), "")))
	}
	f.stop()
	for i, c := range queued {
		if a := f.wait(c); a.err != nil || int(a.Seq) != i+1 {
			t.Fatalf("draft %d: %+v", i, a)
		}
	}
	var late []<-chan answer
	for range 3 {
		late = append(late, f.queue(message(room.ID, 1, "late", "")))
	}
	for _, c := range late {
		f.want(chat.ShuttingDown, f.wait(c).err)
	}
	_, _, err := f.CreateRoom(f.ctx(), sample("late"), "")
	f.want(chat.ShuttingDown, err)
	f.want(chat.ShuttingDown, f.SaveMembership(f.ctx(), membership(room.ID, 1), time.Time{}))
	f.Touch(room.ID, identity(1), f.clock.Now(), 1)
	f.reopen(b)
	if got := f.all(room.ID); len(got) != len(queued) {
		t.Errorf("%d entries, want %d", len(got), len(queued))
	}
	if a := f.add(message(room.ID, 1, "late", "")); a.err != nil || a.Duplicate || int(a.Seq) != len(queued)+1 {
		t.Errorf("a draft that was refused, again: %+v", a)
	}
}

// A context that is done ends every wait.
func testContexts(t *testing.T, b Backend) {
	f := open(t, b)
	room := f.room("room")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, call := range map[string]func() error{
		"CreateRoom":     func() error { _, _, err := f.CreateRoom(ctx, sample("x"), ""); return err },
		"CreatedRoom":    func() error { _, _, err := f.CreatedRoom(ctx, identity(1), "x"); return err },
		"Room":           func() error { _, err := f.Room(ctx, "room"); return err },
		"Rooms":          func() error { _, err := f.Rooms(ctx, 0, 1); return err },
		"RoomCount":      func() error { _, err := f.RoomCount(ctx); return err },
		"DeleteRoom":     func() error { return f.DeleteRoom(ctx, room.ID) },
		"SaveMembership": func() error { return f.SaveMembership(ctx, membership(room.ID, 1), time.Time{}) },
		"Admit": func() error {
			_, err := f.Admit(ctx, membership(room.ID, 1), time.Time{}, chat.Trace{}, time.Time{})
			return err
		},
		"Membership": func() error { _, _, err := f.Membership(ctx, room.ID, identity(1)); return err },
		"NameHeld":   func() error { _, err := f.NameHeld(ctx, room.ID, identity(1), "x", "", time.Time{}); return err },
		"Member":     func() error { _, _, err := f.Member(ctx, room.ID, "x"); return err },
		"Sanctioned": func() error {
			_, _, err := f.Sanctioned(ctx, chat.SanctionQuery{Room: room.ID, Only: chat.Ban})
			return err
		},
		"Barred":     func() error { _, err := f.Barred(ctx, room.ID, chat.Trace{}, f.clock.Now()); return err },
		"MessagesBy": func() error { _, err := f.MessagesBy(ctx, room.ID, "x", 0, 1); return err },
		"SaveMove":   func() error { return f.SaveMove(ctx, chat.Move{}) },
		"TakeMove":   func() error { _, _, err := f.TakeMove(ctx, [32]byte{}); return err },
		"Page":       func() error { _, err := f.Page(ctx, chat.PageQuery{Room: room.ID, Limit: 1}); return err },
		"Unread":     func() error { _, err := f.Unread(ctx, room.ID, 0, 1); return err },
		"Prune":      func() error { _, err := f.Prune(ctx, room.ID, f.clock.Now(), 1); return err },
		"LastAt":     func() error { _, err := f.LastAt(ctx, room.ID); return err },
	} {
		if err := call(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
