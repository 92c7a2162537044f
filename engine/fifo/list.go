package fifo

import (
	"cmp"
	"slices"

	"github.com/holdfast-engine/holdfast/engine"
)

// theList is what a log says of those on the waiting list.
type theList struct {
	waiters []waiter         // by their numbers
	newest  map[string]int64 // of each buyer
	kinds   []kind
}

type waiter struct {
	buyer   string
	first   bool // has paid too late: before all who have not
	waiting bool
	wishes  []wish
}

type wish struct {
	engine.FactWish
	struck bool
}

// kind is the wishes for as many tickets of one lot, in the order in which they came.
type kind struct {
	engine.FactWish
	queue []turn // those before next are over
	next  int
}

// turn names a wish.
type turn struct {
	waiter int64
	wish   int
}

// compare orders turns: who has paid too late, then who came first, and of the same waiter the dearest wish.
func (c *Checker) compare(a, b turn) int {
	if first := c.waiter(a.waiter).first; first != c.waiter(b.waiter).first {
		return map[bool]int{true: -1, false: 1}[first]
	}
	return cmp.Or(cmp.Compare(a.waiter, b.waiter), cmp.Compare(a.wish, b.wish))
}

func (c *Checker) waiter(n int64) *waiter {
	if n < 1 || n > int64(len(c.list.waiters)) {
		return &waiter{}
	}
	return &c.list.waiters[n-1]
}

func (c *Checker) wished(f *engine.Fact) {
	n := int64(len(c.list.waiters) + 1)
	buyer := string([]byte(f.Buyer))
	if f.Waiter != n || c.waiter(c.list.newest[buyer]).waiting {
		c.wrong(f, "buyer %s is waiter %d behind waiter %d, and waits already: %t", buyer, f.Waiter, n-1, c.waiter(c.list.newest[buyer]).waiting)
	}
	w := waiter{buyer: buyer, first: f.First, waiting: true}
	for _, fw := range f.Wishes {
		w.wishes = append(w.wishes, wish{FactWish: fw})
	}
	c.list.waiters = append(c.list.waiters, w)
	c.list.newest[buyer] = n
	for i, fw := range f.Wishes {
		k, mine := c.kind(fw), turn{n, i}
		at := len(k.queue)
		if f.First {
			at, _ = slices.BinarySearchFunc(k.queue[k.next:], mine, c.compare)
			at += k.next
		}
		k.queue = slices.Insert(k.queue, at, mine)
	}
}

func (c *Checker) kind(w engine.FactWish) *kind {
	for i := range c.list.kinds {
		if c.list.kinds[i].FactWish == w {
			return &c.list.kinds[i]
		}
	}
	c.list.kinds = append(c.list.kinds, kind{FactWish: w})
	return &c.list.kinds[len(c.list.kinds)-1]
}

// waitsFor reports whether a turn can still come.
func (c *Checker) waitsFor(t turn) bool {
	w := c.waiter(t.waiter)
	return w.waiting && t.wish < len(w.wishes) && !w.wishes[t.wish].struck
}

func (c *Checker) wishEnded(f *engine.Fact) {
	w := c.waiter(f.Waiter)
	if f.Wish == 0 {
		w.waiting = false
		return
	}
	w.waiting = false
	for i := range w.wishes {
		w.wishes[i].struck = w.wishes[i].struck || i+1 == f.Wish
		w.waiting = w.waiting || !w.wishes[i].struck
	}
}

// offeredTo checks that it was the turn of a waiter: what fits a wish fits everybody before it who wishes for as many of the same lot or fewer.
func (c *Checker) offeredTo(f *engine.Fact) {
	c.offers++
	mine := turn{f.Waiter, f.Wish - 1}
	w := c.waiter(f.Waiter)
	if c.offered = w.buyer; mine.wish < 0 || !c.waitsFor(mine) || !c.selling {
		c.wrong(f, "waiter %d has its turn with wish %d, and does not wait for that", f.Waiter, f.Wish)
		return
	}
	of := w.wishes[mine.wish].FactWish
	for i := range c.list.kinds {
		k := &c.list.kinds[i]
		if k.Lot != of.Lot || k.Quantity > of.Quantity || k.Together && !of.Together {
			continue
		}
		for k.next < len(k.queue) && !c.waitsFor(k.queue[k.next]) {
			k.next++
		}
		if k.next < len(k.queue) && c.compare(k.queue[k.next], mine) < 0 {
			c.wrong(f, "waiter %d has its turn, for %d of lot %d, before waiter %d, for %d", f.Waiter, of.Quantity, of.Lot, k.queue[k.next].waiter, k.Quantity)
			break
		}
	}
	w.waiting = false
}

// took ends the waiting of a buyer who got tickets without an offer.
func (c *Checker) took(buyer string) { c.waiter(c.list.newest[buyer]).waiting = false }
