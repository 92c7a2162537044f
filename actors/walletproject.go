package actors

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/puzpuzpuz/xsync/v4"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/wallet"
)

// FactCursor is a place in the log from which facts are read.
type FactCursor interface {
	// Position is the last batch that is done with.
	Position() uint64
	// Advance says that every batch up to seq is done with.
	Advance(seq uint64)
	// Read calls use with the runs of at most limit durable batches behind after, and returns the last batch read.
	Read(ctx context.Context, after uint64, limit int, use func(seq uint64, run *engine.Run) error) (uint64, error)
	// Wait returns when a batch behind after is durable, or with an error.
	Wait(ctx context.Context, after uint64) error
}

// projectEvery is how long the projector waits between two looks at the log: it reads what came meanwhile at once, instead of waking for each group commit of a sale.
const projectEvery = 50 * time.Millisecond

// projectBatchesMax is how many batches of the log are read before the cursor moves on.
const projectBatchesMax = 1024

// projection is what the projector of purchases shows.
type projection struct {
	read      atomic.Uint64 // batches
	purchases atomic.Uint64 // told to shards
}

// projectPause is how long the projector waits when somebody has no room for it.
const projectPause = 50 * time.Millisecond

// pause waits, or ends with ctx.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// devicesTriedMax is how many purchases' devices are remembered until they are sold.
const devicesTriedMax = 1 << 16

// triedDevices remembers at which device a buyer last bought at an event, so that a purchase that succeeds makes the device known. In memory only: what a
// restart forgets is asked for once more.
type triedDevices struct {
	devices *xsync.Map[triedKey, uint64]
}

type triedKey struct{ account, event, buyer string }

func (t *triedDevices) note(account, event, buyer string, device uint64) {
	if device == 0 {
		return
	}
	if t.devices.Size() >= devicesTriedMax {
		t.devices.Clear()
	}
	t.devices.Store(triedKey{strings.Clone(account), strings.Clone(event), strings.Clone(buyer)}, device)
}

func (t *triedDevices) take(account, event, buyer string) uint64 {
	device, _ := t.devices.LoadAndDelete(triedKey{account, event, buyer})
	return device
}

// ProjectPurchases follows the log by a cursor until ctx ends, and tells the wallets of orders and of what became of them. What it has told is durable before
// the cursor moves on; what it tells twice changes nothing.
func (n *Node) ProjectPurchases(ctx context.Context, c FactCursor) error {
	if n.wallets == nil {
		return nil
	}
	p := &projector{node: n, room: n.wallets, cursor: c}
	for at := c.Position(); ; {
		if err := c.Wait(ctx, at); err != nil {
			return ended(ctx, err)
		}
		if err := pause(ctx, projectEvery); err != nil {
			return nil
		}
		p.orders = p.orders[:0]
		last, err := c.Read(ctx, at, projectBatchesMax, func(_ uint64, run *engine.Run) error { return p.collect(run) })
		if err != nil {
			return ended(ctx, fmt.Errorf("actors: read purchases from the log: %w", err))
		}
		if err := p.tell(ctx); err != nil {
			return ended(ctx, err)
		}
		n.wallets.projects.read.Add(last - at)
		at = last
		c.Advance(at)
	}
}

// ended makes the end of ctx no error.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// projector collects what a few batches say about orders.
type projector struct {
	node   *Node
	room   *walletRoom
	cursor FactCursor
	teller engine.Teller
	orders []toldOrder
}

// toldOrder is an order that a fact is about.
type toldOrder struct {
	account, event string
	told           engine.Told
}

func (p *projector) collect(run *engine.Run) error {
	if run.Key.Kind != engine.KindEvent {
		return nil
	}
	return p.teller.Each(run, func(t *engine.Told) error {
		if t.Order != 0 && t.Kind != engine.ToldOther {
			p.orders = append(p.orders, toldOrder{run.Key.Account, run.Key.ID, engine.Told{Kind: t.Kind, Seq: t.Seq, At: t.At, Order: t.Order, Hold: t.Hold}})
		}
		return nil
	})
}

