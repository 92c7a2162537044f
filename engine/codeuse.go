package engine

import "encoding/binary"

// factPriced says that a lot has a price with a code from now on, made of one of its prices. It is the next price version.
//
//	| 77 | code | price it is made of | face | tax |
type factPriced struct {
	code, base uint32 // slot, price version
	face, tax  int64
}

func (f *factPriced) append(dst []byte) []byte {
	dst = append(dst, byte(kindPriced))
	for _, v := range [...]uint64{uint64(f.code), uint64(f.base), uint64(f.face), uint64(f.tax)} {
		dst = binary.AppendUvarint(dst, v)
	}
	return dst
}

func (d *decoder) priced(f *factPriced) {
	f.code, f.base, f.face, f.tax = uint32(d.uint(CodesMax)), uint32(d.uint(1<<32-1)), int64(d.uint(MinorMax)), int64(d.uint(MinorMax))
}

// validCode checks the code that a command of a buyer gives.
func (e *Event) validCode(cmd *Command) bool {
	switch code := lineOf(cmd).Code; {
	case code == "":
	case len(code) > CodeLenMax:
		e.tooMany("code", CodeLenMax)
		return false
	case trimCode(code) == "":
		e.bad("code", "it is only spaces")
		return false
	}
	return true
}

// noCodeBeside refuses a code beside something that has one of its own, if it had any.
func (e *Event) noCodeBeside(cmd *Command, text string) bool {
	if lineOf(cmd).Code != "" {
		e.bad("code", text)
		return false
	}
	return true
}

// judgeCode finds the code of the present command, for a buyer (slot + 1, or 0) in place of a hold (slot + 1, or 0). A reason to refuse ends what is judged: what is
// said of the lots must not tell codes that are none from others, or they could be tried without being counted.
func (e *Event) judgeCode(cmd *Command, buyer, old uint32) {
	l := cmd.Line
	if l == nil || l.Code == "" && l.code == 0 {
		return
	}
	code := l.code
	if code == 0 {
		if code = e.tryCode(cmd, buyer); code == 0 {
			return
		}
	}
	c := &e.codes.rows[code-1]
	used := c.used
	if old != 0 && e.codeOf(&e.holds.at(old-1).basket) == code {
		used--
	}
	if e.judgeTime(c); used >= c.uses {
		e.because(refusal{code: CodeCodeUsedUp, field: fieldCode, have: c.uses})
	}
	for i := range e.work.wanted {
		if e.isFor(c, e.work.wanted[i].lot) {
			e.coded = code
		}
	}
	if e.coded == 0 {
		e.because(refusal{code: CodeInvalid, field: fieldCode, text: codeOfOthers})
	} else if e.codes.priced+e.unpriced() > CodePricesMax {
		e.because(refusal{code: CodeTooMany, field: fieldCode, text: tooManyCodePrices, want: CodePricesMax})
	}
}

// judgeTime adds that a code is not good yet, or not any more. A late payment gets what was promised.
func (e *Event) judgeTime(c *codeRow) {
	switch {
	case e.late:
	case c.ended, c.ends != 0 && e.now >= c.ends:
		e.because(refusal{code: CodeCodeUsedUp, field: fieldCode, text: codeHasEnded})
	case e.now < c.opens:
		e.because(refusal{code: CodeLotNotOpen, field: fieldCode, text: codeIsEarly})
	}
}

// unpriced is how many prices the code of the present command lacks.
func (e *Event) unpriced() (n int) {
	for i := range e.work.wanted {
		if _, made := e.priceWith(e.work.wanted[i].lot); !made {
			n++
		}
	}
	return n
}

// codeFor is the code with which the present command gets a lot, nil if there is none.
func (e *Event) codeFor(lot uint32) *codeRow {
	if e.coded != 0 {
		if c := &e.codes.rows[e.coded-1]; e.isFor(c, lot) {
			return c
		}
	}
	return nil
}

