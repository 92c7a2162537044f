package gatewaytest

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/engine/payment"
)

// keyAge is how long gateways remember idempotency keys at least, and this suite's at most.
const keyAge = 24 * time.Hour

// Run checks a gateway, in a new world for each test.
func Run(t *testing.T, world func(*testing.T) World) {
	for _, test := range []struct {
		name string
		run  func(desk)
	}{
		{"authorise, capture and refund", testLife},
		{"void", testVoid},
		{"cancel", testCancel},
		{"declines", testDeclines},
		{"authentication", testAuthentication},
		{"redirect", testRedirect},
		{"lost requests", testLost},
		{"a stored error", testStoredError},
		{"another amount", testOtherAmount},
		{"one key, one charge", testOneKey},
		{"other bytes under a key", testOtherBytes},
		{"a key that was forgotten", testForgotten},
		{"nobody answers", testDown},
		{"nobody waits", testNobodyWaits},
		{"bytes", testBytes},
		{"what is refused", testRefused},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(desk{t, world(t)}) })
	}
}

func testLife(d desk) {
	d.wants("look up before", d.lookUp(""), payment.NotFound)
	charge := d.authorise(d.Method(Succeeds), "k1")
	d.wants("authorise", charge, payment.Authorised)
	d.truth("authorised", Money{Charges: 1, ReservedMinor: minor})
	d.wants("look up by order", d.lookUp(""), payment.Authorised)
	d.wants("look up by id", d.lookUp(charge.Ref), payment.Authorised)
	d.wants("capture", d.with(payment.Capture, "k2", charge.Ref), payment.Captured)
	d.wants("capture again, same key", d.with(payment.Capture, "k2", charge.Ref), payment.Captured)
	d.truth("captured", Money{Charges: 1, TakenMinor: minor})
	for i, part := range []int64{4000, 3000, 2500} {
		in := d.intent(payment.Refund, fmt.Sprint("r", i), charge.Ref)
		in.AmountMinor = part
		for range 2 { // the same request again gives nothing back again
			if got := d.send(in); got.Answer != payment.Refunded || got.AmountMinor != part || got.Ref == "" {
				d.Errorf("refund %d: %+v", part, got)
			}
		}
		if got := d.send(payment.Intent{Operation: payment.LookUp, Order: order, Ref: charge.Ref, RefundRef: "r0"}); got.Answer != payment.Refunded || got.AmountMinor != 4000 {
			d.Errorf("look up the first refund after %d: %+v", i+1, got)
		}
	}
	if got := d.send(payment.Intent{Operation: payment.LookUp, Order: order, Ref: charge.Ref, RefundRef: "r9"}); got.Answer != payment.NotFound {
		d.Errorf("look up a refund that nobody asked for: %+v", got)
	}
	d.truth("all is given back", Money{RefundedMinor: minor})
	in := d.intent(payment.Refund, "r5", charge.Ref)
	in.AmountMinor = 1
	if got := d.send(in); got.Answer != payment.Failed {
		d.Errorf("a refund above what was taken: %+v", got)
	}
	d.wants("look up at the end", d.lookUp(""), payment.Voided)
}

func testVoid(d desk) {
	charge := d.authorise(d.Method(Succeeds), "k1")
	d.wants("void", d.with(payment.Void, "k2", charge.Ref), payment.Voided)
	d.wants("void again, same key", d.with(payment.Void, "k2", charge.Ref), payment.Voided)
	d.wants("void again, another key", d.with(payment.Void, "k3", charge.Ref), payment.Voided)
	d.truth("voided", Money{})
	d.wants("capture what is voided", d.with(payment.Capture, "k4", charge.Ref), payment.Failed)
	d.wants("look up", d.lookUp(charge.Ref), payment.Voided)
	taken := d.authorise(d.Method(Succeeds), "k5")
	d.with(payment.Capture, "k6", taken.Ref)
	d.wants("void what is captured", d.with(payment.Void, "k7", taken.Ref), payment.Failed)
	d.truth("captured", Money{Charges: 1, TakenMinor: minor})
}

