package fault

import (
	"fmt"
	"hash/maphash"
	"strconv"
	"strings"

	"github.com/anishathalye/porcupine"

	"github.com/holdfast-engine/holdfast/engine"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// The event of a linearizability history: [LinearSpec] makes it. It is small, so that callers meet: a counted lot, a lot of pairs, a few seats.
const (
	linearBuyers   = 6
	linearSeats    = 8
	linearGA       = 12
	linearPairs    = 4 // sales; two tickets each
	linearMinor    = 1000
	linearSaid     = 32 // buckets of remembered request ids
	lotGA          = "ga"
	lotPairs       = "pairs"
	lotSeats       = "seats"
	linearLimit    = 40
	linearPairUnit = 2
)

// LinearSpec is the event that [LinearModel] knows. Its purchases can be undone for longer than a history takes, or never.
func LinearSpec(id string, undoable bool) *pb.CreateCommand {
	face, undoMs := int64(linearMinor), int64(0)
	if undoable {
		undoMs = 600_000
	}
	return &pb.CreateCommand{
		RequestId: id, Name: "Linear", Currency: "EUR", HoldTtlMs: 600_000, MaxHoldMs: 3_600_000, LimitPerBuyer: linearLimit, Open: true,
		UndoMs: &undoMs, OfferTtlMs: 3_600_000, QueueMs: 3_600_000, PayMs: 3_600_000,
		Lots: []*pb.LotSpec{
			{Lot: lotGA, FaceMinor: &face, Capacity: linearGA},
			{Lot: lotPairs, FaceMinor: &face, Capacity: linearPairs * linearPairUnit, Units: linearPairUnit},
			{Lot: lotSeats, FaceMinor: &face, Rows: []*pb.RowSpec{{Section: "A", Row: "1", Seats: linearSeats}}},
		},
	}
}

// LinearInput is what one operation of a history asked.
type LinearInput struct {
	Event string
	Verb  engine.Verb
	ID    string // request id; empty for reads
	Buyer int
	Hold  string // extend, release, confirm; buy, if it pays a hold
	// hold: sales and seats (a bit each); block, unblock and capacity: GA is the quantity
	GA, Pairs int
	Seats     uint16
	Best      bool // fill best_effort
	Undoable  bool // create
	// offer and buy; a buy by an offer has the offer's quantities above, and sends none
	Offer  string
	Method linearMethod
	WaitMs int64
	// purchase, undo, result; order, refund, admit
	Purchase, Order string
	Tickets         uint32   // refund: a bit for each ticket by its place in the order; 0 is all of them
	Ticket          int      // admit: its place in the order
	Names           []string // refund, admit: the ids of the order's tickets
	// Twice says that the same request id occurs in another operation too: the model has to remember it.
	Twice bool
}

// LinearOutput is what it was answered.
type LinearOutput struct {
	Reply *pb.Reply
	// Retried says that the engine died and the caller asked again: the answer may be a repeat of one that nobody saw, and shows what is now.
	Retried bool
	// Forgot says that the engine may have died, or the event slept, at some time before the answer: refusals from before may be forgotten.
	Forgot bool
	// Often says that the buyer had tried so many purchases by then that one more may need the longer way: no event knows that.
	Often bool
}

// linearHold is what a buyer holds, or pays.
type linearHold struct {
	id        string
	ga, pairs int
	seats     uint16
	paying    bool
	softs     int // soft declines
}

func (h *linearHold) total() int64 { return int64(h.ga+h.pairs+ones(h.seats)) * linearMinor }

// linearLot is where the units of a lot are.
type linearLot struct{ capacity, held, paying, sold, blocked int }

func (l *linearLot) free() int { return l.capacity - l.held - l.paying - l.sold - l.blocked }

// linearState is an event between two operations. It is a value: a step makes another.
type linearState struct {
	exists    bool
	paused    bool
	undoable  bool
	ga        linearLot
	pairs     linearLot
	taken     uint16 // seats held, being paid or sold
	paying    uint16
	sold      uint16
	buyers    [linearBuyers]linearBuyer
	count     int                 // orders, also those that were given back
	offers    linearTable[string] // the purchase of each, empty while it has none
	purchases linearTable[linearPurchase]
	orders    linearTable[linearOrder]
	said      [linearSaid]*linearSaidNode
	digest    uint64 // of what was said, in any order
}

// linearBuyer is what a buyer has.
type linearBuyer struct {
	live linearHold
	sold int  // units
	hard bool // the method that is declined hard was tried: the wallet may know
}

// linearSaidNode remembers the answer to a request id that comes twice.
type linearSaidNode struct {
	in    *LinearInput
	reply *pb.Reply
	next  *linearSaidNode
}

var linearSeed = maphash.MakeSeed()

func (s *linearState) find(id string) *linearSaidNode {
	for n := s.said[maphash.String(linearSeed, id)%linearSaid]; n != nil; n = n.next {
		if n.in.ID == id {
			return n
		}
	}
	return nil
}

func (s *linearState) remember(in *LinearInput, r *pb.Reply) {
	h := maphash.String(linearSeed, in.ID)
	s.said[h%linearSaid] = &linearSaidNode{in: in, reply: r, next: s.said[h%linearSaid]}
	s.digest += maphash.String(linearSeed, in.ID+" "+code(r)+" "+string(in.command().Body)) | 1
}

// LinearModel is an event as one caller at a time would see it (G8), for Porcupine: counts, holds, offers, purchases and orders, request ids.
// The gateway's answers are operations too: [Settled] adds them. Histories are partitioned by event. Every code must be the right one,
// every count exact.
func LinearModel() porcupine.Model {
	return porcupine.Model{
		Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
			var order []string
			byEvent := map[string][]porcupine.Operation{}
			for _, op := range history {
				event := op.Input.(*LinearInput).Event
				if byEvent[event] == nil {
					order = append(order, event)
				}
				byEvent[event] = append(byEvent[event], op)
			}
			parts := make([][]porcupine.Operation, 0, len(order))
			for _, event := range order {
				parts = append(parts, byEvent[event])
			}
			return parts
		},
		Init: func() any { return &linearState{} },
		Step: func(state, input, output any) (bool, any) {
			s := *state.(*linearState)
			why := s.step(input.(*LinearInput), output.(*LinearOutput))
			return why == "", &s
		},
		Equal: func(a, b any) bool {
			x, y := *a.(*linearState), *b.(*linearState)
			return x.compared() == y.compared()
		},
		DescribeOperation: func(input, output any) string {
			return fmt.Sprintf("%+v -> %v", *input.(*LinearInput), output.(*LinearOutput).Reply)
		},
	}
}

