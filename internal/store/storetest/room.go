package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"snug/internal/chat"
)

func testRooms(t *testing.T, b Backend) {
	f := open(t, b)
	asked := sample("Ab3-x")
	asked.ID, asked.Head, asked.First = 99, 99, 99 // ignored
	made, dup, err := f.CreateRoom(f.ctx(), asked, "")
	if err != nil || dup {
		t.Fatal(dup, err)
	}
	want := sample("Ab3-x")
	want.ID, want.First = made.ID, 1
	if d := cmp.Diff(want, made); d != "" || made.ID < 1 {
		t.Errorf("made, but not as asked (ID %d): %s", made.ID, d)
	}
	plain := chat.Room{Code: "PLAIN", Keep: chat.KeepForever, CreatedAt: asked.CreatedAt, Key: asked.Key}
	if plain, _, err = f.CreateRoom(f.ctx(), plain, ""); err != nil {
		t.Fatal(err)
	}
	if plain.Pass != nil || plain.Keep != chat.KeepForever || plain.Locked || plain.Slow != 0 || plain.ID <= made.ID {
		t.Errorf("a room without anything became %+v", plain)
	}
	_, _, err = f.CreateRoom(f.ctx(), sample("aB3-X"), "")
	f.want(chat.Conflict, err) // case-blind

	f.fill(made.ID, 3)
	want.Head = 3
	for round := range 2 {
		for _, code := range []string{"Ab3-x", "AB3-X", "ab3-x"} {
			got, err := f.Room(f.ctx(), code)
			if d := cmp.Diff(want, got); err != nil || d != "" {
				t.Errorf("round %d: Room(%s): %v %s", round, code, err, d)
			}
		}
		_, err = f.Room(f.ctx(), "NOSUCH")
		f.want(chat.NotFound, err)
		if round == 0 {
			f.reopen(b)
		}
	}

	ids := []chat.RoomID{made.ID, plain.ID}
	for i := range 5 {
		ids = append(ids, f.room(fmt.Sprint("room-", i)).ID)
	}
	var listed []chat.RoomID
	for after := chat.RoomID(0); ; {
		list, err := f.Rooms(f.ctx(), after, 3)
		if err != nil || len(list) > 3 {
			t.Fatal(len(list), err)
		}
		if len(list) == 0 {
			break
		}
		for _, r := range list {
			listed = append(listed, r.ID)
			if r.ID == made.ID && cmp.Diff(want, r) != "" {
				t.Errorf("listed as %+v", r)
			}
		}
		after = list[len(list)-1].ID
	}
	if d := cmp.Diff(ids, listed); d != "" {
		t.Errorf("Rooms: %s", d)
	}
	if n, err := f.RoomCount(f.ctx()); err != nil || n != len(ids) {
		t.Errorf("%d rooms are counted, want %d, %v", n, len(ids), err)
	}
}

func testCreateTwice(t *testing.T, b Backend) {
	f := open(t, b)
	create := func(code string, creator byte, request string) (chat.Room, bool, error) {
		r := sample(code)
		r.Creator = identity(creator)
		return f.CreateRoom(f.ctx(), r, request)
	}
	known := func(creator byte, request string) chat.RoomID {
		t.Helper()
		r, ok, err := f.CreatedRoom(f.ctx(), identity(creator), request)
		if err != nil || ok != (r.ID != 0) {
			t.Fatal(r, ok, err)
		}
		return r.ID
	}
	first, _, err := create("first", 1, "req")
	if err != nil {
		t.Fatal(err)
	}
	if known(1, "req") != first.ID || known(2, "req") != 0 || known(1, "other") != 0 || known(1, "") != 0 {
		t.Error("CreatedRoom finds the wrong rooms")
	}
	f.fill(first.ID, 2)
	for range 2 {
		// Whatever else the retry carries, even a code that is in use.
		again, dup, err := create("FIRST", 1, "req")
		if err != nil || !dup || again.ID != first.ID || again.Code != "first" || again.Head != 2 {
			t.Errorf("a retry made %+v, dup %t, %v", again, dup, err)
		}
		f.reopen(b)
	}
	if r, dup, err := create("second", 2, "req"); err != nil || dup || r.ID == first.ID {
		t.Errorf("another's request of the same name: %+v, %t, %v", r, dup, err)
	}
	for _, code := range []string{"third", "fourth"} {
		if _, dup, err := create(code, 1, ""); err != nil || dup {
			t.Errorf("without a request id %s is a duplicate (%t) or failed: %v", code, dup, err)
		}
	}
	f.clock.move(24*time.Hour - time.Second)
	if known(1, "req") != first.ID {
		t.Error("forgotten before 24 h")
	}
	f.clock.move(2 * time.Second)
	if known(1, "req") != 0 {
		t.Error("remembered after 24 h")
	}
	_, _, err = create("first", 1, "req")
	f.want(chat.Conflict, err)
	later, dup, err := create("later", 1, "req")
	if err != nil || dup || known(1, "req") != later.ID {
		t.Errorf("the same request id a day later: %+v, %t, %v", later, dup, err)
	}
	if err := f.DeleteRoom(f.ctx(), later.ID); err != nil {
		t.Fatal(err)
	}
	if id := known(1, "req"); id != 0 {
		t.Errorf("a deleted room, or an old one, is found by its request: %d", id)
	}
}

