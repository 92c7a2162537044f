package engine

import (
	"encoding/binary"

	"github.com/holdfast-engine/holdfast/engine/payment"
)

// factResolved says what an operator has found out about a charge that nobody knew about. The facts behind it do what follows.
//
//	| 37 | asked | purchase | answer |
type factResolved struct {
	asked
	purchase PurchaseID
	answer   payment.Answer
}

func (f *factResolved) append(dst []byte) []byte {
	dst = binary.AppendUvarint(f.asked.append(append(dst, byte(kindResolved))), uint64(f.purchase))
	return append(dst, byte(f.answer))
}

// resolve takes an operator's word for what became of a stuck charge, or of one that could not be captured, let go or given back: authorised, captured, or
// voided.
func (e *Event) resolve(cmd *Command) {
	p := paymentOf(cmd)
	if !e.validRequest(cmd) || !e.validID("purchase", p.Purchase) {
		return
	}
	if p.Result == nil || p.Result.Answer != payment.Authorised && p.Result.Answer != payment.Captured && p.Result.Answer != payment.Voided {
		e.bad("answer", "it is authorised, captured or voided")
		return
	}
	if len(p.Result.Ref) > PaymentRefLenMax || !isPrintable(p.Result.Ref) {
		e.bad("ref", "it is not printable ASCII, or too long")
		return
	}
	if e.state == 0 {
		e.refuse(cmd, refusal{code: CodeEventUnknown, field: fieldEvent})
		return
	}
	f := factResolved{answer: p.Result.Answer}
	if e.known(cmd, &f.asked) {
		return
	}
	slot, ok := e.purchaseSaid(p.Purchase, "")
	if !ok {
		e.refuseAsked(cmd, &f.asked, refusal{code: CodePurchaseUnknown, field: fieldPurchase})
		return
	}
	f.purchase = PurchaseID(slot) + 1
	if !e.fitsResolved(&f, slot) {
		e.refuseAsked(cmd, &f.asked, refusal{code: CodeWrongState, field: fieldPurchase, text: notStuck})
		return
	}
	e.facts.Buf = f.append(e.facts.Buf)
	e.emitted()
	e.applyResolved(&f)
	row := e.purchases.rows.at(slot)
	r := payment.Result{Answer: f.answer, Ref: p.Result.Ref, AmountMinor: row.total, Currency: e.spec.Currency}
	if row.charge == ChargeVoiding {
		r.AmountMinor, r.Currency = row.owed(e.spec.Currency, e.named(row.in))
	}
	switch {
	case row.state == PurchaseStuck:
		e.resultUnderWay(slot, payment.LookUp, &r)
	case f.answer == payment.Captured:
		e.chargeThere(slot, &r)
	default:
		e.stepPurchase(slot, factPaid{step: stepVoided})
	}
	e.showPurchase(slot)
}

// fitsResolved reports whether a charge waits for an operator who can say this about it.
func (e *Event) fitsResolved(f *factResolved, slot uint32) bool {
	row := e.purchases.rows.at(slot)
	switch {
	case row.state == PurchaseStuck:
		return true
	case row.charge == ChargeVoiding && row.flags&purchaseWaits != 0: // the gateway has refused to let it go, or to give it back
		return f.answer == payment.Voided || f.answer == payment.Captured && row.flags&purchaseTaken == 0
	}
	return row.charge == ChargeCaptureFailed && f.answer != payment.Authorised
}

func (e *Event) applyResolved(f *factResolved) {
	e.remember(&f.asked, VerbResolve, uint64(f.purchase), 0)
}

func (e *Event) foldResolved(d *decoder) error {
	var f factResolved
	d.caller(&f.asked)
	f.purchase, f.answer = PurchaseID(d.int()), payment.Answer(d.byte())
	slot, _, err := e.foldPurchase(d, f.purchase)
	if err != nil {
		return err
	}
	if err := e.fresh(&f.asked); err != nil {
		return err
	}
	known := f.answer == payment.Authorised || f.answer == payment.Captured || f.answer == payment.Voided
	if !known || !e.fitsResolved(&f, slot) {
		return unfit("a charge is resolved that is not stuck, or as nothing")
	}
	e.applyResolved(&f)
	return nil
}
