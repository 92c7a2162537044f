package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// lineDisplay shows a line while it goes: a block that is drawn again in place on a terminal, one line a second anywhere else.
type lineDisplay struct {
	*display
	line *lineSale
	at   time.Time
	from int64 // passes at the last look
	rate float64
}

func newLineDisplay(out io.Writer, s *lineSale) *lineDisplay {
	return &lineDisplay{display: newDisplay(out, s.sale), line: s, at: time.Now()}
}

// run draws until done is closed, then once more.
func (d *lineDisplay) run(done <-chan struct{}) {
	every := displayPlainEvery
	if d.terminal {
		every = displayTerminalEvery
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		d.draw()
		select {
		case <-done:
			d.draw()
			return
		case <-tick.C:
		}
	}
}

func (d *lineDisplay) draw() {
	now := time.Now()
	d.rates(now)
	shown, l := d.sale.shown.Load(), d.line.now.Load()
	if m := d.line.broadcast.Load(); m != nil && !d.line.over.Load() {
		l = m.Line // as everybody can follow it
	}
	if shown == nil || l == nil {
		return
	}
	if span := now.Sub(d.at); span >= time.Second {
		passes := passesOf(l)
		d.rate, d.from, d.at = float64(passes-d.from)/span.Seconds(), passes, now
	}
	if !d.terminal {
		fmt.Fprintf(d.out, "%5.0f s  %s\n", now.Sub(d.started).Seconds(), d.words(shown, l))
		return
	}
	var b strings.Builder
	if d.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA\x1b[J", d.drawn) // up to where it began, and clear what is below
	}
	block := d.block(now, shown, l)
	d.drawn = strings.Count(block, "\n")
	b.WriteString(block)
	_, _ = io.WriteString(d.out, b.String()) // a terminal that went away is no reason to stop the sale
}

// passesOf is how many passes a line has granted.
func passesOf(l *pb.Line) (n int64) {
	for _, t := range l.GetTracks() {
		n += t.Granted
	}
	return n
}

// words says how it stands in a line.
func (d *lineDisplay) words(shown *shownEvent, l *pb.Line) string {
	c, s := &d.line.line, d.line
	switch l.Phase {
	case engine.LineLobby.String():
		return fmt.Sprintf("lobby    %s in it; seed promised: %.12s...; %s of somebody with a place refused", thousands(l.Entries), l.Commit, thousands(c.refused.Load()))
	case engine.LineClosed.String():
		return fmt.Sprintf("closed   %s entries, root %.12s...; %s", thousands(l.Entries), l.Root, waitsFor(l))
	case engine.LineDrawing.String():
		return fmt.Sprintf("drawing  %s places", thousands(l.Entries))
	case engine.LineServing.String():
	default:
		return l.Phase
	}
	text := fmt.Sprintf("serving  place %s of %s, %s with a pass, %s passes/s; sold %s of %s, held %s, free %s; order p50 %s",
		thousands(l.Served), thousands(l.Joined), thousands(l.Admitted), thousands(int64(d.rate)), thousands(shown.sold()), thousands(s.plan.tickets()), thousands(shown.held()+shown.paying()),
		thousands(s.free()), d.click())
	if told := c.wished.Load(); told > 0 {
		text += fmt.Sprintf("; waiting list: %s joined, %s offered, %s bought for", thousands(told), thousands(c.offered.Load()), thousands(c.autoBought.Load()))
	}
	return text
}

func (d *lineDisplay) click() string {
	p50, _ := d.line.counts.clicked()
	return briefly(p50)
}

// waitsFor says what a closed lobby waits for.
func waitsFor(l *pb.Line) string {
	if l.DrawValue && l.Value == "" {
		return "waits for the public value"
	}
	return "waits for the seed"
}

// block says how it stands on a terminal.
func (d *lineDisplay) block(now time.Time, shown *shownEvent, l *pb.Line) string {
	var b strings.Builder
	c, s := &d.line.line, d.line
	fmt.Fprintf(&b, "%s, %s, line: %s, %.1f s\n\n", s.plan.name, strings.ReplaceAll(shown.state, "_", " "), l.Phase, now.Sub(d.started).Seconds())
	for i := range shown.lots {
		lot := &shown.lots[i]
		fmt.Fprintf(&b, "  %-8s %s  sold %6s  held %5s  paying %5s  free %6s  of %6s\n", lot.id, bar(lot), thousands(lot.sold), thousands(lot.held), thousands(lot.paying), thousands(lot.free), thousands(lot.capacity))
	}
	fmt.Fprintf(&b, "\n  seed promised  %s\n", l.Commit)
	if l.Root != "" {
		fmt.Fprintf(&b, "  list's root    %s over %s entries\n", l.Root, thousands(l.Entries))
	}
	if l.Seed != "" {
		fmt.Fprintf(&b, "  seed           %s, value %q\n", l.Seed, l.Value)
	}
	fmt.Fprintf(&b, "\n  line     %s joined, %s waiting, place %s served, %s with a pass, %s ordered, %s passes ran out, %s skipped, %s gone, %s left\n",
		thousands(l.Joined), thousands(l.Waiting), thousands(l.Served), thousands(l.Admitted), thousands(l.Spent), thousands(l.Lapsed), thousands(l.Skipped), thousands(l.Gone), thousands(l.Left))
	for _, t := range l.Tracks {
		fmt.Fprintf(&b, "  track    %-10s %5.1f %% of the passes, %s granted, place %s served, %s waiting\n", t.Track, float64(t.ShareBp)/100, thousands(t.Granted), thousands(t.Served), thousands(t.Waiting))
	}
	fmt.Fprintf(&b, "  now      %s passes/s, %s commands/s, %s orders/s\n", thousands(int64(d.rate)), thousands(int64(d.commandsRate)), thousands(int64(d.ordersRate)))
	fmt.Fprintf(&b, "  list     %s waiting for tickets, %s offered, %s bought for\n", thousands(c.wished.Load()), thousands(c.offered.Load()), thousands(c.autoBought.Load()))
	fmt.Fprintf(&b, "  refused  %s\n", refusalsText(s.counts.refusedBy(), 4))
	return b.String()
}
