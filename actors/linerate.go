package actors

import (
	"math"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// A line admits no more shoppers than the payment lanes can serve, so each event with a line is told how many purchases a minute that is: what all lanes can do, divided
// by the lines that want to know. Events are told in their own turns, which neither wakes nor keeps awake anybody in whose line nothing happens.

// ratedEvery is how often an event is told at most, and rateMoves the part by which the rate has to change, as one of so many.
const (
	ratedEvery = time.Second
	rateMoves  = 20
)

// purchasesPerMin is how many purchases a minute all lanes can do: 0 without lanes, and at least 1 while no gateway answers, as there is a bound then.
func (p *payments) purchasesPerMin() int64 {
	if len(p.lanes) == 0 {
		return 0
	}
	sum := 0.0
	for _, l := range p.lanes {
		if turn := l.show.turnNs.Load(); turn > 0 && !l.show.open.Load() {
			sum += float64(time.Minute) / float64(turn)
		}
	}
	return int64(min(max(sum, 1), math.MaxInt32))
}

// rateLines finds how many purchases a minute each line may count on, and wakes the lines if that has changed. It is called once a second.
func (n *Node) rateLines() {
	all := n.payments.purchasesPerMin()
	if all > 0 {
		all = max(1, all/max(1, n.linesServing.Load()))
	}
	if rate := n.lineRate.Load(); !rateDiffers(rate, all) {
		return
	}
	n.lineRate.Store(all)
	n.lines.Range(func(at route, _ struct{}) bool {
		if ref, awake := n.routes.Load(at); awake {
			ref.box.wake()
		}
		return true
	})
}

// rateDiffers reports whether a rate has changed by so much that it matters.
func rateDiffers(was, is int64) bool {
	return (was == 0) != (is == 0) || max(was-is, is-was)*rateMoves > was
}

// rate tells the event how many purchases a minute its line may count on, if it has one and that has changed.
func (a *eventActor) rate() {
	if !a.ev.HasLine() {
		return
	}
	mono := a.node.clock.Mono()
	if is := a.node.lineRate.Load(); rateDiffers(a.ev.LanePerMin(), is) && (a.ratedAt == 0 || mono-a.ratedAt >= ratedEvery) {
		a.ratedAt = mono
		a.internal(engine.Command{Verb: engine.VerbRate, Line: &engine.LineCommand{PerMin: is}})
	}
}
