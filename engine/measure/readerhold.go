package measure

import (
	"encoding/binary"
	"slices"

	"github.com/holdfast-engine/holdfast/engine"
)

// basket is what some holds and orders have: the same one is kept once. With its price it has its money, so that each hold needs its number only.
type basket struct {
	items []basketItem
	units int64 // tickets
	money Money
	refs  uint32 // holds and orders; 0: free
}

type basketItem struct {
	price, sales, lot uint32
	units             int64
}

// baskets numbers baskets, from 1. Those that nobody has any more give their numbers back.
type baskets struct {
	list   []basket
	single rows[uint32]      // one item: by price and sales
	more   map[string]uint32 // by all of their items
	free   []uint32
	key    []byte
}

// take returns the number of a basket with one more reference, 0 if there is no such price.
func (b *baskets) take(items []engine.FactItem, e *told) uint32 {
	if len(items) == 0 || slices.ContainsFunc(items, func(it engine.FactItem) bool { return int(it.Price) >= len(e.prices) || it.Sales == 0 }) {
		return 0
	}
	id := b.number(items)
	if *id == 0 {
		if n := len(b.free); n > 0 {
			*id, b.free = b.free[n-1], b.free[:n-1]
		} else {
			b.list = append(b.list, basket{})
			*id = uint32(len(b.list))
		}
		b.list[*id-1] = e.basket(items)
		if len(items) > 1 {
			b.more[string(b.key)] = *id
		}
	}
	b.list[*id-1].refs++
	return *id
}

// number finds where the number of a basket is, or has to be put.
func (b *baskets) number(items []engine.FactItem) *uint32 {
	if len(items) == 1 {
		return b.single.put(uint64(items[0].Price)<<32 | uint64(items[0].Sales))
	}
	if b.more == nil {
		b.more = make(map[string]uint32)
	}
	b.key = b.key[:0]
	for _, it := range items {
		b.key = binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(b.key, it.Price), it.Sales)
	}
	id := b.more[string(b.key)]
	return &id
}

// drop gives a reference back.
func (b *baskets) drop(id uint32) {
	s := &b.list[id-1]
	if s.refs--; s.refs > 0 {
		return
	}
	if len(s.items) == 1 {
		b.single.drop(uint64(s.items[0].price)<<32 | uint64(s.items[0].sales))
	} else {
		b.key = b.key[:0]
		for _, it := range s.items {
			b.key = binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(b.key, it.price), it.sales)
		}
		delete(b.more, string(b.key))
	}
	*s = basket{}
	b.free = append(b.free, id)
}

// basket is what items have together.
func (e *told) basket(items []engine.FactItem) basket {
	b := basket{items: make([]basketItem, len(items))}
	for i, it := range items {
		p := &e.prices[it.Price]
		n := int64(it.Sales)
		b.items[i] = basketItem{price: it.Price, sales: it.Sales, lot: p.lot, units: n * e.stock.lots[p.lot].units}
		b.units += b.items[i].units
		b.money.FaceMinor += n * p.money.FaceMinor
		b.money.FeesMinor += n * p.money.FeesMinor
		b.money.TaxMinor += n * p.money.TaxMinor
		b.money.TotalMinor += n * p.money.TotalMinor
	}
	return b
}

// toldHold is a live hold: 16 bytes.
type toldHold struct {
	person  uint64
	basket  uint32
	channel uint16
	device  engine.Device
	flow    holdFlow
}

// holdFlow is a flow, and whether the hold is being paid.
type holdFlow uint8

const holdPaying holdFlow = 1 << 7

func (f holdFlow) flow() engine.Flow { return engine.Flow(f &^ holdPaying) }

func (h *toldHold) in() share {
	if h.flow&holdPaying != 0 {
		return sharePaying
	}
	return shareHeld
}

// holdAlone is a hold that nobody asked for by itself: a purchase, or a payment that came late, follows in the same run.
type holdAlone struct {
	hold, replaces engine.HoldID
	at             engine.Instant
}

