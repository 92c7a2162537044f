package store

import (
	"fmt"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// orderedFS syncs a folder before a manifest marker is created in it. Pebble creates the manifest, then the marker that points at it, and then syncs the
// folder once; POSIX lets a crash keep the second entry and lose the first, which would leave a store that does not open.
type orderedFS struct{ vfs.FS }

const manifestMarker = "marker.manifest."

// Create syncs the folder first if name is a manifest marker.
func (f orderedFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if strings.HasPrefix(f.PathBase(name), manifestMarker) {
		if err := syncDir(f.FS, f.PathDir(name)); err != nil {
			return nil, fmt.Errorf("before creating %s: %w", name, err)
		}
	}
	return f.FS.Create(name, category)
}

// Unwrap returns the file system below.
func (f orderedFS) Unwrap() vfs.FS { return f.FS }
