package store

import (
	"bytes"
	"context"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"github.com/holdfast-engine/holdfast/engine"
)

// VaultPlainMax is the longest plain text of a sealed record, in bytes.
const VaultPlainMax = 64 << 10

// ErrNoVault is returned by a vault whose store was opened without [Config.VaultKey].
var ErrNoVault = errors.New("the store was opened without a vault key")

// Vault keeps what must be erasable: records sealed under a key of whom they are about, their subject. A subject's key is random, drawn when something is
// first sealed for it, and kept in the store closed by the master key, which lies in a file outside the data folder. Records are AES-256-GCM, each bound to
// its own name.
//
// Keys never go through Pebble's log but come in tables of their own, so that no log file that is used again holds one. Methods are safe for concurrent use.
type Vault struct {
	s      *Store
	master []*masterKey // the first one closes, all open
	opened openKeys

	mu      sync.Mutex
	waiting map[string]*makingKey // subjects whose key is to be made
	leading bool                  // somebody makes keys, for all who wait
	erasing sync.RWMutex          // held for reading by whoever makes keys
}

// makingKey is a subject's key on its way to the disk.
type makingKey struct {
	done chan struct{}
	key  *subjectKey
	err  error
}

// subjectKey is an open key of a subject. Its id tells records of this key from those of a key that was destroyed before it.
type subjectKey struct {
	id   [8]byte
	raw  [keyLen]byte
	aead cipher.AEAD // of raw
}

// newSubjectKey makes a key of its id and its bytes.
func newSubjectKey(plain []byte) (*subjectKey, error) {
	k := &subjectKey{id: [8]byte(plain), raw: [keyLen]byte(plain[8:])}
	var err error
	k.aead, err = newAEAD(k.raw[:])
	return k, err
}

// A closed key, under w|acct|subject, and a record, under v|acct|subject|name, where acct, subject and name are one length byte and that many bytes:
//
//	+---------+-----------+----------+----------------------------------+
//	| version | master id | nonce    | AES-256-GCM of: key id, key      |
//	| 1 byte  | 8 bytes   | 12 bytes | 8 + 32 + 16 bytes                |
//	+---------+-----------+----------+----------------------------------+
//	| version | key id    | nonce    | AES-256-GCM of the plain text    |
//	| 1 byte  | 8 bytes   | 12 bytes | n + 16 bytes                     |
//	+---------+-----------+----------+----------------------------------+
//
// What is sealed is bound to the key it lies under.
const (
	vaultVersion = 1
	vaultHead    = 1 + 8 + nonceLen
	nonceLen     = 12
	closedLen    = vaultHead + 8 + keyLen + 16
)

// subjectPrefix is the part of the keys that all of a subject's records share.
func subjectPrefix(prefix byte, account, subject string) []byte {
	return appendSubjectPrefix(make([]byte, 0, 4+len(account)+len(subject)), prefix, account, subject)
}

func appendSubjectPrefix(b []byte, prefix byte, account, subject string) []byte {
	b = append(b, prefix, '|', byte(len(account)))
	b = append(b, account...)
	b = append(b, byte(len(subject)))
	return append(b, subject...)
}

func recordKey(account, subject, name string) []byte {
	b := make([]byte, 0, 4+len(account)+len(subject)+1+len(name))
	b = append(appendSubjectPrefix(b, keyRecord, account, subject), byte(len(name)))
	return append(b, name...)
}

func checkNames(names ...string) error {
	for _, n := range names {
		if n == "" || len(n) > 255 {
			return fmt.Errorf("store: a name in the vault has %d bytes: give 1 to 255", len(n))
		}
	}
	return nil
}

