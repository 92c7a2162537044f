package enginetest

import (
	"strconv"

	"github.com/holdfast-engine/holdfast/engine"
)

// touch draws touches: few ids, so that many are repeats, and now and then one that is wrong.
func (g *Generator) touch() engine.Command {
	list := make([]engine.Touch, 1+g.below(4, "touches"))
	for i := range list {
		t := &list[i]
		t.Kind, t.ID = engine.TouchKind(1+g.below(14, "kind")), g.Prefix+"t"+strconv.Itoa(g.below(12, "touch"))
		t.Consent, t.Device = g.chance(70, "consent"), engine.Device(g.below(5, "device"))
		if g.chance(70, "buyer") {
			t.Buyer = pick(g, "buyer", "b1", "b2", "b3")
		}
		t.AgoMs = pick[int64](g, "ago", 0, 0, 5, 86_400_000)
		switch t.Kind {
		case engine.TouchAdViewed:
			t.Campaign = "spring"
		case engine.TouchStepped:
			t.Step = "pay"
		case engine.TouchPageReady:
			t.LoadMs, t.PromptMs = 800, 900
		case engine.TouchClickSeen:
			t.ClickID, t.ClickToSeenMs = "r1", 640
		case engine.TouchSurveyed:
			t.Survey, t.Score = pick(g, "survey", "csat", "nps", "regret"), pick[int64](g, "score", 1, 1, 1, 0, 5, 11)
		case engine.TouchSupport:
			t.Topic = "refund"
		case engine.TouchDelivered:
			if g.chance(50, "order") {
				t.Order = pick(g, "order", "o1", "o2", "o9", "h1")
			}
		}
		g.spoilTouch(t)
	}
	return engine.Command{Verb: engine.VerbTouch, Touch: &engine.TouchCommand{Touches: list}}
}

// spoilTouch makes a touch wrong, one time in twenty.
func (g *Generator) spoilTouch(t *engine.Touch) {
	if !g.chance(5, "wrong") {
		return
	}
	switch g.below(9, "what") {
	case 0:
		t.Kind = engine.TouchKind(g.below(20, "kind"))
	case 1:
		t.ID = g.badID()
	case 2:
		t.Buyer = "5555555555554444"
	case 3:
		t.AgoMs = pick[int64](g, "ago", -1, 86_400_001)
	case 4:
		t.Flow = engine.Flow(1 + g.below(3, "flow"))
	case 5:
		t.Survey, t.Text = "csat", "paid with 5555 5555 5555 4444"
	case 6:
		t.Step, t.Quantity = "pay", 2
	case 7:
		*t = engine.Touch{Kind: engine.TouchOrdered, ID: t.ID, Ref: "A-1", Quantity: 1, FaceMinor: 10, TaxMinor: pick[int64](g, "tax", 1, 11)}
	case 8:
		t.Device, t.CartMinor = 9, -1
	}
}
