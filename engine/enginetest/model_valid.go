package enginetest

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/holdfast-engine/holdfast/engine"
)

// invalid adds what can never be right in a command, whatever the event.
func (m *Model) invalid(cmd *engine.Command) {
	r := &m.bad
	if !cmd.Verb.IsRead() {
		m.id("request_id", cmd.RequestID)
		if cmd.Channel != "" {
			m.id("channel", cmd.Channel)
		}
		r.addIf(cmd.Device > engine.DeviceKiosk, engine.CodeInvalid, "device")
	}
	switch cmd.Verb {
	case engine.VerbCreate, engine.VerbUpdate:
		r.addIf(cmd.Spec == nil, engine.CodeInvalid, "event")
		if cmd.Verb == engine.VerbCreate && cmd.Spec != nil {
			(&Model{limits: m.limits, said: m.said}).invalidSpec(cmd.Spec, r)
		}
	case engine.VerbCodes:
		m.invalidCodes(cmd)
	case engine.VerbHold:
		m.id("buyer", cmd.Buyer)
		m.invalidCode(cmd)
		m.invalidHold(cmd)
	case engine.VerbExtend, engine.VerbRelease, engine.VerbConfirm:
		m.id("buyer", cmd.Buyer)
		m.id("hold", cmd.Hold)
		if cmd.Verb == engine.VerbConfirm {
			r.addIf(!printable(cmd.PaymentRef) || len(cmd.PaymentRef) > engine.PaymentRefLenMax, engine.CodeInvalid, "payment_ref")
			r.addIf(engine.IsCardNumber(cmd.PaymentRef) || engine.ContainsCardNumber(cmd.PaymentRef), engine.CodeCardNumber, "payment_ref")
		}
	case engine.VerbOrder:
		if cmd.Buyer != "" {
			m.id("buyer", cmd.Buyer)
		}
		m.id("order", cmd.Order)
	case engine.VerbAdmit, engine.VerbReissue:
		m.invalidTicket(cmd)
	case engine.VerbRefund:
		m.invalidRefund(cmd)
	case engine.VerbCancel:
		if cmd.Payment != nil && cmd.Payment.Reason != "" {
			m.id("reason", cmd.Payment.Reason)
		}
	case engine.VerbBlock, engine.VerbUnblock, engine.VerbCapacity:
		m.invalidPlace(cmd)
	case engine.VerbWait:
		m.invalidWait(cmd)
	case engine.VerbJoin, engine.VerbLeave, engine.VerbPlace, engine.VerbAbsent, engine.VerbPresent, engine.VerbDraw:
		m.invalidLine(cmd)
	}
}

// id adds what is wrong with an id.
func (m *Model) id(field, id string) {
	m.bad.addIf(!engine.ValidID(id), engine.CodeInvalid, field)
	m.bad.addIf(engine.IsCardNumber(id), engine.CodeCardNumber, field)
}

// text adds what is wrong with text for people: too long, no UTF-8, control characters, a card number.
func (m *Model) text(field, s string, lenMax int) {
	control := func(c rune) bool { return unicode.IsControl(c) || unicode.Is(unicode.Bidi_Control, c) }
	m.bad.addIf(!utf8.ValidString(s) || len(s) > lenMax || strings.ContainsFunc(s, control), engine.CodeInvalid, field)
	m.bad.addIf(engine.ContainsCardNumber(s), engine.CodeCardNumber, field)
}

