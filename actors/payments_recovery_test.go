package actors

import (
	"bytes"
	"crypto/sha256"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
)

// resumed is work whose intent was durable when a process fell, some time ago, with the bytes in the vault or not.
func resumed(l *lane, n *Node, events *fakeEvents, op payment.Operation, p engine.PurchaseID, ago time.Duration, kept bool) (engine.Work, []byte) {
	w := wanted(n, op, p)
	asks := op == payment.LookUp || op == payment.Cancel
	at := n.clock.Now() - engine.Instant(ago)
	c := newCharge(l, engine.Key{Account: engine.SingleAccount, Kind: engine.KindEvent, ID: "e1"}, &w)
	intent := c.intent(c.work.Operation)
	intent.Method = payment.Method{Token: "as it was then"}
	body, _ := (*fakeGateway)(nil).Prepare(intent)
	if asks {
		w.Asked, w.AskedHash = at, sha256.Sum256(body)
	} else {
		w.Intended, w.Hash = at, sha256.Sum256(body)
	}
	if kept {
		s, _ := events.vault.Seal(engine.SingleAccount, w.Buyer, intent.Key, body)
		events.vault.keep([]engine.Sealed{s})
	}
	return w, body
}

// TestAfterARestartEveryChargeIsTakenUpWhereItWas resumes charges at each point at which a process may fall.
func TestAfterARestartEveryChargeIsTakenUpWhereItWas(t *testing.T) {
	day := 24 * time.Hour
	for _, c := range []struct {
		name    string
		op      payment.Operation
		ago     time.Duration
		kept    bool
		found   payment.Answer // by a look-up
		calls   []payment.Operation
		intents int
		attempt uint32
		told    payment.Answer
	}{
		{"sent again as it was", payment.Authorise, time.Minute, true, payment.NotFound, []payment.Operation{payment.Authorise}, 0, 0, payment.Authorised},
		{"its bytes are lost, and it has arrived", payment.Authorise, time.Hour, false, payment.Authorised, []payment.Operation{payment.LookUp}, 0, 0, payment.Authorised},
		{"its bytes are lost, and it has not", payment.Authorise, time.Hour, false, payment.NotFound, []payment.Operation{payment.LookUp, payment.Authorise}, 1, 1, payment.Authorised},
		{"its key is old, and it has arrived", payment.Authorise, day, true, payment.Captured, []payment.Operation{payment.LookUp}, 0, 0, payment.Captured},
		{"its key is old, and it has not", payment.Authorise, day, true, payment.NotFound, []payment.Operation{payment.LookUp}, 0, 0, payment.NotFound},
		{"the buyer came back, and it had not arrived", payment.LookUp, time.Minute, true, payment.NotFound, []payment.Operation{payment.LookUp, payment.Authorise}, 0, 0, payment.Authorised},
		{"its time is over, and it was declined", payment.Cancel, time.Minute, true, payment.DeclinedHard, []payment.Operation{payment.LookUp}, 0, 0, payment.DeclinedHard},
		{"its time is over, and the buyer never came back", payment.Cancel, time.Minute, true, payment.ActionNeeded, []payment.Operation{payment.LookUp, payment.Cancel}, 1, 0, payment.Voided},
		{"its time is over, and it never left", payment.Cancel, time.Hour, false, payment.NotFound, []payment.Operation{payment.LookUp}, 0, 0, payment.Voided},
		{"a capture", payment.Capture, time.Minute, true, payment.Authorised, []payment.Operation{payment.Capture}, 0, 0, payment.Captured},
		{"a capture with an old key that was done", payment.Capture, day, true, payment.Captured, []payment.Operation{payment.LookUp}, 0, 0, payment.Captured},
		{"a capture with an old key that was not", payment.Capture, day, true, payment.Authorised, []payment.Operation{payment.LookUp, payment.Capture}, 1, 1, payment.Captured},
		{"a void with an old key that was done", payment.Void, day, true, payment.Voided, []payment.Operation{payment.LookUp}, 0, 0, payment.Voided},
		{"a refund", payment.Refund, time.Minute, true, payment.NotFound, []payment.Operation{payment.Refund}, 0, 0, payment.Refunded},
		{"the question about it is refused", payment.LookUp, time.Minute, true, payment.Failed, []payment.Operation{payment.LookUp, payment.Authorise}, 0, 0, payment.Authorised},
		{"a refund with an old key that has failed", payment.Refund, day, true, payment.Failed, []payment.Operation{payment.LookUp}, 0, 0, payment.Failed},
		{"a refund with an old key that was not done", payment.Refund, day, true, payment.NotFound, []payment.Operation{payment.LookUp, payment.Refund}, 1, 1, payment.Refunded},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newFakeGateway(10*time.Millisecond, func(call *payment.Call, nth int) payment.Result {
					r := yes(call, nth)
					if call.Operation == payment.LookUp {
						r.Answer = c.found
					}
					return r
				})
				l, events, n := fakeLane(t, g, LaneConfig{})
				w, body := resumed(l, n, events, c.op, 7, c.ago, c.kept)
				give(n, w)
				time.Sleep(10 * time.Minute)
				synctest.Wait()
				var calls []payment.Operation
				g.calls = slices.CompactFunc(g.calls, func(a, b sent) bool { return a.call.Operation == payment.LookUp && b.call.Operation == payment.LookUp })
				for _, s := range g.calls {
					calls = append(calls, s.call.Operation)
				}
				results := events.told()
				if len(results) != 1 || results[0].Answer != c.told || results[0].Attempt != c.attempt || len(events.intents) != c.intents {
					t.Fatalf("told %+v after %v with %d intents, want %v of attempt %d", results, calls, len(events.intents), c.told, c.attempt)
				}
				if len(calls) != len(c.calls) {
					t.Fatalf("the gateway was asked for %v, want %v", calls, c.calls)
				}
				for i, s := range g.calls {
					if s.call.Operation != c.calls[i] {
						t.Errorf("call %d is a %v, want %v", i, s.call.Operation, c.calls[i])
					}
					if s.call.Operation != payment.LookUp && s.call.Operation != payment.Cancel && c.intents == 0 && !bytes.Equal(s.call.Body, body) {
						t.Errorf("sent %q, before the fall it was %q", s.call.Body, body)
					}
					if s.call.Operation.Changes() && s.call.Age >= payment.KeyAgeMax {
						t.Errorf("a %v left with a key that is %v old", s.call.Operation, time.Duration(s.call.Age))
					}
				}
				if l.charges.Size() != 0 {
					t.Errorf("the lane still has %d charges", l.charges.Size())
				}
			})
		})
	}
}

