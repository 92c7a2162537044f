package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
)

// display shows a sale while it runs: a block that is drawn again in place on a terminal, one line a second anywhere else.
type display struct {
	out      io.Writer
	terminal bool
	sale     *sale
	started  time.Time
	drawn    int // lines to go up before drawing again

	last                    time.Time // of the rates
	lastHolds, lastOrders   int64
	lastCommands            int64
	holdsRate, ordersRate   float64
	commandsRate            float64
	holdsPeak, commandsPeak float64
}

const (
	displayTerminalEvery = 100 * time.Millisecond
	displayPlainEvery    = time.Second
	ratesEvery           = 500 * time.Millisecond
	barWidth             = 40
)

// isTerminal reports whether a writer is a terminal, where lines can be drawn over.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

func newDisplay(out io.Writer, s *sale) *display {
	now := time.Now()
	return &display{out: out, terminal: isTerminal(out), sale: s, started: now, last: now}
}

// run draws until done is closed, then once more.
func (d *display) run(done <-chan struct{}) {
	every := displayPlainEvery
	if d.terminal {
		every = displayTerminalEvery
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-done:
			d.draw()
			return
		case <-tick.C:
			d.draw()
		}
	}
}

func (d *display) draw() {
	now := time.Now()
	d.rates(now)
	shown := d.sale.shown.Load()
	if shown == nil {
		return
	}
	if !d.terminal {
		d.line(now, shown)
		return
	}
	var b strings.Builder
	if d.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA\x1b[J", d.drawn) // up to where it began, and clear what is below
	}
	block := d.block(now, shown)
	d.drawn = strings.Count(block, "\n")
	b.WriteString(block)
	_, _ = io.WriteString(d.out, b.String()) // a terminal that went away is no reason to stop the sale
}

// rates looks at what happened since it last looked.
func (d *display) rates(now time.Time) {
	span := now.Sub(d.last)
	if span < ratesEvery {
		return
	}
	c := &d.sale.counts
	holds, orders, commands := c.holds.Load(), c.orders.Load(), c.commands.Load()
	d.holdsRate = float64(holds-d.lastHolds) / span.Seconds()
	d.ordersRate = float64(orders-d.lastOrders) / span.Seconds()
	d.holdsPeak = max(d.holdsPeak, d.holdsRate)
	d.commandsRate = float64(commands-d.lastCommands) / span.Seconds()
	d.commandsPeak = max(d.commandsPeak, d.commandsRate)
	d.last, d.lastHolds, d.lastOrders, d.lastCommands = now, holds, orders, commands
}

func (d *display) line(now time.Time, shown *shownEvent) {
	c := &d.sale.counts
	p50, p99 := c.waited()
	refused := int64(0)
	for _, n := range c.refusedBy() {
		refused += n
	}
	fmt.Fprintf(d.out, "%5.0f s  sold %s of %s, held %s, paying %s  shopping %s, served %s  %s commands/s, %s holds/s  refused %s  hold p50 %s, p99 %s\n",
		now.Sub(d.started).Seconds(), thousands(shown.sold()), thousands(d.sale.plan.tickets()), thousands(shown.held()), thousands(shown.paying()),
		thousands(c.shopping.Load()), thousands(c.served.Load()), thousands(int64(d.commandsRate)), thousands(int64(d.holdsRate)), thousands(refused), briefly(p50), briefly(p99))
}

func (d *display) block(now time.Time, shown *shownEvent) string {
	var b strings.Builder
	c := &d.sale.counts
	p50, p99 := c.waited()
	fmt.Fprintf(&b, "Night One, %s, %.1f s\n\n", strings.ReplaceAll(shown.state, "_", " "), now.Sub(d.started).Seconds())
	for i := range shown.lots {
		l := &shown.lots[i]
		fmt.Fprintf(&b, "  %-8s %s  sold %6s  held %5s  paying %5s  free %6s  of %6s\n", l.id, bar(l), thousands(l.sold), thousands(l.held), thousands(l.paying), thousands(l.free), thousands(l.capacity))
	}
	for i := range shown.pools {
		l := &shown.pools[i]
		fmt.Fprintf(&b, "  %-8s %s  sold %6s  held %5s  paying %5s  free %6s  of %6s  (pool)\n", l.id, bar(l), thousands(l.sold), thousands(l.held), thousands(l.paying), thousands(l.free), thousands(l.capacity))
	}
	fmt.Fprintf(&b, "\n  buyers   %s shopping, %s served, %s left without, %s walked away from a hold\n",
		thousands(c.shopping.Load()), thousands(c.served.Load()), thousands(c.gaveUp.Load()), thousands(c.abandoned.Load()))
	fmt.Fprintf(&b, "  now      %s commands/s, %s holds/s, %s orders/s; a hold is answered in %s (p50), %s (p99)\n",
		thousands(int64(d.commandsRate)), thousands(int64(d.holdsRate)), thousands(int64(d.ordersRate)), briefly(p50), briefly(p99))
	fmt.Fprintf(&b, "  refused  %s\n", refusalsText(c.refusedBy(), 4))
	return b.String()
}

// bar draws where the capacity is: sold, held or paying, free, blocked.
func bar(c *shownCounts) string {
	if c.capacity <= 0 {
		return strings.Repeat(" ", barWidth)
	}
	cells := func(n int64) int { return int(n * barWidth / c.capacity) }
	sold := cells(c.sold)
	held := cells(c.sold+c.held+c.paying) - sold
	blocked := cells(c.blocked)
	free := max(barWidth-sold-held-blocked, 0)
	return strings.Repeat("█", sold) + strings.Repeat("▒", held) + strings.Repeat("·", free) + strings.Repeat("x", blocked)
}

// refusalsText lists the most frequent refusals, at most so many.
func refusalsText(by map[string]int64, most int) string {
	codes := slices.SortedFunc(maps.Keys(by), func(a, b string) int {
		return cmp.Or(cmp.Compare(by[b], by[a]), strings.Compare(a, b))
	})
	if len(codes) == 0 {
		return "nobody"
	}
	var parts []string
	for _, code := range codes[:min(len(codes), most)] {
		parts = append(parts, code+" "+thousands(by[code]))
	}
	if rest := codes[min(len(codes), most):]; len(rest) > 0 {
		n := int64(0)
		for _, code := range rest {
			n += by[code]
		}
		parts = append(parts, "others "+thousands(n))
	}
	return strings.Join(parts, ", ")
}

// briefly writes a duration with three digits at most.
func briefly(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%d us", d.Microseconds())
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1e3)
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}
