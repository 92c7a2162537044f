package measure

import (
	"math"
	"slices"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// countsNow is one series in one window, as figures are made of it.
type countsNow struct {
	counters
	c     *counts
	line  *timeline
	key   seriesKey
	q     *Query
	begin engine.Instant
	now   engine.Instant
}

func (c *counts) now(q *Query, id seriesID, now engine.Instant) *countsNow {
	n := &countsNow{c: c, line: c.line(id), key: c.b.series.keys[id], q: q, begin: q.Window.Begin(now), now: now}
	if q.Window == WindowSale {
		n.counters = n.line.all()
	} else {
		n.counters = n.line.since(n.begin)
	}
	return n
}

func (c *counts) figures(dst []Figure, q *Query, id seriesID, now engine.Instant) []Figure {
	n := c.now(q, id, now)
	for i := range c.kpis {
		if k := &c.kpis[i]; q.wants(k.ID) {
			f := k.of(n)
			f.KPI, f.Unit = k.ID, k.Unit
			dst = append(dst, f)
		}
	}
	return dst
}

func (c *counts) definitions() []Definition {
	all := make([]Definition, len(c.kpis))
	for i := range c.kpis {
		all[i] = c.kpis[i].Definition
	}
	return all
}

// known says whether things are measured where the series is: 0 is then a number, and else it is not available. The engine measures what it does itself. What
// is reported is measured once its account has reported one of it, and for an event that sells elsewhere once that event has. By something that no caller has
// said of any of them, nothing is known.
func (n *countsNow) known(cols ...counter) bool {
	if !n.said(cols...) {
		return false
	}
	s := n.key.of
	if s.event != nil && s.event.Observe {
		return n.c.ever(s.slots[0]-1, cols...)
	}
	if (s.event != nil || s.account.selling) && ofEngine(cols...) {
		return true
	}
	return n.c.ever(s.account.slots[0]-1, cols...)
}

// said says whether any of these says what it is broken down by, if there are any: a device, a method and a channel are the callers' to tell. Where none does,
// 0 in every row would say that nobody bought.
func (n *countsNow) said(cols ...counter) bool {
	by, s := n.key.by, n.key.of
	if by != dimDevice && by != dimMethod && by != dimChannel {
		return true
	}
	ofOrders := [...]counter{cntTickets, cntFace, cntFees, cntTax}
	if slices.ContainsFunc(cols, func(col counter) bool { return slices.Contains(ofOrders[:], col) }) {
		cols = []counter{cntOrders} // an amount may be 0
	}
	if !n.c.ever(s.slots[0]-1, cols...) {
		return true
	}
	first := slotOf(by, 0)
	return slices.ContainsFunc(s.slots[first:first+dimSizes[by]], func(slot seriesID) bool {
		return slot != slotEmpty && slot != slotNoRoom && n.c.ever(slot-1, cols...)
	})
}

// ever says whether a series has ever counted one of these.
func (c *counts) ever(id seriesID, cols ...counter) bool {
	if int(id) >= len(c.lines) {
		return false
	}
	l := c.lines[id]
	for _, col := range cols {
		if l.total[col] != 0 || l.open[0].counters[col] != 0 || l.open[1].counters[col] != 0 {
			return true
		}
	}
	return false
}

// ofEngine says whether these are facts of the engine, which nobody needs to report.
func ofEngine(cols ...counter) bool {
	reported := [...]counter{cntViews, cntPrompts, cntClicks, cntTax, cntCommands}
	return !slices.ContainsFunc(cols, func(col counter) bool { return slices.Contains(reported[:], col) })
}

// beforeFlow says whether something comes before a buyer has a flow: a table by flow says so, and not that there were none.
func (c counter) beforeFlow() bool {
	return c == cntViews || c == cntPrompts || c == cntClicks || c == cntOffers
}

// onSale is when the series came on sale: the event, or the first of the account's; where that is not known, when it first counted something; 0 if it has not.
func (n *countsNow) onSale() engine.Instant {
	if e := n.key.of.event; e != nil {
		if e.OnSale != 0 {
			return e.OnSale
		}
		return n.line.first
	}
	first := engine.Instant(0)
	for _, e := range n.key.of.account.events {
		if e.OnSale != 0 && (first == 0 || e.OnSale < first) {
			first = e.OnSale
		}
	}
	if first == 0 {
		return n.line.first
	}
	return first
}

func none(why Why) Figure { return Figure{Why: why} }

func value(v float64) Figure { return Figure{Value: &v} }

// count is how many of some columns there are.
func count(cols ...counter) func(*countsNow) Figure {
	return func(n *countsNow) Figure {
		switch {
		case !n.known(cols...):
			return none(WhyNotAvailable)
		case n.key.by == dimFlow && n.sum(cols...) == 0 && slices.ContainsFunc(cols, counter.beforeFlow):
			return none(WhyNoFlow)
		}
		return value(float64(n.sum(cols...)))
	}
}

// ratio is one sum over another, times a factor; there is none over nothing.
func ratio(above, below int64, times float64) Figure {
	if below == 0 {
		return none(WhyNotAvailable)
	}
	f := value(float64(above) / float64(below) * times)
	f.Numerator, f.Denominator = &above, &below
	return f
}

// rate is how many of a counter there were a second: of the window, or, since the beginning, between the first and the last of them.
func rate(col counter) func(*countsNow) Figure {
	return func(n *countsNow) Figure {
		if !n.known(col) || n.q.Window == Window10s {
			return none(WhyNotAvailable)
		}
		first, last := n.begin, n.now
		if n.q.Window == WindowSale {
			if first, last = n.line.firstOrder, n.line.lastOrder; col == cntCommands {
				first, last = n.line.firstCommands, n.line.lastCommands
			}
		}
		many := n.counters[col]
		f := value(float64(many) / seconds(first, last))
		f.Numerator = &many
		return f
	}
}

// peak is the most of something in a second or a minute of the window.
func peak(of, most counter, length time.Duration) func(*countsNow) Figure {
	return func(n *countsNow) Figure {
		if !n.known(of) || n.q.Window == Window10s {
			return none(WhyNotAvailable)
		}
		many := n.counters[most]
		f := value(float64(many) / length.Seconds())
		f.Numerator = &many
		return f
	}
}

// money is an amount of columns that are measured, in the series' one currency.
func money(amount func(*countsNow) (minor float64, known bool)) func(*countsNow) Figure {
	return func(n *countsNow) Figure {
		minor, known := amount(n)
		switch {
		case n.q.Window == Window10s || !known:
			return none(WhyNotAvailable)
		case n.line.mixed:
			return none(WhyMixed)
		}
		f := value(minor)
		if f.Currency = n.line.currency; f.Currency == "" && n.key.of.event != nil {
			f.Currency = n.key.of.event.Currency
		}
		return f
	}
}

func amountOf(col counter) func(*countsNow) Figure {
	return money(func(n *countsNow) (float64, bool) { return float64(n.counters[col]), n.known(col) })
}

func net(n *countsNow) (float64, bool) {
	return float64(n.sum(cntFace, cntFees) - n.counters[cntRefunds]), n.known(cntFace) && n.known(cntRefunds)
}

func orderValue(n *countsNow) Figure {
	f := money(func(n *countsNow) (float64, bool) {
		return float64(n.sum(cntFace, cntFees)) / float64(n.counters[cntOrders]), n.counters[cntOrders] > 0 && n.known(cntFace)
	})(n)
	if orders := n.counters[cntOrders]; f.Value != nil {
		f.Denominator = &orders
	}
	return f
}

func ordersPer100Views(n *countsNow) Figure {
	if n.q.Window == Window10s || !n.known(cntOrders) || !n.known(cntViews) {
		return none(WhyNotAvailable)
	}
	return ratio(n.counters[cntOrders], n.counters[cntViews], 100)
}

func errorRate(n *countsNow) Figure {
	if n.q.Window == Window10s || !n.known(cntOrders) || !n.known(failedCounters...) {
		return none(WhyNotAvailable)
	}
	failed := n.sum(cntFailed.ofFailure(FailureOurs), cntFailed.ofFailure(FailurePayment))
	return ratio(failed, n.counters[cntOrders]+n.sum(failedCounters...), 1)
}

// ended counts the purchases that one failure ended.
func ended(f Failure) func(*countsNow) Figure {
	return func(n *countsNow) Figure {
		if !n.known(failedCounters...) {
			return none(WhyNotAvailable)
		}
		many, of := n.counters[cntFailed.ofFailure(f)], n.counters[cntOrders]+n.sum(failedCounters...)
		fig := value(float64(many))
		fig.Numerator, fig.Denominator = &many, &of
		return fig
	}
}

// refused counts the refusals by one failure.
func refused(f Failure) func(*countsNow) Figure {
	return func(n *countsNow) Figure {
		if !n.known(refusedCounters...) {
			return none(WhyNotAvailable)
		}
		return value(float64(n.counters[cntRefused.ofFailure(f)]))
	}
}

// endedOrRefused counts the purchases that one failure ended, and the commands that it refused before there was a purchase.
func endedOrRefused(f Failure) func(*countsNow) Figure {
	return func(n *countsNow) Figure {
		fig := ended(f)(n)
		if fig.Value != nil {
			*fig.Value += float64(n.counters[cntRefused.ofFailure(f)])
		}
		return fig
	}
}

// ofEvent is a figure of one event as a whole, whatever the window.
func ofEvent(of func(*event) Figure) func(*countsNow) Figure {
	return func(n *countsNow) Figure {
		if n.key.of.event == nil || n.key.by != dimNone || n.key.of.event.Stock == (Stock{}) {
			return none(WhyNotAvailable)
		}
		return of(n.key.of.event)
	}
}

// moment is when something happened to an event, if it has.
func instantOf(at engine.Instant) Figure {
	if at == 0 {
		return none(WhyNotYet)
	}
	return value(math.Floor(float64(at) / 1e6))
}

func firstEmpty(e *event) Figure { return instantOf(e.firstEmpty) }

func soldOutAt(e *event) Figure { return instantOf(e.soldOut) }

func timeToSellOut(e *event) Figure {
	switch {
	case e.soldOut == 0:
		return none(WhyNotYet)
	case e.OnSale == 0: // it came on sale before the log that was read
		return none(WhyNotAvailable)
	}
	return value(float64(e.soldOut-e.OnSale) / 1e6)
}

// sellThrough is what is sold of what can be: of an event, of a genre, or of all events of the account.
func sellThrough(n *countsNow) Figure {
	var sold, sellable int64
	add := func(e *event) { sold, sellable = sold+e.Stock.Sold, sellable+e.Stock.Sellable }
	switch {
	case n.key.of.event != nil && n.key.by == dimNone:
		add(n.key.of.event)
	case n.key.of.event == nil && (n.key.by == dimNone || n.key.by == dimGenre):
		for _, e := range n.key.of.account.events {
			if n.key.by == dimNone || e.genre == n.key.value || e.genre > wordsMax && n.key.value == 0 {
				add(e)
			}
		}
	}
	return ratio(sold, sellable, 1)
}
