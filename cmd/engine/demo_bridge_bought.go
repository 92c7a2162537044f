package main

import (
	"context"

	"github.com/holdfast-engine/holdfast/engine"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// clicks notes an order of a purchase that the visitor has seen the end of.
func (v *visitor) clicks(order string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.clicked[order] = true
}

func (v *visitor) hasClicked(order string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.clicked[order]
}

func (v *visitor) boughtFor(waiter int64) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.bought[waiter]
}

func (v *visitor) isBoughtFor(waiter int64, purchase string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.bought[waiter] = purchase
}

// isAsked notes that a bank wants to hear from the visitor, if it is one, about a purchase that may be made for them.
func (p *shopPage) isAsked(m *pb.PurchaseChanged) {
	if m.GetPurchase().GetState() != engine.PurchaseActionRequired.String() {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, v := range p.visitors {
		if v.buyer == m.Purchase.Buyer {
			v.mu.Lock()
			v.asked = askedOf{hold: m.Purchase.Hold, purchase: m.Purchase.Id}
			v.mu.Unlock()
		}
	}
}

// askedOf is the newest purchase of a visitor about which their bank has asked, and the hold that it pays.
type askedOf struct{ hold, purchase string }

// askedFor is the purchase of a waiter's hold about which the visitor's bank has asked; empty if it has not. It is noted as made for them, although they see its end.
func (v *visitor) askedFor(waiter int64, hold string) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.asked.hold != hold {
		return ""
	}
	v.bought[waiter] = v.asked.purchase
	return v.asked.purchase
}

// boughtFor finds the purchase that the engine has made for a visitor on the waiting list: the newest order in their wallet that they have not bought themselves. Empty if
// there is none, or the wallet has not heard of it yet: the page asks again.
func (b *bridge) boughtFor(ctx context.Context, v *visitor, w *pb.Waiter) (purchase string, err error) {
	if w.State != engine.WaitBought.String() || !w.AutoBuy {
		return "", nil
	}
	if purchase = v.boughtFor(w.Waiter); purchase != "" {
		return purchase, nil
	}
	h, err := b.client.History(ctx, v.buyer)
	if err != nil {
		return "", err
	}
	for i := len(h.GetPurchases()) - 1; i >= 0; i-- {
		past := h.Purchases[i]
		if past.Event != b.event() || v.hasClicked(past.Order) {
			continue
		}
		o, err := b.client.Order(ctx, b.event(), &pb.OrderCommand{Buyer: v.buyer, Order: past.Order})
		if err != nil {
			return "", err
		}
		v.isBoughtFor(w.Waiter, o.Purchase)
		v.clicks(past.Order) // it is not that of another waiter
		return o.Purchase, nil
	}
	return "", nil
}
