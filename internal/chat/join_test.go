package chat_test

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"snug/internal/chat"
)

func TestJoinShowsTheRoom(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada, bob := h.newcomer("Ada"), h.newcomer("Bob")
		room := ada.create(chat.CreateRequest{Title: "Tea"}).Info
		j := ada.join(room.Code)
		if j.You.Name != "Ada" || j.You.Role != chat.RoleOwner || j.You.State != chat.Here || j.Count != 1 || j.Info.Count != 1 {
			t.Errorf("the creator joined as %+v, count %d", j.You, j.Count)
		}
		if j.Info.Title != "Tea" || j.Info.Epoch != room.Epoch || j.Page.Head != 0 || len(j.Page.Entries) != 0 {
			t.Errorf("an empty room was shown as %+v, %+v", j.Info, j.Page)
		}
		ada.say(room.Code, "one")
		ada.say(room.Code, "two")
		j = bob.join(room.Code)
		if got := texts(j.Page.Entries); !slices.Equal(got, []string{"one", "two"}) || j.Page.Head != 2 || j.Page.More || j.Unread != 2 {
			t.Errorf("a late comer was shown %q, head %d, more %v, unread %d", got, j.Page.Head, j.Page.More, j.Unread)
		}
		if got := names(j.Members); !slices.Equal(got, []string{"Bob", "Ada"}) || j.Count != 2 || j.You.Role != chat.RoleMember {
			t.Errorf("a late comer was shown members %q, count %d, itself %+v", got, j.Count, j.You)
		}
		ada.say(room.Code, "three")
		bob.hears("3 Ada: three") // nothing before the answer, not its own coming
		ada.hears("1 Ada: one", "2 Ada: two", "Bob joined", "count 2", "3 Ada: three")
	})
}

func TestJoinIsRefused(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada := h.newcomer("Ada")
		room := ada.room()
		for _, tt := range []struct {
			req   chat.JoinRequest
			code  chat.Code
			field string
		}{
			{chat.JoinRequest{Room: "NOSUCHRM", Name: "Bob"}, chat.NotFound, "room"},
			{chat.JoinRequest{Room: "", Name: "Bob"}, chat.NotFound, "room"},
			{chat.JoinRequest{Room: "no such room", Name: "Bob"}, chat.NotFound, "room"},
			{chat.JoinRequest{Room: room, Name: ""}, chat.NameInvalid, "name"},
			{chat.JoinRequest{Room: room, Name: "system"}, chat.NameInvalid, "name"},
			{chat.JoinRequest{Room: room, Name: "Bob", Limit: -1}, chat.BadRequest, "limit"},
			{chat.JoinRequest{Room: room, Name: "Bob", Key: "wrong"}, chat.Forbidden, "key"},
		} {
			bob := h.newcomer("Bob")
			_, err := bob.tryJoin(tt.req)
			wantCode(t, err, tt.code, tt.field)
			if _, err := bob.trySend(chat.SendRequest{Room: room, Text: "x"}); chat.CodeOf(err) != chat.NotMember {
				t.Errorf("after %+v was refused, a send: %v", tt.req, err)
			}
		}
		ada.join(room)
		ada.say(room, "x")
		ada.hears("1 Ada: x")
	})
}

func TestCodesAreLookedUpCaseBlind(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada := h.newcomer("Ada")
		made := ada.create(chat.CreateRequest{})
		chosen := ada.create(chat.CreateRequest{Code: "Tea-Room-5"})
		if chosen.Info.Code != "tea-room-5" {
			t.Errorf("a chosen code is kept as %q", chosen.Info.Code)
		}
		if j := ada.join("TEA-room-5"); j.Info.Code != "tea-room-5" {
			t.Errorf("joined %q", j.Info.Code)
		}
		lower := []byte(made.Info.Code)
		for i := range lower {
			lower[i] |= 0x20
		}
		if j := ada.join(string(lower)); j.Info.Code != made.Info.Code {
			t.Errorf("joined %q by %q", j.Info.Code, lower)
		}
	})
}

