package enginetest

import (
	"strings"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/line"
)

// lineOf draws what an organiser says about the line, most often of an event that begins with a lobby.
func (g *Generator) lineOf(s *engine.EventSpec) {
	l := &engine.LineSpec{PassTTLMs: int64(10+g.below(40, "pass ttl")) * 1000, GraceMs: int64(1+g.below(15, "grace")) * 1000}
	if g.chance(85, "line") {
		l.Mode = engine.LineModeLine
	}
	if g.chance(60, "lobby") {
		s.Open = false
	}
	if g.chance(20, "lobby at") {
		l.LobbyAt = g.shell.Now + engine.Instant(g.below(30, "lobby at"))*1e9
	}
	l.ShoppersMax = pick[int64](g, "shoppers", 0, 0, 1, 2, 3)
	l.DrawValue = g.chance(20, "value")
	if g.chance(50, "tracks") {
		l.Tracks = []engine.TrackSpec{{Track: "general", ShareBp: 7000}, {Track: "member", ShareBp: 3000, CodeOnly: g.Codes && g.chance(50, "members' codes")}}
	}
	l.OfferTTLMs, l.AsideMs = int64(1+g.below(60, "offer ttl"))*1000, int64(1+g.below(90, "aside"))*1000
	if g.chance(25, "only a list") { // whoever comes may buy, and waits for what is sold out
		l.Mode, s.Open = engine.LineModeOpen, true
	}
	if g.chance(4, "wrong line") {
		g.spoilLine(l)
	}
	s.Line = l
}

func (g *Generator) spoilLine(l *engine.LineSpec) {
	switch g.below(6, "wrong") {
	case 0:
		l.PassTTLMs = g.number(10_000, "ttl")
	case 1:
		l.GraceMs = g.number(1000, "grace")
	case 2:
		l.ShoppersMax = g.number(1, "shoppers")
	case 3:
		l.Tracks = append(l.Tracks, engine.TrackSpec{Track: g.badID(), ShareBp: g.number(0, "share")})
	case 4:
		l.Tracks = []engine.TrackSpec{{Track: "member", ShareBp: 10_000}, {Track: "member"}}
	case 5:
		l.LobbyAt = engine.Instant(g.number(1, "lobby"))
	}
}

// inLine draws a command about the line.
func (g *Generator) inLine() engine.Command {
	said := &engine.LineCommand{}
	cmd := engine.Command{Buyer: g.buyer(), Line: said}
	var seed line.Seed
	seed[0] = byte(1 + g.weighted("seed", 90, 10))
	kind := g.weighted("line verb", 34, 6, 8, 8, 8, 4, 6, 8, 4, 8, 3, 22)
	m := g.model
	switch { // what the line waits for comes more often
	case m.state == engine.EventDraft && m.lineMode() == engine.LineModeLine && !m.line.committed && g.chance(60, "seal"):
		kind = 6
	case m.line.phase == engine.LineLobby && g.chance(60, "gather"):
		kind = 0
	case m.state == engine.EventOnSale && m.lineMode() == engine.LineModeOpen && g.chance(50, "wait"):
		kind = 11
	case m.line.phase == engine.LineClosed && g.chance(30, "draw"):
		kind = 7 - 2*g.below(2, "value")
	}
	switch kind {
	case 0:
		cmd.Verb = engine.VerbJoin
		said.Wants = int64(g.below(4, "wants"))
		if g.chance(3, "bad wants") {
			said.Wants = g.number(1, "wants")
		}
		if g.chance(30, "track") {
			said.Track = pick(g, "track", "general", "member", "press", g.badID())
		}
		if g.chance(30, "linked") {
			cmd.Payment = &engine.PaymentCommand{Note: engine.Annotation{Links: []uint64{uint64(1 + g.below(5, "link"))}}}
		}
		g.using(&cmd)
	case 1:
		cmd.Verb = engine.VerbLeave
		said.List = g.chance(40, "list")
	case 2:
		cmd.Verb = engine.VerbAbsent
	case 3:
		cmd.Verb = engine.VerbPresent
	case 4:
		cmd.Verb = engine.VerbPlace
		switch g.weighted("place", 60, 30, 10) {
		case 1:
			cmd.Buyer, said.EntriesFrom = "", line.Entry(1+g.below(3, "from"))
		case 2:
			said.EntriesFrom = line.Entry(g.below(3, "from"))
		}
	case 5:
		cmd.Verb, cmd.Buyer = engine.VerbDraw, ""
		said.Value = pick(g, "value", "dice 6 2", "3", "", strings.Repeat("x", 257), "é", "4111 1111 1111 1111")
	case 6:
		cmd = engine.Command{Verb: engine.VerbSeed, Line: said}
		said.Commit = line.Commit(seed)
	case 7:
		cmd = engine.Command{Verb: engine.VerbReveal, Line: said}
		said.Seed = seed
	case 8:
		cmd = engine.Command{Verb: engine.VerbRate, Line: said}
		said.PerMin = g.number(60, "rate")
	case 9:
		return engine.Command{Verb: engine.VerbUpdate, Spec: &engine.EventSpec{Line: g.lineUpdate()}}
	case 10:
		return engine.Command{Verb: engine.VerbOpen}
	case 11:
		g.wish(&cmd)
	}
	return cmd
}

