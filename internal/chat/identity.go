package chat

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/base64"
	"strings"
)

// A token is tokenPrefix, tokenRandom bytes of randomness and tokenMAC bytes of
// their MAC, both in unpadded base64url.
const (
	tokenPrefix = "v1."
	tokenRandom = 18 // 144 bits, which need no padding
	tokenMAC    = 18
)

// tokenText refuses every spelling of the same bytes but one.
var tokenText = base64.RawURLEncoding.Strict()

// A Keyring makes and checks tokens, and derives from them what may be shown.
// It is immutable.
type Keyring struct{ key [32]byte }

// NewKeyring uses a secret of 32 bytes that the caller keeps safe.
func NewKeyring(secret [32]byte) *Keyring { return &Keyring{secret} }

// Mint makes a token for a new identity. It stores nothing.
func (k *Keyring) Mint() (token string, id Identity) {
	var random [tokenRandom]byte
	_, _ = rand.Read(random[:]) // never fails: crypto/rand
	return tokenPrefix + tokenText.EncodeToString(append(random[:], k.mac(random[:])...)), k.identity(random[:])
}

// Verify returns the identity of a token that Mint made under this key; ok is
// false for any other string. It takes the same time for every forgery.
func (k *Keyring) Verify(token string) (id Identity, ok bool) {
	var given [tokenRandom + tokenMAC]byte // stays zero for what is not shaped like a token
	text, shaped := strings.CutPrefix(token, tokenPrefix)
	if shaped = shaped && len(text) == tokenText.EncodedLen(len(given)); shaped {
		n, err := tokenText.Decode(given[:], []byte(text))
		shaped = err == nil && n == len(given)
	}
	random, mac := given[:tokenRandom], given[tokenRandom:]
	if !hmac.Equal(mac, k.mac(random)) || !shaped {
		return Identity{}, false
	}
	return k.identity(random), true
}

// mac and identity are separated by what they sign, so that an identity tells
// nothing of the token it stands for.
func (k *Keyring) mac(random []byte) []byte {
	return keyed(k.key[:], "token", random)[:tokenMAC]
}

func (k *Keyring) identity(random []byte) Identity {
	return Identity(keyed(k.key[:], "identity", random)[:16])
}

// keyed is the HMAC-SHA256 of a purpose and a value.
func keyed(key []byte, purpose string, value []byte) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(purpose))
	m.Write([]byte{0})
	m.Write(value)
	return m.Sum(nil)
}

// publicText spells what is derived from a room's key: 5 bits a character, lower case.
var publicText = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// memberID is an identity's public name in the room: 80 bits, 16 characters.
func (r *Room) memberID(id Identity) MemberID {
	return MemberID(publicText.EncodeToString(keyed(r.Key, "member", id[:])[:10]))
}

// ownerKey is what makes whoever shows it an owner: 160 bits.
func (r *Room) ownerKey() string {
	return publicText.EncodeToString(keyed(r.Key, "owner", nil)[:20])
}

// isOwnerKey compares in constant time.
func (r *Room) isOwnerKey(key string) bool {
	return subtle.ConstantTimeCompare([]byte(key), []byte(r.ownerKey())) == 1
}
