// Package transporttest supports tests that speak the wire: an engine that answers as it is told, and a table of hostile messages with
// the refusal each must get.
package transporttest

import (
	"slices"
	"strings"
	"sync"

	"github.com/holdfast-engine/holdfast/engine"
)

// Engine is a fake of what transport submits to. It answers every command with what Answer makes of it, and is safe for concurrent use.
// The zero value answers each command with an empty outcome, at once.
type Engine struct {
	// Answer fills the outcome of command i; nil leaves it empty. It may be called from several goroutines.
	Answer func(r *engine.Request, i int, out *engine.Outcome)
	// Code is what Submit returns for an event; nil, or CodeOK, takes the request.
	Code func(event string) engine.Code
	// Async answers on a goroutine of its own, as the real engine does; otherwise before Submit returns.
	Async bool
	// IDs are what Events lists from, in any order.
	IDs []string
	// ArchivedAt is when events were archived.
	ArchivedAt map[string]engine.Instant

	mu       sync.Mutex
	holding  bool
	held     []*engine.Request
	requests int
	commands int
	running  sync.WaitGroup
}

// Submit implements transport.Engine.
func (e *Engine) Submit(r *engine.Request) engine.Code {
	if e.Code != nil {
		if code := e.Code(r.Event); code != engine.CodeOK {
			return code
		}
	}
	e.mu.Lock()
	e.requests++
	e.commands += len(r.Commands)
	if e.holding {
		e.held = append(e.held, r)
		e.mu.Unlock()
		return engine.CodeOK
	}
	e.mu.Unlock()
	if !e.Async {
		e.answer(r)
		return engine.CodeOK
	}
	e.running.Go(func() { e.answer(r) })
	return engine.CodeOK
}

func (e *Engine) answer(r *engine.Request) {
	var out engine.Outcome
	for i := range r.Commands {
		out = engine.Outcome{Verb: r.Commands[i].Verb}
		if e.Answer != nil {
			e.Answer(r, i, &out)
		}
		r.Reply.Outcome(r, i, &out)
	}
	r.Reply.Durable(r)
}

// Hold makes the engine keep what it takes from now on, unanswered, until LetGo.
func (e *Engine) Hold() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.holding = true
}

// LetGo answers everything that was kept, in order, and keeps nothing more.
func (e *Engine) LetGo() {
	e.mu.Lock()
	held := e.held
	e.held, e.holding = nil, false
	e.mu.Unlock()
	for _, r := range held {
		e.answer(r)
	}
}

// Taken returns how many requests and commands were taken so far.
func (e *Engine) Taken() (requests, commands int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.requests, e.commands
}

// Wait returns when every answer that was begun has been given.
func (e *Engine) Wait() { e.running.Wait() }

// Archived implements transport.Engine.
func (e *Engine) Archived(_, event string) (at engine.Instant, ok bool) {
	at, ok = e.ArchivedAt[event]
	return at, ok
}

// Events implements transport.Engine.
func (e *Engine) Events(_, after string, limit int) []string {
	ids := slices.Sorted(slices.Values(e.IDs))
	from, _ := slices.BinarySearchFunc(ids, after, strings.Compare)
	if from < len(ids) && ids[from] == after {
		from++
	}
	return ids[from:min(len(ids), from+limit)]
}
