package client

import (
	"time"
)

// message is one NATS message on its way, with the calls it carries, in order. Messages live in a slab: the correlation of a message is
// its slot and how often the slot was used, so an answer that comes too late meets nobody.
type message struct {
	flight
	busy     bool
	sender   *sender
	calls    []*call
	deadline time.Time
	older    *message // in order of sending
	newer    *message
}

// correlationLen is the length of a correlation: slot and generation in hexadecimal.
const correlationLen = 16

const hexDigits = "0123456789abcdef"

// flight is what an answer is correlated by: the slot of a message and how often the slot was used.
type flight struct{ slot, generation uint32 }

func appendCorrelation(dst []byte, f flight) []byte {
	v := uint64(f.generation)<<32 | uint64(f.slot)
	for shift := 60; shift >= 0; shift -= 4 {
		dst = append(dst, hexDigits[v>>shift&15])
	}
	return dst
}

func parseCorrelation(b []byte) (f flight, ok bool) {
	if len(b) != correlationLen {
		return f, false
	}
	var v uint64
	for _, c := range b {
		v <<= 4
		switch {
		case c >= '0' && c <= '9':
			v |= uint64(c - '0')
		case c >= 'a' && c <= 'f':
			v |= uint64(c-'a') + 10
		default:
			return f, false
		}
	}
	return flight{uint32(v), uint32(v >> 32)}, true
}

// messages holds the messages in flight, oldest first. Its owner locks it.
type messages struct {
	slots          []*message
	free           []*message
	oldest, newest *message
	count          int
}

// add puts calls into flight.
func (ms *messages) add(s *sender, calls []*call, deadline time.Time) flight {
	var m *message
	if n := len(ms.free); n > 0 {
		m = ms.free[n-1]
		ms.free = ms.free[:n-1]
	} else {
		m = &message{flight: flight{slot: uint32(len(ms.slots))}}
		ms.slots = append(ms.slots, m)
	}
	m.generation++
	m.busy, m.sender, m.deadline, m.calls = true, s, deadline, append(m.calls, calls...)
	m.older, m.newer = ms.newest, nil
	if ms.newest != nil {
		ms.newest.newer = m
	} else {
		ms.oldest = m
	}
	ms.newest = m
	ms.count++
	return m.flight
}

// answeredBy returns the message in flight with a correlation, nil if there is none any more.
func (ms *messages) answeredBy(correlation []byte) *message {
	f, ok := parseCorrelation(correlation)
	if !ok {
		return nil
	}
	return ms.find(f)
}

// find returns the message in flight, nil if it is there no more.
func (ms *messages) find(f flight) *message {
	if int(f.slot) >= len(ms.slots) {
		return nil
	}
	if m := ms.slots[f.slot]; m.busy && m.flight == f {
		return m
	}
	return nil
}

// remove takes a message out of flight. Its slot is not used again before recycle.
func (ms *messages) remove(m *message) {
	if m.older != nil {
		m.older.newer = m.newer
	} else {
		ms.oldest = m.newer
	}
	if m.newer != nil {
		m.newer.older = m.older
	} else {
		ms.newest = m.older
	}
	m.busy, m.older, m.newer = false, nil, nil
	ms.count--
}

// recycle makes the slot of a removed message usable again.
func (ms *messages) recycle(m *message) {
	clear(m.calls)
	m.calls, m.sender = m.calls[:0], nil
	ms.free = append(ms.free, m)
}