func TestOwnerKey(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada, bob, eve := h.newcomer("Ada"), h.newcomer("Bob"), h.newcomer("Eve")
		made := ada.create(chat.CreateRequest{})
		other := ada.create(chat.CreateRequest{})
		j, err := bob.tryJoin(chat.JoinRequest{Room: made.Info.Code, Name: "Bob", Key: made.OwnerKey})
		if err != nil || j.You.Role != chat.RoleOwner {
			t.Errorf("with the owner key: %+v, %v", j.You, err)
		}
		_, err = eve.tryJoin(chat.JoinRequest{Room: made.Info.Code, Name: "Eve", Key: other.OwnerKey})
		wantCode(t, err, chat.Forbidden, "key")
		if j := eve.join(made.Info.Code); j.You.Role != chat.RoleMember {
			t.Errorf("without a key: %+v", j.You)
		}
		// Shown later, by a member that is present, it is told to the others and to itself.
		forget(bob, eve)
		tab := eve.again()
		if j, err = tab.tryJoin(chat.JoinRequest{Room: made.Info.Code, Name: "Eve", Key: made.OwnerKey}); err != nil || j.You.Role != chat.RoleOwner {
			t.Errorf("with the owner key, later: %+v, %v", j.You, err)
		}
		eve.hears("you Eve owner", "Eve is here", "count 2")
		bob.hears("Eve is here", "count 2")
		tab.hears()
	})
}

func TestPassphrase(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada, bob := h.newcomer("Ada"), h.newcomer("Bob")
		made := ada.create(chat.CreateRequest{Passphrase: "open sesame"})
		if !made.Info.Passphrase {
			t.Error("info does not say that there is a passphrase")
		}
		room := made.Info.Code
		for _, wrong := range []string{"", "Open sesame", "open sesame ", "\x00", string(make([]byte, 10000))} {
			_, err := bob.tryJoin(chat.JoinRequest{Room: room, Name: "Bob", Passphrase: wrong})
			wantCode(t, err, chat.WrongPassphrase, "passphrase")
		}
		if _, err := bob.tryJoin(chat.JoinRequest{Room: room, Name: "Bob", Passphrase: "open\u00a0sesame"}); err != nil {
			t.Errorf("the passphrase with another space: %v", err)
		}
		// Not asked of a remembered member, nor of the creator or whoever has the key.
		bob.leave(room, true)
		bob.join(room)
		ada.join(room)
		cat := h.newcomer("Cat")
		if _, err := cat.tryJoin(chat.JoinRequest{Room: room, Name: "Cat", Key: made.OwnerKey}); err != nil {
			t.Errorf("with the owner key: %v", err)
		}
	})
}

func TestNameOfAMember(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada, bob := h.newcomer("Ada"), h.newcomer("Bob")
		room := ada.room()
		ada.join(room)
		// Look-alikes are refused, with a name that would do.
		for _, name := range []string{"ada", "ADA", "  A da ", "Adá", "АԀА"} {
			_, err := bob.tryJoin(chat.JoinRequest{Room: room, Name: name})
			e := wantCode(t, err, chat.NameTaken, "name")
			if _, err := h.newcomer("x").tryJoin(chat.JoinRequest{Room: room, Name: e.Suggestion}); err != nil {
				t.Errorf("%q was suggested for %q: %v", e.Suggestion, name, err)
			}
		}
		bob.join(room)
		// The name counts only if the identity is not here already.
		if j, err := bob.again().tryJoin(chat.JoinRequest{Room: room, Name: "Robert"}); err != nil || j.You.Name != "Bob" {
			t.Errorf("a second connection under another name: %+v, %v", j.You, err)
		}
		if j, err := bob.again().tryJoin(chat.JoinRequest{Room: room, Name: "Ada"}); err != nil || j.You.Name != "Bob" {
			t.Errorf("a second connection under a taken name: %+v, %v", j.You, err)
		}
	})
}

