package store

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/holdfast-engine/holdfast/engine"
)

// BackupConfig says where a backup goes.
type BackupConfig struct {
	// Dir is the backup's folder. It is made, with mode 0700; if it is there it must be empty.
	Dir string
	// Copy copies tables too. Otherwise those on the same file system are linked: at once, but a bad spot of the disk is then bad in both.
	Copy bool
	// Progress, if not nil, is called with how many bytes of how many have been copied, or read where they are linked.
	Progress func(done, total uint64)
	// Verifying, if not nil, is called when everything is copied, before the copy is checked.
	Verifying func()
}

// Backup makes a backup of a store that goes on working. It holds everything that is durable when it is called, and what became durable until a position was
// noted. Nobody waits for it but snapshot passes, and aggregates that go to sleep while the tables are linked. Before it is called a backup the copy is
// checked as [Verify] does, which takes about the memory of a pass; no pass runs meanwhile.
//
// A failure of the disk that the backup goes to is Backup's error and leaves the store alone. Of two backups at once the second is refused with
// [ErrBusy].
func (s *Store) Backup(ctx context.Context, c BackupConfig) (*Manifest, error) {
	if err := s.life.check(); err != nil {
		return nil, err
	}
	if !s.recovered.Load() {
		return nil, errNotRecovered
	}
	if !s.backing.TryLock() {
		return nil, fmt.Errorf("store: backup to %s: another backup is being made: %w", c.Dir, ErrBusy)
	}
	defer s.backing.Unlock()
	m, err := s.backup(ctx, &c)
	if err != nil {
		return nil, fmt.Errorf("store: backup to %s: %w", c.Dir, err)
	}
	return m, nil
}

func (s *Store) backup(ctx context.Context, c *BackupConfig) (*Manifest, error) {
	asked := s.Durable()
	format, err := readSmall(s.folder.fs, s.folder.path(nameFormat), manifestBytesMax)
	if err != nil {
		return nil, err
	}
	k, err := beginCopying(ctx, s.folder.fs, s.folder.dir, c)
	if err != nil {
		return nil, err
	}
	m, err := s.backupInto(k, c, format, asked)
	if err != nil {
		k.abandon()
		return nil, err
	}
	return m, nil
}

func (s *Store) backupInto(k *copying, c *BackupConfig, format []byte, asked uint64) (*Manifest, error) {
	checkpoint := s.folder.fs.PathJoin(s.folder.path(nameTemp), fmt.Sprintf("backup-%d", s.tables.Add(1)))
	if err := s.orDead(func() error { return s.checkpoint(checkpoint) }); err != nil {
		return nil, err
	}
	defer func() { _ = s.folder.fs.RemoveAll(checkpoint) }()
	files, err := listFiles(k.fs, checkpoint, nameLog, func(name string) bool { return !strings.HasSuffix(name, ".log") })
	if err != nil {
		return nil, err
	}
	// Every archive that the checkpoint has a mark of is there by now. One that came later belongs to an aggregate that the backup still has as it was.
	archives, err := s.folder.listArchives()
	if err != nil {
		return nil, err
	}
	if err := k.copyAll(append(files, archives...), format); err != nil {
		return nil, err
	}
	if err := k.refillTail(&s.c); err != nil {
		return nil, err
	}
	if c.Verifying != nil {
		c.Verifying()
	}
	// A pass has its states in memory too: one or the other.
	s.passing.Lock()
	k.gentle = true // others want the processor too
	rep, err := k.prove(s.c.New, s.c.Open)
	s.passing.Unlock()
	if err != nil {
		return nil, err
	}
	if rep.LastBatch < asked {
		return nil, fmt.Errorf("it ends at batch %d, but batch %d was acknowledged before: %w", rep.LastBatch, asked, ErrDamaged)
	}
	// Nothing is in a backup that the original could still lose.
	if rep.LastBatch > 0 {
		if err := s.journal.waitDurable(k.ctx, rep.LastBatch-1); err != nil {
			return nil, err
		}
	}
	return k.finish(&rep, asked, true)
}

