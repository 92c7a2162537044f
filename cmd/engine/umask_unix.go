//go:build unix

package main

import "syscall"

// keepPrivate makes every file of this process readable by its owner only, those of the libraries too.
func keepPrivate() { syscall.Umask(0o077) }
