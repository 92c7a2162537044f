package actors

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
)

// simCharge is a charge at the simulated gateway.
type simCharge struct {
	order string
	state payment.Answer // Authorised, Captured, Voided, ActionNeeded, or a decline
	until time.Time      // ActionNeeded: when the buyer has authenticated; zero is never
	minor int64
}

// simGateway keeps the truth about its charges. What happens to a request is drawn from the request, not from a stream: how goroutines take turns changes nothing.
type simGateway struct {
	seed    uint64
	mu      sync.Mutex
	down    bool
	keys    map[string]*simCharge
	bodies  map[string][]byte
	charges map[string][]*simCharge // by order
	tries   map[string]uint64
	misuses int
	calls   int
	lost    int
}

// simLine is the way of one process to the gateway: a dead process sends nothing.
type simLine struct {
	fakeGateway // its name and its bytes
	g           *simGateway
	dead        *atomic.Bool
}

func (l *simLine) Do(ctx context.Context, call payment.Call) payment.Result {
	l.g.mu.Lock()
	which := call.Key + call.Order + call.Operation.String()
	l.g.tries[which]++
	dice := rand.New(rand.NewPCG(l.g.seed, uint64(len(which))<<32^l.g.tries[which]^uint64(bytes.Count([]byte(which), []byte("1")))<<8^hashOf(which)))
	l.g.mu.Unlock()
	pause := time.Duration(dice.Int64N(int64(400 * time.Millisecond)))
	fate := dice.IntN(100)
	select {
	case <-time.After(pause):
	case <-ctx.Done():
	}
	if ctx.Err() != nil || l.dead.Load() {
		return payment.Result{}
	}
	l.g.mu.Lock()
	defer l.g.mu.Unlock()
	l.g.calls++
	switch {
	case l.g.down || fate < 5:
		l.g.lost++
		return payment.Result{Detail: "it never arrived"}
	case fate < 8:
		return payment.Result{Answer: payment.NotDone, Throttled: true, RetryAfterMs: 1500}
	}
	r := l.g.carryOut(&call, dice)
	if fate < 16 {
		l.g.lost++
		return payment.Result{Detail: "its answer was lost"}
	}
	return r
}

func hashOf(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}

func (g *simGateway) carryOut(call *payment.Call, dice *rand.Rand) payment.Result {
	if call.Operation == payment.LookUp {
		all := g.charges[call.Order]
		if len(all) == 0 {
			return payment.Result{Answer: payment.NotFound}
		}
		return all[len(all)-1].say()
	}
	if body, known := g.bodies[call.Key]; known && !bytes.Equal(body, call.Body) {
		g.misuses++
	}
	g.bodies[call.Key] = call.Body
	c := g.keys[call.Key]
	switch {
	case c != nil:
		return c.say()
	case call.Operation == payment.Authorise:
		c = &simCharge{order: call.Order, minor: 4500, state: payment.Authorised}
		switch fate := dice.IntN(20); {
		case fate < 2:
			c.state = payment.DeclinedSoft
		case fate < 3:
			c.state = payment.DeclinedHard
		case fate < 5:
			c.state = payment.ActionNeeded
			if fate == 3 {
				c.until = time.Now().Add(10 * time.Second)
			}
		}
		g.charges[call.Order] = append(g.charges[call.Order], c)
	default:
		all := g.charges[call.Order]
		if len(all) == 0 {
			return payment.Result{Answer: payment.NotFound}
		}
		c = all[len(all)-1]
		switch c.say(); {
		case call.Operation == payment.Capture && c.state == payment.Authorised:
			c.state = payment.Captured
		case call.Operation == payment.Void && c.state == payment.Authorised:
			c.state = payment.Voided
		case call.Operation == payment.Cancel && (c.state == payment.Authorised || c.state == payment.ActionNeeded):
			c.state = payment.Voided
		}
	}
	g.keys[call.Key] = c
	return c.say()
}

// say is what the gateway tells of the charge now.
func (c *simCharge) say() payment.Result {
	if c.state == payment.ActionNeeded && !c.until.IsZero() && time.Now().After(c.until) {
		c.state = payment.Authorised
	}
	return payment.Result{Answer: c.state, Ref: "ch", AmountMinor: c.minor, Currency: "EUR", Decline: payment.DeclineGeneric}
}

// simBuyers notes what buyers are told.
type simBuyers struct {
	purchases map[engine.PurchaseID]engine.PurchaseView
	code      engine.Code
	durable   chan struct{}
}

func (b *simBuyers) Outcome(_ *engine.Request, _ int, out *engine.Outcome) {
	b.code = out.Code
	if out.Shows&engine.ShowsPurchase != 0 {
		b.purchases[out.Purchase.ID] = *out.Purchase
	}
}

func (b *simBuyers) Durable(*engine.Request) { close(b.durable) }

// TestPurchasesEndWhateverFalls lets buyers buy while the process falls again and again, in the middle of everything, and the gateway loses requests and answers,
// limits us, and is away for half an hour. At the end what the events say and what the gateway has done is the same: one charge for each order, none for
// anything else, and no key ever came with other bytes. HOLDFAST_SALES makes it more than 6 sales of 150 purchases.
func TestPurchasesEndWhateverFalls(t *testing.T) {
	sales := uint64(6)
	if text := os.Getenv("HOLDFAST_SALES"); text != "" {
		var err error
		if sales, err = strconv.ParseUint(text, 10, 32); err != nil {
			t.Fatalf("HOLDFAST_SALES=%s: %v", text, err)
		}
	}
	for seed := range sales {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { fallingSale(t, seed) })
		})
	}
}

