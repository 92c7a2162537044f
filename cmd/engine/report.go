package main

import (
	"time"

	"github.com/holdfast-engine/holdfast/engine/measure"
)

// report is what an event's sale came to, for those who decide what to do next. It names no buyer. Its figures are those of the KPIs, to the digit, and its money is
// that of the event's orders, to the cent.
type report struct {
	Made    time.Time `json:"made"`
	Version string    `json:"version"`
	Account string    `json:"account"`
	Event   string    `json:"event"`
	// Source is what it was made of: a running engine, or a data folder.
	Source string `json:"source"`

	Verdict []string `json:"verdict"`
	// Figures are the KPIs since the sale began, with their courses, and By the same broken down.
	Figures *measure.Answer   `json:"figures"`
	By      []*measure.Answer `json:"by"`
	Sold    []reportLot       `json:"sold"`
	Money   reportMoney       `json:"money"`
	// Line is how the event's line went; nil if it had none.
	Line        *reportLineOf        `json:"line"`
	Baseline    *reportBaseline      `json:"baseline,omitempty"`
	Incidents   []reportIncident     `json:"incidents"`
	Definitions []measure.Definition `json:"definitions"`
}

// reportLot is what was sold of a lot.
type reportLot struct {
	Lot       string `json:"lot"`
	FaceMinor int64  `json:"face_minor"` // per sale, as it is now
	Capacity  int64  `json:"capacity"`   // tickets
	Blocked   int64  `json:"blocked"`
	Sold      int64  `json:"sold"`
	Free      int64  `json:"free"`
}

// reportMoney is the event's orders, and whether the figures agree with them.
type reportMoney struct {
	Currency string `json:"currency"`
	// Through is the last batch of the log that the orders are of; 0 if all of them were there before what is left of the log.
	Through uint64           `json:"through_batch"`
	Orders  []reportOrder    `json:"orders"`
	Checks  []reportAgreeing `json:"checks"`
	// OpenMinor is what refunds that the gateway has not given yet come to: it is in no sum.
	OpenMinor int64 `json:"open_refunds_minor"`
	// Elsewhere says that the event sells elsewhere: its orders are reported, and there is no ledger of them here.
	Elsewhere bool `json:"elsewhere,omitempty"`
}

// reportOrder is an order: what it cost, and by what id the gateway knows its charge.
type reportOrder struct {
	Order       string    `json:"order"`
	At          time.Time `json:"at"`
	Flow        string    `json:"flow"`
	Tickets     int64     `json:"tickets"`
	FaceMinor   int64     `json:"face_minor"`
	FeesMinor   int64     `json:"fees_minor"`
	TaxMinor    int64     `json:"tax_minor"` // in face and fees
	TotalMinor  int64     `json:"total_minor"`
	RefundMinor int64     `json:"refund_minor"` // that has gone back
	NetMinor    int64     `json:"net_minor"`
	Undone      bool      `json:"undone,omitempty"`
	Purchase    string    `json:"purchase,omitempty"` // none: it was paid outside
	Gateway     string    `json:"gateway,omitempty"`
	Charge      string    `json:"charge,omitempty"` // the gateway's id of it
	ChargeState string    `json:"charge_state"`
	PaymentRef  string    `json:"payment_ref,omitempty"` // paid outside: by what
	Refunds     []string  `json:"refunds,omitempty"`     // id, state and amount

	openMinor int64
}

// reportAgreeing is a sum of the orders beside the figure that says the same.
type reportAgreeing struct {
	KPI    string   `json:"kpi"`
	Orders int64    `json:"orders"`
	Figure *float64 `json:"figure"`
	Agrees bool     `json:"agrees"`
}

// agrees reports whether all figures are those of the orders.
func (m *reportMoney) agrees() bool {
	for i := range m.Checks {
		if !m.Checks[i].Agrees {
			return false
		}
	}
	return true
}

// reportBaseline is the figures of the time before, beside those of now.
type reportBaseline struct {
	Title string               `json:"title"`
	File  string               `json:"file"`
	Rows  []reportBaselineLine `json:"rows"`
}

// reportBaselineLine is one KPI, before and after.
type reportBaselineLine struct {
	Before measure.Figure `json:"before"`
	After  measure.Figure `json:"after"`
}

// reportIncident is something that a reader has to know to understand a course: a pause, an outage, what an operator did.
type reportIncident struct {
	At   time.Time `json:"at"`
	Kind string    `json:"kind"`
	Text string    `json:"text"`
}