// admitted draws somebody who has a pass, "" if nobody has.
func (g *Generator) admitted() string {
	var list []string
	for _, e := range g.model.line.entries {
		if e.state == engine.PlaceAdmitted {
			list = append(list, e.buyer)
		}
	}
	if len(list) == 0 {
		return ""
	}
	return list[g.below(len(list), "admitted")]
}

// withPass draws what tries the prices that a buyer was shown with a pass: they change, and the buyer looks, or holds.
func (g *Generator) withPass(buyer string) engine.Command {
	switch g.weighted("with a pass", 50, 15, 35) {
	case 0:
		old := g.model.lots[g.below(len(g.model.lots), "lot")].spec
		l := g.lot(old.Lot, nil, nil)
		l.Set = engine.SetLotFace | engine.SetLotFees
		return engine.Command{Verb: engine.VerbUpdate, Spec: &engine.EventSpec{Lots: []engine.LotSpec{l}}}
	case 1:
		return engine.Command{Verb: engine.VerbPlace, Buyer: buyer, Line: &engine.LineCommand{}}
	}
	cmd := g.hold()
	cmd.Buyer = buyer
	return cmd
}

// wish draws what somebody waits for. Seats that are not side by side are wished for one at a time: of several ways to split a party that are as good, which one the engine
// takes is only seen by who asks.
func (g *Generator) wish(cmd *engine.Command) {
	cmd.Verb = engine.VerbWait
	for range 1 + g.weighted("wishes", 70, 20, 7, 3) {
		wish := engine.Wish{Lot: g.lotID(), Quantity: int64(1 + g.below(pick(g, "size", 3, 3, 8), "quantity"))}
		if l := g.model.lot(wish.Lot); l != nil && l.seated() {
			wish.Together = wish.Quantity > 1
		}
		cmd.Line.Wishes = append(cmd.Line.Wishes, wish)
	}
	switch g.weighted("wrong wish", 90, 2, 2, 2, 4) {
	case 1:
		cmd.Line.Wishes = nil
	case 2:
		cmd.Line.Wishes[0].Quantity = g.number(1, "quantity")
	case 3:
		cmd.Line.Wishes[0].Lot = g.badID()
	case 4:
		cmd.HasMaxPrice, cmd.MaxPrice = true, g.number(1000, "max price")
	}
	g.using(cmd)
	if g.chance(20, "linked") {
		cmd.Payment = &engine.PaymentCommand{Note: engine.Annotation{Links: []uint64{uint64(1 + g.below(5, "link"))}}}
	}
	if g.chance(25, "auto") {
		p := &engine.PaymentCommand{Note: goodCard()}
		if cmd.Payment != nil {
			p.Note.Links = cmd.Payment.Note.Links
		}
		if g.chance(5, "no agreement") {
			p.Note.Agreement = ""
		}
		cmd.Line.AutoBuy, cmd.Payment = true, p
	}
}

// lineUpdate draws what an update changes of a line.
func (g *Generator) lineUpdate() *engine.LineSpec {
	l := &engine.LineSpec{}
	switch g.weighted("line update", 50, 15, 10, 10, 10, 5) {
	case 0:
		l.Set, l.Mode = engine.SetLineMode, engine.LineMode(min(1, g.below(4, "mode")))
	case 1:
		l.Set, l.ShoppersMax = engine.SetShoppersMax, int64(g.below(4, "shoppers"))
	case 2:
		l.Set, l.PassTTLMs = engine.SetPassTTL, int64(10+g.below(40, "pass ttl"))*1000
	case 3:
		l.Set, l.Tracks = engine.SetTracks, []engine.TrackSpec{{Track: "general", ShareBp: 5000}, {Track: "member", ShareBp: 2000}, {Track: "press", ShareBp: 3000}}
	case 4:
		l.Set, l.DrawValue = engine.SetDrawValue, g.chance(50, "value")
	case 5:
		g.spoilLine(l)
		l.Set = engine.LineFields(g.below(128, "set"))
	}
	return l
}
