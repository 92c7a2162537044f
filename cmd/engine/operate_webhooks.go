package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/store"
	"github.com/holdfast-engine/holdfast/transport/notice"
	"github.com/holdfast-engine/holdfast/transport/webhook"
)

// webhookSubject is whom the vault knows the endpoints of webhooks as. No buyer's id begins like that.
const webhookSubject, webhookEndpointsName = "_webhooks", "endpoints"

// vaultEndpoints keeps the endpoints of webhooks in the vault. It implements webhook.Safe.
type vaultEndpoints struct{ vault *store.Vault }

func (s vaultEndpoints) ReadEndpoints(account string) ([]byte, bool, error) {
	return s.vault.Open(account, webhookSubject, webhookEndpointsName)
}

func (s vaultEndpoints) WriteEndpoints(account string, plain []byte) error {
	return keepInVault(s.vault, account, webhookSubject, webhookEndpointsName, plain)
}

// startWebhooks delivers notices to the endpoints that accounts have.
func (p *process) startWebhooks(streams *notice.Streams) error {
	p.webhooks = webhook.New(webhook.Config{
		Safe: vaultEndpoints{p.store.Vault()}, Streams: streams, Logger: p.config.logger, Loopback: p.config.bounds.notices.loopback, Pause: p.config.bounds.notices.pause,
	})
	p.onClose("webhooks", p.webhooks.Close)
	for account := range p.accounts {
		if err := p.webhooks.Start(account); err != nil {
			return err
		}
	}
	return nil
}

// operateWebhooks carries out a command about endpoints.
func (p *process) operateWebhooks(ctx context.Context, cmd *engine.AdminCommand) *engine.AdminAnswer {
	if p.webhooks == nil {
		return &engine.AdminAnswer{Code: engine.CodeUnavailable, Text: "the engine tells no notices (--no-notices): there is nothing to deliver"}
	}
	if field, text := misused(cmd); field != "" {
		return &engine.AdminAnswer{Code: engine.CodeInvalid, Field: field, Text: text}
	}
	view, err := p.webhookView(ctx, cmd)
	switch {
	case errors.Is(err, webhook.ErrInvalid):
		return &engine.AdminAnswer{Code: engine.CodeInvalid, Field: "url", Text: err.Error()}
	case errors.Is(err, webhook.ErrNone):
		return &engine.AdminAnswer{Code: engine.CodeInvalid, Field: "endpoint", Text: err.Error() + ": list shows those there are"}
	case err != nil:
		return adminFailed(err)
	}
	return &engine.AdminAnswer{Webhooks: view}
}

func (p *process) webhookView(ctx context.Context, cmd *engine.AdminCommand) (v *engine.WebhooksView, err error) {
	v = new(engine.WebhooksView)
	switch cmd.Action {
	case "add":
		v.Made, v.Secret, err = p.webhooks.Add(cmd.Account, cmd.URL, strings.FieldsFunc(cmd.Kinds, func(r rune) bool { return r == ',' }))
	case "remove":
		err = p.webhooks.Remove(ctx, cmd.Account, cmd.Endpoint)
	case "list":
		for _, e := range p.webhooks.List(ctx, cmd.Account) {
			v.Endpoints = append(v.Endpoints, engine.WebhookView{
				ID: e.ID, Host: e.Host, Kinds: e.Kinds, Made: engine.Instant(e.Made.UnixNano()), Delivered: int64(e.Delivered), Failed: int64(e.Failed),
				Waiting: int64(e.Waiting), Error: e.Error,
			})
		}
	case "dead":
		var list []webhook.DeadLetter
		list, err = p.webhooks.Dead(ctx, cmd.Account, cmd.Endpoint, int(cmd.Limit))
		for i := range list {
			l := &list[i]
			v.Dead = append(v.Dead, engine.DeadLetterView{
				Notice: l.Notice, Subject: l.Subject, At: engine.Instant(l.At.UnixNano()), Attempts: int64(l.Attempts), Error: l.Error,
			})
		}
	case "replay":
		if cmd.Since != 0 {
			return v, p.webhooks.Replay(ctx, cmd.Account, cmd.Endpoint, time.Unix(0, int64(cmd.Since)))
		}
		var n int
		n, err = p.webhooks.Revive(ctx, cmd.Account, cmd.Endpoint, int(cmd.Limit))
		if v.Delivered = int64(n); err != nil && !errors.Is(err, webhook.ErrNone) {
			v.Problem, err = err.Error(), nil
		}
	}
	return v, err
}

// misused names the field of a command about endpoints that is missing, or that its action does not use.
func misused(cmd *engine.AdminCommand) (field, text string) {
	add, list := cmd.Action == "add", cmd.Action == "list"
	switch {
	case add && cmd.URL == "":
		return "url", "say where notices are to be delivered"
	case !add && (cmd.URL != "" || cmd.Kinds != ""):
		return "url", "url and kinds belong to add"
	case (add || list) && cmd.Endpoint != "":
		return "endpoint", cmd.Action + " names no endpoint"
	case !add && !list && cmd.Endpoint == "":
		return "endpoint", "name the endpoint: list shows those there are"
	case cmd.Action != "replay" && cmd.Since != 0:
		return "since", "since belongs to replay"
	}
	return "", ""
}
