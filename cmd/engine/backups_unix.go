//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// backupSignals tells of every SIGUSR1, by which an operator of the machine asks for a backup, until stop is called.
func backupSignals() (asked <-chan os.Signal, stop func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGUSR1)
	return c, func() { signal.Stop(c) }
}
