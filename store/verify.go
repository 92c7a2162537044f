package store

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/holdfast-engine/holdfast/engine"
)

// VerifyConfig says what to check.
type VerifyConfig struct {
	Dir string // the data folder
	// FS is the file system Dir lies on; nil is the operating system's.
	FS vfs.FS
	// New and Open make aggregates, as in [Config].
	New  func(engine.Key) engine.Aggregate
	Open func(engine.Key, []byte) (engine.Aggregate, error)
	// Problem, if not nil, is called with each problem as it is found.
	Problem func(error)
	// Progress, if not nil, is called now and then with the batches folded so far.
	Progress func(batches uint64)

	stop func() error // if not nil, asked now and then: an error ends the check
	lean bool         // states are not kept for the report
}

// Report is what [Verify] found.
type Report struct {
	FirstBatch, LastBatch uint64 // journal seqs: what is left of the log. 0 and 0 if it is empty
	Batches               uint64 // checked
	Facts                 uint64 // folded
	LogBytes              uint64 // from the first batch ever to the last, in bytes
	ChainHead             [32]byte
	TailRecords           int    // batches that are in the tail
	TailOnly              int    // of these, batches that the log lacks and the next start will give it
	TailStray             int    // records that continue nothing: the rest of a crash, erased at the next start
	Acked                 uint64 // the highest journal seq that may have been acknowledged
	Snapshots             int
	PassBefore, PassLast  uint64 // journal seqs: where the last two passes ended
	HighMark              engine.Instant
	Aggregates            []VerifiedAggregate // by key
	Projections           []VerifiedProjection
	// States is a SHA-256 over every aggregate's key, last fact and state hash: two logs that come to the same states have the same.
	States   [32]byte
	Problems []error
	Took     time.Duration
}

// VerifiedAggregate is an aggregate as the log has it at its end.
type VerifiedAggregate struct {
	Key       engine.Key
	Seq       engine.Seq
	StateHash uint64
	Snapshots int
	State     engine.Aggregate
}

// VerifiedProjection is what a reader of the log has made of it, up to a batch.
type VerifiedProjection struct {
	Name  string
	Batch uint64
	Bytes uint64
}

// verifier collects what Verify finds.
type verifier struct {
	c    VerifyConfig
	conf Config
	f    folder
	rep  Report
	db   *pebble.DB
}

// Verify checks a data folder that no engine uses, and changes nothing in it: both copies of the tail, the chain from the first batch that is left,
// the numbering of each aggregate's facts, that the log folded onto the last snapshots but one comes to the last ones, and every aggregate's own
// invariants. What is wrong is in the report; an error means that the folder could not be checked at all, and wraps [ErrInUse], [ErrNewer] or
// [ErrDamaged] where one is the reason.
func Verify(c VerifyConfig) (Report, error) {
	if c.Dir == "" || c.New == nil || c.Open == nil {
		return Report{}, errors.New("store: VerifyConfig needs Dir, New and Open")
	}
	if c.FS == nil {
		c.FS = vfs.Default
	}
	began := time.Now()
	v := &verifier{c: c, f: folder{fs: readOnlyFS{c.FS}, dir: c.Dir}}
	err := v.run()
	v.rep.Took = time.Since(began)
	if err != nil {
		return v.rep, fmt.Errorf("store: verify %s: %w", c.Dir, pebbleError(err))
	}
	return v.rep, nil
}

func (v *verifier) problem(err error) {
	v.rep.Problems = append(v.rep.Problems, err)
	if v.c.Problem != nil {
		v.c.Problem(err)
	}
}

func (v *verifier) run() error {
	if there, err := v.f.exists(nameLock); err != nil || !there {
		if err == nil {
			err = fmt.Errorf("there is no %s: this is no data folder", nameLock)
		}
		return err
	}
	// Taking the lock empties a file that is always empty. Where that is not allowed, no engine can run either.
	lockFolder := folder{fs: v.c.FS, dir: v.c.Dir}
	lock, err := lockFolder.lock()
	if err != nil && !errors.Is(err, os.ErrPermission) {
		return err
	}
	if err == nil {
		defer func() { _ = lock.Close() }()
	}
	found, err := v.f.readFormat()
	if err != nil {
		return err
	}
	if !found {
		creating, err := v.f.exists(nameCreating)
		if err != nil {
			return err
		}
		if creating {
			return nil // half made: it has never acknowledged anything
		}
		return fmt.Errorf("there is no %s: put back the one from a backup of this folder: %w", nameFormat, ErrDamaged)
	}
	recs, err := scanTail(v.f.fs, v.f.path(nameTail), v.f.tag)
	if err != nil {
		v.problem(err)
		recs = nil
	}
	v.rep.TailRecords = len(recs)
	return v.log(recs)
}

