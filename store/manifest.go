package store

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// A backup is a folder that holds what a data folder holds, archives too, and BACKUP beside it. While a backup or a restore is being made its folder holds a file
// called unfinished as well.
const (
	nameBackup     = "BACKUP"
	nameUnfinished = "unfinished"

	manifestVersion = 1
	// manifestBytesMax bounds BACKUP: some 350,000 files, most of them archives.
	manifestBytesMax = 64 << 20
)

// Manifest says what a backup holds: it is the file BACKUP, as JSON.
type Manifest struct {
	Version     int       `json:"backup_version"` // of this file
	StoreFormat int       `json:"store_format"`
	Made        time.Time `json:"made"`
	Running     bool      `json:"running"` // it was made of a running engine
	Folder      string    `json:"folder"`  // the id of the data folder it was made of, 16 hex digits
	FirstBatch  uint64    `json:"first_batch"`
	LastBatch   uint64    `json:"last_batch"`     // the journal seq up to which the backup is whole
	Asked       uint64    `json:"asked_at_batch"` // the highest journal seq that was acknowledged when the backup was asked for: at most LastBatch
	ChainHead   string    `json:"chain_head"`     // the chain's link at LastBatch, 64 hex digits
	States      string    `json:"states"`         // [Report.States] at LastBatch, 64 hex digits
	Aggregates  int       `json:"aggregates"`
	Bytes       uint64    `json:"bytes"` // of all files
	Files       []Copied  `json:"files"`
}

