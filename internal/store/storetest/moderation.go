package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"snug/internal/chat"
)

// A name has two looks; whichever meets whichever of another's, the second is refused.
func testLooks(t *testing.T, b Backend) {
	f := open(t, b)
	for _, c := range []struct {
		first, second [2]string
		clash         bool
	}{
		{[2]string{"a", ""}, [2]string{"a", ""}, true},
		{[2]string{"a", "b"}, [2]string{"b", ""}, true},
		{[2]string{"b", ""}, [2]string{"a", "b"}, true},
		{[2]string{"a", "b"}, [2]string{"c", "b"}, true},
		{[2]string{"a", "b"}, [2]string{"b", "a"}, true},
		{[2]string{"a", "b"}, [2]string{"c", "d"}, false},
		{[2]string{"a", ""}, [2]string{"b", ""}, false},
		{[2]string{"", ""}, [2]string{"", ""}, false},
	} {
		room := f.room("room-" + c.first[0] + c.first[1] + "-" + c.second[0] + c.second[1])
		first, second := membership(room.ID, 1), membership(room.ID, 2)
		first.Skeleton, first.Alike = c.first[0], c.first[1]
		second.Skeleton, second.Alike = c.second[0], c.second[1]
		f.want("", f.SaveMembership(f.ctx(), first, time.Time{}))
		if held, err := f.NameHeld(f.ctx(), room.ID, second.Identity, second.Skeleton, second.Alike, time.Time{}); err != nil || held != c.clash {
			t.Errorf("%q, then %q: held %t, %v", c.first, c.second, held, err)
		}
		if err := f.SaveMembership(f.ctx(), second, time.Time{}); (chat.CodeOf(err) == chat.NameTaken) != c.clash {
			t.Errorf("%q, then %q: %v", c.first, c.second, err)
		}
		// Once the first has been gone for long it loses its name, with both looks.
		f.want("", f.SaveMembership(f.ctx(), second, first.Seen.Add(time.Hour)))
		if got, _, err := f.Membership(f.ctx(), room.ID, first.Identity); err != nil || c.clash && got.Skeleton+got.Alike+got.Name != "" {
			t.Errorf("%q, after %q: %+v, %v", c.first, c.second, got, err)
		}
	}
}

// A room that has owners keeps one.
func testLastOwner(t *testing.T, b Backend) {
	f := open(t, b)
	room := f.room("room")
	save := func(n byte, role chat.Role) error {
		m := membership(room.ID, n)
		m.Role = role
		return f.SaveMembership(f.ctx(), m, time.Time{})
	}
	f.want("", save(1, chat.RoleOwner))
	f.want("", save(1, chat.RoleOwner))
	f.want("", save(2, chat.RoleModerator))
	f.want(chat.Forbidden, save(1, chat.RoleMember))
	f.want(chat.Forbidden, save(1, chat.RoleModerator))
	f.want("", save(2, chat.RoleOwner))
	f.want("", save(1, chat.RoleMember))
	f.want(chat.Forbidden, save(2, chat.RoleMember))
	// Nor does a draft take it, and what is refused leaves no entry.
	demoted := membership(room.ID, 2)
	f.want(chat.Forbidden, f.add(measured(room.ID, &chat.Measure{Deed: chat.Grant, Of: author(2), Role: chat.RoleMember}, &demoted)).err)
	if got, _, _ := f.Membership(f.ctx(), room.ID, identity(2)); got.Role != chat.RoleOwner || len(f.all(room.ID)) != 0 {
		t.Errorf("%+v, %d entries", got, len(f.all(room.ID)))
	}
}

// measured is the draft of a measure, with what it makes of its member.
func measured(room chat.RoomID, is *chat.Measure, m *chat.Membership) chat.Draft {
	return chat.Draft{Room: room, Identity: identity(9), From: author(9), Kind: chat.KindModeration, Measure: is, Member: m}
}

