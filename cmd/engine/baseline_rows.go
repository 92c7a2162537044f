package main

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/measure"
	"github.com/holdfast-engine/holdfast/engine/payment"
)

// baselineRow is a row that can be counted. Millions of them are kept until all files are read, as they have to be counted in the order of their times.
type baselineRow struct {
	at            int64 // nanoseconds since the epoch; 0 is not known
	person, ref   uint64
	face, fees    int64
	tax, amount   int64
	units         int32
	text, channel uint32 // numbers of words
	kind          measure.Kind
	device        engine.Device
	method        payment.MethodKind
	failure       measure.Failure
	survey        measure.Survey
	flow          uint8 // 0 is not known, else the flow and one
	score         int8
}

// noTime marks a row whose buyer's time has to be looked up.
const noTime = math.MinInt64

// baselineKinds are the kinds of entries of rows.
var baselineKinds = map[string]measure.Kind{
	"viewed": measure.KindViewed, "selected": measure.KindSelected, "carted": measure.KindCarted, "stepped": measure.KindStepped, "abandoned": measure.KindAbandoned,
	"order": measure.KindObservedOrder, "ticket": measure.KindObservedOrder, "failed": measure.KindObservedFailed, "refunded": measure.KindObservedRefund,
	"surveyed": measure.KindSurveyed, "support": measure.KindSupport,
}

// read makes a row of a record. What is in its cells is in no error but where it may be.
func (b *baselineImport) read(spec *baselineSpec, r *record) (row baselineRow, err error) {
	if r.err != nil {
		return row, r.err
	}
	row = baselineRow{at: noTime, kind: baselineKinds[spec.Rows], units: 1}
	for _, name := range baselineColumns { // in one order: the first thing that is wrong is said
		column, mapped := spec.Columns[name]
		if !mapped {
			continue
		}
		cell, constant := strings.CutPrefix(column, "=")
		if !constant {
			cell = r.cells[column]
		}
		if cell == "" {
			continue
		}
		if err := b.set(&row, name, cell); err != nil {
			return row, fmt.Errorf("%s (%s): %w", name, column, err)
		}
	}
	for _, name := range baselineRows[spec.Rows] {
		missing := name == "order" && row.ref == 0 || name == "failure" && row.failure == 0 || name == "survey" && row.survey == 0 || name == "buyer" && row.person == 0 ||
			name == "at" && row.at == noTime && row.person == 0
		if missing {
			return row, fmt.Errorf("%s: it has none", name)
		}
	}
	return row, scoreFits(&row)
}

// scoreFits says whether an answer is one that its survey has.
func scoreFits(row *baselineRow) error {
	most := map[measure.Survey]int8{measure.SurveyCSAT: 5, measure.SurveyNPS: 10, measure.SurveyRegret: 1}[row.survey]
	if row.survey != 0 && (row.score < 0 || row.score > most || row.survey == measure.SurveyCSAT && row.score == 0) {
		return errors.New("score: csat goes from 1 to 5, nps from 0 to 10, and regret is 0 or 1 (not meant)")
	}
	return nil
}

