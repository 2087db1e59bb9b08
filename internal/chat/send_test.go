package chat_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"snug/internal/chat"
)

// Where the outlet is about to gather a room's messages anyhow, they are
// committed together, just before its turn. What is refused is told at once.
func TestBusyRoomSharesCommits(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		_, bob, room := pair(h)
		const turn, commit = 20 * time.Millisecond, 2 * time.Millisecond
		for busy, want := range map[time.Duration]time.Duration{0: 0, commit: 0, turn: turn - commit} {
			h.hub.mu.Lock()
			h.hub.busy = busy
			h.hub.mu.Unlock()
			for text, want := range map[string]time.Duration{"hello": want, "": 0} {
				began := time.Now()
				_, err := bob.trySend(chat.SendRequest{Room: strings.ToLower(room), Text: text})
				if got := time.Since(began); got != want || (err == nil) != (text != "") {
					t.Errorf("%q, shown in %v: answered after %v, want %v (%v)", text, busy, got, want, err)
				}
			}
		}
	})
}

func TestSendIsChecked(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada, bob, room := pair(h)
		bob.say(room, "first")
		forget(ada, bob)
		limits := chat.DefaultLimits()
		for _, tt := range []struct {
			req   chat.SendRequest
			code  chat.Code
			field string
		}{
			{chat.SendRequest{Room: "NOSUCHRM", Text: "x"}, chat.NotFound, "room"},
			{chat.SendRequest{Room: room, Text: ""}, chat.BadRequest, "text"},
			{chat.SendRequest{Room: room, Text: " \n\t\u2003"}, chat.BadRequest, "text"},
			{chat.SendRequest{Room: room, Text: "\u200b\ufeff\u2060"}, chat.BadRequest, "text"},
			{chat.SendRequest{Room: room, Text: "\u2800"}, chat.BadRequest, "text"},
			{chat.SendRequest{Room: room, Text: "\u3164"}, chat.BadRequest, "text"},
			{chat.SendRequest{Room: room, Text: "a\x00b"}, chat.BadRequest, "text"},
			{chat.SendRequest{Room: room, Text: "a\x1b[2Jb"}, chat.BadRequest, "text"},
			{chat.SendRequest{Room: room, Text: "a\rb"}, chat.BadRequest, "text"},
			{chat.SendRequest{Room: room, Text: "a\u0085b"}, chat.BadRequest, "text"},
			{chat.SendRequest{Room: room, Text: "a\xff"}, chat.BadRequest, "text"},
			{chat.SendRequest{Room: room, Text: strings.Repeat("x", limits.TextChars+1)}, chat.TooLarge, "text"},
			{chat.SendRequest{Room: room, Text: strings.Repeat("x", limits.TextBytes+1)}, chat.TooLarge, "text"},
			{chat.SendRequest{Room: room, Text: "x", ReplyTo: 2}, chat.BadRequest, "replyTo"},
			{chat.SendRequest{Room: room, Text: "x", ReplyTo: 1 << 31}, chat.BadRequest, "replyTo"},
			{chat.SendRequest{Room: room, Text: "x", ID: "has space"}, chat.BadRequest, "id"},
			{chat.SendRequest{Room: room, Text: "x", ID: "ünï"}, chat.BadRequest, "id"},
			{chat.SendRequest{Room: room, Text: "x", ID: strings.Repeat("x", 65)}, chat.BadRequest, "id"},
			{chat.SendRequest{Room: room, Text: "x", Epoch: "another"}, chat.Conflict, "epoch"},
		} {
			a, err := bob.trySend(tt.req)
			e := wantCode(t, err, tt.code, tt.field)
			if a != (chat.Appended{}) {
				t.Errorf("a refused send was answered %+v", a)
			}
			most := limits.TextChars
			if len(tt.req.Text) > limits.TextBytes {
				most = limits.TextBytes
			}
			if tt.code == chat.TooLarge && e.Limit != most {
				t.Errorf("%d bytes are too large, limit %d, want %d", len(tt.req.Text), e.Limit, most)
			}
			if tt.code == chat.Conflict && e.Epoch == "" {
				t.Error("a conflict does not say the present epoch")
			}
		}
		ada.hears()
		epoch := ada.rejoin(room, nil).Info.Epoch
		good := []chat.SendRequest{
			{Text: "x"},
			{Text: "two\n\tlines"},
			{Text: strings.Repeat("x", limits.TextChars)},
			{Text: strings.Repeat("𝕏", limits.TextChars)},
			{Text: "reply", ReplyTo: 1},
			{Text: "to itself's neighbour", ReplyTo: 6},
			{Text: "x", ID: strings.Repeat("x", 64)},
			{Text: "x", ID: "-_09azAZ"},
			{Text: "x", Epoch: epoch},
			{Text: "\u202eright to left\u202c <b>&amp;"},
		}
		for i, r := range good {
			r.Room = room
			a, err := bob.trySend(r)
			if err != nil || a.Seq != chat.Seq(i+2) || a.Duplicate || a.At.IsZero() {
				t.Errorf("%.20q: %+v, %v", r.Text, a, err)
			}
		}
		page, err := h.svc.History(t.Context(), bob.conn, chat.HistoryRequest{Room: room})
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range good {
			e := page.Page.Entries[i+1]
			if e.Text != r.Text || e.ReplyTo != r.ReplyTo || e.ID != r.ID || e.From.Name != "Bob" || e.Kind != chat.KindMessage {
				t.Errorf("sent %+v, stored %+v", r, e)
			}
		}
	})
}

