package transport_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/holdfast-engine/holdfast/engine/measure"
	"github.com/holdfast-engine/holdfast/transport"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
	"github.com/holdfast-engine/holdfast/transport/transporttest"
)

// kpisExample measures what the page shows.
type kpisExample struct{}

func (kpisExample) Answer(_ context.Context, q *measure.Query) (*measure.Answer, error) {
	one, num, den, low, high, mature := 0.25, int64(250), int64(1000), 0.224, 0.278, 0.8
	n := 42.0
	a := &measure.Answer{Query: *q, AtMs: 1_777_629_600_000, ThroughMs: 1_777_629_599_800, Batch: 1234, Rows: []measure.Row{{Figures: []measure.Figure{
		{KPI: "orders", Value: &n, Unit: measure.UnitCount},
	}}}}
	if q.Event == "nobody-knows" {
		a.Rows = nil
	}
	if q.By == measure.ByFlow {
		a.Title = "descriptive: buyers choose their flow"
		a.Rows[0].Series = "one_click"
		a.Rows = append(a.Rows, measure.Row{Series: "standard", Figures: []measure.Figure{
			{KPI: "conversion", Value: &one, Unit: measure.UnitRatio, Numerator: &num, Denominator: &den, Low: &low, High: &high, Mature: &mature, SoFar: true},
			{KPI: "satisfaction.csat", Why: measure.WhyTooFew, Unit: measure.UnitScore},
		}})
	}
	return a, nil
}

func (kpisExample) Events(context.Context, string) ([]measure.EventNow, error) { return nil, nil }

func decodeKPIsReply(t testing.TB, body []byte) *pb.KpisReply {
	t.Helper()
	reply := new(pb.KpisReply)
	var err error
	if len(body) > 0 && body[0] == '{' {
		err = protojson.Unmarshal(body, reply)
	} else {
		err = proto.Unmarshal(body, reply)
	}
	if err != nil {
		t.Fatalf("reply %q: %v", body, err)
	}
	return reply
}

func TestQueriesAreAnsweredInBothEncodings(t *testing.T) {
	w := serveDirectWith(t, transport.Config{Measurer: kpisExample{}}, new(transporttest.Direct))
	inJSON := decodeKPIsReply(t, w.ask(t, transport.SubjectKPIs, []byte(`{"request_id":"k1","by":"flow","correlation":"c"}`)).Data)
	body, err := proto.Marshal(&pb.KpisCommand{RequestId: "k1", By: "flow", Correlation: "c"})
	if err != nil {
		t.Fatal(err)
	}
	inProto := decodeKPIsReply(t, w.ask(t, transport.SubjectKPIs, body).Data)
	if !proto.Equal(inJSON, inProto) || inProto.RequestId != "k1" || inProto.Correlation != "c" {
		t.Errorf("JSON %v, protobuf %v", inJSON, inProto)
	}
	f := inProto.Kpis.Rows[1].Figures
	if inProto.Kpis.Title == "" || f[0].GetValue() != 0.25 || f[0].GetDenominator() != 1000 || !f[0].SoFar || f[1].Value != nil || f[1].Why != "too few" {
		t.Errorf("%v", inProto)
	}
}

func TestBadQueriesAreRefused(t *testing.T) {
	w := serveDirectWith(t, transport.Config{Measurer: kpisExample{}}, new(transporttest.Direct))
	for body, want := range map[string]string{
		`{"window":"5m"}`:                     "invalid window",
		`{"by":"luck"}`:                       "invalid by",
		`{"event":"e1","by":"event"}`:         "invalid by",
		`{"event":"a b"}`:                     "invalid event",
		`{"kpis":["happiness"]}`:              "invalid kpis",
		`{"kpi":"orders"}`:                    "unknown_field kpi",
		`{"kpis":["4111111111111111"]}`:       "card_number kpis",
		`{"kpis":[` + manyKPIs(201) + `]}`:    "too_large kpis",
		`{"window":"1m"`:                      "malformed window",
		`{"x":"` + strings.Repeat("x", 70000): "too_large ",
	} {
		e := decodeKPIsReply(t, w.ask(t, transport.SubjectKPIs, []byte(body)).Data).Error
		if got := e.GetCode() + " " + e.GetField(); got != want {
			t.Errorf("%.60s: %s, want %s: %s", body, got, want, e.GetMessage())
		}
	}
	if e := decodeKPIsReply(t, w.ask(t, "holdfast.v1.kpis.set", []byte("{}")).Data).Error; e.GetCode() != "unknown_verb" {
		t.Errorf("another verb: %v", e)
	}
}

