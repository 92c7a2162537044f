package stripe_test

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	stripego "github.com/stripe/stripe-go/v85"

	"github.com/holdfast-engine/holdfast/engine/payment"
	"github.com/holdfast-engine/holdfast/transport/gateway/stripe"
	"github.com/holdfast-engine/holdfast/transport/gateway/stripe/stripetest"
)

// charge is the intent of a charge that succeeds.
func charge(key string) payment.Intent {
	return payment.Intent{
		Operation: payment.Authorise, Key: key, Order: "hf.x.a.e.p1", AmountMinor: 9500, Currency: "EUR", OnSession: true,
		Method: payment.Method{Token: "pm_card_visa", Customer: "cus_1", Kind: payment.MethodCard},
	}
}

func callOf(t *testing.T, g *stripe.Gateway, in payment.Intent) payment.Call {
	t.Helper()
	body, err := g.Prepare(in)
	if err != nil {
		t.Fatal(err)
	}
	return payment.Call{Operation: in.Operation, Key: in.Key, Order: in.Order, Ref: in.Ref, RefundRef: in.RefundRef, Body: body}
}

// TestWhatGoesWrong meets every fault once, and then sends the same bytes again: what it says each time, and one charge at the end.
func TestWhatGoesWrong(t *testing.T) {
	for name, c := range map[string]struct {
		fault         stripetest.Fault
		first, second payment.Answer
		throttled     bool
	}{
		"a lost request":       {stripetest.LostRequest, payment.Unknown, payment.Authorised, false},
		"a lost answer":        {stripetest.LostAnswer, payment.Unknown, payment.Authorised, false},
		"a cut answer":         {stripetest.CutAnswer, payment.Unknown, payment.Authorised, false},
		"100 MB":               {stripetest.HugeAnswer, payment.Unknown, payment.Authorised, false},
		"a page of HTML":       {stripetest.WrongAnswer, payment.Unknown, payment.Authorised, false},
		"a stored error":       {stripetest.StoredError, payment.Unknown, payment.Unknown, false},
		"a server error":       {stripetest.ServerError, payment.Unknown, payment.Authorised, false},
		"too many":             {stripetest.TooMany, payment.NotDone, payment.Authorised, true},
		"a lock":               {stripetest.LockTimeout, payment.NotDone, payment.Authorised, false},
		"a conflict":           {stripetest.Conflict, payment.Unknown, payment.Authorised, false},
		"a key that was taken": {stripetest.Unauthorised, payment.NotDone, payment.Authorised, false},
		"a redirect":           {stripetest.Moved, payment.Unknown, payment.Authorised, false},
	} {
		t.Run(name, func(t *testing.T) {
			g, server := open(t)
			call := callOf(t, g, charge("k1"))
			server.Fail(c.fault)
			first := g.Do(t.Context(), call)
			if first.Answer != c.first || first.Throttled != c.throttled || first.Throttled && first.RetryAfterMs != 7000 {
				t.Errorf("first: %+v, want %v", first, c.first)
			}
			if asked := server.Requests(); len(asked) != 1 {
				t.Errorf("%d requests went out, want one: %+v", len(asked), asked)
			}
			if second := g.Do(t.Context(), call); second.Answer != c.second {
				t.Errorf("second: %+v, want %v", second, c.second)
			}
			asked := server.Requests()
			if asked[0] != asked[1] {
				t.Errorf("the second request is another one:\n%+v\n%+v", asked[0], asked[1])
			}
			if intents, _, misuses := server.Truth(); len(intents) != 1 || misuses != 0 {
				t.Errorf("%d charges and %d misused keys, want one charge", len(intents), misuses)
			}
			keepsSecrets(t, first)
		})
	}
}

// keepsSecrets looks for what must not be in a detail.
func keepsSecrets(t *testing.T, r payment.Result) {
	t.Helper()
	for _, secret := range []string{stripetest.Key, "pm_", "secret", "127.0.0.1"} {
		if strings.Contains(r.Detail, secret) {
			t.Errorf("the detail %q has %q in it", r.Detail, secret)
		}
	}
}

