package engine

import "encoding/binary"

// factKind is the first byte of a fact. The numbers are part of the log's format: a fact whose layout has to change gets a new kind, and
// the old one is still read.
type factKind byte

const (
	kindCreated      factKind = 1
	kindUpdated      factKind = 2
	kindOpened       factKind = 3
	kindPaused       factKind = 4
	kindClosed       factKind = 5
	kindHeld         factKind = 6
	kindExtended     factKind = 7
	kindReleased     factKind = 8
	kindConfirmed    factKind = 9
	kindExpired      factKind = 10
	kindBlocked      factKind = 11
	kindUnblocked    factKind = 12
	kindResized      factKind = 13
	kindTierOpened   factKind = 14
	kindResumed      factKind = 15
	kindTallied      factKind = 16
	kindProved       factKind = 17
	kindOutage       factKind = 18 // of a node
	kindRestored     factKind = 19
	kindArchived     factKind = 24
	kindAudited      factKind = 25 // of a node
	kindSetting      factKind = 26 // of a node
	kindOffered      factKind = 30
	kindBuying       factKind = 31
	kindIntended     factKind = 32
	kindSold         factKind = 33
	kindDeclined     factKind = 34
	kindPaid         factKind = 35
	kindUndone       factKind = 36
	kindResolved     factKind = 37
	kindLate         factKind = 38
	kindOneClick     factKind = 39
	kindAdmitted     factKind = 45
	kindReissued     factKind = 46
	kindRefunding    factKind = 47
	kindRefundsDated factKind = 48
	kindRefundsEnded factKind = 49
	kindCancelled    factKind = 50
	kindSwept        factKind = 51
	kindPassed       factKind = 52
	kindRefundSent   factKind = 53
	kindRefundStep   factKind = 54
	kindLinked       factKind = 55
	kindTouched      factKind = 56
	kindTimed        factKind = 57
	kindLobby        factKind = 60
	kindJoined       factKind = 61
	kindLeft         factKind = 62
	kindPresence     factKind = 63
	kindLobbyClosed  factKind = 64
	kindDrawValue    factKind = 65
	kindRevealed     factKind = 66
	kindDrawn        factKind = 67
	kindRated        factKind = 68
	kindGranted      factKind = 69
	kindPassEnded    factKind = 70
	kindSkipped      factKind = 71
	kindWished       factKind = 72
	kindWishEnded    factKind = 73
	kindOfferedTo    factKind = 74
	kindCodes        factKind = 75
	kindGuessed      factKind = 76
	kindPriced       factKind = 77
	kindWaitKept     factKind = 78
)

// asked is the command that a fact answers: its request id and fingerprint. Facts that no caller asked for have none.
//
//	| length | request id | fingerprint, 8 bytes |     length 0: nobody asked, and no fingerprint follows
type asked struct {
	id    string
	print uint64
	hash  uint64 // of id; not in the log
}

func (a *asked) append(dst []byte) []byte {
	dst = appendString(dst, a.id)
	if a.id != "" {
		dst = binary.LittleEndian.AppendUint64(dst, a.print)
	}
	return dst
}

// factHeld says that a hold was granted, and that it took the place of another one if replaces is set. Durations are nanoseconds.
//
//	| 6 | asked | buyer | hold | replaces | life | rest | fill, device, channel | n | n items |
//
// hold, replaces (as the distance back from hold, 0 is none), life (deadline less the event time of the fact) and rest (max_hold end less
// deadline) are varints. The byte after rest has the fill in bits 0-1, the device in 2-4, and whether a channel follows in bit 5.
//
//	item: | price version | sales * 2 + seated | seats: the first, then differences to the one before, signed |
type factHeld struct {
	asked
	buyer    string
	hold     HoldID
	replaces HoldID
	life     int64
	rest     int64
	fill     Fill
	device   Device
	channel  string
	items    []factItem

	// Found out before apply; not in the log.
	buyerHash uint64
	buyerRow  uint32     // slot + 1 if the buyer is known
	price     []factItem // of a late payment: the prices that were promised
}

// factItem is what was taken of one lot.
type factItem struct {
	price uint32
	sales uint32
	seats []uint32 // numbers, if the lot is seated
}

const (
	heldDeviceShift = 2
	heldChannel     = 1 << 5
)

func (f *factHeld) append(dst []byte) []byte {
	dst = f.asked.append(append(dst, byte(kindHeld)))
	dst = appendString(dst, f.buyer)
	dst = binary.AppendUvarint(dst, uint64(f.hold))
	back := uint64(0)
	if f.replaces != 0 {
		back = uint64(f.hold - f.replaces)
	}
	dst = binary.AppendUvarint(dst, back)
	dst = binary.AppendUvarint(dst, uint64(f.life))
	dst = binary.AppendUvarint(dst, uint64(f.rest))
	how := byte(f.fill) | byte(f.device)<<heldDeviceShift
	if f.channel != "" {
		how |= heldChannel
	}
	dst = append(dst, how)
	if f.channel != "" {
		dst = appendString(dst, f.channel)
	}
	dst = binary.AppendUvarint(dst, uint64(len(f.items)))
	for i := range f.items {
		it := &f.items[i]
		dst = binary.AppendUvarint(dst, uint64(it.price))
		if it.seats == nil {
			dst = binary.AppendUvarint(dst, uint64(it.sales)<<1)
		} else {
			dst = binary.AppendUvarint(dst, uint64(it.sales)<<1|1)
			dst = appendSeats(dst, it.seats)
		}
	}
	return dst
}

// factExtended says that a hold got a later deadline.
//
//	| 7 | asked | hold | life |
type factExtended struct {
	asked
	hold HoldID
	life int64 // the new deadline less the event time of the fact
}

