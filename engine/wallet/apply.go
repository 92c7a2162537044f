package wallet

import (
	"slices"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
)

// apply changes the state as a fact says. It cannot fail. It never changes a row or a list that somebody may be reading: it puts others in their place.
func (s *Shard) apply(f *fact, at engine.Instant) {
	s.seq++
	s.lastAt = max(s.lastAt, at)
	if f.kind == kindProved {
		return
	}
	old := s.buyers[f.buyer]
	s.changed = append(s.changed, f.buyer)
	if old != nil {
		s.hash -= old.hash
		if old.Erasing {
			s.erasing--
		}
	}
	if f.kind == kindErased {
		delete(s.buyers, f.buyer)
		return
	}
	b := new(Buyer)
	if old != nil {
		*b = *old
	} else {
		b.ID = cloneID(f.buyer)
	}
	b.apply(f)
	b.hash = b.rowHash()
	s.buyers[b.ID] = b
	s.hash += b.hash
	if b.Erasing {
		s.erasing++
	}
}

func (b *Buyer) apply(f *fact) {
	switch f.kind {
	case kindSaved:
		b.save(f)
	case kindRemoved, kindLost:
		i := b.find(f.number)
		b.Methods = slices.Delete(slices.Clone(b.Methods), i, i+1)
		if b.Default == f.number {
			b.Default = 0
			if n := len(b.Methods); n > 0 {
				b.Default = b.Methods[n-1].Number
			}
		}
		if f.kind == kindLost { // the save that it answers was never acknowledged: the caller may repeat it
			b.requests = slices.DeleteFunc(slices.Clone(b.requests), func(r request) bool { return r.verb == VerbSave && r.method == f.number })
		}
	case kindDefaulted:
		b.Default = f.number
	case kindAgreed:
		b.Agreements[f.scope] = f.agreement
	case kindPurchased:
		b.buy(f)
	case kindBlocked:
		b.change(f.number, func(m *Method) { m.Blocked = f.method.Blocked })
	case kindErasing:
		b.Erasing = true
	case kindImported:
		b.Purchases, b.LastMs = max(b.Purchases, f.purchases), max(b.LastMs, f.wallMs)
	case kindSealed, kindErased, kindProved:
	}
	b.remember(f)
}

// save puts a method, or its new details, among the buyer's.
func (b *Buyer) save(f *fact) {
	if old := b.method(f.number); old != nil {
		b.change(f.number, func(m *Method) {
			was := *m
			*m = f.method
			m.SavedMs = was.SavedMs
			if m.Fingerprint == 0 {
				m.Fingerprint = was.Fingerprint
			}
			// What was declined for good stays so, whatever is said of it, unless it was for its age.
			if m.Blocked = was.Blocked; was.Blocked == payment.DeclineExpired && (m.Expiry == 0 || m.Expiry > was.Expiry) {
				m.Blocked = payment.DeclineNone
			}
		})
	} else {
		b.Methods = append(slices.Clone(b.Methods), f.method)
		b.last = f.number
	}
	if f.makeDefault || b.Default == 0 {
		b.Default = f.number
	}
	b.see(f.device, f.wallMs)
}

// change changes a method in a new list.
func (b *Buyer) change(number uint32, change func(*Method)) {
	b.Methods = slices.Clone(b.Methods)
	change(&b.Methods[b.find(number)])
}

// see notes that a device was seen.
func (b *Buyer) see(device uint64, wallMs int64) {
	if device == 0 {
		return
	}
	list := slices.DeleteFunc(slices.Clone(b.Devices), func(d Device) bool { return d.Hash == device })
	if len(list) >= DevicesPerBuyerMax {
		list = list[1:]
	}
	b.Devices = append(list, Device{Hash: device, SeenMs: wallMs})
}

// buy notes an order, or what became of it.
func (b *Buyer) buy(f *fact) {
	p := f.purchase
	p.Event, p.Order, p.Currency = cloneID(p.Event), cloneID(p.Order), cloneID(p.Currency)
	p.Device = 0
	b.History = slices.Clone(b.History)
	counted := false
	if i := b.order(p.Event, p.Order); i >= 0 {
		counted = !b.History[i].Undone
		b.History[i] = p
	} else {
		if len(b.History) >= HistoryPerBuyerMax {
			b.History = slices.Delete(b.History, 0, 1)
		}
		b.History = append(b.History, p)
		b.see(f.device, p.AtMs)
	}
	switch { // what was taken back is no completed purchase
	case counted && p.Undone:
		b.Purchases--
	case !counted && !p.Undone:
		b.Purchases++
		b.LastMs = max(b.LastMs, p.AtMs)
	}
}

func (b *Buyer) order(event, order string) int {
	return slices.IndexFunc(b.History, func(p Purchase) bool { return p.Order == order && p.Event == event })
}

// verbOf is the verb of callers that a fact answers.
func (f *fact) verbOf() Verb {
	switch f.kind {
	case kindSaved:
		return VerbSave
	case kindRemoved:
		return VerbRemove
	case kindDefaulted:
		return VerbDefault
	case kindAgreed:
		return VerbAgree
	case kindErasing:
		return VerbErase
	case kindPurchased, kindBlocked, kindErased, kindImported, kindLost, kindSealed, kindProved:
	}
	return 0
}

// remember keeps the request that a fact answers.
func (b *Buyer) remember(f *fact) {
	if f.asked.id == "" {
		return
	}
	list := slices.Clone(b.requests)
	if len(list) >= RequestsPerBuyerMax {
		list = list[1:]
	}
	b.requests = append(list, request{id: cloneID(f.asked.id), print: f.asked.print, verb: f.verbOf(), method: f.number})
}
