package enginetest

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/holdfast-engine/holdfast/engine"
)

// readSpec reads the lines below create and update:
//
//	name Night One
//	currency JPY                   EUR if it is not said
//	holds 2m, longest 10m          each hold's life; 2m and 10m if it is not said
//	spread 8s                      0s if it is not said, so that deadlines are easy to read
//	limit 4 a buyer                also: limit 6 an order, limit 4 linked
//	opens 10:30:00, closes 18:00:00
//	starts 20:00:00
//	refunds until 12:00:00         also: refunds after rescheduling 30m
//	pool hall 1000
//	lot ga 45.00 + 2.50 service, 1000 tickets
//	lot pack 160.00, 40 tickets, packs of 4, in hall, min 1, max 2, after ga, needs ga or stalls, tax 3.00
//	lot vip 90.00, 10 tickets, with a code only; in an update also: lot vip, for everybody
//	lot stalls 90.00 + 4.50 service, row A/1 of 20, row A/2 of 20
//	lot circle 70.00, row B/1 of 20 through 9 rank 2 from 101 step 2 aisle 109+119 accessible 101-103 companion 105 restricted 139
//	undo 10s                       also: pays 2m, grace 1m, action 3m, redirect 10m, queue 15m, offers 2m; those if it is not said
//	share 5000                     of buyers who have one-click, in hundredths of a percent
//	line on, lobby 09:50:00, passes 10m, grace 2m, shoppers 5, value, tracks member 1000 + general 9000; or line off; in an update what is said
//	draft
//	observe                               it sells nothing: its shop reports by touches
func readSpec(below, currency string, update bool) (*engine.EventSpec, error) {
	spec := &engine.EventSpec{}
	if !update {
		currency = "EUR"
		spec.Name, spec.Currency, spec.Open = "Night One", currency, true
		spec.HoldTTLMs, spec.MaxHoldMs, spec.HasSpread = 120_000, 600_000, true
	}
	// The currency decides how every amount is read, wherever it is said.
	for line := range strings.Lines(below) {
		if w := splitWords(line); w.take("currency") {
			currency = w.next()
			spec.Currency = currency
			spec.Set |= engine.SetCurrency
		}
	}
	for line := range strings.Lines(below) {
		if err := readSpecLine(spec, strings.TrimSpace(line), currency, update); err != nil {
			return nil, err
		}
	}
	if !update {
		spec.Set = 0
	}
	return spec, nil
}

func readSpecLine(spec *engine.EventSpec, line, currency string, update bool) error {
	w := splitWords(line)
	var err error
	switch key := w.next(); key {
	case "", "currency":
		return nil
	case "name":
		spec.Name, w.rest = strings.TrimSpace(strings.TrimPrefix(line, "name")), nil
		spec.Set |= engine.SetName
	case "holds":
		spec.HoldTTLMs, err = readMs(w.next())
		spec.Set |= engine.SetHoldTTL
		w.take(",")
		if err == nil && w.take("longest") {
			spec.MaxHoldMs, err = readMs(w.next())
			spec.Set |= engine.SetMaxHold
		}
	case "spread":
		spec.HasSpread = true
		spec.SpreadMs, err = readMs(w.next())
		spec.Set |= engine.SetSpread
	case "limit":
		var n int64
		n, err = strconv.ParseInt(w.next(), 10, 64)
		switch {
		case w.take("a", "buyer"):
			spec.LimitPerBuyer = n
			spec.Set |= engine.SetLimitPerBuyer
		case w.take("linked"):
			spec.Pay.LimitPerLinked = n
			spec.Set |= engine.SetLimitPerLinked
		case w.take("an", "order"):
			spec.LimitPerOrder = n
			spec.Set |= engine.SetLimitPerOrder
		default:
			return fmt.Errorf("a limit is %q or %q, not %q", "a buyer", "an order", strings.Join(w.rest, " "))
		}
	case "undo", "pays", "grace", "action", "redirect", "queue", "offers", "share":
		err = readPolicy(spec, key, w.next())
	case "opens", "closes":
		for ; err == nil && key != ""; key = w.next() {
			var at engine.Instant
			if word := w.next(); word != "never" {
				at, err = readClock(word)
			}
			if key == "opens" {
				spec.OpensAt = at
				spec.Set |= engine.SetOpensAt
			} else {
				spec.ClosesAt = at
				spec.Set |= engine.SetClosesAt
			}
			w.take(",")
		}
	case "starts":
		spec.StartsAt, err = readClock(w.next())
		spec.Set |= engine.SetStartsAt
	case "refunds":
		switch {
		case w.take("until"):
			spec.Pay.RefundUntil, err = readClock(w.next())
			spec.Set |= engine.SetRefundUntil
		case w.take("after", "rescheduling"):
			spec.Pay.HasRefundWindow = true
			spec.Pay.RefundWindowMs, err = readMs(w.next())
			spec.Set |= engine.SetRefundWindow
		}
	case "line":
		err = readLineSpec(w, spec)
	case "observe":
		spec.Observe = true
	case "draft":
		spec.Open = false
	case "open":
		spec.Open = true
		spec.Set |= engine.SetOpen
	case "pool":
		p := engine.PoolSpec{Pool: w.next()}
		p.Capacity, err = strconv.ParseInt(w.next(), 10, 64)
		spec.Pools = append(spec.Pools, p)
	case "lot":
		var lot engine.LotSpec
		lot, err = readLot(w, currency)
		if !update {
			lot.Set = 0
		}
		spec.Lots = append(spec.Lots, lot)
	default:
		return fmt.Errorf("an event has no %q", key)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", line, err)
	}
	return w.end()
}

