package main

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/holdfast-engine/holdfast/actors"
	"github.com/holdfast-engine/holdfast/transport"
)

// running is what is known once the engine has started, and is read by any goroutine from then on.
type running struct {
	accounts []string
}

// showState says how the engine is, for /api/v1/state.
func (p *process) showState() *transport.State {
	s := &transport.State{
		AtMs: time.Now().UnixMilli(), StartedAtMs: p.began.UnixMilli(), Version: versionText(), Accounts: []string{}, Alarms: []transport.StateAlarm{},
		Lanes: []transport.StateLane{},
	}
	up := p.up.Load()
	if up == nil {
		s.Why = "starting"
		if why := p.state.Load(); why != nil {
			s.Why = *why
		}
		return s
	}
	s.Accounts = up.accounts
	if err := p.ready(); err != nil {
		s.Why = err.Error()
	} else {
		s.Ready = true
	}
	p.addAlarms(s)
	if m := p.node.Measurement(); m != nil {
		lag := m.Lag().Milliseconds()
		s.LagMs, s.SinceMs = &lag, int64(m.Since())/1e6
	}
	books := p.node.Books()
	s.Books = transport.StateBooks{DriftTickets: books.DriftTickets, UnknownCharges: books.UnknownCharges}
	for _, why := range slices.Sorted(maps.Keys(books.MoneyAlarms)) {
		s.Books.MoneyAlarms += books.MoneyAlarms[why]
		s.Alarms = append(s.Alarms, transport.StateAlarm{
			Kind: "money", Text: fmt.Sprintf("%d purchases: %s; the engine's log names them", books.MoneyAlarms[why], why),
		})
	}
	s.Books.Balanced = s.Books.DriftTickets == 0 && s.Books.MoneyAlarms == 0
	for _, l := range p.node.Lanes() {
		s.Lanes = append(s.Lanes, transport.StateLane{
			Gateway: l.Gateway, RatePerS: float64(l.RateMilli) / milli, EffectivePerS: float64(l.EffectiveMilli) / milli, Waiting: l.Waiting,
			InFlight: l.InFlight, Unknown: l.Unknown, EtaMs: l.EtaMs, BreakerOpen: l.BreakerOpen,
		})
	}
	return s
}

// addAlarms adds what an operator has to look at, except for money.
func (p *process) addAlarms(s *transport.State) {
	alarm := func(is bool, kind, text string) {
		if is {
			s.Alarms = append(s.Alarms, transport.StateAlarm{Kind: kind, Text: text})
		}
	}
	for _, set := range p.node.Quarantined(quarantinedShownMax) {
		alarm(true, "quarantine", "set aside: "+set)
	}
	stats := p.store.Stats()
	alarm(stats.Full, "disk", "the disk is nearly full: new holds are refused until there is room")
	alarm(stats.HoldsBack, "cursor", "a reader of facts is too far behind: new holds are refused until it has caught up")
	alarm(stats.PassFailures > 0, "snapshots", "a snapshot pass has failed: the engine's log says why")
	if m := p.node.Measurement(); m != nil {
		alarm(m.Stopped() != "", "kpi", "the log cannot be measured any further, figures stand still: "+m.Stopped())
	}
	ahead := p.node.ClockAhead()
	alarm(max(ahead, -ahead) > actors.ClockAlarm, "clock", fmt.Sprintf("node time and wall time differ by %v: look at the machine's clock", ahead.Round(time.Millisecond)))
	for _, l := range p.node.Lanes() {
		alarm(l.BreakerOpen, "gateway", l.Gateway+" does not answer: new purchases are refused until it does")
	}
}
