package sandbox_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/holdfast-engine/holdfast/engine/payment"
	"github.com/holdfast-engine/holdfast/transport/gateway/sandbox"
)

// A desk sends requests to a sandbox, as the lane would.
type desk struct {
	t *testing.T
	g *sandbox.Gateway
}

func open(t *testing.T, c sandbox.Config) desk {
	t.Helper()
	g, err := sandbox.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
	return desk{t, g}
}

func (d desk) send(in payment.Intent) payment.Result {
	d.t.Helper()
	body, err := d.g.Prepare(in)
	if err != nil {
		d.t.Fatal(err)
	}
	return d.g.Do(d.t.Context(), payment.Call{Operation: in.Operation, Key: in.Key, Order: in.Order, Ref: in.Ref, RefundRef: in.RefundRef, Body: body})
}

func (d desk) authorise(token, key, order string) payment.Result {
	d.t.Helper()
	kind := payment.MethodCard
	if token == "sbx_redirect" {
		kind = payment.MethodRedirect
	}
	return d.send(payment.Intent{
		Operation: payment.Authorise, Key: key, Order: order, AmountMinor: 9500, Currency: "EUR", OnSession: true,
		Method: payment.Method{Token: token, Kind: kind},
	})
}

func (d desk) lookUp(order string) payment.Result {
	d.t.Helper()
	return d.send(payment.Intent{Operation: payment.LookUp, Order: order})
}

func (d desk) with(op payment.Operation, key, ref string, minor int64) payment.Result {
	d.t.Helper()
	return d.send(payment.Intent{Operation: op, Key: key, Ref: ref, Order: "o", AmountMinor: minor, Currency: "EUR"})
}

// TestTokens sends each token twice under one key and then looks it up: what was said, and what it came to.
func TestTokens(t *testing.T) {
	for _, c := range []struct {
		token                 string
		first, second, lookUp payment.Answer
		reserved, taken       int64
	}{
		{"sbx_ok", payment.Authorised, payment.Authorised, payment.Authorised, 9500, 0},
		{"sbx_ok.b17", payment.Authorised, payment.Authorised, payment.Authorised, 9500, 0},
		{"sbx_decline_soft", payment.DeclinedSoft, payment.DeclinedSoft, payment.DeclinedSoft, 0, 0},
		{"sbx_decline_hard", payment.DeclinedHard, payment.DeclinedHard, payment.DeclinedHard, 0, 0},
		{"sbx_decline_expired", payment.DeclinedHard, payment.DeclinedHard, payment.DeclinedHard, 0, 0},
		{"sbx_decline_velocity", payment.DeclinedSoft, payment.DeclinedSoft, payment.DeclinedSoft, 0, 0},
		{"sbx_unheard_of", payment.DeclinedHard, payment.DeclinedHard, payment.DeclinedHard, 0, 0},
		{"sbx_auth", payment.ActionNeeded, payment.ActionNeeded, payment.ActionNeeded, 0, 0},
		{"sbx_redirect", payment.ActionNeeded, payment.ActionNeeded, payment.ActionNeeded, 0, 0},
		{"sbx_pending_60000", payment.Pending, payment.Pending, payment.Pending, 0, 0},
		{"sbx_slow_1", payment.Authorised, payment.Authorised, payment.Authorised, 9500, 0},
		{"sbx_timeout_charged", payment.Unknown, payment.Authorised, payment.Authorised, 9500, 0},
		{"sbx_timeout_before", payment.Unknown, payment.Authorised, payment.Authorised, 9500, 0},
		{"sbx_error_charged", payment.Unknown, payment.Unknown, payment.Authorised, 9500, 0},
		{"sbx_error", payment.Unknown, payment.Unknown, payment.DeclinedSoft, 0, 0},
		{"sbx_throttle", payment.NotDone, payment.NotDone, payment.NotFound, 0, 0},
	} {
		t.Run(c.token, func(t *testing.T) {
			d := open(t, sandbox.Config{})
			if got := d.authorise(c.token, "k", "o"); got.Answer != c.first {
				t.Errorf("the first answer is %v, want %v", got.Answer, c.first)
			}
			if got := d.authorise(c.token, "k", "o"); got.Answer != c.second {
				t.Errorf("the second answer is %v, want %v", got.Answer, c.second)
			}
			if got := d.lookUp("o"); got.Answer != c.lookUp {
				t.Errorf("a look-up says %v, want %v", got.Answer, c.lookUp)
			}
			if got := d.g.Truth().Orders["o"]; got.ReservedMinor != c.reserved || got.TakenMinor != c.taken || got.Charges > 1 {
				t.Errorf("the truth is %+v, want %d reserved and %d taken by one charge at most", got, c.reserved, c.taken)
			}
		})
	}
}

