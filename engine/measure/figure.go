package measure

// Unit says how a figure is read.
type Unit string

// The units.
const (
	UnitCount    Unit = "count"     // a whole number
	UnitRatio    Unit = "ratio"     // 0 to 1
	UnitMs       Unit = "ms"        // milliseconds
	UnitMinor    Unit = "minor"     // minor units of Currency
	UnitPerSec   Unit = "per_s"     // a second
	UnitPer100   Unit = "per_100"   // a hundred
	UnitPer1000  Unit = "per_1000"  // a thousand
	UnitScore    Unit = "score"     // of a survey
	UnitInstant  Unit = "unix_ms"   // a moment, in milliseconds since the Unix epoch
	UnitPerBuyer Unit = "per_buyer" // a buyer
)

// Why says why a figure has no value. It is shown instead: a figure that is not there is never 0 or 100 %.
type Why string

// The reasons.
const (
	WhyNotAvailable Why = "not available" // nothing that it is made of was reported
	WhyTooFew       Why = "too few"       // fewer than the definition demands
	WhyNotYet       Why = "not yet"       // no cohort is old enough, or it has not happened
	WhyNoControl    Why = "no control arm"
	WhyMixed        Why = "several currencies" // break it down by event
	WhyNoFlow       Why = "no flow yet"        // in a table by flow: whom it is about may leave before they have one, and only those who stay would be in it
)

// Figure is one KPI, in one series and one window. A nil Value has a Why.
type Figure struct {
	KPI   string   `json:"kpi"` // the id of its [Definition]
	Value *float64 `json:"value"`
	Why   Why      `json:"why,omitempty"`
	Unit  Unit     `json:"unit"`
	// Numerator and Denominator are what a ratio was made of; of a mean or a quantile Denominator is how many it is of.
	Numerator   *int64 `json:"numerator,omitempty"`
	Denominator *int64 `json:"denominator,omitempty"`
	// Low and High are the 95 % interval, where the definition has one.
	Low  *float64 `json:"low,omitempty"`
	High *float64 `json:"high,omitempty"`
	// RelativeErrorMax is how far Value may be from the truth, as a share of it; 0 is exact.
	RelativeErrorMax float64 `json:"relative_error_max,omitempty"`
	// Mature is the share of the cohorts in it that are old enough; SoFar says that some are not, and that it may still change.
	Mature   *float64 `json:"mature,omitempty"`
	SoFar    bool     `json:"so_far,omitempty"`
	Currency string   `json:"currency,omitempty"`
}

// Definition says what a KPI is: once, for every place that shows it. docs/kpis.md is these, and a test holds the two together.
type Definition struct {
	ID         string `json:"id"`
	Name       string `json:"name"` // as people read it
	Group      string `json:"group"`
	Unit       Unit   `json:"unit"`
	Formula    string `json:"formula"`
	Facts      string `json:"facts"`      // what it is made of
	Population string `json:"population"` // who or what counts
	Windows    string `json:"windows"`    // by time, or by entry cohort
	Edges      string `json:"edges"`      // what else a reader has to know
	Exact      bool   `json:"exact"`      // or sketched, with RelativeErrorMax
}

// Definitions are all KPIs, in the order in which they are shown.
func Definitions() []Definition {
	var all []Definition
	for _, m := range newMeters(nil) {
		all = append(all, m.definitions()...)
	}
	return all
}

// Row is the figures of one series.
type Row struct {
	// Series is the value of the dimension, as in "one_click"; empty with [ByNothing]. [SeriesOther] is everything beyond the bound.
	Series  string   `json:"series,omitempty"`
	Figures []Figure `json:"figures"`
}

// SeriesOther is the series that takes in those for which there is no room.
const SeriesOther = "other"

// Point is one step of a course in time.
type Point struct {
	AtMs  int64   `json:"at_ms"` // its beginning
	Value float64 `json:"value"`
}

// Marker is a moment that a reader of a course has to know: a pause, a switch, a rollout, a change of capacity.
type Marker struct {
	AtMs int64  `json:"at_ms"`
	Kind string `json:"kind"`
	Text string `json:"text"`
}

// Answer is what a query is answered. It is the JSON of the KPI stream, of the request and of the dashboard.
type Answer struct {
	Query Query `json:"query"`
	// Title heads a table that a reader may misread, as in "descriptive: buyers choose their flow".
	Title string `json:"title,omitempty"`
	// AtMs is the wall time of the answer; ThroughMs the time of the newest entry in it; LagMs how old the oldest fact is that is durable and not in it.
	AtMs      int64 `json:"at_ms"`
	ThroughMs int64 `json:"through_ms"`
	LagMs     int64 `json:"lag_ms"`
	// SinceMs is when the log began that the figures are made of; 0 if they are made of all of it.
	SinceMs int64 `json:"since_ms,omitempty"`
	// Batch is the last batch of the log that is in it. Two answers of one batch have the same figures.
	Batch uint64 `json:"batch"`
	Rows  []Row  `json:"rows"`
	// Folded says that there was no room for more series: the rest is in [SeriesOther].
	Folded  bool               `json:"folded,omitempty"`
	Courses map[string][]Point `json:"courses,omitempty"` // by KPI, if the query asks for them
	Markers []Marker           `json:"markers,omitempty"`
	Event   *EventNow          `json:"event,omitempty"` // of a query about one event
}

// EventNow is an event as it is.
type EventNow struct {
	ID       string           `json:"id"`
	Name     string           `json:"name"`
	Genre    string           `json:"genre,omitempty"`
	State    string           `json:"state"`
	Observe  bool             `json:"observe,omitempty"`
	Currency string           `json:"currency"`
	TimeZone string           `json:"time_zone,omitempty"`
	OnSaleMs int64            `json:"on_sale_ms,omitempty"`
	Sellable int64            `json:"sellable"`
	Free     int64            `json:"free"`
	Held     int64            `json:"held"`
	Paying   int64            `json:"paying"`
	Sold     int64            `json:"sold"`
	Blocked  int64            `json:"blocked"`
	OneClick string           `json:"one_click"` // as in "off" or "10 %"
	Refusals map[string]int64 `json:"refusals,omitempty"`
	Orders   int64            `json:"orders"`
	LastMs   int64            `json:"last_ms"` // its newest entry
}
