package fault

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// truth is what follows from the answers about one event. The ledger's lock guards it.
type truth struct {
	event   string
	created bool
	holds   map[string]*heldTruth
	live    map[string]*heldTruth // by buyer: the hold that is held, as far as we know
	orders  map[string]*pb.Order
	tickets map[string]bool
	lots    map[string]*lotTruth
	pools   map[string]*lotTruth
	slack   map[string]int64 // by lot: units that may have expired while they were recounted
	viewed  map[string]bool  // ids of touches

	entries map[int64]*placeTruth  // of the line
	newest  map[string]*placeTruth // by buyer
	placed  map[int64]*placeTruth  // by place
}

// heldTruth is a hold that was granted.
type heldTruth struct {
	id, buyer string
	state     string
	grant     *Entry // the command that was answered with it
	items     []*pb.TakenItem
	expires   time.Time // not before this
	due       bool      // the engine has refused to act on it because its time was over
}

// lotTruth is what organisers did to a lot or pool.
type lotTruth struct {
	capacity, blocked int64
	pools             []string
}

const (
	stateHeld      = "held"
	stateConfirmed = "confirmed"
	stateReleased  = "released"
	stateReplaced  = "replaced"
	stateExpired   = "expired"
	stateForgotten = "forgotten"
)

func newTruth(event string) *truth {
	return &truth{
		event: event, holds: map[string]*heldTruth{}, live: map[string]*heldTruth{}, orders: map[string]*pb.Order{},
		tickets: map[string]bool{}, lots: map[string]*lotTruth{}, pools: map[string]*lotTruth{}, viewed: map[string]bool{},
		entries: map[int64]*placeTruth{}, newest: map[string]*placeTruth{}, placed: map[int64]*placeTruth{},
	}
}

// apply takes in the first answer that said yes.
func (t *truth) apply(l *Ledger, e *Entry) {
	r := e.Answer
	switch e.Verb { //nolint:exhaustive // the load has no other verbs
	case engine.VerbCreate:
		t.create(r.GetEvent())
	case engine.VerbHold:
		t.hold(l, e)
	case engine.VerbExtend:
		if h := t.mine(l, e, r.GetHold()); h != nil {
			t.seen(l, r.GetHold())
		}
	case engine.VerbRelease:
		if h := t.mine(l, e, r.GetHold()); h != nil {
			t.end(h, stateReleased)
		}
	case engine.VerbConfirm:
		t.order(l, e)
	case engine.VerbBlock, engine.VerbUnblock, engine.VerbCapacity:
		t.capacity(l, e)
	case engine.VerbTouch:
		t.touch(l, e)
	case engine.VerbJoin, engine.VerbLeave, engine.VerbAbsent, engine.VerbPresent:
		t.seesPlace(l, e, r.GetPlace())
	default:
	}
}

// refused takes in what a refusal tells.
func (t *truth) refused(e *Entry) {
	if code(e.Answer) != engine.CodeHoldExpired.String() {
		return
	}
	if h := t.live[e.Buyer]; h != nil {
		h.due = true
	}
}

func (t *truth) create(v *pb.Event) {
	t.created = true
	for _, lot := range v.GetLots() {
		t.lots[lot.GetLot()] = &lotTruth{capacity: lot.GetCapacity(), pools: lot.GetPools()}
	}
	for _, p := range v.GetPools() {
		t.pools[p.GetPool()] = &lotTruth{capacity: p.GetCapacity()}
	}
}

