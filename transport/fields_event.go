package transport

import (
	"github.com/holdfast-engine/holdfast/engine"
)

// The tables of create and update: everything an organiser says about an event.

var feeMessage = newMessage("Fee",
	field{name: "name", num: 1, kind: kindString, str: func(s *scope) *string { return &s.fee.Name }},
	field{name: "minor", num: 2, kind: kindInt, num64: func(s *scope) *int64 { return &s.fee.Minor }},
)

var rowMessage = newMessage("RowSpec",
	field{name: "section", num: 1, kind: kindString, str: func(s *scope) *string { return &s.row.Section }},
	field{name: "row", num: 2, kind: kindString, str: func(s *scope) *string { return &s.row.Row }},
	field{name: "seats", num: 3, kind: kindInt, num64: func(s *scope) *int64 { return &s.row.Seats }},
	field{name: "through", num: 4, kind: kindString, str: func(s *scope) *string { return &s.row.Through }},
	field{name: "rank", num: 5, kind: kindInt, num64: func(s *scope) *int64 { return &s.row.Rank }},
	field{name: "first", num: 6, kind: kindInt, num64: func(s *scope) *int64 { return &s.row.First }},
	field{name: "step", num: 7, kind: kindInt, num64: func(s *scope) *int64 { return &s.row.Step }},
	field{list: true, name: "labels", num: 8, kind: kindString, str: func(s *scope) *string { return &s.row.Labels }},
	field{name: "best", num: 9, kind: kindString, str: func(s *scope) *string { return &s.row.Best }},
	field{list: true, name: "aisles", num: 10, kind: kindString, str: func(s *scope) *string { return &s.row.Aisles }},
	field{list: true, name: "missing", num: 11, kind: kindString, str: func(s *scope) *string { return &s.row.Missing }},
	field{list: true, name: "accessible", num: 12, kind: kindString, str: func(s *scope) *string { return &s.row.Accessible }},
	field{list: true, name: "companion", num: 13, kind: kindString, str: func(s *scope) *string { return &s.row.Companion }},
	field{list: true, name: "restricted", num: 14, kind: kindString, str: func(s *scope) *string { return &s.row.Restricted }},
)

var poolMessage = newMessage("PoolSpec",
	field{name: "pool", num: 1, kind: kindString, str: func(s *scope) *string { return &s.pool.Pool }},
	field{name: "capacity", num: 2, kind: kindInt, num64: func(s *scope) *int64 { return &s.pool.Capacity }},
)

func markLot(bit engine.LotFields) func(*scope) {
	return func(s *scope) {
		if s.cmd.Verb == engine.VerbUpdate {
			s.lot.Set |= bit
		}
	}
}

var lotMessage = newMessage("LotSpec",
	field{name: "lot", num: 1, kind: kindString, str: func(s *scope) *string { return &s.lot.Lot }},
	field{
		name: "name", num: 2, kind: kindString, present: true,
		str: func(s *scope) *string { return &s.lot.Name }, mark: markLot(engine.SetLotName),
	},
	field{
		name: "face_minor", num: 3, kind: kindInt, present: true,
		num64: func(s *scope) *int64 { return &s.lot.FaceMinor }, mark: markLot(engine.SetLotFace),
	},
	field{
		name: "fees", num: 4, kind: kindMessages, sub: feeMessage, mark: markLot(engine.SetLotFees),
		enter: func(_ *decoder, s *scope) { s.fee = grow(&s.lot.Fees) },
	},
	field{
		name: "tax_minor", num: 5, kind: kindInt, present: true,
		num64: func(s *scope) *int64 { return &s.lot.TaxMinor }, mark: markLot(engine.SetLotTax),
	},
	field{
		name: "capacity", num: 6, kind: kindInt,
		num64: func(s *scope) *int64 { return &s.lot.Capacity }, mark: markLot(engine.SetLotOther),
	},
	field{
		name: "units", num: 7, kind: kindInt,
		num64: func(s *scope) *int64 { return &s.lot.Units }, mark: markLot(engine.SetLotOther),
	},
	field{
		name: "pools", num: 8, kind: kindStrings, mark: markLot(engine.SetLotOther),
		add: func(_ *decoder, s *scope, v string) { s.lot.Pools = append(s.lot.Pools, v) },
	},
	field{
		name: "requires", num: 9, kind: kindStrings, mark: markLot(engine.SetLotOther),
		add: func(_ *decoder, s *scope, v string) { s.lot.Requires = append(s.lot.Requires, v) },
	},
	field{
		name: "after", num: 10, kind: kindString,
		str: func(s *scope) *string { return &s.lot.After }, mark: markLot(engine.SetLotOther),
	},
	field{
		name: "min_order", num: 11, kind: kindInt, present: true,
		num64: func(s *scope) *int64 { return &s.lot.MinOrder }, mark: markLot(engine.SetLotMin),
	},
	field{
		name: "max_order", num: 12, kind: kindInt, present: true,
		num64: func(s *scope) *int64 { return &s.lot.MaxOrder }, mark: markLot(engine.SetLotMax),
	},
	field{
		name: "rows", num: 13, kind: kindMessages, sub: rowMessage, mark: markLot(engine.SetLotOther),
		enter: func(_ *decoder, s *scope) { s.row = grow(&s.lot.Rows) },
	},
	field{
		name: "code_only", num: 14, kind: kindBool, present: true,
		flag: func(s *scope) *bool { return &s.lot.CodeOnly }, mark: markLot(engine.SetLotCodeOnly),
	},
)

