package measure

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// ordersTale is a history of one event for the meter of orders and persons.
type ordersTale struct {
	entries []Entry
	now     engine.Instant
	key     engine.Key
}

const taleBegin = engine.Instant(1_900_000_020e9)

func newOrdersTale() *ordersTale {
	return &ordersTale{now: taleBegin, key: engine.Key{Account: "shop", Kind: engine.KindEvent, ID: "night"}}
}

func (h *ordersTale) wait(d time.Duration) *ordersTale { h.now += engine.Instant(d); return h }

func (h *ordersTale) entry(kind Kind, buyer string, change func(*Entry)) *ordersTale {
	e := Entry{Kind: kind, At: h.now, Key: h.key}
	if buyer != "" {
		e.Person = PersonOf(h.key.Account, buyer)
	}
	if change != nil {
		change(&e)
	}
	h.entries = append(h.entries, e)
	return h
}

func (h *ordersTale) buys(buyer string, order engine.OrderID, flow engine.Flow) *ordersTale {
	return h.entry(KindOrdered, buyer, func(e *Entry) {
		e.Order, e.Hold, e.Flow, e.HasFlow = order, engine.HoldID(order), flow, true
	})
}

func (h *ordersTale) tries(buyer string, flow engine.Flow) *ordersTale {
	return h.entry(KindAttempted, buyer, func(e *Entry) { e.Flow, e.HasFlow = flow, true })
}

func (h *ordersTale) book(change func(*Policy)) *Book {
	p := PolicyDefault()
	if change != nil {
		change(&p)
	}
	b := NewBook(p, time.LoadLocation)
	for i := range h.entries {
		b.Add(&h.entries[i])
	}
	return b
}

// say is a figure as a reader sees it.
func say(f Figure) string {
	s := string(f.Why)
	if f.Value != nil {
		s = fmt.Sprintf("%.4g", *f.Value)
	}
	if f.Numerator != nil && f.Denominator != nil {
		s += fmt.Sprintf(" = %d/%d", *f.Numerator, *f.Denominator)
	} else if f.Denominator != nil {
		s += fmt.Sprintf(" of %d", *f.Denominator)
	} else if f.Numerator != nil {
		s += fmt.Sprintf(" (%d)", *f.Numerator)
	}
	if f.Mature != nil {
		s += fmt.Sprintf(", mature %.4g", *f.Mature)
	}
	if f.SoFar {
		s += ", so far"
	}
	return s
}

// said is what a book answers about one KPI.
func said(t *testing.T, b *Book, q Query, now engine.Instant, series, kpi string) string {
	t.Helper()
	q.Account, q.KPIs = "shop", []string{kpi}
	if _, err := q.Check(); err != nil {
		t.Fatal(err)
	}
	for _, row := range b.Answer(&q, now).Rows {
		if row.Series == series && len(row.Figures) == 1 {
			return say(row.Figures[0])
		}
	}
	return "no row"
}

// TestRegretIsOfOrders follows four orders by hand: one is undone, the refund of another is asked for twice, once in time; one is disputed and was not meant;
// the refund of the fourth comes too late.
func TestRegretIsOfOrders(t *testing.T) {
	h := newOrdersTale().buys("ann", 1, engine.FlowOneClick).buys("ben", 2, engine.FlowStandard).buys("cid", 3, engine.FlowOneClick).buys("dee", 4, engine.FlowOneClick)
	of := func(o engine.OrderID) func(*Entry) { return func(e *Entry) { e.Order, e.ByBuyer = o, true } }
	h.wait(20*time.Second).entry(KindUndone, "ann", of(1)).entry(KindRefunding, "ben", of(2)).entry(KindRefunding, "ben", of(2))
	h.entry(KindRefunding, "dee", func(e *Entry) { e.Order = 4 }) // by the organiser
	if got := said(t, h.book(nil), Query{Window: Window1m}, h.now, "", "regret.rate"); got != "500 = 2/4, mature 0, so far" {
		t.Errorf("after a minute: %s", got)
	}
	h.wait(73*time.Hour).entry(KindRefunding, "dee", of(4)).entry(KindDisputed, "", of(3))
	h.entry(KindSurveyed, "cid", func(e *Entry) { e.Survey, e.Score = SurveyRegret, 1 })
	h.entry(KindSurveyed, "", func(e *Entry) { e.Survey, e.Score, e.Order = SurveyRegret, 0, 4 })
	b := h.book(nil)
	for kpi, want := range map[string]string{
		"regret.rate": "750 = 3/4, mature 1", "regret.undo": "250 = 1/4, mature 1", "regret.refund_72h": "250 = 1/4, mature 1", "regret.disputes": "250 = 1/4, mature 1",
		"regret.did_not_mean": "250 = 1/4, mature 1",
	} {
		if got := said(t, b, Query{}, h.now, "", kpi); got != want {
			t.Errorf("%s: %s, want %s", kpi, got, want)
		}
	}
	if got := said(t, b, Query{By: ByFlow}, h.now, "one_click", "regret.rate"); got != "666.7 = 2/3, mature 1" {
		t.Errorf("by one-click: %s", got)
	}
	if got := said(t, b, Query{Window: Window24h}, h.now, "", "regret.rate"); got != "not available" {
		t.Errorf("a day without orders: %s", got)
	}
}

