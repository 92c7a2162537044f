package measure

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
)

// readerVersion is the first byte of a reader's state.
const readerVersion = 1

// AppendState appends everything the reader keeps, in one order only: readers that have read the same have equal bytes.
//
//	| version | partial | channels | n | n events, in the order of their keys |
func (r *Reader) AppendState(dst []byte) []byte {
	dst = binary.AppendUvarint(append(dst, readerVersion), r.partial)
	dst = binary.AppendUvarint(dst, uint64(len(r.texts.list)))
	for _, word := range r.texts.list {
		dst = appendString(dst, word)
	}
	keys := slices.SortedFunc(maps.Keys(r.events), func(a, b engine.Key) int {
		return firstOf(strings.Compare(a.Account, b.Account), strings.Compare(a.ID, b.ID))
	})
	dst = binary.AppendUvarint(dst, uint64(len(keys)))
	for _, key := range keys {
		dst = r.events[key].appendState(dst)
	}
	return dst
}

// ReadState reads what AppendState wrote into a new reader, and returns what follows it. A state of another version, or one that does not fit together, is
// refused: what it was is made anew from the log.
func (r *Reader) ReadState(state []byte) ([]byte, error) {
	if len(state) == 0 || state[0] != readerVersion {
		return nil, fmt.Errorf("%w: it is of another version", errMalformed)
	}
	d := &reader{buf: state[1:]}
	r.partial = d.uint()
	for range d.count(1) {
		before := len(r.texts.list)
		if word := d.string(); word == "" || int(r.texts.of(word)) != before+1 {
			d.fail("a channel twice, or one too many")
		}
	}
	for range d.count(20) { //nolint:mnd // bytes that an event takes at least
		e := readTold(d, len(r.texts.list))
		if r.events[e.key] != nil {
			d.fail("an event twice")
		}
		r.events[e.key] = e
	}
	if err := d.err(); err != nil {
		return nil, err
	}
	return d.buf, nil
}

// firstOf is the first of two comparisons that says something.
func firstOf(a, b int) int {
	if a != 0 {
		return a
	}
	return b
}

func appendInts(dst []byte, list ...int64) []byte {
	for _, n := range list {
		dst = binary.AppendVarint(dst, n)
	}
	return dst
}

func appendUints(dst []byte, list ...uint64) []byte {
	for _, n := range list {
		dst = binary.AppendUvarint(dst, n)
	}
	return dst
}

func flag64(v bool) uint64 { return uint64(flag(v)) }

func appendMoney(dst []byte, m *Money) []byte {
	return appendInts(dst, m.FaceMinor, m.FeesMinor, m.TaxMinor, m.TotalMinor)
}

func (r *reader) money() Money { return Money{r.int(), r.int(), r.int(), r.int()} }

func (r *reader) place() (p place) {
	for i := range p {
		p[i] = r.int()
	}
	return p
}

// below reads a number that has to be below another.
func (r *reader) below(end uint64) uint64 {
	n := r.uint()
	if n >= end {
		r.fail("a number is too large")
		return 0
	}
	return n
}

