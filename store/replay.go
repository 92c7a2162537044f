package store

import (
	"context"
	"fmt"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/holdfast-engine/holdfast/engine"
)

// Kept is what a data folder has for a reader of its log.
type Kept struct {
	First, Last uint64 // batches: what is left of the log. First is beyond Last if nothing is
	// State is what was made of the log up to Batch, nil if nothing is kept or Damaged says why it cannot be read.
	State   []byte
	Batch   uint64
	Damaged error
}

// Replay reads the log of a data folder, or of a backup, that no engine uses, and changes nothing. begin is told what there is, with the projection of a name, and
// says behind which batch to read; use is then called with the runs of every later batch, as [Cursor.Read] does. Errors are those of [LookInto].
func Replay(ctx context.Context, c VerifyConfig, projection string, begin func(Kept) (after uint64, err error), use func(seq uint64, run *engine.Run) error) error {
	if c.FS == nil {
		c.FS = vfs.Default
	}
	err := readOffline(&c, func(o *offline) error {
		trim := position{head: o.f.genesis()}
		if _, err := getPosition(o.db, metaTrim, &trim); err != nil {
			return err
		}
		k := Kept{First: trim.seq + 1, Last: o.last.seq}
		if n := len(o.give); n > 0 {
			k.Last = o.give[n-1].seq
		}
		h, state, err := readProjection(o.db, projection)
		k.State, k.Batch, k.Damaged = state, h.batch, err
		after, err := begin(k)
		if err != nil {
			return err
		}
		if after < trim.seq || after > k.Last {
			return fmt.Errorf("the log has batches %d to %d: it cannot be read behind %d", k.First, k.Last, after)
		}
		r := runsReader{keys: keyCache{}, last: after, use: use, head: trim.head, begun: after == trim.seq}
		if after < o.last.seq {
			if err := r.read(ctx, o.db, o.last.seq); err != nil {
				return err
			}
		}
		for i := range o.give {
			if o.give[i].seq <= after {
				continue
			}
			b, err := readRecord(o.f.fs, o.f.path(nameTail), &o.give[i], o.f.tag)
			if err != nil {
				return err
			}
			if err := r.batch(b); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("store: read the log of %s: %w", c.Dir, pebbleError(err))
	}
	return nil
}
