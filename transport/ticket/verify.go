package ticket

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// The bounds of what a verifier reads: both come from strangers.
const (
	// CodeBytesMax is the longest code: four ids and a label of the longest, signed.
	CodeBytesMax = 2048
	// KeySetBytesMax is the longest set of public keys: KeysMax of them take less.
	KeySetBytesMax = 64 << 10
)

// ErrCode says that a code is not one that the account's keys have signed. The text says why; nothing about the ticket can be believed.
var ErrCode = errors.New("not a code of this account")

// ParseKeySet reads a set of public keys, as /jwks.json serves it. It refuses anything that is not a public Ed25519 key with an id.
func ParseKeySet(text []byte) (*jose.JSONWebKeySet, error) {
	if len(text) > KeySetBytesMax {
		return nil, fmt.Errorf("the set of keys has %d bytes and may have %d", len(text), KeySetBytesMax)
	}
	set := new(jose.JSONWebKeySet)
	if err := json.Unmarshal(text, set); err != nil {
		return nil, fmt.Errorf("this is no set of keys (JWKS): %w", err)
	}
	if len(set.Keys) == 0 {
		return nil, errors.New("the set of keys is empty")
	}
	known := map[string]bool{}
	for i := range set.Keys {
		k := &set.Keys[i]
		public, ok := k.Key.(ed25519.PublicKey)
		switch {
		case !ok || len(public) != ed25519.PublicKeySize:
			return nil, fmt.Errorf("key %d of the set is not a public Ed25519 key", i+1)
		case k.KeyID == "" || known[k.KeyID]:
			return nil, fmt.Errorf("key %d of the set has no id of its own", i+1)
		}
		known[k.KeyID] = true
	}
	return set, nil
}

// Verify checks a code against an account's public keys and returns what it says. It trusts nothing in the code but what the signature covers: the
// algorithm is EdDSA whatever the code says, the key is one of the set or the code is refused. The error wraps [ErrCode].
//
// A good code says that the ticket was sold. That it was used or replaced since, or given back, it cannot say.
func Verify(code string, keys *jose.JSONWebKeySet) (*Claims, error) {
	c, err := verify(strings.TrimSpace(code), keys)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCode, err)
	}
	return c, nil
}

func verify(code string, keys *jose.JSONWebKeySet) (*Claims, error) {
	payload, typ, err := opened(code, keys)
	if err != nil {
		return nil, err
	}
	if typ != "" {
		return nil, fmt.Errorf("it is no code of a ticket: its typ is %.40q", typ)
	}
	return parseClaims(payload)
}

// opened checks the signature of a code or a pass, and returns what is signed and the typ of its header.
func opened(code string, keys *jose.JSONWebKeySet) (payload []byte, typ string, err error) {
	if len(code) > CodeBytesMax {
		return nil, "", fmt.Errorf("it has %d bytes, and no code has more than %d", len(code), CodeBytesMax)
	}
	signed, err := jose.ParseSignedCompact(code, []jose.SignatureAlgorithm{jose.EdDSA})
	if err != nil {
		return nil, "", errors.New("it is not a signed code in the compact form, or not signed with EdDSA")
	}
	if len(signed.Signatures) != 1 {
		return nil, "", errors.New("it does not have one signature")
	}
	id := signed.Signatures[0].Protected.KeyID
	found := keys.Key(id)
	if id == "" || len(found) != 1 {
		return nil, "", fmt.Errorf("none of the %d keys has signed it: it names key %.40q", len(keys.Keys), id)
	}
	payload, err = signed.Verify(found[0].Key)
	if err != nil {
		return nil, "", fmt.Errorf("its signature is wrong: it was changed, or somebody else made it and named key %s", id)
	}
	typ, _ = signed.Signatures[0].Protected.ExtraHeaders[jose.HeaderType].(string)
	return payload, typ, nil
}
