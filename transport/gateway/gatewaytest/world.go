package gatewaytest

import (
	"context"
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/engine/payment"
)

// Gateway is what the lane uses: actors.Gateway.
type Gateway interface {
	Name() string
	Capabilities(payment.MethodKind) payment.Capabilities
	Prepare(payment.Intent) ([]byte, error)
	Do(ctx context.Context, call payment.Call) payment.Result
}

// Path is a way in which a charge can go.
type Path uint8

// The paths. Every gateway must offer all of them, but redirects and authentication where it has none.
const (
	Succeeds Path = iota
	DeclinesSoft
	DeclinesHard
	Authenticates // the buyer has to authenticate
	Redirects     // the buyer has to go to their bank's page
	LosesRequest  // the first request does not arrive; the next one succeeds
	LosesAnswer   // the first answer does not arrive; the charge is made
	StoresError   // the charge is made, and the gateway answers this key with an error for ever
	OtherAmount   // another amount is charged than was asked
)

// Money is what the gateway's own ledger says about an order.
type Money struct {
	Charges       int // that cost the buyer something now
	ReservedMinor int64
	TakenMinor    int64 // captured, less what was given back
	RefundedMinor int64
}

// World is a gateway, and the other side of it.
type World struct {
	Gateway Gateway
	// Method is a method with which the next charge goes this way. It may prepare the other side for that.
	Method func(Path) payment.Method
	// Truth is what the other side has really done for an order.
	Truth func(order string) Money
	// Authenticate is the buyer's answer to a client secret. It is nil where nobody ever has to authenticate.
	Authenticate func(clientSecret string, succeeds bool) error
	// Age lets so much time pass at the other side.
	Age func(time.Duration)
	// Down makes the other side unreachable, for good.
	Down func()
}

// The charge that all tests are about.
const (
	order    = "hf.x.a.e.p1"
	minor    = 9500
	currency = "EUR"
)

// A desk sends requests, as the lane does.
type desk struct {
	*testing.T
	World
}

func (d desk) intent(op payment.Operation, key, ref string) payment.Intent {
	return payment.Intent{Operation: op, Key: key, Order: order, Ref: ref, AmountMinor: minor, Currency: currency, OnSession: true, ReturnURL: "https://shop.example/back"}
}

func (d desk) call(in payment.Intent) payment.Call {
	d.Helper()
	body, err := d.Gateway.Prepare(in)
	if err != nil {
		d.Fatalf("prepare %v: %v", in.Operation, err)
	}
	return payment.Call{Operation: in.Operation, Key: in.Key, Order: in.Order, Ref: in.Ref, RefundRef: in.RefundRef, Body: body}
}

func (d desk) send(in payment.Intent) payment.Result {
	d.Helper()
	return d.Gateway.Do(d.Context(), d.call(in))
}

func (d desk) authorise(m payment.Method, key string) payment.Result {
	d.Helper()
	in := d.intent(payment.Authorise, key, "")
	in.Method = m
	return d.send(in)
}

func (d desk) with(op payment.Operation, key, ref string) payment.Result {
	d.Helper()
	return d.send(d.intent(op, key, ref))
}

func (d desk) lookUp(ref string) payment.Result {
	d.Helper()
	return d.send(payment.Intent{Operation: payment.LookUp, Order: order, Ref: ref})
}

// wants compares an answer that tells of money with what was asked.
func (d desk) wants(what string, got payment.Result, want payment.Answer) {
	d.Helper()
	if got.Answer != want {
		d.Errorf("%s: %v (%s), want %v", what, got.Answer, got.Detail, want)
	}
	// The others tell of no money.
	//
	//exhaustive:ignore
	switch got.Answer {
	case payment.Authorised, payment.Captured:
		if got.Ref == "" || got.AmountMinor != minor || got.Currency != currency {
			d.Errorf("%s: %+v, want the charge's id and %d %s", what, got, minor, currency)
		}
	}
}

func (d desk) truth(what string, want Money) {
	d.Helper()
	if got := d.Truth(order); got != want {
		d.Errorf("%s: the truth is %+v, want %+v", what, got, want)
	}
}
