package measure

import (
	"encoding/binary"
	"slices"
	"strings"

	"github.com/holdfast-engine/holdfast/engine"
)

// refusals is how often commands of an event were refused, by code.
type refusals [engine.Codes]int64

// Events are the events of an account as they are, in the order of their ids.
func (b *Book) Events(account string) []EventNow {
	a := b.accountOf[account]
	if a == nil {
		return nil
	}
	all := make([]EventNow, 0, len(a.events))
	for _, s := range a.events {
		all = append(all, b.eventNow(s))
	}
	slices.SortFunc(all, func(x, y EventNow) int { return strings.Compare(x.ID, y.ID) })
	return all
}

func (b *Book) eventNow(s *event) EventNow {
	now := EventNow{
		ID: s.Key.ID, Name: s.Name, Genre: s.Genre, State: max(s.State, engine.EventDraft).String(), Observe: s.Observe, Currency: s.Currency, TimeZone: s.TimeZone,
		OnSaleMs: int64(s.OnSale) / 1e6, Sellable: s.Stock.Sellable, Free: s.Stock.Free, Held: s.Stock.Held, Paying: s.Stock.Paying, Sold: s.Stock.Sold,
		Blocked: s.Stock.Blocked, OneClick: rollout(s.oneClick, s.permille), Orders: s.orders, LastMs: int64(s.lastAt) / 1e6,
	}
	if s.refused != nil {
		now.Refusals = make(map[string]int64)
		for code, n := range s.refused {
			if n > 0 {
				now.Refusals[engine.Code(code).String()] = n
			}
		}
	}
	return now
}

// refuse counts refusals by their code.
func (s *event) refuse(e *Entry) {
	if s.refused == nil {
		s.refused = new(refusals)
	}
	if int(e.Code) < len(s.refused) {
		s.refused[e.Code] += e.Count
	}
}

func (s *event) appendRefused(dst []byte) []byte {
	n := uint64(0)
	if s.refused != nil {
		for _, count := range s.refused {
			if count != 0 {
				n++
			}
		}
	}
	dst = binary.AppendUvarint(dst, n)
	if n == 0 {
		return dst
	}
	for code, count := range s.refused {
		if count != 0 {
			dst = binary.AppendVarint(binary.AppendUvarint(dst, uint64(code)), count)
		}
	}
	return dst
}

func (s *event) readRefused(r *reader) {
	for range r.count(2) {
		code, n := r.uint(), r.int()
		if code >= uint64(engine.Codes) {
			r.fail("a refusal with an unknown code")
			return
		}
		s.refuse(&Entry{Code: engine.Code(code), Count: n})
	}
}
