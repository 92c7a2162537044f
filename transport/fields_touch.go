package transport

import (
	"strconv"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
)

// The table of touches: what buyers' clients saw and did. They lie in the decoder's own memory like the items.

// newReport returns an empty TouchCommand. Those given out before stay where they are when the arena grows.
func (d *decoder) newReport() *engine.TouchCommand {
	if len(d.reports) == cap(d.reports) {
		d.reports = make([]engine.TouchCommand, 0, min(max(1, 2*cap(d.reports)), pooledPaymentsMax))
	}
	d.reports = append(d.reports, engine.TouchCommand{})
	return &d.reports[len(d.reports)-1]
}

// enterTouch appends an empty touch to the command being decoded.
func (d *decoder) enterTouch(s *scope) {
	switch {
	case len(d.touches)-s.touchesFrom == engine.TouchesPerCommandMax:
		d.fail(engine.CodeTooLarge, "", "a command holds at most "+strconv.Itoa(engine.TouchesPerCommandMax)+" touches")
		return
	case len(d.touches) == TouchesPerMessageMax:
		d.fail(engine.CodeTooLarge, "", "a message holds at most "+strconv.Itoa(TouchesPerMessageMax)+" touches")
		return
	}
	d.touches = append(d.touches, engine.Touch{})
	n := len(d.touches)
	s.cmd.Touch.Touches = d.touches[s.touchesFrom:n:n]
	s.touch = &d.touches[n-1]
}

func touchText(name string, num uint8, str func(*engine.Touch) *string) field {
	return field{name: name, num: num, kind: kindString, str: func(s *scope) *string { return str(s.touch) }}
}

func touchNumber(name string, num uint8, num64 func(*engine.Touch) *int64) field {
	return field{name: name, num: num, kind: kindInt, num64: func(s *scope) *int64 { return num64(s.touch) }}
}

var touchMessage = newMessage("Touch",
	field{name: "kind", num: 1, kind: kindString, words: touchKinds, word: func(s *scope, w string) (ok bool) {
		s.touch.Kind, ok = touchKindNamed(w)
		return ok
	}},
	touchText("id", 2, func(t *engine.Touch) *string { return &t.ID }),
	touchText("buyer", 3, func(t *engine.Touch) *string { return &t.Buyer }),
	touchText("session", 4, func(t *engine.Touch) *string { return &t.Session }),
	field{name: "consent", num: 5, kind: kindBool, flag: func(s *scope) *bool { return &s.touch.Consent }},
	touchNumber("ago_ms", 6, func(t *engine.Touch) *int64 { return &t.AgoMs }),
	field{name: "device", num: 7, kind: kindString, words: deviceWords, word: func(s *scope, w string) (ok bool) {
		s.touch.Device, ok = deviceNamed(w)
		return ok
	}},
	touchText("source", 8, func(t *engine.Touch) *string { return &t.Source }),
	touchText("channel", 9, func(t *engine.Touch) *string { return &t.Channel }),
	touchText("campaign", 10, func(t *engine.Touch) *string { return &t.Campaign }),
	field{name: "method_kind", num: 11, kind: kindString, words: "card, wallet, redirect, delayed_debit", word: func(s *scope, w string) (ok bool) {
		if w == "" {
			s.touch.Method = 0
			return true
		}
		s.touch.Method, ok = payment.ParseMethodKind(w)
		return ok
	}},
	touchNumber("cart_minor", 12, func(t *engine.Touch) *int64 { return &t.CartMinor }),
	touchText("step", 13, func(t *engine.Touch) *string { return &t.Step }),
	touchNumber("load_ms", 14, func(t *engine.Touch) *int64 { return &t.LoadMs }),
	touchNumber("prompt_ms", 15, func(t *engine.Touch) *int64 { return &t.PromptMs }),
	touchNumber("click_to_seen_ms", 16, func(t *engine.Touch) *int64 { return &t.ClickToSeenMs }),
	touchText("click_id", 17, func(t *engine.Touch) *string { return &t.ClickID }),
	touchText("survey", 18, func(t *engine.Touch) *string { return &t.Survey }),
	touchNumber("score", 19, func(t *engine.Touch) *int64 { return &t.Score }),
	touchText("text", 20, func(t *engine.Touch) *string { return &t.Text }),
	touchText("topic", 21, func(t *engine.Touch) *string { return &t.Topic }),
	touchText("order", 22, func(t *engine.Touch) *string { return &t.Order }),
	touchText("ref", 23, func(t *engine.Touch) *string { return &t.Ref }),
	touchNumber("quantity", 24, func(t *engine.Touch) *int64 { return &t.Quantity }),
	touchNumber("face_minor", 25, func(t *engine.Touch) *int64 { return &t.FaceMinor }),
	touchNumber("fees_minor", 26, func(t *engine.Touch) *int64 { return &t.FeesMinor }),
	touchNumber("tax_minor", 27, func(t *engine.Touch) *int64 { return &t.TaxMinor }),
	touchNumber("amount_minor", 28, func(t *engine.Touch) *int64 { return &t.AmountMinor }),
	touchText("failure", 29, func(t *engine.Touch) *string { return &t.Failure }),
	field{name: "flow", num: 30, kind: kindString, words: "standard, one_click", word: func(s *scope, w string) bool {
		switch w {
		case "", "standard":
			s.touch.Flow = engine.FlowStandard
		case "one_click":
			s.touch.Flow = engine.FlowOneClick
		default:
			return false
		}
		return true
	}},
)

var touchCommandMessage = newMessage("TouchCommand",
	requestIDField(),
	field{name: "touches", num: 5, kind: kindMessages, sub: touchMessage, enter: (*decoder).enterTouch},
	correlationField(),
)

// touchKinds lists the kinds of touches, for people.
var touchKinds = func() string {
	names := ""
	for k := engine.TouchAdViewed; int(k) < engine.TouchKinds; k++ {
		if names != "" {
			names += ", "
		}
		names += k.String()
	}
	return names
}()

// touchKindNamed returns the kind of a name; an empty one is none, which the engine refuses.
func touchKindNamed(name string) (engine.TouchKind, bool) {
	if name == "" {
		return 0, true
	}
	for k := engine.TouchAdViewed; int(k) < engine.TouchKinds; k++ {
		if k.String() == name {
			return k, true
		}
	}
	return 0, false
}
