package sandbox

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync"
	"time"

	"github.com/holdfast-engine/holdfast/engine/payment"
)

// Gateway is a sandbox inside this process. It is safe for concurrent use.
type Gateway struct {
	config Config

	mu      sync.Mutex
	mode    Mode
	broken  error // the ledger could not be kept: nothing is answered any more
	file    *file // nil without Config.File
	charges map[string]*Charge
	byOrder map[string][]*Charge // in the order in which they were made
	keys    map[string]*key
	oldest  []string // keys by age, for pruning
	secrets map[string]*Charge
	tokens  float64 // of the rate
	filled  time.Time
	misuses int64
	counts  Counts
}

// Mode says whether a sandbox can be reached.
type Mode uint8

// The modes.
const (
	Up       Mode = iota
	Refusing      // connections are refused: nothing happens to what is sent
	Silent        // requests are swallowed: nothing happens, and no answer comes
)

// Counts is how often something was asked and answered.
type Counts struct {
	Requests  int64 // all that arrived, while the sandbox was up
	Repeats   int64 // answered from what was stored under the key
	Throttled int64
	LookUps   int64
}

// A key is what is remembered of an idempotency key. Its fields are exported for the ledger's file.
type key struct {
	Key      string          `json:"key"`
	Hash     string          `json:"hash"` // of the bytes sent with it, in hexadecimal
	At       time.Time       `json:"at"`   // when it came first
	Answer   *payment.Result `json:"answer,omitempty"`
	attempts int
	inFlight bool
}

// New makes a sandbox, with the ledger of Config.File if there is one.
func New(c Config) (*Gateway, error) {
	c = c.withDefaults()
	g := &Gateway{
		config: c, charges: map[string]*Charge{}, byOrder: map[string][]*Charge{}, keys: map[string]*key{}, secrets: map[string]*Charge{},
		tokens: float64(c.Burst), filled: c.Now(),
	}
	if c.File != "" {
		f, err := openFile(c.File, g.restore)
		if err != nil {
			return nil, fmt.Errorf("open the sandbox's ledger: %w", err)
		}
		g.file = f
	}
	return g, nil
}

// Close closes the ledger's file. Nothing is answered afterwards.
func (g *Gateway) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.mode = Silent
	if g.file == nil {
		return nil
	}
	err := g.file.close()
	g.file = nil
	return err
}

// Name is how methods name the gateway.
func (g *Gateway) Name() string { return g.config.Name }

// Capabilities says what can be done with a kind of method. Delayed debit is refused.
func (g *Gateway) Capabilities(k payment.MethodKind) payment.Capabilities { return capabilities(k) }

func capabilities(k payment.MethodKind) payment.Capabilities {
	switch k {
	case payment.MethodCard, payment.MethodWallet:
		return payment.Reusable | payment.SeparateCapture | payment.Instant | payment.Voidable
	case payment.MethodRedirect:
		return payment.Instant | payment.Redirect
	case payment.MethodDelayedDebit:
		return payment.Reusable
	}
	return 0
}

// Prepare makes the exact bytes of a request.
func (g *Gateway) Prepare(in payment.Intent) ([]byte, error) { return prepare(in) }

// SetMode makes the sandbox unreachable, or reachable again.
func (g *Gateway) SetMode(m Mode) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.mode = m
}

// Do carries out a request as a gateway far away would.
func (g *Gateway) Do(ctx context.Context, call payment.Call) payment.Result {
	switch g.arrive() {
	case Up:
	case Refusing:
		return payment.Result{Answer: payment.NotDone, Detail: "connection refused"}
	case Silent:
		<-ctx.Done()
		return noAnswer("no answer came")
	}
	if after := g.throttled(); after > 0 {
		return tooMany(after)
	}
	if call.Operation == payment.LookUp {
		return g.lookUp(ctx, call)
	}
	b, err := readBody(call.Body)
	if err != nil {
		return misused(err.Error())
	}
	k, attempt, refusal := g.begin(call)
	if refusal != nil {
		return *refusal
	}
	return g.carryOut(ctx, b, k, attempt)
}

// carryOut lets time pass, does what is asked between its two halves, and answers, or loses the request or the answer.
func (g *Gateway) carryOut(ctx context.Context, b body, k *key, attempt int) payment.Result {
	c := &g.config
	how := behaviourOf(b.Token) // of captures and the like: nothing special, as they have no token
	if b.Operation != payment.Authorise.String() {
		how = behaviour{}
	}
	if attempt <= how.throttled || happens(c.Faults.Throttle, c.Seed, "throttle", k.Key, attempt) {
		g.forget(k)
		return tooMany(c.RetryAfter)
	}
	lostRequest := how.lostRequest && attempt == 1 || happens(c.Faults.LostRequest, c.Seed, "lost request", k.Key, attempt)
	lostAnswer := how.lostAnswer && attempt == 1 || happens(c.Faults.LostAnswer, c.Seed, "lost answer", k.Key, attempt)
	took := c.Latency.of(c.Seed, k.Key, attempt) + how.slow
	if err := c.Wait(ctx, took/2); err != nil {
		g.forget(k)
		return noAnswer("the caller stopped waiting")
	}
	if lostRequest {
		g.forget(k)
		_ = c.Wait(ctx, c.Timeout)
		return noAnswer("timeout")
	}
	answer := g.settle(b, k, attempt, how)
	if lostAnswer {
		_ = c.Wait(ctx, c.Timeout)
		return noAnswer("timeout")
	}
	if err := c.Wait(ctx, took-took/2); err != nil {
		return noAnswer("the caller stopped waiting")
	}
	return answer
}