func TestEveryDeclineOfTheFake(t *testing.T) {
	g, _ := open(t)
	for i, code := range []stripego.DeclineCode{stripego.DeclineCodeFraudulent, stripego.DeclineCodeInsufficientFunds, stripego.DeclineCodeExpiredCard, "a_code_of_tomorrow"} {
		in := charge(fmt.Sprint("k", i))
		in.Method.Token = "pm_card_declined_" + string(code)
		got := g.Do(t.Context(), callOf(t, g, in))
		if got.Answer != payment.DeclinedHard && got.Answer != payment.DeclinedSoft || got.Ref == "" || !strings.Contains(got.Detail, string(code)) {
			t.Errorf("%s: %+v", code, got)
		}
		keepsSecrets(t, got)
	}
	in := charge("k9")
	in.Method.Token = "pm_card_missing"
	if got := g.Do(t.Context(), callOf(t, g, in)); got.Answer != payment.DeclinedHard || got.Decline != payment.DeclineInvalidMethod {
		t.Errorf("a method that is gone: %+v", got)
	}
}

func TestRequestsArePinned(t *testing.T) {
	if stripe.APIVersion != stripego.APIVersion {
		t.Errorf("we pin %s, stripe-go speaks %s: read what has changed, then pin that", stripe.APIVersion, stripego.APIVersion)
	}
	g, server := open(t)
	in := charge("hf.x.a.e.p1.authorise")
	in.Descriptor = `Night "One" at the Arena of Utrecht`
	g.Do(t.Context(), callOf(t, g, in))
	want := stripetest.Request{
		Method: "POST", Path: "/v1/payment_intents", Key: "hf.x.a.e.p1.authorise", Version: stripe.APIVersion, Authorization: "Bearer " + stripetest.Key,
		Body: "amount=9500&capture_method=manual&confirm=true&currency=eur&customer=cus_1&metadata%5Bhf_key%5D=hf.x.a.e.p1.authorise" +
			"&metadata%5Bhf_order%5D=hf.x.a.e.p1&payment_method=pm_card_visa&payment_method_types%5B%5D=card&statement_descriptor_suffix=Night+One+at+the+Arena",
	}
	if asked := server.Requests(); len(asked) != 1 || asked[0] != want {
		t.Errorf("sent\n%+v, want\n%+v", asked, want)
	}
}

func TestFinishing(t *testing.T) {
	g, server := open(t)
	paid := g.Do(t.Context(), callOf(t, g, charge("k1")))
	capture := payment.Intent{Operation: payment.Capture, Key: "k2", Order: "hf.x.a.e.p1", Ref: paid.Ref, AmountMinor: 9500, Currency: "EUR"}
	server.Fail(stripetest.CaptureFails)
	if got := g.Do(t.Context(), callOf(t, g, capture)); got.Answer != payment.Failed {
		t.Errorf("a capture that the issuer refuses: %+v", got)
	}
	capture.Key = "k3"
	server.Fail(stripetest.LostAnswer)
	if got := g.Do(t.Context(), callOf(t, g, capture)); got.Answer != payment.Unknown {
		t.Errorf("a capture without an answer: %+v", got)
	}
	capture.Key = "k4" // what is captured already is captured, whichever request did it
	if got := g.Do(t.Context(), callOf(t, g, capture)); got.Answer != payment.Captured || got.AmountMinor != 9500 {
		t.Errorf("a capture of what is captured: %+v", got)
	}
	refund := payment.Intent{Operation: payment.Refund, Key: "k5", Order: "hf.x.a.e.p1", Ref: paid.Ref, AmountMinor: 500, Currency: "EUR"}
	server.Fail(stripetest.RefundPending)
	if got := g.Do(t.Context(), callOf(t, g, refund)); got.Answer != payment.Refunded {
		t.Errorf("a refund on its way: %+v", got)
	}
	server.RefundOutside(paid.Ref)
	if got := g.Do(t.Context(), payment.Call{Operation: payment.LookUp, Ref: paid.Ref, Order: "hf.x.a.e.p1"}); got.Answer != payment.Voided {
		t.Errorf("look up what somebody else gave back: %+v", got)
	}
	if got := g.Do(t.Context(), payment.Call{Operation: payment.LookUp, Ref: paid.Ref, Order: "hf.x.a.e.p2"}); got.Answer != payment.Unknown {
		t.Errorf("look up for another order: %+v", got)
	}
}