// A measure is told in the log as it was made, and made in the same commit.
func testMeasures(t *testing.T, b Backend) {
	f := open(t, b)
	room := f.room("room")
	until := f.clock.Now().Add(time.Hour)
	var want []*chat.Measure
	for _, is := range []chat.Measure{
		{Deed: chat.Kick, Of: author(1), Until: until, Reason: "\"Spám\" \\ again"},
		{Deed: chat.Ban, Of: author(1), Until: chat.Forever},
		{Deed: chat.Ban, Of: author(1), Lifted: true},
		{Deed: chat.Mute, Of: author(1), Until: until},
		{Deed: chat.Grant, Of: author(1), Role: chat.RoleModerator},
		{Deed: chat.Clear, Of: author(1), Count: 12},
	} {
		m := membership(room.ID, 1)
		m.Banned, m.Muted, m.Joined = is.Until, is.Until, is.Lifted
		a := f.must(measured(room.ID, &is, &m))
		want = append(want, &is)
		if got, ok, err := f.Member(f.ctx(), room.ID, m.ID); err != nil || !ok || got != m {
			t.Errorf("%s: %+v, %t, %v", is.Deed, got, ok, err)
		}
		if a.Seq != chat.Seq(len(want)) {
			t.Errorf("%s: seq %d", is.Deed, a.Seq)
		}
	}
	for range 2 {
		var got []*chat.Measure
		for _, e := range f.page(chat.PageQuery{Room: room.ID, Limit: 50}).Entries { // talk
			if e.Kind != chat.KindModeration || e.From != author(9) {
				t.Errorf("%+v", e)
			}
			got = append(got, e.Measure)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
		f.reopen(b)
	}
	if _, ok, err := f.Member(f.ctx(), room.ID, "nobody"); ok || err != nil {
		t.Errorf("a member that is not there: %t, %v", ok, err)
	}
	if _, ok, err := f.Member(f.ctx(), f.room("other").ID, author(1).ID); ok || err != nil {
		t.Errorf("a member of another room: %t, %v", ok, err)
	}
}

// Who is under a sanction that lasts is listed by rising id, in pages.
func testSanctioned(t *testing.T, b Backend) {
	f := open(t, b)
	room, other := f.room("room"), f.room("other")
	now := f.clock.Now()
	for n, c := range []struct{ banned, muted time.Time }{
		{}, {banned: chat.Forever}, {banned: now.Add(time.Minute), muted: now.Add(time.Minute)}, {banned: now}, {muted: chat.Forever}, {banned: now.Add(time.Hour)},
	} {
		for _, r := range []chat.Room{room, other} {
			m := membership(r.ID, byte(n))
			m.Banned, m.Muted = c.banned, c.muted
			if r.ID == other.ID {
				m.Banned, m.Muted = time.Time{}, time.Time{}
			}
			f.want("", f.SaveMembership(f.ctx(), m, time.Time{}))
		}
	}
	for _, c := range []struct {
		q     chat.SanctionQuery
		want  []chat.MemberID
		count int
	}{
		{chat.SanctionQuery{Only: chat.Ban, Limit: 9}, []chat.MemberID{"member-1", "member-2", "member-5"}, 3},
		{chat.SanctionQuery{Only: chat.Ban, Limit: 2}, []chat.MemberID{"member-1", "member-2"}, 3},
		{chat.SanctionQuery{Only: chat.Ban, Limit: 2, After: "member-2"}, []chat.MemberID{"member-5"}, 3},
		{chat.SanctionQuery{Only: chat.Ban, Limit: 9, Now: now.Add(2 * time.Minute)}, []chat.MemberID{"member-1", "member-5"}, 2},
		{chat.SanctionQuery{Only: chat.Mute, Limit: 9}, []chat.MemberID{"member-2", "member-4"}, 2},
	} {
		q := c.q
		if q.Room = room.ID; q.Now.IsZero() {
			q.Now = now
		}
		list, count, err := f.Sanctioned(f.ctx(), q)
		var got []chat.MemberID
		for _, m := range list {
			got = append(got, m.ID)
		}
		if err != nil || count != c.count || !slices.Equal(got, c.want) {
			t.Errorf("%+v: %q of %d, %v, want %q of %d", q, got, count, err, c.want, c.count)
		}
		q.Room = other.ID
		if list, count, err := f.Sanctioned(f.ctx(), q); len(list) > 0 || count > 0 || err != nil {
			t.Errorf("in another room: %+v, %d, %v", list, count, err)
		}
	}
}

// A ban bars strangers from where its member was, until it ends or is lifted.
func testBarred(t *testing.T, b Backend) {
	f := open(t, b)
	room, other := f.room("room"), f.room("other")
	here, there := chat.Trace{1}, chat.Trace{2}
	until := f.clock.Now().Add(time.Hour)
	ban := func(n byte, until time.Time, traces ...chat.Trace) {
		t.Helper()
		m := membership(room.ID, n)
		m.Banned, m.Joined = until, false
		d := measured(room.ID, &chat.Measure{Deed: chat.Ban, Of: m.Author, Until: until, Lifted: until.IsZero()}, &m)
		d.Traces = traces
		f.must(d)
	}
	barred := func(room chat.RoomID, from chat.Trace, want time.Time) {
		t.Helper()
		if got, err := f.Barred(f.ctx(), room, from, f.clock.Now()); err != nil || got != want {
			t.Errorf("barred until %v, %v, want %v", got, err, want)
		}
	}
	barred(room.ID, here, time.Time{})
	ban(1, until, here, there, here)
	barred(room.ID, here, until)
	barred(room.ID, there, until)
	barred(room.ID, chat.Trace{3}, time.Time{})
	barred(other.ID, here, time.Time{})
	ban(2, chat.Forever, here)
	f.reopen(b)
	barred(room.ID, here, chat.Forever)
	ban(2, time.Time{})
	barred(room.ID, here, until)
	ban(1, until, there) // anew: from there alone
	barred(room.ID, here, time.Time{})
	kicked := membership(room.ID, 1)
	kicked.Banned = until
	f.must(measured(room.ID, &chat.Measure{Deed: chat.Kick, Of: author(1)}, &kicked))
	barred(room.ID, there, until) // another measure leaves it
	f.clock.move(2 * time.Hour)
	barred(room.ID, there, time.Time{})
	ban(1, chat.Forever, there)
	free := membership(room.ID, 1)
	free.Banned = time.Time{}
	f.want("", f.SaveMembership(f.ctx(), free, time.Time{}))
	barred(room.ID, there, time.Time{})
}

// A member's messages are found wherever they are, those that are deleted apart.
func testMessagesBy(t *testing.T, b Backend) {
	f := open(t, b)
	room, other := f.room("room"), f.room("other")
	say := func(room chat.RoomID, by byte) { f.must(message(room, by, "", "text")) }
	for range 3 {
		say(room.ID, 1)
		say(room.ID, 2)
		say(other.ID, 1)
	}
	f.must(revision(chat.KindDelete, room.ID, 1, 3))
	f.reopen(b)     // what was before is somewhere else now
	say(room.ID, 1) // 8
	f.must(edit(room.ID, 1, 8, "anew"))
	for _, c := range []struct {
		after chat.Seq
		limit int
		want  []chat.Seq
	}{
		{0, 10, []chat.Seq{1, 5, 8}}, {0, 2, []chat.Seq{1, 5}}, {0, 1, []chat.Seq{1}}, {1, 10, []chat.Seq{5, 8}}, {5, 10, []chat.Seq{8}}, {8, 10, nil}, {0, 0, nil},
	} {
		if got, err := f.MessagesBy(f.ctx(), room.ID, author(1).ID, c.after, c.limit); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("after %d, %d: %d, %v, want %d", c.after, c.limit, got, err, c.want)
		}
	}
	_, err := f.MessagesBy(f.ctx(), other.ID+7, author(1).ID, 0, 1)
	f.want(chat.NotFound, err)
}

