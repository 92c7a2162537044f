package client

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/holdfast-engine/holdfast/engine"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// The commands of the hot path are written by hand, field by field; tests compare them with proto.Marshal. All commands are written
// without correlation: it belongs to the message, which may be a batch.

func appendString(b []byte, num protowire.Number, v string) []byte {
	if v == "" {
		return b
	}
	return protowire.AppendString(protowire.AppendTag(b, num, protowire.BytesType), v)
}

func appendInt(b []byte, num protowire.Number, v int64) []byte {
	if v == 0 {
		return b
	}
	return protowire.AppendVarint(protowire.AppendTag(b, num, protowire.VarintType), uint64(v))
}

func appendBool(b []byte, num protowire.Number, v bool) []byte {
	if !v {
		return b
	}
	return append(protowire.AppendTag(b, num, protowire.VarintType), 1)
}

func appendHold(b []byte, m *pb.HoldCommand) []byte {
	b = appendString(b, 1, m.RequestId)
	b = appendString(b, 2, m.Buyer)
	b = appendString(b, 3, m.Channel)
	b = appendString(b, 4, m.Device)
	for _, it := range m.Items {
		b = protowire.AppendTag(b, 5, protowire.BytesType)
		b = protowire.AppendVarint(b, uint64(itemSize(it)))
		b = appendString(b, 1, it.Lot)
		b = appendInt(b, 2, it.Quantity)
		for _, seat := range it.Seats {
			b = protowire.AppendString(protowire.AppendTag(b, 3, protowire.BytesType), seat)
		}
		b = appendInt(b, 4, it.Accessible)
		b = appendInt(b, 5, it.Companion)
		b = appendBool(b, 6, it.Restricted)
		b = appendBool(b, 7, it.Split)
	}
	b = appendString(b, 6, m.Fill)
	b = appendInt(b, 7, m.AtLeast)
	if m.MaxPriceMinor != nil {
		b = protowire.AppendVarint(protowire.AppendTag(b, 8, protowire.VarintType), uint64(*m.MaxPriceMinor))
	}
	for _, link := range m.Links {
		b = protowire.AppendString(protowire.AppendTag(b, 9, protowire.BytesType), link)
	}
	return appendString(b, 10, m.Code)
}

func itemSize(it *pb.Item) int {
	size := 0
	if it.Lot != "" {
		size += 1 + protowire.SizeBytes(len(it.Lot))
	}
	if it.Quantity != 0 {
		size += 1 + protowire.SizeVarint(uint64(it.Quantity))
	}
	for _, seat := range it.Seats {
		size += 1 + protowire.SizeBytes(len(seat))
	}
	for _, n := range [...]int64{it.Accessible, it.Companion} {
		if n != 0 {
			size += 1 + protowire.SizeVarint(uint64(n))
		}
	}
	for _, is := range [...]bool{it.Restricted, it.Split} {
		if is {
			size += 2
		}
	}
	return size
}

// ofHold is what extend, release and confirm have in common.
type ofHold interface {
	GetRequestId() string
	GetBuyer() string
	GetChannel() string
	GetDevice() string
	GetHold() string
}

func appendOfHold(b []byte, m ofHold) []byte {
	b = appendString(b, 1, m.GetRequestId())
	b = appendString(b, 2, m.GetBuyer())
	b = appendString(b, 3, m.GetChannel())
	b = appendString(b, 4, m.GetDevice())
	return appendString(b, 5, m.GetHold())
}

// appendCommand appends the protobuf of a command, whatever it is.
func appendCommand(b []byte, m proto.Message) ([]byte, error) {
	switch m := m.(type) {
	case *pb.HoldCommand:
		return appendHold(b, m), nil
	case *pb.ExtendCommand:
		return appendOfHold(b, m), nil
	case *pb.ReleaseCommand:
		return appendOfHold(b, m), nil
	case *pb.ConfirmCommand:
		b = appendOfHold(b, m)
		b = appendString(b, 6, m.PaymentRef)
		b = appendBool(b, 7, m.BoxOffice)
		b = appendBool(b, 8, m.Late)
		return appendBool(b, 9, m.Equal), nil
	}
	b, err := proto.MarshalOptions{}.MarshalAppend(b, m)
	if err != nil {
		return nil, fmt.Errorf("encode the command: %w", err)
	}
	return b, nil
}

// appendEntry appends a command to a batch. Its verb's number is its field number in BatchCommand.
func appendEntry(b []byte, verb engine.Verb, body []byte) []byte {
	num := protowire.Number(verb)
	b = protowire.AppendTag(b, 2, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(protowire.SizeTag(num)+protowire.SizeBytes(len(body))))
	b = protowire.AppendTag(b, num, protowire.BytesType)
	return protowire.AppendBytes(b, body)
}
