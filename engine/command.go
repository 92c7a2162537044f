package engine

// Verb says what a command asks for.
type Verb uint8

// The verbs. Those before VerbExpire, VerbTouch and those from VerbJoin to VerbCodes come from callers, see [Verb.OfCallers]; the others from the shell only.
const (
	VerbNone Verb = iota
	VerbCreate
	VerbUpdate
	VerbOpen
	VerbPause
	VerbClose
	VerbGet
	VerbHold
	VerbExtend
	VerbRelease
	VerbConfirm
	VerbOrder
	VerbBlock
	VerbUnblock
	VerbCapacity
	VerbOffer    // may this buyer buy with one click, and for how much
	VerbBuy      // hold, charge, order
	VerbPurchase // read a purchase
	VerbComplete // the buyer has authenticated, or has come back: ask the gateway
	VerbUndo     // take back a purchase that was just sold
	VerbRefund
	VerbAdmit    // let the holder of a ticket in, once
	VerbReissue  // give a ticket a new code: the old one admits nobody any more
	VerbCancel   // the show does not take place: everyone is refunded
	VerbOneClick // switch one-click checkout of this event on or off, or widen it

	VerbExpire   // end due holds and write the tally: sent at NextDeadline
	VerbSettle   // go on with what a step left over: sent while Unsettled
	VerbSchedule // wall time has reached Wall: opens and closes
	VerbResume   // the process was down for Down since the event's last fact
	VerbProve    // put the state hash into the log
	VerbRestore  // the log was restored from a backup: ids are of Incarnation from now on
	VerbArchive  // the last fact of a closed event: its time of keeping is over
	VerbWhy      // explain what became of RequestID: an operator asks
	VerbIntend   // the lane is about to ask the gateway: what it will send, before it leaves
	VerbResult   // the gateway's answer to what the lane asked
	VerbResolve  // an operator decides what became of a stuck charge
	VerbTell     // show what a fact is about: for those who follow the log

	VerbTouch // callers report what their buyers saw and did; behind the others, as their numbers are in snapshots
	VerbTime  // the shell has measured how long answers took

	VerbJoin    // take a place in the line
	VerbLeave   // give it up
	VerbPlace   // read a place, or the lobby's entries
	VerbAbsent  // the buyer is not there
	VerbPresent // the buyer is back
	VerbWait    // wait for tickets that are sold out
	VerbDraw    // the public value that the draw waits for
	VerbCodes   // add, change or end codes
	VerbSeed    // the shell has sealed a seed: its commit
	VerbReveal  // the seed, once the lobby's list is published
	VerbRate    // how many purchases a minute the payment lane can take

	verbEnd
)

// Verbs is how many verbs there are: the size of a table indexed by Verb.
const Verbs = int(verbEnd)

//nolint:gochecknoglobals // a constant table: Go has no constant arrays
var verbNames = [Verbs]string{
	"none", "create", "update", "open", "pause", "close", "get", "hold", "extend", "release", "confirm", "order", "block", "unblock", "capacity",
	"offer", "buy", "purchase", "complete", "undo", "refund", "admit", "reissue", "cancel", "one_click",
	"expire", "settle", "schedule", "resume", "prove", "restore", "archive", "why",
	"intend", "result", "resolve", "tell", "touch", "time",
	"join", "leave", "place", "absent", "present", "wait", "draw", "codes", "seed", "reveal", "rate",
}

// String returns the verb's name on the wire.
func (v Verb) String() string {
	if v < verbEnd {
		return verbNames[v]
	}
	return "verb_unknown"
}

// OfCallers reports whether commands of the verb come from calling services.
func (v Verb) OfCallers() bool {
	return v > VerbNone && v < VerbExpire || v == VerbTouch || v >= VerbJoin && v < VerbSeed
}

// IsRead reports whether the verb only looks.
func (v Verb) IsRead() bool {
	return v == VerbGet || v == VerbOrder || v == VerbPurchase || v == VerbPlace
}

// Fill says what a hold does when not everything it asks for is free.
type Fill uint8

// The ways to fill a hold.
const (
	FillAllOrNothing Fill = iota // the default
	FillAtLeast                  // at least Command.AtLeast sales over all items, as many as possible
	FillBestEffort               // whatever is free, at least one
)

// Flow is how a buyer checks out.
type Flow uint8

// The flows.
const (
	FlowStandard Flow = iota // hold, steps, confirm
	FlowOneClick             // buy
)