// grow adds a zero element and returns it.
func grow[T any](list *[]T) *T {
	var zero T
	*list = append(*list, zero)
	return &(*list)[len(*list)-1]
}

var (
	createMessage = newMessage("CreateCommand", specFields(false)...)
	updateMessage = newMessage("UpdateCommand", specFields(true)...)
)

// specFields returns the fields of create, or of update, where an absent field and a zero one differ.
func specFields(update bool) []field {
	text := func(name string, num uint8, bit engine.SpecFields, str func(*scope) *string) field {
		return field{name: name, num: num, kind: kindString, present: update, str: str, mark: markSpec(bit)}
	}
	number := func(name string, num uint8, bit engine.SpecFields, num64 func(*scope) *int64) field {
		return field{name: name, num: num, kind: kindInt, present: update, num64: num64, mark: markSpec(bit)}
	}
	moment := func(name string, num uint8, bit engine.SpecFields, at func(*scope) *engine.Instant) field {
		return field{name: name, num: num, kind: kindTime, present: true, at: at, mark: markSpec(bit)}
	}
	fields := []field{
		requestIDField(),
		text("name", 20, engine.SetName, func(s *scope) *string { return &s.spec.Name }),
		text("genre", 21, engine.SetGenre, func(s *scope) *string { return &s.spec.Genre }),
		text("performer", 22, engine.SetPerformer, func(s *scope) *string { return &s.spec.Performer }),
		text("venue", 23, engine.SetVenue, func(s *scope) *string { return &s.spec.Venue }),
		text("city", 24, engine.SetCity, func(s *scope) *string { return &s.spec.City }),
		text("country", 25, engine.SetCountry, func(s *scope) *string { return &s.spec.Country }),
		text("time_zone", 26, engine.SetTimeZone, func(s *scope) *string { return &s.spec.TimeZone }),
		moment("doors_at", 27, engine.SetDoorsAt, func(s *scope) *engine.Instant { return &s.spec.DoorsAt }),
		moment("starts_at", 28, engine.SetStartsAt, func(s *scope) *engine.Instant { return &s.spec.StartsAt }),
		moment("opens_at", 29, engine.SetOpensAt, func(s *scope) *engine.Instant { return &s.spec.OpensAt }),
		moment("closes_at", 30, engine.SetClosesAt, func(s *scope) *engine.Instant { return &s.spec.ClosesAt }),
		text("currency", 31, engine.SetCurrency, func(s *scope) *string { return &s.spec.Currency }),
		number("hold_ttl_ms", 32, engine.SetHoldTTL, func(s *scope) *int64 { return &s.spec.HoldTTLMs }),
		number("max_hold_ms", 33, engine.SetMaxHold, func(s *scope) *int64 { return &s.spec.MaxHoldMs }),
		{
			name: "spread_ms", num: 34, kind: kindInt, present: true,
			num64: func(s *scope) *int64 { return &s.spec.SpreadMs },
			mark: func(s *scope) {
				s.spec.HasSpread = true
				markSpec(engine.SetSpread)(s)
			},
		},
		number("limit_per_buyer", 35, engine.SetLimitPerBuyer, func(s *scope) *int64 { return &s.spec.LimitPerBuyer }),
		number("limit_per_order", 36, engine.SetLimitPerOrder, func(s *scope) *int64 { return &s.spec.LimitPerOrder }),
		{
			name: "open", num: 37, kind: kindBool, present: update,
			flag: func(s *scope) *bool { return &s.spec.Open }, mark: markSpec(engine.SetOpen),
		},
		{
			name: "pools", num: 38, kind: kindMessages, sub: poolMessage,
			enter: func(_ *decoder, s *scope) { s.pool = grow(&s.spec.Pools) },
		},
		{
			name: "lots", num: 39, kind: kindMessages, sub: lotMessage,
			enter: func(_ *decoder, s *scope) { s.lot = grow(&s.spec.Lots) },
		},
	}
	return append(append(fields, policyFields(update)...), modeField(update), lineField(), correlationField())
}

// modeField says whether the event sells here, or observes.
func modeField(update bool) field {
	return field{name: "mode", num: 53, kind: kindString, present: update, mark: markSpec(engine.SetObserve), words: "sell, observe", word: func(s *scope, w string) bool {
		s.spec.Observe = w == "observe"
		return w == "" || w == "sell" || w == "observe"
	}}
}

// markSpec notes that an update means the field. A create means every field, so it needs no notes.
func markSpec(bit engine.SpecFields) func(*scope) {
	return func(s *scope) {
		if s.cmd.Verb == engine.VerbUpdate {
			s.spec.Set |= bit
		}
	}
}