func TestARetryIsAnsweredBeforeAnyCheck(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada, bob, room := pair(h)
		first, err := bob.trySend(chat.SendRequest{Room: room, Text: "once", ID: "one"})
		if err != nil {
			t.Fatal(err)
		}
		want := first
		want.Duplicate = true
		for _, r := range []chat.SendRequest{
			{Text: "once"}, {Text: "other"}, {Text: ""}, {Text: strings.Repeat("x", 5000)},
			{Text: "once", Epoch: "another"}, {Text: "once", ReplyTo: 99},
		} {
			r.Room, r.ID = room, "one"
			for _, p := range []*person{bob, bob.again()} {
				if a, err := p.trySend(r); err != nil || a != want {
					t.Errorf("a retry with %.10q, %q, %d: %+v, %v", r.Text, r.Epoch, r.ReplyTo, a, err)
				}
			}
		}
		bob.leave(room, true)
		if a, err := bob.trySend(chat.SendRequest{Room: room, Text: "once", ID: "one"}); err != nil || a != want {
			t.Errorf("a retry after leaving: %+v, %v", a, err)
		}
		ada.hears("1 Bob: once", "left left", "count 1")
		// The id is the author's own: another's is another message.
		if a, err := ada.trySend(chat.SendRequest{Room: room, Text: "mine", ID: "one"}); err != nil || a.Seq != 2 || a.Duplicate {
			t.Errorf("another's id: %+v, %v", a, err)
		}
	})
}

func TestMembershipIsTheIdentitys(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada, bob, room := pair(h)
		bot := bob.again() // hears nothing
		bot.say(room, "from afar")
		ada.hears("1 Bob: from afar")
		bot.hears()
		if _, err := h.svc.History(t.Context(), bot.conn, chat.HistoryRequest{Room: room}); err != nil {
			t.Errorf("history: %v", err)
		}
		if _, err := bot.rename(room, "Robot"); err != nil {
			t.Errorf("rename: %v", err)
		}
		bob.hears("1 Bob: from afar", "2 Robot was Bob", "you Robot member", "Robot is here", "count 2")
		_, err := h.svc.History(t.Context(), h.newcomer("x").conn, chat.HistoryRequest{Room: room})
		wantCode(t, err, chat.NotMember, "room")
	})
}

