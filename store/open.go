package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Open opens the data folder, makes it if there is none, compares both copies of the log and repairs what one lacks from the other.
//
// Errors wrap [ErrInUse], [ErrDamaged], [ErrNewer] or [ErrDiskFull] where one of them is the reason; the folder is then as it was. After Open
// comes [Store.Recover], then appends.
func Open(c Config) (*Store, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	s := &Store{c: c, folder: folder{fs: c.FS, dir: c.Dir}, life: newLife(c.Fatal)}
	opened := make(chan error, 1)
	go func() {
		// Pebble's logger may end this goroutine: the life then knows why.
		err := errors.New("opening ended early")
		defer func() { opened <- err }()
		defer s.life.guard("open")
		err = s.open()
	}()
	timer := time.NewTimer(c.OpenTimeout)
	defer timer.Stop()
	select {
	case <-s.life.done:
		// Pebble may never come back from it.
		select {
		case err := <-opened:
			s.c.Logger.Error("store: open", "err", err)
			s.abandon()
		case <-time.After(closePatience):
		}
		return nil, fmt.Errorf("store: open %s: %w", c.Dir, s.life.check())
	case err := <-opened:
		if dead := s.life.check(); dead != nil {
			err = dead
		}
		if err != nil {
			s.abandon()
			return nil, fmt.Errorf("store: open %s: %w", c.Dir, err)
		}
	case <-timer.C:
		s.life.die(errors.New("open took too long"))
		return nil, fmt.Errorf("store: open %s: not done after %v: is the disk full, or does it hang? Free space and try again", c.Dir, c.OpenTimeout)
	}
	s.life.opening.Store(false)
	if err := s.life.check(); err != nil {
		s.life.fatal(err)
		return nil, fmt.Errorf("store: open %s: %w", c.Dir, err)
	}
	s.start()
	return s, nil
}

func (s *Store) open() error {
	f := &s.folder
	if err := makeFolder(f.fs, f.dir); err != nil {
		return err
	}
	if !s.c.restoring {
		if err := f.refuseCopies(); err != nil {
			return err
		}
	}
	lock, err := f.lock()
	if err != nil {
		return err
	}
	s.lock = lock
	if err := s.checkSpace(); err != nil {
		return err
	}
	if err := f.prepare(s.createLog); err != nil {
		return err
	}
	recs, err := scanTail(f.fs, f.path(nameTail), f.tag)
	if err != nil {
		return err
	}
	opts := s.pebbleOptions()
	opts.ErrorIfNotExists = true
	if s.db, err = pebble.Open(f.path(nameLog), opts); err != nil {
		return pebbleError(fmt.Errorf("open %s/: %w", nameLog, err))
	}
	if err := s.reconcile(recs); err != nil {
		return err
	}
	if err := s.loadPositions(); err != nil {
		return err
	}
	if err := s.openVault(); err != nil {
		return err
	}
	return s.keepReserve()
}

