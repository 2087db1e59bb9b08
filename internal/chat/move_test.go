package chat_test

import (
	"bytes"
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"snug/internal/chat"
)

// readAll is what is in the files of a store.
func readAll(t *testing.T, path string) (files [][]byte) {
	t.Helper()
	names, err := filepath.Glob(path + "*")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, b)
	}
	return files
}

func TestMoveCodes(t *testing.T) {
	keys, others := chat.NewKeyring([32]byte{1}), chat.NewKeyring([32]byte{2})
	token, id := keys.Mint()
	code, m := keys.Move(token)
	if len(code) != 14 || strings.Trim(code, "ABCDEFGHJKLMNPQRSTUVWXYZ-") != "" || code[4] != '-' || code[9] != '-' {
		t.Errorf("the code is %q", code)
	}
	if other, n := keys.Move(token); other == code || n.Key == m.Key || n.Holder != m.Holder || bytes.Equal(n.Sealed, m.Sealed) {
		t.Errorf("a second code: %q, %+v", other, n)
	}
	for _, spelt := range []string{code, strings.ToLower(code), strings.ReplaceAll(code, "-", ""), strings.ReplaceAll(code, "-", " ")} {
		key, ok := keys.MoveKey(spelt)
		if !ok || key != m.Key {
			t.Errorf("MoveKey(%q) = %x, %t", spelt, key, ok)
		}
		if got, who, ok := keys.Unseal(spelt, m.Sealed); !ok || got != token || who != id {
			t.Errorf("Unseal(%q) = %q, %x, %t", spelt, got, who, ok)
		}
	}
	if key, ok := others.MoveKey(code); !ok || key == m.Key {
		t.Error("another server finds it by the same key")
	}
	if got, _, _ := others.Unseal(code, m.Sealed); got == token {
		t.Error("another server unseals it")
	}
	for _, bad := range []string{"", "ABCD", code + "A", "IIII-IIII-IIII", "ÄBCD-EFGH-JKLM", strings.Repeat(" ", 1000) + code} {
		if _, ok := keys.MoveKey(bad); ok {
			t.Errorf("%.40q is a code", bad)
		}
		if _, _, ok := keys.Unseal(bad, m.Sealed); ok {
			t.Errorf("%.40q unseals", bad)
		}
	}
}

// redeem tries a code from an address.
func redeem(h *house, keys *chat.Keyring, from chat.Address, code string) (token string, err error) {
	key, ok := keys.MoveKey(code)
	sealed, err := h.svc.Redeem(context.Background(), from, key, ok)
	if err != nil {
		return "", err
	}
	token, _, _ = keys.Unseal(code, sealed)
	return token, nil
}

func TestMove(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		keys := chat.NewKeyring([32]byte{1})
		token, id := keys.Mint()
		conn := h.svc.Open(id, chat.Address{}, &ear{hub: h.hub})
		ask := func() string {
			t.Helper()
			code, m := keys.Move(token)
			expires, err := h.svc.Move(t.Context(), conn, m)
			if err != nil || time.Until(expires) != 5*time.Minute {
				t.Fatalf("it expires %v, %v", expires, err)
			}
			return code
		}
		code := ask()
		for _, secret := range []string{code, strings.ReplaceAll(code, "-", ""), token, string(id[:])} {
			if bytes.Contains(bytes.Join(readAll(t, h.path), nil), []byte(secret)) {
				t.Errorf("%q is on disk", secret)
			}
		}
		if got, err := redeem(h, keys, chat.Address{}, strings.ToLower(code)); err != nil || got != token {
			t.Errorf("redeemed %q, %v", got, err)
		}
		_, err := redeem(h, keys, chat.Address{}, code) // once
		wantCode(t, err, chat.Unauthorized, "")
		old, code := ask(), ask()
		_, err = redeem(h, keys, chat.Address{}, old) // one at a time
		wantCode(t, err, chat.Unauthorized, "")
		time.Sleep(5*time.Minute - time.Millisecond)
		if _, err = redeem(h, keys, chat.Address{}, code); err != nil {
			t.Error(err)
		}
		code = ask()
		time.Sleep(5 * time.Minute)
		_, err = redeem(h, keys, chat.Address{}, code) // too late
		wantCode(t, err, chat.Unauthorized, "")
	})
}

