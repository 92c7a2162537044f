package notice

import (
	"encoding/json"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// Kind is what a notice is about: the end of its subject and of its type.
type Kind string

// The kinds of notices.
const (
	OrderConfirmed    Kind = "order.confirmed"
	TicketIssued      Kind = "ticket.issued"
	TicketReplaced    Kind = "ticket.replaced"
	TicketAdmitted    Kind = "ticket.admitted"
	OrderRefunding    Kind = "order.refunding"
	OrderRefunded     Kind = "order.refunded"
	OrderRefundFailed Kind = "order.refund_failed"
	OrderUndone       Kind = "order.undone"
	PurchaseDeclined  Kind = "purchase.declined"
	PurchaseReleased  Kind = "purchase.released"
	HoldExpired       Kind = "hold.expired"
	EventSoldOut      Kind = "event.sold_out"
	EventRescheduled  Kind = "event.rescheduled"
	EventClosed       Kind = "event.closed"
	EventCancelled    Kind = "event.cancelled"
	SurveyDue         Kind = "survey.due"
	WaiterOffered     Kind = "waiter.offered"
	WaiterLeft        Kind = "waiter.left"
	WaiterUnpaid      Kind = "waiter.unpaid"
	WaiterUnfit       Kind = "waiter.unfit"
)

// Kinds lists all of them.
func Kinds() []Kind {
	return []Kind{
		OrderConfirmed, TicketIssued, TicketReplaced, TicketAdmitted, OrderRefunding, OrderRefunded, OrderRefundFailed, OrderUndone, PurchaseDeclined, PurchaseReleased, HoldExpired,
		EventSoldOut, EventRescheduled, EventClosed, EventCancelled, SurveyDue, WaiterOffered, WaiterLeft, WaiterUnpaid, WaiterUnfit,
	}
}

const (
	// SubjectPrefix begins the subject of every notice.
	SubjectPrefix = "holdfast.v1.notices."
	// Subjects is what the stream keeps.
	Subjects = SubjectPrefix + ">"
	// typePrefix begins the type of the CloudEvent.
	typePrefix = "holdfast.v1."
)

// Notice is one notice, ready to be published.
type Notice struct {
	Account string
	Event   string
	Kind    Kind
	ID      string // the same whenever the same fact is told again
	Body    []byte
}

// Subject is where it is published.
func (n *Notice) Subject() string { return SubjectPrefix + n.Event + "." + string(n.Kind) }

// cloudEvent is the envelope: CloudEvents 1.0, in its JSON format.
type cloudEvent struct {
	SpecVersion string    `json:"specversion"`
	ID          string    `json:"id"`
	Source      string    `json:"source"`
	Type        string    `json:"type"`
	Subject     string    `json:"subject,omitempty"`
	Time        time.Time `json:"time"`
	ContentType string    `json:"datacontenttype"`
	Data        *Data     `json:"data"`
}

// Data is what a notice says. Which parts are set depends on its kind: docs/notices.md.
type Data struct {
	Event     Event     `json:"event"`
	Buyer     string    `json:"buyer,omitempty"`
	RequestID string    `json:"request_id,omitempty"` // of the command that it comes from
	Waiter    *Waiter   `json:"waiter,omitempty"`
	Hold      *Hold     `json:"hold,omitempty"`
	Purchase  *Purchase `json:"purchase,omitempty"`
	Order     *Order    `json:"order,omitempty"`
	Refund    *Refund   `json:"refund,omitempty"`
	Tickets   []Ticket  `json:"tickets,omitempty"`
}

// Event is what people want to read about the show.
type Event struct {
	ID        string     `json:"id"`
	State     string     `json:"state"`
	Name      string     `json:"name,omitempty"`
	Performer string     `json:"performer,omitempty"`
	Venue     string     `json:"venue,omitempty"`
	City      string     `json:"city,omitempty"`
	Country   string     `json:"country,omitempty"`
	TimeZone  string     `json:"time_zone,omitempty"`
	DoorsAt   *time.Time `json:"doors_at,omitempty"`
	StartsAt  *time.Time `json:"starts_at,omitempty"`
}

// Waiter is somebody on the waiting list.
type Waiter struct {
	Waiter  int64      `json:"waiter"` // the number, in the order in which waiters came
	State   string     `json:"state"`
	AutoBuy bool       `json:"auto_buy,omitempty"` // what is offered is bought by the engine
	Wish    *Wish      `json:"wish,omitempty"`     // offered: what it is; unfit: what cannot be any more
	Until   *time.Time `json:"until,omitempty"`    // offered: until then the hold is the buyer's
	Why     string     `json:"why,omitempty"`      // unpaid, unfit: the code of the reason
}

// Wish is what somebody waits for.
type Wish struct {
	Lot      string `json:"lot"`
	Name     string `json:"name,omitempty"` // of the lot, for people
	Quantity int64  `json:"quantity"`
	Together bool   `json:"together,omitempty"` // seats side by side
}

// Hold is a hold that ended, or that was offered to somebody on the waiting list: then with what it costs, as long as it lasts.
type Hold struct {
	ID         string `json:"id"`
	State      string `json:"state"`
	TotalMinor *int64 `json:"total_minor,omitempty"`
	Currency   string `json:"currency,omitempty"`
	Items      []Item `json:"items,omitempty"`
}

// Purchase is one run of buy that is over.
type Purchase struct {
	ID         string     `json:"id"`
	State      string     `json:"state"`
	TotalMinor int64      `json:"total_minor"`
	Currency   string     `json:"currency"`
	Decline    string     `json:"decline,omitempty"`
	HoldUntil  *time.Time `json:"hold_until,omitempty"` // declined: until then the hold lives, for another method
}

// Refund is money of an order that goes back.
type Refund struct {
	ID          string   `json:"id"`
	State       string   `json:"state"`
	AmountMinor int64    `json:"amount_minor"`
	Currency    string   `json:"currency"`
	Tickets     []string `json:"tickets,omitempty"` // that are void by it
}

// Order is an order.
type Order struct {
	ID          string     `json:"id"`
	Hold        string     `json:"hold"`
	Purchase    string     `json:"purchase,omitempty"`   // that it was sold by; none if it was paid outside
	UndoUntil   *time.Time `json:"undo_until,omitempty"` // until then it can be undone, and its tickets admit nobody
	TotalMinor  int64      `json:"total_minor"`
	Currency    string     `json:"currency"`
	At          time.Time  `json:"at"`
	PaymentRef  string     `json:"payment_ref,omitempty"`
	TicketCount int64      `json:"ticket_count"`
	Items       []Item     `json:"items"`
}

// Item is what was bought of one lot.
type Item struct {
	Lot       string   `json:"lot"`
	Name      string   `json:"name,omitempty"` // of the lot, for people
	Quantity  int64    `json:"quantity"`
	FaceMinor int64    `json:"face_minor"`
	TaxMinor  int64    `json:"tax_minor,omitempty"`
	Fees      []Fee    `json:"fees,omitempty"`
	Seats     []string `json:"seats,omitempty"`
}

// Fee is a part of a price beside the face value.
type Fee struct {
	Name  string `json:"name"`
	Minor int64  `json:"minor"`
}

// Ticket is a ticket with the code that its buyer shows at the door.
type Ticket struct {
	ID         string     `json:"id"`
	Lot        string     `json:"lot"`
	Seat       string     `json:"seat,omitempty"`
	Generation uint32     `json:"generation"`
	Code       string     `json:"code,omitempty"`        // none of a ticket that was used
	AdmittedAt *time.Time `json:"admitted_at,omitempty"` // it was used
	Gate       string     `json:"gate,omitempty"`
}

// envelope makes the notice of what a fact says. id tells it from the others of the event.
func envelope(account, event string, kind Kind, id, subject string, at engine.Instant, data *Data) (*Notice, error) {
	n := &Notice{Account: account, Event: event, Kind: kind, ID: account + "/" + event + "/" + id}
	var err error
	n.Body, err = json.Marshal(&cloudEvent{
		SpecVersion: "1.0", ID: n.ID, Source: "/holdfast/" + account + "/events/" + event, Type: typePrefix + string(kind), Subject: subject,
		Time: moment(at), ContentType: "application/json", Data: data,
	})
	return n, err
}

func moment(at engine.Instant) time.Time { return time.Unix(0, int64(at)).UTC() }

func momentOrNone(at engine.Instant) *time.Time {
	if at == 0 {
		return nil
	}
	t := moment(at)
	return &t
}
