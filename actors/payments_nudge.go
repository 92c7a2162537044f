package actors

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
)

// ErrNotOurs says that an order is of no purchase that this data folder has: of another installation at the same account of the gateway, or of none.
var ErrNotOurs = errors.New("actors: the order is of no purchase here")

// parseOrder reads what charge.order wrote.
func (n *Node) parseOrder(order string) (account, event, purchase string, ok bool) {
	parts := strings.Split(order, ".")
	if len(parts) != 5 || parts[0] != "hf" || parts[1] != n.cfg.Installation {
		return "", "", "", false
	}
	_, _, ok = engine.ParsePurchaseID(parts[4])
	return parts[2], parts[3], parts[4], ok && engine.ValidID(parts[3])
}

// Nudge is told that something may have happened to a charge at its gateway, by whoever: it makes the lane look it up, and believes nothing else. A charge that
// the lane waits for is looked up at once; one of a purchase that was given up is looked up because money may have come after all. Others have
// been settled: nothing is asked. It returns ErrNotOurs for an order of somebody else, and another error if it is worth trying again.
func (n *Node) Nudge(ctx context.Context, gateway, order string) error {
	account, event, purchase, ok := n.parseOrder(order)
	if !ok {
		return ErrNotOurs
	}
	l := n.payments.lanes[gateway]
	if l == nil {
		return ErrNoGateway
	}
	id, in, _ := engine.ParsePurchaseID(purchase)
	at := chargeKey{account, event, id}
	if _, open := l.charges.Load(at); open {
		l.box.post(laneMessage{what: laneAsk, at: &at})
		return nil
	}
	q := &nudged{durable: make(chan struct{})}
	q.cmd[0] = engine.Command{Verb: engine.VerbPurchase, Payment: &engine.PaymentCommand{Purchase: purchase}}
	q.ask = engine.Request{Account: account, Event: event, Commands: q.cmd[:], Reply: q}
	code := n.Submit(&q.ask)
	if code == engine.CodeEventUnknown || code == engine.CodeEventArchived {
		return ErrNotOurs
	}
	if code != engine.CodeOK {
		return fmt.Errorf("actors: event %s answers %s", event, code)
	}
	select {
	case <-q.durable:
	case <-ctx.Done():
		return fmt.Errorf("actors: event %s has not answered: %w", event, ctx.Err())
	}
	switch {
	case q.code == engine.CodePurchaseUnknown:
		return ErrNotOurs
	case q.code != engine.CodeOK:
		return fmt.Errorf("actors: event %s answers %s", event, q.code)
	case q.gateway == gateway && (q.state == engine.PurchaseDeclined || q.state == engine.PurchaseReleased):
		w := engine.Work{Operation: payment.LookUp, Purchase: id, Incarnation: in, Gateway: gateway, Buyer: q.buyer, Since: n.clock.Now()}
		l.box.post(laneMessage{what: laneWork, charge: newCharge(l, engine.Key{Account: account, ID: event}, &w)})
	}
	return nil
}

// nudged is what an event answers to the question where a purchase is.
type nudged struct {
	ask     engine.Request
	cmd     [1]engine.Command
	durable chan struct{}

	code           engine.Code
	state          engine.PurchaseState
	gateway, buyer string
}

// Outcome implements engine.Replier.
func (q *nudged) Outcome(_ *engine.Request, _ int, out *engine.Outcome) {
	if q.code = out.Code; q.code == engine.CodeOK {
		q.state, q.gateway, q.buyer = out.Purchase.State, strings.Clone(out.Purchase.Gateway), strings.Clone(out.Purchase.Buyer)
	}
}

// Durable implements engine.Replier.
func (q *nudged) Durable(*engine.Request) { close(q.durable) }