func (t *truth) hold(l *Ledger, e *Entry) {
	v := e.Answer.GetHold()
	if v == nil {
		l.contradict("%s hold %s: accepted without a hold: %v", t.event, e.ID, e.Answer)
		return
	}
	if old := t.holds[v.GetId()]; old != nil {
		l.contradict("%s: hold id %s was given to %s and to %s", t.event, v.GetId(), old.grant.ID, e.ID)
		return
	}
	// A hold whose first answer was lost with the engine, and that was over before it could be asked for again, is shown without its items.
	over := len(v.GetItems()) == 0 && (v.GetState() == stateForgotten || v.GetState() == stateExpired)
	if !over {
		if want := total(v.GetItems()); v.GetTotalMinor() != want || len(v.GetItems()) == 0 {
			l.contradict("%s hold %s: total %d, its items add up to %d: %v", t.event, e.ID, v.GetTotalMinor(), want, v)
		}
	}
	if old := t.live[e.Buyer]; old != nil {
		t.end(old, stateReplaced)
	}
	h := &heldTruth{id: v.GetId(), buyer: e.Buyer, state: v.GetState(), grant: e, items: v.GetItems(), expires: v.GetExpiresAt().AsTime()}
	t.holds[h.id] = h
	if h.state == stateHeld {
		t.live[e.Buyer] = h
	}
}

// mine finds the hold that a command of its buyer was answered with.
func (t *truth) mine(l *Ledger, e *Entry, v *pb.Hold) *heldTruth {
	h := t.holds[v.GetId()]
	if h == nil || h.buyer != e.Buyer {
		l.contradict("%s %s %s of %s was answered with a hold that this buyer never got: %v", t.event, e.Verb, e.ID, e.Buyer, e.Answer)
		return nil
	}
	return h
}

// seen compares a hold that the engine shows with what is known of it.
func (t *truth) seen(l *Ledger, v *pb.Hold) {
	h := t.holds[v.GetId()]
	if h == nil {
		return
	}
	state := v.GetState()
	switch {
	case state == h.state:
		if state != stateHeld {
			return
		}
		if at := v.GetExpiresAt().AsTime(); at.Before(h.expires) {
			l.contradict("%s hold %s of %s: its deadline moved back from %v to %v", t.event, h.id, h.buyer, h.expires, at)
		} else {
			h.expires = at
		}
	case state == stateForgotten && h.state != stateHeld:
	case h.state == stateReplaced && state == stateExpired, h.state == stateExpired && state == stateReplaced:
		h.state = state // it was due when it was replaced: either is true
	case h.state == stateHeld && (state == stateExpired || state == stateForgotten):
		if early := h.expires.Sub(now()); early > clockSlack && !h.due {
			l.contradict("%s hold %s of %s: expired %v before its deadline %v", t.event, h.id, h.buyer, early, h.expires)
		}
		t.end(h, stateExpired)
	default:
		l.contradict("%s hold %s of %s: is %s, must be %s", t.event, h.id, h.buyer, state, h.state)
	}
}

// now is a name for the wall clock: deadlines are kept on it.
func now() time.Time { return time.Now() }

func (t *truth) end(h *heldTruth, state string) {
	h.state = state
	if t.live[h.buyer] == h {
		delete(t.live, h.buyer)
	}
}

func (t *truth) order(l *Ledger, e *Entry) {
	o := e.Answer.GetOrder()
	h := t.holds[o.GetHold()]
	switch {
	case o == nil || h == nil || h.buyer != e.Buyer:
		l.contradict("%s confirm %s of %s: accepted with an order of a hold that this buyer never got: %v", t.event, e.ID, e.Buyer, e.Answer)
		return
	case t.orders[o.GetId()] != nil:
		l.contradict("%s: order id %s was given twice, the second time to %s", t.event, o.GetId(), e.ID)
		return
	case h.state != stateHeld:
		l.contradict("%s confirm %s: hold %s was %s already", t.event, e.ID, h.id, h.state)
	case o.GetTotalMinor() != total(h.items) || !sameItems(o.GetItems(), h.items) || int64(len(o.GetTickets())) != unitsOf(h.items):
		l.contradict("%s confirm %s: the order is not what hold %s promised: %v instead of %v", t.event, e.ID, h.id, o, h.items)
	}
	t.orders[o.GetId()] = o
	for _, ticket := range o.GetTickets() {
		if t.tickets[ticket.GetId()] {
			l.contradict("%s: ticket id %s was given twice, the second time in order %s", t.event, ticket.GetId(), o.GetId())
		}
		t.tickets[ticket.GetId()] = true
	}
	t.end(h, stateConfirmed)
}

