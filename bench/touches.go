package bench

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// newTouches returns a command of so many touches: views by buyers who agree, on a phone. What [Workload] draws as a request id is the touch's.
func newTouches(batch int) *message {
	ids := make([]byte, IDLen)
	touch := appendBytes(nil, 1, []byte("viewed"))
	id := len(touch) + 2 // its tag and its length
	touch = appendBytes(appendBytes(touch, 2, ids), 3, ids)
	touch = protowire.AppendVarint(protowire.AppendTag(touch, 5, protowire.VarintType), 1)
	touch = appendBytes(appendBytes(touch, 7, []byte(device)), 9, []byte(channel))
	entry := appendBytes(nil, 5, touch)

	m := &message{verb: "touch", batch: batch, first: len(entry) - len(touch) + id, buyer: IDLen + 2, stride: len(entry)}
	for range batch {
		m.body = append(m.body, entry...)
	}
	m.body = appendBytes(m.body, 15, make([]byte, correlationLen))
	return m
}

// readTouches is read for touches: all of a command must count.
func (l *Load) readTouches(body []byte) (correlation uint64, err error) {
	taken := uint64(0)
	for b := body; len(b) > 0; {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 || typ != protowire.BytesType {
			return 0, fmt.Errorf("bench: touches were answered %q", body)
		}
		v, m := protowire.ConsumeBytes(b[n:])
		if m < 0 {
			return 0, errCutOff
		}
		switch {
		case num == 15 && len(v) == correlationLen:
			correlation = base32(v)
		case num == 16 && len(v) > 1:
			taken, _ = protowire.ConsumeVarint(v[1:]) // the first field, behind its tag
		}
		b = b[n+m:]
	}
	if taken != uint64(l.c.Batch) {
		return 0, fmt.Errorf("bench: %d touches were answered %q", l.c.Batch, body)
	}
	return correlation, nil
}
