package enginetest

import (
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/holdfast-engine/holdfast/engine"
)

// modelCode is a code. How often it is used is counted from the holds and entries themselves, at every question.
type modelCode struct {
	engine.CodeSpec
	hash engine.CodeHash
}

// modelGuess is how often somebody has tried a code that is none.
type modelGuess struct {
	since int64
	times int
}

// guessWindow is how long tries count, and guessesMost how many there may be.
const (
	guessWindow = 15 * 60e9
	guessesMost = 8
)

func (m *Model) code(name string) *modelCode {
	for _, c := range m.codes {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// used counts the holds and orders with a code, but for a hold.
func (m *Model) used(c *modelCode, but *modelHold) (n int64) {
	for _, h := range m.holds {
		good := !h.ended()
		if h.order != nil {
			good = h.units() > 0
		}
		if h != but && good && slices.ContainsFunc(h.items, func(it engine.ItemView) bool { return it.Code == c.Name }) {
			n++
		}
	}
	return n
}

// placed counts the places with a code.
func (m *Model) placed(c *modelCode) (n int64) {
	for _, e := range m.line.entries {
		if e.code == c && (e.live() || e.state == engine.PlaceSpent) {
			n++
		}
	}
	return n
}

// isFor reports whether a code is for a lot.
func (c *modelCode) isFor(l *modelLot) bool {
	if len(c.Lots) > 0 {
		return slices.Contains(c.Lots, l.spec.Lot)
	}
	return !l.spec.CodeOnly && (c.DiscountBp > 0 || c.DiscountMinor > 0)
}

// discount takes off what a code gives.
func (m *Model) discount(c *modelCode, items []engine.ItemView) {
	for i := range items {
		it := &items[i]
		if c == nil || !c.isFor(m.lot(it.Lot)) {
			continue
		}
		off := new(big.Int).Mul(big.NewInt(it.FaceMinor), big.NewInt(c.DiscountBp))
		off.Div(off, big.NewInt(10_000)).Add(off, big.NewInt(c.DiscountMinor))
		before := price(it)
		it.Code, it.FaceMinor = c.Name, max(0, it.FaceMinor-off.Int64())
		if after := price(it); after < before {
			part := new(big.Int).Mul(big.NewInt(it.TaxMinor), big.NewInt(after))
			it.TaxMinor = part.Div(part, big.NewInt(before)).Int64()
		}
	}
}

// guessers are those for whom a try counts: the buyer, the first of those who are linked, and the links.
func (m *Model) guessers(cmd *engine.Command) []string {
	list := []string{"buyer " + cmd.Buyer}
	if len(m.links[cmd.Buyer]) > 0 {
		cluster := m.clusterOf(cmd.Buyer, nil)
		first := slices.IndexFunc(m.linkedFirst, func(b string) bool { return slices.Contains(cluster, b) })
		list = append(list, "cluster of "+m.linkedFirst[first])
	}
	if cmd.Payment != nil {
		for _, l := range cmd.Payment.Note.Links {
			list = append(list, "link "+strconv.FormatUint(l, 10))
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// tryCode finds the code that a command gives; it adds the reason to refuse one that is none, or whoever has tried too many.
func (m *Model) tryCode(cmd *engine.Command) *modelCode {
	who := m.guessers(cmd)
	for _, key := range who {
		if g := m.guesses[key]; g != nil && g.times >= guessesMost && g.since+guessWindow > m.eventTime() {
			m.refusals.add(engine.CodeCodeLocked, "code")
			return nil
		}
	}
	hash := engine.HashCode(m.key.Account, m.key.ID, strings.ToUpper(strings.TrimSpace(lineSaid(cmd).Code)))
	for _, c := range m.codes {
		if c.hash == hash {
			return c
		}
	}
	for _, key := range who {
		g := m.guesses[key]
		if g == nil || g.since+guessWindow <= m.eventTime() {
			g = &modelGuess{since: m.eventTime()}
			m.guesses[key] = g
		}
		g.times++
	}
	m.refusals.add(engine.CodeCodeUnknown, "code")
	return nil
}

// considerTime adds that a code is not good yet, or not any more.
func (m *Model) considerTime(c *modelCode) {
	ended := c.Ended || c.EndsAt != 0 && m.now >= c.EndsAt
	m.refusals.addIf(ended, engine.CodeCodeUsedUp, "code")
	m.refusals.addIf(!ended && m.now < c.OpensAt, engine.CodeLotNotOpen, "code")
}

// considerCode finds the code of a hold, or of somebody whose turn has come, and adds the reasons why it cannot be used.
func (m *Model) considerCode(c *modelCode, wishes []*wish, old *modelHold) {
	m.considerTime(c)
	m.refusals.addIf(m.used(c, old) >= c.Uses, engine.CodeCodeUsedUp, "code")
	m.bad.addIf(!slices.ContainsFunc(wishes, func(w *wish) bool { return c.isFor(w.lot) }), engine.CodeInvalid, "code")
}

// joinCode considers the code that somebody joins with, and the track.
func (m *Model) joinCode(cmd *engine.Command, track int) (*modelCode, int) {
	said := lineSaid(cmd)
	if said.Code == "" {
		m.refusals.addIf(track >= 0 && m.tracks()[track].CodeOnly, engine.CodeTrackUnknown, "track")
		return nil, track
	}
	c := m.tryCode(cmd)
	if c == nil {
		return nil, track
	}
	m.considerTime(c)
	of := slices.IndexFunc(m.tracks(), func(t engine.TrackSpec) bool { return c.Track != "" && t.Track == c.Track })
	m.bad.addIf(of < 0 || said.Track != "" && track != of, engine.CodeInvalid, "code")
	m.refusals.addIf(m.placed(c) >= c.Uses, engine.CodeCodeUsedUp, "code")
	return c, of
}

// invalidCode adds what can never be right in a code that a buyer gives.
func (m *Model) invalidCode(cmd *engine.Command) {
	code := lineSaid(cmd).Code
	m.bad.addIf(len(code) > engine.CodeLenMax || code != "" && strings.TrimSpace(code) == "", engine.CodeInvalid, "code")
}

// invalidCodes adds what can never be right in codes that an organiser sets.
func (m *Model) invalidCodes(cmd *engine.Command) {
	list := lineSaid(cmd).Codes
	m.bad.addIf(len(list) == 0 || len(list) > engine.CodesPerCommandMax, engine.CodeInvalid, "codes")
	for i, c := range list {
		field := "codes[" + strconv.Itoa(i) + "]."
		m.id(field+"name", c.Name)
		m.bad.addIf(slices.ContainsFunc(list[:i], func(o engine.CodeSpec) bool { return o.Name == c.Name }), engine.CodeInvalid, field+"name")
		m.bad.addIf(c.Code != "" && (len(strings.TrimSpace(c.Code)) < engine.CodeLenMin || len(c.Code) > engine.CodeLenMax), engine.CodeInvalid, field+"code")
		m.bad.addIf(strings.EqualFold(strings.TrimSpace(c.Code), c.Name), engine.CodeInvalid, field+"name")
		m.bad.addIf(c.Uses < 0 || c.Uses > engine.LimitMax, engine.CodeInvalid, field+"uses")
		m.bad.addIf(c.DiscountBp < 0 || c.DiscountBp > 10_000, engine.CodeInvalid, field+"discount_bp")
		m.bad.addIf(c.DiscountMinor < 0 || c.DiscountMinor > engine.MinorMax || c.DiscountMinor > 0 && c.DiscountBp > 0, engine.CodeInvalid, field+"discount_minor")
	}
}

// setCodes considers codes that an organiser sets.
func (m *Model) setCodes(cmd *engine.Command) func(*engine.Outcome) *modelRequest {
	if m.spec.Observe {
		m.refusals.add(engine.CodeNotOnSale, "event")
		return nil
	}
	if m.Closed() {
		m.refusals.add(engine.CodeWrongState, "event")
		return nil
	}
	codes := slices.Clone(m.codes)
	var named []string
	for i, s := range lineSaid(cmd).Codes {
		field := "codes[" + strconv.Itoa(i) + "]."
		named = append(named, s.Name)
		c := &modelCode{CodeSpec: engine.CodeSpec{Name: s.Name}}
		at := slices.IndexFunc(codes, func(o *modelCode) bool { return o.Name == s.Name })
		set := s.Set
		if at < 0 {
			set = ^engine.CodeFields(0)
		} else {
			*c = *codes[at]
		}
		if set&engine.SetCodeSecret != 0 {
			m.bad.addIf(s.Code == "", engine.CodeInvalid, field+"code")
			c.hash = engine.HashCode(m.key.Account, m.key.ID, s.Code)
			same := func(o *modelCode) bool { return o.hash == c.hash && o.Name != c.Name } // also one that the same command gives another text
			m.bad.addIf(slices.ContainsFunc(codes, same) || slices.ContainsFunc(m.codes, same), engine.CodeInvalid, field+"code")
		}
		if set&engine.SetCodeUses != 0 {
			m.bad.addIf(s.Uses == 0, engine.CodeInvalid, field+"uses")
			if c.Uses = s.Uses; at >= 0 {
				c.Uses = max(s.Uses, m.used(codes[at], nil), m.placed(codes[at]))
			}
		}
		if set&engine.SetCodeLots != 0 {
			c.Lots = slices.Clone(s.Lots)
			for j, id := range s.Lots {
				m.bad.addIf(m.lot(id) == nil || slices.Contains(s.Lots[:j], id), engine.CodeInvalid, field+"lots")
			}
		}
		if set&engine.SetCodeDiscount != 0 {
			c.DiscountBp, c.DiscountMinor = s.DiscountBp, s.DiscountMinor
		}
		if set&engine.SetCodeTrack != 0 {
			c.Track = s.Track
			m.bad.addIf(s.Track != "" && !slices.ContainsFunc(m.tracks(), func(t engine.TrackSpec) bool { return t.Track == s.Track }), engine.CodeInvalid, field+"track")
		}
		if set&engine.SetCodeOpens != 0 {
			c.OpensAt = s.OpensAt
		}
		if set&engine.SetCodeEnds != 0 {
			c.EndsAt = s.EndsAt
		}
		if set&engine.SetCodeEnded != 0 {
			c.Ended = s.Ended
		}
		m.bad.addIf(len(c.Lots) == 0 && c.DiscountBp+c.DiscountMinor == 0 && c.Track == "", engine.CodeInvalid, field+"lots")
		m.bad.addIf(c.EndsAt != 0 && c.EndsAt <= c.OpensAt, engine.CodeInvalid, field+"ends_at")
		if at < 0 {
			codes = append(codes, c)
		} else {
			codes[at] = c
		}
	}
	return func(*engine.Outcome) *modelRequest {
		for _, e := range m.line.entries { // who has a place with a code has it with what the code is now
			if e.code != nil {
				e.code = codes[slices.Index(m.codes, e.code)]
			}
		}
		for _, w := range m.list.waiters {
			if w.code != nil {
				w.code = codes[slices.Index(m.codes, w.code)]
			}
		}
		m.codes = codes
		return &modelRequest{codes: named}
	}
}

// viewCodes shows codes by their names, or the first of all.
func (m *Model) viewCodes(names []string) *engine.CodesView {
	if len(m.codes) == 0 {
		return nil
	}
	v := &engine.CodesView{All: int64(len(m.codes))}
	if names == nil {
		for _, c := range m.codes[:min(len(m.codes), engine.CodesShownMax)] {
			names = append(names, c.Name)
		}
	}
	for _, name := range names {
		c := m.code(name)
		v.Codes = append(v.Codes, engine.CodeView{
			Name: name, Uses: c.Uses, Used: m.used(c, nil), Placed: m.placed(c), Lots: c.Lots, DiscountBp: c.DiscountBp, DiscountMinor: c.DiscountMinor, Track: c.Track,
			OpensAt: c.OpensAt, EndsAt: c.EndsAt, Ended: c.Ended,
		})
	}
	return v
}
