package fault

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/holdfast-engine/holdfast/engine"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// Command is a command as it is sent, encoded once: a repeat is the same bytes.
type Command struct {
	Event string
	Verb  engine.Verb
	ID    string // its request id
	Buyer string // whoever acts; empty for organisers
	Body  []byte // protobuf, without a correlation
}

// message is what every command of the contract has.
type message interface {
	proto.Message
	GetRequestId() string
}

// NewCommand encodes a command for an event. Its verb follows from the type of the message.
func NewCommand(event string, m message) *Command {
	body, err := proto.Marshal(m)
	if err != nil {
		panic(fmt.Sprintf("fault: encode %T: %v", m, err)) // only invalid UTF-8 of our own making
	}
	c := &Command{Event: event, Verb: verbOf(m), ID: m.GetRequestId(), Body: body}
	if b, ok := m.(interface{ GetBuyer() string }); ok {
		c.Buyer = b.GetBuyer()
	}
	return c
}

func verbOf(m message) engine.Verb {
	switch m.(type) {
	case *pb.CreateCommand:
		return engine.VerbCreate
	case *pb.UpdateCommand:
		return engine.VerbUpdate
	case *pb.OpenCommand:
		return engine.VerbOpen
	case *pb.PauseCommand:
		return engine.VerbPause
	case *pb.CloseCommand:
		return engine.VerbClose
	case *pb.GetCommand:
		return engine.VerbGet
	case *pb.HoldCommand:
		return engine.VerbHold
	case *pb.ExtendCommand:
		return engine.VerbExtend
	case *pb.ReleaseCommand:
		return engine.VerbRelease
	case *pb.ConfirmCommand:
		return engine.VerbConfirm
	case *pb.OrderCommand:
		return engine.VerbOrder
	case *pb.OfferCommand:
		return engine.VerbOffer
	case *pb.BuyCommand:
		return engine.VerbBuy
	case *pb.PurchaseCommand:
		return engine.VerbPurchase
	case *pb.UndoCommand:
		return engine.VerbUndo
	case *pb.RefundCommand:
		return engine.VerbRefund
	case *pb.AdmitCommand:
		return engine.VerbAdmit
	case *pb.BlockCommand:
		return engine.VerbBlock
	case *pb.UnblockCommand:
		return engine.VerbUnblock
	case *pb.CapacityCommand:
		return engine.VerbCapacity
	case *pb.TouchCommand:
		return engine.VerbTouch
	case *pb.JoinCommand:
		return engine.VerbJoin
	case *pb.LeaveCommand:
		return engine.VerbLeave
	case *pb.PlaceCommand:
		return engine.VerbPlace
	case *pb.AbsentCommand:
		return engine.VerbAbsent
	case *pb.PresentCommand:
		return engine.VerbPresent
	}
	panic(fmt.Sprintf("fault: %T is no command", m))
}

// code is the code of a reply, "ok" for yes.
func code(r *pb.Reply) string {
	if e := r.GetError(); e != nil {
		return e.GetCode()
	}
	return engine.CodeOK.String()
}