// Flows is how many flows there are.
const Flows = 2

// Device is the class of device a buyer uses, as the calling service tells it.
type Device uint8

// The device classes.
const (
	DeviceUnknown Device = iota
	DeviceDesktop
	DeviceMobile
	DeviceTablet
	DeviceKiosk
)

// Command is a request to change an event, or to read it. Which fields matter depends on Verb; the others are zero.
//
// Its strings and slices belong to the caller and may be reused after Step: the engine copies what it keeps.
type Command struct {
	Verb      Verb
	RequestID string // the caller's, unique in the event; empty for reads and the shell's own commands
	Buyer     string // where a person acts
	Channel   string // free text of the caller's choosing, an id: "web", "app", "box_office"
	Device    Device

	// hold
	Items    []Item
	Fill     Fill
	AtLeast  int64 // sales, with FillAtLeast
	MaxPrice int64 // total with fees in minor units that may not be exceeded; 0 is no maximum unless HasMaxPrice
	// HasMaxPrice tells a maximum of 0 (only free tickets) from none.
	HasMaxPrice bool

	// extend, release, confirm
	Hold string // as the engine wrote it in a reply

	// confirm
	PaymentRef string // the external payment, 1 to PaymentRefLenMax bytes of printable ASCII; not needed when nothing is due
	BoxOffice  bool   // paid at the counter: no payment reference needed

	// order
	Order string

	// block, unblock, capacity
	Lot      string
	Pool     string
	Quantity int64    // units to block or unblock; the new capacity in units
	Seats    []string // labels to block or unblock

	// create, update
	Spec *EventSpec

	// offer, buy, and everything about payments, orders and tickets; nil with every other verb
	Payment *PaymentCommand

	// touch, time; nil with every other verb
	Touch *TouchCommand

	// about the line; nil with every other verb
	Line *LineCommand

	// shell
	Wall        Instant     // schedule: wall time
	Down        int64       // resume: nanoseconds
	Incarnation Incarnation // restore
}

// Item asks for tickets of one lot: a quantity of sales, or chosen seats of a seated lot, never both. A quantity of a seated lot is a party: the
// engine picks the best seats that are free side by side in one row.
type Item struct {
	Lot      string
	Quantity int64
	Seats    []string // labels "section/row/seat", as in "A/1/4"

	// Of a party. Seats of a kind that is not asked for are never picked.
	Accessible int64 // so many of the quantity are accessible seats
	Companion  int64 // and so many the companion seats beside them
	Restricted bool  // seats with a restricted view will do
	Split      bool  // a party that does not fit side by side may sit in several groups
}

// EventSpec is everything an organiser says about an event. In an update, only the fields named in Set change.
type EventSpec struct {
	Name, Genre, Performer, Venue, City string
	Country                             string // ISO 3166 alpha-2
	TimeZone                            string // IANA name, for people: no rule reads it
	DoorsAt, StartsAt                   Instant
	OpensAt, ClosesAt                   Instant // wall time at which sales open and close by themselves; 0 is never
	Currency                            string  // ISO 4217
	HoldTTLMs, MaxHoldMs                int64   // a hold's life, and its longest with extensions and replacements
	SpreadMs                            int64   // each hold lives up to this much longer, by its own hash; below HoldTTLMs/8
	HasSpread                           bool    // SpreadMs was given; otherwise HoldTTLMs/16
	LimitPerBuyer                       int64   // tickets (units) held + paying + sold; 0 is none
	LimitPerOrder                       int64   // tickets (units) in one hold; 0 is none
	Open                                bool    // on sale at once
	Observe                             bool    // nothing is sold here: a shop reports its own checkout by touches
	Pools                               []PoolSpec
	Lots                                []LotSpec

	Pay  PayPolicy
	Line *LineSpec // nil is nothing said: in create, that there is no line

	Set SpecFields // update: which of the fields above are meant, but for Line, which says it by itself
}

