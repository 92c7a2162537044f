package transport

import (
	"math"
	"strconv"

	"github.com/holdfast-engine/holdfast/engine"
)

// The tables of one-click checkout: offers, purchases, and what becomes of orders and tickets. Their fields land in the command's
// PaymentCommand, which lives in the decoder's own memory like the items.

// payment is the PaymentCommand of the command being decoded, made on first use: most commands have none.
func (s *scope) payment() *engine.PaymentCommand {
	if s.cmd.Payment == nil {
		s.cmd.Payment = s.decoder.newPayment()
	}
	return s.cmd.Payment
}

// newPayment returns an empty PaymentCommand. Those given out before stay where they are when the arena grows.
func (d *decoder) newPayment() *engine.PaymentCommand {
	if len(d.payments) == cap(d.payments) {
		d.payments = make([]engine.PaymentCommand, 0, min(max(1, 2*cap(d.payments)), pooledPaymentsMax))
	}
	d.payments = append(d.payments, engine.PaymentCommand{})
	return &d.payments[len(d.payments)-1]
}

// dropEmptyPayment makes a command that said nothing about payments one without a PaymentCommand, whatever the spelling: a false that is written
// out is the same as none.
func dropEmptyPayment(c *engine.Command) {
	p := c.Payment
	if p == nil {
		return
	}
	switch c.Verb { //nolint:exhaustive // the other verbs have one always, or never
	case engine.VerbHold, engine.VerbConfirm, engine.VerbOrder, engine.VerbJoin:
		if !p.Late && !p.Equal && !p.Codes && len(p.Links) == 0 {
			c.Payment = nil
		}
	}
}

// paying reports whether commands with this verb always have a PaymentCommand.
func paying(v engine.Verb) bool {
	return v >= engine.VerbOffer && v <= engine.VerbOneClick || v == engine.VerbWait // which may buy by itself
}

func itemsField() field {
	return field{name: "items", num: 5, kind: kindMessages, sub: itemMessage, enter: (*decoder).enterItem}
}

func maxPriceField() field {
	return field{
		name: "max_price_minor", num: 8, kind: kindInt, present: true,
		num64: func(s *scope) *int64 { return &s.cmd.MaxPrice },
		mark:  func(s *scope) { s.cmd.HasMaxPrice = true },
	}
}

func orderField() field {
	return field{name: "order", num: 5, kind: kindString, str: func(s *scope) *string { return &s.cmd.Order }}
}

func purchaseField() field {
	return field{name: "purchase", num: 5, kind: kindString, str: func(s *scope) *string { return &s.payment().Purchase }}
}

func ticketField() field {
	return field{name: "ticket", num: 5, kind: kindString, str: func(s *scope) *string { return &s.payment().Ticket }}
}

func reasonField(num uint8) field {
	return field{name: "reason", num: num, kind: kindString, str: func(s *scope) *string { return &s.payment().Reason }}
}

func codesField(num uint8) field {
	return field{name: "codes", num: num, kind: kindBool, flag: func(s *scope) *bool { return &s.payment().Codes }}
}

func methodField(num uint8) field {
	return field{id: true, name: "method", num: num, kind: kindString, str: func(s *scope) *string { return &s.payment().Method }}
}

func deviceIDField(num uint8) field {
	return field{id: true, name: "device_id", num: num, kind: kindString, str: func(s *scope) *string { return &s.payment().DeviceID }}
}

func contactField(num uint8) field {
	return field{
		name: "contact_changed_at", num: num, kind: kindTime, present: true, at: func(s *scope) *engine.Instant { return &s.contactAt },
		mark: func(s *scope) { s.payment().ContactAtMs = int64(s.contactAt) / 1e6 },
	}
}