func TestSendsOfOneConnectionKeepTheirOrder(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada, bob, room := pair(h)
		var mu sync.Mutex
		var answers []string
		var wg sync.WaitGroup
		for i := range 64 {
			wg.Add(1)
			r := chat.SendRequest{Room: room, Text: fmt.Sprint(i)}
			switch {
			case i%9 == 3:
				r.Text = "" // refused, without an id
			case i%9 == 5:
				r.Room = "NOSUCHRM"
			case i%9 == 7:
				r.ID = "not an id"
			}
			h.svc.Send(context.Background(), bob.conn, r, func(a chat.Appended, err error) {
				mu.Lock()
				defer mu.Unlock()
				answers = append(answers, fmt.Sprint(i, " ", chat.CodeOf(err)))
				wg.Done()
			})
		}
		wg.Wait()
		var want, heard []string
		seq := 0
		for i := range 64 {
			code := map[int]chat.Code{3: chat.BadRequest, 5: chat.NotFound, 7: chat.BadRequest}[i%9]
			want = append(want, fmt.Sprint(i, " ", code))
			if code == "" {
				seq++
				heard = append(heard, fmt.Sprintf("%d Bob: %d", seq, i))
			}
		}
		if !slices.Equal(answers, want) {
			t.Errorf("answered in the order %q", answers)
		}
		ada.hears(heard...)
		bob.hears(heard...) // the author's own connections too
	})
}

// Sixty concurrent sends of two people make one dense order that all see alike.
func TestConcurrentSendsMakeOneOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, setup{})
		ada, bob, room := pair(h)
		cat := h.newcomer("Cat")
		cat.join(room)
		forget(ada, bob)
		var wg sync.WaitGroup
		for i := range 60 {
			p := []*person{ada, bob}[i%2]
			wg.Go(func() { p.say(room, fmt.Sprint(i)) })
		}
		wg.Wait()
		synctest.Wait()
		a, b, c := ada.heard(), bob.heard(), cat.heard()
		if len(a) != 60 || !slices.Equal(a, b) || !slices.Equal(a, c) {
			t.Fatalf("heard %d, %d and %d", len(a), len(b), len(c))
		}
		for i, line := range a {
			if !strings.HasPrefix(line, fmt.Sprintf("%d ", i+1)) {
				t.Errorf("line %d is %q", i, line)
			}
		}
	})
}

// Whoever joins in the middle of traffic gets every entry once: by the page or live.
func TestJoiningInTheMiddleOfTraffic(t *testing.T) {
	h := open(t, setup{})
	ada := h.newcomer("Ada")
	room := ada.room()
	epoch := ada.join(room).Info.Epoch
	const senders, each, joiners = 4, 150, 12
	var wg sync.WaitGroup
	for range senders {
		p := ada.again()
		wg.Go(func() {
			for i := range each {
				p.say(room, fmt.Sprint(i))
			}
		})
	}
	type got struct {
		page []chat.Seq
		ear  *ear
	}
	results := make([]got, joiners)
	for i := range joiners {
		p := h.newcomer(fmt.Sprintf("Joiner %d", i+2))
		wg.Go(func() {
			for range 8 { // and again, by the cursor
				last := chat.Seq(0)
				if n := len(results[i].page); n > 0 {
					last = results[i].page[n-1]
				}
				for _, ev := range p.ear.take() {
					if posted, ok := ev.(*chat.Posted); ok {
						if posted.Entry.Seq != last+1 {
							t.Errorf("heard %d after %d", posted.Entry.Seq, last)
						}
						last = posted.Entry.Seq
						results[i].page = append(results[i].page, last)
					}
				}
				p.hangUp(chat.Closed)
				p.connect()
				j := p.rejoin(room, &chat.Cursor{Epoch: epoch, Seq: last})
				results[i].page = append(results[i].page, seqs(j.Page.Entries)...)
				if n := len(results[i].page); n > 0 && results[i].page[n-1] != j.Page.Head {
					t.Errorf("a page after %d ends at %d, head %d", last, results[i].page[n-1], j.Page.Head)
				}
			}
			results[i].ear = p.ear
		})
	}
	wg.Wait()
	if err := h.svc.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		all := r.page
		for _, ev := range r.ear.take() {
			if p, ok := ev.(*chat.Posted); ok {
				all = append(all, p.Entry.Seq)
			}
		}
		if len(all) != senders*each {
			t.Errorf("joiner %d got %d of %d entries", i, len(all), senders*each)
		}
		for j, seq := range all {
			if seq != chat.Seq(j+1) {
				t.Fatalf("joiner %d got %d where %d was due", i, seq, j+1)
			}
		}
	}
}

