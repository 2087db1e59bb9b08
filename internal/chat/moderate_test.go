package chat_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"snug/internal/chat"
)

// A cast is a room with people of each role in it, who have heard of each other.
type cast struct {
	*house
	room               string
	ada, mod, bob, cat *person // owner, moderator, members
}

// stage runs a test in fake time with a cast.
func stage(t *testing.T, f func(t *testing.T, s *cast)) {
	t.Helper()
	inBubble(t, func(t *testing.T, h *house) {
		s := &cast{house: h, ada: h.newcomer("Ada"), mod: h.newcomer("Mod Squad"), bob: h.newcomer("Bob"), cat: h.newcomer("Cat")}
		s.room = s.ada.room()
		for _, p := range []*person{s.ada, s.mod, s.bob, s.cat} {
			p.join(s.room)
		}
		s.must(s.ada.role(s.room, s.mod, chat.RoleModerator))
		forget(s.ada, s.mod, s.bob, s.cat)
		f(t, s)
	})
}

func (s *cast) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// member is the person's public name in a room.
func (p *person) member(room string) chat.MemberID {
	p.t.Helper()
	r, err := p.store.Room(context.Background(), room)
	if err != nil {
		p.t.Fatal(err)
	}
	m, ok, err := p.store.Membership(context.Background(), r.ID, p.id)
	if err != nil || !ok {
		p.t.Fatalf("%s is no member: %v", p.name, err)
	}
	return m.ID
}

// sanction asks for a sanction on another; seconds < 0 means none are given.
func (p *person) sanction(deed chat.Deed, room string, of *person, seconds int, reason string) error {
	r := chat.SanctionRequest{Room: room, Member: of.member(room), Reason: reason}
	if seconds >= 0 {
		r.Seconds = &seconds
	}
	do := map[chat.Deed]func(context.Context, *chat.Session, chat.SanctionRequest) error{chat.Kick: p.svc.Kick, chat.Ban: p.svc.Ban, chat.Mute: p.svc.Mute}
	return do[deed](context.Background(), p.conn, r)
}

func (p *person) role(room string, of *person, role chat.Role) error {
	return p.svc.SetRole(context.Background(), p.conn, room, of.member(room), role)
}

// refusedFor fails unless err is of this code and may be tried again after d; 0: never.
func refusedFor(t *testing.T, err error, code chat.Code, d time.Duration) {
	t.Helper()
	if e := wantCode(t, err, code, ""); e.RetryAfter != d || e.Retry != (d > 0) {
		t.Errorf("%v: to be tried again after %v (%t), want %v", err, e.RetryAfter, e.Retry, d)
	}
}

func (p *person) at(d time.Duration) string { return time.Now().UTC().Add(d).Format(time.DateTime) }

func TestKick(t *testing.T) {
	stage(t, func(t *testing.T, s *cast) {
		tab := s.bob.again()
		tab.join(s.room)
		forget(s.ada, s.bob, tab)
		until := s.bob.at(time.Minute)
		s.must(s.mod.sanction(chat.Kick, s.room, s.bob, -1, "  too   loud "))
		line := fmt.Sprintf("2 Mod Squad: kick Bob until %s: too loud", until)
		out := "removed kicked: too loud, until " + until
		s.bob.hears(line, out)
		tab.hears(line, out)
		s.ada.hears(line, "left kicked", "count 3")

		// It hears nothing more, and may do nothing, on no connection.
		s.ada.say(s.room, "peace")
		s.bob.hears()
		_, err := tab.trySend(chat.SendRequest{Room: s.room, Text: "but"})
		wantCode(t, err, chat.NotMember, "room")
		_, err = s.bob.svc.History(t.Context(), s.bob.conn, chat.HistoryRequest{Room: s.room})
		wantCode(t, err, chat.NotMember, "room")

		again := s.bob.again()
		time.Sleep(20 * time.Second)
		_, err = again.tryJoin(chat.JoinRequest{Room: s.room, Name: "Bob"})
		refusedFor(t, err, chat.Banned, 40*time.Second)
		time.Sleep(40 * time.Second)
		if j := again.join(s.room); j.You.Role != chat.RoleMember {
			t.Errorf("came back as %+v", j.You)
		}
		again.say(s.room, "sorry")

		// With 0 at once, with seconds then; and one who is not here is kicked, too.
		s.must(s.mod.sanction(chat.Kick, s.room, s.bob, 0, ""))
		again.join(s.room)
		s.must(again.leave(s.room, true))
		s.must(s.mod.sanction(chat.Kick, s.room, s.bob, 7, ""))
		_, err = again.tryJoin(chat.JoinRequest{Room: s.room, Name: "Bob"})
		refusedFor(t, err, chat.Banned, 7*time.Second)
	})
}

