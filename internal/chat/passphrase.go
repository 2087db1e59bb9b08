package chat

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/secure/precis"
)

// What is stored of a passphrase, in bytes.
const (
	passSalt = 16
	passHash = 32
)

// The most that checking one may cost: damage to what is stored must not end the process.
const (
	passMostMemory = 1 << 20 // KiB
	passMostPasses = 100
)

// passChars bounds a passphrase, in code points.
const passChars = 128

// cleanPassphrase makes one spelling of a passphrase (RFC 8265, OpaqueString).
func cleanPassphrase(p string) (string, error) {
	if len(p) > 4*passChars || utf8.RuneCountInString(p) > passChars {
		return "", errTooLarge("passphrase", passChars, "the passphrase is too long")
	}
	clean, err := precis.OpaqueString.String(p)
	if err != nil {
		return "", errField("passphrase", "the passphrase holds characters that cannot be typed")
	}
	return clean, nil
}

// hashPassphrase makes what is stored of a clean passphrase.
func (s *Service) hashPassphrase(ctx context.Context, clean string) ([]byte, error) {
	salt := make([]byte, passSalt)
	_, _ = rand.Read(salt) // never fails: crypto/rand
	passes, memory := uint32(s.limits.PassPasses), uint32(s.limits.PassBytes>>10)
	hash, err := s.argon2(ctx, clean, salt, passes, memory)
	if err != nil {
		return nil, err
	}
	text := base64.RawStdEncoding
	return fmt.Appendf(nil, "$argon2id$v=%d$m=%d,t=%d,p=1$%s$%s",
		argon2.Version, memory, passes, text.EncodeToString(salt), text.EncodeToString(hash)), nil
}

// checkPassphrase reports whether p is the passphrase that stored was made of.
func (s *Service) checkPassphrase(ctx context.Context, p string, stored []byte) (bool, error) {
	clean, err := cleanPassphrase(p)
	if err != nil {
		return false, nil // none that could have been set
	}
	parts := bytes.Split(stored, []byte("$"))
	if len(parts) != 6 || string(parts[1]) != "argon2id" {
		return false, fmt.Errorf("a stored passphrase is not argon2id")
	}
	var memory, passes uint32
	if _, err := fmt.Sscanf(string(parts[3]), "m=%d,t=%d,p=1", &memory, &passes); err != nil {
		return false, fmt.Errorf("a stored passphrase's cost: %w", err)
	}
	if memory > passMostMemory || passes == 0 || passes > passMostPasses {
		return false, fmt.Errorf("a stored passphrase's cost is damaged: %s", parts[3])
	}
	salt, err := base64.RawStdEncoding.DecodeString(string(parts[4]))
	if err != nil {
		return false, fmt.Errorf("a stored passphrase's salt: %w", err)
	}
	want, err := base64.RawStdEncoding.DecodeString(string(parts[5]))
	if err != nil || len(want) != passHash {
		return false, fmt.Errorf("a stored passphrase's hash is damaged")
	}
	got, err := s.argon2(ctx, clean, salt, passes, memory)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(got, want) == 1, nil
}

// argon2 hashes when it is its turn: so many at a time bound the memory, which is given in KiB.
func (s *Service) argon2(ctx context.Context, clean string, salt []byte, passes, memory uint32) ([]byte, error) {
	select {
	case s.hashing <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting to hash a passphrase: %w", ctx.Err())
	}
	defer func() { <-s.hashing }()
	return argon2.IDKey([]byte(clean), salt, passes, memory, 1, passHash), nil
}
