package bench

import (
	"google.golang.org/protobuf/encoding/protowire"
)

// EventID is the event that the benchmarks sell, LotID its one counted lot. They are as long as people make them.
const (
	EventID = "night-one-2026"
	LotID   = "ga"
)

// IDLen is the length of the request and buyer ids of a [Workload], in bytes: 80 bits in base 32, what a service needs to draw ids at random
// without ever meeting one twice. Ids that services really have are 20 to 36 bytes.
const IDLen = 16

// Every hold says how it came: what the numbers of a sale are later split by.
const (
	channel = "web"
	device  = "mobile"
)

// correlationLen is the length of the correlation ids, in bytes: 40 bits in base 32.
const correlationLen = 8

// Workload is an endless, seeded stream of buyers who each ask for one ticket once. No request id and no buyer comes twice, and they look random,
// as real ones do: a table that is only fast with ids in order shows.
//
// Streams of different seeds share no ids as long as each stays below a thousand million buyers. A Workload is not safe for concurrent use.
type Workload struct {
	next  uint64
	among uint64 // if it is not 0: so many buyers from next on come again and again
	step  uint64
}

// NewWorkload returns the stream of a seed from 0 to 1023.
func NewWorkload(seed int) *Workload { return &Workload{next: uint64(seed) << 30} }

// Again is the stream of the next n buyers of w, over and over, each time in the same order, which is another than theirs.
func (w *Workload) Again(n int) *Workload { return &Workload{next: w.next, among: uint64(n)} }

// Multiplying by an odd number takes every number to another one and none to the same.
const (
	requestFactor = 0x9e3779b97f4a7c15
	buyerFactor   = 0xbf58476d1ce4e5b9
	againFactor   = 1_000_003 // a prime: the steps of this length meet everybody
)

// IDs writes the request id and the buyer of the next command, [IDLen] bytes each.
func (w *Workload) IDs(request, buyer []byte) {
	n := w.next + 1
	if w.among == 0 {
		w.next = n
	} else {
		n += w.step * againFactor % w.among
		w.step++
	}
	r, b := n*requestFactor, n*buyerFactor
	putBase32(request[:8], r)
	putBase32(request[8:IDLen], r>>24)
	putBase32(buyer[:8], b)
	putBase32(buyer[8:IDLen], b>>24)
}

const base32Digits = "0123456789abcdefghjkmnpqrstvwxyz"

var base32Pairs = func() (t [1024][2]byte) {
	for i := range t {
		t[i] = [2]byte{base32Digits[i>>5], base32Digits[i&31]}
	}
	return t
}()

var base32Values = func() (t [256]byte) {
	for i := range len(base32Digits) {
		t[base32Digits[i]] = byte(i)
	}
	return t
}()

// putBase32 fills dst, of even length, with the lowest bits of v.
func putBase32(dst []byte, v uint64) {
	for i := 0; i < len(dst); i += 2 {
		p := &base32Pairs[v&1023]
		dst[i], dst[i+1] = p[0], p[1]
		v >>= 10
	}
}

// base32 reads what putBase32 wrote.
func base32(src []byte) uint64 {
	v := uint64(0)
	for i := len(src) - 2; i >= 0; i -= 2 {
		v = v<<10 | uint64(base32Values[src[i]])<<5 | uint64(base32Values[src[i+1]])
	}
	return v
}

// message is a request in protobuf, made once: only its ids and its correlation change from one sending to the next.
type message struct {
	body   []byte
	verb   string // the last token of its subject
	batch  int
	first  int // where the first request id is
	buyer  int // from a request id to its buyer
	stride int // from a request id to the next one
}

// newMessage returns a message of so many commands: one by itself for 1, a batch for more. Touches are in one command.
func newMessage(batch int, ask Ask) *message {
	if ask == AskTouch {
		return newTouches(batch)
	}
	verb, field, command := command(ask)
	m := &message{verb: verb, batch: batch, body: command, buyer: IDLen + 2}
	if batch > 1 {
		one := appendBytes(nil, 2, appendBytes(nil, field, command))
		m.verb, m.stride, m.body = "batch", len(one), nil
		for range batch {
			m.body = append(m.body, one...)
		}
		m.first = len(one) - len(command)
	}
	m.first += 2 // the tag and the length of the request id
	m.body = appendBytes(m.body, 15, make([]byte, correlationLen))
	return m
}

// command is what a buyer sends: its verb, its field in a batch, and its bytes, which begin with the request id and the buyer.
func command(ask Ask) (verb string, field protowire.Number, body []byte) {
	ids := make([]byte, IDLen)
	body = appendBytes(appendBytes(nil, 1, ids), 2, ids)
	if ask == AskPlace {
		return "place", 41, body
	}
	body = appendBytes(appendBytes(body, 3, []byte(channel)), 4, []byte(device))
	if ask == AskJoin {
		return "join", 39, body
	}
	item := appendBytes(nil, 1, []byte(LotID))
	item = protowire.AppendVarint(protowire.AppendTag(item, 2, protowire.VarintType), 1)
	return "hold", 7, appendBytes(body, 5, item)
}

func appendBytes(dst []byte, num protowire.Number, v []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(dst, num, protowire.BytesType), v)
}

// fill writes the next commands of w and a correlation into the message.
func (m *message) fill(w *Workload, correlation uint64) {
	at := m.first
	for range m.batch {
		w.IDs(m.body[at:], m.body[at+m.buyer:])
		at += m.stride
	}
	putBase32(m.body[len(m.body)-correlationLen:], correlation)
}
