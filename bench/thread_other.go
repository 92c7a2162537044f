//go:build !linux

package bench

import "time"

var processStart = time.Now()

// ThreadTime is the time that has passed: this system is not asked for that of a thread.
func ThreadTime() time.Duration { return time.Since(processStart) }
