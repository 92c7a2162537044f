package load

import (
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/holdfast-engine/holdfast/engine"
)

// receive takes an answer. It runs on the subscription's goroutine.
func (g *Generator) receive(m *nats.Msg) {
	now := g.now()
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(m.Data) == 0 {
		if m.Header.Get("Status") == "503" { // it does not say which message, which times out
			g.counts.NoEngine++
		}
		return
	}
	a, err := readAnswer(m.Data, nil)
	if err != nil {
		g.fail(err)
		return
	}
	number, ok := correlationOf(a.correlation)
	if !ok {
		g.fail(fmt.Errorf("an answer has the correlation %q, which no message had: %q", a.correlation, m.Data))
		return
	}
	if number < g.oldest || number >= g.next || !g.slot(number).waiting {
		g.late++
		return
	}
	s := g.slot(number)
	g.take(s, &a, m.Data, now)
	g.forget(number)
	g.topUp()
}

// take counts the answer to a message.
func (g *Generator) take(s *slot, a *answer, body []byte, now time.Duration) {
	n, c := int64(g.c.Batch), g.counts
	measured, within := g.measured(s.due), now >= g.from && now < g.till
	g.total.Answered += n
	if measured {
		c.Answered += n
	}
	if within {
		c.AnsweredWithin += n
	}
	turnedAway := a.code == engine.CodeOverloaded || a.code == engine.CodeUnavailable
	if measured {
		h := c.Latency
		if turnedAway {
			h = c.TurnedAway
			c.Overloaded += n
			if a.retryAfterMs == 0 {
				c.WithoutHint += n
			}
		}
		record(h, now-s.due)
	}
	switch {
	case g.c.Batch == 1:
		g.takeResult(s, a, now, measured, within)
	case a.code != engine.CodeOK:
		if measured {
			for k, asked := range s.asked {
				c.outcomes[k][a.code] += int64(asked)
			}
		}
	default:
		results := 0
		_, err := readAnswer(body, func(result *answer) error {
			results++
			g.takeResult(s, result, now, measured, within)
			return nil
		})
		if err == nil && results != g.c.Batch {
			err = fmt.Errorf("a batch of %d has %d results: %q", g.c.Batch, results, body)
		}
		if err != nil {
			g.fail(err)
		}
	}
}

// takeResult counts the answer to a command, and keeps the hold that it may show, or who has joined.
func (g *Generator) takeResult(s *slot, a *answer, now time.Duration, measured, within bool) {
	c := g.counts
	k := kinds
	for i := range kinds {
		if len(a.request) == idLen && a.request[0] == kindLetters[i] {
			k = i
		}
	}
	if k == kinds {
		g.fail(fmt.Errorf("an answer is to the request id %q, which no command had", a.request))
		return
	}
	if measured {
		c.outcomes[k][a.code]++
		if a.repeated {
			c.Repeated++
		}
	}
	if a.code != engine.CodeOK {
		return
	}
	if measured {
		c.Accepted++
	}
	if within {
		c.AcceptedWithin++
	}
	switch {
	case len(a.buyer) == 0 || len(a.buyer) > idBytesMax:
	case k == kindHold && g.c.Mix.Confirm+g.c.Mix.Release > 0 && len(a.hold) > 0 && len(a.hold) <= idBytesMax:
		g.kept[s.event].put(g.keptMost).set(now, a.hold, a.buyer)
	case k == kindJoin && g.c.Mix.Place > 0:
		g.joined[s.event].put(g.keptMost).set(now, nil, a.buyer)
	}
}