// compared is a state as it is compared: tables by their digests.
func (s linearState) compared() linearState {
	s.said = [linearSaid]*linearSaidNode{}
	s.offers, s.purchases, s.orders = s.offers.onlyDigest(), s.purchases.onlyDigest(), s.orders.onlyDigest()
	return s
}

// step carries an operation out and says how its answer is wrong, nothing if it is right.
func (s *linearState) step(in *LinearInput, out *LinearOutput) string {
	r := out.Reply
	if in.Twice {
		if first := s.find(in.ID); first != nil {
			return s.repeated(in, out, first)
		}
	}
	if r.GetRepeated() && !out.Retried {
		return "a repeat of nothing"
	}
	return s.first(in, out)
}

// first carries out an operation that nothing is remembered of, and remembers it if it comes twice. A refusal changes nothing else.
func (s *linearState) first(in *LinearInput, out *LinearOutput) string {
	r, before := out.Reply, *s
	why := s.fresh(in, out)
	if why == "" && code(r) != "ok" {
		*s = before
	}
	if why == "" && in.Twice && code(r) != engine.CodeEventUnknown.String() { // that is no outcome of the event: nothing remembers it
		s.remember(in, r)
	}
	return why
}

// fresh carries out an operation that was not answered before.
func (s *linearState) fresh(in *LinearInput, out *LinearOutput) string {
	r := out.Reply
	if in.Verb == engine.VerbCreate {
		if s.exists || code(r) != "ok" {
			return "created twice, or not at all"
		}
		s.exists, s.undoable = true, in.Undoable
		s.ga.capacity, s.pairs.capacity = linearGA, linearPairs*linearPairUnit
		return ""
	}
	if !s.exists {
		if code(r) == engine.CodeEventUnknown.String() {
			return ""
		}
		return "answered before the event existed"
	}
	switch in.Verb { //nolint:exhaustive // a history has no other verbs
	case engine.VerbGet:
		return s.shown(r.GetEvent())
	case engine.VerbPause, engine.VerbOpen:
		want := engine.CodeOK
		if s.paused == (in.Verb == engine.VerbPause) {
			want = engine.CodeWrongState
		}
		s.paused = in.Verb == engine.VerbPause
		return wantCode(r, want)
	case engine.VerbHold:
		return s.hold(in, out)
	case engine.VerbExtend, engine.VerbRelease, engine.VerbConfirm:
		return s.act(in, r)
	case engine.VerbBlock, engine.VerbUnblock, engine.VerbCapacity:
		return s.capacity(in, out)
	case engine.VerbOffer, engine.VerbBuy, engine.VerbResult, engine.VerbPurchase, engine.VerbOrder, engine.VerbUndo, engine.VerbRefund, engine.VerbAdmit:
		return s.pay(in, out)
	default:
		return "the model knows no " + in.Verb.String()
	}
}

