package main

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/holdfast-engine/holdfast/engine/line"
	"github.com/holdfast-engine/holdfast/transport/gateway/sandbox"
	"github.com/holdfast-engine/holdfast/transport/ticket"
)

// inLine is what these tests read of answers and messages about a line.
type inLine struct {
	Error *wireError `json:"error"`
	Place *struct {
		Buyer   string          `json:"buyer"`
		Entry   uint32          `json:"entry"`
		Place   uint32          `json:"place"`
		State   string          `json:"state"`
		Until   time.Time       `json:"until"`
		Receipt json.RawMessage `json:"receipt"`
		Pass    string          `json:"pass"`
		Chance  *struct {
			Told string `json:"told"`
		} `json:"chance"`
		Prices []struct {
			TotalMinor int64 `json:"total_minor"`
		} `json:"prices"`
	} `json:"place"`
	Line *struct {
		Phase  string    `json:"phase"`
		Commit line.Hash `json:"commit"`
		Root   line.Hash `json:"root"`
		Seed   line.Hash `json:"seed"`
		Leaves []line.Hash
	} `json:"line"`
}

// lined is a caller who speaks JSON over plain NATS to an engine with a line.
type lined struct{ *paying }

func (x lined) say(verb, body string) inLine {
	x.t.Helper()
	var got inLine
	m, err := x.nc.RequestWithContext(within(x.t), "holdfast.v1.events.gala."+verb, []byte(body))
	if err == nil {
		err = json.Unmarshal(m.Data, &got)
	}
	if err != nil {
		x.t.Fatalf("%s %s: %v", verb, body, err)
	}
	return got
}

// must is say for what has to be accepted.
func (x lined) must(verb, body string) inLine {
	x.t.Helper()
	got := x.say(verb, body)
	if got.Error != nil {
		x.t.Fatalf("%s %s is refused: %+v", verb, body, got.Error)
	}
	return got
}

// refused is say for what has to be refused with a code.
func (x lined) refused(code, verb, body string) {
	x.t.Helper()
	if got := x.say(verb, body); got.Error == nil || got.Error.Code != code {
		x.t.Errorf("%s %s is answered %+v, and should be refused %s", verb, body, got.Error, code)
	}
}

// hear waits for a message for which ok is true.
func (x lined) hear(sub *nats.Subscription, what string, ok func(*inLine) bool) *inLine {
	x.t.Helper()
	for {
		m, err := sub.NextMsgWithContext(within(x.t))
		if err != nil {
			x.t.Fatalf("nothing is heard of %s: %v", what, err)
		}
		var got inLine
		if err := json.Unmarshal(m.Data, &got); err != nil {
			x.t.Fatalf("%s: %v", m.Data, err)
		}
		if ok(&got) {
			return &got
		}
	}
}

