package store

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/holdfast-engine/holdfast/engine"
)

// Keep makes sealed records durable by themselves, all or none: for what belongs to no run, such as keys of the process. It returns when they survive a power cut.
func (v *Vault) Keep(records ...engine.Sealed) error {
	if err := v.check(); err != nil {
		return err
	}
	err := v.s.remember(func(b *pebble.Batch) error {
		for i := range records {
			if err := setSealed(b, &records[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("store: keep in the vault: %w", err)
	}
	return nil
}
