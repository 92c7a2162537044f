package wallet

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
)

const snapshotVersion = 1

// AppendSnapshot implements [engine.Aggregate].
//
//	| 1 | seq | last at | n | n buyers, by id |
//	buyer: | id | flags: erasing | default | last | purchases | last ms | methods | agreements | history | devices | requests |
func (s *Shard) AppendSnapshot(dst []byte) []byte {
	dst = append(dst, snapshotVersion)
	dst = binary.AppendUvarint(dst, uint64(s.seq))
	dst = binary.AppendUvarint(dst, uint64(s.lastAt))
	dst = binary.AppendUvarint(dst, uint64(len(s.buyers)))
	for _, id := range s.sorted() {
		dst = s.buyers[id].append(dst)
	}
	return dst
}

func (b *Buyer) append(dst []byte) []byte {
	dst = appendBool(appendString(dst, b.ID), b.Erasing)
	dst = appendInt(appendInt(dst, int64(b.Default)), int64(b.last))
	dst = appendInt(appendInt(dst, b.Purchases), b.LastMs)
	dst = appendInt(dst, int64(len(b.Methods)))
	for i := range b.Methods {
		dst = append(b.Methods[i].append(dst), byte(b.Methods[i].Blocked))
	}
	for scope := ScopeOneClick; scope < scopeEnd; scope++ {
		dst = b.Agreements[scope].append(dst)
	}
	dst = appendInt(dst, int64(len(b.History)))
	for i := range b.History {
		dst = b.History[i].append(dst)
	}
	dst = appendInt(dst, int64(len(b.Devices)))
	for _, d := range b.Devices {
		dst = appendInt(binary.LittleEndian.AppendUint64(dst, d.Hash), d.SeenMs)
	}
	dst = appendInt(dst, int64(len(b.requests)))
	for i := range b.requests {
		r := &b.requests[i]
		dst = appendInt(append(r.append(dst), byte(r.verb)), int64(r.method))
	}
	return dst
}

// Open reads what AppendSnapshot wrote. It checks everything; damaged bytes give an error that wraps [engine.ErrMalformed].
func Open(key engine.Key, state []byte) (*Shard, error) {
	s := New(key)
	d := decoder{buf: state}
	if version := d.byte(255); d.what == "" && version != snapshotVersion {
		return nil, fmt.Errorf("%w: wallet snapshot of version %d: was it written by a newer version?", engine.ErrMalformed, version)
	}
	s.seq, s.lastAt = engine.Seq(d.int()), engine.Instant(d.int())
	last := ""
	for range d.count(BuyersPerShardMax, 12) {
		b := d.buyer()
		if d.what != "" {
			break
		}
		if b.ID <= last {
			d.fail("buyers out of order")
			break
		}
		last = b.ID
		b.hash = b.rowHash()
		s.buyers[b.ID] = b
		s.hash += b.hash
		if b.Erasing {
			s.erasing++
		}
	}
	if len(d.buf) > 0 {
		d.fail("bytes after the end")
	}
	if err := d.err(); err != nil {
		return nil, fmt.Errorf("snapshot of wallet shard %s: %w", key.ID, err)
	}
	if err := s.Check(); err != nil {
		return nil, fmt.Errorf("%w: %w", engine.ErrMalformed, err)
	}
	return s, nil
}

func (d *decoder) buyer() *Buyer {
	b := &Buyer{ID: d.id(), Erasing: d.bool(), Default: uint32(d.uint(math.MaxUint32)), last: uint32(d.uint(math.MaxUint32)), Purchases: d.int(), LastMs: d.ms()}
	for range d.count(MethodsPerBuyerMax, 24) {
		var m Method
		d.method(&m)
		m.Blocked = payment.Decline(d.byte(byte(payment.Declines - 1)))
		b.Methods = append(b.Methods, m)
	}
	for scope := ScopeOneClick; scope < scopeEnd; scope++ {
		d.agreement(&b.Agreements[scope])
	}
	for range d.count(HistoryPerBuyerMax, 8) {
		var p Purchase
		d.purchase(&p)
		b.History = append(b.History, p)
	}
	for range d.count(DevicesPerBuyerMax, 9) {
		b.Devices = append(b.Devices, Device{Hash: d.fixed64(), SeenMs: d.ms()})
	}
	for range d.count(RequestsPerBuyerMax, 11) {
		var r request
		d.request(&r)
		r.verb, r.method = Verb(d.byte(byte(verbCallersEnd-1))), uint32(d.uint(math.MaxUint32))
		if r.id == "" {
			d.fail("a request without an id")
		}
		b.requests = append(b.requests, r)
	}
	return b
}

// Check implements [engine.Aggregate]: it verifies every invariant the slow way.
func (s *Shard) Check() error {
	sum, erasing := uint64(0), 0
	if len(s.buyers) > BuyersPerShardMax {
		return fmt.Errorf("wallet: shard %s has %d buyers, more than %d", s.key.ID, len(s.buyers), BuyersPerShardMax)
	}
	for _, id := range s.sorted() {
		b := s.buyers[id]
		if err := s.checkBuyer(id, b); err != nil {
			return fmt.Errorf("wallet: shard %s, buyer %s: %w", s.key.ID, id, err)
		}
		sum += b.hash
		if b.Erasing {
			erasing++
		}
	}
	if sum != s.hash || erasing != s.erasing {
		return fmt.Errorf("wallet: shard %s: its hash is %016x and %d are to be forgotten, its rows give %016x and %d", s.key.ID, s.hash, s.erasing, sum, erasing)
	}
	return nil
}

func (s *Shard) checkBuyer(id string, b *Buyer) error {
	if _, shard := PartitionOf(id); shard != s.key.ID || b.ID != id {
		return fmt.Errorf("the buyer is %s, of shard %s", b.ID, shard)
	}
	if h := b.rowHash(); h != b.hash {
		return fmt.Errorf("the row's hash is %016x, its content gives %016x: it was changed in place", b.hash, h)
	}
	if len(b.Methods) > MethodsPerBuyerMax || len(b.History) > HistoryPerBuyerMax || len(b.Devices) > DevicesPerBuyerMax || len(b.requests) > RequestsPerBuyerMax {
		return fmt.Errorf("%d methods, %d purchases, %d devices, %d requests: more than there may be", len(b.Methods), len(b.History), len(b.Devices), len(b.requests))
	}
	if (b.Default == 0) != (len(b.Methods) == 0) || b.Default != 0 && b.method(b.Default) == nil {
		return fmt.Errorf("method %d is the default of %d methods", b.Default, len(b.Methods))
	}
	if n := b.completed(); n > b.Purchases {
		return fmt.Errorf("%d purchases, of which %d are known", b.Purchases, n)
	}
	numbers, tokens := make(map[uint32]bool), make(map[uint64]bool)
	for i := range b.Methods {
		m := &b.Methods[i]
		if m.Number == 0 || m.Number > b.last || numbers[m.Number] || tokens[m.Token] {
			return fmt.Errorf("method %d is there twice, or was never given", m.Number)
		}
		numbers[m.Number], tokens[m.Token] = true, true
	}
	if !slices.IsSortedFunc(b.Methods, func(a, c Method) int { return int(int64(a.Number) - int64(c.Number)) }) {
		return fmt.Errorf("the methods are out of order")
	}
	return nil
}