func TestAGreekNameThatLooksLatinIsTaken(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		eva := h.newcomer("Eva")
		room := eva.room()
		eva.join(room)
		_, err := h.newcomer("x").tryJoin(chat.JoinRequest{Room: room, Name: "Ενα"})
		if e := wantCode(t, err, chat.NameTaken, "name"); e.Suggestion != "Ενα 2" {
			t.Errorf("suggested %q", e.Suggestion)
		}
		// And the other way round, on joining and on taking another name.
		other := eva.room()
		eve := h.newcomer("Ενα")
		eve.join(other)
		_, err = h.newcomer("x").tryJoin(chat.JoinRequest{Room: other, Name: "Eva"})
		wantCode(t, err, chat.NameTaken, "name")
		bob := h.newcomer("Bob")
		bob.join(other)
		_, err = bob.rename(other, "eva")
		wantCode(t, err, chat.NameTaken, "name")
		if _, err = eve.rename(other, "Ζωη"); err != nil { // which lets go of both looks
			t.Fatal(err)
		}
		if _, err = bob.rename(other, "Eva"); err != nil {
			t.Error(err)
		}
	})
}

func TestNameColorAndRoleSurvive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, setup{})
		ada, bob := h.newcomer("Ada"), h.newcomer("Bob")
		room := ada.room()
		a, b := ada.join(room), bob.join(room)
		if a.You.Color == b.You.Color || a.You.Color >= chat.Colors || b.You.Color >= chat.Colors {
			t.Errorf("colors %d and %d", a.You.Color, b.You.Color)
		}
		bob.leave(room, false)
		h.stop()

		h2 := open(t, setup{path: h.path})
		if j := ada.in(h2).join(room); j.You != a.You {
			t.Errorf("after a restart %+v, before %+v", j.You, a.You)
		}
		// The name of one that left is its own for 30 days.
		_, err := h2.newcomer("x").tryJoin(chat.JoinRequest{Room: room, Name: "B0b"})
		wantCode(t, err, chat.NameTaken, "name")
		if j := bob.in(h2).join(room); j.You != b.You {
			t.Errorf("after leaving and a restart %+v, before %+v", j.You, b.You)
		}
	})
}

func TestAMemberThatStaysKeepsItsName(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada, bob := h.newcomer("Ada"), h.newcomer("Bob")
		room := ada.room()
		bob.join(room)
		cat := h.newcomer("Cat")
		cat.join(room)
		bob.leave(room, true)
		sleep(31 * day)
		if _, err := h.newcomer("x").tryJoin(chat.JoinRequest{Room: room, Name: "Bob"}); err != nil {
			t.Errorf("a name whose member has been gone for 31 days: %v", err)
		}
		_, err := h.newcomer("y").tryJoin(chat.JoinRequest{Room: room, Name: "Cat"})
		wantCode(t, err, chat.NameTaken, "name")
		// Who lost its name needs another one.
		_, err = bob.tryJoin(chat.JoinRequest{Room: room, Name: "Bob"})
		wantCode(t, err, chat.NameTaken, "name")
		if j, err := bob.tryJoin(chat.JoinRequest{Room: room, Name: "Robert"}); err != nil || j.You.Name != "Robert" {
			t.Errorf("%+v, %v", j.You, err)
		}
	})
}

func TestMemberIDsDiffer(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada := h.newcomer("Ada")
		one, two := ada.join(ada.room()), ada.join(ada.room())
		if one.You.ID == two.You.ID || len(one.You.ID) < 16 {
			t.Errorf("one identity is %q and %q in two rooms", one.You.ID, two.You.ID)
		}
		for _, c := range one.You.ID {
			if (c < 'a' || c > 'z') && (c < '2' || c > '7') {
				t.Errorf("%q is not lower-case base32", one.You.ID)
			}
		}
	})
}

func TestRejoinStartsAnewUnannounced(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada, bob := h.newcomer("Ada"), h.newcomer("Bob")
		room := ada.room()
		epoch := ada.join(room).Info.Epoch
		bob.join(room)
		forget(ada, bob)
		ada.say(room, "one")
		ada.say(room, "two")
		forget(ada, bob)
		j := bob.rejoin(room, &chat.Cursor{Epoch: epoch, Seq: 1})
		if got := seqs(j.Page.Entries); !slices.Equal(got, []chat.Seq{2}) || j.Reset {
			t.Errorf("after 1: %v, reset %v", got, j.Reset)
		}
		ada.say(room, "three")
		ada.hears("3 Ada: three")
		bob.hears("3 Ada: three")
	})
}

