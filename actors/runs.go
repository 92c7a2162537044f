package actors

import (
	"sync"

	"github.com/holdfast-engine/holdfast/engine"
)

// runPool keeps an actor's released runs for its next turns, and shares what is too many with all others. The actor takes, the journal's goroutine puts.
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
		run, _ := sharedRuns.Get().(*engine.Run)
		return run
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
	} else {
		run.Key, run.Owner = engine.Key{}, nil
		sharedRuns.Put(run)
	}
}

var sharedRuns = sync.Pool{New: func() any { return new(engine.Run) }}
