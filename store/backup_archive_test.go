package store

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/holdfast-engine/holdfast/engine"
)

// TestBackupsHoldTheArchives archives an aggregate, makes backups of the running store and of its folder, linked and copied, and restores them: the file is there as it
// was, it is in the manifest, and what else somebody put beside it is not.
func TestBackupsHoldTheArchives(t *testing.T) {
	root := t.TempDir()
	b := newBench(t, func(c *Config) { c.FS, c.Dir = vfs.Default, filepath.Join(root, "data") })
	for i := range 3 {
		b.put(i, 10, 2)
		b.sleep(toyKey(i))
	}
	if err := b.s.Archive(context.Background(), []engine.Key{toyKey(0), toyKey(1)}); err != nil {
		t.Fatal(err)
	}
	name := ArchiveFile(toyKey(0))
	want := contentOf(t, filepath.Join(b.c.Dir, name))
	for _, stray := range []string{"archive/README", filepath.Join(filepath.Dir(name), "notes.txt")} {
		if err := os.WriteFile(filepath.Join(b.c.Dir, stray), []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	backups := map[string]*Manifest{}
	backUp := func(kind string, do func(c BackupConfig) (*Manifest, error)) {
		for suffix, whole := range map[string]bool{"-linked": false, "-copied": true} {
			dir := filepath.Join(root, kind+suffix)
			m, err := do(BackupConfig{Dir: dir, Copy: whole})
			if err != nil {
				t.Fatalf("%s%s: %v", kind, suffix, err)
			}
			backups[dir] = m
		}
	}
	backUp("running", func(c BackupConfig) (*Manifest, error) { return b.s.Backup(context.Background(), c) })
	b.close()
	backUp("stopped", func(c BackupConfig) (*Manifest, error) { return BackupFolder(context.Background(), verifyOf(&b.c), c) })
	for dir, m := range backups {
		archives := 0
		for _, f := range m.Files {
			if strings.HasPrefix(f.Name, nameArchive+"/") {
				archives++
			}
		}
		if archives != 2 || !slices.ContainsFunc(m.Files, func(f Copied) bool { return f.Name == name && f.Bytes == uint64(len(want)) }) {
			t.Errorf("%s has %d archives, want 2: %+v", dir, archives, m.Files)
		}
		conf := b.c
		conf.Dir = dir + "-restored"
		if _, err := Restore(context.Background(), RestoreConfig{Backup: dir, Store: conf, Incarnate: keepAs}); err != nil {
			t.Fatal(err)
		}
		if got := contentOf(t, filepath.Join(conf.Dir, name)); !bytes.Equal(got, want) {
			t.Errorf("%s: the restored archive has %d bytes, want the same %d", dir, len(got), len(want))
		}
		if rep, err := Verify(verifyOf(&conf)); err != nil || len(rep.Problems) > 0 {
			t.Errorf("%s: %v, %v", dir, rep.Problems, err)
		}
		if strings.HasSuffix(dir, "-linked") {
			continue // a bad spot there is one in the original too
		}
		bad := slices.Clone(want)
		bad[len(bad)/2] ^= 1
		restore := func() error {
			conf.Dir = dir + "-again"
			_, err := Restore(context.Background(), RestoreConfig{Backup: dir, Store: conf, Incarnate: keepAs})
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := restore(); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s with a changed archive: %v", dir, err)
		}
		if err := os.Rename(filepath.Join(dir, nameArchive), filepath.Join(root, "elsewhere")); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, "elsewhere", filepath.Base(filepath.Dir(name)), filepath.Base(name)), want, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(filepath.Join(root, "elsewhere"), filepath.Join(dir, nameArchive)); err != nil {
			t.Fatal(err)
		}
		if err := restore(); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "links") {
			t.Errorf("%s with a link for a folder: %v", dir, err)
		}
		if _, err := os.Stat(conf.Dir + "." + nameUnfinished); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: the refused restore left something: %v", dir, err)
		}
		if err := os.RemoveAll(filepath.Join(root, "elsewhere")); err != nil {
			t.Fatal(err)
		}
	}
}

func contentOf(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