// checkpoint makes a copy of the log in the data folder itself, out of links. Everything that was durable is in tables then, so the copy needs none of
// Pebble's own logs, one of which is being written.
func (s *Store) checkpoint(dir string) error {
	s.passing.Lock()
	defer s.passing.Unlock()
	s.snapshots.Lock()
	defer s.snapshots.Unlock()
	flushed, err := s.db.AsyncFlush()
	if err != nil {
		return fmt.Errorf("flush the log: %w", err)
	}
	select {
	case <-flushed:
	case <-s.life.done:
		return s.life.check()
	}
	if err := s.db.Checkpoint(dir); err != nil {
		return fmt.Errorf("link the tables of the log: %w", err)
	}
	return nil
}

// BackupFolder makes a backup of a data folder that no engine uses, and changes nothing in it. A folder that is not whole is refused with [ErrDamaged]; other
// errors are those of [Verify].
func BackupFolder(ctx context.Context, from VerifyConfig, c BackupConfig) (*Manifest, error) {
	if from.FS == nil {
		from.FS = vfs.Default
	}
	m, err := backupFolder(ctx, &from, &c)
	if err != nil {
		return nil, fmt.Errorf("store: backup of %s to %s: %w", from.Dir, c.Dir, pebbleError(err))
	}
	return m, nil
}

func backupFolder(ctx context.Context, from *VerifyConfig, c *BackupConfig) (*Manifest, error) {
	f := folder{fs: from.FS, dir: from.Dir}
	if there, err := f.exists(nameFormat); err != nil || !there {
		if err == nil {
			err = fmt.Errorf("there is no %s: this is no data folder", nameFormat)
		}
		return nil, err
	}
	if err := f.refuseCopies(); err != nil {
		return nil, err
	}
	lock, err := f.lock()
	if err != nil {
		return nil, err
	}
	defer func() { _ = lock.Close() }()
	format, err := readSmall(f.fs, f.path(nameFormat), manifestBytesMax)
	if err != nil {
		return nil, err
	}
	files, err := listFiles(f.fs, f.path(nameLog), nameLog, func(name string) bool { return name != nameLock })
	if err != nil {
		return nil, err
	}
	segments, err := listFiles(f.fs, f.path(nameTail), nameTail, func(string) bool { return true })
	if err != nil {
		return nil, err
	}
	archives, err := f.listArchives()
	if err != nil {
		return nil, err
	}
	k, err := beginCopying(ctx, f.fs, f.dir, c)
	if err != nil {
		return nil, err
	}
	m, err := func() (*Manifest, error) {
		if err := k.copyAll(slices.Concat(files, segments, archives), format); err != nil {
			return nil, err
		}
		if c.Verifying != nil {
			c.Verifying()
		}
		rep, err := k.prove(from.New, from.Open)
		if err != nil {
			return nil, err
		}
		return k.finish(&rep, rep.Acked, false)
	}()
	if err != nil {
		k.abandon()
		return nil, err
	}
	return m, nil
}

// beginCopying makes the backup's folder.
func beginCopying(ctx context.Context, fs vfs.FS, from string, c *BackupConfig) (*copying, error) {
	if c.Dir == "" {
		return nil, errors.New("BackupConfig.Dir is empty: name the backup's folder")
	}
	if err := apart(from, c.Dir); err != nil {
		return nil, err
	}
	k := &copying{ctx: ctx, fs: fs, to: folder{fs: fs, dir: c.Dir}, progress: c.Progress}
	if err := k.begin(); err != nil {
		return nil, err
	}
	if !c.Copy {
		k.tryLink(fs.PathJoin(from, nameFormat))
	}
	return k, nil
}

// copyAll copies the log and the archives, and FORMAT last.
func (k *copying) copyAll(files []source, format []byte) error {
	if err := k.checkSpace(files); err != nil {
		return err
	}
	if err := k.all(files); err != nil {
		return err
	}
	if err := k.to.write(nameFormat, string(format)); err != nil {
		return err
	}
	if found, err := k.to.readFormat(); err != nil || !found {
		return errors.Join(err, fmt.Errorf("%s was not copied", nameFormat))
	}
	return k.note(nameFormat)
}

// note adds files that were made in the copy itself to its list.
func (k *copying) note(names ...string) error {
	for _, name := range names {
		in, err := k.fs.Open(k.to.path(name), vfs.SequentialReadsOption)
		if err != nil {
			return err
		}
		n, sum, err := k.pour(in, nil)
		if err2 := in.Close(); err == nil {
			err = err2
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", k.to.path(name), err)
		}
		k.files = append(k.files, Copied{Name: name, Bytes: n, SHA256: sum})
	}
	return nil
}

