package line

import (
	"math"
	"math/rand/v2"
)

// A shape is what a simulated sale is like. The simulator shares nothing with the package but the admission that some of its sales use, and what it tells Shopping and Patience,
// as an event does.
type shape struct {
	people, stock int
	quantity      []int   // one of these is what somebody wants
	pick          float64 // share of those with a pass who take something
	tire          float64 // by which share less it is at the end of the line
	think         float64 // seconds to the first hold, on average
	steady        bool    // think time varies little
	walk          float64 // share of the others who give their pass up, instead of letting it lapse
	absent, back  float64 // shares: absent at their turn; of these, back in time
	leave         float64 // chance to give up waiting, a second
	lapse         float64 // share of holds that come back
	pay           float64 // seconds from hold to order, on average
	holdTTL       int     // seconds
	passTTL       int
	lanePerMin    int
	paced         bool    // orders wait for the lane, and do not lapse meanwhile
	atOnce        int     // passes at once; 0: the formula
	late          int     // who join while it is served
	quits         float64 // share of those who find nothing who give up
	refunds       int     // tickets that come back, expected
	tracks        []uint64
}

// drawn is a shape at random.
func drawn(rng *rand.Rand) shape {
	between := func(low, high float64) float64 { return low + (high-low)*rng.Float64() }
	maybe := func(p, x float64) float64 {
		if rng.Float64() < p {
			return x
		}
		return 0
	}
	s := shape{
		people: int(math.Exp(between(math.Log(150), math.Log(3000)))), pick: between(0.3, 0.97), tire: maybe(0.3, between(0, 0.4)),
		think: between(8, 100), steady: rng.IntN(2) == 0, walk: rng.Float64(), absent: maybe(0.7, between(0, 0.4)), back: rng.Float64(),
		leave: maybe(0.6, between(0, 0.0005)), lapse: between(0, 0.3), pay: between(1, 60), holdTTL: 60 + rng.IntN(120), passTTL: 180 + rng.IntN(600),
		late: rng.IntN(200), quits: between(0, 0.5), quantity: [][]int{{1}, {2}, {1, 2}, {2, 2, 4}, {1, 2, 3, 4}, {1, 1, 1, 6}}[rng.IntN(6)],
		tracks: [][]uint64{{10000}, {10000}, {9000, 1000}, {7000, 2500, 500}}[rng.IntN(4)],
	}
	mean := 0.0
	for _, q := range s.quantity {
		mean += float64(q) / float64(len(s.quantity))
	}
	s.stock = 1 + int(float64(s.people)*mean*between(0.05, 0.7))
	if rng.IntN(2) == 0 {
		s.lanePerMin = 20 + rng.IntN(600)
	}
	if rng.IntN(3) == 0 {
		s.atOnce = 5 + rng.IntN(s.people/4)
	}
	if rng.IntN(3) == 0 {
		s.refunds = rng.IntN(s.stock/5 + 1)
	}
	return s
}

// A buyer of the simulation.
type simBuyer struct {
	quantity   int
	place      int // in its track, from 0
	track      int
	determined bool // stays, is there, takes, pays: whoever is asked about
	state      simState
	granted    int64 // nanoseconds
	got        bool
}

type simState uint8

const (
	simWaiting simState = iota
	simSkipped
	simBrowsing
	simHolding
	simWishing
	simOver
)

// A sale is one simulated sale.
type sale struct {
	shape
	rng      *rand.Rand
	now      int
	due      map[int][]func()
	buyers   []simBuyer
	queues   [][]int // by track: buyers in order
	heads    []int
	granted  []uint64
	waiting  []uint64 // by track
	returned []int
	wishes   []int // the waiting list
	wished   int   // units that it wants
	lane     []func()
	laned    int // what the lane may do now, x 60
	sold     int // orders
	skipped  int
	free     int
	held     int
	coming   int // refunds still to come
	browsing int
	holding  int
	pending  int // what is due
	s        Shopping
	p        Patience
	outlook  *Outlook // of the second asked
	asked    int
	told     []int // the determined ones
}

