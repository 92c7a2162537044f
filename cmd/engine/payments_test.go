package main

import (
	"testing"

	"github.com/holdfast-engine/holdfast/transport/gateway/sandbox"
)

// TestOperatorsSetLanesAndOneClick sets what operators may set of payments, and finds it in the audit and after a restart.
func TestOperatorsSetLanesAndOneClick(t *testing.T) {
	x := payingWith(t, sandbox.Config{}, nil)
	url := x.p.natsURL
	run := func(args ...string) string { return must(t, append(args, "--nats", url)...) }
	wants(t, run("lane", "show"), "sandbox: 1000 calls a second")
	wants(t, run("lane", "set", "sandbox", "--rate", "40", "--as", "maria"), "sandbox: 40 calls a second", "0 purchases wait")
	_, err := engineRun(t, "lane", "set", "other", "--rate", "40", "--nats", url)
	refuses(t, err, "no gateway other")
	wants(t, run("one-click", "show"), "everywhere: on for 100 % of buyers")
	wants(t, run("one-click", "set", "--share", "50"), "everywhere: on for 50 % of buyers")
	_, err = engineRun(t, "one-click", "set", "--share", "49", "--nats", url)
	refuses(t, err, "only grows")
	wants(t, run("one-click", "set", "--off"), "everywhere: off; when on again for 50 % of buyers")
	if b := x.buy("off", "sbx_ok-b1", 0); b.Error == nil || b.Error.Code != "one_click_off" {
		t.Errorf("with one-click checkout off, a buy is answered %+v", b)
	}
	wants(t, run("one-click", "set", "--on", "--share", "100"), "everywhere: on for 100 % of buyers")
	wants(t, run("one-click", "set", "--event", "night", "--off"), "event night: off")
	if b := x.buy("off2", "sbx_ok-b1", 0); b.Error == nil || b.Error.Code != "one_click_off" {
		t.Errorf("with one-click checkout off in the event, a buy is answered %+v", b)
	}
	wants(t, run("one-click", "set", "--event", "night", "--on"), "event night: on")
	wants(t, run("one-click", "show", "--event", "night"), "event night: on")
	if b := x.buy("on", "sbx_ok-b1", 0); b.Error != nil {
		t.Errorf("with one-click checkout on, a buy is answered %+v", b.Error)
	}
	_, err = engineRun(t, "purchase", "resolve", "night", "p1", "captured", "--nats", url)
	refuses(t, err, "wrong_state")
	wants(t, run("admin", "audit"), "maria (declared)  lane gateway=sandbox rate_milli=40000: ok", "one-click share=4900: invalid", "resolve event=night purchase=p1 answer=captured: wrong_state")

	x.nc.Close()
	if err := x.p.stop(); err != nil {
		t.Fatal(err)
	}
	x.start(x.p.config)
	url = x.p.natsURL
	wants(t, run("lane", "show", "sandbox"), "sandbox: 40 calls a second")
	wants(t, run("one-click", "show"), "everywhere: on for 100 % of buyers")
}
