package transport

import (
	"encoding/hex"
	"strconv"

	"github.com/holdfast-engine/holdfast/engine"
)

// The tables of presale and promo codes. What buyers type goes to the engine, which hashes it, and nowhere else.

// codeField is the code that a command of a buyer gives.
func codeField(num uint8) field {
	return field{name: "code", num: num, kind: kindString, str: func(s *scope) *string { return &s.line().Code }}
}

// markCode notes that a field of a code is meant, for those that the event has.
func markCode(bit engine.CodeFields) func(*scope) {
	return func(s *scope) { s.code.Set |= bit }
}

func codeNumber(name string, num uint8, bit engine.CodeFields, num64 func(*engine.CodeSpec) *int64) field {
	return field{name: name, num: num, kind: kindInt, present: true, num64: func(s *scope) *int64 { return num64(s.code) }, mark: markCode(bit)}
}

func codeTime(name string, num uint8, bit engine.CodeFields, at func(*engine.CodeSpec) *engine.Instant) field {
	return field{name: name, num: num, kind: kindTime, present: true, at: func(s *scope) *engine.Instant { return at(s.code) }, mark: markCode(bit)}
}

var codeMessage = newMessage("CodeSpec",
	field{name: "name", num: 1, kind: kindString, str: func(s *scope) *string { return &s.code.Name }},
	field{name: "code", num: 2, kind: kindString, str: func(s *scope) *string { return &s.code.Code }},
	field{name: "hash", num: 3, kind: kindString, str: func(s *scope) *string { return &s.codeHash }},
	codeNumber("uses", 4, engine.SetCodeUses, func(c *engine.CodeSpec) *int64 { return &c.Uses }),
	field{
		name: "lots", num: 5, kind: kindStrings, mark: markCode(engine.SetCodeLots),
		add: func(_ *decoder, s *scope, v string) { s.code.Lots = append(s.code.Lots, v) },
	},
	codeNumber("discount_bp", 6, engine.SetCodeDiscount, func(c *engine.CodeSpec) *int64 { return &c.DiscountBp }),
	codeNumber("discount_minor", 7, engine.SetCodeDiscount, func(c *engine.CodeSpec) *int64 { return &c.DiscountMinor }),
	field{name: "track", num: 8, kind: kindString, present: true, str: func(s *scope) *string { return &s.code.Track }, mark: markCode(engine.SetCodeTrack)},
	codeTime("opens_at", 9, engine.SetCodeOpens, func(c *engine.CodeSpec) *engine.Instant { return &c.OpensAt }),
	codeTime("ends_at", 10, engine.SetCodeEnds, func(c *engine.CodeSpec) *engine.Instant { return &c.EndsAt }),
	field{name: "ended", num: 11, kind: kindBool, present: true, flag: func(s *scope) *bool { return &s.code.Ended }, mark: markCode(engine.SetCodeEnded)},
)

var codesMessage = newMessage("CodesCommand",
	requestIDField(),
	field{name: "codes", num: 5, kind: kindMessages, sub: codeMessage, enter: (*decoder).enterCode, leave: (*decoder).leaveCode},
	correlationField(),
)

// enterCode appends an empty code to the command being decoded.
func (d *decoder) enterCode(s *scope) {
	if len(s.line().Codes) == engine.CodesPerCommandMax {
		d.fail(engine.CodeTooLarge, "", "a command has at most "+strconv.Itoa(engine.CodesPerCommandMax)+" codes")
		return
	}
	s.code, s.codeHash = grow(&s.line().Codes), ""
}

// leaveCode reads the hash of a code, and notes that it has a text or a hash.
func (d *decoder) leaveCode(s *scope) {
	if s.codeHash != "" {
		if n, err := hex.Decode(s.code.Hash[:], []byte(s.codeHash[:min(len(s.codeHash), 2*len(s.code.Hash))])); err != nil || n != len(s.code.Hash) || len(s.codeHash) != 2*n {
			d.fail(engine.CodeInvalid, "hash", "a hash is 64 hexadecimal digits")
			return
		}
	}
	if s.codeHash != "" || s.code.Code != "" {
		s.code.Set |= engine.SetCodeSecret
	}
}
