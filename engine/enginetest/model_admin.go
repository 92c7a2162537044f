package enginetest

import (
	"slices"

	"github.com/holdfast-engine/holdfast/engine"
)

// shellCommand does what the shell asks of an event, not a caller.
func (m *Model) shellCommand(cmd *engine.Command) *engine.Outcome {
	out := &engine.Outcome{}
	if !m.exists {
		if cmd.Verb == engine.VerbSeed || cmd.Verb == engine.VerbReveal {
			m.refusals.add(engine.CodeEventUnknown, "event")
			out.Code = engine.CodeEventUnknown
		}
		return out
	}
	switch cmd.Verb {
	case engine.VerbExpire:
		m.expire()
		m.expireLine()
		if m.tallyDue <= m.now {
			m.tallied = false
		}
	case engine.VerbSeed, engine.VerbReveal, engine.VerbRate:
		m.lineShell(cmd, out)
	case engine.VerbSchedule:
		if m.spec.OpensAt > 0 && m.state == engine.EventDraft && cmd.Wall >= m.spec.OpensAt {
			m.state = engine.EventOnSale
		}
		if m.spec.ClosesAt > 0 && !m.Closed() && cmd.Wall >= m.spec.ClosesAt {
			m.state = engine.EventClosed
		}
		if m.startLine(); m.line.committed && m.line.phase == engine.LineNone && m.state == engine.EventDraft && m.lineMode() == engine.LineModeLine && cmd.Wall >= m.spec.Line.LobbyAt {
			m.line.phase = engine.LineLobby
		}
		m.dateRefunds(cmd.Wall)
	case engine.VerbResume:
		m.down += max(0, cmd.Down)
	case engine.VerbRestore:
		if cmd.Incarnation <= engine.IncarnationMax {
			m.incarnation = max(m.incarnation, cmd.Incarnation)
		}
	}
	m.settle()
	return out
}

// changeState considers opening, pausing and closing by hand.
func (m *Model) changeState(cmd *engine.Command) func(*engine.Outcome) *modelRequest {
	from := map[engine.Verb][]engine.EventState{
		engine.VerbOpen:  {engine.EventDraft, engine.EventPaused},
		engine.VerbPause: {engine.EventOnSale},
		engine.VerbClose: {engine.EventDraft, engine.EventOnSale, engine.EventPaused},
	}
	to := map[engine.Verb]engine.EventState{engine.VerbOpen: engine.EventOnSale, engine.VerbPause: engine.EventPaused, engine.VerbClose: engine.EventClosed}
	m.refusals.addIf(!slices.Contains(from[cmd.Verb], m.state), engine.CodeWrongState, "event")
	return func(*engine.Outcome) *modelRequest {
		m.state = to[cmd.Verb]
		m.startLine()
		return &modelRequest{}
	}
}

// block considers taking tickets or seats out of sale, and putting them back.
func (m *Model) block(cmd *engine.Command) func(*engine.Outcome) *modelRequest {
	sign := int64(1)
	if cmd.Verb == engine.VerbUnblock {
		sign = -1
	}
	if cmd.Pool != "" {
		p := m.pool(cmd.Pool)
		if p == nil {
			m.refusals.add(engine.CodePoolUnknown, "pool")
			return nil
		}
		m.refusals.addIf(sign > 0 && cmd.Quantity > m.poolCounts(p, nil).Free, engine.CodeSoldOut, "quantity")
		m.refusals.addIf(sign < 0 && cmd.Quantity > p.blocked, engine.CodeAboveMaximum, "quantity")
		return func(*engine.Outcome) *modelRequest {
			p.blocked += sign * cmd.Quantity
			return &modelRequest{pool: cmd.Pool, asked: cmd.Quantity}
		}
	}
	l := m.lot(cmd.Lot)
	if l == nil {
		m.refusals.add(engine.CodeLotUnknown, "lot")
		return nil
	}
	if l.seated() {
		return m.blockSeats(cmd, l)
	}
	m.bad.addIf(len(cmd.Seats) > 0, engine.CodeInvalid, "seats")
	free := m.counts(l, nil).Free
	for _, id := range l.spec.Pools {
		free = min(free, m.poolCounts(m.pool(id), nil).Free)
	}
	m.refusals.addIf(sign > 0 && cmd.Quantity > free, engine.CodeSoldOut, "quantity")
	m.refusals.addIf(sign < 0 && cmd.Quantity > l.blocked, engine.CodeAboveMaximum, "quantity")
	return func(*engine.Outcome) *modelRequest {
		l.blocked += sign * cmd.Quantity
		return &modelRequest{lot: cmd.Lot, asked: cmd.Quantity}
	}
}

func (m *Model) blockSeats(cmd *engine.Command, l *modelLot) func(*engine.Outcome) *modelRequest {
	m.bad.addIf(len(cmd.Seats) == 0, engine.CodeInvalid, "seats")
	for i, label := range cmd.Seats {
		known := slices.Contains(l.labels, label)
		m.bad.addIf(known && slices.Contains(cmd.Seats[:i], label), engine.CodeInvalid, "seats")
		switch {
		case !known:
			m.refusals.add(engine.CodeSeatUnknown, "seats")
		case cmd.Verb == engine.VerbBlock:
			m.refusals.addIf(!m.seatFree(l, label, nil), engine.CodeSeatTaken, "seats")
		default:
			m.refusals.addIf(!slices.Contains(l.shut, label), engine.CodeWrongState, "seats")
		}
	}
	if cmd.Verb == engine.VerbBlock {
		m.refusals.addIf(int64(len(cmd.Seats)) > m.counts(l, nil).Free, engine.CodeSoldOut, "quantity")
	}
	if cmd.Verb == engine.VerbBlock {
		for _, id := range l.spec.Pools {
			m.refusals.addIf(int64(len(cmd.Seats)) > m.poolCounts(m.pool(id), nil).Free, engine.CodeSoldOut, "quantity")
		}
	}
	return func(*engine.Outcome) *modelRequest {
		if cmd.Verb == engine.VerbBlock {
			l.shut = append(l.shut, cmd.Seats...)
		} else {
			l.shut = slices.DeleteFunc(l.shut, func(s string) bool { return slices.Contains(cmd.Seats, s) })
		}
		return &modelRequest{lot: cmd.Lot, asked: int64(len(cmd.Seats))}
	}
}

// capacity considers more or less room. It is never less than what is held, being paid, sold or blocked: the outcome says what was possible.
func (m *Model) capacity(cmd *engine.Command) func(*engine.Outcome) *modelRequest {
	if cmd.Pool != "" {
		p := m.pool(cmd.Pool)
		if p == nil {
			m.refusals.add(engine.CodePoolUnknown, "pool")
			return nil
		}
		return func(*engine.Outcome) *modelRequest {
			c := m.poolCounts(p, nil)
			p.spec.Capacity = max(cmd.Quantity, c.Capacity-c.Free)
			return &modelRequest{pool: cmd.Pool, asked: cmd.Quantity}
		}
	}
	l := m.lot(cmd.Lot)
	if l == nil {
		m.refusals.add(engine.CodeLotUnknown, "lot")
		return nil
	}
	m.bad.addIf(l.seated(), engine.CodeInvalid, "lot")
	return func(*engine.Outcome) *modelRequest {
		c := m.counts(l, nil)
		l.capacity = max(cmd.Quantity, c.Capacity-c.Free)
		return &modelRequest{lot: cmd.Lot, asked: cmd.Quantity}
	}
}
