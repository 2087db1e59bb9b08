package chat_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"snug/internal/chat"
)

func sleep(d time.Duration) {
	synctest.Wait()
	time.Sleep(d)
	synctest.Wait()
}

// pair is a room with Ada, who listens, and Bob.
func pair(h *house) (ada, bob *person, room string) {
	ada, bob = h.newcomer("Ada"), h.newcomer("Bob")
	room = ada.room()
	ada.join(room)
	bob.join(room)
	forget(ada, bob)
	return ada, bob, room
}

func TestLeaveIsToldAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada, bob, room := pair(h)
		if err := bob.leave(room, false); err != nil {
			t.Fatal(err)
		}
		ada.hears("left left", "count 1")
		ada.say(room, "alone")
		bob.hears() // nothing of the room after the answer
		_, err := bob.trySend(chat.SendRequest{Room: room, Text: "x"})
		wantCode(t, err, chat.NotMember, "room")
		wantCode(t, bob.leave(room, false), chat.NotMember, "room")
		bob.join(room)
		ada.hears("1 Ada: alone", "Bob joined", "count 2")
	})
}

func TestGoodbyeIsToldAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada, bob, _ := pair(h)
		bob.hangUp(chat.SaidGoodbye)
		ada.hears("left disconnected", "count 1")
	})
}

func TestAReloadMakesNoSound(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada, bob, room := pair(h)
		bob.hangUp(chat.Closed)
		sleep(1400 * time.Millisecond)
		bob.connect()
		bob.join(room)
		sleep(time.Minute)
		ada.hears()
		// The old grace does not count against the new connection.
		bob.hangUp(chat.Closed)
		sleep(1400 * time.Millisecond)
		ada.hears()
		sleep(200 * time.Millisecond)
		ada.hears("left disconnected", "count 1")
		// It is a member still: it may speak without hearing.
		bob.connect()
		bob.say(room, "from afar")
		ada.hears("1 Bob: from afar")
	})
}

func TestASilentDeath(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada, bob, room := pair(h)
		bob.hangUp(chat.Vanished)
		ada.hears("Bob is lost", "count 2")
		if j := ada.rejoin(room, nil); j.Members[1].State != chat.Lost {
			t.Errorf("a lost member is listed as %+v", j.Members[1])
		}
		sleep(14900 * time.Millisecond)
		ada.hears()
		sleep(200 * time.Millisecond)
		ada.hears("left disconnected", "count 1")
		bob.connect()
		bob.join(room)
		ada.hears("Bob joined", "count 2")
		bob.hangUp(chat.Vanished)
		ada.hears("Bob is lost", "count 2")
		sleep(14900 * time.Millisecond)
		bob.connect()
		bob.join(room)
		ada.hears("Bob is here", "count 2")
		sleep(time.Minute)
		ada.hears()
		bob.hears()
	})
}

func TestALossAfterALossBeginsANewGrace(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada, bob, room := pair(h)
		bob.hangUp(chat.Vanished)
		sleep(10 * time.Second)
		bob.connect()
		bob.join(room)
		bob.hangUp(chat.Vanished)
		forget(ada)
		sleep(14900 * time.Millisecond) // of which the first grace would have ended after 5 s
		ada.hears()
		sleep(200 * time.Millisecond)
		ada.hears("left disconnected", "count 1")
	})
}

func TestTwoTabsAreOneMember(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada, bob, room := pair(h)
		tab := bob.again()
		if j := tab.join(room); j.Count != 2 || len(j.Members) != 2 {
			t.Errorf("two tabs of one: count %d, %q", j.Count, names(j.Members))
		}
		ada.hears()
		tab.hangUp(chat.SaidGoodbye)
		sleep(time.Minute)
		ada.hears()
		tab.connect()
		tab.join(room)
		if err := tab.leave(room, false); err != nil {
			t.Fatal(err)
		}
		bob.say(room, "still here")
		ada.hears("1 Bob: still here")
		tab.hears()
		forget(bob)
		// With all it leaves everywhere.
		tab.join(room)
		if err := tab.leave(room, true); err != nil {
			t.Fatal(err)
		}
		bob.hears("removed left")
		tab.hears()
		ada.hears("left left", "count 1")
		_, err := bob.trySend(chat.SendRequest{Room: room, Text: "x"})
		wantCode(t, err, chat.NotMember, "room")
	})
}

func TestASecondRoomHearsNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		_, bob, room := pair(h)
		cat := h.newcomer("Cat")
		cat.join(cat.room())
		bob.say(room, "x")
		bob.leave(room, true)
		cat.hears()
	})
}

func TestLeavingDuringAGrace(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada, bob, room := pair(h)
		bob.hangUp(chat.Vanished)
		forget(ada)
		bob.connect()
		if err := bob.leave(room, false); err != nil { // hears nothing, but ends the membership
			t.Fatal(err)
		}
		ada.hears("left left", "count 1")
		sleep(time.Minute)
		ada.hears()
	})
}

func TestAfterAStartRememberedMembersComeBackQuietly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, setup{})
		ada, bob, room := pair(h)
		epoch := ada.rejoin(room, nil).Info.Epoch
		h.stop()

		h = open(t, setup{path: h.path})
		cursor := &chat.Cursor{Epoch: epoch}
		ada, bob = ada.in(h), bob.in(h)
		ada.rejoin(room, cursor)
		sleep(59 * time.Second)
		bob.rejoin(room, cursor)
		ada.hears("Bob is here", "count 2")
		h.newcomer("Cat").rejoin(room, cursor) // remembered by nobody
		ada.hears("Cat joined", "count 3")
		bob.leave(room, false)
		bob.join(room) // without a cursor
		forget(ada)
		bob.leave(room, false)
		sleep(2 * time.Second)
		forget(ada)
		bob.rejoin(room, cursor)
		ada.hears("Bob joined", "count 3")
	})
}

func TestNobodyLeavesWhenTheServerStops(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada, bob, room := pair(h)
		cat := h.newcomer("Cat")
		cat.join(room)
		forget(ada)
		if err := h.svc.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		bob.hangUp(chat.SaidGoodbye)
		cat.hangUp(chat.Closed)
		sleep(time.Minute)
		ada.hears()
	})
}

// crowd fills a room with n more members.
func crowd(h *house, room string, n int) (people []*person) {
	for i := range n {
		p := &person{house: h, name: fmt.Sprintf("Guest %d", i+100), id: chat.Identity{0: byte(i), 1: byte(i >> 8), 2: 7}}
		p.connect()
		p.join(room)
		people = append(people, p)
	}
	return people
}

func TestPresenceInALargeRoom(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada := h.newcomer("Ada")
		room := ada.room()
		ada.join(room)
		people := crowd(h, room, 199)
		if n := len(ada.heard()); n != 2*199 {
			t.Errorf("up to 200 members each comes at once: heard %d", n)
		}
		more := h.newcomer("More")
		more.join(room)
		more.again().join(room)
		sleep(10 * time.Second)
		forget(ada)

		bob, cat, dan := h.newcomer("Bob"), h.newcomer("Cat"), h.newcomer("Dan")
		bob.join(room) // the first after a quiet second is told at once
		ada.hears("Bob joined", "count 202")
		cat.join(room)
		dan.join(room)
		dan.leave(room, false)
		if err := people[0].leave(room, false); err != nil {
			t.Fatal(err)
		}
		people[1].hangUp(chat.SaidGoodbye)
		bob.rename(room, "Robert")
		people[1].connect()
		people[1].join(room)
		ada.hears("1 Robert was Bob")
		forget(bob)
		sleep(990 * time.Millisecond)
		ada.hears()
		sleep(20 * time.Millisecond)
		// Dan came and went; Guest 101 went and came.
		ada.hears("Cat joined", "Guest 101 is here", "Robert is here", "left left", "count 202")
		cat.hears("1 Robert was Bob", "Cat is here", "Guest 101 is here", "Robert is here", "left left", "count 202")
		bob.hears("Cat joined", "Guest 101 is here", "Robert is here", "left left", "count 202")
		dan.hears()

		// Down to 200, it is told at once again.
		people[2].leave(room, false)
		people[3].leave(room, false)
		ada.hears("left left", "left left", "count 200")
		sleep(time.Minute)
		ada.hears()
	})
}

// An ear that left before the window was told must not be attached again.
func TestOneThatLeftIsNotToldOfTheWindow(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada := h.newcomer("Ada")
		room := ada.room()
		ada.join(room)
		crowd(h, room, 201)
		sleep(5 * time.Second)
		bob, cat := h.newcomer("Bob"), h.newcomer("Cat")
		bob.join(room)
		cat.join(room)
		cat.hangUp(chat.SaidGoodbye)
		sleep(5 * time.Second)
		ada.say(room, "hello")
		cat.hears()
	})
}

