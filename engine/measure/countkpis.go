package measure

import "time"

// countKPI is a definition of this meter, and how it is answered.
type countKPI struct {
	Definition
	of func(*countsNow) Figure
}

const (
	windowsByTime = "By time, in every window: it counts what happened in the window, by the time at which it happened. A window ends now and begins " +
		"at the edge of a bucket: its length ago, " +
		"or up to 10 s earlier (10s, 1m, 15m), up to a minute earlier (1h) or up to a quarter of an hour earlier (24h). sale is everything since the " +
		"log begins."
	windowsNot10s = windowsByTime + " Not in the window of 10 s."
	windowsNow    = "As it is now: the same in every window."

	edgeReported = "Not available until the account, or an event in mode observe itself, has reported one; from then on none is 0."
	edgeEngine   = "The engine knows it without a report: none is 0. Not available for an event in mode observe that does not report it."
	edgeFlow     = "By flow, device, channel and method it counts only what says which: the sum over the rows may be less than the whole, and where nothing says which there is no value. Views, prompts, clicks and offers come before there is a flow: by flow they say \"no flow yet\"."

	popAll = "Everything that happened in the series and the window, whether it can be linked to a buyer or not."
)

// countKPIs are the KPIs of this meter, in the order in which they are shown.
//
//nolint:funlen // a table
func countKPIs() []countKPI {
	byTime := func(id, name, facts, edges string, cols ...counter) countKPI {
		return countKPI{Definition{
			ID: id, Name: name, Group: "counts", Unit: UnitCount, Formula: "number of " + facts, Facts: facts, Population: popAll, Windows: windowsByTime,
			Edges: edges + " " + edgeFlow, Exact: true,
		}, count(cols...)}
	}
	kpi := func(group, id, name string, unit Unit, formula, facts, population, windows, edges string, of func(*countsNow) Figure) countKPI {
		return countKPI{Definition{
			ID: id, Name: name, Group: group, Unit: unit, Formula: formula, Facts: facts, Population: population, Windows: windows, Edges: edges, Exact: true,
		}, of}
	}
	const (
		orders = "order facts (a confirmed standard checkout, or a one-click purchase that was sold), and in mode observe orders that the shop reports"
		popPur = "Purchases that ended in the window, each once, by how it ended: an order, a decline, given up, or in mode observe a reported failure. " +
			"A hold that ends without an attempt to pay is not one of them. What is still under way is not counted yet."
		popMoney = "All orders of the series in the window, in one currency."
		edgeCur  = "If the series has seen money in several currencies there is no value, in any window: break it down by event."
		edgePeak = "Seconds and minutes are those of the clock in UTC, by the times of the orders. An order that becomes known more than a minute " +
			"after it happened (mode observe) " +
			"is not in the peak of a second, and one that becomes known more than an hour late is not in that of a minute."
		edgeRate = "In the window sale the time is that between the first and the newest of them, at least a second: days in which nobody could buy " +
			"do not count."
		edgeSold = "Only for one event as a whole. Not available for events whose stock the engine does not keep (mode observe)."
	)
	return []countKPI{
		byTime("views", "Views", "touches viewed", edgeReported, cntViews),
		byTime("prompts", "One-click prompts", "touches prompted: the one-click button was shown", edgeReported, cntPrompts),
		byTime("clicks", "One-click clicks", "touches clicked: the one-click button was clicked", edgeReported, cntClicks),
		byTime("offers", "Offers", "offers made: the engine said to show the one-click button", edgeEngine, cntOffers),
		byTime("holds", "Holds", "holds granted", edgeEngine+" A hold that replaces another one of the same buyer counts again.", cntHolds),
		byTime("attempts", "Attempts to pay", "purchases that entered the lane, and standard checkouts that asked to confirm", edgeEngine, cntAttempts),
		byTime("orders", "Orders", orders, edgeEngine+" Orders that are refunded or undone later stay counted.", cntOrders),
		byTime("tickets", "Tickets sold", "tickets (units) in "+orders, edgeEngine+" Tickets that are refunded later stay counted.", cntTickets),
		byTime("declines", "Declines", "purchases whose charge was declined, softly or hard", edgeEngine, cntDeclines),
		byTime("refusals", "Refusals", "commands that the engine refused, with any code", edgeEngine+
			" The engine logs refusals as a tally, at most one a second and event: a refusal counts at the time of its tally. A refusal that is tried "+
			"again counts again.", refusedCounters...),
		byTime("admitted", "Admitted", "tickets whose holder was let in", edgeEngine, cntAdmitted),

		kpi("counts", "orders_per_100_views", "Orders per 100 views", UnitPer100, "orders / views * 100",
			"views: touches viewed; orders: "+orders, "All orders and all views, linked to a buyer or not: this is not conversion, and may exceed "+
				"100.", windowsNot10s,
			"No value while nothing was viewed in the window. Orders and the views that led to them may lie in different windows: in a short window "+
				"the figure runs ahead or behind.",
			ordersPer100Views),

		kpi("throughput", "throughput.orders", "Orders a second", UnitPerSec, "orders / seconds of the window, from its true beginning", orders,
			popAll, windowsNot10s, edgeEngine+" "+edgeRate,
			rate(cntOrders)),
		kpi("throughput", "throughput.tickets", "Tickets a second", UnitPerSec, "tickets / seconds of the window, from its true beginning", "tickets "+
			"in "+orders, popAll, windowsNot10s,
			edgeEngine+" "+edgeRate, rate(cntTickets)),
		kpi("throughput", "throughput.commands", "Commands a second", UnitPerSec, "commands answered, accepted or refused / seconds of the window, "+
			"from its true beginning",
			"timed facts: how many answers took how long", popAll, windowsNot10s, "Not available for a log without timed facts. Commands count at the "+
				"time of their timed fact. "+edgeRate,
			rate(cntCommands)),
		kpi("throughput", "throughput.orders_peak_1s", "Most orders in a second", UnitPerSec, "the largest number of orders in one second", orders,
			popAll, windowsNot10s, edgePeak,
			peak(cntOrders, cntPeakOrders1s, time.Second)),
		kpi("throughput", "throughput.orders_peak_1m", "Most orders in a minute, a second", UnitPerSec, "the largest number of orders in one minute / "+
			"60; the numerator is that number", orders,
			popAll, windowsNot10s, edgePeak+" The minute in which a window begins counts as far as it is in the window.", peak(cntOrders,
				cntPeakOrders1m, time.Minute)),
		kpi("throughput", "throughput.tickets_peak_1s", "Most tickets in a second", UnitPerSec, "the largest number of tickets in the orders of one "+
			"second", "tickets in "+orders, popAll,
			windowsNot10s, edgePeak, peak(cntTickets, cntPeakTickets1s, time.Second)),
		kpi("throughput", "throughput.tickets_peak_1m", "Most tickets in a minute, a second", UnitPerSec,
			"the largest number of tickets in the orders of one minute / 60; the numerator is that number", "tickets in "+orders, popAll, windowsNot10s,
			edgePeak+" The minute in which a window begins counts as far as it is in the window.", peak(cntTickets, cntPeakTickets1m, time.Minute)),

		kpi("revenue", "revenue.face", "Face value", UnitMinor, "sum of the face values of orders", orders, popMoney, windowsNot10s, edgeEngine+" "+
			""+edgeCur+" Before refunds.", amountOf(cntFace)),
		kpi("revenue", "revenue.fees", "Fees", UnitMinor, "sum of the fees of orders", orders, popMoney, windowsNot10s, edgeEngine+" "+edgeCur+" "+
			"Before refunds.", amountOf(cntFees)),
		kpi("revenue", "revenue.tax", "Tax", UnitMinor, "sum of the tax of orders: a part of face value and fees, not on top of them", orders,
			popMoney, windowsNot10s,
			"Not available until an order has named its tax. "+edgeCur, amountOf(cntTax)),
		kpi("revenue", "revenue.refunds", "Refunds", UnitMinor, "sum of what went back to buyers", "refunds that the gateway gave, purchases that "+
			"were undone, and in mode observe refunds that the shop reports",
			"All refunds of the series in the window, of orders of any time.", windowsNot10s, edgeEngine+" "+edgeCur+" A refund counts when the money "+
				"goes back, not when its order was made; "+
				"in the series of the flow, device and so on that the refund says.", amountOf(cntRefunds)),
		kpi("revenue", "revenue.net", "Net revenue", UnitMinor, "face value + fees - refunds; tax stays included", orders+"; refunds", "Orders and "+
			"refunds of the series in the window.",
			windowsNot10s, edgeCur+" It is below 0 in a window in which more went back than came in. Costs of the gateway are not known to the engine "+
				"and not taken off.", money(net)),
		kpi("revenue", "revenue.order_value", "Average order value", UnitMinor, "(face value + fees) / orders; tax is included, refunds are not taken "+
			"off", orders, popMoney, windowsNot10s,
			edgeCur+" Free orders count as orders. No value without an order.", orderValue),

		kpi("errors", "errors.rate", "Failed purchases", UnitRatio, "(errors.ours + errors.payment) / purchases that ended", "orders, declines, "+
			"purchases given up; in mode observe orders and failures "+
			"that the shop reports", popPur, windowsNot10s, "The headline: what the buyer and the stock cannot help. Sold out, limits, buyers who "+
			"leave and bad input are in the denominator only. "+
			"Commands refused before there was a purchase are not in it: see refusals.ours and refusals.payment. A buyer who tries again makes "+
			"another purchase. No value without a purchase; "+
			"in mode observe none until a failure was reported.", errorRate),
		kpi("errors", "errors.ours", "Purchases failed by us", UnitCount, "purchases that ended with an internal, overloaded, unavailable or "+
			"unanswered end", "declines and purchases given up, by reason",
			popPur, windowsByTime, edgeEngine+" The numerator is the same number, the denominator all purchases that ended.", ended(FailureOurs)),
		kpi("errors", "errors.payment", "Purchases failed by payment", UnitCount, "purchases that ended with a decline, a gateway that was down or an "+
			"unknown result", "declines and purchases given up, by reason",
			popPur, windowsByTime, edgeEngine+" A decline because the buyer did not authenticate is the buyer's; one because the gateway refuses our "+
				"request itself is ours.", ended(FailurePayment)),
		kpi("errors", "errors.stock", "Stopped by inventory or policy", UnitCount, "purchases that ended so + commands refused so before a purchase",
			"purchases given up and tallies of refusals, by code",
			popPur+" And refused commands.", windowsByTime, edgeEngine+" Sold out, limits, not on sale and the like: right answers, not faults. The "+
				"numerator is the purchases alone. "+
				"A refusal that is tried again counts again.", endedOrRefused(FailureStock)),
		kpi("errors", "errors.buyer", "Stopped by the buyer", UnitCount, "purchases that the buyer gave up, let time out or did not authenticate",
			"declines and purchases given up, by reason",
			popPur, windowsByTime, edgeEngine, ended(FailureBuyer)),
		kpi("errors", "errors.input", "Stopped by bad input", UnitCount, "purchases that ended so + commands refused so before a purchase",
			"purchases given up and tallies of refusals, by code",
			popPur+" And refused commands.", windowsByTime, edgeEngine+" What is refused before it reaches an event, because it cannot be read, is "+
				"not logged and not counted here.",
			endedOrRefused(FailureInput)),
		refusedBy(FailureOurs, "refusals.ours", "Refused by us", "overloaded, unavailable, quarantined, internal, a bound, a busy lane"),
		refusedBy(FailurePayment, "refusals.payment", "Refused for payment", "the gateway does not answer, the saved method cannot be charged"),
		refusedBy(FailureStock, "refusals.stock", "Refused by inventory or policy", "sold out, limits, not on sale, not eligible, and the like"),
		refusedBy(FailureBuyer, "refusals.buyer", "Refused: the buyer was too late", "a hold or offer that is over or used, a payment already under way"),
		refusedBy(FailureInput, "refusals.input", "Refused as bad input", "ids that do not exist, fields that can never be right"),

		kpi("sold out", "sold_out.first_empty", "First nothing free", UnitInstant, "the first time, after it came on sale, at which no ticket of the "+
			"event could be taken", "stock after each run of facts",
			"The event.", windowsNow, edgeSold+" Held tickets may come back: this is not sold out. Not yet, if there has always been one.",
			ofEvent(firstEmpty)),
		kpi("sold out", "sold_out.at", "Sold out", UnitInstant, "the first time at which tickets sold = tickets that can be sold (capacity without "+
			"blocked)", "stock after each run of facts",
			"The event.", windowsNow, edgeSold+" It stays when tickets come back by refunds, or more are put on sale. Not yet, if it has not "+
				"happened.", ofEvent(soldOutAt)),
		kpi("sold out", "sold_out.sell_through", "Sold of what can be sold", UnitRatio, "tickets sold / tickets that can be sold (capacity without "+
			"blocked)", "stock after each run of facts",
			"The event; for an account or a genre the sums over its events.", windowsNow, "Refunded tickets that are free again are not sold. Not "+
				"available by flow, device, method, channel or hour, "+
				"nor for events whose stock the engine does not keep (mode observe).", sellThrough),
		kpi("sold out", "sold_out.time", "Time to sell out", UnitMs, "sold_out.at - the time the event first came on sale", "stock after each run of "+
			"facts, the event's state", "The event.",
			windowsNow, edgeSold+" Pauses count. Not yet, if it is not sold out.", ofEvent(timeToSellOut)),
	}
}

func refusedBy(f Failure, id, name, which string) countKPI {
	return countKPI{Definition{
		ID: id, Name: name, Group: "errors", Unit: UnitCount, Formula: "commands refused: " + which, Facts: "tallies of refusals, by code",
		Population: "Refused commands, not purchases: one that is tried again counts again.",
		Windows:    windowsByTime, Edges: edgeEngine + " A refusal counts at the time of its tally, at most a second later. A tally knows the flow, but " +
			"not the device, channel or method.", Exact: true,
	}, refused(f)}
}
