package chat

import (
	"encoding/base64"
	"strings"
	"testing"
)

func TestTokens(t *testing.T) {
	k, other := NewKeyring([32]byte{1}), NewKeyring([32]byte{2})
	tokens, ids := make(map[string]bool), make(map[Identity]bool)
	for range 100 {
		token, id := k.Mint()
		tokens[token], ids[id] = true, true
		if got, ok := k.Verify(token); !ok || got != id {
			t.Fatalf("the keyring does not know its own token: %v", ok)
		}
		if got, ok := other.Verify(token); ok || got != (Identity{}) {
			t.Fatal("another keyring knows it")
		}
	}
	if len(tokens) != 100 || len(ids) != 100 {
		t.Errorf("of 100 tokens %d differ, of their identities %d", len(tokens), len(ids))
	}
}

func TestForgedTokens(t *testing.T) {
	k := NewKeyring([32]byte{1})
	token, id := k.Mint()
	forged := []string{
		"", "v1.", "v1.x", token[3:], "v2." + token[3:], token + "A", token[:len(token)-1], " " + token, token + "\n", token + "=",
		strings.ToUpper(token), "v1." + strings.Repeat("A", len(token)-3), "v1." + strings.Repeat("A", 1<<20),
		strings.ReplaceAll(token, token[3:4], "\x00"),
	}
	for i := range len(token) { // each character counts
		c := byte('A')
		if token[i] == c {
			c = 'B'
		}
		forged = append(forged, token[:i]+string(c)+token[i+1:])
	}
	for _, f := range forged {
		if got, ok := k.Verify(f); ok || got != (Identity{}) {
			t.Errorf("%.60q is taken for a token", f)
		}
	}
	raw, err := base64.RawURLEncoding.DecodeString(token[3:])
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(raw), string(id[:])) {
		t.Error("the token holds the identity")
	}
}

func FuzzVerify(f *testing.F) {
	k := NewKeyring([32]byte{1})
	token, _ := k.Mint()
	f.Add(token)
	f.Add("v1.")
	f.Add("v1." + strings.Repeat("_", 48))
	f.Fuzz(func(t *testing.T, s string) {
		id, ok := k.Verify(s)
		if !ok {
			if id != (Identity{}) {
				t.Fatalf("%q is no token, and stands for %x", s, id)
			}
			return
		}
		// Only what Mint would have made, spelled as it does. (A fuzzer's processes have each minted one.)
		random, err := tokenText.DecodeString(s[len(tokenPrefix):])
		if err != nil {
			t.Fatalf("%q is taken for a token: %v", s, err)
		}
		random = random[:tokenRandom]
		if minted := tokenPrefix + tokenText.EncodeToString(append(random[:tokenRandom:tokenRandom], k.mac(random)...)); s != minted || id != k.identity(random) {
			t.Fatalf("%q is taken for the token %q", s, minted)
		}
	})
}

func TestWhatARoomsKeyGives(t *testing.T) {
	r, other := &Room{Key: []byte(strings.Repeat("a", 32))}, &Room{Key: []byte(strings.Repeat("b", 32))}
	id := Identity{1}
	first, again := r.memberID(id), r.memberID(id)
	if first != again || r.memberID(id) == other.memberID(id) || r.memberID(id) == r.memberID(Identity{2}) {
		t.Error("member ids are not of the room and the identity")
	}
	if !r.isOwnerKey(r.ownerKey()) || r.isOwnerKey(other.ownerKey()) || r.isOwnerKey("") || r.isOwnerKey(string(r.memberID(id))) {
		t.Error("the owner key is not the room's")
	}
}

func TestPassphraseHash(t *testing.T) {
	s := &Service{hashing: make(chan struct{}, 2), limits: DefaultLimits()}
	one, err := s.hashPassphrase(t.Context(), "secret")
	if err != nil {
		t.Fatal(err)
	}
	two, _ := s.hashPassphrase(t.Context(), "secret")
	if string(one) == string(two) || !strings.HasPrefix(string(one), "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("hashed to %s and %s", one, two)
	}
	for p, want := range map[string]bool{"secret": true, "Secret": false, "": false, "secret ": false} {
		if ok, err := s.checkPassphrase(t.Context(), p, one); ok != want || err != nil {
			t.Errorf("%q: %v, %v", p, ok, err)
		}
	}
	// At another cost it is another hash, and those of before are still right.
	s.limits.PassBytes, s.limits.PassPasses = 1<<20, 3
	cheap, err := s.hashPassphrase(t.Context(), "secret")
	if err != nil || !strings.HasPrefix(string(cheap), "$argon2id$v=19$m=1024,t=3,p=1$") {
		t.Errorf("hashed to %s, %v", cheap, err)
	}
	for _, stored := range [][]byte{one, cheap} {
		if ok, err := s.checkPassphrase(t.Context(), "secret", stored); !ok || err != nil {
			t.Errorf("against %s: %v, %v", stored, ok, err)
		}
	}
	for _, damaged := range []string{strings.Replace(string(one), "m=19456", "m=4294967295", 1), strings.Replace(string(one), "t=2", "t=0", 1), strings.Replace(string(one), "t=2", "t=4294967295", 1), "", "$argon2id$", "x", string(one[:len(one)-4]), strings.Replace(string(one), "m=", "n=", 1)} {
		if ok, err := s.checkPassphrase(t.Context(), "secret", []byte(damaged)); ok || err == nil {
			t.Errorf("against %q: %v, %v", damaged, ok, err)
		}
	}
}

func FuzzCodes(f *testing.F) {
	for _, s := range []string{"ABCDEFGH", "tea-5", "ab", "ABCIO", "é", strings.Repeat("a", 41)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		code, err := chosenCode(s)
		if err != nil {
			return
		}
		if again, err := chosenCode(strings.ToUpper(code)); err != nil || again != code || len(code) < 3 || len(code) > 40 {
			t.Fatalf("%q → %q → %q, %v", s, code, again, err)
		}
	})
}