func testDeletion(t *testing.T, b Backend) {
	f := open(t, b)
	before, doomed, after := f.room("before"), f.room("doomed"), f.room("after")
	for _, r := range []chat.Room{before, doomed, after} {
		f.fill(r.ID, 1200)
		for n := range byte(3) {
			if err := f.SaveMembership(f.ctx(), membership(r.ID, n), time.Time{}); err != nil {
				t.Fatal(err)
			}
		}
		if a := f.add(message(r.ID, 1, "once", "")); a.err != nil {
			t.Fatal(a.err)
		}
	}
	for range 2 { // the second time it is not there
		if err := f.DeleteRoom(f.ctx(), doomed.ID); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		_, err := f.Room(f.ctx(), "doomed")
		f.want(chat.NotFound, err)
		_, err = f.Page(f.ctx(), chat.PageQuery{Room: doomed.ID, Limit: 1})
		f.want(chat.NotFound, err)
		_, err = f.Unread(f.ctx(), doomed.ID, 0, 1)
		f.want(chat.NotFound, err)
		_, err = f.LastAt(f.ctx(), doomed.ID)
		f.want(chat.NotFound, err)
		_, err = f.Prune(f.ctx(), doomed.ID, f.clock.Now(), 1)
		f.want(chat.NotFound, err)
		f.want(chat.NotFound, f.add(message(doomed.ID, 1, "", "")).err)
		f.want(chat.NotFound, f.add(message(doomed.ID, 1, "once", "")).err)
		f.want(chat.NotFound, f.SaveMembership(f.ctx(), membership(doomed.ID, 1), time.Time{}))
		if _, ok, err := f.Membership(f.ctx(), doomed.ID, identity(1)); ok || err != nil {
			t.Errorf("a membership outlived its room (%t) or: %v", ok, err)
		}
		list, err := f.Rooms(f.ctx(), 0, 10)
		if err != nil || len(list) != 2 {
			t.Errorf("%d rooms are listed, %v", len(list), err)
		}
		if n, err := f.RoomCount(f.ctx()); err != nil || n != 2 {
			t.Errorf("%d rooms are counted, %v", n, err)
		}
		for _, r := range []chat.Room{before, after} {
			if got := f.all(r.ID); len(got) != 1201 {
				t.Errorf("a neighbour has %d entries", len(got))
			}
			if _, ok, _ := f.Membership(f.ctx(), r.ID, identity(1)); !ok {
				t.Error("a neighbour lost its members")
			}
			if a := f.add(message(r.ID, 1, "once", "")); !a.Duplicate || a.Seq != 1201 {
				t.Errorf("a neighbour forgot an id: %+v", a)
			}
		}
		f.reopen(b)
	}
	// The newest room's number is not used again either.
	if err := f.DeleteRoom(f.ctx(), after.ID); err != nil {
		t.Fatal(err)
	}
	f.reopen(b)
	again := f.room("DOOMED")
	if again.ID <= after.ID || again.Head != 0 || again.First != 1 {
		t.Errorf("a new room under the freed code is %+v", again)
	}
	if p := f.page(chat.PageQuery{Room: again.ID, Limit: 10}); len(p.Entries) != 0 || p.Head != 0 || p.First != 1 {
		t.Errorf("it is not empty: %+v", p)
	}
	if a := f.add(message(again.ID, 1, "once", "")); a.Seq != 1 || a.Duplicate {
		t.Errorf("its first entry is %+v", a)
	}
}