func manyKPIs(n int) string { return strings.TrimSuffix(strings.Repeat(`"orders",`, n), ",") }

func TestQueriesBeyondTheBoundAreOverloaded(t *testing.T) {
	f := &fakeMeasurer{hold: make(chan struct{})}
	w := serveDirectWith(t, transport.Config{Measurer: f}, new(transporttest.Direct))
	var answered sync.WaitGroup
	for range transport.KPIRequestsMax {
		answered.Go(func() {
			if e := decodeKPIsReply(t, w.ask(t, transport.SubjectKPIs, []byte(`{"window":"1h"}`)).Data).Error; e != nil {
				t.Error(e)
			}
		})
	}
	for begun := 0; begun < transport.KPIRequestsMax; { // beside what is published
		begun = 0
		f.mu.Lock()
		for i := range f.asked {
			if f.asked[i].Window == measure.Window1h {
				begun++
			}
		}
		f.mu.Unlock()
	}
	if e := decodeKPIsReply(t, w.ask(t, transport.SubjectKPIs, []byte("{}")).Data).Error; e.GetCode() != "overloaded" || e.GetRetryAfterMs() == 0 {
		t.Errorf("%v", e)
	}
	close(f.hold)
	answered.Wait()
}

func TestFiguresArePublished(t *testing.T) {
	f := &fakeMeasurer{events: []measure.EventNow{{ID: "e1", LastMs: 1 << 60}, {ID: "asleep", LastMs: 5}}}
	w := serveDirectWith(t, transport.Config{Account: "a1", Measurer: f}, new(transporttest.Direct))
	sub, err := w.caller.SubscribeSync(transport.SubjectKPI + ".>")
	if err != nil {
		t.Fatal(err)
	}
	whole, err := w.caller.SubscribeSync(transport.SubjectKPI)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		m, err := sub.NextMsgWithContext(within(t))
		if err != nil {
			t.Fatal(err)
		}
		var got transport.KPIMessage
		if err := json.Unmarshal(m.Data, &got); err != nil || m.Subject != transport.SubjectEventKPI("e1") {
			t.Fatalf("%s %s %v", m.Subject, m.Data, err)
		}
		if got.Minute.Query.Window != measure.Window1m || got.Sale.Query.Window != measure.WindowSale || got.Sale.Query.Event != "e1" || len(got.Sale.Rows) != 1 {
			t.Errorf("%s", m.Data)
		}
	}
	if m, err := whole.NextMsgWithContext(within(t)); err != nil || !strings.Contains(string(m.Data), `"sale":`) {
		t.Errorf("%v", err)
	}
	f.fail(errors.New("it does not measure"))
	await(t, func() bool { return w.server.Stats().KPIs >= 3 }) // each is counted once it has left
	if lost := w.server.Stats().KPIsLost; lost != 0 {
		t.Errorf("%d are lost", lost)
	}
}

func TestFiguresOfManyEventsArePublishedInTurn(t *testing.T) {
	f := &fakeMeasurer{}
	for i := range transport.KPIEventsPublishedMax + 50 {
		f.events = append(f.events, measure.EventNow{ID: fmt.Sprintf("e%04d", i), LastMs: 1 << 60})
	}
	w := serveDirectWith(t, transport.Config{Account: "a1", Measurer: f}, new(transporttest.Direct))
	sub, err := w.caller.SubscribeSync(transport.SubjectKPI + ".*")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.caller.Flush(); err != nil {
		t.Fatal(err)
	}
	var first string
	for i := range len(f.events) { // in their order, around, whatever a round begins with
		m, err := sub.NextMsgWithContext(within(t))
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = m.Subject
			continue
		}
		var a, b int
		if _, err := fmt.Sscanf(first, "holdfast.v1.kpi.e%d", &a); err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Sscanf(m.Subject, "holdfast.v1.kpi.e%d", &b); err != nil || b != (a+i)%len(f.events) {
			t.Fatalf("message %d is of event %d, the first was of %d (%v)", i, b, a, err)
		}
	}
}
