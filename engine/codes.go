package engine

import (
	"crypto/sha256"
	"math/bits"
	"strings"
)

// The codes of an event: what buyers type to get into a presale, to pay less, or to wait in a track of the line that is not for everybody.
//
// A code is known by its hash only. Its price of a lot is a price version of its own, made when it is first taken: what holds, orders, offers and refunds are
// worth follows from their prices as ever, and which code they were taken with is in the price. So the uses of a code are counted by its holds and orders alone.

// CodeSpec is what an organiser says about a code. A name that the event has is that code: of it only what is named in Set changes, and with nothing there it is
// shown. A new one needs a Code or Hash, and Uses.
type CodeSpec struct {
	Name          string   // an id; everybody may see it, so it is never the code
	Code          string   // as buyers type it: CodeLenMin to CodeLenMax bytes, without spaces around; a-z are A-Z
	Hash          CodeHash // instead of Code: its HashCode
	Uses          int64    // 1 to LimitMax: holds and orders at the same time, and apart from these places in the line. Below what is used it becomes what is used
	Lots          []string // for which it is; it opens those that are CodeOnly. None is all that are not, if there is a discount
	DiscountBp    int64    // off the face price, in hundredths of a percent, rounded down; or
	DiscountMinor int64    // off the face price of each sale, down to nothing
	Track         string   // of the line, in which it gives a place; empty is none
	OpensAt       Instant  // node time from which it is good; 0 is at once
	EndsAt        Instant  // node time from which it is no longer; 0 is never
	Ended         bool     // it is good for nothing any more

	Set CodeFields // of a code that the event has: which of the fields above are meant
}

// CodeFields says which fields of a CodeSpec are meant.
type CodeFields uint32

// One bit a field of CodeSpec; SetCodeDiscount is both discounts.
const (
	SetCodeSecret CodeFields = 1 << iota // Code, or else Hash
	SetCodeUses
	SetCodeLots
	SetCodeDiscount
	SetCodeTrack
	SetCodeOpens
	SetCodeEnds
	SetCodeEnded
	codeFieldsEnd
)

// CodeHash is what the log knows of a code.
type CodeHash [sha256.Size]byte

// HashCode is the hash of a code of an event: SHA-256 of "holdfast code 1", the account, the event, and the code without spaces around and with A-Z for a-z, each but
// the last with a line end behind. Who has it can try all short codes: see docs/codes.md.
func HashCode(account, event, code string) CodeHash {
	var room [256]byte
	buf := append(room[:0], "holdfast code 1\n"...)
	buf = append(append(buf, account...), '\n')
	buf = append(append(buf, event...), '\n')
	code = trimCode(code)
	for i := 0; i < len(code); i++ {
		c := code[i]
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		buf = append(buf, c)
	}
	return sha256.Sum256(buf)
}

func trimCode(code string) string { return strings.Trim(code, " \t\r\n") }

// codeRow is a code.
type codeRow struct {
	hash        CodeHash
	name        string
	uses        int64
	used        int64 // holds, and orders of which a ticket is good
	placed      int64 // entries of the line that wait, shop, or have ordered
	lots        []uint32
	names       []string // of lots
	bp, minor   int64
	track       uint8 // + 1; 0 is none
	opens, ends Instant
	ended       bool
}

// codePrice is what a price version of a code was made of.
type codePrice struct{ code, base uint32 }

// eventCodes is all that an event has of its codes. A code's number is its slot.
type eventCodes struct {
	rows    []codeRow
	hashes  map[CodeHash]uint32  // slot
	names   map[string]uint32    // slot
	prices  map[codePrice]uint32 // the newest price version
	priced  int                  // price versions of codes
	entries slotMap              // slot + 1 of the code that an entry of the line was joined with

	guesses    fifo[guessRow]
	guessIndex index // the low bits of the position
}

// codesHere returns the event's codes, made if there are none yet.
func (e *Event) codesHere() *eventCodes {
	if e.codes == nil {
		e.codes = &eventCodes{hashes: map[CodeHash]uint32{}, names: map[string]uint32{}, prices: map[codePrice]uint32{}}
	}
	return e.codes
}

// isFor reports whether a code changes what a lot costs, or opens it.
func (e *Event) isFor(c *codeRow, lot uint32) bool {
	if len(c.lots) == 0 {
		return c.bp|c.minor != 0 && !e.lots[lot].spec.CodeOnly
	}
	for _, l := range c.lots {
		if l == lot {
			return true
		}
	}
	return false
}

// discounted is what a sale at a price costs with a code. The tax in it is the same part of the total, rounded down; fees stay as they are.
func (c *codeRow) discounted(p *priceVersion) (face, tax int64) {
	off := c.minor
	if c.bp > 0 {
		off = p.face * c.bp / codeBpAll
	}
	face = p.face - min(off, p.face)
	if tax = p.tax; tax > 0 && face != p.face {
		hi, lo := bits.Mul64(uint64(tax), uint64(face+p.total-p.face))
		part, _ := bits.Div64(hi, lo, uint64(p.total)) // the tax is at most the total, and the new total at most the old one
		tax = int64(part)
	}
	return face, tax
}

// cost is what a sale at a price costs with a code, fees and all; without one, nil, what it costs everybody.
func (c *codeRow) cost(p *priceVersion) int64 {
	if c == nil {
		return p.total
	}
	face, _ := c.discounted(p)
	return face + p.total - p.face
}

// codeBpAll is the whole price in hundredths of a percent.
const codeBpAll = 10_000

// codeOf is slot + 1 of the code that a basket was taken with; 0 is none.
func (e *Event) codeOf(b *basket) uint32 {
	for it := e.firstItem(b); it.sales > 0; it = e.nextItem(it) {
		if code := e.prices[it.price].code; code != 0 {
			return code
		}
	}
	return 0
}

// useCode counts a use of the code that a basket was taken with, or with -1 that there is one less.
func (e *Event) useCode(b *basket, by int64) {
	code := e.codeOf(b)
	if code == 0 {
		return
	}
	c := &e.codes.rows[code-1]
	if c.used += by; c.used < 0 || c.used > c.uses {
		e.breach = breach{found: true, code: true, place: code - 1}
	}
}

// countsCode reports whether an entry of the line in a state uses the code that it was joined with.
func countsCode(s PlaceState) bool { return s.live() || s == PlaceSpent }

// codeOfEntry is slot + 1 of the code that an entry was joined with; 0 is none.
func (e *Event) codeOfEntry(slot uint32) uint32 {
	if e.codes == nil {
		return 0
	}
	return e.codes.entries.get(slot)
}

// placeCode counts a use of the code that an entry was joined with, or with -1 that there is one less.
func (e *Event) placeCode(slot uint32, by int64) {
	code := e.codeOfEntry(slot)
	if code == 0 {
		return
	}
	c := &e.codes.rows[code-1]
	if c.placed += by; c.placed < 0 || c.placed > c.uses {
		e.breach = breach{found: true, code: true, place: code - 1}
	}
}

// dropPlaceCode forgets which code an entry was joined with.
func (e *Event) dropPlaceCode(slot uint32) {
	if e.codeOfEntry(slot) == 0 {
		return
	}
	e.rows -= e.entryHash(slot)
	e.codes.entries.set(slot, 0)
	e.rows += e.entryHash(slot)
}
