package engine

import (
	"encoding/binary"
	"strconv"
)

const (
	undoMsMax         = 600_000
	payMsMin          = 10_000
	payMsMax          = 3_600_000
	graceMsMax        = 3_600_000
	actionMsMin       = 10_000
	actionMsMax       = 3_600_000
	queueMsMin        = 1000
	queueMsMax        = 24 * 3600 * 1000
	offerTTLMsMin     = 1000
	offerTTLMsMax     = 24 * 3600 * 1000
	refundWindowMsMax = 365 * 24 * 3600 * 1000

	// OneClickEveryone is every buyer, in hundredths of a percent.
	OneClickEveryone = 10_000
)

// payNumber is a number of a PayPolicy, with its bounds and its default.
type payNumber struct {
	bit                   SpecFields
	name                  string
	at                    *int64
	given                 *bool // nil: 0 is not given
	least, most, standard int64
}

// numbers lists the numbers of a policy in the order in which they are written.
func (p *PayPolicy) numbers() [11]payNumber {
	return [...]payNumber{
		{SetUndo, "undo_ms", &p.UndoMs, &p.HasUndo, 0, undoMsMax, 10_000},
		{SetPay, "pay_ms", &p.PayMs, nil, payMsMin, payMsMax, 120_000},
		{SetGrace, "grace_ms", &p.GraceMs, nil, 1, graceMsMax, 60_000},
		{SetAction, "action_ms", &p.ActionMs, nil, actionMsMin, actionMsMax, 180_000},
		{SetRedirect, "redirect_ms", &p.RedirectMs, nil, actionMsMin, actionMsMax, 600_000},
		{SetQueue, "queue_ms", &p.QueueMs, nil, queueMsMin, queueMsMax, 900_000},
		{SetOfferTTL, "offer_ttl_ms", &p.OfferTTLMs, nil, offerTTLMsMin, offerTTLMsMax, 120_000},
		{SetLimitPerLinked, "limit_per_linked", &p.LimitPerLinked, nil, 0, LimitMax, 0},
		{SetRefundUntil, "refund_until", (*int64)(&p.RefundUntil), nil, 0, int64(instantMax), 0},
		{SetRefundWindow, "refund_window_ms", &p.RefundWindowMs, &p.HasRefundWindow, 0, refundWindowMsMax, 14 * 24 * 3600 * 1000},
		{SetOneClick, "one_click_share", &p.OneClickShare, &p.HasOneClickShare, 0, OneClickEveryone, OneClickEveryone},
	}
}

// fill puts defaults where nothing is given.
func (p *PayPolicy) fill() {
	for _, n := range p.numbers() {
		if *n.at == 0 && (n.given == nil || !*n.given) {
			*n.at = n.standard
		}
		if n.given != nil {
			*n.given = true
		}
	}
}

// standardPay is the policy of an event that was created without one.
func standardPay() (p PayPolicy) {
	p.fill()
	return p
}

// merge puts the fields of another policy that are in set into p.
func (p *PayPolicy) merge(from *PayPolicy, set SpecFields) {
	source := from.numbers()
	for i, n := range p.numbers() {
		if set&n.bit != 0 {
			*n.at = *source[i].at
			if n.given != nil {
				*n.given = true
			}
		}
	}
	if set&SetOneClick != 0 {
		p.OneClickOff = from.OneClickOff
	}
}

// pay checks a policy with its defaults filled in; one of which nothing is said has the defaults.
func (c *specCheck) pay(p *PayPolicy) bool {
	if *p == (PayPolicy{}) {
		return true
	}
	for _, n := range p.numbers() {
		if *n.at < n.least || *n.at > n.most {
			return c.bad(n.name, "it is "+strconv.FormatInt(n.least, 10)+" to "+strconv.FormatInt(n.most, 10))
		}
	}
	return true
}

// setPay has the bits of all fields of a policy.
const setPay = SetUndo | SetPay | SetGrace | SetAction | SetRedirect | SetQueue | SetOfferTTL | SetLimitPerLinked | SetRefundUntil | SetRefundWindow | SetOneClick

// saysPay reports whether the policy of a spec has to be written: the standard one has not, and what was written before there were policies reads as that.
func (s *EventSpec) saysPay() bool {
	return s.Pay != (PayPolicy{}) && (s.Set&setPay != 0 || s.Pay != standardPay())
}

// appendPay appends a policy: | numbers | flags: one-click off, undo given, refund window given, share given |
func appendPay(dst []byte, p *PayPolicy) []byte {
	flags, bit := byte(0), byte(2)
	if p.OneClickOff {
		flags = 1
	}
	for _, n := range p.numbers() {
		dst = binary.AppendVarint(dst, *n.at)
		if n.given != nil {
			if *n.given {
				flags |= bit
			}
			bit <<= 1
		}
	}
	return append(dst, flags)
}

func (d *decoder) pay() (p PayPolicy) {
	numbers := p.numbers()
	for _, n := range numbers {
		*n.at = d.signed()
	}
	flags, bit := d.byte(), byte(2)
	p.OneClickOff = flags&1 != 0
	for _, n := range numbers {
		if n.given != nil {
			*n.given = flags&bit != 0
			bit <<= 1
		}
	}
	if flags >= bit {
		d.fail("a policy with unknown flags")
	}
	return p
}
