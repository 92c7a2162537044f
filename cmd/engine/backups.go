package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/store"
)

// backups makes backups of the running engine, one at a time, each in a folder of its own below one that only the operator of the machine chooses: who may ask for a
// backup may not say where on the disk it goes.
type backups struct {
	dir    string
	copy   bool
	store  *store.Store
	logger *slog.Logger
	ctx    context.Context //nolint:containedctx // the end of the process is the end of its backups
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu   sync.Mutex
	last madeWhile // the one that is being made, or the last one
}

// madeWhile is a backup of a running engine.
type madeWhile struct {
	name string
	dir  string
	busy bool            // it is being made
	over chan struct{}   // closed when it no longer is; nil if it was made by an earlier process
	m    *store.Manifest // what it holds, once it is made
	err  error           // why it was not made
}

// backupsBeside is where backups go if nothing else was said.
func backupsBeside(data string) string { return data + "-backups" }

func (p *process) startBackups(context.Context) error {
	b := &backups{dir: p.config.backups, copy: p.config.backupsCopy, store: p.store, logger: p.config.logger}
	if b.dir == "" {
		b.dir = backupsBeside(p.config.data)
	}
	var err error
	if b.dir, err = filepath.Abs(b.dir); err != nil {
		return fmt.Errorf("--backups %s: %w", p.config.backups, err)
	}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	p.backups = b
	p.onClose("backups", func(context.Context) error {
		b.cancel()
		b.work.Wait()
		return nil
	})
	return nil
}

var (
	errBackupBusy = errors.New("another backup is being made")
	errBackupName = errors.New("a folder of that name is there, and is no finished backup: name another")
)

// make begins a backup with a name, 1 to 64 of A-Z a-z 0-9 _ -, and returns at once. Asked again for the same name it says how far that one is, or what became of
// it, also after a restart. One that failed leaves nothing, but keeps its name until another one is begun.
func (b *backups) make(name string) (madeWhile, error) {
	if !engine.ValidID(name) {
		return madeWhile{}, fmt.Errorf("a backup cannot be called %q: choose 1 to %d of A-Z a-z 0-9 _ -", name, engine.IDLenMax)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.last.name == name:
		return b.last, nil
	case b.last.busy:
		return madeWhile{}, fmt.Errorf("%w, called %s", errBackupBusy, b.last.name)
	}
	dir := filepath.Join(b.dir, name)
	if _, err := os.Lstat(dir); !errors.Is(err, os.ErrNotExist) {
		m, err := store.ReadManifest(nil, dir)
		if err != nil {
			return madeWhile{}, errors.Join(errBackupName, err)
		}
		return madeWhile{name: name, dir: dir, m: m}, nil
	}
	b.last = madeWhile{name: name, dir: dir, busy: true, over: make(chan struct{})}
	over := b.last.over
	b.work.Go(func() {
		defer close(over)
		b.run(name, dir)
	})
	return b.last, nil
}

// makeWithin is make, and waits for the end of the backup, for so long at most.
func (b *backups) makeWithin(ctx context.Context, name string, wait time.Duration) (madeWhile, error) {
	made, err := b.make(name)
	if err != nil || !made.busy {
		return made, err
	}
	patience := time.NewTimer(wait)
	defer patience.Stop()
	select {
	case <-made.over:
	case <-patience.C:
	case <-ctx.Done():
	}
	return b.make(name)
}

// backupNameNow is what a backup is called that was given no name: the time in UTC.
func backupNameNow() string { return time.Now().UTC().Format("20060102T150405Z") }

// onSignal makes a backup at every SIGUSR1, named by the time in UTC, until ctx ends. The log says what became of it.
func (b *backups) onSignal(ctx context.Context) {
	asked, stop := backupSignals()
	defer stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-asked:
			name := backupNameNow()
			made, err := b.make(name)
			if err != nil {
				b.logger.Error("a backup was not made", "name", name, "err", err)
				continue
			}
			b.logger.Info("making a backup", "name", name, "dir", made.dir)
		}
	}
}

// backupProgressEvery is how often the log says how far a backup is.
const backupProgressEvery = 10 * time.Second

func (b *backups) run(name, dir string) {
	began := time.Now()
	said := began
	m, err := b.store.Backup(b.ctx, store.BackupConfig{
		Dir: dir, Copy: b.copy,
		Progress: func(done, total uint64) {
			if now := time.Now(); now.Sub(said) >= backupProgressEvery {
				said = now
				b.logger.Info("copying a backup", "name", name, "mib", done>>20, "of_mib", total>>20)
			}
		},
		Verifying: func() { b.logger.Info("verifying a backup", "name", name) },
	})
	if err != nil {
		b.logger.Error("a backup was not made", "name", name, "err", err)
	} else {
		b.logger.Info("a backup was made", "name", name, "dir", dir, "last_batch", m.LastBatch, "bytes", m.Bytes, "states", m.States, "took", time.Since(began))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last = madeWhile{name: name, dir: dir, m: m, err: err}
}
