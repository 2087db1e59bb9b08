package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"snug/internal/chat"
)

// A model is what a store should be, as simply as can be said.
type model struct {
	rooms  []*modelRoom // by rising ID
	lastID chat.RoomID
}

type modelRoom struct {
	chat.Room
	log     []chat.Entry // all ever appended: seq n is log[n-1]
	by      []chat.Identity
	members map[chat.Identity]chat.Membership
	reacts  []reacted
}

// A reacted is a reaction that stands.
type reacted struct {
	seq   chat.Seq
	by    chat.Identity
	emoji string
}

func (r *modelRoom) kept() []chat.Entry { return r.log[r.First-1:] }

// append does what Store.Append should.
func (r *modelRoom) append(d chat.Draft, now time.Time) (chat.Appended, error) {
	for i, e := range r.kept() {
		if d.ID == "" || e.ID != d.ID || r.by[int(r.First)-1+i] != d.Identity {
			continue
		}
		if e.Kind != d.Kind {
			return chat.Appended{}, &chat.Error{Code: chat.Conflict}
		}
		return chat.Appended{Seq: e.Seq, At: e.At, Duplicate: true}, nil
	}
	if d.Refusal != nil {
		return chat.Appended{}, d.Refusal
	}
	var target *chat.Entry
	if !d.Kind.Talk() {
		var a chat.Appended
		var err error
		if target, a, err = r.target(d); err != nil || a.Duplicate {
			return a, err
		}
	}
	if d.Member != nil {
		if err := r.save(*d.Member, d.Free); err != nil {
			return chat.Appended{}, err
		}
	}
	at := now.Truncate(time.Millisecond)
	if n := len(r.log); n > 0 && r.log[n-1].At.After(at) {
		at = r.log[n-1].At
	}
	r.Head++
	r.log = append(r.log, chat.Entry{
		RoomID: r.ID, Room: r.Code, Seq: r.Head, Kind: d.Kind, At: at, From: d.From, ID: d.ID, Text: d.Text, ReplyTo: d.ReplyTo, Was: d.Was,
		Target: d.Target, Emoji: d.Emoji, On: d.On,
	})
	r.by = append(r.by, d.Identity)
	if target != nil {
		r.revise(d, at)
	}
	return chat.Appended{Seq: r.Head, At: at}, nil
}

// target finds what a draft revises, or what it is answered with if it revises nothing.
func (r *modelRoom) target(d chat.Draft) (e *chat.Entry, a chat.Appended, err error) {
	missing := &chat.Error{Code: chat.NotFound}
	if d.Target < r.First || d.Target > r.Head {
		return nil, a, missing
	}
	e = &r.log[d.Target-1]
	same, deleted := false, !e.Deleted.IsZero()
	switch {
	case e.Kind != chat.KindMessage, deleted && d.Kind != chat.KindDelete:
		return nil, a, missing
	case d.Kind == chat.KindDelete:
		same = deleted
	case d.Kind == chat.KindEdit:
		same = e.Text == d.Text
	default:
		same = slices.Contains(r.reacts, reacted{d.Target, d.Identity, d.Emoji}) == d.On
	}
	if same {
		newest := &r.log[max(e.Rev, e.Seq)-1]
		a = chat.Appended{Seq: newest.Seq, At: newest.At, Duplicate: true}
	}
	return e, a, nil
}

// revise does what the newest entry says to its target.
func (r *modelRoom) revise(d chat.Draft, at time.Time) {
	e := &r.log[d.Target-1]
	e.Rev = r.Head
	if d.Kind != chat.KindReact {
		for i := range r.log[:r.Head-1] {
			if o := &r.log[i]; o.Kind == chat.KindEdit && o.Target == d.Target {
				o.Text = ""
			}
		}
	}
	mark := reacted{d.Target, d.Identity, d.Emoji}
	switch {
	case d.Kind == chat.KindEdit:
		e.Text, e.Edited = d.Text, at
	case d.Kind == chat.KindDelete:
		*e = chat.Entry{RoomID: e.RoomID, Room: e.Room, Seq: e.Seq, Kind: e.Kind, At: e.At, From: e.From, ID: e.ID, Deleted: at, Rev: e.Rev}
		r.reacts = slices.DeleteFunc(r.reacts, func(o reacted) bool { return o.seq == d.Target })
	case d.On:
		r.reacts = append(r.reacts, mark)
	default:
		r.reacts = slices.DeleteFunc(r.reacts, func(o reacted) bool { return o == mark })
	}
	if d.Kind != chat.KindReact {
		return
	}
	// Those who still stand, in the order in which each emoji first came and stayed.
	e.Reactions = slices.Clone(e.Reactions)
	if i := slices.IndexFunc(e.Reactions, func(o chat.Reaction) bool { return o.Emoji == d.Emoji }); i < 0 {
		e.Reactions = append(e.Reactions, chat.Reaction{Emoji: d.Emoji})
	}
	for i := range e.Reactions {
		o := &e.Reactions[i]
		o.Count = 0
		for _, s := range r.reacts {
			if s.seq == d.Target && s.emoji == o.Emoji {
				o.Count++
			}
		}
	}
	e.Reactions = slices.DeleteFunc(e.Reactions, func(o chat.Reaction) bool { return o.Count == 0 })
	if len(e.Reactions) == 0 {
		e.Reactions = nil
	}
}

