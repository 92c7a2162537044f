package engine

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"time"
)

// FactView is a fact as people read it.
type FactView struct {
	Seq       Seq
	At        Instant // node time of its run
	Kind      string  // what happened, as in "held"
	RequestID string  // of the command that it answers; empty if nobody asked
	Text      string  // the rest, as in "hold h17 of buyer b1: 2 x ga, for 120000 ms"
}

// factNames are the kinds as people read them.
//
//nolint:gochecknoglobals // a constant table
var factNames = map[factKind]string{
	kindCreated: "created", kindUpdated: "updated", kindOpened: "opened", kindPaused: "paused", kindClosed: "closed", kindHeld: "held",
	kindExtended: "extended", kindReleased: "released", kindConfirmed: "confirmed", kindExpired: "expired", kindBlocked: "blocked", kindUnblocked: "unblocked",
	kindResized: "resized", kindTierOpened: "tier_opened", kindResumed: "resumed", kindTallied: "tallied", kindProved: "proved", kindOutage: "outage",
	kindRestored: "restored", kindAdmitted: "admitted", kindReissued: "reissued", kindRefunding: "refunding", kindRefundsDated: "refunds_dated",
	kindRefundsEnded: "refunds_ended", kindCancelled: "cancelled", kindSwept: "swept", kindPassed: "passed", kindRefundSent: "refund_sent", kindRefundStep: "refund_step", kindLinked: "linked",
	kindSetting: "setting", kindArchived: "archived", kindAudited: "audited",
	kindBuying: "buying", kindIntended: "intended", kindSold: "sold", kindDeclined: "declined", kindPaid: "paid",
	kindOffered: "offered", kindLate: "late", kindUndone: "undone", kindResolved: "resolved", kindOneClick: "one_click",
	kindTouched: "touched", kindTimed: "timed",
	kindLobby: "lobby", kindJoined: "joined", kindLeft: "left", kindPresence: "presence", kindLobbyClosed: "lobby_closed", kindDrawValue: "draw_value",
	kindRevealed: "revealed", kindDrawn: "drawn", kindRated: "rated", kindGranted: "granted", kindPassEnded: "pass_ended", kindSkipped: "skipped",
	kindWished: "wished", kindWishEnded: "wish_ended", kindOfferedTo: "offered_to", kindWaitKept: "wait_kept", kindCodes: "codes", kindGuessed: "guessed", kindPriced: "priced",
}

func (k factKind) String() string {
	if name, ok := factNames[k]; ok {
		return name
	}
	return "kind_" + strconv.Itoa(int(k))
}

// FoldEach is [Event.Fold], one fact at a time: after each it calls use with a view of it, and stops where use returns false, with the state as it was right
// behind that fact.
func (e *Event) FoldEach(run *Run, use func(*FactView) bool) error {
	if run.Facts.Count == 0 {
		return nil
	}
	if err := e.continues(run); err != nil {
		return err
	}
	d := decoder{buf: run.Facts.Buf}
	for range run.Facts.Count {
		before := d.buf
		if err := e.foldNext(&d); err != nil {
			return err
		}
		v := FactView{Seq: e.seq, At: e.now, Kind: factKind(before[0]).String()}
		e.viewFact(&v, before[:len(before)-len(d.buf)])
		if !use(&v) {
			return nil
		}
	}
	return e.endsRun(&d)
}

