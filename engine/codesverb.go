package engine

import (
	"encoding/binary"
	"math"
	"slices"
	"strconv"
	"strings"
)

// factCodes says what an organiser has added and changed of the codes. A name that is not known yet is a new code.
//
//	| 75 | asked | n | n codes: name | set | the fields that are set, in the order of their bits: hash, uses, n lots, discount share, amount, track + 1, opens, ends, ended |
type factCodes struct {
	asked
	codes []factCode
}

type factCode struct {
	name        string
	set         CodeFields
	hash        CodeHash
	uses        int64
	lots        []uint32
	bp, minor   int64
	track       uint8
	opens, ends Instant
	ended       bool
}

func (f *factCodes) append(dst []byte) []byte {
	dst = binary.AppendUvarint(f.asked.append(append(dst, byte(kindCodes))), uint64(len(f.codes)))
	for i := range f.codes {
		dst = f.codes[i].append(dst)
	}
	return dst
}

func (c *factCode) append(dst []byte) []byte {
	dst = binary.AppendUvarint(appendString(dst, c.name), uint64(c.set&(codeFieldsEnd-1)))
	if c.set&SetCodeSecret != 0 {
		dst = append(dst, c.hash[:]...)
	}
	if c.set&SetCodeUses != 0 {
		dst = binary.AppendUvarint(dst, uint64(c.uses))
	}
	if c.set&SetCodeLots != 0 {
		dst = binary.AppendUvarint(dst, uint64(len(c.lots)))
		for _, l := range c.lots {
			dst = binary.AppendUvarint(dst, uint64(l))
		}
	}
	if c.set&SetCodeDiscount != 0 {
		dst = binary.AppendUvarint(binary.AppendUvarint(dst, uint64(c.bp)), uint64(c.minor))
	}
	if c.set&SetCodeTrack != 0 {
		dst = append(dst, c.track)
	}
	if c.set&SetCodeOpens != 0 {
		dst = binary.AppendUvarint(dst, uint64(c.opens))
	}
	if c.set&SetCodeEnds != 0 {
		dst = binary.AppendUvarint(dst, uint64(c.ends))
	}
	if c.set&SetCodeEnded != 0 {
		dst = appendBool(dst, c.ended)
	}
	return dst
}

func (d *decoder) codes(f *factCodes) {
	d.caller(&f.asked)
	f.codes = f.codes[:0]
	for range d.count(CodesPerCommandMax, 2) {
		f.codes = append(f.codes, d.code())
	}
}

func (d *decoder) code() (c factCode) {
	c.name, c.set = d.id(), CodeFields(d.uint(uint64(codeFieldsEnd-1)))
	if c.set&SetCodeSecret != 0 {
		d.hash((*[32]byte)(&c.hash))
	}
	if c.set&SetCodeUses != 0 {
		c.uses = int64(d.uint(LimitMax))
	}
	if c.set&SetCodeLots != 0 {
		for range d.count(LotsPerCodeMax, 1) {
			c.lots = append(c.lots, uint32(d.uint(math.MaxUint32)))
		}
	}
	if c.set&SetCodeDiscount != 0 {
		c.bp, c.minor = int64(d.uint(codeBpAll)), int64(d.uint(MinorMax))
	}
	if c.set&SetCodeTrack != 0 {
		c.track = d.byte()
	}
	if c.set&SetCodeOpens != 0 {
		c.opens = Instant(d.uint(uint64(instantMax)))
	}
	if c.set&SetCodeEnds != 0 {
		c.ends = Instant(d.uint(uint64(instantMax)))
	}
	if c.set&SetCodeEnded != 0 {
		c.ended = d.bool()
	}
	return c
}

