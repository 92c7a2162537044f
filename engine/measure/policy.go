package measure

// Policy is what the definitions leave to whoever runs the engine. A book that was made under one policy is read under it.
type Policy struct {
	// MatureMs is how long after its first view a buyer-event is watched before it counts as ended: conversion and abandonment.
	MatureMs int64
	// SupportMs is how long after a buyer's last attempt a query without an order is taken to be about it.
	SupportMs int64
	// RegretMs is how long after an order a refund that its buyer asks for counts as regret.
	RegretMs int64
	// SurveyPermille of the attempts are asked, SurveyDelayMs after their end, and no person twice within SurveyPauseMs.
	SurveyPermille, SurveyDelayMs, SurveyPauseMs int64
	// SeriesMax bounds the series of events, RowsMax the buyer-events that are being watched, PeopleMax the persons that are known again.
	SeriesMax, RowsMax, PeopleMax int64
}

// SeriesMaxDefault bounds the series of events if nothing else is said: beside the totals of 10,000 events it has room to break some 2,700 of them down.
const SeriesMaxDefault = 1 << 16

// PolicyDefault is the policy of an engine that is told nothing else.
func PolicyDefault() Policy {
	const minute, hour, day = 60_000, 3_600_000, 24 * 3_600_000
	return Policy{
		MatureMs: 30 * minute, SupportMs: 7 * day, RegretMs: 72 * hour, SurveyPermille: 50, SurveyDelayMs: hour, SurveyPauseMs: 90 * day,
		SeriesMax: SeriesMaxDefault, RowsMax: 4 << 20, PeopleMax: 8 << 20,
	}
}

// fields are the parts of a policy in the order of a follower's state.
func (p *Policy) fields() []*int64 {
	return []*int64{
		&p.MatureMs, &p.SupportMs, &p.RegretMs, &p.SurveyPermille, &p.SurveyDelayMs, &p.SurveyPauseMs, &p.SeriesMax, &p.RowsMax, &p.PeopleMax,
	}
}
