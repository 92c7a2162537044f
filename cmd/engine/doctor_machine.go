package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"github.com/holdfast-engine/holdfast/store"
)

// Bounds of a look at the disk.
const (
	fsyncsMax    = 300
	fsyncTimeMax = 3 * time.Second
)

// What a machine should have.
const (
	fsyncSlow     = 10 * time.Millisecond // at the 99th percentile: every answer waits for two of these
	fsyncTooSlow  = 100 * time.Millisecond
	fsyncTooFast  = 8 * time.Microsecond // no disk is
	spaceEnough   = 3 * (store.DefaultPassBytes + store.DefaultReserveBytes)
	filesMin      = 1024
	filesEnough   = 8192
	clockDriftPpm = 500 // node time follows wall time no faster
)

// machineFacts is what only the operating system knows. Fields that it does not tell are left out.
type machineFacts struct {
	fileSystem string
	memory     bool // a file system in memory
	network    bool // a file system on another machine
	free       uint64
	freeKnown  bool
}

// folder looks at the data folder and its disk.
func (d *doctor) folder(data string) {
	abs, err := filepath.Abs(data)
	if err != nil {
		d.say(verdictFix, "data folder", err.Error(), "name another with --data")
		return
	}
	at := abs
	info, err := os.Lstat(abs)
	switch {
	case errors.Is(err, os.ErrNotExist):
		at = existingAbove(abs)
		d.say(verdictOK, "data folder", abs+" is not there yet: looking at "+at, "")
	case err != nil:
		d.say(verdictFix, "data folder", err.Error(), "let this user in, or name another folder with --data")
		return
	case info.Mode()&os.ModeSymlink != 0:
		d.say(verdictNote, "data folder", abs+" is a symbolic link", "name the folder itself: a link that is changed while the engine is down sends it elsewhere")
	case !info.IsDir():
		d.say(verdictFix, "data folder", abs+" is no folder", "name another with --data")
		return
	default:
		open := info.Mode().Perm()&0o077 != 0
		d.pick(open, false, "data folder", fmt.Sprintf("%s, mode %04o", abs, info.Mode().Perm()), "chmod 0700: others can read what is sold to whom; a start does it too")
	}
	m := lookAtDisk(at)
	if m.fileSystem != "" {
		advice := "acknowledged tickets are gone with the power, or are as safe as that other machine's word: use a disk of this machine, with ext4 or xfs"
		d.pick(m.memory, m.network, "file system", m.fileSystem, advice)
	}
	if m.freeKnown {
		d.pick(m.free < 2*store.DefaultReserveBytes, m.free < spaceEnough, "free space", fmt.Sprintf("%d MiB", m.free>>20),
			fmt.Sprintf("below %d MiB new holds are refused, below %d MiB the engine stops; the log and its snapshots want %d MiB",
				2*store.DefaultReserveBytes>>20, store.DefaultReserveBytes>>20, spaceEnough>>20))
	}
	d.fsync(at)
}

// existingAbove is the closest folder above path that exists.
func existingAbove(path string) string {
	for {
		up := filepath.Dir(path)
		if _, err := os.Stat(up); err == nil || up == path {
			return up
		}
		path = up
	}
}

// fsync measures how long the disk takes, and watches the clock meanwhile.
func (d *doctor) fsync(dir string) {
	began, wall := time.Now(), time.Now().Round(0)
	took, err := timeFsyncs(dir)
	if err != nil {
		d.say(verdictFix, "fsync", err.Error(), "the engine must be able to write there")
		return
	}
	slices.Sort(took)
	p50, p99 := took[len(took)/2], took[len(took)*99/100]
	measured := fmt.Sprintf("128 bytes in p50 %v, p99 %v, %d times", p50.Round(time.Microsecond), p99.Round(time.Microsecond), len(took))
	switch {
	case p50 > fsyncTooSlow:
		d.say(verdictFix, "fsync", measured, "answers will take longer than callers wait: use a local disk, best an SSD with power-loss protection")
	case p99 > fsyncSlow:
		d.say(verdictNote, "fsync", measured, "every answer waits for two syncs side by side: a local SSD with power-loss protection takes well below a millisecond")
	case p50 < fsyncTooFast:
		d.say(verdictNote, "fsync", measured, "no disk is that fast: is it in memory, or a virtual disk that only says it has written?")
	default:
		d.say(verdictOK, "fsync", measured, "")
	}
	d.clock(time.Since(began), time.Now().Round(0).Sub(wall))
}

func timeFsyncs(dir string) (took []time.Duration, err error) {
	f, err := os.CreateTemp(dir, ".holdfast-doctor-*")
	if err != nil {
		return nil, fmt.Errorf("write in %s: %w", dir, err)
	}
	defer func() {
		err = errors.Join(err, f.Close(), os.Remove(f.Name()))
	}()
	block := make([]byte, 128)
	for until := time.Now().Add(fsyncTimeMax); len(took) < fsyncsMax && (len(took) == 0 || time.Now().Before(until)); {
		began := time.Now()
		if _, err := f.Write(block); err != nil {
			return nil, fmt.Errorf("write in %s: %w", dir, err)
		}
		if err := f.Sync(); err != nil {
			return nil, fmt.Errorf("sync in %s: %w", dir, err)
		}
		took = append(took, time.Since(began))
	}
	return took, nil
}

// clock compares how far the monotonic and the wall clock went in the same time, and asks whether somebody keeps the wall clock right.
func (d *doctor) clock(mono, wall time.Duration) {
	off := (wall - mono).Abs()
	allowed := max(mono*clockDriftPpm/1_000_000, 5*time.Millisecond)
	d.pick(off > allowed, false, "clock", fmt.Sprintf("wall and monotonic time differ by %v in %v", off.Round(time.Microsecond), mono.Round(time.Millisecond)),
		"something sets the wall clock in steps: sales would open and close at the wrong moment; let chrony or ntpd slew it")
	if synced, estimate, known := clockSync(); known {
		d.pick(false, !synced, "clock synchronisation", yesNo(synced, "the kernel's clock is kept right, within "+estimate.String(), "nobody keeps the kernel's clock right"),
			"run chrony, ntpd or systemd-timesyncd: opening and closing by the clock, and times in answers, come from it")
	}
	d.pick(false, time.Now().Year() < 2026, "date", time.Now().UTC().Format(time.RFC3339), "the clock is behind: set it before the first event is made, node time never runs backwards")
}

// machine looks at what the process may use.
func (d *doctor) machine() {
	if soft, hard, known := fileLimit(); known {
		d.pick(soft < filesMin, soft < filesEnough, "open files", fmt.Sprintf("%d, at most %d", soft, hard),
			fmt.Sprintf("allow %d: ulimit -n, or LimitNOFILE in the systemd unit; every connection and every table of the log is one", 8*filesEnough))
	}
	cores, procs := runtime.NumCPU(), runtime.GOMAXPROCS(0)
	d.pick(false, procs < 2 || procs < cores, "processors", fmt.Sprintf("%d, of which Go uses %d (GOMAXPROCS)", cores, procs),
		"the journal, NATS and each event want to work side by side: give it two or more, and unset GOMAXPROCS")
	if limit := debug.SetMemoryLimit(-1); limit < 1<<50 {
		d.pick(false, limit < 1<<30, "memory limit", fmt.Sprintf("%d MiB (GOMEMLIMIT)", limit>>20), "a million live holds need about 200 MiB: below 1 GiB the garbage collector may never rest")
	}
}