func (f *factExtended) append(dst []byte) []byte {
	dst = f.asked.append(append(dst, byte(kindExtended)))
	dst = binary.AppendUvarint(dst, uint64(f.hold))
	return binary.AppendUvarint(dst, uint64(f.life))
}

// factReleased says that a buyer gave a hold back.
//
//	| 8 | asked | hold |
type factReleased struct {
	asked
	hold HoldID
}

func (f *factReleased) append(dst []byte) []byte {
	dst = f.asked.append(append(dst, byte(kindReleased)))
	return binary.AppendUvarint(dst, uint64(f.hold))
}

// factConfirmed says that a hold was paid and became an order.
//
//	| 9 | asked | hold | order | first ticket | box office | payment reference |
type factConfirmed struct {
	asked
	hold       HoldID
	order      OrderID
	ticket     TicketID
	boxOffice  bool
	paymentRef string
}

func (f *factConfirmed) append(dst []byte) []byte {
	dst = f.asked.append(append(dst, byte(kindConfirmed)))
	dst = binary.AppendUvarint(dst, uint64(f.hold))
	dst = binary.AppendUvarint(dst, uint64(f.order))
	dst = binary.AppendUvarint(dst, uint64(f.ticket))
	dst = appendBool(dst, f.boxOffice)
	return appendString(dst, f.paymentRef)
}

// factExpired says that a hold's deadline passed.
//
//	| 10 | hold |
type factExpired struct{ hold HoldID }

func (f *factExpired) append(dst []byte) []byte {
	return binary.AppendUvarint(append(dst, byte(kindExpired)), uint64(f.hold))
}

// factBlocked says that tickets were taken out of sale, or with kindUnblocked put back.
//
//	| 11 or 12 | asked | place * 2 + pool | units | n | n seats |
//
// place is the number of a lot or, with the lowest bit set, of a pool. A seated lot has seats and units = n.
type factBlocked struct {
	asked
	kind  factKind
	pool  bool
	place uint32
	units int64
	seats []uint32
}

func (f *factBlocked) append(dst []byte) []byte {
	dst = f.asked.append(append(dst, byte(f.kind)))
	dst = appendPlace(dst, f.place, f.pool)
	dst = binary.AppendUvarint(dst, uint64(f.units))
	dst = binary.AppendUvarint(dst, uint64(len(f.seats)))
	return appendSeats(dst, f.seats)
}

// factResized says that a lot's or pool's capacity was changed.
//
//	| 13 | asked | place * 2 + pool | units asked for | units it became |
type factResized struct {
	asked
	pool   bool
	place  uint32
	wanted int64
	became int64
}

func (f *factResized) append(dst []byte) []byte {
	dst = f.asked.append(append(dst, byte(kindResized)))
	dst = appendPlace(dst, f.place, f.pool)
	dst = binary.AppendUvarint(dst, uint64(f.wanted))
	return binary.AppendUvarint(dst, uint64(f.became))
}

// factTurned says that the event was opened, paused or closed, by a caller or, without a request, by the schedule.
//
//	| 3, 4 or 5 | asked |
type factTurned struct {
	asked
	kind factKind
}

func (f *factTurned) append(dst []byte) []byte { return f.asked.append(append(dst, byte(f.kind))) }

// factTierOpened says that a lot went on sale because the one it follows had nothing free.
//
//	| 14 | lot |
type factTierOpened struct{ lot uint32 }

func (f *factTierOpened) append(dst []byte) []byte {
	return binary.AppendUvarint(append(dst, byte(kindTierOpened)), uint64(f.lot))
}

// factResumed says that the process was down, in nanoseconds: event time stood still.
//
//	| 15 | add |
type factResumed struct{ add int64 }

func (f *factResumed) append(dst []byte) []byte {
	return binary.AppendUvarint(append(dst, byte(kindResumed)), uint64(f.add))
}

// factTallied counts the refusals since the tally before.
//
//	| 16 | n | n times: code, flow, count |
type factTallied struct{ counts *[Codes][Flows]uint32 }

func (f *factTallied) append(dst []byte) []byte {
	n := 0
	for code := range f.counts {
		for _, count := range f.counts[code] {
			if count > 0 {
				n++
			}
		}
	}
	dst = binary.AppendUvarint(append(dst, byte(kindTallied)), uint64(n))
	for code := range f.counts {
		for flow, count := range f.counts[code] {
			if count > 0 {
				dst = binary.AppendUvarint(append(dst, byte(code), byte(flow)), uint64(count))
			}
		}
	}
	return dst
}

// factProved has the event's state hash as it was before this fact.
//
//	| 17 | state hash, 8 bytes |
type factProved struct{ hash uint64 }

func (f *factProved) append(dst []byte) []byte {
	return binary.LittleEndian.AppendUint64(append(dst, byte(kindProved)), f.hash)
}

func appendString(dst []byte, s string) []byte {
	if len(s) < 0x80 {
		dst = append(dst, byte(len(s)))
	} else {
		dst = binary.AppendUvarint(dst, uint64(len(s)))
	}
	return append(dst, s...)
}

func appendBool(dst []byte, v bool) []byte {
	if v {
		return append(dst, 1)
	}
	return append(dst, 0)
}

func appendPlace(dst []byte, place uint32, isPool bool) []byte {
	v := uint64(place) << 1
	if isPool {
		v |= 1
	}
	return binary.AppendUvarint(dst, v)
}

// appendSeats appends seat numbers as signed differences: neighbours take a byte each.
func appendSeats(dst []byte, seats []uint32) []byte {
	before := int64(0)
	for _, s := range seats {
		dst = binary.AppendVarint(dst, int64(s)-before)
		before = int64(s)
	}
	return dst
}
