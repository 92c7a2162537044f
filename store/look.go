package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/holdfast-engine/holdfast/engine"
)

// lookInto opens the log of a folder without changing anything, and lets use read it. Where Pebble would end the process it ends a goroutine, and the
// error says why.
func lookInto(f *folder, c *Config, use func(db *pebble.DB) error) error {
	l := newLife(func(error) {})
	var stats counters
	o := pebbleOptions(c, readOnlyFS{f.fs}, l, &stats)
	o.ReadOnly, o.ErrorIfNotExists = true, true
	done := make(chan error, 1)
	go func() {
		err := errors.New("the look ended early")
		defer func() { done <- err }()
		defer l.guard("look into the log")
		var db *pebble.DB
		if db, err = pebble.Open(f.path(nameLog), o); err != nil {
			return
		}
		if err = use(db); err == nil {
			err = db.Close()
		} else {
			err = errors.Join(err, db.Close())
		}
	}()
	var err error
	select {
	case err = <-done:
	case <-l.done:
		// After damage it comes to its end; after a read that failed it never does.
		select {
		case err = <-done:
		case <-time.After(closePatience):
		}
	}
	if dead := l.check(); dead != nil {
		return dead
	}
	return err
}

// ErrUnknown is wrapped when there is no such aggregate.
var ErrUnknown = errors.New("unknown")

// ErrCut is wrapped when a moment of the past cannot be shown, because the log before it is gone and the first snapshot is later.
var ErrCut = errors.New("the log has been cut")

// LookAt is a moment in the life of an aggregate: behind one of its facts, behind a batch of the journal, or at a node time. The zero value is the end of the
// log. Of several fields the earliest moment counts.
type LookAt struct {
	Fact  engine.Seq
	Batch uint64
	Time  engine.Instant
}

// Look is what was asked to be shown.
type Look struct {
	Key   engine.Key
	At    LookAt
	Facts int // how many of the newest facts before that moment are wanted
	// Only says which facts are wanted; nil is all.
	Only func(*engine.FactView) bool
}

// Seen is an aggregate as it was.
type Seen struct {
	State     engine.Aggregate
	Facts     []engine.FactView // the newest, oldest first: fewer than were asked for if there are no more, or if Cut
	Cut       bool              // older facts were there, but the log has been cut
	Batch     uint64            // of the journal: the last that has a fact of it; 0 if its snapshot has all of them
	LastBatch uint64            // of the journal, at its end
	HighMark  engine.Instant    // the latest node time known to have been reached
}

// eachFolder is an aggregate whose facts can be looked at one by one.
type eachFolder interface {
	FoldEach(run *engine.Run, use func(*engine.FactView) bool) error
}

// LookInto shows an aggregate as a data folder that no engine uses has it, and changes nothing. New and Open of c make aggregates, the rest of it but Dir and FS is
// not used. Errors wrap [ErrCut], [ErrInUse], [ErrNewer] or [ErrDamaged] where one is the reason, and [ErrUnknown] if there is no such aggregate.
func LookInto(c VerifyConfig, l Look) (Seen, error) {
	if c.FS == nil {
		c.FS = vfs.Default
	}
	seen, err := lookOffline(&c, &l)
	if err != nil {
		return seen, fmt.Errorf("store: look into %s: %w", c.Dir, pebbleError(err))
	}
	return seen, nil
}

func lookOffline(c *VerifyConfig, l *Look) (seen Seen, err error) {
	err = readOffline(c, func(o *offline) error {
		k := looking{Look: *l, c: &o.conf, r: o.db, f: &o.f}
		seen, err = k.look(o.last.seq, o.give)
		return err
	})
	return seen, err
}

// offline is a data folder that no engine uses, open to be read.
type offline struct {
	f    folder
	conf Config
	db   *pebble.DB
	last end
	give []tailRecord // the batches behind last, which only the tail has
}

// readOffline opens a data folder and changes nothing in it.
func readOffline(c *VerifyConfig, use func(*offline) error) error {
	o := offline{f: folder{fs: readOnlyFS{c.FS}, dir: c.Dir}}
	if there, err := o.f.exists(nameFormat); err != nil || !there {
		return errors.Join(err, fmt.Errorf("there is no %s: this is no data folder", nameFormat))
	}
	lock, err := (&folder{fs: c.FS, dir: c.Dir}).lock()
	if err != nil && !errors.Is(err, os.ErrPermission) {
		return err
	}
	if err == nil {
		defer func() { _ = lock.Close() }()
	}
	if _, err := o.f.readFormat(); err != nil {
		return err
	}
	recs, err := scanTail(o.f.fs, o.f.path(nameTail), o.f.tag)
	if err != nil {
		return err
	}
	o.conf = Config{Dir: c.Dir, New: c.New, Open: c.Open, Logger: slog.New(slog.DiscardHandler), MemTableBytes: DefaultMemTableBytes}
	return lookInto(&o.f, &o.conf, func(db *pebble.DB) error {
		o.db = db
		if o.last, err = lastBatch(db, position{head: o.f.genesis()}); err != nil {
			return err
		}
		d, err := decide(o.last, recs, false)
		if err != nil {
			return err
		}
		o.give = d.give
		return use(&o)
	})
}

// passingRetry is how often a look or an archive tries to begin while a pass runs.
const passingRetry = 10 * time.Millisecond

// lockPassing keeps passes away until passing is unlocked. It fails with [ErrBusy] if ctx ends before what is under way does.
func (s *Store) lockPassing(ctx context.Context) error {
	for !s.passing.TryLock() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("a snapshot pass, an archive or the check of a backup is under way: %w", ErrBusy)
		case <-time.After(passingRetry):
		}
	}
	return nil
}

