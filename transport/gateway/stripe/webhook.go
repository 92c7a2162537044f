package stripe

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stripe/stripe-go/v85/webhook"
)

// The bounds of webhooks.
const (
	// hookBytesMax is the longest webhook that is read. Stripe's are below 100 KiB.
	hookBytesMax = 256 << 10
	// hookWindow is how far a webhook's time may be from ours, either way: a later replay is refused.
	hookWindow = 5 * time.Minute
	// hooksAtOnceMax bounds the webhooks that are worked on; more are told to come again.
	hooksAtOnceMax = 32
	// hooksSeenMax bounds the webhooks that are remembered so that their repeats have no second effect.
	hooksSeenMax = 4096
	// hookTimeout bounds the work on one: Stripe waits for some seconds.
	hookTimeout = 5 * time.Second
)

// Outside is something that was done to a charge elsewhere: the buyer's bank disputes it, somebody refunds it at Stripe's dashboard.
type Outside struct {
	Kind        OutsideKind
	ID          string // of the webhook
	Ref         string // of the charge
	Order       string // of the charge; empty if it has none
	AmountMinor int64
	Currency    string
	Reason      string // one of Stripe's codes; may be empty
}

// OutsideKind says what was done.
type OutsideKind string

// The kinds.
const (
	DisputeOpened   OutsideKind = "dispute_opened"
	DisputeClosed   OutsideKind = "dispute_closed"   // the reason says how: won, lost
	FraudWarned     OutsideKind = "fraud_warning"    // the card's network suspects fraud: a dispute may follow
	RefundedOutside OutsideKind = "refunded_outside" // not by us
	RefundFailed    OutsideKind = "refund_failed"    // the money of a refund that was on its way came back
)

// HooksConfig says what webhooks lead to.
type HooksConfig struct {
	// Secrets are the signing secrets of the endpoint, whsec_...: two while one is replaced.
	Secrets []string
	// Nudge makes whoever has the order look its charge up. It must not trust the order. An error means that the webhook should come again.
	Nudge func(ctx context.Context, order string) error
	// Outside is told what was done elsewhere to a charge of ours. An error means that the webhook should come again.
	Outside func(ctx context.Context, o Outside) error
	// Now is the clock; nil is the wall's.
	Now func() time.Time
}

// Hooks takes Stripe's webhooks. What they say is never believed: they make a charge be looked up, or are put on record. It is safe for concurrent use.
type Hooks struct {
	config  HooksConfig
	gateway *Gateway
	room    chan struct{}
	counts  [hookResults]atomic.Uint64

	mu    sync.Mutex
	seen  map[string]bool // false while it is worked on
	order []string        // of those that are done, the oldest first
}

// HookResult is what became of a webhook.
type HookResult uint8

// What becomes of webhooks.
const (
	HookTaken    HookResult = iota
	HookRepeated            // its repeat had no effect
	HookIgnored             // of a type, or about a charge, that is not ours
	HookRefused             // not signed by Stripe, stale, too long, or not readable
	HookLater               // told to come again
	hookResults
)

// HookResults is how many results there are.
const HookResults = int(hookResults)

// String returns the result's name, as in metrics.
func (r HookResult) String() string {
	switch r {
	case HookTaken:
		return "taken"
	case HookRepeated:
		return "repeated"
	case HookIgnored:
		return "ignored"
	case HookRefused:
		return "refused"
	case HookLater:
		return "later"
	case hookResults:
	}
	return "unknown"
}