func TestOnlyTheCountIsKeptInAHugeRoom(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada := h.newcomer("Ada")
		room := ada.room()
		ada.join(room)
		people := crowd(h, room, 1000)
		sleep(5 * time.Second)
		forget(ada)
		bob := h.newcomer("Bob")
		j := bob.join(room)
		if j.Count != 1002 || len(j.Members) != 200 || j.Members[0].Name != "Bob" || j.Members[1].Name != "Ada" {
			t.Errorf("count %d, %d members: %q", j.Count, len(j.Members), names(j.Members[:3]))
		}
		ada.hears("count 1002")
		people[0].leave(room, false)
		sleep(time.Second)
		ada.hears("count 1001")
	})
}

func TestMembersAreListedByImportance(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada := h.newcomer("Ada")
		room := ada.room()
		people := crowd(h, room, 250)
		sleep(2 * time.Second)
		ada.join(room)
		people[7].say(room, "I am active")
		sleep(2 * time.Second)
		bob := h.newcomer("Bob")
		j := bob.join(room)
		if got := names(j.Members)[:3]; !slices.Equal(got, []string{"Bob", "Ada", "Guest 107"}) || len(j.Members) != 200 || j.Count != 252 {
			t.Errorf("listed %q …, %d of %d", got, len(j.Members), j.Count)
		}
		seen := make(map[string]bool)
		for _, m := range j.Members {
			if seen[m.Name] {
				t.Errorf("%s is listed twice", m.Name)
			}
			seen[m.Name] = true
		}
	})
}

func TestMembersInPages(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada := h.newcomer("Ada")
		room := ada.room()
		ada.join(room)
		crowd(h, room, 249)
		var after chat.MemberID
		var sizes []int
		all := make(map[chat.MemberID]bool)
		for {
			page, err := h.svc.Members(t.Context(), ada.conn, chat.MembersRequest{Room: room, After: after})
			if err != nil || page.Count != 250 {
				t.Fatal(page.Count, err)
			}
			for _, m := range page.Members {
				if m.ID <= after {
					t.Errorf("%s after %s", m.ID, after)
				}
				after, all[m.ID] = m.ID, true
			}
			sizes = append(sizes, len(page.Members))
			if !page.More {
				break
			}
		}
		if len(all) != 250 || !slices.Equal(sizes, []int{100, 100, 50}) {
			t.Errorf("%d members in pages of %v", len(all), sizes)
		}
		if page, err := h.svc.Members(t.Context(), ada.conn, chat.MembersRequest{Room: room, Limit: 10000}); err != nil || len(page.Members) != 200 {
			t.Errorf("the longest page has %d, %v", len(page.Members), err)
		}
		_, err := h.svc.Members(t.Context(), ada.conn, chat.MembersRequest{Room: room, Limit: -1})
		wantCode(t, err, chat.BadRequest, "limit")
		_, err = h.svc.Members(t.Context(), h.newcomer("x").conn, chat.MembersRequest{Room: room})
		wantCode(t, err, chat.NotMember, "room")
	})
}

func TestTyping(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada, bob, room := pair(h)
		tab := bob.again()
		tab.join(room)
		typing := func(p *person) {
			t.Helper()
			if err := h.svc.Typing(t.Context(), p.conn, room); err != nil {
				t.Fatal(err)
			}
		}
		typing(bob)
		typing(bob)
		typing(tab)
		ada.hears("Bob writes")
		sleep(1900 * time.Millisecond)
		typing(bob)
		ada.hears()
		sleep(200 * time.Millisecond)
		typing(tab)
		ada.hears("Bob writes")
		bob.hears() // never to one's own connections
		tab.hears()

		out := h.newcomer("Out")
		wantCode(t, h.svc.Typing(t.Context(), out.conn, room), chat.NotMember, "room")
		wantCode(t, h.svc.Typing(t.Context(), out.conn, "nowhere"), chat.NotFound, "room")

		crowd(h, room, 199)
		sleep(5 * time.Second)
		forget(ada)
		typing(bob)
		ada.hears()
	})
}
