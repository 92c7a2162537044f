package store

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/holdfast-engine/holdfast/engine"
)

// ArchiveBatchMax is how many aggregates one [Store.Archive] takes: each has a file open, and all share one reading of the log.
const ArchiveBatchMax = 64

// archived is the mark that an aggregate leaves in Pebble when it moves into a file, for good: its key sorts among those of snapshots, so that the mark
// comes in the same ingestion that takes the snapshots away.
type archived struct {
	at  engine.Instant // node time of the last fact
	seq engine.Seq     // of the last fact
}

const (
	archivedVersion = 1
	archivedLen     = 1 + 8 + 8
)

func archivedKey(name []byte) []byte { return append([]byte{keySnapshot, keyArchived}, name...) }

func (a *archived) append(dst []byte) []byte {
	dst = binary.LittleEndian.AppendUint64(append(dst, archivedVersion), uint64(a.at))
	return binary.LittleEndian.AppendUint64(dst, uint64(a.seq))
}

// getArchived reads the mark of an aggregate; ok is false if it has none.
func getArchived(r reader, name []byte) (a archived, ok bool, err error) {
	v, closer, err := r.Get(archivedKey(name))
	if errors.Is(err, pebble.ErrNotFound) {
		return a, false, nil
	}
	if err != nil {
		return a, false, fmt.Errorf("look for the archive mark of %s: %w", describe(aggregateKey(name)), err)
	}
	defer func() { _ = closer.Close() }()
	if len(v) != archivedLen || v[0] != archivedVersion {
		if len(v) > 0 && v[0] > archivedVersion {
			return a, false, fmt.Errorf("the archive mark of %s has format %d: %w", describe(aggregateKey(name)), v[0], ErrNewer)
		}
		return a, false, fmt.Errorf("the archive mark of %s does not decode: %w", describe(aggregateKey(name)), ErrDamaged)
	}
	a.at, a.seq = engine.Instant(binary.LittleEndian.Uint64(v[1:])), engine.Seq(binary.LittleEndian.Uint64(v[9:]))
	return a, true, nil
}

// anyArchived reports whether there is an archive at all: mostly there is none, and nobody has to look for the mark of each aggregate.
func anyArchived(r reader) (bool, error) {
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: []byte{keySnapshot, keyArchived}, UpperBound: []byte{keySnapshot, keyArchived + 1}})
	if err != nil {
		return false, fmt.Errorf("look for archive marks: %w", err)
	}
	found := it.First()
	if err := errors.Join(it.Error(), it.Close()); err != nil {
		return false, fmt.Errorf("look for archive marks: %w", err)
	}
	return found, nil
}

// Archived tells whether an aggregate was archived, and the node time of its last fact. It reads one key.
func (s *Store) Archived(key engine.Key) (at engine.Instant, ok bool, err error) {
	if err := s.life.check(); err != nil {
		return 0, false, err
	}
	a, ok, err := getArchived(s.db, appendAggregate(nil, key))
	return a.at, ok, pebbleError(err)
}

const archiveSuffix = ".archive"

// ArchiveFile is where the archive of an aggregate lies, from the data folder, with slashes.
func ArchiveFile(key engine.Key) string {
	return path.Join(nameArchive, key.Account, key.ID+archiveSuffix)
}

func (f *folder) archivePath(key engine.Key) string {
	return f.fs.PathJoin(f.path(nameArchive), key.Account, key.ID+archiveSuffix)
}

// archiving is one aggregate on its way out of the log.
type archiving struct {
	key     engine.Key
	headers []header // of its snapshots
	temp    string   // the file while it is written
	path    string
	file    vfs.File
	out     *bufio.Writer
	writer  *archiveWriter
	mark    archived
}

// Archive moves aggregates out of the log, each into a file of its own below archive/: its newest snapshot, which must hold its last fact, and its
// facts as far back as the log has them. When a file is durable, and not before, the snapshots go and a mark says for ever that the aggregate was
// there, both in one step. Aggregates that are archived already are left alone. At most [ArchiveBatchMax] at once; a pass under way is waited for, until ctx ends. After
// an error before that step everything is as before, and the call may be repeated.
//
// What of the aggregates is left in the log is skipped by every later reading, and cut away with the rest of it. Once per-event keys exist they are
// deleted by whoever keeps them, after Archive has returned.
func (s *Store) Archive(ctx context.Context, keys []engine.Key) error {
	if len(keys) > ArchiveBatchMax {
		return fmt.Errorf("store: %d aggregates are too many to archive at once: give %d or fewer", len(keys), ArchiveBatchMax)
	}
	if err := s.life.check(); err != nil {
		return err
	}
	if err := s.lockPassing(ctx); err != nil { // no pass may keep a new snapshot of what goes
		return fmt.Errorf("store: archive: %w", err)
	}
	defer s.passing.Unlock()
	all := make(map[string]*archiving, len(keys))
	defer func() {
		for _, a := range all {
			a.abandon(s.folder.fs)
		}
	}()
	err := s.archive(ctx, keys, all)
	if err != nil {
		return fmt.Errorf("store: archive: %w", pebbleError(err))
	}
	s.stats.archived.Add(uint64(len(all)))
	return nil
}

func (s *Store) archive(ctx context.Context, keys []engine.Key, all map[string]*archiving) error {
	for _, key := range keys {
		if err := s.beginArchive(key, all); err != nil {
			return fmt.Errorf("%s: %w", describe(key), err)
		}
	}
	if len(all) == 0 {
		return nil
	}
	if err := s.archiveFacts(ctx, all); err != nil {
		return err
	}
	for _, name := range sortedNames(all) {
		if err := all[name].keep(&s.folder); err != nil {
			return fmt.Errorf("%s: %w", describe(all[name].key), err)
		}
	}
	return s.markArchived(all)
}

