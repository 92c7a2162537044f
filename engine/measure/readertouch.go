package measure

import (
	"strings"

	"github.com/holdfast-engine/holdfast/engine"
)

// kindOfTouch is the entry that a touch becomes.
//
//nolint:gochecknoglobals // a constant table: Go has no constant arrays
var kindOfTouch = [engine.TouchKinds]Kind{
	engine.TouchAdViewed: KindAdViewed, engine.TouchViewed: KindViewed, engine.TouchSelected: KindSelected, engine.TouchPrompted: KindPrompted,
	engine.TouchDismissed: KindDismissed, engine.TouchClicked: KindClicked, engine.TouchCarted: KindCarted, engine.TouchStepped: KindStepped,
	engine.TouchAbandoned: KindAbandoned, engine.TouchPageReady: KindPageReady, engine.TouchClickSeen: KindClickSeen, engine.TouchSurveyed: KindSurveyed,
	engine.TouchSupport: KindSupport, engine.TouchDelivered: KindDelivered, engine.TouchOrdered: KindObservedOrder, engine.TouchFailed: KindObservedFailed,
	engine.TouchRefunded: KindObservedRefund,
}

// touched takes what a buyer's client saw or did.
func (r *Reader) touched(e *told, t *engine.Touch, at engine.Instant) {
	entry := r.begin(kindOfTouch[t.Kind], e, at-engine.Instant(t.AgoMs)*1e6)
	if t.Order != "" {
		if id, _, ok := engine.ParseOrderID(t.Order); ok {
			if row := e.orders.at(uint64(id)); row != nil {
				r.ofOrder(e, id, row)
				entry.Person, entry.Purchase, entry.Units, entry.Money = 0, 0, 0, Money{}
			}
			entry.Order = id
		}
	}
	switch {
	case t.Session != "" && t.Buyer != "":
		entry.Person, entry.Alias = max(personIn(e.sessions, t.Session), 1), e.person(t.Buyer)
	case t.Session != "":
		entry.Person = max(personIn(e.sessions, t.Session), 1)
	case t.Buyer != "":
		entry.Person = e.person(t.Buyer)
	}
	if e.observe {
		entry.Flow, entry.HasFlow = t.Flow, t.Flow != engine.FlowStandard || ofCheckout(t.Kind)
	}
	if t.Device != engine.DeviceUnknown {
		entry.Device = t.Device
	}
	if t.Channel != "" {
		entry.Channel = t.Channel
	}
	if t.Method != 0 {
		entry.Method = t.Method
	}
	entry.Source, entry.AmountMinor, entry.Score, entry.Units = t.Source, t.CartMinor, t.Score, t.Quantity
	entry.LoadMs, entry.PromptMs, entry.DurationMs = t.LoadMs, t.PromptMs, t.ClickToSeenMs
	switch t.Kind { //nolint:exhaustive // the others have what all touches have
	case engine.TouchAdViewed:
		entry.Text = t.Campaign
	case engine.TouchStepped, engine.TouchAbandoned:
		entry.Text = t.Step
	case engine.TouchSupport:
		entry.Text = t.Topic
	case engine.TouchClickSeen:
		if t.ClickID != "" {
			entry.Ref = e.ref(t.ClickID)
		}
	case engine.TouchSurveyed:
		entry.Survey = surveyNamed(t.Survey)
	case engine.TouchOrdered:
		entry.Money = Money{FaceMinor: t.FaceMinor, FeesMinor: t.FeesMinor, TaxMinor: t.TaxMinor, TotalMinor: t.FaceMinor + t.FeesMinor}
	case engine.TouchFailed:
		entry.Failure, entry.Text = failureNamed(t.Failure), t.Step
	case engine.TouchRefunded:
		entry.AmountMinor = t.AmountMinor
	}
	if t.Ref != "" {
		entry.Ref = e.ref(t.Ref)
	}
	r.emit()
}

// ofCheckout says whether a touch is of a checkout, which has a flow: the standard one if it does not say. Of what a buyer does before and behind it, silence says nothing.
func ofCheckout(k engine.TouchKind) bool {
	switch k { //nolint:exhaustive // the others are not
	case engine.TouchCarted, engine.TouchStepped, engine.TouchOrdered, engine.TouchFailed, engine.TouchRefunded:
		return true
	}
	return false
}

func surveyNamed(name string) Survey {
	switch name {
	case "csat":
		return SurveyCSAT
	case "nps":
		return SurveyNPS
	case "regret":
		return SurveyRegret
	}
	return 0
}

func failureNamed(name string) Failure {
	switch name {
	case "ours":
		return FailureOurs
	case "payment":
		return FailurePayment
	case "stock":
		return FailureStock
	case "buyer":
		return FailureBuyer
	case "input":
		return FailureInput
	}
	return FailureNone
}

// texts numbers texts that come again and again. The number 0 is the empty text.
type texts struct {
	ids  map[string]uint16
	list []string
	last uint16 // the one asked for last: few channels come again and again
}

// textsMax is how many channels a reader tells apart over all events; all others are [SeriesOther]. A book has fewer.
const textsMax = 1 << 12

func (w *texts) of(text string) uint16 {
	if text == "" {
		return 0
	}
	if w.last != 0 && w.list[w.last-1] == text {
		return w.last
	}
	if id, ok := w.ids[text]; ok {
		w.last = id
		return id
	}
	if w.ids == nil {
		w.ids = make(map[string]uint16)
	}
	if len(w.list) >= textsMax-1 && text != SeriesOther {
		return w.of(SeriesOther)
	}
	text = strings.Clone(text)
	w.list = append(w.list, text)
	w.ids[text] = uint16(len(w.list))
	return uint16(len(w.list))
}

func (w *texts) text(id uint16) string {
	if id == 0 {
		return ""
	}
	return w.list[id-1]
}
