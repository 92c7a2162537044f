package main

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// Magic numbers of file systems that golang.org/x/sys/unix has no names for, or that are what they are by being elsewhere.
const (
	magicCIFS = 0xff534d42
	magicFUSE = 0x65735546
)

func lookAtDisk(dir string) (m machineFacts) {
	var s unix.Statfs_t
	if unix.Statfs(dir, &s) != nil {
		return m
	}
	m.free, m.freeKnown = s.Bavail*uint64(s.Bsize), true //nolint:gosec // a block is never of a negative size
	switch uint32(s.Type) {                              //nolint:gosec // magic numbers have 32 bits
	case unix.TMPFS_MAGIC:
		m.fileSystem, m.memory = "tmpfs, in memory", true
	case unix.RAMFS_MAGIC:
		m.fileSystem, m.memory = "ramfs, in memory", true
	case unix.NFS_SUPER_MAGIC:
		m.fileSystem, m.network = "nfs, on another machine", true
	case unix.SMB2_SUPER_MAGIC, unix.SMB_SUPER_MAGIC, magicCIFS:
		m.fileSystem, m.network = "smb, on another machine", true
	case magicFUSE:
		m.fileSystem, m.network = "fuse, whatever is behind it", true
	case unix.EXT4_SUPER_MAGIC:
		m.fileSystem = "ext4"
	case unix.XFS_SUPER_MAGIC:
		m.fileSystem = "xfs"
	case unix.BTRFS_SUPER_MAGIC:
		m.fileSystem = "btrfs"
	case unix.OVERLAYFS_SUPER_MAGIC:
		m.fileSystem, m.network = "overlayfs, a container's own layer: gone with the container", true
	default:
		m.fileSystem = fmt.Sprintf("of type %#x", uint32(s.Type)) //nolint:gosec // as above
	}
	return m
}

// clockSync asks the kernel whether somebody keeps its clock right, and how well.
func clockSync() (synced bool, estimate time.Duration, known bool) {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	if err != nil {
		return false, 0, false
	}
	return state != unix.TIME_ERROR && t.Status&unix.STA_UNSYNC == 0, time.Duration(t.Esterror) * time.Microsecond, true
}

func fileLimit() (soft, hard uint64, known bool) {
	var l unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &l) != nil {
		return 0, 0, false
	}
	return l.Cur, l.Max, true
}