func TestLifeOfACharge(t *testing.T) {
	d := open(t, sandbox.Config{})
	charge := d.authorise("sbx_ok", "k1", "o")
	for _, step := range []struct {
		name   string
		result payment.Result
		want   payment.Answer
	}{
		{"capture more", d.with(payment.Capture, "k2", charge.Ref, 9501), payment.Failed},
		{"capture", d.with(payment.Capture, "k3", charge.Ref, 9500), payment.Captured},
		{"capture again with the same key", d.with(payment.Capture, "k3", charge.Ref, 9500), payment.Captured},
		{"void what is captured", d.with(payment.Void, "k4", charge.Ref, 0), payment.Failed},
		{"refund a part", d.with(payment.Refund, "k5", charge.Ref, 4500), payment.Refunded},
		{"the same refund", d.with(payment.Refund, "k5", charge.Ref, 4500), payment.Refunded},
		{"look the refund up", d.send(payment.Intent{Operation: payment.LookUp, Ref: charge.Ref, RefundRef: "k5"}), payment.Refunded},
		{"look up another", d.send(payment.Intent{Operation: payment.LookUp, Ref: charge.Ref, RefundRef: "k9"}), payment.NotFound},
		{"refund more than is left", d.with(payment.Refund, "k6", charge.Ref, 5001), payment.Failed},
		{"refund the rest", d.with(payment.Refund, "k7", charge.Ref, 5000), payment.Refunded},
		{"look it up", d.lookUp("o"), payment.Voided},
	} {
		if step.result.Answer != step.want {
			t.Errorf("%s: %+v, want %v", step.name, step.result, step.want)
		}
	}
	want := sandbox.OrderOfMoney{RefundedMinor: 9500, Currency: "EUR"}
	if got := d.g.Truth().Orders["o"]; got != want {
		t.Errorf("the truth is %+v, want %+v", got, want)
	}
}

func TestVoidAndCancel(t *testing.T) {
	d := open(t, sandbox.Config{})
	if got := d.with(payment.Cancel, "c0", "", 0); got.Answer != payment.NotFound {
		t.Errorf("cancel before there is a charge: %+v", got)
	}
	charge := d.authorise("sbx_ok", "k1", "o")
	if got := d.with(payment.Void, "k2", charge.Ref, 0); got.Answer != payment.Voided {
		t.Errorf("void: %+v", got)
	}
	if got := d.with(payment.Capture, "k3", charge.Ref, 9500); got.Answer != payment.Failed {
		t.Errorf("capture what is voided: %+v", got)
	}
	d.authorise("sbx_auth", "k4", "o")
	if got := d.with(payment.Cancel, "c1", "", 0); got.Answer != payment.Voided {
		t.Errorf("cancel what waits for the buyer, without its id: %+v", got)
	}
	if got := d.g.Truth().Orders["o"]; got.Charges != 0 || got.ReservedMinor != 0 || got.Undecided != 0 {
		t.Errorf("the truth is %+v, want nothing left", got)
	}
}

func TestAuthentication(t *testing.T) {
	var changed []string
	d := open(t, sandbox.Config{Changed: func(order string) { changed = append(changed, order) }})
	yes := d.authorise("sbx_auth", "k1", "o1")
	no := d.authorise("sbx_auth", "k2", "o2")
	away := d.authorise("sbx_redirect", "k3", "o3")
	if away.RedirectURL == "" {
		t.Error("a redirect method names no page to go to")
	}
	for secret, succeeds := range map[string]bool{yes.ClientSecret: true, no.ClientSecret: false, away.ClientSecret: true} {
		if err := d.g.Authenticate(secret, succeeds); err != nil {
			t.Error(err)
		}
	}
	if err := d.g.Authenticate(yes.ClientSecret, false); err == nil {
		t.Error("a secret was good twice")
	}
	// What was stored under the key is what it says for ever: only a look-up tells.
	if got := d.authorise("sbx_auth", "k1", "o1"); got.Answer != payment.ActionNeeded {
		t.Errorf("the same request again: %+v", got)
	}
	for order, want := range map[string]payment.Answer{"o1": payment.Authorised, "o2": payment.DeclinedSoft, "o3": payment.Captured} {
		if got := d.lookUp(order); got.Answer != want {
			t.Errorf("%s: %+v, want %v", order, got, want)
		}
	}
	if len(changed) != 3 {
		t.Errorf("told of %v, want three orders", changed)
	}
	got := d.send(payment.Intent{
		Operation: payment.Authorise, Key: "k4", Order: "o4", AmountMinor: 1, Currency: "EUR", Method: payment.Method{Token: "sbx_auth", Kind: payment.MethodCard},
	})
	if got.Answer != payment.DeclinedSoft || got.Decline != payment.DeclineAuthentication {
		t.Errorf("nobody there to authenticate: %+v", got)
	}
}

func TestKeysAreForgottenAfterADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, sandbox.Config{})
		d.authorise("sbx_ok", "k", "o")
		time.Sleep(sandbox.KeyAge - time.Nanosecond)
		d.authorise("sbx_ok", "k", "o")
		if got := d.g.Truth().Orders["o"].Charges; got != 1 {
			t.Errorf("within a day one key made %d charges", got)
		}
		time.Sleep(time.Nanosecond)
		d.authorise("sbx_ok", "k", "o")
		if got := d.g.Truth().Orders["o"].Charges; got != 2 {
			t.Errorf("a day later the key made %d charges: a real gateway makes a second one, and so must this", got)
		}
	})
}

func TestOtherBytesUnderAKeyAreRefused(t *testing.T) {
	d := open(t, sandbox.Config{})
	d.authorise("sbx_ok", "k", "o")
	if got := d.authorise("sbx_ok", "k", "another"); got.Answer != payment.Unknown {
		t.Errorf("%+v, want unknown: what came with the key first may have been a charge", got)
	}
	if truth := d.g.Truth(); truth.Misuses != 1 || len(truth.Charges) != 1 {
		t.Errorf("%d misuses and %d charges, want one of each", truth.Misuses, len(truth.Charges))
	}
}

func TestTimeAndReach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, sandbox.Config{Latency: sandbox.Latency{Median: 300 * time.Millisecond}, RatePerSecond: 2})
		started := time.Now()
		d.authorise("sbx_slow_2000", "k1", "o1")
		if took := time.Since(started); took != 2300*time.Millisecond {
			t.Errorf("a slow charge took %v of virtual time", took)
		}
		d.g.SetMode(sandbox.Refusing)
		if got := d.authorise("sbx_ok", "k2", "o2"); got.Answer != payment.NotDone {
			t.Errorf("refusing: %+v", got)
		}
		d.g.SetMode(sandbox.Silent)
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if got := d.g.Do(short, payment.Call{Operation: payment.LookUp, Order: "o1"}); got.Answer != payment.Unknown {
			t.Errorf("silent: %+v", got)
		}
		d.g.SetMode(sandbox.Up)
		var refused int
		for i := range 4 {
			got := make(chan payment.Result, 1)
			go func() { got <- d.authorise("sbx_ok", fmt.Sprint("r", i), "o3") }()
			synctest.Wait()
			select {
			case r := <-got:
				if !r.Throttled || r.RetryAfterMs != 1000 {
					t.Errorf("above the rate: %+v", r)
				}
				refused++
			default:
			}
		}
		if refused != 2 {
			t.Errorf("%d of 4 requests at once were refused at a rate of 2", refused)
		}
		// A caller that stops waiting in the first half of the time was never heard, in the second half it was.
		time.Sleep(10 * time.Second)
		for wait, want := range map[time.Duration]payment.Answer{100 * time.Millisecond: payment.NotFound, 200 * time.Millisecond: payment.Authorised} {
			order := wait.String()
			body, err := d.g.Prepare(payment.Intent{
				Operation: payment.Authorise, Key: order, Order: order, AmountMinor: 1, Currency: "EUR", Method: payment.Method{Token: "sbx_ok", Kind: payment.MethodCard},
			})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), wait)
			if got := d.g.Do(ctx, payment.Call{Operation: payment.Authorise, Key: order, Order: order, Body: body}); got.Answer != payment.Unknown {
				t.Errorf("stopped waiting after %v: %+v", wait, got)
			}
			cancel()
			time.Sleep(10 * time.Second)
			if got := d.lookUp(order); got.Answer != want {
				t.Errorf("after %v a look-up says %v, want %v", wait, got.Answer, want)
			}
		}
	})
}

