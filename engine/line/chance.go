package line

import "math"

// What is supposed beside what was seen.
const (
	chanceNodes  = 16
	weightAtAge  = 4    // passes: what is assumed of an age where none was seen
	weightLate   = 4    // quiet passes: that they go on as fresh ones do
	picksAtFirst = 8    // first holds: of two units each
	squaresPrior = 40   // give or take one
	holdsAtAge   = 2    // holds: what is assumed of an age where none was seen
	missedPrior  = 1    // of eight whose turn comes, one is absent
	calledPrior  = 8    //
	backPrior    = 1    // of three who were absent, one comes back
	leftPrior    = 1    // of those who wait, one in 1,000 gives up each 15 s
	waitedPrior  = 1000 //
	drift        = 0.35 // how much the shares of those who are left may differ from what was seen, in logits
	patient      = 0.92 // who finds nothing at its turn is still there with this share when something comes back
	waitTicksMax = 240  // an hour: who waits longer is taken to give up no oftener than in an hour
)

// An Outlook is what was seen of a sale up to a moment, ready for [Outlook.Chance]. Make one each second or so, and ask it as often as you like, from as many goroutines. Once made, it does
// not change.
type Outlook struct {
	habits   [habitsMax]habit
	n        int
	fresh    [freshLen]float64 // passes that are browsing, by age
	quiet    float64
	stops    [freshLen]float64 // the share of passes that are browsing at an age and stop within 15 s
	late     Age
	keep     guess   // the share of what is taken that is kept
	back     guess   // the share of what is held that comes back
	units    float64 // of a first hold: the mean,
	unitsVar float64 // the variance,
	unitsOff float64 // and the variance of the mean
	left     float64 // who gave up waiting
	rate     float64 // of those who wait, who give up each 15 s
	turns    float64 // whose turn comes each 15 s
	there    guess   // the share of those whose turn comes who get a pass
	returns  float64 // the share of those who were absent that comes back
}

// NewOutlook prepares what was seen of a sale. Cost: about 100 microseconds.
func NewOutlook(s *Shopping, p *Patience) *Outlook {
	o := &Outlook{quiet: float64(s.Passes.Old), late: s.Passes.Late}
	o.habits, o.n = s.Passes.habits()
	stops := 0.0
	for age, a := range s.Passes.Ages {
		if c := s.Passes.at(age); c != nil {
			o.fresh[age] = float64(c.There)
		}
		stops = min((float64(a.Ill)+weightAtAge*stops)/(float64(a.Seen)+weightAtAge), 1) // where none was seen, as many as at the age before
		o.stops[age] = stops
	}

	picks := float64(s.Picks + picksAtFirst)
	o.units = float64(s.Units+priorUnits) / picks
	o.unitsVar = max(float64(s.Squares+squaresPrior)/picks-o.units*o.units, 0.01)
	o.unitsOff = o.unitsVar / picks

	o.keep, o.back = s.Holds.kept(o.units)

	o.left = float64(p.Left) + leftPrior
	o.rate = o.left / (float64(p.Waited) + waitedPrior)
	o.turns = (float64(p.Recent) + 1) / (float64(p.Ticks) + 1)
	missed := seen(float64(p.Missed)+missedPrior, float64(p.Called)+calledPrior)
	returns := seen(float64(p.Back)+backPrior, float64(p.Missed)+3*backPrior)
	o.there = guessed(1-missed.mean*(1-returns.mean),
		missed.variance()*(1-returns.mean)*(1-returns.mean)+missed.mean*missed.mean*returns.variance())
	o.returns = returns.mean
	return o
}

// A Prospect is a waiter, and the event at the moment of an [Outlook].
type Prospect struct {
	Ahead    uint64  // who wait and come before the waiter: with tracks what [Ahead] says
	Skipped  uint64  // who were absent at their turn, and come before the waiter if they come back in time
	Wished   uint64  // units that those on the waiting list want who come before the waiter
	Quantity uint32  // units that the waiter wants; 0 counts as 1
	Free     uint64  // units that can be had now
	Held     uint64  // units in holds, paying ones too
	Coming   float64 // further units that are expected: refunds, a raised capacity
	ComingSD float64 // how far off Coming may be: its standard deviation
}