func linksField(num uint8) field {
	return field{name: "links", num: num, kind: kindStrings, add: func(d *decoder, s *scope, v string) {
		if len(d.links)-s.linksFrom == LinksPerCommandMax {
			d.fail(engine.CodeTooLarge, "links", "a command names at most "+strconv.Itoa(LinksPerCommandMax)+" links")
			return
		}
		if !engine.ValidID(v) {
			d.fail(engine.CodeInvalid, indexed("links", len(d.links)-s.linksFrom), "a link is an id: 1 to 64 of A-Z a-z 0-9 _ -, such as a hash in hexadecimal")
			return
		}
		d.links = append(d.links, v)
		n := len(d.links)
		s.payment().Links = d.links[s.linksFrom:n:n]
	}}
}

var offerMessage = newMessage("OfferCommand",
	requestIDField(), buyerField(), channelField(), deviceField(), itemsField(), methodField(6), deviceIDField(7), contactField(8), linksField(9),
	codeField(10), correlationField())

var buyMessage = newMessage("BuyCommand",
	requestIDField(), buyerField(), channelField(), deviceField(), itemsField(),
	field{id: true, name: "offer", num: 6, kind: kindString, str: func(s *scope) *string { return &s.payment().Offer }},
	methodField(7), maxPriceField(),
	field{name: "hold", num: 9, kind: kindString, str: func(s *scope) *string { return &s.cmd.Hold }},
	field{
		name: "wait_ms", num: 10, kind: kindInt, present: true, most: WaitMsMax,
		num64: func(s *scope) *int64 { return &s.payment().WaitMs },
		mark:  func(s *scope) { s.payment().HasWait = true },
	},
	field{name: "again", num: 11, kind: kindBool, flag: func(s *scope) *bool { return &s.payment().Again }},
	field{name: "return_url", num: 12, kind: kindString, str: func(s *scope) *string { return &s.payment().ReturnURL }},
	deviceIDField(13), contactField(14), correlationField(), linksField(16), codesField(17),
	field{name: "wait", num: 18, kind: kindBool, flag: func(s *scope) *bool { return &s.line().Wait }}, codeField(19),
)

var purchaseMessage = newMessage("PurchaseCommand", requestIDField(), buyerField(), purchaseField(), codesField(6), correlationField())

var completeMessage = newMessage("CompleteCommand",
	requestIDField(), buyerField(), channelField(), deviceField(), purchaseField(), correlationField())

var undoMessage = newMessage("UndoCommand",
	requestIDField(), buyerField(), channelField(), deviceField(), purchaseField(), correlationField())

var refundMessage = newMessage("RefundCommand",
	requestIDField(), buyerField(), channelField(), orderField(),
	field{name: "tickets", num: 6, kind: kindStrings, add: func(d *decoder, s *scope, v string) {
		if len(s.payment().Tickets) == SeatsPerCommandMax {
			d.fail(engine.CodeTooLarge, "tickets", "a command names at most "+strconv.Itoa(SeatsPerCommandMax)+" tickets")
			return
		}
		s.payment().Tickets = d.addSeat(s, v)
	}},
	field{
		name: "amount_minor", num: 7, kind: kindInt, present: true,
		num64: func(s *scope) *int64 { return &s.payment().AmountMinor },
		mark:  func(s *scope) { s.payment().HasAmount = true },
	},
	field{name: "keep_fees", num: 8, kind: kindBool, flag: func(s *scope) *bool { return &s.payment().KeepFees }},
	field{name: "block", num: 9, kind: kindBool, flag: func(s *scope) *bool { return &s.payment().Block }},
	field{name: "by_buyer", num: 10, kind: kindBool, flag: func(s *scope) *bool { return &s.payment().ByBuyer }},
	reasonField(11),
	field{name: "refund", num: 12, kind: kindString, str: func(s *scope) *string { return &s.payment().FailedRefund }},
	correlationField(),
)

