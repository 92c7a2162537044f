package fault

import (
	"bytes"
	"fmt"
	"hash/maphash"

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

// LinearSpec is the event that [LinearModel] knows.
func LinearSpec(id string) *pb.CreateCommand {
	face := int64(linearMinor)
	return &pb.CreateCommand{
		RequestId: id, Name: "Linear", Currency: "EUR", HoldTtlMs: 600_000, MaxHoldMs: 3_600_000, LimitPerBuyer: linearLimit, Open: true,
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
	Hold  string // extend, release, confirm
	// hold: sales and seats (a bit each); block, unblock and capacity: GA is the quantity
	GA, Pairs int
	Seats     uint16
	Best      bool // fill best_effort
	// Twice says that the same request id occurs in another operation too: the model has to remember it.
	Twice bool
}

// LinearOutput is what it was answered.
type LinearOutput struct {
	Reply *pb.Reply
	// Retried says that the engine died and the caller asked again: the answer may be a repeat of one that nobody saw, and shows what is now.
	Retried bool
	// Died says that the engine died at some time before the answer: refusals from before may be forgotten.
	Died bool
}

// linearHold is what a buyer has.
type linearHold struct {
	id        string
	ga, pairs int
	seats     uint16
}

// linearLot is where the units of a lot are.
type linearLot struct{ capacity, held, sold, blocked int }

func (l *linearLot) free() int { return l.capacity - l.held - l.sold - l.blocked }

// linearState is an event between two operations. It is a value: a step makes another.
type linearState struct {
	exists bool
	paused bool
	ga     linearLot
	pairs  linearLot
	taken  uint16 // seats held or sold
	sold   uint16
	buyers [linearBuyers]struct {
		live linearHold
		sold int // units
	}
	orders int
	said   [linearSaid]*linearSaidNode
	digest uint64 // of what was said, in any order
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

// same reports whether two operations ask for the same.
func (in *LinearInput) same(other *LinearInput) bool {
	return in.Verb == other.Verb && bytes.Equal(in.command().Body, other.command().Body)
}

// LinearModel is an event as one caller at a time would see it (G8), for Porcupine: counts, holds by buyer, request ids. Histories are partitioned by
// event. Every code must be the right one, every count exact.
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
			x.said, y.said = [linearSaid]*linearSaidNode{}, [linearSaid]*linearSaidNode{}
			return x == y
		},
		DescribeOperation: func(input, output any) string {
			return fmt.Sprintf("%+v -> %v", *input.(*LinearInput), output.(*LinearOutput).Reply)
		},
	}
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

// repeated compares the answer to a request id that was answered before.
func (s *linearState) repeated(in *LinearInput, out *LinearOutput, said *linearSaidNode) string {
	r, first := out.Reply, said.reply
	other := !in.same(said.in)
	if other && code(r) == engine.CodeRequestMismatch.String() {
		return ""
	}
	if !r.GetRepeated() {
		if code(first) != "ok" && out.Died {
			return s.first(in, out) // the refusal was forgotten with the process
		}
		return "a repeat that was not recognised"
	}
	if other {
		return "taken for a repeat though it asks for something else"
	}
	if diff := differs(first, r); diff != "" {
		return diff
	}
	if v := r.GetCapacity(); v != nil && !out.Retried {
		return s.capacityShown(v)
	}
	if h := r.GetHold(); h != nil && !out.Retried {
		if live := s.buyers[in.Buyer].live.id == h.GetId(); live != (h.GetState() == stateHeld) {
			return "a repeat shows a state that is not the present one"
		}
	}
	return ""
}

// fresh carries out an operation that was not answered before.
func (s *linearState) fresh(in *LinearInput, out *LinearOutput) string {
	r := out.Reply
	if in.Verb == engine.VerbCreate {
		if s.exists || code(r) != "ok" {
			return "created twice, or not at all"
		}
		s.exists = true
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

// hold is a hold, in the order of the refusals. What the buyer holds already counts as free and outside the limit.
func (s *linearState) hold(in *LinearInput, out *LinearOutput) string {
	r, b := out.Reply, &s.buyers[in.Buyer]
	wanted := in.GA + in.Pairs*linearPairUnit + ones(in.Seats)
	if s.paused {
		return wantCode(r, engine.CodeNotOnSale)
	}
	if b.sold+wanted > linearLimit {
		return wantCode(r, engine.CodeLimitReached)
	}
	s.give(&b.live)
	ga := min(in.GA, s.ga.free())
	pairs := min(in.Pairs, s.pairs.free()/linearPairUnit)
	seats := in.Seats &^ s.taken
	short, lost := ga < in.GA || pairs < in.Pairs, seats != in.Seats
	if !in.Best && linearSeats-ones(s.taken) < ones(in.Seats) {
		short = true // fewer seats are left than were chosen: sold out comes before taken
	}
	if (short || lost) && (!in.Best || ga+pairs+ones(seats) == 0) {
		if short {
			return wantCode(r, engine.CodeSoldOut)
		}
		return wantCode(r, engine.CodeSeatTaken)
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
	want := linearHold{id: got.id, ga: ga, pairs: pairs, seats: seats}
	if out.Retried && r.GetRepeated() && v.GetState() != stateHeld && len(v.GetItems()) == 0 {
		got = want // granted before the engine died and ended since: only id and total are kept of such a hold
	}
	if got != want || v.GetTotalMinor() != int64(ga+pairs+ones(seats))*linearMinor {
		return fmt.Sprintf("took %+v, must be %+v", got, want)
	}
	s.ga.held += ga
	s.pairs.held += pairs * linearPairUnit
	s.taken |= seats
	b.live = got
	return ""
}

// give puts what a hold has back on sale.
func (s *linearState) give(h *linearHold) {
	s.ga.held -= h.ga
	s.pairs.held -= h.pairs * linearPairUnit
	s.taken &^= h.seats
	*h = linearHold{}
}

// act is an extend, release or confirm of a hold that was granted to the buyer some time before.
func (s *linearState) act(in *LinearInput, r *pb.Reply) string {
	b := &s.buyers[in.Buyer]
	if b.live.id != in.Hold {
		return wantCode(r, engine.CodeHoldEnded)
	}
	if why := wantCode(r, engine.CodeOK); why != "" {
		return why
	}
	switch in.Verb { //nolint:exhaustive // its caller passes these only
	case engine.VerbRelease:
		s.give(&b.live)
	case engine.VerbConfirm:
		h := b.live
		units := h.ga + h.pairs*linearPairUnit + ones(h.seats)
		if o := r.GetOrder(); o.GetHold() != h.id || len(o.GetTickets()) != units || unitsOf(o.GetItems()) != int64(units) {
			return "the order is not what was held"
		}
		s.give(&b.live)
		s.ga.sold += h.ga
		s.pairs.sold += h.pairs * linearPairUnit
		s.taken |= h.seats
		s.sold |= h.seats
		s.orders++
		b.sold += units
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
	if v.GetCapacity() != int64(l.capacity) || v.GetFree() != int64(l.free()) || v.GetHeld() != int64(l.held) || v.GetSold() != int64(l.sold) || v.GetBlocked() != int64(l.blocked) {
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
	if v.GetState() != state.String() || v.GetOrders() != int64(s.orders) || v.GetHoldsLive() != int64(live) || len(v.GetLots()) != 3 {
		return "shows another state, other orders or other holds"
	}
	seats := linearLot{capacity: linearSeats, held: ones(s.taken &^ s.sold), sold: ones(s.sold)}
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

// seatBits turns labels A/1/1 to A/1/8 into bits, seatLabels the other way.
func seatBits(labels []string) (bits uint16) {
	for _, label := range labels {
		bits |= 1 << (label[len(label)-1] - '1')
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