// TestNeverSucceeded: ann tries one-click and then buys by the standard checkout; ben only tries; cid fails at one show and buys at another.
func TestNeverSucceeded(t *testing.T) {
	h := newOrdersTale().tries("ann", engine.FlowOneClick).tries("ann", engine.FlowStandard).tries("ben", engine.FlowOneClick).tries("cid", engine.FlowStandard)
	h.tries("", engine.FlowOneClick).wait(time.Minute).buys("ann", 1, engine.FlowStandard)
	h.key.ID = "matinee"
	h.buys("cid", 1, engine.FlowStandard)
	b := h.book(nil)
	for series, want := range map[string]string{"one_click": "0.5 = 1/2", "standard": "0.5 = 1/2"} {
		if got := said(t, b, Query{By: ByFlow}, h.now, series, "errors.never_succeeded"); got != want {
			t.Errorf("%s: %s, want %s", series, got, want)
		}
	}
	if got := said(t, b, Query{Event: "night"}, h.now, "", "errors.never_succeeded"); got != "0.6667 = 2/3" {
		t.Errorf("at night: %s", got)
	}
}

// TestSatisfactionIsHiddenWhenFew: 29 answers show nothing but their number, 30 do, and the same buyer's second answer is none.
func TestSatisfactionIsHiddenWhenFew(t *testing.T) {
	h := newOrdersTale()
	score := func(s Survey, n int64) func(*Entry) { return func(e *Entry) { e.Survey, e.Score = s, n } }
	for i := range 29 {
		buyer := fmt.Sprint("b", i)
		h.buys(buyer, engine.OrderID(i+1), engine.FlowOneClick).entry(KindSurveyed, buyer, score(SurveyCSAT, int64(1+i%5))).entry(KindSurveyed, buyer, score(SurveyNPS, int64(i%11)))
		h.entry(KindSurveyed, buyer, score(SurveyCSAT, 5))
	}
	if got := said(t, h.book(nil), Query{}, h.now, "", "satisfaction.csat"); got != "too few of 29" {
		t.Errorf("of 29: %s", got)
	}
	h.entry(KindSurveyed, "", score(SurveyCSAT, 5)).entry(KindSurveyed, "", score(SurveyNPS, 10)).entry(KindSurveyed, "", score(SurveyNPS, 11))
	b := h.book(nil)
	// 29 answers 1 2 3 4 5 1 2 ... end in 4: five times 1 to 5 and 1 2 3 4 are 5+5+1 of 4 or 5; and one 5. NPS: 0 to 10, 0 to 10, 0 to 6 and a 10.
	if got := said(t, b, Query{}, h.now, "", "satisfaction.csat"); got != "0.4 = 12/30" {
		t.Errorf("csat: %s", got)
	}
	if got := said(t, b, Query{}, h.now, "", "satisfaction.nps"); got != "-53.33 = -16/30" {
		t.Errorf("nps: %s", got)
	}
	if got := said(t, b, Query{By: ByFlow}, h.now, "one_click", "satisfaction.nps"); got != "too few of 29" {
		t.Errorf("nps by one-click: %s", got)
	}
}

