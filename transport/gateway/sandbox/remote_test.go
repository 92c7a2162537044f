package sandbox_test

import (
	"fmt"
	"net/http/httptest"
	"testing"

	"github.com/holdfast-engine/holdfast/engine/payment"
	"github.com/holdfast-engine/holdfast/transport/gateway/sandbox"
)

func TestSandboxElsewhere(t *testing.T) {
	d := open(t, sandbox.Config{})
	server := httptest.NewServer(sandbox.Handler(d.g))
	defer server.Close()
	remote, err := sandbox.Dial(server.URL, "")
	if err != nil {
		t.Fatal(err)
	}
	defer remote.Close()
	in := payment.Intent{
		Operation: payment.Authorise, Key: "k", Order: "o", AmountMinor: 9500, Currency: "EUR", OnSession: true,
		Method: payment.Method{Token: "sbx_auth", Kind: payment.MethodCard},
	}
	body, err := remote.Prepare(in)
	if err != nil {
		t.Fatal(err)
	}
	call := payment.Call{Operation: in.Operation, Key: in.Key, Order: in.Order, Body: body}
	asked := remote.Do(t.Context(), call)
	if asked.Answer != payment.ActionNeeded || asked.ClientSecret == "" {
		t.Fatalf("%+v", asked)
	}
	if again := remote.Do(t.Context(), call); again != asked {
		t.Errorf("the same request again: %+v, want %+v", again, asked)
	}
	if err := remote.Authenticate(t.Context(), asked.ClientSecret, true); err != nil {
		t.Fatal(err)
	}
	if err := remote.Authenticate(t.Context(), asked.ClientSecret, true); err == nil {
		t.Error("a secret was good twice")
	}
	lookUp := payment.Call{Operation: payment.LookUp, Order: "o"}
	if got := remote.Do(t.Context(), lookUp); got.Answer != payment.Authorised || got.AmountMinor != 9500 || got.Currency != "EUR" {
		t.Errorf("%+v", got)
	}
	truth, err := remote.Truth(t.Context())
	if err != nil || fmt.Sprint(truth.Orders) != fmt.Sprint(d.g.Truth().Orders) {
		t.Errorf("the truth over HTTP is %+v (%v)", truth.Orders, err)
	}
	if err := remote.SetMode(t.Context(), sandbox.Refusing); err != nil {
		t.Fatal(err)
	}
	if got := remote.Do(t.Context(), lookUp); got.Answer != payment.NotDone {
		t.Errorf("refusing: %+v", got)
	}
	server.Close()
	remote.Close() // a connection that is open still: then nobody would know whether the request arrived
	if got := remote.Do(t.Context(), lookUp); got.Answer != payment.NotDone {
		t.Errorf("nobody listens: %+v, want not done, as nothing was sent", got)
	}
}

func TestDialRefusesWhatIsNoAddress(t *testing.T) {
	for _, base := range []string{"", "127.0.0.1:8490", "https://sandbox.example", "http://"} {
		if _, err := sandbox.Dial(base, ""); err == nil {
			t.Errorf("%q was taken for an address", base)
		}
	}
}
