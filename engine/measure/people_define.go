package measure

import "slices"

// What several definitions say.
const (
	ofOrders = "all orders of the series that the book knows, linkable to a buyer or not"
	notHeard = " What was never reported of the event is not available, not 0."
	byOrder  = "By time of the order: an order of the window counts as regretted whenever that becomes known, so a figure may still rise. Mature is the share of the orders that are older " +
		"than the time for regret (72 hours); SoFar says that some are not."
	cohortEdges = "A person's first order anywhere in the account begins the cohort, and all of it counts in the series of that first order: in the row of an event are those whose first order was " +
		"there, and what they ordered later, at any event. Orders that were refunded later count. Beyond the bound of persons (Policy.PeopleMax) those whose first order is the oldest are forgotten, and " +
		"would count as new."
	scoreEdges = "Of a buyer who tried to buy at an event one answer of each kind of survey counts, and one more when the engine asks again. It counts in the series of its order if it names one, else of the attempt that its buyer was asked about, else of " +
		"the buyer's last attempt at the event within 7 days, else where the answer itself says. Answers of buyers whom the engine did not ask count here, but not in satisfaction.responses. " +
		"Below 30 answers nothing but their number is shown."
	byAnswer = "By time of the answer."
)

func (m *people) definitions() []Definition {
	return slices.Concat(defineErrors(), defineRegret(), defineSatisfaction(), defineSupport(), defineRetention(), defineShare())
}

func defineErrors() []Definition {
	return []Definition{{
		ID: "errors.never_succeeded", Name: "Buyers who never succeeded", Group: "errors", Unit: UnitRatio, Exact: true,
		Formula: "buyers with an attempt at an event and no order there until now / buyers with an attempt there; with the 95 % Wilson interval",
		Facts:   "a purchase that entered the lane, a standard checkout that asked to confirm, an order; in mode observe the reported orders and failures, and the step called payment",
		Population: "buyers and events in pairs: somebody who tries at two events counts at each. Attempts of nobody in particular (no buyer, no consent) count nowhere here; " +
			"refusals before an attempt (sold out, not on sale) are no attempts",
		Windows: "By cohort: the buyer's first attempt at the event lies in the window; that it succeeded later counts. The last minutes therefore look worse than they end.",
		Edges:   "It counts in the series of the first attempt: who failed with one-click and then succeeded with the standard checkout succeeded, in the row of one-click. An order that was refunded was a success. A shop that sells elsewhere and reports orders only has no such figure.",
	}}
}

func defineRegret() []Definition {
	const group = "regret"
	one := func(id, name, formula, facts, edges string) Definition {
		return Definition{
			ID: id, Name: name, Group: group, Unit: UnitPer1000, Exact: true, Formula: "1000 x " + formula + " / orders; with the 95 % Wilson interval", Facts: facts,
			Population: ofOrders, Windows: byOrder, Edges: edges + notHeard,
		}
	}
	return []Definition{
		one("regret.rate", "Regretted orders", "orders that were undone, or whose refund their buyer asked for within 72 hours, or that are disputed, or whose buyer did not mean to buy",
			"orders; undo, refunds, disputes, answers to the survey of regret", "An order counts once, however often it is regretted. It counts in the series of the order, whatever the refund or answer says."),
		one("regret.undo", "Undone orders", "orders that their buyer took back by undo", "orders, undo", "Only purchases by one-click can be undone."),
		one("regret.refund_72h", "Refunds asked for within 72 hours", "orders of which their buyer asked money back, all or a part, within 72 hours (Policy.RegretMs)", "orders, refunds",
			"When the buyer asked counts, not when the money went back. Refunds by the organiser, of a cancelled show or of a late payment are no regret. In mode observe nobody says who asked: there every "+
				"refund reported in time counts that names its order, which is dropped without consent."),
		one("regret.disputes", "Disputed orders", "orders whose charge is disputed", "orders, disputes", "Disputes come weeks later: the figure of a new event is low for that reason alone."),
		one("regret.did_not_mean", "Did not mean to buy", "orders whose buyer said in a survey that the purchase was not meant", "orders, answers to the survey of regret (1 is no)",
			"An answer that names no order is about its buyer's last order at the event; one that can be tied to no order is not counted. Only some are asked, so compare flows, not the number itself."),
	}
}

