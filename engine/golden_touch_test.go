package engine

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/holdfast-engine/holdfast/engine/payment"
)

// everyTouch is a touch of every kind with every field that it may have, but for those of an event in mode observe.
func everyTouch() []Touch {
	common := Touch{
		Buyer: "b1", Session: "s1", Consent: true, AgoMs: 1500, Device: DeviceMobile, Source: "newsletter", Channel: "web", Campaign: "spring", Method: payment.MethodCard, CartMinor: 9500,
	}
	var list []Touch
	for kind := TouchAdViewed; kind <= TouchDelivered; kind++ {
		t := common
		t.Kind, t.ID = kind, "t-"+strings.ReplaceAll(kind.String(), "_", "-")
		switch kind { //nolint:exhaustive // the others have only the common fields
		case TouchStepped, TouchAbandoned:
			t.Step = "details"
		case TouchPageReady:
			t.LoadMs, t.PromptMs = 810, 950
		case TouchClickSeen:
			t.ClickToSeenMs, t.ClickID = 640, "r7"
		case TouchSurveyed:
			t.Survey, t.Score, t.Text, t.Order = "nps", 9, "quick, thank you", "o1"
		case TouchSupport:
			t.Topic, t.Order = "lost_ticket", "o1"
		case TouchDelivered:
			t.Order = "o1"
		}
		list = append(list, t)
	}
	return list
}

// everyObserved is a touch of every kind that only an event in mode observe has.
func everyObserved() []Touch {
	return []Touch{
		{Kind: TouchOrdered, ID: "t1", Buyer: "b1", Consent: true, Ref: "A-1", Quantity: 2, FaceMinor: 9000, FeesMinor: 500, TaxMinor: 700, Flow: FlowOneClick},
		{Kind: TouchFailed, ID: "t2", Session: "s1", Consent: true, Failure: "payment", Step: "pay", Method: payment.MethodRedirect},
		{Kind: TouchRefunded, ID: "t3", Buyer: "b1", Consent: true, Ref: "A-1", AmountMinor: 9500},
		{Kind: TouchOrdered, ID: "t4", Buyer: "b2", Ref: "A-2", Quantity: 1, FaceMinor: 4500},
		{Kind: TouchSupport, ID: "t5", Buyer: "b1", Consent: true, Topic: "refund", Ref: "A-1"},
	}
}

func goldenTouches(t testing.TB) (w *world, lines []string) {
	t.Helper()
	w = &world{t: t, e: NewWithLimits(testKey(), Limits{Touches: 12}), now: start}
	do := func(cmd *Command, code Code) {
		t.Helper()
		w.facts.Reset()
		if out := w.step(cmd); out.Code != code {
			t.Fatalf("%s: %s: %s", cmd.Verb, out.Code, out.AppendMessage(nil))
		}
		lines = append(lines, fmt.Sprintf("%s %d %d %s", cmd.Verb, w.now-start, w.facts.Count, hex.EncodeToString(w.facts.Buf)))
		w.now += second / 4
	}
	do(&Command{Verb: VerbCreate, Spec: testSpec()}, CodeOK)
	do(hold("b1", "ga", 2), CodeOK)
	do(&Command{Verb: VerbConfirm, Buyer: "b1", Hold: "h1", PaymentRef: "inv-1"}, CodeOK)
	touches := everyTouch()
	do(&Command{Verb: VerbTouch, Touch: &TouchCommand{Touches: touches}}, CodeOK) // the first two are forgotten by the last two
	do(&Command{Verb: VerbTouch, Touch: &TouchCommand{Touches: touches[1:4]}}, CodeOK)
	for i := range touches {
		touches[i].Consent, touches[i].ID = false, touches[i].ID+"-2"
	}
	do(&Command{Verb: VerbTouch, Touch: &TouchCommand{Touches: touches}}, CodeOK)
	do(&Command{Verb: VerbProve}, CodeOK)
	return w, lines
}

func goldenObserved(t testing.TB) (w *world, lines []string) {
	t.Helper()
	w = &world{t: t, e: New(testKey()), now: start}
	do := func(cmd *Command, code Code) {
		t.Helper()
		w.facts.Reset()
		if out := w.step(cmd); out.Code != code {
			t.Fatalf("%s: %s: %s", cmd.Verb, out.Code, out.AppendMessage(nil))
		}
		lines = append(lines, fmt.Sprintf("%s %d %d %s", cmd.Verb, w.now-start, w.facts.Count, hex.EncodeToString(w.facts.Buf)))
	}
	do(&Command{Verb: VerbCreate, Spec: &EventSpec{Name: "Elsewhere", Currency: "EUR", Open: true, Observe: true}}, CodeOK)
	do(&Command{Verb: VerbTouch, Touch: &TouchCommand{Touches: everyObserved()}}, CodeOK)
	do(hold("b1", "ga", 1), CodeNotOnSale)
	do(&Command{Verb: VerbProve}, CodeOK)
	return w, lines
}

// TestTouchesAreWrittenAsEver compares touches with what was written when they were new: facts, their words, snapshot and hash.
func TestTouchesAreWrittenAsEver(t *testing.T) {
	for name, make := range map[string]func(testing.TB) (*world, []string){"touches.txt": goldenTouches, "observed.txt": goldenObserved} {
		w, lines := make(t)
		snapshot := w.e.AppendSnapshot(nil)
		again := New(testKey())
		var words []string
		for _, line := range lines {
			f := strings.Fields(line)
			run := Run{Key: testKey(), First: again.Seq() + 1}
			if _, err := fmt.Sscan(f[1]+" "+f[2], &run.At, &run.Facts.Count); err != nil {
				t.Fatal(err)
			}
			if run.At += start; run.Facts.Count == 0 {
				continue
			}
			run.Facts.Buf, _ = hex.DecodeString(f[3])
			err := again.FoldEach(&run, func(v *FactView) bool {
				words = append(words, v.Kind+" "+v.Text)
				return true
			})
			if err != nil {
				t.Fatalf("%s: %v", f[0], err)
			}
			if err := new(Teller).Each(&run, func(*Told) error { return nil }); err != nil {
				t.Fatalf("%s: %v", f[0], err)
			}
		}
		opened, err := OpenSnapshot(testKey(), snapshot)
		if err != nil {
			t.Fatal(err)
		}
		if err := again.Check(); err != nil {
			t.Fatal(err)
		}
		if again.StateHash() != w.e.StateHash() {
			t.Errorf("replayed %016x, live %016x", again.StateHash(), w.e.StateHash())
		}
		if again := opened.AppendSnapshot(nil); opened.StateHash() != w.e.StateHash() || hex.EncodeToString(again) != hex.EncodeToString(snapshot) {
			t.Error("the snapshot of a snapshot is another one")
		}
		lines = append(append(lines, words...), "snapshot "+hex.EncodeToString(snapshot), fmt.Sprintf("hash %016x", w.e.StateHash()))
		golden(t, name, strings.Join(lines, "\n")+"\n")
	}
}