func newSale(sh shape, rng *rand.Rand) *sale {
	w := &sale{shape: sh, rng: rng, due: map[int][]func(){}, free: sh.stock, queues: make([][]int, len(sh.tracks)), heads: make([]int, len(sh.tracks)), granted: make([]uint64, len(sh.tracks)), waiting: make([]uint64, len(sh.tracks))}
	for range sh.people {
		w.join()
	}
	for range sh.late {
		w.at(rng.IntN(600), func() { w.join() })
	}
	for range sh.refunds * 2 { // half of those who might give a ticket back do
		w.coming++
		w.at(60+rng.IntN(1500), func() {
			w.coming--
			w.free += rng.IntN(2)
		})
	}
	return w
}

// wall is event time: far from zero, as that of an event.
func (w *sale) wall() int64 { return int64(1_000_000+w.now) * second }

func (w *sale) at(after int, what func()) {
	w.pending++
	w.due[w.now+max(after, 1)] = append(w.due[w.now+max(after, 1)], func() { w.pending--; what() })
}

func (w *sale) chance(p float64) bool { return w.rng.Float64() < p }

// lasts is about mean seconds.
func (w *sale) lasts(mean float64) int {
	if w.steady {
		return int(mean * (0.5 + w.rng.Float64()))
	}
	return int(mean * w.rng.ExpFloat64())
}

func (w *sale) join() {
	track := 0
	if len(w.tracks) > 1 && w.chance(0.2) {
		track = 1 + w.rng.IntN(len(w.tracks)-1)
	}
	i := len(w.buyers)
	w.buyers = append(w.buyers, simBuyer{quantity: w.quantity[w.rng.IntN(len(w.quantity))], track: track, place: len(w.queues[track])})
	w.queues[track] = append(w.queues[track], i)
	w.waiting[track]++
	w.p.Joined(w.wall(), 1)
	if w.leave > 0 {
		w.at(int(w.rng.ExpFloat64()/w.leave), func() {
			if b := &w.buyers[i]; b.state == simWaiting && !b.determined {
				b.state = simOver
				w.waiting[b.track]--
				w.p.Gave(w.wall())
			}
		})
	}
}

// ahead is how many wait before place in a track.
func (w *sale) ahead(track, place int) (n uint64) {
	for _, i := range w.queues[track][min(w.heads[track], place):place] {
		if w.buyers[i].state == simWaiting {
			n++
		}
	}
	return n
}

func (w *sale) trackStates() []Track {
	tracks := make([]Track, len(w.tracks))
	for i := range tracks {
		tracks[i] = Track{ShareBp: w.tracks[i], Granted: w.granted[i], Waiting: w.waiting[i]}
	}
	return tracks
}

// ask is the chance that a buyer who waits is told.
func (w *sale) ask(i int) float64 {
	b := &w.buyers[i]
	if w.outlook == nil || w.asked != w.now {
		w.s.Advance(w.wall())
		w.outlook, w.asked = NewOutlook(&w.s, &w.p), w.now
	}
	in := Prospect{
		Ahead: Ahead(w.trackStates(), b.track, w.ahead(b.track, b.place)) + uint64(len(w.returned)), Quantity: uint32(b.quantity), Free: uint64(w.free), Held: uint64(w.held), Wished: uint64(w.wished), Skipped: uint64(w.skipped),
		Coming: float64(w.coming) / 2, ComingSD: math.Sqrt(float64(w.coming) / 4),
	}
	return w.outlook.Chance(in)
}

// step lets a second pass. It reports whether anything can still happen to who waits.
func (w *sale) step() bool {
	w.now++
	for _, what := range w.due[w.now] {
		what()
	}
	delete(w.due, w.now)
	if w.paced {
		w.charge()
	}
	w.serve()
	w.admit()
	if w.pending == 0 || w.now == 20000 || w.now < 400 {
		return w.pending > 0 && w.now < 400
	}
	for _, i := range w.told {
		if b := &w.buyers[i]; !b.got && b.state != simOver {
			return true
		}
	}
	return false
}

