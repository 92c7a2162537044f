package engine

import (
	"strconv"
	"strings"
)

// WhyKind says what an event knows of a request id.
type WhyKind uint8

// What an event may know of a request id.
const (
	WhyUnknown  WhyKind = iota // it never arrived, or is no longer remembered
	WhyAccepted                // its effect is in the log
	WhyRefused                 // it was refused, and changed nothing
)

// String returns the kind's name on the wire.
func (k WhyKind) String() string {
	switch k {
	case WhyUnknown:
		return "unknown"
	case WhyAccepted:
		return "accepted"
	case WhyRefused:
		return "refused"
	}
	return "unknown"
}

// WhyView explains what became of a request id. Its strings are its own.
type WhyView struct {
	Kind    WhyKind
	Message string // a sentence, or two
	At      Instant

	// Accepted: when to a second, by which fact, and what it did.
	Verb  Verb
	Seq   Seq    // of the fact; 0 if it was applied before facts of requests were numbered
	Shows Shows  // which object it made or touched: ShowsHold, ShowsOrder, ShowsCapacity or ShowsEvent
	ID    string // of the hold or order, or the lot or pool
	State string // its present state: of a hold or the event
	// Amount is the total in minor units of Currency for a hold or order, or the tickets asked for of a capacity, block or unblock.
	Amount   int64
	Currency string

	// Refused: the code, the field that was to blame, the rule, and the numbers of that moment.
	Code    Code
	Field   string
	Rule    string
	Numbers []WhyNumber

	// Unknown: how far back the event remembers. CoveredMs is the age of the oldest accepted id that it can have forgotten none after; 0 if it has
	// never forgotten any.
	CoveredMs int64
	Accepted  int64 // accepted ids remembered
	Refused   int64 // refused ids remembered, since the event was last woken
}

// WhyNumber is a number of a rule, as in limit_per_buyer 4.
type WhyNumber struct {
	Name  string
	Value int64
}

// explain says what became of the request id of a VerbWhy. It is for people: it allocates.
func (e *Event) explain(cmd *Command) {
	if e.state == 0 {
		e.refuse(cmd, refusal{code: CodeEventUnknown, field: fieldEvent})
		return
	}
	w := new(WhyView)
	hash := hashString(e.seed, cmd.RequestID)
	if row := e.requestNamed(cmd.RequestID, hash); row != nil {
		e.explainAccepted(w, row)
	} else if row := e.refusals.named(cmd.RequestID, hash); row != nil {
		e.explainRefused(w, row)
	} else {
		e.explainUnknown(w)
	}
	e.out.Shows, e.out.Why = ShowsWhy, w
}

func (e *Event) explainAccepted(w *WhyView, row *requestRow) {
	w.Kind, w.Verb, w.Seq, w.At = WhyAccepted, row.verb(), row.seq, e.since+Instant(row.at)*1e9
	e.repeat(row)
	out := &e.out
	w.Shows = out.Shows
	switch {
	case out.Code != CodeOK:
		w.Message = "the " + w.Verb.String() + " came too late: its payment has to be given back"
	case out.Shows&ShowsPurchase != 0:
		p := out.Purchase
		w.Shows = ShowsPurchase
		w.ID, w.State, w.Amount, w.Currency = string(AppendPurchaseID(nil, p.ID, p.Incarnation)), p.State.String(), p.TotalMinor, p.Currency
		w.Message = "the " + w.Verb.String() + " was accepted: purchase " + w.ID + " is " + w.State + " now"
	case out.Shows&ShowsOffer != 0:
		w.ID, w.Amount, w.Currency = string(AppendOfferID(nil, out.Offer.ID, out.Offer.Incarnation)), out.Offer.TotalMinor, out.Offer.Currency
		w.Message = "the offer was made: " + w.ID
	case out.Shows&ShowsHold != 0:
		w.ID, w.State, w.Amount, w.Currency = string(AppendHoldID(nil, out.Hold.ID, out.Hold.Incarnation)), out.Hold.State.String(), out.Hold.TotalMinor, out.Hold.Currency
		w.Message = "the " + w.Verb.String() + " was accepted: hold " + w.ID + " is " + w.State + " now"
	case out.Shows&ShowsRefund != 0:
		r := out.Refund
		w.Shows = ShowsRefund
		w.ID, w.State, w.Amount, w.Currency = string(AppendRefundID(nil, r.ID, r.Incarnation)), r.State.String(), r.AmountMinor, r.Currency
		w.Message = "the refund was accepted: refund " + w.ID + " of order " + string(AppendOrderID(nil, r.Order, r.OrderIn)) + " is " + w.State + " now"
	case out.Shows&ShowsTicket != 0:
		t := out.Ticket
		w.ID, w.State = string(AppendTicketID(nil, t.ID, t.Incarnation)), t.State.String()
		w.Message = "the " + w.Verb.String() + " was accepted: ticket " + w.ID + " is " + w.State + " now"
	case out.Shows&ShowsOrder != 0:
		w.ID, w.Amount, w.Currency = string(AppendOrderID(nil, out.Order.ID, out.Order.Incarnation)), out.Order.TotalMinor, out.Order.Currency
		w.Message = "the confirm was accepted: hold " + string(AppendHoldID(nil, out.Order.Hold, out.Order.HoldIncarnation)) + " became order " + w.ID
	case out.Shows&ShowsPlace != 0:
		w.Shows, w.ID, w.State = ShowsPlace, strconv.Itoa(int(out.Place.Entry)), out.Place.State.String()
		w.Message = "the " + w.Verb.String() + " was accepted: entry " + w.ID + " of the line is " + w.State + " now"
	case out.Shows&ShowsCapacity != 0:
		w.ID, w.Amount = out.Capacity.Lot, out.Capacity.Asked
		place := "lot "
		if out.Capacity.Pool != "" {
			w.ID, place = out.Capacity.Pool, "pool "
		}
		w.Message = "the " + w.Verb.String() + " was accepted, of " + place + w.ID
	default:
		w.State = e.state.String()
		w.Message = "the " + w.Verb.String() + " was accepted: the event is " + strings.ReplaceAll(w.State, "_", " ") + " now"
	}
	*out = Outcome{Verb: out.Verb}
	w.ID, w.Currency = strings.Clone(w.ID), strings.Clone(w.Currency)
}

