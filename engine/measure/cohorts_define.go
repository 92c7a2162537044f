package measure

import "slices"

// What several definitions say.
const (
	byView = "By entry cohort: the minute of the buyer's first view of the event lies in the window, which begins at a full minute (24h: at a quarter of an hour) at or before its length ago. " +
		"Mature is the share of the cohorts in it whose last view is as old as Policy.MatureMs (30 minutes); SoFar says that some are younger, so that the figure may still rise. Not for 10s."
	byHold  = "By cohort of the first hold, which needs no report: the minute of the hold lies in the window. Only cohorts older than Policy.MatureMs (30 minutes) count, so 1m and 15m say \"not yet\"; Mature is their share. Not for 10s."
	byOffer = "By cohort of the first offer, which needs no report: the minute of the offer lies in the window. Mature is the share of cohorts older than Policy.MatureMs (30 minutes). Not for 10s."
	byTime  = "By time of what is counted, in buckets of a minute: the window begins at a full minute (24h: at a quarter of an hour) at or before its length ago. Not for 10s."

	viewers = "buyer-events with a view: one buyer at one event, whatever number of views. Touches without consent or of nobody are in no buyer-event: coverage.views says how many"

	rowEdges = "It counts in the way (flow of the last hold, attempt or order; device, channel, method) in which the buyer was last seen there, and in the hour of the cohort: a buyer who only looked has no flow, so in a table by flow " +
		"what is about buyers before their first hold says \"no flow yet\" (conversion, the funnel up to the hold, completion, adoption), and the rest compares those who came as far as a hold. It is descriptive: buyers choose their flow. A session becomes its buyer's once one touch names both: the earlier view wins and the steps of both are united. Where there are " +
		"more buyer-events than Policy.RowsMax the one that began first is let go: it stays counted as it was then, a later order of it is not, and a later view begins it anew."
)

func (m *cohorts) definitions() []Definition {
	return slices.Concat(defineConversion(), defineFunnel(), defineAbandonment(), defineAdoption(), defineCheckout(), defineLatency())
}

func defineConversion() []Definition {
	const group = "conversion"
	share := func(id, name, formula, facts, population, windows, edges string) Definition {
		return Definition{
			ID: id, Name: name, Group: group, Unit: UnitRatio, Exact: true, Formula: formula + "; with the 95 % Wilson interval", Facts: facts, Population: population,
			Windows: windows, Edges: edges,
		}
	}
	const facts = "touches: viewed; orders of the engine, or those that a shop reports in mode observe"
	return []Definition{
		share("conversion", "Conversion", "buyer-events with an order until now / buyer-events with a view", facts, viewers, byView,
			"An order counts whenever it comes, also when the cohort is mature. Orders of buyers without a reported view are in no conversion (coverage.orders). Gross: what went back later counts. Without a reported view it is not available: "+
				"orders_per_100_views is then no conversion either. Nor where only events are viewed that sell elsewhere and report no order. "+rowEdges),
		share("conversion_mature", "Conversion of mature cohorts", "as conversion, of mature cohorts only", facts, viewers, byView,
			"What conversion settles at: use this one to compare. \"not yet\" until a cohort is mature. "+rowEdges),
		share("conversion_obtainable", "Conversion while tickets were obtainable", "buyer-events with an order / buyer-events with a view, of those that began while tickets could be bought", facts+"; stock and state of the event",
			viewers+". Of these, those whose event was on sale with a free ticket at the first view, as the log knew it then", byView,
			"A low conversion after selling out says nothing about a checkout; this one leaves it out. A free ticket need not be one that the buyer wanted. Shops that sell elsewhere report no stock: there it is not available. "+rowEdges),
		share("conversion_net", "Conversion, net of refunds", "buyer-events with an order that was kept, at least in part / buyer-events with a view", facts+"; undone, refunded", viewers, byView,
			"An order is kept until all of its money went back, by undo or refunds; a refund that was asked for and not made yet changes nothing. "+rowEdges),
		share("coverage.views", "Views that can be linked", "views of somebody / all views", "touches: viewed", "all views reported, with consent or not", byTime,
			"What conversion is blind to. A view counts each time, in the way that it says itself or its buyer was last seen; who only looks has no flow, so in a table by flow it says \"no flow yet\"."),
		share("coverage.orders", "Orders that can be linked", "orders of a buyer-event with a view / all orders", "orders; touches: viewed", "all orders, also those paid outside or of nobody", byTime,
			"A view counts if it was reported before the order was made; one that is reported or joined to its buyer later is in conversion, not here. Where no view was ever reported (of the event; of an account, at any of its events) it is not available."),
	}
}

