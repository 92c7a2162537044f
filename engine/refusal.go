package engine

// refusal says why a command is refused, in numbers: what is needed to say it again for a repeat of the same command.
type refusal struct {
	have, want int64
	limit      int64 // of limit_reached: the limit
	used       int64 // and what had been used of it
	code       Code
	field      field
	subject    subject
	text       sentence
	item       uint16 // of the command, for subjects in items
	at         uint32 // seat of the item or command, or number of the lot or pool
}

// field names the part of a command that is to blame.
type field uint8

const (
	fieldNone field = iota
	fieldItems
	fieldRequestID
	fieldHold
	fieldOrder
	fieldPaymentRef
	fieldMaxPrice
	fieldLot
	fieldPool
	fieldQuantity
	fieldSeats
	fieldEvent
	fieldSpec
	fieldBuyer
	fieldTicket
	fieldTickets
	fieldAmount
	fieldByBuyer
	fieldRefund
	fieldPurchase
	fieldOffer
	fieldMethod
	fieldTrack
	fieldWishes
	fieldCode
	fieldCodes
	fieldsEnd
)

//nolint:gochecknoglobals // a constant table: Go has no constant arrays
var fieldNames = [fieldsEnd]string{
	"", "items", "request_id", "hold", "order", "payment_ref", "max_price_minor", "lot", "pool", "quantity", "seats", "event", "lots", "buyer",
	"ticket", "tickets", "amount_minor", "by_buyer", "refund",
	"purchase", "offer", "method", "track", "wishes", "code", "codes",
}

// subject says what a refusal is about.
type subject uint8

const (
	aboutNothing  subject = iota
	aboutItemLot          // the lot that an item names, known or not
	aboutItemSeat         // a seat that an item names
	aboutCmdLot
	aboutCmdPool
	aboutCmdSeat
	aboutLot          // a lot by number
	aboutPool         // a pool by number
	aboutTicket       // the ticket whose number is in have
	aboutRefundTicket // a ticket that a refund names
	aboutWish         // the lot that a wish names, known or not
)

// refuse ends the step with a refusal: it is shown, remembered for a repeat, and counted for the tally.
func (e *Event) refuse(cmd *Command, why refusal) {
	e.show(cmd, why)
	if why.code == CodeInvalid || why.code == CodeCardNumber || e.state == 0 {
		return // bad input and absent events are no outcomes: nothing remembers them
	}
	e.tally.add(why.code, flowOf(cmd), e.now)
}

// flowOf is how the buyer of a command checks out.
func flowOf(cmd *Command) Flow {
	if cmd.Verb == VerbOffer || cmd.Verb == VerbBuy && cmd.Hold == "" {
		return FlowOneClick
	}
	return FlowStandard
}

// refuseAsked is refuse for a command with a request id that was not seen before.
func (e *Event) refuseAsked(cmd *Command, a *asked, why refusal) {
	e.refuse(cmd, why)
	if why.code != CodeInvalid && e.state != 0 {
		about := ""
		switch why.subject {
		case aboutItemLot, aboutItemSeat, aboutCmdLot, aboutCmdPool, aboutCmdSeat, aboutRefundTicket, aboutWish: // only the command can name it
			about = e.out.Lot
		case aboutNothing, aboutLot, aboutPool, aboutTicket:
		}
		e.refusals.add(a, why, about, e.now, e.limits.Refusals, e.seed)
	}
}

// show sets the outcome to a refusal.
func (e *Event) show(cmd *Command, why refusal) {
	out := &e.out
	out.Code = why.code
	out.Field = why.fieldName()
	out.Have, out.Want = why.have, why.want
	out.Text = sentences[why.text]
	out.RetryAfterMs = 0
	if why.code == CodePaymentBusy || why.code == CodePaymentUnavailable || why.code == CodeCodeLocked {
		out.RetryAfterMs = why.have
	}
	out.Lot = ""
	out.pool = why.subject == aboutPool || why.subject == aboutCmdPool
	switch why.subject {
	case aboutNothing:
	case aboutItemLot:
		if int(why.item) < len(cmd.Items) { // a repeat of a buy with an offer has none
			out.Lot = cmd.Items[why.item].Lot
		}
	case aboutItemSeat:
		if int(why.item) < len(cmd.Items) && int(why.at) < len(cmd.Items[why.item].Seats) {
			out.Lot = cmd.Items[why.item].Seats[why.at]
		}
	case aboutCmdLot:
		out.Lot = cmd.Lot
	case aboutCmdPool:
		out.Lot = cmd.Pool
	case aboutCmdSeat:
		out.Lot = cmd.Seats[why.at]
	case aboutLot:
		out.Lot = e.lots[why.at].spec.Lot
	case aboutPool:
		out.Lot = e.pools[why.at].id
	case aboutRefundTicket:
		out.Lot = cmd.Payment.Tickets[why.at]
	case aboutWish:
		out.Lot = lineOf(cmd).Wishes[why.item].Lot
	case aboutTicket:
		out.Have = 0
		if e.showTicket(TicketID(why.have)); why.code == CodeAlreadyAdmitted {
			out.Text = admittedText(out.Ticket)
		}
	}
}

// fieldName names what is to blame: of several wishes the lot of one.
func (r *refusal) fieldName() string {
	if r.subject == aboutWish {
		return wishField(int(r.item), "lot")
	}
	return fieldNames[r.field]
}

// bad ends the step with a command that can never be right.
func (e *Event) bad(name, text string) {
	e.out.Code, e.out.Field, e.out.Text = CodeInvalid, name, text
}

// refusals remembers the newest refused request ids. It is volatile: no fact, hash or snapshot knows it.
type refusals struct {
	rows  fifo[refusedRow]
	index index
	names arena
}

type refusedRow struct {
	print uint64
	why   refusal
	at    Instant
	name  uint32
	about uint32 // in names: what only the command could name; 0 if there is nothing
}

// named finds a refused request id.
func (r *refusals) named(id string, hash uint64) *refusedRow {
	var p probe
	r.index.seek(&p, index32(hash))
	for {
		low, ok := r.index.next(&p)
		if !ok {
			return nil
		}
		if row := r.rows.at(r.rows.near(low)); r.names.get(row.name) == id {
			return row
		}
	}
}

// add remembers a refusal, and forgets the oldest beyond most.
func (r *refusals) add(a *asked, why refusal, about string, at Instant, most int, seed uint64) {
	if r.rows.count() >= most {
		pos := r.rows.head
		name := r.rows.at(pos).name
		if old := r.rows.at(pos).about; old != 0 {
			r.names.drop(old)
		}
		r.index.remove(index32(hashString(seed, r.names.get(name))), uint32(pos&lowMask))
		r.names.drop(name)
		r.rows.pop()
	}
	pos, row := r.rows.push()
	row.print, row.why, row.at, row.name = a.print, why, at, r.names.put(a.id)
	if about != "" && len(about) <= arenaLenMax {
		row.about = r.names.put(about)
	}
	r.index.insert(index32(a.hash), uint32(pos&lowMask))
}

// tally counts refusals until the next tally fact. It is volatile.
type tally struct {
	counts *[Codes][Flows]uint32
	any    bool
	due    Instant // node time at which it wants to be written
}

func (t *tally) add(code Code, flow Flow, now Instant) {
	if t.counts == nil {
		t.counts = new([Codes][Flows]uint32)
	}
	if !t.any {
		t.any, t.due = true, now+TallyPeriodNs
	}
	t.counts[code][flow]++
}
