package main

import (
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/holdfast-engine/holdfast/transport/gateway/sandbox"
)

// compare holds what the engine said against what the sandbox did, both ways. Refunds and voids of the last moment may still be on their way when the engine stops,
// so that it is started again and looked at until they agree.
func (r *sagaRun) compare(ledger string) {
	t := r.t
	c, nc := r.start()
	var wrong []string
	for deadline := time.Now().Add(patience); ; time.Sleep(200 * time.Millisecond) {
		truth, err := sandbox.ReadTruth(ledger)
		if err != nil {
			t.Fatal(err)
		}
		if wrong = r.differences(&truth); len(wrong) == 0 || time.Now().After(deadline) {
			break
		}
	}
	nc.Close()
	if state := c.end(t, syscall.SIGTERM); !state.Success() {
		t.Errorf("the engine ended with %v\n%s", state, c.logs)
	}
	for _, w := range wrong[:min(len(wrong), 20)] {
		t.Error(w)
	}
	live, err := r.sandbox.Truth(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if live.Misuses != 0 {
		t.Errorf("%d requests came with a key that had come with other bytes", live.Misuses)
	}
	if err := run(t.Context(), []string{"verify", r.data}, new(output), new(output)); err != nil {
		t.Errorf("verify: %v", err)
	}
	states := map[string]int{}
	for _, g := range r.sagas {
		if g.view.Purchase != nil {
			states[g.view.Purchase.State]++
		}
		if g.undone {
			states["undone"]++
		}
		if g.refunded > 0 {
			states["refunded"]++
		}
	}
	t.Logf("%d purchases, %d kills, which met %d purchases under way and left %d requests without an answer; %d answers of which %d were repeats, and %d refusals for the moment",
		len(r.sagas), *sagaKills, r.underway, r.cut, r.answered.Load(), r.repeated.Load(), r.refused.Load())
	t.Logf("%v; the sandbox saw %+v; %d differences", states, live.Counts, len(wrong))
	for _, state := range []string{"sold", "declined", "refunded"} {
		if states[state] == 0 {
			t.Errorf("no purchase was ever %s: the load is not what it should be", state)
		}
	}
}

// differences lists where the engine and the sandbox disagree.
func (r *sagaRun) differences(truth *sandbox.Truth) (wrong []string) {
	known := map[string]*saga{}
	for _, g := range r.sagas {
		if g.purchase == "" {
			wrong = append(wrong, fmt.Sprintf("%s never had an answer", g.buyer))
			continue
		}
		known[g.event+"."+g.purchase] = g
	}
	ever := map[string]int{} // charges that cost the buyer something at some time
	for _, c := range truth.Charges {
		if c.State != sandbox.Declined && (c.State != sandbox.Voided || c.Secret == "") {
			ever[c.Order]++
		}
	}
	seen := map[string]bool{}
	for order, sum := range truth.Orders {
		parts := strings.Split(order, ".")
		name := strings.Join(parts[3:], ".")
		seen[name] = true
		g := known[name]
		switch {
		case g == nil && (sum.Charges > 0 || sum.ReservedMinor > 0):
			wrong = append(wrong, fmt.Sprintf("%s: charged %+v, and nobody has bought it", order, sum))
			continue
		case g == nil:
			continue
		case ever[order] > 1:
			wrong = append(wrong, fmt.Sprintf("%s of %s: %d charges were made", order, g.buyer, ever[order]))
		}
		var want int64
		if p := g.view.Purchase; p.State == "sold" && !g.undone {
			want = p.TotalMinor - g.refunded
		}
		if sum.TakenMinor != want || sum.ReservedMinor != 0 || sum.Undecided != 0 {
			wrong = append(wrong, fmt.Sprintf("%s of %s is %s (%s, undone %v, refunded %d): %d should be taken, but %+v",
				order, g.buyer, g.view.Purchase.State, g.view.Purchase.Charge, g.undone, g.refunded, want, sum))
		}
	}
	for name, g := range known {
		if g.view.Purchase.State == "sold" && !seen[name] {
			wrong = append(wrong, fmt.Sprintf("%s of %s has a ticket and no charge", name, g.buyer))
		}
	}
	return wrong
}
