package main

import (
	"context"
	"errors"
	"time"

	"github.com/holdfast-engine/holdfast/actors"
	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/store"
)

// reply is what an event answers to a command that an operator has put to it. It implements engine.Replier: what it keeps of the outcome is its own.
type reply struct {
	code  engine.Code
	field string
	text  string
	why   *engine.WhyView

	purchase engine.PurchaseView // its state and its charge
	durable  chan struct{}
}

// Outcome implements engine.Replier.
func (a *reply) Outcome(_ *engine.Request, _ int, out *engine.Outcome) {
	a.code, a.field, a.text, a.why = out.Code, out.Field, string(out.AppendMessage(nil)), out.Why
	if out.Shows&engine.ShowsPurchase != 0 {
		a.purchase.State, a.purchase.Charge = out.Purchase.State, out.Purchase.Charge
	}
}

// Durable implements engine.Replier.
func (a *reply) Durable(*engine.Request) { close(a.durable) }

// askEvent puts a command to an event, among those of callers, and waits until everything that its answer shows is durable.
func (p *process) askEvent(ctx context.Context, account, event string, cmd engine.Command) (*reply, *engine.AdminAnswer) {
	a := &reply{durable: make(chan struct{})}
	r := &engine.Request{Account: account, Event: event, Commands: []engine.Command{cmd}, Reply: a}
	if code := p.node.Submit(r); code != engine.CodeOK {
		return nil, notTaken(code, event)
	}
	select {
	case <-a.durable:
	case <-ctx.Done():
		return nil, notTaken(engine.CodeUnavailable, event)
	}
	if a.code != engine.CodeOK {
		return nil, &engine.AdminAnswer{Code: a.code, Field: a.field, Text: a.text}
	}
	return a, nil
}

// notTaken answers an operator whose command did not reach its event.
func notTaken(code engine.Code, event string) *engine.AdminAnswer {
	answer := &engine.AdminAnswer{Code: code, Text: "event " + event + " did not take the command: " + code.String()}
	// Submit returns no other code.
	//
	//exhaustive:ignore
	switch code {
	case engine.CodeEventUnknown:
		answer.Text, answer.Field = "there is no event "+event, "event"
	case engine.CodeEventArchived:
		answer.Text, answer.Field = "event "+event+" was archived: `engine archive show` reads its file", "event"
	case engine.CodeQuarantined:
		answer.Text = "event " + event + " is set aside: release-quarantine tries again to rebuild it"
	case engine.CodeOverloaded, engine.CodeUnavailable:
		answer.RetryAfterMs = time.Second.Milliseconds()
	}
	return answer
}

func (p *process) why(ctx context.Context, cmd *engine.AdminCommand) *engine.AdminAnswer {
	a, refused := p.askEvent(ctx, cmd.Account, cmd.Event, engine.Command{Verb: engine.VerbWhy, RequestID: cmd.Request})
	if refused != nil {
		return refused
	}
	return &engine.AdminAnswer{Why: a.why}
}

// archive gives a closed event its last fact now, and waits until it is in its file.
func (p *process) archive(ctx context.Context, cmd *engine.AdminCommand) *engine.AdminAnswer {
	if _, refused := p.askEvent(ctx, cmd.Account, cmd.Event, engine.Command{Verb: engine.VerbArchive}); refused != nil {
		return refused
	}
	ctx, cancel := context.WithTimeout(ctx, operatorPatience)
	defer cancel()
	if err := p.node.AwaitArchived(ctx, cmd.Account, cmd.Event); err != nil {
		return adminFailed(err)
	}
	file := store.ArchiveFile(engine.Key{Account: cmd.Account, Kind: engine.KindEvent, ID: cmd.Event})
	return &engine.AdminAnswer{Event: &engine.Whereabouts{Event: cmd.Event, Place: "archived", File: file}}
}

// operatorPatience is how long a command of an operator waits for an event that others use, or for the disk.
const operatorPatience = 10 * time.Second

func (p *process) sleepNow(ctx context.Context, cmd *engine.AdminCommand) *engine.AdminAnswer {
	ctx, cancel := context.WithTimeout(ctx, operatorPatience)
	defer cancel()
	if code := p.node.Sleep(ctx, cmd.Account, cmd.Event); code != engine.CodeOK {
		return notTaken(code, cmd.Event)
	}
	return &engine.AdminAnswer{Event: &engine.Whereabouts{Event: cmd.Event, Place: "asleep"}}
}

func (p *process) releaseQuarantine(ctx context.Context, cmd *engine.AdminCommand) *engine.AdminAnswer {
	err := p.node.ReleaseQuarantine(ctx, cmd.Account, cmd.Event)
	switch {
	case errors.Is(err, actors.ErrNotQuarantined):
		return &engine.AdminAnswer{Code: engine.CodeWrongState, Field: "event", Text: "event " + cmd.Event + " is not quarantined"}
	case err != nil:
		return &engine.AdminAnswer{Code: engine.CodeQuarantined, Text: "event " + cmd.Event + " stays set aside: " + err.Error()}
	}
	return &engine.AdminAnswer{Event: &engine.Whereabouts{Event: cmd.Event, Place: "awake"}}
}