// PayPolicy is what an organiser says about payments and one-click checkout. A time of 0 is its default, unless its Has says that 0 is meant.
type PayPolicy struct {
	UndoMs           int64 // after sold, before the money is taken: the buyer may take the purchase back, and the tickets admit nobody
	HasUndo          bool  // UndoMs was given: 0 is no time to undo
	PayMs            int64 // how long a charge may take before the gateway is asked to end it
	GraceMs          int64 // what a hold has left at least after a soft decline
	ActionMs         int64 // how long the buyer has to authenticate
	RedirectMs       int64 // and to come back from their bank's page
	QueueMs          int64 // how long a purchase may wait for its turn in the lane
	OfferTTLMs       int64
	LimitPerLinked   int64   // tickets (units) held + paying + sold of buyers that are linked; 0 is none
	RefundUntil      Instant // wall time until which buyers may ask for their money back; 0 is never
	RefundWindowMs   int64   // how long they may after a rescheduling
	HasRefundWindow  bool    // RefundWindowMs was given: 0 is no window
	OneClickOff      bool    // no one-click checkout in this event
	OneClickShare    int64   // of buyers that have it, in hundredths of a percent
	HasOneClickShare bool    // OneClickShare was given: 0 is nobody
}

// SpecFields says which fields of an EventSpec an update means. Lots and pools listed in an update are always meant.
type SpecFields uint32

// One bit a field of EventSpec.
const (
	SetName SpecFields = 1 << iota
	SetGenre
	SetPerformer
	SetVenue
	SetCity
	SetCountry
	SetTimeZone
	SetDoorsAt
	SetStartsAt
	SetOpensAt
	SetClosesAt
	SetCurrency // refused in an update: money already taken has a currency
	SetHoldTTL
	SetMaxHold
	SetSpread
	SetLimitPerBuyer
	SetLimitPerOrder
	SetOpen // refused in an update: use open
	SetUndo
	SetPay
	SetGrace
	SetAction
	SetRedirect
	SetQueue
	SetOfferTTL
	SetLimitPerLinked
	SetRefundUntil
	SetRefundWindow
	SetOneClick // refused in an update: use one_click
	SetObserve  // refused in an update: an event keeps its mode
)

// PoolSpec is capacity that several lots share.
type PoolSpec struct {
	Pool     string
	Capacity int64 // units
}

// LotSpec is a sellable block at one price. Counted lots give Capacity, seated lots Rows.
type LotSpec struct {
	Lot       string
	Name      string // for people; empty is the id
	FaceMinor int64  // per sale, before fees
	Fees      []Fee  // per sale, added to the face price
	TaxMinor  int64  // tax included in face and fees, per sale: shown, never added
	Capacity  int64  // units
	Units     int64  // tickets a sale: 4 for a 4-pack; 0 is 1
	Pools     []string
	Requires  []string // at least one sale of one of these lots must be in the same hold, or held, paying or sold to the buyer
	After     string   // a tier: opens in the step in which that lot first has nothing free
	MinOrder  int64    // sales of this lot in one hold; 0 is 1
	MaxOrder  int64    // sales of this lot in one hold; 0 is no maximum
	CodeOnly  bool     // sold only with a code that is for it, as in a presale
	Rows      []RowSpec

	Set LotFields // update of an existing lot: which fields are meant
}

// LotFields says which fields of a LotSpec an update of an existing lot means. Only these can change: capacity has its own verb, and
// the rest would rewrite what buyers were promised.
type LotFields uint32

// One bit a field of LotSpec.
const (
	SetLotName LotFields = 1 << iota
	SetLotFace
	SetLotFees
	SetLotTax
	SetLotMin
	SetLotMax
	SetLotOther // any field that an update cannot change: refused
	SetLotCodeOnly
)

// Fee is one named part of a price beside the face value.
type Fee struct {
	Name  string
	Minor int64
}

// RowSpec is a row of seats, or with Through a block of rows that are alike. A seat's label is section/row/seat.
//
// Aisles, Missing, Accessible, Companion and Restricted are lists of seats by the last part of their labels, with a space between: "1 4-6".
// A range goes along the row, from one seat to the other.
type RowSpec struct {
	Section, Row string
	Seats        int64  // that there are in each row
	Through      string // the last row of the block: Row "1" through "40", "A" through "M", "R7" through "R12"
	Rank         int64  // the lower the better, for each row of the block; 0 is the row's place among the lot's rows, from 1
	First, Step  int64  // seats are numbered First, First+Step, First+2*Step, ...; 0 is 1. A step of 2 numbers odd or even, -1 down
	Labels       string // instead of First and Step: what each seat is called, with a space between
	Best         string // the best seat of the row; empty is its middle
	Aisles       string // seats after which there is an aisle: their neighbours do not sit side by side
	Missing      string // numbers that are left out: there is no seat in that place, and those around it are not side by side
	Accessible   string // spaces for wheelchairs
	Companion    string // seats for those who come with them, beside an accessible one
	Restricted   string // seats with a restricted view
}
