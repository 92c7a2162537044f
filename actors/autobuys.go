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
// go to the next and the buyer is told why.
//
// The request id of the buy is the hold's: however often an offer is named, it is bought once.
type autoBuys struct {
	node *Node

	mu    sync.Mutex
	open  map[offerKey]*autoBuy
	again time.Duration // monotonic time at which those are tried again that a lane did not take: whoever comes meanwhile is behind them
	ready chan struct{}
}

// offerKey names an offer: a hold of an event.
type offerKey struct {
	at   route
	hold engine.HoldID
}

// autoBuy is an offer that is to be bought.
type autoBuy struct {
	of    *autoBuys
	key   offerKey
	in    engine.Incarnation
	buyer string
	// method is the one that was agreed to be charged, until when the offer stands, in node time.
	method string
	until  engine.Instant
	next   time.Duration // monotonic time before which it is not tried
	asked  bool          // the event is asked

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
		b.open[at] = &autoBuy{of: b, key: at, in: c.HoldIn, buyer: c.Buyer, method: c.Method, until: c.Until, next: b.again}
	}
	b.mu.Unlock()
	b.wake()
}

func (b *autoBuys) wake() {
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

// run buys until ctx ends.
func (b *autoBuys) run(ctx context.Context) {
	defer b.node.beating.Done()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		timer.Reset(b.work())
		select {
		case <-ctx.Done():
			return
		case <-b.ready:
		case <-timer.C:
		}
	}
}

// work tries all offers whose time it is, and returns when to look again.
func (b *autoBuys) work() time.Duration {
	var due []*autoBuy
	mono := b.node.clock.Mono()
	again := time.Hour
	b.mu.Lock()
	for _, o := range b.open {
		switch wait := o.next - mono; {
		case o.asked:
		case wait > 0:
			again = min(again, wait)
		default:
			o.asked = true
			due = append(due, o)
		}
	}
	b.mu.Unlock()
	slices.SortFunc(due, func(x, y *autoBuy) int { return cmp.Compare(x.key.hold, y.key.hold) }) // the lane's line has the order of the list
	for _, o := range due {
		o.buy()
	}
	return again
}

// buy asks the event to buy what it holds for the buyer.
func (o *autoBuy) buy() {
	n := o.of.node
	hold := string(engine.AppendHoldID(nil, o.key.hold, o.in))
	o.pay = engine.PaymentCommand{Auto: true, Method: o.method}
	o.cmd[0] = engine.Command{Verb: engine.VerbBuy, RequestID: n.autoBuyID(o.key.at, hold), Buyer: o.buyer, Hold: hold, Payment: &o.pay}
	if n.clock.Now() < o.until-engine.Instant(autoBuyLast) && !n.laneTakes(o.key.at.account, &o.cmd[0]) {
		o.later()
		return
	}
	o.request = engine.Request{Account: o.key.at.account, Event: o.key.at.event, Commands: o.cmd[:], Reply: o}
	switch code := n.Submit(&o.request); code { //nolint:exhaustive // the others mean that the offer is no more
	case engine.CodeOK:
	case engine.CodeOverloaded, engine.CodeUnavailable:
		o.later()
	default:
		o.over()
	}
}

// laneTakes reports whether the lane of the method that would be charged takes a purchase now. Without a method the event has to say why there is none.
func (n *Node) laneTakes(account string, cmd *engine.Command) bool {
	n.cfg.Wallets.Annotate(account, cmd)
	l := n.payments.lanes[cmd.Payment.Note.Gateway]
	return l == nil || l.takes()
}

// later tries the offer again.
func (o *autoBuy) later() {
	o.of.mu.Lock()
	if now := o.of.node.clock.Mono(); o.of.again <= now {
		o.of.again = now + autoBuyRetry
	}
	o.asked, o.next = false, o.of.again
	o.of.mu.Unlock()
	o.of.wake()
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
