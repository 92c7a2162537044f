package transport

import (
	"bytes"
	"fmt"

	"github.com/nats-io/nkeys"
)

// NewUserKey makes a new nkey user. The seed is the secret that its connections sign with; the public key, U and 55 letters and digits, is what
// the NATS server's configuration names.
func NewUserKey() (seed []byte, public string, err error) {
	pair, err := nkeys.CreateUser()
	if err != nil {
		return nil, "", fmt.Errorf("make an nkey: %w", err)
	}
	defer pair.Wipe()
	if seed, err = pair.Seed(); err != nil {
		return nil, "", fmt.Errorf("make an nkey: %w", err)
	}
	if public, err = pair.PublicKey(); err != nil {
		return nil, "", fmt.Errorf("make an nkey: %w", err)
	}
	return bytes.Clone(seed), public, nil // the pair's own is wiped
}