func wantCode(r *pb.Reply, want engine.Code) string {
	if code(r) == want.String() {
		return ""
	}
	return "code " + code(r) + ", must be " + want.String()
}

// judge says what a hold would get, or the first reason why it gets nothing. What the buyer holds already counts as free and outside the limit, and is given
// back: a refusal puts the state back.
func (s *linearState) judge(in *LinearInput) (linearHold, engine.Code) {
	b := &s.buyers[in.Buyer]
	wanted := in.GA + in.Pairs*linearPairUnit + ones(in.Seats)
	switch {
	case b.live.paying:
		return linearHold{}, engine.CodePaymentInProgress
	case s.paused:
		return linearHold{}, engine.CodeNotOnSale
	case b.sold+wanted > linearLimit:
		return linearHold{}, engine.CodeLimitReached
	}
	s.give(&b.live)
	got := linearHold{ga: min(in.GA, s.ga.free()), pairs: min(in.Pairs, s.pairs.free()/linearPairUnit), seats: in.Seats &^ s.taken}
	short, lost := got.ga < in.GA || got.pairs < in.Pairs, got.seats != in.Seats
	if !in.Best && linearSeats-ones(s.taken) < ones(in.Seats) {
		short = true // fewer seats are left than were chosen: sold out comes before taken
	}
	switch {
	case in.Best && got.total() > 0 || !short && !lost:
		return got, engine.CodeOK
	case short:
		return linearHold{}, engine.CodeSoldOut
	}
	return linearHold{}, engine.CodeSeatTaken
}

// take lets a buyer hold what was judged to be free.
func (s *linearState) take(b *linearBuyer, h linearHold) {
	s.ga.held += h.ga
	s.pairs.held += h.pairs * linearPairUnit
	s.taken |= h.seats
	b.live = h
}

// hold is a hold, in the order of the refusals.
func (s *linearState) hold(in *LinearInput, out *LinearOutput) string {
	r := out.Reply
	want, refusal := s.judge(in)
	if refusal != engine.CodeOK {
		return wantCode(r, refusal)
	}
	v := r.GetHold()
	if code(r) != "ok" || v == nil {
		return "code " + code(r) + ", must be ok"
	}
	got := linearHold{id: v.GetId()}
	for _, it := range v.GetItems() {
		switch it.GetLot() {
		case lotGA:
			got.ga = int(it.GetQuantity())
		case lotPairs:
			got.pairs = int(it.GetQuantity())
		case lotSeats:
			got.seats = seatBits(it.GetSeats())
		}
	}
	want.id = got.id
	if out.Retried && r.GetRepeated() && v.GetState() != stateHeld && len(v.GetItems()) == 0 {
		got = want // granted before the engine died and ended since: only id and total are kept of such a hold
	}
	if got != want || v.GetTotalMinor() != want.total() {
		return fmt.Sprintf("took %+v, must be %+v", got, want)
	}
	s.take(&s.buyers[in.Buyer], got)
	return ""
}

// give puts what a hold has back on sale.
func (s *linearState) give(h *linearHold) {
	s.ga.held -= h.ga
	s.pairs.held -= h.pairs * linearPairUnit
	s.taken &^= h.seats
	*h = linearHold{}
}

