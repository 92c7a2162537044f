package fault

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Disk is a file system of our own in an image file, so that its power can be cut. It needs root and loop devices.
type Disk struct {
	Mount string // where it is mounted

	fs, image, device string
	mounted           bool
}

// NewDisk makes a file system of a kind, "ext4" or "xfs", in an image below dir, and mounts it.
func NewDisk(ctx context.Context, dir, fs string, bytes int64) (d *Disk, err error) {
	d = &Disk{Mount: filepath.Join(dir, "mount"), fs: fs, image: filepath.Join(dir, "image")}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.Close())
		}
	}()
	if err := os.Mkdir(d.Mount, 0o700); err != nil {
		return d, fmt.Errorf("make the mount point: %w", err)
	}
	if err := os.WriteFile(d.image, nil, 0o600); err != nil {
		return d, fmt.Errorf("make the image: %w", err)
	}
	if err := os.Truncate(d.image, bytes); err != nil {
		return d, fmt.Errorf("size the image: %w", err)
	}
	if _, err := command(ctx, "mkfs."+fs, "-q", d.image); err != nil {
		return d, err
	}
	if d.device, err = command(ctx, "losetup", "--find", "--show", d.image); err != nil {
		return d, err
	}
	return d, d.mount()
}

func command(ctx context.Context, name string, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out)), nil
}

func (d *Disk) mount() error {
	if err := unix.Mount(d.device, d.Mount, d.fs, 0, ""); err != nil {
		return fmt.Errorf("mount %s (%s): %w", d.device, d.fs, err)
	}
	d.mounted = true
	return nil
}

// goingDown is the ioctl FS_IOC_SHUTDOWN, _IOR('X', 125, __u32), and its flag to drop everything that is not on the disk yet, the journal included.
const (
	goingDown  = 0x8004587d
	noLogFlush = 2
)

// Cut takes the power away: whatever was not synced is gone, and nothing more can be written until Restore.
func (d *Disk) Cut() error {
	f, err := os.Open(d.Mount)
	if err != nil {
		return fmt.Errorf("open the mount point: %w", err)
	}
	defer f.Close()
	if err := unix.IoctlSetPointerInt(int(f.Fd()), goingDown, noLogFlush); err != nil {
		return fmt.Errorf("cut the power of %s: %w", d.Mount, err)
	}
	return nil
}

// Restore gives the power back: the file system recovers as after a real power cut. No process may have files open in it.
func (d *Disk) Restore() error {
	if err := d.unmount(); err != nil {
		return err
	}
	return d.mount()
}

func (d *Disk) unmount() error {
	if !d.mounted {
		return nil
	}
	var err error
	for range 100 { // the kernel may still be letting go of what the killed process had open
		if err = unix.Unmount(d.Mount, 0); !errors.Is(err, unix.EBUSY) {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err != nil {
		return fmt.Errorf("unmount %s: %w", d.Mount, err)
	}
	d.mounted = false
	return nil
}

// Close unmounts the disk and gives its loop device back. The image stays.
func (d *Disk) Close() error {
	err := d.unmount()
	if err != nil {
		err = errors.Join(err, unix.Unmount(d.Mount, unix.MNT_DETACH))
		d.mounted = false
	}
	if d.device != "" {
		_, detached := command(context.Background(), "losetup", "--detach", d.device)
		err = errors.Join(err, detached)
		d.device = ""
	}
	return err
}

// PowerCut returns a Cut: the engine is frozen, the answers that have left it are counted, then the disk loses its power and the engine its life.
// Answers are only counted from before the cut: while a file system dies, an fsync may say yes for nothing.
func (d *Disk) PowerCut() func(context.Context, *Process, []*Client) error {
	return func(ctx context.Context, p *Process, clients []*Client) error {
		if err := p.freeze(ctx); err != nil {
			return errors.Join(err, p.Kill())
		}
		settle(clients)
		CloseAll(clients)
		if err := AwaitEnd(ctx, clients); err != nil {
			return errors.Join(err, p.Kill())
		}
		if err := errors.Join(d.Cut(), p.Kill()); err != nil {
			return err
		}
		return d.Restore()
	}
}

// freeze stops the process and returns when none of its threads can run any more.
func (p *Process) freeze(ctx context.Context) error {
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		return fmt.Errorf("freeze the engine: %w", err)
	}
	for {
		frozen, err := allStopped(p.PID())
		if err != nil || frozen {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("freeze the engine: %w", ctx.Err())
		case <-time.After(time.Millisecond):
		}
	}
}

// allStopped reads the state of each thread: the letter after the name in brackets.
func allStopped(pid int) (bool, error) {
	stats, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	if err != nil || len(stats) == 0 {
		return false, fmt.Errorf("no thread of process %d: %w", pid, errors.Join(err, os.ErrNotExist))
	}
	for _, name := range stats {
		b, err := os.ReadFile(name)
		if err != nil {
			continue // the thread has ended
		}
		text := string(b)
		if i := strings.LastIndexByte(text, ')'); i < 0 || !strings.HasPrefix(text[i+1:], " T") {
			return false, nil
		}
	}
	return true, nil
}

// settle returns when no more answers arrive: what a frozen engine had sent lies in socket buffers.
func settle(clients []*Client) {
	total := func() (n uint64) {
		for _, c := range clients {
			n += c.nc.Stats().InMsgs
		}
		return n
	}
	for before, quiet := total(), 0; quiet < 3; {
		time.Sleep(10 * time.Millisecond)
		if after := total(); after == before {
			quiet++
		} else {
			before, quiet = after, 0
		}
	}
}