func testCancel(d desk) {
	d.wants("cancel what is not there", d.with(payment.Cancel, "c0", ""), payment.NotFound)
	d.authorise(d.Method(Succeeds), "k1")
	d.wants("cancel by order", d.with(payment.Cancel, "c1", ""), payment.Voided)
	d.truth("cancelled", Money{})
	charge := d.authorise(d.Method(Succeeds), "k2")
	d.with(payment.Capture, "k3", charge.Ref)
	d.wants("cancel what is captured", d.with(payment.Cancel, "c2", charge.Ref), payment.Captured)
	d.truth("captured", Money{Charges: 1, TakenMinor: minor})
}

func testDeclines(d desk) {
	for path, want := range map[Path]payment.Answer{DeclinesSoft: payment.DeclinedSoft, DeclinesHard: payment.DeclinedHard} {
		key := fmt.Sprint("k", path)
		method := d.Method(path)
		got := d.authorise(method, key)
		if got.Answer != want || got.Decline == payment.DeclineNone || got.Decline.Hard() != (want == payment.DeclinedHard) {
			d.Errorf("declined: %+v, want %v with its reason", got, want)
		}
		if again := d.authorise(method, key); again.Answer != want || again.Decline != got.Decline {
			d.Errorf("declined, the same key again: %+v, want %+v", again, got)
		}
		if looked := d.lookUp(""); looked.Answer != payment.DeclinedSoft && looked.Answer != payment.DeclinedHard {
			d.Errorf("look up what was declined: %+v", looked)
		}
	}
	d.truth("declined", Money{})
	d.wants("another method, another key", d.authorise(d.Method(Succeeds), "k9"), payment.Authorised)
	d.wants("look up: what costs the buyer something comes first", d.lookUp(""), payment.Authorised)
}

func testAuthentication(d desk) {
	if d.Authenticate == nil {
		d.Skip("nobody ever has to authenticate at this gateway")
	}
	method := d.Method(Authenticates)
	asked := d.authorise(method, "k1")
	if asked.Answer != payment.ActionNeeded || asked.ClientSecret == "" {
		d.Fatalf("%+v, want what the buyer's client needs", asked)
	}
	if again := d.lookUp(""); again.Answer != payment.ActionNeeded || again.ClientSecret != asked.ClientSecret {
		d.Errorf("look up: %+v, want the same secret again: it is never stored", again)
	}
	if err := d.Authenticate(asked.ClientSecret, true); err != nil {
		d.Fatal(err)
	}
	d.wants("look up once authenticated", d.lookUp(asked.Ref), payment.Authorised)
	d.truth("authenticated", Money{Charges: 1, ReservedMinor: minor})
	d.wants("void", d.with(payment.Void, "v1", asked.Ref), payment.Voided)

	refused := d.authorise(method, "k2")
	if err := d.Authenticate(refused.ClientSecret, false); err != nil {
		d.Fatal(err)
	}
	if got := d.lookUp(refused.Ref); got.Answer != payment.DeclinedSoft || got.Decline != payment.DeclineAuthentication {
		d.Errorf("look up once it failed: %+v", got)
	}
	left := d.authorise(method, "k3")
	d.wants("cancel while it waits", d.with(payment.Cancel, "c3", left.Ref), payment.Voided)
	if err := d.Authenticate(left.ClientSecret, true); err == nil {
		d.Error("the buyer could authenticate what was cancelled")
	}
	in := d.intent(payment.Authorise, "k4", "")
	in.Method, in.OnSession = method, false
	if got := d.send(in); got.Answer != payment.DeclinedSoft || got.Decline != payment.DeclineAuthentication {
		d.Errorf("nobody is there to authenticate: %+v", got)
	}
	d.truth("at the end", Money{})
}