// NewHooks returns the handler of the gateway's webhooks.
func (g *Gateway) NewHooks(c HooksConfig) (*Hooks, error) {
	if len(c.Secrets) == 0 {
		return nil, errors.New("webhooks need their signing secret")
	}
	for _, s := range c.Secrets {
		if len(s) < 16 || strings.ContainsAny(s, " \t\r\n") {
			return nil, errors.New("this is no signing secret of webhooks: it begins with whsec_ and has no spaces")
		}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Hooks{config: c, gateway: g, room: make(chan struct{}, hooksAtOnceMax), seen: map[string]bool{}}, nil
}

// Count returns how many webhooks came to a result.
func (h *Hooks) Count(r HookResult) uint64 { return h.counts[r].Load() }

// ServeHTTP implements http.Handler. It answers 200 to what is taken or ignored, 400 to what is refused, without saying why, and 503 to what should come again.
func (h *Hooks) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	result := h.take(w, r)
	h.counts[result].Add(1)
	switch result {
	case HookTaken, HookRepeated, HookIgnored:
		w.WriteHeader(http.StatusOK)
	case HookRefused, hookResults:
		http.Error(w, "refused", http.StatusBadRequest)
	case HookLater:
		w.Header().Set("Retry-After", "5")
		http.Error(w, "come again", http.StatusServiceUnavailable)
	}
}

func (h *Hooks) take(w http.ResponseWriter, r *http.Request) HookResult {
	if r.Method != http.MethodPost {
		return HookRefused
	}
	select {
	case h.room <- struct{}{}:
		defer func() { <-h.room }()
	default:
		return HookLater
	}
	payload, err := io.ReadAll(http.MaxBytesReader(w, r.Body, hookBytesMax))
	if err != nil || !h.signed(payload, r.Header.Values("Stripe-Signature")) {
		return HookRefused
	}
	e, ok := readHook(payload)
	switch {
	case !ok:
		return HookRefused
	case e.outside == "" && e.order == "":
		return HookIgnored
	}
	if result := h.claim(e.ID); result != HookTaken {
		return result
	}
	ctx, cancel := context.WithTimeout(r.Context(), hookTimeout)
	defer cancel()
	result := h.act(ctx, e)
	h.settle(e.ID, result != HookLater)
	return result
}

// act does what a webhook leads to.
func (h *Hooks) act(ctx context.Context, e hook) HookResult {
	order := e.order
	if order == "" { // a dispute names the charge only
		var err error
		if order, err = h.gateway.orderOf(ctx, e.ref); err != nil {
			return HookLater
		}
	}
	if !isOurs(order) {
		return HookIgnored
	}
	var err error
	if e.outside != "" {
		err = h.config.Outside(ctx, Outside{Kind: e.outside, ID: e.ID, Ref: e.ref, Order: order, AmountMinor: e.minor, Currency: e.currency, Reason: e.reason})
	} else {
		err = h.config.Nudge(ctx, order)
	}
	if err != nil {
		return HookLater
	}
	return HookTaken
}

// signed reports whether Stripe has signed a webhook a moment ago. There must be one signature header with one time in it.
func (h *Hooks) signed(payload []byte, headers []string) bool {
	if len(headers) != 1 || len(headers[0]) > 4096 || strings.Count(","+headers[0], ",t=") != 1 {
		return false
	}
	at, ok := signedAt(headers[0])
	if !ok || h.config.Now().Sub(at).Abs() > hookWindow {
		return false
	}
	for _, secret := range h.config.Secrets {
		if webhook.ValidatePayloadIgnoringTolerance(payload, headers[0], secret) == nil {
			return true
		}
	}
	return false
}

// signedAt is the time in a signature header.
func signedAt(header string) (time.Time, bool) {
	for field := range strings.SplitSeq(header, ",") {
		if text, ok := strings.CutPrefix(field, "t="); ok {
			seconds, err := strconv.ParseInt(text, 10, 64)
			return time.Unix(seconds, 0), err == nil && seconds > 0
		}
	}
	return time.Time{}, false
}

// claim reports whether a webhook has to be worked on: not if it was before, and not now while a copy of it is.
func (h *Hooks) claim(id string) HookResult {
	h.mu.Lock()
	defer h.mu.Unlock()
	done, known := h.seen[id]
	switch {
	case known && done:
		return HookRepeated
	case known:
		return HookLater
	}
	h.seen[id] = false
	return HookTaken
}

