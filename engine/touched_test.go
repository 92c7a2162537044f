package engine

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/holdfast-engine/holdfast/engine/payment"
)

func touches(list ...Touch) *Command {
	return &Command{Verb: VerbTouch, RequestID: "same", Touch: &TouchCommand{Touches: list}}
}

func viewed(id string) Touch {
	return Touch{Kind: TouchViewed, ID: id, Buyer: "b1", Consent: true}
}

// A touch counts once, by its id, for as long as the event remembers it: live, after sleep and in a replay. The request of a hold is never forgotten for it.
func TestTouchesCountOnce(t *testing.T) {
	w := &world{t: t, e: NewWithLimits(testKey(), Limits{Touches: 4, Requests: 2}), now: start}
	replica := New(testKey())
	do := func(cmd *Command, code Code, taken, repeated int64) {
		t.Helper()
		w.facts.Reset()
		first := w.e.Seq() + 1
		out := w.step(cmd)
		if out.Code != code || out.Touch != (TouchView{Taken: taken, Repeated: repeated}) || code == CodeOK && out.Repeated != (taken == 0 && cmd.Verb == VerbTouch) {
			t.Fatalf("%s is answered %s %+v, repeated %t: %s", cmd.Verb, out.Code, out.Touch, out.Repeated, out.AppendMessage(nil))
		}
		if err := replica.Fold(&Run{Key: testKey(), First: first, At: w.now, Facts: w.facts}); err != nil {
			t.Fatal(err)
		}
		if err := w.e.Check(); err != nil {
			t.Fatal(err)
		}
		if replica.StateHash() != w.e.StateHash() {
			t.Fatal("the replay has another state hash")
		}
	}
	do(touches(viewed("t1")), CodeEventUnknown, 0, 0)
	do(&Command{Verb: VerbCreate, Spec: testSpec(), RequestID: "c"}, CodeOK, 0, 0)
	do(&Command{Verb: VerbHold, Buyer: "b1", RequestID: "h", Items: []Item{{Lot: "ga", Quantity: 1}}}, CodeOK, 0, 0)
	do(touches(viewed("t1"), viewed("t2"), viewed("t1")), CodeOK, 2, 1)
	facts := w.e.Seq()
	do(touches(viewed("t1"), viewed("t2")), CodeOK, 0, 2)
	if w.e.Seq() != facts {
		t.Error("a repeat made a fact")
	}
	for i := range 50 { // far more than requests are remembered
		do(touches(viewed(fmt.Sprintf("many-%d", i))), CodeOK, 1, 0)
	}
	do(touches(viewed("t1")), CodeOK, 1, 0) // forgotten: it counts again
	w.facts.Reset()
	if out := w.step(&Command{Verb: VerbHold, Buyer: "b1", RequestID: "h", Items: []Item{{Lot: "ga", Quantity: 1}}}); out.Code != CodeOK || !out.Repeated {
		t.Errorf("after many touches the same hold is answered %s, repeated %t", out.Code, out.Repeated)
	}
	for _, verb := range []Verb{VerbPause, VerbClose} {
		do(&Command{Verb: verb, RequestID: verb.String()}, CodeOK, 0, 0)
		do(touches(viewed("in-"+verb.String())), CodeOK, 1, 0)
	}
	slept, err := OpenSnapshot(testKey(), w.e.AppendSnapshot(nil))
	if err != nil {
		t.Fatal(err)
	}
	w.e = slept.(*Event)
	do(touches(viewed("in-close")), CodeOK, 0, 1)
	w.e.state = EventArchived
	if out := w.step(touches(viewed("late"))); out.Code != CodeEventArchived {
		t.Errorf("an archived event answers %s", out.Code)
	}
}

// Without consent nothing that leads to a person, and nothing that a person wrote, is in the log.
func TestTouchesWithoutConsentLeadToNobody(t *testing.T) {
	w := newWorld(t, testSpec())
	w.step(hold("b1", "ga", 1))
	w.step(&Command{Verb: VerbConfirm, Buyer: "b1", Hold: "h1", PaymentRef: "inv-1"})
	list := everyTouch()
	for i := range list {
		list[i].Consent, list[i].Buyer, list[i].Session = false, "buyer-mark", "session-mark"
	}
	list[10].ClickID, list[11].Text = "click-mark", "text-mark"
	w.facts.Reset()
	if out := w.step(touches(list...)); out.Code != CodeOK {
		t.Fatalf("%s", out.AppendMessage(nil))
	}
	for _, mark := range []string{"-mark", "o1", "t-viewed"} {
		if bytes.Contains(w.facts.Buf, []byte(mark)) {
			t.Errorf("%s is in the log", mark)
		}
	}
	for _, kept := range []string{"newsletter", "web", "spring", "lost_ticket"} {
		if !bytes.Contains(w.facts.Buf, []byte(kept)) {
			t.Errorf("%s is not in the log", kept)
		}
	}
}