// Chance is the probability that there is a ticket for the waiter when it is its turn, or when tickets come back after it: that all who come before it leave as many units as
// it wants, in the end. It supposes that the waiter stays, is there, and takes them.
//
// Who comes before it takes, in the end, so many units: those whose pass is browsing, by their age; those ahead, if they do not give up, are there at their turn, take something and
// keep it. Each of these shares is known as well as what was seen of it allows, and what was measured says only so much about the people who are left: the chance is
// an average over what the shares may be. docs/line.md says how, and how well it was found to be calibrated.
//
// It is for telling buyers. It is floating point and may differ in its last digits from machine to machine: nothing that is decided or kept may depend on it.
// The result is from 0 to 1, for any input. Cost: some microseconds, no allocation.
func (o *Outlook) Chance(in Prospect) float64 {
	supply, supplyVar := o.supply(in)
	quantity := float64(max(in.Quantity, 1))
	spare := supply - quantity - (quantity-1)/2 // a larger request is passed over by smaller ones while it does not fit
	spare += 0.5                                // units are whole, the normal distribution is not
	stays := o.stays(in.Ahead).and(o.there)
	ahead := float64(in.Ahead) + float64(in.Skipped)*o.returns
	wished := float64(in.Wished) * o.keep.mean
	free := float64(in.Free)
	chance := 0.0
	for node := range chanceNodes { // what the shares may be, each as likely as the others
		z := math.Sqrt2 * math.Erfinv((2*float64(node)+1)/chanceNodes-1)
		for i := range o.habits[:o.n] {
			h := &o.habits[i]
			mean, variance := o.demand(h, z, ahead, stays)
			if mean += wished; mean > free { // some of those who find nothing are gone when something comes back
				mean = free + patient*(mean-free)
			}
			chance += h.weight / chanceNodes * normal(spare-mean, variance+supplyVar)
		}
	}
	if math.IsNaN(chance) { // what is coming is no number
		return 0
	}
	return min(max(chance, 0), 1)
}

// supply is how many units there are in the end for all who wait: the mean and the variance.
func (o *Outlook) supply(in Prospect) (mean, variance float64) {
	held := float64(in.Held)
	mean = float64(in.Free) + held*o.back.mean + max(in.Coming, 0)
	variance = held*o.back.mean*(1-o.back.mean)*o.units + held*held*o.back.variance() + in.ComingSD*in.ComingSD
	return mean, variance
}

// stays is the share of those ahead who do not give up before their turn: each waits on average half as long as the last.
func (o *Outlook) stays(ahead uint64) guess {
	wait := o.rate * min(float64(ahead)/o.turns, waitTicksMax)
	if wait < 1e-6 {
		return guess{mean: 1 - 1e-9}
	}
	stay := -math.Expm1(-wait) / wait
	off := stay - math.Exp(-wait) // how much the share changes with the logarithm of the rate
	return guessed(stay, off*off/o.left)
}

// demand is how many units those who come before a waiter take and keep: the mean and the variance, if shoppers have a habit, and the shares that are not known are z standard deviations
// from their middles.
func (o *Outlook) demand(h *habit, z, ahead float64, stays guess) (mean, variance float64) {
	keep := o.keep.mean
	count := func(n, share float64) {
		mean += n * share * keep
		variance += n * share * keep * (1 - share*keep)
	}
	takes := h.takes(h.takers.at(z), &o.stops, o.old)
	for age, n := range o.fresh {
		if n > 0 {
			count(n, guess{takes[age], drift}.at(z))
		}
	}
	if o.quiet > 0 {
		count(o.quiet, guess{takes[freshLen], drift}.at(z))
	}
	of := guessed(takes[0]*stays.mean, stays.variance()*takes[0]*takes[0])
	of.sd = math.Hypot(of.sd, drift)
	count(ahead, of.at(z))
	variance = variance*o.units*o.units + mean*o.unitsVar
	variance += mean * mean * (o.unitsOff + o.units*o.units*o.keep.variance()/(keep*keep))
	return mean * o.units, variance
}

// old is the share of quiet passes that take something at last: no more than is expected of those that have just become quiet, and no more than was seen.
func (o *Outlook) old(expected float64) float64 {
	picked := float64(o.late.Well) + weightLate*expected
	return min(picked/(float64(o.late.Well)+max(float64(o.late.Ill), float64(o.late.Seen)/oldTicks)+weightLate), expected)
}
