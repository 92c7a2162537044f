package actors

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
)

// Wallets is what offers, buys and charges need of the buyers' wallets. Its methods are safe for concurrent use.
type Wallets interface {
	// Annotate fills in the wallet's part of the note of an offer, a buy, or a wait that is to end in a purchase. It never refuses, and waits for nobody; for an
	// offer it may read what a button shows from the vault.
	Annotate(account string, cmd *engine.Command)
	// Method reads a saved method with its secrets, which go to the gateway and nowhere else. [ErrNoMethod] says that there is none any more.
	Method(account, buyer, method string) (payment.Method, error)
}

// ErrNoMethod is the answer of Wallets to the question for a method that the buyer does not have.
var ErrNoMethod = errors.New("actors: the buyer has no such method of payment")

// noWallets is a node's wallets where there are none.
type noWallets struct{}

// Annotate implements Wallets.
func (noWallets) Annotate(_ string, cmd *engine.Command) {
	cmd.Payment.Note.Eligible, cmd.Payment.Note.MethodWhy = engine.EligibleUnknown, engine.EligibleUnknown
}

// Method implements Wallets.
func (noWallets) Method(string, string, string) (payment.Method, error) {
	return payment.Method{}, ErrNoMethod
}

// annotate adds to offers and buys, before they reach their event, what the event cannot know: the buyer's wallet, the node's settings, and whether the lane
// has room. It is no part of the request: a repeat is answered without a look at it. It reports whether there was anything to annotate.
func (n *Node) annotate(req *engine.Request) (annotated bool) {
	for i := range req.Commands {
		cmd := &req.Commands[i]
		if cmd.Payment == nil {
			if !isAutoBuy(cmd) {
				continue
			}
			cmd.Payment = new(engine.PaymentCommand)
		}
		note := &cmd.Payment.Note
		switch cmd.Verb { //nolint:exhaustive // the others are not annotated
		case engine.VerbHold, engine.VerbJoin:
			*note = engine.Annotation{}
			n.link(req, cmd)
			continue
		case engine.VerbWait:
			*note = engine.Annotation{}
			if isAutoBuy(cmd) {
				n.cfg.Wallets.Annotate(req.Account, cmd)
			}
			n.link(req, cmd)
			continue
		case engine.VerbOffer, engine.VerbBuy:
		default:
			continue
		}
		*note = engine.Annotation{}
		n.cfg.Wallets.Annotate(req.Account, cmd)
		n.link(req, cmd)
		set := n.oneClick.Load()
		note.OneClickOn, note.OneClickShare = set.on, set.share
		note.Bucket = n.bucket(req.Account, cmd.Buyer)
		n.payments.noteLane(cmd)
		annotated = true
	}
	return annotated
}

// isAutoBuy reports whether a command asks that what comes up later is bought for its buyer.
func isAutoBuy(cmd *engine.Command) bool {
	return cmd.Verb == engine.VerbWait && cmd.Line != nil && cmd.Line.AutoBuy
}

// unannotate takes back what annotate has counted: the request does not reach its event.
func (n *Node) unannotate(req *engine.Request) {
	for i := range req.Commands {
		if cmd := &req.Commands[i]; cmd.Verb == engine.VerbBuy {
			n.payments.comesNot(cmd)
		}
	}
}

// bucket is a buyer's place among all buyers, 0 to 9,999: a hash that nobody can tell who does not know the installation. It never changes, so that whoever
// is in stays in when the share grows.
func (n *Node) bucket(account, buyer string) uint16 {
	var text [4 * engine.IDLenMax]byte
	sum := sha256.Sum256(append(append(append(append(append(text[:0], n.cfg.Installation...), 0), account...), 0), buyer...))
	return uint16(binary.LittleEndian.Uint64(sum[:]) % engine.AllBuyers)
}