var admitMessage = newMessage("AdmitCommand",
	requestIDField(), ticketField(),
	field{
		name: "generation", num: 6, kind: kindInt, most: math.MaxUint32, num64: func(s *scope) *int64 { return &s.generation },
		mark: func(s *scope) { s.payment().Code = uint32(s.generation) },
	},
	field{name: "gate", num: 7, kind: kindString, str: func(s *scope) *string { return &s.payment().Gate }},
	correlationField(),
)

var reissueMessage = newMessage("ReissueCommand", requestIDField(), buyerField(), ticketField(), correlationField())

var cancelMessage = newMessage("CancelCommand", requestIDField(), reasonField(5), correlationField())

var oneClickMessage = newMessage("OneClickCommand",
	requestIDField(),
	field{
		name: "on", num: 5, kind: kindBool, present: true, flag: func(s *scope) *bool { return &s.payment().On },
		mark: func(s *scope) { s.payment().HasOn = true },
	},
	field{
		name: "share", num: 6, kind: kindInt, present: true, num64: func(s *scope) *int64 { return &s.payment().PercentShare },
		mark: func(s *scope) { s.payment().HasShare = true },
	},
	correlationField(),
)

// policyFields are the fields of create and update about payments.
func policyFields(update bool) []field {
	number := func(name string, num uint8, bit engine.SpecFields, num64 func(*engine.PayPolicy) *int64) field {
		return field{
			name: name, num: num, kind: kindInt, present: update,
			num64: func(s *scope) *int64 { return num64(&s.spec.Pay) }, mark: markSpec(bit),
		}
	}
	// given is a number whose zero differs from its absence, also in create.
	given := func(name string, num uint8, bit engine.SpecFields, num64 func(*engine.PayPolicy) *int64, has func(*engine.PayPolicy) *bool) field {
		f := number(name, num, bit, num64)
		f.present = true
		f.mark = func(s *scope) {
			*has(&s.spec.Pay) = true
			markSpec(bit)(s)
		}
		return f
	}
	return []field{
		given("undo_ms", 40, engine.SetUndo,
			func(p *engine.PayPolicy) *int64 { return &p.UndoMs }, func(p *engine.PayPolicy) *bool { return &p.HasUndo }),
		number("pay_ms", 41, engine.SetPay, func(p *engine.PayPolicy) *int64 { return &p.PayMs }),
		number("grace_ms", 42, engine.SetGrace, func(p *engine.PayPolicy) *int64 { return &p.GraceMs }),
		number("action_ms", 43, engine.SetAction, func(p *engine.PayPolicy) *int64 { return &p.ActionMs }),
		number("redirect_ms", 44, engine.SetRedirect, func(p *engine.PayPolicy) *int64 { return &p.RedirectMs }),
		number("queue_ms", 45, engine.SetQueue, func(p *engine.PayPolicy) *int64 { return &p.QueueMs }),
		number("offer_ttl_ms", 46, engine.SetOfferTTL, func(p *engine.PayPolicy) *int64 { return &p.OfferTTLMs }),
		number("limit_per_linked", 47, engine.SetLimitPerLinked, func(p *engine.PayPolicy) *int64 { return &p.LimitPerLinked }),
		{
			name: "refund_until", num: 48, kind: kindTime, present: true,
			at: func(s *scope) *engine.Instant { return &s.spec.Pay.RefundUntil }, mark: markSpec(engine.SetRefundUntil),
		},
		given("refund_window_ms", 49, engine.SetRefundWindow,
			func(p *engine.PayPolicy) *int64 { return &p.RefundWindowMs }, func(p *engine.PayPolicy) *bool { return &p.HasRefundWindow }),
		{
			name: "one_click_off", num: 50, kind: kindBool, present: update,
			flag: func(s *scope) *bool { return &s.spec.Pay.OneClickOff }, mark: markSpec(engine.SetOneClick),
		},
		given("one_click_share", 51, engine.SetOneClick,
			func(p *engine.PayPolicy) *int64 { return &p.OneClickShare }, func(p *engine.PayPolicy) *bool { return &p.HasOneClickShare }),
	}
}
