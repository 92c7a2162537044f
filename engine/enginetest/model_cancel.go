package enginetest

import (
	"slices"

	"github.com/holdfast-engine/holdfast/engine"
)

// cancel considers calling the show off: every live hold ends, the one that is due first first, and every order is refunded whole.
func (m *Model) cancel(cmd *engine.Command) func(*engine.Outcome) *modelRequest {
	m.refusals.addIf(m.state == engine.EventCancelled, engine.CodeWrongState, "event")
	return func(*engine.Outcome) *modelRequest {
		m.state, m.off = engine.EventCancelled, &engine.CancelView{}
		if cmd.Payment != nil {
			m.off.Reason = cmd.Payment.Reason
		}
		live := slices.DeleteFunc(slices.Clone(m.holds), func(h *modelHold) bool { return h.state != engine.HoldHeld })
		slices.SortStableFunc(live, func(a, b *modelHold) int { return int(max(-1, min(1, a.deadline-b.deadline))) })
		for _, h := range live {
			m.end(h, engine.HoldReleased)
		}
		for _, o := range m.orders {
			m.callOff(o)
		}
		return &modelRequest{}
	}
}

// callOff refunds what is left of an order of an event that was cancelled.
func (m *Model) callOff(o *modelOrder) {
	var places []int
	for i, t := range o.all {
		if !t.void {
			places = append(places, i)
		}
	}
	if len(places) == 0 {
		return
	}
	m.off.Orders++
	switch m.giveBack(o, places, engine.PaymentCommand{Block: true}).state {
	case engine.RefundDone:
		m.off.Refunded++
	case engine.RefundExternal:
		m.off.External++
	case engine.RefundQueued, engine.RefundSent, engine.RefundFailed:
	}
}

// modelWindow is the times in which buyers may ask for their money.
type modelWindow struct {
	moved bool           // the show has another time, and nobody has said yet what time it is
	until engine.Instant // of the time after that
	over  bool           // the organiser's time
}

func (w *modelWindow) open(s *engine.EventSpec) bool {
	return w.moved || w.until > 0 || s.Pay.RefundUntil > 0 && !w.over
}

// rescheduled opens the window if an update gives the show another time.
func (m *Model) rescheduled(after, s *engine.EventSpec) {
	if s.Set&engine.SetRefundUntil != 0 {
		m.window.over = false
	}
	if after.StartsAt != m.spec.StartsAt && len(m.orders) > 0 && refundWindow(after) > 0 {
		m.window.moved, m.window.until = true, 0
	}
}

func refundWindow(s *engine.EventSpec) int64 {
	if s.Pay.RefundWindowMs == 0 && !s.Pay.HasRefundWindow {
		return 14 * 24 * 3600 * 1000
	}
	return s.Pay.RefundWindowMs
}

// dateRefunds tells the window what time it is.
func (m *Model) dateRefunds(wall engine.Instant) {
	w := &m.window
	if w.moved {
		w.moved, w.until = false, wall+engine.Instant(refundWindow(&m.spec))*1e6
	}
	if w.until > 0 && wall >= w.until {
		w.until = 0
	}
	if m.spec.Pay.RefundUntil > 0 && wall >= m.spec.Pay.RefundUntil {
		w.over = true
	}
}
