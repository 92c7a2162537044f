package actors

import (
	"hash/maphash"
	"sync"

	"github.com/holdfast-engine/holdfast/engine"
)

// Velocity: how many purchases may be tried in an hour before one needs the longer way. Simple on purpose: a gateway's own rules come on top.
const (
	velocityWindowMs      = 3_600_000
	purchasesPerBuyerMax  = 6
	purchasesPerCardMax   = 10
	purchasesPerDeviceMax = 10
	// velocityKeysMax bounds the buyers, cards and devices whose purchases are counted: beyond it the oldest half of them is forgotten, and counted anew.
	velocityKeysMax = 1 << 18
	velocityStripes = 64
)

// velocity counts purchases of the last hour, by request id: a repeat is no other purchase. It is in memory only: a start forgets it.
type velocity struct {
	seed    maphash.Seed
	stripes [velocityStripes]velocityStripe
}

type velocityStripe struct {
	mu       sync.Mutex
	now, old map[uint64]*tries // what is in neither has not been seen for at least half the bound
}

// tries are the newest purchases of somebody: as many as the largest limit.
type tries struct {
	at   [purchasesPerCardMax]int64 // wall time, ms
	by   [purchasesPerCardMax]uint64
	next int
}

func newVelocity() *velocity { return &velocity{seed: maphash.MakeSeed()} }

// step counts a buy and says whether somebody tries too often; for an offer it only looks.
func (v *velocity) step(account string, cmd *engine.Command, fingerprint, device uint64, wallMs int64) engine.StepUp {
	var h maphash.Hash
	h.SetSeed(v.seed)
	hash := func(texts ...string) uint64 {
		h.Reset()
		for _, t := range texts {
			_, _ = h.WriteString(t) // never fails
			_ = h.WriteByte(0)
		}
		return max(1, h.Sum64())
	}
	buyer := hash(account, "buyer", cmd.Buyer)
	request := uint64(0)
	if cmd.Verb == engine.VerbBuy {
		request = hash(account, cmd.Buyer, cmd.RequestID)
	}
	why := engine.StepUpNone
	if v.tooOften(buyer, request, wallMs, purchasesPerBuyerMax) {
		why = engine.StepUpBuyerVelocity
	}
	if fingerprint != 0 && v.tooOften(fingerprint^1, request, wallMs, purchasesPerCardMax) && why == engine.StepUpNone {
		why = engine.StepUpCardVelocity
	}
	if device != 0 && v.tooOften(device, request, wallMs, purchasesPerDeviceMax) && why == engine.StepUpNone {
		why = engine.StepUpDeviceVelocity
	}
	return why
}

// tooOften reports whether most other purchases of the last hour are known under a key, and counts this one; request 0 is not counted.
func (v *velocity) tooOften(key, request uint64, wallMs int64, most int) bool {
	s := &v.stripes[key%velocityStripes]
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.find(key, request != 0)
	if t == nil {
		return false
	}
	others, counted := 0, false
	for i, by := range t.by {
		switch {
		case by == 0 || wallMs-t.at[i] >= velocityWindowMs:
		case by == request:
			counted = true
		default:
			others++
		}
	}
	if request != 0 && !counted {
		t.at[t.next], t.by[t.next] = wallMs, request
		t.next = (t.next + 1) % len(t.by)
	}
	return others >= most
}

func (s *velocityStripe) find(key uint64, create bool) *tries {
	t := s.now[key]
	if t != nil {
		return t
	}
	if t = s.old[key]; t == nil {
		if !create {
			return nil
		}
		t = new(tries)
	}
	if s.now == nil || len(s.now) >= velocityKeysMax/velocityStripes/2 {
		s.old, s.now = s.now, map[uint64]*tries{}
	}
	s.now[key] = t
	return t
}
