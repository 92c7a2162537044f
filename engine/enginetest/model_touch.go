package enginetest

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/holdfast-engine/holdfast/engine"
)

// touch takes touches the naive way: a list of the ids that are remembered, looked through from end to end.
func (m *Model) touch(cmd *engine.Command) *engine.Outcome {
	var touches []engine.Touch
	if cmd.Touch != nil {
		touches = cmd.Touch.Touches
	}
	if cmd.RequestID != "" {
		m.id("request_id", cmd.RequestID)
	}
	m.bad.addIf(len(touches) == 0 || len(touches) > engine.TouchesPerCommandMax, engine.CodeInvalid, "touches")
	for i := range touches {
		m.badTouch(&touches[i], fmt.Sprintf("touches[%d].", i))
	}
	if len(m.bad) > 0 {
		return m.refuseBad()
	}
	if !m.exists {
		m.refusals.add(engine.CodeEventUnknown, "event")
		return &engine.Outcome{Code: engine.CodeEventUnknown}
	}
	for i := range touches {
		t, field := &touches[i], fmt.Sprintf("touches[%d].", i)
		if !m.spec.Observe {
			m.bad.addIf(slices.Contains([]engine.TouchKind{engine.TouchOrdered, engine.TouchFailed, engine.TouchRefunded}, t.Kind), engine.CodeInvalid, field+"kind")
			m.bad.addIf(t.Flow == engine.FlowOneClick, engine.CodeInvalid, field+"flow")
			m.bad.addIf(t.Ref != "", engine.CodeInvalid, field+"ref")
		}
		if t.Order != "" {
			id, in, ok := engine.ParseOrderID(t.Order)
			m.bad.addIf(!ok || int(id) > len(m.orders) || m.orders[id-1].in != in, engine.CodeOrderUnknown, field+"order")
		}
	}
	if len(m.bad) > 0 {
		return m.refuseBad()
	}
	view := engine.TouchView{}
	for i := range touches {
		if slices.Contains(m.touched, touches[i].ID) {
			view.Repeated++
			continue
		}
		view.Taken++
		if m.touched = append(m.touched, touches[i].ID); len(m.touched) > m.limits.Touches {
			m.touched = m.touched[1:]
		}
	}
	return &engine.Outcome{Repeated: view.Taken == 0, Shows: engine.ShowsTouch, Touch: view}
}

// badTouch adds what can never be right in a touch.
func (m *Model) badTouch(t *engine.Touch, field string) {
	bad := func(is bool, name string) { m.bad.addIf(is, engine.CodeInvalid, field+name) }
	bad(t.Kind == 0 || int(t.Kind) >= engine.TouchKinds, "kind")
	bad(t.Device > engine.DeviceKiosk, "device")
	bad(t.Method > 4, "method_kind")
	bad(t.Flow > engine.FlowOneClick, "flow")
	m.id(field+"id", t.ID)
	is := func(kinds ...engine.TouchKind) bool { return slices.Contains(kinds, t.Kind) }
	for _, f := range []struct {
		name, value string
		needed, may bool
	}{
		{"buyer", t.Buyer, false, true},
		{"session", t.Session, false, true},
		{"source", t.Source, false, true},
		{"channel", t.Channel, false, true},
		{"campaign", t.Campaign, is(engine.TouchAdViewed), true},
		{"step", t.Step, is(engine.TouchStepped), is(engine.TouchStepped, engine.TouchAbandoned, engine.TouchFailed)},
		{"click_id", t.ClickID, is(engine.TouchClickSeen), is(engine.TouchClickSeen)},
		{"topic", t.Topic, is(engine.TouchSupport), is(engine.TouchSupport)},
		{"order", t.Order, false, is(engine.TouchSurveyed, engine.TouchSupport, engine.TouchDelivered)},
		{"ref", t.Ref, is(engine.TouchOrdered, engine.TouchRefunded), is(engine.TouchSurveyed, engine.TouchSupport, engine.TouchDelivered, engine.TouchOrdered, engine.TouchRefunded)},
	} {
		bad(f.value == "" && f.needed || f.value != "" && !f.may, f.name)
		if f.value != "" {
			m.id(field+f.name, f.value)
		}
	}
	const money = int64(engine.MinorMax)
	for _, f := range []struct {
		name        string
		value, most int64
		needed, may bool
	}{
		{"ago_ms", t.AgoMs, engine.TouchAgoMsMax, false, true},
		{"cart_minor", t.CartMinor, money, false, true},
		{"load_ms", t.LoadMs, engine.TouchDurationMsMax, false, is(engine.TouchPageReady)},
		{"prompt_ms", t.PromptMs, engine.TouchDurationMsMax, false, is(engine.TouchPageReady)},
		{"click_to_seen_ms", t.ClickToSeenMs, engine.TouchDurationMsMax, false, is(engine.TouchClickSeen)},
		{"quantity", t.Quantity, engine.QuantityMax, is(engine.TouchOrdered), is(engine.TouchOrdered)},
		{"face_minor", t.FaceMinor, money, false, is(engine.TouchOrdered)},
		{"fees_minor", t.FeesMinor, money, false, is(engine.TouchOrdered)},
		{"tax_minor", t.TaxMinor, min(money, t.FaceMinor+t.FeesMinor), false, is(engine.TouchOrdered)},
		{"amount_minor", t.AmountMinor, money, is(engine.TouchRefunded), is(engine.TouchRefunded)},
	} {
		bad(f.value == 0 && f.needed || f.value != 0 && !f.may || f.value < 0 || f.value > f.most, f.name)
	}
	scores := map[string][2]int64{"csat": {1, 5}, "nps": {0, 10}, "regret": {0, 1}}
	bounds, known := scores[t.Survey]
	surveyed := is(engine.TouchSurveyed)
	bad(surveyed != known || !surveyed && t.Survey != "", "survey")
	bad(surveyed && known && (t.Score < bounds[0] || t.Score > bounds[1]) || !surveyed && t.Score != 0, "score")
	bad(t.Text != "" && !surveyed || len(t.Text) > engine.TouchTextLenMax || !utf8.ValidString(t.Text) || strings.Contains(t.Text, "\t"), "text")
	m.bad.addIf(engine.HidesCardNumber(t.Text), engine.CodeCardNumber, field+"text")
	failed := is(engine.TouchFailed)
	bad(failed != (t.Failure != "") || failed && !slices.Contains([]string{"ours", "payment", "stock", "buyer", "input"}, t.Failure), "failure")
}
