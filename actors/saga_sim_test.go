package actors

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
	"github.com/holdfast-engine/holdfast/transport/gateway/sandbox"
)

// What the purchases of a simulated life are like.
const (
	sagaEvents       = 3
	sagaMinor        = 4750
	sagaInstallation = "sim"
	sagaSettles      = 26 * time.Hour // after the last fault: the time in which everything must have ended; a lost key is a day old by then
)

// sagaTokens is what buyers pay with, and how often of 100.
var sagaTokens = []struct {
	token string
	often int
}{
	{"sbx_ok", 50},
	{"sbx_decline_soft", 6},
	{"sbx_decline_hard", 6},
	{"sbx_auth", 10},
	{"sbx_timeout_charged", 8},
	{"sbx_timeout_before", 5},
	{"sbx_slow_2000", 4},
	{"sbx_error_charged", 3},
	{"sbx_wrong_amount", 2},
	{"sbx_capture_fails_once", 3},
	{"sbx_pending_5000", 3},
}

// saga is one purchase as its buyer knows it.
type saga struct {
	event, buyer string
	purchase     string
	order        string
	state        engine.PurchaseState // 0: nobody has answered yet
	undone       bool
	asked        int
}

// sagaWorld is buyers, an engine that falls again and again, and a gateway that does not and keeps the truth.
type sagaWorld struct {
	t       *testing.T
	dice    *rand.Rand
	disk    *simDisk
	sandbox *sandbox.Gateway

	node   *Node
	writer *simWriter
	dead   *atomic.Bool // of the present process

	steps  atomic.Int64 // of all processes: a run made durable, or a call
	fallAt atomic.Int64 // the step at which the process falls; 0 is never
	fellAt atomic.Pointer[string]
	points map[string]int // where processes fell

	sagas []*saga
	ids   int
	falls int
}

// TestSagasEndWell lets many purchases live through falls of the process at any step, lost requests and answers, errors that a gateway repeats for ever, and times in
// which it does not answer. What the engine sold and what the gateway took must be the same at the end: nobody is charged twice, nobody is charged
// without a ticket or a refund, nobody has a ticket without a charge. HOLDFAST_SAGAS asks for more than 2,000 of them, HOLDFAST_SIM_SEED for others.
func TestSagasEndWell(t *testing.T) {
	const perWorld = 1000
	total, seed := sagaCount(t, 2000), sagaSeed(t)
	seen, falls, began := map[string]int{}, 0, time.Now()
	var ended [engine.PurchaseReleased + 1]int
	for world := 0; total > 0 && !t.Failed(); world++ {
		synctest.Test(t, func(t *testing.T) {
			w := newSagaWorld(t, seed+uint64(world), sandbox.Faults{LostRequest: 200, LostAnswer: 300, StoredError: 60, Throttle: 200, CaptureFails: 100, RefundFails: 100})
			w.live(min(total, perWorld))
			w.settle(sagaSettles)
			w.compare()
			for point, n := range w.points {
				seen[point] += n
			}
			for _, s := range w.sagas {
				ended[s.state]++
			}
			falls += w.falls
		})
		total -= perWorld
	}
	t.Logf("seed %d: %d sold, %d declined, %d released; the process fell %d times: %v; took %v", seed, ended[engine.PurchaseSold], ended[engine.PurchaseDeclined],
		ended[engine.PurchaseReleased], falls, seen, time.Since(began).Round(time.Second))
	for _, point := range []string{"before it is durable", "when it is durable", "before authorise", "after authorise", "before capture", "after capture", "before void", "before refund"} {
		if seen[point] == 0 && falls > 500 && !t.Failed() { // a few may miss one
			t.Errorf("the process never fell %s: nothing was shown about it", point)
		}
	}
}

