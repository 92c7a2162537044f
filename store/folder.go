package store

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// The data folder:
//
//	FORMAT    what this is: the format's version, and the folder's own random id; a CRC
//	LOCK      held by the process that has the folder
//	creating  there until everything else has been made once: a folder with it has never acknowledged anything, and is made again
//	reserve   space kept for the start after the disk has filled: delete it to have room
//	log/      Pebble: the journal, snapshots, positions
//	tail/     the newest batches a second time (tail.go)
//	archive/  what was archived, a file each: archive/<account>/<event>.archive (archivefile.go)
//	tmp/      tables on their way into Pebble, archives on their way into their place; emptied at each start
const (
	// formatVersion is raised with every change that a program of before would misread: a new kind of fact, key or file. An older folder becomes one of
	// this version when it is opened to be written.
	//
	//	2  facts of restores, archives and operators; marks of what was archived; archive/
	//	3  facts of purchases, wallets and the lane; records of the vault
	//	4  facts of touches and of times; events in mode observe; what measurement keeps
	//	5  facts of the line
	formatVersion = 5

	nameFormat   = "FORMAT"
	nameLock     = "LOCK"
	nameCreating = "creating"
	nameReserve  = "reserve"
	nameLog      = "log"
	nameTail     = "tail"
	nameTemp     = "tmp"
	nameArchive  = "archive"
)

// folder is the data folder's place and identity.
type folder struct {
	fs      vfs.FS
	dir     string
	tag     uint64
	version int // of its FORMAT
}

func (f *folder) path(name string) string { return f.fs.PathJoin(f.dir, name) }

// genesis is the link in front of the first batch: no chain of another folder continues it.
func (f *folder) genesis() link {
	return link(sha256.Sum256(binary.BigEndian.AppendUint64([]byte("holdfast journal "), f.tag)))
}

func (f *folder) exists(name string) (bool, error) {
	_, err := f.fs.Stat(f.path(name))
	if err == nil {
		return true, nil
	}
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return false, fmt.Errorf("look for %s: %w", f.path(name), err)
}

// makeFolder creates dir, private, with its parents, durably.
func makeFolder(fs vfs.FS, dir string) error {
	var made []string
	for d := dir; ; d = fs.PathDir(d) {
		if _, err := fs.Stat(d); err == nil || fs.PathDir(d) == d {
			break
		}
		made = append(made, d)
	}
	if err := fs.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("create the data folder: %w", err)
	}
	for _, d := range made {
		if err := syncDir(fs, fs.PathDir(d)); err != nil {
			return err
		}
	}
	if fs == vfs.Default {
		if err := os.Chmod(dir, 0o700); err != nil { //nolint:gosec // a folder needs the x bit
			return fmt.Errorf("make the data folder private: %w", err)
		}
	}
	return nil
}

// lock takes the folder for this process.
func (f *folder) lock() (io.Closer, error) {
	l, err := f.fs.Lock(f.path(nameLock))
	if err == nil {
		return l, nil
	}
	if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EACCES) || strings.Contains(err.Error(), "lock held by current process") {
		return nil, fmt.Errorf("%s: %w: stop the other engine, or give this one a folder of its own", f.dir, ErrInUse)
	}
	return nil, fmt.Errorf("lock the data folder %s: %w", f.dir, err)
}

func encodeFormat(version int, tag uint64) string {
	s := fmt.Sprintf("holdfast store\nversion %d\nid %016x\n", version, tag)
	return s + fmt.Sprintf("crc %08x\n", crc32.Checksum([]byte(s), castagnoli))
}

// readFormat reads and checks FORMAT; found is false if there is none.
func (f *folder) readFormat() (found bool, err error) {
	if found, err = f.exists(nameFormat); err != nil || !found {
		return found, err
	}
	b, err := readFile(f.fs, f.path(nameFormat), nil)
	if err != nil {
		return true, fmt.Errorf("read %s: %w", f.path(nameFormat), err)
	}
	if f.version, f.tag, err = decodeFormat(string(b)); err != nil {
		return true, fmt.Errorf("%s: %w", f.path(nameFormat), err)
	}
	return true, nil
}

