//go:build !linux

package bench

import (
	"runtime"
	"time"
)

// fileSystem cannot tell file systems apart here: whoever runs the benchmarks must know that the data lies on a disk.
func fileSystem(string) (name string, memory bool, err error) { return "unknown", false, nil }

func kernel() string { return runtime.GOOS }

// CPUTime is not known here.
func CPUTime() time.Duration { return 0 }

// ResidentBytes is not known here.
func ResidentBytes() int64 { return 0 }