// capacity takes in what an organiser was told. Organisers act one after the other on a lot.
func (t *truth) capacity(l *Ledger, e *Entry) {
	v := e.Answer.GetCapacity()
	c := t.lots[v.GetLot()]
	if v.GetPool() != "" {
		c = t.pools[v.GetPool()]
	}
	if v == nil || c == nil {
		l.contradict("%s %s %s: accepted without a capacity of a known lot: %v", t.event, e.Verb, e.ID, e.Answer)
		return
	}
	blocked := c.blocked
	switch {
	case e.Verb == engine.VerbBlock:
		blocked += v.GetAsked()
	case e.Verb == engine.VerbUnblock:
		blocked -= v.GetAsked()
	case v.GetCapacity() < v.GetAsked():
		l.contradict("%s capacity %s: asked for %d, got less: %v", t.event, e.ID, v.GetAsked(), v)
	}
	if e.Verb != engine.VerbCapacity && v.GetCapacity() != c.capacity {
		l.contradict("%s %s %s: capacity became %d, must be %d", t.event, e.Verb, e.ID, v.GetCapacity(), c.capacity)
	}
	if v.GetPool() == "" && v.GetBlocked() != blocked {
		l.contradict("%s %s %s: %d are blocked, must be %d", t.event, e.Verb, e.ID, v.GetBlocked(), blocked)
	}
	c.capacity, c.blocked = v.GetCapacity(), blocked
}

// total is what items cost.
func total(items []*pb.TakenItem) int64 {
	var sum int64
	for _, it := range items {
		each := it.GetFaceMinor()
		for _, f := range it.GetFees() {
			each += f.GetMinor()
		}
		sum += each * it.GetQuantity()
	}
	return sum
}

// unitsOf is how many tickets items are.
func unitsOf(items []*pb.TakenItem) int64 {
	var sum int64
	for _, it := range items {
		sum += it.GetQuantity() * it.GetUnits()
	}
	return sum
}

// counts is where the tickets of a lot are, by what is known.
type counts struct{ held, sold, blocked, capacity int64 }

// count recounts every lot and pool from the holds and orders, and finds seats with two owners.
func (t *truth) count(l *Ledger) (lots, pools map[string]*counts) {
	lots, pools = map[string]*counts{}, map[string]*counts{}
	for id, lot := range t.lots {
		lots[id] = &counts{blocked: lot.blocked, capacity: lot.capacity}
	}
	owner := map[string]string{}
	for _, id := range slices.Sorted(maps.Keys(t.holds)) {
		h := t.holds[id]
		if h.state != stateHeld && h.state != stateConfirmed {
			continue
		}
		for _, it := range h.items {
			c := lots[it.GetLot()]
			if c == nil {
				l.contradict("%s hold %s: lot %s does not exist", t.event, h.id, it.GetLot())
				continue
			}
			if h.state == stateHeld {
				c.held += it.GetQuantity() * it.GetUnits()
			} else {
				c.sold += it.GetQuantity() * it.GetUnits()
			}
			for _, seat := range it.GetSeats() {
				seat = it.GetLot() + " " + seat
				if other, taken := owner[seat]; taken {
					l.contradict("%s: seat %s belongs to hold %s and to hold %s", t.event, seat, other, h.id)
				}
				owner[seat] = h.id
			}
		}
	}
	for id, p := range t.pools {
		pools[id] = &counts{capacity: p.capacity, blocked: p.blocked}
	}
	for id, lot := range t.lots {
		for _, pool := range lot.pools {
			pools[pool].held += lots[id].held
			pools[pool].sold += lots[id].sold
			pools[pool].blocked += lots[id].blocked
		}
	}
	return lots, pools
}

func (c *counts) String() string {
	return fmt.Sprintf("capacity %d, held %d, sold %d, blocked %d", c.capacity, c.held, c.sold, c.blocked)
}