func TestBan(t *testing.T) {
	stage(t, func(t *testing.T, s *cast) {
		s.must(s.mod.sanction(chat.Ban, s.room, s.bob, -1, "spam"))
		s.bob.hears("2 Mod Squad: ban Bob for good: spam", "removed banned: spam")
		s.ada.hears("2 Mod Squad: ban Bob for good: spam", "left banned", "count 3")
		_, err := s.bob.tryJoin(chat.JoinRequest{Room: s.room, Name: "Bob"})
		refusedFor(t, err, chat.Banned, 0)
		s.must(s.mod.sanction(chat.Ban, s.room, s.bob, -1, "again")) // changes nothing
		s.ada.hears()

		s.must(s.mod.sanction(chat.Ban, s.room, s.bob, 0, ""))
		s.ada.hears("3 Mod Squad: ban Bob lifted")
		s.bob.hears()
		s.bob.join(s.room)
		s.must(s.mod.sanction(chat.Ban, s.room, s.bob, 0, "")) // there is none
		forget(s.ada, s.bob)

		s.must(s.ada.sanction(chat.Ban, s.room, s.bob, 3600, ""))
		s.bob.hears("4 Ada: ban Bob until "+s.bob.at(time.Hour), "removed banned, until "+s.bob.at(time.Hour))
		time.Sleep(time.Hour - time.Second)
		_, err = s.bob.again().tryJoin(chat.JoinRequest{Room: s.room, Name: "Robert"})
		refusedFor(t, err, chat.Banned, time.Second)
		time.Sleep(time.Second)
		s.bob.join(s.room)
	})
}

// Who is banned stays out after a restart, and is told so only after the right passphrase.
func TestBanLasts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.db")
	var room string
	var bob, ada *person
	synctest.Test(t, func(t *testing.T) {
		h := open(t, setup{path: path})
		ada, bob = h.newcomer("Ada"), h.newcomer("Bob")
		room = ada.create(chat.CreateRequest{Passphrase: "sesame"}).Info.Code
		ada.join(room)
		if _, err := bob.tryJoin(chat.JoinRequest{Room: room, Name: "Bob", Passphrase: "sesame"}); err != nil {
			t.Fatal(err)
		}
		if err := ada.sanction(chat.Ban, room, bob, -1, ""); err != nil {
			t.Fatal(err)
		}
		if _, err := ada.svc.Set(t.Context(), ada.conn, chat.SetRequest{Room: room, Passphrase: new("open")}); err != nil {
			t.Fatal(err)
		}
		h.stop()
	})
	synctest.Test(t, func(t *testing.T) {
		h := open(t, setup{path: path})
		bob := bob.in(h)
		for pass, code := range map[string]chat.Code{"": chat.WrongPassphrase, "sesame": chat.WrongPassphrase, "open": chat.Banned} {
			if _, err := bob.tryJoin(chat.JoinRequest{Room: room, Name: "Bob", Passphrase: pass}); chat.CodeOf(err) != code {
				t.Errorf("with the passphrase %q: %v, want %s", pass, err, code)
			}
		}
	})
}

