package ticket

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/line"
)

// PassType is the typ in the header of a pass: no code of a ticket has one, so that neither can be taken for the other.
const PassType = "holdfast-pass+jwt"

// Pass is what the signed form of a pass of the line says: for edges that keep a crowd away before it reaches the engine. Whether it is still good, only the engine
// knows: it may have been spent by an order. The names are those of RFC 7519 where it has them.
type Pass struct {
	Account string `json:"iss"`
	Event   string `json:"evt"`
	Buyer   string `json:"sub"`
	Entry   uint32 `json:"ent"` // which of the buyer's entries
	Place   uint32 `json:"plc"`
	Until   int64  `json:"exp"` // in seconds since 1970, not after the engine's own deadline
}

// passes are the passes that a ring remembers: a buyer asks for the same one more than once.
type passes map[Pass]string

// Pass returns the signed form of a pass, with the newest key of its account. The same pass has the same form until the keys are rotated.
func (r *Ring) Pass(p Pass) (string, error) {
	r.mu.Lock()
	signed, known := r.passes[p]
	if known {
		r.mu.Unlock()
		return signed, nil
	}
	set, err := r.keys(p.Account)
	r.mu.Unlock()
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(p)
	if err != nil {
		return "", fmt.Errorf("write a pass: %w", err)
	}
	object, err := set.passSigner.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("sign a pass: %w", err)
	}
	if signed, err = object.CompactSerialize(); err != nil {
		return "", fmt.Errorf("sign a pass: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.accounts[p.Account] == set { // the keys were not rotated meanwhile
		if len(r.passes) >= codesMax {
			clear(r.passes)
		}
		r.passes[p] = signed
	}
	return signed, nil
}

// SignReceipts signs what receipts say of entries that became durable together (see [line.Receipt]) with the newest key of an account, and returns that key's id.
func (r *Ring) SignReceipts(account string, size uint32, root line.Hash) (kid string, sum line.Signature, err error) {
	r.mu.Lock()
	set, err := r.keys(account)
	r.mu.Unlock()
	if err != nil {
		return "", line.Signature{}, err
	}
	copy(sum[:], ed25519.Sign(set.newest, line.ReceiptStatement(size, root)))
	return set.seeds[len(set.seeds)-1].ID, sum, nil
}

// VerifyPass checks the signed form of a pass against an account's public keys at a time, and returns what it says. It trusts nothing but what the signature covers.
// The error wraps [ErrCode].
func VerifyPass(signed string, keys *jose.JSONWebKeySet, now time.Time) (*Pass, error) {
	p, err := verifyPass(strings.TrimSpace(signed), keys, now)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCode, err)
	}
	return p, nil
}

func verifyPass(signed string, keys *jose.JSONWebKeySet, now time.Time) (*Pass, error) {
	payload, typ, err := opened(signed, keys)
	if err != nil {
		return nil, err
	}
	if typ != PassType {
		return nil, fmt.Errorf("it is no pass: its typ is %.40q", typ)
	}
	d := json.NewDecoder(bytes.NewReader(payload))
	d.DisallowUnknownFields()
	p := new(Pass)
	if err := d.Decode(p); err != nil {
		return nil, fmt.Errorf("what it says cannot be read: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("what it says goes on behind its end")
	}
	for _, id := range [...]string{p.Account, p.Event, p.Buyer} {
		if !engine.ValidID(id) {
			return nil, fmt.Errorf("%q is no id", id)
		}
	}
	if !now.Before(time.Unix(p.Until, 0)) {
		return nil, fmt.Errorf("it was good until %s", time.Unix(p.Until, 0).UTC().Format(time.RFC3339))
	}
	return p, nil
}
