package measure

import "slices"

// share is a part of a capacity, as the engine counts it.
type share uint8

const (
	shareFree share = iota
	shareHeld
	sharePaying
	shareSold
	shareBlocked
	shares
)

// place is a lot or a pool: units by share, which are its capacity together.
type place [shares]int64

func (p *place) capacity() int64 {
	return p[shareFree] + p[shareHeld] + p[sharePaying] + p[shareSold] + p[shareBlocked]
}

// toldLot is a lot: where its tickets are, and its present price.
type toldLot struct {
	place
	name  string
	units int64 // tickets a sale
	price Money // of a sale
	after bool  // a tier that has not opened yet
	pools []uint32
}

// toldPool is capacity that several lots share.
type toldPool struct {
	place
	left int64 // while what is free is counted
}

// stock is where an event's tickets are.
type stock struct {
	lots    []toldLot
	pools   []toldPool
	sums    place // of all lots
	free    int64 // that can be bought, of open lots without pools
	changed bool  // in this run
	recount bool  // what can be sold in all has changed
	most    int64 // that can be sold in all
}

// buyable is how much of a lot's free units can be bought: whole sales of a lot that is open.
func (l *toldLot) buyable(free int64) int64 {
	if l.after {
		return 0
	}
	return free - free%l.units
}

// move moves units of a lot, and of its pools, from one share to another.
func (s *stock) move(lot uint32, units int64, from, to share) {
	l := &s.lots[lot]
	if len(l.pools) == 0 {
		s.free -= l.buyable(l.place[shareFree])
	}
	l.place[from] -= units
	l.place[to] += units
	if len(l.pools) == 0 {
		s.free += l.buyable(l.place[shareFree])
	}
	s.sums[from] -= units
	s.sums[to] += units
	for _, p := range l.pools {
		s.pools[p].place[from] -= units
		s.pools[p].place[to] += units
	}
	s.changed = true
	s.recount = s.recount || from == shareBlocked || to == shareBlocked
}

// moveAll moves what a basket has.
func (s *stock) moveAll(b *basket, from, to share) {
	for i := range b.items {
		s.move(b.items[i].lot, b.items[i].units, from, to)
	}
}

// resize gives a lot another capacity.
func (s *stock) resize(lot uint32, capacity int64) {
	l := &s.lots[lot]
	add := capacity - l.capacity()
	if len(l.pools) == 0 {
		s.free += l.buyable(l.place[shareFree]+add) - l.buyable(l.place[shareFree])
	}
	l.place[shareFree] += add
	s.sums[shareFree] += add
	s.changed, s.recount = true, true
}

// open opens a tier.
func (s *stock) open(lot uint32) {
	if int(lot) >= len(s.lots) || !s.lots[lot].after {
		return
	}
	l := &s.lots[lot]
	if l.after = false; len(l.pools) == 0 {
		s.free += l.buyable(l.place[shareFree])
	}
	s.changed = true
}

// view is the stock as entries have it.
func (s *stock) view() Stock {
	if s.recount {
		s.most = s.greedy(func(p *place) int64 { return p.capacity() - p[shareBlocked] }, true)
		s.recount = false
	}
	s.changed = false
	free := s.free
	if len(s.pools) > 0 {
		free += s.greedy(func(p *place) int64 { return p[shareFree] }, false)
	}
	return Stock{Free: free, Held: s.sums[shareHeld], Paying: s.sums[sharePaying], Sold: s.sums[shareSold], Blocked: s.sums[shareBlocked], Sellable: s.most}
}

// greedy gives every lot, in their order, what it has and its pools let it have, in whole sales, and sums that up: all lots, or the open ones with pools. As long
// as pools lie one in another and lots sell single tickets, no other order gives more.
func (s *stock) greedy(of func(*place) int64, all bool) int64 {
	for i := range s.pools {
		s.pools[i].left = of(&s.pools[i].place)
	}
	sum := int64(0)
	for i := range s.lots {
		l := &s.lots[i]
		if !all && (l.after || len(l.pools) == 0) {
			continue
		}
		n := of(&l.place)
		for _, p := range l.pools {
			n = min(n, s.pools[p].left)
		}
		n = max(0, n-n%l.units)
		for _, p := range l.pools {
			s.pools[p].left -= n
		}
		sum += n
	}
	return sum
}

// named finds a lot by its id.
func (s *stock) named(id string) int {
	return slices.IndexFunc(s.lots, func(l toldLot) bool { return l.name == id })
}