// TestSupportIsAttributed: by its order, by its buyer's last attempt within a week, and else to nobody.
// TestOrdersOfNobodyAreOrdersEach: what is reported without consent has no reference. It counts in what there is regret of, and no refund is of it.
func TestOrdersOfNobodyAreOrdersEach(t *testing.T) {
	h := newOrdersTale()
	for range 3 {
		h.entry(KindObservedOrder, "", nil)
	}
	b := h.entry(KindObservedRefund, "", nil).book(nil)
	if got := said(t, b, Query{}, h.now, "", "regret.refund_72h"); !strings.HasPrefix(got, "0 = 0/3") {
		t.Errorf("of three orders of nobody and a refund of nobody: %s", got)
	}
}

// TestAShopsOwnOrdersAreNamedByReference: of an event in mode observe the shop's own reference says which order a query or an answer is about, whoever its buyer is.
func TestAShopsOwnOrdersAreNamedByReference(t *testing.T) {
	ref := func(name string, more ...func(*Entry)) func(*Entry) {
		return func(e *Entry) {
			e.Ref = RefOf(e.Key, name)
			for _, f := range more {
				f(e)
			}
		}
	}
	h := newOrdersTale()
	h.entry(KindObservedOrder, "ann", ref("A-1", flow(engine.FlowOneClick))).entry(KindObservedOrder, "ann", ref("A-2", flow(engine.FlowStandard)))
	h.entry(KindSupport, "", ref("A-1")).entry(KindSupport, "", ref("A-7"))
	h.entry(KindSurveyed, "ann", ref("A-1", func(e *Entry) { e.Survey, e.Score = SurveyRegret, 1 }))
	h.entry(KindSurveyed, "ann", ref("A-7", func(e *Entry) { e.Survey, e.Score = SurveyRegret, 1 })) // of an order that nobody knows
	b := h.book(nil)
	for _, c := range [][3]string{
		{"one_click", "support.all", "1000 = 1/1"},
		{"standard", "support.all", "0 = 0/1"},
		{"unattributed", "support.all", "not available (1)"},
		{"one_click", "regret.did_not_mean", "1000 = 1/1"},
		{"standard", "regret.did_not_mean", "0 = 0/1"},
	} {
		if got := said(t, b, Query{By: ByFlow}, h.now, c[0], c[1]); !strings.HasPrefix(got, c[2]) {
			t.Errorf("%s of %s: %s, want %s", c[1], c[0], got, c[2])
		}
	}
}

func TestSupportIsAttributed(t *testing.T) {
	topic := func(text string, o engine.OrderID) func(*Entry) {
		return func(e *Entry) { e.Text, e.Order = text, o }
	}
	h := newOrdersTale().buys("ann", 1, engine.FlowOneClick).tries("ben", engine.FlowOneClick).buys("cid", 2, engine.FlowStandard)
	h.entry(KindSupport, "", topic("one_click_charged_twice", 1)).entry(KindSupport, "ben", topic("payment", 0)).entry(KindSupport, "cid", topic("one_click", 77))
	h.entry(KindSupport, "eve", topic("payment", 0)).wait(8*24*time.Hour).entry(KindSupport, "ann", topic("doors", 0)).entry(KindSupport, "cid", topic("doors", 2))
	b := h.book(nil)
	for series, want := range map[string]string{"one_click": "2000 = 2/1", "standard": "2000 = 2/1", "unattributed": "not available (2)"} {
		if got := said(t, b, Query{By: ByFlow}, h.now, series, "support.all"); got != want {
			t.Errorf("%s: %s, want %s", series, got, want)
		}
	}
	if got := said(t, b, Query{}, h.now, "", "support.all"); got != "3000 = 6/2" {
		t.Errorf("all: %s", got)
	}
	if got := said(t, b, Query{}, h.now, "", "support.one_click"); got != "2000 = 2/1" {
		t.Errorf("about one-click: %s", got)
	}
	if got := said(t, b, Query{Window: Window1h}, h.now, "", "support.all"); got != "not available (2)" {
		t.Errorf("in an hour without orders: %s", got)
	}
}