// log opens Pebble and checks what is in it.
func (v *verifier) log(recs []tailRecord) (err error) {
	v.conf = Config{Dir: v.c.Dir, New: v.c.New, Open: v.c.Open, Logger: slog.New(slog.DiscardHandler), MemTableBytes: DefaultMemTableBytes}
	return lookInto(&v.f, &v.conf, func(db *pebble.DB) error {
		v.db = db
		return v.check(recs)
	})
}

func (v *verifier) check(recs []tailRecord) error {
	genesis := position{head: v.f.genesis()}
	last, err := lastBatch(v.db, genesis)
	if err != nil {
		return err
	}
	d, err := decide(last, recs, false)
	if err != nil {
		v.problem(err)
	}
	v.rep.Acked, v.rep.TailOnly, v.rep.TailStray = d.acked, len(d.give), len(d.drop)
	if d.trouble && err == nil {
		v.problem(fmt.Errorf("one copy has lost acknowledged batches (the log ends at %d, the tail lacks from %d, acknowledged up to %d); the next start repairs it from the other",
			last.seq, d.lacks, d.acked))
	}
	pass, err := getPass(v.db, &genesis)
	if err != nil {
		return err
	}
	trim := genesis
	if _, err := getPosition(v.db, metaTrim, &trim); err != nil {
		return err
	}
	if v.rep.HighMark, err = getHigh(v.db); err != nil {
		return err
	}
	v.rep.PassBefore, v.rep.PassLast = pass.before.seq, pass.last.seq
	headers, err := readAllHeaders(v.db)
	if err != nil {
		return err
	}
	f := folding{c: &v.conf, r: v.db, all: v.bases(headers, &pass), tail: make(map[uint64]link), at: trim}
	for i := range recs {
		f.tail[recs[i].seq] = recs[i].link
	}
	for i := range d.drop {
		delete(f.tail, d.drop[i].seq)
	}
	f.failed = func(k *known, err error) { v.problem(fmt.Errorf("%s: %w", describe(k.key), err)) }
	f.folded = v.compare(headers)
	v.rep.ChainHead = trim.head
	if err := v.fold(&f, &pass, last.seq, d.give); err != nil {
		v.problem(err)
	}
	if last.seq > trim.seq || len(d.give) > 0 {
		v.rep.FirstBatch = trim.seq + 1
	}
	v.rep.LastBatch, v.rep.ChainHead, v.rep.LogBytes, v.rep.Facts = f.at.seq, f.at.head, f.at.bytes, f.facts
	v.rep.Batches = f.at.seq - trim.seq
	v.aggregates(&f, headers)
	if err := v.projections(); err != nil {
		return err
	}
	v.rep.States = statesOf(v.rep.Aggregates)
	return nil
}

// bases makes what the folding starts from: of each aggregate the newest snapshot that the pass before the last vouches for.
func (v *verifier) bases(headers map[string][]header, pass *passRecord) map[string]*known {
	all := make(map[string]*known)
	for name, hs := range headers {
		v.rep.Snapshots += len(hs)
		k := &known{key: aggregateKey([]byte(name)), name: name}
		for _, h := range hs {
			if h.position <= pass.before.seq {
				k.header = h
			}
		}
		all[name] = k
	}
	return all
}

// fold checks the chain up to where the log may be folded from, and folds the rest, with what only the tail has at its end.
func (v *verifier) fold(f *folding, pass *passRecord, end uint64, give []tailRecord) error {
	f.chainOnly = true
	if err := f.fold(min(pass.before.seq, end)); err != nil {
		return err
	}
	f.chainOnly = false
	if f.at.seq == pass.before.seq && f.at != pass.before {
		return fmt.Errorf("the chain comes to %x at batch %d, the pass that ended there came to %x: %w", f.at.head, f.at.seq, pass.before.head, ErrDamaged)
	}
	f.stop = func() error {
		if v.c.Progress != nil && f.at.seq%1024 == 0 {
			v.c.Progress(f.at.seq)
		}
		if v.c.stop != nil {
			return v.c.stop()
		}
		return nil
	}
	if err := f.fold(end); err != nil {
		return err
	}
	for i := range give {
		b, err := readRecord(v.f.fs, v.f.path(nameTail), &give[i], v.f.tag)
		if err != nil {
			return err
		}
		if err := f.batch(b, give[i].seq); err != nil {
			return err
		}
	}
	return nil
}

