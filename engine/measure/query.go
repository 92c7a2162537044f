package measure

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Window is the time that a figure is about. Figures by time count what happened in it; those by cohort count the buyer-events that began in it.
type Window string

// The windows.
const (
	Window10s  Window = "10s" // counts only
	Window1m   Window = "1m"
	Window15m  Window = "15m"
	Window1h   Window = "1h"
	Window24h  Window = "24h"
	WindowSale Window = "sale" // since the event, or the first of them, came on sale
)

// Windows are all windows, the shortest first.
func Windows() []Window {
	return []Window{Window10s, Window1m, Window15m, Window1h, Window24h, WindowSale}
}

// LengthMs is how long the window is; 0 is since the beginning.
func (w Window) LengthMs() int64 {
	switch w {
	case Window10s:
		return 10_000
	case Window1m:
		return 60_000
	case Window15m:
		return 15 * 60_000
	case Window1h:
		return 3_600_000
	case Window24h:
		return 24 * 3_600_000
	case WindowSale:
	}
	return 0
}

// Dimension is by what a table is broken down.
type Dimension string

// The dimensions.
const (
	ByNothing Dimension = ""
	ByEvent   Dimension = "event"
	ByGenre   Dimension = "genre"
	ByFlow    Dimension = "flow"
	ByDevice  Dimension = "device"
	ByMethod  Dimension = "method" // of payment
	ByChannel Dimension = "channel"
	ByHour    Dimension = "hour" // of the day, in the event's time zone
)

// Dimensions are all dimensions.
func Dimensions() []Dimension {
	return []Dimension{ByNothing, ByEvent, ByGenre, ByFlow, ByDevice, ByMethod, ByChannel, ByHour}
}

// Query asks for figures.
type Query struct {
	Account string    `json:"-"`
	Event   string    `json:"event,omitempty"`  // empty: all events of the account
	Window  Window    `json:"window,omitempty"` // empty: [WindowSale]
	By      Dimension `json:"by,omitempty"`
	// KPIs are ids of definitions, or beginnings of them that end in ".", as in "funnel."; none asks for all.
	KPIs []string `json:"kpis,omitempty"`
	// Courses asks for the course in time of counts.
	Courses bool `json:"courses,omitempty"`
}

// ErrTooMuch is wrapped where a query asks for more figures than are answered at once.
var ErrTooMuch = errors.New("the most that are answered at once: name the KPIs, or ask for one event")

// Check makes q whole, or says which field is wrong and what it may be.
func (q *Query) Check() (field string, err error) {
	if q.Window == "" {
		q.Window = WindowSale
	}
	if !slices.Contains(Windows(), q.Window) {
		return "window", fmt.Errorf("there is no window %q: choose one of %v", q.Window, Windows())
	}
	if !slices.Contains(Dimensions(), q.By) {
		return "by", fmt.Errorf("nothing is broken down by %q: choose one of %v", q.By, Dimensions()[1:])
	}
	if q.Event != "" && (q.By == ByEvent || q.By == ByGenre) {
		return "by", fmt.Errorf("one event has no other %s", q.By)
	}
	if len(q.KPIs) == 0 {
		return "", nil
	}
	all := Definitions()
	for _, id := range q.KPIs {
		if !slices.ContainsFunc(all, func(d Definition) bool {
			return d.ID == id || strings.HasSuffix(id, ".") && strings.HasPrefix(d.ID, id)
		}) {
			return "kpis", fmt.Errorf("there is no KPI %q: docs/kpis.md lists them", id)
		}
	}
	return "", nil
}

func (q *Query) wants(id string) bool {
	return len(q.KPIs) == 0 || slices.ContainsFunc(q.KPIs, func(k string) bool { return k == id || strings.HasSuffix(k, ".") && strings.HasPrefix(id, k) })
}
