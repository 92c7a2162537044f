package engine

import (
	"encoding/binary"

	"github.com/holdfast-engine/holdfast/engine/payment"
)

// factUndone says that a buyer took a purchase back: its tickets are free again, and its money is let go.
//
//	| 36 | asked | purchase |
type factUndone struct {
	asked
	purchase PurchaseID
}

func (f *factUndone) append(dst []byte) []byte {
	return binary.AppendUvarint(f.asked.append(append(dst, byte(kindUndone))), uint64(f.purchase))
}

// undo takes back a purchase that was just sold.
func (e *Event) undo(cmd *Command) {
	var f factUndone
	slot, ok := e.ownPurchase(cmd, &f.asked)
	if !ok {
		return
	}
	row := e.purchases.rows.at(slot)
	why := refusal{field: fieldPurchase}
	switch {
	case row.state != PurchaseSold:
		why.code, why.text = CodeWrongState, notSold
	case row.flags&purchaseUndone != 0:
		why.code, why.text = CodeWrongState, wasUndone
	case e.after(uint32(row.order-1)) != nil:
		why.code, why.text = CodeWrongState, orderHasChanged
	case e.eventTime() >= row.undo || row.charge == ChargeCapturing || row.charge == ChargeVoiding:
		why.code = CodeUndoTooLate
	}
	if why.code != CodeOK {
		e.refuseAsked(cmd, &f.asked, why)
		return
	}
	f.purchase = PurchaseID(slot) + 1
	e.facts.Buf = f.append(e.facts.Buf)
	e.emitted()
	e.applyUndone(&f, slot)
	e.signal(slot, false)
	e.showPurchase(slot)
}

func (e *Event) applyUndone(f *factUndone, slot uint32) {
	row := e.liftPurchase(slot)
	row.flags |= purchaseUndone
	deadline := Instant(0)
	if plantedBug(plantedForgetVoid) {
		deadline = row.deadline
	} else if row.charge != ChargeNone && row.charge != ChargeVoided { // an operator may have said that nothing is there any more
		row.charge = ChargeVoiding
		e.nextOperation(row)
	}
	e.voidTickets(uint32(row.order-1), nil, 0, shareFree)
	e.putPurchase(slot, deadline)
	e.remember(&f.asked, VerbUndo, uint64(f.purchase), row.total)
}

func (e *Event) foldUndone(d *decoder) error {
	var f factUndone
	d.caller(&f.asked)
	f.purchase = PurchaseID(d.int())
	slot, row, err := e.foldPurchase(d, f.purchase)
	if err != nil {
		return err
	}
	if err := e.fresh(&f.asked); err != nil {
		return err
	}
	if row.state != PurchaseSold || row.flags&purchaseUndone != 0 || e.after(uint32(row.order-1)) != nil ||
		row.charge == ChargeCapturing || row.charge == ChargeVoiding {
		return unfit("a purchase is undone that is not sold, or not any more")
	}
	e.applyUndone(&f, slot)
	return nil
}

// complete asks the gateway what became of a purchase whose buyer has authenticated, or has come back: there may be news. It changes nothing by itself.
func (e *Event) complete(cmd *Command) {
	var a asked
	slot, ok := e.ownPurchase(cmd, &a)
	if !ok {
		return
	}
	if row := e.purchases.rows.at(slot); row.unfinished() && row.state != PurchaseQueued {
		w, _ := e.workOf(slot)
		w.Operation, w.Intended, w.Hash = payment.LookUp, 0, [32]byte{}
		e.signals.Work = append(e.signals.Work, w)
	}
	e.showPurchase(slot)
}

// ownPurchase does what commands on a buyer's purchase have in common: it checks the command, looks up its request and finds the purchase.
func (e *Event) ownPurchase(cmd *Command, a *asked) (slot uint32, ok bool) {
	p := paymentOf(cmd)
	if !e.validRequest(cmd) || !e.validID("buyer", cmd.Buyer) || !e.validID("purchase", p.Purchase) {
		return 0, false
	}
	if e.state == 0 {
		e.refuse(cmd, refusal{code: CodeEventUnknown, field: fieldEvent})
		return 0, false
	}
	if e.known(cmd, a) {
		return 0, false
	}
	if slot, ok = e.purchaseSaid(p.Purchase, cmd.Buyer); !ok {
		e.refuseAsked(cmd, a, refusal{code: CodePurchaseUnknown, field: fieldPurchase})
	}
	return slot, ok
}