func testRedirect(d desk) {
	if !d.Gateway.Capabilities(payment.MethodRedirect).Has(payment.Redirect) {
		d.Skip("this gateway has no redirect method")
	}
	asked := d.authorise(d.Method(Redirects), "k1")
	if asked.Answer != payment.ActionNeeded || asked.RedirectURL == "" {
		d.Fatalf("%+v, want a page to go to", asked)
	}
	if err := d.Authenticate(asked.ClientSecret, true); err != nil {
		d.Fatal(err)
	}
	d.wants("look up once the buyer is back", d.lookUp(asked.Ref), payment.Captured)
	d.wants("cancel: too late", d.with(payment.Cancel, "c1", asked.Ref), payment.Captured)
	d.truth("taken at once", Money{Charges: 1, TakenMinor: minor})
	if got := d.with(payment.Refund, "r1", asked.Ref); got.Answer != payment.Refunded {
		d.Errorf("refund: %+v", got)
	}
	d.truth("given back", Money{RefundedMinor: minor})
}

func testLost(d desk) {
	for path, charged := range map[Path]int{LosesRequest: 0, LosesAnswer: 1} {
		key := fmt.Sprint("k", path)
		method := d.Method(path)
		d.wants("no answer", d.authorise(method, key), payment.Unknown)
		if got := d.Truth(order).Charges; got != charged {
			d.Errorf("%d charges behind no answer, want %d", got, charged)
		}
		got := d.authorise(method, key)
		d.wants("the same bytes again", got, payment.Authorised)
		d.truth("one charge", Money{Charges: 1, ReservedMinor: minor})
		d.wants("void", d.with(payment.Void, key+"v", got.Ref), payment.Voided)
	}
}

func testStoredError(d desk) {
	method := d.Method(StoresError)
	for range 3 {
		d.wants("a server error", d.authorise(method, "k1"), payment.Unknown)
	}
	d.wants("look up by order: only that tells", d.lookUp(""), payment.Authorised)
	d.truth("one charge", Money{Charges: 1, ReservedMinor: minor})
	d.wants("cancel by order", d.with(payment.Cancel, "c1", ""), payment.Voided)
	d.truth("none left", Money{})
}

func testOtherAmount(d desk) {
	got := d.authorise(d.Method(OtherAmount), "k1")
	if got.Answer != payment.Authorised || got.AmountMinor == minor || got.AmountMinor != d.Truth(order).ReservedMinor {
		d.Errorf("%+v, want the amount that was really reserved: %+v", got, d.Truth(order))
	}
}

func testOneKey(d desk) {
	in := d.intent(payment.Authorise, "k1", "")
	in.Method = d.Method(Succeeds)
	call := d.call(in)
	var each sync.WaitGroup
	for range 16 {
		each.Go(func() {
			if got := d.Gateway.Do(d.Context(), call); got.Answer != payment.Authorised && got.Answer != payment.Unknown {
				d.Errorf("the same request at the same time: %+v", got)
			}
		})
	}
	each.Wait()
	d.wants("the same request later", d.Gateway.Do(d.Context(), call), payment.Authorised)
	d.truth("one charge", Money{Charges: 1, ReservedMinor: minor})
}

func testOtherBytes(d desk) {
	method := d.Method(Succeeds)
	d.authorise(method, "k1")
	in := d.intent(payment.Authorise, "k1", "")
	in.Method, in.AmountMinor = method, minor+1
	// Unknown, not failed: what came with this key first is a charge.
	d.wants("another amount under the same key", d.send(in), payment.Unknown)
	d.truth("one charge", Money{Charges: 1, ReservedMinor: minor})
}

func testForgotten(d desk) {
	method := d.Method(Succeeds)
	d.authorise(method, "k1")
	d.Age(keyAge + time.Minute)
	d.wants("look up after a day", d.lookUp(""), payment.Authorised)
	// The other side would make a second charge of it. A gateway that is told how old the key is may refuse to send it; the lane does not even ask.
	in := d.intent(payment.Authorise, "k1", "")
	in.Method = method
	call := d.call(in)
	call.Age = int64(keyAge + time.Minute)
	if got := d.Gateway.Do(d.Context(), call); got.Answer == payment.Unknown {
		d.truth("not sent", Money{Charges: 1, ReservedMinor: minor})
	}
}