// TestASessionIsItsBuyer: once one touch has named both, what the session reports alone is its buyer's.
func TestASessionIsItsBuyer(t *testing.T) {
	session := func(e *Entry) { e.Person = SessionOf("shop", "s1") }
	h := newOrdersTale().buys("ann", 1, engine.FlowOneClick).entry(KindSupport, "", session)
	h.entry(KindViewed, "", func(e *Entry) { e.Person, e.Alias = SessionOf("shop", "s1"), PersonOf("shop", "ann") }).entry(KindSupport, "", session)
	b := h.book(nil)
	for series, want := range map[string]string{"one_click": "1000 = 1/1", "unattributed": "not available (1)"} {
		if got := said(t, b, Query{By: ByFlow}, h.now, series, "support.all"); got != want {
			t.Errorf("%s: %s, want %s", series, got, want)
		}
	}
}

// TestRetentionWaits: nobody is counted before the days are over, whoever came back.
func TestRetentionWaits(t *testing.T) {
	const day = 24 * time.Hour
	h := newOrdersTale().buys("ann", 1, engine.FlowOneClick).buys("ben", 2, engine.FlowStandard).wait(2*day).buys("ann", 3, engine.FlowStandard).wait(3*day).buys("cid", 4, engine.FlowStandard)
	if got := said(t, h.book(nil), Query{}, h.now, "", "retention.7d"); got != "not yet" {
		t.Errorf("after 5 days: %s", got)
	}
	h.wait(2*day).buys("ben", 5, engine.FlowStandard) // a week to the nanosecond: too late
	b := h.book(nil)
	for _, c := range [][3]string{{"", "retention.7d", "0.5 = 1/2, mature 0.6667, so far"}, {"one_click", "retention.7d", "1 = 1/1, mature 1"}, {"", "retention.30d", "not yet"}, {"", "revenue.frequency", "1.667 = 5/3"}} {
		q := Query{}
		if c[0] != "" {
			q.By = ByFlow
		}
		if got := said(t, b, q, h.now, c[0], c[1]); got != c[2] {
			t.Errorf("%s %s: %s, want %s", c[1], c[0], got, c[2])
		}
	}
}

// TestShareShiftNeedsBothSides: without an order before the switch there is nothing to compare with.
func TestShareShiftNeedsBothSides(t *testing.T) {
	h := newOrdersTale().buys("ann", 1, engine.FlowStandard).buys("ben", 2, engine.FlowStandard)
	if got := said(t, h.book(nil), Query{}, h.now, "", "revenue.share_shift"); got != "not available" {
		t.Errorf("before the switch: %s", got)
	}
	h.wait(time.Hour).entry(KindRollout, "", func(e *Entry) { e.On, e.Permille = true, 100 }).buys("cid", 3, engine.FlowOneClick).buys("dee", 4, engine.FlowOneClick).buys("eve", 5, engine.FlowStandard)
	b := h.book(nil)
	if got := said(t, b, Query{}, h.now, "", "revenue.share_shift"); got != "0.6667 = 2/3" {
		t.Errorf("after it: %s", got)
	}
	if got := said(t, b, Query{}, h.now, "", "revenue.cannibalisation"); got != "no control arm" {
		t.Errorf("cannibalisation: %s", got)
	}
}