// own says whether a hold that was granted to the buyer some time before can be acted on.
func (s *linearState) own(in *LinearInput) engine.Code {
	switch live := &s.buyers[in.Buyer].live; {
	case live.id != in.Hold:
		return engine.CodeHoldEnded
	case live.paying:
		return engine.CodePaymentInProgress
	}
	return engine.CodeOK
}

// act is an extend, release or confirm.
func (s *linearState) act(in *LinearInput, r *pb.Reply) string {
	refusal := s.own(in)
	if why := wantCode(r, refusal); why != "" || refusal != engine.CodeOK {
		return why
	}
	switch in.Verb { //nolint:exhaustive // its caller passes these only
	case engine.VerbRelease:
		s.give(&s.buyers[in.Buyer].live)
	case engine.VerbConfirm:
		return s.sell(r.GetOrder().GetId(), "", in.Buyer, r.GetOrder())
	default: // extend moves the deadline only, and nothing expires here
	}
	return ""
}

// capacity is a block, unblock or capacity of the counted lot.
func (s *linearState) capacity(in *LinearInput, out *LinearOutput) string {
	r, q := out.Reply, in.GA
	switch in.Verb { //nolint:exhaustive // its caller passes these only
	case engine.VerbBlock:
		if q > s.ga.free() {
			return wantCode(r, engine.CodeSoldOut)
		}
		s.ga.blocked += q
	case engine.VerbUnblock:
		if q > s.ga.blocked {
			return wantCode(r, engine.CodeAboveMaximum)
		}
		s.ga.blocked -= q
	default:
		s.ga.capacity = max(q, s.ga.capacity-s.ga.free())
	}
	if why := wantCode(r, engine.CodeOK); why != "" || out.Retried {
		return why
	}
	return s.capacityShown(r.GetCapacity())
}

func (s *linearState) capacityShown(v *pb.Capacity) string {
	return sameCounts(v, &s.ga)
}

func sameCounts(v shown, l *linearLot) string {
	if v.GetCapacity() != int64(l.capacity) || v.GetFree() != int64(l.free()) || v.GetHeld() != int64(l.held) ||
		v.GetPaying() != int64(l.paying) || v.GetSold() != int64(l.sold) || v.GetBlocked() != int64(l.blocked) {
		return fmt.Sprintf("shows %v, must be %+v", v, *l)
	}
	return ""
}

// shown compares everything a read shows.
func (s *linearState) shown(v *pb.Event) string {
	if v == nil {
		return "a read was refused"
	}
	live := 0
	for i := range s.buyers {
		if s.buyers[i].live.id != "" {
			live++
		}
	}
	state := engine.EventOnSale
	if s.paused {
		state = engine.EventPaused
	}
	if v.GetState() != state.String() || v.GetOrders() != int64(s.count) || v.GetHoldsLive() != int64(live) || len(v.GetLots()) != 3 {
		return "shows another state, other orders or other holds"
	}
	seats := linearLot{capacity: linearSeats, held: ones(s.taken &^ s.sold &^ s.paying), paying: ones(s.paying), sold: ones(s.sold)}
	for i, l := range []*linearLot{&s.ga, &s.pairs, &seats} {
		if why := sameCounts(v.GetLots()[i], l); why != "" {
			return why
		}
	}
	return ""
}

func ones(bits uint16) (n int) {
	for ; bits != 0; bits &= bits - 1 {
		n++
	}
	return n
}

// seatBits turns labels A/1/1 to A/1/8 into bits, seatLabels the other way. A seat that is not there, as a broken engine may name one, has the bit after them.
func seatBits(labels []string) (bits uint16) {
	for _, label := range labels {
		n, err := strconv.Atoi(strings.TrimPrefix(label, "A/1/"))
		if err != nil || n < 1 || n > linearSeats {
			n = linearSeats + 1
		}
		bits |= 1 << (n - 1)
	}
	return bits
}

func seatLabels(bits uint16) []string {
	var labels []string
	for i := range linearSeats {
		if bits>>i&1 == 1 {
			labels = append(labels, "A/1/"+string(rune('1'+i)))
		}
	}
	return labels
}