// decodeFormat returns the version and the id in the text of FORMAT. A newer version may have written more lines than this one knows.
func decodeFormat(text string) (version int, tag uint64, err error) {
	if rest, ok := strings.CutPrefix(text, "holdfast store\nversion "); ok {
		number, _, _ := strings.Cut(rest, "\n")
		if version, err = strconv.Atoi(number); err == nil && version > formatVersion {
			return 0, 0, fmt.Errorf("it says format %d, this program knows up to %d: run the newer program: %w", version, formatVersion, ErrNewer)
		}
	}
	_, id, _ := strings.Cut(text, "\nid ")
	id, _, _ = strings.Cut(id, "\n")
	tag, err = strconv.ParseUint(id, 16, 64)
	if err != nil || version < 1 || encodeFormat(version, tag) != text {
		return 0, 0, fmt.Errorf("it does not say what it should: put back the one from a backup of this folder: %w", ErrDamaged)
	}
	return version, tag, nil
}

// write creates a file with content, durably.
func (f *folder) write(name, content string) error {
	file, err := f.fs.Create(f.path(name), vfs.WriteCategoryUnspecified)
	if err != nil {
		return fmt.Errorf("create %s: %w", f.path(name), err)
	}
	if _, err = file.Write([]byte(content)); err == nil {
		err = file.Sync()
	}
	if err2 := file.Close(); err == nil {
		err = err2
	}
	if err == nil {
		err = syncDir(f.fs, f.dir)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", f.path(name), err)
	}
	return nil
}

// prepare finds out what the folder is and makes it a data folder if it is none. create makes the log.
func (f *folder) prepare(create func() error) error {
	found, err := f.readFormat()
	if err != nil {
		return err
	}
	if !found {
		if err := f.create(create); err != nil {
			return fmt.Errorf("make a data folder of %s: %w", f.dir, err)
		}
	} else if f.version < formatVersion {
		if err := f.writeFormat(); err != nil { // before anything is written that the older version does not have
			return fmt.Errorf("raise the format of %s: %w", f.dir, err)
		}
	}
	creating, err := f.exists(nameCreating)
	if err != nil {
		return err
	}
	if creating {
		if err := f.fs.Remove(f.path(nameCreating)); err != nil {
			return fmt.Errorf("remove %s: %w", f.path(nameCreating), err)
		}
		// Durably, before anything is acknowledged: with this file and without FORMAT the folder would be made anew.
		if err := syncDir(f.fs, f.dir); err != nil {
			return err
		}
	}
	if err := f.fs.RemoveAll(f.path(nameTemp)); err != nil {
		return fmt.Errorf("empty %s: %w", f.path(nameTemp), err)
	}
	if err := f.fs.MkdirAll(f.path(nameTemp), 0o700); err != nil {
		return fmt.Errorf("create %s: %w", f.path(nameTemp), err)
	}
	return nil
}

// create makes everything in a folder that has no FORMAT. What is left of an earlier attempt never acknowledged anything and is removed.
func (f *folder) create(create func() error) error {
	creating, err := f.exists(nameCreating)
	if err != nil {
		return err
	}
	for _, name := range []string{nameLog, nameTail} {
		there, err := f.exists(name)
		if err != nil {
			return err
		}
		if !there {
			continue
		}
		if !creating {
			return fmt.Errorf("it holds %s but no %s: put back the %s of this folder, or choose an empty folder: %w", name, nameFormat, nameFormat, ErrDamaged)
		}
		if err := f.fs.RemoveAll(f.path(name)); err != nil {
			return fmt.Errorf("remove the half-made %s: %w", name, err)
		}
	}
	if !creating {
		if err := f.write(nameCreating, ""); err != nil {
			return err
		}
	}
	if err := f.fs.MkdirAll(f.path(nameTail), 0o700); err != nil {
		return fmt.Errorf("create %s: %w", nameTail, err)
	}
	if err := create(); err != nil {
		return err
	}
	var id [8]byte
	if _, err := rand.Read(id[:]); err != nil {
		return fmt.Errorf("draw an id for the folder: %w", err)
	}
	f.tag = binary.BigEndian.Uint64(id[:])
	return f.writeFormat()
}

// writeFormat puts FORMAT, of this version, into its place in one step.
func (f *folder) writeFormat() error {
	const unfinished = nameFormat + ".new"
	if err := f.write(unfinished, encodeFormat(formatVersion, f.tag)); err != nil {
		return err
	}
	if err := f.fs.Rename(f.path(unfinished), f.path(nameFormat)); err != nil {
		return fmt.Errorf("name the new %s: %w", nameFormat, err)
	}
	return syncDir(f.fs, f.dir)
}
