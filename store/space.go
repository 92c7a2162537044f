package store

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// freeBytes is the free space on the folder's disk; known is false where the file system does not say.
func (s *Store) freeBytes() (free uint64, known bool, err error) {
	u, err := s.folder.fs.GetDiskUsage(s.folder.dir)
	if errors.Is(err, vfs.ErrUnsupported) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("ask for the free space of %s: %w", s.folder.dir, err)
	}
	return u.AvailBytes, true, nil
}

// checkSpace refuses to open a folder on a disk that is too full to recover: Pebble would hang.
func (s *Store) checkSpace() error {
	free, known, err := s.freeBytes()
	if err != nil || !known {
		return err
	}
	if need := uint64(s.c.ReserveBytes); free < need {
		return fmt.Errorf("%s: %d MiB are free, a start needs %d MiB. Free some space; if nothing else can go, delete %s, which is kept for this moment: %w",
			s.folder.dir, free>>20, need>>20, s.folder.path(nameReserve), ErrDiskFull)
	}
	return nil
}

// keepReserve makes the reserve file if there is room for it.
func (s *Store) keepReserve() error {
	want := s.c.ReserveBytes
	if want == 0 {
		return nil
	}
	if there, err := s.folder.exists(nameReserve); err != nil || there {
		return err
	}
	free, known, err := s.freeBytes()
	if err != nil || !known || free < 3*uint64(want) {
		return err
	}
	file, err := s.folder.fs.Create(s.folder.path(nameReserve), vfs.WriteCategoryUnspecified)
	if err != nil {
		return fmt.Errorf("create the reserve: %w", err)
	}
	if err := file.Preallocate(0, want); err != nil {
		s.c.Logger.Warn("store: this file system keeps no space in advance; the reserve is empty", "err", err)
	}
	if err := file.Sync(); err != nil {
		return errors.Join(fmt.Errorf("sync the reserve: %w", err), file.Close())
	}
	if err := file.Close(); err != nil {
		return fmt.Errorf("close the reserve: %w", err)
	}
	return nil
}

// watchSpace looks at the free space: first it says that the disk is getting full, then it stops the store while the log can still be closed cleanly.
func (s *Store) watchSpace() {
	free, known, err := s.freeBytes()
	if err != nil {
		s.c.Logger.Warn("store: the free space is not known", "err", err)
		return
	}
	if !known {
		return
	}
	s.stats.freeBytes.Store(free)
	reserve := uint64(s.c.ReserveBytes)
	low := free < 2*reserve
	s.full.Store(low)
	if low && !s.keeper.lowSpace {
		s.c.Alarm(fmt.Errorf("store: %d MiB are free on the disk of %s: new holds are refused below %d MiB, and below %d MiB the engine stops; free some space",
			free>>20, s.folder.dir, 2*reserve>>20, reserve>>20))
	}
	s.keeper.lowSpace = low
	if free < reserve {
		s.life.die(fmt.Errorf("%d MiB are free on the disk of %s, fewer than the %d MiB that are kept to stop safely: free some space, or delete %s, and start again: %w",
			free>>20, s.folder.dir, reserve>>20, s.folder.path(nameReserve), ErrDiskFull))
	}
}

// Full reports whether the disk is nearly full: new holds should be refused, what exists may still be confirmed and released. It is looked at
// about once a second.
func (s *Store) Full() bool { return s.full.Load() }
