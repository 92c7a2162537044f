package store

import (
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/holdfast-engine/holdfast/engine"
)

// known is what recovery knows of one aggregate.
type known struct {
	key    engine.Key
	name   string
	header header // of its newest snapshot; Seq 0 if it has none
	state  engine.Aggregate
	facts  uint64 // folded onto state
	gone   bool   // archived: what of it is left in the log is nobody's
}

// folding is the recovery code: it folds the journal from a position on, each aggregate onto its newest snapshot. Starts, passes, rebuilds and the
// offline check all use it.
type folding struct {
	c      *Config
	r      reader
	all    map[string]*known
	only   string          // if not empty, the one aggregate that is wanted
	tail   map[uint64]link // if not nil, what the tail holds
	at     position        // folded up to here
	high   engine.Instant  // the latest time of a run
	facts  uint64
	stop   func() error                    // if not nil, asked after each batch: an error ends the folding
	folded func(k *known, run *engine.Run) // if not nil, called after each run
	// chainOnly checks the chain and folds nothing.
	chainOnly bool
	apply     func(engine.Aggregate, *engine.Run) error // folds a run; nil is Fold
	failed    func(k *known, err error)                 // if not nil, takes the error of an aggregate, which is then left alone; otherwise it ends the folding
	archives  *bool                                     // whether any aggregate was archived; nil until somebody asks
}

// fold folds the batches after f.at up to and including seq end.
func (f *folding) fold(end uint64) error {
	if f.at.seq >= end {
		return nil
	}
	it, err := f.r.NewIter(&pebble.IterOptions{LowerBound: journalKey(f.at.seq + 1), UpperBound: journalKey(end + 1)})
	if err != nil {
		return fmt.Errorf("read the journal: %w", err)
	}
	defer func() { _ = it.Close() }()
	for ok := it.First(); ok; ok = it.Next() {
		v, err := it.ValueAndErr()
		if err != nil {
			return fmt.Errorf("read the journal after batch %d: %w", f.at.seq, err)
		}
		seq, ok := journalSeq(it.Key())
		if !ok || seq != f.at.seq+1 {
			return fmt.Errorf("batch %d is missing from the journal: the next one has key %x: %w", f.at.seq+1, it.Key(), ErrDamaged)
		}
		if err := f.batch(v, seq); err != nil {
			return err
		}
		if f.stop != nil {
			if err := f.stop(); err != nil {
				return err
			}
		}
	}
	if err := it.Error(); err != nil {
		return fmt.Errorf("read the journal after batch %d: %w", f.at.seq, err)
	}
	if f.at.seq != end {
		return fmt.Errorf("the journal ends at batch %d, not at %d: %w", f.at.seq, end, ErrDamaged)
	}
	return nil
}

func (f *folding) batch(v []byte, seq uint64) error {
	b, err := viewBatch(v, seq)
	if err != nil {
		return err
	}
	if err := b.checkLink(&f.at.head); err != nil {
		return err
	}
	if b.before() != f.at.bytes {
		return fmt.Errorf("batch %d says that %d bytes precede it, there are %d: %w", seq, b.before(), f.at.bytes, ErrDamaged)
	}
	if l, ok := f.tail[seq]; ok && l != b.link() {
		return fmt.Errorf("batch %d has one content in %s/ and another in %s/: at most one is what was acknowledged; restore the folder from a backup or a replica: %w",
			seq, nameLog, nameTail, ErrDamaged)
	}
	if err := f.runs(b); err != nil {
		return err
	}
	f.at = position{seq: seq, head: b.link(), bytes: f.at.bytes + uint64(len(v))}
	return nil
}

func (f *folding) runs(b batch) error {
	r := b.reader()
	for !f.chainOnly {
		more, err := r.next()
		if err != nil {
			return err
		}
		if !more {
			break
		}
		if f.only != "" && string(r.name) != f.only {
			continue
		}
		if err := f.run(r.name, &r.run); err != nil {
			return fmt.Errorf("batch %d: %w", b.seq(), err)
		}
	}
	return nil
}

