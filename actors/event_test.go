package actors

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

func TestAnswersLeaveOnlyWhenDurable(t *testing.T) {
	l := newFakeLog()
	n := started(t, l, Config{})
	ask(t, n, "e1", create("c1", 10))
	l.hold(true)
	held, code := send(n, "e1", hold("h1", "anna"))
	if code != engine.CodeOK {
		t.Fatalf("submit: %v", code)
	}
	read, _ := send(n, "e1", engine.Command{Verb: engine.VerbGet})
	refused, _ := send(n, "e1", engine.Command{Verb: engine.VerbRelease, RequestID: "r1", Buyer: "anna", Hold: "none"})
	// Nothing may leave while the log holds, however long: the event's actor has stepped when a later request of another event is answered.
	select {
	case <-held.durable:
		t.Fatal("a hold was answered before it was durable")
	case <-read.durable:
		t.Fatal("a read showed a hold that was not durable")
	case <-refused.durable:
		t.Fatal("a refusal overtook what it could show")
	case <-time.After(20 * time.Millisecond):
	}
	l.hold(false)
	<-held.durable
	<-read.durable
	<-refused.durable
	if got := read.answers[0].lots[0]; got.Held != 1 || got.Free != 9 {
		t.Fatalf("the read shows %+v", got)
	}
}

// answered waits until nothing of e1 is in flight any more: that is told of a command after its answer has left.
func answered(n *Node) {
	ref, _ := n.routes.Load(route{engine.SingleAccount, "e1"})
	for n.inflight.Load() > 0 || ref.inflight.Load() > 0 {
		runtime.Gosched()
	}
}

func TestCommandsBeyondTheBoundAreRefusedAndTheRestAnswered(t *testing.T) {
	l := newFakeLog()
	n := started(t, l, Config{InflightPerEvent: 8})
	ask(t, n, "e1", create("c1", 1000))
	answered(n)
	l.hold(true)
	var taken []*caller
	refused := 0
	for i := range 100 {
		c, code := send(n, "e1", hold(fmt.Sprintf("h%d", i), fmt.Sprintf("b%d", i)))
		if code == engine.CodeOK {
			taken = append(taken, c)
		} else if refused++; code != engine.CodeOverloaded {
			t.Fatalf("submit %d: %v", i, code)
		}
	}
	if len(taken) != 8 || refused != 92 {
		t.Fatalf("took %d and refused %d with a bound of 8", len(taken), refused)
	}
	l.hold(false)
	for _, c := range taken {
		<-c.durable
	}
	answered(n)
	if a := ask(t, n, "e1", hold("again", "zoe")); a.code != engine.CodeOK {
		t.Fatalf("after the burst: %v", a.code)
	}
}

func TestAnUnknownEventIsRefusedWithoutAnActor(t *testing.T) {
	n := started(t, newFakeLog(), Config{})
	for i := range 100 {
		if _, code := send(n, fmt.Sprintf("nobody-%d", i), engine.Command{Verb: engine.VerbGet}); code != engine.CodeEventUnknown {
			t.Fatalf("answered %v", code)
		}
	}
	if got := n.routes.Size(); got != 0 {
		t.Fatalf("%d actors were started", got)
	}
}

func TestABoundOnAwakeEventsRefusesTheNext(t *testing.T) {
	n := started(t, newFakeLog(), Config{EventsAwakeMax: 2})
	ask(t, n, "e1", create("c1", 1))
	ask(t, n, "e2", create("c2", 1))
	if a := ask(t, n, "e3", create("c3", 1)); a.code != engine.CodeOverloaded {
		t.Fatalf("a third event answered %v", a.code)
	}
}

func TestABoundOnKnownEventsRefusesTheNext(t *testing.T) {
	n := started(t, newFakeLog(), Config{EventsMax: 1})
	ask(t, n, "e1", create("c1", 1))
	if a := ask(t, n, "e2", create("c2", 1)); a.code != engine.CodeOverloaded {
		t.Fatalf("a second event answered %v", a.code)
	}
}