func TestJoinAfterACursor(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada := h.newcomer("Ada")
		room := ada.room()
		epoch := ada.join(room).Info.Epoch
		for i := range 120 {
			ada.say(room, fmt.Sprint(i+1))
		}
		for i, tt := range []struct {
			after       chat.Cursor
			limit       int
			first, last chat.Seq
			more, reset bool
		}{
			{chat.Cursor{Epoch: epoch, Seq: 0}, 0, 1, 120, false, false},
			{chat.Cursor{Epoch: epoch, Seq: 100}, 0, 101, 120, false, false},
			{chat.Cursor{Epoch: epoch, Seq: 10}, 20, 11, 30, true, false},
			{chat.Cursor{Epoch: epoch, Seq: 120}, 0, 0, 0, false, false},
			{chat.Cursor{Epoch: epoch, Seq: 121}, 0, 71, 120, true, true}, // of a future that never was
			{chat.Cursor{Epoch: "another", Seq: 100}, 0, 71, 120, true, true},
			{chat.Cursor{}, 0, 71, 120, true, true},
		} {
			bob := h.newcomer(fmt.Sprintf("Bob %d", i+2))
			j, err := bob.tryJoin(chat.JoinRequest{Room: room, Name: bob.name, After: &tt.after, Limit: tt.limit})
			if err != nil {
				t.Fatal(err)
			}
			got := seqs(j.Page.Entries)
			if tt.last == 0 && len(got) > 0 || tt.last > 0 && (len(got) == 0 || got[0] != tt.first || got[len(got)-1] != tt.last) ||
				j.Page.More != tt.more || j.Reset != tt.reset || j.Page.Head != 120 {
				t.Errorf("after %+v, limit %d: %v, more %v, reset %v", tt.after, tt.limit, got, j.Page.More, j.Reset)
			}
			if j.Unread != 120 {
				t.Errorf("after %+v: unread %d", tt.after, j.Unread)
			}
		}
		if j := h.newcomer("Cat").join(room); len(j.Page.Entries) != 50 || j.Page.Entries[0].Seq != 71 || !j.Page.More {
			t.Errorf("a late comer was shown %v", seqs(j.Page.Entries))
		}
	})
}

func TestRoomsOfAConnection(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada := h.newcomer("Ada")
		most := chat.DefaultLimits().RoomsPerSocket
		for range most {
			ada.join(ada.room())
		}
		last := ada.room()
		_, err := ada.tryJoin(chat.JoinRequest{Room: last, Name: "Ada"})
		if e := wantCode(t, err, chat.Full, ""); e.Limit != most {
			t.Errorf("limit %d", e.Limit)
		}
		ada.again().join(last)
	})
}

func TestJoinOnAClosedConnection(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada, bob := h.newcomer("Ada"), h.newcomer("Bob")
		room := ada.room()
		ada.join(room)
		bob.hangUp(chat.Closed)
		bob.hangUp(chat.Closed) // a second one does nothing
		if _, err := bob.tryJoin(chat.JoinRequest{Room: room, Name: "Bob"}); err == nil {
			t.Error("a closed connection joined")
		}
		ada.hears()
		if s := h.svc.Stats(); s != (chat.Stats{Sessions: 1, Rooms: 1, Members: 1}) {
			t.Errorf("stats %+v", s)
		}
	})
}

// A partingStore holds back that a member has left, until release.
type partingStore struct {
	chat.Store
	saving, release chan struct{}
}

func (s *partingStore) SaveMembership(ctx context.Context, m chat.Membership, free time.Time) error {
	if !m.Joined {
		close(s.saving)
		<-s.release
	}
	return s.Store.SaveMembership(ctx, m, free)
}