// setCodes adds, changes and shows codes.
func (e *Event) setCodes(cmd *Command) {
	if !e.validCodes(cmd) || !e.sellsHere(cmd) {
		return
	}
	f := &factCodes{}
	if e.known(cmd, &f.asked) {
		return
	}
	if e.state >= EventClosed {
		e.refuseAsked(cmd, &f.asked, refusal{code: CodeWrongState, field: fieldEvent, text: e.notOnSale()})
		return
	}
	f.codes = make([]factCode, 0, len(cmd.Line.Codes))
	fresh := 0
	for i := range cmd.Line.Codes {
		s := &cmd.Line.Codes[i]
		c := factCode{name: s.Name}
		slot, old := uint32(0), false
		if e.codes != nil {
			slot, old = e.codes.names[s.Name]
		}
		if !old {
			fresh++
		}
		if !e.meantCode(s, &c, i, old) || !e.soundCode(&c, slot, old, f.codes, codeField(i, "")) {
			return
		}
		f.codes = append(f.codes, c)
	}
	if have := e.codesCount(); have+fresh > CodesMax {
		e.refuseAsked(cmd, &f.asked, refusal{code: CodeTooMany, field: fieldCodes, text: tooManyEventCodes, want: CodesMax})
		return
	}
	e.facts.Buf = f.append(e.facts.Buf)
	e.emitted()
	e.applyCodes(f)
	e.settle()
	e.showEvent()
	v := e.beginCodes()
	for i := range f.codes {
		e.viewCode(v, e.codes.names[f.codes[i].name])
	}
	e.out.Event.Codes = v
}

func (e *Event) codesCount() int {
	if e.codes == nil {
		return 0
	}
	return len(e.codes.rows)
}

// validCodes checks what a command says of codes.
func (e *Event) validCodes(cmd *Command) bool {
	if !e.validRequest(cmd) {
		return false
	}
	codes := lineOf(cmd).Codes
	switch {
	case len(codes) == 0:
		e.bad("codes", "it is missing")
		return false
	case len(codes) > CodesPerCommandMax:
		e.tooMany("codes", CodesPerCommandMax)
		return false
	}
	for i := range codes {
		if !e.validCodeSpec(&codes[i], i) {
			return false
		}
		if slices.ContainsFunc(codes[:i], func(c CodeSpec) bool { return c.Name == codes[i].Name }) {
			e.bad(codeField(i, "name"), "it is there twice")
			return false
		}
	}
	return true
}

func (e *Event) validCodeSpec(s *CodeSpec, i int) bool {
	trimmed := trimCode(s.Code)
	switch {
	case !e.validID(codeField(i, "name"), s.Name):
	case s.Code != "" && s.Hash != (CodeHash{}):
		e.bad(codeField(i, "code"), "it says a code and a hash: give one of them")
	case s.Code != "" && (len(trimmed) < CodeLenMin || len(s.Code) > CodeLenMax):
		e.bad(codeField(i, "code"), "a code has "+strconv.Itoa(CodeLenMin)+" to "+strconv.Itoa(CodeLenMax)+" bytes")
	case strings.EqualFold(trimmed, s.Name) || s.Hash == HashCode(e.key.Account, e.key.ID, s.Name):
		e.bad(codeField(i, "name"), "everybody may see it: it cannot be the code")
	case s.Uses < 0 || s.Uses > LimitMax:
		e.bad(codeField(i, "uses"), "it is 1 to "+strconv.Itoa(LimitMax))
	case len(s.Lots) > LotsPerCodeMax:
		e.tooMany(codeField(i, "lots"), LotsPerCodeMax)
	case s.DiscountBp < 0 || s.DiscountBp > codeBpAll:
		e.bad(codeField(i, "discount_bp"), "it is 0 to "+strconv.Itoa(codeBpAll))
	case s.DiscountMinor < 0 || s.DiscountMinor > MinorMax:
		e.bad(codeField(i, "discount_minor"), "it is 0 to "+strconv.Itoa(MinorMax))
	case s.DiscountBp > 0 && s.DiscountMinor > 0:
		e.bad(codeField(i, "discount_minor"), "it says a share and an amount: give one of them")
	case s.OpensAt < 0 || s.OpensAt > instantMax:
		e.bad(codeField(i, "opens_at"), "it is out of range")
	case s.EndsAt < 0 || s.EndsAt > instantMax:
		e.bad(codeField(i, "ends_at"), "it is out of range")
	default:
		return true
	}
	return false
}

