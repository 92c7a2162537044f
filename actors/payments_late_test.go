package actors

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/holdfast-engine/holdfast/engine/payment"
)

// slowFinder finds what was done a quarter of an hour later.
type slowFinder struct{ *fakeGateway }

// FindsLate implements LateFinder.
func (slowFinder) FindsLate() time.Duration { return 15 * time.Minute }

func TestAGatewayThatFindsLateIsNotBelievedEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newFakeGateway(10*time.Millisecond, func(call *payment.Call, nth int) payment.Result {
			r := yes(call, nth)
			if call.Operation == payment.LookUp {
				r.Answer = payment.NotFound
			}
			return r
		})
		l, events, n := fakeLane(t, g, LaneConfig{})
		l.lostAfter = newLane(n, slowFinder{g}).lostAfter
		w, _ := resumed(l, n, events, payment.Cancel, 7, time.Hour, true)
		give(n, w)
		time.Sleep(15 * time.Minute)
		synctest.Wait()
		if told := events.told(); len(told) != 0 {
			t.Fatalf("told %+v while the gateway's search may still be behind", told)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if told := events.told(); len(told) != 1 || told[0].Answer != payment.Voided {
			t.Fatalf("told %+v when its search has caught up", told)
		}
	})
}
