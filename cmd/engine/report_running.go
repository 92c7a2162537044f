package main

import (
	"context"
	"errors"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/measure"
	"github.com/holdfast-engine/holdfast/store"
	"github.com/holdfast-engine/holdfast/transport"
)

// report makes the report of an event while the engine runs. One at a time, and not while an event is inspected: it reads the log as that does.
func (p *process) report(ctx context.Context, account, event string) (any, *engine.AdminAnswer) {
	if p.up.Load() == nil {
		return nil, &engine.AdminAnswer{Code: engine.CodeUnavailable, Text: errMeasuresNot.Error(), RetryAfterMs: transport.UnavailableRetryAfterDefault.Milliseconds()}
	}
	if !p.inspecting.TryLock() {
		return nil, inspectLater("a report is being made, or an event is being inspected: one at a time")
	}
	defer p.inspecting.Unlock()
	var made *report
	refused := p.lookInto(ctx, &engine.AdminCommand{Account: account, Event: event},
		func(key engine.Key, look func(store.Look) (store.Seen, error)) (*engine.AdminAnswer, error) {
			r, err := buildReport(key, reportSources{
				answer: func(q *measure.Query) (*measure.Answer, error) { return p.figures.Answer(ctx, q) }, look: orArchived(p.config.data, look),
			})
			if errors.Is(err, errNothingKnown) {
				return notTaken(engine.CodeEventUnknown, event), nil
			}
			if err != nil {
				return nil, err
			}
			r.Source = "a running engine"
			made = r
			return nil, nil
		})
	if refused != nil {
		key := engine.Key{Account: account, Kind: engine.KindEvent, ID: event}
		if _, gone, err := p.store.Archived(key); err == nil && gone && refused.Code == engine.CodeEventUnknown { // somebody has moved its file away
			refused = notTaken(engine.CodeEventArchived, event)
		}
		return nil, refused
	}
	return made, nil
}