// priceWith is the price version at which the present command gets a lot, and whether it is made already: if not, it is the one that the code's is made of.
func (e *Event) priceWith(lot uint32) (price uint32, made bool) {
	base, c := e.priceFor(lot), e.codeFor(lot)
	if c == nil {
		return base, true
	}
	if n, ok := e.codes.prices[codePrice{e.coded - 1, base}]; ok {
		if face, tax := c.discounted(&e.prices[base]); e.prices[n].face == face && e.prices[n].tax == tax {
			return n, true
		}
	}
	return base, false
}

// costOf is what a sale of a lot costs in the present command.
func (e *Event) costOf(lot uint32) int64 {
	price, made := e.priceWith(lot)
	if made {
		return e.prices[price].total
	}
	return e.codes.rows[e.coded-1].cost(&e.prices[price])
}

// takePrice is priceWith of a command that is accepted: the price is made if there is none.
func (e *Event) takePrice(lot uint32) uint32 {
	price, made := e.priceWith(lot)
	if made {
		return price
	}
	f := factPriced{code: e.coded - 1, base: price}
	f.face, f.tax = e.codes.rows[f.code].discounted(&e.prices[price])
	e.facts.Buf = f.append(e.facts.Buf)
	e.emitted()
	return e.applyPriced(&f)
}

func (e *Event) applyPriced(f *factPriced) uint32 {
	base := &e.prices[f.base]
	return e.addCodePrice(priceVersion{
		lot: base.lot, face: f.face, tax: f.tax, fees: base.fees, total: f.face + base.total - base.face, before: f.base + 1, code: f.code + 1,
	})
}

// addCodePrice adds the next price version, which is a code's.
func (e *Event) addCodePrice(p priceVersion) uint32 {
	number := uint32(len(e.prices))
	e.prices = append(e.prices, p)
	c := e.codesHere()
	c.prices[codePrice{p.code - 1, p.before - 1}] = number
	c.priced++
	e.rows += codePriceHash(&p, number)
	return number
}

func codePriceHash(p *priceVersion, number uint32) uint64 {
	h := hasher(hashK0)
	h.pair(uint64(number)|uint64(p.before)<<32, uint64(p.code))
	h.pair(uint64(p.face), uint64(p.tax))
	return uint64(h)
}

func (e *Event) foldPriced(d *decoder) error {
	var f factPriced
	d.priced(&f)
	if err := d.err(); err != nil {
		return err
	}
	if e.codes == nil || int(f.code) >= len(e.codes.rows) || int(f.base) >= len(e.prices) || e.prices[f.base].code != 0 || e.codes.priced >= CodePricesMax {
		return unfit("a price with a code that is not there, or of what is no price")
	}
	c := &e.codes.rows[f.code]
	if face, tax := c.discounted(&e.prices[f.base]); face != f.face || tax != f.tax || !e.isFor(c, e.prices[f.base].lot) {
		return unfit("a price that the code does not give")
	}
	e.applyPriced(&f)
	return nil
}

// oneCode reports whether items were taken with one code at most.
func (e *Event) oneCode(items []factItem) bool {
	code := uint32(0)
	for i := range items {
		if c := e.prices[items[i].price].code; c != 0 {
			if code != 0 && c != code {
				return false
			}
			code = c
		}
	}
	return true
}

// judgeJoinCode finds the code that somebody joins the line with, and the track that it gives a place in. It comes after every other reason.
func (e *Event) judgeJoinCode(cmd *Command, f *factJoined) {
	l := lineOf(cmd)
	if e.why.code != CodeOK {
		return
	}
	if l.Code != "" {
		code := e.tryCode(cmd, f.buyerRow)
		if code == 0 {
			return
		}
		c := &e.codes.rows[code-1]
		switch e.judgeTime(c); {
		case c.track == 0 || l.Track != "" && f.track != c.track-1:
			e.because(refusal{code: CodeInvalid, field: fieldCode, text: codeOfNoTrack})
		case c.placed >= c.uses:
			e.because(refusal{code: CodeCodeUsedUp, field: fieldCode, have: c.uses})
		}
		if e.why.code == CodeOK {
			f.track, f.code = c.track-1, code
		}
		return
	}
	if e.trackOf(f.track).CodeOnly {
		e.because(refusal{code: CodeTrackUnknown, field: fieldTrack, text: trackNeedsCode})
	}
}