// openVault reads the key file and checks that it is the one that the keys in the store were closed with. Without any keys a missing file is made.
func (s *Store) openVault() error {
	s.vault = &Vault{s: s, waiting: make(map[string]*makingKey)}
	path := s.c.VaultKey
	if path == "" {
		return nil
	}
	keys, err := readVaultKeys(s.folder.fs, path)
	if err != nil {
		return fmt.Errorf("%w; put back the file that belongs to this folder", err)
	}
	used, err := s.masterInUse()
	if err != nil {
		return err
	}
	if len(keys) == 0 && len(used) == 0 {
		fresh, err := drawMasterKey()
		if err == nil {
			err = writeVaultKeys(s.folder.fs, path, []*masterKey{fresh})
		}
		if err != nil {
			return fmt.Errorf("make the vault's key file %s: %w: name a place that can be written with --vault-key: %w", path, err, ErrVaultKey)
		}
		s.c.Logger.Info("store: a key file was made for the vault; keep a copy of it apart from the data: without it saved methods are lost", "file", path)
		keys = []*masterKey{fresh}
	}
	for _, id := range used {
		if !slices.ContainsFunc(keys, func(k *masterKey) bool { return k.id == id }) {
			what := "is missing"
			if len(keys) > 0 {
				what = fmt.Sprintf("holds key %016x", keys[0].id)
			}
			return fmt.Errorf("the vault's key file %s %s, but this folder's vault was closed with key %016x: put back its key file, or name it with --vault-key: %w",
				path, what, id, ErrVaultKey)
		}
	}
	s.vault.master = keys
	return nil
}

// masterInUse returns the ids of the master keys that closed the first and the last of the subjects' keys. Only between the two halves of a rotation do they differ.
func (s *Store) masterInUse() ([]uint64, error) {
	lower, upper := prefixBounds(keySubject)
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return nil, fmt.Errorf("read the vault: %w", err)
	}
	var ids []uint64
	for _, move := range [...]func() bool{it.First, it.Last} {
		if !move() {
			break
		}
		v, err := it.ValueAndErr()
		if err == nil {
			err = checkClosed(v)
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("read the vault: %w", err), it.Close())
		}
		if id := binary.BigEndian.Uint64(v[1:]); !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids, errors.Join(it.Error(), it.Close())
}

func checkClosed(v []byte) error {
	if len(v) > 0 && v[0] > vaultVersion {
		return fmt.Errorf("a key in the vault has format %d, this program reads up to %d: %w", v[0], vaultVersion, ErrNewer)
	}
	if len(v) != closedLen || v[0] != vaultVersion {
		return fmt.Errorf("a key in the vault does not decode: %w", ErrDamaged)
	}
	return nil
}

// Vault is the store's vault. It is there even without [Config.VaultKey], and then refuses everything.
func (s *Store) Vault() *Vault { return s.vault }

// Seal makes a record of plain for a subject. It becomes durable with the run that it is put beside ([engine.Run.Beside]), and replaces an earlier one of the
// same name. The first time for a subject, Seal makes the subject's key durable before it returns, which costs a few syncs; others who do so at the same time share them.
func (v *Vault) Seal(account, subject, name string, plain []byte) (engine.Sealed, error) {
	if err := checkNames(account, subject, name); err != nil {
		return engine.Sealed{}, err
	}
	if len(plain) > VaultPlainMax {
		return engine.Sealed{}, fmt.Errorf("store: a record of %d bytes is too long for the vault: %d at most", len(plain), VaultPlainMax)
	}
	k, err := v.subject(account, subject)
	if err == nil && k == nil {
		k, err = v.newSubject(subjectPrefix(keySubject, account, subject))
	}
	if err != nil {
		return engine.Sealed{}, fmt.Errorf("store: seal: %w", err)
	}
	key := recordKey(account, subject, name)
	value := make([]byte, vaultHead, vaultHead+len(plain)+k.aead.Overhead())
	value[0] = vaultVersion
	copy(value[1:], k.id[:])
	if _, err := rand.Read(value[9:vaultHead]); err != nil {
		return engine.Sealed{}, fmt.Errorf("store: seal: %w", err)
	}
	return engine.Sealed{Key: key, Value: k.aead.Seal(value, value[9:vaultHead], plain, key)}, nil
}

func setSealed(b *pebble.Batch, r *engine.Sealed) error {
	if r.Value == nil {
		return b.Delete(r.Key, nil)
	}
	return b.Set(r.Key, r.Value, nil)
}

