package stripe_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stripe/stripe-mock/embedded"
	"github.com/stripe/stripe-mock/server"

	"github.com/holdfast-engine/holdfast/engine/payment"
	"github.com/holdfast-engine/holdfast/transport/gateway/stripe"
)

// TestRequestsAreWhatStripeDocuments sends every kind of request to stripe-mock, over HTTP: Stripe's own server for tests, which checks paths and
// parameters against Stripe's OpenAPI description, refuses those that are not in it, and answers with its examples. It keeps no state: what the
// answers mean is tested elsewhere.
func TestRequestsAreWhatStripeDocuments(t *testing.T) {
	fixtures, err := server.LoadFixtures(embedded.OpenAPIFixtures, "")
	if err != nil {
		t.Fatal(err)
	}
	spec, err := server.LoadSpec(embedded.OpenAPISpec, "")
	if err != nil {
		t.Fatal(err)
	}
	stub, err := server.NewStubServer(fixtures, spec, false, false)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var asked, answered string
	mock := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		recorder := httptest.NewRecorder()
		stub.HandleRequest(recorder, r)
		mu.Lock()
		asked, answered = r.Method+" "+r.URL.Path, recorder.Body.String()
		mu.Unlock()
		w.WriteHeader(recorder.Code)
		_, _ = io.Copy(w, recorder.Body)
	}))
	defer mock.Close()
	g, err := stripe.New(stripe.Config{Key: "sk_test_123", Base: mock.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	charge := payment.Intent{
		Operation: payment.Authorise, Key: "k1", Order: "hf.x.a.e.p1", AmountMinor: 9500, Currency: "EUR", OnSession: true, ReturnURL: "https://shop.example/back",
		Descriptor: "Night One", Method: payment.Method{Token: "pm_card_visa", Customer: "cus_1", Kind: payment.MethodCard},
	}
	with := func(change func(*payment.Intent)) payment.Intent {
		in := charge
		change(&in)
		return in
	}
	for _, c := range []struct {
		name string
		in   payment.Intent
		path string
	}{
		{"a card, the buyer is there", charge, "POST /v1/payment_intents"},
		{"a card, the buyer is away", with(func(in *payment.Intent) { in.OnSession, in.ReturnURL = false, "" }), "POST /v1/payment_intents"},
		{"iDEAL", with(func(in *payment.Intent) { in.Method = payment.Method{Token: "ideal", Kind: payment.MethodRedirect} }), "POST /v1/payment_intents"},
		{"capture", with(func(in *payment.Intent) { in.Operation, in.Ref = payment.Capture, "pi_1" }), "POST /v1/payment_intents/pi_1/capture"},
		{"void", with(func(in *payment.Intent) { in.Operation, in.Ref = payment.Void, "pi_1" }), "POST /v1/payment_intents/pi_1/cancel"},
		{"cancel", with(func(in *payment.Intent) { in.Operation, in.Ref = payment.Cancel, "pi_1" }), "POST /v1/payment_intents/pi_1/cancel"},
		{"refund", with(func(in *payment.Intent) { in.Operation, in.Ref = payment.Refund, "pi_1" }), "POST /v1/refunds"},
		{"look up by id", with(func(in *payment.Intent) { in.Operation, in.Ref = payment.LookUp, "pi_1" }), "GET /v1/payment_intents/pi_1"},
		{"look up by order", with(func(in *payment.Intent) { in.Operation = payment.LookUp }), "GET /v1/payment_intents/search"},
		{"look up a refund", with(func(in *payment.Intent) { in.Operation, in.Ref, in.RefundRef = payment.LookUp, "pi_1", "k9" }), "GET /v1/refunds"},
	} {
		body, err := g.Prepare(c.in)
		if err != nil {
			t.Fatal(err)
		}
		got := g.Do(t.Context(), payment.Call{Operation: c.in.Operation, Key: c.in.Key, Order: c.in.Order, Ref: c.in.Ref, RefundRef: c.in.RefundRef, Body: body})
		mu.Lock()
		if asked != c.path {
			t.Errorf("%s: asked %s, want %s", c.name, asked, c.path)
		}
		if strings.Contains(answered, `"error": {`) || got.Answer == payment.NotDone || strings.Contains(got.Detail, "cannot be read") {
			t.Errorf("%s: stripe-mock does not take the request, or its answer is not understood: %+v\n%s", c.name, got, answered)
		}
		mu.Unlock()
		t.Logf("%-26s %s: %v", c.name, c.path, got.Answer)
	}
	refused := payment.Call{Operation: payment.Authorise, Key: "k2", Body: []byte("amount=1&currency=eur&colour=red")}
	if got := g.Do(t.Context(), refused); got.Answer != payment.Failed || got.Decline != payment.DeclineConfiguration {
		t.Errorf("a parameter that is not in Stripe's description: %+v, want failed: this server would not see mistakes", got)
	}
}
