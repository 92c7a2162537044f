package engine

import "github.com/holdfast-engine/holdfast/engine/payment"

// TouchKind is what a buyer's client saw or did. The numbers are part of the log's format.
type TouchKind uint8

// The kinds of touches. Those after TouchDelivered are for events in mode observe only, which sell elsewhere.
const (
	TouchAdViewed  TouchKind = iota + 1 // Campaign
	TouchViewed                         // the event's page
	TouchSelected                       // tickets were chosen: CartMinor
	TouchPrompted                       // the one-click button was shown
	TouchDismissed                      // and closed without a click
	TouchClicked                        // and clicked
	TouchCarted                         // tickets were put into the cart
	TouchStepped                        // a step of the checkout: Step
	TouchAbandoned                      // the buyer left
	TouchPageReady                      // LoadMs, PromptMs
	TouchClickSeen                      // ClickToSeenMs of the click with ClickID
	TouchSurveyed                       // Survey, Score, Text
	TouchSupport                        // Topic, Order
	TouchDelivered                      // a ticket has reached its buyer: Order
	TouchOrdered                        // observe: Ref, Quantity, FaceMinor, FeesMinor, TaxMinor
	TouchFailed                         // observe: an attempt that did not become an order: Failure
	TouchRefunded                       // observe: Ref, AmountMinor
	touchKindsEnd
)

// TouchKinds is one more than the last kind: the size of a table indexed by TouchKind.
const TouchKinds = int(touchKindsEnd)

//nolint:gochecknoglobals // a constant table: Go has no constant arrays
var touchKindNames = [TouchKinds]string{
	"", "ad_viewed", "viewed", "selected", "prompted", "dismissed", "clicked", "carted", "stepped", "abandoned", "page_ready", "click_seen", "surveyed", "support",
	"delivered", "ordered", "failed", "refunded",
}

// String returns the kind's name on the wire.
func (k TouchKind) String() string {
	if k < touchKindsEnd {
		return touchKindNames[k]
	}
	return "touch_unknown"
}

// TouchCommand is what a command of VerbTouch says: one touch or several, up to TouchesPerCommandMax. With VerbTime it has what the shell has measured.
type TouchCommand struct {
	Touches []Touch
	Times   []Timed // in the order of class, flow and failure, none of them twice or empty
}

// TouchView shows what became of the touches of a command.
type TouchView struct {
	Taken    int64 // that count
	Repeated int64 // whose ids were known
}

// Touch is one thing that a buyer's client saw or did, as the calling service reports it. Which flow and which arm of the rollout it belongs to is not its to
// say: the engine knows. Strings belong to the caller, as those of a [Command] do.
type Touch struct {
	Kind TouchKind
	ID   string // the caller's, unique in the event: the same one counts once
	// Buyer, or Session before the buyer is known; both say that the session is this buyer's. Without Consent both are dropped before anything is kept, and the
	// touch counts in sums only.
	Buyer, Session string
	Consent        bool
	AgoMs          int64 // how long ago it was, 0 to TouchAgoMsMax: a duration by the reporter's clock, never a time of day
	Device         Device
	Source         string // where the buyer came from, an id
	Channel        string // an id
	Campaign       string // an id
	Method         payment.MethodKind
	CartMinor      int64
	Step           string // an id
	LoadMs         int64
	PromptMs       int64
	ClickToSeenMs  int64
	ClickID        string // the request id of the click
	Survey         string // csat, nps or regret
	Score          int64
	Text           string // up to TouchTextLenMax bytes; never a card number
	Topic          string // an id
	Order          string // as the engine wrote it

	// Of events in mode observe.
	Ref         string // the shop's own order, an id
	Quantity    int64  // tickets
	FaceMinor   int64
	FeesMinor   int64
	TaxMinor    int64 // included in face and fees
	AmountMinor int64
	Failure     string // ours, payment, stock, buyer or input
	Flow        Flow   // observe only: which checkout of the shop it was
}
