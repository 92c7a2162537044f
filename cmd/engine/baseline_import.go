package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/measure"
)

const (
	// baselineRowsMax bounds the rows that can be used, of all files, those that say something again included: they are kept until they can be counted in the order of
	// their times, 1 GB or so.
	baselineRowsMax = 10_000_000
	// baselineBadMax is how many bad rows, and how many duplicates, are listed by line.
	baselineBadMax = 1000
	// baselineShownMax is how many of them are printed.
	baselineShownMax = 20
	// baselineProgress is how often progress is told.
	baselineProgress = 2 * time.Second
)

// baselineFile says what became of a file.
type baselineFile struct {
	Name           string       `json:"name"`
	Rows           int64        `json:"rows"`
	Taken          int64        `json:"taken"`
	Bad            int64        `json:"bad"`
	Duplicates     int64        `json:"duplicates"`
	BadRows        []refusedRow `json:"bad_rows,omitempty"` // the first of them
	DuplicateLines []int        `json:"duplicate_lines,omitempty"`
}

// baselineImport is an import on its way.
type baselineImport struct {
	files               []string
	mapFile, out, onBad string
	progress            io.Writer

	mapping *baselineMap
	rows    []baselineRow
	words   []string
	wordOf  map[string]uint32
	orders  map[uint64]int         // by reference: the row of an order, for its tickets and for duplicates
	buyers  map[uint64]baselineRow // what is known of them
	told    time.Time
	good    int64 // rows of all files that could be read: each may be kept, or remembered as one that others repeat
}

func (b *baselineImport) key() engine.Key {
	return engine.Key{Account: engine.SingleAccount, Kind: engine.KindEvent, ID: b.mapping.Event}
}

// run reads all files and makes figures of them.
func (b *baselineImport) run(ctx context.Context) (*baseline, error) {
	m, err := readBaselineMap(b.mapFile)
	if err != nil {
		return nil, err
	}
	b.mapping, b.words, b.wordOf = m, []string{""}, map[string]uint32{"": 0}
	b.orders, b.buyers, b.told = map[uint64]int{}, map[uint64]baselineRow{}, time.Now()
	files := slices.Clone(b.files)
	for _, name := range files {
		if m.specOf(name) == nil {
			return nil, fmt.Errorf("%s: the mapping says nothing of a file called %s", name, filepath.Base(name))
		}
	}
	// What is known of buyers fills in what others leave out, and orders come before what becomes of them.
	slices.SortStableFunc(files, func(x, y string) int { return readFirst(m.specOf(x)) - readFirst(m.specOf(y)) })
	res := &baseline{Version: baselineVersion, Event: m.Event, Name: m.Name, Currency: m.Currency, TimeZone: m.TimeZone}
	for _, name := range files {
		file, err := b.file(ctx, name, m.specOf(name))
		if err != nil {
			return nil, err
		}
		res.Files = append(res.Files, *file)
	}
	if len(b.rows) == 0 {
		return nil, fmt.Errorf("there is nothing to measure: no row of %s can be used", strings.Join(b.files, ", "))
	}
	b.sort()
	res.Sales = b.sales()
	b.measure(ctx, res)
	return res, ctx.Err()
}

// readFirst says in which order kinds of files are read.
func readFirst(f *baselineSpec) int {
	switch f.Rows {
	case "buyer":
		return 0
	case "order", "ticket":
		return 1
	}
	return 2
}

// file reads one file.
func (b *baselineImport) file(ctx context.Context, name string, spec *baselineSpec) (*baselineFile, error) {
	file := &baselineFile{Name: filepath.Base(name)}
	seen := map[uint64]struct{}{}
	ids := map[uint64]struct{}{}
	err := readRecords(name, func(r *record) error {
		if file.Rows++; file.Rows == 1 {
			if err := spec.fits(r.names); err != nil {
				return err
			}
		}
		if file.Rows%(1<<12) == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
			if now := time.Now(); now.Sub(b.told) > baselineProgress {
				b.told = now
				fmt.Fprintf(b.progress, "%s: %s rows\n", file.Name, thousands(file.Rows))
			}
		}
		row, err := baselineRow{}, error(nil)
		if card := r.cardIn(); card != "" {
			err = fmt.Errorf("there is a card number in it: take it out of the file")
		} else {
			row, err = b.read(spec, r)
		}
		if err == nil {
			err = b.complete(&row)
		}
		if err != nil {
			file.Bad++
			if b.onBad == "stop" {
				return fmt.Errorf("line %d: %w; --on-bad skip leaves such rows out and counts them", r.line, err)
			}
			if len(file.BadRows) < baselineBadMax {
				file.BadRows = append(file.BadRows, refusedRow{Line: r.line, Why: err.Error()})
			}
			return nil
		}
		if b.good++; b.good > baselineRowsMax {
			return fmt.Errorf("line %d: there are more than %s rows: import a shorter time", r.line, thousands(baselineRowsMax))
		}
		if saidBefore(seen, spec.Unique, r.cells) || spec.Columns["id"] != "" && saidBefore(ids, []string{spec.Columns["id"]}, r.cells) || !b.take(spec, &row) {
			file.Duplicates++
			if len(file.DuplicateLines) < baselineBadMax {
				file.DuplicateLines = append(file.DuplicateLines, r.line)
			}
			return nil
		}
		file.Taken++
		return nil
	})
	return file, err
}

