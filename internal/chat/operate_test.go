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

func TestOperatorListsAndLooks(t *testing.T) {
	stage(t, func(t *testing.T, s *cast) {
		began := time.Now()
		for i := range 3 {
			time.Sleep(time.Minute)
			s.bob.say(s.room, fmt.Sprint("line ", i))
		}
		other := s.cat.create(chat.CreateRequest{Code: "quiet-one", Title: "Quiet"}).Info.Code
		var all []chat.RoomSummary
		for after := chat.RoomID(0); ; after = all[len(all)-1].ID {
			page, err := s.svc.Rooms(t.Context(), after, 1)
			if err != nil {
				t.Fatal(err)
			}
			if len(page) == 0 {
				break
			}
			all = append(all, page...)
		}
		if len(all) != 2 || all[0].Code != s.room || all[1].Code != other {
			t.Fatalf("rooms: %+v", all)
		}
		if r := all[0]; r.Count != 4 || r.Entries() != 4 || !r.LastAt.Equal(began.Add(3*time.Minute)) {
			t.Errorf("a room with people: %+v with %d entries", r, r.Entries())
		}
		if r := all[1]; r.Count != 0 || r.Entries() != 0 || !r.LastAt.Equal(r.CreatedAt) || r.Title != "Quiet" {
			t.Errorf("a new room: %+v with %d entries", r, r.Entries())
		}

		view, err := s.svc.Look(t.Context(), s.room, 2)
		if err != nil {
			t.Fatal(err)
		}
		here := names(view.Members)
		slices.Sort(here)
		if fmt.Sprint(here) != "[Ada Bob Cat Mod Squad]" || fmt.Sprint(texts(view.Page.Entries)) != "[line 1 line 2]" || view.Count != 4 {
			t.Errorf("the room shows %v, %v, %d", here, texts(view.Page.Entries), view.Count)
		}
		_, err = s.svc.Look(t.Context(), "NOSUCHXX", 2)
		wantCode(t, err, chat.NotFound, "room")
		s.bob.hears("2 Bob: line 0", "3 Bob: line 1", "4 Bob: line 2") // and nothing of being looked at
		if halls, _ := s.svc.Halls(); halls != 1 {
			t.Errorf("%d rooms in memory", halls)
		}
	})
}

func TestOperatorRazes(t *testing.T) {
	stage(t, func(t *testing.T, s *cast) {
		s.must(s.svc.Raze(t.Context(), s.room))
		for _, p := range []*person{s.ada, s.mod, s.bob, s.cat} {
			p.hears("removed destroyed")
		}
		wantCode(t, s.svc.Raze(t.Context(), s.room), chat.NotFound, "room")
		if s.exists(s.room) {
			t.Error("the room is still there")
		}
	})
}

// A hush silences everybody in every room, whatever their role, and takes away nothing else.
func TestHush(t *testing.T) {
	stage(t, func(t *testing.T, s *cast) {
		seq := s.bob.say(s.room, "before")
		own := s.bob.at(24 * time.Hour)
		s.must(s.mod.sanction(chat.Mute, s.room, s.cat, 24*3600, ""))
		forget(s.ada, s.mod, s.bob, s.cat)
		s.svc.SetHush(&chat.Hush{Until: s.svc.Now().Add(time.Hour), Note: "a flood"})
		until := s.bob.at(time.Hour)
		for _, p := range []*person{s.ada, s.mod, s.bob} {
			p.hears("muted until " + until)
		}
		s.cat.hears("muted until " + own) // its own lasts longer
		if q := s.svc.Hushed(); q == nil || q.Note != "a flood" {
			t.Errorf("in force: %+v", q)
		}

		time.Sleep(20 * time.Minute)
		for name, try := range map[string]func() error{
			"send":   func() error { _, err := s.ada.trySend(chat.SendRequest{Room: s.room, Text: "x"}); return err },
			"edit":   func() error { _, err := s.bob.edit(chat.EditRequest{Room: s.room, Seq: seq, Text: "x"}); return err },
			"react":  func() error { _, err := s.mod.react(s.room, seq, "👍", true); return err },
			"typing": func() error { return s.svc.Typing(t.Context(), s.bob.conn, s.room) },
			"rename": func() error { _, err := s.bob.rename(s.room, "Buy now"); return err },
			"create": func() error {
				_, err := s.svc.Create(context.Background(), s.bob.conn, chat.CreateRequest{})
				return err
			},
		} {
			err := try()
			refusedFor(t, err, chat.Muted, 40*time.Minute)
			if e, ok := err.(*chat.Error); !ok || e.Scope != chat.ScopeServer {
				t.Errorf("%s: %+v", name, err)
			}
		}
		// To read, to come, to delete and to moderate stays possible.
		tab := s.bob.again()
		if j := tab.join(s.room); j.MutedUntil.Format(time.DateTime) != until {
			t.Errorf("joined, muted until %v, want %s", j.MutedUntil, until)
		}
		if h := s.bob.history(chat.HistoryRequest{Room: s.room}); len(h.Page.Entries) == 0 {
			t.Error("nothing can be read")
		}
		_, err := s.mod.del(chat.DeleteRequest{Room: s.room, Seq: seq})
		s.must(err)
		s.must(s.mod.sanction(chat.Kick, s.room, s.cat, 1, ""))
		locked := true
		_, err = s.svc.Set(t.Context(), s.ada.conn, chat.SetRequest{Room: s.room, Locked: &locked})
		s.must(err)
		forget(s.ada, s.mod, s.bob, tab)

		// A mute of one's own that is lifted meanwhile does not let one speak.
		s.must(s.mod.sanction(chat.Mute, s.room, s.bob, 60, ""))
		s.must(s.mod.sanction(chat.Mute, s.room, s.bob, 0, ""))
		for _, line := range s.bob.heard() {
			if len(line) > 5 && line[:5] == "muted" && line != "muted until "+until {
				t.Errorf("Bob hears %q, want until %s", line, until)
			}
		}

		forget(s.ada, s.mod, s.bob, tab)
		s.svc.SetHush(nil)
		s.ada.hears("muted until " + s.ada.at(0))
		s.ada.say(s.room, "after")

		// One that ends by itself ends without a word.
		s.svc.SetHush(&chat.Hush{Until: s.svc.Now().Add(time.Minute)})
		forget(s.ada, s.mod, s.bob, tab)
		time.Sleep(time.Minute)
		s.ada.hears()
		s.ada.say(s.room, "at last")
		if q := s.svc.Hushed(); q != nil {
			t.Errorf("still in force: %+v", q)
		}

		s.svc.SetHush(&chat.Hush{Until: chat.Forever})
		_, err = s.ada.trySend(chat.SendRequest{Room: s.room, Text: "x"})
		refusedFor(t, err, chat.Muted, 0)
	})
}