// held takes that a hold was granted.
func (r *Reader) held(e *told, f *engine.Fact) {
	if f.Replaces != 0 {
		if old := e.holds.find(uint64(f.Replaces)); old != nil {
			r.end(e, f.Replaces, old, shareFree)
		}
	}
	id := uint32(0)
	if f.Hold != 0 {
		id = e.sets.take(f.Items, e)
	}
	if id == 0 {
		r.unknown()
		return
	}
	row := e.holds.put(uint64(f.Hold))
	*row = toldHold{person: e.person(f.Buyer), basket: id, channel: r.texts.of(f.Channel), device: f.Device}
	e.stock.moveAll(&e.sets.list[id-1], shareFree, shareHeld)
	if f.RequestID == "" {
		e.pending = holdAlone{hold: f.Hold, replaces: f.Replaces, at: f.At}
		return
	}
	r.tellHeld(e, f.Hold, f.Replaces, row, f.At)
}

func (r *Reader) tellHeld(e *told, id, replaces engine.HoldID, row *toldHold, at engine.Instant) {
	r.ofHold(KindHeld, e, id, row, at).Replaces = replaces
	r.emit()
}

// heldBy tells a hold that nobody asked for by itself: f is the fact behind it, nil if there is none in its run.
func (r *Reader) heldBy(e *told, f *engine.Fact) {
	p := e.pending
	e.pending = holdAlone{}
	row := e.holds.find(uint64(p.hold))
	if f != nil && f.Kind == engine.FactBuying && f.Hold == p.hold {
		row.flow = holdFlow(f.Flow)
	}
	r.tellHeld(e, p.hold, p.replaces, row, p.at)
}

// ofHold begins an entry about a hold.
func (r *Reader) ofHold(kind Kind, e *told, id engine.HoldID, row *toldHold, at engine.Instant) *Entry {
	entry := r.begin(kind, e, at)
	b := &e.sets.list[row.basket-1]
	entry.Hold, entry.Person, entry.Units, entry.Money = id, row.person, b.units, b.money
	entry.Flow, entry.HasFlow, entry.Device, entry.Channel = row.flow.flow(), true, row.device, r.texts.text(row.channel)
	return entry
}

// end takes a live hold out: its tickets go to a share.
func (r *Reader) end(e *told, id engine.HoldID, row *toldHold, to share) {
	e.stock.moveAll(&e.sets.list[row.basket-1], row.in(), to)
	if to == shareFree {
		e.sets.drop(row.basket)
	}
	e.holds.drop(uint64(id))
}

// holdEnded takes that a hold was released, or that its deadline passed.
func (r *Reader) holdEnded(e *told, f *engine.Fact) {
	row := e.holds.find(uint64(f.Hold))
	if row == nil {
		r.unknown()
		return
	}
	r.tellEnded(e, f.Hold, row, f.At, f.Kind == engine.FactExpired)
}

func (r *Reader) tellEnded(e *told, id engine.HoldID, row *toldHold, at engine.Instant, expired bool) {
	r.ofHold(KindHoldEnded, e, id, row, at).Expired = expired
	r.end(e, id, row, shareFree)
	r.emit()
}

// late takes a payment that came after its hold had expired: of one that could not be taken nothing else is in the log.
func (r *Reader) late(e *told, f *engine.Fact) {
	if f.Replaces != 0 {
		return // the hold that was granted in its place, and its order, are told
	}
	for _, kind := range [...]Kind{KindAttempted, KindReleased} {
		entry := r.begin(kind, e, f.At)
		entry.Hold, entry.HasFlow = f.Hold, true
		if kind == KindReleased {
			entry.Failure, entry.Code = FailureStock, engine.CodeLateNotPossible
		}
		r.emit()
	}
}

// offered takes that a buyer was shown the one-click button.
func (r *Reader) offered(e *told, f *engine.Fact) {
	entry := r.begin(KindOffered, e, f.At)
	entry.Person, entry.Device, entry.Channel = e.person(f.Buyer), f.Device, f.Channel
	entry.OneClick, entry.Variant, entry.AmountMinor = true, VariantIn, f.TotalMinor
	r.emit()
}
