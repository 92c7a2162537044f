package bench

import (
	"context"
	"fmt"
	"hash/maphash"
	"strconv"
	"strings"
	"time"

	"github.com/holdfast-engine/holdfast/actors"
	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
	"github.com/holdfast-engine/holdfast/store"
)

// Gateway is a payment gateway inside this process that says yes to everything after a fixed time, and keeps nothing.
type Gateway struct {
	Latency time.Duration
	// Captures takes the money in a second call, as most cards do; otherwise it is taken at once.
	Captures bool
}

// Name implements [actors.Gateway].
func (*Gateway) Name() string { return "instant" }

// Capabilities implements [actors.Gateway].
func (g *Gateway) Capabilities(payment.MethodKind) payment.Capabilities {
	c := payment.Reusable | payment.Instant | payment.Voidable
	if g.Captures {
		c |= payment.SeparateCapture
	}
	return c
}

// Prepare implements [actors.Gateway].
func (*Gateway) Prepare(in payment.Intent) ([]byte, error) {
	b := strconv.AppendInt(make([]byte, 0, 256), in.AmountMinor, 10)
	for _, s := range [...]string{in.Currency, in.Method.Token, in.Method.Customer, in.Order} {
		b = append(append(b, ' '), s...)
	}
	return b, nil
}

// Do implements [actors.Gateway].
func (g *Gateway) Do(ctx context.Context, call payment.Call) payment.Result {
	if g.Latency > 0 {
		timer := time.NewTimer(g.Latency)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return payment.Result{}
		}
	}
	r := payment.Result{Ref: "ch_1"}
	switch call.Operation {
	case payment.Authorise:
		r.Answer = payment.Captured
		if g.Captures {
			r.Answer = payment.Authorised
		}
	case payment.Capture:
		r.Answer = payment.Captured
	case payment.Void, payment.Cancel:
		r.Answer = payment.Voided
	case payment.Refund:
		r.Answer = payment.Refunded
	case payment.LookUp:
		r.Answer = payment.NotFound
	}
	for _, c := range call.Body {
		if c < '0' || c > '9' {
			break
		}
		r.AmountMinor = 10*r.AmountMinor + int64(c-'0')
	}
	r.Currency = "EUR"
	return r
}

// Buyers are wallets in which every buyer has one saved card and has agreed to be charged with one click.
type Buyers struct{ Gateway *Gateway }

// Annotate implements [actors.Wallets].
func (b Buyers) Annotate(_ string, cmd *engine.Command) {
	n := &cmd.Payment.Note
	n.Known, n.Method, n.Gateway, n.Kind, n.Can, n.Agreement = true, "m1", b.Gateway.Name(), payment.MethodCard, b.Gateway.Capabilities(payment.MethodCard), "v1"
}

// Method implements [actors.Wallets].
func (Buyers) Method(_, buyer, _ string) (payment.Method, error) {
	return payment.Method{Token: "pm_" + strings.Clone(buyer), Customer: "cus_1", Kind: payment.MethodCard}, nil
}

// buyersKnown is how many buyers have keys in the vault before the first charge.
const buyersKnown = 1024

// knownBuyers is the store's own vault, in which every buyer's key is there already, as it is for whoever has saved a card: the endless buyers of a
// [Workload] share those of a thousand.
type knownBuyers struct {
	*store.Vault
	seed  maphash.Seed
	names [buyersKnown]string
}

// newKnownBuyers makes the keys.
func newKnownBuyers(v *store.Vault) (actors.Vault, error) {
	k := &knownBuyers{Vault: v, seed: maphash.MakeSeed()}
	for i := range buyersKnown {
		k.names[i] = fmt.Sprintf("buyer-%d", i)
		if _, err := v.Seal(engine.SingleAccount, k.names[i], "first", []byte("x")); err != nil {
			return nil, fmt.Errorf("bench: %w", err)
		}
	}
	return k, nil
}

func (k *knownBuyers) of(buyer string) string {
	return k.names[maphash.String(k.seed, buyer)%buyersKnown]
}

// Seal implements [actors.Vault].
func (k *knownBuyers) Seal(account, buyer, name string, plain []byte) (engine.Sealed, error) {
	return k.Vault.Seal(account, k.of(buyer), name, plain)
}

// Remove implements [actors.Vault].
func (k *knownBuyers) Remove(account, buyer, name string) engine.Sealed {
	return k.Vault.Remove(account, k.of(buyer), name)
}

// Open implements [actors.Vault].
func (k *knownBuyers) Open(account, buyer, name string) ([]byte, bool, error) {
	return k.Vault.Open(account, k.of(buyer), name)
}
