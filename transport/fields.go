package transport

import (
	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/measure"
	"github.com/holdfast-engine/holdfast/engine/wallet"
)

// The commands of the contract as tables: one line a field says its name in JSON, its number in protobuf and where it lands in an
// engine.Command. Both decoders run over the same tables, so the same command in JSON and in protobuf is the same command. A test holds
// the tables against the generated descriptors.

// kind is the type of a field on the wire.
type kind uint8

const (
	kindString kind = iota + 1
	kindInt         // int64
	kindBool
	kindTime     // google.protobuf.Timestamp, RFC 3339 in JSON
	kindStrings  // repeated string
	kindMessage  // a message: enter points the scope at its place
	kindMessages // repeated message
)

// field is one field of a message. Exactly one of the functions from str to enter is set, by kind.
type field struct {
	name string
	num  uint8
	kind kind
	// present says that an absent field and a zero one differ (optional in the schema).
	present bool

	str   func(*scope) *string
	word  func(*scope, string) bool // a string of a fixed list: false if it is not in the list
	words string                    // that list, for people
	num64 func(*scope) *int64
	flag  func(*scope) *bool
	at    func(*scope) *engine.Instant
	add   func(*decoder, *scope, string)
	enter func(*decoder, *scope)
	leave func(*decoder, *scope)
	sub   *message

	mark func(*scope) // notes that the field was given; with present also when it is zero
	most int64        // of a number: refused below 0 and above it, because its place holds no other; 0 is no such bound
	id   bool         // of a string: an id or nothing, because the shell reads it before the engine checks it
	list bool         // of a string: a list of short numbers with spaces between, which together may look like a card's
}

// message is one message of the contract.
type message struct {
	name   string // as in the schema
	fields []field
	byNum  [fieldNumberMax + 1]*field
}

// fieldNumberMax is the highest field number in a command.
const fieldNumberMax = 54

func newMessage(name string, fields ...field) *message {
	m := &message{name: name, fields: fields}
	for i := range m.fields {
		m.byNum[m.fields[i].num] = &m.fields[i]
	}
	return m
}

// scope is where the fields of the message being decoded land.
type scope struct {
	cmd  *engine.Command
	item *engine.Item
	spec *engine.EventSpec
	pool *engine.PoolSpec
	lot  *engine.LotSpec
	fee  *engine.Fee
	row  *engine.RowSpec

	track       *engine.TrackSpec
	wish        *engine.Wish
	code        *engine.CodeSpec
	codeHash    string // of code, in hexadecimal
	wishesFrom  int    // where the command's wishes begin in the arena
	entriesFrom int64  // of place

	touch       *engine.Touch
	touchesFrom int // where the command's touches begin in the arena

	requestID   string // of the command
	correlation string // of the command

	batchID          string
	batchCorrelation string

	after string // events.list
	limit int64

	wallet *wallet.Command // of a message for a buyer's wallet
	until  engine.Instant  // of agree

	admin *engine.AdminCommand // of an operator's message

	query *measure.Query // of an analyst's message

	decoder    *decoder       // whose memory takes payments
	contactAt  engine.Instant // of offer and buy
	generation int64          // of admit

	itemsFrom, seatsFrom, linksFrom int // where the command's items, the item's seats and the command's links begin in the arenas
}

// The fields that several commands share.

func requestIDField() field {
	return field{name: "request_id", num: 1, kind: kindString, str: func(s *scope) *string { return &s.requestID }}
}

func buyerField() field {
	return field{name: "buyer", num: 2, kind: kindString, str: func(s *scope) *string { return &s.cmd.Buyer }}
}

func channelField() field {
	return field{name: "channel", num: 3, kind: kindString, str: func(s *scope) *string { return &s.cmd.Channel }}
}

func deviceField() field {
	return field{name: "device", num: 4, kind: kindString, words: deviceWords, word: func(s *scope, w string) (ok bool) {
		s.cmd.Device, ok = deviceNamed(w)
		return ok
	}}
}

const deviceWords = "desktop, mobile, tablet, kiosk"