func codeField(i int, name string) string { return "codes[" + strconv.Itoa(i) + "]." + name }

// meantCode fills c with what is said of a code: everything of a new one.
func (e *Event) meantCode(s *CodeSpec, c *factCode, i int, old bool) bool {
	if c.set = s.Set; !old {
		c.set = SetCodeSecret | SetCodeUses
		for bit, said := range map[CodeFields]bool{
			SetCodeLots: len(s.Lots) > 0, SetCodeDiscount: s.DiscountBp|s.DiscountMinor != 0, SetCodeTrack: s.Track != "", SetCodeOpens: s.OpensAt != 0,
			SetCodeEnds: s.EndsAt != 0, SetCodeEnded: s.Ended,
		} {
			if said {
				c.set |= bit
			}
		}
	}
	if c.set&SetCodeSecret != 0 {
		if c.hash = s.Hash; s.Code != "" {
			c.hash = HashCode(e.key.Account, e.key.ID, s.Code)
		}
		if c.hash == (CodeHash{}) {
			e.bad(codeField(i, "code"), "it is missing: give a code or its hash")
			return false
		}
	}
	if c.set&SetCodeUses != 0 {
		if c.uses = s.Uses; c.uses == 0 {
			e.bad(codeField(i, "uses"), "it is missing")
			return false
		}
	}
	if c.set&SetCodeLots != 0 {
		for _, name := range s.Lots {
			lot, ok := e.lotNamed(name)
			if !ok {
				e.bad(codeField(i, "lots"), "the event has no such lot")
				return false
			}
			c.lots = append(c.lots, lot)
		}
	}
	if c.set&SetCodeDiscount != 0 {
		c.bp, c.minor = s.DiscountBp, s.DiscountMinor
	}
	if c.set&SetCodeTrack != 0 && s.Track != "" {
		track, ok := e.trackNamed(s.Track)
		if !ok {
			e.bad(codeField(i, "track"), "the line has no such track")
			return false
		}
		c.track = track + 1
	}
	c.opens, c.ends, c.ended = s.OpensAt, s.EndsAt, s.Ended
	return true
}

// soundCode checks a code as it would be: of an event's code in a slot, with what a fact sets, beside those that the same fact sets before.
func (e *Event) soundCode(c *factCode, slot uint32, old bool, before []factCode, field string) bool {
	was := codeRow{}
	if old {
		was = e.codes.rows[slot]
	}
	to := was
	c.put(&to)
	wrong := func(name, text string) bool {
		e.bad(field+name, text)
		return false
	}
	switch {
	case !old && (c.set&SetCodeSecret == 0 || c.set&SetCodeUses == 0) || c.set&SetCodeSecret != 0 && c.hash == (CodeHash{}):
		return wrong("code", "it is missing: give a code or its hash")
	case to.uses < 1:
		return wrong("uses", "it is missing")
	case to.bp > 0 && to.minor > 0:
		return wrong("discount_minor", "it says a share and an amount: give one of them")
	case len(to.lots) == 0 && to.bp|to.minor == 0 && to.track == 0:
		return wrong("lots", "it is good for nothing: give lots, a discount or a track")
	case int(to.track) > e.trackCount():
		return wrong("track", "the line has no such track")
	case to.ends != 0 && to.ends <= to.opens:
		return wrong("ends_at", "it is not after opens_at")
	}
	for i, l := range to.lots {
		if int(l) >= len(e.lots) {
			return wrong("lots", "the event has no such lot")
		}
		if slices.Contains(to.lots[:i], l) {
			return wrong("lots", "a lot is there twice")
		}
	}
	if c.set&SetCodeSecret == 0 {
		return true
	}
	taken := slices.ContainsFunc(before, func(b factCode) bool { return b.set&SetCodeSecret != 0 && b.hash == c.hash })
	if e.codes != nil && !taken {
		other, there := e.codes.hashes[c.hash]
		taken = there && (!old || other != slot)
	}
	if taken {
		return wrong("code", "another code is the same")
	}
	return true
}