func TestRename(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada, bob, room := pair(h)
		tab := bob.again()
		tab.join(room)
		you, err := bob.rename(room, " Robert ")
		if err != nil || you.Name != "Robert" || you.Role != chat.RoleMember || you.State != chat.Here {
			t.Errorf("%+v, %v", you, err)
		}
		ada.hears("1 Robert was Bob", "Robert is here", "count 2")
		bob.hears("1 Robert was Bob", "you Robert member", "Robert is here", "count 2")
		tab.hears("1 Robert was Bob", "you Robert member", "Robert is here", "count 2")
		bob.say(room, "x")
		ada.hears("2 Robert: x")
		if _, err := bob.rename(room, "Robert"); err != nil { // writes nothing
			t.Error(err)
		}
		if _, err := bob.rename(room, "ROBERT"); err != nil { // one's own look-alike
			t.Error(err)
		}
		ada.hears("3 ROBERT was Robert", "ROBERT is here", "count 2")

		_, err = bob.rename(room, "ada")
		if e := wantCode(t, err, chat.NameTaken, "name"); e.Suggestion != "ada 2" {
			t.Errorf("suggested %q", e.Suggestion)
		}
		_, err = bob.rename(room, "")
		wantCode(t, err, chat.NameInvalid, "name")
		_, err = bob.rename("NOSUCHRM", "x")
		wantCode(t, err, chat.NotFound, "room")
		_, err = h.newcomer("x").rename(room, "x")
		wantCode(t, err, chat.NotMember, "room")
		ada.hears()
		// The former name is free.
		if _, err := ada.rename(room, "Bob"); err != nil {
			t.Error(err)
		}
	})
}

func TestRead(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada, bob, room := pair(h)
		for range 10 {
			ada.say(room, "x")
		}
		tab := bob.again()
		if j := tab.join(room); j.Read != 0 || j.Unread != 10 {
			t.Errorf("read %d, unread %d", j.Read, j.Unread)
		}
		forget(ada, bob)
		read := func(p *person, seq chat.Seq, epoch string) error {
			return h.svc.Read(t.Context(), p.conn, room, seq, epoch)
		}
		if err := read(bob, 7, ""); err != nil {
			t.Error(err)
		}
		bob.hears("read 7")
		tab.hears("read 7")
		ada.hears() // never shown to another
		if err := read(bob, 3, ""); err != nil {
			t.Error(err)
		}
		bob.hears()
		wantCode(t, read(bob, 11, ""), chat.BadRequest, "seq")
		wantCode(t, read(bob, 8, "another"), chat.Conflict, "epoch")
		wantCode(t, read(h.newcomer("x"), 1, ""), chat.NotMember, "room")
		if j := tab.join(room); j.Read != 7 || j.Unread != 3 {
			t.Errorf("read %d, unread %d", j.Read, j.Unread)
		}
		// It outlives the presence, and what saves the membership.
		bob.hangUp(chat.SaidGoodbye)
		tab.leave(room, true)
		tab.name = "Robert"
		if j := tab.join(room); j.Read != 7 || j.Unread != 3 || j.You.Name != "Robert" {
			t.Errorf("after leaving: read %d, unread %d", j.Read, j.Unread)
		}
	})
}

func TestUnreadIsCountedBeyondThePage(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada, bob, room := pair(h)
		for i := range 60 {
			if i%10 == 0 {
				bob.rename(room, fmt.Sprintf("Bob %d", i+2)) // not a message
			}
			ada.say(room, "x")
		}
		for _, tt := range []struct {
			read chat.Seq
			want int
		}{{2, 59}, {30, 33}, {66, 0}} {
			if err := h.svc.Read(t.Context(), bob.conn, room, tt.read, ""); err != nil {
				t.Fatal(err)
			}
			if j := bob.join(room); j.Unread != tt.want || j.Read != tt.read {
				t.Errorf("read %d: unread %d, want %d", tt.read, j.Unread, tt.want)
			}
		}
	})
}

