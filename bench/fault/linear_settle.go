package fault

import (
	"cmp"
	"slices"

	"github.com/anishathalye/porcupine"

	"github.com/holdfast-engine/holdfast/engine"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// Settled adds to a history what happens in it without a caller. Each purchase ends at some time: after its buy was called, and before the first answer
// that shows the end was there, if there is one. That is an operation of its own (result), which the model puts where it fits. And a buy may answer long
// after it took its tickets: what it shows is a read of the purchase (or order) at some time before its answer. So is what a repeat shows.
func Settled(history []porcupine.Operation) []porcupine.Operation {
	settled := slices.Clone(history)
	type purchase struct{ event, id string }
	ends := map[purchase]*porcupine.Operation{}
	var order []purchase
	last := int64(0)
	for _, op := range byCall(history) {
		in, out := op.Input.(*LinearInput), op.Output.(*LinearOutput)
		r, key := out.Reply, purchase{in.Event, out.Reply.GetPurchase().GetId()}
		last = max(last, op.Return)
		if key.id == "" {
			if id := r.GetOrder().GetId(); r.GetRepeated() && id != "" {
				settled = append(settled, seen(op, &LinearInput{Event: in.Event, Verb: engine.VerbOrder, Buyer: in.Buyer, Order: id}))
			}
			continue
		}
		if in.Verb == engine.VerbBuy || r.GetRepeated() {
			settled = append(settled, seen(op, &LinearInput{Event: in.Event, Verb: engine.VerbPurchase, Buyer: in.Buyer, Purchase: key.id}))
		}
		end := ends[key]
		if end == nil { // the first call about it is its buy's, or a repeat of that
			end = &porcupine.Operation{
				ClientId: op.ClientId, Call: op.Call, Output: &LinearOutput{Reply: &pb.Reply{}},
				Input: &LinearInput{Event: in.Event, Verb: engine.VerbResult, Buyer: in.Buyer, Purchase: key.id},
			}
			ends[key], order = end, append(order, key)
		}
		if isFinal(r.GetPurchase().GetState()) && (end.Return == 0 || op.Return < end.Return) {
			end.Return, end.Output = op.Return, &LinearOutput{Reply: r, Retried: true}
		}
	}
	for _, key := range order {
		end := ends[key]
		if end.Return == 0 {
			end.Return = last
		}
		settled = append(settled, *end)
	}
	return settled
}

// seen is a read of what an operation's answer shows, in its time.
func seen(op porcupine.Operation, in *LinearInput) porcupine.Operation {
	op.Input, op.Output = in, &LinearOutput{Reply: op.Output.(*LinearOutput).Reply, Retried: true}
	return op
}

func byCall(history []porcupine.Operation) []porcupine.Operation {
	sorted := slices.Clone(history)
	slices.SortStableFunc(sorted, func(x, y porcupine.Operation) int { return cmp.Compare(x.Call, y.Call) })
	return sorted
}
