package main

import (
	"context"
	"fmt"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
	"github.com/holdfast-engine/holdfast/engine/wallet"
)

// knownBuyer is somebody who has bought before and has saved cards, as a shop brings them along when it begins with Holdfast.
type knownBuyer struct {
	id      string
	cards   []demoCard
	autoBuy bool // agrees that tickets from a waiting list are bought
}

// What all buyers of the demo have in common.
const (
	demoSavedAgo  = 90 * 24 * time.Hour
	demoAgreement = "one-click-2026-11"
	demoCapMinor  = 100_000 // for one purchase
)

// imports are the commands that bring a buyer along.
func (k *knownBuyer) imports(now time.Time) []wallet.Command {
	saved := now.Add(-demoSavedAgo)
	var list []wallet.Command
	for i, c := range k.cards {
		list = append(list, wallet.Command{
			Verb: wallet.VerbImport, RequestID: fmt.Sprintf("import-%d", i), Buyer: k.id, Gateway: demoGateway, Kind: payment.MethodCard, Token: c.token, Brand: c.brand, LastFour: c.lastFour,
			ExpiryMonth: 12, ExpiryYear: int64(now.Year()) + 5, MakeDefault: i == 0, SavedAtMs: saved.UnixMilli(),
			Purchases: 3, LastPurchaseMs: now.Add(-demoSavedAgo / 2).UnixMilli(),
			Scope: wallet.ScopeOneClick, Version: demoAgreement, CapMinor: demoCapMinor, Currency: demoCurrency,
		})
	}
	if k.autoBuy {
		list = append(list, wallet.Command{
			Verb: wallet.VerbAgree, RequestID: "agree", Buyer: k.id, Scope: wallet.ScopeAutoBuy, Version: demoAgreement, CapMinor: demoCapMinor, Currency: demoCurrency, WallMs: now.UnixMilli(),
		})
	}
	return list
}

// introduce brings buyers along with their purchases and saved cards, shard by shard.
func (p *process) introduce(ctx context.Context, buyers []knownBuyer) error {
	now := time.Now()
	shards := map[engine.Key][]wallet.Command{}
	var under []*walletReply
	send := func(key engine.Key) error {
		r := &walletReply{durable: make(chan struct{})}
		code := p.node.SubmitWallet(&wallet.Request{Account: key.Account, Commands: shards[key], Reply: r})
		if code != engine.CodeOK {
			return fmt.Errorf("bring the buyers along: %s", code)
		}
		under, shards[key] = append(under, r), nil
		return nil
	}
	for i := range buyers {
		key := wallet.KeyOf(engine.SingleAccount, buyers[i].id)
		list := buyers[i].imports(now)
		if len(shards[key])+len(list) > wallet.CommandsPerRequestMax {
			if err := send(key); err != nil {
				return err
			}
		}
		shards[key] = append(shards[key], list...)
	}
	for key, list := range shards {
		if len(list) > 0 {
			if err := send(key); err != nil {
				return err
			}
		}
	}
	for _, r := range under {
		select {
		case <-r.durable:
		case <-ctx.Done():
			return ctx.Err()
		}
		if r.code != engine.CodeOK {
			return fmt.Errorf("bring the buyers along: %s: %s", r.code, r.text)
		}
	}
	return nil
}

// walletReply takes the answers of a shard of wallets; it keeps the first refusal. It implements wallet.Replier.
type walletReply struct {
	code    engine.Code
	text    string
	durable chan struct{}
}

// Outcome implements wallet.Replier.
func (r *walletReply) Outcome(_ *wallet.Request, _ int, out *wallet.Outcome) {
	if r.code == engine.CodeOK && out.Code != engine.CodeOK {
		r.code, r.text = out.Code, out.Text
	}
}

// Durable implements wallet.Replier.
func (r *walletReply) Durable(*wallet.Request) { close(r.durable) }

// customers are the buyers of the crowd who pay through the engine.
func (s *sale) customers() []knownBuyer {
	var list []knownBuyer
	for n := range s.buyers {
		if b := newBuyer(s, n); len(b.cards) > 0 {
			list = append(list, knownBuyer{id: b.id, cards: b.cards})
		}
	}
	return list
}
