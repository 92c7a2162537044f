package engine

// The rows of an event's tables. They hold no pointers, so the garbage collector never looks at them, and refer to each other by slot.

// basket is what a hold or an order has taken. Most have one item of a counted lot and need no more rows; the others keep all items in a
// chain of item rows.
type basket struct {
	price uint32 // price version, which names the lot
	sales uint32
	more  uint32 // slot + 1 of the first item row; 0: price and sales say everything
}

// itemRow is one item of a basket with several items or with seats.
type itemRow struct {
	price uint32
	sales uint32
	seats uint32 // number + 1 of the first seat, in the order asked for; 0 in a counted lot
	next  uint32 // slot + 1 of the next item
}

// holdRow is a live hold: 40 bytes.
type holdRow struct {
	idState uint64  // the id, with the state in the topmost byte
	expires Instant // event time
	maxEnd  Instant // event time that no extension or replacement passes
	buyer   uint32
	basket
}

const stateShift = 56

func idState(id HoldID, s HoldState) uint64 { return uint64(id) | uint64(s)<<stateShift }

func (h *holdRow) id() HoldID       { return HoldID(h.idState & (1<<stateShift - 1)) }
func (h *holdRow) state() HoldState { return HoldState(h.idState >> stateShift) }

// endedRow is a hold that ended not long ago.
type endedRow struct {
	idState uint64
	total   int64
	buyer   uint32
	price   uint32 // of an expired hold that had sales of one counted lot; others are in lates
	sales   uint32
}

func (h *endedRow) id() HoldID       { return HoldID(h.idState & (1<<stateShift - 1)) }
func (h *endedRow) state() HoldState { return HoldState(h.idState >> stateShift) }

// buyerRow is a buyer who has a live hold, an order, or a hold among the ended ones, was linked to others, or has joined the line. A buyer of
// whom there is none of that is forgotten.
type buyerRow struct {
	name     uint32 // in names
	hold     uint32 // slot + 1 of the live hold
	customer uint32 // slot + 1 of what the buyer has bought
	ended    uint32 // ended rows that name the buyer
	linked   uint32 // slot + 1 of what links the buyer to others
}

// customerRow is what a buyer has bought and not given back, or was about to buy.
type customerRow struct {
	units     int64
	bought    uint32 // slot + 1 of the first bought row
	orders    uint32
	order     uint32 // slot + 1 of the newest order
	purchases uint32
	purchase  uint32 // slot + 1 of the newest purchase
	offers    uint32 // that are not forgotten
}

// boughtRow is what a customer has bought of one lot and not given back.
type boughtRow struct {
	lot   uint32
	next  uint32 // slot + 1
	units int64
}

// orderRow is an order; order n is in slot n-1.
type orderRow struct {
	hold    HoldID
	ticket  TicketID // the first
	at      Instant
	total   int64
	buyer   uint32
	payment uint32 // in names; 0 if there was no reference
	basket
	flags    uint32 // orderBoxOffice
	after    uint32 // slot + 1 of what became of it; 0 is nothing
	purchase uint32 // slot + 1 of the purchase that was paid through a gateway; 0 if it was paid outside
}

const (
	orderBoxOffice = 1
	orderTouched   = 2 // only in snapshots: something became of the order
)

// requestRow is an accepted request id and what is needed to answer it again.
type requestRow struct {
	print  uint64 // fingerprint of the command's content
	object uint64 // id of what it made or touched, with the verb in the topmost byte
	amount int64  // total, or units asked for
	name   uint32 // in names
	at     uint32 // seconds since the event was created
	seq    Seq    // of the fact that says so; 0 if a snapshot of version 1 did not tell
}

func (r *requestRow) verb() Verb { return Verb(r.object >> stateShift) }
func (r *requestRow) id() uint64 { return r.object & (1<<stateShift - 1) }

// share is a part of a capacity.
type share uint8

const (
	shareFree share = iota
	shareHeld
	sharePaying
	shareSold
	shareBlocked
	shares
)

// counts says where a capacity is, in units.
type counts struct {
	capacity int64
	in       [shares]int64
}

func (c *counts) view() Counts {
	return Counts{Capacity: c.capacity, Free: c.in[shareFree], Held: c.in[shareHeld], Paying: c.in[sharePaying], Sold: c.in[shareSold], Blocked: c.in[shareBlocked]}
}

// used is the units that cannot be taken away.
func (c *counts) used() int64 {
	return c.in[shareHeld] + c.in[sharePaying] + c.in[shareSold] + c.in[shareBlocked]
}

// unsold is the units that are free, or held or being paid, so that they may come back.
func (c *counts) unsold() int64 { return c.in[shareFree] + c.in[shareHeld] + c.in[sharePaying] }

// sound reports whether G1 holds: no share below zero, and together they are the capacity.
func (c *counts) sound() bool {
	negative := c.in[shareFree] | c.in[shareHeld] | c.in[sharePaying] | c.in[shareSold] | c.in[shareBlocked]
	return negative >= 0 && c.in[shareFree]+c.used() == c.capacity
}

// lot is a sellable block with its present state.
type lot struct {
	counts
	spec      LotSpec  // as it is now; Capacity and Rows as they were created
	units     int64    // tickets a sale
	minOrder  int64    // sales, 1 or more
	price     uint32   // the present price version
	pools     []uint32 // numbers of the pools it draws from
	requires  []uint32
	followers []uint32 // lots that open when this one first has nothing free
	after     int      // the lot it follows, -1 if none
	open      bool
	exhausted bool // it has had nothing free once
	seating   *seating
}

// pool is capacity that several lots share.
type pool struct {
	counts
	id  string
	own int64 // units blocked in the pool itself, not through a lot
}

// priceVersion is a price that a lot has or had. Live holds and orders keep theirs.
type priceVersion struct {
	lot   uint32
	face  int64
	tax   int64
	fees  []Fee
	total int64 // a sale, face and fees

	before uint32 // number + 1 of the lot's price before, 0 if it is the first; of a code's price, of the one that it is made of
	code   uint32 // slot + 1 of the code whose price it is; 0 is everybody's
}
