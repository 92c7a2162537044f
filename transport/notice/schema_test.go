package notice_test

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/measure"
	"github.com/holdfast-engine/holdfast/engine/payment"
	"github.com/holdfast-engine/holdfast/transport/notice"
)

// card is what the shell says about a buyer with a good card.
func card() engine.Annotation {
	return engine.Annotation{
		Known: true, Method: "m1", Gateway: "sandbox", Kind: payment.MethodCard, Agreement: "v1", OneClickOn: true, OneClickShare: engine.OneClickEveryone,
		Can: payment.Reusable | payment.SeparateCapture | payment.Instant | payment.Voidable,
	}
}

// answered is a purchase whose gateway has answered.
func answered(at engine.PurchaseID, a payment.Result) []engine.Command {
	return []engine.Command{
		{Verb: engine.VerbIntend, Payment: &engine.PaymentCommand{At: at, Operation: payment.Authorise}},
		{Verb: engine.VerbResult, Payment: &engine.PaymentCommand{At: at, Operation: payment.Authorise, Result: &a}},
	}
}

// everything plays a night on which everything happens.
func everything(t *testing.T, h *theatre, event string) {
	t.Helper()
	buy := func(buyer string) engine.Command {
		return engine.Command{
			Verb: engine.VerbBuy, Buyer: buyer, Items: []engine.Item{{Lot: "stalls", Quantity: 1}}, Payment: &engine.PaymentCommand{Note: card()},
		}
	}
	spec := night()
	spec.Lots[0].Capacity, spec.Lots[0].Units = 2, 1
	spec.Lots = append(spec.Lots, engine.LotSpec{Lot: "parking", FaceMinor: 500, Capacity: 1})
	h.do(t, event, engine.Command{Verb: engine.VerbCreate, Spec: spec})
	h.do(t, event, hold("b1", engine.Item{Lot: "ga", Quantity: 1}), confirm("b1", "h1"))
	h.do(t, event, engine.Command{Verb: engine.VerbReissue, Payment: &engine.PaymentCommand{Ticket: "t1"}})
	h.do(t, event, engine.Command{Verb: engine.VerbAdmit, Payment: &engine.PaymentCommand{Ticket: "t1", Code: 1, Gate: "north"}})
	h.do(t, event, engine.Command{Verb: engine.VerbRefund, Order: "o1", Payment: &engine.PaymentCommand{HasAmount: true, AmountMinor: 12}})
	h.do(t, event, hold("b2", engine.Item{Lot: "ga", Quantity: 1}))
	h.now += 100e9
	h.do(t, event, engine.Command{Verb: engine.VerbExpire})
	h.do(t, event, buy("b3"))
	h.do(t, event, answered(1, payment.Result{Answer: payment.DeclinedSoft, Decline: payment.DeclineGeneric})...)
	h.do(t, event, engine.Command{Verb: engine.VerbRelease, Buyer: "b3", Hold: "h3"})
	h.do(t, event, buy("b4"))
	h.do(t, event, answered(2, payment.Result{Answer: payment.Authorised, Ref: "ch_2", AmountMinor: 9000, Currency: "EUR"})...)
	h.do(t, event, engine.Command{Verb: engine.VerbUndo, Buyer: "b4", Payment: &engine.PaymentCommand{Purchase: "p2"}})
	h.do(t, event, buy("b5"))
	h.now += 1000e9 // longer than a purchase waits for the lane
	h.do(t, event, engine.Command{Verb: engine.VerbExpire})
	h.do(t, event, hold("b6", engine.Item{Lot: "ga", Quantity: 1}, engine.Item{Lot: "stalls", Quantity: 2}), confirm("b6", "h6"))
	refunds(t, h, event)
	h.do(t, event, engine.Command{Verb: engine.VerbUpdate, Spec: &engine.EventSpec{Set: engine.SetStartsAt, StartsAt: start + 19000e9}})
}