// TestASagaSurvivesAFallAtEveryStep runs one purchase of each kind again and again, and lets the process fall at its first step, at its second, and so on, until
// there are no more steps.
func TestASagaSurvivesAFallAtEveryStep(t *testing.T) {
	total := 0
	for _, kind := range sagaTokens {
		for _, then := range []string{"", "undo", "refund"} {
			for step := int64(1); !t.Failed(); step++ {
				fell := false
				synctest.Test(t, func(t *testing.T) {
					w := newSagaWorld(t, uint64(step), sandbox.Faults{})
					w.fallAt.Store(w.steps.Load() + step)
					s := w.begin(kind.token)
					for range 40 {
						w.revive()
						w.goOn(s, then)
						time.Sleep(700 * time.Millisecond)
					}
					fell = w.falls > 0
					w.fallAt.Store(0)
					w.settle(time.Hour)
					w.compare()
					if t.Failed() {
						t.Logf("%s %s, the process fell at step %d: %v", kind.token, then, step, w.points)
					}
				})
				if !fell {
					break
				}
				total++
			}
		}
	}
	t.Logf("%d falls", total)
	if total < 100 && !t.Failed() {
		t.Errorf("only %d steps: the purchases were not carried out", total)
	}
}

// TestAGatewayComesBackAfterHalfAnHour lets the gateway be silent for 30 minutes while people buy: 60 seconds after it answers again, everything has ended.
func TestAGatewayComesBackAfterHalfAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSagaWorld(t, 1, sandbox.Faults{})
		for range 50 {
			w.begin("sbx_ok")
		}
		w.sandbox.SetMode(sandbox.Silent)
		for range 50 {
			w.begin("sbx_ok")
		}
		time.Sleep(30 * time.Minute)
		w.sandbox.SetMode(sandbox.Up)
		time.Sleep(60 * time.Second)
		for _, s := range w.sagas {
			if w.goOn(s, ""); s.state != 0 && !s.state.Final() {
				t.Errorf("%s of %s is %v a minute after the gateway came back", s.purchase, s.event, s.state)
			}
		}
		w.settle(time.Hour)
		w.compare()
	})
}

func sagaCount(t *testing.T, standard int) int {
	text := os.Getenv("HOLDFAST_SAGAS")
	if text == "" {
		return standard
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("HOLDFAST_SAGAS=%s: give a number, as in 100000", text)
	}
	return n
}

func sagaSeed(t *testing.T) uint64 {
	text := os.Getenv("HOLDFAST_SIM_SEED")
	if text == "" {
		return 1
	}
	seed, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("HOLDFAST_SIM_SEED=%s: %v", text, err)
	}
	return seed
}

func newSagaWorld(t *testing.T, seed uint64, faults sandbox.Faults) *sagaWorld {
	w := &sagaWorld{t: t, dice: rand.New(rand.NewPCG(seed, 1)), disk: newSimDisk(t), points: map[string]int{}}
	var err error
	w.sandbox, err = sandbox.New(sandbox.Config{Seed: seed, Faults: faults, Timeout: 20 * time.Second, Latency: sandbox.Latency{Median: 200 * time.Millisecond, P99: 2 * time.Second}})
	if err != nil {
		t.Fatal(err)
	}
	w.start()
	for i := range sagaEvents {
		spec := create("create", 1<<20)
		spec.Spec.Lots[0].FaceMinor = sagaMinor
		if a := ask(t, w.node, w.event(i), spec); a.code != engine.CodeOK {
			t.Fatalf("create: %v", a.code)
		}
	}
	return w
}

func (w *sagaWorld) event(i int) string { return "e" + strconv.Itoa(i) }

// start starts a process on what the disk has.
func (w *sagaWorld) start() {
	dead := new(atomic.Bool)
	w.dead = dead
	w.writer = &simWriter{disk: w.disk, slowest: simSlowest, seed: w.dice.Uint64()}
	w.writer.falls = func(point string) bool {
		if w.falling(dead, point) {
			return true
		}
		return dead.Load()
	}
	node, err := Start(Config{
		Logger: slog.New(slog.DiscardHandler), Fatal: func(err error) { w.t.Errorf("fatal: %v", err) }, SleepAfter: 10 * time.Second,
		Installation: sagaInstallation, Wallets: sagaWallets{}, Vault: sagaVault{w.disk}, Gateways: []Gateway{&sagaLine{Gateway: w.sandbox, world: w, dead: dead}},
		Lane: LaneConfig{Rate: 200},
	}, w.writer, w.writer, w.disk.recovered(w.dice))
	if err != nil {
		w.t.Fatalf("start: %v", err)
	}
	w.node = node
}