func readLot(w *words, currency string) (engine.LotSpec, error) {
	lot := engine.LotSpec{Lot: w.next()}
	var err error
	if len(w.rest) > 0 && w.rest[0] != "," {
		lot.FaceMinor, err = readMoney(w.next(), currency)
		lot.Set |= engine.SetLotFace
	}
	for len(w.rest) > 0 && err == nil {
		switch {
		case w.take(","):
		case w.take("+"):
			var fee engine.Fee
			if fee.Minor, err = readMoney(w.next(), currency); err == nil {
				fee.Name = w.next()
				lot.Fees = append(lot.Fees, fee)
			}
			lot.Set |= engine.SetLotFees
		case w.take("no", "fees"):
			lot.Set |= engine.SetLotFees
		case w.take("tax"):
			lot.TaxMinor, err = readMoney(w.next(), currency)
			lot.Set |= engine.SetLotTax
		case w.take("packs", "of"):
			lot.Units, err = strconv.ParseInt(w.next(), 10, 64)
			lot.Set |= engine.SetLotOther
		case w.take("in"):
			lot.Pools = readNames(w, "and")
			lot.Set |= engine.SetLotOther
		case w.take("needs"):
			lot.Requires = readNames(w, "or")
			lot.Set |= engine.SetLotOther
		case w.take("after"):
			lot.After = w.next()
			lot.Set |= engine.SetLotOther
		case w.take("min"):
			lot.MinOrder, err = strconv.ParseInt(w.next(), 10, 64)
			lot.Set |= engine.SetLotMin
		case w.take("max"):
			lot.MaxOrder, err = strconv.ParseInt(w.next(), 10, 64)
			lot.Set |= engine.SetLotMax
		case w.take("with", "a", "code", "only"):
			lot.CodeOnly, lot.Set = true, lot.Set|engine.SetLotCodeOnly
		case w.take("for", "everybody"):
			lot.CodeOnly, lot.Set = false, lot.Set|engine.SetLotCodeOnly
		case w.take("called"):
			lot.Name = w.next()
			lot.Set |= engine.SetLotName
		case w.take("row"):
			var row engine.RowSpec
			row.Section, row.Row, _ = strings.Cut(w.next(), "/")
			if !w.take("of") {
				return lot, errors.New("a row is written: row A/1 of 20")
			}
			if row.Seats, err = strconv.ParseInt(w.next(), 10, 64); err == nil {
				err = readRow(w, &row)
			}
			lot.Rows = append(lot.Rows, row)
			lot.Set |= engine.SetLotOther
		default:
			if lot.Capacity, err = strconv.ParseInt(w.next(), 10, 64); err == nil && !w.take("tickets") && !w.take("ticket") {
				err = errors.New("a capacity is written: 100 tickets")
			}
			lot.Set |= engine.SetLotOther
		}
	}
	return lot, err
}

// readRow reads what else is said about a row: through 5, rank 2, from 101, step 2, labels a+b+c, best 10, and aisle, missing, accessible, companion
// and restricted with a list of seats like 1+4-6.
func readRow(w *words, row *engine.RowSpec) (err error) {
	for err == nil {
		number, text := (*int64)(nil), (*string)(nil)
		switch {
		case w.take("rank"):
			number = &row.Rank
		case w.take("from"):
			number = &row.First
		case w.take("step"):
			number = &row.Step
		case w.take("through"):
			text = &row.Through
		case w.take("labels"):
			text = &row.Labels
		case w.take("best"):
			text = &row.Best
		case w.take("aisle"):
			text = &row.Aisles
		case w.take("missing"):
			text = &row.Missing
		case w.take("accessible"):
			text = &row.Accessible
		case w.take("companion"):
			text = &row.Companion
		case w.take("restricted"):
			text = &row.Restricted
		default:
			return nil
		}
		if number != nil {
			*number, err = strconv.ParseInt(w.next(), 10, 64)
		} else {
			*text = strings.ReplaceAll(w.next(), "+", " ")
		}
	}
	return err
}

// readPolicy reads a time of the event's policy for purchases.
func readPolicy(spec *engine.EventSpec, key, word string) (err error) {
	p := &spec.Pay
	var at *int64
	switch key {
	case "undo":
		at, p.HasUndo = &p.UndoMs, true
		spec.Set |= engine.SetUndo
	case "pays":
		at = &p.PayMs
		spec.Set |= engine.SetPay
	case "grace":
		at = &p.GraceMs
		spec.Set |= engine.SetGrace
	case "action":
		at = &p.ActionMs
		spec.Set |= engine.SetAction
	case "redirect":
		at = &p.RedirectMs
		spec.Set |= engine.SetRedirect
	case "queue":
		at = &p.QueueMs
		spec.Set |= engine.SetQueue
	case "offers":
		at = &p.OfferTTLMs
		spec.Set |= engine.SetOfferTTL
	}
	if key == "share" {
		p.HasOneClickShare = true
		p.OneClickShare, err = strconv.ParseInt(word, 10, 64)
		return err
	}
	*at, err = readMs(word)
	return err
}
