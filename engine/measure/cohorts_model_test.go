package measure

import (
	"cmp"
	"slices"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// plain is the naive model: it keeps everything that was told of every buyer at every event, and works each figure out anew from that, as its definition says it.
type plain struct {
	now     int64
	state   map[string]*plainEvent
	rows    map[plainKey]*plainRow
	aliases map[uint64]uint64
	users   map[uint64]*plainUser
	samples []plainSample
	counts  []plainCount
	clicks  []*plainClick
}

type plainKey struct {
	event  string
	person uint64
}

type plainEvent struct {
	observe, onSale bool
	free            int64
	genre           string
	zone            *time.Location
}

// plainWay is in which series something counts.
type plainWay struct{ event, genre, flow, device, method, channel string }

type plainRow struct {
	event         string
	told          []plainTold
	way           plainWay
	failed        bool
	tries, clean  int64
	offered       bool
	triedOffer    bool
	untold        int64 // orders since the last attempt
	request       uint64
	asks, byOne   bool
	pick          int64
	waited        int64
	joined        int64
	completed     bool
	pending       *plainClick
	paid, back    int64
	free          int64
	asked, mayUse bool
}

type plainTold struct {
	Entry
	ms         int64
	obtainable bool
}

type plainUser struct {
	ms    int64
	way   plainWay
	again bool
}

type plainSample struct {
	kind duration
	at   int64
	way  plainWay
	ms   int64
}

type plainCount struct {
	what cellColumn
	at   int64
	way  plainWay
}

type plainClick struct {
	ms        int64
	way       plainWay
	answered  bool
	gone      bool // its answer is not waited for any more
	confirmed bool
}

func newPlain() *plain {
	return &plain{state: map[string]*plainEvent{}, rows: map[plainKey]*plainRow{}, aliases: map[uint64]uint64{}, users: map[uint64]*plainUser{}}
}

func (n *plain) add(e *Entry) {
	ms := int64(e.At) / 1e6
	n.now = max(n.now, ms)
	for _, c := range n.clicks {
		c.gone = c.gone || c.ms+120_000 <= n.now
	}
	id := e.Key.ID
	ev := n.state[id]
	if ev == nil {
		ev = &plainEvent{zone: time.UTC}
		n.state[id] = ev
	}
	switch e.Kind { //nolint:exhaustive // the others say nothing here
	case KindEventSet:
		ev.genre, ev.observe = "concert", e.On
		if !e.On {
			ev.zone, _ = time.LoadLocation("Europe/Amsterdam")
		}
		return
	case KindState:
		ev.onSale = e.State == engine.EventOnSale
		return
	case KindStock:
		ev.free = e.Stock.Free
		return
	}
	said := plainWay{event: id, genre: ev.genre, channel: e.Channel}
	if e.HasFlow {
		said.flow = flowNames[flowValue(e.Flow)]
	}
	if e.Device != 0 {
		said.device = deviceNames[e.Device]
	}
	if e.Method != 0 {
		said.method = methodNames[e.Method]
	}
	person := e.Person
	if e.Alias != 0 {
		n.unite(id, e.Person, e.Alias)
		n.aliases[e.Person] = e.Alias
		person = e.Alias
	} else if b, ok := n.aliases[person]; ok && e.Kind < KindOffered {
		person = b
	}
	row := n.rows[plainKey{id, person}]
	if person != 0 && row == nil {
		if slices.Contains([]Kind{KindClickSeen, KindPageReady, KindAction, KindAsked, KindAuthorised, KindDeclined, KindReleased, KindUndone, KindRefunding, KindRefunded}, e.Kind) {
			n.durations(said, ms, e)
			return
		}
		row = &plainRow{event: id, way: plainWay{event: id, genre: ev.genre}}
		n.rows[plainKey{id, person}] = row
	}
	way := said
	if person != 0 {
		row.told = append(row.told, plainTold{*e, ms, ev.onSale && ev.free > 0})
		row.way = row.way.or(said)
		way = row.way
		n.row(ev, row, ms, e)
	}
	n.byTime(row, person, way, ms, e)
	n.durations(way, ms, e)
	if person != 0 {
		n.click(row, ms, e)
	}
}

func (w plainWay) or(s plainWay) plainWay {
	s.flow, s.device, s.method, s.channel = cmp.Or(s.flow, w.flow), cmp.Or(s.device, w.device), cmp.Or(s.method, w.method), cmp.Or(s.channel, w.channel)
	return s
}

func (n *plain) unite(id string, session, buyer uint64) {
	s, b := n.rows[plainKey{id, session}], n.rows[plainKey{id, buyer}]
	if s == nil {
		return
	}
	delete(n.rows, plainKey{id, session})
	if b == nil {
		n.rows[plainKey{id, buyer}] = s
		return
	}
	b.told = append(b.told, s.told...)
	b.way = s.way.or(b.way)
	b.failed, b.completed = b.failed || s.failed, b.completed || s.completed
	if s.pick > b.pick {
		b.pick, b.waited = s.pick, s.waited
	}
	if s.pending != nil && !s.pending.answered && !s.pending.gone && (b.pending == nil || b.pending.answered || b.pending.gone || b.pending.ms < s.pending.ms) {
		b.pending = s.pending
	}
	b.untold += s.untold
	b.paid, b.back, b.free = b.paid+s.paid, b.back+s.back, b.free+s.free
}

func (n *plain) row(ev *plainEvent, r *plainRow, ms int64, e *Entry) {
	oneClick := e.HasFlow && e.Flow == engine.FlowOneClick
	switch e.Kind { //nolint:exhaustive // the others say nothing here
	case KindSelected:
		if ms > r.pick {
			r.pick, r.waited = ms, 0
		}
	case KindStepped:
		if e.Text == "line" {
			r.joined = ms
		} else if e.Text == "admitted" && r.joined != 0 {
			if r.pick != 0 && r.joined >= r.pick {
				r.waited += max(0, ms-r.joined)
			}
			n.samples = append(n.samples, plainSample{durationLine, ms, r.way, max(0, ms-r.joined)})
			r.joined = 0
		}
	case KindOffered:
		r.asked = r.asked || e.Variant != VariantNone
		r.mayUse = r.mayUse || e.Variant == VariantIn || e.Variant == VariantOut
		r.offered = r.offered || e.OneClick
	case KindAttempted, KindObservedFailed, KindDeclined, KindReleased:
		if hold, ok := r.first(ev, stepHeld); ok && ms <= hold+PolicyDefault().MatureMs {
			r.failed = e.Failure == FailureOurs || e.Failure == FailurePayment || e.Failure == FailureStock
		}
		if e.Kind == KindAttempted {
			r.asks, r.byOne, r.request, r.untold = true, oneClick, e.Ref, 0
		}
		if e.Kind == KindAttempted && oneClick {
			r.tries++
			r.triedOffer = r.triedOffer || r.offered
		}
	case KindOrdered, KindObservedOrder:
		if r.paid += e.Money.TotalMinor; e.Money.TotalMinor == 0 {
			r.free++
		}
		r.completed = r.completed || r.pick != 0 && r.pick <= ms
		if oneClick {
			r.untold++
			if !e.NeededAction && r.clean < r.tries {
				r.clean++
			}
		}
	case KindUndone, KindRefunded, KindObservedRefund:
		r.back += e.AmountMinor
		if e.Kind == KindUndone && e.Money.TotalMinor == 0 {
			r.free--
		}
	case KindRefunding:
		if e.Whole && e.Money.TotalMinor == 0 {
			r.free--
		}
	}
}

func (n *plain) count(what cellColumn, at int64, way plainWay) {
	n.counts = append(n.counts, plainCount{what, at, way})
}

func (n *plain) byTime(r *plainRow, person uint64, way plainWay, ms int64, e *Entry) {
	switch e.Kind { //nolint:exhaustive // the others say nothing here
	case KindViewed:
		n.count(timeViews, ms, way)
		if person != 0 {
			n.count(timeViewsLinked, ms, way)
		}
	case KindOrdered, KindObservedOrder:
		n.count(timeOrders, ms, way)
		if person == 0 {
			return
		}
		if _, ok := r.viewed(); ok {
			n.count(timeOrdersLinked, ms, way)
		}
		oneClick := e.HasFlow && e.Flow == engine.FlowOneClick
		if r.offered {
			n.count(timeOrdersEligible, ms, way)
			if oneClick {
				n.count(timeOrdersOneClick, ms, way)
			}
		}
		if u := n.users[person]; oneClick && u != nil {
			u.again = true
		} else if oneClick {
			n.users[person] = &plainUser{ms: ms, way: way}
		}
		if r.pick != 0 && r.pick <= ms {
			n.samples = append(n.samples, plainSample{durationCheckout, ms, way, max(0, ms-r.pick-r.waited)})
			r.pick = 0
		}
	}
}

func (n *plain) durations(way plainWay, ms int64, e *Entry) {
	took := func(kind duration, d int64) { n.samples = append(n.samples, plainSample{kind, ms, way, d}) }
	switch e.Kind { //nolint:exhaustive // the others say nothing here
	case KindClickSeen:
		took(durationSeen, e.DurationMs)
	case KindPageReady:
		if e.LoadMs > 0 {
			took(durationPageLoad, e.LoadMs)
		}
		if e.PromptMs > 0 {
			took(durationPrompt, e.PromptMs)
		}
	case KindAsked:
		took(durationLane, e.DurationMs)
	case KindAction, KindAuthorised:
		if e.NeededAction {
			took(durationAuthentication, e.DurationMs)
		} else {
			took(durationGateway, e.DurationMs)
		}
	case KindOrdered:
		if e.Purchase != 0 {
			took(durationCommit, e.DurationMs)
		}
	}
}

func (n *plain) click(r *plainRow, ms int64, e *Entry) {
	waits, way := r.pending != nil && !r.pending.answered && !r.pending.gone, r.way
	way.flow = "one_click"
	switch e.Kind { //nolint:exhaustive // the others say nothing here
	case KindClicked:
		if waits && ms-r.pending.ms < 10_000 {
			return
		}
		r.pending = &plainClick{ms: ms, way: way}
		n.clicks = append(n.clicks, r.pending)
	case KindClickSeen:
		known := r.asks && r.request == e.Ref
		if known && !r.byOne || !known && !waits {
			return
		}
		if known {
			r.asks = false
		}
		if !waits {
			r.pending = &plainClick{ms: ms}
			n.clicks = append(n.clicks, r.pending)
		}
		r.pending.answered, r.pending.way = true, way
		if r.untold > 0 && (known || n.state[r.event].observe) {
			r.untold--
			r.pending.confirmed = e.DurationMs <= 2000
		}
	}
}

// viewed is the first view.
func (r *plainRow) viewed() (first plainTold, ok bool) {
	for _, e := range r.told {
		if e.Kind == KindViewed && (!ok || e.ms < first.ms) {
			first, ok = e, true
		}
	}
	return first, ok
}

// first is when a step was first reached, in order or not.
func (r *plainRow) first(ev *plainEvent, step int) (ms int64, ok bool) {
	for _, e := range r.told {
		is := [funnelEnd]bool{
			e.Kind == KindSelected || e.Kind == KindCarted && !ev.observe, e.Kind == KindHeld || e.Kind == KindCarted && ev.observe,
			e.Kind == KindAttempted || e.Kind == KindObservedFailed || e.Kind == KindStepped && e.Text == "payment" && ev.observe,
			e.Kind == KindOrdered || e.Kind == KindObservedOrder,
		}
		if is[step] && (!ok || e.ms < ms) {
			ms, ok = e.ms, true
		}
	}
	return ms, ok
}

// funnel is how far the buyer came in order, and when each step that was reported was reached; -1 if it was taken for granted.
func (r *plainRow) funnel(ev *plainEvent) (times []int64) {
	view, ok := r.viewed()
	if !ok {
		return nil
	}
	var at [funnelEnd]int64
	next := int64(1 << 62)
	for step := funnelEnd - 1; step >= 0; step-- {
		ms, ok := r.first(ev, step)
		granted := step == stepSelected || step == stepAttempted || step == stepHeld && ev.observe
		if !ok || granted && (ms < view.ms || ms > next) {
			at[step] = -1
			continue
		}
		at[step], next = ms, ms
	}
	last := view.ms
	for step := range funnelEnd {
		own := step
		for own < funnelEnd && at[own] < 0 {
			if own == stepHeld && !ev.observe {
				return times
			}
			own++
		}
		if own == funnelEnd || at[own] < last {
			return times
		}
		if times = append(times, at[step]); at[step] >= 0 {
			last = at[step]
		}
	}
	return times
}