func TestAnIdleEventSleepsAndWakesAsItWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeLog()
		n := started(t, l, Config{SleepAfter: 5 * time.Second})
		ask(t, n, "e1", create("c1", 10))
		h := ask(t, n, "e1", hold("h1", "anna"))
		ask(t, n, "e1", engine.Command{Verb: engine.VerbConfirm, RequestID: "k1", Buyer: "anna", Hold: h.hold, PaymentRef: "inv-1"})
		before := ask(t, n, "e1", engine.Command{Verb: engine.VerbGet})
		time.Sleep(20 * time.Second)
		synctest.Wait()
		if got := n.routes.Size(); got != 0 {
			t.Fatalf("%d events are awake after 20 idle seconds", got)
		}
		after := ask(t, n, "e1", engine.Command{Verb: engine.VerbGet})
		if after.lots[0] != before.lots[0] {
			t.Fatalf("woke as %+v, went to sleep as %+v", after.lots[0], before.lots[0])
		}
		if again := ask(t, n, "e1", engine.Command{Verb: engine.VerbConfirm, RequestID: "k1", Buyer: "anna", Hold: h.hold, PaymentRef: "inv-1"}); !again.repeated || again.code != engine.CodeOK {
			t.Fatalf("a repeated confirm after sleep: %+v", again)
		}
		if got := ask(t, n, "e1", create("c2", 10)).code; got != engine.CodeEventExists {
			t.Fatalf("creating a sleeping event again: %v", got)
		}
	})
}

func TestAnEventWhoseSnapshotCannotBeKeptStaysAwake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeLog()
		l.refuse = true
		n := started(t, l, Config{SleepAfter: time.Second})
		ask(t, n, "e1", create("c1", 10))
		time.Sleep(time.Minute)
		if a := ask(t, n, "e1", engine.Command{Verb: engine.VerbGet}); a.code != engine.CodeOK || n.routes.Size() != 1 {
			t.Fatalf("%+v with %d awake", a, n.routes.Size())
		}
	})
}

func TestASleepingEventWakesForItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeLog()
		n := started(t, l, Config{SleepAfter: 5 * time.Second})
		ask(t, n, "e1", create("c1", 10))
		ask(t, n, "e1", hold("h1", "anna"))
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if got := n.routes.Size(); got != 0 {
			t.Fatalf("%d awake: an event with a far deadline did not sleep", got)
		}
		time.Sleep(95 * time.Second) // the hold's 120 s are over: it is freed without anybody asking
		synctest.Wait()
		runs := l.facts[engine.Key{Account: engine.SingleAccount, Kind: engine.KindEvent, ID: "e1"}]
		agg := engine.New(engine.Key{Account: engine.SingleAccount, Kind: engine.KindEvent, ID: "e1"})
		for _, run := range runs {
			if err := agg.Fold(run); err != nil {
				t.Fatal(err)
			}
		}
		if got := agg.Stats(); got.HoldsLive != 0 {
			t.Fatalf("%d holds live after their deadline", got.HoldsLive)
		}
	})
}

func TestWakingNeverReadsTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeLog()
		n := started(t, l, Config{SleepAfter: 5 * time.Second})
		l.unread = true
		ask(t, n, "e1", create("c1", 10))
		for i := range 5 {
			ask(t, n, "e1", hold(fmt.Sprintf("h%d", i), fmt.Sprintf("b%d", i)))
			time.Sleep(20 * time.Second)
			synctest.Wait()
			if got := n.routes.Size(); got != 0 {
				t.Fatalf("%d events are awake after 20 idle seconds", got)
			}
		}
		if got := ask(t, n, "e1", engine.Command{Verb: engine.VerbGet}).lots[0].Held; got != 5 {
			t.Fatalf("%d held, want 5", got)
		}
		time.Sleep(3 * time.Minute) // woken for each deadline
		if got := ask(t, n, "e1", engine.Command{Verb: engine.VerbGet}).lots[0].Held; got != 0 {
			t.Fatalf("%d held after their deadlines", got)
		}
		l.unread = false
	})
}

