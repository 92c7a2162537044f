package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/holdfast-engine/holdfast/engine"
)

// copying puts the files of a data folder or of a backup into another folder. It uses the file system itself, never the one that watches over the log: a
// backup that fails must not end the engine.
type copying struct {
	ctx      context.Context
	fs       vfs.FS
	to       folder
	link     bool // tables may be linked instead of copied
	progress func(done, total uint64)
	done     uint64
	total    uint64
	files    []Copied
	folders  []string // below archive/, and that itself: made for the files in them
	buf      []byte
	gentle   bool // the check works half of the time only
}

// source is a file to copy.
type source struct {
	name  string // in the copy
	path  string
	bytes uint64
	sum   string // what its SHA-256 must be; empty for any
}

// neverChanges reports whether a file is a table of log/ or an archive: once it is there it is as it is.
func neverChanges(name string) bool {
	return strings.HasSuffix(name, ".sst") || strings.HasSuffix(name, ".blob") || strings.HasSuffix(name, archiveSuffix)
}

// listArchives lists the files of archived aggregates. What else lies there is left out: the engine did not put it there.
func (f *folder) listArchives() ([]source, error) {
	dir := f.path(nameArchive)
	if there, err := f.exists(nameArchive); err != nil || !there {
		return nil, err
	}
	if err := realFile(f.fs, dir, true); err != nil {
		return nil, err
	}
	accounts, err := f.fs.List(dir)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", dir, err)
	}
	slices.Sort(accounts)
	var files []source
	for _, account := range accounts {
		if !engine.ValidID(account) {
			continue
		}
		info, err := f.fs.Stat(f.fs.PathJoin(dir, account))
		if err != nil {
			return nil, fmt.Errorf("look at %s: %w", f.fs.PathJoin(dir, account), err)
		}
		if !info.IsDir() {
			continue
		}
		as := nameArchive + "/" + account
		of, err := listFiles(f.fs, f.fs.PathJoin(dir, account), as, func(name string) bool { return copiedName.MatchString(as + "/" + name) })
		if err != nil {
			return nil, err
		}
		files = append(files, of...)
	}
	return files, nil
}

// foldersOf makes the folders of an archive's file in the copy.
func (k *copying) foldersOf(name string) error {
	for dir := path.Dir(name); dir != "." && dir != nameLog && dir != nameTail && !slices.Contains(k.folders, dir); dir = path.Dir(dir) {
		if err := k.fs.MkdirAll(k.to.path(dir), 0o700); err != nil {
			return fmt.Errorf("create %s: %w", k.to.path(dir), err)
		}
		k.folders = append(k.folders, dir)
	}
	return nil
}

// list adds the files of a folder that use takes, by name.
func listFiles(fs vfs.FS, dir, as string, use func(name string) bool) ([]source, error) {
	if err := realFile(fs, dir, true); err != nil {
		return nil, err
	}
	names, err := fs.List(dir)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", dir, err)
	}
	slices.Sort(names)
	var files []source
	for _, name := range names {
		if !use(name) {
			continue
		}
		from := fs.PathJoin(dir, name)
		if err := realFile(fs, from, false); err != nil {
			return nil, err
		}
		info, err := fs.Stat(from)
		if err != nil {
			return nil, fmt.Errorf("look at %s: %w", from, err)
		}
		files = append(files, source{name: as + "/" + name, path: from, bytes: uint64(info.Size())})
	}
	return files, nil
}

// begin makes the folder of the copy, private and marked as unfinished. It must be empty if it exists.
func (k *copying) begin() error {
	switch names, err := k.fs.List(k.to.dir); {
	case err == nil && len(names) > 0:
		return fmt.Errorf("%s is there already and is not empty: name a new folder", k.to.dir)
	case err == nil:
		if err := realFile(k.fs, k.to.dir, true); err != nil {
			return err
		}
	case !errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("look into %s: %w", k.to.dir, err)
	}
	if err := makeFolder(k.fs, k.to.dir); err != nil {
		return err
	}
	if err := k.to.write(nameUnfinished, ""); err != nil {
		return err
	}
	for _, name := range []string{nameLog, nameTail} {
		if err := k.fs.MkdirAll(k.to.path(name), 0o700); err != nil {
			return fmt.Errorf("create %s: %w", k.to.path(name), err)
		}
	}
	return k.to.write(nameLock, "")
}

// spaceKept is what must stay free beside a copy.
const spaceKept = 64 << 20