func (m *Model) invalidHold(cmd *engine.Command) {
	r := &m.bad
	r.addIf(len(cmd.Items) == 0 || len(cmd.Items) > engine.ItemsPerHoldMax, engine.CodeInvalid, "items")
	sales, seats := int64(0), 0
	for i, item := range cmd.Items {
		field := fmt.Sprintf("items[%d].", i)
		m.id(field+"lot", item.Lot)
		r.addIf(item.Quantity < 0, engine.CodeInvalid, field+"quantity")
		r.addIf((item.Quantity == 0) == (len(item.Seats) == 0), engine.CodeInvalid, field+"quantity")
		sales += min(max(0, item.Quantity), engine.QuantityMax+1)
		r.addIf(sales > engine.QuantityMax, engine.CodeInvalid, field+"quantity")
		m.invalidParty(item, field)
		seats += len(item.Seats)
		r.addIf(seats > engine.SeatsPerHoldMax, engine.CodeInvalid, field+"seats")
		for j, label := range item.Seats {
			m.seat(fmt.Sprintf("%sseats[%d]", field, j), label)
		}
	}
	r.addIf(cmd.Fill > engine.FillBestEffort, engine.CodeInvalid, "fill")
	r.addIf(cmd.Fill == engine.FillAtLeast && cmd.AtLeast < 1, engine.CodeInvalid, "at_least")
	r.addIf(cmd.Fill != engine.FillAtLeast && cmd.AtLeast != 0, engine.CodeInvalid, "at_least")
	r.addIf(cmd.AtLeast > sales+int64(seats), engine.CodeInvalid, "at_least")
	r.addIf(cmd.MaxPrice < 0, engine.CodeInvalid, "max_price_minor")
}

// invalidParty adds what is wrong with what an item says about seats that are to be picked.
func (m *Model) invalidParty(it engine.Item, field string) {
	r := &m.bad
	r.addIf(special(it) && len(it.Seats) > 0, engine.CodeInvalid, field+"seats")
	r.addIf(it.Accessible < 0 || it.Accessible > it.Quantity, engine.CodeInvalid, field+"accessible")
	r.addIf(it.Companion < 0 || it.Companion > it.Quantity-it.Accessible, engine.CodeInvalid, field+"companion")
	r.addIf(it.Companion > 0 && it.Accessible == 0, engine.CodeInvalid, field+"companion")
	r.addIf(it.Accessible > 0 && it.Split, engine.CodeInvalid, field+"split")
	r.addIf(it.Accessible > 0 && it.Quantity > engine.AccessiblePartyMax, engine.CodeInvalid, field+"quantity")
}

func (m *Model) invalidPlace(cmd *engine.Command) {
	r := &m.bad
	switch {
	case cmd.Lot != "" && cmd.Pool != "":
		r.add(engine.CodeInvalid, "pool")
	case cmd.Pool != "":
		m.id("pool", cmd.Pool)
		r.addIf(len(cmd.Seats) > 0, engine.CodeInvalid, "seats")
	default:
		m.id("lot", cmd.Lot)
	}
	r.addIf(cmd.Quantity < 0 || cmd.Quantity > engine.CapacityMax, engine.CodeInvalid, "quantity")
	if cmd.Verb == engine.VerbCapacity {
		r.addIf(len(cmd.Seats) > 0, engine.CodeInvalid, "seats")
		return
	}
	r.addIf((cmd.Quantity == 0) == (len(cmd.Seats) == 0), engine.CodeInvalid, "quantity")
	r.addIf(len(cmd.Seats) > engine.SeatsPerBlockMax, engine.CodeInvalid, "seats")
	for j, label := range cmd.Seats {
		m.seat(fmt.Sprintf("seats[%d]", j), label)
	}
}

// seat adds what is wrong with the label of a seat.
func (m *Model) seat(field, label string) {
	m.bad.addIf(!validSeat(label), engine.CodeInvalid, field)
	m.bad.addIf(slices.ContainsFunc(strings.Split(label, "/"), engine.IsCardNumber), engine.CodeCardNumber, field)
}

// validSeat reports whether a label can be a seat's: an id, an id and a short id without hyphens, with slashes between.
func validSeat(label string) bool {
	parts := strings.Split(label, "/")
	if len(parts) != 3 || !engine.ValidID(parts[0]) || !engine.ValidID(parts[1]) {
		return false
	}
	return len(parts[2]) <= 16 && engine.ValidID(parts[2]) && !strings.Contains(parts[2], "-")
}

// printable reports whether s is printable ASCII.
func printable(s string) bool {
	return !slices.ContainsFunc([]byte(s), func(c byte) bool { return c < ' ' || c > '~' })
}
