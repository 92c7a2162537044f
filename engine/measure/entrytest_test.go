package measure

import (
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
)

// start is when the histories of tests begin: a Wednesday, at a whole hour.
const start = engine.Instant(1_767_780_000 * int64(time.Second))

func eventKey(id string) engine.Key {
	return engine.Key{Account: "shop", Kind: engine.KindEvent, ID: id}
}

// tale is a history that a test tells, one entry after another:
//
//	tell("e1").set("Night One\nconcert\nEUR\nEurope/Amsterdam").onSale().
//		add(KindViewed, by("ann"), on(engine.DeviceMobile)).after(2*time.Second).add(KindOrdered, by("ann"), paid(4500, 250, 0, 1))
type tale struct {
	key     engine.Key
	at      engine.Instant
	entries []Entry
}

func tell(event string) *tale { return &tale{key: eventKey(event), at: start} }

// after lets time pass.
func (h *tale) after(d time.Duration) *tale { h.at += engine.Instant(d); return h }

// of goes on with another event.
func (h *tale) of(event string) *tale { h.key = eventKey(event); return h }

func (h *tale) add(kind Kind, say ...func(*Entry)) *tale {
	e := Entry{Kind: kind, At: h.at, Key: h.key}
	for _, f := range say {
		f(&e)
	}
	h.entries = append(h.entries, e)
	return h
}

func (h *tale) set(text string) *tale {
	return h.add(KindEventSet, func(e *Entry) { e.Text = text })
}

func (h *tale) onSale() *tale {
	return h.add(KindState, func(e *Entry) { e.State = engine.EventOnSale })
}

func (h *tale) stock(free, held, paying, sold, blocked int64) *tale {
	return h.add(KindStock, func(e *Entry) { e.Stock = Stock{free, held, paying, sold, blocked, free + held + paying + sold} })
}

// book is a book of the tale.
func (h *tale) book() *Book {
	b := newTestBook()
	for i := range h.entries {
		b.Add(&h.entries[i])
	}
	return b
}

func newTestBook() *Book { return NewBook(PolicyDefault(), time.LoadLocation) }

// What an entry may say.

func by(buyer string) func(*Entry) { return func(e *Entry) { e.Person = PersonOf("shop", buyer) } }

func flow(f engine.Flow) func(*Entry) { return func(e *Entry) { e.Flow, e.HasFlow = f, true } }

func on(d engine.Device) func(*Entry) { return func(e *Entry) { e.Device = d } }

func over(channel string) func(*Entry) { return func(e *Entry) { e.Channel = channel } }

func with(m payment.MethodKind) func(*Entry) { return func(e *Entry) { e.Method = m } }

func paid(face, fees, tax, units int64) func(*Entry) {
	return func(e *Entry) { e.Money, e.Units = Money{face, fees, tax, face + fees}, units }
}

func purchase(p engine.PurchaseID) func(*Entry) { return func(e *Entry) { e.Purchase = p } }

func order(o engine.OrderID) func(*Entry) { return func(e *Entry) { e.Order = o } }

func amount(minor int64) func(*Entry) { return func(e *Entry) { e.AmountMinor = minor } }

func failed(f Failure) func(*Entry) { return func(e *Entry) { e.Failure = f } }

// figureOf is one figure of an answer; it fails the test if there is none.
func figureOf(t *testing.T, b *Book, q Query, now engine.Instant, series, kpi string) Figure {
	t.Helper()
	q.Account = "shop"
	if field, err := q.Check(); err != nil {
		t.Fatalf("%s: %v", field, err)
	}
	for _, row := range b.Answer(&q, now).Rows {
		for _, f := range row.Figures {
			if row.Series == series && f.KPI == kpi {
				return f
			}
		}
	}
	t.Fatalf("no figure %q of series %q in %+v", kpi, series, q)
	return Figure{}
}

// wantValue fails the test unless the figure has this value.
func wantValue(t *testing.T, f Figure, want float64) {
	t.Helper()
	switch {
	case f.Value == nil:
		t.Errorf("%s has no value (%s), want %v", f.KPI, f.Why, want)
	case *f.Value != want:
		t.Errorf("%s = %v, want %v", f.KPI, *f.Value, want)
	}
}

// wantWhy fails the test unless the figure has no value, for this reason.
func wantWhy(t *testing.T, f Figure, want Why) {
	t.Helper()
	if f.Value != nil || f.Why != want {
		t.Errorf("%s = %v (%s), want none (%s)", f.KPI, f.Value, f.Why, want)
	}
}

// seriesNames are the series of an answer.
func seriesNames(a *Answer) []string {
	names := []string{}
	for _, r := range a.Rows {
		names = append(names, r.Series)
	}
	return names
}
