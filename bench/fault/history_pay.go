package fault

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/anishathalye/porcupine"

	"github.com/holdfast-engine/holdfast/engine"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// linearPaid is what is known of a buyer's purchases in an event.
type linearPaid struct {
	buys      int // sent with request ids of their own
	offers    []*LinearInput
	purchases []string // the newest last
}

// linearOrdered is an order as somebody has seen it.
type linearOrdered struct {
	id      string
	buyer   int
	tickets []string
}

const (
	// linearClicks is how many buys of a buyer may be of one click: of more in an hour the engine wants the standard flow.
	linearClicks = 6
	// linearKnown is how many of the newest offers, purchases and orders callers choose from.
	linearKnown = 3
)

// wallets gives every buyer the methods of [linearMethod]. They were saved long ago, as if they came from another system: with one that was saved over
// the wire a moment ago nobody buys with one click.
func (h *History) wallets(ctx context.Context) error {
	var rows strings.Builder
	for n := range h.Events {
		for buyer := range linearBuyers {
			for m := methodOK; int(m) < len(linearTokens); m++ {
				id := linearBuyerID("linear-"+strconv.Itoa(n), buyer)
				row, err := json.Marshal(map[string]any{
					"buyer": id, "gateway": "sandbox", "kind": "card", "token": linearTokens[m] + "." + id, "customer": "cus-" + id, "brand": "visa", "last_four": "4242",
					"saved_at": "2025-01-02T03:04:05Z", "purchases": 1, "agreement": "v1", "default": m == methodOK,
				})
				if err != nil {
					return fmt.Errorf("write a wallet: %w", err)
				}
				rows.Write(append(row, '\n'))
			}
		}
	}
	name := filepath.Join(h.Dir, "wallets.jsonl")
	if err := os.WriteFile(name, []byte(rows.String()), 0o600); err != nil {
		return fmt.Errorf("write wallets: %w", err)
	}
	if err := h.serve(); err != nil { // makes the folder
		return err
	}
	if err := h.process.Stop(); err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, h.Program, "wallet", "import", name, "--data", filepath.Join(h.Dir, "data")).CombinedOutput()
	if err != nil {
		return fmt.Errorf("import wallets: %w\n%s", err, out)
	}
	return nil
}

// told notes what a caller has learnt.
func (h *History) told(in *LinearInput, r *pb.Reply) {
	h.mu.Lock()
	defer h.mu.Unlock()
	paid := h.paidBy(in)
	if v := r.GetHold(); v != nil && in.Verb == engine.VerbHold {
		key := in.Event + " " + strconv.Itoa(in.Buyer)
		h.holds[key] = newest(h.holds[key], v.GetId())
	}
	if v := r.GetOffer(); v.GetOneClick() && !r.GetRepeated() {
		offer := *in
		offer.Offer = v.GetId()
		paid.offers = newest(paid.offers, &offer)
	}
	if v := r.GetPurchase(); v != nil && in.Verb == engine.VerbBuy {
		paid.purchases = newest(paid.purchases, v.GetId())
		key := in.Event + " " + strconv.Itoa(in.Buyer)
		h.holds[key] = newest(h.holds[key], v.GetHold())
	}
	if v := r.GetOrder(); v != nil && in.Verb != engine.VerbRefund {
		seen := linearOrdered{id: v.GetId(), buyer: in.Buyer}
		for _, t := range v.GetTickets() {
			seen.tickets = append(seen.tickets, t.GetId())
		}
		h.orders[in.Event] = newest(h.orders[in.Event], seen)
	}
}

// newest appends and forgets the oldest.
func newest[E any](known []E, one E) []E {
	if known = append(known, one); len(known) > linearKnown {
		known = known[1:]
	}
	return known
}

func (h *History) paidBy(in *LinearInput) *linearPaid {
	key := in.Event + " " + strconv.Itoa(in.Buyer)
	if h.paid[key] == nil {
		h.paid[key] = new(linearPaid)
	}
	return h.paid[key]
}

