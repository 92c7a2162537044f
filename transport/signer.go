package transport

import (
	"slices"
	"strings"
	"sync"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/line"
	"github.com/holdfast-engine/holdfast/transport/ticket"
)

// Codes makes the codes of tickets: a [ticket.Ring]. Safe for concurrent use.
type Codes interface {
	Code(*ticket.Claims) (string, error)
	// Pass makes the signed form of a pass of the line.
	Pass(ticket.Pass) (string, error)
	// SignReceipts signs for entries of lobbies that became durable together, and names the key.
	SignReceipts(account string, size uint32, root line.Hash) (kid string, sum line.Signature, err error)
	// KeySet returns an account's public keys, as JSON.
	KeySet(account string) ([]byte, error)
}

// signer makes the codes of the tickets that a reply shows, and what it tells besides about places in a line, on a goroutine of its own: a signature takes 22 us, and neither an event nor the
// journal may wait for it. Joins that come together share one. It holds no more than what is in flight, which the bounds limit.
type signer struct {
	mu      sync.Mutex
	ready   sync.Cond
	posted  []*request
	closed  bool
	stopped chan struct{}
}

func newSigner(s *Server) *signer {
	g := &signer{stopped: make(chan struct{})}
	g.ready.L = &g.mu
	go g.run(s)
	return g
}

// post hands over a request whose outcome is durable.
func (g *signer) post(r *request) {
	g.mu.Lock()
	g.posted = append(g.posted, r)
	g.mu.Unlock()
	g.ready.Signal()
}

// close lets the signer finish what it has, and waits for that.
func (g *signer) close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.ready.Signal()
	<-g.stopped
}

func (g *signer) run(s *Server) {
	defer close(g.stopped)
	var made receipts
	for {
		g.mu.Lock()
		for len(g.posted) == 0 && !g.closed {
			g.ready.Wait()
		}
		taken := g.posted
		g.posted = nil
		g.mu.Unlock()
		if len(taken) == 0 {
			return
		}
		for len(taken) > 0 {
			n := made.sign(s, taken)
			for _, r := range taken[:n] {
				if r.signing != nil {
					r.sign(s.config.Codes, s.config.Account)
				} else {
					r.tellPlaces(&made)
					r.finish()
				}
				s.outbox.post(r)
			}
			taken = taken[n:]
		}
	}
}

// wantsCodes reports whether the answer shows tickets whose codes were asked for.
func (r *request) wantsCodes(out *engine.Outcome) bool {
	if r.batch || out.Code != engine.CodeOK || out.Shows&engine.ShowsOrder == 0 {
		return false
	}
	p := r.commands[0].Payment
	return p != nil && p.Codes
}

// sign makes the codes, and writes the reply with them.
func (r *request) sign(codes Codes, account string) {
	out := r.signing
	r.codes = make(map[engine.TicketID]string)
	var ref *refusal
	if codes == nil {
		ref = &refusal{code: engine.CodeUnavailable, text: "this engine makes no codes: ask for the order without them"}
	} else {
		for id, c := range ticket.Of(account, &out.Order) {
			if len(r.codes) == CodesShownMax {
				break
			}
			code, err := codes.Code(&c)
			if err != nil {
				ref = &refusal{
					code: engine.CodeUnavailable, retryAfterMs: UnavailableRetryAfterDefault.Milliseconds(),
					text: "the codes cannot be made right now; the order stands: ask for it again, with the same request id if the command had one",
				}
				break
			}
			r.codes[id] = code
		}
	}
	r.out = r.out[:0]
	r.begin()
	id := echoID(r.ids[0])
	from := len(r.out)
	r.result(id, out, ref)
	if ref == nil && len(r.out) > r.server.replyBytesMax-replyResultReserveBytes {
		r.out = r.out[:from]
		ref = &refusal{code: engine.CodeTooLarge, text: tooLargeReply(false)}
		r.result(id, out, ref)
	}
	if ref != nil {
		r.refused = ref.code
	}
	r.finish()
}

// copyOutcome keeps an outcome that shows an order beyond the step it is of.
func copyOutcome(out *engine.Outcome) *engine.Outcome {
	kept := *out
	kept.Shows &= engine.ShowsOrder | engine.ShowsPurchase
	o := &kept.Order
	o.Event, o.Buyer, o.Currency, o.PaymentRef = strings.Clone(o.Event), strings.Clone(o.Buyer), strings.Clone(o.Currency), strings.Clone(o.PaymentRef)
	o.Items, o.Refunds, o.Marks = slices.Clone(o.Items), slices.Clone(o.Refunds), slices.Clone(o.Marks)
	for i := range o.Items {
		it := &o.Items[i]
		it.Lot, it.Fees, it.Seats = strings.Clone(it.Lot), slices.Clone(it.Fees), slices.Clone(it.Seats)
		for j := range it.Fees {
			it.Fees[j].Name = strings.Clone(it.Fees[j].Name)
		}
		for j := range it.Seats {
			it.Seats[j] = strings.Clone(it.Seats[j])
		}
	}
	for i := range o.Refunds {
		o.Refunds[i].Currency, o.Refunds[i].Tickets = strings.Clone(o.Refunds[i].Currency), slices.Clone(o.Refunds[i].Tickets)
	}
	for i := range o.Marks {
		o.Marks[i].Gate = strings.Clone(o.Marks[i].Gate)
	}
	if kept.Shows&engine.ShowsPurchase != 0 {
		p := *kept.Purchase
		p.Event, p.Buyer, p.Currency = strings.Clone(p.Event), strings.Clone(p.Buyer), strings.Clone(p.Currency)
		p.Gateway, p.Method = strings.Clone(p.Gateway), strings.Clone(p.Method)
		kept.Purchase = &p
	}
	return &kept
}