func deviceNamed(w string) (engine.Device, bool) {
	switch w {
	case "":
		return engine.DeviceUnknown, true
	case "desktop":
		return engine.DeviceDesktop, true
	case "mobile":
		return engine.DeviceMobile, true
	case "tablet":
		return engine.DeviceTablet, true
	case "kiosk":
		return engine.DeviceKiosk, true
	}
	return engine.DeviceUnknown, false
}

func correlationField() field {
	return field{name: "correlation", num: 15, kind: kindString, str: func(s *scope) *string { return &s.correlation }}
}

func holdField() field {
	return field{name: "hold", num: 5, kind: kindString, str: func(s *scope) *string { return &s.cmd.Hold }}
}

func lotField() field {
	return field{name: "lot", num: 5, kind: kindString, str: func(s *scope) *string { return &s.cmd.Lot }}
}

func poolField(num uint8) field {
	return field{name: "pool", num: num, kind: kindString, str: func(s *scope) *string { return &s.cmd.Pool }}
}

func quantityField() field {
	return field{name: "quantity", num: 6, kind: kindInt, num64: func(s *scope) *int64 { return &s.cmd.Quantity }}
}

func seatsField() field {
	return field{name: "seats", num: 7, kind: kindStrings, add: func(d *decoder, s *scope, seat string) {
		s.cmd.Seats = d.addSeat(s, seat)
	}}
}

func fillWord(s *scope, w string) bool {
	switch w {
	case "", "all_or_nothing":
		s.cmd.Fill = engine.FillAllOrNothing
	case "at_least":
		s.cmd.Fill = engine.FillAtLeast
	case "best_effort":
		s.cmd.Fill = engine.FillBestEffort
	default:
		return false
	}
	return true
}

var itemMessage = newMessage("Item",
	field{name: "lot", num: 1, kind: kindString, str: func(s *scope) *string { return &s.item.Lot }},
	field{name: "quantity", num: 2, kind: kindInt, num64: func(s *scope) *int64 { return &s.item.Quantity }},
	field{name: "seats", num: 3, kind: kindStrings, add: func(d *decoder, s *scope, seat string) {
		s.item.Seats = d.addSeat(s, seat)
	}},
	field{name: "accessible", num: 4, kind: kindInt, num64: func(s *scope) *int64 { return &s.item.Accessible }},
	field{name: "companion", num: 5, kind: kindInt, num64: func(s *scope) *int64 { return &s.item.Companion }},
	field{name: "restricted", num: 6, kind: kindBool, flag: func(s *scope) *bool { return &s.item.Restricted }},
	field{name: "split", num: 7, kind: kindBool, flag: func(s *scope) *bool { return &s.item.Split }},
)

var holdMessage = newMessage("HoldCommand",
	requestIDField(), buyerField(), channelField(), deviceField(),
	itemsField(),
	field{name: "fill", num: 6, kind: kindString, words: "all_or_nothing, at_least, best_effort", word: fillWord},
	field{name: "at_least", num: 7, kind: kindInt, num64: func(s *scope) *int64 { return &s.cmd.AtLeast }},
	maxPriceField(),
	linksField(9), codeField(10),
	correlationField(),
)

var extendMessage = newMessage("ExtendCommand",
	requestIDField(), buyerField(), channelField(), deviceField(), holdField(), correlationField())

var releaseMessage = newMessage("ReleaseCommand",
	requestIDField(), buyerField(), channelField(), deviceField(), holdField(), correlationField())

var confirmMessage = newMessage("ConfirmCommand",
	requestIDField(), buyerField(), channelField(), deviceField(), holdField(),
	field{name: "payment_ref", num: 6, kind: kindString, str: func(s *scope) *string { return &s.cmd.PaymentRef }},
	field{name: "box_office", num: 7, kind: kindBool, flag: func(s *scope) *bool { return &s.cmd.BoxOffice }},
	field{name: "late", num: 8, kind: kindBool, flag: func(s *scope) *bool { return &s.payment().Late }},
	field{name: "equal", num: 9, kind: kindBool, flag: func(s *scope) *bool { return &s.payment().Equal }},
	correlationField(),
)

