package engine

// Outcome is what Step returns for a command.
//
// It belongs to the event and is valid until the next Step: whoever wants to keep it encodes it at once. Shows says which views are set.
type Outcome struct {
	Verb     Verb
	Code     Code
	Repeated bool // the request id was seen before with the same content: this is its first answer, with the object's present state
	Shows    Shows
	Seq      Seq // the event's last fact when the outcome was made

	// A refusal, in the terms of AppendMessage.
	Field string // the field of the command that is to blame, as in "items[1].quantity"; empty if none is
	Lot   string // the lot, pool or seat that is meant
	Have  int64
	Want  int64
	Text  string // a whole sentence, for codes whose message is not made from the numbers

	RetryAfterMs int64

	Alternatives []Alternative // with CodeSeatTaken: seats that the same hold could take instead now, the best first

	pool bool // Lot names a pool

	Hold     HoldView
	Order    OrderView
	Event    EventView
	Capacity CapacityView
	Why      *WhyView

	// Of payments, orders and tickets: they belong to the event like the rest.
	Purchase *PurchaseView
	Offer    *OfferView
	Refund   *RefundView
	Ticket   *TicketView

	Touch TouchView

	// Of the line; they belong to the event too.
	Place *PlaceView
	Line  *LineView

	Waiter *WaiterView // of the waiting list

	Waiting *WaitingPage // of either, for the shell
}

// Alternative is as many seats of a lot as a hold had chosen there, of the same kinds, free and side by side.
type Alternative struct {
	Lot   string
	Seats []string
}

// Shows says which views of an Outcome are set.
type Shows uint16

// One bit a view.
const (
	ShowsHold Shows = 1 << iota
	ShowsOrder
	ShowsEvent
	ShowsCapacity
	ShowsWhy
	ShowsPurchase
	ShowsOffer
	ShowsRefund
	ShowsTicket
	ShowsTouch
	ShowsPlace
	ShowsLine
	ShowsWaiter
	ShowsWaiting
)

// HoldState is where a hold is in its life.
type HoldState uint8

// The states of a hold.
const (
	HoldHeld HoldState = iota + 1
	HoldPaying
	HoldConfirmed
	HoldReleased
	HoldReplaced
	HoldExpired
	HoldForgotten // ended so long ago that only its id and total are remembered
)

// String returns the state's name on the wire.
func (s HoldState) String() string {
	switch s {
	case HoldHeld:
		return "held"
	case HoldPaying:
		return "paying"
	case HoldConfirmed:
		return "confirmed"
	case HoldReleased:
		return "released"
	case HoldReplaced:
		return "replaced"
	case HoldExpired:
		return "expired"
	case HoldForgotten:
		return "forgotten"
	}
	return "unknown"
}

// HoldView shows a hold.
type HoldView struct {
	ID          HoldID
	Incarnation Incarnation // of the id
	Event       string
	Buyer       string
	State       HoldState
	TotalMinor  int64
	Currency    string
	ExpiresAt   Instant // node time: the deadline plus all outages so far
	Items       []ItemView
}

// ItemView shows what was taken of one lot, at the price that was promised.
type ItemView struct {
	Lot       string
	Quantity  int64 // sales
	Units     int64 // tickets a sale
	FaceMinor int64 // per sale
	TaxMinor  int64
	Fees      []Fee
	Seats     []string
	Code      string // name of the code that it was taken with; empty if with none
}

// OrderView shows an order with its tickets, which are numbered without holes from FirstTicket in the order of the items and seats.
type OrderView struct {
	ID              OrderID
	Incarnation     Incarnation // of the order's id and of its tickets'
	Hold            HoldID
	HoldIncarnation Incarnation
	Event           string
	Buyer           string
	TotalMinor      int64
	Currency        string
	PaymentRef      string
	At              Instant
	FirstTicket     TicketID
	Tickets         int64
	Items           []ItemView

	Purchase      PurchaseID // that it was sold by; 0 if it was paid outside
	PurchaseIn    Incarnation
	Charge        ChargeState
	UndoUntil     Instant      // until then it can be undone
	RefundedMinor int64        // asked for, whether the money has left or not
	Refunds       []RefundView // the oldest first
	Marks         []TicketMark // of the first TicketsShownMax tickets, in their order; those beyond its end are valid
}

// EventState is where an event is in its life.
type EventState uint8

// The states of an event.
const (
	EventDraft EventState = iota + 1
	EventOnSale
	EventPaused
	EventClosed
	EventArchived  // no command is taken any more, and the shell moves it out of the log
	EventCancelled // the show does not take place: nothing is sold, and everyone is refunded
)

// String returns the state's name on the wire.
func (s EventState) String() string {
	switch s {
	case EventDraft:
		return "draft"
	case EventOnSale:
		return "on_sale"
	case EventPaused:
		return "paused"
	case EventClosed:
		return "closed"
	case EventArchived:
		return "archived"
	case EventCancelled:
		return "cancelled"
	}
	return "unknown"
}

// EventView shows an event. Spec's Lots and Pools are empty: they are in Lots and Pools with their counts.
type EventView struct {
	ID        string
	State     EventState
	Spec      *EventSpec
	Lots      []LotView
	Pools     []PoolView
	HoldsLive int64
	Orders    int64
	StateHash uint64
	CoveredMs int64       // age of the oldest request id that is still remembered in the bounded table
	Cancel    *CancelView // nil unless the event was cancelled
	Line      *LineView   // nil unless it has a line, or was said to have one
	List      *ListView   // nil unless somebody has waited for tickets
	Codes     *CodesView  // nil unless it has codes
}

// Counts is where the capacity of a lot or pool is, in units. Free + Held + Paying + Sold + Blocked = Capacity, always (G1).
type Counts struct {
	Capacity, Free, Held, Paying, Sold, Blocked int64
}

// LotView shows a lot.
type LotView struct {
	Spec *LotSpec // present prices
	Counts
	Available int64 // sales that could be taken now: Free and the pools' room, over Units; 0 while the tier has not opened
	Open      bool  // its tier has opened
	SoldOut   bool  // less than its smallest order is free, held or being paid, and fits its pools
	Seated    bool

	FreeAccessible, FreeCompanion, FreeRestricted int64 // of Free, the seats that a hold gets only if it asks for them
}

// PoolView shows a pool.
type PoolView struct {
	Pool string
	Counts
}

// CapacityView shows what became of a capacity, block or unblock command.
type CapacityView struct {
	Lot, Pool string
	Asked     int64 // the capacity asked for, or the units to block or unblock
	Counts
}