// compare returns what is called after each run: where a snapshot was made, the folded state must be its state.
func (v *verifier) compare(headers map[string][]header) func(*known, *engine.Run) {
	return func(k *known, run *engine.Run) {
		if want := k.key.Partition(); run.Partition != want {
			v.problem(fmt.Errorf("%s: the run at fact %d says partition %d, its id belongs to %d: %w", describe(k.key), run.First, run.Partition, want, ErrDamaged))
		}
		for _, h := range headers[k.name] {
			if h.seq == k.state.Seq() && h.hash != k.state.StateHash() {
				v.problem(fmt.Errorf("%s: the log gives state hash %016x at fact %d, the snapshot made there says %016x: %w",
					describe(k.key), k.state.StateHash(), h.seq, h.hash, ErrDamaged))
			}
		}
	}
}

// aggregates checks each aggregate at the end of the log, and each snapshot by itself.
func (v *verifier) aggregates(f *folding, headers map[string][]header) {
	for _, name := range sortedNames(f.all) {
		k := f.all[name]
		hs := headers[name]
		if k.facts == broken {
			continue
		}
		for i := range hs {
			a, err := openSnapshot(&v.conf, v.db, name, k.key, &hs[i])
			if err != nil {
				v.problem(err)
				continue
			}
			if err := a.Check(); err != nil {
				v.problem(fmt.Errorf("%s, in its snapshot at fact %d: %w", describe(k.key), hs[i].seq, err))
			}
			if k.state == nil && i == len(hs)-1 {
				k.state = a
			}
		}
		if k.state == nil {
			continue // reported above
		}
		if n := len(hs); n > 0 && k.state.Seq() < hs[n-1].seq {
			v.problem(fmt.Errorf("%s: its newest snapshot is at fact %d, the log only comes to fact %d: %w", describe(k.key), hs[n-1].seq, k.state.Seq(), ErrDamaged))
		}
		if err := k.state.Check(); err != nil {
			v.problem(fmt.Errorf("%s: %w", describe(k.key), err))
		}
		one := VerifiedAggregate{Key: k.key, Seq: k.state.Seq(), StateHash: k.state.StateHash(), Snapshots: len(hs), State: k.state}
		if v.c.lean {
			one.State, k.state = nil, nil
		}
		v.rep.Aggregates = append(v.rep.Aggregates, one)
	}
}

// projections checks what readers of the log have made of it: its bytes, not whether it is what they would make of it now.
func (v *verifier) projections() error {
	names, err := projectionNames(v.db)
	if err != nil {
		return err
	}
	for _, name := range names {
		h, _, err := getProjection(v.db, name)
		if err == nil {
			err = h.check(v.db, name, func([]byte) {})
		}
		if err == nil && h.batch > v.rep.LastBatch {
			err = fmt.Errorf("it is made of the log up to batch %d, and that ends at %d: %w", h.batch, v.rep.LastBatch, ErrDamaged)
		}
		if err != nil {
			v.problem(fmt.Errorf("projection %s: %w; its reader makes it anew from what is left of the log at the next start", name, err))
			continue
		}
		v.rep.Projections = append(v.rep.Projections, VerifiedProjection{Name: name, Batch: h.batch, Bytes: h.length})
	}
	return nil
}

// statesOf sums up aggregates, which are in the order of their names.
func statesOf(all []VerifiedAggregate) [32]byte {
	h := sha256.New()
	var b []byte
	for i := range all {
		a := &all[i]
		b = appendAggregate(b[:0], a.Key)
		b = binary.LittleEndian.AppendUint64(b, uint64(a.Seq))
		b = binary.LittleEndian.AppendUint64(b, a.StateHash)
		_, _ = h.Write(b) // never fails
	}
	return [32]byte(h.Sum(nil))
}
