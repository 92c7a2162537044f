package enginetest

import (
	"strings"

	"github.com/holdfast-engine/holdfast/engine"
)

// typed draws what a buyer types for a code, mostly one that may be there.
func (g *Generator) typed() string {
	return pick(g, "code", "code-1", "code-2", "CODE-3", " Code-1\t", "code-2 ", "code-4", "nothing", "nothing", "code-3", g.badCode())
}

func (g *Generator) badCode() string {
	return pick(g, "bad code", "x", " ", strings.Repeat("x", engine.CodeLenMax+1), "é")
}

// using gives a command a code, if events have codes.
func (g *Generator) using(cmd *engine.Command) {
	if !g.Codes || !g.chance(55, "with a code") {
		return
	}
	said := engine.LineCommand{}
	if cmd.Line != nil {
		said = *cmd.Line
	}
	said.Code = g.typed()
	if tries := g.model.guesses["buyer "+cmd.Buyer]; tries != nil && tries.times > 1 && g.chance(70, "guess on") {
		said.Code = "nothing"
	}
	cmd.Line = &said
}

// codesSet draws codes that an organiser sets.
func (g *Generator) codesSet() engine.Command {
	said := &engine.LineCommand{}
	for range 1 + g.weighted("codes", 60, 30, 10) {
		c := engine.CodeSpec{Name: pick(g, "name", "one", "two", "three"), Uses: int64(1 + g.below(3, "uses")), Set: engine.CodeFields(g.below(256, "set"))}
		c.Code = pick(g, "text", "code-1", "CODE-2", "code-3", "code-4")
		switch g.weighted("discount", 30, 40, 30) {
		case 1:
			c.DiscountBp = pick[int64](g, "share", 1, 1500, 3333, 10_000)
		case 2:
			c.DiscountMinor = pick[int64](g, "amount", 1, 500, 100_000)
		}
		for range g.weighted("lots", 40, 45, 15) {
			c.Lots = append(c.Lots, g.lotID())
		}
		if g.chance(40, "track") {
			c.Track = pick(g, "which", "member", "general", "member", "press")
		}
		switch g.weighted("when", 70, 10, 10, 10) {
		case 1:
			c.OpensAt = g.shell.Now + engine.Instant(g.below(30, "opens"))*1e9
		case 2:
			c.EndsAt = g.shell.Now + engine.Instant(1+g.below(60, "ends"))*1e9
		case 3:
			c.Ended = g.chance(50, "ended")
		}
		switch g.weighted("wrong code", 92, 2, 2, 2, 2) {
		case 1:
			c.Name = g.badID()
		case 2:
			c.Code = g.badCode()
		case 3:
			c.Uses = g.number(0, "uses")
		case 4:
			c.DiscountBp = g.number(10_000, "share")
		}
		said.Codes = append(said.Codes, c)
	}
	return engine.Command{Verb: engine.VerbCodes, Line: said}
}
