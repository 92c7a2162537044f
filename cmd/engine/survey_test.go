package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/holdfast-engine/holdfast/engine/measure"
	"github.com/holdfast-engine/holdfast/transport/gateway/sandbox"
	"github.com/holdfast-engine/holdfast/transport/notice"
)

// surveysDue reads so many notices survey.due, from the beginning of the stream.
func surveysDue(t *testing.T, nc *nats.Conn, n int) (due []heard) {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	var c jetstream.Consumer
	for c == nil { // until the stream is made
		c, err = js.OrderedConsumer(within(t), notice.Stream, jetstream.OrderedConsumerConfig{FilterSubjects: []string{"holdfast.v1.notices.*.survey.due"}})
		if err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
			t.Fatal(err)
		}
	}
	for len(due) < n {
		m, err := c.Next(jetstream.FetchMaxWait(patience))
		if err != nil {
			t.Fatalf("after %+v: %v", due, err)
		}
		var v heard
		if err := json.Unmarshal(m.Data(), &v); err != nil {
			t.Fatalf("%v: %s", err, m.Data())
		}
		due = append(due, v)
	}
	return due
}

// TestWhoTriedToBuyIsAskedOnce goes the whole way of a survey: an attempt ends, well or not, its buyer comes due, a service hears of it, and the answer counts
// against those who were asked. Nobody is asked again, not for another attempt and not after a restart.
func TestWhoTriedToBuyIsAskedOnce(t *testing.T) {
	t.Parallel()
	policy := measure.PolicyDefault()
	policy.SurveyPermille, policy.SurveyDelayMs = 1000, 50
	x := payingWith(t, sandbox.Config{}, func(c *processConfig) { c.bounds.measure.policy, c.bounds.notices.look = &policy, 20*time.Millisecond })
	if b := x.buy("r1", "sbx_decline_hard-b1", 20*time.Second); b.Purchase == nil || b.Purchase.State != "declined" {
		t.Fatalf("%+v", b)
	}
	sold := x.buy("r2", "sbx_ok-b2", 20*time.Second)
	if sold.Order == nil {
		t.Fatalf("%+v", sold)
	}
	due := surveysDue(t, x.nc, 2)
	if d := due[0].Data; d.Buyer != "sbx_decline_hard-b1" || d.Purchase == nil || d.Purchase.State != "declined" || d.Order != nil {
		t.Errorf("whose card was declined is asked by %+v", d)
	}
	if d := due[1].Data; d.Buyer != "sbx_ok-b2" || d.Order == nil || d.Order.ID != sold.Order.ID {
		t.Errorf("who bought is asked by %+v", d)
	}
	x.ask("holdfast.v1.events.night.touch", `{"touches":[{"kind":"surveyed","id":"s1","buyer":"sbx_ok-b2","consent":true,"survey":"csat","score":5},
		{"kind":"surveyed","id":"s2","buyer":"nobody","consent":true,"survey":"csat","score":1}]}`)
	answered := func(numerator, denominator int64) func() bool {
		return func() bool {
			at := strings.TrimPrefix(x.p.httpURL, "http://")
			var a measure.Answer
			if err := json.Unmarshal([]byte(must(t, "kpi", "--http", at, "--event", "night", "--kpis", "satisfaction.responses", "-o", "json")), &a); err != nil || len(a.Rows) != 1 {
				t.Fatalf("%+v %v", a, err)
			}
			f := a.Rows[0].Figures[0]
			return f.Numerator != nil && *f.Numerator == numerator && *f.Denominator == denominator
		}
	}
	eventually(t, "one of two has answered", answered(1, 2))

	for life := range 2 { // the second time after a restart
		for _, buyer := range []string{"sbx_ok-b2", fmt.Sprintf("sbx_ok-c%d", life)} { // the first has been asked
			if b := x.ask("holdfast.v1.events.night.buy", fmt.Sprintf(`{"request_id":"again-%d-%s","buyer":%q,"items":[{"lot":"ga","quantity":1}],"again":true,"wait_ms":20000}`,
				life, buyer, buyer)); b.Order == nil {
				t.Fatalf("%+v", b)
			}
		}
		due = surveysDue(t, x.nc, 3+life)
		if last := due[2+life]; last.Data.Buyer != fmt.Sprintf("sbx_ok-c%d", life) {
			t.Errorf("asked again, or in another order: %+v", due)
		}
		if life == 0 {
			x.nc.Close()
			if err := x.p.stop(); err != nil {
				t.Fatal(err)
			}
			x.start(x.p.config)
		}
	}
	x.ask("holdfast.v1.events.night.touch", `{"touches":[{"kind":"viewed","id":"v1"}]}`) // the clock of figures is what is in the log
	eventually(t, "one of four has answered", answered(1, 4))
	eventually(t, "the metrics say that one was due since the restart, and nobody skipped", func() bool {
		m := metricsOf(t, x.p.httpURL)
		return m["holdfast_surveys_due_total"] == "1" && m["holdfast_surveys_skipped_total"] == "0"
	})
}