// Remove makes what removes a record, durably with the run that it is put beside.
func (v *Vault) Remove(account, subject, name string) engine.Sealed {
	return engine.Sealed{Key: recordKey(account, subject, name)}
}

// Open returns the plain text of a record; ok is false if there is none, or if the subject was erased. It reads the store.
func (v *Vault) Open(account, subject, name string) (plain []byte, ok bool, err error) {
	if err := checkNames(account, subject, name); err != nil {
		return nil, false, err
	}
	k, err := v.subject(account, subject)
	if err != nil || k == nil {
		return nil, false, err
	}
	key := recordKey(account, subject, name)
	value, closer, err := v.s.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, pebbleError(fmt.Errorf("store: open a record of the vault: %w", err))
	}
	defer func() { _ = closer.Close() }()
	return k.open(key, value)
}

// open opens a record; ok is false if it was sealed under another key, which no longer is.
func (k *subjectKey) open(key, value []byte) (plain []byte, ok bool, err error) {
	if len(value) < vaultHead || value[0] != vaultVersion {
		if len(value) > 0 && value[0] > vaultVersion {
			return nil, false, fmt.Errorf("store: a record of the vault has format %d, this program reads up to %d: %w", value[0], vaultVersion, ErrNewer)
		}
		return nil, false, fmt.Errorf("store: a record of the vault does not decode: %w", ErrDamaged)
	}
	if !bytes.Equal(value[1:9], k.id[:]) {
		return nil, false, nil
	}
	plain, err = k.aead.Open(nil, value[9:vaultHead], value[vaultHead:], key)
	if err != nil {
		return nil, false, fmt.Errorf("store: a record of the vault does not open under its key: %w", ErrDamaged)
	}
	return plain, true, nil
}

// Names lists a subject's records, in order. Records that were sealed under a destroyed key are among them.
func (v *Vault) Names(account, subject string) ([]string, error) {
	if err := v.check(); err != nil {
		return nil, err
	}
	lower := subjectPrefix(keyRecord, account, subject)
	it, err := v.s.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: prefixEnd(lower)})
	if err != nil {
		return nil, fmt.Errorf("store: read the vault: %w", err)
	}
	var names []string
	for ok := it.First(); ok; ok = it.Next() {
		if rest := it.Key()[len(lower):]; len(rest) > 0 && int(rest[0]) == len(rest)-1 {
			names = append(names, string(rest[1:]))
		}
	}
	return names, errors.Join(it.Error(), it.Close())
}

// prefixEnd is the first key behind all those that begin with prefix, which has a byte below 255.
func prefixEnd(prefix []byte) []byte {
	end := slices.Clone(prefix)
	for i := len(end) - 1; ; i-- {
		if end[i]++; end[i] != 0 {
			return end[:i+1]
		}
	}
}

func (v *Vault) check() error {
	if v == nil || len(v.master) == 0 {
		return ErrNoVault
	}
	return v.s.life.check()
}

// subject returns a subject's open key; nil if it has none.
func (v *Vault) subject(account, subject string) (*subjectKey, error) {
	if err := v.check(); err != nil {
		return nil, err
	}
	var room [4 + 2*engine.IDLenMax]byte // most are found with no more than this
	k, erased := v.opened.get(appendSubjectPrefix(room[:0], keySubject, account, subject))
	if k != nil {
		return k, nil
	}
	key := subjectPrefix(keySubject, account, subject)
	value, closer, err := v.s.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, pebbleError(fmt.Errorf("store: read a key of the vault: %w", err))
	}
	defer func() { _ = closer.Close() }()
	if k, err = v.openKey(key, value); err != nil {
		return nil, err
	}
	v.opened.add(key, k, erased)
	return k, nil
}

