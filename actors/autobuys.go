package actors

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"sync"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// Times of auto-buys that nobody needs to set.
const (
	autoBuyRetry = time.Second     // before an offer is tried again that the event or the lane does not take at the moment
	autoBuyLast  = 3 * time.Second // before the offer ends, it is tried for the last time, whatever the lane is like: then the buyer is told why
)

// autoBuys buys what was offered to those on waiting lists who have agreed to it. The event names each offer when it is durable, and again after a restart; one goroutine
// gives the event a buy of the offered hold, annotated from the wallet like any other, and the event decides: the purchase goes through the lane, or the tickets
// go to the next and the buyer is told why. Each lane is given its offers in the order in which events have named them.
//
// The request id of the buy is the hold's: however often an offer is named, it is bought once.
type autoBuys struct {
	node *Node

	mu    sync.Mutex
	open  map[offerKey]*autoBuy
	named uint64 // offers, ever
	ready chan struct{}
}

// offerKey names an offer: a hold of an event.
type offerKey struct {
	at   route
	hold engine.HoldID
}

// autoBuy is an offer that is to be bought.
type autoBuy struct {
	of     *autoBuys
	key    offerKey
	in     engine.Incarnation
	number uint64 // of those that were named
	buyer  string
	// method is the one that was agreed to be charged, until when the offer stands, in node time.
	method string
	until  engine.Instant

	// The goroutine's own.
	gateway string // whose lane had no room for it, "" before it was tried
	asked   bool   // the event is asked
	request engine.Request
	cmd     [1]engine.Command
	pay     engine.PaymentCommand
}

func newAutoBuys(n *Node) *autoBuys {
	return &autoBuys{node: n, open: make(map[offerKey]*autoBuy), ready: make(chan struct{}, 1)}
}

// offered takes an offer that is to be bought. It does not block.
func (b *autoBuys) offered(key engine.Key, c *engine.WaitChange) {
	if !c.AutoBuy || c.State != engine.WaitOffered {
		return
	}
	at := offerKey{route{key.Account, key.ID}, c.Hold}
	b.mu.Lock()
	if b.open[at] == nil {
		b.named++
		b.open[at] = &autoBuy{of: b, key: at, in: c.HoldIn, number: b.named, buyer: c.Buyer, method: c.Method, until: c.Until}
	}
	b.mu.Unlock()
	select {
	case b.ready <- struct{}{}:
	default:
	}
}

// waiting is how many offers are to be bought.
func (b *autoBuys) waiting() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.open)
}

// run buys until ctx ends. While some have to wait, whoever comes meanwhile waits with them: a round costs as much as there are offers.
func (b *autoBuys) run(ctx context.Context) {
	defer b.node.beating.Done()
	again := time.NewTimer(time.Hour)
	defer again.Stop()
	for {
		ready := b.ready
		if b.round() {
			ready = nil
			again.Reset(autoBuyRetry)
		} else {
			again.Stop()
		}
		select {
		case <-ctx.Done():
			return
		case <-ready:
		case <-again.C:
		}
	}
}

// round tries all offers that the event is not asked about, and reports whether some have to wait. Whoever is not taken keeps those behind them from the same
// event, or the same lane, until the next round: room that comes up meanwhile is theirs.
func (b *autoBuys) round() (wait bool) {
	var due []*autoBuy
	b.mu.Lock()
	for _, o := range b.open {
		if !o.asked {
			due = append(due, o)
		}
	}
	b.mu.Unlock()
	slices.SortFunc(due, func(x, y *autoBuy) int { return cmp.Compare(x.number, y.number) })
	full, busy := make(map[string]bool), make(map[route]bool)
	for _, o := range due {
		last := b.node.clock.Now() >= o.until-engine.Instant(autoBuyLast)
		if busy[o.key.at] || full[o.gateway] && !last {
			wait = true
			continue
		}
		switch o.buy(full, last) { //nolint:exhaustive // the others mean that the offer is no more
		case engine.CodeOK:
			o.asked = true
		case engine.CodePaymentBusy:
			o.gateway, wait = o.pay.Note.Gateway, true
			full[o.gateway] = true
		case engine.CodeOverloaded, engine.CodeUnavailable:
			busy[o.key.at], wait = true, true
		default:
			o.over()
		}
	}
	return wait
}

// buy asks the event to buy what it holds for the buyer. PAYMENT_BUSY says that the lane is among the full ones, or has no room, and that the event was not asked.
func (o *autoBuy) buy(full map[string]bool, last bool) engine.Code {
	n := o.of.node
	hold := string(engine.AppendHoldID(nil, o.key.hold, o.in))
	o.pay = engine.PaymentCommand{Auto: true, Method: o.method}
	o.cmd[0] = engine.Command{Verb: engine.VerbBuy, RequestID: n.autoBuyID(o.key.at, hold), Buyer: o.buyer, Hold: hold, Payment: &o.pay}
	o.request = engine.Request{Account: o.key.at.account, Event: o.key.at.event, Commands: o.cmd[:], Reply: o}
	return n.submit(&o.request, func() engine.Code {
		if note := &o.pay.Note; !last && (note.Busy || note.Breaker || full[note.Gateway]) {
			return engine.CodePaymentBusy
		}
		return engine.CodeOK
	})
}

// over forgets the offer.
func (o *autoBuy) over() {
	o.of.mu.Lock()
	defer o.of.mu.Unlock()
	delete(o.of.open, o.key)
}

// Outcome implements engine.Replier.
func (*autoBuy) Outcome(*engine.Request, int, *engine.Outcome) {}

// Durable implements engine.Replier. Whatever the event has said, the offer is bought, or was given to the next.
func (o *autoBuy) Durable(*engine.Request) { o.over() }

// autoBuyID is the request id of an auto-buy: always the same of a hold, and none that a caller could have used before.
func (n *Node) autoBuyID(at route, hold string) string {
	sum := sha256.Sum256([]byte(n.cfg.Installation + "\x00auto-buy\x00" + at.account + "\x00" + at.event + "\x00" + hold))
	return "auto-" + hex.EncodeToString(sum[:16])
}
