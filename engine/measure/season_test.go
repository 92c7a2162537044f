package measure_test

import (
	"cmp"
	"container/heap"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/enginetest"
	"github.com/holdfast-engine/holdfast/engine/measure"
	"github.com/holdfast-engine/holdfast/engine/payment"
)

// season sells several shows to buyers who behave as a plan says. It knows the truth because it writes down what it lets them do, and never looks at an entry
// or a figure. The events are real, and so are the facts that the book is made of.
type season struct {
	t      *testing.T
	dice   *rand.Rand
	shells []*enginetest.Shell
	read   []int // runs of each shell that the book has
	reader *measure.Reader
	book   *measure.Book
	queue  plans
	ids    int
	seen   engine.Instant // surveys up to here are sent
	truth  truth
	visits map[showOf]*visit
	asked  map[string]string // purchase or hold of an attempt: its buyer
}

// showOf is a buyer at an event.
type showOf struct {
	show  int
	buyer string
}

// visit is what a buyer did at an event.
type visit struct {
	consent, obtainable, selected, held, attempted, ordered, kept bool
	offered, oneClickTried, oneClickOrder                         bool
	firstHold, orderedAt                                          engine.Instant
	lastFailed                                                    bool // by payment or stock, within 30 minutes after the hold
}

// truth is what happened.
type truth struct {
	views, viewsLinked, prompts, clicks, holds, attempts, orders, oneClick, tickets, declined int64
	face, fees, refunds, purchases, failed, byBuyer                                           int64
	clicksLinked                                                                              int64
	gateway                                                                                   []float64 // ms
	checkout, load, seen                                                                      []float64 // ms
	seenConfirmed                                                                             int64
	undone, support, supportOneClick, csat, happy                                             int64
	dues, answers                                                                             int64
	noAction, oneClickTries                                                                   int64
	firstOrder                                                                                map[string]engine.Instant
	again                                                                                     map[string][]engine.Instant
	oneClicks                                                                                 map[string]int
	seconds, minutes                                                                          map[int64]int64 // orders
}

// plan is something that somebody does at a time.
type plan struct {
	at    engine.Instant
	order int
	do    func()
}

type plans []plan

func (p plans) Len() int { return len(p) }
func (p plans) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(p[i].at, p[j].at), cmp.Compare(p[i].order, p[j].order)) < 0
}
func (p plans) Swap(i, j int) { p[i], p[j] = p[j], p[i] }
func (p *plans) Push(x any)   { *p = append(*p, x.(plan)) }
func (p *plans) Pop() any     { old := *p; x := old[len(old)-1]; *p = old[:len(old)-1]; return x }

const seasonBegins = engine.Instant(1_767_780_000 * int64(time.Second))

func newSeason(t *testing.T, shows int, seed uint64) *season {
	p := measure.PolicyDefault()
	p.SurveyPermille = 300
	s := &season{
		t: t, dice: rand.New(rand.NewPCG(seed, 5)), reader: measure.NewReader(), book: measure.NewBook(p, time.LoadLocation),
		visits: map[showOf]*visit{}, asked: map[string]string{},
		truth: truth{firstOrder: map[string]engine.Instant{}, again: map[string][]engine.Instant{}, oneClicks: map[string]int{}, seconds: map[int64]int64{}, minutes: map[int64]int64{}},
	}
	for i := range shows {
		key := engine.Key{Account: "shop", Kind: engine.KindEvent, ID: fmt.Sprintf("night-%d", i)}
		s.shells = append(s.shells, enginetest.NewShell(key, engine.Limits{}, seasonBegins))
		s.read = append(s.read, 0)
		capacity := int64(100_000)
		if i == 0 {
			capacity = 300 // sells out
		}
		out := s.do(i, engine.Command{Verb: engine.VerbCreate, Spec: &engine.EventSpec{
			Name: key.ID, Genre: []string{"concert", "theatre"}[i%2], Currency: "EUR", TimeZone: "Europe/Amsterdam", Open: true, HoldTTLMs: 600_000, MaxHoldMs: 1_200_000, HasSpread: true,
			Pay:  engine.PayPolicy{RefundUntil: seasonBegins + 200*24*3600e9, OneClickShare: engine.OneClickEveryone, HasOneClickShare: true},
			Lots: []engine.LotSpec{{Lot: "ga", FaceMinor: 4500, Fees: []engine.Fee{{Name: "service", Minor: 250}}, Capacity: capacity}},
		}})
		if out.Code != engine.CodeOK {
			t.Fatalf("create: %s %s", out.Code, out.Field)
		}
	}
	return s
}

