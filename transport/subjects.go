package transport

import (
	"strings"

	"github.com/holdfast-engine/holdfast/engine"
)

// The subjects of the contract.
const (
	subjectPrefix = "holdfast.v1.events."
	// SubjectEvents is what the engine subscribes to: every verb of every event.
	SubjectEvents = subjectPrefix + "*.*"
	// SubjectList lists events.
	SubjectList = subjectPrefix + "list"
	// SubjectJWKS answers with the account's public keys, for who verifies codes of tickets.
	SubjectJWKS = "holdfast.v1.jwks"
	// VerbBatch is the last token of the subject of a batch. It is no verb of the engine: it carries commands.
	VerbBatch = "batch"
	// VerbBuyerBatch is the same for commands of buyers only. Rights in NATS are rights to subjects: who may send a batch of anything may close
	// an event, who may send this one may not.
	VerbBuyerBatch = "buyer_batch"
)

// SubjectPurchases returns the subject on which the changes of a buyer's purchases are published, as in holdfast.v1.purchases.e1.b1.
func SubjectPurchases(event, buyer string) string {
	return "holdfast.v1.purchases." + event + "." + buyer
}

// Subject returns the subject of a verb of an event, as in holdfast.v1.events.e1.hold.
func Subject(event, verb string) string { return subjectPrefix + event + "." + verb }

// verbBatch and verbBuyerBatch stand for batches among the engine's verbs, all of which are below them.
const (
	verbBatch      = engine.Verb(255)
	verbBuyerBatch = engine.Verb(254)
)

// isBatch reports whether a message with this verb carries several commands.
func isBatch(v engine.Verb) bool { return v >= verbBuyerBatch }

// ofBuyers reports whether a command may be in a batch of buyers' commands: what a shop does for its buyers, and looking at the event.
func ofBuyers(v engine.Verb) bool {
	switch v { //nolint:exhaustive // the others are the organiser's, the box office's or the shell's
	case engine.VerbHold, engine.VerbExtend, engine.VerbRelease, engine.VerbConfirm, engine.VerbOrder, engine.VerbGet,
		engine.VerbOffer, engine.VerbBuy, engine.VerbPurchase, engine.VerbComplete, engine.VerbUndo, engine.VerbTouch,
		engine.VerbJoin, engine.VerbLeave, engine.VerbPlace, engine.VerbAbsent, engine.VerbPresent, engine.VerbWait:
		return true
	}
	return false
}

// splitSubject takes a subject that [SubjectEvents] matched apart. A token may hold nearly anything: NATS lets wildcards and control
// characters through in what is published, so the event id is checked by the caller. verb is VerbNone if it is not one of the contract.
func splitSubject(subject string) (event string, verb engine.Verb) {
	rest, ok := strings.CutPrefix(subject, subjectPrefix)
	if !ok {
		return "", engine.VerbNone
	}
	dot := strings.IndexByte(rest, '.')
	if dot < 0 {
		return "", engine.VerbNone
	}
	return rest[:dot], verbNamed(rest[dot+1:])
}

// verbNamed returns the verb with a name on the wire.
func verbNamed(name string) engine.Verb {
	switch name {
	case "hold":
		return engine.VerbHold
	case VerbBatch:
		return verbBatch
	case VerbBuyerBatch:
		return verbBuyerBatch
	case "buy":
		return engine.VerbBuy
	case "offer":
		return engine.VerbOffer
	case "purchase":
		return engine.VerbPurchase
	case "confirm":
		return engine.VerbConfirm
	case "release":
		return engine.VerbRelease
	case "extend":
		return engine.VerbExtend
	case "get":
		return engine.VerbGet
	case "order":
		return engine.VerbOrder
	case "create":
		return engine.VerbCreate
	case "update":
		return engine.VerbUpdate
	case "open":
		return engine.VerbOpen
	case "pause":
		return engine.VerbPause
	case "close":
		return engine.VerbClose
	case "block":
		return engine.VerbBlock
	case "unblock":
		return engine.VerbUnblock
	case "capacity":
		return engine.VerbCapacity
	case "complete":
		return engine.VerbComplete
	case "undo":
		return engine.VerbUndo
	case "refund":
		return engine.VerbRefund
	case "admit":
		return engine.VerbAdmit
	case "reissue":
		return engine.VerbReissue
	case "cancel":
		return engine.VerbCancel
	case "one_click":
		return engine.VerbOneClick
	case "touch":
		return engine.VerbTouch
	case "join":
		return engine.VerbJoin
	case "leave":
		return engine.VerbLeave
	case "place":
		return engine.VerbPlace
	case "absent":
		return engine.VerbAbsent
	case "present":
		return engine.VerbPresent
	case "wait":
		return engine.VerbWait
	case "draw":
		return engine.VerbDraw
	case VerbHere:
		return verbHere
	case "codes":
		return engine.VerbCodes
	}
	return engine.VerbNone
}

// ReplyPrefixesDefault are what the subjects of answers begin with unless [Config] says otherwise: inboxes, also those of callers that have a prefix of
// their own, as in _INBOX_shop, so that nobody else may read them.
func ReplyPrefixesDefault() []string { return []string{"_INBOX.", "_INBOX_"} }

// replyAllowed reports whether the engine may publish an answer to a reply subject. Whoever sends a request chooses that subject, and the
// engine publishes there with its own rights: anything but an inbox would let a caller make the engine give orders.
func replyAllowed(subject string, prefixes []string) bool {
	if plantedBug(plantedReplyAnywhere) {
		return true
	}
	for _, p := range prefixes {
		if strings.HasPrefix(subject, p) {
			return plainTokens(subject[len(p):])
		}
	}
	return false
}

// plainTokens reports whether s is one or more tokens of printable ASCII without wildcards.
func plainTokens(s string) bool {
	empty := true
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '.':
			if empty {
				return false
			}
			empty = true
		case c == '*' || c == '>' || c <= ' ' || c > '~':
			return false
		default:
			empty = false
		}
	}
	return !empty
}
