package engine

import "github.com/holdfast-engine/holdfast/engine/payment"

// PurchaseState is where a purchase is. The numbers are part of the log's format.
type PurchaseState uint8

// The states of a purchase. Sold, declined and released are final: exactly one of them comes.
const (
	PurchaseQueued         PurchaseState = iota + 1 // waits for its turn in the lane
	PurchaseAuthorising                             // a request to the gateway is durable and may have left
	PurchaseActionRequired                          // the buyer has to authenticate, or to come back from a redirect
	PurchaseCancelling                              // its time is over: the gateway is asked, and released only by a definite answer
	PurchaseStuck                                   // nobody knows for 24 hours: an operator has to resolve it
	PurchaseSold
	PurchaseDeclined // the charge was declined: the hold lives on after a soft decline, and has ended after a hard one
	PurchaseReleased // given up before it was sold: nothing was charged
)

// Final reports whether the purchase is over.
func (s PurchaseState) Final() bool { return s >= PurchaseSold }

// String returns the state's name on the wire. Callers need not know what the lane does about an answer that does not come: it is authorising.
func (s PurchaseState) String() string {
	switch s {
	case PurchaseQueued:
		return "queued"
	case PurchaseAuthorising, PurchaseCancelling, PurchaseStuck:
		return "authorising"
	case PurchaseActionRequired:
		return "action_required"
	case PurchaseSold:
		return "sold"
	case PurchaseDeclined:
		return "declined"
	case PurchaseReleased:
		return "released"
	}
	return "unknown"
}

// ChargeState is where the money of an order is. The numbers are part of the log's format.
type ChargeState uint8

// The states of a charge.
const (
	ChargeNone          ChargeState = iota // nothing is due, or it was paid outside
	ChargeAuthorised                       // reserved; captured when the time to undo is over
	ChargeCapturing                        // to be captured
	ChargeCaptured                         // taken
	ChargeVoiding                          // to be let go
	ChargeVoided                           // let go: it costs the buyer nothing
	ChargeCaptureFailed                    // could not be taken, again and again: an operator has to look
)

// String returns the state's name on the wire.
func (s ChargeState) String() string {
	switch s {
	case ChargeNone:
		return "none"
	case ChargeAuthorised:
		return "authorised"
	case ChargeCapturing:
		return "capturing"
	case ChargeCaptured:
		return "captured"
	case ChargeVoiding:
		return "voiding"
	case ChargeVoided:
		return "voided"
	case ChargeCaptureFailed:
		return "capture_failed"
	}
	return "unknown"
}

// PaymentCommand is what commands about payments, orders and tickets say besides their Command. Which fields matter depends on the verb.
type PaymentCommand struct {
	// offer, buy
	Offer       string // buy: as the engine wrote it in the answer to offer
	Method      string // of the buyer's wallet; empty is the default one
	WaitMs      int64  // buy: how long the caller wants to wait for the final state; no rule reads it
	HasWait     bool
	Again       bool   // buy: the same items a moment ago are no mistake
	Auto        bool   // buy, of the shell: the hold was offered to somebody on the waiting list who has agreed that it is bought
	ReturnURL   string // buy: where a redirect method sends the buyer back to
	DeviceID    string // an id of the device, hashed by the shell: a new one needs the standard flow
	ContactAtMs int64  // wall time at which the buyer's contact was changed last, as the caller knows; 0 is unknown

	Links    []string // hold, offer, buy, of callers that are allowed to: what links the buyer to others. The shell hashes them into Note.Links
	Purchase string   // purchase, complete, undo, resolve
	Codes    bool     // order, purchase, buy: the caller wants the codes of the tickets
	Late     bool     // confirm: the payment was made outside and may have come after the hold's end
	Equal    bool     // confirm late: tickets of an equal lot will do

	// admit, reissue
	Ticket string
	Code   uint32 // admit: the generation of the code that was scanned
	Gate   string // admit: where, an id

	// refund
	Tickets     []string // empty is the whole order
	AmountMinor int64    // a part of the amount, without tickets
	HasAmount   bool
	KeepFees    bool   // the fees are not given back
	Block       bool   // the tickets do not come back on sale
	ByBuyer     bool   // the buyer asks: only while the event allows it
	Reason      string // for the evidence: an id, as in "cancelled" or "goodwill"
	// FailedRefund is a refund that the gateway has refused, as the engine wrote it: it is tried again as it was, and the rest is left out.
	FailedRefund string

	// one_click
	On           bool
	HasOn        bool
	PercentShare int64 // of buyers, in hundredths of a percent: 0 to 10,000; it never shrinks
	HasShare     bool

	// What the shell knows and the event cannot: it annotates, the event decides. No part of the request's fingerprint.
	Note Annotation

	// intend, result
	Operation payment.Operation
	Refund    RefundID        // of the refund that a result is of; 0 for the charge itself
	At        PurchaseID      // the purchase that intend and result are of
	Attempt   uint32          // intend: how many requests of the operation went before; part of the request's key
	Hash      [32]byte        // intend: SHA-256 of the exact bytes of the request
	Result    *payment.Result // result, resolve

	Told *Told // tell: the fact that is meant
}

