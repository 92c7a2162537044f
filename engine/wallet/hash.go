package wallet

import "math/bits"

// The hashes below are part of the log's format: fingerprints and state proofs are made of them. They never change. The scheme is that of package engine.
const (
	hashK0 = 0xa0b1d6c5f8e39d97
	hashK1 = 0xe7c3a9f1b5d48e8b
	hashK2 = 0x8ebc96affcd5ccd1
)

type hasher uint64

func newHasher() hasher { return hashK0 }

func (h *hasher) word(v uint64) {
	hi, lo := bits.Mul64(uint64(*h)^hashK2, v^hashK1)
	*h = hasher(hi ^ lo)
}

func (h *hasher) int(v int64) { h.word(uint64(v)) }

func (h *hasher) bool(v bool) {
	if v {
		h.word(1)
	} else {
		h.word(0)
	}
}

func (h *hasher) string(s string) {
	h.word(uint64(len(s)))
	var w uint64
	for i := range len(s) {
		if w = w<<8 | uint64(s[i]); i%8 == 7 {
			h.word(w)
			w = 0
		}
	}
	h.word(w)
}

// rowHash is the hash of everything that is kept of a buyer.
func (b *Buyer) rowHash() uint64 {
	h := newHasher()
	h.string(b.ID)
	h.word(uint64(b.Default))
	h.word(uint64(b.last))
	h.int(b.Purchases)
	h.int(b.LastMs)
	h.bool(b.Erasing)
	for i := range b.Methods {
		m := &b.Methods[i]
		h.word(uint64(m.Number))
		h.string(m.Gateway)
		h.word(uint64(m.Kind)<<16 | uint64(m.Funding)<<8 | uint64(m.Blocked))
		h.word(uint64(m.Expiry))
		h.int(m.SavedMs)
		h.word(m.Token)
		h.word(m.Fingerprint)
	}
	for i := range b.Agreements {
		if a := &b.Agreements[i]; a.AtMs != 0 || a.Version != "" {
			h.word(uint64(i))
			h.string(a.Version)
			h.int(a.CapMinor)
			h.string(a.Currency)
			h.int(a.AtMs)
			h.int(a.UntilMs)
		}
	}
	for i := range b.History {
		p := &b.History[i]
		h.string(p.Event)
		h.string(p.Order)
		h.int(p.TotalMinor)
		h.int(p.RefundedMinor)
		h.string(p.Currency)
		h.int(p.AtMs)
		h.bool(p.Undone)
		h.bool(p.Open)
		h.word(uint64(p.Seq))
	}
	for _, d := range b.Devices {
		h.word(d.Hash)
		h.int(d.SeenMs)
	}
	for i := range b.requests {
		r := &b.requests[i]
		h.string(r.id)
		h.word(r.print)
		h.word(uint64(r.verb)<<32 | uint64(r.method))
	}
	return uint64(h)
}

// print is the fingerprint of a command: equal for the same content. Secrets are in it as a keyed hash only.
func (c *Command) print() uint64 {
	h := newHasher()
	h.word(uint64(c.Verb))
	for _, s := range [...]string{c.Buyer, c.Method, c.Gateway, c.Version, c.Currency} {
		h.string(s)
	}
	for _, v := range [...]int64{int64(c.Kind), c.ExpiryMonth, c.ExpiryYear, int64(c.Funding), int64(c.Scope), c.CapMinor, c.UntilMs} {
		h.int(v)
	}
	h.bool(c.MakeDefault)
	h.bool(c.Withdraw)
	h.word(c.Hashes.Secrets)
	return uint64(h)
}
