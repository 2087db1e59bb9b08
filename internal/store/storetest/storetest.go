// Package storetest is the suite that every chat.Store must pass. A store's own
// tests call Run; what only that store promises (files, migrations, failures of
// its disk) is tested beside it.
package storetest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"snug/internal/chat"
)

// A Backend is a place that keeps data, empty at first. Stores are opened on
// it one after the other, never two at once.
type Backend interface {
	// Open opens and runs a store with OnCommit set, if onCommit is not nil. stop ends
	// it in good order; it may be called more than once, and is called at the test's end.
	Open(t *testing.T, clock chat.Clock, onCommit func([]chat.Entry)) (s chat.Store, stop func())
}

// Run runs the suite. fresh makes an empty backend for each test.
func Run(t *testing.T, fresh func(*testing.T) Backend) {
	for _, c := range []struct {
		name string
		f    func(*testing.T, Backend)
	}{
		{"Rooms", testRooms},
		{"CreateTwice", testCreateTwice},
		{"Deletion", testDeletion},
		{"DeletionRacesAppends", testDeletionRace},
		{"Append", testAppend},
		{"Order", testOrder},
		{"Retry", testRetry},
		{"RetryTogether", testRetryTogether},
		{"Refusal", testRefusal},
		{"BadDraft", testBadDraft},
		{"Clock", testClock},
		{"Rename", testRename},
		{"Memberships", testMemberships},
		{"Names", testNames},
		{"Touch", testTouch},
		{"Pages", testPages},
		{"PagesInBytes", testPageBytes},
		{"PagesWhileWriting", testPagesWhileWriting},
		{"Search", testSearch},
		{"SearchPages", testSearchPages},
		{"SearchWhileWriting", testSearchWhileWriting},
		{"Unread", testUnread},
		{"Prune", testPrune},
		{"Stop", testStop},
		{"Contexts", testContexts},
		{"Edit", testEdit},
		{"Delete", testDelete},
		{"React", testReact},
		{"Revisions", testRevisions},
		{"RevisedInOneCommit", testRevisedTogether},
		{"PrunedTarget", testPrunedTarget},
		{"HeldCode", testHeldCode},
		{"Set", testSet},
		{"LooksOfNames", testLooks},
		{"LastOwner", testLastOwner},
		{"Measures", testMeasures},
		{"Sanctioned", testSanctioned},
		{"Barred", testBarred},
		{"Admit", testAdmit},
		{"MessagesBy", testMessagesBy},
		{"Moves", testMoves},
		{"Model", testModel},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.f(t, fresh(t))
		})
	}
}

// scale is how much of something a test does: all of it, or with -short, for
// runs that are slow or look for something else, such as races, a part.
func scale(full, short int) int {
	if testing.Short() {
		return short
	}
	return full
}

// A clock is set by the test.
type clock struct {
	mu  sync.Mutex
	now time.Time // guarded by mu
}

func newClock() *clock { return &clock{now: time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// A fixture is an open store with what tests do over and over.
type fixture struct {
	*testing.T
	chat.Store
	clock *clock
	stop  func()

	mu  sync.Mutex
	log []chat.Entry // what OnCommit was given; guarded by mu
}

func open(t *testing.T, b Backend) *fixture {
	t.Helper()
	f := &fixture{T: t, clock: newClock()}
	f.Store, f.stop = b.Open(t, f.clock, f.commit)
	return f
}

func (f *fixture) commit(entries []chat.Entry) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.log = append(f.log, entries...)
}

func (f *fixture) committed() []chat.Entry {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.log
}

// reopen stops the store and opens another on the same data.
func (f *fixture) reopen(b Backend) {
	f.Helper()
	f.stop()
	f.Store, f.stop = b.Open(f.T, f.clock, f.commit)
}

// ctx bounds a test's waits, so that what hangs fails.
func (f *fixture) ctx() context.Context {
	ctx, cancel := context.WithTimeout(f.Context(), time.Minute)
	f.Cleanup(cancel)
	return ctx
}

// room makes a room with an empty log.
func (f *fixture) room(code string) chat.Room {
	f.Helper()
	r, dup, err := f.CreateRoom(f.ctx(), sample(code), "")
	if err != nil || dup {
		f.Fatalf("CreateRoom(%s) = dup %t, %v", code, dup, err)
	}
	return r
}

// sample is a room with every field set.
func sample(code string) chat.Room {
	return chat.Room{
		Code: code, Title: "Tïtle of " + code, Epoch: "e-" + code, CreatedAt: time.Date(2024, 2, 29, 11, 59, 58, 123e6, time.UTC), Keep: 30,
		Locked: true, Slow: 90 * time.Second, Pass: []byte{0, 1, 2}, PassRev: 7, Creator: identity(9), Key: []byte(strings.Repeat("k", 32)),
	}
}

// An answer is what became of a draft.
type answer struct {
	chat.Appended
	err error
}

// queue appends a draft; the answer comes on the channel.
func (f *fixture) queue(d chat.Draft) <-chan answer {
	c := make(chan answer, 1)
	f.Append(d, func(a chat.Appended, err error) { c <- answer{a, err} })
	return c
}

// wait takes an answer.
func (f *fixture) wait(c <-chan answer) answer {
	f.Helper()
	select {
	case a := <-c:
		return a
	case <-f.ctx().Done():
		f.Fatal("no answer")
		panic("not reached")
	}
}

// add appends a draft and returns what became of it.
func (f *fixture) add(d chat.Draft) answer {
	f.Helper()
	return f.wait(f.queue(d))
}

// fill appends n messages.
func (f *fixture) fill(room chat.RoomID, n int) {
	f.Helper()
	var last <-chan answer
	for i := range n {
		last = f.queue(message(room, 1, "", fmt.Sprint("message ", i+1)))
	}
	if a := f.wait(last); a.err != nil {
		f.Fatal(a.err)
	}
}

// page reads a page that must be had.
func (f *fixture) page(q chat.PageQuery) chat.Page {
	f.Helper()
	p, err := f.Page(f.ctx(), q)
	if err != nil {
		f.Fatalf("Page(%+v): %v", q, err)
	}
	return p
}

// all reads a room's whole log.
func (f *fixture) all(room chat.RoomID) []chat.Entry {
	f.Helper()
	return f.page(chat.PageQuery{Room: room, After: new(chat.Seq), Limit: 1 << 20}).Entries
}

func identity(n byte) (id chat.Identity) {
	id[0], id[15] = n, 0xff
	return id
}

func author(n byte) chat.Author {
	return chat.Author{ID: chat.MemberID(fmt.Sprintf("member-%d", n)), Name: fmt.Sprintf("Näme %d", n), Color: n % chat.Colors}
}

func message(room chat.RoomID, by byte, id, text string) chat.Draft {
	return chat.Draft{Room: room, Identity: identity(by), From: author(by), Kind: chat.KindMessage, ID: id, Text: text}
}

// want fails the test unless err has the code.
func (f *fixture) want(code chat.Code, err error) {
	f.Helper()
	if got := chat.CodeOf(err); got != code {
		f.Fatalf("got %q (%v), want %q", got, err, code)
	}
}

func seqs(entries []chat.Entry) (list []chat.Seq) {
	for _, e := range entries {
		list = append(list, e.Seq)
	}
	return list
}
