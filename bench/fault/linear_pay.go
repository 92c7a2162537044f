package fault

import (
	"fmt"
	"strconv"

	"github.com/holdfast-engine/holdfast/engine"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// linearMethod is a saved method of every buyer of a history: each has all of them, in this order, from m1 on.
type linearMethod int

const (
	methodOK linearMethod = iota + 1
	methodSoft
	methodHard
	methodTimeout // charged, but the first answer is lost
)

// linearTokens are the sandbox's tokens of the methods.
var linearTokens = [...]string{methodOK: "sbx_ok", methodSoft: "sbx_decline_soft", methodHard: "sbx_decline_hard", methodTimeout: "sbx_timeout_charged"}

func (m linearMethod) String() string { return "m" + strconv.Itoa(int(m)) }

// sells reports whether a purchase with the method is sold in the end.
func (m linearMethod) sells() bool { return m == methodOK || m == methodTimeout }

const (
	// linearSofts is the soft decline of a hold that ends it.
	linearSofts = 3
	// linearTickets bounds the tickets of an order: what a caller of a history asks for is below.
	linearTickets = 24
)

// linearPurchase is a purchase: it is being paid until the gateway's answer has come, and sold or declined for good from then on.
type linearPurchase struct {
	buyer  int
	hold   string
	method linearMethod
	offer  string
	final  bool
	undone bool
	order  string // once it is sold
}

// linearOrder is what became of the tickets of an order.
type linearOrder struct {
	buyer    int
	purchase string // empty if it was paid outside
	places   [linearTickets]linearPlace
	tickets  [linearTickets]linearTicket
	count    int
	changed  bool // a ticket or the money is not as it was sold
	total    int64
	refunded int64
}

// linearPlace is the lot of a ticket, and its seat: seat n is placeSeat + n.
type linearPlace int8

const (
	placeGA linearPlace = iota + 1
	placePair
	placeSeat
)

// value is what a ticket of the lot costs: two of a pair cost as much as one of another lot.
func (p linearPlace) value() int64 {
	if p == placePair {
		return linearMinor / linearPairUnit
	}
	return linearMinor
}

type linearTicket int8

const (
	ticketSold linearTicket = iota
	ticketAdmitted
	ticketVoid
)

// pay carries out what has to do with money and tickets.
func (s *linearState) pay(in *LinearInput, out *LinearOutput) string {
	switch in.Verb { //nolint:exhaustive // its caller passes these only
	case engine.VerbOffer:
		return s.offer(in, out)
	case engine.VerbBuy:
		return s.buy(in, out)
	case engine.VerbResult:
		return s.settle(in, out.Reply)
	case engine.VerbPurchase:
		return s.purchaseShown(in, out.Reply)
	case engine.VerbOrder:
		return s.orderShown(in.Order, out.Reply)
	case engine.VerbUndo:
		return s.undo(in, out.Reply)
	case engine.VerbRefund:
		return s.refund(in, out.Reply)
	default:
		return s.admit(in, out.Reply)
	}
}

// outside reports whether a refusal is one that does not follow from the event: the lane may refuse at any time, who tries too often needs the longer way, and the
// wallet hears some time after a hard decline that the method is not to be charged again. It must not have had an effect.
func (s *linearState) outside(in *LinearInput, out *LinearOutput, code string) bool {
	switch code {
	case engine.CodePaymentUnavailable.String(), engine.CodePaymentBusy.String():
		return true
	case engine.CodeStepUpRequired.String(), engine.StepUpBuyerVelocity.String():
		return out.Often && in.Hold == ""
	case engine.CodeMethodUnusable.String(), engine.CodeNotEligible.String(), "method_blocked":
		return in.Method == methodHard && s.buyers[in.Buyer].hard
	}
	return false
}

// offer promises what a hold would get, and takes nothing.
func (s *linearState) offer(in *LinearInput, out *LinearOutput) string {
	r := out.Reply
	would := *s
	want, refusal := would.judge(in)
	if refusal != engine.CodeOK {
		return wantCode(r, refusal)
	}
	v := r.GetOffer()
	switch {
	case code(r) != "ok" || v == nil:
		return "code " + code(r) + ", must be ok"
	case v.GetTotalMinor() != want.total():
		return fmt.Sprintf("promises a total of %d, must be %d", v.GetTotalMinor(), want.total())
	case !v.GetOneClick():
		if !s.outside(in, out, v.GetReason()) {
			return "no button because of " + v.GetReason()
		}
		return ""
	}
	if _, ok := s.offers.get(v.GetId()); ok {
		return "an offer's id twice"
	}
	s.offers.put(v.GetId(), "")
	return ""
}

// buy takes tickets, or the buyer's hold, and lets them be paid. How that ends is an operation of its own: see [Settled].
func (s *linearState) buy(in *LinearInput, out *LinearOutput) string {
	r := out.Reply
	b := &s.buyers[in.Buyer]
	if used, _ := s.offers.get(in.Offer); used != "" {
		if p, _ := s.purchases.get(used); !p.final {
			return wantCode(r, engine.CodePaymentInProgress)
		}
		return wantCode(r, engine.CodeOfferUsed)
	}
	var want linearHold
	var refusal engine.Code
	if in.Hold != "" {
		want, refusal = b.live, s.own(in)
	} else {
		want, refusal = s.judge(in)
	}
	if refusal != engine.CodeOK {
		return wantCode(r, refusal)
	}
	if s.outside(in, out, code(r)) {
		return ""
	}
	v := r.GetPurchase()
	switch {
	case code(r) != "ok" || v == nil:
		return "code " + code(r) + ", must be ok"
	case in.Hold != "" && v.GetHold() != in.Hold, v.GetHold() == "":
		return "it pays another hold"
	case v.GetTotalMinor() != want.total():
		return fmt.Sprintf("it costs %d, must be %d", v.GetTotalMinor(), want.total())
	}
	if _, ok := s.purchases.get(v.GetId()); ok {
		return "a purchase's id twice"
	}
	if in.Hold == "" {
		want.id = v.GetHold()
		s.take(b, want)
	}
	s.shift(&b.live, true)
	s.purchases.put(v.GetId(), linearPurchase{buyer: in.Buyer, hold: b.live.id, method: in.Method, offer: in.Offer})
	if in.Offer != "" {
		s.offers.put(in.Offer, v.GetId())
	}
	return ""
}

// shift moves a hold from held to paying, or back.
func (s *linearState) shift(h *linearHold, paying bool) {
	ga, pairs := h.ga, h.pairs*linearPairUnit
	if !paying {
		ga, pairs = -ga, -pairs
		s.paying &^= h.seats
	} else {
		s.paying |= h.seats
	}
	s.ga.held, s.ga.paying = s.ga.held-ga, s.ga.paying+ga
	s.pairs.held, s.pairs.paying = s.pairs.held-pairs, s.pairs.paying+pairs
	h.paying = paying
}

// settle is the gateway's answer: the purchase is over.
func (s *linearState) settle(in *LinearInput, r *pb.Reply) string {
	p, ok := s.purchases.get(in.Purchase)
	if !ok || p.final {
		return "an end of a purchase that is not being paid"
	}
	b := &s.buyers[p.buyer]
	end := "declined"
	if p.method.sells() {
		end = stateSold
	}
	if v := r.GetPurchase(); v != nil && v.GetState() != end {
		return "it ends " + v.GetState() + ", must be " + end
	}
	p.final = true
	s.shift(&b.live, false)
	switch {
	case p.method.sells():
		if p.order = r.GetOrder().GetId(); p.order == "" {
			p.order = "of " + in.Purchase // nobody has seen it
		}
		if why := s.sell(p.order, in.Purchase, p.buyer, r.GetOrder()); why != "" {
			return why
		}
	case p.method == methodSoft && b.live.softs+1 < linearSofts:
		b.live.softs++
	default:
		b.hard = b.hard || p.method == methodHard
		s.give(&b.live)
	}
	s.purchases.put(in.Purchase, p)
	return ""
}

// sell makes an order of a buyer's hold. shown is nil if nobody has seen the order.
func (s *linearState) sell(id, purchase string, buyer int, shown *pb.Order) string {
	b := &s.buyers[buyer]
	h := b.live
	if _, ok := s.orders.get(id); ok {
		return "an order's id twice"
	}
	o := linearOrder{buyer: buyer, purchase: purchase, count: h.ga + h.pairs*linearPairUnit + ones(h.seats), total: h.total()}
	left := h
	left.pairs *= linearPairUnit
	if len(shown.GetTickets()) > linearTickets {
		return "the order is not what was held"
	}
	for i, t := range shown.GetTickets() {
		switch t.GetLot() {
		case lotGA:
			o.places[i], left.ga = placeGA, left.ga-1
		case lotPairs:
			o.places[i], left.pairs = placePair, left.pairs-1
		default:
			bit := seatBits([]string{t.GetSeat()})
			o.places[i], left.seats = placeSeat+linearPlace(ones(bit-1)), left.seats&^bit
		}
	}
	exact := len(shown.GetTickets()) == o.count && left.ga == 0 && left.pairs == 0 && left.seats == 0
	if shown != nil && (!exact || shown.GetHold() != h.id || shown.GetTotalMinor() != o.total) {
		return "the order is not what was held"
	}
	s.give(&b.live)
	s.ga.sold += h.ga
	s.pairs.sold += h.pairs * linearPairUnit
	s.taken |= h.seats
	s.sold |= h.seats
	b.sold += o.count
	s.count++
	s.orders.put(id, o)
	return ""
}

// purchaseShown compares everything that a purchase shows.
func (s *linearState) purchaseShown(in *LinearInput, r *pb.Reply) string {
	p, ok := s.purchases.get(in.Purchase)
	if !ok {
		return wantCode(r, engine.CodePurchaseUnknown)
	}
	v := r.GetPurchase()
	if code(r) != "ok" || v == nil {
		return "code " + code(r) + ", must be ok"
	}
	live := &s.buyers[p.buyer].live
	switch {
	case v.GetHold() != p.hold:
		return "the purchase has another hold"
	case !p.final:
		if isFinal(v.GetState()) {
			return "an end before the gateway's answer"
		}
	case p.order != "":
		if v.GetState() != stateSold || v.GetOrder() != p.order || v.GetUndone() != p.undone {
			return fmt.Sprintf("shows %s, order %s, undone %v; must be sold, %s, %v", v.GetState(), v.GetOrder(), v.GetUndone(), p.order, p.undone)
		}
		return s.orderShown(p.order, r)
	case v.GetState() != "declined":
		return "shows " + v.GetState() + ", must be declined"
	case v.GetHoldLives() != (live.id == p.hold && !live.paying):
		return "shows wrongly whether its hold lives"
	}
	return ""
}

const stateSold = "sold"

func isFinal(state string) bool {
	return state == stateSold || state == "declined" || state == "released"
}

// orderShown compares an order and its tickets.
func (s *linearState) orderShown(id string, r *pb.Reply) string {
	o, ok := s.orders.get(id)
	if !ok {
		return wantCode(r, engine.CodeOrderUnknown)
	}
	v := r.GetOrder()
	switch {
	case code(r) != "ok" || v == nil:
		return "code " + code(r) + ", must be ok"
	case v.GetId() != id || v.GetTotalMinor() != o.total || v.GetPurchase() != o.purchase || len(v.GetTickets()) != o.count:
		return "shows another order"
	case v.GetRefundedMinor() != o.refunded:
		return fmt.Sprintf("shows %d as refunded, must be %d", v.GetRefundedMinor(), o.refunded)
	}
	for i, t := range v.GetTickets() {
		if want := s.ticketState(&o, i); t.GetState() != want {
			return fmt.Sprintf("ticket %s is %s, must be %s", t.GetId(), t.GetState(), want)
		}
	}
	return ""
}

func (s *linearState) ticketState(o *linearOrder, i int) string {
	switch {
	case o.tickets[i] == ticketVoid:
		return "void"
	case o.tickets[i] == ticketAdmitted:
		return "admitted"
	case o.purchase != "" && s.undoable:
		return "pending"
	}
	return "valid"
}

// undo takes a purchase back. In one half of the events that can be done for the whole history, in the others never.
func (s *linearState) undo(in *LinearInput, r *pb.Reply) string {
	p, ok := s.purchases.get(in.Purchase)
	if !ok {
		return wantCode(r, engine.CodePurchaseUnknown)
	}
	o, _ := s.orders.get(p.order)
	switch {
	case p.order == "", p.undone, o.changed:
		return wantCode(r, engine.CodeWrongState)
	case !s.undoable:
		return wantCode(r, engine.CodeUndoTooLate)
	}
	if why := wantCode(r, engine.CodeOK); why != "" {
		return why
	}
	for i := range o.count {
		s.void(&o, i)
	}
	p.undone = true
	s.orders.put(p.order, o)
	s.purchases.put(in.Purchase, p)
	if r.GetRepeated() {
		return ""
	}
	return s.purchaseShown(in, r)
}

// void puts a ticket back on sale.
func (s *linearState) void(o *linearOrder, i int) {
	o.tickets[i], o.changed = ticketVoid, true
	switch place := o.places[i]; place {
	case placeGA:
		s.ga.sold--
	case placePair:
		s.pairs.sold--
	case placeSeat:
		fallthrough
	default:
		bit := uint16(1) << (place - placeSeat)
		s.taken, s.sold = s.taken&^bit, s.sold&^bit
	}
	s.buyers[o.buyer].sold--
}

// refund gives tickets back: those that are named, or all that are left.
func (s *linearState) refund(in *LinearInput, r *pb.Reply) string {
	o, ok := s.orders.get(in.Order)
	if !ok {
		return wantCode(r, engine.CodeOrderUnknown)
	}
	amount := int64(0)
	for i := range o.count {
		if in.Tickets != 0 && in.Tickets>>i&1 == 0 || in.Tickets == 0 && o.tickets[i] == ticketVoid {
			continue
		}
		if o.tickets[i] == ticketVoid {
			return wantCode(r, engine.CodeTicketVoid)
		}
		amount += o.places[i].value()
		s.void(&o, i)
	}
	if amount == 0 {
		return wantCode(r, engine.CodeNotRefundable)
	}
	if why := wantCode(r, engine.CodeOK); why != "" {
		return why
	}
	if v := r.GetRefund(); v.GetOrder() != in.Order || v.GetAmountMinor() != amount {
		return fmt.Sprintf("gives back %d of order %s, must be %d", v.GetAmountMinor(), v.GetOrder(), amount)
	}
	o.refunded += amount
	s.orders.put(in.Order, o)
	if r.GetRepeated() {
		return ""
	}
	return s.orderShown(in.Order, r)
}

// admit uses a ticket, once.
func (s *linearState) admit(in *LinearInput, r *pb.Reply) string {
	o, ok := s.orders.get(in.Order)
	if !ok {
		return wantCode(r, engine.CodeTicketUnknown)
	}
	switch s.ticketState(&o, in.Ticket) {
	case "void":
		return wantCode(r, engine.CodeTicketVoid)
	case "admitted":
		return wantCode(r, engine.CodeAlreadyAdmitted)
	case "pending":
		return wantCode(r, engine.CodeTicketTooEarly)
	}
	if why := wantCode(r, engine.CodeOK); why != "" {
		return why
	}
	if v := r.GetTicket(); v.GetOrder() != in.Order || v.GetState() != "admitted" && !r.GetRepeated() {
		return "admits with another ticket"
	}
	o.tickets[in.Ticket], o.changed = ticketAdmitted, true
	s.orders.put(in.Order, o)
	return ""
}