func (e *told) appendState(dst []byte) []byte {
	for _, text := range [...]string{e.key.Account, e.key.ID, e.name, e.genre, e.currency, e.zone} {
		dst = appendString(dst, text)
	}
	dst = appendUints(dst, flag64(e.whole), flag64(e.observe), uint64(e.state), uint64(len(e.pools)))
	for i := range e.pools {
		dst = appendInts(appendString(dst, e.pools[i]), e.stock.pools[i].place[:]...)
	}
	dst = appendUints(dst, uint64(len(e.stock.lots)))
	for i := range e.stock.lots {
		l := &e.stock.lots[i]
		dst = appendMoney(appendInts(appendString(dst, l.name), l.place[:]...), &l.price)
		dst = appendUints(dst, uint64(l.units), flag64(l.after), uint64(len(l.pools)))
		for _, p := range l.pools {
			dst = appendUints(dst, uint64(p))
		}
	}
	dst = appendUints(dst, uint64(len(e.prices)))
	for i := range e.prices {
		dst = appendMoney(appendUints(dst, uint64(e.prices[i].lot)), &e.prices[i].money)
	}
	dst = appendUints(dst, uint64(e.holds.n))
	for _, id := range e.holds.numbers() {
		h := e.holds.find(id)
		dst = appendUints(dst, id, h.person, uint64(h.channel), uint64(h.device), uint64(h.flow))
		dst = e.appendBasket(dst, h.basket)
	}
	dst = appendUints(dst, uint64(e.purchases.n))
	for _, id := range e.purchases.numbers() {
		p := e.purchases.find(id)
		dst = appendUints(dst, id, uint64(p.hold), uint64(p.since), uint64(p.method), uint64(p.channel), uint64(p.device), uint64(p.stage), flag64(p.acted))
	}
	return e.appendOrders(dst)
}

func (e *told) appendOrders(dst []byte) []byte {
	dst = appendUints(dst, e.bought.first, uint64(len(e.bought.list)))
	for _, order := range e.bought.list {
		dst = appendUints(dst, uint64(order))
	}
	dst = appendUints(dst, e.orders.first, uint64(len(e.orders.list)))
	for i := range e.orders.list {
		o := &e.orders.list[i]
		dst = appendUints(dst, o.person, uint64(o.purchase), uint64(o.ticket), uint64(o.refund), uint64(o.channel), uint64(o.device), uint64(o.method), uint64(o.flow), uint64(o.flags))
		dst = e.appendBasket(dst, o.basket)
	}
	dst = appendUints(dst, e.refunds.first, uint64(len(e.refunds.list)))
	for i := range e.refunds.list {
		f := &e.refunds.list[i]
		dst = appendUints(appendInts(dst, f.amount), uint64(f.order), uint64(f.older), flag64(f.byBuyer), flag64(f.done))
	}
	dst = appendUints(dst, uint64(len(e.voids)))
	for _, id := range slices.Sorted(maps.Keys(e.voids)) {
		dst = appendUints(dst, uint64(id))
		for _, n := range e.voids[id] {
			dst = appendUints(dst, uint64(n))
		}
	}
	return dst
}

// appendBasket appends what a basket has; of none, 0.
func (e *told) appendBasket(dst []byte, id uint32) []byte {
	if id == 0 {
		return append(dst, 0)
	}
	items := e.sets.list[id-1].items
	dst = appendUints(dst, uint64(len(items)))
	for _, it := range items {
		dst = appendUints(dst, uint64(it.price), uint64(it.sales))
	}
	return dst
}

// basketOf reads a basket; 0 is none.
func (e *told) basketOf(d *reader, items []engine.FactItem) uint32 {
	n := d.count(2)
	items = items[:0]
	for range n {
		items = append(items, engine.FactItem{Price: uint32(d.below(1 << 32)), Sales: uint32(d.below(1 << 32))})
	}
	if n == 0 {
		return 0
	}
	id := e.sets.take(items, e)
	if id == 0 {
		d.fail("a basket of what there is not")
	}
	return id
}

func readTold(d *reader, channels int) *told {
	e := newTold(engine.Key{Account: d.string(), Kind: engine.KindEvent, ID: d.string()})
	e.name, e.genre, e.currency, e.zone = d.string(), d.string(), d.string(), d.string()
	e.whole, e.observe, e.state = d.below(2) == 1, d.below(2) == 1, engine.EventState(d.below(256)) //nolint:mnd // a bit, a byte
	e.readLayout(d)
	var items []engine.FactItem
	end := uint64(channels) + 1
	for range d.count(7) { //nolint:mnd // bytes that a hold takes at least
		id := d.uint()
		h := toldHold{person: d.uint(), channel: uint16(d.below(end)), device: engine.Device(d.below(256)), flow: holdFlow(d.below(256))}
		if h.basket = e.basketOf(d, items); h.basket == 0 || id == 0 || e.holds.find(id) != nil {
			d.fail("a hold of nothing, or twice")
			return e
		}
		*e.holds.put(id) = h
	}
	for range d.count(8) { //nolint:mnd // bytes that a purchase takes
		id := d.uint()
		p := toldPurchase{
			hold: engine.HoldID(d.uint()), since: engine.Instant(d.uint()), method: payment.MethodKind(d.below(256)), channel: uint16(d.below(end)),
			device: engine.Device(d.below(256)), stage: stage(d.below(uint64(stages))), acted: d.below(2) == 1,
		}
		if id == 0 || e.purchases.find(id) != nil {
			d.fail("a purchase twice")
			return e
		}
		*e.purchases.put(id) = p
	}
	e.readOrders(d, end)
	return e
}

