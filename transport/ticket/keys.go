package ticket

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Safe keeps the signing keys of accounts, sealed. It is what a [Ring] needs from the vault. Both methods are safe for concurrent use.
type Safe interface {
	// ReadKeys returns what WriteKeys kept last, or nothing.
	ReadKeys(account string) ([]byte, bool, error)
	// WriteKeys returns when plain is durable, in place of what was there.
	WriteKeys(account string, plain []byte) error
}

// KeysMax is how many signing keys an account may have had. Old ones stay, so that the tickets they signed can be checked: at one rotation a week
// they last for more than a year.
const KeysMax = 64

// Ring signs codes with the newest key of an account, and shows the public halves of all. Safe for concurrent use.
type Ring struct {
	safe Safe
	now  func() time.Time

	mu       sync.Mutex
	accounts map[string]*keySet
	codes    map[codeKey]string
	passes   passes
}

// keySet is the keys of one account. Rotation makes a new one.
type keySet struct {
	seeds  []storedKey
	signer jose.Signer
	public jose.JSONWebKeySet

	newest     ed25519.PrivateKey
	passSigner jose.Signer
}

// storedKey is how a key is kept.
type storedKey struct {
	ID   string    `json:"kid"`
	Made time.Time `json:"made"`
	Seed []byte    `json:"seed"`
}

// NewRing makes a ring over a safe. now is the wall time, for the keys' birthdays.
func NewRing(safe Safe, now func() time.Time) *Ring {
	return &Ring{safe: safe, now: now, accounts: make(map[string]*keySet), codes: make(map[codeKey]string), passes: make(passes)}
}

// Public returns the account's public keys, the newest last. An account that has none yet gets its first.
func (r *Ring) Public(account string) (jose.JSONWebKeySet, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	set, err := r.keys(account)
	if err != nil {
		return jose.JSONWebKeySet{}, err
	}
	return set.public, nil
}

// KeySet returns the account's public keys as /jwks.json serves them, for [ParseKeySet].
func (r *Ring) KeySet(account string) ([]byte, error) {
	public, err := r.Public(account)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(public)
	if err != nil {
		return nil, fmt.Errorf("write the public keys of account %s: %w", account, err)
	}
	return text, nil
}

// Rotate gives the account a new key, which signs from now on, and returns its id. Codes that older keys signed stay good: their public halves stay in
// the set.
func (r *Ring) Rotate(account string) (id string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	set, err := r.keys(account)
	if err != nil {
		return "", err
	}
	if set, err = r.add(account, set.seeds); err != nil {
		return "", err
	}
	clear(r.codes)
	clear(r.passes)
	return set.seeds[len(set.seeds)-1].ID, nil
}

// keys returns the keys of an account, from the safe the first time. REQUIRES: r.mu.
func (r *Ring) keys(account string) (*keySet, error) {
	if set := r.accounts[account]; set != nil {
		return set, nil
	}
	plain, there, err := r.safe.ReadKeys(account)
	if err != nil {
		return nil, fmt.Errorf("read the signing keys of account %s: %w", account, err)
	}
	if !there {
		return r.add(account, nil)
	}
	var seeds []storedKey
	if err := json.Unmarshal(plain, &seeds); err != nil || len(seeds) == 0 {
		return nil, fmt.Errorf("the signing keys of account %s cannot be read: the vault holds something else there", account)
	}
	set, err := newKeySet(seeds)
	if err != nil {
		return nil, fmt.Errorf("the signing keys of account %s: %w", account, err)
	}
	r.accounts[account] = set
	return set, nil
}

// add makes a key behind those that are there, durably. REQUIRES: r.mu.
func (r *Ring) add(account string, seeds []storedKey) (*keySet, error) {
	if len(seeds) >= KeysMax {
		return nil, fmt.Errorf("account %s has %d signing keys, and may have no more: tickets that the oldest signed could not be checked any longer", account, len(seeds))
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a signing key: %w", err)
	}
	made := storedKey{ID: keyID(public), Made: r.now().UTC().Truncate(time.Second), Seed: private.Seed()}
	seeds = append(seeds[:len(seeds):len(seeds)], made)
	set, err := newKeySet(seeds)
	if err != nil {
		return nil, err
	}
	plain, err := json.Marshal(seeds)
	if err != nil {
		return nil, fmt.Errorf("write a signing key: %w", err)
	}
	if err := r.safe.WriteKeys(account, plain); err != nil {
		return nil, fmt.Errorf("keep the signing key of account %s: %w", account, err)
	}
	r.accounts[account] = set
	return set, nil
}

// keyID is the RFC 7638 thumbprint of a key, short enough for a small QR code.
func keyID(public ed25519.PublicKey) string {
	print, err := (&jose.JSONWebKey{Key: public}).Thumbprint(thumbprintHash)
	if err != nil {
		panic("ticket: an Ed25519 key without a thumbprint: " + err.Error())
	}
	return base64.RawURLEncoding.EncodeToString(print)[:keyIDLen]
}

func newKeySet(seeds []storedKey) (*keySet, error) {
	set := &keySet{seeds: seeds}
	for i := range seeds {
		s := &seeds[i]
		if len(s.Seed) != ed25519.SeedSize {
			return nil, errors.New("a seed has the wrong length")
		}
		set.newest = ed25519.NewKeyFromSeed(s.Seed)
		public, ok := set.newest.Public().(ed25519.PublicKey)
		if !ok || keyID(public) != s.ID {
			return nil, fmt.Errorf("key %s is not what its id says", s.ID)
		}
		set.public.Keys = append(set.public.Keys, jose.JSONWebKey{Key: public, KeyID: s.ID, Algorithm: string(jose.EdDSA), Use: "sig"})
	}
	var err error
	key := jose.SigningKey{Algorithm: jose.EdDSA, Key: jose.JSONWebKey{Key: set.newest, KeyID: seeds[len(seeds)-1].ID}}
	if set.signer, err = jose.NewSigner(key, nil); err == nil {
		set.passSigner, err = jose.NewSigner(key, (&jose.SignerOptions{}).WithType(PassType))
	}
	if err != nil {
		return nil, fmt.Errorf("make a signer: %w", err)
	}
	return set, nil
}
