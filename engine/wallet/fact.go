package wallet

import (
	"encoding/binary"
	"math"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
)

// factKind is the first byte of a fact. The numbers are part of the log's format: a fact whose layout has to change gets a new kind.
type factKind byte

const (
	kindSaved     factKind = 70
	kindRemoved   factKind = 71
	kindDefaulted factKind = 72
	kindAgreed    factKind = 73
	kindPurchased factKind = 74
	kindBlocked   factKind = 75
	kindErasing   factKind = 76
	kindErased    factKind = 77
	kindImported  factKind = 78
	kindLost      factKind = 79
	kindSealed    factKind = 80
	kindProved    factKind = 81
)

// fact is any fact of a shard; which fields matter depends on its kind. In front of each layout stands the kind; request is id and fingerprint.
//
//	70 saved      | request | buyer | method | gateway | kind | funding | expiry | saved ms | token 8 | fingerprint 8 | device 8 | wall ms | default |
//	71 removed    | request | buyer | method |
//	72 defaulted  | request | buyer | method |
//	73 agreed     | request | buyer | scope | version | cap | currency | until ms | wall ms |      no version: it was withdrawn
//	74 purchased  | buyer | event | order | total | refunded | currency | wall ms | undone | open | event seq | device 8 |
//	75 blocked    | buyer | method | decline |
//	76 erasing    | request | buyer |
//	77 erased     | buyer |
//	78 imported   | buyer | purchases | last ms |
//	79 lost       | buyer | method |
//	80 sealed     | buyer | method |
//	81 proved     | state hash 8 |
type fact struct {
	kind   factKind
	asked  request
	buyer  string
	number uint32 // of the method
	method Method

	makeDefault bool
	device      uint64
	wallMs      int64

	scope     Scope
	agreement Agreement

	purchase  Purchase
	purchases int64
	hash      uint64
}

const msMax = math.MaxInt64 / 1_000_000 // later does not fit into an Instant

func (f *fact) append(dst []byte) []byte {
	dst = append(dst, byte(f.kind))
	switch f.kind {
	case kindSaved, kindRemoved, kindDefaulted, kindAgreed, kindErasing:
		dst = f.asked.append(dst)
	case kindPurchased, kindBlocked, kindErased, kindImported, kindLost, kindSealed, kindProved:
	}
	if f.kind == kindProved {
		return binary.LittleEndian.AppendUint64(dst, f.hash)
	}
	dst = appendString(dst, f.buyer)
	switch f.kind {
	case kindSaved:
		m := &f.method
		dst = m.append(dst)
		dst = binary.LittleEndian.AppendUint64(dst, f.device)
		dst = appendInt(dst, f.wallMs)
		dst = appendBool(dst, f.makeDefault)
	case kindRemoved, kindDefaulted, kindLost, kindSealed:
		dst = appendInt(dst, int64(f.number))
	case kindAgreed:
		dst = append(dst, byte(f.scope))
		dst = f.agreement.append(dst)
	case kindPurchased:
		dst = f.purchase.append(dst)
		dst = binary.LittleEndian.AppendUint64(dst, f.device)
	case kindBlocked:
		dst = append(appendInt(dst, int64(f.number)), byte(f.method.Blocked))
	case kindImported:
		dst = appendInt(appendInt(dst, f.purchases), f.wallMs)
	case kindErasing, kindErased, kindProved:
	}
	return dst
}

func (d *decoder) fact(f *fact) {
	*f = fact{kind: factKind(d.byte(255))}
	switch f.kind {
	case kindSaved, kindRemoved, kindDefaulted, kindAgreed, kindErasing:
		d.request(&f.asked)
	case kindPurchased, kindBlocked, kindErased, kindImported, kindLost, kindSealed:
	case kindProved:
		f.hash = d.fixed64()
		return
	default:
		d.fail("a fact of an unknown kind: was it written by a newer version?")
		return
	}
	f.buyer = d.id()
	switch f.kind {
	case kindSaved:
		d.method(&f.method)
		f.number = f.method.Number
		f.device, f.wallMs, f.makeDefault = d.fixed64(), d.ms(), d.bool()
	case kindRemoved, kindDefaulted, kindLost, kindSealed:
		f.number = d.number()
	case kindAgreed:
		f.scope = Scope(d.byte(byte(scopeEnd - 1)))
		d.agreement(&f.agreement)
	case kindPurchased:
		d.purchase(&f.purchase)
		f.device = d.fixed64()
	case kindBlocked:
		f.number, f.method.Blocked = d.number(), payment.Decline(d.byte(byte(payment.Declines-1)))
	case kindImported:
		f.purchases, f.wallMs = int64(d.uint(ImportedPurchasesMax)), d.ms()
	case kindErasing, kindErased, kindProved:
	}
}

func (d *decoder) number() uint32 { return uint32(d.uint(math.MaxUint32)) }

func (d *decoder) ms() int64 { return int64(d.uint(msMax)) }

func (m *Method) append(dst []byte) []byte {
	dst = appendInt(dst, int64(m.Number))
	dst = appendString(dst, m.Gateway)
	dst = append(dst, byte(m.Kind), byte(m.Funding))
	dst = appendInt(appendInt(dst, int64(m.Expiry)), m.SavedMs)
	dst = binary.LittleEndian.AppendUint64(dst, m.Token)
	return binary.LittleEndian.AppendUint64(dst, m.Fingerprint)
}

func (d *decoder) method(m *Method) {
	m.Number, m.Gateway = d.number(), d.id()
	m.Kind, m.Funding = payment.MethodKind(d.byte(byte(payment.MethodDelayedDebit))), Funding(d.byte(byte(fundingEnd-1)))
	m.Expiry, m.SavedMs = uint32(d.uint(12*(ExpiryYearMax+1))), d.ms()
	m.Token, m.Fingerprint = d.fixed64(), d.fixed64()
	if m.Number == 0 || m.Kind == 0 {
		d.fail("a method has no number or no kind")
	}
}

func (a *Agreement) append(dst []byte) []byte {
	dst = appendInt(appendString(dst, a.Version), a.CapMinor)
	return appendInt(appendInt(appendString(dst, a.Currency), a.UntilMs), a.AtMs)
}

func (d *decoder) agreement(a *Agreement) {
	a.Version, a.CapMinor, a.Currency = d.idOrNone(), int64(d.uint(CapMinorMax)), d.idOrNone()
	a.UntilMs, a.AtMs = d.ms(), d.ms()
}

func (p *Purchase) append(dst []byte) []byte {
	dst = appendString(appendString(dst, p.Event), p.Order)
	dst = appendInt(appendInt(dst, p.TotalMinor), p.RefundedMinor)
	dst = appendInt(appendString(dst, p.Currency), p.AtMs)
	return appendInt(appendBool(appendBool(dst, p.Undone), p.Open), int64(p.Seq))
}

func (d *decoder) purchase(p *Purchase) {
	p.Event, p.Order, p.TotalMinor, p.RefundedMinor = d.id(), d.id(), d.int(), d.int()
	p.Currency, p.AtMs, p.Undone, p.Open, p.Seq = d.id(), d.ms(), d.bool(), d.bool(), engine.Seq(d.int())
}
