package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// PassReport says what a snapshot pass did.
type PassReport struct {
	From, To   uint64 // journal seqs: the log behind From, up to To, was folded
	Facts      uint64
	Aggregates int // that got a new snapshot
	Bytes      uint64
	Trimmed    uint64  // batches up to here have been cut away by now
	Failed     []error // aggregates whose log does not fold: a proof that differs, or damage
	Took       time.Duration
}

// Pass folds the log since the last pass onto the last snapshots, keeps the states it comes to as new snapshots, and cuts off the log that nobody
// needs any more. Proofs in the log are compared on the way: an aggregate whose replay differs from what its actor said fails the pass, which then
// changes nothing. One pass runs at a time; a store runs passes by itself as [Config.PassBytes] says.
func (s *Store) Pass(ctx context.Context) (PassReport, error) {
	s.passing.Lock()
	defer s.passing.Unlock()
	if err := s.life.check(); err != nil {
		return PassReport{}, err
	}
	began := time.Now()
	if s.c.Prove != nil {
		s.c.Prove(ctx)
	}
	rep, err := s.pass(ctx)
	rep.Took = time.Since(began)
	s.stats.passNs.Store(rep.Took.Nanoseconds())
	if err != nil {
		s.stats.passFailures.Add(1)
		return rep, fmt.Errorf("store: snapshot pass: %w", pebbleError(err))
	}
	s.stats.passes.Add(1)
	return rep, nil
}

func (s *Store) pass(ctx context.Context) (PassReport, error) {
	old, _ := s.positions()
	rep := PassReport{From: old.last.seq, To: s.Durable()}
	if rep.To > rep.From {
		if err := s.snapshotAll(ctx, &old, &rep); err != nil {
			return rep, err
		}
	}
	trimmed, err := s.trim(ctx)
	rep.Trimmed = trimmed
	return rep, err
}

// snapshotAll is the first half of a pass: fold and keep.
func (s *Store) snapshotAll(ctx context.Context, old *passRecord, rep *PassReport) error {
	snap := s.db.NewSnapshot()
	defer func() { _ = snap.Close() }()
	all, err := readHeaders(snap)
	if err != nil {
		return err
	}
	f := folding{c: &s.c, r: snap, all: all, at: old.last, stop: ctx.Err}
	f.failed = func(k *known, err error) {
		rep.Failed = append(rep.Failed, fmt.Errorf("%s: %w", describe(k.key), err))
	}
	err = f.fold(rep.To)
	rep.Facts = f.facts
	if err == nil && len(rep.Failed) > 0 {
		err = fmt.Errorf("the replay of %d aggregates differs from what was logged; nothing was cut away: %w", len(rep.Failed), errors.Join(rep.Failed...))
	}
	if err != nil {
		return err
	}
	return s.keepAll(ctx, all, passRecord{before: old.last, last: f.at}, rep)
}

// keepAll ingests the states of all that were folded, with the record of the pass, and drops snapshots that nobody needs after it.
func (s *Store) keepAll(ctx context.Context, all map[string]*known, next passRecord, rep *PassReport) error {
	s.snapshots.Lock()
	defer s.snapshots.Unlock()
	headers, err := readAllHeaders(s.db)
	if err != nil {
		return err
	}
	g := s.newIngestion()
	defer g.abandon()
	var state []byte
	names := sortedNames(all)
	if plantedBug(plantedDropLastRecord) {
		names = names[:len(names)-1]
	}
	for _, name := range names {
		k := all[name]
		hs := headers[name]
		if k.state == nil {
			if gone := obsolete(hs, &next); len(gone) > 0 {
				if err := g.replace(name, gone, nil, nil); err != nil {
					return err
				}
			}
			continue
		}
		h := headerOf(k.state, next.last.seq)
		at := len(hs)
		for i := range hs {
			if hs[i].seq == h.seq {
				h.wake = hs[i].wake // from its actor, if it went to sleep by itself: that knows the wall time too
				hs[i].position, at = h.position, -1
			} else if hs[i].seq > h.seq && at == len(hs) {
				at = i
			}
		}
		if at >= 0 {
			hs = append(hs[:at:at], append([]header{h}, hs[at:]...)...)
		}
		state = k.state.AppendSnapshot(state[:0])
		if err := g.replace(name, obsolete(hs, &next), &h, state); err != nil {
			return err
		}
		rep.Aggregates++
		rep.Bytes += uint64(len(state))
		k.state = nil // its memory may go
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	if err := g.finish(ctx, &next); err != nil {
		// Whether it is durable is not known, and the next pass would start from the wrong place.
		s.life.die(fmt.Errorf("store: snapshot pass: %w", err))
		return err
	}
	g.files = nil
	s.passed.Lock()
	s.passed.passRecord = next
	s.passed.Unlock()
	return nil
}

// positions returns where the last passes ended and what has been cut away.
func (s *Store) positions() (passRecord, position) {
	s.passed.Lock()
	defer s.passed.Unlock()
	return s.passed.passRecord, s.passed.trim
}