func TestDeadlinesBeyondTheBoundOnAwakeEventsAreNotForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const events = 20
		l := newFakeLog()
		n := started(t, l, Config{SleepAfter: time.Second, EventsAwakeMax: 3})
		for i := range events {
			event := fmt.Sprintf("e%d", i)
			ask(t, n, event, create("c1", 10))
			if a := ask(t, n, event, hold("h1", "anna")); a.code != engine.CodeOK {
				t.Fatalf("hold: %v", a.code)
			}
			time.Sleep(5 * time.Second)
		}
		time.Sleep(5 * time.Minute)
		for i := range events {
			event := fmt.Sprintf("e%d", i)
			if got := ask(t, n, event, engine.Command{Verb: engine.VerbGet}).lots[0].Held; got != 0 {
				t.Errorf("%s has %d held long after the deadline", event, got)
			}
			time.Sleep(5 * time.Second)
		}
	})
}

func TestHoldsExpireByThemselves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := started(t, newFakeLog(), Config{})
		ask(t, n, "e1", create("c1", 2000))
		for i := range 1000 {
			ask(t, n, "e1", hold(fmt.Sprintf("h%d", i), fmt.Sprintf("b%d", i)))
		}
		time.Sleep(119 * time.Second)
		if got := ask(t, n, "e1", engine.Command{Verb: engine.VerbGet}).lots[0].Held; got != 1000 {
			t.Fatalf("%d held before the deadline", got)
		}
		time.Sleep(2 * time.Second)
		if got := ask(t, n, "e1", engine.Command{Verb: engine.VerbGet}).lots[0].Held; got != 0 {
			t.Fatalf("%d held a second after the deadline", got)
		}
		text := scrape(t, n, 1002)
		if !strings.Contains(text, `holdfast_commands_total{verb="expire"} 4`+"\n") { // 1000 holds, 256 a step
			t.Error("the metrics do not count the engine's own commands")
		}
	})
}

func TestAnOutageMovesDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeLog()
		first := started(t, l, Config{})
		ask(t, first, "e1", create("c1", 10))
		held := ask(t, first, "e1", hold("h1", "anna"))
		time.Sleep(10 * time.Second)
		if err := first.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute) // down
		second := started(t, l, Config{})
		again := ask(t, second, "e1", hold("h1", "anna"))
		if !again.repeated || again.state != engine.HoldHeld {
			t.Fatalf("after the outage: %+v", again)
		}
		moved := time.Duration(again.expires - held.expires)
		if moved < 10*time.Minute-2*time.Second || moved > 10*time.Minute+2*time.Second {
			t.Fatalf("the deadline moved %v in an outage of 10 minutes", moved)
		}
	})
}

func TestScheduledOpeningHappensByWallTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := started(t, newFakeLog(), Config{SleepAfter: 5 * time.Second})
		cmd := create("c1", 10)
		cmd.Spec.Open = false
		cmd.Spec.OpensAt = engine.Instant(time.Now().Add(time.Hour).UnixNano())
		if a := ask(t, n, "e1", cmd); a.code != engine.CodeOK {
			t.Fatalf("create: %v", a.code)
		}
		if a := ask(t, n, "e1", hold("h1", "anna")); a.code != engine.CodeNotOnSale {
			t.Fatalf("before opening: %v", a.code)
		}
		time.Sleep(time.Hour + time.Second)
		if a := ask(t, n, "e1", hold("h2", "anna")); a.code != engine.CodeOK {
			t.Fatalf("after opening: %v", a.code)
		}
	})
}

// bad is a command that makes Step panic: one without a verb, which no transport lets through.
func bad(requestID string) engine.Command { return engine.Command{RequestID: requestID} }

