package chat

import (
	"context"
	"time"
)

// A Store keeps rooms, memberships and logs. All writes go through one queue
// in the order of the calls, and are committed in that order, many at a time.
// "Durable" means fsynced (in a cluster: committed in the shared log).
//
// Methods that take a context block until they are done, or until ctx is: a
// write that was queued may then still happen. Errors are *Error where the
// protocol has a code for them (NotFound, NameTaken, Conflict,
// StorageUnavailable), else plain. Every method may be called from any
// goroutine. storetest is the suite that each Store must pass.
type Store interface {
	// OnCommit sets what is called with the entries of each commit, in commit
	// order, from one goroutine, after they are durable and before any of their
	// Append's done is called. It is set once, before the first write; f must not
	// block and may keep the slice.
	OnCommit(f func([]Entry))

	// Append queues a draft and returns at once. done is called exactly once,
	// from one goroutine, in the order of the calls, when the draft is durable
	// or refused; it must not block. A draft for a deleted room gets NotFound.
	// One bad draft never fails those that share its commit.
	Append(d Draft, done func(Appended, error))

	// CreateRoom stores r (its ID, Head and First are ignored and set in what is
	// returned) durably. A code in use or held, compared case-blind, gets Conflict. Where
	// requestID is not empty and r.Creator made a room under it within the last
	// 24 h, that room is returned and dup is true.
	CreateRoom(ctx context.Context, r Room, requestID string) (room Room, dup bool, err error)

	// CreatedRoom finds the room that creator made under requestID within the last 24 h.
	CreatedRoom(ctx context.Context, creator Identity, requestID string) (Room, bool, error)

	// Room finds a room by its code, case-blind, with its present Head and First.
	Room(ctx context.Context, code string) (Room, error)

	// Rooms lists rooms by rising ID, at most limit, with IDs after after.
	Rooms(ctx context.Context, after RoomID, limit int) ([]Room, error)

	// RoomCount is how many rooms there are.
	RoomCount(ctx context.Context) (int, error)

	// DeleteRoom removes a room with its log and memberships, durably, in steps
	// that do not stall other writers; Appends queued later get NotFound. A room that is not there is no error.
	DeleteRoom(ctx context.Context, id RoomID) error

	// HoldCode keeps a code from being given to a new room until a time, durably.
	// CreateRoom answers Conflict for it, as for one in use.
	HoldCode(ctx context.Context, code string, until time.Time) error

	// SaveMembership inserts or replaces, durably, the membership of (Room,
	// Identity). A Skeleton or Alike that is another membership's Skeleton or Alike gets
	// NameTaken, unless that one is a plain member last Seen before free: then it loses its name.
	// A room that has owners keeps one: what would take the last one's role gets Forbidden.
	SaveMembership(ctx context.Context, m Membership, free time.Time) error

	// Admit is SaveMembership of somebody who is thought never to have been a member: one that has a membership gets
	// Conflict. It asks in the same transaction until when no strangers are let in from an address; if they are not, nothing is
	// stored and that time returned. The zero Trace is never barred.
	Admit(ctx context.Context, m Membership, free time.Time, from Trace, now time.Time) (barred time.Time, err error)

	// Membership finds one by identity; ok is false if there is none.
	Membership(ctx context.Context, room RoomID, id Identity) (m Membership, ok bool, err error)

	// Touch notes when a member was last here and how far it has read; both only
	// rise. It is queued like a write but waited for by nobody: a crash may lose it.
	Touch(room RoomID, id Identity, seen time.Time, read Seq)

	// NameHeld reports whether SaveMembership would refuse a Skeleton and an Alike
	// to id for the sake of another.
	NameHeld(ctx context.Context, room RoomID, id Identity, skeleton, alike string, free time.Time) (bool, error)

	// Member finds a membership by its public name in the room; ok is false if there is none.
	Member(ctx context.Context, room RoomID, id MemberID) (m Membership, ok bool, err error)

	// Sanctioned lists memberships that a sanction holds, by rising MemberID, and
	// says how many there are in all.
	Sanctioned(ctx context.Context, q SanctionQuery) (list []Membership, count int, err error)

	// Barred says until when no strangers are let in from an address, zero if they are.
	Barred(ctx context.Context, room RoomID, from Trace, now time.Time) (time.Time, error)

	// MessagesBy finds messages of a member that are not deleted, with a seq above
	// after, oldest first, at most limit.
	MessagesBy(ctx context.Context, room RoomID, id MemberID, after Seq, limit int) ([]Seq, error)

	// SaveMove keeps a token on its way to another device, durably, in place of an earlier one of its
	// holder. TakeMove hands out what was sealed under a key, once, and not after its time: ok is false then.
	SaveMove(ctx context.Context, m Move) error
	TakeMove(ctx context.Context, key [32]byte) (sealed []byte, ok bool, err error)

	// Page reads a page of a room's log, and its Head and First, in one snapshot.
	Page(ctx context.Context, q PageQuery) (Page, error)

	// Mine finds what an identity has put on messages of a room, from seq first to
	// last: the emoji of each.
	Mine(ctx context.Context, room RoomID, id Identity, first, last Seq) (map[Seq][]string, error)

	// Search reads messages that match a query, newest first, with Head and First.
	// What was acknowledged before the call is found, or no longer found, as it then was. It may take long where
	// a query is so broad, or the log so new, that much has to be read: ctx ends it.
	Search(ctx context.Context, q SearchQuery) (Page, error)

	// Unread counts messages with a seq above after that are not deleted, stopping at most.
	Unread(ctx context.Context, room RoomID, after Seq, most int) (int, error)

	// Prune deletes, oldest first and durably, at most limit entries of a room
	// that are older than before, and says how many. The numbering goes on where
	// it was, even when all are gone.
	Prune(ctx context.Context, room RoomID, before time.Time, limit int) (int, error)

	// LastAt is the time of the newest entry ever appended to the room, zero if there is none.
	LastAt(ctx context.Context, room RoomID) (time.Time, error)
}

