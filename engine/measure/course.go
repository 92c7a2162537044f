package measure

import (
	"github.com/holdfast-engine/holdfast/engine"
)

// courseMax is how many points a course has at most.
const courseMax = 300

// courses are the counts that have one, by the id of their definition.
//
//nolint:gochecknoglobals // a constant table
var courses = [...]struct {
	kpi string
	of  []counter
}{
	{"views", []counter{cntViews}},
	{"holds", []counter{cntHolds}},
	{"orders", []counter{cntOrders}},
	{"tickets", []counter{cntTickets}},
	{"refusals", refusedCounters},
}

// courseStep is the time between the points of a course that begins at a moment, and the first point's time: as fine as the series keeps it for so long, in
// points of which there are not too many.
func courseStep(w Window, begin, now engine.Instant, kept bool) (first, step engine.Instant) {
	keeps := keptWindows
	if kept {
		keeps = keptCourses
	}
	longest := 0
	for i, step := range rungSteps {
		if keeps[i] == 0 {
			break
		}
		longest = i
		if w != WindowSale && step < w.step() {
			continue
		}
		if first := floor(begin, step); first >= now-keeps[i] && (now-first)/step < courseMax {
			return first, step
		}
	}
	step = rungSteps[longest]
	return floor(now, step) - min(keeps[longest], courseMax*step) + step, step
}

// course is what a series counted, step by step, the steps without anything too, and when it begins. What the account has never measured has none.
func (c *counts) course(q *Query, id seriesID, now engine.Instant) (lines map[string][]Point, first engine.Instant) {
	n := c.now(q, id, now)
	l, begin := n.line, n.begin
	if q.Window == WindowSale {
		if begin = n.onSale(); begin == 0 {
			return nil, 0
		}
	}
	now = max(now, begin)
	first, step := courseStep(q.Window, begin, now, c.courses(id))
	points := int((now-first)/step) + 1
	all := make([]counters, points)
	l.each(first, func(at, _ engine.Instant, b *counters) {
		all[min(int((at-first)/step), points-1)].merge(b)
	})
	lines = make(map[string][]Point)
	for _, course := range courses {
		if !n.known(course.of...) {
			continue
		}
		line := make([]Point, points)
		for i := range line {
			line[i] = Point{AtMs: int64(first+engine.Instant(i)*step) / 1e6, Value: float64(all[i].sum(course.of...))}
		}
		lines[course.kpi] = line
	}
	return lines, first
}
