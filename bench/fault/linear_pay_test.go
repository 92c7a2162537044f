package fault

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/anishathalye/porcupine"
	"google.golang.org/protobuf/proto"

	"github.com/holdfast-engine/holdfast/engine"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// paidFor is what a history of purchases is made of: replies of buyer 1, who wants tickets of the counted lot.
type paidFor struct{ ga int }

func (w paidFor) purchase(id, state, order string) *pb.Reply {
	r := &pb.Reply{Purchase: &pb.Purchase{Id: id, State: state, Hold: "of-" + id, TotalMinor: int64(w.ga) * linearMinor, Order: order}}
	if order != "" {
		r.Order = w.order(order, "of-"+id, id, "pending")
	}
	return r
}

func (w paidFor) order(id, hold, purchase string, states ...string) *pb.Order {
	o := &pb.Order{Id: id, Hold: hold, Purchase: purchase, TotalMinor: int64(w.ga) * linearMinor, Items: []*pb.TakenItem{{Lot: lotGA, Quantity: int64(w.ga), Units: 1}}}
	for i := range w.ga {
		o.Tickets = append(o.Tickets, &pb.Ticket{Id: fmt.Sprintf("%s-t%d", id, i), Lot: lotGA, State: states[min(i, len(states)-1)]})
	}
	return o
}

func (w paidFor) hold(id string) *pb.Reply {
	return &pb.Reply{Hold: &pb.Hold{Id: id, State: stateHeld, TotalMinor: int64(w.ga) * linearMinor, Items: []*pb.TakenItem{{Lot: lotGA, Quantity: int64(w.ga), Units: 1}}}}
}

