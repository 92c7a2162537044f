package engine

import (
	"encoding/binary"

	"github.com/holdfast-engine/holdfast/engine/payment"
)

// factBuying says that a hold is being paid: its clock stands still, and its purchase waits for its turn in the lane.
//
//	| 31 | asked | purchase | hold | offer | how | channel? | gateway | method | kind | can | agreement | return address? |
//
// how has the flow in bit 0, the device in 1-3, and whether a channel and a return address follow in 4 and 5.
type factBuying struct {
	asked
	purchase  PurchaseID
	hold      HoldID
	offer     OfferID
	flow      Flow
	device    Device
	channel   string
	gateway   string
	method    string
	kind      payment.MethodKind
	can       payment.Capabilities
	agreement string // version of the text under which the buyer is charged; only the log keeps it, for evidence
	url       string
}

const (
	buyingDeviceShift = 1
	buyingChannel     = 1 << 4
	buyingURL         = 1 << 5
)

func (f *factBuying) append(dst []byte) []byte {
	dst = f.asked.append(append(dst, byte(kindBuying)))
	dst = binary.AppendUvarint(dst, uint64(f.purchase))
	dst = binary.AppendUvarint(dst, uint64(f.hold))
	dst = binary.AppendUvarint(dst, uint64(f.offer))
	how := byte(f.flow) | byte(f.device)<<buyingDeviceShift
	if f.channel != "" {
		how |= buyingChannel
	}
	if f.url != "" {
		how |= buyingURL
	}
	if dst = append(dst, how); f.channel != "" {
		dst = appendString(dst, f.channel)
	}
	dst = append(appendString(appendString(dst, f.gateway), f.method), byte(f.kind), byte(f.can))
	if dst = appendString(dst, f.agreement); f.url != "" {
		dst = appendString(dst, f.url)
	}
	return dst
}

func (d *decoder) buying(f *factBuying) {
	d.caller(&f.asked)
	f.purchase, f.hold, f.offer = PurchaseID(d.int()), HoldID(d.uint(1<<stateShift-1)), OfferID(d.int())
	how := d.byte()
	f.flow, f.device = Flow(how&1), Device(how>>buyingDeviceShift&7)
	if f.device > DeviceKiosk || how >= buyingURL<<1 {
		d.fail("a purchase was asked for in an unknown way")
	}
	f.channel, f.url = "", ""
	if how&buyingChannel != 0 {
		f.channel = d.id()
	}
	f.gateway, f.method = d.idOrNone(), d.idOrNone()
	f.kind, f.can = payment.MethodKind(d.byte()), payment.Capabilities(d.byte())
	f.agreement = d.idOrNone()
	if how&buyingURL != 0 {
		if f.url = d.string(ReturnURLLenMax); f.url == "" {
			d.fail("a return address is empty")
		}
	}
}

// factIntended says that the lane is about to ask the gateway something, before the request leaves.
//
//	| 32 | purchase | operation | attempt | SHA-256 of the request, 32 bytes |
type factIntended struct {
	purchase  PurchaseID
	operation payment.Operation
	attempt   uint32
	hash      [32]byte
}

func (f *factIntended) append(dst []byte) []byte {
	dst = binary.AppendUvarint(append(dst, byte(kindIntended)), uint64(f.purchase))
	dst = binary.AppendUvarint(append(dst, byte(f.operation)), uint64(f.attempt))
	return append(dst, f.hash[:]...)
}

func (d *decoder) intended(f *factIntended) {
	f.purchase, f.operation, f.attempt = PurchaseID(d.int()), payment.Operation(d.byte()), uint32(d.uint(attemptsMax))
	d.hash(&f.hash)
}

// factSold says that a purchase was paid, or that nothing was due: its hold is an order. The buyer and the total are there for readers of the log that
// do not fold it.
//
//	| 33 | purchase | order | first ticket | charge | gateway's id of the charge | buyer | total |
type factSold struct {
	purchase PurchaseID
	order    OrderID
	ticket   TicketID
	charge   ChargeState // none, authorised or captured
	ref      string
	buyer    string
	total    int64
}

func (f *factSold) append(dst []byte) []byte {
	dst = binary.AppendUvarint(append(dst, byte(kindSold)), uint64(f.purchase))
	dst = binary.AppendUvarint(dst, uint64(f.order))
	dst = binary.AppendUvarint(dst, uint64(f.ticket))
	dst = appendString(appendString(append(dst, byte(f.charge)), f.ref), f.buyer)
	return binary.AppendUvarint(dst, uint64(f.total))
}

