package line

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// HashLen is the length of a [Hash] in bytes, and SeedLen that of a [Seed].
const (
	HashLen = sha256.Size
	SeedLen = 32
)

// A Hash is a SHA-256: a commit, a leaf, a node or the root of a tree. As text it is 64 lower-case hexadecimal digits.
type Hash [HashLen]byte

// String is h in hexadecimal.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText is h in hexadecimal.
func (h Hash) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h[:]), nil }

// UnmarshalText reads 64 hexadecimal digits. On an error h is unchanged.
func (h *Hash) UnmarshalText(text []byte) error { return fromHex(h[:], text, "a hash") }

// A Seed is the secret of a draw: 32 random bytes, made before the lobby opens and revealed after it has closed. It has no String of its own, so that it
// is not written by accident.
type Seed [SeedLen]byte

// Commit is what is published of a seed before anybody joins: its SHA-256. Who knows it cannot find the seed, and who made it cannot show another.
func Commit(seed Seed) Hash { return sha256.Sum256(seed[:]) }

// fromHex reads exactly len(dst) bytes.
func fromHex(dst, text []byte, what string) error {
	if len(text) != hex.EncodedLen(len(dst)) {
		return fmt.Errorf("line: %s is %d hexadecimal digits, not %d", what, hex.EncodedLen(len(dst)), len(text))
	}
	var b [64]byte
	if _, err := hex.Decode(b[:], text); err != nil {
		return fmt.Errorf("line: %s: %w", what, err)
	}
	copy(dst, b[:len(dst)])
	return nil
}
