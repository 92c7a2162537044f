package store

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// end is where the journal ends, as one copy or both have it.
type end struct {
	position
	acked uint64 // as batch seq says
}

// lastBatch returns the end of Pebble's copy: the zero position with the folder's genesis if it has none.
func lastBatch(r reader, genesis position) (end, error) {
	lower, upper := prefixBounds(keyJournal)
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return end{}, fmt.Errorf("look for the last batch: %w", err)
	}
	defer func() { _ = it.Close() }()
	if !it.Last() {
		if err := it.Error(); err != nil {
			return end{}, fmt.Errorf("look for the last batch: %w", err)
		}
		return end{position: genesis}, nil
	}
	seq, ok := journalSeq(it.Key())
	if !ok {
		return end{}, fmt.Errorf("the journal has a key that is none: %x: %w", it.Key(), ErrDamaged)
	}
	v, err := it.ValueAndErr()
	if err != nil {
		return end{}, fmt.Errorf("read batch %d: %w", seq, err)
	}
	b, err := viewBatch(v, seq)
	if err != nil {
		return end{}, err
	}
	if err := b.checkSum(); err != nil {
		return end{}, err
	}
	return end{position: position{seq: seq, head: b.link(), bytes: b.before() + uint64(len(b))}, acked: b.acked()}, nil
}

// decision is what the two copies say together.
type decision struct {
	end     uint64       // the last batch that there is
	acked   uint64       // the highest seq that may have been acknowledged
	give    []tailRecord // batches that only the tail has, in order: Pebble gets them
	drop    []tailRecord // records that continue nothing and were never acknowledged: erased
	lacks   uint64       // the tail lacks the batches from here to end; 0 if it lacks none
	trouble bool         // more was lost of one copy than a crash explains
}

// decide compares the copies. Batches are only ever added to a copy, and only with what the other one has; when the two cannot explain
// what was acknowledged it refuses: nothing is guessed. genesis is the link in front of the first batch.
func decide(log end, recs []tailRecord, acceptOneCopy bool) (decision, error) {
	d := decision{end: log.seq, acked: log.acked}
	for i := range recs {
		d.acked = max(d.acked, recs[i].acked)
	}
	if len(recs) == 0 && log.acked > 0 && !acceptOneCopy {
		return d, fmt.Errorf(`the tail, the second copy of the newest batches, holds nothing, although %d batches were acknowledged. Alone, the log in
%s/ cannot prove that it ends where it should. Put back the folder's %s/; or, if it is lost, go on with what the log has (--accept-one-copy): %w`,
			log.acked, nameLog, nameTail, ErrDamaged)
	}
	head := log.head
	tailHasLast := log.seq == 0
	for i := range recs {
		r := recs[i]
		switch {
		case r.seq < log.seq:
		case r.seq == log.seq:
			if r.link != log.head {
				return d, fmt.Errorf("batch %d has one content in %s/ and another in %s/: at most one is what was acknowledged; restore the folder from a backup or a replica: %w",
					r.seq, nameLog, nameTail, ErrDamaged)
			}
			tailHasLast = true
		case r.seq == d.end+1:
			if r.prev != head {
				return d, fmt.Errorf("batch %d in %s/ does not continue batch %d in %s/: two histories; restore the folder from a backup or a replica: %w",
					r.seq, nameTail, d.end, nameLog, ErrDamaged)
			}
			d.give = append(d.give, r)
			d.end, head = r.seq, r.link
		default:
			d.drop = append(d.drop, r)
		}
	}
	if d.end < d.acked && !plantedBug(plantedForgetAcked) {
		return d, fmt.Errorf(`batch %d was acknowledged, but together both copies of the log end at batch %d: acknowledged batches are lost or unreadable.
Restore the folder from a backup or a replica; engine verify shows what is left: %w`, d.acked, d.end, ErrDamaged)
	}
	if !tailHasLast && log.seq > 0 {
		d.lacks = log.seq
		for i := len(recs) - 1; i >= 0; i-- {
			if recs[i].seq < log.seq {
				d.lacks = recs[i].seq + 1
				break
			}
		}
		if len(recs) == 0 {
			d.lacks = 1
		}
	}
	d.trouble = log.seq < d.acked || (d.lacks > 0 && d.lacks <= d.acked)
	return d, nil
}