// The ban of a member keeps strangers out from where it was, and nobody else.
func TestBanOfAnAddress(t *testing.T) {
	stage(t, func(t *testing.T, s *cast) {
		place := func(text string) chat.Address { return chat.AddressOf(netip.MustParseAddr(text)) }
		at := func(p *person, text string) *person {
			p.from = place(text)
			p.connect()
			return p
		}
		dan, eve := at(s.newcomer("Dan"), "2001:db8:6:7::1"), at(s.newcomer("Eve"), "2001:db8:6:7::1")
		dan.join(s.room)
		eve.join(s.room)
		dan.hangUp(chat.SaidGoodbye) // where it was is still known
		s.must(s.mod.sanction(chat.Ban, s.room, dan, 600, ""))
		_, err := at(s.newcomer("Fay"), "2001:db8:6:7::1").tryJoin(chat.JoinRequest{Room: s.room, Name: "Fay"})
		refusedFor(t, err, chat.Banned, 10*time.Minute)
		at(s.newcomer("Gus"), "2001:db8:6:8::1").join(s.room)
		s.newcomer("Hal").join(s.room) // from nowhere in particular
		eve.connect()
		eve.join(s.room) // is no stranger
		other := s.ada.room()
		at(s.newcomer("Ivy"), "2001:db8:6:7::1").join(other)

		files, network := bytes.Join(readAll(t, s.path), nil), netip.MustParseAddr("2001:db8:6:7::").AsSlice()[:8]
		if bytes.Contains(files, []byte("2001:db8")) || bytes.Contains(files, network) {
			t.Error("the address is on disk")
		}
		s.must(s.mod.sanction(chat.Ban, s.room, dan, 0, ""))
		at(s.newcomer("Joe"), "2001:db8:6:7::1").join(s.room)
		s.must(s.mod.sanction(chat.Ban, s.room, eve, 60, ""))
		kim := at(s.newcomer("Kim"), "2001:db8:6:7::1")
		_, err = kim.tryJoin(chat.JoinRequest{Room: s.room, Name: "Kim"})
		refusedFor(t, err, chat.Banned, time.Minute)
		time.Sleep(time.Minute)
		kim.join(s.room)
	})
}

func TestMute(t *testing.T) {
	stage(t, func(t *testing.T, s *cast) {
		tab := s.bob.again()
		tab.join(s.room)
		seq := s.bob.say(s.room, "before")
		forget(s.ada, s.bob, tab)
		s.must(s.mod.sanction(chat.Mute, s.room, s.bob, 30, ""))
		line, me := "3 Mod Squad: mute Bob until "+s.bob.at(30*time.Second), "muted until "+s.bob.at(30*time.Second)
		s.bob.hears(line, me)
		tab.hears(line, me)
		s.ada.hears(line)

		refused := func(d time.Duration) {
			t.Helper()
			_, err := s.bob.trySend(chat.SendRequest{Room: s.room, Text: "!"})
			refusedFor(t, err, chat.Muted, d)
			_, err = s.bob.edit(chat.EditRequest{Room: s.room, Seq: seq, Text: "else"})
			refusedFor(t, err, chat.Muted, d)
			_, err = s.bob.react(s.room, seq, "👍", true)
			refusedFor(t, err, chat.Muted, d)
			refusedFor(t, s.bob.svc.Typing(t.Context(), s.bob.conn, s.room), chat.Muted, d)
		}
		refused(30 * time.Second)
		// It may take back what it said, read, and learn that it is muted when it comes back.
		if _, err := s.bob.del(chat.DeleteRequest{Room: s.room, Seq: seq}); err != nil {
			t.Error(err)
		}
		if j := s.bob.again().join(s.room); time.Until(j.MutedUntil) != 30*time.Second {
			t.Errorf("joined, muted until %v", j.MutedUntil)
		}
		time.Sleep(30 * time.Second)
		seq = s.bob.say(s.room, "after")
		if j := s.bob.again().join(s.room); !j.MutedUntil.IsZero() {
			t.Errorf("joined, muted until %v", j.MutedUntil)
		}

		s.must(s.mod.sanction(chat.Mute, s.room, s.bob, -1, ""))
		refused(0)
		forget(s.bob)
		s.must(s.ada.sanction(chat.Mute, s.room, s.bob, 0, ""))
		s.bob.hears("7 Ada: mute Bob lifted", "muted until "+s.bob.at(0))
		s.bob.say(s.room, "free")
	})
}

// slowNames is a store in which each name takes a second.
type slowNames struct{ chat.Store }

