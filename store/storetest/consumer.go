package storetest

import (
	"context"
	"fmt"

	"github.com/holdfast-engine/holdfast/engine"
)

// Cursor is the place of a consumer in a log.
type Cursor interface {
	Position() uint64
	Advance(seq uint64)
	Read(ctx context.Context, after uint64, limit int, use func(seq uint64, run *engine.Run) error) (uint64, error)
}

// Consumer reads a cursor and remembers what it saw. It is used by one goroutine.
type Consumer struct {
	Runs []Written // in the order of the log
	last uint64
}

// Poll reads what is new, at most limit batches (0: all), and remembers it; it does not advance the cursor. It returns the last batch read.
func (c *Consumer) Poll(ctx context.Context, cursor Cursor, limit int) (uint64, error) {
	before := c.last
	last, err := cursor.Read(ctx, max(c.last, cursor.Position()), limit, func(seq uint64, run *engine.Run) error {
		if seq < c.last {
			return fmt.Errorf("batch %d came after batch %d", seq, c.last)
		}
		c.last = seq
		c.Runs = append(c.Runs, Written{
			Key: run.Key, First: run.First, At: run.At, Facts: append([]byte(nil), run.Facts.Buf...), Count: run.Facts.Count,
		})
		return nil
	})
	if err == nil {
		c.last = max(last, before)
	}
	return last, err
}

// Compare says where what the consumer saw differs from the runs with facts that were written, from the skip-th on.
func (c *Consumer) Compare(written []Written, skip int) error {
	n := 0
	for _, w := range written {
		if w.Count == 0 {
			continue
		}
		if n++; n <= skip {
			continue
		}
		i := n - skip - 1
		if i >= len(c.Runs) {
			return fmt.Errorf("the consumer saw %d runs, run %d is missing", len(c.Runs), i)
		}
		if r := c.Runs[i]; r.Key != w.Key || r.First != w.First || r.At != w.At || r.Count != w.Count || string(r.Facts) != string(w.Facts) {
			return fmt.Errorf("run %d is %v from fact %d, it was written as %v from fact %d", i, r.Key, r.First, w.Key, w.First)
		}
	}
	if n-skip != len(c.Runs) {
		return fmt.Errorf("the consumer saw %d runs, %d were written", len(c.Runs), n-skip)
	}
	return nil
}
