package engine

import (
	"fmt"

	"github.com/holdfast-engine/holdfast/engine/payment"
)

// viewPurchaseFact puts into words what a fact about a purchase says that was just folded.
func (e *Event) viewPurchaseFact(v *FactView, fact []byte) (a asked) {
	d := decoder{buf: fact[1:]}
	switch factKind(fact[0]) { //nolint:exhaustive // those that viewFact hands over
	case kindOffered:
		var f factOffered
		d.offered(&f)
		a = f.asked
		v.Text = fmt.Sprintf("offer %s to buyer %s: %s, %d minor units, for %s", AppendOfferID(nil, f.offer, e.offerIncarnation(f.offer)), f.buyer,
			e.wishText(f.items), f.total, msText(f.life))
		if f.method != "" {
			v.Text += ", with " + f.method
		}
		if f.agreement != "" {
			v.Text += ", under agreement " + f.agreement
		}
		if f.channel != "" {
			v.Text += ", by " + f.channel
		}
	case kindBuying:
		var f factBuying
		d.buying(&f)
		a = f.asked
		row := e.purchases.rows.at(uint32(f.purchase - 1))
		v.Text = fmt.Sprintf("purchase %s of buyer %s with hold %s, %d minor units", e.purchaseText(f.purchase), e.buyerName(row.buyer), e.holdText(f.hold), row.total)
		if f.method != "" {
			v.Text += fmt.Sprintf(", %s %s at %s", f.kind, f.method, f.gateway)
		}
		if f.agreement != "" {
			v.Text += ", under agreement " + f.agreement
		}
		if f.channel != "" {
			v.Text += ", by " + f.channel
		}
	case kindUndone:
		d.caller(&a)
		v.Text = "purchase " + e.purchaseText(PurchaseID(d.int()))
	case kindResolved:
		d.caller(&a)
		v.Text = fmt.Sprintf("purchase %s: %s, as an operator says", e.purchaseText(PurchaseID(d.int())), payment.Answer(d.byte()))
	case kindLate:
		var f factLate
		d.late(&f)
		a = f.asked
		if v.Text = "a payment for hold " + e.holdText(f.hold) + " came late"; f.granted != 0 {
			v.Text += ": hold " + e.holdText(f.granted) + " was granted in its place"
		} else {
			v.Text += " and the tickets are gone: " + f.paymentRef + " has to be given back"
		}
	case kindOneClick:
		d.caller(&a)
		word := "on"
		if d.bool() {
			word = "off"
		}
		v.Text = fmt.Sprintf("one-click checkout is %s, for %d hundredths of a percent of buyers", word, d.uint(OneClickEveryone))
	case kindIntended:
		var f factIntended
		d.intended(&f)
		v.Text = fmt.Sprintf("purchase %s: %s, attempt %d, request %x", e.purchaseText(f.purchase), f.operation, f.attempt, f.hash[:8])
	case kindSold:
		var f factSold
		d.sold(&f)
		in := e.orderIncarnation(f.order)
		v.Text = fmt.Sprintf("purchase %s is order %s of buyer %s, tickets from %s, %d minor units", e.purchaseText(f.purchase), AppendOrderID(nil, f.order, in), f.buyer,
			AppendTicketID(nil, f.ticket, in), f.total)
		if f.charge != ChargeNone {
			v.Text += fmt.Sprintf(", %s %s", f.charge, f.ref)
		}
	case kindDeclined:
		var f factDeclined
		d.declined(&f)
		v.Text = fmt.Sprintf("purchase %s: %s", e.purchaseText(f.purchase), f.decline)
		if f.life > 0 {
			v.Text += ", its hold has " + msText(f.life)
		}
	case kindPaid:
		var f factPaid
		d.paid(&f)
		v.Text = fmt.Sprintf("purchase %s: %s", e.purchaseText(f.purchase), f.step)
		if f.waits {
			v.Text += ", again later"
		}
		if f.there != 0 {
			currency := f.in
			if currency == "" {
				currency = e.spec.Currency
			}
			v.Text += fmt.Sprintf(", the gateway has %d minor units in %s", f.there, currency)
		}
		if f.ref != "" {
			v.Text += ", " + f.ref
		}
	}
	return a
}

func (e *Event) purchaseText(id PurchaseID) string {
	return string(AppendPurchaseID(nil, id, e.purchaseIncarnation(id)))
}

// wishText lists what an offer was of.
func (e *Event) wishText(wish []byte) string {
	var items []factItem
	d := decoder{buf: wish}
	for range d.byte() {
		w := d.wishItem()
		items = append(items, factItem{price: w.price, sales: uint32(w.sales), seats: w.seats})
	}
	return e.itemsText(items)
}