func defineFunnel() []Definition {
	const group = "funnel"
	all := []Definition{{
		ID: "funnel.viewed", Name: "Viewed the event", Group: group, Unit: UnitCount, Exact: true, Formula: "buyer-events with a view", Facts: "touches: viewed", Population: viewers, Windows: byView,
		Edges: rowEdges,
	}}
	steps := funnelSteps()
	names := [funnelEnd]string{"Selected tickets", "Held tickets", "Attempted to buy", "Ordered"}
	facts := [funnelEnd]string{
		"touches: selected, or put into the cart", "holds; in mode observe touches: put into the cart",
		"purchases that entered the lane, standard checkouts that asked to confirm; in mode observe touches: the step called payment, a failed attempt",
		"orders; in mode observe those reported",
	}
	const order = "The steps are ordered, and of each the buyer's first counts: it has to be at or behind the view and the first of each step before. Who holds tickets has selected them, who has an order has attempted it, and at a shop that sells " +
		"elsewhere who attempts has held: these steps are taken for granted where no report of them is in order, but one that nobody in the window reported is not available, and the next is compared with the one before it. "
	for i, step := range steps {
		all = append(all, Definition{
			ID: "funnel." + step, Name: names[i], Group: group, Unit: UnitRatio, Exact: true,
			Formula: "buyer-events that reached the step in order / buyer-events that reached the step before; what is missing to 1 dropped out. With the 95 % Wilson interval", Facts: facts[i], Population: viewers, Windows: byView,
			Edges: order + rowEdges,
		}, Definition{
			ID: "funnel." + step + ".time.p50", Name: names[i] + ": median time since the step before", Group: group, Unit: UnitMs,
			Formula: "median of the time from the last step before that was reported (the view, if there is none) to this one", Facts: facts[i], Population: viewers + ". Of these, those that reached the step in order, by a report or fact of its own",
			Windows: byView, Edges: "By node time of facts and of touches, less how long ago a touch says it was. Times above 24 days count as 24 days. " + order + rowEdges,
		})
	}
	return all
}

func defineAbandonment() []Definition {
	const group = "abandonment"
	const population = "buyer-events with a hold (in mode observe: with tickets in the cart) in a mature cohort, viewed or not"
	one := func(id, name, formula, edges string) Definition {
		return Definition{
			ID: id, Name: name, Group: group, Unit: UnitRatio, Exact: true, Formula: formula + " / buyer-events with a hold; with the 95 % Wilson interval",
			Facts: "holds, orders, declined and given up purchases; in mode observe carts, orders and failures", Population: population, Windows: byHold, Edges: edges + rowEdges,
		}
	}
	return []Definition{
		one("abandonment", "Abandoned holds", "buyer-events without an order within Policy.MatureMs (30 minutes) behind their first hold",
			"It is could_not and did_not together. An order that came later does not undo it. Every hold of the buyer counts as one: replacing a hold is not abandoning it. "),
		one("abandonment.could_not", "Abandoned: could not", "of these, those whose last attempt in that time failed by ours, the payment or the stock",
			"Whose fault a failure is, is that of errors. Refusals before a purchase are counted without their buyers, so a buyer who was only ever refused is in did_not. "),
		one("abandonment.did_not", "Abandoned: did not", "of these, the others", "They let the hold end, released it, did not authenticate, or tried nothing. "),
	}
}

