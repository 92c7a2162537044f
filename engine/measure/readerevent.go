package measure

import (
	"strconv"
	"strings"

	"github.com/holdfast-engine/holdfast/engine"
)

// told is what a reader keeps of an event.
type told struct {
	key      engine.Key
	people   uint64 // what hashes of its buyers begin with
	sessions uint64
	refs     uint64
	buyer    lastPerson // what one buyer does comes in groups
	whole    bool       // read from its first fact on
	observe  bool       // it sells elsewhere
	state    engine.EventState

	name, genre, currency, zone string

	stock  stock
	pools  []string // their ids
	prices []toldPrice
	sets   baskets

	holds   rows[toldHold]
	pending holdAlone // not told yet

	purchases rows[toldPurchase] // under way
	bought    sequence[uint32]   // the order of a purchase, 0 if it was not sold
	orders    sequence[toldOrder]
	refunds   sequence[toldRefund]
	voids     map[engine.OrderID][]uint32 // void tickets, by item, of orders that were refunded in part
}

// toldPrice is a price that a lot has or had.
type toldPrice struct {
	lot   uint32
	money Money // of a sale
}

func newTold(key engine.Key) *told {
	return &told{
		key: key, people: personIn(personBegin, "b", key.Account), sessions: personIn(personBegin, "s", key.Account), refs: personIn(personBegin, key.ID, key.Account),
	}
}

// lastPerson is the buyer that was asked for last.
type lastPerson struct {
	name   []byte
	person uint64
}

// person is a buyer of the event: see [PersonOf].
func (e *told) person(buyer string) uint64 {
	if last := &e.buyer; last.person == 0 || string(last.name) != buyer {
		last.name, last.person = append(last.name[:0], buyer...), max(personIn(e.people, buyer), 1)
	}
	return e.buyer.person
}

// ref is a request id, or a shop's own order: see [RefOf].
func (e *told) ref(id string) uint64 { return max(personIn(e.refs, id), 1) }

// set takes what an organiser says about an event.
func (r *Reader) set(e *told, f *engine.Fact) {
	s := f.Spec
	created := f.Kind == engine.FactCreated
	if created {
		e.whole, e.observe, e.state = true, s.Observe, engine.EventDraft
	}
	for _, t := range [...]struct {
		bit      engine.SpecFields
		to, from *string
	}{
		{engine.SetName, &e.name, &s.Name},
		{engine.SetGenre, &e.genre, &s.Genre},
		{engine.SetTimeZone, &e.zone, &s.TimeZone},
		{engine.SetCurrency, &e.currency, &s.Currency},
	} {
		if created || s.Set&t.bit != 0 {
			*t.to = *t.from
		}
	}
	entry := r.begin(KindEventSet, e, f.At)
	entry.Text, entry.On = strings.Join([]string{e.name, e.genre, e.currency, e.zone}, "\n"), e.observe
	r.emit()
	if !e.whole {
		r.unknown()
		return
	}
	e.lay(s)
	if created {
		entry = r.begin(KindRollout, e, f.At)
		entry.On, entry.Permille = !s.Pay.OneClickOff, 1000
		if s.Pay.HasOneClickShare || s.Pay.OneClickShare != 0 {
			entry.Permille = uint32(s.Pay.OneClickShare / 10) //nolint:mnd // hundredths of a percent
		}
		r.emit()
		if s.Open {
			r.turn(e, engine.EventOnSale, f.At)
		}
		return
	}
	if len(s.Lots)+len(s.Pools) > 0 {
		r.begin(KindCapacity, e, f.At).Text = "lots changed"
		r.emit()
	}
}

// lay adds pools, lots and prices that are new.
func (e *told) lay(s *engine.EventSpec) {
	st := &e.stock
	for i := range s.Pools {
		p := toldPool{}
		p.place[shareFree] = s.Pools[i].Capacity
		st.pools, e.pools = append(st.pools, p), append(e.pools, s.Pools[i].Pool)
	}
	for i := range s.Lots {
		l := &s.Lots[i]
		if n := st.named(l.Lot); n >= 0 {
			e.reprice(uint32(n), l)
			continue
		}
		lot := toldLot{name: l.Lot, units: max(1, l.Units), price: Money{FaceMinor: l.FaceMinor, FeesMinor: feesOf(l), TaxMinor: l.TaxMinor}, after: l.After != ""}
		for _, id := range l.Pools {
			for n := range e.pools {
				if e.pools[n] == id {
					lot.pools = append(lot.pools, uint32(n))
				}
			}
		}
		capacity := l.Capacity
		if len(l.Rows) > 0 {
			capacity = l.SeatCount()
		}
		st.lots = append(st.lots, lot)
		e.price(uint32(len(st.lots) - 1))
		st.resize(uint32(len(st.lots)-1), capacity)
	}
	st.changed, st.recount = true, true
}

func feesOf(l *engine.LotSpec) (sum int64) {
	for i := range l.Fees {
		sum += l.Fees[i].Minor
	}
	return sum
}

// reprice changes the price of a lot.
func (e *told) reprice(lot uint32, l *engine.LotSpec) {
	p := &e.stock.lots[lot].price
	if l.Set&engine.SetLotFace != 0 {
		p.FaceMinor = l.FaceMinor
	}
	if l.Set&engine.SetLotFees != 0 {
		p.FeesMinor = feesOf(l)
	}
	if l.Set&engine.SetLotTax != 0 {
		p.TaxMinor = l.TaxMinor
	}
	if l.Set&(engine.SetLotFace|engine.SetLotFees|engine.SetLotTax) != 0 {
		e.price(lot)
	}
}