// Annotation is what the wallet, the lane and the node add to an offer or a buy on its way to the event.
type Annotation struct {
	// of the wallet
	Known         bool   // the wallet knows the buyer
	Method        string // the saved method that is meant; empty if there is none
	Gateway       string
	Kind          payment.MethodKind
	Can           payment.Capabilities
	MethodWhy     Eligibility // why the method cannot be charged, EligibleYes if it can
	Eligible      Eligibility // EligibleYes, or why the buyer has no one-click
	StepUp        StepUp      // why this purchase needs the standard flow
	Agreement     string      // version of the text that the buyer agreed to; empty is none. For wait and Auto it is the one about being bought for
	WaitAgreement string      // buy with Wait: likewise, of the one about being bought for
	CapMinor      int64       // of the agreement; 0 is none
	CapCurrency   string      // of the cap: in another one nothing was agreed to
	Links         []uint64    // keyed hashes of what links the buyer to others, sorted
	Brand         string      // to show on the button, from the vault: never logged, never in a fact
	LastFour      string

	// of the node
	OneClickOn    bool   // everywhere
	OneClickShare int64  // of buyers, in hundredths of a percent
	Bucket        uint16 // 0 to 9,999: the buyer's place among all buyers, a keyed hash

	// of the lane
	Breaker      bool  // the gateway does not answer
	Busy         bool  // the wait would be too long
	RetryAfterMs int64 // with either
}

// aboveCap reports whether a total is more than the buyer agreed to. To an amount in another currency nobody has agreed.
func (n *Annotation) aboveCap(total int64, currency string) bool {
	return n.CapMinor > 0 && (total > n.CapMinor || n.CapCurrency != "" && n.CapCurrency != currency)
}

// Eligibility says why a buyer, or a saved method, cannot be used for one-click checkout. The numbers are part of the log's format.
type Eligibility uint8

// The reasons.
const (
	EligibleYes         Eligibility = iota
	EligibleUnknown                 // the wallet does not know the buyer
	EligibleNoMethod                // no saved method
	EligibleNoPurchase              // no completed purchase yet
	EligibleExpired                 // the method has expired
	EligibleNotReusable             // the method cannot be charged again without the buyer's bank page
	EligibleBlocked                 // the method was declined hard, or removed by its gateway
	EligibleNoGateway               // the engine has no such gateway
	EligibleNoAgreement             // the buyer has not agreed to be charged with one click
	eligibilityEnd
)

//nolint:gochecknoglobals // a constant table: Go has no constant arrays
var eligibilityNames = [eligibilityEnd]string{
	"", "buyer_unknown", "no_method", "no_purchase", "method_expired", "method_not_reusable", "method_blocked", "gateway_unknown", "no_agreement",
}

// String returns the reason's name on the wire; empty for EligibleYes.
func (r Eligibility) String() string {
	if r < eligibilityEnd {
		return eligibilityNames[r]
	}
	return "unknown"
}

// StepUp says why a purchase needs the standard flow although the buyer is eligible. The numbers are part of the log's format.
type StepUp uint8

// The reasons.
const (
	StepUpNone           StepUp = iota
	StepUpNewDevice             // the device was not seen with this buyer
	StepUpNewMethod             // the method was saved less than 24 h ago
	StepUpNewContact            // the contact was changed less than 24 h ago
	StepUpBuyerVelocity         // too many purchases of the buyer
	StepUpCardVelocity          // too many purchases with the card, whoever the buyer was
	StepUpDeviceVelocity        // too many purchases from the device
	StepUpAboveAgreement        // above the cap that the buyer agreed to
	stepUpEnd
)

