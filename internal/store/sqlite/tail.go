package sqlite

import (
	"slices"
	"sync"

	"snug/internal/chat"
)

// A tail holds in memory the entries that are committed to the inbox but not
// folded into the log table yet.
//
// A reader takes a room's tail first and then looks at the table: whatever
// lies before the tail's first entry was folded before, so the table has it,
// and the two make one whole as of the moment when the tail was taken. (A fold copies to
// the table first; that the table already has some of the tail's entries does not matter.)
type tail struct {
	deeds map[deed]chat.Seq // who made which under which id; the writer's alone

	mu    sync.RWMutex
	rooms map[chat.RoomID]*roomTail // guarded by mu; changed by the writer alone
	drops uint64                    // calls of drop; guarded by mu
}

// A roomTail is one room's: dense, oldest first, never empty. Its slices only
// grow or are replaced, so that a reader may keep what it took.
type roomTail struct {
	entries []*chat.Entry // immutable; a revised one is replaced
	made    []maker       // of each; the writer's alone
}

// A maker is what the store knows of an entry beyond what is shown: who made
// it, where its id, if any, is found, and where it is.
type maker struct {
	by   chat.Identity
	key  int64    // idKey
	row  int64    // of the inbox; 0 until it is written there, or once it is folded
	edit chat.Seq // of a message: the edit that holds its present text too; 0 for none
}

func newTail() *tail {
	return &tail{deeds: make(map[deed]chat.Seq), rooms: make(map[chat.RoomID]*roomTail)}
}

// of returns a room's entries, which must not be changed.
func (l *tail) of(room chat.RoomID) []*chat.Entry {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if r := l.rooms[room]; r != nil {
		return r.entries
	}
	return nil
}

// dropped counts how often entries have left the tail.
func (l *tail) dropped() uint64 {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.drops
}

// heads returns the newest seq of each room that has a tail.
func (l *tail) heads() map[chat.RoomID]chat.Seq {
	l.mu.RLock()
	defer l.mu.RUnlock()
	m := make(map[chat.RoomID]chat.Seq, len(l.rooms))
	for id, r := range l.rooms {
		m[id] = r.entries[len(r.entries)-1].Seq
	}
	return m
}

// find returns the entry that was made under a name, or nil. Only the writer may call it.
func (l *tail) find(name deed) *chat.Entry {
	seq, ok := l.deeds[name]
	if !ok {
		return nil
	}
	r := l.rooms[name.room]
	return r.entries[seq-r.entries[0].Seq]
}

// add takes in entries, in the order of their seqs. Only the writer may call it.
func (l *tail) add(entries []chat.Entry, made []maker) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range entries {
		e := &entries[i]
		r := l.rooms[e.RoomID]
		if r == nil {
			r = &roomTail{}
			l.rooms[e.RoomID] = r
		}
		r.entries = append(r.entries, e)
		r.made = append(r.made, made[i])
		if e.ID != "" {
			l.deeds[deed{e.RoomID, made[i].by, e.ID}] = e.Seq
		}
	}
}

// revise puts later versions in the place of entries. Only the writer may call it.
func (l *tail) revise(versions map[int64]*version) {
	l.mu.Lock()
	defer l.mu.Unlock()
	cloned := make(map[*roomTail]bool)
	for _, v := range versions {
		r := l.rooms[v.entry.RoomID]
		if r == nil || v.entry.Seq < r.entries[0].Seq {
			continue
		}
		if !cloned[r] {
			cloned[r] = true
			r.entries = slices.Clone(r.entries)
		}
		i := v.entry.Seq - r.entries[0].Seq
		r.entries[i], r.made[i] = &v.entry, v.maker
	}
}

// drop lets go of a room's entries up to seq. Only the writer may call it.
func (l *tail) drop(room chat.RoomID, seq chat.Seq) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.drops++
	r := l.rooms[room]
	if r == nil || r.entries[0].Seq > seq {
		return
	}
	n := min(len(r.entries), int(seq-r.entries[0].Seq)+1)
	for i, e := range r.entries[:n] {
		if name := (deed{room, r.made[i].by, e.ID}); l.deeds[name] == e.Seq {
			delete(l.deeds, name)
		}
	}
	if n == len(r.entries) {
		delete(l.rooms, room)
		return
	}
	r.entries, r.made = slices.Clone(r.entries[n:]), slices.Clone(r.made[n:])
}
