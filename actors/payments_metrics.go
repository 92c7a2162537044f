package actors

import (
	"fmt"
	"math"
	"time"

	vm "github.com/VictoriaMetrics/metrics"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
)

// paymentMetrics is what the lanes count and measure.
type paymentMetrics struct {
	answers  [payment.Cancel + 1][payment.Failed + 1]*vm.Counter
	declines [payment.Declines]*vm.Counter
	states   [engine.PurchaseReleased + 1]*vm.Counter
	alarms   [engine.Alarms]*vm.Counter
	stages   [stages]*vm.PrometheusHistogram
}

// stage of a purchase's way from the click to the confirmation.
const (
	stageQueue   = iota // until its turn
	stageGateway        // the calls
	stageCommit         // what became durable before and after them
	stageAll            // from the click to the confirmation
	stages
)

var (
	stageNames    = [stages]string{"queue", "gateway", "commit", "all"}
	purchaseNames = [engine.PurchaseReleased + 1]string{
		"", "queued", "authorising", "action_required", "cancelling", "stuck", "sold", "declined", "released",
	}
	purchaseBuckets = []float64{1e-3, 2e-3, 5e-3, 10e-3, 20e-3, 50e-3, 0.1, 0.2, 0.35, 0.5, 0.75, 1, 1.5, 2.5, 5, 10, 30, 60, 300, 900}
)

func newPaymentMetrics(n *Node) *paymentMetrics {
	m, p := n.metrics, &paymentMetrics{}
	f := m.family("holdfast_charges_total", "Answers of payment gateways, by what was asked and what was answered. Unknown is no answer: it is asked again.", "counter")
	for op := payment.Authorise; op <= payment.Cancel; op++ {
		for a := payment.Unknown; a <= payment.Failed; a++ {
			p.answers[op][a] = f.set.NewCounter(fmt.Sprintf("holdfast_charges_total{operation=%q,answer=%q}", op, a))
		}
	}
	f = m.family("holdfast_declines_total", "Charges that were declined, by the reason in the words that all gateways' codes are mapped to.", "counter")
	for d := payment.DeclineGeneric; int(d) < payment.Declines; d++ {
		p.declines[d] = f.set.NewCounter(fmt.Sprintf("holdfast_declines_total{decline=%q}", d))
	}
	f = m.family("holdfast_purchases_total", "Purchases that have come into a state, by state. One that is stuck needs an operator: `engine purchase resolve`.", "counter")
	for s := engine.PurchaseQueued; s <= engine.PurchaseReleased; s++ {
		p.states[s] = f.set.NewCounter(fmt.Sprintf("holdfast_purchases_total{state=%q}", purchaseNames[s]))
	}
	f = m.family("holdfast_payment_alarms_total", "Things about payments that an operator has to know, by what is wrong: the log names the event and the purchase.", "counter")
	for a := engine.AlarmAmount; int(a) < engine.Alarms; a++ {
		p.alarms[a] = f.set.NewCounter(fmt.Sprintf("holdfast_payment_alarms_total{why=%q}", a))
	}
	f = m.family("holdfast_purchase_stage_seconds",
		"Time of a purchase from the click to the confirmation (all), and how it was spent: waiting for its turn, in the gateway's calls, until facts were durable.", "histogram")
	for i, name := range stageNames {
		p.stages[i] = f.set.NewPrometheusHistogramExt(fmt.Sprintf("holdfast_purchase_stage_seconds{stage=%q}", name), purchaseBuckets)
	}
	p.gauges(n)
	return p
}

func (p *paymentMetrics) gauges(n *Node) {
	names := make([]string, len(n.cfg.Gateways))
	shows := make([]*laneShow, len(n.cfg.Gateways))
	for i, g := range n.cfg.Gateways {
		names[i], shows[i] = g.Name(), &n.payments.lanes[g.Name()].show
	}
	m := n.metrics
	gauge := func(name, help string, read func(s *laneShow) float64) {
		m.GaugePer(name, help, "gateway", names, func(i int) float64 { return read(shows[i]) })
	}
	gauge("holdfast_lane_waiting", "Purchases that wait for their turn at the gateway.", func(s *laneShow) float64 { return float64(s.waiting.Load()) })
	gauge("holdfast_lane_finishing", "Charges to be finished now: captures, voids, refunds, look-ups and what is sent again. They go before new ones.",
		func(s *laneShow) float64 { return float64(s.urgent.Load()) })
	gauge("holdfast_lane_later", "Charges that are asked about again later: the buyer has to act, or the gateway did not answer.",
		func(s *laneShow) float64 { return float64(s.later.Load()) })
	gauge("holdfast_lane_eta_seconds", "How long a new purchase would have to wait for its turn.",
		func(s *laneShow) float64 { return s.eta(s.waiting.Load()).Seconds() })
	gauge("holdfast_lane_rate", "Calls a second that the lane makes at most: what an operator has set, or less while the gateway limits us.",
		func(s *laneShow) float64 { return math.Float64frombits(s.rate.Load()) })
	gauge("holdfast_lane_in_flight", "Calls under way.", func(s *laneShow) float64 { return float64(s.calls.Load()) })
	gauge("holdfast_charges_unknown", "Charges whose last question the gateway has not answered: they are asked about at least once a minute.",
		func(s *laneShow) float64 { return float64(s.unknown.Load()) })
	gauge("holdfast_lane_breaker_open", "1 while the gateway does not answer: new purchases are refused payment_unavailable.", func(s *laneShow) float64 {
		if s.open.Load() {
			return 1
		}
		return 0
	})
	m.CounterPer("holdfast_lane_breaker_opened_total", "Times that a gateway stopped answering.", "gateway", names, func(i int) uint64 { return shows[i].opened.Load() })
	m.CounterPer("holdfast_lane_starved_total", "Turns that went to charges to be finished while new purchases waited.", "gateway", names,
		func(i int) uint64 { return shows[i].starved.Load() })
}

// answered counts a call's answer.
func (p *paymentMetrics) answered(op payment.Operation, r *payment.Result) {
	p.answers[op][r.Answer].Inc()
	if (r.Answer == payment.DeclinedSoft || r.Answer == payment.DeclinedHard) && r.Decline > 0 && int(r.Decline) < payment.Declines {
		p.declines[r.Decline].Inc()
	}
}

// changed counts a purchase's new state.
func (p *paymentMetrics) changed(s engine.PurchaseState) {
	if s >= engine.PurchaseQueued && s <= engine.PurchaseReleased {
		p.states[s].Inc()
	}
}

// queue measures how long a purchase has waited for its turn.
func (p *paymentMetrics) queue(waited engine.Instant) {
	p.stages[stageQueue].Update(time.Duration(max(waited, 0)).Seconds())
}

// confirmed measures how long a purchase has taken that was just sold, and the commit of the answer.
func (p *paymentMetrics) confirmed(c *charge, all engine.Instant, told time.Duration) {
	p.stages[stageGateway].Update(c.gateway.Seconds())
	p.stages[stageCommit].Update((c.commit + told).Seconds())
	p.stages[stageAll].Update(time.Duration(max(all, 0)).Seconds())
}
