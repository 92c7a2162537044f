package engine_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/enginetest"
)

// TestGeneratorReachesEveryRule tests the tests: every verb must meet an event in every state and be answered with every code that it can have
// there, and a hold in every state, and be repeated. Otherwise the comparison with the model proves nothing about that rule. No other answer may come.
func TestGeneratorReachesEveryRule(t *testing.T) {
	const runsMax, first = 6000, 1000
	r := reach{}
	missing := []string{}
	for i := range uint64(runsMax) {
		_, twin, err := playPlain(enginetest.SeededDice(first+i), 90)
		if err != nil {
			t.Fatalf("seed %d: %v", first+i, err)
		}
		for met, n := range twin.Seen {
			r.note(met, n)
		}
		if i%200 == 199 {
			if missing = r.missing(); len(missing) == 0 {
				t.Logf("all seen after %d events", i+1)
				break
			}
		}
	}
	for _, m := range missing {
		t.Error(m)
	}
	for met := range r {
		if met.Event != anyEvent && met.Hold == "" && !met.Repeated && !slices.Contains(answers(met.Verb, met.Event), met.Code) {
			t.Errorf("%s in state %s is answered with %s, which no rule says", met.Verb, met.Event, met.Code)
		}
	}
}

// reach counts situations, each as a whole and as the parts of it that rules are about.
type reach map[enginetest.Situation]int

// anyEvent stands for events in all states.
const anyEvent = engine.EventState(255)

func (r reach) note(met enginetest.Situation, n int) {
	part := enginetest.Situation{Verb: met.Verb, Event: met.Event, Code: met.Code}
	if met.Repeated {
		part.Event, part.Repeated = anyEvent, true
	}
	r[part] += n
	if met.Hold != "" && !met.Repeated {
		r[enginetest.Situation{Verb: met.Verb, Event: anyEvent, Hold: met.Hold, Code: met.Code}] += n
	}
}

// missing says what was never seen.
func (r reach) missing() []string {
	var missing []string
	want := func(met enginetest.Situation, format string, values ...any) {
		if r[met] == 0 {
			missing = append(missing, fmt.Sprintf(format, values...))
		}
	}
	for verb := engine.VerbNone + 1; int(verb) < engine.Verbs; verb++ {
		for _, state := range []engine.EventState{0, engine.EventDraft, engine.EventOnSale, engine.EventPaused, engine.EventClosed, engine.EventCancelled} {
			for _, code := range answers(verb, state) {
				want(enginetest.Situation{Verb: verb, Event: state, Code: code}, "%s in state %s is never answered with %s", verb, state, code)
			}
		}
		if verb.OfCallers() && !verb.IsRead() && modelled(verb) {
			want(enginetest.Situation{Verb: verb, Event: anyEvent, Repeated: true}, "an accepted %s is never repeated", verb)
		}
	}
	for _, code := range answers(engine.VerbHold, engine.EventOnSale) {
		if code > engine.CodeRequestMismatch { // what comes before is not remembered
			want(enginetest.Situation{Verb: engine.VerbHold, Event: anyEvent, Repeated: true, Code: code}, "a hold refused with %s is never repeated", code)
		}
	}
	for _, verb := range []engine.Verb{engine.VerbExtend, engine.VerbRelease, engine.VerbConfirm} {
		for _, meets := range []struct {
			hold string
			code engine.Code
		}{
			{"none", engine.CodeHoldUnknown},
			{"of another", engine.CodeHoldUnknown},
			{"forgotten", engine.CodeHoldUnknown},
			{"held", engine.CodeOK},
			{"due", engine.CodeHoldExpired},
			{"expired", engine.CodeHoldExpired},
			{"confirmed", engine.CodeHoldEnded},
			{"released", engine.CodeHoldEnded},
			{"replaced", engine.CodeHoldEnded},
		} {
			want(enginetest.Situation{Verb: verb, Event: anyEvent, Hold: meets.hold, Code: meets.code}, "%s of a hold that is %s is never answered with %s",
				verb, meets.hold, meets.code)
		}
	}
	return missing
}

// modelled reports whether the model knows a verb: of payments it does not yet.
func modelled(verb engine.Verb) bool {
	switch verb { //nolint:exhaustive // those that are behind the first that it does not know
	case engine.VerbAdmit, engine.VerbReissue, engine.VerbRefund, engine.VerbCancel, engine.VerbTime, engine.VerbTouch:
		return true
	}
	return (verb < engine.VerbOffer || verb > engine.VerbOneClick) && verb < engine.VerbIntend
}

