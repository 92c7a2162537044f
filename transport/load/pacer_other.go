//go:build !linux

package load

import "time"

// pacer sleeps, as exactly as the system lets Go.
type pacer struct{}

func newPacer() (*pacer, error) { return &pacer{}, nil }

func (p *pacer) sleep(d time.Duration) { time.Sleep(d) }

func (p *pacer) close() {}