func TestAPanicInStepCostsOneCommand(t *testing.T) {
	l := newFakeLog()
	n := started(t, l, Config{})
	ask(t, n, "e1", create("c1", 10))
	c, _ := send(n, "e1", hold("h1", "anna"), bad("b1"), hold("h2", "ben"))
	<-c.durable
	for i, want := range []engine.Code{engine.CodeOK, engine.CodeInternal, engine.CodeOK} {
		if c.answers[i].code != want {
			t.Fatalf("answer %d is %v, want %v", i, c.answers[i].code, want)
		}
	}
	if a := ask(t, n, "e1", bad("b1")); a.code != engine.CodeInternal {
		t.Fatalf("the same command again: %v", a.code)
	}
	if got := n.metrics.panics.Get(); got != 1 {
		t.Fatalf("%d panics: the poison was run again", got)
	}
	if got := ask(t, n, "e1", engine.Command{Verb: engine.VerbGet}).lots[0].Held; got != 2 {
		t.Fatalf("%d held after the rebuild, want 2", got)
	}
}

func TestASecondPanicWithinAMinuteQuarantinesOnlyThatEvent(t *testing.T) {
	n := started(t, newFakeLog(), Config{})
	ask(t, n, "e1", create("c1", 10))
	ask(t, n, "e2", create("c1", 10))
	ask(t, n, "e1", bad("b1"))
	ask(t, n, "e1", bad("b2"))
	if a := ask(t, n, "e1", hold("h1", "anna")); a.code != engine.CodeQuarantined {
		t.Fatalf("after two panics: %v", a.code)
	}
	if a := ask(t, n, "e2", hold("h1", "anna")); a.code != engine.CodeOK {
		t.Fatalf("another event: %v", a.code)
	}
	if got := n.Quarantined(10); len(got) != 1 {
		t.Fatalf("quarantined: %q", got)
	}
}

// TestPoisonOfOnePurchaseIsNotThatOfAnother has a command of the engine's own, which has no request id, fail for one purchase: that command alone is not run again.
func TestPoisonOfOnePurchaseIsNotThatOfAnother(t *testing.T) {
	for name, of := range map[string]func(n uint64) *engine.PaymentCommand{
		"what a lane tells": func(n uint64) *engine.PaymentCommand { return &engine.PaymentCommand{At: engine.PurchaseID(n)} },
		"what a reader asks": func(n uint64) *engine.PaymentCommand {
			return &engine.PaymentCommand{Told: &engine.Told{Seq: engine.Seq(n)}}
		},
		"where a purchase is": func(n uint64) *engine.PaymentCommand { return &engine.PaymentCommand{Purchase: fmt.Sprint("p", n)} },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := started(t, newFakeLog(), Config{SleepAfter: -1})
				ask(t, n, "e1", create("c1", 10))
				for i, which := range []uint64{7, 8, 7} {
					if a := ask(t, n, "e1", engine.Command{Payment: of(which)}); a.code != engine.CodeInternal {
						t.Fatalf("answer %d is %v", i, a.code)
					}
					time.Sleep(2 * panicWindow)
				}
				if got := n.metrics.panics.Get(); got != 2 {
					t.Fatalf("%d commands were run, want each of two once", got)
				}
			})
		})
	}
}

func TestTwoPanicsAMinuteApartDoNotQuarantine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := started(t, newFakeLog(), Config{})
		ask(t, n, "e1", create("c1", 10))
		ask(t, n, "e1", bad("b1"))
		time.Sleep(2 * panicWindow)
		ask(t, n, "e1", bad("b2"))
		if a := ask(t, n, "e1", hold("h1", "anna")); a.code != engine.CodeOK {
			t.Fatalf("after two panics far apart: %v", a.code)
		}
	})
}

func TestAReplyThatCannotBeEncodedLosesNoFact(t *testing.T) {
	n := started(t, newFakeLog(), Config{})
	ask(t, n, "e1", create("c1", 10))
	c := &caller{durable: make(chan struct{}), panics: true}
	n.Submit(&engine.Request{Account: engine.SingleAccount, Event: "e1", Commands: []engine.Command{hold("h1", "anna")}, Reply: c})
	<-c.durable
	if a := ask(t, n, "e1", hold("h1", "anna")); !a.repeated || a.code != engine.CodeOK {
		t.Fatalf("the hold's repeat: %+v", a)
	}
}