// falling counts a step of a process, and lets the process die if this is the step.
func (w *sagaWorld) falling(dead *atomic.Bool, point string) bool {
	if dead.Load() {
		return false
	}
	if at := w.fallAt.Load(); w.steps.Add(1) != at || at == 0 {
		return false
	}
	dead.Store(true)
	w.fellAt.Store(&point)
	return true
}

// revive puts a new process in the place of a dead one, some time later.
func (w *sagaWorld) revive() {
	if !w.dead.Load() {
		return
	}
	w.writer.kill()
	if point := w.fellAt.Swap(nil); point != nil {
		w.points[*point]++
	}
	if err := w.node.Stop(context.Background()); err != nil {
		w.t.Errorf("stop: %v", err)
	}
	w.falls++
	time.Sleep(time.Duration(w.dice.ExpFloat64() * float64(5*time.Second)))
	w.start()
}

// sagaLine is one process's way to the gateway: it is cut when the process falls.
type sagaLine struct {
	Gateway
	world *sagaWorld
	dead  *atomic.Bool
}

// Do implements Gateway.
func (l *sagaLine) Do(ctx context.Context, call payment.Call) payment.Result {
	if l.world.falling(l.dead, "before "+call.Operation.String()) || l.dead.Load() {
		return payment.Result{Answer: payment.Unknown}
	}
	r := l.Gateway.Do(ctx, call)
	if l.world.falling(l.dead, "after "+call.Operation.String()) || l.dead.Load() {
		return payment.Result{Answer: payment.Unknown}
	}
	return r
}

// sagaWallets knows every buyer: the name says what they pay with.
type sagaWallets struct{}

// Annotate implements Wallets.
func (sagaWallets) Annotate(_ string, cmd *engine.Command) {
	note := &cmd.Payment.Note
	note.Known, note.Method, note.Gateway, note.Kind = true, "m1", "sandbox", payment.MethodCard
	note.Can = payment.Reusable | payment.SeparateCapture | payment.Instant | payment.Voidable
	note.Agreement, note.CapMinor = "v1", 1<<40
}

// Method implements Wallets.
func (sagaWallets) Method(_, buyer, _ string) (payment.Method, error) {
	_, token, _ := strings.Cut(buyer, "-")
	return payment.Method{Token: token, Customer: "cus_" + buyer, Kind: payment.MethodCard}, nil
}

// sagaVault is a vault whose records are durable with their run.
type sagaVault struct{ disk *simDisk }

// Seal implements Vault.
func (sagaVault) Seal(account, subject, name string, plain []byte) (engine.Sealed, error) {
	return engine.Sealed{Key: []byte(account + "/" + subject + "/" + name), Value: bytes.Clone(plain)}, nil
}

// Open implements Vault.
func (v sagaVault) Open(account, subject, name string) ([]byte, bool, error) {
	v.disk.mu.Lock()
	defer v.disk.mu.Unlock()
	plain, ok := v.disk.sealed[account+"/"+subject+"/"+name]
	return plain, ok, nil
}

// Remove implements Vault.
func (sagaVault) Remove(account, subject, name string) engine.Sealed {
	return engine.Sealed{Key: []byte(account + "/" + subject + "/" + name)}
}

// sagaAnswer takes the answer to a command about a purchase.
type sagaAnswer struct {
	code     engine.Code
	text     string
	purchase engine.PurchaseView
	order    string
	refunds  []engine.RefundView
	tickets  int64 // of the order that are good for something
	done     chan struct{}
}

// Outcome implements engine.Replier.
func (a *sagaAnswer) Outcome(_ *engine.Request, _ int, out *engine.Outcome) {
	a.code, a.text = out.Code, out.Field+" "+out.Text
	if out.Shows&engine.ShowsPurchase != 0 {
		a.purchase = *out.Purchase
	}
	if out.Shows&engine.ShowsOrder != 0 {
		a.order = string(engine.AppendOrderID(nil, out.Order.ID, out.Order.Incarnation))
		a.tickets, a.refunds = out.Order.Tickets, slices.Clone(out.Order.Refunds)
		for _, m := range out.Order.Marks {
			if m.State == engine.TicketVoided {
				a.tickets--
			}
		}
	}
}

