package store

import (
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/holdfast-engine/holdfast/engine"
)

// entry is what the committer took at once: a batch on its way to the disk, or, with seq 0, runs without facts that keep their place.
type entry struct {
	runs   []*engine.Run
	seq    uint64
	rec    []byte // the tail's record, the batch inside
	length int    // of the batch
	beside int    // sealed records of its runs, in bytes
	facts  int
	pebble *pebble.Batch
	began  time.Time // when it was handed to both copies
}

func (e *entry) batch() []byte { return e.rec[tailHead : tailHead+e.length] }

// besideOverhead is more than a batch of Pebble needs for a record besides its key and value, in bytes.
const besideOverhead = 16

// putBeside adds the sealed records of the entry's runs to its batch: they are durable with the facts, and no part of the log.
func (e *entry) putBeside() error {
	for _, r := range e.runs {
		for i := range r.Beside {
			if err := setSealed(e.pebble, &r.Beside[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// entryPool keeps entries for their memory. An entry that had to grow far is not kept.
type entryPool struct {
	mu   sync.Mutex
	free []*entry
}

func (p *entryPool) get() *entry {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.free); n > 0 {
		e := p.free[n-1]
		p.free = p.free[:n-1]
		return e
	}
	return &entry{}
}

func (p *entryPool) put(e *entry, bytesMax int) {
	clear(e.runs)
	*e = entry{runs: e.runs[:0], rec: e.rec[:0]}
	if cap(e.rec) > bytesMax {
		e.rec = nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.free) < 128 {
		p.free = append(p.free, e)
	}
}