func fallingSale(t *testing.T, seed uint64) {
	const buyers = 150
	dice := rand.New(rand.NewPCG(seed, 1))
	disk, vault := newSimDisk(t), &fakeVault{}
	disk.kept = func(run *engine.Run, _ int) { vault.keep(run.Beside) }
	g := &simGateway{seed: seed, keys: map[string]*simCharge{}, bodies: map[string][]byte{}, charges: map[string][]*simCharge{}, tries: map[string]uint64{}}
	var n *Node
	var writer *simWriter
	dead := new(atomic.Bool)
	start := func() {
		dead = new(atomic.Bool)
		writer = &simWriter{disk: disk, slowest: simSlowest, seed: dice.Uint64()}
		var err error
		n, err = Start(Config{
			SleepAfter: 5 * time.Second, Logger: slog.New(slog.DiscardHandler), Fatal: func(err error) { t.Errorf("fatal: %v", err) },
			Gateways: []Gateway{&simLine{g: g, dead: dead}}, Vault: vault, Installation: "i1", Wallets: fakeWallets{}, Lane: LaneConfig{Rate: 20, Concurrency: 8},
		}, writer, writer, disk.recovered(dice))
		if err != nil {
			t.Fatal(err)
		}
	}
	say := func(cmd engine.Command) *simBuyers {
		b := &simBuyers{purchases: map[engine.PurchaseID]engine.PurchaseView{}, durable: make(chan struct{})}
		if code := n.Submit(&engine.Request{Account: engine.SingleAccount, Event: "e1", Commands: []engine.Command{cmd}, Reply: b}); code != engine.CodeOK {
			b.code = code
			return b
		}
		<-b.durable
		return b
	}
	start()
	spec := create("c1", 10*buyers)
	spec.Spec.Pay.PayMs, spec.Spec.Pay.UndoMs, spec.Spec.Pay.ActionMs = 30_000, 3000, 30_000
	spec.Spec.Pay.HasUndo = true
	if got := say(spec).code; got != engine.CodeOK {
		t.Fatalf("create: %v", got)
	}
	falls := 0
	for i := range buyers {
		time.Sleep(time.Duration(dice.ExpFloat64() * float64(300*time.Millisecond)))
		cmd := engine.Command{
			Verb: engine.VerbBuy, RequestID: fmt.Sprintf("b%d", i), Buyer: fmt.Sprintf("buyer%d", i), Items: []engine.Item{{Lot: "ga", Quantity: 1}},
			Payment: &engine.PaymentCommand{},
		}
		say(cmd)
		if i == buyers/2 { // away for half an hour, and a fall in the middle of it
			g.mu.Lock()
			g.down = true
			g.mu.Unlock()
			time.Sleep(30 * time.Minute)
			g.mu.Lock()
			g.down = false
			g.mu.Unlock()
		}
		if dice.IntN(12) > 0 {
			continue
		}
		dead.Store(true)
		writer.kill()
		if err := n.Stop(context.Background()); err != nil {
			t.Fatal(err)
		}
		falls++
		time.Sleep(time.Duration(dice.Int64N(int64(time.Minute))))
		start()
		say(cmd) // its buyer asks again, with the same request id
	}
	time.Sleep(2 * time.Hour)
	states := map[engine.PurchaseState]int{}
	for p := engine.PurchaseID(1); ; p++ {
		b := say(engine.Command{Verb: engine.VerbPurchase, Payment: &engine.PaymentCommand{Purchase: string(engine.AppendPurchaseID(nil, p, 0))}})
		v, there := b.purchases[p]
		if !there {
			break
		}
		states[v.State]++
		charges, taken := g.charges[fmt.Sprintf("hf.i1._.e1.p%d", p)], 0
		for _, c := range charges {
			if c.state == payment.Captured || c.state == payment.Authorised {
				taken++
			}
		}
		switch sold := v.State == engine.PurchaseSold; {
		case !v.State.Final():
			t.Errorf("purchase %d is %v after two hours of a gateway that answers", p, v.State)
		case sold && taken != 1, !sold && taken != 0:
			t.Errorf("purchase %d is %v and has %d charges that cost something, of %d", p, v.State, taken, len(charges))
		case sold && v.Charge != engine.ChargeCaptured:
			t.Errorf("purchase %d is sold and its charge %v", p, v.Charge)
		}
	}
	if kept := len(vault.records); kept > 0 {
		t.Errorf("the bytes of %d requests are kept although all is settled", kept)
	}
	if g.misuses > 0 {
		t.Errorf("%d keys came with other bytes", g.misuses)
	}
	if states[engine.PurchaseSold] == 0 || states[engine.PurchaseDeclined] == 0 || states[engine.PurchaseReleased] == 0 || falls == 0 || g.lost == 0 {
		t.Errorf("not everything happened that was to happen: %v, %d falls, %d lost", states, falls, g.lost)
	}
	t.Logf("seed %d: %v, %d falls, %d calls, of which %d were lost or not answered", seed, states, falls, g.calls, g.lost)
	if err := n.Stop(context.Background()); err != nil {
		t.Error(err)
	}
	time.Sleep(time.Second) // the disk has nothing more to write
}