// Durable implements engine.Replier.
func (a *sagaAnswer) Durable(*engine.Request) { close(a.done) }

// ask sends a command and returns its answer; ok is false if the process fell, and nothing is known.
func (w *sagaWorld) ask(event string, cmd engine.Command) (a *sagaAnswer, ok bool) {
	a = &sagaAnswer{done: make(chan struct{})}
	code := w.node.Submit(&engine.Request{Account: engine.SingleAccount, Event: event, Commands: []engine.Command{cmd}, Reply: a})
	if code != engine.CodeOK {
		a.code = code
		return a, !w.dead.Load()
	}
	<-a.done
	return a, !w.dead.Load()
}

// begin lets somebody buy.
func (w *sagaWorld) begin(token string) *saga {
	w.ids++
	s := &saga{event: w.event(w.dice.IntN(sagaEvents)), buyer: fmt.Sprintf("b%d-%s", w.ids, token)}
	w.sagas = append(w.sagas, s)
	w.buy(s)
	return s
}

// buy sends the buyer's one buy, the first time or again.
func (w *sagaWorld) buy(s *saga) *sagaAnswer {
	a, ok := w.ask(s.event, engine.Command{
		Verb: engine.VerbBuy, RequestID: "buy-" + s.buyer, Buyer: s.buyer, Items: []engine.Item{{Lot: "ga", Quantity: 1 + int64(len(s.buyer)%3)}}, Payment: &engine.PaymentCommand{},
	})
	if !ok {
		return a
	}
	// Whatever else is a failure.
	//
	//exhaustive:ignore
	switch a.code {
	case engine.CodeOK:
		id := string(engine.AppendPurchaseID(nil, a.purchase.ID, a.purchase.Incarnation))
		if s.purchase != "" && s.purchase != id {
			w.t.Errorf("%s: the purchase was %s and is %s now", s.buyer, s.purchase, id)
		}
		if s.state.Final() && s.state != a.purchase.State {
			w.t.Errorf("%s of %s was %v, and is %v", id, s.event, s.state, a.purchase.State)
		}
		s.purchase, s.state = id, a.purchase.State
		if a.order != "" {
			s.order = a.order
		}
	case engine.CodePaymentBusy, engine.CodePaymentUnavailable, engine.CodeOverloaded, engine.CodeUnavailable:
		if s.purchase != "" {
			w.t.Errorf("a repeat of %s is answered %v", s.purchase, a.code)
		}
	default:
		w.t.Errorf("buy of %s: %v %s", s.buyer, a.code, a.text)
	}
	return a
}

// goOn is what a buyer does next: ask again, authenticate, and afterwards perhaps undo, or have it refunded.
func (w *sagaWorld) goOn(s *saga, then string) {
	a := w.buy(s)
	s.asked++
	switch {
	case w.dead.Load() || s.purchase == "":
	case s.state == engine.PurchaseActionRequired && a.purchase.ClientSecret != "":
		if err := w.sandbox.Authenticate(a.purchase.ClientSecret, w.dice.IntN(4) > 0); err == nil {
			w.ask(s.event, engine.Command{Verb: engine.VerbComplete, RequestID: fmt.Sprintf("complete-%s-%d", s.buyer, s.asked), Buyer: s.buyer, Payment: &engine.PaymentCommand{Purchase: s.purchase}})
		}
	case s.state == engine.PurchaseSold && then == "undo" && !s.undone:
		u, ok := w.ask(s.event, engine.Command{Verb: engine.VerbUndo, RequestID: "undo-" + s.buyer, Buyer: s.buyer, Payment: &engine.PaymentCommand{Purchase: s.purchase}})
		s.undone = ok && u.code == engine.CodeOK
		if ok && !slices.Contains([]engine.Code{engine.CodeOK, engine.CodeUndoTooLate, engine.CodeNotRefundable, engine.CodeOrderUnknown}, u.code) {
			w.t.Errorf("undo of %s: %v %s", s.purchase, u.code, u.text)
		}
	case s.state == engine.PurchaseSold && then == "refund" && !s.undone && s.order != "" && (a.purchase.Charge == engine.ChargeCaptured || s.asked%3 == 0):
		r, ok := w.ask(s.event, engine.Command{Verb: engine.VerbRefund, RequestID: "refund-" + s.buyer, Order: s.order, Payment: &engine.PaymentCommand{}})
		if ok && r.code != engine.CodeOK {
			w.t.Errorf("refund of %s: %v %s", s.order, r.code, r.text)
		}
	}
}