// viewFact puts into words what a fact says that was just folded.
func (e *Event) viewFact(v *FactView, fact []byte) {
	d := decoder{buf: fact[1:]}
	var a asked
	switch factKind(fact[0]) { //nolint:exhaustive // others are shown by their length
	case kindCreated:
		d.asked(&a)
		v.Text = fmt.Sprintf("%q with %d lots and %d pools, %s", e.spec.Name, len(e.lots), len(e.pools), e.state)
	case kindUpdated, kindOpened, kindPaused, kindClosed:
		d.asked(&a)
		v.Text = "the event is " + e.state.String()
	case kindHeld:
		var f factHeld
		d.held(&f, nil)
		a = f.asked
		v.Text = fmt.Sprintf("hold %s of buyer %s: %s, for %s", e.holdText(f.hold), f.buyer, e.itemsText(f.items), msText(f.life))
		if f.replaces != 0 {
			v.Text += ", instead of hold " + e.holdText(f.replaces)
		}
		if f.channel != "" {
			v.Text += ", by " + f.channel
		}
	case kindExtended:
		d.asked(&a)
		id := HoldID(d.uint(1<<stateShift - 1))
		v.Text = fmt.Sprintf("hold %s, for %s from now", e.holdText(id), msText(d.int()))
	case kindReleased:
		d.asked(&a)
		v.Text = "hold " + e.holdText(HoldID(d.uint(1<<stateShift-1)))
	case kindConfirmed:
		d.asked(&a)
		hold, order, ticket := HoldID(d.uint(1<<stateShift-1)), OrderID(d.int()), TicketID(d.int())
		in := e.orderIncarnation(order)
		v.Text = fmt.Sprintf("hold %s is order %s of buyer %s, tickets from %s", e.holdText(hold), AppendOrderID(nil, order, in),
			e.buyerName(e.orders.at(uint32(order-1)).buyer), AppendTicketID(nil, ticket, in))
		if boxOffice := d.bool(); boxOffice {
			v.Text += ", at the box office"
		}
		if ref := d.string(PaymentRefLenMax); ref != "" {
			v.Text += ", paid " + ref
		}
	case kindExpired:
		v.Text = "hold " + e.holdText(HoldID(d.uint(1<<stateShift-1)))
	case kindBlocked, kindUnblocked:
		d.asked(&a)
		place, isPool := d.place()
		v.Text = fmt.Sprintf("%d of %s", d.uint(CapacityMax), e.placeText(place, isPool))
	case kindResized:
		d.asked(&a)
		place, isPool := d.place()
		v.Text = fmt.Sprintf("%s, asked for %d, is %d now", e.placeText(place, isPool), d.int(), d.int())
	case kindTierOpened:
		v.Text = e.placeText(uint32(d.uint(1<<32-1)), false)
	case kindResumed:
		v.Text = "the process was down for " + msText(d.int())
	case kindTallied:
		v.Text = tallyText(&d)
	case kindProved:
		v.Text = fmt.Sprintf("state hash %016x", d.fixed64())
	case kindRestored:
		v.Text = "from a backup: new ids end in -" + string(AppendIncarnation(nil, e.Incarnation()))
	case kindAdmitted:
		d.asked(&a)
		v.Text = "ticket " + e.ticketText(TicketID(d.int()))
		if gate := d.idOrNone(); gate != "" {
			v.Text += ", gate " + gate
		}
	case kindReissued:
		d.asked(&a)
		v.Text = fmt.Sprintf("ticket %s, code %d", e.ticketText(TicketID(d.int())), d.int())
	case kindRefunding:
		d.asked(&a)
		v.Text = e.refundingText(&d)
	case kindOffered, kindBuying, kindIntended, kindSold, kindDeclined, kindPaid, kindUndone, kindResolved, kindLate, kindOneClick:
		a = e.viewPurchaseFact(v, fact)
	case kindLinked:
		var f factLinked
		d.linked(&f)
		m := e.members.at(e.buyers.at(e.buyerNamed(f.buyer, hashString(e.seed, f.buyer))-1).linked - 1)
		v.Text = fmt.Sprintf("buyer %s by %d links, one of %d linked buyers", f.buyer, len(f.links), e.members.at(m.cluster).size)
	case kindTouched:
		v.Text = touchedText(&d)
	case kindLobby, kindJoined, kindLeft, kindPresence, kindLobbyClosed, kindDrawValue, kindRevealed, kindDrawn, kindRated, kindGranted, kindPassEnded, kindSkipped:
		a = e.viewLineFact(v, fact)
	case kindWished, kindWishEnded, kindOfferedTo, kindWaitKept:
		a = e.viewWaitFact(v, fact)
	case kindCodes, kindGuessed, kindPriced:
		a = e.viewCodeFact(v, fact)
	case kindTimed:
		v.Text = timedText(&d)
	case kindRefundSent, kindRefundStep:
		a = e.viewRefundFact(v, fact)
	case kindRefundsDated:
		v.Text = "buyers may ask for their money until " + time.Unix(0, d.int()).UTC().Format(time.RFC3339)
	case kindRefundsEnded:
		v.Text = "buyers may no longer ask for their money: the organiser's time is over"
		if window := d.bool(); window {
			v.Text = "buyers may no longer ask for their money: the time after the rescheduling is over"
		}
	case kindCancelled:
		d.asked(&a)
		v.Text = "the event is cancelled"
		if reason := d.idOrNone(); reason != "" {
			v.Text += ": " + reason
		}
	case kindSwept:
		v.Text = "hold " + e.holdText(HoldID(d.uint(1<<stateShift-1)))
	case kindPassed:
		v.Text = fmt.Sprintf("%d purchases do not wait, and %d orders have nothing to refund", d.int(), d.int())
	default:
		v.Text = strconv.Itoa(len(fact)) + " bytes"
	}
	v.RequestID = strings.Clone(a.id)
	v.Text = strings.Clone(v.Text)
}