//nolint:gochecknoglobals // a constant table: Go has no constant arrays
var stepUpNames = [stepUpEnd]string{
	"", "new_device", "new_method", "contact_changed", "buyer_velocity", "card_velocity", "device_velocity", "above_agreement",
}

// String returns the reason's name on the wire; empty for StepUpNone.
func (s StepUp) String() string {
	if s < stepUpEnd {
		return stepUpNames[s]
	}
	return "unknown"
}

// Signals is what an event wants done and told, once the facts that say so are durable. It is volatile: after a restart OpenWork names again what is
// unfinished, and changes are read from the purchases themselves.
type Signals struct {
	Work    []Work
	Changes []PurchaseChange
	Alarms  []Alarm
	Line    LineWant // what the line wants now; nothing if that has not changed
	Places  []PlaceChange
	Waits   []WaitChange
	Over    bool // the event has ended, and had a line or a waiting list
}

// Empty reports whether there is nothing in s.
func (s *Signals) Empty() bool {
	return len(s.Work) == 0 && len(s.Changes) == 0 && len(s.Alarms) == 0 && len(s.Places) == 0 && len(s.Waits) == 0 && s.Line == LineWantsNothing && !s.Over
}

// Reset empties s and keeps its memory.
func (s *Signals) Reset() {
	s.Work, s.Changes, s.Alarms, s.Line, s.Places, s.Waits = s.Work[:0], s.Changes[:0], s.Alarms[:0], LineWantsNothing, s.Places[:0], s.Waits[:0]
	s.Over = false
}

// Work is something that the payment lane has to do for an event. The same work may be named twice: the lane does it once.
type Work struct {
	Operation   payment.Operation
	Purchase    PurchaseID
	Refund      RefundID // with Refund
	Incarnation Incarnation
	Buyer       string
	Gateway     string
	Method      string // of the buyer's wallet; Authorise only
	Kind        payment.MethodKind
	Ref         string // the gateway's id of the charge, if known
	AmountMinor int64
	Currency    string
	OnSession   bool
	ReturnURL   string  // where a redirect method sends the buyer back to; Authorise only
	Attempt     uint32  // of the request that Intended is of, or else of the one to be made: 0 is the first, the next after one that definitely failed has 1
	Since       Instant // node time at which it was first wanted: the order of the lane
	Intended    Instant // node time of the intent's fact; 0 if no request was made yet
	Hash        [32]byte

	// Of the newest request to authorise, until the purchase is over: what was asked before a Cancel or a LookUp. The same bytes may have to go out once more
	// for a definite answer.
	Asked        Instant
	AskedAttempt uint32
	AskedHash    [32]byte
}

// PurchaseChange says that a purchase has got another state, durably.
type PurchaseChange struct {
	Purchase    PurchaseID
	Incarnation Incarnation
	Buyer       string
	State       PurchaseState
	// Shown is what the shell has made of the purchase in the turn of the change, for those who are told of it when it is durable; nil if they have to read it.
	Shown any
}

// Alarm says that an operator has to know something about a purchase.
type Alarm struct {
	Purchase    PurchaseID
	Incarnation Incarnation
	Why         AlarmReason
}

// AlarmReason says what is wrong.
type AlarmReason uint8

// The reasons.
const (
	AlarmAmount     AlarmReason = iota + 1 // the gateway reserved or took another amount or currency than asked: it goes back
	AlarmLateCharge                        // there is a charge for a purchase that was given up: it goes back
	AlarmStuck                             // nobody knows what became of a charge for 24 hours: resolve it
	AlarmCapture                           // a charge could not be captured, again and again
	AlarmVoid                              // a charge could not be let go or given back, again and again; it is tried on
	AlarmRefund                            // the gateway has refused a refund, or given back another amount: look, and ask for it again
	AlarmLinks                             // a buyer is linked to more than the engine allows
	alarmsEnd
)

// Alarms is how many reasons there are: the size of a table indexed by AlarmReason.
const Alarms = int(alarmsEnd)

// String returns the reason's name, as in metrics.
func (r AlarmReason) String() string {
	switch r {
	case AlarmAmount:
		return "amount"
	case AlarmLateCharge:
		return "late_charge"
	case AlarmStuck:
		return "stuck"
	case AlarmCapture:
		return "capture_failed"
	case AlarmVoid:
		return "void_failed"
	case AlarmRefund:
		return "refund_failed"
	case AlarmLinks:
		return "too_many_links"
	case alarmsEnd:
	}
	return "unknown"
}

