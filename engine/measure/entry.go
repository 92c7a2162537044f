package measure

import (
	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
)

// Kind is what happened.
type Kind uint8

// The kinds. Those of the first part are touches, what a buyer's client or the shop reported; those of the second are facts of the engine, which need no
// report; those of the third are about the event itself.
const (
	KindNone Kind = iota

	KindAdViewed       // Text: campaign
	KindViewed         // the event's page: a buyer-event begins here
	KindSelected       // tickets were chosen; AmountMinor: value of the cart
	KindPrompted       // the one-click button was shown
	KindDismissed      // it was closed without a click
	KindClicked        // it was clicked
	KindCarted         // tickets were put into the cart
	KindStepped        // a step of the standard checkout: Text names it, as in "details" or "payment"
	KindAbandoned      // the client saw its buyer leave
	KindPageReady      // LoadMs, PromptMs
	KindClickSeen      // DurationMs: from the click until the buyer saw the result, by the client's own clock; Ref: the request id
	KindSurveyed       // Score with Survey
	KindSupport        // Text: topic; Order, or 0
	KindDelivered      // a ticket has reached its buyer
	KindObservedOrder  // mode observe: the shop sold elsewhere; Ref: its order; Money, Units
	KindObservedFailed // mode observe: an attempt that did not become an order; Failure
	KindObservedRefund // mode observe: money went back; Ref: the order; AmountMinor

	KindOffered    // the one-click button was promised: OneClick, Variant, AmountMinor. Offers that were not made are in no log
	KindHeld       // a hold was granted; Hold, Replaces; Money, Units. It ends in exactly one of KindHoldEnded, KindOrdered, or another's Replaces
	KindHoldEnded  // it was given back, its deadline passed (Expired), or its purchase failed for good, without an order
	KindAttempted  // a purchase entered the lane, or a standard checkout asked to confirm: Purchase, Hold, Method; Ref: the request id
	KindAction     // the buyer has to authenticate; DurationMs: of the gateway until then
	KindAsked      // the gateway is being asked: the wait in the lane is over; DurationMs: of it
	KindAuthorised // what was asked is known: the gateway's time is over; DurationMs: of it, or with NeededAction of the buyer's authentication
	KindDeclined   // Decline, Hard
	KindReleased   // a purchase was given up without a charge, or a payment came too late (Purchase 0): Failure
	KindOrdered    // an order is durable: Order, Hold, Purchase (0: paid outside), Money, Units
	KindCaptured   // its money is taken
	KindUndone     // its buyer took it back: Order, AmountMinor that goes back; no KindRefunded follows for it
	KindRefunding  // a refund was asked for: Order, Refund, AmountMinor, ByBuyer
	KindRefunded   // it was given back, as far as we are told: once each. At once if the order was paid outside
	KindDisputed   // a charge is disputed: Order
	KindRefused    // Count refusals with Code in Flow
	KindAdmitted   // a ticket's holder was let in
	KindTimed      // a batch of L2 times: Times, by Flow and Failure

	KindEventSet // the event was created or changed: see Subject
	KindState    // State: on sale, paused, closed, cancelled
	KindTier     // a tier opened: Text names its lot
	KindCapacity // capacity or blocked tickets were changed by somebody: Text says how
	KindRollout  // one-click was switched: On, Permille
	KindStock    // Stock: at most once a run, behind its other entries
	kindEnd
)

// Failure says whose fault it is that an attempt did not become an order.
type Failure uint8

// The failures. The headline of errors is FailureOurs and FailurePayment.
const (
	FailureNone    Failure = iota
	FailureOurs            // internal, overloaded, unavailable, unanswered
	FailurePayment         // declined, gateway down, unknown
	FailureStock           // sold out, limits, not on sale
	FailureBuyer           // released, timed out, did not authenticate
	FailureInput           // bad input
	FailuresEnd
)

// Survey says what a survey asked.
type Survey uint8

// The surveys.
const (
	SurveyCSAT   Survey = iota + 1 // 1 to 5
	SurveyNPS                      // 0 to 10
	SurveyRegret                   // "did you mean to buy this?": 1 is no
	SurveysEnd
)