func (e *Event) explainRefused(w *WhyView, row *refusedRow) {
	why := &row.why
	about := ""
	if row.about != 0 {
		about = strings.Clone(e.refusals.names.get(row.about))
	}
	switch why.subject {
	case aboutLot:
		about = e.lots[why.at].spec.Lot
	case aboutPool:
		about = e.pools[why.at].id
	case aboutTicket:
		about = string(AppendTicketID(nil, TicketID(why.have), e.ticketIncarnation(TicketID(why.have))))
	case aboutNothing, aboutItemLot, aboutItemSeat, aboutCmdLot, aboutCmdPool, aboutCmdSeat, aboutRefundTicket, aboutWish:
	}
	said := Outcome{
		Code: why.code, Field: why.fieldName(), Lot: about, Have: why.have, Want: why.want, Text: sentences[why.text],
		pool: why.subject == aboutPool || why.subject == aboutCmdPool,
	}
	w.Kind, w.Code, w.Field, w.At = WhyRefused, why.code, said.Field, row.at
	w.Message = string(said.AppendMessage(nil))
	w.Rule, w.Numbers = why.rule(said.place() + about)
}

// rule names the rule that refused, and the numbers that it compared.
func (r *refusal) rule(place string) (name string, numbers []WhyNumber) {
	// Only these compare numbers; the sentences of the others say all there is.
	//
	//exhaustive:ignore
	switch r.code {
	case CodeLimitReached:
		if r.text == linkedBuyers {
			return "limit_per_linked", []WhyNumber{{"limit_per_linked", r.limit}, {"held_and_bought", r.used}, {"asked", r.want}}
		}
		return "limit_per_buyer", []WhyNumber{{"limit_per_buyer", r.limit}, {"bought", r.used}, {"asked", r.want}}
	case CodeSoldOut:
		if r.subject == aboutNothing {
			return "at_least", []WhyNumber{{"free", r.have}, {"at_least", r.want}}
		}
		return "capacity of " + place, []WhyNumber{{"free", r.have}, {"asked", r.want}}
	case CodePriceExceeded:
		return "max_price_minor", []WhyNumber{{"max_price_minor", r.have}, {"total_minor", r.want}}
	case CodeBelowMinimum:
		return "min_order of " + place, []WhyNumber{{"min_order", r.want}, {"asked", r.have}}
	case CodeAboveMaximum:
		if r.subject == aboutNothing {
			return "limit_per_order", []WhyNumber{{"limit_per_order", r.have}, {"asked", r.want}}
		}
		return "max_order of " + place, []WhyNumber{{"max_order", r.have}, {"asked", r.want}}
	case CodePaymentRefMissing:
		return "", []WhyNumber{{"total_minor", r.want}}
	case CodeCodeUsedUp:
		if r.text == noSentence {
			return "uses of the code", []WhyNumber{{"uses", r.have}}
		}
	case CodeTooMany:
		return "a bound of the engine", []WhyNumber{{"bound", r.want}}
	}
	return "", nil
}

func (e *Event) explainUnknown(w *WhyView) {
	w.Accepted, w.Refused, w.At = int64(e.requests.count())+int64(e.money.rows), int64(e.refusals.rows.count()), e.now
	w.Message = "it never arrived, or was answered before it reached the event (overloaded, bad input), or was refused and that is forgotten: " +
		"only the newest refusals are remembered, and none from before the event last slept"
	if e.requests.head > 0 {
		w.CoveredMs = max(1, e.coveredMs(e.now))
		w.Message += "; or it was accepted longer ago than covered_ms, and is no confirm"
	}
}
