//go:build !linux

package main

import "time"

// Elsewhere the doctor says nothing of what only the operating system knows.

func lookAtDisk(string) machineFacts { return machineFacts{} }

func clockSync() (synced bool, estimate time.Duration, known bool) { return false, 0, false }

func fileLimit() (soft, hard uint64, known bool) { return 0, 0, false }