func defineAdoption() []Definition {
	const group = "adoption"
	return []Definition{
		{
			ID: "adoption.attempted", Name: "Tried one-click, of those offered", Group: group, Unit: UnitRatio, Exact: true,
			Formula: "buyer-events with a one-click attempt behind an offer / buyer-events that were offered one-click; with the 95 % Wilson interval", Facts: "offers, purchases", Population: "buyer-events that were offered one-click", Windows: byOffer,
			Edges: "An offer is what the engine answered, not that the button was seen: compare prompts. " + rowEdges,
		},
		{
			ID: "adoption.share", Name: "One-click share of the orders of those offered", Group: group, Unit: UnitRatio, Exact: true, Formula: "one-click orders / orders, of buyer-events that were offered one-click before; with the 95 % Wilson interval",
			Facts: "offers, orders", Population: "orders of buyer-events that were offered one-click", Windows: byTime, Edges: "Refunded orders count. In a table by flow it would be 0 or 1 by definition, so there it says \"no flow yet\".",
		},
		{
			ID: "adoption.again", Name: "Used one-click again", Group: group, Unit: UnitRatio, Exact: true, Formula: "persons with a second one-click order, at any event of the account / persons with a one-click order; with the 95 % Wilson interval", Facts: "one-click orders",
			Population: "persons with a one-click order", Windows: "By cohort: the minute of the person's first one-click order lies in the window. It may rise for as long as the person is known. Not for 10s.",
			Edges: "It counts in the series of that first order. Beyond Policy.PeopleMax persons the one who came first is forgotten, and counts as new when seen again.",
		},
		{
			ID: "adoption.no_action", Name: "One-click without another action", Group: group, Unit: UnitRatio, Exact: true, Formula: "one-click attempts that became orders without an authentication / one-click attempts; with the 95 % Wilson interval", Facts: "purchases, orders",
			Population: "one-click attempts of somebody", Windows: "By cohort: the minute of the buyer's first one-click attempt at the event lies in the window. Not for 10s.",
			Edges: "Attempts under way count as not done. Of one buyer at one event up to 255 attempts count. " + rowEdges,
		},
		{
			ID: "adoption.eligible", Name: "Could have one-click, of active buyers", Group: group, Unit: UnitRatio, Exact: true, Formula: "buyer-events that could have one-click / buyer-events with a view; with the 95 % Wilson interval", Facts: "offers; touches: viewed",
			Population: viewers, Windows: byView, Edges: "Only those for whom the engine was asked and said yes are known by name: whom the rollout left out, or who was not eligible, counts as not. Without any offer it is not available. " + rowEdges,
		},
	}
}

func defineCheckout() []Definition {
	const group = "checkout time"
	const population = "orders whose buyer selected tickets before: completers only, so read it beside checkout_time.completion"
	const formula = " of the time from the last selection of tickets before the order to the order, without what the buyer waited in the line meanwhile"
	const facts = "touches: selected, stepped (line, admitted); orders"
	const edges = "Both moments are by our clock: node time, less how long ago a touch says it was. Both flows are measured alike; break it down by flow. A second order without a new selection is not timed."
	return []Definition{
		{
			ID: "checkout_time.p50", Name: "Checkout time, median", Group: group, Unit: UnitMs, Formula: "median" + formula, Facts: facts, Population: population, Windows: byTime, Edges: edges,
		},
		{
			ID: "checkout_time.mean", Name: "Checkout time, mean", Group: group, Unit: UnitMs, Exact: true, Formula: "mean" + formula + "; longer ones count as 30 minutes", Facts: facts, Population: population, Windows: byTime, Edges: edges,
		},
		{
			ID: "checkout_time.completion", Name: "Checkouts completed", Group: group, Unit: UnitRatio, Exact: true, Formula: "buyer-events that selected tickets behind their view and ordered behind that / buyer-events that selected tickets behind their view; with the 95 % Wilson interval",
			Facts: facts, Population: viewers + ". Of these, those that reported a selection", Windows: byView, Edges: rowEdges,
		},
		{
			ID: "checkout_time.line_wait.p50", Name: "Wait in the line, median", Group: group, Unit: UnitMs, Formula: "median of the time from joining the line to being let in", Facts: "touches: stepped, with the steps line and admitted",
			Population: "buyers whose shop reports its line by these two steps", Windows: byTime, Edges: "It is taken out of the checkout time if it began behind the selection. The engine has no line of its own yet: without reports it is not available.",
		},
	}
}