func (s slowNames) Append(d chat.Draft, done func(chat.Appended, error)) {
	if d.Kind != chat.KindName {
		s.Store.Append(d, done)
		return
	}
	time.AfterFunc(time.Second, func() { s.Store.Append(d, done) })
}

// A member that keeps its own membership busy, on many connections, is put out
// no later for it.
func TestBanOvertakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, setup{store: func(s chat.Store) chat.Store { return slowNames{s} }})
		ada, bob := h.newcomer("Ada"), h.newcomer("Bob")
		room := ada.room()
		ada.join(room)
		bob.join(room)
		for i := range 20 {
			tab := bob.again()
			go func() { _, _ = tab.rename(room, fmt.Sprint("Bob ", i)) }()
		}
		synctest.Wait()
		began := time.Now()
		if err := ada.sanction(chat.Ban, room, bob, -1, ""); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("put out after %v", took)
		}
		if got := bob.heard(); len(got) == 0 || got[len(got)-1] != "removed banned" {
			t.Errorf("heard %q", got)
		}
		synctest.Wait() // the others are refused
	})
}

// A retry of what was said before a mute is answered as it was.
func TestMutedRetry(t *testing.T) {
	stage(t, func(t *testing.T, s *cast) {
		r := chat.SendRequest{Room: s.room, Text: "once", ID: "m1"}
		first, err := s.bob.trySend(r)
		s.must(err)
		s.must(s.mod.sanction(chat.Mute, s.room, s.bob, -1, ""))
		again, err := s.bob.trySend(r)
		if err != nil || !again.Duplicate || again.Seq != first.Seq {
			t.Errorf("%+v, %v", again, err)
		}
	})
}

func TestRoles(t *testing.T) {
	stage(t, func(t *testing.T, s *cast) {
		s.must(s.ada.role(s.room, s.bob, chat.RoleModerator))
		s.bob.hears("2 Ada: role Bob moderator", "you Bob moderator", "Bob is here", "count 4")
		s.cat.hears("2 Ada: role Bob moderator", "Bob is here", "count 4")
		s.must(s.ada.role(s.room, s.bob, chat.RoleModerator)) // it is so
		s.cat.hears()
		s.must(s.bob.sanction(chat.Mute, s.room, s.cat, -1, "")) // the right is there at once
		s.must(s.ada.role(s.room, s.bob, chat.RoleMember))
		wantCode(t, s.bob.sanction(chat.Mute, s.room, s.cat, 0, ""), chat.Forbidden, "") // and gone at once

		wantCode(t, s.ada.role(s.room, s.ada, chat.RoleMember), chat.Forbidden, "role")
		s.must(s.ada.role(s.room, s.mod, chat.RoleOwner))
		s.must(s.mod.role(s.room, s.ada, chat.RoleMember)) // now there is another
		wantCode(t, s.mod.role(s.room, s.mod, chat.RoleModerator), chat.Forbidden, "role")
		wantCode(t, s.ada.role(s.room, s.cat, chat.RoleOwner), chat.Forbidden, "")
		wantCode(t, s.mod.role(s.room, s.cat, "king"), chat.BadRequest, "role")
		wantCode(t, s.mod.svc.SetRole(t.Context(), s.mod.conn, s.room, "nobody", chat.RoleOwner), chat.NotFound, "member")
	})
}

// Two owners that demote each other at once leave one.
func TestOwnersThatDemoteEachOther(t *testing.T) {
	stage(t, func(t *testing.T, s *cast) {
		s.must(s.ada.role(s.room, s.bob, chat.RoleOwner))
		done := make(chan error, 2)
		go func() { done <- s.ada.role(s.room, s.bob, chat.RoleMember) }()
		go func() { done <- s.bob.role(s.room, s.ada, chat.RoleMember) }()
		failures := 0
		for range 2 {
			if err := <-done; err != nil {
				wantCode(t, err, chat.Forbidden, errField(err))
				failures++
			}
		}
		if failures != 1 {
			t.Errorf("%d of them were refused", failures)
		}
	})
}

func errField(err error) string {
	if e, ok := errors.AsType[*chat.Error](err); ok {
		return e.Field
	}
	return ""
}

