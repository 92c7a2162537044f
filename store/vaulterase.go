package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// erasePatience is how long Erase waits for files that nobody needs any more to be deleted, and eraseLook how often it looks.
const (
	erasePatience = 10 * time.Second
	eraseLook     = 5 * time.Millisecond
)

// Erase destroys subjects' keys and everything that was sealed under it, for good: when it returns nil, no file of the data folder holds the key, and no table
// what was sealed; bytes that nothing opens any more may be left in a log of Pebble's until that is used again. A record that was sealed and not yet written opens
// no more. A pass or a backup's check under way is waited for; backups that were made before keep what they have. Erasing what is not there is no error.
// It rewrites the tables around the subject: some milliseconds to seconds.
func (v *Vault) Erase(ctx context.Context, account string, subjects ...string) error {
	if err := v.check(); err != nil || len(subjects) == 0 {
		return err
	}
	if err := checkNames(append([]string{account}, subjects...)...); err != nil {
		return err
	}
	// A pass reads an old state of the store, and what was deleted since would be kept for it.
	if err := v.s.lockPassing(ctx); err != nil {
		return fmt.Errorf("store: erase: %w", err)
	}
	defer v.s.passing.Unlock()
	v.erasing.Lock()
	defer v.erasing.Unlock()
	if err := v.s.orDead(func() error { return v.erase(ctx, account, subjects) }); err != nil {
		return fmt.Errorf("store: erase: %w", pebbleError(err))
	}
	return nil
}

func (v *Vault) erase(ctx context.Context, account string, subjects []string) error {
	s := v.s
	var prefixes [][]byte
	for _, subject := range subjects {
		prefixes = append(prefixes, subjectPrefix(keySubject, account, subject), subjectPrefix(keyRecord, account, subject))
	}
	err := s.remember(func(b *pebble.Batch) error {
		var err error
		for _, p := range prefixes {
			err = errors.Join(err, b.DeleteRange(p, prefixEnd(p), nil))
		}
		return err
	})
	v.opened.forget() // whoever reads from now on finds no key
	if err != nil {
		return err
	}
	for _, p := range prefixes {
		// It flushes first, so that what is deleted meets its deletion in a table, where both go.
		if err := s.db.Compact(ctx, p, prefixEnd(p), false); err != nil {
			return fmt.Errorf("compact the vault: %w", err)
		}
	}
	deadline := time.Now().Add(erasePatience)
	for m := s.db.Metrics(); m.Table.ObsoleteCount+m.Table.ZombieCount > 0; m = s.db.Metrics() {
		if time.Now().After(deadline) {
			return errors.New("the key is destroyed, but a table with what it closed is still read by somebody: erase again in a minute")
		}
		time.Sleep(eraseLook)
	}
	return nil
}

// Rotate draws a new master key, closes all keys of subjects with it and writes it into the key file in place of the old one. Nothing that is sealed is
// touched. It is for a store that was just opened; a rotation that was interrupted leaves a key file with both keys, and is finished by the next.
// It returns how many keys were closed anew.
func (v *Vault) Rotate(ctx context.Context) (int, error) {
	if err := v.check(); err != nil {
		return 0, err
	}
	v.erasing.Lock()
	defer v.erasing.Unlock()
	fs, path := v.s.folder.fs, v.s.c.VaultKey
	if len(v.master) == 1 {
		fresh, err := drawMasterKey()
		if err != nil {
			return 0, fmt.Errorf("store: rotate: %w", err)
		}
		both := []*masterKey{fresh, v.master[0]}
		if err := writeVaultKeys(fs, path, both); err != nil {
			return 0, fmt.Errorf("store: rotate: %w", err)
		}
		v.master = both
	}
	n, err := v.closeAll(ctx)
	if err != nil {
		return n, fmt.Errorf("store: rotate: %w", pebbleError(err))
	}
	// The old key opens nothing of this folder any more; it still opens backups, and copies of the file that somebody kept.
	if err := writeVaultKeys(fs, path, v.master[:1]); err != nil {
		return n, fmt.Errorf("store: rotate: %w", err)
	}
	v.master = v.master[:1]
	lower, upper := prefixBounds(keySubject)
	if n == 0 {
		return 0, nil
	}
	if err := v.s.db.Compact(ctx, lower, upper, false); err != nil {
		return n, fmt.Errorf("store: rotate: compact the vault: %w", err)
	}
	return n, nil
}

// rotateAtOnce is how many keys go into one table of a rotation.
const rotateAtOnce = 10_000

func (v *Vault) closeAll(ctx context.Context) (n int, err error) {
	lower, upper := prefixBounds(keySubject)
	it, err := v.s.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return 0, fmt.Errorf("read the vault: %w", err)
	}
	defer func() { _ = it.Close() }()
	closed := make(map[string][]byte)
	for ok := it.First(); ok; ok = it.Next() {
		value, err := it.ValueAndErr()
		if err != nil {
			return n, fmt.Errorf("read the vault: %w", err)
		}
		k, err := v.openKey(it.Key(), value)
		if err != nil {
			return n, err
		}
		if closed[string(it.Key())], err = v.closeKey(it.Key(), k); err != nil {
			return n, err
		}
		if len(closed) == rotateAtOnce {
			if err := errors.Join(ctx.Err(), v.ingest(closed)); err != nil {
				return n, err
			}
			n += len(closed)
			clear(closed)
		}
	}
	if err := it.Error(); err != nil {
		return n, fmt.Errorf("read the vault: %w", err)
	}
	return n + len(closed), v.ingest(closed)
}