// TestIllegalPurchasesAreFound proves that the model sees what can go wrong with offers, purchases, refunds and tickets.
func TestIllegalPurchasesAreFound(t *testing.T) {
	refused := func(code engine.Code) *pb.Reply { return &pb.Reply{Error: &pb.Error{Code: code.String()}} }
	create := linearOp(0, 1, &LinearInput{Verb: engine.VerbCreate, ID: "c", Undoable: true}, &pb.Reply{Event: &pb.Event{}})
	f := func(name string, want porcupine.CheckResult, ops ...porcupine.Operation) {
		t.Helper()
		history := Settled(append([]porcupine.Operation{create}, ops...))
		if got := porcupine.CheckOperationsTimeout(LinearModel(), history, linearPatience); got != want {
			t.Errorf("%s: %s, must be %s:\n%s", name, got, want, DescribeOperations(history))
		}
	}
	two := paidFor{2}
	offer := linearOp(2, 3, &LinearInput{Verb: engine.VerbOffer, ID: "o1", Buyer: 1, GA: 2, Method: methodOK}, &pb.Reply{Offer: &pb.Offer{Id: "f1", OneClick: true, TotalMinor: 2 * linearMinor}})
	click := func(id string) *LinearInput {
		return &LinearInput{Verb: engine.VerbBuy, ID: id, Buyer: 1, GA: 2, Offer: "f1", Method: methodOK}
	}
	sold := linearOp(4, 9, click("b1"), two.purchase("p1", stateSold, "o1"))
	f("an offer that buys once", porcupine.Ok, offer, sold, linearOp(10, 11, click("b2"), refused(engine.CodeOfferUsed)))
	f("a click while another is paid", porcupine.Ok, offer, sold, linearOp(5, 6, click("b2"), refused(engine.CodePaymentInProgress)))
	f("a click on a used offer before it was used", porcupine.Illegal, offer, linearOp(4, 5, click("b2"), refused(engine.CodeOfferUsed)), linearOp(6, 9, click("b1"), two.purchase("p1", stateSold, "o1")))
	f("an order twice from one offer", porcupine.Illegal, offer, sold, linearOp(5, 11, click("b2"), two.purchase("p2", stateSold, "o2")))
	f("an order id twice", porcupine.Illegal, offer, sold, linearOp(10, 11, &LinearInput{Verb: engine.VerbBuy, ID: "b2", Buyer: 1, GA: 2, Method: methodOK}, two.purchase("p2", stateSold, "o1")))

	tries := func(n int) (ops []porcupine.Operation) { // so many clicks that get nothing, and one that is told to go the longer way
		for i := range n {
			ops = append(ops, linearOp(int64(20+i), int64(40+i), &LinearInput{Verb: engine.VerbBuy, ID: fmt.Sprint("try", i), Buyer: 1, GA: linearGA + 1, Method: methodOK}, refused(engine.CodeSoldOut)))
		}
		ops = append(ops, linearOp(25, 60, &LinearInput{Verb: engine.VerbBuy, ID: "often", Buyer: 1, GA: 1, Method: methodOK}, refused(engine.CodeStepUpRequired)))
		countTries(ops)
		return ops
	}
	f("a click after many others", porcupine.Ok, tries(triesMax)...)
	f("a click after a few others", porcupine.Illegal, tries(triesMax-1)...)

	buy := &LinearInput{Verb: engine.VerbBuy, ID: "b1", Buyer: 1, GA: 2, Method: methodOK}
	queued := linearOp(2, 3, buy, two.purchase("p1", "queued", ""))
	look := func(call int64, state, order string) porcupine.Operation {
		return linearOp(call, call+1, &LinearInput{Verb: engine.VerbPurchase, Buyer: 1, Purchase: "p1"}, two.purchase("p1", state, order))
	}
	f("a purchase that is paid, then sold", porcupine.Ok, queued, look(4, "authorising", ""), look(6, stateSold, "o1"), look(8, stateSold, "o1"))
	f("a final state that changes back", porcupine.Illegal, queued, look(4, stateSold, "o1"), look(6, "authorising", ""))
	f("a final state that becomes another", porcupine.Illegal, queued, look(4, stateSold, "o1"), look(6, "declined", ""))
	f("a sale that becomes another order", porcupine.Illegal, queued, look(4, stateSold, "o1"), look(6, stateSold, "o2"))
	f("a decline of a card that is good", porcupine.Illegal, queued, look(4, "declined", ""))
	get := func(call, held, paying, sold, orders int64) porcupine.Operation {
		live := min(1, held+paying)
		return linearOp(call, call+1, &LinearInput{Verb: engine.VerbGet}, &pb.Reply{Event: &pb.Event{State: "on_sale", HoldsLive: live, Orders: orders, Lots: []*pb.Lot{
			{Capacity: linearGA, Free: linearGA - held - paying - sold, Held: held, Paying: paying, Sold: sold},
			{Capacity: linearPairs * linearPairUnit, Free: linearPairs * linearPairUnit},
			{Capacity: linearSeats, Free: linearSeats},
		}}})
	}
	for _, seat := range []string{"", "A/1/9", "B/2/1"} {
		nowhere := two.purchase("p1", stateSold, "o1")
		nowhere.Order.Tickets[1] = &pb.Ticket{Id: "o1-t1", Lot: lotSeats, Seat: seat, State: "pending"}
		f("a ticket for seat "+strconv.Quote(seat)+", which is not there", porcupine.Illegal, linearOp(2, 3, buy, nowhere))
	}
	f("tickets that are paid, then sold", porcupine.Ok, queued, get(4, 0, 2, 0, 0), get(6, 0, 0, 2, 1), look(8, stateSold, "o1"))
	f("tickets that are only held while they are paid", porcupine.Illegal, queued, get(4, 2, 0, 0, 0), look(8, stateSold, "o1"))
	f("tickets that are paid again after they were sold", porcupine.Illegal, queued, get(4, 0, 0, 2, 1), get(6, 0, 2, 0, 0))
	f("tickets that come back though the purchase is sold", porcupine.Illegal, queued, get(4, 0, 0, 0, 0), look(8, stateSold, "o1"))
	undo := &LinearInput{Verb: engine.VerbUndo, ID: "u1", Buyer: 1, Purchase: "p1"}
	undone := two.purchase("p1", stateSold, "o1")
	undone.Purchase.Undone, undone.Order = true, two.order("o1", "of-p1", "p1", "void")
	f("an undo gives the tickets back", porcupine.Ok, queued, look(4, stateSold, "o1"), linearOp(6, 7, undo, undone), get(8, 0, 0, 0, 1))
	f("an undo that gives nothing back", porcupine.Illegal, queued, look(4, stateSold, "o1"), linearOp(6, 7, undo, undone), get(8, 0, 0, 2, 1))
	f("an undo before the sale", porcupine.Illegal, queued, linearOp(4, 5, undo, undone), look(6, "authorising", ""))

	all := paidFor{linearGA}
	full := []porcupine.Operation{
		linearOp(2, 3, &LinearInput{Verb: engine.VerbHold, ID: "h1", Buyer: 1, GA: linearGA}, all.hold("1")),
		linearOp(4, 5, &LinearInput{Verb: engine.VerbConfirm, ID: "k1", Buyer: 1, Hold: "1"}, &pb.Reply{Order: all.order("o1", "1", "", "valid")}),
	}
	names := make([]string, linearGA)
	back := &LinearInput{Verb: engine.VerbRefund, ID: "r1", Buyer: 1, Order: "o1", Tickets: 3, Names: names}
	refunded := &pb.Reply{Order: all.order("o1", "1", "", "void", "void", "valid"), Refund: &pb.Refund{Order: "o1", AmountMinor: 2 * linearMinor}}
	refunded.Order.RefundedMinor = 2 * linearMinor
	refund := linearOp(6, 7, back, refunded)
	take := func(w paidFor) porcupine.Operation {
		return linearOp(8, 9, &LinearInput{Verb: engine.VerbHold, ID: "h2", Buyer: 2, GA: w.ga}, w.hold("2"))
	}
	f("tickets sold that a refund has freed", porcupine.Ok, append(full, refund, take(two))...)
	f("tickets sold that a refund had not freed", porcupine.Illegal, append(full, refund, take(paidFor{3}))...)
	f("tickets sold before the refund that frees them", porcupine.Illegal, append(full, take(two), linearOp(10, 11, back, refunded))...)
	again := *back
	again.ID = "r2"
	f("a ticket refunded twice", porcupine.Illegal, append(full, refund, linearOp(8, 9, &again, refunded))...)
	more := proto.CloneOf(refunded)
	more.Refund.AmountMinor++
	f("more given back than the tickets cost", porcupine.Illegal, append(full, linearOp(6, 7, back, more))...)

	scan := func(id string) *LinearInput {
		return &LinearInput{Verb: engine.VerbAdmit, ID: id, Buyer: 1, Order: "o1", Ticket: 2, Names: names}
	}
	in := &pb.Reply{Ticket: &pb.Ticket{Order: "o1", State: "admitted"}}
	f("a second scan is refused", porcupine.Ok, append(full, linearOp(6, 9, scan("a1"), in), linearOp(7, 8, scan("a2"), refused(engine.CodeAlreadyAdmitted)))...)
	f("a ticket that admits twice", porcupine.Illegal, append(full, linearOp(6, 9, scan("a1"), in), linearOp(7, 8, scan("a2"), in))...)
	void := scan("a1")
	void.Ticket = 0
	f("a refunded ticket that admits", porcupine.Illegal, append(full, refund, linearOp(8, 9, void, in))...)
	f("a pending ticket that admits", porcupine.Illegal, queued, look(4, stateSold, "o1"), linearOp(6, 7, &LinearInput{Verb: engine.VerbAdmit, ID: "a1", Buyer: 1, Order: "o1", Names: names}, in))
}
