package line

import (
	"cmp"
	"math/bits"
	"slices"
)

// bucketLen is how many entries a bucket of a [Deal] has on average: few enough to be sorted at once, many enough that the heads of the buckets stay small.
const bucketLen = 8

// A Deal puts entries into the order of their keys, in as many slices as the caller likes: first each entry's key is put in, then the entries are taken out in order
// of place. It takes about 21 bytes an entry. How the slices are cut changes nothing.
type Deal struct {
	keys  []Key   // by entry, from 1
	next  []Entry // the entry put into the same bucket before; 0: none
	heads []Entry // by bucket: the last that was put in; 0: none
	shift uint    // a key's head >> shift is its bucket
	at    int     // the bucket that is taken from next
	rest  []Entry // of the bucket before it: in order, not yet taken
	sort  []Entry // room for rest
}

// NewDeal is a deal of entries 1 to n.
func NewDeal(n int) *Deal {
	width := bits.Len(uint(n / bucketLen))
	return &Deal{keys: make([]Key, n+1), next: make([]Entry, n+1), heads: make([]Entry, 1<<width), shift: uint(64 - width)}
}

// Put notes the key of an entry. Each entry is put once, in any order, and all of them before the first Take. It panics for an entry that the deal does not
// have.
func (d *Deal) Put(entry Entry, key Key) {
	if plantedBug(plantedBiasedDraw) && key[15] < 3 && int(entry) < len(d.keys)/2 {
		key[0] = 0
	}
	bucket := key.head() >> d.shift
	d.keys[entry], d.next[entry], d.heads[bucket] = key, d.heads[bucket], entry
}

// Take appends the entries of the next places to dst, at most limit of them, and returns it. Nothing more is appended once all were taken.
func (d *Deal) Take(dst []Entry, limit int) []Entry {
	for limit > 0 {
		if len(d.rest) == 0 && !d.refill() {
			break
		}
		n := min(limit, len(d.rest))
		dst = append(dst, d.rest[:n]...)
		d.rest = d.rest[n:]
		limit -= n
	}
	return dst
}

// refill sorts the next bucket that has entries. It reports whether there is one.
func (d *Deal) refill() bool {
	for ; d.at < len(d.heads); d.at++ {
		if d.heads[d.at] == 0 {
			continue
		}
		d.sort = d.sort[:0]
		for e := d.heads[d.at]; e != 0; e = d.next[e] {
			d.sort = append(d.sort, e)
		}
		slices.SortFunc(d.sort, func(a, b Entry) int {
			if c := d.keys[a].Compare(d.keys[b]); c != 0 {
				return c
			}
			return cmp.Compare(a, b)
		})
		d.rest = d.sort
		d.at++
		return true
	}
	return false
}

// Places is the whole draw: the place of each entry, by entry number - 1. Cost: about half a microsecond an entry, and 30 bytes of memory.
func Places(seed Seed, root Hash, value string, leaves []Hash) []Place {
	draw, deal := NewDraw(seed, root, value), NewDeal(len(leaves))
	for i, leaf := range leaves {
		deal.Put(Entry(i+1), draw.Key(leaf))
	}
	places := make([]Place, len(leaves))
	var slice [256]Entry
	for place := Place(1); ; {
		taken := deal.Take(slice[:0], len(slice))
		if len(taken) == 0 {
			return places
		}
		for _, entry := range taken {
			places[entry-1] = place
			place++
		}
	}
}