func defineSatisfaction() []Definition {
	const group = "satisfaction"
	return []Definition{
		{
			ID: "satisfaction.csat", Name: "Satisfied (CSAT, top two of five)", Group: group, Unit: UnitRatio, Exact: true,
			Formula: "answers of 4 or 5 / answers from 1 to 5; with the 95 % Wilson interval", Facts: "survey answers",
			Population: "buyers who answered; who does not answer is not in it: read it beside satisfaction.responses", Windows: byAnswer, Edges: scoreEdges,
		},
		{
			ID: "satisfaction.nps", Name: "Net Promoter Score", Group: group, Unit: UnitScore, Exact: true,
			Formula: "100 x (answers of 9 or 10 - answers of 0 to 6) / answers from 0 to 10; with the 95 % adjusted Wald interval (three answers added: a quarter promoters, half passive, a quarter detractors)",
			Facts:   "survey answers", Population: "buyers who answered", Windows: byAnswer, Edges: scoreEdges,
		},
		{
			ID: "satisfaction.responses", Name: "Response rate of surveys", Group: group, Unit: UnitRatio, Exact: true,
			Formula: "askings that were answered / askings that came due; with the 95 % Wilson interval", Facts: "the engine's own choice of whom to ask; survey answers of any kind",
			Population: "the buyers whom the engine chose (survey.due): a fixed share of the attempts (Policy.SurveyPermille, 5 %), by a keyed hash of buyer, event and attempt, whatever the attempt came to, an " +
				"hour after its end (Policy.SurveyDelayMs), nobody twice in 90 days (Policy.SurveyPauseMs)",
			Windows: "By cohort: the asking came due in the window; answers count whenever they come.",
			Edges: "The first answer to an asking counts, at the event that it was about. Whether the shop sent the survey is not known: a shop that does not send has a rate of 0. Events in mode observe are not " +
				"asked by the engine. Beyond 262,144 who wait to be asked nobody more is chosen.",
		},
	}
}

func defineSupport() []Definition {
	const group = "support"
	const windows = "By time: queries that arrived in the window over orders made in the window. A query about an older order counts when it arrives."
	const edges = "A query counts in the series of the order that it names, else of its buyer's last attempt at the event within 7 days (Policy.SupportMs), failed ones too. What belongs to neither is in every series of its own " +
		"but that of a flow: tables by flow have it in the row \"unattributed\", which has no orders and so only a number of queries." + notHeard
	return []Definition{
		{
			ID: "support.all", Name: "Support queries", Group: group, Unit: UnitPer1000, Exact: true, Formula: "1000 x support queries / orders", Facts: "support queries, orders",
			Population: "queries that the shop reports", Windows: windows, Edges: edges,
		},
		{
			ID: "support.one_click", Name: "Support queries about one-click", Group: group, Unit: UnitPer1000, Exact: true, Formula: "1000 x support queries about one-click / orders by one-click",
			Facts: "support queries whose topic begins with \"one_click\", orders", Population: "queries that the shop reports with such a topic", Windows: windows, Edges: edges,
		},
	}
}

func defineRetention() []Definition {
	const group = "retention"
	one := func(id, days string) Definition {
		return Definition{
			ID: id, Name: "Ordered again within " + days + " days", Group: group, Unit: UnitRatio, Exact: true,
			Formula: "persons with another order within " + days + " days of their first / persons whose first order is " + days + " days old or older; with the 95 % Wilson interval", Facts: "orders",
			Population: "persons with an order whose " + days + " days are over at the book's newest entry; Mature is their share of all persons with an order",
			Windows:    "By cohort of the first order, since the sale began only: no shorter window is old enough, and says \"not yet\".",
			Edges:      "Another order counts from the moment after the first, at the same event too. " + cohortEdges,
		}
	}
	return []Definition{one("retention.7d", "7"), one("retention.30d", "30"), one("retention.90d", "90")}
}

func defineShare() []Definition {
	const group = "revenue"
	return []Definition{
		{
			ID: "revenue.frequency", Name: "Orders a buyer", Group: group, Unit: UnitPerBuyer, Exact: true, Formula: "orders of persons of the cohort until now / persons of the cohort", Facts: "orders",
			Population: "persons with an order", Windows: "By cohort: the person's first order lies in the window.", Edges: cohortEdges,
		},
		{
			ID: "revenue.share_shift", Name: "Shift of the share of one-click (before and after the switch, not causal)", Group: group, Unit: UnitRatio, Exact: true,
			Formula: "orders by one-click / orders, after one-click was switched on, less the same before; with the 95 % Newcombe interval. Numerator and denominator are those of after",
			Facts:   "orders, switches of one-click", Population: ofOrders,
			Windows: "After: orders made in the window. Before: all orders made before one-click was first switched on at their event.",
			Edges: "It says how much of the sale runs through one-click now, not that one-click sold more: that needs a control arm. An order counts as after from the first switch of its own event on, also while one-click is " +
				"off again. Without orders on both sides it is not available; nor is it in tables by flow.",
		},
		{
			ID: "revenue.cannibalisation", Name: "Cannibalisation", Group: group, Unit: UnitMinor, Exact: true,
			Formula: "revenue that one-click took from the standard checkout: what buyers would have spent there anyway", Facts: "a control arm, which there is none of",
			Population: "buyers of a control arm who were not offered one-click by chance", Windows: "None.",
			Edges: "It is not shown: without a control arm nobody can know it. revenue.share_shift is what can be said instead.",
		},
	}
}
