package engine

import "slices"

// foldBlocked and foldResized read facts about what is in sale, check that they fit the state, and apply them.
func (e *Event) foldBlocked(d *decoder, kind factKind) error {
	f := &e.work.blocked
	f.kind = kind
	d.caller(&f.asked)
	f.place, f.pool = d.place()
	f.units = int64(d.uint(CapacityMax))
	f.seats = d.seats(d.count(SeatsPerBlockMax, 1), f.seats[:0])
	if err := d.err(); err != nil {
		return err
	}
	if err := e.fresh(&f.asked); err != nil {
		return err
	}
	if err := e.fitPlace(f.place, f.pool); err != nil {
		return err
	}
	if f.pool {
		if len(f.seats) > 0 || kind == kindUnblocked && e.pools[f.place].own < f.units {
			return unfit("a pool unblocks more than it blocked")
		}
		e.applyBlocked(f)
		return nil
	}
	l := &e.lots[f.place]
	if (l.seating != nil) != (len(f.seats) > 0) || len(f.seats) > 0 && f.units != int64(len(f.seats)) {
		return unfit("seats of a counted lot, or none of a seated one")
	}
	needed := seatFree
	if kind == kindUnblocked {
		needed = seatBlocked
	}
	for i, n := range f.seats {
		if int(n) >= len(l.seating.seats) || l.seating.seats[n].state != needed || slices.Contains(f.seats[:i], n) {
			return unfit("a seat that is not there, not free, or there twice")
		}
	}
	e.applyBlocked(f)
	return nil
}

func (e *Event) fitPlace(place uint32, isPool bool) error {
	if isPool && int(place) >= len(e.pools) || !isPool && int(place) >= len(e.lots) {
		return unfit("a lot or pool that is not there")
	}
	return nil
}

func (e *Event) foldResized(d *decoder) error {
	var f factResized
	d.caller(&f.asked)
	f.place, f.pool = d.place()
	f.wanted, f.became = int64(d.uint(CapacityMax)), int64(d.uint(CapacityMax))
	if err := d.err(); err != nil {
		return err
	}
	if err := e.fresh(&f.asked); err != nil {
		return err
	}
	if err := e.fitPlace(f.place, f.pool); err != nil {
		return err
	}
	if !f.pool && e.lots[f.place].seating != nil {
		return unfit("the capacity of a seated lot is its seats")
	}
	e.applyResized(&f)
	return nil
}