func TestStopAnswersWhatWasTakenAndRefusesTheRest(t *testing.T) {
	l := newFakeLog()
	n := started(t, l, Config{})
	ask(t, n, "e1", create("c1", 10_000))
	l.hold(true)
	var taken []*caller
	for i := range 100 {
		c, _ := send(n, "e1", hold(fmt.Sprintf("h%d", i), fmt.Sprintf("b%d", i)))
		taken = append(taken, c)
	}
	stopped := make(chan error)
	go func() { stopped <- n.Stop(context.Background()) }()
	for !n.stopping.Load() {
		time.Sleep(time.Millisecond)
	}
	if _, code := send(n, "e1", hold("late", "zoe")); code != engine.CodeUnavailable {
		t.Fatalf("while stopping: %v", code)
	}
	l.hold(false)
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	for i, c := range taken {
		select {
		case <-c.durable:
		default:
			t.Fatalf("request %d was taken and never answered", i)
		}
	}
	if got := ask(t, started(t, l, Config{}), "e1", engine.Command{Verb: engine.VerbGet}).lots[0].Held; got != 100 {
		t.Fatalf("%d held after the restart", got)
	}
}

func TestStopWithEndedContextSaysWhatWasNotAnswered(t *testing.T) {
	l := newFakeLog()
	n := started(t, l, Config{})
	ask(t, n, "e1", create("c1", 10))
	l.hold(true)
	send(n, "e1", hold("h1", "anna"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := n.Stop(ctx); err == nil {
		t.Fatal("stopped over an unanswered command")
	}
}

func TestHoldsAreRefusedWhileTheNodeIsToldTo(t *testing.T) {
	n := started(t, newFakeLog(), Config{})
	ask(t, n, "e1", create("c1", 10))
	h := ask(t, n, "e1", hold("h1", "anna"))
	n.RefuseHolds("the disk is nearly full")
	if a := ask(t, n, "e1", hold("h2", "ben")); a.code != engine.CodeUnavailable {
		t.Fatalf("a new hold: %v", a.code)
	}
	if a := ask(t, n, "e1", engine.Command{Verb: engine.VerbConfirm, RequestID: "k1", Buyer: "anna", Hold: h.hold, PaymentRef: "p"}); a.code != engine.CodeOK {
		t.Fatalf("a confirm: %v", a.code)
	}
	n.RefuseHolds("")
	if a := ask(t, n, "e1", hold("h2", "ben")); a.code != engine.CodeOK {
		t.Fatalf("afterwards: %v", a.code)
	}
}

func TestManyCallersOfManyEventsAreAllAnsweredOnce(t *testing.T) {
	l := newFakeLog()
	n := started(t, l, Config{SleepAfter: 2 * time.Millisecond}) // events fall asleep in between
	const events, callers, each = 5, 8, 200
	for e := range events {
		ask(t, n, fmt.Sprintf("e%d", e), create("c", callers*each))
	}
	var wg sync.WaitGroup
	for c := range callers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range each {
				id := fmt.Sprintf("h-%d-%d", c, i)
				if a := ask(t, n, fmt.Sprintf("e%d", (c+i)%events), hold(id, "b"+id)); a.code != engine.CodeOK {
					t.Errorf("%s: %v", id, a.code)
				}
			}
		}()
	}
	wg.Wait()
	total := int64(0)
	for e := range events {
		total += ask(t, n, fmt.Sprintf("e%d", e), engine.Command{Verb: engine.VerbGet}).lots[0].Held
	}
	if total != callers*each {
		t.Fatalf("%d held, want %d", total, callers*each)
	}
}

