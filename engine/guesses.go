package engine

import (
	"encoding/binary"
	"slices"
)

// Wrong codes are counted for the buyer, for those whom the buyer is known to be linked to, and for each link that the command says. Whoever has had too many
// tries no more until a time after the first is over. They are in the log, so a restart gives nobody new tries; and there is room for so many who guess only.

// guessRow is how often somebody has tried a code that is none.
type guessRow struct {
	key   uint64
	since Instant // event time of the first
	count uint32
}

// factGuessed says that a code was tried that is none. The keys are hashes of the buyer and of what links the buyer to others, in ascending order.
//
//	| 76 | n | n keys, 8 bytes each |
type factGuessed struct{ keys []uint64 }

func (f *factGuessed) append(dst []byte) []byte {
	dst = append(dst, byte(kindGuessed), byte(len(f.keys)))
	for _, k := range f.keys {
		dst = binary.LittleEndian.AppendUint64(dst, k)
	}
	return dst
}

func (d *decoder) guessed(f *factGuessed) {
	f.keys = f.keys[:0]
	for range d.count(guessKeysMax, 8) {
		f.keys = append(f.keys, d.fixed64())
	}
}

// guessKeysMax is how many keys a try has: the buyer, the first of those who are linked, and the links.
const guessKeysMax = 2 + LinksPerBuyerMax

// guessKeys are those for whom a try of a buyer (slot + 1, or 0) counts.
func (e *Event) guessKeys(cmd *Command, buyer uint32) []uint64 {
	links := e.linksSaid(cmd)
	keys := append(e.work.guessKeys[:0], links[:min(len(links), LinksPerBuyerMax)]...)
	keys = append(keys, hashString(e.seed, cmd.Buyer)^hashK1)
	if buyer != 0 {
		if linked := e.buyers.at(buyer - 1).linked; linked != 0 {
			first := e.members.at(linked - 1).cluster
			keys = append(keys, e.buyerHash(e.members.at(first).buyer)^hashK2)
		}
	}
	slices.Sort(keys)
	e.work.guessKeys = keys
	return slices.Compact(keys)
}

// tryCode finds the code that a buyer (slot + 1, or 0) gives: slot + 1. If it is none, or the buyer has tried too many, it leaves the reason in why, and what was
// tried is in the log.
func (e *Event) tryCode(cmd *Command, buyer uint32) uint32 {
	keys := e.guessKeys(cmd, buyer)
	wait := Instant(0)
	for _, k := range keys {
		if _, r := e.guessOf(k); r != nil && r.count >= GuessesMax {
			wait = max(wait, r.since+guessWindowNs-e.eventTime())
		}
	}
	if wait > 0 {
		e.because(refusal{code: CodeCodeLocked, field: fieldCode, have: int64(wait+1e6-1) / 1e6})
		return 0
	}
	if e.codes != nil {
		if slot, ok := e.codes.hashes[e.work.codeHash]; ok {
			return slot + 1
		}
	}
	f := factGuessed{keys: keys}
	e.facts.Buf = f.append(e.facts.Buf)
	e.emitted()
	e.applyGuessed(&f)
	e.because(refusal{code: CodeCodeUnknown, field: fieldCode})
	return 0
}

// guessOf finds a key among those that have tried.
func (e *Event) guessOf(key uint64) (pos uint64, row *guessRow) {
	if e.codes == nil {
		return 0, nil
	}
	c := e.codes
	var p probe
	c.guessIndex.seek(&p, index32(key))
	for {
		ref, ok := c.guessIndex.next(&p)
		if !ok {
			return 0, nil
		}
		pos = c.guesses.near(ref)
		if row = c.guesses.at(pos); row.key == key {
			return pos, row
		}
	}
}

func (e *Event) applyGuessed(f *factGuessed) {
	c := e.codesHere()
	now := e.eventTime()
	for c.guesses.count() > 0 && c.guesses.at(c.guesses.head).since+guessWindowNs <= now {
		e.forgetGuess()
	}
	for _, key := range f.keys {
		pos, row := e.guessOf(key)
		if row == nil {
			if c.guesses.count() >= GuessersMax {
				e.forgetGuess()
			}
			e.addGuess(guessRow{key: key, since: now, count: 1})
			continue
		}
		e.rows -= guessHash(row, pos)
		if row.since+guessWindowNs <= now {
			row.since, row.count = now, 0
		}
		row.count++
		e.rows += guessHash(row, pos)
	}
}

func (e *Event) addGuess(r guessRow) {
	c := e.codes
	pos, row := c.guesses.push()
	*row = r
	c.guessIndex.insert(index32(r.key), uint32(pos&lowMask))
	e.rows += guessHash(row, pos)
}

// forgetGuess drops the one of whom has been known for longest that somebody guesses.
func (e *Event) forgetGuess() {
	c := e.codes
	pos := c.guesses.head
	row := *c.guesses.at(pos)
	e.rows -= guessHash(&row, pos)
	c.guessIndex.remove(index32(row.key), uint32(pos&lowMask))
	c.guesses.pop()
}

func guessHash(r *guessRow, pos uint64) uint64 {
	h := hasher(r.key ^ hashK3)
	h.pair(pos, uint64(r.since))
	h.word(uint64(r.count))
	return uint64(h)
}

func (e *Event) foldGuessed(d *decoder) error {
	f := factGuessed{keys: e.work.guessKeys[:0]}
	d.guessed(&f)
	if err := d.err(); err != nil {
		return err
	}
	if len(f.keys) == 0 {
		return unfit("a code was tried by nobody")
	}
	for i, key := range f.keys {
		if i > 0 && key <= f.keys[i-1] {
			return unfit("keys out of order")
		}
		if _, r := e.guessOf(key); r != nil && r.count >= GuessesMax && r.since+guessWindowNs > e.eventTime() {
			return unfit("a code was tried by somebody who has tried too many")
		}
	}
	e.applyGuessed(&f)
	return nil
}
