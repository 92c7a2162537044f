package main

import (
	"context"
	"errors"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/store"
)

// inspectTimeMax bounds how long a look into the log of a running engine may take: no snapshot pass runs meanwhile.
const inspectTimeMax = 30 * time.Second

// inspect shows what an event is, or was, as the log has it. One at a time: each reads the log and has the event in memory once more.
func (p *process) inspect(ctx context.Context, cmd *engine.AdminCommand) *engine.AdminAnswer {
	if !p.inspecting.TryLock() {
		return inspectLater("another event is being inspected: one at a time")
	}
	defer p.inspecting.Unlock()
	return p.look(ctx, cmd, func(key engine.Key, look func(store.Look) (store.Seen, error)) (*engine.AdminAnswer, error) {
		at := store.LookAt{Fact: engine.Seq(cmd.Fact), Batch: uint64(cmd.Batch), Time: cmd.At}
		seen, err := look(store.Look{Key: key, At: at, Facts: int(cmd.Facts)})
		if err != nil {
			return nil, err
		}
		return &engine.AdminAnswer{Inspection: viewSeen(key, &seen)}, nil
	})
}

// looker shows what is wanted of an event, by looking into the log.
type looker func(key engine.Key, look func(store.Look) (store.Seen, error)) (*engine.AdminAnswer, error)

// look answers an operator with what the log says about an event that is not archived. REQUIRES: p.inspecting.
func (p *process) look(ctx context.Context, cmd *engine.AdminCommand, see looker) *engine.AdminAnswer {
	if _, gone, err := p.store.Archived(engine.Key{Account: cmd.Account, Kind: engine.KindEvent, ID: cmd.Event}); err != nil {
		return adminFailed(err)
	} else if gone {
		return notTaken(engine.CodeEventArchived, cmd.Event)
	}
	return p.lookInto(ctx, cmd, see)
}

// lookInto answers an operator with what is seen in the log, and words what can go wrong. REQUIRES: p.inspecting.
func (p *process) lookInto(ctx context.Context, cmd *engine.AdminCommand, see looker) *engine.AdminAnswer {
	key := engine.Key{Account: cmd.Account, Kind: engine.KindEvent, ID: cmd.Event}
	ctx, cancel := context.WithTimeout(ctx, inspectTimeMax)
	defer cancel()
	answer, err := see(key, func(l store.Look) (store.Seen, error) { return p.store.Look(ctx, l) })
	switch {
	case errors.Is(err, store.ErrUnknown) && cmd.Fact == 0 && cmd.Batch == 0 && cmd.At == 0:
		return notTaken(engine.CodeEventUnknown, cmd.Event)
	case errors.Is(err, store.ErrUnknown):
		return &engine.AdminAnswer{Code: engine.CodeEventUnknown, Field: "event", Text: "there was no event " + cmd.Event + " at that moment"}
	case errors.Is(err, store.ErrCut):
		return &engine.AdminAnswer{Code: engine.CodeInvalid, Field: momentField(cmd), Text: err.Error()}
	case errors.Is(err, store.ErrBusy):
		return inspectLater(err.Error())
	case errors.Is(err, context.DeadlineExceeded):
		return inspectLater("reading the log took longer than " + inspectTimeMax.String() + ": make a backup, and look into that with engine inspect")
	case err != nil:
		return adminFailed(err)
	}
	return answer
}

func inspectLater(text string) *engine.AdminAnswer {
	return &engine.AdminAnswer{Code: engine.CodeOverloaded, Text: text, RetryAfterMs: time.Second.Milliseconds()}
}

// momentField is the field of a command that names a moment.
func momentField(cmd *engine.AdminCommand) string {
	switch {
	case cmd.Fact > 0:
		return "fact"
	case cmd.Batch > 0:
		return "batch"
	}
	return "at"
}
