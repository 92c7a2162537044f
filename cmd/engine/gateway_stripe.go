package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/holdfast-engine/holdfast/actors"
	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/transport"
	"github.com/holdfast-engine/holdfast/transport/gateway/stripe"
)

// openStripe makes the gateway to Stripe, and its webhooks if there is a secret for them.
func (p *process) openStripe() (actors.Gateway, error) {
	s := &p.config.gateways.stripe
	if s.keyFile == "" {
		return nil, errors.New("--gateway stripe needs --gateway-stripe-key-file, a file with the account's secret or restricted key")
	}
	key, err := transport.SecretFile(s.keyFile)
	if err != nil {
		return nil, fmt.Errorf("--gateway-stripe-key-file: %w", err)
	}
	g, err := stripe.New(stripe.Config{Key: strings.TrimSpace(string(key)), Base: s.url})
	if err != nil {
		return nil, fmt.Errorf("--gateway stripe: %w", err)
	}
	p.onClose("the connections to Stripe", func(context.Context) error {
		g.Close()
		return nil
	})
	if s.secretsFile == "" {
		return g, nil
	}
	secrets, err := transport.SecretFile(s.secretsFile)
	if err != nil {
		return nil, fmt.Errorf("--gateway-stripe-webhook-file: %w", err)
	}
	p.stripeHooks, err = g.NewHooks(stripe.HooksConfig{Secrets: strings.Fields(string(secrets)), Nudge: p.nudge, Outside: p.outside})
	if err != nil {
		return nil, fmt.Errorf("--gateway-stripe-webhook-file: %w", err)
	}
	return g, nil
}

// takeHooks lets webhooks in, once there is a node for them.
func (p *process) takeHooks() {
	p.hooks.Store(p.stripeHooks)
	results := make([]string, stripe.HookResults)
	for i := range results {
		results[i] = stripe.HookResult(i).String()
	}
	p.node.Metrics().CounterPer("holdfast_webhooks_total", "Webhooks of payment gateways, by what became of them.", "result", results, func(i int) uint64 {
		if p.stripeHooks == nil {
			return 0
		}
		return p.stripeHooks.Count(stripe.HookResult(i))
	})
	p.node.Metrics().Counter("holdfast_charges_changed_outside_total", "Disputes, fraud warnings, and refunds that the engine did not make, as gateways told them.", p.outsideCount.Load)
}

// serveHook takes a webhook of Stripe.
func (p *process) serveHook(w http.ResponseWriter, r *http.Request) {
	if h := p.hooks.Load(); h != nil {
		h.ServeHTTP(w, r)
		return
	}
	if p.config.gateways.stripe.secretsFile == "" {
		http.Error(w, "webhooks are not set up: --gateway-stripe-webhook-file", http.StatusNotFound)
		return
	}
	w.Header().Set("Retry-After", "5")
	http.Error(w, "the engine is starting", http.StatusServiceUnavailable)
}

// nudge makes the lane look a charge up. Charges of other installations at the same account are somebody else's.
func (p *process) nudge(ctx context.Context, order string) error {
	err := p.node.Nudge(ctx, stripe.Name, order)
	if errors.Is(err, actors.ErrNotOurs) {
		return nil
	}
	return err
}

// outside puts on record, in the audit, what was done to one of our charges elsewhere: nobody here has decided it, so it changes no order.
func (p *process) outside(ctx context.Context, o stripe.Outside) error {
	parts := strings.Split(o.Order, ".")
	if len(parts) != 5 || parts[1] != p.store.Installation() {
		return nil
	}
	arguments := fmt.Sprintf("event=%s purchase=%s charge=%s minor=%d", parts[3], parts[4], o.Ref, o.AmountMinor)
	if o.Currency != "" {
		arguments += " currency=" + o.Currency
	}
	if o.Reason != "" {
		arguments += " reason=" + o.Reason
	}
	entry := engine.Audit{
		Account: parts[2], Verb: "charge_" + string(o.Kind), Operator: stripe.Name,
		Arguments: arguments[:min(len(arguments), engine.AuditTextLenMax)], RequestID: o.ID[:min(len(o.ID), engine.IDLenMax)],
	}
	if err := p.node.Audit(ctx, &entry); err != nil {
		return err
	}
	p.outsideCount.Add(1)
	p.config.logger.Warn("something was done to a charge elsewhere", "what", string(o.Kind), "event", parts[3], "purchase", parts[4], "charge", o.Ref, "minor", o.AmountMinor, "reason", o.Reason)
	return nil
}