func TestHistory(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada := h.newcomer("Ada")
		room := ada.room()
		epoch := ada.join(room).Info.Epoch
		for i := range 300 {
			ada.say(room, fmt.Sprint(i+1))
		}
		at := func(seq chat.Seq) *chat.Cursor { return &chat.Cursor{Epoch: epoch, Seq: seq} }
		for _, tt := range []struct {
			req         chat.HistoryRequest
			first, last chat.Seq
			more, reset bool
		}{
			{chat.HistoryRequest{}, 251, 300, true, false},
			{chat.HistoryRequest{Limit: 10}, 291, 300, true, false},
			{chat.HistoryRequest{Limit: 1000}, 101, 300, true, false},
			{chat.HistoryRequest{Before: 51}, 1, 50, false, false},
			{chat.HistoryRequest{Before: 52}, 2, 51, true, false},
			{chat.HistoryRequest{After: at(298)}, 299, 300, false, false},
			{chat.HistoryRequest{After: at(0)}, 1, 50, true, false},
			{chat.HistoryRequest{After: at(0), Limit: 2000}, 1, 300, false, false},
			{chat.HistoryRequest{After: at(0), Limit: 5}, 1, 5, true, false},
			{chat.HistoryRequest{After: &chat.Cursor{Epoch: "another", Seq: 1}}, 251, 300, true, true},
			{chat.HistoryRequest{After: at(301)}, 251, 300, true, true},
		} {
			tt.req.Room = room
			got, err := h.svc.History(t.Context(), ada.conn, tt.req)
			list := seqs(got.Page.Entries)
			if err != nil || len(list) == 0 || list[0] != tt.first || list[len(list)-1] != tt.last ||
				got.Page.More != tt.more || got.Reset != tt.reset || got.Epoch != epoch || got.Page.Head != 300 {
				t.Errorf("%+v: %v, more %v, reset %v, %v", tt.req, list, got.Page.More, got.Reset, err)
			}
		}
		got, err := h.svc.History(t.Context(), ada.conn, chat.HistoryRequest{Room: room, Around: 150, Limit: 11})
		if list := seqs(got.Page.Entries); err != nil || len(list) != 11 || !slices.Contains(list, 150) || list[0] < 140 || list[10] > 160 {
			t.Errorf("around 150: %v, %v", list, err)
		}
		for _, bad := range []chat.HistoryRequest{
			{Before: 5, Around: 5}, {Before: 5, After: at(1)}, {After: at(1), Around: 5},
		} {
			bad.Room = room
			_, err := h.svc.History(t.Context(), ada.conn, bad)
			wantCode(t, err, chat.BadRequest, "before")
		}
		_, err = h.svc.History(t.Context(), ada.conn, chat.HistoryRequest{Room: room, Limit: -1})
		wantCode(t, err, chat.BadRequest, "limit")
		_, err = h.svc.History(t.Context(), ada.conn, chat.HistoryRequest{Room: "NOSUCHRM"})
		wantCode(t, err, chat.NotFound, "room")
	})
}

func TestPagesEndAtTheirBytes(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada := h.newcomer("Ada")
		room := ada.room()
		epoch := ada.join(room).Info.Epoch
		for range 60 {
			ada.say(room, strings.Repeat("𝕏", 4000)) // 16,000 bytes
		}
		if j := ada.join(room); len(j.Page.Entries) < 10 || len(j.Page.Entries) > 16 || !j.Page.More {
			t.Errorf("a page of the talk has %d long entries, more %v", len(j.Page.Entries), j.Page.More)
		}
		got, err := h.svc.History(t.Context(), ada.conn, chat.HistoryRequest{Room: room, After: &chat.Cursor{Epoch: epoch}})
		if err != nil || len(got.Page.Entries) > 16 || !got.Page.More || got.Page.Entries[0].Seq != 1 {
			t.Errorf("a page of the log has %d long entries, more %v, %v", len(got.Page.Entries), got.Page.More, err)
		}
	})
}
