package main

import (
	"math"
	"strings"
	"time"

	"github.com/holdfast-engine/holdfast/engine/measure"
)

// The size of a chart, in its own units.
const (
	chartWidth, chartHeight = 960.0, 160.0
	// chartBarsMax is how many bars fit: of more steps some are added together.
	chartBarsMax = 240
	// chartStepMs is the step of a course that has only one: the shortest that there is.
	chartStepMs = 10_000
)

// reportChart is the course of a count as bars, with a line for each marker.
type reportChart struct {
	KPI, Name  string
	Bars       []chartBar
	Markers    []chartMarker
	Width      float64
	Height     float64
	Most       int64 // of a bar
	From, To   string
	EachSecond int64 // a bar is so long
}

type chartBar struct {
	X, Y, Width, Height float64
	Text                string
}

type chartMarker struct {
	X    float64
	Text string
}

// chart draws the course of a count from its first to its last step that is not 0.
func (r *report) chart(kpi string, points []measure.Point) reportChart {
	c := reportChart{KPI: kpi, Name: kpi, Width: chartWidth, Height: chartHeight}
	for _, d := range r.Definitions {
		if d.ID == kpi {
			c.Name = d.Name
		}
	}
	first, last := len(points), -1
	for i := range points {
		if points[i].Value != 0 {
			first, last = min(first, i), i
		}
	}
	if last < 0 {
		return c
	}
	step := int64(chartStepMs)
	if len(points) > 1 {
		step = points[1].AtMs - points[0].AtMs
	}
	points = points[first : last+1]
	together := (len(points) + chartBarsMax - 1) / chartBarsMax
	bars := (len(points) + together - 1) / together
	sums, most := make([]float64, bars), 0.0
	for i := range points {
		sums[i/together] += points[i].Value
		most = max(most, sums[i/together])
	}
	zone := r.zone()
	at := func(ms int64) string { return time.UnixMilli(ms).In(zone).Format("2006-01-02 15:04:05") }
	length := step * int64(together)
	begin, end := points[0].AtMs, points[0].AtMs+length*int64(bars)
	c.Most, c.From, c.To, c.EachSecond = int64(math.Round(most)), at(begin), at(end), length/1000 //nolint:mnd // of a second
	width := chartWidth / float64(bars)
	for i, sum := range sums {
		height := sum / most * chartHeight
		c.Bars = append(c.Bars, chartBar{
			X: round2(float64(i) * width), Y: round2(chartHeight - height), Width: round2(max(width*0.9, 0.5)), Height: round2(height), //nolint:mnd // a gap between bars
			Text: at(begin+int64(i)*length) + ": " + thousands(int64(math.Round(sum))),
		})
	}
	for _, m := range r.Figures.Markers {
		if m.AtMs >= begin && m.AtMs <= end {
			c.Markers = append(c.Markers, chartMarker{X: round2(float64(m.AtMs-begin) / float64(end-begin) * chartWidth), Text: strings.TrimSpace(time.UnixMilli(m.AtMs).In(zone).Format(time.TimeOnly) + " " + strings.ReplaceAll(m.Kind, "_", " ") + " " + m.Text)})
		}
	}
	return c
}

func round2(v float64) float64 { return math.Round(v*100) / 100 } //nolint:mnd // two decimals
