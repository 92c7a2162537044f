package engine

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The checks of this file look at a command alone: what they refuse can never be right, whatever the state of the event. They come before
// the look-up of the request id, so nothing remembers their refusals.

// validID checks an id of a command, and sets the outcome if it is not one.
func (e *Event) validID(name, id string) bool {
	switch {
	case id == "":
		e.bad(name, "it is missing")
	case !ValidID(id):
		e.bad(name, "an id is 1 to 64 of A-Z a-z 0-9 _ -")
	case IsCardNumber(id):
		e.card(name)
	default:
		return true
	}
	return false
}

// card ends the step because a field looks like a card number. The number is not repeated anywhere.
func (e *Event) card(name string) {
	e.out.Code, e.out.Field, e.out.Text = CodeCardNumber, name, "this looks like a card number: send a reference that is none"
}

// validText checks free text for people.
func (e *Event) validText(name, text string, most int) bool {
	switch {
	case len(text) > most:
		e.bad(name, "it is longer than "+strconv.Itoa(most)+" bytes")
	case !utf8.ValidString(text):
		e.bad(name, "it is not UTF-8")
	case strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }):
		e.bad(name, "it has control characters")
	case ContainsCardNumber(text):
		e.card(name)
	default:
		return true
	}
	return false
}

// validRequest checks what every command of a caller has.
func (e *Event) validRequest(cmd *Command) bool {
	if !e.validID("request_id", cmd.RequestID) {
		return false
	}
	if cmd.Channel != "" && !e.validID("channel", cmd.Channel) {
		return false
	}
	if cmd.Device > DeviceKiosk {
		e.bad("device", "no such device")
		return false
	}
	return true
}

// validOwn checks a command on a buyer's hold.
func (e *Event) validOwn(cmd *Command) bool {
	if !e.validRequest(cmd) || !e.validID("buyer", cmd.Buyer) || !e.validID("hold", cmd.Hold) {
		return false
	}
	if cmd.Verb != VerbConfirm || cmd.PaymentRef == "" {
		return true
	}
	ref := cmd.PaymentRef
	if len(ref) > PaymentRefLenMax {
		e.bad("payment_ref", "it is longer than "+strconv.Itoa(PaymentRefLenMax)+" bytes")
		return false
	}
	for i := 0; i < len(ref); i++ {
		if ref[i] < ' ' || ref[i] > '~' {
			e.bad("payment_ref", "it is not printable ASCII")
			return false
		}
	}
	if IsCardNumber(ref) || ContainsCardNumber(ref) {
		e.card("payment_ref")
		return false
	}
	return true
}

// validHold checks a hold command.
func (e *Event) validHold(cmd *Command) bool {
	if !e.validRequest(cmd) || !e.validID("buyer", cmd.Buyer) {
		return false
	}
	switch {
	case len(cmd.Items) == 0:
		e.bad("items", "it is missing")
		return false
	case len(cmd.Items) > ItemsPerHoldMax:
		e.tooMany("items", ItemsPerHoldMax)
		return false
	case cmd.Fill > FillBestEffort:
		e.bad("fill", "it is all_or_nothing, at_least or best_effort")
		return false
	case cmd.Fill == FillAtLeast && cmd.AtLeast < 1:
		e.bad("at_least", "it is 1 or more")
		return false
	case cmd.Fill != FillAtLeast && cmd.AtLeast != 0:
		e.bad("at_least", "it goes with fill at_least only")
		return false
	case cmd.MaxPrice < 0:
		e.bad("max_price_minor", "it is below zero")
		return false
	case cmd.Line != nil && !e.validCode(cmd):
		return false
	}
	seats, sales := 0, int64(0)
	for i := range cmd.Items {
		it := &cmd.Items[i]
		if !ValidID(it.Lot) || IsCardNumber(it.Lot) {
			return e.validID(itemField(i, "lot"), it.Lot)
		}
		switch {
		case it.Quantity < 0:
			e.bad(itemField(i, "quantity"), "it is below zero")
			return false
		case it.Quantity == 0 && len(it.Seats) == 0:
			e.bad(itemField(i, "quantity"), "it is missing")
			return false
		case it.Quantity != 0 && len(it.Seats) != 0:
			e.bad(itemField(i, "quantity"), "it says a quantity and seats: give one of them")
			return false
		}
		if !e.validParty(it, i) {
			return false
		}
		if sales += min(it.Quantity, QuantityMax+1); sales > QuantityMax {
			e.tooMany(itemField(i, "quantity"), QuantityMax)
			return false
		}
		if seats += len(it.Seats); seats > SeatsPerHoldMax {
			e.tooMany(itemField(i, "seats"), SeatsPerHoldMax)
			return false
		}
		for j, label := range it.Seats {
			if !validSeat(label) {
				e.badSeat(itemField(i, "seats["+strconv.Itoa(j)+"]"), label)
				return false
			}
		}
	}
	if cmd.AtLeast > sales+int64(seats) {
		e.bad("at_least", "it is more than the items ask for")
		return false
	}
	return true
}

