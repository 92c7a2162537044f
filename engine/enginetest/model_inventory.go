package enginetest

import (
	"slices"
	"strings"

	"github.com/holdfast-engine/holdfast/engine"
)

type modelLot struct {
	spec      engine.LotSpec
	capacity  int64
	blocked   int64    // counted lots: units
	labels    []string // seated lots: every seat, in the order of the rows
	seats     []modelSeat
	shut      []string // seated lots: blocked seats
	open      bool     // its tier has opened
	exhausted bool     // it has had nothing free at the end of some step
}

func (l *modelLot) seated() bool { return len(l.labels) > 0 }

// kinds names the kinds of the lot's seats.
func (l *modelLot) kinds() string {
	var all strings.Builder
	for _, s := range l.seats {
		all.WriteString(s.kind + " ")
	}
	return all.String()
}

type modelPool struct {
	spec    engine.PoolSpec
	blocked int64 // units blocked in the pool itself
}

// counts recounts a lot from all holds, as if the hold without did not exist.
func (m *Model) counts(l *modelLot, without *modelHold) engine.Counts {
	c := engine.Counts{Capacity: l.capacity, Blocked: l.blocked + int64(len(l.shut))}
	for _, h := range m.holds {
		if h == without {
			continue
		}
		for i := range h.items {
			if h.items[i].Lot != l.spec.Lot {
				continue
			}
			units := h.left(i)
			switch h.state {
			case engine.HoldHeld:
				c.Held += units
			case engine.HoldPaying:
				c.Paying += units
			case engine.HoldConfirmed:
				c.Sold += units
			case engine.HoldReleased, engine.HoldReplaced, engine.HoldExpired, engine.HoldForgotten:
			}
		}
	}
	c.Free = c.Capacity - c.Held - c.Paying - c.Sold - c.Blocked
	return c
}

// poolCounts recounts a pool from its lots.
func (m *Model) poolCounts(p *modelPool, without *modelHold) engine.Counts {
	c := engine.Counts{Capacity: p.spec.Capacity, Blocked: p.blocked}
	for _, l := range m.lots {
		if slices.Contains(l.spec.Pools, p.spec.Pool) {
			lot := m.counts(l, without)
			c.Held += lot.Held
			c.Paying += lot.Paying
			c.Sold += lot.Sold
			c.Blocked += lot.Blocked
		}
	}
	c.Free = c.Capacity - c.Held - c.Paying - c.Sold - c.Blocked
	return c
}

// soldOut reports whether nothing of a lot can be had any more, whatever becomes of holds.
func (m *Model) soldOut(l *modelLot) bool {
	unsold := func(c engine.Counts) int64 { return c.Capacity - c.Sold - c.Blocked }
	left := unsold(m.counts(l, nil))
	for _, id := range l.spec.Pools {
		left = min(left, unsold(m.poolCounts(m.pool(id), nil)))
	}
	return left < max(1, l.spec.MinOrder)*l.spec.Units
}

// seatFree reports whether a seat is neither blocked nor with any hold but without.
func (m *Model) seatFree(l *modelLot, label string, without *modelHold) bool {
	if slices.Contains(l.shut, label) {
		return false
	}
	for _, h := range m.holds {
		if h == without || h.ended() && h.state != engine.HoldConfirmed {
			continue
		}
		for i := range h.items {
			if h.items[i].Lot == l.spec.Lot && h.sits(i, label) {
				return false
			}
		}
	}
	return true
}

// room is how many sales of a lot could be taken: what is free in the lot and in all its pools, after what taken has taken already.
func (m *Model) room(l *modelLot, without *modelHold, taken []engine.ItemView) int64 {
	free := m.counts(l, without).Free - m.list.keptOf[l.spec.Lot]
	for i := range taken {
		if taken[i].Lot == l.spec.Lot {
			free -= taken[i].Quantity * taken[i].Units
		}
	}
	for _, id := range l.spec.Pools {
		inPool := m.poolCounts(m.pool(id), without).Free - m.list.keptOfPool[id]
		for i := range taken {
			if slices.Contains(m.lot(taken[i].Lot).spec.Pools, id) {
				inPool -= taken[i].Quantity * taken[i].Units
			}
		}
		free = min(free, inPool)
	}
	return max(0, free) / l.spec.Units
}

// unitsOf is what a buyer has: held, paying and sold, in units, over all lots, leaving one hold out.
func (m *Model) unitsOf(buyer string, without *modelHold) int64 {
	var units int64
	for _, h := range m.holds {
		if h.buyer == buyer && h != without && (!h.ended() || h.state == engine.HoldConfirmed) {
			units += h.units()
		}
	}
	return units
}

// has reports whether a buyer has at least one sale of a lot, leaving one hold out.
func (m *Model) has(buyer, lot string, without *modelHold) bool {
	for _, h := range m.holds {
		if h.buyer != buyer || h == without || h.ended() && h.state != engine.HoldConfirmed {
			continue
		}
		for i := range h.items {
			if h.items[i].Lot == lot && h.left(i) > 0 {
				return true
			}
		}
	}
	return false
}