func testDown(d desk) {
	method := d.Method(Succeeds)
	charge := d.authorise(method, "k1")
	d.Down()
	ctx, cancel := context.WithTimeout(d.Context(), 500*time.Millisecond)
	defer cancel()
	authorise := d.intent(payment.Authorise, "k2", "")
	authorise.Method = method
	for _, in := range []payment.Intent{
		authorise, d.intent(payment.Capture, "k3", charge.Ref), d.intent(payment.Void, "k4", charge.Ref), d.intent(payment.Refund, "k5", charge.Ref),
		d.intent(payment.Cancel, "k6", ""),
		{Operation: payment.LookUp, Order: order},
	} {
		if got := d.Gateway.Do(ctx, d.call(in)); got.Answer != payment.Unknown && got.Answer != payment.NotDone {
			d.Errorf("%v of a gateway that is down: %+v, want not done or unknown", in.Operation, got)
		}
	}
	d.truth("as before", Money{Charges: 1, ReservedMinor: minor})
}

func testNobodyWaits(d desk) {
	ctx, cancel := context.WithCancel(d.Context())
	cancel()
	in := d.intent(payment.Authorise, "k1", "")
	in.Method = d.Method(Succeeds)
	if got := d.Gateway.Do(ctx, d.call(in)); got.Answer != payment.Unknown && got.Answer != payment.NotDone {
		d.Errorf("%+v, want unknown", got)
	}
	d.wants("the same bytes again", d.send(in), payment.Authorised)
	d.truth("one charge", Money{Charges: 1, ReservedMinor: minor})
}

func testBytes(d desk) {
	in := d.intent(payment.Authorise, "k1", "")
	in.Method = payment.Method{Token: "token", Customer: "customer", Kind: payment.MethodCard}
	in.Descriptor = "Night One"
	first := d.call(in).Body
	for range 100 {
		if again := d.call(in).Body; !bytes.Equal(again, first) {
			d.Fatalf("the same intent gave %q and %q", first, again)
		}
	}
	if len(d.call(payment.Intent{Operation: payment.LookUp, Order: order}).Body) != 0 {
		d.Error("a look-up has bytes to send")
	}
	changed := in
	changed.AmountMinor++
	if bytes.Equal(d.call(changed).Body, first) {
		d.Error("another amount gives the same bytes")
	}
}

func testRefused(d desk) {
	good := d.intent(payment.Authorise, "k1", "")
	good.Method = payment.Method{Token: "token", Kind: payment.MethodCard}
	for name, change := range map[string]func(*payment.Intent){
		"delayed debit":           func(in *payment.Intent) { in.Method.Kind = payment.MethodDelayedDebit },
		"no kind":                 func(in *payment.Intent) { in.Method.Kind = 0 },
		"no token":                func(in *payment.Intent) { in.Method.Token = "" },
		"no amount":               func(in *payment.Intent) { in.AmountMinor = 0 },
		"a negative amount":       func(in *payment.Intent) { in.AmountMinor = -1 },
		"no currency":             func(in *payment.Intent) { in.Currency = "" },
		"no order":                func(in *payment.Intent) { in.Order = "" },
		"a capture without an id": func(in *payment.Intent) { in.Operation = payment.Capture },
		"a void without an id":    func(in *payment.Intent) { in.Operation = payment.Void },
		"a refund without an id":  func(in *payment.Intent) { in.Operation = payment.Refund },
		"no operation":            func(in *payment.Intent) { in.Operation = 0 },
	} {
		in := good
		change(&in)
		if body, err := d.Gateway.Prepare(in); err == nil {
			d.Errorf("%s was prepared: %q", name, body)
		} else if strings.Contains(err.Error(), "token") && in.Method.Token == "token" {
			d.Errorf("%s: the error %q may name the token", name, err)
		}
	}
	if d.Gateway.Name() == "" {
		d.Error("the gateway has no name")
	}
	for kind := payment.MethodCard; kind <= payment.MethodDelayedDebit; kind++ {
		if c := d.Gateway.Capabilities(kind); kind == payment.MethodDelayedDebit && c.OneClick() {
			d.Error("a delayed debit can be charged with one click")
		}
	}
}