func (f *folding) run(name []byte, run *engine.Run) error {
	k := f.all[string(name)]
	if k == nil {
		gone, err := f.archived(name)
		if err != nil {
			return err
		}
		k = &known{key: aggregateKey(name), name: string(name), gone: gone}
		f.all[k.name] = k
	}
	f.high = max(f.high, run.At)
	if k.gone {
		return nil
	}
	if k.state == nil {
		if last := run.First + engine.Seq(run.Facts.Count) - 1; last <= k.header.seq {
			return nil // the snapshot holds it
		}
		var err error
		if k.state, err = f.base(k); err != nil {
			return f.trouble(k, err)
		}
	}
	if k.facts == broken {
		return nil
	}
	run.Key = k.key
	if err := f.foldRun(k.state, run); err != nil {
		return f.trouble(k, fmt.Errorf("%w %s at fact %d: %w", errFold, describe(k.key), run.First, err))
	}
	k.facts += uint64(run.Facts.Count)
	f.facts += uint64(run.Facts.Count)
	if f.folded != nil {
		f.folded(k, run)
	}
	return nil
}

// archived reports whether an aggregate without a snapshot was archived.
func (f *folding) archived(name []byte) (bool, error) {
	if f.archives == nil {
		found, err := anyArchived(f.r)
		if err != nil {
			return false, err
		}
		f.archives = &found
	}
	if !*f.archives {
		return false, nil
	}
	_, gone, err := getArchived(f.r, name)
	return gone, err
}

// foldRun makes a panic in the aggregate's own code an error: a pass in the background must not end the process.
func (f *folding) foldRun(a engine.Aggregate, run *engine.Run) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("it panicked: %v\n%s", r, debug.Stack())
		}
	}()
	if f.apply != nil {
		return f.apply(a, run)
	}
	return a.Fold(run)
}

// errFold is in the error of a run that its aggregate refused.
var errFold = errors.New("fold")

// broken marks an aggregate that could not be folded.
const broken = ^uint64(0)

func (f *folding) trouble(k *known, err error) error {
	if f.failed == nil {
		return err
	}
	if k.state == nil {
		k.state = f.c.New(k.key)
	}
	k.facts = broken
	f.failed(k, err)
	return nil
}

// base makes the aggregate as its newest snapshot has it.
func (f *folding) base(k *known) (engine.Aggregate, error) {
	if k.header.seq == 0 {
		return f.c.New(k.key), nil
	}
	return openSnapshot(f.c, f.r, k.name, k.key, &k.header)
}

func describe(k engine.Key) string {
	switch k.Kind {
	case engine.KindEvent:
		return fmt.Sprintf("event %s of account %s", k.ID, k.Account)
	case engine.KindNode:
		return "the node"
	case engine.KindWallet:
		return fmt.Sprintf("wallet shard %s of account %s", k.ID, k.Account)
	}
	return fmt.Sprintf("aggregate %s of kind %d of account %s", k.ID, k.Kind, k.Account)
}

// Recover rebuilds what the log holds: one pass over the journal behind the last snapshots, with every chain link checked and every aggregate's
// facts contiguous. Call it once, after Open. An event whose facts do not fold is set aside ([engine.Recovered.Unusable]); whatever may mean that something is
// missing is an error, which wraps [ErrDamaged] where the data is not what was written. Nothing is changed by it.
func (s *Store) Recover() (*engine.Recovered, error) {
	if err := s.life.check(); err != nil {
		return nil, err
	}
	began := time.Now()
	// What goes wrong now is Recover's to return, as it is Open's before.
	s.life.opening.Store(true)
	var rec *engine.Recovered
	err := s.orDead(func() (err error) {
		rec, err = s.recoverAll()
		return err
	})
	s.life.opening.Store(false)
	if dead := s.life.check(); dead != nil {
		err = dead
	}
	if err != nil {
		return nil, fmt.Errorf("store: recover %s: %w", s.folder.dir, pebbleError(err))
	}
	rec.TookMs = time.Since(began).Milliseconds()
	s.tailRecords = nil
	s.recovered.Store(true)
	return rec, nil
}

