package main

import (
	"context"
	"errors"

	"github.com/holdfast-engine/holdfast/actors"
	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
)

// lane shows the lanes, and sets the rate of one.
func (p *process) lane(ctx context.Context, cmd *engine.AdminCommand) *engine.AdminAnswer {
	if cmd.RateMilli > 0 {
		err := p.node.SetLaneRate(ctx, cmd.Gateway, cmd.RateMilli)
		switch {
		case errors.Is(err, actors.ErrSetting):
			return &engine.AdminAnswer{Code: engine.CodeInvalid, Field: "rate_milli", Text: "the rate is above a million calls a second"}
		case err != nil && !errors.Is(err, actors.ErrNoGateway):
			return adminFailed(err)
		}
	}
	views := p.node.Lanes()
	if cmd.Gateway == "" && cmd.RateMilli == 0 {
		return &engine.AdminAnswer{Lanes: views}
	}
	for i := range views {
		if views[i].Gateway == cmd.Gateway {
			return &engine.AdminAnswer{Lanes: views[i : i+1]}
		}
	}
	return &engine.AdminAnswer{Code: engine.CodeInvalid, Field: "gateway", Text: "this engine has no gateway " + cmd.Gateway + ": `engine lane show` lists those that it has"}
}

// oneClick shows for whom one-click checkout is on everywhere, and sets it.
func (p *process) oneClick(ctx context.Context, cmd *engine.AdminCommand) *engine.AdminAnswer {
	if cmd.Share > 0 {
		err := p.node.Set(ctx, engine.SettingOneClickShare, cmd.Share)
		switch {
		case errors.Is(err, actors.ErrSetting):
			return &engine.AdminAnswer{Code: engine.CodeInvalid, Field: "share", Text: "the share only grows, so that nobody loses what they had: switch one-click checkout off instead"}
		case err != nil:
			return adminFailed(err)
		}
	}
	if cmd.OneClick != "" {
		on := int64(0)
		if cmd.OneClick == "on" {
			on = 1
		}
		if err := p.node.Set(ctx, engine.SettingOneClickOn, on); err != nil {
			return adminFailed(err)
		}
	}
	on, share := p.node.OneClick()
	return &engine.AdminAnswer{OneClick: &engine.OneClickView{On: on, Share: share}}
}

// resolve tells an event what became of a charge that nobody knows about.
func (p *process) resolve(ctx context.Context, cmd *engine.AdminCommand) *engine.AdminAnswer {
	if cmd.RequestID == "" {
		return &engine.AdminAnswer{Code: engine.CodeInvalid, Field: "request_id", Text: "give a request id: it moves money, and must not do so twice"}
	}
	answer := payment.Voided
	switch cmd.Answer {
	case payment.Authorised.String():
		answer = payment.Authorised
	case payment.Captured.String():
		answer = payment.Captured
	}
	a, refused := p.askEvent(ctx, cmd.Account, cmd.Event, engine.Command{
		Verb: engine.VerbResolve, RequestID: cmd.RequestID, Payment: &engine.PaymentCommand{Purchase: cmd.Purchase, Result: &payment.Result{Answer: answer}},
	})
	if refused != nil {
		return refused
	}
	return &engine.AdminAnswer{Resolved: &engine.ResolvedView{Event: cmd.Event, Purchase: cmd.Purchase, State: a.purchase.State.String(), Charge: a.purchase.Charge.String()}}
}