// price adds the present price of a lot.
func (e *told) price(lot uint32) {
	m := e.stock.lots[lot].price
	m.TotalMinor = m.FaceMinor + m.FeesMinor
	e.prices = append(e.prices, toldPrice{lot: lot, money: m})
}

// priced takes that a lot has a price with a code: as another one, but for what the code takes off.
func (r *Reader) priced(e *told, f *engine.Fact) {
	if int(f.Price) >= len(e.prices) {
		r.unknown()
		return
	}
	p := e.prices[f.Price]
	p.money.FaceMinor, p.money.TaxMinor = f.FaceMinor, f.TaxMinor
	p.money.TotalMinor = p.money.FaceMinor + p.money.FeesMinor
	e.prices = append(e.prices, p)
}

// turned takes that an event was opened, paused, closed, cancelled or archived.
func (r *Reader) turned(e *told, f *engine.Fact) {
	switch f.Kind { //nolint:exhaustive // Reader.fact hands over no others
	case engine.FactOpened:
		r.turn(e, engine.EventOnSale, f.At)
	case engine.FactPaused:
		r.turn(e, engine.EventPaused, f.At)
	case engine.FactClosed:
		r.turn(e, engine.EventClosed, f.At)
	case engine.FactCancelled:
		r.turn(e, engine.EventCancelled, f.At)
	case engine.FactArchived:
		r.turn(e, engine.EventArchived, f.At)
		delete(r.events, e.key)
		r.last = nil
	}
}

func (r *Reader) turn(e *told, to engine.EventState, at engine.Instant) {
	e.state = to
	r.begin(KindState, e, at).State = to
	r.emit()
}

// resized takes that somebody has blocked or unblocked tickets, or changed a capacity.
func (r *Reader) resized(e *told, f *engine.Fact) {
	st := &e.stock
	if f.Pool && int(f.Place) >= len(st.pools) || !f.Pool && int(f.Place) >= len(st.lots) {
		r.unknown()
		return
	}
	name, what := "", ""
	from, to := shareFree, shareBlocked
	if f.Kind == engine.FactUnblocked {
		from, to = shareBlocked, shareFree
	}
	if f.Pool {
		name = "pool " + e.pools[f.Place]
	} else {
		name = "lot " + st.lots[f.Place].name
	}
	switch {
	case f.Kind == engine.FactResized && f.Pool:
		p := &st.pools[f.Place].place
		p[shareFree] += f.Units - p.capacity()
	case f.Kind == engine.FactResized:
		st.resize(f.Place, f.Units)
	case f.Pool:
		st.pools[f.Place].place[from] -= f.Units
		st.pools[f.Place].place[to] += f.Units
	default:
		st.move(f.Place, f.Units, from, to)
	}
	switch f.Kind { //nolint:exhaustive // Reader.fact hands over no others
	case engine.FactBlocked:
		what = " blocked of "
	case engine.FactUnblocked:
		what = " unblocked of "
	case engine.FactResized:
		what = " is the capacity of "
	}
	st.changed, st.recount = true, true
	r.begin(KindCapacity, e, f.At).Text = strconv.FormatInt(f.Units, 10) + what + name
	r.entry.Units = f.Units
	r.emit()
}

// tierOpened takes that a tier opened.
func (r *Reader) tierOpened(e *told, f *engine.Fact) {
	if int(f.Place) >= len(e.stock.lots) {
		r.unknown()
		return
	}
	e.stock.open(f.Place)
	r.begin(KindTier, e, f.At).Text = e.stock.lots[f.Place].name
	r.emit()
}

// tallied takes the refusals since the tally before.
func (r *Reader) tallied(e *told, f *engine.Fact) {
	for _, n := range f.Refusals {
		entry := r.begin(KindRefused, e, f.At)
		entry.Code, entry.Flow, entry.HasFlow, entry.Count = n.Code, n.Flow, true, int64(n.Count)
		r.emit()
	}
}

// timed takes how long answers took.
func (r *Reader) timed(e *told, t *engine.Timed, at engine.Instant) {
	entry := r.begin(KindTimed, e, at)
	r.times = Times{Class: t.Class, Failure: Failure(t.Failure), Flow: t.Flow, Buckets: t.Buckets}
	entry.Times, entry.Failure, entry.Flow, entry.HasFlow = &r.times, Failure(t.Failure), t.Flow, true
	r.emit()
	r.handOver() // the next fact has its times in the same place
}

// verbDisputed is in the audit when a gateway says that a charge of ours is disputed.
const verbDisputed = "charge_dispute_opened"

// nodeFact takes a fact of the node: what a gateway told of a dispute is about an order of ours.
func (r *Reader) nodeFact(f *engine.Fact) {
	if f.Kind != engine.FactAudited {
		return
	}
	a := f.Audit
	if a.Verb != verbDisputed {
		return
	}
	var event string
	var purchase engine.PurchaseID
	for _, word := range strings.Fields(a.Arguments) {
		if name, value, _ := strings.Cut(word, "="); name == "event" {
			event = value
		} else if name == "purchase" {
			purchase, _, _ = engine.ParsePurchaseID(value)
		}
	}
	e := r.events[engine.Key{Account: a.Account, Kind: engine.KindEvent, ID: event}]
	if e == nil {
		r.unknown()
		return
	}
	order, row := e.orderOf(purchase)
	if row == nil {
		r.unknown()
		return
	}
	r.begin(KindDisputed, e, f.At)
	r.ofOrder(e, order, row)
	r.emit()
}