// Copied is one file of a backup.
type Copied struct {
	Name   string `json:"name"` // from the backup's folder, with a slash
	Bytes  uint64 `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// copiedName is what a file of a backup may be called: nothing that could leave the folder.
var copiedName = regexp.MustCompile(`^(?:FORMAT|(?:log|tail)/[A-Za-z0-9][A-Za-z0-9._-]{0,99}|archive/[A-Za-z0-9_-]{1,64}/[A-Za-z0-9_-]{1,64}\.archive)$`)

func hexDigits(s string, bytes int) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == bytes && hex.EncodeToString(b) == s
}

// parseManifest reads BACKUP. Whatever it accepts names only files that a backup may have, each once.
func parseManifest(text []byte) (*Manifest, error) {
	var version struct {
		Version int `json:"backup_version"`
	}
	if err := json.Unmarshal(text, &version); err != nil {
		return nil, fmt.Errorf("it is not the JSON it should be: %w: %w", err, ErrDamaged)
	}
	if version.Version > manifestVersion {
		return nil, fmt.Errorf("it has version %d, this program knows up to %d: run the newer program: %w", version.Version, manifestVersion, ErrNewer)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	m := new(Manifest)
	if err := d.Decode(m); err != nil {
		return nil, fmt.Errorf("it is not the JSON it should be: %w: %w", err, ErrDamaged)
	}
	if d.More() {
		return nil, fmt.Errorf("something follows its JSON: %w", ErrDamaged)
	}
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("%w: %w", err, ErrDamaged)
	}
	return m, nil
}

func (m *Manifest) check() error {
	switch {
	case m.Version != manifestVersion:
		return fmt.Errorf("it has version %d", m.Version)
	case m.StoreFormat < 1 || m.StoreFormat > formatVersion:
		return fmt.Errorf("it is of a store of format %d, this program knows up to %d", m.StoreFormat, formatVersion)
	case !hexDigits(m.Folder, 8) || !hexDigits(m.ChainHead, linkLen) || !hexDigits(m.States, 32):
		return errors.New("its folder, chain_head or states are not the hex digits they should be")
	case m.Asked > m.LastBatch:
		return fmt.Errorf("it ends at batch %d, but batch %d was acknowledged before", m.LastBatch, m.Asked)
	}
	seen := make(map[string]bool, len(m.Files))
	sum := uint64(0)
	for i := range m.Files {
		f := &m.Files[i]
		switch {
		case !copiedName.MatchString(f.Name):
			return fmt.Errorf("file %q is none that a backup has", f.Name)
		case seen[f.Name]:
			return fmt.Errorf("file %q is there twice", f.Name)
		case f.Bytes > 1<<50 || !hexDigits(f.SHA256, 32):
			return fmt.Errorf("file %q has %d bytes and SHA-256 %q", f.Name, f.Bytes, f.SHA256)
		}
		seen[f.Name] = true
		sum += f.Bytes
	}
	switch {
	case !seen[nameFormat]:
		return fmt.Errorf("there is no %s among its files", nameFormat)
	case sum != m.Bytes:
		return fmt.Errorf("its files have %d bytes together, it says %d", sum, m.Bytes)
	}
	return nil
}

// ReadManifest reads what a finished backup holds. Errors wrap [ErrDamaged] or [ErrNewer] where one is the reason, and [ErrUnfinished] if the backup was
// never finished. Whether the files are what it says is for [Restore] and [Verify] to tell.
func ReadManifest(fs vfs.FS, dir string) (*Manifest, error) {
	if fs == nil {
		fs = vfs.Default
	}
	f := folder{fs: fs, dir: dir}
	m, err := f.readManifest()
	if err != nil {
		return nil, fmt.Errorf("store: backup %s: %w", dir, err)
	}
	return m, nil
}

func (f *folder) readManifest() (*Manifest, error) {
	if err := realFile(f.fs, f.dir, true); err != nil {
		return nil, err
	}
	unfinished, err := f.exists(nameUnfinished)
	if err != nil {
		return nil, err
	}
	if unfinished {
		return nil, fmt.Errorf("it was never finished: remove it and make another: %w", ErrUnfinished)
	}
	if there, err := f.exists(nameBackup); err != nil || !there {
		if err == nil {
			err = fmt.Errorf("there is no %s in it: it is no backup, or one that was never finished: %w", nameBackup, ErrUnfinished)
		}
		return nil, err
	}
	text, err := readSmall(f.fs, f.path(nameBackup), manifestBytesMax)
	if err != nil {
		return nil, err
	}
	m, err := parseManifest(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", nameBackup, err)
	}
	return m, nil
}

// writeManifest finishes a backup: BACKUP first, under a name of its own until it is durable, then the mark goes.
func (f *folder) writeManifest(m *Manifest) error {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", nameBackup, err)
	}
	if len(text) > manifestBytesMax {
		return fmt.Errorf("%s would have %d bytes, more than %d: the folder has too many files", nameBackup, len(text), manifestBytesMax)
	}
	const unfinished = nameBackup + ".new"
	if err := f.write(unfinished, string(text)+"\n"); err != nil {
		return err
	}
	if err := f.fs.Rename(f.path(unfinished), f.path(nameBackup)); err != nil {
		return fmt.Errorf("name the new %s: %w", nameBackup, err)
	}
	if err := syncDir(f.fs, f.dir); err != nil {
		return err
	}
	return f.finished()
}

// finished removes the mark of an unfinished folder, durably.
func (f *folder) finished() error {
	if err := f.fs.Remove(f.path(nameUnfinished)); err != nil {
		return fmt.Errorf("remove %s: %w", f.path(nameUnfinished), err)
	}
	return syncDir(f.fs, f.dir)
}

// realFile refuses what is no plain file, or no plain folder: above all a symbolic link, which could lead anywhere.
func realFile(fs vfs.FS, path string, isDir bool) error {
	if fs != vfs.Default {
		return nil // a file system in memory has no links
	}
	info, err := os.Lstat(path)
	if err != nil {
		return fmt.Errorf("look at %s: %w", path, err)
	}
	if isDir && !info.IsDir() || !isDir && !info.Mode().IsRegular() {
		return fmt.Errorf("%s is neither a plain file nor a plain folder, but %v: links are not followed here: %w", path, info.Mode(), ErrDamaged)
	}
	return nil
}

// readSmall reads a whole file that is expected to be small.
func readSmall(fs vfs.FS, path string, bytesMax int64) ([]byte, error) {
	if err := realFile(fs, path, false); err != nil {
		return nil, err
	}
	info, err := fs.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("look at %s: %w", path, err)
	}
	if info.Size() > bytesMax {
		return nil, fmt.Errorf("%s has %d bytes, more than %d: %w", path, info.Size(), bytesMax, ErrDamaged)
	}
	b, err := readFile(fs, path, nil)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return b, nil
}
