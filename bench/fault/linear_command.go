package fault

import (
	"strconv"

	"github.com/holdfast-engine/holdfast/engine"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// linearBuyerID names a buyer. Each event has its own, so that what the engine counts of a buyer over all events plays no part.
func linearBuyerID(event string, buyer int) string {
	return "buyer" + strconv.Itoa(buyer) + "-" + event
}

// command is what an operation sends.
func (in *LinearInput) command() *Command {
	buyer := linearBuyerID(in.Event, in.Buyer)
	switch in.Verb { //nolint:exhaustive // a history has no other verbs
	case engine.VerbCreate:
		return NewCommand(in.Event, LinearSpec(in.ID, in.Undoable))
	case engine.VerbGet:
		return NewCommand(in.Event, &pb.GetCommand{})
	case engine.VerbPause:
		return NewCommand(in.Event, &pb.PauseCommand{RequestId: in.ID})
	case engine.VerbOpen:
		return NewCommand(in.Event, &pb.OpenCommand{RequestId: in.ID})
	case engine.VerbExtend:
		return NewCommand(in.Event, &pb.ExtendCommand{RequestId: in.ID, Buyer: buyer, Hold: in.Hold})
	case engine.VerbRelease:
		return NewCommand(in.Event, &pb.ReleaseCommand{RequestId: in.ID, Buyer: buyer, Hold: in.Hold})
	case engine.VerbConfirm:
		return NewCommand(in.Event, &pb.ConfirmCommand{RequestId: in.ID, Buyer: buyer, Hold: in.Hold, PaymentRef: "inv-" + in.ID})
	case engine.VerbBlock:
		return NewCommand(in.Event, &pb.BlockCommand{RequestId: in.ID, Lot: lotGA, Quantity: int64(in.GA)})
	case engine.VerbUnblock:
		return NewCommand(in.Event, &pb.UnblockCommand{RequestId: in.ID, Lot: lotGA, Quantity: int64(in.GA)})
	case engine.VerbCapacity:
		return NewCommand(in.Event, &pb.CapacityCommand{RequestId: in.ID, Lot: lotGA, Capacity: int64(in.GA)})
	case engine.VerbHold:
		cmd := &pb.HoldCommand{RequestId: in.ID, Buyer: buyer, Items: in.items()}
		if in.Best {
			cmd.Fill = "best_effort"
		}
		return NewCommand(in.Event, cmd)
	case engine.VerbOffer:
		return NewCommand(in.Event, &pb.OfferCommand{RequestId: in.ID, Buyer: buyer, Items: in.items(), Method: in.Method.String()})
	case engine.VerbBuy:
		cmd := &pb.BuyCommand{RequestId: in.ID, Buyer: buyer, Offer: in.Offer, Hold: in.Hold, Method: in.Method.String(), WaitMs: &in.WaitMs, Again: true}
		if in.Offer == "" && in.Hold == "" {
			cmd.Items = in.items()
		}
		return NewCommand(in.Event, cmd)
	case engine.VerbPurchase:
		return NewCommand(in.Event, &pb.PurchaseCommand{Buyer: buyer, Purchase: in.Purchase})
	case engine.VerbOrder:
		return NewCommand(in.Event, &pb.OrderCommand{Buyer: buyer, Order: in.Order})
	case engine.VerbUndo:
		return NewCommand(in.Event, &pb.UndoCommand{RequestId: in.ID, Buyer: buyer, Purchase: in.Purchase})
	case engine.VerbRefund:
		cmd := &pb.RefundCommand{RequestId: in.ID, Order: in.Order}
		for i, name := range in.Names {
			if in.Tickets>>i&1 == 1 {
				cmd.Tickets = append(cmd.Tickets, name)
			}
		}
		return NewCommand(in.Event, cmd)
	case engine.VerbAdmit:
		return NewCommand(in.Event, &pb.AdmitCommand{RequestId: in.ID, Ticket: in.Names[in.Ticket], Gate: "north"})
	default:
		panic("fault: a history has no " + in.Verb.String())
	}
}

// items are the tickets that a hold, an offer or a buy wants.
func (in *LinearInput) items() (items []*pb.Item) {
	if in.GA > 0 {
		items = append(items, &pb.Item{Lot: lotGA, Quantity: int64(in.GA)})
	}
	if in.Pairs > 0 {
		items = append(items, &pb.Item{Lot: lotPairs, Quantity: int64(in.Pairs)})
	}
	if in.Seats != 0 {
		items = append(items, &pb.Item{Lot: lotSeats, Seats: seatLabels(in.Seats)})
	}
	return items
}