// What is on its way to another device is handed out once, in its time.
func testMoves(t *testing.T, b Backend) {
	f := open(t, b)
	move := func(holder, key byte) chat.Move {
		return chat.Move{Holder: [16]byte{holder}, Key: [32]byte{key}, Sealed: []byte{holder, key}, Until: f.clock.Now().Add(time.Minute)}
	}
	take := func(key byte, want ...byte) {
		t.Helper()
		got, ok, err := f.TakeMove(f.ctx(), [32]byte{key})
		if err != nil || ok != (want != nil) || !slices.Equal(got, want) {
			t.Errorf("took %v, %t, %v, want %v", got, ok, err, want)
		}
	}
	for _, m := range []chat.Move{move(1, 1), move(2, 2), move(2, 3), move(3, 4)} {
		f.want("", f.SaveMove(f.ctx(), m))
	}
	take(1, 1, 1)
	take(1)
	f.reopen(b)
	take(1)
	take(2) // its holder asked for another
	take(3, 2, 3)
	take(9)
	f.clock.move(time.Minute)
	take(4)
}

// Somebody who is thought to be a stranger is one, comes from where strangers are let in, and has a name
// of its own; or else nothing is stored.
func testAdmit(t *testing.T, b Backend) {
	f := open(t, b)
	room := f.room("room")
	here, there := chat.Trace{1}, chat.Trace{2}
	until := f.clock.Now().Add(time.Hour)
	banned := membership(room.ID, 1)
	banned.Banned = until
	d := measured(room.ID, &chat.Measure{Deed: chat.Ban, Of: banned.Author, Until: until}, &banned)
	d.Traces = []chat.Trace{here}
	f.must(d)

	admit := func(m chat.Membership, from chat.Trace, code chat.Code, barred time.Time) {
		t.Helper()
		before, known, _ := f.Membership(f.ctx(), m.Room, m.Identity)
		got, err := f.Admit(f.ctx(), m, time.Time{}, from, f.clock.Now())
		f.want(code, err)
		if !got.Equal(barred) {
			t.Errorf("barred until %v, want %v", got, barred)
		}
		after, is, err := f.Membership(f.ctx(), m.Room, m.Identity)
		if err != nil {
			t.Error(err)
		}
		want := m
		if code != "" || !barred.IsZero() {
			want = before
			if is != known {
				t.Errorf("a refused stranger is a member: %t, before %t", is, known)
			}
		}
		if diff := cmp.Diff(want, after); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
	}
	second, third := membership(room.ID, 2), membership(room.ID, 3)
	admit(second, here, "", until)
	admit(second, there, "", time.Time{})
	admit(third, chat.Trace{}, "", time.Time{})
	for _, known := range []chat.Membership{banned, second} { // what it is stays
		known.Role, known.Banned, known.Joined = chat.RoleModerator, time.Time{}, !known.Joined
		admit(known, there, chat.Conflict, time.Time{})
	}
	namesake := membership(room.ID, 4)
	namesake.Skeleton = second.Skeleton
	admit(namesake, there, chat.NameTaken, time.Time{})
	nowhere := membership(room.ID+1, 4)
	admit(nowhere, there, chat.NotFound, time.Time{})
	f.clock.move(2 * time.Hour)
	admit(membership(room.ID, 5), here, "", time.Time{})
	f.reopen(b)
	if _, ok, err := f.Membership(f.ctx(), room.ID, second.Identity); !ok || err != nil {
		t.Error("who was admitted is not there after a new start:", err)
	}
}
