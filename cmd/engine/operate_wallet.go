package main

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/wallet"
)

const (
	// eraseWait is how long an answer about an erasure waits for the end of it: where no charge is open, the eraser needs no longer.
	eraseWait = 2 * time.Second
	// eraseLook is how often that is looked for.
	eraseLook = 50 * time.Millisecond
)

// showWallet answers an operator with what is held about a buyer. The keyed hashes of devices tell nothing to who only looks: the export has them.
func (p *process) showWallet(ctx context.Context, cmd *engine.AdminCommand) *engine.AdminAnswer {
	e, err := exportBuyer(ctx, p, cmd.Account, cmd.Buyer, p.node.WalletPolicy())
	if err != nil {
		return walletFailed(err)
	}
	if cmd.Verb == "wallet-show" {
		e.Devices = nil
	}
	text, err := json.Marshal(e)
	if err != nil {
		return adminFailed(err)
	}
	return &engine.AdminAnswer{Wallet: string(text)}
}

// eraseWallet has a buyer forgotten, or tells what that waits for. The wish is in the log when it is answered: the engine goes on by itself.
func (p *process) eraseWallet(ctx context.Context, cmd *engine.AdminCommand) *engine.AdminAnswer {
	for deadline := time.Now().Add(eraseWait); ; {
		// Every look is a request of its own: the operator's id is in the audit, and may be one that the buyer's shop has used.
		out, err := askWallet(ctx, p.node, cmd.Account, wallet.Command{Verb: wallet.VerbErase, RequestID: newRequestID(), Buyer: cmd.Buyer}, nil)
		if err == nil {
			err = refusedWallet(out)
		}
		switch {
		case err == nil:
			return &engine.AdminAnswer{Erased: cmd.Buyer}
		case out == nil || out.Code != engine.CodeEraseWaits:
			return walletFailed(err)
		case time.Now().After(deadline):
			return p.eraseWaits(cmd, out)
		}
		select {
		case <-time.After(eraseLook):
		case <-ctx.Done():
			return p.eraseWaits(cmd, out)
		}
	}
}

// eraseWaits says what an erasure waits for.
func (p *process) eraseWaits(cmd *engine.AdminCommand, out *wallet.Outcome) *engine.AdminAnswer {
	text := "the buyer is to be forgotten as soon as the key is destroyed"
	if open := p.node.OpenCharges(cmd.Account, cmd.Buyer); len(open) > 0 {
		text = "the buyer is to be forgotten, and this is open: " + strings.Join(open, ", ")
	}
	return &engine.AdminAnswer{Code: out.Code, Text: text + "; the engine goes on by itself, ask again to know", RetryAfterMs: out.RetryAfterMs}
}

// walletFailed answers an operator with what the wallets say.
func walletFailed(err error) *engine.AdminAnswer {
	var r *walletRefusal
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		r = &walletRefusal{code: engine.CodeUnavailable, text: "the engine is stopping: ask again"}
	case !errors.As(err, &r):
		return adminFailed(err)
	}
	answer := &engine.AdminAnswer{Code: r.code, Field: r.field, Text: r.text, RetryAfterMs: r.retryAfterMs}
	if answer.RetryAfterMs == 0 && r.code.Retryable() {
		answer.RetryAfterMs = time.Second.Milliseconds()
	}
	return answer
}