func (e *Event) holdText(id HoldID) string {
	return string(AppendHoldID(nil, id, e.holdIncarnation(id)))
}

func (e *Event) ticketText(id TicketID) string {
	return string(AppendTicketID(nil, id, e.ticketIncarnation(id)))
}

// refundingText says what a refund that was just folded is.
func (e *Event) refundingText(d *decoder) string {
	id := RefundID(d.int())
	row := e.refunds.at(uint32(id - 1))
	order := OrderID(row.order) + 1
	text := fmt.Sprintf("refund %s of order %s: %d %s", AppendRefundID(nil, id, e.refundIncarnation(id)), AppendOrderID(nil, order, e.orderIncarnation(order)), row.amount, e.spec.Currency)
	if row.how&refundWhole != 0 {
		text += ", of all tickets"
	}
	for ref := e.after(row.order).tickets; ref != 0; {
		t := e.tickets.at(ref - 1)
		if t.void && t.refund == uint32(id) && row.how&refundWhole == 0 {
			text += ", ticket " + e.ticketText(t.id)
		}
		ref = t.next
	}
	if row.how&refundKeepFees != 0 {
		text += ", without fees"
	}
	if row.how&refundBlock != 0 {
		text += ", blocked"
	}
	if row.how&refundByBuyer != 0 {
		text += ", by the buyer"
	}
	if row.reason != 0 {
		text += ", " + e.names.get(row.reason)
	}
	return text + ", " + row.state.String()
}

// viewRefundFact says what became of a refund.
func (e *Event) viewRefundFact(v *FactView, fact []byte) (a asked) {
	d := decoder{buf: fact[1:]}
	name := func(id RefundID) string { return "refund " + string(AppendRefundID(nil, id, e.refundIncarnation(id))) }
	if factKind(fact[0]) == kindRefundSent {
		v.Text = name(RefundID(d.int())) + fmt.Sprintf(", request %d to the gateway", d.int()+1)
		return a
	}
	var f factRefundStep
	d.refundStep(&f)
	switch f.step {
	case refundIsDone:
		v.Text = name(f.refund) + " is done: " + f.ref
	case refundFailed:
		v.Text = name(f.refund) + " has failed: " + f.decline.String()
	case refundAgain:
		v.Text = name(f.refund) + " is asked for again"
	}
	return f.asked
}

