package transport

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/holdfast-engine/holdfast/engine"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

func benchHold(i int) *pb.HoldCommand {
	return &pb.HoldCommand{
		RequestId: fmt.Sprintf("h-%08d", i), Buyer: fmt.Sprintf("b-%08d", i), Items: []*pb.Item{{Lot: "ga", Quantity: 2}},
		Correlation: "0123456789abcdef",
	}
}

func benchBuy() *pb.BuyCommand {
	return &pb.BuyCommand{
		RequestId: "k-00000001", Buyer: "b-00000001", Items: []*pb.Item{{Lot: "ga", Quantity: 2}}, Method: "m1", WaitMs: new(int64(2000)),
		Correlation: "0123456789abcdef",
	}
}

func benchOffer() *pb.OfferCommand {
	return &pb.OfferCommand{
		RequestId: "o-00000001", Buyer: "b-00000001", Items: []*pb.Item{{Lot: "ga", Quantity: 2}}, DeviceId: "d-00000001",
		Correlation: "0123456789abcdef",
	}
}

func benchPurchase() *engine.Outcome {
	return &engine.Outcome{Verb: engine.VerbBuy, Shows: engine.ShowsPurchase, Purchase: &engine.PurchaseView{
		ID: 123456, Event: "night-one", Buyer: "b-00000001", State: engine.PurchaseQueued, Flow: engine.FlowOneClick, Hold: 123456, TotalMinor: 9500,
		Currency: "EUR", Gateway: "stripe", Method: "m1", PayUntil: 1_777_629_727_123_456_789, At: 1_777_629_727_123_456_789, LanePlace: 12, EtaMs: 480,
	}}
}

func benchBatch(n int) *pb.Batch {
	b := &pb.Batch{Correlation: "0123456789abcdef"}
	for i := range n {
		h := benchHold(i)
		h.Correlation = ""
		b.Commands = append(b.Commands, &pb.BatchCommand{Command: &pb.BatchCommand_Hold{Hold: h}})
	}
	return b
}

func benchOutcome() *engine.Outcome {
	return &engine.Outcome{Verb: engine.VerbHold, Shows: engine.ShowsHold, Hold: engine.HoldView{
		ID: 123456, Event: "night-one", Buyer: "b-00000001", State: engine.HoldHeld, TotalMinor: 9500, Currency: "EUR",
		ExpiresAt: 1_777_629_727_123_456_789,
		Items:     []engine.ItemView{{Lot: "ga", Quantity: 2, Units: 1, FaceMinor: 4500, Fees: []engine.Fee{{Name: "service", Minor: 250}}}},
	}}
}

func benchTouches(n int) *pb.TouchCommand {
	m := new(pb.TouchCommand)
	for i := range n {
		m.Touches = append(m.Touches, &pb.Touch{Kind: "viewed", Id: fmt.Sprintf("t-%08d", i), Buyer: fmt.Sprintf("b-%08d", i), Consent: true, AgoMs: 850, Device: "mobile", Channel: "web"})
	}
	return m
}

func mustBody(b *testing.B, marshal func(proto.Message) ([]byte, error), m proto.Message) []byte {
	b.Helper()
	body, err := marshal(m)
	if err != nil {
		b.Fatal(err)
	}
	return body
}

func BenchmarkDecode(b *testing.B) {
	bodies := []struct {
		name string
		verb engine.Verb
		body []byte
		per  int
	}{
		{"hold/wire=protobuf", engine.VerbHold, mustBody(b, proto.Marshal, benchHold(1)), 1},
		{"hold/wire=json", engine.VerbHold, mustBody(b, jsonOut.Marshal, benchHold(1)), 1},
		{"buy/wire=protobuf", engine.VerbBuy, mustBody(b, proto.Marshal, benchBuy()), 1},
		{"buy/wire=json", engine.VerbBuy, mustBody(b, jsonOut.Marshal, benchBuy()), 1},
		{"offer/wire=protobuf", engine.VerbOffer, mustBody(b, proto.Marshal, benchOffer()), 1},
		{"offer/wire=json", engine.VerbOffer, mustBody(b, jsonOut.Marshal, benchOffer()), 1},
		{"touch=64/wire=protobuf", engine.VerbTouch, mustBody(b, proto.Marshal, benchTouches(64)), 64},
		{"touch=64/wire=json", engine.VerbTouch, mustBody(b, jsonOut.Marshal, benchTouches(64)), 64},
		{"batch=64/wire=protobuf", verbBatch, mustBody(b, proto.Marshal, benchBatch(64)), 64},
		{"batch=64/wire=json", verbBatch, mustBody(b, jsonOut.Marshal, benchBatch(64)), 64},
	}
	for _, c := range bodies {
		b.Run(c.name+"/codec=ours", func(b *testing.B) {
			b.ReportAllocs()
			var d decoder
			for b.Loop() {
				if !decodeWith(&d, c.verb, c.body) {
					b.Fatal(d.problem)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*c.per), "ns/command")
		})
		b.Run(c.name+"/codec=generated", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				m := referenceMessages[c.verb]()
				var err error
				if isJSON(c.body) {
					err = protojson.Unmarshal(c.body, m)
				} else {
					err = proto.Unmarshal(c.body, m)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*c.per), "ns/command")
		})
	}
}

func BenchmarkEncode(b *testing.B) {
	out := benchOutcome()
	refused := &engine.Outcome{Verb: engine.VerbHold, Code: engine.CodeSoldOut, Field: "items", Lot: "ga", Have: 1, Want: 2}
	for _, c := range []struct {
		name string
		out  *engine.Outcome
		json bool
	}{
		{"hold/wire=protobuf", out, false},
		{"hold/wire=json", out, true},
		{"buy/wire=protobuf", benchPurchase(), false},
		{"buy/wire=json", benchPurchase(), true},
		{"sold_out/wire=protobuf", refused, false},
		{"sold_out/wire=json", refused, true},
	} {
		b.Run(c.name+"/codec=ours", func(b *testing.B) {
			b.ReportAllocs()
			var buf []byte
			for b.Loop() {
				buf = appendOutcome(append(buf[:0], '{'), c.json, "h-00000001", c.out)
			}
		})
		b.Run(c.name+"/codec=generated", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				m := referenceReply("h-00000001", c.out)
				var err error
				if c.json {
					_, err = jsonOut.Marshal(m)
				} else {
					_, err = proto.Marshal(m)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