// mine does what Store.Mine should.
func (r *modelRoom) mine(id chat.Identity, first, last chat.Seq) map[chat.Seq][]string {
	mine := make(map[chat.Seq][]string)
	for _, o := range r.reacts {
		if o.by == id && o.seq >= first && o.seq <= last {
			mine[o.seq] = append(mine[o.seq], o.emoji)
		}
	}
	for _, list := range mine {
		slices.Sort(list)
	}
	return mine
}

// holders does what Store.NameHeld should, and finds who would lose their names.
func (r *modelRoom) holders(skeleton, alike string, id chat.Identity, free time.Time) (who []chat.Identity, held bool) {
	for _, m := range r.members {
		if skeleton == "" || m.Identity == id {
			continue
		}
		for _, look := range []string{skeleton, alike} {
			if look != "" && (m.Skeleton == look || m.Alike == look) {
				who = append(who, m.Identity)
				held = held || m.Role != chat.RoleMember || !m.Seen.Before(free)
			}
		}
	}
	return who, held
}

// save does what Store.SaveMembership should.
func (r *modelRoom) save(m chat.Membership, free time.Time) error {
	if owners := r.owners(); m.Role != chat.RoleOwner && len(owners) == 1 && owners[0] == m.Identity {
		return &chat.Error{Code: chat.Forbidden}
	}
	who, held := r.holders(m.Skeleton, m.Alike, m.Identity, free)
	if held {
		return &chat.Error{Code: chat.NameTaken}
	}
	for _, id := range who {
		loser := r.members[id]
		loser.Name, loser.Skeleton, loser.Alike = "", "", ""
		r.members[id] = loser
	}
	r.members[m.Identity] = m
	return nil
}

func (r *modelRoom) owners() (list []chat.Identity) {
	for id, m := range r.members {
		if m.Role == chat.RoleOwner {
			list = append(list, id)
		}
	}
	return list
}

// page does what Store.Page should.
func (r *modelRoom) page(q chat.PageQuery) chat.Page {
	p := chat.Page{Head: r.Head, First: r.First}
	var before, after []*chat.Entry // nearest first
	kept := r.kept()
	for i := range kept {
		switch e := &kept[i]; {
		case q.To != 0 && e.Seq > q.To, q.After == nil && !e.Kind.Talk():
		case q.After != nil && e.Seq > *q.After, q.Around != 0 && e.Seq > q.Around:
			after = append(after, e)
		case q.After == nil && (q.Before == 0 || e.Seq < q.Before):
			before = append(before, e)
		}
	}
	slices.Reverse(before)
	size := 0
	take := func(from *[]*chat.Entry) bool {
		if len(*from) == 0 || len(p.Entries) >= q.Limit || len(p.Entries) > 0 && q.Bytes > 0 && size+(*from)[0].Size() > q.Bytes {
			return false
		}
		size += (*from)[0].Size()
		p.Entries = append(p.Entries, *(*from)[0])
		*from = (*from)[1:]
		return true
	}
	for b, a := true, true; b || a; {
		b = b && take(&before)
		a = a && take(&after)
	}
	slices.SortFunc(p.Entries, func(x, y chat.Entry) int { return int(x.Seq) - int(y.Seq) })
	if p.More = len(before) > 0; q.After != nil {
		p.More = len(after) > 0
	}
	return p
}