// TestBoundsOfATouch fills every bound of a touch: one more refuses the whole command and names the field.
func TestBoundsOfATouch(t *testing.T) {
	const card = "4111111111111111"
	for name, c := range map[string]struct {
		change func(*Touch)
		field  string
		code   Code
	}{
		"no kind":            {func(t *Touch) { t.Kind = 0 }, "kind", CodeInvalid},
		"unknown kind":       {func(t *Touch) { t.Kind = touchKindsEnd }, "kind", CodeInvalid},
		"no id":              {func(t *Touch) { t.ID = "" }, "id", CodeInvalid},
		"id with space":      {func(t *Touch) { t.ID = "a b" }, "id", CodeInvalid},
		"id too long":        {func(t *Touch) { t.ID = strings.Repeat("x", IDLenMax+1) }, "id", CodeInvalid},
		"a card as id":       {func(t *Touch) { t.ID = card }, "id", CodeCardNumber},
		"a card as buyer":    {func(t *Touch) { t.Buyer = card }, "buyer", CodeCardNumber},
		"a card as campaign": {func(t *Touch) { t.Campaign = card }, "campaign", CodeCardNumber},
		"ago below zero":     {func(t *Touch) { t.AgoMs = -1 }, "ago_ms", CodeInvalid},
		"ago too long":       {func(t *Touch) { t.AgoMs = TouchAgoMsMax + 1 }, "ago_ms", CodeInvalid},
		"unknown device":     {func(t *Touch) { t.Device = DeviceKiosk + 1 }, "device", CodeInvalid},
		"unknown method":     {func(t *Touch) { t.Method = payment.MethodDelayedDebit + 1 }, "method_kind", CodeInvalid},
		"flow":               {func(t *Touch) { t.Flow = FlowOneClick }, "flow", CodeInvalid},
		"cart below zero":    {func(t *Touch) { t.CartMinor = -1 }, "cart_minor", CodeInvalid},
		"cart too large":     {func(t *Touch) { t.CartMinor = MinorMax + 1 }, "cart_minor", CodeInvalid},
		"no campaign":        {func(t *Touch) { t.Kind, t.Campaign = TouchAdViewed, "" }, "campaign", CodeInvalid},
		"no step":            {func(t *Touch) { t.Kind = TouchStepped }, "step", CodeInvalid},
		"a step of a view":   {func(t *Touch) { t.Step = "pay" }, "step", CodeInvalid},
		"load too long":      {func(t *Touch) { t.Kind, t.LoadMs = TouchPageReady, TouchDurationMsMax+1 }, "load_ms", CodeInvalid},
		"prompt below zero":  {func(t *Touch) { t.Kind, t.PromptMs = TouchPageReady, -1 }, "prompt_ms", CodeInvalid},
		"no click":           {func(t *Touch) { t.Kind, t.ClickToSeenMs = TouchClickSeen, 5 }, "click_id", CodeInvalid},
		"seen too late":      {func(t *Touch) { t.Kind, t.ClickID, t.ClickToSeenMs = TouchClickSeen, "r1", TouchDurationMsMax+1 }, "click_to_seen_ms", CodeInvalid},
		"no survey":          {func(t *Touch) { t.Kind, t.Score = TouchSurveyed, 3 }, "survey", CodeInvalid},
		"unknown survey":     {func(t *Touch) { t.Kind, t.Survey = TouchSurveyed, "mood" }, "survey", CodeInvalid},
		"csat 0":             {func(t *Touch) { t.Kind, t.Survey = TouchSurveyed, "csat" }, "score", CodeInvalid},
		"csat 6":             {func(t *Touch) { t.Kind, t.Survey, t.Score = TouchSurveyed, "csat", 6 }, "score", CodeInvalid},
		"nps 11":             {func(t *Touch) { t.Kind, t.Survey, t.Score = TouchSurveyed, "nps", 11 }, "score", CodeInvalid},
		"nps -1":             {func(t *Touch) { t.Kind, t.Survey, t.Score = TouchSurveyed, "nps", -1 }, "score", CodeInvalid},
		"regret 2":           {func(t *Touch) { t.Kind, t.Survey, t.Score = TouchSurveyed, "regret", 2 }, "score", CodeInvalid},
		"text too long": {func(t *Touch) {
			t.Kind, t.Survey, t.Text = TouchSurveyed, "nps", strings.Repeat("x", TouchTextLenMax+1)
		}, "text", CodeInvalid},
		"text with a card":    {func(t *Touch) { t.Kind, t.Survey, t.Text = TouchSurveyed, "nps", "it took 4111 1111 1111 1111 twice" }, "text", CodeCardNumber},
		"no topic":            {func(t *Touch) { t.Kind = TouchSupport }, "topic", CodeInvalid},
		"no such order":       {func(t *Touch) { t.Kind, t.Topic, t.Order = TouchSupport, "refund", "o9" }, "order", CodeOrderUnknown},
		"no order":            {func(t *Touch) { t.Kind, t.Order = TouchDelivered, "nine" }, "order", CodeOrderUnknown},
		"a shop's reference":  {func(t *Touch) { t.Kind, t.Ref = TouchDelivered, "A-1" }, "ref", CodeInvalid},
		"an order elsewhere":  {func(t *Touch) { *t = Touch{Kind: TouchOrdered, ID: "x", Ref: "A-1", Quantity: 1} }, "kind", CodeInvalid},
		"a failure elsewhere": {func(t *Touch) { *t = Touch{Kind: TouchFailed, ID: "x", Failure: "ours"} }, "kind", CodeInvalid},
	} {
		w := newWorld(t, testSpec())
		list := []Touch{viewed("a"), viewed("b"), viewed("c")}
		c.change(&list[2])
		hash := w.e.StateHash()
		out := w.step(touches(list...))
		if out.Code != c.code || out.Field != "touches[2]."+c.field || len(out.AppendMessage(nil)) < 10 {
			t.Errorf("%s is answered %s %s: %s", name, out.Code, out.Field, out.AppendMessage(nil))
		}
		if w.e.StateHash() != hash {
			t.Errorf("%s changed something", name)
		}
	}
	w := newWorld(t, testSpec())
	var many []Touch
	for i := range TouchesPerCommandMax + 1 {
		many = append(many, viewed(fmt.Sprint(i)))
	}
	if out := w.step(touches(many...)); out.Code != CodeInvalid || out.Field != "touches" {
		t.Errorf("%d touches are answered %s", len(many), out.Code)
	}
	if out := w.step(touches(many[1:]...)); out.Code != CodeOK || out.Touch.Taken != TouchesPerCommandMax {
		t.Errorf("%d touches are answered %s %+v", len(many)-1, out.Code, out.Touch)
	}
	if out := w.step(touches()); out.Code != CodeInvalid || out.Field != "touches" {
		t.Errorf("no touches are answered %s", out.Code)
	}
	if out := w.step(&Command{Verb: VerbTouch, RequestID: "a b", Touch: &TouchCommand{Touches: many[:1]}}); out.Code != CodeInvalid || out.Field != "request_id" {
		t.Errorf("a wrong request id is answered %s", out.Code)
	}
}

