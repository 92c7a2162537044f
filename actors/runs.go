package actors

import (
	"sync"

	"github.com/holdfast-engine/holdfast/engine"
)

// runPool keeps an actor's released runs for its next turns. The actor takes, the journal's goroutine puts.
type runPool struct {
	mu   sync.Mutex
	runs []*engine.Run
}

// Bounds of what an idle event keeps.
const (
	pooledRunsMax      = 8
	pooledFactBytesMax = 1 << 20
)

func (p *runPool) take() *engine.Run {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := len(p.runs) - 1
	if last < 0 {
		return new(engine.Run)
	}
	run := p.runs[last]
	p.runs = p.runs[:last]
	return run
}

func (p *runPool) put(run *engine.Run) {
	clear(run.Requests) // their memory is their owner's again
	run.Requests, run.Samples = run.Requests[:0], run.Samples[:0]
	run.Facts.Reset()
	run.Signals.Reset()
	clear(run.Beside)
	run.Beside = run.Beside[:0]
	if cap(run.Facts.Buf) > pooledFactBytesMax {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.runs) < pooledRunsMax {
		p.runs = append(p.runs, run)
	}
}
