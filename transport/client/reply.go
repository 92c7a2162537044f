package client

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/holdfast-engine/holdfast/engine"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// Reply is an answer as it came: the protobuf bytes of a holdfastpb.Reply. The methods that look at one thing cost little; Decode reads
// all of it. A Reply is valid for as long as it is kept.
type Reply struct{ body []byte }

// Bytes returns the protobuf of the reply. It must not be changed.
func (r Reply) Bytes() []byte { return r.body }

// Decode reads the whole reply. Its error is [ErrBadReply].
func (r Reply) Decode() (*pb.Reply, error) {
	m := new(pb.Reply)
	if err := proto.Unmarshal(r.body, m); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadReply, err)
	}
	return m, nil
}

// Code returns the code of the refusal, [engine.CodeOK] if the command was accepted.
func (r Reply) Code() engine.Code {
	e, ok := fieldOf(r.body, 3)
	if !ok {
		return engine.CodeOK
	}
	name, _ := fieldOf(e, 1)
	return codeNamed(name)
}

// Repeated reports whether the engine had seen the request id before.
func (r Reply) Repeated() bool {
	b := r.body
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 || num > 2 {
			return false
		}
		if num == 2 && typ == protowire.VarintType {
			v, _ := protowire.ConsumeVarint(b[n:])
			return v == 1
		}
		size := protowire.ConsumeFieldValue(num, typ, b[n:])
		if size < 0 {
			return false
		}
		b = b[n+size:]
	}
	return false
}

// HoldID returns the id of the hold that the reply shows, empty if it shows none.
func (r Reply) HoldID() string {
	h, _ := fieldOf(r.body, 4)
	id, _ := fieldOf(h, 1)
	return string(id)
}

// Err returns the refusal that the reply carries as a *[Refusal], nil if the command was accepted.
func (r Reply) Err() error {
	e, ok := fieldOf(r.body, 3)
	if !ok {
		return nil
	}
	m := new(pb.Error)
	if err := proto.Unmarshal(e, m); err != nil {
		return fmt.Errorf("%w: %w", ErrBadReply, err)
	}
	return refusalOf(m)
}

// retryAfter returns the engine's hint when to come back.
func (r Reply) retryAfter() time.Duration {
	e, _ := fieldOf(r.body, 3)
	for len(e) > 0 {
		num, typ, n := protowire.ConsumeTag(e)
		if n < 0 {
			return 0
		}
		if num == 5 && typ == protowire.VarintType {
			v, _ := protowire.ConsumeVarint(e[n:])
			return time.Duration(min(v, uint64(time.Hour/time.Millisecond))) * time.Millisecond
		}
		size := protowire.ConsumeFieldValue(num, typ, e[n:])
		if size < 0 {
			return 0
		}
		e = e[n+size:]
	}
	return 0
}

// fieldOf returns the first length-delimited field with a number.
func fieldOf(b []byte, want protowire.Number) ([]byte, bool) {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return nil, false
		}
		b = b[n:]
		if typ == protowire.BytesType {
			v, n := protowire.ConsumeBytes(b)
			if n < 0 {
				return nil, false
			}
			if num == want {
				return v, true
			}
			b = b[n:]
			continue
		}
		if n = protowire.ConsumeFieldValue(num, typ, b); n < 0 {
			return nil, false
		}
		b = b[n:]
	}
	return nil, false
}

// correlationOf returns the correlation of a reply. It is the last field, so it is looked for there first.
func correlationOf(b []byte) []byte {
	if i := len(b) - correlationLen - 2; i >= 0 && b[i] == 15<<3|2 && b[i+1] == correlationLen {
		return b[i+2:]
	}
	v, _ := fieldOf(b, 15)
	return v
}

// eachResult calls f with every result of a batch's reply, in order, and reports how many there were.
func eachResult(b []byte, f func(i int, result []byte)) int {
	count := 0
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return count
		}
		b = b[n:]
		size := 0
		if num == 8 && typ == protowire.BytesType {
			var v []byte
			if v, size = protowire.ConsumeBytes(b); size >= 0 {
				f(count, v[:len(v):len(v)])
				count++
			}
		} else {
			size = protowire.ConsumeFieldValue(num, typ, b)
		}
		if size < 0 {
			return count
		}
		b = b[size:]
	}
	return count
}