// refillTail makes the copy's tail out of its log: both end at the same batch, so that the copy proves its end like every data folder.
func (k *copying) refillTail(like *Config) error {
	conf := Config{
		Dir: k.to.dir, New: like.New, Open: like.Open, Logger: slog.New(slog.DiscardHandler), MemTableBytes: like.MemTableBytes,
		TailSegmentBytes: like.TailSegmentBytes, TailSegments: like.TailSegments,
	}
	err := lookInto(&k.to, &conf, func(db *pebble.DB) error {
		s := &Store{c: conf, folder: k.to, db: db}
		last, err := lastBatch(db, s.genesis())
		if err != nil || last.seq == 0 {
			return err
		}
		s.tail = newTail(&s.c, &s.folder)
		if err := s.refillTail(1, last.seq, nil); err != nil {
			return errors.Join(err, s.tail.close())
		}
		return s.tail.close()
	})
	if err != nil {
		return err
	}
	segments, err := listFiles(k.fs, k.to.path(nameTail), nameTail, func(string) bool { return true })
	if err != nil {
		return err
	}
	for i := range segments {
		if err := k.note(segments[i].name); err != nil {
			return err
		}
	}
	return k.syncFolders()
}

// gentleSlice is how long a gentle check works before it sleeps for as long: it takes half a processor.
const gentleSlice = 2 * time.Millisecond

// gently returns what work that is to leave others the processor asks now and then: it sleeps as long as the work took, and ends it with ctx.
func gently(ctx context.Context) func() error {
	worked := time.Now()
	return func() error {
		if took := time.Since(worked); took > gentleSlice {
			time.Sleep(took)
			worked = time.Now()
		}
		return ctx.Err()
	}
}

// prove checks the copy as Verify does.
func (k *copying) prove(newAggregate func(engine.Key) engine.Aggregate, open func(engine.Key, []byte) (engine.Aggregate, error)) (Report, error) {
	stop := k.ctx.Err
	if k.gentle {
		stop = gently(k.ctx)
	}
	rep, err := Verify(VerifyConfig{Dir: k.to.dir, FS: k.fs, New: newAggregate, Open: open, stop: stop, lean: true})
	if err == nil {
		err = k.ctx.Err()
	}
	if err != nil {
		return rep, fmt.Errorf("the copy cannot be checked: %w", err)
	}
	if n := len(rep.Problems); n > 0 {
		return rep, fmt.Errorf("the copy is not whole, %d problems, the first: %w: %w", n, rep.Problems[0], ErrDamaged)
	}
	return rep, nil
}

// finish writes the manifest.
func (k *copying) finish(rep *Report, asked uint64, running bool) (*Manifest, error) {
	m := &Manifest{
		Version: manifestVersion, StoreFormat: formatVersion, Made: time.Now().UTC().Truncate(time.Second), Running: running,
		Folder: fmt.Sprintf("%016x", k.to.tag), FirstBatch: rep.FirstBatch, LastBatch: rep.LastBatch, Asked: asked,
		ChainHead: hex.EncodeToString(rep.ChainHead[:]), States: hex.EncodeToString(rep.States[:]), Aggregates: len(rep.Aggregates), Files: k.files,
	}
	for i := range k.files {
		m.Bytes += k.files[i].Bytes
	}
	if err := m.check(); err != nil {
		return nil, err
	}
	if err := k.syncFolders(); err != nil {
		return nil, err
	}
	if err := k.to.writeManifest(m); err != nil {
		return nil, err
	}
	return m, nil
}

// refuseCopies refuses to open what is a backup, or was never finished.
func (f *folder) refuseCopies() error {
	for name, err := range map[string]error{
		nameBackup:     fmt.Errorf("%s is a backup, and is kept as it is: restore it into a new folder (engine restore): %w", f.dir, ErrBackup),
		nameUnfinished: fmt.Errorf("%s is what is left of a backup or a restore that did not finish: remove it and begin again: %w", f.dir, ErrUnfinished),
	} {
		if there, err2 := f.exists(name); err2 != nil || there {
			return errors.Join(err2, err)
		}
	}
	return nil
}