func TestOldKeysAreNotSent(t *testing.T) {
	g, server := open(t)
	call := callOf(t, g, charge("k1"))
	call.Age = payment.KeyAgeMax + 1
	if got := g.Do(t.Context(), call); got.Answer != payment.Unknown || len(server.Requests()) != 0 {
		t.Errorf("%+v after %d requests, want unknown after none", got, len(server.Requests()))
	}
}

func TestPathsAreIDs(t *testing.T) {
	g, server := open(t)
	for _, ref := range []string{"pi_1/../../balance", "pi_1?expand=x", "pi 1", "pi_1\r\n", strings.Repeat("p", 129)} {
		for op := payment.Capture; op <= payment.Cancel; op++ {
			if got := g.Do(t.Context(), payment.Call{Operation: op, Key: "k", Order: "o", Ref: ref}); got.Answer != payment.Failed {
				t.Errorf("%v of %q: %+v", op, ref, got)
			}
		}
	}
	if n := len(server.Requests()); n != 0 {
		t.Errorf("%d requests went out", n)
	}
}

func TestKeysAndAddresses(t *testing.T) {
	good := "sk_test_4eC39HqLyjWDarjtT1zdp7dc"
	for _, key := range []string{"", "pk_live_x", "sk_live x", "sk_live_x\n", "whsec_x"} {
		if _, err := stripe.New(stripe.Config{Key: key}); err == nil || key != "" && strings.Contains(err.Error(), key) {
			t.Errorf("key %q: %v", key, err)
		}
	}
	for _, base := range []string{"http://api.stripe.com", "ftp://x", "https://user:pass@api.stripe.com", "https://api.stripe.com/v1", "https://"} {
		if _, err := stripe.New(stripe.Config{Key: good, Base: base}); err == nil {
			t.Errorf("%s was taken for Stripe's address", base)
		}
	}
	if _, err := stripe.New(stripe.Config{Key: good}); err != nil {
		t.Error(err)
	}
}

// TestOnlyTLSThatCanBeTrusted talks to a server with a certificate of its own and to one that knows only TLS 1.1.
func TestOnlyTLSThatCanBeTrusted(t *testing.T) {
	fake := stripetest.New(t)
	for name, c := range map[string]struct {
		versionMax uint16
		trusted    bool
		want       payment.Answer
	}{
		"a certificate of nobody": {0, false, payment.Unknown},
		"TLS 1.1":                 {tls.VersionTLS11, true, payment.Unknown},
		"TLS 1.2":                 {tls.VersionTLS12, true, payment.Authorised},
		"TLS 1.3":                 {0, true, payment.Authorised},
	} {
		server := httptest.NewUnstartedServer(fake.Config.Handler)
		server.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: c.versionMax}
		server.Config.ErrorLog = log.New(io.Discard, "", 0) // it tells of the handshakes that fail
		server.StartTLS()
		var roots *x509.CertPool
		if c.trusted {
			roots = server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
		}
		g, err := stripe.New(stripe.Config{Key: stripetest.Key, Base: server.URL, Roots: roots})
		if err != nil {
			t.Fatal(err)
		}
		if got := g.Do(t.Context(), callOf(t, g, charge(name))); got.Answer != c.want {
			t.Errorf("%s: %+v, want %v", name, got, c.want)
		}
		g.Close()
		server.Close()
	}
}

