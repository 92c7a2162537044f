package engine

import (
	"math/bits"
	"strconv"
	"strings"

	"github.com/holdfast-engine/holdfast/engine/payment"
)

// validTouches checks touches alone, as the checks of valid.go do: the first that is wrong refuses the whole command.
func (e *Event) validTouches(cmd *Command) bool {
	if cmd.RequestID != "" && !e.validID("request_id", cmd.RequestID) {
		return false
	}
	if cmd.Touch == nil || len(cmd.Touch.Touches) == 0 {
		e.bad("touches", "it is missing")
		return false
	}
	if len(cmd.Touch.Touches) > TouchesPerCommandMax {
		e.tooMany("touches", TouchesPerCommandMax)
		return false
	}
	for i := range cmd.Touch.Touches {
		if !e.validTouch(&cmd.Touch.Touches[i]) {
			e.out.Field = touchField(i, e.out.Field)
			return false
		}
	}
	return true
}

func touchField(i int, name string) string { return "touches[" + strconv.Itoa(i) + "]." + name }

func (e *Event) validTouch(t *Touch) bool {
	switch {
	case t.Kind == 0 || t.Kind >= touchKindsEnd:
		e.bad("kind", "it is missing, or no kind of touch")
		return false
	case !e.validID("id", t.ID):
		return false
	case t.Device > DeviceKiosk:
		e.bad("device", "no such device")
		return false
	case t.Method > payment.MethodDelayedDebit:
		e.bad("method_kind", "no such kind of payment method")
		return false
	case t.Flow > FlowOneClick:
		e.bad("flow", "it is standard or one_click")
		return false
	}
	set, rule := t.fields(), &touchRules[t.Kind]
	if missing := rule.needs &^ set; missing != 0 {
		e.bad(missing.first(), "it is missing: "+t.Kind.String()+" needs it")
		return false
	}
	if foreign := set &^ (touchCommon | rule.needs | rule.may); foreign != 0 {
		e.bad(foreign.first(), "it does not go with "+t.Kind.String())
		return false
	}
	for rest := set; rest != 0; rest &= rest - 1 {
		if !e.validTouchField(t, bits.TrailingZeros32(uint32(rest))) {
			return false
		}
	}
	if t.Kind == TouchSurveyed {
		return e.validScore(t)
	}
	if t.TaxMinor > t.FaceMinor+t.FeesMinor {
		e.bad("tax_minor", "it is part of face and fees: 0 to their sum")
		return false
	}
	return true
}

// first is the name of the first of the fields.
func (f touchFields) first() string { return touchFieldNames[bits.TrailingZeros32(uint32(f))] }

func (e *Event) validTouchField(t *Touch, n int) bool {
	text, number := t.field(n)
	bit := touchFields(1) << n
	switch {
	case bit == touchText:
		if !e.validText("text", strings.ReplaceAll(*text, "\n", " "), TouchTextLenMax) { // people write lines
			return false
		}
		if HidesCardNumber(*text) { // and card numbers in whatever way comes to mind, with whatever else is on the card
			e.card("text")
			return false
		}
		return true
	case bit == touchFailure:
		switch *text {
		case "ours", "payment", "stock", "buyer", "input":
			return true
		}
		e.bad("failure", "it is ours, payment, stock, buyer or input")
		return false
	case text != nil:
		return e.validID(touchFieldNames[n], *text)
	}
	most := int64(MinorMax)
	switch bit { //nolint:exhaustive // the others are money
	case touchAgo:
		most = TouchAgoMsMax
	case touchLoad, touchPrompt, touchClickToSeen:
		most = TouchDurationMsMax
	case touchScore:
		return true // of which survey it is decides
	case touchQuantity:
		most = QuantityMax
	}
	if *number < 0 || *number > most {
		e.bad(touchFieldNames[n], "it is 0 to "+strconv.FormatInt(most, 10))
		return false
	}
	return true
}

// validScore checks what a survey was answered.
func (e *Event) validScore(t *Touch) bool {
	least, most := int64(0), int64(0)
	switch t.Survey {
	case "csat":
		least, most = 1, 5
	case "nps":
		most = 10
	case "regret":
		most = 1
	default:
		e.bad("survey", "it is csat, nps or regret")
		return false
	}
	if t.Score < least || t.Score > most {
		e.bad("score", "of "+t.Survey+" it is "+strconv.FormatInt(least, 10)+" to "+strconv.FormatInt(most, 10))
		return false
	}
	return true
}

// fitTouches checks touches against the event. Their refusals are in no tally: nobody was refused a ticket.
func (e *Event) fitTouches(touches []Touch) bool {
	for i := range touches {
		t := &touches[i]
		switch {
		case !e.spec.Observe && t.Kind > TouchDelivered:
			e.bad(touchField(i, "kind"), "it is for events in mode observe: of what the engine sells itself it knows")
		case !e.spec.Observe && t.Flow != FlowStandard:
			e.bad(touchField(i, "flow"), "it is for events in mode observe: of what the engine sells itself it knows")
		case !e.spec.Observe && t.Ref != "":
			e.bad(touchField(i, "ref"), "it is for events in mode observe: name the order")
		case t.Order != "" && !e.knowsOrder(t.Order):
			e.out.Code, e.out.Field = CodeOrderUnknown, touchField(i, "order")
		default:
			continue
		}
		return false
	}
	return true
}

// knowsOrder reports whether there is an order that is written so.
func (e *Event) knowsOrder(text string) bool {
	id, in, ok := ParseOrderID(text)
	return ok && uint64(id) <= uint64(e.orders.rows) && in == e.orderIncarnation(id)
}
