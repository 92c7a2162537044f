package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/holdfast-engine/holdfast/bench"
)

// target is a quotient that Holdfast is meant to reach.
type target struct {
	ours, peer string
	times      float64
}

var targets = []target{
	{holdfastOne, redisOne, 8},
	{holdfastBatched, redisPipelined, 18},
	{holdfastOne, postgresRowName, 100},
	{holdfastBatched, postgresRowName, 100},
	{holdfastOne, postgresSkipName, 100},
	{holdfastBatched, postgresSkipName, 100},
	{holdfastBatched, postgresRowMany, 0},
	{holdfastBatched, postgresSkipMany, 0},
	{holdfastOne, redisEverysec, 0},
	{holdfastBatched, redisEverysecMany, 0},
}

// report prints every entry's rounds, the quotients, and the table for the README.
func report(out io.Writer, entries []*entry, conditions string) {
	fmt.Fprintln(out, "\nall drivers, each by its best way:")
	for _, e := range entries {
		fmt.Fprintf(out, "%-44s %-16s %-44s %v\n", e.peer, e.driver, e.best.name, e.rates())
	}
	best := winners(entries)
	find := func(name string) *entry {
		return best[slices.IndexFunc(best, func(e *entry) bool { return e.peer == name })]
	}
	fmt.Fprintln(out, "\nquotients, the median of neighbouring rounds, a peer by its better driver:")
	for _, t := range targets {
		q := find(t.ours).rates().Over(find(t.peer).rates())
		verdict := ""
		switch {
		case t.times > 0 && q.Median() >= t.times:
			verdict = fmt.Sprintf("at least %.0f: reached", t.times)
		case t.times > 0:
			verdict = fmt.Sprintf("at least %.0f: NOT reached", t.times)
		}
		fmt.Fprintf(out, "%-24s / %-44s %v  %s\n", t.ours, t.peer, q, verdict)
	}
	fmt.Fprintf(out, "\n%s\n\n", conditions)
	one, batched := find(holdfastOne).rates(), find(holdfastBatched).rates()
	fmt.Fprintln(out, "| | best driver and setting | durable holds/s | spread | p50 / p99 | Holdfast one a message / batched, times |")
	fmt.Fprintln(out, "| --- | --- | --- | --- | --- | --- |")
	for _, e := range best {
		rates, note := e.rates(), ""
		if !e.durable {
			note = " *"
		}
		ratios := ""
		if !strings.HasPrefix(e.peer, "Holdfast") {
			ratios = fmt.Sprintf("%.1f / %.1f", one.Over(rates).Median(), batched.Over(rates).Median())
		}
		fmt.Fprintf(out, "| %s | %s, %s | %s%s | %.0f%% | %s | %s |\n", e.peer, e.driver, e.best.name, thousands(rates.Median()), note, 100*rates.Spread(), latencies(e), ratios)
	}
	fmt.Fprintln(out, "\n\\* answered before it is on disk: a power cut takes up to a second of acknowledged holds.")
}

// latencies are the closed-loop p50 and p99 of a turn, where the driver is ours.
func latencies(e *entry) string {
	if e.rounds[0].Latency == nil {
		return ""
	}
	h := bench.Latencies(e.rounds)
	return fmt.Sprintf("%.2f / %.2f ms", float64(h.ValueAtQuantile(50))/1000, float64(h.ValueAtQuantile(99))/1000)
}

// thousands writes a rate with three digits, grouped as people read it.
func thousands(v float64) string {
	digits := fmt.Sprintf("%.0f", v)
	if n := len(digits); n > 3 {
		digits = digits[:3] + strings.Repeat("0", n-3)
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
