package engine

import (
	"fmt"
	"strings"
	"time"
)

// CodeView shows a code, but for the code itself.
type CodeView struct {
	Name          string
	Uses          int64
	Used          int64 // holds, purchases under way, and orders of which a ticket is good
	Placed        int64 // places in the line that were joined with it and are not lost
	Lots          []string
	DiscountBp    int64
	DiscountMinor int64
	Track         string
	OpensAt       Instant
	EndsAt        Instant
	Ended         bool
}

// CodesView shows codes of an event: those that a command named, or the first CodesShownMax.
type CodesView struct {
	Codes []CodeView
	All   int64 // how many the event has
}

// viewCodes shows the first codes, nil if there are none.
func (e *Event) viewCodes() *CodesView {
	if e.codes == nil || len(e.codes.rows) == 0 {
		return nil
	}
	v := e.beginCodes()
	for i := range min(len(e.codes.rows), CodesShownMax) {
		e.viewCode(v, uint32(i))
	}
	return v
}

func (e *Event) beginCodes() *CodesView {
	v := &e.work.codes
	*v = CodesView{Codes: v.Codes[:0], All: int64(len(e.codes.rows))}
	return v
}

func (e *Event) viewCode(v *CodesView, slot uint32) {
	c := &e.codes.rows[slot]
	n := CodeView{
		Name: c.name, Uses: c.uses, Used: c.used, Placed: c.placed, Lots: c.names, DiscountBp: c.bp, DiscountMinor: c.minor, OpensAt: c.opens, EndsAt: c.ends, Ended: c.ended,
	}
	if c.track != 0 {
		n.Track = e.trackName(c.track - 1)
	}
	v.Codes = append(v.Codes, n)
}

// codeName is the name of a code by its slot + 1; empty for 0.
func (e *Event) codeName(code uint32) string {
	if code == 0 {
		return ""
	}
	return e.codes.rows[code-1].name
}

// codeFact reads a fact about codes, behind its kind: for those who read the log without the state.
func (d *decoder) codeFact(kind factKind, f *Fact, a *asked) {
	switch kind { //nolint:exhaustive // those of codes
	case kindCodes:
		var c factCodes
		d.codes(&c)
		*a = c.asked
	case kindGuessed:
		var room [guessKeysMax]uint64
		g := factGuessed{keys: room[:0]}
		d.guessed(&g)
	case kindPriced:
		var p factPriced
		d.priced(&p)
		f.Kind, f.Price, f.FaceMinor, f.TaxMinor = FactPriced, p.base, p.face, p.tax
	}
}

// viewCodeFact puts into words what a fact about codes says that was just folded: never a hash.
func (e *Event) viewCodeFact(v *FactView, fact []byte) (a asked) {
	d := decoder{buf: fact[1:]}
	switch factKind(fact[0]) { //nolint:exhaustive // those of codes
	case kindCodes:
		var f factCodes
		d.codes(&f)
		a = f.asked
		var b strings.Builder
		for i := range f.codes {
			if i > 0 {
				b.WriteString("; ")
			}
			e.codeText(&b, &f.codes[i])
		}
		v.Text = b.String()
	case kindGuessed:
		f := factGuessed{}
		d.guessed(&f)
		_, row := e.guessOf(f.keys[0])
		v.Text = fmt.Sprintf("a code was tried that is none, %d of %d times", row.count, GuessesMax)
	case kindPriced:
		p := &e.prices[len(e.prices)-1]
		v.Text = fmt.Sprintf("lot %s costs %d with code %s", e.lots[p.lot].spec.Lot, p.total, e.codeName(p.code))
	}
	return a
}

// codeText says what a fact sets of a code.
func (e *Event) codeText(b *strings.Builder, c *factCode) {
	b.WriteString("code " + c.name)
	if c.set&SetCodeSecret != 0 {
		b.WriteString(", text set")
	}
	if c.set&SetCodeUses != 0 {
		fmt.Fprintf(b, ", %d uses", c.uses)
	}
	if c.set&SetCodeLots != 0 {
		b.WriteString(", for")
		for _, l := range c.lots {
			b.WriteString(" " + e.lots[l].spec.Lot)
		}
	}
	if c.set&SetCodeDiscount != 0 {
		fmt.Fprintf(b, ", less %d bp, less %d", c.bp, c.minor)
	}
	if c.set&SetCodeTrack != 0 && c.track != 0 {
		b.WriteString(", a place as " + e.trackName(c.track-1))
	}
	for _, at := range [...]struct {
		bit  CodeFields
		what string
		at   Instant
	}{{SetCodeOpens, ", from ", c.opens}, {SetCodeEnds, ", until ", c.ends}} {
		if c.set&at.bit != 0 {
			b.WriteString(at.what + time.Unix(0, int64(at.at)).UTC().Format(time.RFC3339))
		}
	}
	if c.set&SetCodeEnded != 0 && c.ended {
		b.WriteString(", ended")
	}
}