func (w *sale) admit() {
	n := 0
	if w.free == 0 {
		return
	}
	w.s.Advance(w.wall())
	n = int(Shoppers(&w.s, Admission{Free: uint64(w.free), Held: uint64(w.held), Holding: uint32(w.holding), LanePerMin: uint32(w.lanePerMin), Max: uint32(w.atOnce)}).Grant)
	for n > 0 && len(w.returned) > 0 {
		w.grant(w.returned[0])
		w.returned = w.returned[1:]
		n--
	}
	if n <= 0 {
		return
	}
	tracks := w.trackStates()
	for n > 0 {
		track, ok := NextTrack(tracks)
		if !ok {
			return
		}
		i := w.queues[track][w.heads[track]]
		w.heads[track]++
		b := &w.buyers[i]
		if b.state != simWaiting {
			continue
		}
		tracks[track].Waiting--
		w.waiting[track]--
		if !b.determined && w.chance(w.absent) {
			b.state = simSkipped
			w.skipped++
			w.p.Turn(w.wall(), false)
			back := w.chance(w.back)
			w.at(w.rng.IntN(120), func() {
				w.skipped--
				if b := &w.buyers[i]; back {
					w.p.Came(w.wall())
					w.returned = append(w.returned, i)
				} else {
					b.state = simOver
				}
			})
			continue
		}
		w.p.Turn(w.wall(), true)
		tracks[track].Granted++
		w.granted[track]++
		w.grant(i)
		n--
	}
}

func (w *sale) grant(i int) {
	b := &w.buyers[i]
	b.state, b.granted = simBrowsing, w.wall()
	w.s.Granted(w.wall())
	w.browsing++
	pick := w.pick * (1 - w.tire*float64(i)/float64(len(w.buyers)))
	switch {
	case b.determined || w.chance(pick):
		w.at(min(w.lasts(w.think), w.passTTL-1), func() { w.take(i) })
	case w.chance(w.walk):
		w.at(w.lasts(w.think), func() { w.stop(i) })
	default:
		w.at(w.passTTL, func() { w.stop(i) })
	}
}

func (w *sale) stop(i int) {
	if b := &w.buyers[i]; b.state == simBrowsing {
		b.state = simOver
		w.browsing--
		w.s.Stopped(b.granted, w.wall())
	}
}

// take makes a hold, now or while the pass is good.
func (w *sale) take(i int) {
	b := &w.buyers[i]
	if b.state != simBrowsing {
		return
	}
	if w.free < b.quantity {
		if !b.determined && w.chance(w.quits) {
			w.stop(i)
			return
		}
		b.state = simWishing
		w.browsing--
		w.wished += b.quantity
		w.wishes = append(w.wishes, i)
		w.s.Wished(b.granted, w.wall(), uint32(b.quantity))
		return
	}
	w.browsing--
	w.s.Wished(b.granted, w.wall(), uint32(b.quantity)) // and the hold below: Picked
	w.hold(i)
}

// serve gives what is free to the waiting list: to the first whom it fits.
func (w *sale) serve() {
	for n := 0; n < len(w.wishes) && w.free > 0; {
		i := w.wishes[n]
		if w.buyers[i].quantity > w.free {
			n++
			continue
		}
		w.wishes = append(w.wishes[:n], w.wishes[n+1:]...)
		w.wished -= w.buyers[i].quantity
		if w.buyers[i].determined || w.chance(0.9) {
			w.hold(i)
		} else {
			w.buyers[i].state = simOver
		}
	}
}

// hold takes what a buyer wants.
func (w *sale) hold(i int) {
	b := &w.buyers[i]
	units := b.quantity
	b.state, b.got = simHolding, true
	w.free -= units
	w.held += units
	w.holding++
	w.s.HoldMade(w.wall(), uint32(units))
	made, sold := w.wall(), b.determined || !w.chance(w.lapse)
	end := func() {
		w.buyers[i].state = simOver
		w.held -= units
		w.holding--
		if sold {
			w.sold++
		} else {
			w.free += units
		}
		w.s.HoldEnded(made, w.wall(), uint32(units), sold)
	}
	switch {
	case !sold:
		w.at(w.holdTTL, end)
	case w.paced:
		w.lane = append(w.lane, end)
	default:
		w.at(min(w.lasts(w.pay), w.holdTTL), end)
	}
}

// charge lets the lane do what it does in a second.
func (w *sale) charge() {
	for w.laned += w.lanePerMin; w.laned >= 60 && len(w.lane) > 0; w.laned -= 60 {
		w.lane[0]()
		w.lane = w.lane[1:]
	}
	w.laned = min(w.laned, 60)
}