// Look shows an aggregate as it is or was, if it is not archived. It reads the log from where it begins, leaving others half a processor, and no pass runs
// meanwhile; the aggregate is in memory once more. What is not durable yet is not shown. If ctx ends while a pass still runs the error wraps [ErrBusy];
// otherwise errors are those of ctx, [ErrCut] and [ErrUnknown].
func (s *Store) Look(ctx context.Context, l Look) (Seen, error) {
	if err := s.settle(); err != nil {
		return Seen{}, err
	}
	if err := s.lockPassing(ctx); err != nil {
		return Seen{}, fmt.Errorf("store: look: %w", err)
	}
	defer s.passing.Unlock()
	snap := s.db.NewSnapshot()
	defer func() { _ = snap.Close() }()
	k := looking{Look: l, c: &s.c, r: snap, f: &s.folder, stop: gently(ctx)}
	seen, err := k.look(s.Durable(), nil)
	if err != nil {
		return seen, fmt.Errorf("store: look: %w", pebbleError(err))
	}
	return seen, nil
}

// looking is one look.
type looking struct {
	Look
	c    *Config
	r    reader
	f    *folder
	stop func() error // if not nil, asked after each batch: an error ends the look
	seen Seen
	over bool // the moment has been reached

	batch func() uint64 // that is being folded
}

// errSeen ends the folding when the moment has been reached.
var errSeen = errors.New("seen enough")

func (k *looking) look(end uint64, give []tailRecord) (Seen, error) {
	name := string(appendAggregate(nil, k.Key))
	headers, err := headersOf(k.r, name)
	if err != nil {
		return k.seen, err
	}
	trim := position{head: k.f.genesis()}
	if _, err := getPosition(k.r, metaTrim, &trim); err != nil {
		return k.seen, err
	}
	one := &known{key: k.Key, name: name}
	for i := range headers {
		if k.before(&headers[i]) {
			one.header = headers[i] // the oldest: more facts can be shown from there
			break
		}
	}
	switch {
	case one.header.seq > 0:
		if one.state, err = openSnapshot(k.c, k.r, name, k.Key, &one.header); err != nil {
			return k.seen, err
		}
		k.seen.Cut = trim.seq > 0
	case trim.seq > 0 && len(headers) > 0:
		h := &headers[0]
		return k.seen, fmt.Errorf("of %s the log before batch %d is gone, and its first snapshot is behind fact %d, at %s: ask for that moment or a later one: %w",
			describe(k.Key), trim.seq+1, h.seq, time.Unix(0, int64(h.lastAt)).UTC().Format(time.RFC3339Nano), ErrCut)
	}
	f := folding{c: k.c, r: k.r, all: map[string]*known{name: one}, only: name, at: trim, apply: k.fold}
	f.stop = func() error {
		if k.over {
			return errSeen
		}
		if k.stop != nil {
			return k.stop()
		}
		return nil
	}
	last := end
	if k.At.Batch > 0 {
		last = min(last, k.At.Batch)
	}
	k.batch = func() uint64 { return f.at.seq + 1 }
	if err := f.fold(max(last, trim.seq)); err != nil && !errors.Is(err, errSeen) {
		return k.seen, err
	}
	for i := range give {
		if k.over || k.At.Batch > 0 && give[i].seq > k.At.Batch {
			break
		}
		b, err := readRecord(k.f.fs, k.f.path(nameTail), &give[i], k.f.tag)
		if err == nil {
			err = f.batch(b, give[i].seq)
		}
		if err != nil {
			return k.seen, err
		}
		end = give[i].seq
	}
	if one.state == nil || one.state.Seq() == 0 {
		return k.seen, fmt.Errorf("%s has no fact at that moment: %w", describe(k.Key), ErrUnknown)
	}
	k.seen.State, k.seen.LastBatch = one.state, end
	if k.seen.HighMark, err = getHigh(k.r); err != nil {
		return k.seen, err
	}
	k.seen.HighMark = max(k.seen.HighMark, f.high, one.state.LastAt())
	if len(k.seen.Facts) == k.Facts || len(k.seen.Facts) > 0 && k.seen.Facts[0].Seq == 1 {
		k.seen.Cut = false
	}
	return k.seen, nil
}

// before reports whether a snapshot is of the moment or earlier.
func (k *looking) before(h *header) bool {
	return (k.At.Fact == 0 || h.seq <= k.At.Fact) && (k.At.Batch == 0 || h.position <= k.At.Batch) && (k.At.Time == 0 || h.lastAt <= k.At.Time)
}

// fold folds a run up to the moment that is wanted, and keeps the newest facts.
func (k *looking) fold(a engine.Aggregate, run *engine.Run) error {
	if run.First+engine.Seq(run.Facts.Count)-1 <= a.Seq() {
		return nil // the snapshot holds it
	}
	if k.over = k.over || k.At.Time > 0 && run.At > k.At.Time || k.At.Fact > 0 && a.Seq() >= k.At.Fact; k.over {
		return nil
	}
	each, ok := a.(eachFolder)
	if !ok {
		return a.Fold(run)
	}
	k.seen.Batch = k.batch()
	return each.FoldEach(run, func(v *engine.FactView) bool {
		if k.Facts > 0 && (k.Only == nil || k.Only(v)) {
			if len(k.seen.Facts) == k.Facts {
				k.seen.Facts = append(k.seen.Facts[:0], k.seen.Facts[1:]...)
			}
			k.seen.Facts = append(k.seen.Facts, *v)
		}
		k.over = k.At.Fact > 0 && v.Seq >= k.At.Fact
		return !k.over
	})
}
