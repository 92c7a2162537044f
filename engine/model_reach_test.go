package engine_test

import (
	"slices"
	"testing"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/enginetest"
)

// TestGeneratorReachesEveryRule tests the tests: every verb must meet an event in every state and be answered with every code that it can have
// there, and a hold in every state, and be repeated. Otherwise the comparison with the model proves nothing about that rule. No other answer may come.
func TestGeneratorReachesEveryRule(t *testing.T) {
	const runs, first = 3500, 1000
	seen := map[enginetest.Situation]int{}
	for seed := uint64(first); seed < first+runs; seed++ {
		_, twin, err := play(enginetest.SeededDice(seed), 90)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for met, n := range twin.Seen {
			seen[met] += n
		}
	}
	fresh, repeated, holds := map[enginetest.Situation]int{}, map[enginetest.Situation]int{}, map[enginetest.Situation]int{}
	for met, n := range seen {
		answer := enginetest.Situation{Verb: met.Verb, Code: met.Code}
		if met.Repeated {
			repeated[answer] += n
			continue
		}
		answer.Event = met.Event
		fresh[answer] += n
		if met.Hold != "" {
			holds[enginetest.Situation{Verb: met.Verb, Code: met.Code, Hold: met.Hold}] += n
		}
	}
	for verb := engine.VerbNone + 1; int(verb) < engine.Verbs; verb++ {
		for _, state := range []engine.EventState{0, engine.EventDraft, engine.EventOnSale, engine.EventPaused, engine.EventClosed} {
			want := answers(verb, state)
			for code := range engine.Codes {
				met := enginetest.Situation{Verb: verb, Event: state, Code: engine.Code(code)}
				switch expected := slices.Contains(want, met.Code); {
				case expected && fresh[met] == 0:
					t.Errorf("%s in state %s is never answered with %s", verb, state, met.Code)
				case !expected && fresh[met] > 0:
					t.Errorf("%s in state %s is answered with %s, which no rule says", verb, state, met.Code)
				}
			}
		}
		if verb < engine.VerbExpire && !verb.IsRead() && repeated[enginetest.Situation{Verb: verb}] == 0 {
			t.Errorf("an accepted %s is never repeated", verb)
		}
	}
	for _, code := range answers(engine.VerbHold, engine.EventOnSale) {
		if remembered := code > engine.CodeRequestMismatch; remembered && repeated[enginetest.Situation{Verb: engine.VerbHold, Code: code}] == 0 {
			t.Errorf("a hold refused with %s is never repeated", code)
		}
	}
	for _, verb := range []engine.Verb{engine.VerbExtend, engine.VerbRelease, engine.VerbConfirm} {
		for hold, code := range map[string]engine.Code{
			"none": engine.CodeHoldUnknown, "of another": engine.CodeHoldUnknown, "forgotten": engine.CodeHoldUnknown,
			"held": engine.CodeOK, "due": engine.CodeHoldExpired, "expired": engine.CodeHoldExpired,
			"confirmed": engine.CodeHoldEnded, "released": engine.CodeHoldEnded, "replaced": engine.CodeHoldEnded,
		} {
			if holds[enginetest.Situation{Verb: verb, Code: code, Hold: hold}] == 0 {
				t.Errorf("%s of a hold that is %s is never answered with %s", verb, hold, code)
			}
		}
	}
	if t.Failed() {
		t.Log(coverage(seen))
	}
}

// answers says which codes a verb can be answered with in a state of the event, 0 if there is none: the rules by the codes they lead to.
func answers(verb engine.Verb, state engine.EventState) []engine.Code {
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
		return slices.Concat(either(state != engine.EventClosed, engine.CodeWrongState), []engine.Code{engine.CodeTooMany})
	case engine.VerbOpen:
		return either(state == engine.EventDraft || state == engine.EventPaused, engine.CodeWrongState)
	case engine.VerbPause:
		return either(state == engine.EventOnSale, engine.CodeWrongState)
	case engine.VerbClose:
		return either(state != engine.EventClosed, engine.CodeWrongState)
	case engine.VerbGet:
		return []engine.Code{engine.CodeOK}
	case engine.VerbHold:
		if state != engine.EventOnSale {
			return with(engine.CodeNotOnSale)
		}
		return with(engine.CodeOK, engine.CodeLotUnknown, engine.CodeSeatUnknown, engine.CodeLotNotOpen, engine.CodeBelowMinimum, engine.CodeAboveMaximum,
			engine.CodeRequiresMissing, engine.CodeLimitReached, engine.CodeSoldOut, engine.CodeSeatTaken, engine.CodePriceExceeded, engine.CodeTooMany)
	case engine.VerbExtend, engine.VerbRelease, engine.VerbConfirm:
		if state == engine.EventDraft {
			return with(engine.CodeHoldUnknown) // nothing was ever sold
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
