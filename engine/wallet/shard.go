package wallet

import (
	"fmt"
	"slices"

	"github.com/holdfast-engine/holdfast/engine"
)

// Shard is the wallets of the buyers of one account and partition. Make one with [New] or [Open]. It is used by one goroutine; what [Shard.Buyer] returns may be
// read by all.
type Shard struct {
	key     engine.Key
	seq     engine.Seq
	lastAt  engine.Instant
	hash    uint64 // the sum of the buyers' hashes
	buyers  map[string]*Buyer
	erasing int // buyers that are to be forgotten

	changed []string // buyers whose rows are others since the last TakeChanged
	out     Outcome
	facts   *engine.Facts // of the step under way
	at      engine.Instant
}

// New returns a shard without any facts.
func New(key engine.Key) *Shard {
	return &Shard{key: key.Clone(), buyers: make(map[string]*Buyer)}
}

// Buyer returns a buyer's wallet as it is now; nil if nothing is known. It never changes.
func (s *Shard) Buyer(id string) *Buyer { return s.buyers[id] }

// Buyers is how many buyers the shard has.
func (s *Shard) Buyers() int { return len(s.buyers) }

// TakeChanged appends the buyers whose wallets have changed since the last call; one may be there twice.
func (s *Shard) TakeChanged(dst []string) []string {
	dst = append(dst, s.changed...)
	clear(s.changed)
	s.changed = s.changed[:0]
	return dst
}

// Erasing returns the buyers that are to be forgotten, sorted.
func (s *Shard) Erasing() []string {
	if s.erasing == 0 {
		return nil
	}
	list := make([]string, 0, s.erasing)
	for id, b := range s.buyers {
		if b.Erasing {
			list = append(list, id)
		}
	}
	slices.Sort(list)
	return list
}

// Each calls use with every buyer, in the order of their ids.
func (s *Shard) Each(use func(*Buyer)) {
	for _, id := range s.sorted() {
		use(s.buyers[id])
	}
}

func (s *Shard) sorted() []string {
	ids := make([]string, 0, len(s.buyers))
	for id := range s.buyers {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// Seq implements [engine.Aggregate].
func (s *Shard) Seq() engine.Seq { return s.seq }

// LastAt implements [engine.Aggregate].
func (s *Shard) LastAt() engine.Instant { return s.lastAt }

// NextDeadline implements [engine.Aggregate]: nothing in a wallet happens by itself.
func (s *Shard) NextDeadline() (engine.Instant, bool) { return 0, false }

// AwaitsWall reports whether a buyer is to be forgotten: a start goes on with it.
func (s *Shard) AwaitsWall() bool { return s.erasing > 0 }

// StateHash implements [engine.Aggregate].
func (s *Shard) StateHash() uint64 { return s.hash }

// emit appends a fact and folds it.
func (s *Shard) emit(f *fact) {
	s.facts.Buf = f.append(s.facts.Buf)
	s.facts.Count++
	s.apply(f, s.at)
}

// Fold implements [engine.Aggregate].
func (s *Shard) Fold(run *engine.Run) error {
	if run.Facts.Count == 0 {
		return nil
	}
	if run.First != s.seq+1 {
		return fmt.Errorf("%w: wallet shard %s is at %d, the run starts at %d", engine.ErrOutOfOrder, s.key.ID, s.seq, run.First)
	}
	d := decoder{buf: run.Facts.Buf}
	for range run.Facts.Count {
		var f fact
		d.fact(&f)
		err := d.err()
		if err == nil {
			err = s.fits(&f)
		}
		if err != nil {
			return fmt.Errorf("wallet shard %s, fact %d: %w", s.key.ID, s.seq+1, err)
		}
		s.apply(&f, run.At)
	}
	if len(d.buf) > 0 {
		return fmt.Errorf("%w: wallet shard %s: %d bytes after the last fact of a run", engine.ErrMalformed, s.key.ID, len(d.buf))
	}
	clear(s.changed)
	s.changed = s.changed[:0]
	return nil
}

// fits checks that a fact read from a log can have happened.
func (s *Shard) fits(f *fact) error {
	if f.kind == kindProved {
		if f.hash != s.hash {
			return fmt.Errorf("%w: its state hash is %016x, the log proves %016x", engine.ErrMalformed, s.hash, f.hash)
		}
		return nil
	}
	if _, shard := PartitionOf(f.buyer); shard != s.key.ID {
		return fmt.Errorf("%w: a buyer of shard %s", engine.ErrMalformed, shard)
	}
	b := s.buyers[f.buyer]
	wrong := ""
	switch f.kind {
	case kindSaved:
		switch {
		case b == nil && (f.number != 1 || len(s.buyers) >= BuyersPerShardMax):
			wrong = "a new buyer's first method is not the first, or there is no room"
		case b != nil && b.method(f.number) == nil && (f.number != b.last+1 || len(b.Methods) >= MethodsPerBuyerMax):
			wrong = "a new method's number is not the next, or there is no room"
		}
	case kindRemoved, kindDefaulted, kindBlocked, kindLost, kindSealed:
		if b == nil || b.method(f.number) == nil {
			wrong = "a method that is not there"
		}
	case kindAgreed:
		if f.scope == ScopeNone {
			wrong = "an agreement to nothing"
		}
		fallthrough
	case kindPurchased, kindImported:
		if b == nil && len(s.buyers) >= BuyersPerShardMax {
			wrong = "there is no room for another buyer"
		}
	case kindErasing, kindErased:
		if b == nil || b.Erasing != (f.kind == kindErased) {
			wrong = "a buyer who is not there, or not to be forgotten, or is already"
		}
	case kindProved:
	}
	if wrong != "" {
		return fmt.Errorf("%w: %s", engine.ErrMalformed, wrong)
	}
	return nil
}
