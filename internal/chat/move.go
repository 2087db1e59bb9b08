package chat

import (
	"bytes"
	"context"
	"crypto/subtle"
	"slices"
	"strings"
	"time"
)

const (
	moveSpan    = 5 * time.Minute
	moveLetters = 12 // of codeLetters: 55 bits, of which few can be tried in that time
	moveGroup   = 4  // letters between two dashes
)

// A Move is a token on its way to another device, as it is stored: nothing of it
// tells the code, the token or the identity to who does not have the code and the Keyring.
type Move struct {
	Holder [16]byte // stands for the identity, which has one at a time
	Key    [32]byte // stands for the code
	Sealed []byte
	Until  time.Time
}

// Move makes a code for a token, and what is to be stored under it. token must be one that Verify accepts.
func (k *Keyring) Move(token string) (code string, m Move) {
	text, _ := strings.CutPrefix(token, tokenPrefix)
	secret, err := tokenText.DecodeString(text)
	if err != nil || len(secret) != tokenRandom+tokenMAC {
		return "", Move{}
	}
	random, letters := secret[:tokenRandom], randomLetters(moveLetters)
	id := k.identity(random)
	m.Holder = [16]byte(keyed(k.key[:], "move holder", id[:])[:16])
	m.Key = [32]byte(keyed(k.key[:], "move", letters))
	m.Sealed = k.seal(letters, random)
	return string(bytes.Join(slices.Collect(slices.Chunk(letters, moveGroup)), []byte("-"))), m
}

// MoveKey finds the Move.Key of a code as somebody types it; ok is false for what is none.
func (k *Keyring) MoveKey(code string) (key [32]byte, ok bool) {
	letters, ok := moveCode(code)
	if !ok {
		return key, false
	}
	return [32]byte(keyed(k.key[:], "move", letters)), true
}

// Unseal finds the token of a Move by the code.
func (k *Keyring) Unseal(code string, sealed []byte) (token string, id Identity, ok bool) {
	letters, ok := moveCode(code)
	if !ok || len(sealed) != tokenRandom {
		return "", Identity{}, false
	}
	random := k.seal(letters, sealed)
	return tokenPrefix + tokenText.EncodeToString(append(random, k.mac(random)...)), k.identity(random), true
}

// seal covers the random part of a token, or uncovers it: a code is used once, so its pad is, too.
func (k *Keyring) seal(letters, random []byte) []byte {
	out := make([]byte, tokenRandom, tokenRandom+tokenMAC)
	subtle.XORBytes(out, random, keyed(k.key[:], "move seal", letters))
	return out
}

// moveCode reads a code, whatever its case and dashes.
func moveCode(code string) (letters []byte, ok bool) {
	if len(code) > 3*moveLetters {
		return nil, false
	}
	for _, c := range []byte(strings.ToUpper(code)) {
		switch {
		case strings.IndexByte(codeLetters, c) >= 0:
			letters = append(letters, c)
		case c != '-' && c != ' ':
			return nil, false
		}
	}
	return letters, len(letters) == moveLetters
}

// Move stores, durably, what Keyring.Move made for the session's token, and
// returns until when its code works.
func (s *Service) Move(ctx context.Context, c *Session, m Move) (expires time.Time, err error) {
	if !s.gate.enter() {
		return expires, errShuttingDown()
	}
	defer s.gate.leave()
	if wait := s.throttle.moves.Take(c.from); wait > 0 {
		return expires, errRate(ScopeAddress, wait)
	}
	m.Until = s.now().Add(moveSpan)
	if err := s.store.SaveMove(context.WithoutCancel(ctx), m); err != nil {
		return expires, failed("storing a move", err)
	}
	return m.Until, nil
}

// Redeem hands out what a code was sealed for, once, to a connection from an
// address, which may guess as often as codes of rooms. valid is false for what is no
// code at all; key stands for it, else. A wrong code gets Unauthorized.
func (s *Service) Redeem(ctx context.Context, from Address, key [32]byte, valid bool) (sealed []byte, err error) {
	if !s.gate.enter() {
		return nil, errShuttingDown()
	}
	defer s.gate.leave()
	if err := s.throttle.mayGuessFrom(from); err != nil {
		return nil, err
	}
	if valid {
		// Waited for whatever becomes of ctx: what is taken is gone.
		sealed, valid, err = s.store.TakeMove(context.WithoutCancel(ctx), key)
		if err != nil {
			return nil, failed("redeeming a move", err)
		}
	}
	if !valid {
		s.throttle.guessedFrom(from)
		return nil, &Error{Code: Unauthorized, Message: "the code is wrong, was used, or is too old"}
	}
	return sealed, nil
}
