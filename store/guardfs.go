package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// guardFS is the file system as Pebble sees it. A read, write, sync, creation, renaming or link that fails ends the store at once. Pebble would tell
// some of these errors to its logger only, and panic at others with its locks in disorder; and an excision that cannot read a table takes it for empty
// and drops what it should have kept (v2.1.7, excise.go: the error of the point iterator is not looked at). Where the process outlives that (a test,
// or a failed Open), the operation never returns: for all that follows, the disk hangs, and the folder stays locked until the process ends.
//
// It also syncs a folder before a manifest marker is created in it. Pebble creates the manifest, then the marker that points at it, and then syncs the
// folder once; POSIX lets a crash keep the second entry and lose the first, which would leave a store that does not open.
type guardFS struct {
	vfs.FS
	life *life
}

const manifestMarker = "marker.manifest."

// failed ends the store if err is not nil.
func (g guardFS) failed(op, name string, err error) error {
	if err == nil || plantedBug(plantedFatalfReturns) {
		return err
	}
	g.life.die(fmt.Errorf("%s %s: %w", op, name, err))
	select {}
}

func (g guardFS) file(name string, f vfs.File, err error) (vfs.File, error) {
	if err := g.failed("create", name, err); err != nil {
		return nil, err
	}
	return &guardFile{File: f, fs: g, name: name}, nil
}

func (g guardFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if strings.HasPrefix(g.PathBase(name), manifestMarker) {
		if err := g.failed("sync the folder of", name, syncDir(g.FS, g.PathDir(name))); err != nil {
			return nil, err
		}
	}
	f, err := g.FS.Create(name, category)
	return g.file(name, f, err)
}

func (g guardFS) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	f, err := g.FS.Open(name, opts...)
	return g.opened(name, f, err)
}

func (g guardFS) OpenReadWrite(name string, category vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	f, err := g.FS.OpenReadWrite(name, category, opts...)
	return g.file(name, f, err)
}

func (g guardFS) ReuseForWrite(old, name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := g.FS.ReuseForWrite(old, name, category)
	return g.file(name, f, err)
}

func (g guardFS) OpenDir(name string) (vfs.File, error) {
	f, err := g.FS.OpenDir(name)
	return g.opened(name, f, err)
}

// opened lets it pass that a file is not there: that is Pebble's to judge.
func (g guardFS) opened(name string, f vfs.File, err error) (vfs.File, error) {
	if errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	if err := g.failed("open", name, err); err != nil {
		return nil, err
	}
	return &guardFile{File: f, fs: g, name: name}, nil
}

func (g guardFS) Link(old, name string) error { return g.failed("link", name, g.FS.Link(old, name)) }

func (g guardFS) Rename(old, name string) error {
	return g.failed("rename", name, g.FS.Rename(old, name))
}

func (g guardFS) Unwrap() vfs.FS { return g.FS }

// guardFile is a file or folder.
type guardFile struct {
	vfs.File
	fs   guardFS
	name string
}

func (f *guardFile) Read(p []byte) (int, error) {
	n, err := f.File.Read(p)
	return n, f.failedRead(err)
}

func (f *guardFile) ReadAt(p []byte, at int64) (int, error) {
	n, err := f.File.ReadAt(p, at)
	return n, f.failedRead(err)
}

// failedRead lets the end of a file pass: a file that was cut short is damage, and Pebble's to judge.
func (f *guardFile) failedRead(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	return f.fs.failed("read", f.name, err)
}

func (f *guardFile) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	return n, f.fs.failed("write", f.name, err)
}

func (f *guardFile) WriteAt(p []byte, at int64) (int, error) {
	n, err := f.File.WriteAt(p, at)
	return n, f.fs.failed("write", f.name, err)
}

func (f *guardFile) Sync() error { return f.fs.failed("sync", f.name, f.File.Sync()) }

func (f *guardFile) SyncData() error { return f.fs.failed("sync", f.name, f.File.SyncData()) }

func (f *guardFile) SyncTo(length int64) (bool, error) {
	full, err := f.File.SyncTo(length)
	return full, f.fs.failed("sync", f.name, err)
}