// live lets so many people buy, while the process falls again and again.
func (w *sagaWorld) live(sagas int) {
	var open []*saga
	then := map[*saga]string{}
	for began := 0; began < sagas || len(open) > 0; {
		if w.fallAt.Load() == 0 || w.steps.Load() >= w.fallAt.Load() {
			w.fallAt.Store(w.steps.Load() + 1 + w.dice.Int64N(400))
		}
		w.revive()
		switch roll := w.dice.IntN(100); {
		case roll < 30 && began < sagas && len(open) < 64:
			s := w.begin(w.token())
			then[s] = []string{"", "", "", "undo", "refund"}[w.dice.IntN(5)]
			open = append(open, s)
			began++
		case roll < 75 && len(open) > 0:
			i := w.dice.IntN(len(open))
			s := open[i]
			if w.goOn(s, then[s]); s.state.Final() && (then[s] == "" && s.asked > 3 || s.asked > 20) || s.asked > 200 {
				open = slices.Delete(open, i, i+1)
			}
		case roll == 99 && w.dice.IntN(20) == 0:
			w.sandbox.SetMode(sandbox.Silent)
			time.Sleep(time.Duration(w.dice.Int64N(int64(2 * time.Minute))))
			w.sandbox.SetMode(sandbox.Up)
		default:
			time.Sleep(time.Duration(w.dice.ExpFloat64() * float64(300*time.Millisecond)))
		}
		if w.t.Failed() {
			return
		}
	}
}

func (w *sagaWorld) token() string {
	roll := w.dice.IntN(100)
	for _, k := range sagaTokens {
		if roll -= k.often; roll < 0 {
			return k.token
		}
	}
	panic("the tokens are not 100 in all")
}

// settle ends all faults and waits until everything has ended.
func (w *sagaWorld) settle(within time.Duration) {
	w.fallAt.Store(0)
	w.revive()
	w.sandbox.SetMode(sandbox.Up)
	for range 200 { // whose answer was lost learns what became of it, and whoever nobody had heard buys now
		time.Sleep(time.Minute)
		heard := true
		for _, s := range w.sagas {
			if s.purchase == "" {
				w.buy(s)
				heard = heard && s.purchase != ""
			}
		}
		if heard {
			break
		}
	}
	time.Sleep(within)
	for w.operate() {
		time.Sleep(time.Hour)
	}
	for _, s := range w.sagas {
		w.buy(s)
	}
}

// operate is what an operator does about refunds that the gateway has refused: ask for them again. It returns false when there are none.
func (w *sagaWorld) operate() (found bool) {
	for _, s := range w.sagas {
		a := w.buy(s)
		for _, r := range a.refunds {
			if r.State != engine.RefundFailed {
				continue
			}
			found = true
			w.ids++
			again, _ := w.ask(s.event, engine.Command{Verb: engine.VerbRefund, RequestID: fmt.Sprintf("again-%d", w.ids), Order: s.order, Payment: &engine.PaymentCommand{
				FailedRefund: string(engine.AppendRefundID(nil, r.ID, r.Incarnation)),
			}})
			if again.code != engine.CodeOK {
				w.t.Errorf("the failed refund %d of %s, again: %v %s", r.ID, s.order, again.code, again.text)
			}
		}
	}
	return found && !w.t.Failed()
}
