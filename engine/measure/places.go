package measure

import (
	"encoding/binary"
	"slices"
)

// places numbers the sets of series that something counts in, so that what is known of it later counts in the same. Beyond the bound a new one is told apart
// by account and event only: what counts there is in no series of a flow, device, method, channel, hour or genre.
type places struct {
	max  int
	ends []uint32 // of each place in flat
	flat []seriesID
	by   map[uint64]uint32 // hash of the series -> place
	last uint32            // asked for last, and one: what becomes of something often counts where it began
}

func newPlaces(max int) places { return places{max: max, by: make(map[uint64]uint32)} }

func (p *places) series(place uint32) []seriesID {
	from := uint32(0)
	if place > 0 {
		from = p.ends[place-1]
	}
	return p.flat[from:p.ends[place]]
}

// of returns the number of a set of series, made if need be.
func (p *places) of(in []seriesID) uint32 {
	if p.last > 0 && slices.Equal(p.series(p.last-1), in) {
		return p.last - 1
	}
	place, hash, ok := p.find(in)
	if ok {
		p.last = place + 1
		return place
	}
	if len(p.ends) >= p.max && len(in) > seriesWhole {
		return p.of(in[:seriesWhole])
	}
	p.flat = append(p.flat, in...)
	p.ends = append(p.ends, uint32(len(p.flat)))
	place = uint32(len(p.ends) - 1)
	p.by[hash] = place
	return place
}

// seriesWhole is how many series come first in every set: those of the account and of the event.
const seriesWhole = 2

// find returns the place of a set, or the hash under which it can be put.
func (p *places) find(in []seriesID) (place uint32, hash uint64, ok bool) {
	for _, id := range in {
		hash = (hash ^ uint64(id)) * 0x9e3779b97f4a7c15
		hash ^= hash >> 32
	}
	for ; ; hash++ {
		if place, ok = p.by[hash]; !ok || slices.Equal(p.series(place), in) {
			return place, hash, ok
		}
	}
}

func (p *places) appendState(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(p.ends)))
	for i := range p.ends {
		in := p.series(uint32(i))
		dst = binary.AppendUvarint(dst, uint64(len(in)))
		for _, id := range in {
			dst = binary.AppendUvarint(dst, uint64(id))
		}
	}
	return dst
}

func (p *places) readState(r *reader) {
	var in []seriesID
	for range r.count(1) {
		in = in[:0]
		for range r.count(1) {
			in = append(in, seriesID(r.uint()))
		}
		if _, hash, ok := p.find(in); ok {
			r.fail("a place twice")
		} else {
			p.flat = append(p.flat, in...)
			p.ends = append(p.ends, uint32(len(p.flat)))
			p.by[hash] = uint32(len(p.ends) - 1)
		}
	}
}

// read reads the number of a place.
func (p *places) read(r *reader) uint32 {
	n := r.uint()
	if n >= uint64(len(p.ends)) {
		r.fail("a place that is not there")
		return 0
	}
	return uint32(n)
}