func (s *season) chance(percent float64) bool { return s.dice.Float64()*100 < percent }

func (s *season) later(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.2 + s.dice.ExpFloat64())).Truncate(time.Millisecond)
}

func (s *season) id() string { s.ids++; return fmt.Sprintf("q%d", s.ids) }

func (s *season) plan(at engine.Instant, do func()) {
	s.ids++
	heap.Push(&s.queue, plan{at, s.ids, do})
}

func (s *season) in(d time.Duration, show int, do func()) {
	s.plan(s.shells[show].Now+engine.Instant(d), do)
}

func (s *season) do(show int, cmd engine.Command) *engine.Outcome {
	if cmd.RequestID == "" && cmd.Verb.OfCallers() {
		cmd.RequestID = s.id()
	}
	return s.shells[show].Do(&cmd)
}

// run does everything that is planned, and lets the events do what is theirs in between.
func (s *season) run() {
	for len(s.queue) > 0 {
		p := heap.Pop(&s.queue).(plan)
		s.ask(p.at)
		for i, shell := range s.shells {
			shell.Pass(p.at)
			s.settleMoney(i)
		}
		p.do()
		s.follow()
	}
	s.follow()
}

func (s *season) follow() {
	for i, shell := range s.shells {
		for ; s.read[i] < len(shell.Log); s.read[i]++ {
			if err := s.reader.Each(shell.Log[s.read[i]], s.book.Add); err != nil {
				s.t.Fatal(err)
			}
		}
	}
}

// ask asks those whose time has come, as the shell does every second.
func (s *season) ask(now engine.Instant) {
	for _, d := range s.book.Surveys(nil, s.seen, now, 1000) {
		s.seen = d.Due
		s.survey(d)
	}
}

// survey lets two of five of those who are asked answer.
func (s *season) survey(d measure.SurveyDue) {
	show := slices.IndexFunc(s.shells, func(x *enginetest.Shell) bool { return x.Key == d.Key })
	buyer := s.asked[fmt.Sprint(show, "p", d.Purchase)]
	if d.Purchase == 0 {
		buyer = s.asked[fmt.Sprint(show, "h", d.Hold)]
	}
	if buyer == "" {
		s.t.Fatalf("asked about an attempt that nobody made: %+v", d)
	}
	s.truth.dues++
	if !s.chance(40) {
		return
	}
	score := int64(1 + s.dice.IntN(5))
	s.truth.answers++
	s.truth.csat++
	if score >= 4 {
		s.truth.happy++
	}
	s.in(time.Hour, show, func() {
		s.touch(show, buyer, true, engine.Touch{Kind: engine.TouchSurveyed, Survey: "csat", Score: score})
	})
}

func (s *season) touch(show int, buyer string, consent bool, touch engine.Touch) {
	touch.ID, touch.Buyer, touch.Consent, touch.Channel = s.id(), buyer, consent, "web"
	if out := s.do(show, engine.Command{Verb: engine.VerbTouch, Touch: &engine.TouchCommand{Touches: []engine.Touch{touch}}}); out.Code != engine.CodeOK {
		s.t.Fatalf("touch %s: %s %s", touch.Kind, out.Code, out.Field)
	}
}