func TestAnEventThatDoesNotFoldIsSetAside(t *testing.T) {
	l := newFakeLog()
	first := started(t, l, Config{})
	ask(t, first, "e1", create("c1", 10))
	ask(t, first, "e2", create("c1", 10))
	if err := first.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	rec := l.recovered(t)
	bad := engine.Key{Account: engine.SingleAccount, Kind: engine.KindEvent, ID: "e1"}
	rec.Awake = slices.DeleteFunc(rec.Awake, func(r engine.Recalled) bool { return r.Key == bad })
	rec.Unusable = []engine.Unusable{{Key: bad, Why: "its proof differs"}}
	n, err := Start(Config{Fatal: func(err error) { t.Errorf("fatal: %v", err) }, Logger: slog.New(slog.DiscardHandler)}, l, l, rec)
	if err != nil {
		t.Fatal(err)
	}
	for _, cmd := range []engine.Command{hold("h1", "anna"), create("c2", 10), {Verb: engine.VerbGet}} {
		if a := ask(t, n, "e1", cmd); a.code != engine.CodeQuarantined {
			t.Errorf("%s of the event that is set aside: %v", cmd.Verb, a.code)
		}
	}
	if a := ask(t, n, "e2", hold("h1", "anna")); a.code != engine.CodeOK {
		t.Errorf("a hold of the other event: %v", a.code)
	}
	if got := n.Quarantined(9); len(got) != 1 || !strings.Contains(got[0], "e1: its log does not fold: its proof differs") {
		t.Errorf("set aside: %q", got)
	}
	if got := n.Events(engine.SingleAccount, "", 9); !slices.Equal(got, []string{"e1", "e2"}) {
		t.Errorf("the list has %q", got)
	}
	if err := n.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

// An event so large that its next commands are looked up ahead answers each of them once and in order, a batch or many requests in a turn.
func TestALargeEventAnswersAsASmallOne(t *testing.T) {
	l := newFakeLog()
	n := started(t, l, Config{})
	ask(t, n, "e1", create("c1", 1_000_000))
	const batches, each = 80, engine.CommandsPerRequestMax
	var callers []*caller
	for b := range batches {
		cmds := make([]engine.Command, each)
		for i := range cmds {
			cmds[i] = hold(fmt.Sprintf("h%d", b*each+i), fmt.Sprintf("b%d", b*each+i))
		}
		c, code := send(n, "e1", cmds...)
		if code != engine.CodeOK {
			t.Fatalf("batch %d: %v", b, code)
		}
		if callers = append(callers, c); b%16 == 15 {
			<-c.durable
		}
	}
	for i := range 100 {
		c, _ := send(n, "e1", hold(fmt.Sprintf("h%d", i), fmt.Sprintf("b%d", i)))
		callers = append(callers, c)
	}
	last := engine.Command{Verb: engine.VerbGet}
	state := ask(t, n, "e1", last)
	next := 1
	for b, c := range callers {
		<-c.durable
		for _, a := range c.answers {
			switch {
			case a.code != engine.CodeOK || a.repeated != (b >= batches):
				t.Fatalf("request %d: %+v", b, a)
			case b < batches && a.hold != fmt.Sprintf("h%d", next):
				t.Fatalf("request %d: hold %s, want h%d", b, a.hold, next)
			}
			next++
		}
	}
	if got := state.lots[0].Held; got != batches*each {
		t.Fatalf("%d held, want %d", got, batches*each)
	}
	if got := l.recovered(t).Awake[0].State.StateHash(); got != state.hash {
		t.Fatalf("the log folds to %016x, live is %016x", got, state.hash)
	}
}

func TestEventsAreListedInOrderAwakeAndAsleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := started(t, newFakeLog(), Config{SleepAfter: 5 * time.Second})
		ask(t, n, "c", create("1", 1))
		ask(t, n, "a", create("1", 1))
		time.Sleep(time.Minute)
		ask(t, n, "b", create("1", 1))
		ask(t, n, "refused", create("1", -1))
		if got := fmt.Sprint(n.Events(engine.SingleAccount, "", 10)); got != "[a b c]" {
			t.Fatalf("listed %s", got)
		}
		if got := fmt.Sprint(n.Events(engine.SingleAccount, "a", 1)); got != "[b]" {
			t.Fatalf("after a, one: %s", got)
		}
	})
}