// Nobody acts on an equal or higher role, nor without the right, nor on nobody.
func TestWhoMayModerate(t *testing.T) {
	stage(t, func(t *testing.T, s *cast) {
		s.must(s.ada.role(s.room, s.cat, chat.RoleModerator))
		out := s.newcomer("Out")
		forget(s.ada, s.mod, s.bob, s.cat)
		for _, deed := range []chat.Deed{chat.Kick, chat.Ban, chat.Mute} {
			for _, c := range []struct {
				by, of *person
				code   chat.Code
				field  string
			}{
				{s.bob, s.ada, chat.Forbidden, ""},
				{s.bob, s.bob, chat.Forbidden, ""},
				{s.mod, s.ada, chat.Forbidden, "member"},
				{s.mod, s.cat, chat.Forbidden, "member"},
				{s.mod, s.mod, chat.Forbidden, "member"},
				{s.ada, s.ada, chat.Forbidden, "member"},
				{out, s.bob, chat.NotMember, "room"},
			} {
				wantCode(t, c.by.sanction(deed, s.room, c.of, 5, ""), c.code, c.field)
			}
			wantCode(t, s.mod.sanction(deed, s.room, s.bob, 1<<40, ""), chat.BadRequest, "seconds")
			wantCode(t, s.mod.sanction(deed, s.room, s.bob, 5, strings.Repeat("x", 81)), chat.TooLarge, "reason")
			wantCode(t, s.mod.sanction(deed, s.room, s.bob, 5, "a\u202eb"), chat.BadRequest, "reason")
		}
		less := -1
		wantCode(t, s.mod.svc.Ban(t.Context(), s.mod.conn, chat.SanctionRequest{Room: s.room, Member: s.bob.member(s.room), Seconds: &less}), chat.BadRequest, "seconds")
		wantCode(t, s.mod.svc.Kick(t.Context(), s.mod.conn, chat.SanctionRequest{Room: s.room, Member: "nobody"}), chat.NotFound, "member")
		for _, by := range []*person{s.bob, s.mod} {
			_, err := by.svc.Clear(t.Context(), by.conn, s.room, s.ada.member(s.room))
			wantCode(t, err, chat.Forbidden, map[*person]string{s.mod: "member"}[by])
		}
		s.ada.hears()
		s.must(s.ada.sanction(chat.Kick, s.room, s.mod, 0, "")) // an owner may act on a moderator
	})
}

func TestClear(t *testing.T) {
	stage(t, func(t *testing.T, s *cast) {
		const many = 450 // more than a step
		for i := range many {
			s.bob.say(s.room, fmt.Sprint("secret rubbish ", i))
		}
		s.cat.say(s.room, "mine")
		if _, err := s.bob.del(chat.DeleteRequest{Room: s.room, Seq: 2}); err != nil {
			t.Fatal(err)
		}
		forget(s.ada, s.bob, s.cat)
		count, err := s.mod.svc.Clear(t.Context(), s.mod.conn, s.room, s.bob.member(s.room))
		if err != nil || count != many-1 {
			t.Fatalf("cleared %d, %v", count, err)
		}
		synctest.Wait()
		heard := s.cat.heard()
		if len(heard) != many || !strings.HasSuffix(heard[0], "Mod Squad deletes 3") || !strings.HasSuffix(heard[many-1], "clear Bob 449") {
			t.Errorf("heard %d: %q … %q", len(heard), heard[0], heard[len(heard)-1])
		}
		for _, e := range s.cat.history(chat.HistoryRequest{Room: s.room, Limit: 200}).Page.Entries {
			if e.From.Name == "Bob" && e.Deleted.IsZero() {
				t.Errorf("left: %+v", e)
			}
		}
		if count, err := s.mod.svc.Clear(t.Context(), s.mod.conn, s.room, s.bob.member(s.room)); count != 0 || err != nil {
			t.Errorf("again: %d, %v", count, err)
		}
		s.cat.hears() // nothing was written
		if count, err := s.mod.svc.Clear(t.Context(), s.mod.conn, s.room, s.mod.member(s.room)); count != 0 || err != nil {
			t.Errorf("one's own: %d, %v", count, err)
		}
		_, err = s.mod.svc.Clear(t.Context(), s.mod.conn, s.room, "nobody")
		wantCode(t, err, chat.NotFound, "member")
		s.stop()
		if strings.Contains(string(slices.Concat(readAll(t, s.path)...)), "secret rubbish") {
			t.Error("what was cleared is still on disk")
		}
	})
}

