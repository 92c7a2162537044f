package load

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// pacer sleeps for less than a millisecond and means it. A timer of Go's own is up to a millisecond late in a process that is idle, as its poller
// counts in milliseconds; a timer of the kernel's is a file that becomes readable, and late by its slack of 50 microseconds.
type pacer struct {
	timer *os.File
	fd    int
	read  [8]byte
}

func newPacer() (*pacer, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make a timer: %w", err)
	}
	return &pacer{timer: os.NewFile(uintptr(fd), "timer"), fd: fd}, nil
}

// sleep returns after d, or after a little more.
func (p *pacer) sleep(d time.Duration) {
	if d <= 0 {
		return
	}
	if unix.TimerfdSettime(p.fd, 0, &unix.ItimerSpec{Value: unix.NsecToTimespec(d.Nanoseconds())}, nil) != nil {
		time.Sleep(d)
		return
	}
	_, _ = p.timer.Read(p.read[:]) // what it counts does not matter, and whoever wakes too early looks at the clock again
}

func (p *pacer) close() { _ = p.timer.Close() }
