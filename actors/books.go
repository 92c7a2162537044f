package actors

import (
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// Books is what shows whether tickets and money are where they should be.
type Books struct {
	// DriftTickets is by how many tickets free + held + paying + sold + blocked differs from capacity, in the events that are awake.
	DriftTickets int64
	// UnknownCharges are those whose last question the gateway has not answered.
	UnknownCharges int64
	// MoneyAlarms counts, since the start, what needed an operator, by the reason's name; reasons that there was nothing for are left out.
	MoneyAlarms map[string]int64
}

// Books reads the books as they are.
func (n *Node) Books() Books {
	b := Books{DriftTickets: n.totals().drift, MoneyAlarms: make(map[string]int64)}
	for _, l := range n.payments.lanes {
		b.UnknownCharges += l.show.unknown.Load()
	}
	for why := engine.AlarmAmount; int(why) < engine.Alarms; why++ {
		if count := n.payments.metrics.alarms[why].Get(); count > 0 && why != engine.AlarmLinks { // which is not about money
			b.MoneyAlarms[why.String()] = int64(count)
		}
	}
	return b
}

// ClockAhead is how far node time is ahead of wall time. Above [ClockAlarm], either way, the clock is alarming.
func (n *Node) ClockAhead() time.Duration { return time.Duration(n.clock.Now() - n.clock.Wall()) }
