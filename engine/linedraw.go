package engine

import (
	"encoding/binary"
	"math/bits"
	"slices"

	"github.com/holdfast-engine/holdfast/engine/line"
)

// The draw puts the entries of the lobby into the order of their keys, some in each step, so that no step takes long:
//
//	0 .. entries                    the key of each entry is made, and the entry put into a bucket by the key's first bits
//	.. + buckets                    each bucket in turn is sorted, and its entries get the next places
//	.. + entries that came later    those who joined after the lobby had closed are put behind them
//
// A fact only says how far it has come: the places follow from seed, root, value and entries, for a replay as for anybody else.

// bucketEntries is how many entries are in a bucket on average.
const bucketEntries = 8

const (
	drawSliceMax = 1 << 12 // of one fact
	keysSlice    = 1 << 10 // keys that one step makes: some 700 microseconds
	bucketsSlice = 1 << 7  // buckets that one step sorts: some 1,000 entries
	laterSlice   = 1 << 12
)

// draw is a draw under way.
type draw struct {
	done   uint64 // of the work above
	placed uint32 // entries that have places
	keys   slab[line.Key]
	heads  []uint32 // by bucket: slot + 1 of the entry that was put in last; the others follow by their links
	shift  uint
	maker  *line.Draw
	bucket []uint32 // scratch
}

// factDrawn says how far the draw has come.
//
//	| 67 | work done |
type factDrawn struct{ to uint64 }

func (f *factDrawn) append(dst []byte) []byte {
	return binary.AppendUvarint(append(dst, byte(kindDrawn)), f.to)
}

// beginDraw prepares the draw of a line whose seed is known.
func (e *Event) beginDraw() {
	l := e.line
	l.phase = LineDrawing
	width := bits.Len32(l.entries / bucketEntries)
	l.draw = draw{heads: make([]uint32, 1<<width), shift: uint(64 - width), maker: line.NewDraw(l.seed, l.root, l.value)}
	if l.rows.rows == 0 {
		e.endDraw()
	}
}

// endDraw gives back what only the draw needs.
func (e *Event) endDraw() {
	e.line.draw = draw{}
	e.servesFromNow()
}

// drawEnd is how much work the draw is in all.
func (e *Event) drawEnd() uint64 {
	l := e.line
	return uint64(len(l.draw.heads)) + uint64(l.rows.rows)
}

// drawOn goes on with the draw, by one slice.
func (e *Event) drawOn() {
	d := &e.line.draw
	keys := uint64(e.line.entries)
	sorted := keys + uint64(len(d.heads))
	f := factDrawn{}
	switch {
	case d.done < keys:
		f.to = min(d.done+keysSlice, keys)
	case d.done < sorted:
		f.to = min(d.done+bucketsSlice, sorted)
	default:
		f.to = min(d.done+laterSlice, e.drawEnd())
	}
	e.facts.Buf = f.append(e.facts.Buf)
	e.emitted()
	e.applyDrawn(&f)
}

func (e *Event) applyDrawn(f *factDrawn) {
	l := e.line
	d := &l.draw
	keys := uint64(l.entries)
	sorted := keys + uint64(len(d.heads))
	for ; d.done < f.to; d.done++ {
		switch {
		case d.done < keys:
			e.putKey(uint32(d.done))
		case d.done < sorted:
			e.placeBucket(uint32(d.done - keys))
		default:
			if slot := l.entries + uint32(d.done-sorted); l.rows.at(slot).state == PlaceWaiting {
				l.wait(slot)
			}
		}
	}
	if d.done == e.drawEnd() {
		e.endDraw()
	}
}

// putKey makes the key of an entry and puts it into its bucket.
func (e *Event) putKey(slot uint32) {
	l := e.line
	d := &l.draw
	key := d.maker.Key(e.leaf(slot))
	*d.keys.at(d.keys.alloc()) = key
	bucket := binary.BigEndian.Uint64(key[:]) >> d.shift
	l.rows.at(slot).next, d.heads[bucket] = d.heads[bucket], slot+1
}

// placeBucket gives the entries of a bucket the next places, in the order of their keys and, of equal ones, of their numbers.
func (e *Event) placeBucket(bucket uint32) {
	l := e.line
	d := &l.draw
	d.bucket = d.bucket[:0]
	for at := d.heads[bucket]; at != 0; at = l.rows.at(at - 1).next {
		d.bucket = append(d.bucket, at-1)
	}
	slices.SortFunc(d.bucket, func(a, b uint32) int {
		if c := d.keys.at(a).Compare(*d.keys.at(b)); c != 0 {
			return c
		}
		return int(a) - int(b)
	})
	for _, slot := range d.bucket {
		r := l.rows.at(slot)
		e.rows -= l.placeHash(slot)
		d.placed++
		r.place, r.next = line.Place(d.placed), 0
		e.rows += l.placeHash(slot)
		if r.state == PlaceWaiting {
			l.wait(slot)
		}
	}
}