// Drafts before the deletion are stored, those after it get NotFound.
func testDeletionRace(t *testing.T, b Backend) {
	f := open(t, b)
	room, other := f.room("room"), f.room("other")
	const each = 300
	answers := make([]<-chan answer, 0, each)
	deleted := make(chan error, 1)
	for i := range each {
		if i == each/2 {
			go func() { deleted <- f.DeleteRoom(f.ctx(), room.ID) }()
		}
		answers = append(answers, f.queue(message(room.ID, 1, "", "x")))
		f.queue(message(other.ID, 1, "", "y"))
	}
	if err := <-deleted; err != nil {
		t.Fatal(err)
	}
	answers = append(answers, f.queue(message(room.ID, 1, "", "late")))
	gone := false
	for i, c := range answers {
		a := f.wait(c)
		switch {
		case a.err != nil:
			f.want(chat.NotFound, a.err)
			gone = true
		case gone:
			t.Fatalf("draft %d was stored after an earlier one found the room gone", i)
		case int(a.Seq) != i+1:
			t.Fatalf("draft %d got seq %d", i, a.Seq)
		}
	}
	if !gone {
		t.Error("the last draft was stored in a deleted room")
	}
	if n := len(f.all(other.ID)); n != each {
		t.Errorf("the other room has %d entries", n)
	}
}

// A room entry sets what it says in its own commit, and tells what that changed.
func testSet(t *testing.T, b Backend) {
	f := open(t, b)
	room := f.room("room")
	keep, slow := chat.KeepForever, 5*time.Second
	set := func(c chat.RoomChange, pass []byte) chat.Draft {
		return chat.Draft{Room: room.ID, Identity: identity(1), From: author(1), Kind: chat.KindRoom, Info: &c, Pass: pass}
	}
	for i, c := range []struct {
		draft chat.Draft
		told  *chat.RoomChange // nil: nothing changes
		room  func(*chat.Room)
	}{
		{set(chat.RoomChange{Title: new("new"), Locked: new(true)}, nil), &chat.RoomChange{Title: new("new")}, func(r *chat.Room) { r.Title = "new" }},
		{set(chat.RoomChange{Title: new("new"), Locked: new(true), Keep: new(chat.Keep(30))}, nil), nil, nil},
		{set(chat.RoomChange{}, nil), nil, nil},
		{set(chat.RoomChange{Locked: new(false), Keep: &keep, Slow: &slow}, nil), &chat.RoomChange{Locked: new(false), Keep: &keep, Slow: &slow}, func(r *chat.Room) {
			r.Locked, r.Keep, r.Slow = false, keep, slow
		}},
		{set(chat.RoomChange{Passphrase: new(true)}, []byte{9}), &chat.RoomChange{Passphrase: new(true)}, func(r *chat.Room) { r.Pass, r.PassRev = []byte{9}, 8 }},
		{set(chat.RoomChange{Passphrase: new(true)}, []byte{9}), &chat.RoomChange{Passphrase: new(true)}, func(r *chat.Room) { r.PassRev = 9 }},
		{set(chat.RoomChange{Passphrase: new(false), Title: new("")}, nil), &chat.RoomChange{Passphrase: new(false), Title: new("")}, func(r *chat.Room) {
			r.Pass, r.PassRev, r.Title = nil, 10, ""
		}},
		{set(chat.RoomChange{Passphrase: new(false)}, nil), nil, nil},
	} {
		a := f.add(c.draft)
		if a.err != nil || a.Duplicate != (c.told == nil) || a.Room == nil {
			t.Fatalf("draft %d: %+v", i, a)
		}
		if c.told != nil {
			room.Head++
			c.room(&room)
			log := f.all(room.ID)
			if e := log[len(log)-1]; e.Seq != room.Head || e.Kind != chat.KindRoom || cmp.Diff(c.told, e.Info) != "" {
				t.Errorf("draft %d wrote %+v: %s", i, e, cmp.Diff(c.told, e.Info))
			}
		}
		if a.Seq != room.Head {
			t.Errorf("draft %d has seq %d", i, a.Seq)
		}
		if d := cmp.Diff(room, *a.Room); d != "" {
			t.Errorf("draft %d answers: %s", i, d)
		}
		if got, err := f.Room(f.ctx(), room.Code); err != nil || cmp.Diff(room, got) != "" {
			t.Errorf("draft %d: %v, %s", i, err, cmp.Diff(room, got))
		}
	}
	before := f.all(room.ID)
	f.reopen(b)
	if d := cmp.Diff(before, f.all(room.ID)); d != "" {
		t.Errorf("after a restart: %s", d)
	}
	if got, err := f.Room(f.ctx(), room.Code); err != nil || cmp.Diff(room, got) != "" {
		t.Errorf("after a restart: %v, %s", err, cmp.Diff(room, got))
	}
}
