package line

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// Patience is how those who wait behave until they get a pass: how many give up, and how many are there when their turn comes. Like [Shopping] it is integers, part of an
// event's state, changed by its facts only, and safe with any numbers. The zero Patience knows nothing yet.
//
// Who waits before the line is served waits for the opening, which is another thing: they join here when it begins to be served.
type Patience struct {
	Now     int64  // the newest time that was told / 15 s
	Waiting uint32 // who wait for their turn
	Waited  uint64 // by those who wait, x 15 s
	Left    uint64 // who gave up meanwhile
	Called  uint64 // whose turn came
	Missed  uint64 // of them, those who were absent
	Back    uint64 // of these, those who came back in time
	Recent  uint64 // whose turn came lately
	Ticks   uint64 // within so many times 15 s
}

// How much is remembered.
const (
	waitedMax = 1 << 24 // waiters x 15 s
	recentMax = 40      // x 15 s: ten minutes
)

// Joined notes n who wait from now on.
func (p *Patience) Joined(at int64, n uint32) {
	p.advance(at)
	p.Waiting = uint32(min(uint64(p.Waiting)+uint64(n), math.MaxUint32))
}

// Gave notes one who gave the place up before its turn.
func (p *Patience) Gave(at int64) {
	p.advance(at)
	p.Waiting -= min(p.Waiting, 1)
	p.Left++
}

// Turn notes one whose turn came: who got a pass, or was absent and skipped.
func (p *Patience) Turn(at int64, present bool) {
	p.advance(at)
	p.Waiting -= min(p.Waiting, 1)
	p.Recent++
	p.Called++
	if !present {
		p.Missed++
	}
	if p.Called > sampleMax {
		p.Called, p.Missed, p.Back = p.Called/2, p.Missed/2, p.Back/2
	}
}

// Came notes one who was skipped and has come back in time.
func (p *Patience) Came(at int64) {
	p.advance(at)
	p.Back = min(p.Back+1, p.Missed)
}

// advance lets those who wait wait until a time.
func (p *Patience) advance(at int64) {
	now := max(at, 0) / cohortNs
	if now <= p.Now {
		return
	}
	ticks := uint64(now - p.Now)
	if p.Now == 0 { // the first that is told
		ticks = 0
	}
	p.Now = now
	p.Waited = add(p.Waited, mulDiv(ticks, uint64(p.Waiting), 1))
	for p.Waited > waitedMax || p.Left > waitedMax {
		p.Waited, p.Left = p.Waited/2, p.Left/2
	}
	p.Ticks += ticks
	for p.Ticks > recentMax {
		p.Ticks, p.Recent = p.Ticks/2, p.Recent/2
	}
}

// Append appends p to b in a fixed length, for a snapshot or a state hash.
func (p *Patience) Append(b []byte) []byte {
	b, err := binary.Append(b, binary.BigEndian, p)
	if err != nil {
		panic("line: patience has a field without a fixed length: " + err.Error())
	}
	return b
}

// OpenPatience reads what Append has written at the beginning of b, and returns what is behind it. Bytes that no Append writes are an error.
func OpenPatience(b []byte) (Patience, []byte, error) {
	var p Patience
	n, err := binary.Decode(b, binary.BigEndian, &p)
	if err != nil {
		return Patience{}, nil, fmt.Errorf("line: how waiters behave: %w", err)
	}
	if p.Now < 0 || p.Called > sampleMax || p.Missed > p.Called || p.Back > p.Missed || p.Waited > waitedMax || p.Left > 1<<40 || p.Ticks > recentMax || p.Recent > 1<<40 {
		return Patience{}, nil, errors.New("line: how waiters behave has sums that cannot be")
	}
	return p, b[n:], nil
}
