package load

import "time"

// idBytesMax is the longest id of a hold or a buyer that is kept.
const idBytesMax = 24

// keptHold is a hold that was taken and may be confirmed or released. Without an id it is somebody who has joined the line and may ask for the place.
type keptHold struct {
	at              time.Duration // when its answer came
	id, buyer       [idBytesMax]byte
	idLen, buyerLen uint8
}

func (h *keptHold) set(at time.Duration, id, buyer []byte) {
	h.at, h.idLen, h.buyerLen = at, uint8(copy(h.id[:], id)), uint8(copy(h.buyer[:], buyer))
}

func (h *keptHold) hold() []byte  { return h.id[:h.idLen] }
func (h *keptHold) whose() []byte { return h.buyer[:h.buyerLen] }

// keptHolds is the holds of one event, oldest first. It holds at most a given number: then the oldest is forgotten.
type keptHolds struct {
	ring  []keptHold
	first int
	count int
}

// put returns a place for a hold.
func (k *keptHolds) put(most int) *keptHold {
	switch {
	case k.count < len(k.ring):
	case k.count < most:
		grown := make([]keptHold, min(max(2*k.count, 8), most))
		for i := range k.count {
			grown[i] = k.ring[(k.first+i)%len(k.ring)]
		}
		k.ring, k.first = grown, 0
	default:
		k.first = (k.first + 1) % len(k.ring)
		k.count--
	}
	k.count++
	return &k.ring[(k.first+k.count-1)%len(k.ring)]
}

// take returns the oldest hold that is not older than after, or nil. It is valid until the next put.
func (k *keptHolds) take(after time.Duration) *keptHold {
	for k.count > 0 {
		h := &k.ring[k.first]
		k.first = (k.first + 1) % len(k.ring)
		k.count--
		if h.at >= after {
			return h
		}
	}
	return nil
}

// any returns one of the holds, as the number says, or nil. It is valid until the next put.
func (k *keptHolds) any(n uint64) *keptHold {
	if k.count == 0 {
		return nil
	}
	return &k.ring[(k.first+int(n%uint64(k.count)))%len(k.ring)]
}