// validParty checks what an item says about the seats that the engine picks.
func (e *Event) validParty(it *Item, i int) bool {
	if it.Accessible|it.Companion == 0 && !it.Restricted && !it.Split {
		return true
	}
	switch {
	case len(it.Seats) > 0:
		e.bad(itemField(i, "seats"), "they are chosen: accessible, companion, restricted and split go with a quantity")
	case it.Accessible < 0 || it.Accessible > it.Quantity:
		e.bad(itemField(i, "accessible"), "it is 0 to the quantity")
	case it.Companion < 0 || it.Companion > it.Quantity-it.Accessible:
		e.bad(itemField(i, "companion"), "with accessible it is 0 to the quantity")
	case it.Companion > 0 && it.Accessible == 0:
		e.bad(itemField(i, "companion"), "companion seats go with accessible ones")
	case it.Accessible > 0 && it.Split:
		e.bad(itemField(i, "split"), "a party with accessible seats stays together: ask for the rest in another item")
	case it.Accessible > 0 && it.Quantity > AccessiblePartyMax:
		e.tooMany(itemField(i, "quantity"), AccessiblePartyMax)
	default:
		return true
	}
	return false
}

func itemField(i int, name string) string { return "items[" + strconv.Itoa(i) + "]." + name }

func wishField(i int, name string) string { return "wishes[" + strconv.Itoa(i) + "]." + name }

// tooMany ends the step because a list or number of a command is above its bound: no retry will make it right.
func (e *Event) tooMany(name string, most int64) {
	e.out.Code, e.out.Field, e.out.Have, e.out.Want = CodeInvalid, name, most, most+1
	e.out.Text = "it is above the bound of " + strconv.FormatInt(most, 10)
}

// validSeat reports whether a label can be a seat's: section/row/seat, ids that are no card numbers.
func validSeat(label string) bool {
	section, rest, ok := strings.Cut(label, "/")
	if !ok || !ValidID(section) || IsCardNumber(section) {
		return false
	}
	row, seat, ok := strings.Cut(rest, "/")
	if !ok || !ValidID(row) || IsCardNumber(row) {
		return false
	}
	return ok && validSeatLabel(seat)
}

// badSeat ends the step because a label is no seat's.
func (e *Event) badSeat(name, label string) {
	for part := range strings.SplitSeq(label, "/") {
		if IsCardNumber(part) {
			e.card(name)
			return
		}
	}
	e.bad(name, "a seat is section/row/seat, as in A/1/4")
}

// validBlock checks a block, unblock or capacity command.
func (e *Event) validBlock(cmd *Command) bool {
	if !e.validRequest(cmd) {
		return false
	}
	switch {
	case cmd.Lot == "" && cmd.Pool == "":
		e.bad("lot", "it is missing: name a lot or a pool")
		return false
	case cmd.Lot != "" && cmd.Pool != "":
		e.bad("pool", "it names a lot and a pool: give one of them")
		return false
	case cmd.Lot != "" && !e.validID("lot", cmd.Lot), cmd.Pool != "" && !e.validID("pool", cmd.Pool):
		return false
	}
	if cmd.Verb == VerbCapacity {
		switch {
		case len(cmd.Seats) != 0:
			e.bad("seats", "a capacity is a quantity")
			return false
		case cmd.Quantity < 0 || cmd.Quantity > CapacityMax:
			e.bad("quantity", "a capacity is 0 to "+strconv.Itoa(CapacityMax))
			return false
		}
		return true
	}
	switch {
	case cmd.Quantity < 0 || cmd.Quantity > CapacityMax:
		e.bad("quantity", "it is 1 to "+strconv.Itoa(CapacityMax))
		return false
	case cmd.Quantity == 0 && len(cmd.Seats) == 0:
		e.bad("quantity", "it is missing")
		return false
	case cmd.Quantity != 0 && len(cmd.Seats) != 0:
		e.bad("quantity", "it says a quantity and seats: give one of them")
		return false
	case cmd.Pool != "" && len(cmd.Seats) != 0:
		e.bad("seats", "a pool has no seats")
		return false
	case len(cmd.Seats) > SeatsPerBlockMax:
		e.tooMany("seats", SeatsPerBlockMax)
		return false
	}
	for i, label := range cmd.Seats {
		if !validSeat(label) {
			e.badSeat("seats["+strconv.Itoa(i)+"]", label)
			return false
		}
	}
	return true
}
