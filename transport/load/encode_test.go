package load

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/holdfast-engine/holdfast/engine"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// TestCommandsReadAsTheyWereMeant reads what a load writes with the generated code.
func TestCommandsReadAsTheyWereMeant(t *testing.T) {
	h := &keptHold{}
	h.set(0, []byte("h7"), []byte("anna"))
	hold := appendHold(nil, []byte("r1"), []byte("anna"), oneTicket("ga"))
	confirm, release := appendUse(nil, []byte("r2"), h, true), appendUse(nil, []byte("r3"), h, false)
	join, place := appendJoin(nil, []byte("r5"), []byte("anna")), appendPlace(nil, []byte("r6"), []byte("anna"))
	var body []byte
	for k, command := range [][]byte{
		kindHold: hold, kindConfirm: confirm, kindRelease: release, kindGet: appendBytes(nil, 1, []byte("r4")), kindJoin: join, kindPlace: place,
	} {
		body = appendToBatch(body, kind(k), command)
	}
	var got pb.Batch
	if err := (proto.UnmarshalOptions{DiscardUnknown: false}).Unmarshal(body, &got); err != nil {
		t.Fatal(err)
	}
	want := &pb.Batch{Commands: []*pb.BatchCommand{
		{Command: &pb.BatchCommand_Hold{Hold: &pb.HoldCommand{RequestId: "r1", Buyer: "anna", Channel: channel, Items: []*pb.Item{{Lot: "ga", Quantity: 1}}}}},
		{Command: &pb.BatchCommand_Confirm{Confirm: &pb.ConfirmCommand{RequestId: "r2", Buyer: "anna", Channel: channel, Hold: "h7", PaymentRef: "r2"}}},
		{Command: &pb.BatchCommand_Release{Release: &pb.ReleaseCommand{RequestId: "r3", Buyer: "anna", Channel: channel, Hold: "h7"}}},
		{Command: &pb.BatchCommand_Get{Get: &pb.GetCommand{RequestId: "r4"}}},
		{Command: &pb.BatchCommand_Join{Join: &pb.JoinCommand{RequestId: "r5", Buyer: "anna", Channel: channel}}},
		{Command: &pb.BatchCommand_Place{Place: &pb.PlaceCommand{RequestId: "r6", Buyer: "anna"}}},
	}}
	if !proto.Equal(&got, want) {
		t.Fatalf("read %v\nwant %v", &got, want)
	}
}

func TestIDsAreValidAndNeverComeTwice(t *testing.T) {
	seen := map[string]bool{}
	for i := range uint64(100_000) {
		for _, id := range []string{string(appendID(nil, 'h', i*requestFactor)), string(appendID(nil, 'b', i*buyerFactor))} {
			if seen[id] || !engine.ValidID(id) || len(id) != idLen {
				t.Fatalf("number %d is %q: twice, or no id", i, id)
			}
			seen[id] = true
		}
	}
	for _, n := range []uint64{0, 1, 12345678, 1<<(5*correlationLen) - 1} {
		if got, ok := correlationOf(appendNumber(nil, n, correlationLen)); !ok || got != n {
			t.Errorf("correlation %d reads as %d, %v", n, got, ok)
		}
	}
	for _, bad := range []string{"", "aaaaaaa", "aaaaaaaaa", "aaaaaaa1", "GGGGGGGG"} {
		if got, ok := correlationOf([]byte(bad)); ok {
			t.Errorf("correlation %q reads as %d", bad, got)
		}
	}
}

// FuzzReadAnswer gives bytes of a stranger to the reader of answers, and compares what it takes with the generated code.
func FuzzReadAnswer(f *testing.F) {
	ok, err := proto.Marshal(&pb.Reply{RequestId: "h1", Repeated: true, Hold: &pb.Hold{Id: "h7", Buyer: "anna", TotalMinor: 7}, Correlation: "c"})
	if err != nil {
		f.Fatal(err)
	}
	refused, err := proto.Marshal(&pb.Reply{RequestId: "h1", Error: &pb.Error{Code: "overloaded", Message: "m", Retryable: true, RetryAfterMs: 50}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(ok)
	f.Add(refused)
	f.Add([]byte{0x1a, 0xff})
	joined, err := proto.Marshal(&pb.Reply{RequestId: "j1", Place: &pb.Place{Event: "night-one", Buyer: "anna", Entry: 7, Chance: &pb.Chance{Told: "likely"}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(joined)
	f.Fuzz(func(t *testing.T, body []byte) {
		a, err := readAnswer(body, func(*answer) error { return nil })
		var r pb.Reply
		if err != nil || proto.Unmarshal(body, &r) != nil || proto.Size(&r) != len(body) || len(r.ProtoReflect().GetUnknown()) > 0 {
			return // not a reply, or not as an engine writes it
		}
		if string(a.request) != r.GetRequestId() || a.repeated != r.GetRepeated() || string(a.correlation) != r.GetCorrelation() ||
			string(a.hold) != r.GetHold().GetId() || r.GetHold() != nil && r.GetPlace() == nil && string(a.buyer) != r.GetHold().GetBuyer() ||
			r.GetPlace() != nil && r.GetHold() == nil && string(a.buyer) != r.GetPlace().GetBuyer() {
			t.Errorf("read %+v of %v", a, &r)
		}
		if e := r.GetError(); e.GetCode() != "" && (a.code.String() != e.GetCode() || int64(a.retryAfterMs) != e.GetRetryAfterMs()) {
			t.Errorf("read %v after %d of %v", a.code, a.retryAfterMs, e)
		}
	})
}