func TestListsOfSanctions(t *testing.T) {
	stage(t, func(t *testing.T, s *cast) {
		list := func(by *person, only chat.Deed) (page chat.Members, err error) {
			return by.svc.Members(t.Context(), by.conn, chat.MembersRequest{Room: s.room, Only: only})
		}
		s.must(s.mod.sanction(chat.Ban, s.room, s.bob, 60, ""))
		s.must(s.mod.sanction(chat.Mute, s.room, s.cat, -1, ""))
		for only, want := range map[chat.Deed]string{
			chat.Ban:  fmt.Sprint("Bob away ", s.bob.at(time.Minute), " of 1"),
			chat.Mute: fmt.Sprint("Cat here ", chat.Forever.Format(time.DateTime), " of 1"),
		} {
			page, err := list(s.mod, only)
			if err != nil || len(page.Members) != 1 {
				t.Errorf("%s: %+v, %v", only, page, err)
				continue
			}
			m := page.Members[0]
			if got := fmt.Sprint(m.Name, " ", m.State, " ", m.Until.Format(time.DateTime), " of ", page.Count); got != want {
				t.Errorf("%s: %s, want %s", only, got, want)
			}
		}
		_, err := list(s.cat, chat.Ban)
		wantCode(t, err, chat.Forbidden, "")
		_, err = list(s.bob, chat.Ban)
		wantCode(t, err, chat.NotMember, "room")
		time.Sleep(time.Minute)
		if page, err := list(s.mod, chat.Ban); err != nil || page.Count != 0 || len(page.Members) != 0 {
			t.Errorf("when it is over: %+v, %v", page, err)
		}
	})
}

// The owner key is above a ban: who has it was an owner, and may be again.
func TestOwnerKeyAfterABan(t *testing.T) {
	stage(t, func(t *testing.T, s *cast) {
		made := s.ada.create(chat.CreateRequest{})
		room := made.Info.Code
		s.ada.join(room)
		s.bob.join(room)
		s.must(s.ada.sanction(chat.Ban, room, s.bob, -1, ""))
		s.must(s.ada.sanction(chat.Mute, room, s.bob, -1, ""))
		j, err := s.bob.tryJoin(chat.JoinRequest{Room: room, Name: "Bob", Key: made.OwnerKey})
		if err != nil || j.You.Role != chat.RoleOwner || !j.MutedUntil.IsZero() {
			t.Fatalf("%+v, %v", j.You, err)
		}
		s.bob.say(room, "back")
	})
}

// What one node does to a member holds on the other at once.
func TestMeasuresOfAnotherNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var buses chat.LocalHub
		h := open(t, setup{bus: buses.Bus()})
		there := second(t, h, buses.Bus())
		ada, bob, cat := h.newcomer("Ada"), h.newcomer("Bob").in(there), h.newcomer("Cat").in(there)
		room := ada.room()
		ada.join(room)
		bob.join(room)
		cat.join(room)
		forget(ada, bob, cat)
		if err := ada.role(room, cat, chat.RoleModerator); err != nil {
			t.Fatal(err)
		}
		cat.hears("1 Ada: role Cat moderator", "you Cat moderator", "Cat is here", "count 2")
		if err := ada.sanction(chat.Mute, room, bob, 60, ""); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		_, err := bob.trySend(chat.SendRequest{Room: room, Text: "!"})
		refusedFor(t, err, chat.Muted, time.Minute)
		if err := ada.sanction(chat.Ban, room, bob, -1, ""); err != nil {
			t.Fatal(err)
		}
		bob.hears("1 Ada: role Cat moderator", "Cat is here", "count 2", "2 Ada: mute Bob until "+bob.at(time.Minute), "muted until "+bob.at(time.Minute),
			"3 Ada: ban Bob for good", "removed banned")
		_, err = bob.tryJoin(chat.JoinRequest{Room: room, Name: "Bob"})
		refusedFor(t, err, chat.Banned, 0)
	})
}