// checkSpace refuses to begin what does not fit.
func (k *copying) checkSpace(files []source) error {
	for i := range files {
		k.total += files[i].bytes
	}
	need := uint64(spaceKept)
	if !k.link {
		need += k.total
	} else {
		for i := range files {
			if !neverChanges(files[i].name) {
				need += files[i].bytes
			}
		}
	}
	u, err := k.fs.GetDiskUsage(k.to.dir)
	if errors.Is(err, vfs.ErrUnsupported) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("ask for the free space of %s: %w", k.to.dir, err)
	}
	if u.AvailBytes < need {
		return fmt.Errorf("%s: %d MiB are free, %d MiB are needed: free some space or name a folder on another disk: %w", k.to.dir, u.AvailBytes>>20, need>>20, ErrDiskFull)
	}
	return nil
}

// tryLink finds out whether files of from can be linked into the copy.
func (k *copying) tryLink(from string) {
	probe := k.to.path("link-probe")
	k.link = k.fs.Link(from, probe) == nil
	if k.link {
		k.link = k.fs.Remove(probe) == nil
	}
}

// all copies files, durably.
func (k *copying) all(files []source) error {
	k.buf = make([]byte, 1<<20)
	for i := range files {
		if err := k.one(&files[i]); err != nil {
			return fmt.Errorf("copy %s: %w", files[i].path, err)
		}
	}
	return k.syncFolders()
}

func (k *copying) syncFolders() error {
	for _, name := range append(slices.Clone(k.folders), nameLog, nameTail) { // those in others first
		if err := syncDir(k.fs, k.to.path(name)); err != nil {
			return err
		}
	}
	return syncDir(k.fs, k.to.dir)
}

func (k *copying) one(f *source) error {
	if err := realFile(k.fs, f.path, false); err != nil {
		return err
	}
	in, err := k.fs.Open(f.path, vfs.SequentialReadsOption)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	if err := k.foldersOf(f.name); err != nil {
		return err
	}
	to := k.to.path(f.name)
	var out vfs.File
	if k.link && neverChanges(f.name) {
		if err := k.fs.Link(f.path, to); err != nil {
			return err
		}
	} else if out, err = k.fs.Create(to, vfs.WriteCategoryUnspecified); err != nil {
		return err
	}
	n, sum, err := k.pour(in, out)
	if out != nil {
		if err == nil {
			err = out.Sync()
		}
		if err2 := out.Close(); err == nil {
			err = err2
		}
	}
	if err != nil {
		return err
	}
	if k.fs == vfs.Default && out != nil {
		if err := os.Chmod(to, 0o600); err != nil {
			return err
		}
	}
	if n != f.bytes || f.sum != "" && f.sum != sum {
		return fmt.Errorf("it has %d bytes and SHA-256 %s, it should have %d and %s: %w", n, sum, f.bytes, f.sum, ErrDamaged)
	}
	k.files = append(k.files, Copied{Name: f.name, Bytes: n, SHA256: sum})
	return nil
}

// pour reads in to its end, into out if it is not nil.
func (k *copying) pour(in io.Reader, out io.Writer) (n uint64, sum string, err error) {
	h := sha256.New()
	for {
		if err := k.ctx.Err(); err != nil {
			return n, "", err
		}
		got, err := in.Read(k.buf)
		if got > 0 {
			_, _ = h.Write(k.buf[:got]) // never fails
			if out != nil {
				if _, err := out.Write(k.buf[:got]); err != nil {
					return n, "", err
				}
			}
			n += uint64(got)
			k.done += uint64(got)
			if k.progress != nil {
				k.progress(k.done, k.total)
			}
		}
		if errors.Is(err, io.EOF) {
			return n, hex.EncodeToString(h.Sum(nil)), nil
		}
		if err != nil {
			return n, "", err
		}
	}
}

// abandon removes a copy that failed, as far as that is possible: what is left keeps its mark.
func (k *copying) abandon() {
	// The mark goes last.
	for _, name := range []string{nameBackup, nameBackup + ".new", nameFormat, nameLock, nameLog, nameTail, nameArchive, nameTemp, nameReserve} {
		_ = k.fs.RemoveAll(k.to.path(name))
	}
	_ = k.fs.Remove(k.to.path(nameUnfinished))
	_ = k.fs.Remove(k.to.dir)
}

// apart refuses two folders of which one lies in the other.
func apart(a, b string) error {
	for _, p := range [][2]string{{a, b}, {b, a}} {
		rel, err := filepath.Rel(p[0], p[1])
		if err == nil && (rel == "." || !strings.HasPrefix(rel, "..")) {
			return fmt.Errorf("%s lies in %s: name a folder outside", p[1], p[0])
		}
	}
	return nil
}