// refunds sells a ticket by a purchase, and has its money given back in two parts: the one succeeds, the other fails.
func refunds(t *testing.T, h *theatre, event string) {
	t.Helper()
	h.do(t, event, engine.Command{
		Verb: engine.VerbBuy, Buyer: "b7", Items: []engine.Item{{Lot: "parking", Quantity: 1}}, Payment: &engine.PaymentCommand{Note: card()},
	})
	h.do(t, event, answered(4, payment.Result{Answer: payment.Captured, Ref: "ch_4", AmountMinor: 500, Currency: "EUR"})...)
	order := h.newestOrder(event)
	for i, a := range []payment.Result{{Answer: payment.Refunded, Ref: "re_1", AmountMinor: 100, Currency: "EUR"}, {Answer: payment.Failed, Decline: payment.DeclineGeneric}} {
		id := engine.RefundID(i + 2)
		h.do(t, event, engine.Command{Verb: engine.VerbRefund, Order: order, Payment: &engine.PaymentCommand{HasAmount: true, AmountMinor: 100}})
		h.do(t, event, engine.Command{Verb: engine.VerbIntend, Payment: &engine.PaymentCommand{At: 4, Operation: payment.Refund, Refund: id}})
		h.do(t, event, engine.Command{Verb: engine.VerbResult, Payment: &engine.PaymentCommand{At: 4, Operation: payment.Refund, Refund: id, Result: &a}})
	}
}

// TestNoticesAreWhatThePageSays holds every kind of notice against the schema of docs/notices.md, and the page's tables against the kinds there are.
func TestNoticesAreWhatThePageSays(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/notices.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```json schema\n")
	text, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatal("docs/notices.md has no schema")
	}
	schema := compile(t, text)
	examples := regexp.MustCompile("(?s)```json\n(.*?)```").FindAllSubmatch(page, -1)
	if len(examples) < 2 {
		t.Errorf("docs/notices.md has %d examples", len(examples))
	}
	for _, m := range examples {
		fits(t, schema, m[1])
	}
	rows := map[notice.Kind]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_]+\\.[a-z_]+)` \\|").FindAllStringSubmatch(string(page), -1) {
		rows[notice.Kind(m[1])] = true
	}

	h := newTheatre()
	_, nc := house(t)
	r := reader(h, streams(t, nc), newRing())
	r.Now = func() time.Time { return time.Unix(int64(start/1e9), 0) } // before all of it: nothing is late
	run(t, r)
	everything(t, h, "night-one")
	seen := map[notice.Kind]bool{}
	for _, v := range take(t, nc, ofKind(notice.EventRescheduled)) {
		seen[kindOf(&v)] = true
		fits(t, schema, v.body)
	}
	survey(t, nc, h, 0, measure.SurveyDue{Key: eventKey("night-one"), Due: start + 1, Order: 1}, measure.SurveyDue{Key: eventKey("night-one"), Due: start + 2, Purchase: 1})
	// An event ends in one of two ways.
	h.do(t, "night-one", engine.Command{Verb: engine.VerbCancel, Payment: &engine.PaymentCommand{Reason: "rain"}})
	waitingList(t, h, "night-three")
	take(t, nc, ofKind(notice.WaiterUnpaid))
	sellOut(t, h, "night-two")
	for _, v := range take(t, nc, ofKind(notice.EventClosed)) {
		seen[kindOf(&v)] = true
		fits(t, schema, v.body)
	}
	for _, kind := range notice.Kinds() {
		if !seen[kind] {
			t.Errorf("%s is never told", kind)
		}
		if !rows[kind] {
			t.Errorf("docs/notices.md has no row for %s", kind)
		}
		delete(rows, kind)
	}
	for kind := range rows {
		t.Errorf("docs/notices.md has a row for %s, which is never told", kind)
	}
}

func kindOf(v *told) notice.Kind { return notice.Kind(strings.TrimPrefix(v.Type, "holdfast.v1.")) }

func compile(t *testing.T, text string) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("notice.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("notice.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func fits(t *testing.T, schema *jsonschema.Schema, body []byte) {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err == nil {
		err = schema.Validate(v)
	}
	if err != nil {
		t.Errorf("%v: %s", err, body)
	}
}