// PurchaseView shows a purchase.
type PurchaseView struct {
	ID              PurchaseID
	Incarnation     Incarnation
	Event           string
	Buyer           string
	State           PurchaseState
	Flow            Flow
	Hold            HoldID
	HoldIncarnation Incarnation
	TotalMinor      int64
	Currency        string
	Gateway         string
	Method          string
	Decline         payment.Decline // declined
	HoldLives       bool            // declined: the hold is held again, until HoldUntil, for another method
	HoldUntil       Instant
	PayUntil        Instant // not final: when the gateway is asked to end it
	UndoUntil       Instant // sold: until then it can be undone
	Undone          bool    // sold: the buyer took it back, the order's tickets are void
	Charge          ChargeState
	ChargeRef       string  // the gateway's id of the charge, if it has told
	Order           OrderID // sold; the Order view shows it
	At              Instant // of its last change

	// Filled in by the shell.
	LanePlace    int64 // queued: how many are before it
	EtaMs        int64
	ClientSecret string // action_required: fetched from the gateway each time, never stored
	RedirectURL  string
}

// OfferView answers whether to show the one-click button.
type OfferView struct {
	ID          OfferID // 0 if one-click is not offered
	Incarnation Incarnation
	Event       string
	Buyer       string
	OneClick    bool
	Reason      string // why not: one_click_off, one of Eligibility or StepUp, payment_unavailable, payment_busy; empty if it is offered
	Method      string
	Brand       string // filled in by the shell
	LastFour    string
	TotalMinor  int64
	FaceMinor   int64
	FeesMinor   int64
	TaxMinor    int64
	Currency    string
	ExpiresAt   Instant
	Items       []ItemView
}

// RefundState is where a refund is. The numbers are part of the log's format.
type RefundState uint8

// The states of a refund.
const (
	RefundQueued   RefundState = iota + 1 // waits for the lane
	RefundSent                            // a request to the gateway is durable and may have left
	RefundDone                            // the money is on its way back
	RefundFailed                          // the gateway refused: an operator has to look
	RefundExternal                        // the order was paid outside: whoever took the money gives it back
)

// String returns the state's name on the wire.
func (s RefundState) String() string {
	switch s {
	case RefundQueued:
		return "queued"
	case RefundSent:
		return "sent"
	case RefundDone:
		return "refunded"
	case RefundFailed:
		return "failed"
	case RefundExternal:
		return "external"
	}
	return "unknown"
}

// RefundView shows a refund.
type RefundView struct {
	ID          RefundID
	Incarnation Incarnation
	Order       OrderID
	OrderIn     Incarnation
	AmountMinor int64
	Currency    string
	State       RefundState
	Tickets     []TicketID // that it made void, of the first TicketsShownMax of the order
	At          Instant
	KeepFees    bool
	Blocked     bool // the tickets did not come back on sale
	ByBuyer     bool
	Reason      string
}

// TicketView shows a ticket at the gate.
type TicketView struct {
	ID          TicketID
	Incarnation Incarnation
	Order       OrderID
	Generation  uint32 // of its code: 0 is the first
	State       TicketState
	AdmittedAt  Instant
	Gate        string
	Lot         string
	Seat        string // label; empty in a counted lot
}

// TicketMark says what became of a ticket of an order.
type TicketMark struct {
	State      TicketState
	Generation uint32 // of its code: 0 is the first
	AdmittedAt Instant
	Gate       string
}

// CancelView shows how far the refunds of a cancelled event are, in orders.
type CancelView struct {
	Reason   string
	Orders   int64 // that have to be refunded, in all
	Refunded int64
	Failed   int64 // an operator has to look
	External int64 // that were paid outside: whoever took the money gives it back
}

// TicketState is what a ticket is good for.
type TicketState uint8

// The states of a ticket.
const (
	TicketPending  TicketState = iota + 1 // the purchase can still be undone
	TicketValid                           // admits once
	TicketAdmitted                        // was used
	TicketVoided                          // refunded, undone or cancelled
)

// String returns the state's name on the wire.
func (s TicketState) String() string {
	switch s {
	case TicketPending:
		return "pending"
	case TicketValid:
		return "valid"
	case TicketAdmitted:
		return "admitted"
	case TicketVoided:
		return "void"
	}
	return "unknown"
}
