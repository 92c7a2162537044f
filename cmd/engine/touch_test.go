package main

import (
	"testing"

	"github.com/holdfast-engine/holdfast/transport/client"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// Touches that were taken are known after a restart, those that were sent without waiting too, and so are the events that observe.
func TestTouchesAreKnownAfterARestart(t *testing.T) {
	data := newData(t)
	sent := []*pb.Touch{{Kind: "viewed", Id: "t1", Buyer: "b1", Consent: true}, {Kind: "ordered", Id: "t2", Ref: "A-1", Quantity: 1, FaceMinor: 4500}}
	for _, first := range []bool{true, false} {
		s := serveOn(t, data)
		c, err := client.Connect(s.NATS, client.Options{})
		if err != nil {
			t.Fatal(err)
		}
		ctx := within(t)
		if first {
			if _, err := c.Create(ctx, "spring", &pb.CreateCommand{Currency: "EUR", Mode: "observe"}); err != nil {
				t.Fatal(err)
			}
			if err := c.Report("spring", sent[1]); err != nil {
				t.Fatal(err)
			}
		}
		e, err := c.Get(ctx, "spring")
		if err != nil || e.Mode != "observe" {
			t.Errorf("the event is %v, %v", e, err)
		}
		want := int64(0)
		if first {
			want = 1 // the other one came by itself
		}
		if got, err := c.Touch(ctx, "spring", sent...); err != nil || got.Taken != want || got.Repeated != 2-want {
			t.Errorf("first %t: %v, %v", first, got, err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		s.stop()
	}
	if report, err := inspect(data, func(uint64) {}); err != nil || !report.OK {
		t.Errorf("the folder is not whole: %v, %v", report, err)
	}
}