func TestMoveIsThrottled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, setup{limit: func(l *chat.Limits) {
			l.GuessRate, l.MoveRate = chat.Rate{PerSecond: 0.1, Burst: 3}, chat.Rate{PerSecond: 0.1, Burst: 2}
		}})
		keys := chat.NewKeyring([32]byte{1})
		token, id := keys.Mint()
		conn := h.svc.Open(id, chat.Address{}, &ear{hub: h.hub})
		code, m := keys.Move(token)
		for range 2 {
			if _, err := h.svc.Move(t.Context(), conn, m); err != nil {
				t.Fatal(err)
			}
		}
		_, err := h.svc.Move(t.Context(), conn, m)
		wantCode(t, err, chat.RateLimited, "")

		from := chat.AddressOf(netip.MustParseAddr("192.0.2.1"))
		for _, guess := range []string{"AAAA-AAAA-AAAA", "nonsense", ""} {
			_, err := redeem(h, keys, from, guess)
			wantCode(t, err, chat.Unauthorized, "")
		}
		_, err = redeem(h, keys, from, code) // unread, though right
		wantCode(t, err, chat.RateLimited, "")
		if _, err = redeem(h, keys, chat.Address{}, code); err != nil {
			t.Errorf("from elsewhere: %v", err)
		}
	})
}

// An identity costs the server nothing until its first join, and what is stored in
// two rooms cannot be told to be of one.
func TestNothingIsStoredBeforeTheFirstJoin(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada := h.newcomer("Ada")
		one, two := ada.room(), ada.room()
		ada.join(one)
		ada.join(two)
		keys := chat.NewKeyring([32]byte{1})
		token, id := keys.Mint()
		bob := &person{house: h, name: "Bob", id: id}
		bob.connect()
		stored := func() (rooms int) {
			t.Helper()
			for _, code := range []string{one, two} {
				r, err := h.store.Room(t.Context(), code)
				if err != nil {
					t.Fatal(err)
				}
				if _, ok, err := h.store.Membership(t.Context(), r.ID, id); err != nil {
					t.Fatal(err)
				} else if ok {
					rooms++
				}
			}
			if on := bytes.Contains(bytes.Join(readAll(t, h.path), nil), id[:]); on != (rooms > 0) {
				t.Errorf("the identity is on disk: %t, a member of %d rooms", on, rooms)
			}
			return rooms
		}
		_, err := bob.trySend(chat.SendRequest{Room: one, Text: "hello"})
		wantCode(t, err, chat.NotMember, "room")
		_, err = bob.tryJoin(chat.JoinRequest{Room: one, Name: "Ada"})
		wantCode(t, err, chat.NameTaken, "name")
		_, err = bob.svc.Members(t.Context(), bob.conn, chat.MembersRequest{Room: one})
		wantCode(t, err, chat.NotMember, "room")
		_, m := keys.Move(token)
		if _, err := h.svc.Move(t.Context(), bob.conn, m); err != nil {
			t.Fatal(err)
		}
		bob.hangUp(chat.SaidGoodbye)
		synctest.Wait()
		if n := stored(); n != 0 {
			t.Errorf("a member of %d rooms before it joined one", n)
		}
		bob.connect()
		a, b := bob.join(one), bob.join(two)
		if n := stored(); n != 2 {
			t.Errorf("a member of %d rooms", n)
		}
		if a.You.ID == b.You.ID || strings.Contains(string(a.You.ID), string(b.You.ID[:6])) {
			t.Errorf("%s and %s can be joined up", a.You.ID, b.You.ID)
		}
	})
}
