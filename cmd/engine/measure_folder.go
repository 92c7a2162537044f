package main

import (
	"context"
	"fmt"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/measure"
	"github.com/holdfast-engine/holdfast/store"
)

// measureFolder makes the KPIs of a data folder, or of a backup, that no engine uses: from the checkpoint that is in it, or anew from what is left of its log. It
// changes nothing. warn is told why a checkpoint that is there cannot be used.
func measureFolder(ctx context.Context, dir string, anew bool, warn func(error)) (*measure.Follower, error) {
	var f *measure.Follower
	cut := false
	begin := func(k store.Kept) (uint64, error) {
		if !anew && k.State != nil || k.Damaged != nil {
			err := k.Damaged
			if err == nil && (k.Batch+1 < k.First || k.Batch > k.Last) {
				err = fmt.Errorf("it ends at batch %d, and the log has %d to %d", k.Batch, k.First, k.Last)
			}
			if err == nil {
				f, err = measure.OpenFollower(time.LoadLocation, k.State)
			}
			if err == nil {
				return k.Batch, nil
			}
			warn(fmt.Errorf("the checkpoint of the KPIs cannot be used, they are made anew from what is left of the log: %w", err))
		}
		f, cut = measure.NewFollower(measure.PolicyDefault(), time.LoadLocation), k.First > 1
		f.Book.SetBatch(k.First - 1)
		return k.First - 1, nil
	}
	err := store.Replay(ctx, store.VerifyConfig{Dir: dir}, kpiName, begin, func(seq uint64, run *engine.Run) error {
		if cut {
			f.Since, cut = run.At, false
		}
		if err := f.Run(run); err != nil {
			return fmt.Errorf("batch %d: %w", seq, err)
		}
		f.Book.SetBatch(seq)
		return nil
	})
	return f, err
}