// A buyer's whole way through a line, as a caller in any language goes it: join, watch, be admitted, buy with the pass. And what the pass is not good for: another buyer, a second order, and anything
// after its deadline.
func TestALineAsAPlainClientSeesIt(t *testing.T) {
	x := lined{payingWith(t, sandbox.Config{}, nil)}
	watch, err := x.nc.SubscribeSync("holdfast.v1.line.gala")
	if err != nil {
		t.Fatal(err)
	}
	own, err := x.nc.SubscribeSync("holdfast.v1.line.gala.*")
	if err != nil {
		t.Fatal(err)
	}
	x.must("create", `{"request_id":"c1","currency":"EUR","undo_ms":0,"line":{"mode":"line","pass_ttl_ms":600000,"shoppers_max":1},
		"lots":[{"lot":"ga","face_minor":4500,"capacity":10}]}`)
	x.hear(watch, "the lobby", func(m *inLine) bool { return m.Line.Phase == "lobby" })
	keys := x.keys()
	const buyers = 4
	leaves := make([]line.Hash, buyers)
	var commit line.Hash
	for i := range buyers {
		p := x.must("join", fmt.Sprintf(`{"request_id":"j%d","buyer":"sbx_ok-b%d","wants":1}`, i, i)).Place
		r, err := line.ParseReceipt(p.Receipt)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Verify(keys(r.KeyID)); err != nil {
			t.Error(err)
		}
		leaves[i], commit = r.Leaf(), r.Commit
	}
	x.refused("not_on_sale", "hold", `{"request_id":"early","buyer":"sbx_ok-b1","items":[{"lot":"ga","quantity":1}]}`)
	x.must("open", `{"request_id":"o1"}`)
	closed := x.hear(watch, "the root", func(m *inLine) bool { return m.Line.Root != line.Hash{} })
	if closed.Line.Root != line.Root(leaves) || closed.Line.Commit != commit || closed.Line.Phase == "serving" && closed.Line.Seed != (line.Hash{}) {
		t.Errorf("the closed lobby is published as %+v", closed.Line)
	}
	drawn := x.hear(watch, "the draw", func(m *inLine) bool { return m.Line.Phase == "serving" })
	if line.Commit(line.Seed(drawn.Line.Seed)) != commit {
		t.Error("the seed is not the one that was promised")
	}
	places := line.Places(line.Seed(drawn.Line.Seed), closed.Line.Root, "", leaves)

	first := x.hear(own, "who is admitted", func(m *inLine) bool { return m.Place.State == "admitted" }).Place
	if first.Place != 1 || places[first.Entry-1] != 1 || len(first.Prices) != 1 || first.Prices[0].TotalMinor != 4500 {
		t.Errorf("the first who is admitted has %+v", first)
	}
	set, err := ticket.ParseKeySet(x.jwks())
	if err != nil {
		t.Fatal(err)
	}
	if pass, err := ticket.VerifyPass(first.Pass, set, time.Now()); err != nil || pass.Buyer != first.Buyer || pass.Event != "gala" {
		t.Errorf("the pass says %+v, %v", pass, err)
	}
	other := first.Buyer
	for i := range buyers {
		if buyer := fmt.Sprintf("sbx_ok-b%d", i); buyer != first.Buyer {
			other = buyer
		}
	}
	for verb, more := range map[string]string{"hold": "", "offer": "", "buy": `,"wait_ms":0`} {
		x.refused("pass_required", verb, fmt.Sprintf(`{"request_id":"o-%s","buyer":%q,"items":[{"lot":"ga","quantity":1}]%s}`, verb, other, more))
	}

	x.must("update", `{"request_id":"u1","line":{"pass_ttl_ms":10000}}`) // the next pass is to run out; this one must not, however slow the machine is
	sold := x.ask("holdfast.v1.events.gala.buy", fmt.Sprintf(`{"request_id":"b1","buyer":%q,"wait_ms":10000,"items":[{"lot":"ga","quantity":1}]}`, first.Buyer))
	if sold.Purchase == nil || sold.Purchase.State != "sold" || sold.Order == nil {
		t.Fatalf("with the pass a buy is answered %+v", sold)
	}
	x.refused("pass_required", "hold", fmt.Sprintf(`{"request_id":"again","buyer":%q,"items":[{"lot":"ga","quantity":1}]}`, first.Buyer))
	if p := x.must("place", fmt.Sprintf(`{"buyer":%q}`, first.Buyer)).Place; p.State != "spent" || p.Pass != "" {
		t.Errorf("after the order the place is %+v", p)
	}

	second := x.hear(own, "the next who is admitted", func(m *inLine) bool { return m.Place.State == "admitted" && m.Place.Buyer != first.Buyer }).Place
	if second.Place != 2 {
		t.Errorf("the next who is admitted has place %d", second.Place)
	}
	x.hear(own, "the end of the second pass", func(m *inLine) bool { return m.Place.State == "lapsed" && m.Place.Buyer == second.Buyer })
	x.refused("pass_expired", "hold", fmt.Sprintf(`{"request_id":"late","buyer":%q,"items":[{"lot":"ga","quantity":1}]}`, second.Buyer))
	x.refused("pass_expired", "buy", fmt.Sprintf(`{"request_id":"late-b","buyer":%q,"wait_ms":0,"items":[{"lot":"ga","quantity":1}]}`, second.Buyer))
	if _, err := ticket.VerifyPass(second.Pass, set, time.Now()); err == nil {
		t.Error("a pass is verified after its end")
	}
}

// jwks are the account's public keys, as NATS tells them.
func (x lined) jwks() []byte {
	x.t.Helper()
	m, err := x.nc.RequestWithContext(within(x.t), "holdfast.v1.jwks", nil)
	if err != nil {
		x.t.Fatal(err)
	}
	return m.Data
}

// keys finds a public key by its id.
func (x lined) keys() func(kid string) ed25519.PublicKey {
	set, err := ticket.ParseKeySet(x.jwks())
	if err != nil {
		x.t.Fatal(err)
	}
	return func(kid string) ed25519.PublicKey {
		for i := range set.Keys {
			if key, ok := set.Keys[i].Key.(ed25519.PublicKey); ok && set.Keys[i].KeyID == kid {
				return key
			}
		}
		return nil
	}
}