// A contested is a store in which the first deletion of a room, and the first look at
// a membership, last until somebody says how they end.
type contested struct {
	chat.Store
	looked, look chan struct{}
	deleting     chan struct{}
	verdict      chan error
	looks        atomic.Int32
	deletes      atomic.Int32
}

func (c *contested) Membership(ctx context.Context, room chat.RoomID, id chat.Identity) (chat.Membership, bool, error) {
	if c.looks.Add(1) == 1 {
		close(c.looked)
		<-c.look
	}
	return c.Store.Membership(ctx, room, id)
}

func (c *contested) DeleteRoom(ctx context.Context, id chat.RoomID) error {
	if c.deletes.Add(1) == 1 {
		close(c.deleting)
		if err := <-c.verdict; err != nil {
			return err
		}
	}
	return c.Store.DeleteRoom(ctx, id)
}

// The owner and the operator delete a room at once: one of them does, the other is
// told that there is none, and what becomes of the room is the one's success or failure alone.
func TestOwnerAndOperatorRazeAtOnce(t *testing.T) {
	for name, broken := range map[string]error{"it succeeds": nil, "it fails": errors.New("the disk is on fire")} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				// After a restart the owner is remembered, and not in memory: the store is asked
				// for her between finding the room and deleting it.
				before := open(t, setup{})
				ada, bob := before.newcomer("Ada"), before.newcomer("Bob")
				room := ada.create(chat.CreateRequest{Code: "tea-house"}).Info.Code
				ada.join(room)
				bob.join(room)
				before.stop()
				store := &contested{looked: make(chan struct{}), look: make(chan struct{}), deleting: make(chan struct{}), verdict: make(chan error)}
				h := open(t, setup{path: before.path, store: func(s chat.Store) chat.Store { store.Store = s; return store }})
				ada, bob = ada.in(h), bob.in(h)
				destroyed, razed := make(chan error, 1), make(chan error, 1)
				go func() { destroyed <- h.svc.Destroy(context.Background(), ada.conn, room) }()
				<-store.looked
				bob.join(room)
				forget(bob)
				go func() { razed <- h.svc.Raze(context.Background(), room) }()
				<-store.deleting
				close(store.look)
				// While the operator's deletion goes on.
				wantCode(t, <-destroyed, chat.NotFound, "room")
				wantCode(t, h.svc.Raze(context.Background(), room), chat.NotFound, "room")
				bob.hears()
				store.verdict <- broken
				err := <-razed
				if n := store.deletes.Load(); n != 1 {
					t.Errorf("the room was deleted %d times", n)
				}
				if broken == nil {
					if err != nil || h.exists(room) {
						t.Errorf("the operator is told %v; the room is there: %t", err, h.exists(room))
					}
					bob.hears("removed destroyed")
				} else {
					wantCode(t, err, chat.Internal, "")
					bob.hears()
					bob.say(room, "on")
					forget(bob)
					if err := h.svc.Destroy(context.Background(), ada.conn, room); err != nil {
						t.Errorf("the owner again: %v", err)
					}
					bob.hears("removed destroyed")
				}
				if halls, seats := h.svc.Halls(); halls+seats != 0 {
					t.Errorf("%d rooms and %d seats in memory", halls, seats)
				}
			})
		})
	}
}