var orderMessage = newMessage("OrderCommand",
	requestIDField(), buyerField(), orderField(), codesField(6), correlationField(),
)

var (
	openMessage  = newMessage("OpenCommand", requestIDField(), correlationField())
	pauseMessage = newMessage("PauseCommand", requestIDField(), correlationField())
	closeMessage = newMessage("CloseCommand", requestIDField(), correlationField())
	getMessage   = newMessage("GetCommand", requestIDField(), fairnessField(5), correlationField())
)

var blockMessage = newMessage("BlockCommand", requestIDField(), lotField(), quantityField(), seatsField(), poolField(8), correlationField())

var unblockMessage = newMessage("UnblockCommand", requestIDField(), lotField(), quantityField(), seatsField(), poolField(8), correlationField())

var capacityMessage = newMessage("CapacityCommand",
	requestIDField(), lotField(),
	poolField(6),
	field{name: "capacity", num: 7, kind: kindInt, num64: func(s *scope) *int64 { return &s.cmd.Quantity }},
	correlationField(),
)

var listMessage = newMessage("ListCommand",
	requestIDField(),
	field{name: "after", num: 5, kind: kindString, str: func(s *scope) *string { return &s.after }},
	field{name: "limit", num: 6, kind: kindInt, num64: func(s *scope) *int64 { return &s.limit }},
	correlationField(),
)

// commandMessages holds the message of every verb that callers may use; the others are nil.
var commandMessages = [engine.Verbs]*message{
	engine.VerbCreate:   createMessage,
	engine.VerbUpdate:   updateMessage,
	engine.VerbOpen:     openMessage,
	engine.VerbPause:    pauseMessage,
	engine.VerbClose:    closeMessage,
	engine.VerbGet:      getMessage,
	engine.VerbHold:     holdMessage,
	engine.VerbExtend:   extendMessage,
	engine.VerbRelease:  releaseMessage,
	engine.VerbConfirm:  confirmMessage,
	engine.VerbOrder:    orderMessage,
	engine.VerbBlock:    blockMessage,
	engine.VerbUnblock:  unblockMessage,
	engine.VerbCapacity: capacityMessage,
	engine.VerbOffer:    offerMessage,
	engine.VerbBuy:      buyMessage,
	engine.VerbPurchase: purchaseMessage,
	engine.VerbComplete: completeMessage,
	engine.VerbUndo:     undoMessage,
	engine.VerbRefund:   refundMessage,
	engine.VerbAdmit:    admitMessage,
	engine.VerbReissue:  reissueMessage,
	engine.VerbCancel:   cancelMessage,
	engine.VerbOneClick: oneClickMessage,
	engine.VerbTouch:    touchCommandMessage,
	engine.VerbJoin:     joinMessage,
	engine.VerbLeave:    leaveMessage,
	engine.VerbPlace:    placeMessage,
	engine.VerbAbsent:   absentMessage,
	engine.VerbPresent:  presentMessage,
	engine.VerbWait:     waitMessage,
	engine.VerbDraw:     drawMessage,
	engine.VerbCodes:    codesMessage,
}

// batchCommandMessage holds exactly one command, under its verb. The field number is the verb's own number.
var batchCommandMessage = func() *message {
	var fields []field
	for v, m := range commandMessages {
		if m == nil {
			continue
		}
		verb := engine.Verb(v)
		fields = append(fields, field{
			name: verb.String(), num: uint8(v), kind: kindMessage, sub: m,
			enter: func(d *decoder, s *scope) { d.enterVerb(s, verb) },
		})
	}
	return newMessage("BatchCommand", fields...)
}()

var batchMessage = newMessage("Batch",
	field{name: "request_id", num: 1, kind: kindString, str: func(s *scope) *string { return &s.batchID }},
	field{
		name: "commands", num: 2, kind: kindMessages, sub: batchCommandMessage,
		enter: (*decoder).enterCommand, leave: (*decoder).leaveCommand,
	},
	field{name: "correlation", num: 15, kind: kindString, str: func(s *scope) *string { return &s.batchCorrelation }},
)
