package load

import (
	"time"

	"github.com/holdfast-engine/holdfast/transport"
)

// compose writes the next message into body and returns its subject. The caller holds mu.
func (g *Generator) compose(s *slot) (subject string) {
	event := 0
	if len(g.c.Events) > 1 {
		event = g.dice.IntN(len(g.c.Events))
	}
	s.event = uint32(event)
	g.body = g.body[:0]
	at := int(kinds)
	if g.c.Batch == 1 {
		k := g.appendCommand(event)
		g.body = append(g.body, g.command...)
		s.asked[k]++
		at = int(k)
	} else {
		for range g.c.Batch {
			k := g.appendCommand(event)
			g.body = appendToBatch(g.body, k, g.command)
			s.asked[k]++
		}
	}
	var correlation [correlationLen]byte
	g.body = appendBytes(g.body, 15, appendNumber(correlation[:0], g.next, correlationLen))
	made := &g.subjects[event][at]
	if *made == "" {
		verb := transport.VerbBuyerBatch
		if at < int(kinds) {
			verb = verbOf(kind(at))
		}
		*made = transport.Subject(g.c.Events[event], verb)
	}
	return *made
}

// appendCommand writes the next command for an event into command.
func (g *Generator) appendCommand(event int) kind {
	k := g.c.Mix.draw(g.dice.IntN(g.c.Mix.total()))
	var h *keptHold
	switch k {
	case kindPlace:
		if h = g.joined[event].any(g.dice.Uint64()); h == nil {
			k = kindJoin
		}
	case kindConfirm, kindRelease:
		oldest := time.Duration(0)
		if g.c.HoldTTL > 0 {
			oldest = g.now() - g.c.HoldTTL/2
		}
		if h = g.kept[event].take(oldest); h == nil {
			k = kindHold
		}
	case kindHold, kindGet, kindJoin, kinds: // they need nothing
	}
	g.asked++
	g.request = appendID(g.request[:0], kindLetters[k], g.asked*requestFactor)
	switch {
	case k == kindPlace:
		g.command = appendPlace(g.command[:0], g.request, h.whose())
	case h != nil:
		g.command = appendUse(g.command[:0], g.request, h, k == kindConfirm)
	case k == kindGet:
		g.command = appendBytes(g.command[:0], 1, g.request)
	default:
		buyer := g.asked
		if g.c.Buyers > 0 {
			buyer = g.c.Seed<<40 + g.dice.Uint64N(g.c.Buyers)
		}
		g.buyer = appendID(g.buyer[:0], 'b', buyer*buyerFactor)
		if k == kindJoin {
			g.command = appendJoin(g.command[:0], g.request, g.buyer)
		} else {
			g.command = appendHold(g.command[:0], g.request, g.buyer, g.item)
		}
	}
	return k
}