func (v *Vault) openKey(key, value []byte) (*subjectKey, error) {
	if err := checkClosed(value); err != nil {
		return nil, err
	}
	for _, m := range v.master {
		if m.id != binary.BigEndian.Uint64(value[1:]) {
			continue
		}
		plain, err := m.aead.Open(nil, value[9:vaultHead], value[vaultHead:], key)
		if err != nil {
			return nil, fmt.Errorf("a key of the vault does not open: %w", ErrDamaged)
		}
		return newSubjectKey(plain)
	}
	return nil, fmt.Errorf("a key of the vault was closed with key %016x, which the key file does not hold: %w", binary.BigEndian.Uint64(value[1:]), ErrVaultKey)
}

// closeKey closes a subject's key under the newest master key.
func (v *Vault) closeKey(key []byte, k *subjectKey) ([]byte, error) {
	value := make([]byte, vaultHead, closedLen)
	value[0] = vaultVersion
	binary.BigEndian.PutUint64(value[1:], v.master[0].id)
	if _, err := rand.Read(value[9:]); err != nil {
		return nil, fmt.Errorf("draw a nonce: %w", err)
	}
	return v.master[0].aead.Seal(value, value[9:], slices.Concat(k.id[:], k.raw[:]), key), nil
}

// newSubject makes a subject's key, durably. Whoever comes first makes those of all who come while the disk is busy.
func (v *Vault) newSubject(key []byte) (*subjectKey, error) {
	v.mu.Lock()
	m := v.waiting[string(key)]
	if m == nil {
		m = &makingKey{done: make(chan struct{})}
		v.waiting[string(key)] = m
	}
	if v.leading {
		v.mu.Unlock()
		<-m.done
		return m.key, m.err
	}
	v.leading = true
	for len(v.waiting) > 0 {
		all := v.waiting
		v.waiting = make(map[string]*makingKey)
		v.mu.Unlock()
		v.makeKeys(all)
		v.mu.Lock()
	}
	v.leading = false
	v.mu.Unlock()
	return m.key, m.err
}

// makeKeys draws keys and puts them into the store, in one table.
func (v *Vault) makeKeys(all map[string]*makingKey) {
	v.erasing.RLock()
	defer v.erasing.RUnlock()
	// Deferred, because Pebble ends the goroutine when it cannot go on: those who wait are told all the same.
	err := fmt.Errorf("make %d keys of the vault: %w", len(all), ErrDead)
	defer func() {
		for _, m := range all {
			if m.err = err; err != nil {
				m.key = nil
			}
			close(m.done)
		}
	}()
	closed := make(map[string][]byte, len(all))
	for name, m := range all {
		// One who came while others led may have come after his key was made.
		value, closer, err2 := v.s.db.Get([]byte(name))
		if err2 == nil {
			m.key, err2 = v.openKey([]byte(name), value)
			err2 = errors.Join(err2, closer.Close())
			if err = err2; err != nil {
				return
			}
			continue
		}
		if !errors.Is(err2, pebble.ErrNotFound) {
			err = pebbleError(err2)
			return
		}
		var plain [8 + keyLen]byte
		if _, err = rand.Read(plain[:]); err != nil {
			return
		}
		if m.key, err = newSubjectKey(plain[:]); err != nil {
			return
		}
		if closed[name], err = v.closeKey([]byte(name), m.key); err != nil {
			return
		}
	}
	err = v.ingest(closed)
}

// ingest puts closed keys into the store in a table, never through its log.
func (v *Vault) ingest(closed map[string][]byte) error {
	if len(closed) == 0 {
		return nil
	}
	g := v.s.newIngestion()
	w, err := g.table()
	if err != nil {
		g.abandon()
		return err
	}
	for _, name := range sortedNames(closed) {
		if err := w.Set([]byte(name), closed[name]); err != nil {
			err = errors.Join(fmt.Errorf("write keys of the vault: %w", err), w.Close())
			g.abandon()
			return err
		}
	}
	if err := w.Close(); err != nil {
		g.abandon()
		return fmt.Errorf("finish a table of keys: %w", err)
	}
	if err := g.finish(context.Background(), nil); err != nil {
		// Whether the keys are durable is not known.
		v.s.life.die(err)
		return err
	}
	return nil
}
