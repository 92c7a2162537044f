package engine

import (
	"encoding/binary"
	"math"
)

// appendCodes appends the codes to a snapshot, since version 5: | 0 | if there is nothing of them, or
//
//	| 1 | n | n codes: a code as in a fact with all of its fields | n | n entries of the line that were joined with a code: slot less the one before, code |
//	| position of the first | n | n guesses: key, 8 bytes, since, count |
//
// How often they are used follows from holds, orders and the line, and their prices are among the others.
func (e *Event) appendCodes(dst []byte) []byte {
	c := e.codes
	if c == nil {
		return append(dst, 0)
	}
	dst = binary.AppendUvarint(append(dst, 1), uint64(len(c.rows)))
	for i := range c.rows {
		r := &c.rows[i]
		f := factCode{
			name: r.name, set: codeFieldsEnd - 1, hash: r.hash, uses: r.uses, lots: r.lots, bp: r.bp, minor: r.minor, track: r.track, opens: r.opens, ends: r.ends,
			ended: r.ended,
		}
		dst = f.append(dst)
	}
	var joined []byte
	n, last := uint64(0), uint32(0)
	if e.line != nil {
		for slot := range e.line.rows.rows {
			if code := c.entries.get(slot); code != 0 {
				joined = binary.AppendUvarint(binary.AppendUvarint(joined, uint64(slot-last)), uint64(code))
				n, last = n+1, slot
			}
		}
	}
	dst = append(binary.AppendUvarint(dst, n), joined...)
	dst = binary.AppendUvarint(binary.AppendUvarint(dst, c.guesses.head), uint64(c.guesses.count()))
	for pos := c.guesses.head; pos < c.guesses.tail; pos++ {
		g := c.guesses.at(pos)
		dst = binary.LittleEndian.AppendUint64(dst, g.key)
		dst = binary.AppendUvarint(binary.AppendUvarint(dst, uint64(g.since)), uint64(g.count))
	}
	return dst
}

// openCodes reads what appendCodes wrote. Prices, holds and orders are there already, the line comes later.
func (e *Event) openCodes(d *decoder) {
	if !d.bool() || d.what != "" {
		if e.codes != nil {
			d.fail("prices with a code that is not there")
		}
		return
	}
	c := e.codesHere()
	for range d.count(CodesMax, 2) {
		f := d.code()
		if d.what != "" {
			return
		}
		slot, old := c.names[f.name]
		if old || f.set != codeFieldsEnd-1 || !e.soundCode(&f, slot, false, nil, "") {
			d.fail("a code that is there twice, or cannot be")
			return
		}
		slot = uint32(len(c.rows))
		c.rows = append(c.rows, codeRow{name: string([]byte(f.name))})
		c.names[c.rows[slot].name] = slot
		f.put(&c.rows[slot])
		e.keepCode(slot)
	}
	slot := uint32(0)
	for i := range d.count(e.limits.Line, 2) {
		by := uint32(d.uint(math.MaxUint32))
		code := uint32(d.uint(uint64(len(c.rows))))
		if slot += by; code == 0 || int64(slot) >= int64(e.limits.Line) || i > 0 && by == 0 {
			d.fail("an entry with a code that is not there")
			return
		}
		c.entries.set(slot, code)
	}
	c.guesses.startAt(d.uint(1 << 56))
	for range d.count(GuessersMax, 10) { //nolint:mnd // bytes that a row takes at least
		g := guessRow{key: d.fixed64(), since: Instant(d.uint(uint64(instantMax))), count: uint32(d.uint(GuessesMax))}
		if _, twice := e.guessOf(g.key); d.what != "" || twice != nil || g.count == 0 {
			d.fail("a guess that is there twice, or of nobody")
			return
		}
		e.addGuess(g)
	}
	if d.what == "" {
		e.openUses(d)
	}
}

// openUses counts what the holds and orders that are there have used of the codes.
func (e *Event) openUses(d *decoder) {
	for i := range e.prices {
		if int(e.prices[i].code) > len(e.codes.rows) {
			d.fail("a price with a code that is not there")
			return
		}
	}
	for slot := range e.holds.rows {
		if h := e.holds.at(slot); h.idState != 0 {
			e.useCode(&h.basket, 1)
		}
	}
	for slot := range e.orders.rows {
		if !e.allVoid(slot) {
			e.useCode(&e.orders.at(slot).basket, 1)
		}
	}
}

// codes counts the uses of the codes again, and verifies what finds them.
func (c *checker) codes() error {
	e := c.e
	if e.codes == nil {
		return nil
	}
	codes := e.codes
	used, placed := make([]int64, len(codes.rows)), make([]int64, len(codes.rows))
	for slot := range e.holds.rows {
		if h := e.holds.at(slot); h.idState != 0 {
			if code := e.codeOf(&h.basket); code != 0 {
				used[code-1]++
			}
		}
	}
	for slot := range e.orders.rows {
		if code := e.codeOf(&e.orders.at(slot).basket); code != 0 && !e.allVoid(slot) {
			used[code-1]++
		}
	}
	if e.line != nil {
		for slot := range e.line.rows.rows {
			if code := codes.entries.get(slot); code != 0 && countsCode(e.line.rows.at(slot).state) {
				placed[code-1]++
			}
		}
	}
	for i := range codes.rows {
		r := &codes.rows[i]
		if r.used != used[i] || r.placed != placed[i] || max(r.used, r.placed) > r.uses {
			return e.broken("code %q is used %d times and in %d places, counted %d and %d, of %d", r.name, r.used, r.placed, used[i], placed[i], r.uses)
		}
		if codes.names[r.name] != uint32(i) || codes.hashes[r.hash] != uint32(i) {
			return e.broken("code %q is not found", r.name)
		}
		c.rows += codeHash(r, uint32(i))
	}
	if len(codes.names) != len(codes.rows) || len(codes.hashes) != len(codes.rows) {
		return e.broken("%d codes, %d names, %d hashes", len(codes.rows), len(codes.names), len(codes.hashes))
	}
	return c.guesses()
}

func (c *checker) guesses() error {
	e := c.e
	priced := 0
	for i := range e.prices {
		if p := &e.prices[i]; p.code != 0 {
			priced++
			c.rows += codePriceHash(p, uint32(i))
		}
	}
	if priced != e.codes.priced {
		return e.broken("%d prices are of codes, counted %d", e.codes.priced, priced)
	}
	g := &e.codes.guesses
	if g.count() > GuessersMax || g.count() != e.codes.guessIndex.count {
		return e.broken("%d guess, %d indexed", g.count(), e.codes.guessIndex.count)
	}
	for pos := g.head; pos < g.tail; pos++ {
		if at, row := e.guessOf(g.at(pos).key); row == nil || at != pos {
			return e.broken("guess %d is not found", pos)
		}
		c.rows += guessHash(g.at(pos), pos)
	}
	return nil
}

// codesHash is what the codes add to the state hash beside their rows: nothing where there are none.
func (e *Event) codesHash() uint64 {
	if e.codes == nil {
		return 0
	}
	return mix(e.codes.guesses.head^hashK1, e.codes.guesses.tail^hashK2)
}