// settleMoney answers for the gateway whatever is not a charge that a plan answers.
func (s *season) settleMoney(show int) {
	for _, w := range s.shells[show].Event.OpenWork(nil) {
		answer, ok := map[payment.Operation]payment.Answer{payment.Capture: payment.Captured, payment.Void: payment.Voided, payment.Refund: payment.Refunded}[w.Operation]
		if !ok {
			continue
		}
		s.do(show, engine.Command{Verb: engine.VerbIntend, Payment: &engine.PaymentCommand{At: w.Purchase, Refund: w.Refund, Operation: w.Operation, Attempt: w.Attempt}})
		r := payment.Result{Answer: answer, Ref: "ch_1", AmountMinor: w.AmountMinor, Currency: w.Currency}
		s.do(show, engine.Command{Verb: engine.VerbResult, Payment: &engine.PaymentCommand{At: w.Purchase, Refund: w.Refund, Operation: w.Operation, Result: &r}})
		if w.Operation == payment.Refund {
			s.truth.refunds += w.AmountMinor
		}
	}
}

// visit lets a buyer come to an event.
func (s *season) visit(show int, buyer string) {
	if s.visits[showOf{show, buyer}] != nil {
		return // comes once
	}
	shell, v := s.shells[show], &visit{consent: s.chance(85)}
	var none engine.Facts
	look := shell.Event.Step(&engine.Command{Verb: engine.VerbGet}, shell.Now, &none)
	v.obtainable = look.Event.State == engine.EventOnSale && look.Event.Lots[0].Free > 0
	s.visits[showOf{show, buyer}] = v
	s.touch(show, buyer, v.consent, engine.Touch{Kind: engine.TouchViewed})
	load := 100 + s.dice.Int64N(3000)
	s.touch(show, buyer, v.consent, engine.Touch{Kind: engine.TouchPageReady, LoadMs: load})
	s.truth.load = append(s.truth.load, float64(load))
	s.truth.views++
	if v.consent {
		s.truth.viewsLinked++
	}
	if !s.chance(65) {
		return
	}
	s.in(s.later(20*time.Second), show, func() { s.choose(show, buyer, v) })
}

func (s *season) choose(show int, buyer string, v *visit) {
	s.touch(show, buyer, v.consent, engine.Touch{Kind: engine.TouchSelected, CartMinor: 9500})
	v.selected = true
	selected := s.shells[show].Now
	s.in(s.later(15*time.Second), show, func() {
		if s.chance(50) {
			s.click(show, buyer, v, selected)
		} else {
			s.standard(show, buyer, v, selected)
		}
	})
}

func (s *season) standard(show int, buyer string, v *visit, selected engine.Instant) {
	n := int64(1 + s.dice.IntN(4))
	out := s.do(show, engine.Command{Verb: engine.VerbHold, Buyer: buyer, Channel: "web", Items: []engine.Item{{Lot: "ga", Quantity: n}}})
	if out.Code != engine.CodeOK {
		return
	}
	s.truth.holds++
	v.held, v.firstHold = true, s.shells[show].Now
	id, number := string(engine.AppendHoldID(nil, out.Hold.ID, 0)), out.Hold.ID
	s.in(s.later(90*time.Second), show, func() {
		switch {
		case s.chance(70):
			out := s.do(show, engine.Command{Verb: engine.VerbConfirm, Buyer: buyer, Hold: id, PaymentRef: "inv"})
			if out.Code != engine.CodeOK {
				return // too late: the hold has ended
			}
			s.asked[fmt.Sprint(show, "h", number)] = buyer
			s.truth.attempts++
			s.truth.purchases++
			v.attempted = true
			s.ordered(show, buyer, v, out.Order.ID, n, selected, engine.FlowStandard)
		case s.chance(50):
			s.do(show, engine.Command{Verb: engine.VerbRelease, Buyer: buyer, Hold: id})
		}
	})
}

