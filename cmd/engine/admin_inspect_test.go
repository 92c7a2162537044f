package main

import (
	"encoding/json"
	"reflect"
	"strconv"
	"testing"
	"time"

	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// TestARunningEngineShowsAnEventAsItIsAndWas compares what a running engine says of an event, now and behind each of its facts, with what its folder says when it
// has stopped.
func TestARunningEngineShowsAnEventAsItIsAndWas(t *testing.T) {
	data := newData(t)
	s := serveOn(t, data)
	mustSteer(t, s, "create", "-f", write(t, "night.yaml", nightYAML))
	mustSteer(t, s, "open", "night-one")
	order := sell(t, connectTo(t, s), "night-one", "b1")
	shown := func(args ...string) *inspected {
		t.Helper()
		var reply wireAdminReply
		if err := json.Unmarshal([]byte(mustOperate(t, s, append([]string{"inspect", "night-one", "--json"}, args...)...)), &reply); err != nil {
			t.Fatal(err)
		}
		return reply.Inspection
	}
	now := shown()
	if now.Orders != 1 || now.State != "on_sale" || uint64(len(now.Facts)) != now.Fact || now.Facts[0].Kind != "created" {
		t.Fatalf("the event is %+v", now)
	}
	var then []*inspected
	for _, f := range now.Facts {
		then = append(then, shown("--at", strconv.FormatUint(f.Fact, 10), "--facts", "2"))
	}
	last := now.Facts[len(now.Facts)-1]
	if d := shown("--at", last.At.Format(time.RFC3339Nano)); d.Fact != now.Fact || d.StateHash != now.StateHash {
		t.Errorf("at the moment of its last fact it is %+v, want %+v", d, now)
	}
	wants(t, mustOperate(t, s, "inspect", "night-one", "--facts", "0", "--as", "maria"), "on_sale", "1 orders", "state hash")
	wants(t, mustOperate(t, s, "inspect", "night-one"), order.Id)

	for _, c := range []struct {
		wants []string
		args  []string
	}{
		{[]string{"event_unknown", "no event no-such"}, []string{"no-such"}},
		{[]string{"event_unknown", "at that moment"}, []string{"night-one", "--at", "1990-01-01T00:00:00Z"}},
		{[]string{"--facts 201", "0 to 200"}, []string{"night-one", "--facts", "201"}},
		{[]string{"--at yesterday"}, []string{"night-one", "--at", "yesterday"}},
		{[]string{"name one event"}, nil},
	} {
		_, err := operate(t, s, append([]string{"inspect"}, c.args...)...)
		refuses(t, err, c.wants...)
	}
	wants(t, mustOperate(t, s, "audit"), "maria (declared)  inspect event=night-one: ok", "inspect event=night-one facts=2 fact=1: ok", "inspect event=no-such facts=20: event_unknown")
	s.stop()

	for i, d := range then {
		found := inspectedBy(t, data, "night-one", "--at", strconv.Itoa(i+1), "--facts", "2")
		d.LastBatch, d.HighMark = found.LastBatch, found.HighMark // the audit went on
		if !reflect.DeepEqual(d, &found) {
			t.Errorf("behind fact %d the engine says\n%+v\nand its folder\n%+v", i+1, d, found)
		}
	}
}

// TestInspectLeavesRoomForOthers: one look at a time, and none at what is archived.
func TestInspectLeavesRoomForOthers(t *testing.T) {
	c := quietConfig(t)
	c.data = newData(t)
	p, err := startProcess(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	s := &serving{}
	s.NATS = p.natsURL
	defer func() {
		if err := p.stop(); err != nil {
			t.Error(err)
		}
	}()
	shop := connectTo(t, s)
	if _, err := shop.Create(within(t), "e1", smallEvent(10)); err != nil {
		t.Fatal(err)
	}
	p.inspecting.Lock()
	_, err = shop.Admin(within(t), &pb.InspectCommand{Event: "e1"})
	refuses(t, err, "overloaded", "one at a time")
	p.inspecting.Unlock()
	if reply, err := shop.Admin(within(t), &pb.InspectCommand{Event: "e1"}); err != nil || reply.Inspection.GetState() == "" || len(reply.Inspection.GetFacts()) != 0 {
		t.Errorf("%v, %v", reply, err)
	}
	mustSteer(t, s, "close", "e1")
	mustOperate(t, s, "archive", "e1")
	_, err = shop.Admin(within(t), &pb.InspectCommand{Event: "e1"})
	refuses(t, err, "event_archived", "engine archive show")
}
