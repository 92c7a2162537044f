package engine

import "encoding/binary"

// appendSpec appends everything in an EventSpec, in the order of its fields. Equal specs have equal bytes.
//
//	| name genre performer venue city country time_zone currency | doors starts opens closes | ttl max_hold spread, given? |
//	| limits per buyer, per order | open, policy follows, observe, line follows | set | pools | lots | policy | line, see appendLine |
func appendSpec(dst []byte, s *EventSpec) []byte {
	for _, t := range [...]string{s.Name, s.Genre, s.Performer, s.Venue, s.City, s.Country, s.TimeZone, s.Currency} {
		dst = appendString(dst, t)
	}
	for _, v := range [...]int64{
		int64(s.DoorsAt), int64(s.StartsAt), int64(s.OpensAt), int64(s.ClosesAt), s.HoldTTLMs, s.MaxHoldMs, s.SpreadMs,
		s.LimitPerBuyer, s.LimitPerOrder,
	} {
		dst = binary.AppendVarint(dst, v)
	}
	dst = appendBool(dst, s.HasSpread)
	flags := byte(0)
	if s.Open {
		flags |= specOpen
	}
	if s.saysPay() {
		flags |= specPay
	}
	if s.Observe {
		flags |= specObserve
	}
	if s.Line != nil {
		flags |= specLine
	}
	dst = append(dst, flags)
	dst = binary.AppendUvarint(dst, uint64(s.Set))
	dst = binary.AppendUvarint(dst, uint64(len(s.Pools)))
	for i := range s.Pools {
		dst = appendString(dst, s.Pools[i].Pool)
		dst = binary.AppendVarint(dst, s.Pools[i].Capacity)
	}
	dst = binary.AppendUvarint(dst, uint64(len(s.Lots)))
	for i := range s.Lots {
		dst = appendLotSpec(dst, &s.Lots[i])
	}
	if s.saysPay() {
		dst = appendPay(dst, &s.Pay)
	}
	if s.Line != nil {
		dst = appendLine(dst, s.Line)
	}
	return dst
}

// The flags of a spec. Before there were policies there was one, before there were touches there were two, and before there were lines three.
const (
	specOpen    = 1
	specPay     = 2 // a policy is at the end
	specObserve = 4
	specLine    = 8 // what is said about the line is behind it
)

// appendLotSpec appends a lot: | lot name after | face tax capacity units min max | set, code only * 2^31 | fees | pools | requires | rows |
func appendLotSpec(dst []byte, l *LotSpec) []byte {
	dst = appendString(appendString(appendString(dst, l.Lot), l.Name), l.After)
	for _, v := range [...]int64{l.FaceMinor, l.TaxMinor, l.Capacity, l.Units, l.MinOrder, l.MaxOrder} {
		dst = binary.AppendVarint(dst, v)
	}
	set := uint64(l.Set)
	if l.CodeOnly {
		set |= lotCodeOnly
	}
	dst = binary.AppendUvarint(dst, set)
	dst = appendFees(dst, l.Fees)
	dst = appendStrings(dst, l.Pools)
	dst = appendStrings(dst, l.Requires)
	dst = binary.AppendUvarint(dst, uint64(len(l.Rows)))
	for i := range l.Rows {
		dst = appendRow(dst, &l.Rows[i])
	}
	return dst
}

// lotCodeOnly is a bit of what is set of a lot that is no field of an update: the lots of before there were codes have the same bytes as ever.
const lotCodeOnly = 1 << 31

// appendRow appends a block of rows: | section | row | seats |, and if there is more to say about it, -seats and behind it
// | through | rank first step | labels best aisles missing accessible companion restricted |.
func appendRow(dst []byte, r *RowSpec) []byte {
	dst = appendString(appendString(dst, r.Section), r.Row)
	if *r == (RowSpec{Section: r.Section, Row: r.Row, Seats: r.Seats}) {
		return binary.AppendVarint(dst, r.Seats)
	}
	dst = appendString(binary.AppendVarint(dst, -r.Seats), r.Through)
	for _, v := range [...]int64{r.Rank, r.First, r.Step} {
		dst = binary.AppendVarint(dst, v)
	}
	for _, t := range [...]string{r.Labels, r.Best, r.Aisles, r.Missing, r.Accessible, r.Companion, r.Restricted} {
		dst = appendString(dst, t)
	}
	return dst
}

