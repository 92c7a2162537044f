package transport_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/transport"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
	"github.com/holdfast-engine/holdfast/transport/transporttest"
)

const touchSubject = "holdfast.v1.events.e1.touch"

func serveTouches(t *testing.T) *world {
	t.Helper()
	w := serveDirectWith(t, transport.Config{}, &transporttest.Direct{Now: 1_777_629_600_000_000_000})
	if r := w.askJSON(t, transport.Subject("e1", "create"), `{"request_id":"c","currency":"EUR","open":true,"lots":[{"lot":"ga","capacity":10}]}`); r.Error != nil {
		t.Fatal(r.Error)
	}
	return w
}

func manyTouches(from, n int) *pb.TouchCommand {
	m := new(pb.TouchCommand)
	for i := range n {
		m.Touches = append(m.Touches, &pb.Touch{Kind: "viewed", Id: fmt.Sprint("t", from+i), Buyer: "b1", Consent: true})
	}
	return m
}

// A touch may be sent without a reply subject: it is taken and nothing is published. Nothing else may.
func TestTouchesAreTakenWithoutAReplySubject(t *testing.T) {
	w := serveTouches(t)
	before := w.server.Stats()
	for subject, bodies := range map[string][]string{
		touchSubject: {
			`{"touches":[{"kind":"viewed","id":"t1"}],"correlation":"x"}`,
			`{"touches":[{"kind":"viewed"}],"correlation":"x"}`, // refused by the engine
			`{"touches":[{"kind":"nothing","id":"t9"}]}`,        // and by the decoder
			`{"touches":`, // malformed
			`{"touches":[{"kind":"viewed","id":"4111111111111111"}]}`, // never
			`{"touches":[{"kind":"viewed","id":"t2"}],"request_id":"r"}`,
		},
		transport.Subject("e1", "hold"):    {`{"request_id":"h1","buyer":"b1","items":[{"lot":"ga","quantity":1}]}`},
		transport.Subject("e1", "batch"):   {`{"commands":[{"touch":{"touches":[{"kind":"viewed","id":"t3"}]}}]}`},
		transport.Subject("none", "touch"): {`{"touches":[{"kind":"viewed","id":"t1"}]}`}, // there is no such event
	} {
		for _, body := range bodies {
			if err := w.caller.Publish(subject, []byte(body)); err != nil {
				t.Fatal(err)
			}
		}
	}
	reply := w.askJSON(t, touchSubject, `{"touches":[{"kind":"viewed","id":"t1"},{"kind":"viewed","id":"t2"},{"kind":"viewed","id":"t3"}]}`)
	if reply.GetTouches().GetTaken() != 1 || reply.GetTouches().GetRepeated() != 2 {
		t.Errorf("two of three were taken before, answered %v", reply)
	}
	if got := w.askJSON(t, transport.Subject("e1", "get"), `{}`); got.Event.HoldsLive != 0 {
		t.Error("a hold without a reply subject was taken")
	}
	await(t, func() bool { return w.server.Stats().Replies-before.Replies >= 2 }) // each is counted once it has left
	after := w.server.Stats()
	if dropped := after.DroppedNoReply - before.DroppedNoReply; dropped != 2 {
		t.Errorf("%d messages without a reply subject were dropped, want the hold and the batch", dropped)
	}
	unheard := map[string]uint64{}
	for code, n := range after.Unheard {
		if n -= before.Unheard[code]; n > 0 {
			unheard[engine.Code(code).String()] = n
		}
	}
	if want := map[string]uint64{"invalid": 2, "malformed": 1, "card_number": 1, "event_unknown": 1}; !maps.Equal(unheard, want) {
		t.Errorf("refused without anybody being told: %v, want %v", unheard, want)
	}
	if after.Replies-before.Replies != 2 || after.RepliesFailed != before.RepliesFailed {
		t.Errorf("%d replies were published and %d failed, want those that were waited for", after.Replies-before.Replies, after.RepliesFailed-before.RepliesFailed)
	}
}

// Touches go in batches beside holds, also in those of buyers, and in protobuf.
func TestTouchesInBatches(t *testing.T) {
	w := serveTouches(t)
	batch := &pb.Batch{Commands: []*pb.BatchCommand{
		{Command: &pb.BatchCommand_Touch{Touch: manyTouches(0, 3)}},
		{Command: &pb.BatchCommand_Hold{Hold: &pb.HoldCommand{RequestId: "h1", Buyer: "b1", Items: []*pb.Item{{Lot: "ga", Quantity: 1}}}}},
		{Command: &pb.BatchCommand_Touch{Touch: manyTouches(2, 3)}},
	}}
	for i, want := range []struct{ first, second int64 }{{3, 2}, {0, 0}} {
		reply := w.askProto(t, transport.Subject("e1", []string{"buyer_batch", "batch"}[i]), batch)
		if len(reply.Results) != 3 || reply.Results[0].GetTouches().GetTaken() != want.first || reply.Results[2].GetTouches().GetTaken() != want.second || reply.Results[1].Hold == nil {
			t.Errorf("the batch is answered %v", reply)
		}
	}
}

// TestBoundsOfTouchesOnTheWire fills what a message may hold.
func TestBoundsOfTouchesOnTheWire(t *testing.T) {
	w := serveTouches(t)
	if r := w.askProto(t, touchSubject, manyTouches(0, engine.TouchesPerCommandMax+1)); r.Error.GetCode() != "too_large" || r.Error.Field != "touches[256]" {
		t.Errorf("too many touches in a command are answered %v", r)
	}
	batch := new(pb.Batch)
	for len(batch.Commands)*engine.TouchesPerCommandMax < transport.TouchesPerMessageMax {
		batch.Commands = append(batch.Commands, &pb.BatchCommand{Command: &pb.BatchCommand_Touch{Touch: manyTouches(1000*len(batch.Commands), engine.TouchesPerCommandMax)}})
	}
	if r := w.askProto(t, transport.Subject("e1", "batch"), batch); r.Error != nil || r.Results[0].GetTouches().GetTaken() != engine.TouchesPerCommandMax {
		t.Errorf("a full batch is answered %v", r)
	}
	batch.Commands = append(batch.Commands, &pb.BatchCommand{Command: &pb.BatchCommand_Touch{Touch: manyTouches(0, 1)}})
	if r := w.askProto(t, transport.Subject("e1", "batch"), batch); r.Error.GetCode() != "too_large" {
		t.Errorf("too many touches in a batch are answered %v", r)
	}
	body, err := proto.Marshal(manyTouches(0, engine.TouchesPerCommandMax))
	if err != nil || len(body) > transport.CommandBytesMax {
		t.Errorf("256 touches are %d bytes, %v", len(body), err)
	}
	card := &pb.TouchCommand{Touches: []*pb.Touch{{Kind: "surveyed", Id: "s1", Survey: "csat", Score: 1, Consent: true, Text: "my card 4111 1111 1111 1111 was refused"}}}
	if r := w.askProto(t, touchSubject, card); r.Error.GetCode() != "card_number" || strings.Contains(r.Error.Message, "4111") {
		t.Errorf("a card's number in a text is answered %v", r)
	}
}