// TestWhatAFallLeftIsNoSignThatTheGatewayIsAway resumes charges whose requests the gateway answers with an error for ever, as it did before the fall. They are what
// a fall leaves: new purchases are not refused because of them, unless the gateway is away.
func TestWhatAFallLeftIsNoSignThatTheGatewayIsAway(t *testing.T) {
	for name, away := range map[string]bool{"it is not": false, "it is": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newFakeGateway(10*time.Millisecond, func(call *payment.Call, nth int) payment.Result {
					if call.Operation == payment.Authorise || away {
						return payment.Result{Answer: payment.Unknown, Detail: "server error 500"}
					}
					return yes(call, nth)
				})
				l, events, n := fakeLane(t, g, LaneConfig{})
				const left = 4 * failuresInRow
				for p := engine.PurchaseID(1); p <= left; p++ {
					w, _ := resumed(l, n, events, payment.Authorise, p, time.Minute, true)
					give(n, w)
				}
				time.Sleep(2 * time.Second) // a first probe would leave after 5
				synctest.Wait()
				if got := note(n, engine.VerbBuy); got.Breaker != away {
					t.Errorf("two seconds after the start the lane says %+v, and that the gateway is away is %v", got, away)
				}
				if away {
					return
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				if told := len(events.told()); told != left || l.charges.Size() != 0 {
					t.Errorf("%d of %d charges have ended", told, left)
				}
			})
		})
	}
}

func TestWhatIsUnfinishedGoesBeforeWhatIsNew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newFakeGateway(0, yes)
		l, _, n := fakeLane(t, g, LaneConfig{Rate: 10, Concurrency: 1})
		for p := engine.PurchaseID(1); p <= 100; p++ {
			give(n, wanted(n, payment.Authorise, p))
		}
		time.Sleep(2050 * time.Millisecond) // between two turns
		synctest.Wait()
		for p := engine.PurchaseID(101); p <= 110; p++ {
			give(n, wanted(n, payment.Refund, p))
		}
		synctest.Wait()
		before := len(g.of(payment.Authorise))
		time.Sleep(time.Second)
		synctest.Wait()
		if refunds, more := len(g.of(payment.Refund)), len(g.of(payment.Authorise))-before; refunds < 9 || more > 0 {
			t.Errorf("%d refunds and %d new charges in a second at 10 a second", refunds, more)
		}
		if got := l.show.starved.Load(); got < 9 {
			t.Errorf("%d turns are counted that new charges had to wait for", got)
		}
	})
}

func TestWorkThatIsNamedTwiceIsDoneOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newFakeGateway(time.Second, yes)
		_, events, n := fakeLane(t, g, LaneConfig{})
		w := wanted(n, payment.Authorise, 1)
		give(n, w, w)
		time.Sleep(500 * time.Millisecond)
		give(n, w)
		first, second := wanted(n, payment.Refund, 2), wanted(n, payment.Refund, 2)
		first.Refund, second.Refund = 1, 2
		give(n, first, second, first)
		time.Sleep(time.Minute)
		if got := len(g.of(payment.Authorise)); got != 1 {
			t.Errorf("authorised %d times", got)
		}
		if calls := g.of(payment.Refund); len(calls) != 2 || calls[0].call.Key == calls[1].call.Key || len(events.told()) != 3 {
			t.Errorf("two refunds of one charge: %+v, told %+v", calls, events.told())
		}
	})
}

func TestARefusedIntentSendsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newFakeGateway(0, yes)
		l, events, n := fakeLane(t, g, LaneConfig{})
		events.refuse = func(*engine.Command) engine.Code { return engine.CodeWrongState }
		give(n, wanted(n, payment.Authorise, 1), wanted(n, payment.Capture, 2))
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(g.calls) != 0 || l.charges.Size() != 0 || l.calls != 0 || len(events.vault.records) != 0 {
			t.Errorf("%d calls, %d charges left, %d records kept", len(g.calls), l.charges.Size(), len(events.vault.records))
		}
	})
}

func TestAResultReachesAnEventThatIsBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newFakeGateway(time.Second, yes)
		_, events, n := fakeLane(t, g, LaneConfig{})
		give(n, wanted(n, payment.Authorise, 1))
		time.Sleep(500 * time.Millisecond)
		events.mu.Lock()
		events.away = engine.CodeOverloaded
		events.mu.Unlock()
		time.Sleep(time.Minute)
		events.mu.Lock()
		events.away = engine.CodeOK
		events.mu.Unlock()
		time.Sleep(5 * time.Second)
		if got := events.told(); len(got) != 1 || got[0].Answer != payment.Authorised {
			t.Errorf("told %+v", got)
		}
		if got := len(g.of(payment.Authorise)); got != 1 {
			t.Errorf("authorised %d times", got)
		}
	})
}

func TestAMethodThatIsGoneIsADecline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newFakeGateway(0, yes)
		_, events, n := fakeLane(t, g, LaneConfig{})
		n.cfg.Wallets = fakeWallets{none: true}
		give(n, wanted(n, payment.Authorise, 1))
		odd := wanted(n, payment.Capture, 2)
		odd.AmountMinor = -1
		give(n, odd)
		time.Sleep(time.Minute)
		got := events.told()
		synctest.Wait()
		if len(got) != 2 || len(g.calls) != 0 {
			t.Fatalf("told %+v after %d calls", got, len(g.calls))
		}
		for _, r := range got {
			if r.At == 1 && (r.Answer != payment.DeclinedHard || r.Decline != payment.DeclineInvalidMethod) ||
				r.At == 2 && (r.Answer != payment.Failed || r.Decline != payment.DeclineConfiguration) {
				t.Errorf("told %+v", r)
			}
		}
	})
}

// TestASleepOfTheMachineMakesKeysOld lets the machine sleep for longer than gateways know keys, between a request that was not answered and the next: node time
// stood still, and the request must not leave again.
func TestASleepOfTheMachineMakesKeysOld(t *testing.T) {
	for name, c := range map[string]struct {
		slept time.Duration
		sends int
	}{"an hour": {time.Hour, 2}, "a day": {25 * time.Hour, 1}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var slept atomic.Int64
				g := newFakeGateway(10*time.Millisecond, func(call *payment.Call, nth int) payment.Result {
					if call.Operation == payment.Authorise && nth == 0 {
						slept.Store(int64(c.slept))
						return payment.Result{Detail: "no answer"}
					}
					return yes(call, nth)
				})
				vault := &fakeVault{}
				n := started(t, newFakeLog(), Config{
					Gateways: []Gateway{g}, Vault: vault, Installation: "i1", Wallets: fakeWallets{},
					wallNow: func() engine.Instant { return engine.Instant(time.Now().UnixNano() + slept.Load()) },
				})
				events := &fakeEvents{vault: vault, commit: time.Millisecond, durable: make(map[string]int), began: time.Now()}
				n.payments.lanes["fake"].submit = events.submit
				give(n, wanted(n, payment.Authorise, 7))
				time.Sleep(10 * time.Minute)
				synctest.Wait()
				if sends := g.of(payment.Authorise); len(sends) != c.sends {
					t.Errorf("the charge was sent %d times, want %d", len(sends), c.sends)
				}
				if told := events.told(); len(told) != 1 || told[0].Answer != payment.Authorised {
					t.Errorf("the event was told %+v", told)
				}
			})
		})
	}
}

// TestWhatWasJustSentIsNotTakenForLost sends a request again shortly before its key is too old. The look-up after it finds nothing: it may still be on its way.
func TestWhatWasJustSentIsNotTakenForLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sentAt time.Time
		g := newFakeGateway(10*time.Millisecond, func(call *payment.Call, nth int) payment.Result {
			switch {
			case call.Operation == payment.Authorise:
				sentAt = time.Now()
				return payment.Result{Detail: "no answer"}
			case call.Operation == payment.LookUp && time.Since(sentAt) < 20*time.Second:
				return payment.Result{Answer: payment.NotFound}
			}
			return yes(call, nth)
		})
		l, events, n := fakeLane(t, g, LaneConfig{})
		w, _ := resumed(l, n, events, payment.Authorise, 7, payment.KeyAgeMax-time.Second/2, true)
		give(n, w)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if told := events.told(); len(told) != 1 || told[0].Answer != payment.Authorised || len(g.of(payment.Authorise)) != 1 {
			t.Errorf("the event was told %+v after %d requests", told, len(g.of(payment.Authorise)))
		}
	})
}
