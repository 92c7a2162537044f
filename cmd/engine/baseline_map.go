package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/holdfast-engine/holdfast/engine"
)

const baselineTemplate = `# Which records a shop has, and which column is what. Give it to engine baseline import with --map.
event: spring-2025              # an id for it: letters, digits, - and _
name: Spring Tour 2025
genre: concert
currency: EUR                   # ISO 4217
money: whole                    # whole: 45 or 45.00 is 45 EUR; minor: 4500 is
time_zone: Europe/Amsterdam     # of times that do not say theirs, and of hours of the day
time: "2006-01-02 15:04:05"     # how times are written, said by this moment; or unix, unix_ms. RFC 3339 is always understood

# Each file: its name (* and ? stand for any), what a row of it is, and which column is what.
#
#   rows      buyer     what is known of a buyer: device, channel, time. It fills in what other rows of that buyer leave out
#             viewed, selected, carted, stepped, abandoned     what buyers did; step says which step, as in payment
#             order     an order; ticket: one ticket of an order; failed: an attempt that became none; refunded: money of an order that went back
#             surveyed  an answer: survey (csat, nps or regret) and score; support: a query, with topic
#   columns   at, buyer, order, id, quantity, face, fees, tax, amount, device, channel, method, flow, step, failure, survey, score, topic
#             "=text" is that text in every row. device: desktop, mobile, tablet, kiosk; method: card, wallet, redirect, delayed_debit;
#             flow: standard, one_click; failure: ours, payment, stock, buyer, input; face, fees and tax of an order or ticket, amount of a refund
#   unique    columns that no two rows have the same in: a row that has is a duplicate. Orders are unique by their order, others by id if they have one
files:
  - file: views*.csv
    rows: viewed
    columns: {at: time, buyer: visitor, device: device, channel: source}
    unique: [time, visitor]
  - file: orders.csv
    rows: order
    columns: {at: ordered_at, buyer: customer, order: order_no, quantity: tickets, face: price, fees: service_fee, method: "=card", flow: "=standard"}
  - file: refunds.csv
    rows: refunded
    columns: {at: refunded_at, order: order_no, amount: amount}
`

// baselineMap is a mapping.
type baselineMap struct {
	Event    string         `yaml:"event"`
	Name     string         `yaml:"name"`
	Genre    string         `yaml:"genre"`
	Currency string         `yaml:"currency"`
	Money    string         `yaml:"money"`
	TimeZone string         `yaml:"time_zone"`
	Time     string         `yaml:"time"`
	Files    []baselineSpec `yaml:"files"`

	zone     *time.Location
	exponent int
}

// baselineSpec says what a file has.
type baselineSpec struct {
	File    string            `yaml:"file"`
	Rows    string            `yaml:"rows"`
	Columns map[string]string `yaml:"columns"`
	Unique  []string          `yaml:"unique"`
}

// mappingBytesMax bounds what is read of a mapping.
const mappingBytesMax = 1 << 20

// readBaselineMap reads a mapping and checks it.
func readBaselineMap(name string) (*baselineMap, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read --map: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	text, err := io.ReadAll(io.LimitReader(f, mappingBytesMax))
	if err != nil {
		return nil, fmt.Errorf("read --map: %w", err)
	}
	m, err := parseBaselineMap(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return m, nil
}

func parseBaselineMap(text []byte) (*baselineMap, error) {
	m := &baselineMap{Money: "whole", TimeZone: "UTC", Time: time.DateTime}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(m); err != nil {
		return nil, fmt.Errorf("it is no mapping: %w; `engine baseline template` prints one", err)
	}
	var known bool
	var err error
	if m.exponent, known = engine.CurrencyExponent(m.Currency); !known {
		return nil, fmt.Errorf("currency: %q is no currency of ISO 4217, as in EUR", m.Currency)
	}
	if m.zone, err = time.LoadLocation(m.TimeZone); err != nil || m.TimeZone == "Local" {
		return nil, fmt.Errorf("time_zone: %q is none, give one as in Europe/Amsterdam", m.TimeZone)
	}
	switch {
	case !engine.ValidID(m.Event) || engine.IsCardNumber(m.Event):
		return nil, errors.New("event: give it an id of 1 to 64 letters, digits, - and _")
	case strings.ContainsAny(m.Name+m.Genre, "\n"):
		return nil, errors.New("name and genre are one line each")
	case m.Money != "whole" && m.Money != "minor":
		return nil, fmt.Errorf("money: %q: say whole (45.00 is 45 EUR) or minor (4500 is)", m.Money)
	case len(m.Files) == 0:
		return nil, errors.New("files: say which file has what")
	}
	for i := range m.Files {
		if err := m.Files[i].check(); err != nil {
			return nil, fmt.Errorf("files, the one called %q: %w", m.Files[i].File, err)
		}
	}
	return m, nil
}

// baselineRows are what a row can be, with the columns that it needs.
var baselineRows = map[string][]string{
	"buyer": {"buyer"}, "viewed": {"at"}, "selected": {"at"}, "carted": {"at"}, "stepped": {"at", "step"}, "abandoned": {"at"}, "order": {"at", "order"}, "ticket": {"at", "order"},
	"failed": {"at", "failure"}, "refunded": {"at", "order", "amount"}, "surveyed": {"at", "survey", "score"}, "support": {"at"},
}

// baselineColumns are what a column can be.
var baselineColumns = []string{
	"at", "buyer", "order", "id", "quantity", "face", "fees", "tax", "amount", "device", "channel", "method", "flow", "step", "failure", "survey", "score", "topic",
}

func (f *baselineSpec) check() error {
	if _, err := filepath.Match(f.File, ""); err != nil || f.File == "" {
		return errors.New("file: give a name, in which * and ? may stand for any")
	}
	needs, ok := baselineRows[f.Rows]
	if !ok {
		return fmt.Errorf("rows: there is no %q: `engine baseline template` lists what a row can be", f.Rows)
	}
	for name := range f.Columns {
		if !slices.Contains(baselineColumns, name) {
			return fmt.Errorf("columns: nothing is called %q; did you mean %s?", name, nearest(name, baselineColumns))
		}
	}
	for _, name := range needs {
		// The time may come from the file of buyers.
		if f.Columns[name] == "" && (name != "at" || f.Columns["buyer"] == "") {
			return fmt.Errorf("columns: rows of %s need %s", f.Rows, name)
		}
	}
	return nil
}

// specOf is what the mapping says of a file; nil if nothing.
func (m *baselineMap) specOf(name string) *baselineSpec {
	for i := range m.Files {
		if ok, _ := filepath.Match(m.Files[i].File, filepath.Base(name)); ok {
			return &m.Files[i]
		}
	}
	return nil
}

// fits says whether a file has the columns that are mapped. A file whose rows may differ always does.
func (f *baselineSpec) fits(names []string) error {
	for _, column := range slices.Concat(slices.Sorted(maps.Values(f.Columns)), f.Unique) {
		if names != nil && !strings.HasPrefix(column, "=") && !slices.Contains(names, column) {
			return fmt.Errorf("there is no column %q; did you mean %q?", column, nearest(column, names))
		}
	}
	return nil
}
