package measure

import (
	"encoding/binary"

	"github.com/holdfast-engine/holdfast/engine"
)

func (m *people) appendState(dst []byte) []byte {
	dst = append(binary.AppendUvarint(dst, uint64(len(m.heard))), m.heard...)
	dst = m.moments.appendState(dst)
	dst = m.persons.appendState(dst, func(dst []byte, p *personRow) []byte {
		dst = binary.AppendUvarint(binary.AppendVarint(dst, int64(p.firstAt)), uint64(p.moment))
		return append(binary.AppendUvarint(dst, uint64(p.place)), p.again)
	})
	dst = m.orders.appendState(dst, func(dst []byte, o *boughtRow) []byte {
		dst = binary.AppendUvarint(binary.AppendVarint(dst, int64(o.at)), uint64(o.moment))
		return binary.AppendUvarint(binary.AppendUvarint(dst, uint64(o.place)), uint64(o.marks))
	})
	dst = m.visits.appendState(dst, func(dst []byte, v *visitRow) []byte {
		dst = binary.AppendUvarint(binary.AppendVarint(dst, int64(v.lastAt)), uint64(v.moment))
		dst = binary.AppendUvarint(binary.AppendUvarint(dst, uint64(v.place)), uint64(v.lastPlace))
		return append(binary.AppendUvarint(dst, v.lastOrder), v.flags)
	})
	dst = m.asked.appendState(dst, func(dst []byte, a *askedRow) []byte {
		dst = binary.AppendUvarint(binary.AppendVarint(dst, int64(a.at)), uint64(a.event))
		return append(binary.AppendUvarint(binary.AppendUvarint(dst, uint64(a.moment)), uint64(a.place)), a.state)
	})
	dst = m.surveys.appendState(dst)
	for _, n := range [...]uint64{m.settled, m.watched[0], m.watched[1], m.watched[2]} {
		dst = binary.AppendUvarint(dst, n)
	}
	return binary.AppendVarint(dst, int64(m.wake))
}

func (m *people) readState(r *reader) {
	for range r.count(1) {
		m.heard = append(m.heard, r.byte())
	}
	if len(m.heard) > len(m.b.events) {
		r.fail("an event that is not there")
	}
	m.moments.readState(r)
	places := &m.moments.places
	m.persons.readState(r, func(r *reader, p *personRow) {
		*p = personRow{engine.Instant(r.int()), uint32(r.uint()), places.read(r), r.byte()}
	})
	m.orders.readState(r, func(r *reader, o *boughtRow) {
		*o = boughtRow{engine.Instant(r.int()), uint32(r.uint()), places.read(r), uint32(r.uint())}
	})
	m.visits.readState(r, func(r *reader, v *visitRow) {
		*v = visitRow{engine.Instant(r.int()), uint32(r.uint()), places.read(r), places.read(r), r.uint(), r.byte()}
		if v.lastOrder > m.orders.next() {
			r.fail("an order that is not there")
		}
	})
	m.asked.readState(r, func(r *reader, a *askedRow) {
		*a = askedRow{engine.Instant(r.int()), m.eventID(r), uint32(r.uint()), places.read(r), r.byte()}
	})
	m.surveys.readState(r, m)
	m.settled, m.watched = r.uint(), [retentions]uint64{r.uint(), r.uint(), r.uint()}
	m.wake = engine.Instant(r.int())
}

// eventID reads the number of an event.
func (m *people) eventID(r *reader) eventID {
	n := r.uint()
	if n >= uint64(len(m.b.events)) {
		r.fail("an event that is not there")
		return 0
	}
	return eventID(n)
}
