package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/holdfast-engine/holdfast/actors"
	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
	"github.com/holdfast-engine/holdfast/transport/gateway/sandbox"
)

// savedMethods are wallets in which each buyer has one method: the buyer's id begins with its token at the sandbox, as in sbx_ok-b1.
type savedMethods struct{ gateway actors.Gateway }

// Annotate implements actors.Wallets.
func (m savedMethods) Annotate(_ string, cmd *engine.Command) {
	note := &cmd.Payment.Note
	kind := payment.MethodCard
	if strings.HasPrefix(cmd.Buyer, "sbx_redirect") {
		kind = payment.MethodRedirect
	}
	note.Known, note.Method, note.Gateway, note.Kind, note.Can = true, "m1", m.gateway.Name(), kind, m.gateway.Capabilities(kind)
	note.Agreement, note.Brand, note.LastFour = "v1", "visa", "4242"
}

// Method implements actors.Wallets.
func (savedMethods) Method(_, buyer, _ string) (payment.Method, error) {
	token, _, _ := strings.Cut(buyer, "-")
	kind := payment.MethodCard
	if strings.HasPrefix(token, "sbx_redirect") {
		kind = payment.MethodRedirect
	}
	return payment.Method{Token: token, Customer: "cus_" + buyer, Kind: kind}, nil
}

// bought is what these tests read of an answer.
type bought struct {
	RequestID string     `json:"request_id"`
	Error     *wireError `json:"error"`
	Repeated  bool       `json:"repeated"`
	Purchase  *struct {
		ID           string `json:"id"`
		State        string `json:"state"`
		TotalMinor   int64  `json:"total_minor"`
		LanePlace    int64  `json:"lane_place"`
		EtaMs        int64  `json:"eta_ms"`
		Decline      string `json:"decline"`
		HoldLives    bool   `json:"hold_lives"`
		ClientSecret string `json:"client_secret"`
		RedirectURL  string `json:"redirect_url"`
		Charge       string `json:"charge"`
	} `json:"purchase"`
	Order *struct {
		ID      string `json:"id"`
		Tickets []struct {
			ID    string `json:"id"`
			State string `json:"state"`
		} `json:"tickets"`
	} `json:"order"`
	Hold *struct {
		ID    string `json:"id"`
		State string `json:"state"`
	} `json:"hold"`
}

// paying is an engine with a sandbox that the test sees into, and a caller who speaks JSON over plain NATS.
type paying struct {
	t       *testing.T
	p       *process
	nc      *nats.Conn
	sandbox *sandbox.Gateway
}