func (d *decoder) sold(f *factSold) {
	f.purchase, f.order, f.ticket = PurchaseID(d.int()), OrderID(d.int()), TicketID(d.int())
	f.charge, f.ref, f.buyer, f.total = ChargeState(d.byte()), d.string(PaymentRefLenMax), d.id(), d.int()
}

// factDeclined says that a charge was declined. After a soft decline the hold lives on; with a life of 0 it has ended.
//
//	| 34 | purchase | decline | soft | life of the hold from now, ns |
type factDeclined struct {
	purchase PurchaseID
	decline  payment.Decline
	soft     bool
	life     int64
}

func (f *factDeclined) append(dst []byte) []byte {
	dst = binary.AppendUvarint(append(dst, byte(kindDeclined)), uint64(f.purchase))
	return binary.AppendUvarint(appendBool(append(dst, byte(f.decline)), f.soft), uint64(f.life))
}

func (d *decoder) declined(f *factDeclined) {
	f.purchase, f.decline, f.soft, f.life = PurchaseID(d.int()), payment.Decline(d.byte()), d.bool(), d.int()
}

// factPaid moves a purchase that is under way, or its charge, to another state. What it needs beside follows from the state of the purchase and the
// event's policy.
//
//	| 35 | purchase | step | flags: money taken, tried again later, another amount | gateway's id of the charge, empty if it is as it was | amount, currency? |
//
// The amount is what the gateway has, if it is another than was asked or in another currency; the currency is empty if it is the event's.
type factPaid struct {
	purchase PurchaseID
	step     payStep
	taken    bool
	waits    bool
	ref      string
	there    int64 // 0: what was asked
	in       string
}

// payStep says what became of a purchase or of its charge. The numbers are part of the log's format.
type payStep uint8

const (
	stepAction        payStep = 1  // the buyer has to authenticate
	stepCancelling    payStep = 2  // its time is over: the gateway is asked to end it
	stepStuck         payStep = 3  // nobody knows for a day
	stepReleased      payStep = 4  // it is given up: nothing was charged
	stepCapturing     payStep = 5  // the time to undo is over, or it is tried again
	stepCaptured      payStep = 6  // the money is taken
	stepCaptureFailed payStep = 7  // it cannot be taken
	stepVoiding       payStep = 8  // the money is to be let go, or given back
	stepVoided        payStep = 9  // it is
	stepsEnd          payStep = 10 // the first that there is not
)

//nolint:gochecknoglobals // a constant table: Go has no constant arrays
var payStepNames = [stepsEnd]string{
	"", "action_required", "cancelling", "stuck", "released", "capturing", "captured", "capture_failed", "voiding", "voided",
}

func (s payStep) String() string {
	if s < stepsEnd {
		return payStepNames[s]
	}
	return "unknown"
}

const (
	paidTaken = 1 << iota
	paidWaits
	paidOther
	paidUnknown // of flags: above all that there are
)

func (f *factPaid) append(dst []byte) []byte {
	dst = binary.AppendUvarint(append(dst, byte(kindPaid)), uint64(f.purchase))
	flags := byte(0)
	if f.taken {
		flags |= paidTaken
	}
	if f.waits {
		flags |= paidWaits
	}
	if f.there == 0 {
		return appendString(append(dst, byte(f.step), flags), f.ref)
	}
	dst = appendString(append(dst, byte(f.step), flags|paidOther), f.ref)
	return appendString(binary.AppendUvarint(dst, uint64(f.there)), f.in)
}

func (d *decoder) paid(f *factPaid) {
	f.purchase, f.step = PurchaseID(d.int()), payStep(d.byte())
	flags := d.byte()
	f.taken, f.waits, f.ref = flags&paidTaken != 0, flags&paidWaits != 0, d.string(PaymentRefLenMax)
	if f.step == 0 || f.step >= stepsEnd || flags >= paidUnknown {
		d.fail("an unknown step of a payment")
	}
	if f.there, f.in = 0, ""; flags&paidOther != 0 {
		if f.there, f.in = d.int(), d.idOrNone(); f.there == 0 {
			d.fail("another amount that is none")
		}
	}
}