// answers says which codes a verb can be answered with in a state of the event, 0 if there is none: the rules by the codes they lead to.
func answers(verb engine.Verb, state engine.EventState) []engine.Code {
	if verb == engine.VerbWhy || verb == engine.VerbArchive {
		return nil // the model does neither: transcripts do
	}
	if !modelled(verb) {
		return nil
	}
	if verb == engine.VerbTouch {
		if state == 0 {
			return []engine.Code{engine.CodeInvalid, engine.CodeCardNumber, engine.CodeEventUnknown}
		}
		return []engine.Code{engine.CodeInvalid, engine.CodeCardNumber, engine.CodeOK, engine.CodeOrderUnknown}
	}
	if verb >= engine.VerbExpire {
		return []engine.Code{engine.CodeOK}
	}
	bad := []engine.Code{engine.CodeInvalid, engine.CodeCardNumber}
	with := func(codes ...engine.Code) []engine.Code { return slices.Concat(bad, codes) }
	if state == 0 {
		// The others are alike.
		//exhaustive:ignore
		switch verb {
		case engine.VerbCreate:
			return with(engine.CodeOK, engine.CodeTooMany)
		case engine.VerbGet:
			return []engine.Code{engine.CodeEventUnknown}
		default:
			return with(engine.CodeEventUnknown)
		}
	}
	if !verb.IsRead() {
		bad = append(bad, engine.CodeRequestMismatch)
	}
	either := func(ok bool, code engine.Code) []engine.Code {
		if ok {
			code = engine.CodeOK
		}
		return with(code)
	}
	// Those of the shell are done above.
	//exhaustive:ignore
	switch verb {
	case engine.VerbCreate:
		return with(engine.CodeEventExists, engine.CodeTooMany)
	case engine.VerbUpdate:
		if state == engine.EventClosed { // the show may still be moved
			return with(engine.CodeOK, engine.CodeWrongState, engine.CodeTooMany)
		}
		return slices.Concat(either(state != engine.EventCancelled, engine.CodeWrongState), []engine.Code{engine.CodeTooMany})
	case engine.VerbOpen:
		return either(state == engine.EventDraft || state == engine.EventPaused, engine.CodeWrongState)
	case engine.VerbPause:
		return either(state == engine.EventOnSale, engine.CodeWrongState)
	case engine.VerbClose:
		return either(state != engine.EventClosed && state != engine.EventCancelled, engine.CodeWrongState)
	case engine.VerbCancel:
		return either(state != engine.EventCancelled, engine.CodeWrongState)
	case engine.VerbAdmit, engine.VerbReissue:
		if state == engine.EventDraft {
			return with(engine.CodeTicketUnknown)
		}
		if state == engine.EventCancelled {
			return with(engine.CodeTicketUnknown, engine.CodeTicketVoid)
		}
		return with(engine.CodeOK, engine.CodeTicketUnknown, engine.CodeTicketVoid, engine.CodeAlreadyAdmitted)
	case engine.VerbRefund:
		if state == engine.EventDraft {
			return with(engine.CodeOrderUnknown)
		}
		return with(engine.CodeOK, engine.CodeOrderUnknown, engine.CodeTicketUnknown, engine.CodeTicketVoid, engine.CodeNotRefundable)
	case engine.VerbGet:
		return []engine.Code{engine.CodeOK}
	case engine.VerbHold:
		if state != engine.EventOnSale {
			return with(engine.CodeNotOnSale)
		}
		return with(engine.CodeOK, engine.CodeLotUnknown, engine.CodeSeatUnknown, engine.CodeLotNotOpen, engine.CodeBelowMinimum, engine.CodeAboveMaximum,
			engine.CodeRequiresMissing, engine.CodeLimitReached, engine.CodeSoldOut, engine.CodeSeatTaken, engine.CodePriceExceeded, engine.CodeTooMany, engine.CodeNotTogether)
	case engine.VerbExtend, engine.VerbRelease, engine.VerbConfirm:
		if state == engine.EventDraft {
			return with(engine.CodeHoldUnknown) // nothing was ever sold
		}
		if state == engine.EventCancelled {
			return with(engine.CodeHoldUnknown, engine.CodeHoldExpired, engine.CodeHoldEnded)
		}
		own := with(engine.CodeOK, engine.CodeHoldUnknown, engine.CodeHoldExpired, engine.CodeHoldEnded)
		if verb == engine.VerbConfirm {
			own = append(own, engine.CodePaymentRefMissing, engine.CodeTooMany)
		}
		return own
	case engine.VerbOrder:
		if state == engine.EventDraft {
			return with(engine.CodeOrderUnknown)
		}
		return with(engine.CodeOK, engine.CodeOrderUnknown)
	case engine.VerbBlock:
		return with(engine.CodeOK, engine.CodeLotUnknown, engine.CodePoolUnknown, engine.CodeSeatUnknown, engine.CodeSoldOut, engine.CodeSeatTaken)
	case engine.VerbUnblock:
		return with(engine.CodeOK, engine.CodeLotUnknown, engine.CodePoolUnknown, engine.CodeSeatUnknown, engine.CodeWrongState, engine.CodeAboveMaximum)
	default: // capacity
		return with(engine.CodeOK, engine.CodeLotUnknown, engine.CodePoolUnknown)
	}
}