// An event in mode observe takes what a shop reports and sells nothing.
func TestAnObservedEventSellsNothing(t *testing.T) {
	w, _ := goldenObserved(t)
	for _, cmd := range []*Command{
		{Verb: VerbHold, Buyer: "b1", Items: []Item{{Lot: "ga", Quantity: 1}}},
		{Verb: VerbOffer, Buyer: "b1", Items: []Item{{Lot: "ga", Quantity: 1}}, Payment: &PaymentCommand{Note: goodCard()}},
		{Verb: VerbBuy, Buyer: "b1", Items: []Item{{Lot: "ga", Quantity: 1}}, Payment: &PaymentCommand{Note: goodCard()}},
		{Verb: VerbBuy, Buyer: "b1", Hold: "h1", Payment: &PaymentCommand{Note: goodCard()}},
		{Verb: VerbConfirm, Buyer: "b1", Hold: "h1", PaymentRef: "inv"},
		{Verb: VerbConfirm, Buyer: "b1", Hold: "h1", PaymentRef: "inv", Payment: &PaymentCommand{Late: true}},
	} {
		if out := w.step(cmd); out.Code != CodeNotOnSale || !strings.Contains(string(out.AppendMessage(nil)), "observe") {
			t.Errorf("%s is answered %s: %s", cmd.Verb, out.Code, out.AppendMessage(nil))
		}
	}
	if out := w.step(&Command{Verb: VerbUpdate, Spec: &EventSpec{Set: SetObserve}}); out.Code != CodeInvalid || out.Field != "mode" {
		t.Errorf("an update of the mode is answered %s %s", out.Code, out.Field)
	}
}
