package engine

import (
	"math"

	"github.com/holdfast-engine/holdfast/engine/line"
)

// admission is what there is to shop for. Lots that are sold only together with another are no reason to let anybody in: there are often many more of them than
// of what they go with. Of fewer tickets than a lot is sold by nothing can be had.
func (e *Event) admission() line.Admission {
	in := line.Admission{Holding: uint32(e.line.holding), LanePerMin: uint32(e.line.perMin)}
	if s, passes := e.spec.Line, &e.line.passes; s != nil {
		in.PassMs = uint64(s.PassTTLMs)
		if passes.n > 0 { // they may have become shorter: those that are out live on, and none ends before an earlier one
			oldest, newest := e.line.turns.at(passes.first-1), e.line.turns.at(passes.last-1)
			in.PassMs = max(in.PassMs, oldest.lifeMs(), newest.lifeMs())
		}
	}
	if e.list != nil {
		e.keep(everybody) // what is kept for those who wait is not there for the line
		defer e.keepNone()
	}
	free := e.work.poolsFree[:0]
	for i := range e.pools {
		free = append(free, e.pools[i].in[shareFree]-e.list.keptOfPool(uint32(i)))
	}
	for i := range e.lots {
		l := &e.lots[i]
		if len(l.requires) > 0 {
			continue
		}
		in.Held += uint64(l.in[shareHeld] + l.in[sharePaying])
		if !l.open {
			continue
		}
		units := l.in[shareFree] - e.list.keptOf(uint32(i))
		for _, p := range l.pools {
			units = min(units, free[p])
		}
		if units = max(0, units) / l.units * l.units; units < l.minOrder*l.units {
			units = 0
		}
		for _, p := range l.pools {
			free[p] -= units
		}
		in.Free += uint64(units)
	}
	e.work.poolsFree = free
	return in
}

// roomInside is how many more may be admitted at the moment of the step.
func (e *Event) roomInside() line.Room {
	room := line.Shoppers(e.shoppingNow(), e.admission())
	if s := e.spec.Line; s != nil && s.ShoppersMax > 0 { // of all passes, also of those who had a hold and have none now
		room.MaxLeft = uint32(max(0, s.ShoppersMax-int64(e.line.passes.n)))
		if room.MaxLeft < room.Grant {
			room.Grant, room.Bound = room.MaxLeft, line.BoundMax
		}
	}
	return room
}

// shoppingNow is how those with a pass behave as of the moment of the step. It belongs to the step.
func (e *Event) shoppingNow() *line.Shopping {
	e.work.shopping = e.line.shopping
	e.work.shopping.Advance(int64(e.lineTime()))
	return &e.work.shopping
}

// room is what the last look at who may be admitted has found, and all that it has looked at. It is volatile: looking again finds the same.
type room struct {
	admission line.Admission
	passes    int
	most      int64
	told      uint64 // how often the line's shopping was told something
	at        Instant
	grant     uint32
}

// mayAdmit is how many may be admitted at the moment of the step. To find it takes a few microseconds, so it is looked for only if something has changed.
func (e *Event) mayAdmit() uint32 {
	now := room{admission: e.admission(), passes: e.line.passes.n, told: e.line.told, at: e.lineTime() / lookNs}
	if e.spec.Line != nil {
		now.most = e.spec.Line.ShoppersMax
	}
	if now.admission.Free == 0 {
		return 0
	}
	now.grant = e.line.room.grant // it is the rest that is compared
	if now != e.line.room {
		now.grant = e.roomInside().Grant
		e.line.room = now
	}
	return now.grant
}

// holdUnits is the units of a hold, as they are counted for who may shop.
func holdUnits(units int64) uint32 { return uint32(min(units, math.MaxUint32)) }

// lookNs is how often the line looks again at those who have a pass and have taken nothing: as often as engine/line counts what has become of them. What they
// are expected to take becomes less with time.
const lookNs = 15e9