// Money is an amount in parts, in minor units of the event's currency.
type Money struct {
	FaceMinor, FeesMinor, TaxMinor int64 // tax is included in face and fees where it is known, 0 where it is not
	TotalMinor                     int64 // face + fees
}

// Entry is one thing that happened. Which fields matter depends on Kind; the others are zero. What an entry points to is valid during [Book.Add] only.
type Entry struct {
	Kind Kind
	At   engine.Instant // when: node time of the fact, less how long ago a touch says it was
	Key  engine.Key     // the event

	// Who: 0 cannot be linked to anybody (no consent, or nobody). A buyer's id is hashed with the account, so the same person at two shops is two.
	Person uint64
	// Alias: Person is a session of this buyer, known from now on; 0 is none.
	Alias uint64

	// How. The engine's own word, or what the client said where the engine knows nothing.
	Flow    engine.Flow
	HasFlow bool
	Device  engine.Device
	Channel string
	Source  string
	Method  payment.MethodKind

	Hold     engine.HoldID
	Replaces engine.HoldID
	Purchase engine.PurchaseID
	Order    engine.OrderID
	Refund   engine.RefundID
	Ref      uint64 // hash of a request id (click seen) or of a shop's own order (observe)

	Units       int64 // tickets
	Money       Money
	AmountMinor int64 // refunds, carts

	Code    engine.Code
	Failure Failure
	Decline payment.Decline
	Count   int64
	Times   *Times

	DurationMs, LoadMs, PromptMs int64
	Score                        int64
	Survey                       Survey
	Text                         string

	State                    engine.EventState
	Stock                    Stock
	Permille                 uint32
	On, Expired, Hard        bool
	OneClick, ByBuyer, Whole bool
	NeededAction             bool // ordered: the buyer had to authenticate
	Variant                  Variant
}

// Variant is the arm of the one-click rollout that a buyer is in, as the engine decided it.
type Variant uint8

// The variants.
const (
	VariantNone Variant = iota // the engine has not been asked
	VariantIn                  // one-click was offered
	VariantOut                 // the rollout left the buyer out
	VariantNo                  // the buyer was not eligible
)

// Times is how many of a class of answers took how long: counts by bucket, see [TimesIndex].
type Times struct {
	Class   engine.TimedClass
	Failure Failure // FailureNone: the command succeeded
	Flow    engine.Flow
	Buckets []TimesBucket
}

// TimesBucket is a bucket of [Times].
type TimesBucket = engine.TimedBucket

// Subject is what is known of an event: how its entries are counted.
type Subject struct {
	Key      engine.Key
	Name     string
	Genre    string
	Currency string
	TimeZone string
	Observe  bool // it sells elsewhere and reports by touches
	State    engine.EventState
	OnSale   engine.Instant // when it first came on sale; 0 if it has not
	Stock    Stock
}

// Stock is where the tickets of an event are: free + held + paying + sold + blocked = capacity.
type Stock struct {
	Free     int64 // that can be bought now, by lots and pools
	Held     int64
	Paying   int64
	Sold     int64
	Blocked  int64
	Sellable int64 // that can be sold in all: capacity without blocked, as far as pools let
}

// PersonOf is a buyer of an account, as entries name one. It is never 0, and the same for ever.
func PersonOf(account, buyer string) uint64 { return person("b", account, buyer) }

// SessionOf is a session whose buyer is not known yet.
func SessionOf(account, session string) uint64 { return person("s", account, session) }

// RefOf is a request id, or a shop's own order, within an event.
func RefOf(key engine.Key, ref string) uint64 { return person(key.ID, key.Account, ref) }

// person is FNV-1a 64 of the three, with zeros between.
func person(words ...string) uint64 { return max(personIn(personBegin, words...), 1) }

const personBegin = 14695981039346656037

// personIn goes on with the hash h: of a buyer of an account the first part is always the same.
func personIn(h uint64, words ...string) uint64 {
	for _, w := range words {
		for i := range len(w) {
			h = (h ^ uint64(w[i])) * 1099511628211
		}
		h *= 1099511628211
	}
	return h
}