// TestFaultsAreDrawnBySeed runs the same requests twice: the same seed makes the same of them, whatever their order.
func TestFaultsAreDrawnBySeed(t *testing.T) {
	config := sandbox.Config{Seed: 7, Faults: sandbox.Faults{DeclineSoft: 1000, DeclineHard: 1000, Authenticate: 1000, LostRequest: 1000, LostAnswer: 1000, StoredError: 1000, Throttle: 1000}}
	run := func(from, to, step int) map[string]payment.Answer {
		d := open(t, config)
		answers := map[string]payment.Answer{}
		for i := from; i != to; i += step {
			key := fmt.Sprint("k", i)
			answers[key] = d.authorise("sbx_ok", key, key).Answer
		}
		return answers
	}
	up, down := run(0, 500, 1), run(499, -1, -1)
	seen := map[payment.Answer]int{}
	for key, answer := range up {
		seen[answer]++
		if down[key] != answer {
			t.Errorf("%s: %v, and %v in another order", key, answer, down[key])
		}
	}
	for _, want := range []payment.Answer{payment.Authorised, payment.DeclinedSoft, payment.DeclinedHard, payment.ActionNeeded, payment.Unknown, payment.NotDone} {
		if seen[want] == 0 {
			t.Errorf("no answer of 500 was %v: %v", want, seen)
		}
	}
}

// TestLedgerSurvives ends a sandbox and starts it again on its file.
func TestLedgerSurvives(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger")
	first, err := sandbox.New(sandbox.Config{File: path})
	if err != nil {
		t.Fatal(err)
	}
	d := desk{t, first}
	paid := d.authorise("sbx_ok", "k1", "o1")
	waiting := d.authorise("sbx_auth", "k2", "o2")
	d.with(payment.Capture, "k3", paid.Ref, 9500)
	d.with(payment.Refund, "k4", paid.Ref, 500)
	before := first.Truth()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	tear(t, path)
	read, err := sandbox.ReadTruth(path)
	if err != nil {
		t.Fatal(err)
	}
	again := open(t, sandbox.Config{File: path})
	for name, truth := range map[string]sandbox.Truth{"read": read, "opened": again.g.Truth()} {
		if fmt.Sprint(truth.Orders) != fmt.Sprint(before.Orders) || len(truth.Charges) != 2 {
			t.Errorf("%s: %+v, want %+v", name, truth.Orders, before.Orders)
		}
	}
	if got := again.authorise("sbx_ok", "k1", "o1"); got.Ref != paid.Ref {
		t.Errorf("the same key makes %+v, want the charge %s", got, paid.Ref)
	}
	if err := again.g.Authenticate(waiting.ClientSecret, true); err != nil {
		t.Error(err)
	}
}

func TestPrepareRefusesWhatCanNeverBe(t *testing.T) {
	d := open(t, sandbox.Config{})
	charge := payment.Intent{Operation: payment.Authorise, Key: "k", Order: "o", AmountMinor: 1, Currency: "EUR", Method: payment.Method{Token: "sbx_ok", Kind: payment.MethodCard}}
	for name, change := range map[string]func(*payment.Intent){
		"delayed debit": func(in *payment.Intent) { in.Method.Kind = payment.MethodDelayedDebit },
		"no kind":       func(in *payment.Intent) { in.Method.Kind = 0 },
		"no token":      func(in *payment.Intent) { in.Method.Token = "" },
		"nothing":       func(in *payment.Intent) { in.AmountMinor = 0 },
		"no currency":   func(in *payment.Intent) { in.Currency = "" },
		"capture":       func(in *payment.Intent) { in.Operation = payment.Capture },
		"void":          func(in *payment.Intent) { in.Operation = payment.Void },
		"operation":     func(in *payment.Intent) { in.Operation = 99 },
	} {
		in := charge
		change(&in)
		if body, err := d.g.Prepare(in); err == nil {
			t.Errorf("%s: prepared %s", name, body)
		}
	}
}

func TestSandboxIsBounded(t *testing.T) {
	d := open(t, sandbox.Config{ChargesMax: 2})
	for i, want := range []payment.Answer{payment.Authorised, payment.Authorised, payment.NotDone} {
		if got := d.authorise("sbx_ok", fmt.Sprint("k", i), fmt.Sprint("o", i)); got.Answer != want {
			t.Errorf("charge %d: %+v, want %v", i, got, want)
		}
	}
}