// put puts what a fact sets into a code.
func (c *factCode) put(r *codeRow) {
	if c.set&SetCodeSecret != 0 {
		r.hash = c.hash
	}
	if c.set&SetCodeUses != 0 {
		r.uses = max(c.uses, r.used, r.placed)
	}
	if c.set&SetCodeLots != 0 {
		r.lots = c.lots
	}
	if c.set&SetCodeDiscount != 0 {
		r.bp, r.minor = c.bp, c.minor
	}
	if c.set&SetCodeTrack != 0 {
		r.track = c.track
	}
	if c.set&SetCodeOpens != 0 {
		r.opens = c.opens
	}
	if c.set&SetCodeEnds != 0 {
		r.ends = c.ends
	}
	if c.set&SetCodeEnded != 0 {
		r.ended = c.ended
	}
}

func (e *Event) applyCodes(f *factCodes) {
	codes := e.codesHere()
	for i := range f.codes {
		c := &f.codes[i]
		slot, old := codes.names[c.name]
		if !old {
			slot = uint32(len(codes.rows))
			name := strings.Clone(c.name)
			codes.rows = append(codes.rows, codeRow{name: name})
			codes.names[name] = slot
		} else {
			e.rows -= codeHash(&codes.rows[slot], slot)
		}
		r := &codes.rows[slot]
		if c.set&SetCodeSecret != 0 && old {
			delete(codes.hashes, r.hash)
		}
		c.put(r)
		e.keepCode(slot)
	}
	e.remember(&f.asked, VerbCodes, 0, 0)
}

// keepCode adds a code that has just been put into its row to the indexes and sums.
func (e *Event) keepCode(slot uint32) {
	r := &e.codes.rows[slot]
	r.lots = slices.Clone(r.lots)
	r.names = r.names[:0:0]
	for _, l := range r.lots {
		r.names = append(r.names, e.lots[l].spec.Lot)
	}
	e.codes.hashes[r.hash] = slot
	e.rows += codeHash(r, slot)
}

func codeHash(r *codeRow, slot uint32) uint64 {
	h := hasher(hashK2)
	h.word(uint64(slot))
	h.string(r.name)
	h.hash(&r.hash)
	h.pair(uint64(r.uses), uint64(len(r.lots)))
	for _, l := range r.lots {
		h.word(uint64(l))
	}
	h.pair(uint64(r.bp), uint64(r.minor))
	h.pair(uint64(r.opens), uint64(r.ends))
	h.word(uint64(r.track))
	h.bool(r.ended)
	return uint64(h)
}

func (e *Event) foldCodes(d *decoder) error {
	var f factCodes
	d.codes(&f)
	if err := d.err(); err != nil {
		return err
	}
	if err := e.fresh(&f.asked); err != nil {
		return err
	}
	if len(f.codes) == 0 || e.state >= EventClosed || e.spec.Observe {
		return unfit("no codes, or of an event that sells nothing any more")
	}
	fresh := 0
	for i := range f.codes {
		c := &f.codes[i]
		slot, old := uint32(0), false
		if e.codes != nil {
			slot, old = e.codes.names[c.name]
		}
		if !old {
			fresh++
		}
		if slices.ContainsFunc(f.codes[:i], func(b factCode) bool { return b.name == c.name }) || !e.soundCode(c, slot, old, f.codes[:i], "") {
			return unfit("a code that is there twice, or cannot be")
		}
	}
	if e.codesCount()+fresh > CodesMax {
		return unfit("a table is full")
	}
	e.applyCodes(&f)
	return nil
}
