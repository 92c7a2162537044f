package measure

func defineLatency() []Definition {
	const group = "latency"
	what := map[duration]Definition{
		durationSeen: {
			Name: "L1: seen by the buyer", Facts: "touches: click_seen", Population: "clicks whose client told what its buyer saw, with consent or not",
			Edges: "From the click until the result was on the screen, by the client's own monotonic clock: two machines' clocks are never subtracted. Clicks that were never answered are not in it: read it beside latency.confirmed_2s.",
		},
		durationEngine: {
			Name: "L2: engine, succeeded", Facts: "what the engine's own clock says, batched into facts", Population: "commands of callers that succeeded, without reads and touches",
			Edges: "From the receipt of a command to its durable answer.",
		},
		durationEngineFailed: {
			Name: "L2: engine, refused or failed", Facts: "what the engine's own clock says, batched into facts", Population: "commands of callers that were refused or failed, without reads and touches", Edges: "From the receipt of a command to its answer.",
		},
		durationHold: {
			Name: "L3: hold", Facts: "what the engine's own clock says, batched into facts", Population: "holds that were asked for by themselves and granted",
			Edges: "From the receipt of the command to its durable answer. The hold of a one-click purchase is a part of that command.",
		},
		durationLane: {
			Name: "L3: wait in the lane", Facts: "attempted, asked", Population: "purchases whose gateway was asked", Edges: "From the moment a purchase enters the lane until the gateway is asked for the first time.",
		},
		durationGateway: {
			Name: "L3: gateway", Facts: "asked; action required, authorised, declined", Population: "questions to the gateway that are answered",
			Edges: "From the question to its answer, whatever it is, retries in between included. Where the buyer has to authenticate the answer is that.",
		},
		durationCommit: {
			Name: "L3: commit", Facts: "authorised, ordered", Population: "orders that were paid through the engine", Edges: "From the gateway's answer to the order: 0 where both are in one run of the log, which is the rule. The write itself is in L2.",
		},
		durationAuthentication: {
			Name: "L3: authentication", Facts: "action required; the next step of the purchase", Population: "purchases whose buyer had to authenticate", Edges: "It is the buyer's time and the bank's, so it is apart from the gateway's.",
		},
		durationPageLoad: {Name: "Page ready", Facts: "touches: page_ready (load_ms)", Population: "pages that report it, with consent or not", Edges: "By the client's own clock. 0 is not reported."},
		durationPrompt:   {Name: "Prompt shown", Facts: "touches: page_ready (prompt_ms)", Population: "pages that report it, with consent or not", Edges: "By the client's own clock. 0 is not reported."},
	}
	var all []Definition
	for _, l := range latencies() {
		for _, p := range percentiles() {
			d := what[l.of]
			d.ID, d.Group, d.Unit, d.Windows = "latency."+l.id+p.suffix, group, UnitMs, byTime
			d.Formula = p.name + " of the durations: the lower one where it falls between two. Denominator is how many they are: of fewer than about 20 it says little"
			d.Name += ", " + p.name
			d.Edges += " Within 1 % of the true value: durations are counted in buckets of that width, exactly."
			all = append(all, d)
		}
		if l.of == durationAuthentication {
			all = append(all, Definition{
				ID: "latency.confirmed_2s", Name: "Clicks confirmed within 2 s", Group: group, Unit: UnitRatio, Exact: true,
				Formula: "one-click clicks whose buyer saw within 2 s that there is an order / one-click clicks; with the 95 % Wilson interval", Facts: "touches: clicked, click_seen; one-click attempts and orders",
				Population: "clicks of somebody on the one-click button: those reported by clicked, also where the engine then refused to buy or the card was declined, and those whose click_seen names the request of a one-click attempt", Windows: byTime + " A click is of the time at which it was made.",
				Edges: "Clicks without an answer stay in the denominator once they are 10 s old; answers are taken for 2 minutes, and of the newest 65,536 clicks. Two clicks of one buyer at one event within 10 s are one. Declined, refused " +
					"and pending clicks are not confirmed, however fast: compare errors. What a click_seen tells of the standard checkout is in L1 only. The order has to be of the attempt that the click_seen names; at shops that sell elsewhere, " +
					"one since the click before. In a table by flow all clicks are one_click.",
			})
		}
	}
	return all
}
