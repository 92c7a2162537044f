package store

import (
	"context"
	"errors"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/holdfast-engine/holdfast/engine"
)

// A sale is looked at as it was behind each of its facts, from a folder and from a running store: there are the states that the live event had. When its log
// has been cut, the past before the first snapshot is said to be gone, and the rest is as before.
func TestThePastIsShownAsItWas(t *testing.T) {
	b := newBench(t, func(c *Config) {
		c.FS, c.New, c.Open = vfs.NewMem(), engine.NewAggregate, engine.OpenSnapshot
		c.TailSegmentBytes, c.BatchBytes = 256<<10, 64<<10
	})
	hashes := map[engine.Seq]uint64{}
	s := newSale("night-one", 7)
	note := func() { hashes[s.shell.Event.Seq()] = s.shell.Event.StateHash() }
	note()
	cut := engine.Seq(0)
	for round := range 4 {
		for range 30 {
			s.drive(b.s, 1)
			note()
		}
		if round == 1 || round == 3 {
			if err := b.s.settle(); err != nil {
				t.Fatal(err)
			}
			if round == 1 {
				cut = s.shell.Event.Seq()
			}
			b.pass()
			if err := b.s.settle(); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.drive(b.s, 5)
	note()
	if err := b.s.settle(); err != nil {
		t.Fatal(err)
	}
	end := s.shell.Event.Seq()
	check := func(where string, look func(Look) (Seen, error)) {
		t.Helper()
		shown, gone := 0, 0
		for seq := engine.Seq(1); seq <= end; seq++ {
			seen, err := look(Look{Key: s.shell.Key, At: LookAt{Fact: seq}, Facts: 5})
			if errors.Is(err, ErrCut) {
				if gone++; seq >= cut {
					t.Fatalf("%s: fact %d is gone, the log was cut at %d: %v", where, seq, cut, err)
				}
				continue
			}
			if err != nil {
				t.Fatalf("%s: fact %d: %v", where, seq, err)
			}
			shown++
			if want, known := hashes[seq]; seen.State.Seq() != seq || known && seen.State.StateHash() != want {
				t.Fatalf("%s: behind fact %d it is at %d with state hash %016x, it had %016x", where, seq, seen.State.Seq(), seen.State.StateHash(), want)
			}
			if n := len(seen.Facts); n > 0 && seen.Facts[n-1].Seq != seq || n < 5 && seq > 5 && !seen.Cut {
				t.Fatalf("%s: behind fact %d it shows %d facts, cut %t", where, seq, n, seen.Cut)
			}
		}
		if shown == 0 || gone == 0 {
			t.Errorf("%s: %d facts shown, %d gone", where, shown, gone)
		}
		now, err := look(Look{Key: s.shell.Key})
		if err != nil || now.State.Seq() != end || now.LastBatch != b.s.Durable() || len(now.Facts) != 0 {
			t.Errorf("%s: now: %+v, %v", where, now, err)
		}
		if then, err := look(Look{Key: s.shell.Key, At: LookAt{Batch: now.Batch - 1}}); err != nil || then.State.Seq() >= end {
			t.Errorf("%s: a batch earlier: %+v, %v", where, then, err)
		}
		if _, err := look(Look{Key: toyKey(1)}); !errors.Is(err, ErrUnknown) {
			t.Errorf("%s: nobody: %v", where, err)
		}
	}
	check("running", func(l Look) (Seen, error) { return b.s.Look(t.Context(), l) })
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.s.Look(over, Look{Key: s.shell.Key}); !errors.Is(err, context.Canceled) {
		t.Errorf("nobody waits any more: %v", err)
	}
	b.s.passing.Lock()
	if _, err := b.s.Look(over, Look{Key: s.shell.Key}); !errors.Is(err, ErrBusy) {
		t.Errorf("during a pass: %v", err)
	}
	b.s.passing.Unlock()
	b.close()
	check("stopped", func(l Look) (Seen, error) { return LookInto(verifyOf(&b.c), l) })
}