// payingWith starts an engine whose buyers pay through a sandbox.
func payingWith(t *testing.T, s sandbox.Config, change func(*processConfig)) *paying {
	t.Helper()
	g, err := sandbox.New(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	c := quietConfig(t)
	c.gateways = gatewaySettings{names: []string{gatewayNone}, extra: []actors.Gateway{g}}
	c.wallets = savedMethods{g}
	c.bounds.actors.Lane.Rate = 1000
	if change != nil {
		change(&c)
	}
	x := &paying{t: t, sandbox: g}
	x.start(c)
	x.ask("holdfast.v1.events.night.create", `{"request_id":"c1","name":"Night One","country":"NL","city":"Utrecht","currency":"EUR","hold_ttl_ms":120000,"open":true,
		"undo_ms":0,"lots":[{"lot":"ga","face_minor":4500,"fees":[{"name":"service","minor":250}],"capacity":1000}]}`)
	return x
}

func (x *paying) start(c processConfig) {
	x.t.Helper()
	p, err := startProcess(x.t.Context(), c)
	if err != nil {
		x.t.Fatal(err)
	}
	x.p = p
	x.t.Cleanup(func() {
		if err := p.stop(); err != nil {
			x.t.Error(err)
		}
	})
	if x.nc, err = nats.Connect(p.natsURL); err != nil {
		x.t.Fatal(err)
	}
	x.t.Cleanup(x.nc.Close)
}

// ask sends a JSON body and reads the answer.
func (x *paying) ask(subject, body string) bought {
	x.t.Helper()
	m, err := x.nc.Request(subject, []byte(body), patience)
	if err != nil {
		x.t.Fatalf("%s: %v", subject, err)
	}
	var b bought
	if err := json.Unmarshal(m.Data, &b); err != nil {
		x.t.Fatalf("%s answers %s: %v", subject, m.Data, err)
	}
	return b
}

// buy asks for a ticket with one click, and waits up to wait for the final state.
func (x *paying) buy(request, buyer string, wait time.Duration) bought {
	x.t.Helper()
	return x.ask("holdfast.v1.events.night.buy", fmt.Sprintf(`{"request_id":%q,"buyer":%q,"items":[{"lot":"ga","quantity":1}],"wait_ms":%d}`,
		request, buyer, wait.Milliseconds()))
}

// purchase reads a purchase.
func (x *paying) purchase(buyer, id string) bought {
	x.t.Helper()
	return x.ask("holdfast.v1.events.night.purchase", fmt.Sprintf(`{"buyer":%q,"purchase":%q}`, buyer, id))
}

// TestABuyInJSONIsSold is the whole way: JSON over NATS, the event, the log on disk, the lane, the sandbox, and back.
func TestABuyInJSONIsSold(t *testing.T) {
	x := payingWith(t, sandbox.Config{}, nil)
	b := x.buy("b1", "sbx_ok-anna", 20*time.Second)
	if b.Error != nil || b.Purchase == nil || b.Purchase.State != "sold" || b.Purchase.TotalMinor != 4750 || b.Order == nil || len(b.Order.Tickets) != 1 || b.Repeated {
		t.Fatalf("answered %+v, %+v", b, b.Purchase)
	}
	again := x.buy("b1", "sbx_ok-anna", 0)
	if again.Purchase == nil || again.Purchase.ID != b.Purchase.ID || again.Purchase.State != "sold" || !again.Repeated {
		t.Errorf("a repeat is answered %+v, %+v", again, again.Purchase)
	}
	eventually(t, "it is captured", func() bool { return x.purchase("sbx_ok-anna", b.Purchase.ID).Purchase.Charge == "captured" })
	if truth := x.sandbox.Truth(); len(truth.Charges) != 1 || truth.Charges[0].CapturedMinor != 4750 {
		t.Errorf("the sandbox has %+v", truth.Charges)
	}
}

// TestEachTokenEndsAsItSays buys with each of the sandbox's tokens that says how it ends, all at once.
func TestEachTokenEndsAsItSays(t *testing.T) {
	x := payingWith(t, sandbox.Config{}, nil)
	for buyer, want := range map[string]string{
		"sbx_ok-a": "sold", "sbx_decline_soft-a": "declined", "sbx_decline_hard-a": "declined", "sbx_timeout_charged-a": "sold", "sbx_timeout_before-a": "sold",
		"sbx_error_charged-a": "sold", "sbx_throttle-a": "sold", "sbx_slow_200-a": "sold", "sbx_pending_300-a": "sold", "sbx_wrong_amount-a": "declined",
		"sbx_wrong_currency-a": "declined", "sbx_auth-a": "action_required",
	} {
		t.Run(strings.TrimSuffix(buyer, "-a"), func(t *testing.T) {
			b := x.buy("b-"+buyer, buyer, 0)
			if b.Purchase == nil {
				t.Fatalf("answered %+v", b.Error)
			}
			state := func() string { return x.purchase(buyer, b.Purchase.ID).Purchase.State }
			eventually(t, "it is "+want, func() bool { return state() == want })
			end := x.purchase(buyer, b.Purchase.ID)
			if lives := buyer == "sbx_decline_soft-a"; end.Purchase.HoldLives != lives {
				t.Errorf("its hold lives: %v, want %v", end.Purchase.HoldLives, lives)
			}
			if want != "action_required" {
				return
			}
			if end.Purchase.ClientSecret == "" {
				t.Fatalf("it wants the buyer to authenticate and does not say how: %+v", end.Purchase)
			}
			if err := x.sandbox.Authenticate(end.Purchase.ClientSecret, true); err != nil {
				t.Fatal(err)
			}
			x.ask("holdfast.v1.events.night.complete", fmt.Sprintf(`{"request_id":"done","buyer":%q,"purchase":%q}`, buyer, b.Purchase.ID))
			eventually(t, "it is sold", func() bool { return state() == "sold" })
		})
	}
}

// TestARestartTakesUpUnfinishedCharges stops an engine while charges are under way at a gateway that is slow or does not answer, and starts it again: each
// has one charge at the end, and its tickets.
func TestARestartTakesUpUnfinishedCharges(t *testing.T) {
	x := payingWith(t, sandbox.Config{}, func(c *processConfig) { c.bounds.actors.Lane.CallTimeout = 300 * time.Millisecond })
	x.sandbox.SetMode(sandbox.Silent)
	ids := map[string]string{}
	for i := range 20 {
		buyer := fmt.Sprintf("sbx_ok-b%d", i)
		b := x.buy("b-"+buyer, buyer, 0)
		if b.Purchase == nil {
			break // the breaker has opened
		}
		ids[buyer] = b.Purchase.ID
	}
	x.nc.Close()
	if err := x.p.stop(); err != nil {
		t.Fatal(err)
	}
	x.sandbox.SetMode(sandbox.Up)
	x.start(x.p.config)
	for buyer, id := range ids {
		eventually(t, buyer+" has tickets", func() bool { return x.purchase(buyer, id).Purchase.State == "sold" })
	}
	truth := x.sandbox.Truth()
	if len(ids) == 0 || len(truth.Charges) != len(ids) {
		t.Errorf("%d purchases have %d charges", len(ids), len(truth.Charges))
	}
}