func (s *Store) recoverAll() (*engine.Recovered, error) {
	all, err := readHeaders(s.db)
	if err != nil {
		return nil, err
	}
	high, err := getHigh(s.db)
	if err != nil {
		return nil, err
	}
	s.passed.Lock()
	from := s.passed.last
	s.passed.Unlock()
	rec := new(engine.Recovered)
	var refused error
	f := folding{c: &s.c, r: s.db, all: all, at: from, high: high, tail: s.tailRecords}
	f.failed = func(k *known, err error) {
		if mayBeSetAside(k.key, err) {
			rec.Unusable = append(rec.Unusable, engine.Unusable{Key: k.key, Why: err.Error()})
			s.c.Alarm(fmt.Errorf("store: %s is set aside: %w", describe(k.key), err))
		} else if refused == nil {
			refused = err
		}
	}
	f.stop = func() error { return refused }
	if err := f.fold(s.journal.acked.Load()); err != nil {
		return nil, err
	}
	if f.at.head != s.journal.head && f.at.seq == s.journal.seq {
		return nil, fmt.Errorf("the chain ends in %x, not in %x: %w", f.at.head, s.journal.head, ErrDamaged)
	}
	rec.HighMark, rec.Facts = f.high, f.facts
	for _, k := range all {
		rec.HighMark = max(rec.HighMark, k.header.lastAt)
		switch {
		case k.gone, k.facts == broken:
		case k.state != nil:
			rec.Awake = append(rec.Awake, engine.Recalled{Key: k.key, State: k.state})
		default:
			rec.Asleep = append(rec.Asleep, k.header.asleep(k.key))
		}
	}
	return rec, nil
}

// mayBeSetAside reports whether a start may go on without an aggregate whose runs did not fold: facts that cannot have happened, a state proof that differs, a
// panic are a bug of that aggregate's rules, in a log that is whole. A run that is missing, a snapshot that cannot be read and whatever is wrong with the node
// itself are not.
func mayBeSetAside(key engine.Key, err error) bool {
	return (key.Kind == engine.KindEvent || key.Kind == engine.KindWallet) && errors.Is(err, errFold) && !errors.Is(err, engine.ErrOutOfOrder)
}

// Rebuild makes an aggregate from its newest snapshot and the journal, after everything that was appended before the call is durable.
func (s *Store) Rebuild(key engine.Key) (engine.Aggregate, error) {
	if err := s.settle(); err != nil {
		return nil, err
	}
	state, err := s.rebuild(key)
	if err != nil {
		return nil, fmt.Errorf("store: rebuild %s: %w", describe(key), pebbleError(err))
	}
	return state, nil
}

func (s *Store) rebuild(key engine.Key) (engine.Aggregate, error) {
	snap := s.db.NewSnapshot()
	defer func() { _ = snap.Close() }()
	name := string(appendAggregate(nil, key))
	k := &known{key: key, name: name}
	h, ok, err := newestHeader(snap, name)
	if err != nil {
		return nil, err
	}
	if ok {
		k.header = h
	}
	s.passed.Lock()
	from := s.passed.last
	s.passed.Unlock()
	f := folding{c: &s.c, r: snap, all: map[string]*known{name: k}, only: name, at: from}
	if err := f.fold(s.journal.acked.Load()); err != nil {
		return nil, err
	}
	if k.state == nil {
		return f.base(k)
	}
	return k.state, nil
}

// settle waits until everything appended so far is durable.
func (s *Store) settle() error {
	b := make(barrier)
	s.journal.append(&engine.Run{Owner: b})
	select {
	case <-b:
		return nil
	case <-s.life.done:
		return s.life.check()
	case <-s.journal.closed:
		return ErrClosed
	}
}

// barrier is the owner of an empty run: closed when the run's turn comes.
type barrier chan struct{}

func (b barrier) Released(*engine.Run) { close(b) }

var errNoSnapshot = errors.New("no snapshot")