// A Draft is an entry to be: the store gives it its Seq and At.
type Draft struct {
	Room     RoomID
	Identity Identity
	From     Author
	Kind     Kind
	ID       string // empty: a retry is not recognised
	Text     string
	ReplyTo  Seq
	Was      string

	// Of an edit, a delete or a react: the message that it is of, which it
	// revises in the same commit. NotFound with the field "seq" if that is not
	// kept, no message, or (but for a delete) deleted.
	Target Seq
	Emoji  string
	On     bool

	// Allow, where set, judges the target as it is when the draft's turn has
	// come: nil, or the error to refuse it with. own: Identity made it. It may be called more than once, and must not block.
	Allow func(target *Entry, own bool) error

	// Of a room entry: what is to be set, in the same commit. The entry tells only what
	// changes by that. Info.Passphrase says that Pass takes the place of the hash.
	Info *RoomChange
	Pass []byte

	// Member, where set, is saved in the same commit, by the rules of
	// SaveMembership; if that refuses it, so is the draft.
	Member *Membership
	Free   time.Time

	// Of a moderation entry: what it tells. That of a ban sets with Member until when strangers are kept
	// out for its sake: from Traces, and until Member.Banned.
	Measure *Measure
	Traces  []Trace

	// Refusal, where set, says that the draft is not to be stored: it is
	// answered with its first result if (Room, Identity, ID) is known, else
	// with Refusal. So a retry is answered before any other check.
	Refusal error

	// Patience is how long the draft may wait for others to share its commit
	// with. What comes without patience takes along all that waits.
	Patience time.Duration
}

// Appended is what became of a draft. A known (Room, Identity, ID) of the same
// Kind is answered with the first result and Duplicate; of another Kind with
// Conflict. A draft that changes nothing (its target's text, reaction or
// deletion is already so) is answered with the newest entry that made the target
// what it is, and Duplicate; one that sets nothing, with the room's newest entry.
type Appended struct {
	Seq       Seq
	At        time.Time
	Duplicate bool
	Room      *Room // of a room entry with Info: the room as it is now
}

// A PageQuery asks for a page. At most one of Before, After, Around is set;
// none asks for the newest.
type PageQuery struct {
	Room   RoomID
	Before Seq  // talk older than this
	After  *Seq // the log after this
	Around Seq  // talk on both sides of this, itself included
	To     Seq  // nothing newer than this; 0: the head
	Limit  int  // entries that count
	Bytes  int  // sum of Entry.Size at which the page ends; at least one entry is returned
}

// A Page is a run of entries, oldest first. A page of the talk (without After)
// holds entries of Kind.Talk alone; a page of the log every one.
type Page struct {
	Entries []Entry
	More    bool // cut: there is more before (talk) or after (log) it
	Head    Seq
	First   Seq
}

// A SearchQuery asks for messages that match.
type SearchQuery struct {
	Room   RoomID
	Query  Query
	Before Seq // older than this; 0: from the head on
	Limit  int
	Bytes  int // as in PageQuery
}

// A SanctionQuery asks who is under a sanction.
type SanctionQuery struct {
	Room  RoomID
	Only  Deed      // Ban or Mute
	Now   time.Time // those that last longer
	After MemberID
	Limit int
}
