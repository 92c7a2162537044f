package transport_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/holdfast-engine/holdfast/transport"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
	"github.com/holdfast-engine/holdfast/transport/transporttest"
)

// A venue of 50,000 seats is made with one command, also if each of its rows is said on its own, with something special about it.
func TestFiftyThousandSeatsFitInOneCommand(t *testing.T) {
	blocks := make([]string, 25)
	for i := range blocks {
		blocks[i] = fmt.Sprintf(`{"section":"S%d","row":"1","through":"40","seats":50,"aisles":"15 35","accessible":"1 4","companion":"2-3","restricted":"49-50"}`, i+1)
	}
	rows := make([]string, 1000)
	for i := range rows {
		rows[i] = fmt.Sprintf(`{"section":"S%d","row":"%d","seats":50,"aisles":"15"}`, i/40+1, i%40+1)
	}
	w := serveDirect(t, &transporttest.Direct{Now: 1_777_629_600_000_000_000})
	for name, list := range map[string][]string{"blocks": blocks, "rows": rows} {
		body := `{"request_id":"c1","currency":"EUR","open":true,"lots":[{"lot":"seats","rows":[` + strings.Join(list, ",") + `]}]}`
		t.Logf("%s: %d of %d bytes", name, len(body), transport.CommandBytesMax)
		reply := w.askJSON(t, transport.Subject(name, "create"), body)
		if lots := reply.GetEvent().GetLots(); reply.Error != nil || lots[0].Capacity != 50_000 {
			t.Errorf("%s: %v", name, reply)
		}
		hold := w.askJSON(t, transport.Subject(name, "hold"), `{"request_id":"h1","buyer":"b1","items":[{"lot":"seats","quantity":4}]}`)
		if seats := hold.GetHold().GetItems()[0].GetSeats(); strings.Join(seats, " ") != "S1/1/24 S1/1/25 S1/1/26 S1/1/27" && name == "blocks" {
			t.Errorf("%s: %v", name, seats)
		}
	}
}

// What is offered instead of a seat that was taken is the same in both languages.
func TestAlternativesGoRoundInBothLanguages(t *testing.T) {
	w := serveDirect(t, &transporttest.Direct{Now: 1_777_629_600_000_000_000})
	w.askJSON(t, transport.Subject("e1", "create"),
		`{"request_id":"c1","currency":"EUR","open":true,"lots":[{"lot":"stalls","rows":[{"section":"A","row":"1","through":"2","seats":6}]}]}`)
	w.askJSON(t, transport.Subject("e1", "hold"), `{"request_id":"h1","buyer":"b1","items":[{"lot":"stalls","seats":["A/1/3","A/1/4"]}]}`)
	fromJSON := w.askJSON(t, transport.Subject("e1", "hold"), `{"request_id":"h2","buyer":"b2","items":[{"lot":"stalls","seats":["A/1/4","A/1/5"]}]}`)
	fromProto := w.askProto(t, transport.Subject("e1", "hold"), &pb.HoldCommand{
		RequestId: "h3", Buyer: "b3", Items: []*pb.Item{{Lot: "stalls", Seats: []string{"A/1/4", "A/1/5"}}},
	})
	for _, reply := range []*pb.Reply{fromJSON, fromProto} {
		var got []string
		for _, a := range reply.GetError().GetAlternatives() {
			got = append(got, a.Lot+" "+strings.Join(a.Seats, " "))
		}
		if want := "stalls A/1/1 A/1/2, stalls A/1/5 A/1/6, stalls A/2/3 A/2/4"; strings.Join(got, ", ") != want {
			t.Errorf("%v offers %v, want %s", reply.GetError(), got, want)
		}
	}
}

// A batch of refusals whose alternatives would not fit into a reply is answered with refusals, the last ones without alternatives.
func TestAlternativesGiveWayToAnswers(t *testing.T) {
	w := serveDirect(t, &transporttest.Direct{Now: 1_777_629_600_000_000_000})
	w.askJSON(t, transport.Subject("e1", "create"),
		`{"request_id":"c1","currency":"EUR","open":true,"lots":[{"lot":"stalls","rows":[{"section":"A","row":"1","through":"4","seats":256}]}]}`)
	w.askJSON(t, transport.Subject("e1", "hold"), `{"request_id":"h1","buyer":"b1","items":[{"lot":"stalls","seats":["A/1/7"]}]}`)
	seats := make([]string, 256)
	for i := range seats {
		seats[i] = fmt.Sprintf("A/1/%d", i+1)
	}
	batch := &pb.Batch{}
	for i := range 200 {
		batch.Commands = append(batch.Commands, &pb.BatchCommand{Command: &pb.BatchCommand_Hold{Hold: &pb.HoldCommand{
			RequestId: fmt.Sprintf("r%d", i), Buyer: "b2", Items: []*pb.Item{{Lot: "stalls", Seats: seats}},
		}}})
	}
	results := w.askProto(t, transport.Subject("e1", "batch"), batch).GetResults()
	if len(results) != 200 {
		t.Fatalf("%d results", len(results))
	}
	for i, r := range results {
		if r.GetError().GetCode() != "seat_taken" {
			t.Fatalf("result %d: %v", i, r)
		}
	}
	if first, last := len(results[0].Error.Alternatives), len(results[199].Error.Alternatives); first != 3 || last != 0 {
		t.Errorf("the first offers %d sets, the last %d", first, last)
	}
}