// What an identity's connections do to its membership at the same time is done in
// turn: a join behind a leave waits for that to be saved, lest it were saved last
// and the member, who is here, forgotten at the next start.
func TestJoinBehindALeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var store *partingStore
		h := open(t, setup{store: func(s chat.Store) chat.Store {
			store = &partingStore{Store: s, saving: make(chan struct{}), release: make(chan struct{})}
			return store
		}})
		ada := h.newcomer("Ada")
		room := ada.room()
		ada.join(room)
		again := ada.again()
		left, joined := make(chan error, 1), make(chan error, 1)
		go func() { left <- ada.leave(room, true) }()
		<-store.saving
		go func() {
			_, err := again.tryJoin(chat.JoinRequest{Room: room, Name: "Ada"})
			joined <- err
		}()
		synctest.Wait()
		if len(joined) > 0 {
			t.Error("the join did not wait for its turn")
		}
		close(store.release)
		if err := <-left; err != nil {
			t.Error(err)
		}
		if err := <-joined; err != nil {
			t.Error(err)
		}
		again.say(room, "here")
		h.stop()
		later := open(t, setup{path: h.path})
		if _, err := again.in(later).trySend(chat.SendRequest{Room: room, Text: "still a member"}); err != nil {
			t.Errorf("after the next start: %v", err)
		}
	})
}

// A lookingStore counts what is looked up of who joins.
type lookingStore struct {
	chat.Store
	looks atomic.Int32
}

func (s *lookingStore) Membership(ctx context.Context, room chat.RoomID, id chat.Identity) (chat.Membership, bool, error) {
	s.looks.Add(1)
	return s.Store.Membership(ctx, room, id)
}

func (s *lookingStore) Barred(ctx context.Context, room chat.RoomID, from chat.Trace, now time.Time) (time.Time, error) {
	s.looks.Add(1)
	return s.Store.Barred(ctx, room, from, now)
}

// Nobody looks for an identity that was made a moment ago; but where its holder told others its token, and
// they were here first, what became of them counts.
func TestJoinOfAStranger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var store *lookingStore
		h := open(t, setup{store: func(s chat.Store) chat.Store {
			store = &lookingStore{Store: s}
			return store
		}})
		ada, bob, eve, dan := h.newcomer("Ada"), h.newcomer("Bob"), h.newcomer("Eve"), h.newcomer("Dan")
		room := ada.room()
		ada.join(room)
		for _, p := range []*person{bob, eve} {
			p.from = chat.ParseAddress("192.0.2.1:80")
			p.conn = h.svc.OpenNew(p.id, p.from, p.ear)
		}
		store.looks.Store(0)
		bob.join(room)
		if n := store.looks.Load(); n != 0 {
			t.Errorf("a newcomer's join looked %d times", n)
		}
		second := eve.again()
		second.from = eve.from
		second.connect()
		second.join(room)
		if n := store.looks.Load(); n != 2 {
			t.Errorf("the join of one who has a token looked %d times", n)
		}

		// Eve is put out by the connection that she joined on, and comes with the one for which her token was made.
		if err := ada.sanction(chat.Ban, room, eve, -1, ""); err != nil {
			t.Fatal(err)
		}
		_, err := eve.tryJoin(chat.JoinRequest{Room: room, Name: "Eve"})
		refusedFor(t, err, chat.Banned, 0)

		// Dan was here, and left, under another name; he is the same one.
		other := dan.again()
		other.name = "Daniel"
		was := other.join(room)
		if err := other.leave(room, true); err != nil {
			t.Fatal(err)
		}
		if is := dan.join(room); is.You.ID != was.You.ID || is.You.Color != was.You.Color || is.You.Name != "Dan" {
			t.Errorf("%+v came back as %+v", was.You, is.You)
		}

		// Nor is somebody asked for the passphrase who gave it on another connection, or kept out of a room that was locked then.
		fay := h.newcomer("Fay")
		second = fay.again()
		second.join(room)
		if err := second.leave(room, true); err != nil {
			t.Fatal(err)
		}
		ada.mustSet(chat.SetRequest{Room: room, Locked: new(true)})
		fay.join(room)
		// And who comes back on the connection that it was new on is known.
		if err := fay.leave(room, true); err != nil {
			t.Fatal(err)
		}
		fay.join(room)
		h.stop()
	})
}
