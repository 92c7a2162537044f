package notice

import (
	"strconv"

	"github.com/holdfast-engine/holdfast/engine"
)

// waiter tells what has become of somebody on the waiting list. Nobody is told of the method that is to be charged.
func (b *building) waiter(kind Kind, t *engine.Told, v *toldView, seq string) {
	if v.waiter == nil {
		return
	}
	w := &Waiter{Waiter: t.Waiter, State: v.waiter.State.String(), AutoBuy: v.waiter.AutoBuy, Until: momentOrNone(t.Until)}
	if t.Wish > 0 && t.Wish <= len(v.waiter.Wishes) {
		wish := &v.waiter.Wishes[t.Wish-1]
		w.Wish = &Wish{Lot: wish.Lot, Name: b.about.names[wish.Lot], Quantity: wish.Quantity, Together: wish.Together}
	}
	if t.Why != engine.CodeOK {
		w.Why = t.Why.String()
	}
	data := &Data{Buyer: v.waiter.Buyer, RequestID: t.RequestID, Waiter: w}
	if h := v.hold; h != nil {
		data.Hold = &Hold{ID: string(engine.AppendHoldID(nil, h.ID, h.Incarnation)), State: h.State.String()}
		if h.State == engine.HoldHeld { // outages since the offer are in it
			w.Until = momentOrNone(h.ExpiresAt)
		}
		if len(h.Items) > 0 {
			data.Hold.TotalMinor, data.Hold.Currency, data.Hold.Items = &h.TotalMinor, h.Currency, b.itemsOf(h.Items)
		}
	}
	b.add(kind, seq, strconv.FormatInt(t.Waiter, 10), t.At, data)
}