// readLayout reads pools, lots and prices.
func (e *told) readLayout(d *reader) {
	for range d.count(1 + int(shares)) {
		e.pools = append(e.pools, d.string())
		e.stock.pools = append(e.stock.pools, toldPool{place: d.place()})
	}
	for range d.count(12) { //nolint:mnd // bytes that a lot takes at least
		l := toldLot{name: d.string(), place: d.place(), price: d.money(), units: int64(d.below(1 << 32)), after: d.below(2) == 1}
		for range d.count(1) {
			l.pools = append(l.pools, uint32(d.below(uint64(len(e.pools)))))
		}
		if l.units == 0 {
			d.fail("a lot of nothing")
			return
		}
		e.stock.lots = append(e.stock.lots, l)
		for i, n := range l.place {
			e.stock.sums[i] += n
		}
		if len(l.pools) == 0 {
			e.stock.free += l.buyable(l.place[shareFree])
		}
	}
	e.stock.recount = true
	for range d.count(5) { //nolint:mnd // bytes that a price takes at least
		e.prices = append(e.prices, toldPrice{lot: uint32(d.below(uint64(len(e.stock.lots)))), money: d.money()})
	}
}

func (e *told) readOrders(d *reader, channels uint64) {
	e.bought.first = d.uint()
	for range d.count(1) {
		e.bought.list = append(e.bought.list, uint32(d.below(1<<32)))
	}
	var items []engine.FactItem
	e.orders.first = d.uint()
	for range d.count(10) { //nolint:mnd // bytes that an order takes at least
		o := toldOrder{
			person: d.uint(), purchase: uint32(d.below(1 << 32)), ticket: uint32(d.below(1 << 32)), refund: uint32(d.below(1 << 32)), channel: uint16(d.below(channels)),
			device: engine.Device(d.below(256)), method: payment.MethodKind(d.below(256)), flow: engine.Flow(d.below(engine.Flows)), flags: orderFlags(d.below(uint64(orderFlagsEnd))),
		}
		o.basket = e.basketOf(d, items)
		e.orders.list = append(e.orders.list, o)
	}
	e.refunds.first = d.uint()
	for range d.count(5) { //nolint:mnd // bytes that a refund takes at least
		f := toldRefund{amount: d.int(), order: uint32(d.below(1 << 32)), older: uint32(d.below(1 << 32)), byBuyer: d.below(2) == 1, done: d.below(2) == 1}
		if uint64(f.older) >= e.refunds.first+uint64(len(e.refunds.list)) && f.older != 0 {
			d.fail("a refund before itself")
		}
		e.refunds.list = append(e.refunds.list, f)
	}
	n := d.count(2)
	if n > 0 {
		e.voids = make(map[engine.OrderID][]uint32)
	}
	for range n {
		id := engine.OrderID(d.uint())
		row := e.orders.at(uint64(id))
		if row == nil || row.basket == 0 || e.voids[id] != nil {
			d.fail("void tickets of no order")
			return
		}
		gone := make([]uint32, len(e.sets.list[row.basket-1].items))
		for i := range gone {
			gone[i] = uint32(d.below(1 << 32))
		}
		e.voids[id] = gone
	}
}