// tell asks each event how its orders are now, and tells the buyers' shards, durably.
func (p *projector) tell(ctx context.Context) error {
	for i := range p.orders {
		o := &p.orders[i]
		purchase, buyer, err := p.ask(ctx, o)
		if err != nil {
			return err
		}
		if buyer == "" || buyer[0] == '_' {
			continue
		}
		purchase.Device = p.room.tried.take(o.account, o.event, buyer)
		if err := p.submit(ctx, o.account, wallet.Command{Verb: wallet.VerbPurchased, Buyer: buyer, Purchase: purchase}); err != nil {
			return err
		}
		p.room.projects.purchases.Add(1)
	}
	return nil
}

// orderReply takes an event's answer about an order.
type orderReply struct {
	done     chan struct{}
	purchase wallet.Purchase
	buyer    string
}

// Outcome implements engine.Replier.
func (r *orderReply) Outcome(_ *engine.Request, _ int, out *engine.Outcome) {
	if out.Code != engine.CodeOK || out.Shows&engine.ShowsOrder == 0 {
		return
	}
	o := &out.Order
	r.buyer = strings.Clone(o.Buyer)
	r.purchase = wallet.Purchase{
		Event: strings.Clone(o.Event), Order: string(engine.AppendOrderID(nil, o.ID, o.Incarnation)), TotalMinor: o.TotalMinor, RefundedMinor: o.RefundedMinor,
		Currency: strings.Clone(o.Currency), AtMs: int64(o.At) / 1e6, Undone: o.Charge == engine.ChargeVoided || o.Charge == engine.ChargeVoiding,
		Open: o.Charge == engine.ChargeAuthorised || o.Charge == engine.ChargeCapturing || o.Charge == engine.ChargeVoiding, Seq: out.Seq,
	}
}

// Durable implements engine.Replier.
func (r *orderReply) Durable(*engine.Request) { close(r.done) }

// ask reads an order from its event. An event that is archived or set aside has no answer, and the buyer none.
func (p *projector) ask(ctx context.Context, o *toldOrder) (wallet.Purchase, string, error) {
	reply := &orderReply{done: make(chan struct{})}
	req := &engine.Request{
		Account: o.account, Event: o.event, Reply: reply,
		Commands: []engine.Command{{Verb: engine.VerbTell, Payment: &engine.PaymentCommand{Told: &o.told}}},
	}
	for {
		code := p.node.Submit(req)
		if code == engine.CodeOK {
			break
		}
		if code != engine.CodeOverloaded {
			return wallet.Purchase{}, "", nil
		}
		if err := pause(ctx, projectPause); err != nil {
			return wallet.Purchase{}, "", err
		}
	}
	select {
	case <-reply.done:
		return reply.purchase, reply.buyer, nil
	case <-ctx.Done():
		return wallet.Purchase{}, "", ctx.Err()
	}
}

// walletReply waits until a shard's answer is durable.
type walletReply struct{ done chan struct{} }

// Outcome implements wallet.Replier.
func (r *walletReply) Outcome(*wallet.Request, int, *wallet.Outcome) {}

// Durable implements wallet.Replier.
func (r *walletReply) Durable(*wallet.Request) { close(r.done) }

// submit gives a shard a command and waits until its answer is durable. A shard that is set aside learns nothing.
func (p *projector) submit(ctx context.Context, account string, c wallet.Command) error {
	reply := &walletReply{done: make(chan struct{})}
	for {
		code := p.node.SubmitWallet(&wallet.Request{Account: account, Commands: []wallet.Command{c}, Reply: reply})
		if code == engine.CodeOK {
			break
		}
		if code == engine.CodeQuarantined {
			return nil
		}
		if err := pause(ctx, projectPause); err != nil {
			return err
		}
	}
	select {
	case <-reply.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