// testModel compares a store with the model under random operations.
func testModel(t *testing.T, b Backend) {
	f := open(t, b)
	for seed := range uint64(scale(3, 1)) {
		w := &walk{fixture: f, b: b, r: rand.New(rand.NewPCG(seed, 1)), m: &model{}, seed: seed}
		for i := 0; i < 100 && !t.Failed(); i++ {
			w.step()
		}
		for _, r := range w.m.rooms {
			if err := f.DeleteRoom(f.ctx(), r.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// A walk is one random run.
type walk struct {
	*fixture
	b    Backend
	r    *rand.Rand
	m    *model
	seed uint64
	made int
}

func (w *walk) step() {
	w.clock.move(time.Duration(w.r.IntN(4000)-1000) * (time.Millisecond + 7*time.Microsecond)) // it runs backwards now and then
	if len(w.m.rooms) < 3 {
		w.create()
		return
	}
	room := w.m.rooms[w.r.IntN(len(w.m.rooms))]
	switch n := w.r.IntN(100); {
	case n < 40:
		w.appendSome()
	case n < 65:
		w.read(room)
	case n < 75:
		w.save(room)
	case n < 80:
		w.touch(room)
	case n < 90:
		w.look(room)
	case n < 95:
		w.prune(room)
	case n < 97:
		w.destroy(room)
	default:
		w.reopen(w.b)
	}
}

func (w *walk) create() {
	w.made++
	r, dup, err := w.CreateRoom(w.ctx(), sample(fmt.Sprintf("room-%d-%d", w.seed, w.made)), "")
	if err != nil || dup || r.ID <= w.m.lastID {
		w.Fatalf("create: %+v, %t, %v", r, dup, err)
	}
	w.m.lastID = r.ID
	w.m.rooms = append(w.m.rooms, &modelRoom{Room: r, members: make(map[chat.Identity]chat.Membership)})
}

func (w *walk) membership(room chat.RoomID) chat.Membership {
	m := membership(room, byte(w.r.IntN(6)))
	m.Seen = w.clock.Now().Truncate(time.Millisecond).Add(-time.Duration(w.r.IntN(20)) * time.Second)
	m.Skeleton = []string{"", "a", "b", "c", "d"}[w.r.IntN(5)]
	m.Read = chat.Seq(w.r.IntN(30))
	if m.Alike = []string{"", "a", "d", "e"}[w.r.IntN(4)]; m.Skeleton == "" {
		m.Alike = ""
	}
	switch w.r.IntN(8) {
	case 0, 1:
		m.Role = chat.RoleModerator
	case 2:
		m.Role = chat.RoleOwner
	}
	return m
}

func (w *walk) free() time.Time { return w.clock.Now().Add(-10 * time.Second) }

// appendSome appends up to 40 drafts of every sort, to all rooms, at once.
func (w *walk) appendSome() {
	var got []<-chan answer
	var want []answer
	for range 1 + w.r.IntN(40) {
		room := w.m.rooms[w.r.IntN(len(w.m.rooms))]
		d := message(room.ID, byte(w.r.IntN(3)), "", fmt.Sprint("text ", w.r.Uint32()))
		if w.r.IntN(3) > 0 {
			d.ID = fmt.Sprint("id-", w.r.IntN(200))
		}
		switch w.r.IntN(10) {
		case 3, 4:
			d.Kind, d.Target, d.Emoji, d.On = chat.KindReact, w.target(room), []string{"👍", "❤️", "🎉"}[w.r.IntN(3)], w.r.IntN(3) > 0
		case 5:
			d.Kind, d.Target, d.Text = chat.KindEdit, w.target(room), fmt.Sprint("edit ", w.r.IntN(3))
		case 6:
			d.Kind, d.Target = chat.KindDelete, w.target(room)
		case 1:
			d.Refusal = errors.New("refused")
		case 2:
			d.Kind, d.Was, d.Member, d.Free = chat.KindName, "before", new(w.membership(room.ID)), w.free()
		}
		a, err := room.append(d, w.clock.Now())
		want = append(want, answer{a, err})
		got = append(got, w.queue(d))
	}
	for i := range want {
		if a := w.wait(got[i]); a.Appended != want[i].Appended || chat.CodeOf(a.err) != chat.CodeOf(want[i].err) {
			w.Errorf("seed %d: append %d of %d: %+v, want %+v", w.seed, i, len(want), a, want[i])
		}
	}
}

// target is the seq of an entry that there is, mostly.
func (w *walk) target(room *modelRoom) chat.Seq { return chat.Seq(w.r.IntN(int(room.Head) + 2)) }

func (w *walk) read(room *modelRoom) {
	n := int(room.Head) + 3
	q := chat.PageQuery{Room: room.ID, Limit: w.r.IntN(40), Bytes: w.r.IntN(2) * w.r.IntN(8000), To: chat.Seq(w.r.IntN(2) * w.r.IntN(n))}
	switch w.r.IntN(4) {
	case 0:
		q.Before = chat.Seq(w.r.IntN(n))
	case 1:
		q.After = new(chat.Seq(w.r.IntN(n)))
	case 2:
		q.Around = chat.Seq(w.r.IntN(n))
	}
	if d := cmp.Diff(room.page(q), w.page(q)); d != "" {
		w.Errorf("seed %d: Page(%+v): %s", w.seed, q, d)
	}
	after, most, unread := chat.Seq(w.r.IntN(n)), w.r.IntN(20), 0
	for _, e := range room.kept() {
		if e.Seq > after && e.Kind == chat.KindMessage && e.Deleted.IsZero() {
			unread++
		}
	}
	who := identity(byte(w.r.IntN(3)))
	if got, err := w.Mine(w.ctx(), room.ID, who, q.To, after); err != nil || cmp.Diff(room.mine(who, q.To, after), got) != "" {
		w.Errorf("seed %d: Mine(%d, %d): %v, %s", w.seed, q.To, after, err, cmp.Diff(room.mine(who, q.To, after), got))
	}
	if got, err := w.Unread(w.ctx(), room.ID, after, most); err != nil || got != min(unread, most) {
		w.Errorf("seed %d: Unread(%d, %d) = %d, %v, want %d", w.seed, after, most, got, err, min(unread, most))
	}
}

func (w *walk) save(room *modelRoom) {
	m, free := w.membership(room.ID), w.free()
	want := room.save(m, free)
	if err := w.SaveMembership(w.ctx(), m, free); chat.CodeOf(err) != chat.CodeOf(want) {
		w.Errorf("seed %d: SaveMembership(%+v): %v, want %v", w.seed, m, err, want)
	}
}

func (w *walk) touch(room *modelRoom) {
	for range w.r.IntN(5) {
		m := w.membership(room.ID)
		w.Touch(room.ID, m.Identity, m.Seen, m.Read)
		if old, ok := room.members[m.Identity]; ok {
			old.Read = max(old.Read, m.Read)
			if m.Seen.After(old.Seen) {
				old.Seen = m.Seen
			}
			room.members[m.Identity] = old
		}
	}
	w.save(room) // waits for them
}

// look compares all there is about a room and its members.
func (w *walk) look(room *modelRoom) {
	if got, err := w.Room(w.ctx(), room.Code); err != nil || cmp.Diff(room.Room, got) != "" {
		w.Errorf("seed %d: %v: %s", w.seed, err, cmp.Diff(room.Room, got))
	}
	var last time.Time
	if len(room.log) > 0 {
		last = room.log[len(room.log)-1].At
	}
	if at, err := w.LastAt(w.ctx(), room.ID); err != nil || !at.Equal(last) {
		w.Errorf("seed %d: LastAt %v, %v, want %v", w.seed, at, err, last)
	}
	for n := range byte(6) {
		got, ok, err := w.Membership(w.ctx(), room.ID, identity(n))
		want, known := room.members[identity(n)]
		if got != want || ok != known || err != nil {
			w.Errorf("seed %d: member %d: %+v, %t, %v, want %+v", w.seed, n, got, ok, err, want)
		}
		free := w.free()
		_, taken := room.holders(want.Skeleton, want.Alike, identity(n+1), free)
		if held, err := w.NameHeld(w.ctx(), room.ID, identity(n+1), want.Skeleton, want.Alike, free); err != nil || held != taken {
			w.Errorf("seed %d: NameHeld(%q, %q) = %t, %v, want %t", w.seed, want.Skeleton, want.Alike, held, err, taken)
		}
	}
}

func (w *walk) prune(room *modelRoom) {
	before, limit, want := w.clock.Now().Add(-time.Duration(w.r.IntN(60))*time.Second), w.r.IntN(60), 0
	for _, e := range room.kept() {
		if want >= limit || !e.At.Before(before) {
			break
		}
		want++
	}
	if n, err := w.Prune(w.ctx(), room.ID, before, limit); err != nil || n != want {
		w.Errorf("seed %d: Prune = %d, %v, want %d", w.seed, n, err, want)
	}
	room.First += chat.Seq(want)
	room.reacts = slices.DeleteFunc(room.reacts, func(o reacted) bool { return o.seq < room.First })
}

func (w *walk) destroy(room *modelRoom) {
	if err := w.DeleteRoom(w.ctx(), room.ID); err != nil {
		w.Errorf("seed %d: DeleteRoom: %v", w.seed, err)
	}
	w.m.rooms = slices.DeleteFunc(w.m.rooms, func(r *modelRoom) bool { return r == room })
}
