package engine_test

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/enginetest"
	"github.com/holdfast-engine/holdfast/engine/payment"
)

// TestWhatIsSaidWrongCanBeReadAgain says what no caller on the wire can say, and no shell does: whatever comes of it, the log can be read again.
func TestWhatIsSaidWrongCanBeReadAgain(t *testing.T) {
	note := engine.Annotation{
		Known: true, Method: "m1", Gateway: "sandbox", Kind: payment.MethodCard, Agreement: "v1", OneClickOn: true, OneClickShare: engine.OneClickEveryone,
		Can: payment.Reusable | payment.SeparateCapture | payment.Instant | payment.Voidable,
	}
	two := []engine.Item{{Lot: "ga", Quantity: 2}}
	pays := func(p engine.PaymentCommand) *engine.PaymentCommand { p.Note = note; return &p }
	buy := engine.Command{Verb: engine.VerbBuy, Buyer: "b1", RequestID: "q1", Items: two, Payment: pays(engine.PaymentCommand{})}
	intend := engine.Command{Verb: engine.VerbIntend, Payment: &engine.PaymentCommand{At: 1, Operation: payment.Authorise}}
	sold := engine.Command{Verb: engine.VerbResult, Payment: &engine.PaymentCommand{
		At: 1, Operation: payment.Authorise, Result: &payment.Result{Answer: payment.Authorised, Ref: "ch_1", AmountMinor: 2000, Currency: "EUR"},
	}}
	const later = engine.VerbNone // ten seconds
	for name, says := range map[string][]engine.Command{
		"an outage that was none, when it is too late to undo": {
			buy, intend, sold,
			{Verb: later},
			{Verb: engine.VerbExpire},
			{Verb: engine.VerbResume, Down: 1},
			{Verb: engine.VerbUndo, Buyer: "b1", RequestID: "q2", Payment: &engine.PaymentCommand{Purchase: "p1"}},
		},
		"part of an offer": {
			{Verb: engine.VerbOffer, Buyer: "b1", RequestID: "q1", Items: two, Payment: pays(engine.PaymentCommand{})},
			{Verb: engine.VerbBuy, Buyer: "b1", RequestID: "q2", Fill: 3, Payment: pays(engine.PaymentCommand{Offer: "f1"})},
		},
		"fields that there are not": {
			{Verb: engine.VerbUpdate, RequestID: "q1", Spec: &engine.EventSpec{Line: &engine.LineSpec{Set: 1<<20 | engine.SetShoppersMax, ShoppersMax: 2}}},
			{Verb: engine.VerbCodes, RequestID: "q2", Line: &engine.LineCommand{Codes: []engine.CodeSpec{{Name: "one", Code: "code-1", Uses: 1}}}},
			{Verb: engine.VerbCodes, RequestID: "q3", Line: &engine.LineCommand{Codes: []engine.CodeSpec{{Name: "one", Set: 1 << 12}}}},
		},
		"a window for refunds before time began": {
			buy, intend, sold,
			{Verb: engine.VerbUpdate, RequestID: "q2", Spec: &engine.EventSpec{Set: engine.SetStartsAt, StartsAt: enginetest.WorkloadStart + 1e15}},
			{Verb: engine.VerbUpdate, RequestID: "q3", Spec: &engine.EventSpec{Set: engine.SetRefundWindow, Pay: engine.PayPolicy{HasRefundWindow: true}}},
			{Verb: engine.VerbSchedule, Wall: 0},
		},
		"the last word while tiers are still to open": {
			{Verb: engine.VerbCapacity, RequestID: "q1", Lot: "ga"}, {Verb: engine.VerbClose, RequestID: "q2"}, {Verb: engine.VerbArchive},
		},
	} {
		t.Run(name, func(t *testing.T) {
			shell := enginetest.NewShell(eventKey(), engine.Limits{}, enginetest.WorkloadStart)
			replica := engine.NewAggregate(eventKey())
			create := engine.Command{Verb: engine.VerbCreate, RequestID: "c", Spec: &engine.EventSpec{
				Currency: "EUR", Open: true, StartsAt: enginetest.WorkloadStart + 1e14, Lots: []engine.LotSpec{{Lot: "ga", FaceMinor: 1000, Capacity: 5}},
				Pay: engine.PayPolicy{RefundUntil: enginetest.WorkloadStart + 1e13}, Line: &engine.LineSpec{},
			}}
			for i := range 600 {
				create.Spec.Lots = append(create.Spec.Lots, engine.LotSpec{Lot: "tier" + strconv.Itoa(i), Capacity: 1, After: "ga"})
			}
			read, said := 0, ""
			for _, cmd := range append([]engine.Command{create}, says...) {
				if cmd.Verb == later {
					shell.Now += 10e9
					continue
				}
				said += fmt.Sprintf("%s %s\n", cmd.Verb, shell.Step(&cmd).Code)
				for ; read < len(shell.Log); read++ {
					if err := replica.Fold(shell.Log[read]); err != nil {
						t.Fatalf("%s%v", said, err)
					}
				}
				if got, want := replica.StateHash(), shell.Event.StateHash(); got != want {
					t.Fatalf("%sread again it is %016x, and %016x live", said, got, want)
				}
			}
			t.Log(said)
		})
	}
}
