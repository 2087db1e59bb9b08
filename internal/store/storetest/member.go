package storetest

import (
	"fmt"
	"testing"
	"time"

	"snug/internal/chat"
)

// membership is one with every field set.
func membership(room chat.RoomID, n byte) chat.Membership {
	return chat.Membership{
		Room: room, Identity: identity(n), Author: author(n), Skeleton: fmt.Sprint("skel-", n), Role: chat.RoleMember, Joined: true,
		PassRev: 3, Read: 17, Seen: time.Date(2024, 1, 2, 3, 4, 5, 678e6, time.UTC),
		Alike: fmt.Sprint("alike-", n), Kicked: time.Date(2024, 3, 1, 0, 0, 0, 1e6, time.UTC), Banned: chat.Forever, Muted: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC),
	}
}

func testMemberships(t *testing.T, b Backend) {
	f := open(t, b)
	room, other := f.room("room"), f.room("other")
	m := membership(room.ID, 1)
	f.want(chat.NotFound, f.SaveMembership(f.ctx(), membership(other.ID+1, 1), time.Time{}))
	if _, ok, err := f.Membership(f.ctx(), room.ID, m.Identity); ok || err != nil {
		t.Errorf("found before it was saved (%t), or: %v", ok, err)
	}
	save := func(m chat.Membership) {
		t.Helper()
		if err := f.SaveMembership(f.ctx(), m, time.Time{}); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			got, ok, err := f.Membership(f.ctx(), m.Room, m.Identity)
			if err != nil || !ok || got != m {
				t.Errorf("saved %+v, found %+v, %t, %v", m, got, ok, err)
			}
			f.reopen(b)
		}
	}
	save(m)
	m.Joined, m.Role, m.PassRev, m.Read, m.Seen, m.Color, m.Name = false, chat.RoleModerator, 4, 3, m.Seen.Add(-time.Hour), 15, "Other"
	m.Alike, m.Kicked, m.Banned, m.Muted = "", time.Time{}, time.Time{}, chat.Forever
	save(m) // replaced, even where it falls
	m.Role, m.Skeleton, m.Seen, m.Read = chat.RoleOwner, "another", time.Time{}, 1<<32-1
	save(m)
	m.Room = other.ID
	save(m)
	if _, ok, _ := f.Membership(f.ctx(), other.ID, identity(2)); ok {
		t.Error("found for another identity")
	}
}

// Who holds a skeleton keeps it, unless it is a plain member not seen since free.
func testNames(t *testing.T, b Backend) {
	f := open(t, b)
	now := f.clock.Now()
	for i, c := range []struct {
		role   chat.Role
		joined bool
		seen   time.Time
		held   bool
	}{
		{chat.RoleMember, true, now, true},
		{chat.RoleMember, false, now.Add(time.Millisecond), true},
		{chat.RoleMember, false, now.Add(-time.Millisecond), false},
		{chat.RoleMember, true, now.Add(-time.Hour), false},
		{chat.RoleModerator, false, now.Add(-time.Hour), true},
		{chat.RoleOwner, false, now.Add(-time.Hour), true},
	} {
		room, other := f.room(fmt.Sprint("room-", i)), f.room(fmt.Sprint("other-", i))
		holder, taker := membership(room.ID, 1), membership(room.ID, 2)
		holder.Role, holder.Joined, holder.Seen, holder.Skeleton = c.role, c.joined, c.seen, "same"
		taker.Skeleton = "same"
		holder.Alike, taker.Alike = "", ""
		if err := f.SaveMembership(f.ctx(), holder, now); err != nil {
			t.Fatal(err)
		}
		for _, q := range []struct {
			room     chat.RoomID
			id       chat.Identity
			skeleton string
			want     bool
		}{
			{room.ID, taker.Identity, "same", c.held},
			{room.ID, holder.Identity, "same", false},
			{room.ID, taker.Identity, "SAME", false},
			{room.ID, taker.Identity, "", false},
			{other.ID, taker.Identity, "same", false},
		} {
			if got, err := f.NameHeld(f.ctx(), q.room, q.id, q.skeleton, "", now); err != nil || got != q.want {
				t.Errorf("case %d: NameHeld(%+v) = %t, %v", i, q, got, err)
			}
		}
		elsewhere := taker
		elsewhere.Room = other.ID
		if err := f.SaveMembership(f.ctx(), elsewhere, now); err != nil {
			t.Errorf("case %d: in another room: %v", i, err)
		}
		err := f.SaveMembership(f.ctx(), taker, now)
		after, _, _ := f.Membership(f.ctx(), room.ID, holder.Identity)
		_, took, _ := f.Membership(f.ctx(), room.ID, taker.Identity)
		if c.held {
			f.want(chat.NameTaken, err)
			if after != holder || took {
				t.Errorf("case %d: refused, but the holder is %+v, the taker saved: %t", i, after, took)
			}
			continue
		}
		if holder.Name, holder.Skeleton = "", ""; err != nil || after != holder || !took {
			t.Errorf("case %d: %v; the former holder is %+v, the taker saved: %t", i, err, after, took)
		}
		// Nameless members do not stand in each other's way.
		third := membership(room.ID, 3)
		third.Name, third.Skeleton = "", ""
		if err := f.SaveMembership(f.ctx(), third, now); err != nil {
			t.Errorf("case %d: a second nameless member: %v", i, err)
		}
	}
}

func testTouch(t *testing.T, b Backend) {
	f := open(t, b)
	room := f.room("room")
	m := membership(room.ID, 1)
	seen := m.Seen
	save := func(m chat.Membership) {
		t.Helper()
		if err := f.SaveMembership(f.ctx(), m, time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	save(m)
	f.Touch(room.ID, identity(200), seen, 1)   // nobody
	f.Touch(room.ID+9, m.Identity, seen, 1000) // nowhere
	for i, c := range []struct {
		seen     time.Time
		read     chat.Seq
		wantSeen time.Time
		wantRead chat.Seq
	}{
		{seen.Add(time.Second), 20, seen.Add(time.Second), 20},
		{seen, 25, seen.Add(time.Second), 25},
		{seen.Add(time.Minute), 3, seen.Add(time.Minute), 25},
		{time.Time{}, 0, seen.Add(time.Minute), 25},
	} {
		f.Touch(room.ID, m.Identity, c.seen, c.read)
		save(membership(room.ID, 100+byte(i))) // done when what was queued before is
		got, _, err := f.Membership(f.ctx(), room.ID, m.Identity)
		m.Seen, m.Read = c.wantSeen, c.wantRead
		if err != nil || got != m {
			t.Errorf("case %d: %+v, %v, want %+v", i, got, err, m)
		}
	}
	// In the order of the calls with saves, even in one commit.
	f.Touch(room.ID, m.Identity, seen.Add(time.Hour), 40)
	m.Read, m.Seen = 5, seen
	save(m)
	f.Touch(room.ID, m.Identity, seen, 6)
	f.Touch(room.ID, m.Identity, seen.Add(time.Second), 0)
	f.reopen(b) // a stop in good order loses no touch
	m.Read, m.Seen = 6, seen.Add(time.Second)
	if got, _, err := f.Membership(f.ctx(), room.ID, m.Identity); err != nil || got != m {
		t.Errorf("%+v, %v, want %+v", got, err, m)
	}
	// A touch may keep a name that would have been free.
	f.Touch(room.ID, m.Identity, seen.Add(time.Hour), 0)
	taker := membership(room.ID, 2)
	taker.Skeleton = m.Skeleton
	f.want(chat.NameTaken, f.SaveMembership(f.ctx(), taker, seen.Add(time.Minute)))
}