func (s *season) click(show int, buyer string, v *visit, selected engine.Instant) {
	n := int64(1 + s.dice.IntN(4))
	items := []engine.Item{{Lot: "ga", Quantity: n}}
	out := s.do(show, engine.Command{Verb: engine.VerbOffer, Buyer: buyer, Channel: "web", Items: items, Payment: &engine.PaymentCommand{Note: note()}})
	if out.Code != engine.CodeOK {
		return
	}
	v.offered = true
	offer := string(engine.AppendOfferID(nil, out.Offer.ID, 0))
	s.touch(show, buyer, v.consent, engine.Touch{Kind: engine.TouchPrompted})
	s.truth.prompts++
	if !s.chance(70) {
		s.touch(show, buyer, v.consent, engine.Touch{Kind: engine.TouchDismissed})
		return
	}
	id := s.id()
	s.touch(show, buyer, v.consent, engine.Touch{Kind: engine.TouchClicked})
	s.truth.clicks++
	if v.consent {
		s.truth.clicksLinked++
	}
	out = s.do(show, engine.Command{Verb: engine.VerbBuy, RequestID: id, Buyer: buyer, Channel: "web", Payment: &engine.PaymentCommand{Note: note(), Offer: offer}})
	if out.Code != engine.CodeOK {
		s.t.Fatalf("buy: %s", out.Code) // tickets of an offer just made are there
	}
	at, total := out.Purchase.ID, out.Purchase.TotalMinor
	s.asked[fmt.Sprint(show, "p", at)] = buyer
	s.truth.holds++
	s.truth.attempts++
	s.truth.oneClickTries++
	v.held, v.attempted, v.oneClickTried = true, true, true
	v.firstHold = s.shells[show].Now
	s.in(50*time.Millisecond, show, func() {
		s.do(show, engine.Command{Verb: engine.VerbIntend, Payment: &engine.PaymentCommand{At: at, Operation: payment.Authorise}})
		gateway := 200 + s.dice.IntN(1500)
		s.truth.gateway = append(s.truth.gateway, float64(gateway))
		s.in(time.Duration(gateway)*time.Millisecond, show, func() { s.charged(show, buyer, v, at, total, n, selected, id, s.chance(8)) })
	})
}

func (s *season) charged(show int, buyer string, v *visit, at engine.PurchaseID, total, n int64, selected engine.Instant, click string, action bool) {
	result := func(op payment.Operation, r payment.Result) *engine.Outcome {
		r.Ref, r.AmountMinor, r.Currency = "ch_1", total, "EUR"
		return s.do(show, engine.Command{Verb: engine.VerbResult, Payment: &engine.PaymentCommand{At: at, Operation: op, Result: &r}})
	}
	if s.chance(9) {
		result(payment.Authorise, payment.Result{Answer: payment.DeclinedHard, Decline: payment.DeclineExpired})
		s.truth.declined++
		s.truth.purchases++
		s.truth.failed++
		v.lastFailed = true
		return
	}
	if action {
		result(payment.Authorise, payment.Result{Answer: payment.ActionNeeded})
		s.in(20*time.Second, show, func() {
			s.do(show, engine.Command{Verb: engine.VerbComplete, Buyer: buyer, Payment: &engine.PaymentCommand{Purchase: string(engine.AppendPurchaseID(nil, at, 0))}})
			for _, w := range s.shells[show].Event.OpenWork(nil) {
				if w.Purchase == at {
					result(w.Operation, payment.Result{Answer: payment.Authorised})
				}
			}
			s.sold(show, buyer, v, at, n, selected)
		})
		return
	}
	result(payment.Authorise, payment.Result{Answer: payment.Authorised})
	s.truth.noAction++
	s.sold(show, buyer, v, at, n, selected)
	if s.chance(95) { // the others' clients never tell what they saw
		ms := 100 + s.dice.Int64N(4000)
		s.in(time.Duration(ms)*time.Millisecond, show, func() {
			s.touch(show, buyer, v.consent, engine.Touch{Kind: engine.TouchClickSeen, ClickID: click, ClickToSeenMs: ms})
		})
		s.truth.seen = append(s.truth.seen, float64(ms))
		if ms <= 2000 && v.consent {
			s.truth.seenConfirmed++
		}
	}
}