// set reads one cell.
func (b *baselineImport) set(row *baselineRow, name, cell string) (err error) {
	choose := func(what string, of ...string) (int, error) {
		if i := slices.Index(of, strings.ToLower(cell)); i >= 0 {
			return i, nil
		}
		return 0, fmt.Errorf("there is no such %s: choose one of %s", what, strings.Join(of, ", "))
	}
	var i int
	switch name {
	case "at":
		row.at, err = b.mapping.moment(cell)
	case "buyer":
		row.person = measure.PersonOf(engine.SingleAccount, cell)
	case "order":
		row.ref = measure.RefOf(b.key(), cell)
	case "quantity":
		var n int64
		if n, err = strconv.ParseInt(cell, 10, 32); err == nil && (n < 1 || n > baselineUnitsMax) {
			err = fmt.Errorf("an order has 1 to %d tickets", baselineUnitsMax)
		}
		row.units = int32(n)
	case "face":
		row.face, err = b.mapping.minor(cell)
	case "fees":
		row.fees, err = b.mapping.minor(cell)
	case "tax":
		row.tax, err = b.mapping.minor(cell)
	case "amount":
		row.amount, err = b.mapping.minor(cell)
	case "device":
		i, err = choose("device", "desktop", "mobile", "tablet", "kiosk")
		row.device = engine.Device(i + 1)
	case "channel":
		row.channel, err = b.word(cell)
	case "method":
		i, err = choose("method", "card", "wallet", "redirect", "delayed_debit")
		row.method = payment.MethodKind(i + 1)
	case "flow":
		i, err = choose("flow", "standard", "one_click")
		row.flow = uint8(i + 1)
	case "step", "topic":
		row.text, err = b.word(cell)
	case "failure":
		i, err = choose("failure", "ours", "payment", "stock", "buyer", "input")
		row.failure = measure.Failure(i + 1)
	case "survey":
		i, err = choose("survey", "csat", "nps", "regret")
		row.survey = measure.Survey(i + 1)
	case "score":
		var n int64
		n, err = strconv.ParseInt(cell, 10, 8)
		row.score = int8(n)
	}
	var number *strconv.NumError
	if errors.As(err, &number) {
		err = errors.New("it is no whole number of that size")
	}
	return err
}

const (
	// baselineUnitsMax is how many tickets one order may have.
	baselineUnitsMax = 1_000_000
	// baselineWordsMax bounds the different channels, steps and topics together.
	baselineWordsMax = 65_536
)

// word numbers a channel, step or topic.
func (b *baselineImport) word(text string) (uint32, error) {
	if n, ok := b.wordOf[text]; ok {
		return n, nil
	}
	if len(b.words) >= baselineWordsMax {
		return 0, fmt.Errorf("there are more than %d different ones: map a column with fewer", baselineWordsMax)
	}
	if len(text) > engine.IDLenMax {
		return 0, fmt.Errorf("it is longer than %d bytes", engine.IDLenMax)
	}
	text = strings.Clone(text)
	n := uint32(len(b.words))
	b.words, b.wordOf[text] = append(b.words, text), n
	return n, nil
}

// moment reads a time.
func (m *baselineMap) moment(cell string) (int64, error) {
	if unit := map[string]int64{"unix": 1e9, "unix_ms": 1e6}[m.Time]; unit != 0 {
		if n, err := strconv.ParseInt(cell, 10, 64); err == nil && n > 0 && n < math.MaxInt64/unit {
			return n * unit, nil
		}
	}
	for _, layout := range [...]string{m.Time, time.RFC3339Nano, wallTime} {
		at, err := time.ParseInLocation(layout, cell, m.zone)
		if err == nil {
			if at.Year() < 1971 || at.Year() > 2200 { //nolint:mnd // what Unix nanoseconds hold, and what is a mistake
				return 0, errors.New("it is not between 1971 and 2200")
			}
			return at.UnixNano(), nil
		}
	}
	return 0, fmt.Errorf("it is no time as in %s", m.Time)
}

// minor reads an amount of money into minor units, without going through a fraction.
func (m *baselineMap) minor(cell string) (int64, error) {
	exponent := m.exponent
	if m.Money == "minor" {
		exponent = 0
	}
	whole, fraction, _ := strings.Cut(cell, ".")
	fraction = strings.TrimRight(fraction, "0")
	if len(fraction) > exponent {
		return 0, fmt.Errorf("%s has %d decimals", m.Currency, exponent)
	}
	n, err := strconv.ParseUint(whole+fraction+strings.Repeat("0", exponent-len(fraction)), 10, 63)
	if err != nil || n > baselineMinorMax {
		return 0, errors.New("it is no amount of money, as in 45 or 45.00, without signs and separators")
	}
	return int64(n), nil
}

// baselineMinorMax is the largest amount: sums over a hundred million rows of it still fit.
const baselineMinorMax = 1e10