// arrive counts a request and says whether it arrives at all.
func (g *Gateway) arrive() Mode {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.mode == Up && g.broken != nil {
		return Silent
	}
	if g.mode == Up {
		g.counts.Requests++
	}
	return g.mode
}

// throttled takes a request off the rate, and says after what time to come again if there is none left.
func (g *Gateway) throttled() time.Duration {
	rate := g.config.RatePerSecond
	if rate <= 0 {
		return 0
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.config.Now()
	g.tokens = min(g.tokens+now.Sub(g.filled).Seconds()*float64(rate), float64(g.config.Burst))
	g.filled = now
	if g.tokens < 1 {
		g.counts.Throttled++
		return g.config.RetryAfter
	}
	g.tokens--
	return 0
}

// begin claims the call's key, or says what is the answer already.
func (g *Gateway) begin(call payment.Call) (k *key, attempt int, answer *payment.Result) {
	sum := sha256.Sum256(call.Body)
	hash := fmt.Sprintf("%x", sum[:16])
	g.mu.Lock()
	defer g.mu.Unlock()
	g.prune()
	k = g.keys[call.Key]
	switch {
	case call.Key == "":
		r := misused("a request needs an idempotency key")
		return nil, 0, &r
	case k == nil && len(g.charges) >= g.config.ChargesMax:
		return nil, 0, &payment.Result{Answer: payment.NotDone, Detail: "the sandbox is full: start another one"}
	case k == nil:
		k = &key{Key: call.Key, Hash: hash, At: g.config.Now()}
		g.keys[call.Key] = k
		g.oldest = append(g.oldest, call.Key)
	case k.Hash != hash:
		g.misuses++
		r := noAnswer("this idempotency key came with other bytes before") // and those may have been a charge
		return nil, 0, &r
	case k.Answer != nil:
		g.counts.Repeats++
		r := *k.Answer
		return nil, 0, &r
	case k.inFlight:
		return nil, 0, &payment.Result{Answer: payment.Unknown, RetryAfterMs: 500, Detail: "a request with this key is under way"}
	}
	k.attempts++
	k.inFlight = true
	return k, k.attempts, nil
}

// forget gives a key back that nothing was done for.
func (g *Gateway) forget(k *key) {
	g.mu.Lock()
	defer g.mu.Unlock()
	k.inFlight = false
}

// settle does what a request asks for, keeps it and the answer, and returns the answer.
func (g *Gateway) settle(b body, k *key, attempt int, how behaviour) payment.Result {
	g.mu.Lock()
	defer g.mu.Unlock()
	answer, touched := g.apply(b, k, attempt, how)
	if how.storedError || happens(g.config.Faults.StoredError, g.config.Seed, "stored error", k.Key, 1) {
		answer = noAnswer("server error 500")
	}
	k.inFlight = false
	k.Answer = &answer
	if !g.keep(record{Key: k, Charge: touched}) {
		return noAnswer("the ledger could not be kept")
	}
	return answer
}

// prune forgets keys that are too old.
func (g *Gateway) prune() {
	limit := g.config.Now().Add(-KeyAge)
	for len(g.oldest) > 0 {
		k := g.keys[g.oldest[0]]
		if k.At.After(limit) || k.inFlight {
			return
		}
		delete(g.keys, k.Key)
		g.oldest = g.oldest[1:]
	}
}

// lookUp answers what became of a charge or a refund.
func (g *Gateway) lookUp(ctx context.Context, call payment.Call) payment.Result {
	c := &g.config
	g.mu.Lock()
	g.counts.LookUps++
	attempt := int(g.counts.LookUps)
	g.mu.Unlock()
	if happens(c.Faults.LostRequest, c.Seed, "lost look-up", call.Order, attempt) {
		_ = c.Wait(ctx, c.Timeout)
		return noAnswer("timeout")
	}
	if err := c.Wait(ctx, c.Latency.of(c.Seed, call.Order, attempt)); err != nil {
		return noAnswer("the caller stopped waiting")
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if call.RefundRef != "" {
		return g.lookUpRefund(call)
	}
	charge := g.find(call.Ref, call.Order)
	if charge == nil {
		return payment.Result{Answer: payment.NotFound}
	}
	if !g.decide(charge) {
		return noAnswer("the ledger could not be kept")
	}
	return charge.answer()
}

func noAnswer(why string) payment.Result { return payment.Result{Answer: payment.Unknown, Detail: why} }

func misused(why string) payment.Result {
	return payment.Result{Answer: payment.Failed, Decline: payment.DeclineConfiguration, Detail: why}
}

func tooMany(after time.Duration) payment.Result {
	return payment.Result{Answer: payment.NotDone, Throttled: true, RetryAfterMs: after.Milliseconds(), Detail: "too many requests"}
}
