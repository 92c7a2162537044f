package store

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/cockroachdb/pebble/v2/vfs"
)

var errReadOnly = errors.New("the folder is only being looked at")

// readOnlyFS lets nothing be changed: whoever checks a folder must not be able to.
type readOnlyFS struct{ vfs.FS }

func refuseWrite(op, name string) error { return fmt.Errorf("%s %s: %w", op, name, errReadOnly) }

func (f readOnlyFS) Create(name string, _ vfs.DiskWriteCategory) (vfs.File, error) {
	return nil, refuseWrite("create", name)
}

func (f readOnlyFS) OpenReadWrite(name string, _ vfs.DiskWriteCategory, _ ...vfs.OpenOption) (vfs.File, error) {
	return nil, refuseWrite("open for writing", name)
}

func (f readOnlyFS) ReuseForWrite(name, _ string, _ vfs.DiskWriteCategory) (vfs.File, error) {
	return nil, refuseWrite("reuse", name)
}

func (f readOnlyFS) Link(name, _ string) error { return refuseWrite("link", name) }
func (f readOnlyFS) Remove(name string) error  { return refuseWrite("remove", name) }

func (f readOnlyFS) RemoveAll(name string) error { return refuseWrite("remove", name) }

func (f readOnlyFS) Rename(name, _ string) error { return refuseWrite("rename", name) }

func (f readOnlyFS) MkdirAll(name string, _ os.FileMode) error { return refuseWrite("create", name) }
func (f readOnlyFS) Unwrap() vfs.FS                            { return f.FS }

// Lock pretends: the folder's own lock is held already.
func (f readOnlyFS) Lock(string) (io.Closer, error) { return noLock{}, nil }

type noLock struct{}

func (noLock) Close() error { return nil }
