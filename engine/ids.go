package engine

import "strings"

// IDLenMax is the longest id a caller may choose, in bytes. It keeps an id inside one cache line and a NATS subject short.
const IDLenMax = 64

// SingleAccount is the account of a process that serves one calling service, and the account of node-wide aggregates.
const SingleAccount = "_"

// ValidID reports whether s may be an id chosen by a caller: 1 to [IDLenMax] bytes of A-Z a-z 0-9 _ and -.
//
// NATS lets '*', '>', NUL and more through inside a published subject token, so every id is checked, wherever it comes from.
func ValidID(s string) bool {
	if len(s) == 0 || len(s) > IDLenMax {
		return false
	}
	for i := 0; i < len(s); i++ {
		if !idBytes[s[i]] {
			return false
		}
	}
	return true
}

//nolint:gochecknoglobals // a constant table: Go has no constant arrays
var idBytes = func() (t [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") {
		t[c] = true
	}
	return t
}()

// Kind says what an aggregate is. The numbers are part of the log's format.
type Kind uint8

// The kinds of aggregates.
const (
	KindEvent  Kind = 1 // a show that sells tickets
	KindNode   Kind = 2 // the process itself: outages
	KindWallet Kind = 3 // the saved methods of the buyers of one partition
)

// Key names one aggregate: the unit of ownership, of a run and of a snapshot.
type Key struct {
	Account string
	Kind    Kind
	ID      string
}

// Clone returns k with strings of its own, for a key that was read from a network or log buffer.
func (k Key) Clone() Key {
	return Key{Account: strings.Clone(k.Account), Kind: k.Kind, ID: strings.Clone(k.ID)}
}

// Partition is a fixed share of the aggregates: the unit of ownership when there are several nodes.
type Partition uint16

// Partitions is how many partitions there are. It never changes: changing it would move nearly every aggregate.
const Partitions = 1024

// PartitionOf returns the partition of an aggregate id: FNV-1a 32 modulo [Partitions], the hash NATS itself uses for partition().
func PartitionOf(id string) Partition {
	h := uint32(2166136261)
	for i := 0; i < len(id); i++ {
		h = (h ^ uint32(id[i])) * 16777619
	}
	return Partition(h % Partitions)
}

// Partition returns the partition that owns the aggregate: that of its id, and of a shard of wallets the one whose buyers it has.
func (k Key) Partition() Partition {
	if k.Kind != KindWallet {
		return PartitionOf(k.ID)
	}
	p := 0
	for i := range len(k.ID) {
		p = p*10 + int(k.ID[i]-'0')
	}
	return Partition(p % Partitions)
}

// Seq is the position of a fact in its aggregate: 1, 2, 3, ... without holes. 0 is "nothing yet".
type Seq uint64

// Instant is a moment of node time in nanoseconds since the Unix epoch, UTC. Inside an event, deadlines are kept in event
// time, an Instant that stands still during outages.
type Instant int64

// HoldID, OrderID, TicketID, PurchaseID, RefundID and OfferID number what an event gives out. They start at 1 and are never used again, not
// even after the thing they named is gone. 0 is "none".
type (
	HoldID     uint64
	OrderID    uint64
	TicketID   uint64
	PurchaseID uint64
	RefundID   uint64
	OfferID    uint64
)
