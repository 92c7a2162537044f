package transport

import (
	"context"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/measure"
)

// Measurer answers questions about KPIs. It is what transport needs from whoever keeps the book.
type Measurer interface {
	// Answer answers a query that [measure.Query.Check] has found right. An error says that there is no answer now, and why: the engine is starting or
	// stopping, or ctx has ended. One that wraps [measure.ErrTooMuch] says that there never is.
	Answer(ctx context.Context, q *measure.Query) (*measure.Answer, error)
	// Events returns the events of an account as they are now, in the order of their ids.
	Events(ctx context.Context, account string) ([]measure.EventNow, error)
}

// Report makes the report of an event, as it is written as JSON, or says with a code why there is none. It names no buyer.
type Report func(ctx context.Context, account, event string) (report any, refused *engine.AdminAnswer)

// State is how the engine is: the answer of /api/v1/state. It names no buyer.
type State struct {
	AtMs        int64    `json:"at_ms"`
	StartedAtMs int64    `json:"started_at_ms"`
	Version     string   `json:"version"`
	Accounts    []string `json:"accounts"`
	Ready       bool     `json:"ready"`
	Why         string   `json:"why,omitempty"` // it is not ready
	// Alarms are what an operator has to look at, the worst first.
	Alarms []StateAlarm `json:"alarms"`
	Books  StateBooks   `json:"books"`
	Lanes  []StateLane  `json:"lanes"`
	// LagMs is how old the oldest fact is that is durable and in no KPI; nil while nobody measures. SinceMs is when the log began that the KPIs are made of, 0 if
	// they are made of all of it.
	LagMs   *int64 `json:"lag_ms"`
	SinceMs int64  `json:"since_ms,omitempty"`
}

// StateAlarm is something that an operator has to look at.
type StateAlarm struct {
	Kind string `json:"kind"` // one word, as in "disk" or "quarantine"
	Text string `json:"text"`
}

// StateBooks says whether the books balance: no ticket appeared or vanished, and no money is where it should not be.
type StateBooks struct {
	Balanced bool `json:"balanced"`
	// DriftTickets is by how many tickets free + held + paying + sold + blocked differs from capacity, in the events that are awake.
	DriftTickets int64 `json:"drift_tickets"`
	// UnknownCharges are those whose last question the gateway has not answered: they are being asked about, and until then the money is provisional.
	UnknownCharges int64 `json:"unknown_charges"`
	// MoneyAlarms are the purchases since the start whose money needed an operator: another amount than was asked for, or nothing definite for too long.
	MoneyAlarms int64 `json:"money_alarms"`
}

// StateLane is a lane in front of a gateway.
type StateLane struct {
	Gateway       string  `json:"gateway"`
	RatePerS      float64 `json:"rate_per_s"`      // as it was set
	EffectivePerS float64 `json:"effective_per_s"` // what the gateway lets us make of it
	Waiting       int64   `json:"waiting"`
	InFlight      int64   `json:"in_flight"`
	Unknown       int64   `json:"unknown"`
	EtaMs         int64   `json:"eta_ms"`
	BreakerOpen   bool    `json:"breaker_open"` // the gateway does not answer: new purchases are refused
}