// sold is called when the gateway's answer makes an order of a purchase.
func (s *season) sold(show int, buyer string, v *visit, at engine.PurchaseID, n int64, selected engine.Instant) {
	name := string(engine.AppendPurchaseID(nil, at, 0))
	out := s.do(show, engine.Command{Verb: engine.VerbPurchase, Buyer: buyer, Payment: &engine.PaymentCommand{Purchase: name}})
	if out.Code != engine.CodeOK || out.Purchase.Order == 0 {
		s.t.Fatalf("a purchase that was authorised has no order: %s", out.Code)
	}
	s.truth.purchases++
	s.truth.oneClicks[buyer]++
	order := out.Purchase.Order
	if s.chance(4) {
		s.ordered(show, buyer, v, order, n, selected, engine.FlowOneClick, engine.VerbUndo)
		s.in(3*time.Second, show, func() {
			if out := s.do(show, engine.Command{Verb: engine.VerbUndo, Buyer: buyer, Payment: &engine.PaymentCommand{Purchase: name}}); out.Code != engine.CodeOK {
				s.t.Fatalf("undo: %s", out.Code)
			}
			s.truth.undone++
			s.truth.refunds += n * 4750
			v.kept = false
		})
		return
	}
	s.ordered(show, buyer, v, order, n, selected, engine.FlowOneClick)
}

// ordered notes an order, and plans what becomes of it.
func (s *season) ordered(show int, buyer string, v *visit, id engine.OrderID, n int64, selected engine.Instant, flow engine.Flow, ends ...engine.Verb) {
	now, w := s.shells[show].Now, &s.truth
	v.ordered, v.kept, v.orderedAt = true, true, now
	if flow == engine.FlowOneClick {
		v.oneClickOrder = true
		w.oneClick++
	}
	w.orders++
	w.tickets += n
	w.face += n * 4500
	w.fees += n * 250
	w.seconds[int64(now)/1e9]++
	w.minutes[int64(now)/60e9]++
	if v.consent {
		w.checkout = append(w.checkout, float64(now-selected)/1e6)
	}
	if first, ok := w.firstOrder[buyer]; !ok {
		w.firstOrder[buyer] = now
	} else if now > first {
		w.again[buyer] = append(w.again[buyer], now)
	}
	if len(ends) > 0 {
		return
	}
	order := string(engine.AppendOrderID(nil, id, 0))
	switch {
	case s.chance(5): // regretted, or simply later
		wait := time.Duration(1+s.dice.IntN(144)) * time.Hour
		s.in(wait, show, func() {
			out := s.do(show, engine.Command{Verb: engine.VerbRefund, Order: order, Buyer: buyer, Payment: &engine.PaymentCommand{ByBuyer: true}})
			if out.Code != engine.CodeOK {
				s.t.Fatalf("refund: %s %s", out.Code, out.Field)
			}
			if flow == engine.FlowStandard { // it was paid outside, and is given back there
				w.refunds += n * 4750
			}
			if wait <= 72*time.Hour {
				w.byBuyer++
			}
			v.kept = false
		})
	case s.chance(4):
		topic := "refund"
		if flow == engine.FlowOneClick && s.chance(50) {
			topic = "one_click_surprise"
			w.supportOneClick++
		}
		w.support++
		s.in(time.Hour, show, func() {
			s.touch(show, buyer, true, engine.Touch{Kind: engine.TouchSupport, Topic: topic, Order: order})
		})
	}
}

// TestASeasonOfKnownTruth sells eight shows over four months and compares every family of figures with what the season itself wrote down.
func TestASeasonOfKnownTruth(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { aSeason(t, seed) })
	}
}

func aSeason(t *testing.T, seed uint64) {
	const shows, buyers, days = 8, 2500, 120
	s := newSeason(t, shows, seed)
	for i := range buyers {
		buyer := fmt.Sprintf("b%d", i)
		day := time.Duration(s.dice.IntN(days-30)) * 24 * time.Hour
		for range 1 + s.dice.IntN(3) {
			show := s.dice.IntN(shows)
			at := seasonBegins + engine.Instant(day+time.Duration(s.dice.Int64N(int64(12*time.Hour))))
			s.plan(at, func() { s.visit(show, buyer) })
			day += time.Duration(1+s.dice.IntN(20)) * 24 * time.Hour
		}
	}
	for hour := range 250 * 24 {
		s.plan(seasonBegins+engine.Instant(time.Duration(hour)*time.Hour), func() {}) // the clock goes on when nobody comes
	}
	s.plan(seasonBegins+engine.Instant(250*24*time.Hour), func() { s.touch(1, "", false, engine.Touch{Kind: engine.TouchViewed}); s.truth.views++ }) // everything is over
	s.run()
	s.compare()
}