// pay makes a command of the checkout, or nothing of what the caller knows so far. Several callers may click on the same offer, and pay the same hold.
func (h *History) pay(random *rand.Rand, in *LinearInput) bool {
	paid, orders := h.paidBy(in), h.orders[in.Event]
	hold := in.Hold
	in.Hold = ""
	switch k := random.IntN(100); {
	case k < 16 && paid.buys < linearClicks:
		in.Verb, in.Method, in.GA = engine.VerbOffer, drawMethod(random), 1+random.IntN(2)
		in.Seats = uint16(random.IntN(3)/2) << random.IntN(linearSeats)
	case k < 36 && paid.buys < linearClicks && len(paid.offers) > 0:
		offer := paid.offers[random.IntN(len(paid.offers))]
		in.Verb, in.Offer, in.GA, in.Pairs, in.Seats, in.Method = engine.VerbBuy, offer.Offer, offer.GA, offer.Pairs, offer.Seats, offer.Method
	case k < 44 && paid.buys < linearClicks:
		in.Verb, in.Method = engine.VerbBuy, drawMethod(random)
		in.want(random)
	case k < 62 && hold != "" && (paid.buys >= linearClicks || k < 48): // while the buyer may click, most buys are clicks
		in.Verb, in.Hold, in.Method = engine.VerbBuy, hold, drawMethod(random)
	case k < 72 && len(paid.purchases) > 0:
		in.Verb, in.ID, in.Purchase = engine.VerbPurchase, "", paid.purchases[random.IntN(len(paid.purchases))]
	case k < 77 && len(paid.purchases) > 0:
		in.Verb, in.Purchase = engine.VerbUndo, paid.purchases[random.IntN(len(paid.purchases))]
	case k >= 77 && len(orders) > 0:
		h.after(random, in, orders[random.IntN(len(orders))])
	default:
		in.Hold = hold
		return false
	}
	if in.Verb == engine.VerbBuy {
		paid.buys++
		in.WaitMs = [...]int64{0, 20, 500, 500}[random.IntN(4)]
	}
	return true
}

// after makes a command about an order: it is read, or tickets of it are used or given back.
func (h *History) after(random *rand.Rand, in *LinearInput, o linearOrdered) {
	in.Order, in.Buyer = o.id, o.buyer
	switch k := random.IntN(100); {
	case k < 30:
		in.Verb, in.ID = engine.VerbOrder, ""
		return
	case k < 60:
		in.Verb, in.Ticket = engine.VerbAdmit, random.IntN(len(o.tickets))
	case k < 80:
		one, other := random.IntN(len(o.tickets)), random.IntN(len(o.tickets))
		in.Verb, in.Tickets = engine.VerbRefund, 1<<one|1<<other
	default:
		in.Verb = engine.VerbRefund
	}
	in.Names = o.tickets
}

func drawMethod(random *rand.Rand) linearMethod {
	switch k := random.IntN(100); {
	case k < 60:
		return methodOK
	case k < 85:
		return methodSoft
	case k < 95:
		return methodHard
	}
	return methodTimeout
}

// triesMax is how many purchases a buyer may try in an hour before one more needs the longer way.
const triesMax = 6

// countTries notes which operations came when their buyer may have tried so many others.
func countTries(history []porcupine.Operation) {
	tries := map[string][]porcupine.Operation{} // by event and buyer
	of := func(in *LinearInput) string { return in.Event + " " + strconv.Itoa(in.Buyer) }
	for _, op := range history {
		if in := op.Input.(*LinearInput); in.Verb == engine.VerbBuy {
			tries[of(in)] = append(tries[of(in)], op)
		}
	}
	for _, op := range history {
		in, others := op.Input.(*LinearInput), map[string]bool{}
		if in.Verb != engine.VerbBuy && in.Verb != engine.VerbOffer {
			continue
		}
		for _, try := range tries[of(in)] {
			if id := try.Input.(*LinearInput).ID; id != in.ID && try.Call < op.Return {
				others[id] = true
			}
		}
		op.Output.(*LinearOutput).Often = len(others) >= triesMax
	}
}
