package store

import (
	"io"
	"log/slog"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/holdfast-engine/holdfast/store/storetest"
)

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// small is a configuration in which everything that happens after gigabytes happens after kilobytes.
func small(fs vfs.FS, dir string) Config {
	return Config{
		Dir: dir, FS: fs, New: storetest.NewToy, Open: storetest.OpenToy, Logger: quiet(),
		MemTableBytes: 64 << 10, TailSegmentBytes: 64 << 10, TailSegments: 4, BatchBytes: 16 << 10, PassBytes: -1, ReserveBytes: -1,
	}
}

func mustOpen(t *testing.T, c Config) *Store {
	t.Helper()
	if c.Fatal == nil {
		c.Fatal = func(err error) { t.Errorf("the store died: %v", err) }
	}
	s, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStoreKeepsTheContractOfAJournal(t *testing.T) {
	for name, fresh := range map[string]func(t *testing.T) (vfs.FS, string){
		"memory": func(*testing.T) (vfs.FS, string) { return vfs.NewMem(), "data" },
		"disk":   func(t *testing.T) (vfs.FS, string) { return vfs.Default, t.TempDir() + "/data" },
	} {
		t.Run(name, func(t *testing.T) {
			storetest.TestJournal(t, func(t *testing.T) func(*testing.T) storetest.Journal {
				fs, dir := fresh(t)
				return func(t *testing.T) storetest.Journal { return mustOpen(t, small(fs, dir)) }
			})
		})
	}
}