// settle remembers a webhook that was worked on, or lets it come again.
func (h *Hooks) settle(id string, done bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !done {
		delete(h.seen, id)
		return
	}
	h.seen[id] = true
	if h.order = append(h.order, id); len(h.order) > hooksSeenMax {
		delete(h.seen, h.order[0])
		h.order = append(h.order[:0], h.order[1:]...)
	}
}

// A hook is what is read of a webhook.
type hook struct {
	ID       string
	order    string // of the charge, if the webhook says it
	ref      string // of the charge
	outside  OutsideKind
	minor    int64
	currency string
	reason   string
}

// hookObject is the fields of a charge, a refund, a dispute or a warning that matter. In webhooks references are ids.
type hookObject struct {
	ID            string            `json:"id"`
	Object        string            `json:"object"`
	PaymentIntent string            `json:"payment_intent"`
	Amount        int64             `json:"amount"`
	Currency      string            `json:"currency"`
	Metadata      map[string]string `json:"metadata"`
	Reason        string            `json:"reason"`
	Status        string            `json:"status"`
	FraudType     string            `json:"fraud_type"`
	FailureReason string            `json:"failure_reason"`
}

// readHook reads a webhook. A type that leads to nothing has neither an order nor a kind.
func readHook(payload []byte) (hook, bool) {
	var e struct {
		ID     string `json:"id"`
		Object string `json:"object"`
		Type   string `json:"type"`
		Data   struct {
			Object hookObject `json:"object"`
		} `json:"data"`
	}
	if json.Unmarshal(payload, &e) != nil || e.Object != "event" || !isRef(e.ID) {
		return hook{}, false
	}
	o := e.Data.Object
	currency := strings.ToUpper(o.Currency)
	h := hook{ID: e.ID, ref: o.PaymentIntent, order: o.Metadata[metadataOrder], minor: fromStripe(o.Amount, currency), currency: currency}
	switch e.Type {
	case "payment_intent.succeeded", "payment_intent.amount_capturable_updated", "payment_intent.payment_failed", "payment_intent.canceled", "payment_intent.processing":
		h.ref = o.ID
		return h, isRef(h.ref)
	case "charge.dispute.created":
		h.outside, h.reason = DisputeOpened, o.Reason
	case "charge.dispute.closed":
		h.outside, h.reason = DisputeClosed, o.Status
	case "radar.early_fraud_warning.created":
		h.outside, h.reason = FraudWarned, o.FraudType
	case "refund.created":
		if isOurs(o.Metadata[metadataKey]) {
			return hook{ID: e.ID}, true // we asked for it, and know
		}
		h.outside, h.reason = RefundedOutside, o.Reason
	case "refund.failed":
		h.outside, h.reason = RefundFailed, o.FailureReason
	default:
		return hook{ID: e.ID}, true
	}
	if !isCode(h.reason) {
		h.reason = ""
	}
	if !isRef(h.ref) {
		return hook{ID: e.ID}, true // a payment of old that was made without a PaymentIntent: not ours
	}
	return h, isCurrency(currency) || h.outside == FraudWarned
}

// isOurs reports whether an order or a key was made by an engine, this one or another.
func isOurs(order string) bool {
	return strings.HasPrefix(order, "hf.") && len(order) <= metadataBytesMax
}

// orderOf asks for the order of a charge. A charge that is not there has none.
func (g *Gateway) orderOf(ctx context.Context, ref string) (string, error) {
	r := g.send(ctx, http.MethodGet, "/v1/payment_intents/"+ref, "", nil)
	if r.problem != nil && r.status == http.StatusNotFound {
		return "", nil
	}
	intent, result := readIntent(r)
	if intent == nil {
		return "", errors.New(result.Detail)
	}
	return intent.Metadata[metadataOrder], nil
}