func (e *Event) placeText(place uint32, isPool bool) string {
	if isPool {
		if int(place) < len(e.pools) {
			return "pool " + e.pools[place].id
		}
	} else if int(place) < len(e.lots) {
		return "lot " + e.lots[place].spec.Lot
	}
	return "place " + strconv.Itoa(int(place))
}

func (e *Event) itemsText(items []factItem) string {
	var b strings.Builder
	for i := range items {
		it := &items[i]
		if i > 0 {
			b.WriteString(", ")
		}
		l := &e.lots[e.prices[it.price].lot]
		fmt.Fprintf(&b, "%d x %s", it.sales, l.spec.Lot)
		for _, n := range it.seats {
			b.Write(l.seating.appendLabel([]byte{' '}, n))
		}
	}
	return b.String()
}

func tallyText(d *decoder) string {
	var list []string
	for range d.count(Codes*Flows, 3) {
		code, _, count := Code(d.byte()), d.byte(), d.uint(1<<32-1)
		list = append(list, fmt.Sprintf("%d %s", count, code))
	}
	return "refused: " + strings.Join(list, ", ")
}

// touchedText says what was seen and done, and by whom, but not what anybody wrote.
func touchedText(d *decoder) string {
	var b strings.Builder
	var t Touch
	for i := range d.count(TouchesPerCommandMax, 11) {
		d.touch(&t)
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(t.Kind.String())
		for rest := t.fields() &^ touchAgo; rest != 0; rest &= rest - 1 {
			n := bits.TrailingZeros32(uint32(rest))
			switch text, number := t.field(n); {
			case number != nil:
				fmt.Fprintf(&b, " %s %d", touchFieldNames[n], *number)
			case 1<<n == touchText:
				fmt.Fprintf(&b, " and %d bytes of text", len(*text))
			default:
				fmt.Fprintf(&b, " %s %s", touchFieldNames[n], *text)
			}
		}
		if t.AgoMs > 0 {
			fmt.Fprintf(&b, ", %d ms ago", t.AgoMs)
		}
		if !t.Consent {
			b.WriteString(", without consent")
		}
	}
	return b.String()
}

func timedText(d *decoder) string {
	times, _ := d.timed(nil, nil)
	list := make([]string, len(times))
	for i, t := range times {
		n := uint64(0)
		for _, b := range t.Buckets {
			n += uint64(b.Count)
		}
		list[i] = fmt.Sprintf("%d of %s", n, t.Class)
		if t.Failure != 0 {
			list[i] += " refused"
		}
	}
	return "answers timed: " + strings.Join(list, ", ")
}

func msText(ns int64) string { return strconv.FormatInt(ns/1e6, 10) + " ms" }

// FoldEach is [Node.Fold], one fact at a time, as [Event.FoldEach] is.
func (n *Node) FoldEach(run *Run, use func(*FactView) bool) error {
	if run.Facts.Count == 0 {
		return nil
	}
	if run.First != n.seq+1 {
		return fmt.Errorf("%w: node %q is at %d, the run starts at %d", ErrOutOfOrder, n.key.ID, n.seq, run.First)
	}
	if err := n.Fold(run); err != nil {
		return err
	}
	// Runs of a node have one fact: it is described by what the node is after it.
	kind := factKind(run.Facts.Buf[0])
	v := FactView{Seq: n.seq, At: run.At, Kind: kind.String()}
	switch kind { //nolint:exhaustive // others are shown by their length
	case kindOutage:
		v.Text = "the process was down for " + msText(int64(n.outages[len(n.outages)-1].to-n.outages[len(n.outages)-1].from))
	case kindRestored:
		v.Text = "from a backup: new ids end in -" + string(AppendIncarnation(nil, n.incarnation))
	default:
		v.Text = strconv.Itoa(len(run.Facts.Buf)) + " bytes"
	}
	use(&v)
	return nil
}
