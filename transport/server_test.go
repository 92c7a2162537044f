package transport_test

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/holdfast-engine/holdfast/transport"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
	"github.com/holdfast-engine/holdfast/transport/transporttest"
)

func TestHoldGoesRoundInBothLanguages(t *testing.T) {
	w := serve(t, transport.Config{}, &transporttest.Engine{Answer: heldAnswer, Async: true})
	command := &pb.HoldCommand{RequestId: "h1", Buyer: "b1", Items: []*pb.Item{{Lot: "ga", Quantity: 2}}, Correlation: "7"}
	want := &pb.Reply{RequestId: "h1", Correlation: "7", Hold: &pb.Hold{}}

	fromProto := w.askProto(t, transport.Subject("e1", "hold"), command)
	fromJSON := w.askJSON(t, transport.Subject("e1", "hold"),
		`{"request_id":"h1","buyer":"b1","items":[{"lot":"ga","quantity":2}],"correlation":"7"}`)
	if !proto.Equal(fromProto, fromJSON) {
		t.Errorf("the replies differ:\n%v\n%v", fromProto, fromJSON)
	}
	if fromProto.RequestId != want.RequestId || fromProto.Correlation != want.Correlation {
		t.Errorf("reply %v does not echo the request id and the correlation", fromProto)
	}
	if h := fromProto.Hold; h.GetEvent() != "e1" || h.GetBuyer() != "b1" || h.GetState() != "held" || h.GetTotalMinor() != 9500 {
		t.Errorf("hold %v", h)
	}
}

func TestBatchIsAnsweredByIndex(t *testing.T) {
	w := serve(t, transport.Config{}, &transporttest.Engine{Answer: heldAnswer})
	batch := &pb.Batch{RequestId: "whole", Correlation: "9"}
	for _, id := range []string{"a", "b", "c"} {
		batch.Commands = append(batch.Commands, &pb.BatchCommand{Command: &pb.BatchCommand_Hold{Hold: &pb.HoldCommand{
			RequestId: id, Buyer: "buyer-" + id, Items: []*pb.Item{{Lot: "ga", Quantity: 1}},
		}}})
	}
	reply := w.askProto(t, transport.Subject("e1", "batch"), batch)
	if reply.RequestId != "whole" || reply.Correlation != "9" || len(reply.Results) != 3 {
		t.Fatalf("reply %v", reply)
	}
	for i, id := range []string{"a", "b", "c"} {
		if r := reply.Results[i]; r.RequestId != id || r.Hold.GetBuyer() != "buyer-"+id {
			t.Errorf("result %d is %v", i, r)
		}
	}
}
