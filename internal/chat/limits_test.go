package chat_test

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"snug/internal/chat"
)

// limited runs a test in fake time, in a house with limits.
func limited(t *testing.T, limit func(*chat.Limits), f func(t *testing.T, h *house)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, open(t, setup{limit: limit})) })
}

// wantLimited fails unless err says when and where to go slower.
func wantLimited(t *testing.T, err error, scope string, wait time.Duration) {
	t.Helper()
	e, ok := errors.AsType[*chat.Error](err)
	if !ok || e.Code != chat.RateLimited || !e.Retry || e.Scope != scope || (e.RetryAfter-wait).Abs() > time.Millisecond {
		t.Errorf("got %+v, want rate_limited by %s for %v", err, scope, wait)
	}
}

// flood sends until it is refused, and returns how many were accepted.
func (p *person) flood(room string, most int) (n int, err error) {
	for n < most {
		if _, err = p.trySend(chat.SendRequest{Room: room, Text: "x", ID: fmt.Sprint("id-", identities.Add(1))}); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

func address(s string) chat.Address { return chat.AddressOf(netip.MustParseAddr(s)) }

func TestMessageRate(t *testing.T) {
	limited(t, func(l *chat.Limits) { l.Rate = chat.Rate{PerSecond: 5, Burst: 20} }, func(t *testing.T, h *house) {
		ada, bob, room := pair(h)
		n, err := ada.flood(room, 100)
		if n != 20 {
			t.Errorf("%d at once, want 20", n)
		}
		wantLimited(t, err, "connection", 200*time.Millisecond)
		// It costs only itself, and nothing but time.
		if n, err := bob.flood(room, 20); n != 20 {
			t.Errorf("another sent %d: %v", n, err)
		}
		time.Sleep(199 * time.Millisecond)
		if _, err := ada.trySend(chat.SendRequest{Room: room, Text: "x"}); err == nil {
			t.Error("too early, and accepted")
		}
		time.Sleep(time.Millisecond)
		if n, _ := ada.flood(room, 100); n != 1 {
			t.Errorf("%d after 200 ms, want 1", n)
		}
		time.Sleep(time.Second)
		if n, _ := ada.flood(room, 100); n != 5 {
			t.Errorf("%d after a second, want 5", n)
		}
		time.Sleep(time.Hour)
		if n, _ := ada.flood(room, 100); n != 20 {
			t.Errorf("%d after an hour, want 20", n)
		}
	})
}

// Names cost what messages do: each is a line for all to read.
func TestRenamingRate(t *testing.T) {
	limited(t, func(l *chat.Limits) { l.Rate = chat.Rate{PerSecond: 1, Burst: 3} }, func(t *testing.T, h *house) {
		ada, _, room := pair(h)
		for i := range 3 {
			if _, err := ada.rename(room, fmt.Sprint("Ada ", i)); err != nil {
				t.Fatal(err)
			}
		}
		_, err := ada.rename(room, "Ada 4")
		wantLimited(t, err, "connection", time.Second)
	})
}

// "A duplicate id is answered before any rate check and costs no tokens."
func TestRetriesCostNothing(t *testing.T) {
	limited(t, func(l *chat.Limits) {
		l.Rate, l.IdentityRate, l.AddressRate = chat.Rate{PerSecond: 1, Burst: 3}, chat.Rate{PerSecond: 1, Burst: 3}, chat.Rate{PerSecond: 1, Burst: 3}
	}, func(t *testing.T, h *house) {
		ada, _, room := pair(h)
		first := chat.SendRequest{Room: room, Text: "once", ID: "first"}
		want, err := ada.trySend(first)
		if err != nil {
			t.Fatal(err)
		}
		again := func() {
			t.Helper()
			for range 10 {
				got, err := ada.trySend(first)
				if err != nil || got.Seq != want.Seq || !got.Duplicate {
					t.Errorf("a retry: %+v, %v", got, err)
				}
			}
		}
		again()
		if n, _ := ada.flood(room, 10); n != 2 {
			t.Errorf("%d were left, want 2", n)
		}
		again()
		if n, _ := ada.flood(room, 10); n != 0 {
			t.Errorf("%d were left, want 0", n)
		}
	})
}

func TestIdentityRate(t *testing.T) {
	limited(t, func(l *chat.Limits) { l.IdentityRate = chat.Rate{PerSecond: 10, Burst: 40} }, func(t *testing.T, h *house) {
		ada, bob, room := pair(h)
		other := ada.again()
		n, _ := ada.flood(room, 30)
		m, err := other.flood(room, 100)
		if n+m != 40 {
			t.Errorf("two connections sent %d and %d, want 40", n, m)
		}
		wantLimited(t, err, "identity", 100*time.Millisecond)
		if n, err := bob.flood(room, 10); n != 10 {
			t.Errorf("another sent %d: %v", n, err)
		}
	})
}

// IPv4 counts by address, IPv6 by /64; what one pays for the others is given back.
func TestAddressRate(t *testing.T) {
	limited(t, func(l *chat.Limits) {
		l.Rate, l.AddressRate = chat.Rate{PerSecond: 1, Burst: 10}, chat.Rate{PerSecond: 50, Burst: 15}
	}, func(t *testing.T, h *house) {
		_, _, room := pair(h)
		from := func(name, a string) *person {
			p := h.newcomer(name)
			p.from = address(a)
			p.connect()
			p.join(room)
			return p
		}
		for _, pair := range [][2]string{{"192.0.2.1", "::ffff:192.0.2.1"}, {"2001:db8::1", "2001:db8::ffff:2"}} {
			a, b := from("A"+pair[0], pair[0]), from("B"+pair[0], pair[1])
			n, _ := a.flood(room, 10)
			m, err := b.flood(room, 100)
			if n != 10 || m != 5 {
				t.Errorf("%v sent %d and %d, want 10 and 5", pair, n, m)
			}
			wantLimited(t, err, "address", 20*time.Millisecond)
			time.Sleep(100 * time.Millisecond)
			if n, _ := b.flood(room, 100); n != 5 {
				t.Errorf("%v sent %d after the address was free again, want 5: it had paid for what was refused", pair, n)
			}
		}
		if n, _ := from("C", "192.0.2.2").flood(room, 10); n != 10 {
			t.Errorf("a neighbour sent %d", n)
		}
		if n, _ := from("D", "2001:db8:0:1::1").flood(room, 10); n != 10 {
			t.Errorf("a neighbour of IPv6 sent %d", n)
		}
	})
}

func TestGuesses(t *testing.T) {
	limited(t, func(l *chat.Limits) { l.GuessRate = chat.Rate{PerSecond: 10. / 60, Burst: 10} }, func(t *testing.T, h *house) {
		ada, bob, open := pair(h)
		secret := ada.create(chat.CreateRequest{Passphrase: "open sesame"}).Info.Code
		thief := h.newcomer("Thief")
		thief.from = address("192.0.2.66")
		thief.connect()
		guess := func(p *person, room, pass string) (time.Duration, error) {
			began := time.Now()
			_, err := p.tryJoin(chat.JoinRequest{Room: room, Name: p.name, Passphrase: pass})
			return time.Since(began), err
		}
		for i := range 5 {
			_, err := guess(thief, fmt.Sprintf("NOSUCHR%c", 'A'+i), "")
			wantCode(t, err, chat.NotFound, "room")
			_, err = guess(thief, secret, "sesame")
			wantCode(t, err, chat.WrongPassphrase, "passphrase")
		}
		// From now on right and wrong look alike, in time too, whatever is asked for.
		asks := map[string]func(room string) error{
			"join": func(room string) error { _, err := guess(thief, room, "open sesame"); return err },
			"send": func(room string) error { _, err := thief.trySend(chat.SendRequest{Room: room, Text: "x"}); return err },
			"history": func(room string) error {
				_, err := h.svc.History(t.Context(), thief.conn, chat.HistoryRequest{Room: room})
				return err
			},
			"create": func(room string) error {
				_, err := h.svc.Create(t.Context(), thief.conn, chat.CreateRequest{Code: "taken-" + room[:2]})
				return err
			},
		}
		ada.create(chat.CreateRequest{Code: "taken-" + open[:2]})
		for what, ask := range asks {
			for _, room := range []string{open, secret, "NOSUCHRM"} {
				began := time.Now()
				err := ask(room)
				if e, _ := errors.AsType[*chat.Error](err); e == nil || e.Code != chat.RateLimited || e.Scope != "address" || time.Since(began) != 50*time.Millisecond {
					t.Errorf("%s %s: %v after %v, want rate_limited after 50 ms", what, room, err, time.Since(began))
				}
			}
		}
		// Who is a member there may go on, from that address too; other addresses may anyway.
		bob.from = thief.from
		bob.connect()
		if bob.join(open); bob.say(open, "still here") == 0 {
			t.Error("a member was kept from talking")
		}
		if _, err := guess(h.newcomer("Guest"), secret, "open sesame"); err != nil {
			t.Errorf("from elsewhere: %v", err)
		}
		time.Sleep(6 * time.Second)
		if _, err := guess(thief, secret, "open sesame"); err != nil {
			t.Errorf("after its time: %v", err)
		}
	})
}

// An owner's key is guessed no faster than a passphrase.
func TestGuessedKeys(t *testing.T) {
	limited(t, func(l *chat.Limits) { l.GuessRate = chat.Rate{PerSecond: 1, Burst: 3} }, func(t *testing.T, h *house) {
		ada, _, _ := pair(h)
		made := ada.create(chat.CreateRequest{})
		thief := h.newcomer("Thief")
		for range 3 {
			_, err := thief.tryJoin(chat.JoinRequest{Room: made.Info.Code, Name: "Thief", Key: "x"})
			wantCode(t, err, chat.Forbidden, "key")
		}
		_, err := thief.tryJoin(chat.JoinRequest{Room: made.Info.Code, Name: "Thief", Key: made.OwnerKey})
		if chat.CodeOf(err) != chat.RateLimited {
			t.Errorf("the right key, too late: %v", err)
		}
	})
}

// When guesses come from everywhere, who has guessed wrongly must wait, and who
// has not is let in.
func TestGuessBudget(t *testing.T) {
	limited(t, func(l *chat.Limits) {
		l.GuessRate, l.GuessBudget = chat.Rate{PerSecond: .1, Burst: 10}, chat.Rate{PerSecond: 1, Burst: 50}
	}, func(t *testing.T, h *house) {
		_, _, room := pair(h)
		refused, found := 0, 0
		for i := range 20 {
			bot := h.newcomer("Bot")
			bot.from = address(fmt.Sprintf("198.51.100.%d", i))
			bot.connect()
			for range 5 {
				_, err := bot.tryJoin(chat.JoinRequest{Room: "NOSUCHRM", Name: "Bot"})
				switch e, _ := errors.AsType[*chat.Error](err); e.Code {
				case chat.NotFound:
					found++
				case chat.RateLimited:
					if e.Scope != "server" {
						t.Errorf("scope %s", e.Scope)
					}
					refused++
				}
			}
		}
		// 50 of the budget, some more as time goes by, and one of each of the last ten.
		if found < 60 || found > 65 || refused != 100-found {
			t.Errorf("%d guesses were answered, %d refused", found, refused)
		}
		guest := h.newcomer("Guest")
		guest.from = address("203.0.113.1")
		guest.connect()
		guest.join(room)
	})
}

func TestRoomLimits(t *testing.T) {
	limited(t, func(l *chat.Limits) { l.Rooms, l.Members, l.RoomRate = 5, 3, chat.Rate{PerSecond: 1, Burst: 7} }, func(t *testing.T, h *house) {
		ada, bob, room := pair(h)
		carol, dan := h.newcomer("Carol"), h.newcomer("Dan")
		carol.join(room)
		_, err := dan.tryJoin(chat.JoinRequest{Room: room, Name: "Dan"})
		if e := wantCode(t, err, chat.Full, ""); e.Limit != 3 || e.Scope != "room" || !e.Retry {
			t.Errorf("%+v", e)
		}
		bob.again().join(room) // one who is here is not one more
		if err := carol.leave(room, true); err != nil {
			t.Fatal(err)
		}
		dan.join(room)
		ada.again().join(room)

		retry := chat.CreateRequest{ID: "again"}
		first := ada.create(retry)
		for range 3 {
			ada.create(chat.CreateRequest{})
		}
		_, err = ada.svc.Create(t.Context(), ada.conn, chat.CreateRequest{})
		if e := wantCode(t, err, chat.Full, ""); e.Limit != 5 || e.Scope != "server" {
			t.Errorf("%+v", e)
		}
		_, _ = ada.svc.Create(t.Context(), ada.conn, chat.CreateRequest{})
		_, err = ada.svc.Create(t.Context(), ada.conn, chat.CreateRequest{})
		wantLimited(t, err, "address", time.Second)
		if again := ada.create(retry); again.Info.Code != first.Info.Code {
			t.Error("a retry made another room")
		}
	})
}

// What comes faster than requests may is served late, in order, and not refused,
// but for an address that asks for more than can be waited for.
func TestPace(t *testing.T) {
	limited(t, func(l *chat.Limits) {
		l.Requests, l.AddressRequests = chat.Rate{PerSecond: 100, Burst: 50}, chat.Rate{PerSecond: 200, Burst: 300}
	}, func(t *testing.T, h *house) {
		began := time.Now()
		one := h.newcomer("One")
		for range 150 {
			if err := h.svc.Pace(t.Context(), one.conn); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took != time.Second {
			t.Errorf("150 requests took %v, want 1 s", took)
		}
		time.Sleep(time.Minute)
		began = time.Now()
		refused := make(chan error, 400*5)
		for range 400 {
			p := h.newcomer("Many")
			go func() {
				for range 5 {
					refused <- h.svc.Pace(t.Context(), p.conn)
				}
			}()
		}
		waited := 0
		var last error
		for range 400 * 5 {
			if err := <-refused; err != nil {
				last = err
			} else {
				waited++
			}
		}
		if e, _ := errors.AsType[*chat.Error](last); e == nil || e.Code != chat.RateLimited || e.Scope != "address" || e.RetryAfter <= time.Second {
			t.Errorf("refused with %v", last)
		}
		if took := time.Since(began); waited < 500 || waited > 1500 || took > 6*time.Second {
			t.Errorf("%d were served in %v", waited, took)
		}
	})
}

// One session's flood waits in its own connection, not in the store's queue.
func TestUnderway(t *testing.T) {
	release := make(chan struct{})
	h := open(t, setup{store: func(s chat.Store) chat.Store { return &heldStore{s, release} }})
	ada := h.newcomer("Ada")
	room := ada.room()
	ada.join(room)
	const all = 2000
	var queued, answered int
	answers := make(chan error, all)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range all {
			h.svc.Send(t.Context(), ada.conn, chat.SendRequest{Room: room, Text: "x"}, func(_ chat.Appended, err error) { answers <- err })
			queued++
		}
	}()
	select {
	case <-done:
		t.Fatal("all of it went into the queue")
	case <-time.After(100 * time.Millisecond):
	}
	close(release)
	for range all {
		if err := <-answers; err != nil {
			t.Fatal(err)
		}
		answered++
	}
	<-done
	if queued != all || answered != all {
		t.Errorf("%d queued, %d answered", queued, answered)
	}
}

// A heldStore takes drafts and settles them only after release.
type heldStore struct {
	chat.Store
	release chan struct{}
}

func (s *heldStore) Append(d chat.Draft, done func(chat.Appended, error)) {
	s.Store.Append(d, func(a chat.Appended, err error) {
		<-s.release
		done(a, err)
	})
}

// As many passphrases are hashed at a time as is set: each takes its memory.
func TestPassphraseHashes(t *testing.T) {
	if n := open(t, setup{}).svc.PassphraseHashes(); n != 2 {
		t.Errorf("%d are hashed at a time, want 2", n)
	}
	if n := open(t, setup{limit: func(l *chat.Limits) { l.PassHashes = 5 }}).svc.PassphraseHashes(); n != 5 {
		t.Errorf("%d are hashed at a time, want 5", n)
	}
}