// TestWhoIsAsked: the end of an attempt is asked about an hour later, failures too, each person once in 90 days, and answers count for the rate.
func TestWhoIsAsked(t *testing.T) {
	all := func(p *Policy) { p.SurveyPermille = 1000 }
	h := newOrdersTale().buys("ann", 1, engine.FlowOneClick)
	h.entry(KindReleased, "ben", func(e *Entry) { e.Purchase = 9 }).entry(KindDeclined, "cid", func(e *Entry) { e.Purchase = 10 })
	h.wait(time.Minute).buys("ann", 2, engine.FlowOneClick).wait(time.Hour).entry(KindViewed, "ann", nil)
	b := h.book(all)
	due := b.Surveys(nil, 0, h.now, 10)
	if len(due) != 2 || due[0].Order != 1 || due[0].Due != taleBegin+engine.Instant(time.Hour) || due[1].Purchase != 9 || due[1].Due != due[0].Due+1 || due[1].Key != h.key {
		t.Fatalf("due: %+v", due)
	}
	if again := b.Surveys(nil, due[0].Due, h.now, 10); len(again) != 1 || again[0] != due[1] {
		t.Errorf("after the first: %+v", again)
	}
	if late := b.Surveys(nil, 0, h.now+engine.Instant(24*time.Hour), 10); len(late) != 0 {
		t.Errorf("a day late: %+v", late)
	}
	h.entry(KindSurveyed, "ben", func(e *Entry) { e.Survey, e.Score = SurveyCSAT, 1 }).entry(KindSurveyed, "ben", func(e *Entry) { e.Survey, e.Score = SurveyNPS, 1 })
	if got := said(t, h.book(all), Query{}, h.now, "", "satisfaction.responses"); got != "0.5 = 1/2" {
		t.Errorf("responses: %s", got)
	}
	h.wait(91*24*time.Hour).buys("ann", 3, engine.FlowStandard).wait(2*time.Hour).entry(KindViewed, "", nil)
	if due := h.book(all).Surveys(nil, 0, h.now, 10); len(due) != 1 || due[0].Order != 3 {
		t.Errorf("after 91 days: %+v", due)
	}
	if got := said(t, h.book(all), Query{}, h.now, "", "satisfaction.responses"); got != "0.3333 = 1/3" {
		t.Errorf("responses after 91 days: %s", got)
	}
}

// TestForgottenPersonsAreNew: beyond the bound the oldest rows are forgotten, and what was counted stays.
func TestForgottenPersonsAreNew(t *testing.T) {
	h := newOrdersTale()
	for i := range 100 {
		h.buys(fmt.Sprint("b", i), engine.OrderID(i+1), engine.FlowStandard).wait(time.Second)
	}
	h.buys("b0", 101, engine.FlowStandard).entry(KindUndone, "b0", func(e *Entry) { e.Order = 1 }).entry(KindUndone, "b99", func(e *Entry) { e.Order = 100 })
	b := h.book(func(p *Policy) { p.PeopleMax = 10 })
	if got := said(t, b, Query{}, h.now, "", "revenue.frequency"); got != "1 = 101/101" {
		t.Errorf("frequency: %s", got)
	}
	if got := said(t, b, Query{}, h.now, "", "regret.undo"); got != "9.901 = 1/101, mature 0, so far" {
		t.Errorf("undone: %s", got)
	}
	if got := said(t, b, Query{Window: Window15m}, h.now, "", "regret.undo"); got != "not available" {
		t.Errorf("in a window that reaches behind what is kept: %s", got)
	}
	if people := b.people; people.persons.n != 10 || people.orders.n != 10 || people.visits.n != 10 || people.moments.n != 10 {
		t.Errorf("kept %d %d %d %d, want 10 of each", people.persons.n, people.orders.n, people.visits.n, people.moments.n)
	}
	state := b.AppendState(nil)
	c, err := OpenBook(b.policy, time.LoadLocation, state)
	if err != nil || !bytes.Equal(c.AppendState(nil), state) {
		t.Errorf("a state that was read differs: %v", err)
	}
}

// TestSurveysAreBounded: when so many wait that there is no room, nobody more is chosen.
func TestSurveysAreBounded(t *testing.T) {
	b := NewBook(func() Policy { p := PolicyDefault(); p.SurveyPermille = 1000; return p }(), time.LoadLocation)
	e := Entry{Kind: KindReleased, At: taleBegin, Key: eventKey("night")}
	for i := range SurveysMax + 2 {
		e.Person, e.Purchase = mix(uint64(i)+1), engine.PurchaseID(i+1)
		b.Add(&e)
	}
	due := b.Surveys(nil, 0, taleBegin+engine.Instant(2*time.Hour), SurveysMax+2)
	if len(due) != SurveysMax || due[SurveysMax-1].Purchase != SurveysMax {
		t.Errorf("%d are chosen, want %d", len(due), SurveysMax)
	}
}
