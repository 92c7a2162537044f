package transporttest

import (
	"slices"
	"sync"

	"github.com/holdfast-engine/holdfast/engine"
)

// Direct is the real engine's rules without actors and without a disk: every command is stepped at once, and its answer leaves at once. It
// is safe for concurrent use, one command at a time.
type Direct struct {
	// Now is node time; it stands still unless the test moves it.
	Now engine.Instant

	mu     sync.Mutex
	events map[string]*engine.Event
	facts  engine.Facts
}

// Submit implements transport.Engine.
func (d *Direct) Submit(r *engine.Request) engine.Code {
	d.mu.Lock()
	defer d.mu.Unlock()
	e := d.events[r.Event]
	if e == nil {
		if r.Commands[0].Verb != engine.VerbCreate {
			return engine.CodeEventUnknown
		}
		e = engine.New(engine.Key{Account: r.Account, Kind: engine.KindEvent, ID: r.Event}.Clone())
	}
	for i := range r.Commands {
		d.facts.Reset()
		r.Reply.Outcome(r, i, e.Step(&r.Commands[i], d.Now, &d.facts))
		for e.Unsettled() {
			e.Step(&engine.Command{Verb: engine.VerbSettle}, d.Now, &d.facts)
		}
	}
	if e.Exists() {
		if d.events == nil {
			d.events = make(map[string]*engine.Event)
		}
		d.events[e.Key().ID] = e
	}
	r.Reply.Durable(r)
	return engine.CodeOK
}

// Archived implements transport.Engine: nothing ever is.
func (d *Direct) Archived(_, _ string) (at engine.Instant, ok bool) { return 0, false }

// Events implements transport.Engine.
func (d *Direct) Events(_, after string, limit int) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var ids []string
	for id := range d.events {
		if id > after {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids[:min(limit, len(ids))]
}

// StateHash returns the state hash of an event, and its last sequence, 0 if it does not exist.
func (d *Direct) StateHash(event string) (hash uint64, seq engine.Seq) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e := d.events[event]
	if e == nil {
		return 0, 0
	}
	return e.StateHash(), e.Seq()
}
