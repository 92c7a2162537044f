package main

import (
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestDemoSellsAndBalances(t *testing.T) {
	out := must(t, "demo", "--exit", "--buyers", "400", "--tickets", "100", "--seed", "3")
	wants(t, out, "Ledger: in balance", "Summary", "state hash", "Log: whole", "sold_out")
	if strings.Contains(out, "\x1b[") {
		t.Error("what is no terminal got a terminal's control characters")
	}
}

func TestDemoStaysUpUntilItIsToldToLeave(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out output
	done := make(chan error, 1)
	go func() { done <- run(ctx, []string{"demo", "--buyers", "50", "--tickets", "60"}, &out, io.Discard) }()
	var url string
	for url == "" {
		select {
		case err := <-done:
			t.Fatalf("it left by itself: %v\n%s", err, &out)
		case <-time.After(10 * time.Millisecond):
		}
		if _, after, up := strings.Cut(out.String(), "The engine stays up."); up && strings.Contains(after, "Ctrl-C") {
			url, _, _ = strings.Cut(after[strings.Index(after, "--nats ")+len("--nats "):], "\n")
		}
	}
	wants(t, must(t, "event", "show", demoEvent, "--nats", url), "Night One", "standing")
	cancel()
	if err := <-done; err != nil {
		t.Errorf("it left with: %v", err)
	}
	dir, _, _ := strings.Cut(strings.TrimPrefix(out.String(), "An engine in "), ",")
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder %s is still there: %v", dir, err)
	}
}

func TestDemoCanBeStoppedInTheMiddle(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out output
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, []string{"demo", "--exit", "--buyers", "5000", "--tickets", "500"}, &out, io.Discard)
	}()
	for !strings.Contains(out.String(), "shopping") {
		select {
		case err := <-done:
			t.Fatalf("it left by itself: %v\n%s", err, &out)
		case <-time.After(10 * time.Millisecond):
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("it left with: %v", err)
	}
}

func TestDemoExplainsWhatItCannotDo(t *testing.T) {
	_, err := engineRun(t, "demo", "--buyers", "0")
	refuses(t, err, "--buyers")
	_, err = engineRun(t, "demo", "--tickets", "3")
	refuses(t, err, "--tickets")
}

func TestPlanAddsUp(t *testing.T) {
	for _, tickets := range []int64{demoTicketsMin, 100, 999, 1000, 5000, 12345, demoTicketsMax} {
		p := makePlan(tickets)
		var seats, early, floor int64
		for i := range p.lots {
			l := &p.lots[i]
			switch {
			case l.tickets() < 1:
				t.Errorf("%d tickets: lot %s has none", tickets, l.id)
			case l.seated():
				seats += l.tickets()
			case l.id == "early":
				early = l.capacity
			case l.id == "floor":
				floor = l.capacity
			}
			if l.rows > 0 && !l.has(l.seat(l.rows-1, l.rowSeats-1)) {
				t.Errorf("%d tickets: the last seat of %s is not its own", tickets, l.id)
			}
			if l.capacity%l.units != 0 {
				t.Errorf("%d tickets: lot %s has %d tickets in sales of %d", tickets, l.id, l.capacity, l.units)
			}
		}
		if p.tickets() != tickets || seats+early+floor != tickets || p.pools[1].capacity != early+floor {
			t.Errorf("%d tickets: %d seats + %d early + %d floor", tickets, seats, early, floor)
		}
	}
}

// soundBooks is a ledger of three orders, and an engine that counts the same.
func soundBooks() (*plan, *ledger, *shownEvent) {
	p := makePlan(100)
	l := &ledger{}
	l.told(toldOrder{id: "o1", buyer: "b1", total: 2 * p.lot("early").price(), currency: demoCurrency, tickets: []string{"t1", "t2"}, items: []toldItem{{lot: "early", quantity: 2}}})
	l.told(toldOrder{id: "o2", buyer: "b2", total: p.lot("fours").price(), currency: demoCurrency, tickets: []string{"t3", "t4", "t5", "t6"}, items: []toldItem{{lot: "fours", quantity: 1}}})
	l.told(toldOrder{id: "o3", buyer: "b3", total: p.lot("stalls").price(), currency: demoCurrency, tickets: []string{"t7"}, items: []toldItem{{lot: "stalls", quantity: 1, seats: []string{"A/1/1"}}}})
	sold := map[string]int64{"early": 2, "fours": 4, "stalls": 1, "house": 7, "standing": 6}
	shown := &shownEvent{orders: 3}
	for i := range p.lots {
		c := shownCounts{id: p.lots[i].id, capacity: p.lots[i].tickets(), sold: sold[p.lots[i].id]}
		c.free = c.capacity - c.sold
		shown.lots = append(shown.lots, c)
	}
	for _, q := range p.pools {
		shown.pools = append(shown.pools, shownCounts{id: q.id, capacity: q.capacity, sold: sold[q.id], free: q.capacity - sold[q.id]})
	}
	return &p, l, shown
}