// pebbleError marks Pebble's own idea of damage as ours.
func pebbleError(err error) error {
	if pebble.IsCorruptionError(err) && !errors.Is(err, ErrDamaged) {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}

// createLog makes the Pebble store and closes it. The first log of a new Pebble is written in an old format that does not notice damage in its
// middle; whoever opens the store again gets a new log in the new format.
func (s *Store) createLog() error {
	db, err := pebble.Open(s.folder.path(nameLog), s.pebbleOptions())
	if err != nil {
		return fmt.Errorf("create %s/: %w", nameLog, err)
	}
	if err := db.Close(); err != nil {
		return fmt.Errorf("create %s/: %w", nameLog, err)
	}
	return nil
}

func (s *Store) pebbleOptions() *pebble.Options {
	return pebbleOptions(&s.c, s.folder.fs, s.life, &s.stats)
}

func pebbleOptions(c *Config, fs vfs.FS, l *life, stats *counters) *pebble.Options {
	o := &pebble.Options{
		FS:                          guardFS{FS: fs, life: l},
		FormatMajorVersion:          pebble.FormatNewest,
		Logger:                      pebbleLog{log: c.Logger, life: l},
		EventListener:               listener(l, c.Logger, stats),
		MemTableSize:                uint64(c.MemTableBytes),
		MemTableStopWritesThreshold: 4,
		L0CompactionThreshold:       8,
		L0StopWritesThreshold:       64,
	}
	for i := range o.Levels {
		// Batches are compact already, and their blocks are read once, in order.
		o.Levels[i].Compression = func() *sstable.CompressionProfile { return sstable.NoCompression }
		o.Levels[i].BlockSize = 32 << 10
	}
	return o
}

// reconcile makes both copies of the log say the same, or refuses. Opening Pebble has put everything it has into tables, so nothing in
// the ring is needed: all of it may be overwritten.
func (s *Store) reconcile(recs []tailRecord) error {
	f := &s.folder
	last, err := lastBatch(s.db, s.genesis())
	if err != nil {
		return pebbleError(err)
	}
	d, err := decide(last, recs, s.c.AcceptOneCopy)
	if err != nil {
		return err
	}
	if d.trouble {
		s.c.Alarm(fmt.Errorf("store: one copy of the log had lost acknowledged batches (log ends at %d, the tail lacks from %d, acknowledged up to %d); the other copy had them: look at the disk",
			last.seq, d.lacks, d.acked))
	}
	at, err := s.give(last.position, d.give)
	if err != nil {
		return fmt.Errorf("repair %s/: %w", nameLog, err)
	}
	s.stats.repaired.Add(uint64(len(d.give)))
	s.tail = newTail(&s.c, f)
	if err := s.repairTail(recs, &d); err != nil {
		return err
	}
	s.journal = newJournal(s.db, s.tail, &s.c, s.life, &s.stats)
	s.journal.startAt(at.seq, at.head, at.bytes)
	// The tail's records are compared with the log's as recovery meets them.
	s.tailRecords = make(map[uint64]link, len(recs))
	for i := range recs {
		s.tailRecords[recs[i].seq] = recs[i].link
	}
	for i := range d.drop {
		delete(s.tailRecords, d.drop[i].seq)
	}
	return nil
}

// give adds batches of the tail to Pebble's copy, in one table, and returns where that ends.
func (s *Store) give(at position, recs []tailRecord) (position, error) {
	if len(recs) == 0 {
		return at, nil
	}
	g := s.newIngestion()
	defer g.abandon()
	w, err := g.table()
	if err != nil {
		return at, err
	}
	for i := range recs {
		var b batch
		v, err := readRecord(s.folder.fs, s.folder.path(nameTail), &recs[i], s.folder.tag)
		if err == nil {
			b, err = viewBatch(v, at.seq+1)
		}
		if err == nil {
			err = b.checkLink(&at.head)
		}
		if err == nil && b.before() != at.bytes {
			err = fmt.Errorf("batch %d in the tail says that %d bytes precede it, there are %d: %w", b.seq(), b.before(), at.bytes, ErrDamaged)
		}
		if err == nil {
			err = w.Set(journalKey(b.seq()), v)
		}
		if err != nil {
			return at, errors.Join(err, w.Close())
		}
		at = position{seq: b.seq(), head: b.link(), bytes: at.bytes + uint64(len(v))}
	}
	if err := w.Close(); err != nil {
		return at, fmt.Errorf("finish a table of batches: %w", err)
	}
	return at, g.finish(context.Background(), nil)
}

func newTail(c *Config, f *folder) *tail {
	return &tail{
		fs: f.fs, dir: f.path(nameTail), tag: f.tag, segmentBytes: c.TailSegmentBytes,
		files: make([]vfs.File, c.TailSegments), last: make([]uint64, c.TailSegments),
		overwrite: func(uint64) error { return nil },
		prepare:   func(uint64) {},
	}
}

// repairTail erases what was dropped, goes to the end of the newest record and appends what the tail lacks.
func (s *Store) repairTail(recs []tailRecord, d *decision) error {
	t := s.tail
	if err := t.fs.MkdirAll(t.dir, 0o700); err != nil {
		return fmt.Errorf("create %s: %w", t.dir, err)
	}
	// Erased durably before anything new is appended: a later batch gets the same seq with other content.
	for i := range d.drop {
		if err := t.erase(&d.drop[i]); err != nil {
			return err
		}
	}
	lacks, newest := d.lacks, (*tailRecord)(nil)
	for i := range recs {
		r := &recs[i]
		if r.seq > d.end {
			break
		}
		if r.segment >= len(t.files) {
			continue // the ring was larger once: its rest is removed below
		}
		t.last[r.segment] = max(t.last[r.segment], r.seq)
		newest = r
	}
	if newest != nil {
		t.segment, t.offset = newest.segment, newest.end()
	}
	if d.end > 0 && lacks == 0 && (newest == nil || newest.seq < d.end) {
		lacks = d.end // the newest record was in a segment that goes
	}
	if lacks > 0 {
		if err := s.refillTail(lacks, d.end, recs); err != nil {
			return err
		}
	}
	return removeSegments(t.fs, t.dir, len(t.files))
}

// refillTail appends batches first to end to the tail, those of them that it lacks and that fit into half of it.
func (s *Store) refillTail(first, end uint64, recs []tailRecord) error {
	has := make(map[uint64]bool)
	for i := range recs {
		if recs[i].segment < len(s.tail.files) {
			has[recs[i].seq] = true
		}
	}
	room := s.tail.segmentBytes * int64(len(s.tail.files)) / 2
	var batches [][]byte
	for seq := end; seq >= first && seq > 0; seq-- {
		if has[seq] {
			continue
		}
		v, closer, err := s.db.Get(journalKey(seq))
		if errors.Is(err, pebble.ErrNotFound) {
			break // cut away already
		}
		if err != nil {
			return pebbleError(fmt.Errorf("repair %s/: read batch %d: %w", nameTail, seq, err))
		}
		rec := finishRecord(append(beginRecord(nil), v...), s.tail.tag, seq)
		if err := closer.Close(); err != nil {
			return fmt.Errorf("repair %s/: %w", nameTail, err)
		}
		if room -= int64(len(rec)); room < 0 {
			break
		}
		batches = append(batches, rec)
	}
	for i := len(batches) - 1; i >= 0; i-- {
		if err := s.tail.write(batches[i], batch(batches[i][tailHead:]).seq()); err != nil {
			return err
		}
	}
	s.stats.repaired.Add(uint64(len(batches)))
	return s.tail.sync()
}

// removeSegments removes the segments from number n on.
func removeSegments(fs vfs.FS, dir string, n int) error {
	names, err := fs.List(dir)
	if err != nil {
		return fmt.Errorf("tail: list %s: %w", dir, err)
	}
	for _, name := range names {
		var i int
		if k, err := fmt.Sscanf(name, "%d", &i); k != 1 || err != nil || name != segmentName(i) || i < n {
			continue
		}
		if err := fs.Remove(fs.PathJoin(dir, name)); err != nil {
			return fmt.Errorf("tail: remove segment %d: %w", i, err)
		}
	}
	return nil
}

// abandon lets go of what a failed Open holds. A dead Pebble may never close: it is left alone, the process is about to end.
func (s *Store) abandon() {
	if s.tail != nil {
		_ = s.tail.close()
	}
	if s.db != nil {
		_ = s.orDead(s.db.Close)
	}
	if s.lock != nil {
		_ = s.lock.Close()
	}
}
