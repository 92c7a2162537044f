package main

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// Admin carries out a command of an operator: with the actors or with the store, whoever has what it is about. It returns when the audit has it,
// durably. It implements transport.Admin.
func (p *process) Admin(ctx context.Context, cmd *engine.AdminCommand) *engine.AdminAnswer {
	answer := p.operate(ctx, cmd)
	entry := engine.Audit{
		Account: cmd.Account, Verb: cmd.Verb, Arguments: adminArguments(cmd), Operator: cmd.Operator, RequestID: cmd.RequestID, Code: answer.Code,
	}
	p.node.Metrics().CountAdmin(cmd.Verb, answer.Code)
	if err := p.node.Audit(ctx, &entry); err != nil {
		p.config.logger.Warn("a command of an operator is not in the audit", "verb", cmd.Verb, "err", err)
		return &engine.AdminAnswer{
			Code: engine.CodeUnavailable, RetryAfterMs: time.Second.Milliseconds(),
			Text: "the engine is stopping or cannot write, so the audit may not have this command: it may have been carried out, ask again",
		}
	}
	answer.Audit = entry.Seq
	return answer
}

// operate does the work of one admin verb.
func (p *process) operate(ctx context.Context, cmd *engine.AdminCommand) *engine.AdminAnswer {
	switch cmd.Verb {
	case "audit":
		page := p.node.Audits(engine.AuditQuery{
			Account: cmd.Account, After: engine.Seq(cmd.After), Since: cmd.Since, Until: cmd.Until, Limit: int(cmd.Limit),
		})
		return &engine.AdminAnswer{Entries: &page}
	case "events":
		counts := p.node.EventCounts(cmd.Account)
		return &engine.AdminAnswer{Events: &counts}
	case "why":
		return p.why(ctx, cmd)
	case "archive":
		return p.archive(ctx, cmd)
	case "sleep":
		return p.sleepNow(ctx, cmd)
	case "release-quarantine":
		return p.releaseQuarantine(ctx, cmd)
	case "inspect":
		return p.inspect(ctx, cmd)
	case "backup":
		return p.backup(ctx, cmd)
	case "lane":
		return p.lane(ctx, cmd)
	case "one-click":
		return p.oneClick(ctx, cmd)
	case "resolve":
		return p.resolve(ctx, cmd)
	case "webhooks":
		return p.operateWebhooks(ctx, cmd)
	case "evidence":
		return p.evidence(ctx, cmd)
	case "ticket-rotate":
		return p.rotateTicketKey(cmd)
	case "wallet-show", "wallet-export":
		return p.showWallet(ctx, cmd)
	case "wallet-erase":
		return p.eraseWallet(ctx, cmd)
	case "snapshot":
		return p.snapshotNow(ctx)
	}
	return &engine.AdminAnswer{Code: engine.CodeUnknownVerb, Text: "this engine cannot " + cmd.Verb}
}

func (p *process) snapshotNow(ctx context.Context) *engine.AdminAnswer {
	rep, err := p.store.Pass(ctx)
	if err != nil {
		return adminFailed(err)
	}
	return &engine.AdminAnswer{Snapshot: &engine.PassView{
		From: rep.From, To: rep.To, Trimmed: rep.Trimmed, Facts: rep.Facts, Snapshots: rep.Aggregates, Bytes: rep.Bytes, TookMs: rep.Took.Milliseconds(),
	}}
}

// adminFailed answers an operator with an error: unlike callers, they are shown what went wrong.
func adminFailed(err error) *engine.AdminAnswer {
	return &engine.AdminAnswer{Code: engine.CodeInternal, Text: err.Error()}
}

// adminArguments writes the fields of a command that are set, for the audit. None of them is ever a secret.
func adminArguments(cmd *engine.AdminCommand) string {
	var list []string
	add := func(name, value string) {
		if value != "" {
			list = append(list, name+"="+value)
		}
	}
	number := func(name string, v int64) {
		if v != 0 {
			add(name, strconv.FormatInt(v, 10))
		}
	}
	moment := func(name string, at engine.Instant) {
		if at != 0 {
			add(name, time.Unix(0, int64(at)).UTC().Format(time.RFC3339Nano))
		}
	}
	add("event", cmd.Event)
	add("request", cmd.Request)
	add("name", cmd.Name)
	add("order", cmd.Order)
	add("buyer", cmd.Buyer)
	add("action", cmd.Action)
	add("endpoint", cmd.Endpoint)
	add("kinds", cmd.Kinds)
	number("after", cmd.After)
	moment("since", cmd.Since)
	moment("until", cmd.Until)
	number("facts", cmd.Facts)
	number("fact", cmd.Fact)
	number("batch", cmd.Batch)
	moment("at", cmd.At)
	add("gateway", cmd.Gateway)
	number("rate_milli", cmd.RateMilli)
	add("one_click", cmd.OneClick)
	number("share", cmd.Share)
	add("purchase", cmd.Purchase)
	add("answer", cmd.Answer)
	return strings.Join(list, " ")
}