func (d *decoder) row() RowSpec {
	r := RowSpec{Section: d.text(IDLenMax), Row: d.text(IDLenMax), Seats: d.signed()}
	if r.Seats >= 0 {
		return r
	}
	r.Seats, r.Through = -r.Seats, d.text(IDLenMax)
	for _, v := range [...]*int64{&r.Rank, &r.First, &r.Step} {
		*v = d.signed()
	}
	for _, t := range [...]*string{&r.Labels, &r.Best, &r.Aisles, &r.Missing, &r.Accessible, &r.Companion, &r.Restricted} {
		*t = d.text(RowTextLenMax)
	}
	if r == (RowSpec{Section: r.Section, Row: r.Row, Seats: r.Seats}) {
		d.fail("a row is longer than needed")
	}
	return r
}

func appendFees(dst []byte, fees []Fee) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(fees)))
	for i := range fees {
		dst = appendString(dst, fees[i].Name)
		dst = binary.AppendVarint(dst, fees[i].Minor)
	}
	return dst
}

func appendStrings(dst []byte, list []string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(list)))
	for _, s := range list {
		dst = appendString(dst, s)
	}
	return dst
}

// listMax bounds the lists of a spec that is being decoded; what is right for an event is checked afterwards.
const listMax = 1 << 20

// text reads a string of its own, which outlives the buffer.
func (d *decoder) text(most int) string { return string([]byte(d.string(most))) }

func (d *decoder) spec() *EventSpec {
	s := new(EventSpec)
	for _, t := range [...]*string{&s.Name, &s.Genre, &s.Performer, &s.Venue, &s.City, &s.Country, &s.TimeZone, &s.Currency} {
		*t = d.text(EventTextLenMax)
	}
	for _, v := range [...]*int64{
		(*int64)(&s.DoorsAt), (*int64)(&s.StartsAt), (*int64)(&s.OpensAt), (*int64)(&s.ClosesAt), &s.HoldTTLMs, &s.MaxHoldMs, &s.SpreadMs,
		&s.LimitPerBuyer, &s.LimitPerOrder,
	} {
		*v = d.signed()
	}
	s.HasSpread = d.bool()
	flags := d.byte()
	if flags > specOpen|specPay|specObserve|specLine {
		d.fail("a spec with unknown flags")
	}
	s.Open, s.Observe = flags&specOpen != 0, flags&specObserve != 0
	s.Set = SpecFields(d.uint(1<<32 - 1))
	for range d.count(listMax, 2) {
		s.Pools = append(s.Pools, PoolSpec{Pool: d.text(IDLenMax), Capacity: d.signed()})
	}
	for range d.count(listMax, 14) {
		if d.what != "" {
			break
		}
		s.Lots = append(s.Lots, d.lotSpec())
	}
	if flags&specPay != 0 {
		if s.Pay = d.pay(); !s.saysPay() {
			d.fail("a policy that need not be said")
		}
	}
	if flags&specLine != 0 {
		s.Line = d.line()
	}
	return s
}

func (d *decoder) lotSpec() LotSpec {
	l := LotSpec{Lot: d.text(IDLenMax), Name: d.text(EventTextLenMax), After: d.text(IDLenMax)}
	for _, v := range [...]*int64{&l.FaceMinor, &l.TaxMinor, &l.Capacity, &l.Units, &l.MinOrder, &l.MaxOrder} {
		*v = d.signed()
	}
	set := d.uint(1<<32 - 1)
	l.Set, l.CodeOnly = LotFields(set&^lotCodeOnly), set&lotCodeOnly != 0
	l.Fees = d.fees()
	l.Pools = d.strings()
	l.Requires = d.strings()
	for range d.count(listMax, 3) {
		l.Rows = append(l.Rows, d.row())
	}
	return l
}

func (d *decoder) fees() []Fee {
	var fees []Fee
	for range d.count(FeesPerLotMax, 2) {
		fees = append(fees, Fee{Name: d.text(EventTextLenMax), Minor: d.signed()})
	}
	return fees
}

func (d *decoder) strings() []string {
	var list []string
	for range d.count(listMax, 1) {
		list = append(list, d.text(IDLenMax))
	}
	return list
}