// saidBefore says whether a row has what another has had in all of some columns. Rows that have nothing there are never the same.
func saidBefore(seen map[uint64]struct{}, columns []string, cells map[string]string) bool {
	all, some := "", false
	for _, name := range columns {
		all += cells[name] + "\x00"
		some = some || cells[name] != ""
	}
	if !some {
		return false
	}
	key := measure.PersonOf("", all)
	_, there := seen[key]
	seen[key] = struct{}{}
	return there
}

// complete fills in what is known of a row's buyer.
func (b *baselineImport) complete(row *baselineRow) error {
	if known, ok := b.buyers[row.person]; ok && row.person != 0 {
		if row.at == noTime {
			row.at = known.at
		}
		if row.device == 0 {
			row.device = known.device
		}
		if row.channel == 0 {
			row.channel = known.channel
		}
		if row.method == 0 {
			row.method = known.method
		}
		if row.flow == 0 {
			row.flow = known.flow
		}
	}
	if row.at == noTime && row.kind != measure.KindNone {
		return fmt.Errorf("at: it has none, and nothing is known of its buyer")
	}
	return nil
}

// take keeps a row; false is one that is there already.
func (b *baselineImport) take(spec *baselineSpec, row *baselineRow) bool {
	switch spec.Rows {
	case "buyer":
		if _, there := b.buyers[row.person]; there {
			return false
		}
		b.buyers[row.person] = *row
		return true
	case "ticket":
		if i, there := b.orders[row.ref]; there {
			o := &b.rows[i]
			o.at = min(o.at, row.at)
			o.units += row.units
			o.face, o.fees, o.tax = o.face+row.face, o.fees+row.fees, o.tax+row.tax
			return true
		}
		b.orders[row.ref] = len(b.rows)
	case "order":
		if _, there := b.orders[row.ref]; there {
			return false
		}
		b.orders[row.ref] = len(b.rows)
	}
	b.rows = append(b.rows, *row)
	return true
}

// sort brings the rows into the order of their times; what happened at once, in the order of a checkout.
func (b *baselineImport) sort() {
	slices.SortStableFunc(b.rows, func(x, y baselineRow) int {
		switch {
		case x.at != y.at && x.at < y.at:
			return -1
		case x.at != y.at:
			return 1
		}
		return baselineStage(x.kind) - baselineStage(y.kind)
	})
}

func baselineStage(k measure.Kind) int {
	return slices.Index([]measure.Kind{
		measure.KindViewed, measure.KindSelected, measure.KindCarted, measure.KindStepped, measure.KindObservedFailed, measure.KindObservedOrder, measure.KindObservedRefund,
	}, k)
}

// measure folds the rows by the book that the engine folds its log by, as the entries of an event in mode observe.
func (b *baselineImport) measure(ctx context.Context, into *baseline) {
	m := b.mapping
	policy := measure.PolicyDefault()
	policy.RowsMax, policy.PeopleMax = max(policy.RowsMax, int64(len(b.rows))), max(policy.PeopleMax, int64(len(b.rows))) // nobody is let go
	book := measure.NewBook(policy, time.LoadLocation)
	first := engine.Instant(b.rows[0].at)
	set := measure.Entry{Kind: measure.KindEventSet, At: first, Key: b.key(), On: true, Text: strings.Join([]string{m.Name, m.Genre, m.Currency, m.TimeZone}, "\n")}
	book.Add(&set)
	opened := measure.Entry{Kind: measure.KindState, At: first, Key: b.key(), State: engine.EventOnSale}
	book.Add(&opened)
	for i := range b.rows {
		if i%(1<<16) == 0 && ctx.Err() != nil {
			return
		}
		e := b.entry(&b.rows[i])
		book.Add(&e)
	}
	for _, by := range baselineDimensions() {
		q := measure.Query{Account: engine.SingleAccount, Event: m.Event, Window: measure.WindowSale, By: by}
		if a := book.Answer(&q, book.Now()); by == measure.ByNothing {
			into.Figures = a
		} else {
			into.By = append(into.By, a)
		}
	}
}

func (b *baselineImport) entry(row *baselineRow) measure.Entry {
	e := measure.Entry{
		Kind: row.kind, At: engine.Instant(row.at), Key: b.key(), Person: row.person, Ref: row.ref, Device: row.device, Method: row.method, Channel: b.words[row.channel],
		Units: int64(row.units), AmountMinor: row.amount, Failure: row.failure, Survey: row.survey, Score: int64(row.score), Text: b.words[row.text],
		Money: measure.Money{FaceMinor: row.face, FeesMinor: row.fees, TaxMinor: row.tax, TotalMinor: row.face + row.fees},
	}
	if row.flow > 0 {
		e.HasFlow, e.Flow = true, engine.Flow(row.flow-1)
	}
	return e
}
