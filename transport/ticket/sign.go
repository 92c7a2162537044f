package ticket

import (
	"crypto"
	_ "crypto/sha256" // of the thumbprints
	"encoding/json"
	"fmt"
)

const (
	thumbprintHash = crypto.SHA256
	// keyIDLen is 96 bits: nobody else's key has the same id by chance.
	keyIDLen = 16
	// codesMax bounds the codes that a ring remembers: a code costs 25 us to sign, and a buyer looks at a ticket more than once.
	codesMax = 8192
)

// codeKey is what decides what a code is.
type codeKey struct {
	account, event, ticket string
	generation             uint32
}

// Code returns the code of a ticket, signed with the newest key of its account. The same claims give the same code until the keys are rotated.
func (r *Ring) Code(c *Claims) (string, error) {
	key := codeKey{c.Account, c.Event, c.Ticket, c.Generation}
	r.mu.Lock()
	code, known := r.codes[key]
	if known {
		r.mu.Unlock()
		return code, nil
	}
	set, err := r.keys(c.Account)
	r.mu.Unlock()
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("write a ticket's claims: %w", err)
	}
	signed, err := set.signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("sign a ticket: %w", err)
	}
	if code, err = signed.CompactSerialize(); err != nil {
		return "", fmt.Errorf("sign a ticket: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.accounts[c.Account] == set { // the keys were not rotated meanwhile
		if len(r.codes) >= codesMax {
			clear(r.codes)
		}
		r.codes[key] = code
	}
	return code, nil
}