// TestLiveSmoke charges, looks up and voids at Stripe itself, with a test key.
func TestLiveSmoke(t *testing.T) {
	path := os.Getenv("HOLDFAST_STRIPE_KEY_FILE")
	if path == "" {
		t.Skip("HOLDFAST_STRIPE_KEY_FILE is not set: Stripe itself was not asked. It names a file with a key sk_test_...")
	}
	key, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(key), "sk_test_") && !strings.HasPrefix(string(key), "rk_test_") {
		t.Fatal("the key in HOLDFAST_STRIPE_KEY_FILE is not one for tests: this test charges")
	}
	g, err := stripe.New(stripe.Config{Key: strings.TrimSpace(string(key))})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	in := charge("hf.smoke." + rand.Text())
	in.Order, in.Method.Customer, in.ReturnURL = in.Key, "", "https://shop.example/back"
	paid := g.Do(t.Context(), callOf(t, g, in))
	if paid.Answer != payment.Authorised || paid.AmountMinor != 9500 {
		t.Fatalf("authorise: %+v", paid)
	}
	if again := g.Do(t.Context(), callOf(t, g, in)); again.Ref != paid.Ref {
		t.Errorf("the same request again: %+v", again)
	}
	if got := g.Do(t.Context(), payment.Call{Operation: payment.LookUp, Ref: paid.Ref, Order: in.Order}); got.Answer != payment.Authorised {
		t.Errorf("look up: %+v", got)
	}
	void := payment.Intent{Operation: payment.Void, Key: in.Key + ".void", Order: in.Order, Ref: paid.Ref}
	if got := g.Do(t.Context(), callOf(t, g, void)); got.Answer != payment.Voided {
		t.Errorf("void: %+v", got)
	}
}

// TestAQuestionThatIsRefusedSaysNothing asks a server that finds fault with every question.
func TestAQuestionThatIsRefusedSaysNothing(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":{"type":"invalid_request_error","code":"parameter_invalid_integer"}}`)
	}))
	defer server.Close()
	g, err := stripe.New(stripe.Config{Key: stripetest.Key, Base: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	for _, call := range []payment.Call{
		{Operation: payment.LookUp, Order: "hf.x.a.e.p1"},
		{Operation: payment.LookUp, Order: "hf.x.a.e.p1", Ref: "pi_1"},
		{Operation: payment.LookUp, Order: "hf.x.a.e.p1", Ref: "pi_1", RefundRef: "r1"},
		{Operation: payment.LookUp, Order: "hf.x.a.e.p1", RefundRef: "r1"},
	} {
		if got := g.Do(t.Context(), call); got.Answer != payment.Unknown {
			t.Errorf("%+v: %+v", call, got)
		}
	}
}

// TestRefundsAreLookedThroughInPages fills the pages of a stand-in whose pages are of two refunds.
func TestRefundsAreLookedThroughInPages(t *testing.T) {
	g, _ := open(t)
	paid := g.Do(t.Context(), callOf(t, g, charge("k1")))
	g.Do(t.Context(), callOf(t, g, payment.Intent{Operation: payment.Capture, Key: "k2", Order: "hf.x.a.e.p1", Ref: paid.Ref, AmountMinor: 9500, Currency: "EUR"}))
	for i := range 23 {
		in := payment.Intent{Operation: payment.Refund, Key: fmt.Sprint("r", i), Order: "hf.x.a.e.p1", Ref: paid.Ref, AmountMinor: 1, Currency: "EUR"}
		if got := g.Do(t.Context(), callOf(t, g, in)); got.Answer != payment.Refunded {
			t.Fatalf("refund %d: %+v", i, got)
		}
	}
	for key, want := range map[string]payment.Answer{"r22": payment.Refunded, "r3": payment.Refunded, "r2": payment.Unknown} {
		got := g.Do(t.Context(), payment.Call{Operation: payment.LookUp, Order: "hf.x.a.e.p1", Ref: paid.Ref, RefundRef: key})
		if got.Answer != want {
			t.Errorf("%s: %+v, want %v", key, got, want)
		}
	}
}
