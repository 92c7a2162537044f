package sandbox

import (
	"cmp"
	"fmt"
	"os"
	"slices"
)

// Truth is what the sandbox really did, for checkers.
type Truth struct {
	Charges []Charge                // by order, then in the order in which they were made
	Orders  map[string]OrderOfMoney // by order
	Misuses int64                   // requests whose key had come with other bytes before: a correct caller has none
	Counts  Counts
}

// OrderOfMoney is what all charges of one order come to.
type OrderOfMoney struct {
	Charges       int   // that cost the buyer something now: more than one is a double charge
	ReservedMinor int64 // authorised and neither captured nor let go
	TakenMinor    int64 // captured, less what was given back
	RefundedMinor int64
	Undecided     int // charges that wait for the buyer or for the gateway
	Currency      string
}

// Truth returns what the sandbox has done so far.
func (g *Gateway) Truth() Truth {
	g.mu.Lock()
	defer g.mu.Unlock()
	t := Truth{Orders: make(map[string]OrderOfMoney, len(g.byOrder)), Misuses: g.misuses, Counts: g.counts}
	for order, charges := range g.byOrder {
		var sum OrderOfMoney
		for _, c := range charges {
			held := *c
			held.Refunds = slices.Clone(c.Refunds)
			t.Charges = append(t.Charges, held)
			sum.add(c)
		}
		t.Orders[order] = sum
	}
	slices.SortStableFunc(t.Charges, func(a, b Charge) int { return cmp.Compare(a.Order, b.Order) })
	return t
}

func (o *OrderOfMoney) add(c *Charge) {
	o.Currency = c.Currency
	switch c.State {
	case Waiting, Undecided:
		o.Undecided++
	case Authorised:
		o.ReservedMinor += c.AmountMinor
		o.Charges++
	case Captured:
		left := c.CapturedMinor - c.RefundedMinor
		o.TakenMinor += left
		o.RefundedMinor += c.RefundedMinor
		if left > 0 {
			o.Charges++
		}
	case Declined, Voided:
	}
}

// ReadTruth reads the truth from the file of a sandbox that may have ended at any moment. Misuses and Counts are not in it.
func ReadTruth(path string) (Truth, error) {
	f, err := os.Open(path)
	if err != nil {
		return Truth{}, fmt.Errorf("read the sandbox's ledger: %w", err)
	}
	defer f.Close() // it was only read
	g, err := New(Config{})
	if err != nil {
		return Truth{}, err
	}
	if _, err := readLines(f, g.restore); err != nil {
		return Truth{}, fmt.Errorf("read the sandbox's ledger %s: %w", path, err)
	}
	return g.Truth(), nil
}