func TestLedgerCheckSeesWhatIsOff(t *testing.T) {
	p, l, shown := soundBooks()
	if off := l.balance(p, shown); len(off) != 0 {
		t.Fatalf("sound books are off: %q", off)
	}
	order := func(id string, change func(o *toldOrder)) func(*ledger, *shownEvent) {
		return func(l *ledger, _ *shownEvent) {
			i := slices.IndexFunc(l.orders, func(o toldOrder) bool { return o.id == id })
			change(&l.orders[i])
		}
	}
	for _, c := range []struct {
		name, says string
		spoil      func(*ledger, *shownEvent)
	}{
		{"an order is lost", "told of 3 orders and took back 0, the engine counts 2", func(_ *ledger, e *shownEvent) { e.orders = 2 }},
		{"an order is invented", "buyers were told of 0 tickets, the engine counts 2", func(l *ledger, _ *shownEvent) { l.orders = l.orders[1:] }},
		{"an order id is used twice", "order o1 is in order o1", order("o2", func(o *toldOrder) { o.id = "o1" })},
		{"a ticket id is used twice", "ticket t1 is in order", order("o3", func(o *toldOrder) { o.tickets = []string{"t1"} })},
		{"a ticket is missing", "has 1 tickets, its items are 2", order("o1", func(o *toldOrder) { o.tickets = o.tickets[:1] })},
		{"a seat is sold twice", "seat A/1/1 is in order", func(l *ledger, _ *shownEvent) { l.orders = append(l.orders, l.orders[2]) }},
		{"a seat of another house", "seat Z/1/1, which lot stalls does not have", order("o3", func(o *toldOrder) { o.items[0].seats = []string{"Z/1/1"} })},
		{"a seat too far", "which lot stalls does not have", order("o3", func(o *toldOrder) { o.items[0].seats = []string{"A/1/999"} })},
		{"a seat is missing", "1 sales of the seated lot stalls and 0 seats", order("o3", func(o *toldOrder) { o.items[0].seats = nil })},
		{"a lot of another event", `lot "gallery", which the event does not have`, order("o1", func(o *toldOrder) { o.items[0].lot = "gallery" })},
		{"a wrong price", "its tickets cost 82.00 EUR", order("o1", func(o *toldOrder) { o.total++ })},
		{"a wrong currency", "costs", order("o1", func(o *toldOrder) { o.currency = "USD" })},
		{"a buyer above the limit", "buyer b2 has 6 tickets, the limit is 4", order("o1", func(o *toldOrder) { o.buyer = "b2" })},
		{"a ticket from nowhere", "its capacity is", func(_ *ledger, e *shownEvent) { e.lots[0].free++ }},
		{"a pool that leaks", "pool house: free", func(_ *ledger, e *shownEvent) { e.pools[0].free-- }},
		{"a count below zero", "below zero", func(_ *ledger, e *shownEvent) { e.lots[0].blocked, e.lots[0].free = -1, e.lots[0].free+1 }},
		{"a hold that never ends", "1 holds are still alive", func(_ *ledger, e *shownEvent) { e.holdsLive = 1 }},
		{"tickets held by nobody", "still counts 1 held", func(_ *ledger, e *shownEvent) { e.lots[0].held, e.lots[0].free = 1, e.lots[0].free-1 }},
		{"a capacity that changed", "it was created with", func(_ *ledger, e *shownEvent) { e.lots[0].capacity++; e.lots[0].free++ }},
		{"a pool that forgot a sale", "pool standing: buyers were told of 6 tickets", func(_ *ledger, e *shownEvent) { e.pools[1].sold--; e.pools[1].free++ }},
		{"a lot that is not shown", "does not show lot early", func(_ *ledger, e *shownEvent) { e.lots = e.lots[1:] }},
		{"a pool that is not shown", "does not show pool standing", func(_ *ledger, e *shownEvent) { e.pools = e.pools[:1] }},
		{"an answer that broke a promise", "was sent twice", func(l *ledger, _ *shownEvent) { l.breaks("request %s was sent twice", "r1") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, l, shown := soundBooks()
			c.spoil(l, shown)
			off := l.balance(p, shown)
			if !slices.ContainsFunc(off, func(s string) bool { return strings.Contains(s, c.says) }) {
				t.Errorf("the check says %q, it should say %q", off, c.says)
			}
		})
	}
}

func TestDisplayDrawsInPlaceOnATerminal(t *testing.T) {
	s := newSale(makePlan(100), 10, 1, 0, demoRushMin)
	_, _, shown := soundBooks()
	shown.state = "on_sale"
	s.shown.Store(shown)
	s.counts.refused("sold_out")
	var out output
	d := newDisplay(&out, s)
	d.terminal = true
	d.draw()
	first := out.String()
	wants(t, first, "Night One, on sale", "early", "█", "(pool)", "sold_out 1")
	d.draw()
	wants(t, strings.TrimPrefix(out.String(), first), "\x1b[")
	if d.drawn != strings.Count(first, "\n") {
		t.Errorf("it goes up %d lines, the block has %d", d.drawn, strings.Count(first, "\n"))
	}
}