// beginArchive starts an aggregate's file with its last state.
func (s *Store) beginArchive(key engine.Key, all map[string]*archiving) error {
	name := string(appendAggregate(nil, key))
	_, done, err := getArchived(s.db, []byte(name))
	if err != nil || done || all[name] != nil {
		return err
	}
	headers, err := headersOf(s.db, name)
	if err != nil {
		return err
	}
	if len(headers) == 0 {
		return errNoSnapshot
	}
	h := &headers[len(headers)-1]
	state, err := readState(s.db, name, h)
	if err != nil {
		return err
	}
	f := &s.folder
	a := &archiving{key: key, headers: headers, mark: archived{at: h.lastAt, seq: h.seq}, path: f.archivePath(key)}
	if err := a.sameAggregate(f.fs); err != nil {
		return err
	}
	a.temp = f.fs.PathJoin(f.path(nameTemp), fmt.Sprintf("%06d.archive", s.tables.Add(1)))
	if a.file, err = f.fs.Create(a.temp, vfs.WriteCategoryUnspecified); err != nil {
		return fmt.Errorf("create its archive: %w", err)
	}
	all[name] = a
	a.out = bufio.NewWriter(a.file)
	if a.writer, err = newArchiveWriter(a.out, name, h, state); err != nil {
		return fmt.Errorf("write its archive: %w", err)
	}
	return nil
}

// sameAggregate refuses to write over the archive of another aggregate: file systems that do not tell A from a have one place for both.
func (a *archiving) sameAggregate(fs vfs.FS) error {
	old, err := fs.Open(a.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for an older archive: %w", err)
	}
	defer func() { _ = old.Close() }()
	if r, err := newArchiveReader(old); err != nil || r.info.Key != a.key {
		return fmt.Errorf("%s is there and is not its archive: move it away", a.path)
	}
	return nil
}

// archiveFacts reads the log once and gives each file its facts.
func (s *Store) archiveFacts(ctx context.Context, all map[string]*archiving) error {
	_, trim := s.positions()
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: journalKey(trim.seq + 1), UpperBound: journalKey(s.Durable() + 1)})
	if err != nil {
		return fmt.Errorf("read the journal: %w", err)
	}
	defer func() { _ = it.Close() }()
	for ok := it.First(); ok; ok = it.Next() {
		if err := ctx.Err(); err != nil {
			return err
		}
		seq, _ := journalSeq(it.Key())
		v, err := it.ValueAndErr()
		if err != nil {
			return fmt.Errorf("read batch %d: %w", seq, err)
		}
		b, err := viewBatch(v, seq)
		if err == nil {
			err = b.checkSum()
		}
		if err != nil {
			return err
		}
		for r := b.reader(); ; {
			more, err := r.next()
			if err != nil {
				return err
			}
			if !more {
				break
			}
			a := all[string(r.name)]
			if a == nil {
				continue
			}
			if last := r.run.First + engine.Seq(r.run.Facts.Count) - 1; last > a.mark.seq {
				return fmt.Errorf("%s has fact %d, but its snapshot ends at %d: it is not at rest", describe(a.key), last, a.mark.seq)
			}
			if err := a.writer.run(&r.run); err != nil {
				return fmt.Errorf("write the archive of %s: %w", describe(a.key), err)
			}
		}
	}
	if err := it.Error(); err != nil {
		return fmt.Errorf("read the journal: %w", err)
	}
	return nil
}

// keep makes the file durable in its place.
func (a *archiving) keep(f *folder) error {
	err := a.writer.close()
	if err == nil {
		err = a.out.Flush()
	}
	if err == nil {
		err = a.file.Sync()
	}
	if err != nil {
		return fmt.Errorf("write its archive: %w", err)
	}
	file := a.file
	a.file = nil
	if err := file.Close(); err != nil {
		return fmt.Errorf("close its archive: %w", err)
	}
	dir := f.fs.PathDir(a.path)
	if err := f.fs.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("create the folder of its archive: %w", err)
	}
	if err := f.fs.Rename(a.temp, a.path); err != nil {
		return fmt.Errorf("move its archive into place: %w", err)
	}
	a.temp = ""
	for _, d := range [...]string{dir, f.path(nameArchive), f.dir} {
		if err := syncDir(f.fs, d); err != nil {
			return err
		}
	}
	return nil
}

// abandon removes what is not in its place.
func (a *archiving) abandon(fs vfs.FS) {
	if a.file != nil {
		_ = a.file.Close()
	}
	if a.temp != "" {
		_ = fs.Remove(a.temp)
	}
}

// markArchived takes the snapshots away and sets the marks, in one ingestion.
func (s *Store) markArchived(all map[string]*archiving) error {
	s.snapshots.Lock()
	defer s.snapshots.Unlock()
	g := s.newIngestion()
	for _, name := range sortedNames(all) {
		if err := g.replace(name, all[name].headers, nil, nil); err != nil {
			g.abandon()
			return err
		}
		g.archived = append(g.archived, archivedMark{name, all[name].mark})
	}
	if err := g.finish(context.Background(), nil); err != nil {
		g.abandon()
		// Whether a failed ingestion left anything durable is not known.
		s.life.die(err)
		return err
	}
	return nil
}
