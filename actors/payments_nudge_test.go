package actors

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/holdfast-engine/holdfast/engine/payment"
)

func TestANudgeLooksUpAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var done atomic.Bool
		g := newFakeGateway(0, func(call *payment.Call, nth int) payment.Result {
			if !done.Load() {
				return payment.Result{Answer: payment.ActionNeeded, Ref: "ch", ClientSecret: "s"}
			}
			return yes(call, nth)
		})
		_, events, n := fakeLane(t, g, LaneConfig{})
		give(n, wanted(n, payment.Authorise, 1))
		time.Sleep(10 * time.Second)
		done.Store(true)
		if err := n.Nudge(t.Context(), "fake", "hf.i1._.e1.p1"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		if got := events.told(); len(got) != 2 || got[1].Answer != payment.Authorised {
			t.Errorf("two seconds after the nudge the event was told %+v", got)
		}
		if asked := len(g.of(payment.LookUp)); asked != 1 {
			t.Errorf("%d look-ups for one nudge", asked)
		}
	})
}

func TestNudgesOfOthersDoNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newFakeGateway(0, yes)
		_, _, n := fakeLane(t, g, LaneConfig{})
		for _, order := range []string{"", "hf", "order-77", "hf.i2._.e1.p1", "hf.i1._.e1.x1", "hf.i1._.e1.p1.p1", "hf.i1._.e*.p1", "hf.i1._.nowhere.p1"} {
			if err := n.Nudge(t.Context(), "fake", order); !errors.Is(err, ErrNotOurs) {
				t.Errorf("%q: %v", order, err)
			}
		}
		if err := n.Nudge(t.Context(), "none", "hf.i1._.e1.p1"); !errors.Is(err, ErrNoGateway) {
			t.Errorf("a gateway that is not there: %v", err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(g.calls) != 0 {
			t.Errorf("%d calls", len(g.calls))
		}
	})
}
