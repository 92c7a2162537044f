package actors

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
)

// takes is a gateway that takes every charge, after a while.
func takes(after time.Duration) *fakeGateway {
	g := newFakeGateway(after, nil)
	g.answer = func(call *payment.Call, _ int) payment.Result {
		r := payment.Result{Answer: payment.Captured, AmountMinor: 4500, Currency: "EUR", Ref: "ref-" + call.Order}
		switch call.Operation { //nolint:exhaustive // the others take the money, or give it back
		case payment.Authorise:
			r.Answer = payment.Authorised
		case payment.LookUp:
			r.Answer = payment.NotDone
		}
		return r
	}
	return g
}

func numbered(n int) (buyers []string) {
	for i := range n {
		buyers = append(buyers, fmt.Sprintf("b%03d", i))
	}
	return buyers
}

// bought is who was bought for, in that order.
func (b *autoBench) bought() (buyers []string) {
	for _, move := range b.moves.take() {
		if buyer, what, _ := strings.Cut(move, " "); what == "waits bought" {
			buyers = append(buyers, buyer)
		}
	}
	return buyers
}

// TestNobodyCanUseTheRequestOfAnAutoBuy: holds are numbered, so whoever may send a command could name them all beforehand.
func TestNobodyCanUseTheRequestOfAnAutoBuy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newAutoBench(t, newFakeLog(), &fakeVault{}, takes(10*time.Millisecond))
		defer b.stop()
		ask(t, b.Node, "e1", create("c", 0))
		b.waits("anna")
		for i := range 5 {
			ask(t, b.Node, "e1", engine.Command{Verb: engine.VerbRelease, RequestID: fmt.Sprint("auto-h", i), Buyer: "eve", Hold: "h99999"})
		}
		b.frees(1)
		time.Sleep(30 * time.Second)
		if got := b.bought(); !slices.Equal(got, []string{"anna"}) {
			t.Errorf("bought for %q", got)
		}
	})
}

// TestOffersStandAfterAnOutage: an outage takes nothing of the time of an offer, so a busy lane is waited for as before it.
func TestOffersStandAfterAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, v, lane, who := newFakeLog(), &fakeVault{}, LaneConfig{QueueMax: 2, Concurrency: 1}, numbered(12)
		b := newLaneBench(t, l, v, takes(2*time.Second), lane)
		ask(t, b.Node, "e1", create("c", 0))
		b.waits(who...)
		b.frees(12)
		time.Sleep(3100 * time.Millisecond)
		before := b.bought()
		left, kept := l.clone(), v.clone()
		b.stop()
		time.Sleep(20 * time.Minute)
		b = newLaneBench(t, left, kept, takes(2*time.Second), lane)
		defer b.stop()
		time.Sleep(4 * time.Minute)
		if lot := ask(t, b.Node, "e1", engine.Command{Verb: engine.VerbGet}).lots[0]; lot.Sold != 12 {
			t.Errorf("of 12 offers %d were bought, %d of them before the outage", lot.Sold, len(before))
		}
	})
}

// TestAFullLaneTakesOffersInTheirOrder: an offer that comes while others wait for the lane is behind them.
func TestAFullLaneTakesOffersInTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newLaneBench(t, newFakeLog(), &fakeVault{}, takes(500*time.Millisecond), LaneConfig{QueueMax: 2, Concurrency: 1})
		defer b.stop()
		ask(t, b.Node, "e1", create("c", 0))
		b.waits(numbered(100)...)
		b.moves.take()
		b.frees(20)
		for i := range 50 {
			time.Sleep(610 * time.Millisecond)
			b.frees(int64(21 + i))
		}
		got := b.bought()
		if len(got) < 20 {
			t.Fatalf("bought for %d only", len(got))
		}
		if want := numbered(len(got)); !slices.Equal(got, want) {
			t.Errorf("bought for %q", got)
		}
	})
}

// TestALobbyTakesNothingOfTheLane: the rate of the lanes is for lines in which somebody can buy.
func TestALobbyTakesNothingOfTheLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newAutoBench(t, newFakeLog(), &fakeVault{}, takes(10*time.Millisecond))
		defer b.stop()
		withLine := func(id string, open bool) {
			cmd := create("c", 50)
			cmd.Spec.Line, cmd.Spec.Open = &engine.LineSpec{Mode: engine.LineModeLine}, open
			ask(t, b.Node, id, cmd)
			synctest.Wait()
			if a := ask(t, b.Node, id, join("anna")); a.code != engine.CodeOK {
				t.Fatalf("join %s: %v", id, a.code)
			}
			time.Sleep(3 * time.Second)
		}
		withLine("e1", true)
		alone := perMinOf(t, b.Node)
		for i := range 3 {
			withLine(fmt.Sprint("lobby", i), false)
		}
		if beside := perMinOf(t, b.Node); beside != alone || alone == 0 {
			t.Errorf("%d purchases a minute alone, %d beside lobbies", alone, beside)
		}
	})
}
