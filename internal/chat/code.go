package chat

import (
	"crypto/rand"
	"strings"
)

// codeLetters are the capitals without I and O, which are read as 1 and 0.
const codeLetters = "ABCDEFGHJKLMNPQRSTUVWXYZ"

const (
	madeCode    = 8  // letters in a code that the server makes: 24^8, 36 bits
	codeLeast   = 3  // characters in a code that its maker chooses
	codeMost    = 40 //
	codeAttempt = 8  // codes made before giving up on one that is free
)

// newCode makes a room's code.
func newCode() string { return string(randomLetters(madeCode)) }

// randomLetters makes n of codeLetters.
func randomLetters(n int) []byte {
	code := make([]byte, 0, n)
	var random [2 * madeCode]byte
	for {
		_, _ = rand.Read(random[:]) // never fails: crypto/rand
		for _, b := range random {
			// The largest multiple of 24 in a byte: what is above would favour some letters.
			if b >= 240 {
				continue
			}
			if code = append(code, codeLetters[b%24]); len(code) == n {
				return code
			}
		}
	}
}

// chosenCode is the canonical form of a code that its maker chose.
func chosenCode(code string) (string, error) {
	if !looksLikeCode(code) {
		return "", errField("code", "a code has 3 to 40 letters a-z, digits and hyphens")
	}
	return strings.ToLower(code), nil
}

// looksLikeCode reports whether any room could have this code, in whatever case.
func looksLikeCode(code string) bool {
	if len(code) < codeLeast || len(code) > codeMost {
		return false
	}
	for _, c := range []byte(code) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-':
		default:
			return false
		}
	}
	return true
}

// requestIDMost bounds a client's own name for what it does.
const requestIDMost = 64

// checkRequestID checks the client's own name for what it does; it may be empty.
func checkRequestID(id string) error {
	ok := len(id) <= requestIDMost
	for _, c := range []byte(id) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			ok = false
		}
	}
	if !ok {
		return errField("id", "an id has 1 to 64 of A-Z a-z 0-9 _ -")
	}
	return nil
}
