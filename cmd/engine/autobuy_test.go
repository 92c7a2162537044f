package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/transport/gateway/sandbox"
)

// said asks and returns the whole answer, which must be no refusal.
func (x *paying) said(subject, body string) string {
	x.t.Helper()
	m, err := x.nc.Request(subject, []byte(body), patience)
	if err != nil {
		x.t.Fatalf("%s: %v", subject, err)
	}
	if strings.Contains(string(m.Data), `"error"`) {
		x.t.Fatalf("%s %s: %s", subject, body, m.Data)
	}
	return string(m.Data)
}

// waits puts a buyer who has agreed to be charged on the waiting list, with a method of the sandbox.
func (x *paying) waits(buyer, token string) {
	x.t.Helper()
	x.said("holdfast.v1.buyers."+buyer+".save", fmt.Sprintf(`{"request_id":"s1","gateway":"sandbox","kind":"card","token":%q,"expiry_year":2099,"expiry_month":1}`, token))
	x.said("holdfast.v1.buyers."+buyer+".agree", `{"request_id":"a1","scope":"auto_buy","version":"terms-1"}`)
	x.said("holdfast.v1.events.full.wait", fmt.Sprintf(`{"request_id":"w-%s","buyer":%q,"wishes":[{"lot":"ga","quantity":1}],"auto_buy":true}`, buyer, buyer))
}

// TestTheWaitingListBuysThroughTheSandbox frees tickets for buyers who have agreed to be charged: methods that are declined or gone leave the tickets to the next, and a
// restart in the middle charges nobody twice and offers nothing twice.
func TestTheWaitingListBuysThroughTheSandbox(t *testing.T) {
	x := payingWith(t, sandbox.Config{}, func(c *processConfig) { c.wallets = nil })
	x.said("holdfast.v1.events.full.create", `{"request_id":"c1","name":"Full House","currency":"EUR","open":true,"undo_ms":0,"lots":[{"lot":"ga","face_minor":1000,"capacity":0}]}`)
	buyers := []struct{ name, token, ends string }{
		{"anna", "sbx_ok.anna", "bought"},
		{"ben", "sbx_decline_hard", "unpaid"},
		{"cleo", "sbx_ok.cleo", "unpaid"},
		{"dora", "sbx_slow_300", "bought"},
		{"emil", "sbx_timeout_charged", "bought"},
		{"fay", "sbx_slow_300", "bought"},
		{"gus", "sbx_ok.gus", "waiting"},
	}
	for _, b := range buyers {
		x.waits(b.name, b.token)
	}
	x.said("holdfast.v1.buyers.cleo.remove", `{"request_id":"r1","method":"m1"}`)
	frees := func(request string, capacity int) {
		x.said("holdfast.v1.events.full.capacity", fmt.Sprintf(`{"request_id":%q,"lot":"ga","capacity":%d}`, request, capacity))
	}
	is := func(buyer, state string) func() bool {
		return func() bool {
			return strings.Contains(x.said("holdfast.v1.events.full.place", fmt.Sprintf(`{"buyer":%q}`, buyer)), fmt.Sprintf(`"state":%q`, state))
		}
	}
	frees("p1", 2)
	for _, b := range buyers[:4] {
		eventually(t, b.name+" is "+b.ends, is(b.name, b.ends))
	}
	frees("p2", 4)
	time.Sleep(20 * time.Millisecond) // somewhere in the middle: any moment will do
	x.nc.Close()
	if err := x.p.stop(); err != nil {
		t.Fatal(err)
	}
	x.start(x.p.config)
	for _, b := range buyers {
		eventually(t, b.name+" is "+b.ends, is(b.name, b.ends))
	}
	got := x.said("holdfast.v1.events.full.get", `{}`)
	wants(t, got, `"orders":4`, `"sold":4`)
	charged := 0
	for _, c := range x.sandbox.Truth().Charges {
		if c.State == sandbox.Authorised || c.State == sandbox.Captured {
			charged++
		}
	}
	if charged != 4 {
		t.Errorf("4 tickets were sold and %d charges made: %+v", charged, x.sandbox.Truth().Charges)
	}
}
