package fault

import (
	"bytes"

	"github.com/holdfast-engine/holdfast/engine"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// same reports whether two operations ask for the same.
func (in *LinearInput) same(other *LinearInput) bool {
	return in.Verb == other.Verb && bytes.Equal(in.command().Body, other.command().Body)
}

// repeated compares the answer to a request id that was answered before.
func (s *linearState) repeated(in *LinearInput, out *LinearOutput, said *linearSaidNode) string {
	r, first := out.Reply, said.reply
	other := !in.same(said.in)
	if other && code(r) == engine.CodeRequestMismatch.String() {
		return ""
	}
	if !r.GetRepeated() {
		if code(first) != "ok" && out.Forgot {
			return s.first(in, out) // the refusal was forgotten with the process, or in the event's sleep
		}
		return "a repeat that was not recognised"
	}
	if other {
		return "taken for a repeat though it asks for something else"
	}
	if diff := otherAnswer(first, r); diff != "" {
		return diff
	}
	if v := r.GetCapacity(); v != nil && !out.Retried {
		return s.capacityShown(v)
	}
	if h := r.GetHold(); h != nil && !out.Retried {
		live := &s.buyers[in.Buyer].live
		lives := live.id == h.GetId()
		if (lives && !live.paying) != (h.GetState() == stateHeld) || (lives && live.paying) != (h.GetState() == statePaying) {
			return "a repeat shows a state that is not the present one"
		}
	}
	return ""
}

const statePaying = "paying"

// otherAnswer compares two answers to a request in what must never change. How it stands with a purchase, an order or a ticket is not of that kind: see [Settled].
func otherAnswer(a, b *pb.Reply) string {
	x := &pb.Reply{Error: a.GetError(), Hold: a.GetHold(), Capacity: a.GetCapacity(), Event: a.GetEvent()}
	y := &pb.Reply{Error: b.GetError(), Hold: b.GetHold(), Capacity: b.GetCapacity(), Event: b.GetEvent()}
	switch {
	case a.GetPurchase() != nil || b.GetPurchase() != nil:
		x.Hold, y.Hold = nil, nil // shown while it lives
		if a.GetPurchase().GetId() != b.GetPurchase().GetId() || a.GetPurchase().GetTotalMinor() != b.GetPurchase().GetTotalMinor() {
			return "another purchase"
		}
	case a.GetOrder().GetId() != b.GetOrder().GetId() || a.GetOrder().GetTotalMinor() != b.GetOrder().GetTotalMinor():
		return "another order"
	}
	switch {
	case a.GetRefund().GetId() != b.GetRefund().GetId() || a.GetRefund().GetAmountMinor() != b.GetRefund().GetAmountMinor():
		return "another refund"
	case a.GetTicket().GetId() != b.GetTicket().GetId():
		return "another ticket"
	case a.GetOffer().GetId() != b.GetOffer().GetId() || a.GetOffer().GetTotalMinor() != b.GetOffer().GetTotalMinor():
		return "another offer"
	}
	return differs(x, y)
}
